//! Dialogs (RFC 3261 section 12): the peer-to-peer relation that requests inside a call share.

use std::net::SocketAddr;

use crate::sip::message::{Basics, Headers, Method, NameAddr, Request, Response, Uri};

/// Where requests inside a call go when no route is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the peer's Contact, unless that is a private address seen from a public one or a name: then to the source
    /// of its last message.
    Contact,
    /// Always to the source of the peer's last message: a phone, possibly behind a NAT.
    Source,
}

/// One dialog, with everything needed to speak in it.
#[derive(Clone, Debug)]
pub(super) struct Dialog {
    pub call_id: String,
    /// Our From, tag included.
    pub local: String,
    /// The peer's address as the To header says it, tag included.
    pub remote: String,
    pub local_tag: String,
    pub remote_tag: String,
    pub local_cseq: u32,
    pub remote_cseq: Option<u32>,
    pub routes: Vec<String>,
    pub target: Uri,
    /// Source of the peer's latest message.
    pub flow: SocketAddr,
    pub reach: Reach,
}

fn target(headers: &Headers) -> Option<Uri> {
    headers
        .elements("Contact")
        .first()
        .and_then(|contact| NameAddr::parse(contact))
        .map(|contact| contact.uri)
}

fn routes(headers: &Headers) -> Vec<String> {
    headers
        .elements("Record-Route")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

impl Dialog {
    /// The dialog that our answer to this INVITE opens.
    pub(super) fn incoming(
        invite: &Request,
        basics: &Basics,
        local_tag: String,
        flow: SocketAddr,
        reach: Reach,
    ) -> Self {
        Self {
            call_id: basics.call_id.clone(),
            local: format!("{};tag={local_tag}", invite.headers.get("To").unwrap_or("")),
            remote: invite.headers.get("From").unwrap_or("").to_owned(),
            local_tag,
            remote_tag: basics.from.tag().unwrap_or("").to_owned(),
            local_cseq: 0,
            remote_cseq: Some(basics.cseq.number),
            routes: routes(&invite.headers),
            target: target(&invite.headers).unwrap_or_else(|| basics.from.uri.clone()),
            flow,
            reach,
        }
    }

    /// The dialog that a 2xx to our INVITE opened.
    pub(super) fn outgoing(
        invite: &Request,
        response: &Response,
        basics: &Basics,
        flow: SocketAddr,
        reach: Reach,
    ) -> Self {
        let mut routes = routes(&response.headers);
        routes.reverse();
        Self {
            call_id: basics.call_id.clone(),
            local: response.headers.get("From").unwrap_or("").to_owned(),
            remote: response.headers.get("To").unwrap_or("").to_owned(),
            local_tag: basics.from.tag().unwrap_or("").to_owned(),
            remote_tag: basics.to.tag().unwrap_or("").to_owned(),
            local_cseq: basics.cseq.number,
            remote_cseq: None,
            routes,
            target: target(&response.headers).unwrap_or_else(|| invite.uri.clone()),
            flow,
            reach,
        }
    }

    /// A request of the peer moved it.
    pub(super) fn refresh(&mut self, request: &Request, flow: SocketAddr) {
        self.flow = flow;
        if matches!(request.method, Method::Invite | Method::Update)
            && let Some(target) = target(&request.headers)
        {
            self.target = target;
        }
    }

    /// A request in this dialog, without Via; and where it goes.
    pub(super) fn request(
        &self,
        method: Method,
        cseq: u32,
        mut headers: Headers,
    ) -> (Request, SocketAddr) {
        headers.push("From", self.local.clone());
        headers.push("To", self.remote.clone());
        headers.push("Call-ID", self.call_id.clone());
        headers.push("CSeq", format!("{cseq} {method}"));
        let first = self
            .routes
            .first()
            .and_then(|route| NameAddr::parse(route))
            .map(|route| route.uri);
        let mut uri = self.target.clone();
        match &first {
            Some(first) if first.params.get("lr").is_none() => {
                // A strict router (RFC 3261 section 12.2.1.1): it stands in the request line, the target goes last.
                uri = first.clone();
                for route in self.routes.iter().skip(1) {
                    headers.push("Route", route.clone());
                }
                headers.push("Route", format!("<{}>", self.target));
            }
            _ => {
                for route in &self.routes {
                    headers.push("Route", route.clone());
                }
            }
        }
        let to = match first {
            Some(first) => first.socket_addr().unwrap_or(self.flow),
            None => self.direct(),
        };
        (
            Request {
                method,
                uri,
                headers,
                body: Vec::new(),
            },
            to,
        )
    }

    fn direct(&self) -> SocketAddr {
        match (self.reach, self.target.socket_addr()) {
            (Reach::Contact, Some(contact)) if !is_private(contact) || is_private(self.flow) => {
                contact
            }
            _ => self.flow,
        }
    }
}

fn is_private(address: SocketAddr) -> bool {
    match address.ip() {
        std::net::IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64; // RFC 6598
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || shared
        }
        std::net::IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
    }
}
