//! What a response takes over from its request (RFC 3261 section 8.2.6), and where it goes (RFC 3581).

use std::net::SocketAddr;

use super::Endpoint;
use crate::sip::message::{Headers, Request, Response, Via};

/// Notes in the top Via where the request came from. We always answer there: behind a NAT nothing else arrives.
pub(crate) fn note_source(request: &mut Request, source: SocketAddr) {
    let Some(first) = request.headers.get("Via") else {
        return;
    };
    let mut elements: Vec<String> = Headers::new()
        .with("Via", first)
        .elements("Via")
        .into_iter()
        .map(str::to_owned)
        .collect();
    let Some(mut via) = elements.first().and_then(|top| Via::parse(top)) else {
        return;
    };
    via.params.set("received", source.ip().to_string());
    if via.params.get("rport").is_some() {
        via.params.set("rport", source.port().to_string());
    }
    elements[0] = format!("SIP/2.0/{} {}{}", via.transport, via.sent_by, via.params);
    request.headers.set("Via", elements.join(", "));
}

/// The headers of a response without a To tag of ours.
pub(super) fn template(request: &Request) -> Headers {
    let mut headers = Headers::new();
    for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
        for value in request.headers.all(name) {
            headers.push(name, value);
        }
    }
    headers
}

/// Adds our tag to To when it has none.
pub(super) fn tag_to(headers: &mut Headers, tag: &str) {
    let tagged = headers.get("To").map(|to| {
        let has_tag = crate::sip::message::NameAddr::parse(to).is_some_and(|to| to.tag().is_some());
        if has_tag {
            to.to_owned()
        } else {
            format!("{to};tag={tag}")
        }
    });
    if let Some(tagged) = tagged {
        headers.set("To", tagged);
    }
}

impl Endpoint {
    /// Answers without keeping anything: for requests that are turned away before they may cost more.
    pub fn reply(&mut self, request: &Request, source: SocketAddr, status: u16, extra: &Headers) {
        let mut noted = Request {
            method: request.method.clone(),
            uri: request.uri.clone(),
            headers: template(request),
            body: Vec::new(),
        };
        note_source(&mut noted, source);
        let mut headers = noted.headers;
        headers.remove("Record-Route");
        let name = format!(
            "{}{}",
            headers.get("Via").unwrap_or(""),
            headers.get("Call-ID").unwrap_or("")
        );
        tag_to(&mut headers, &self.tokens.derived(&name));
        for header in extra.iter() {
            headers.push(&header.name, header.value.clone());
        }
        headers.push("Server", self.identity.product);
        let response = Response {
            headers,
            ..Response::new(status)
        };
        self.send(source, response.to_bytes().into());
    }
}
