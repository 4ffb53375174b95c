//! Passing messages on between another node and a phone that registered here: a stateless proxy (RFC 3261 section
//! 16.11) that stays in the path of the call by Record-Route, because only this node reaches the phone. It serves the
//! nodes it was told of and phones that registered, and nobody else; media flow between the node and the phone.

use std::net::SocketAddr;

use super::{Engine, Switchboard};
use crate::sip::endpoint::note_source;
use crate::sip::message::{
    Basics, Headers, Message, Method, NameAddr, Parsed, Request, Response, Uri, Via,
};

/// What our branches start with, so that responses to what was passed on are told from responses to our own requests.
const RELAYED: &str = "z9hG4bKrelay";

/// Where a request goes on to.
enum Onward {
    To {
        address: SocketAddr,
        uri: Uri,
        /// The phone's user, when we ask to stay in the path.
        record: Option<String>,
    },
    Nobody(u16),
    NotOurs,
}

impl<E: Engine> Switchboard<E> {
    /// Passes a message on when it belongs to a call between another node and a phone; answers whether it did.
    pub(super) fn relay(&mut self, parsed: &Parsed, source: SocketAddr) -> bool {
        match &parsed.message {
            Message::Request(request) => self.relay_request(request, &parsed.basics, source),
            Message::Response(response) => self.relay_response(response, &parsed.basics),
        }
    }

    fn relay_request(&mut self, request: &Request, basics: &Basics, source: SocketAddr) -> bool {
        let hops = request.headers.number("Max-Forwards").unwrap_or(70);
        match self.onward(request, basics, source) {
            Onward::NotOurs => return false,
            Onward::Nobody(status) => self.turn_away(request, source, status),
            Onward::To { .. } if hops == 0 => self.turn_away(request, source, 483),
            Onward::To {
                address,
                uri,
                record,
            } => {
                let passed = self.passed_on(request, basics, source, uri, record, hops - 1);
                self.counters.relayed.add(1);
                self.sends.push_back((address, passed.to_bytes().into()));
            }
        }
        true
    }

    fn onward(&self, request: &Request, basics: &Basics, source: SocketAddr) -> Onward {
        let own = self.endpoint.address();
        let route = request.headers.elements("Route").first().copied();
        let ours = route
            .and_then(NameAddr::parse)
            .filter(|route| route.uri.socket_addr() == Some(own) && route.uri.user.is_some());
        let known = self.peers.contains(&source);
        match (ours, known) {
            // Inside a call, from the node to the phone.
            (Some(route), true) => match self.registrar.reach(&route.uri.user_name()) {
                Some(binding) => Onward::To {
                    address: binding.source,
                    uri: request.uri.clone(),
                    record: None,
                },
                None => Onward::Nobody(480),
            },
            // Inside a call, from the phone to the node.
            (Some(route), false) => {
                let phone = self.registrar.is_bound(&route.uri.user_name(), source);
                let node = request.uri.socket_addr();
                match node.filter(|node| phone && self.peers.contains(node)) {
                    Some(address) => Onward::To {
                        address,
                        uri: request.uri.clone(),
                        record: None,
                    },
                    None => Onward::Nobody(403),
                }
            }
            // A node calls a phone of ours, gives up, or confirms that the call came to nothing.
            (None, true) if request.uri.socket_addr() == Some(own) => {
                let user = request.uri.user_name();
                let begins = match request.method {
                    Method::Invite => basics.to.tag().is_none(),
                    Method::Cancel | Method::Ack => true,
                    _ => false,
                };
                match self.registrar.reach(&user) {
                    _ if !begins => Onward::NotOurs,
                    Some(binding) => Onward::To {
                        address: binding.source,
                        uri: binding.contact.clone(),
                        record: (request.method == Method::Invite).then_some(user),
                    },
                    None => Onward::Nobody(480),
                }
            }
            _ => Onward::NotOurs,
        }
    }

    fn turn_away(&mut self, request: &Request, source: SocketAddr, status: u16) {
        if request.method != Method::Ack {
            self.endpoint
                .reply(request, source, status, &Headers::new());
        }
    }

    /// The request as it leaves here (RFC 3261 section 16.6): without our Route, with our Via on top. The branch follows
    /// from the one it came with, so that a retransmission, a CANCEL and an ACK find the same transaction at the phone.
    fn passed_on(
        &self,
        request: &Request,
        basics: &Basics,
        source: SocketAddr,
        uri: Uri,
        record: Option<String>,
        hops: u32,
    ) -> Request {
        let mut noted = request.clone();
        note_source(&mut noted, source);
        let own = self.endpoint.address();
        let came_with = format!(
            "{} {} {} {}",
            basics.via.sent_by,
            basics.via.params.get("branch").unwrap_or(""),
            basics.call_id,
            basics.cseq.number
        );
        let branch = self.tokens.derived(&came_with);
        let mut headers = Headers::new().with(
            "Via",
            format!("SIP/2.0/UDP {own};rport;branch={RELAYED}{branch}"),
        );
        if let Some(user) = record {
            let mut stay = Uri::sip(&user, own);
            stay.params.set("lr", "on");
            headers.push("Record-Route", format!("<{stay}>"));
        }
        headers.push("Max-Forwards", hops.to_string());
        let routes = noted.headers.elements("Route");
        if routes.len() > 1 {
            headers.push("Route", routes[1..].join(", "));
        }
        for header in noted.headers.iter() {
            if !matches!(&*header.name, "Route" | "Max-Forwards") {
                headers.push(&header.name, header.value.clone());
            }
        }
        Request {
            method: noted.method,
            uri,
            headers,
            body: noted.body,
        }
    }

    /// A response to what was passed on goes back the way its request came (RFC 3261 section 16.11).
    fn relay_response(&mut self, response: &Response, basics: &Basics) -> bool {
        let own = self.endpoint.address().to_string();
        let ours = basics.via.sent_by == own
            && basics
                .via
                .branch()
                .is_some_and(|branch| branch.starts_with(RELAYED));
        if !ours {
            return false;
        }
        let vias = response.headers.elements("Via");
        let next = vias.get(1).and_then(|via| Via::parse(via));
        let back = next.and_then(|via| came_from(&via));
        let back = back.filter(|to| self.peers.contains(to) || self.registrar.knows(*to));
        let Some(to) = back else {
            self.counters.stray_responses.add(1);
            return true;
        };
        let mut headers = Headers::new().with("Via", vias[1..].join(", "));
        for header in response.headers.iter() {
            if &*header.name != "Via" {
                headers.push(&header.name, header.value.clone());
            }
        }
        let passed = Response {
            headers,
            ..response.clone()
        };
        self.counters.relayed.add(1);
        self.sends.push_back((to, passed.to_bytes().into()));
        true
    }
}

/// Where a request with this Via came from, as we noted it then (RFC 3581 section 4).
fn came_from(via: &Via) -> Option<SocketAddr> {
    let sent_by = Uri::parse(&format!("sip:{}", via.sent_by))?.socket_addr();
    let address = match via.params.get("received") {
        Some(received) => received.parse().ok()?,
        None => sent_by?.ip(),
    };
    let port = via.params.get("rport").and_then(|port| port.parse().ok());
    Some(SocketAddr::new(
        address,
        port.or(sent_by.map(|at| at.port()))?,
    ))
}
