//! Who may come in: trunks by address, phones by password, nobody else; and nobody when there is too much to do.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::{Engine, Pressure, Switchboard};
use crate::sip::digest::{Failure, Proven};
use crate::sip::message::{Basics, Headers, Message, Method, NameAddr, Parsed, Request, parse};
use crate::sip::overload::{Load, Overload};

/// A trunk whose host is looked up.
#[derive(Clone, Debug)]
pub struct KnownTrunk {
    /// Its name.
    pub name: String,
    /// Its host as configured.
    pub host: String,
    /// The host's addresses, at least one.
    pub addresses: Vec<IpAddr>,
    /// The only port trusted, and the one dialled; any port and 5060 when not given.
    pub port: Option<u16>,
}

impl KnownTrunk {
    fn covers(&self, source: SocketAddr) -> bool {
        self.addresses.contains(&source.ip()) && self.port.is_none_or(|port| port == source.port())
    }
}

/// Whose message it is.
pub(super) enum Admitted {
    Trunk(usize),
    Phone(Proven),
}

impl<E: Engine> Switchboard<E> {
    /// A datagram arrived.
    pub fn receive(
        &mut self,
        datagram: &[u8],
        source: SocketAddr,
        pressure: Pressure,
        now: Instant,
    ) {
        self.counters.received.add(1);
        match parse(datagram) {
            Ok(parsed) => self.consider(parsed, source, pressure, now),
            Err(malformed) if malformed.fault == crate::sip::message::Fault::KeepAlive => {}
            Err(malformed) => {
                self.counters.malformed.add(1);
                let known = self.is_ours(source);
                if let Some(request) = malformed.request
                    && (known || self.may_answer_stranger(now))
                {
                    self.endpoint.reply(
                        &request,
                        source,
                        malformed.fault.status(),
                        &Headers::new(),
                    );
                }
            }
        }
        self.in_hand = None;
        self.settle(now);
    }

    fn consider(&mut self, parsed: Parsed, source: SocketAddr, pressure: Pressure, now: Instant) {
        if self.relay(&parsed, source) {
            return self.settle(now);
        }
        if let Message::Request(request) = &parsed.message {
            let basics = &parsed.basics;
            let new = !self.endpoint.knows(basics);
            let admitted = match request.method {
                Method::Ack => true, // never answered
                _ if new && !self.may_ask(request, basics, source, now) => false,
                Method::Invite if new && basics.to.tag().is_none() => {
                    self.gate_invite(request, basics, source, pressure, now)
                }
                Method::Register if new => {
                    self.gate_register(request, basics, source, pressure, now)
                }
                _ => true,
            };
            if !admitted {
                return self.settle(now);
            }
        }
        self.endpoint.receive(parsed, source, now);
        self.settle(now);
    }

    /// Whether this is a trunk's address, another node's, or one that a phone registered from.
    fn is_ours(&self, source: SocketAddr) -> bool {
        self.trunks.iter().any(|trunk| trunk.covers(source))
            || self.peers.contains(&source)
            || self.registrar.knows(source)
    }

    fn may_answer_stranger(&mut self, now: Instant) -> bool {
        let may = self.strangers.take(now);
        if !may {
            self.counters.strangers_dropped.add(1);
        }
        may
    }

    /// Whether there is an answer for a new request at all. Strangers share one bucket: their sources may be forged,
    /// so a bucket for each would be no limit. Whoever answers a challenge of ours, and has not guessed too often, is
    /// at its address; it does not compete with them.
    fn may_ask(
        &mut self,
        request: &Request,
        basics: &Basics,
        source: SocketAddr,
        now: Instant,
    ) -> bool {
        let header = match request.method {
            Method::Register => "Authorization",
            _ => "Proxy-Authorization",
        };
        let answers = self
            .authenticator
            .recognises(request, header, source.ip(), now)
            && !self.guard.is_closed(source.ip(), now);
        if answers && request.method == Method::Register {
            // Before the password is looked at: what is dropped must have used up nothing.
            let may = self.registrations.take(now);
            if !may {
                self.counters.registrations_dropped.add(1);
            }
            return may;
        }
        answers
            || self.is_ours(source)
            || self.endpoint.is_inside_call(basics)
            || self.may_answer_stranger(now)
    }

    fn gate_invite(
        &mut self,
        invite: &Request,
        basics: &Basics,
        source: SocketAddr,
        pressure: Pressure,
        now: Instant,
    ) -> bool {
        self.counters.invites.add(1);
        let trunk = self.trunks.iter().position(|trunk| trunk.covers(source));
        let place = trunk.unwrap_or(self.trunks.len());
        // A stranger gets nothing, not even a challenge: only sources that registered are asked for a password.
        let from = basics.from.uri.user_name();
        let has_credentials = invite.headers.get("Proxy-Authorization").is_some();
        if trunk.is_none() && !has_credentials && !self.registrar.is_bound(&from, source) {
            self.counters.refused_unknown.add(1);
            self.endpoint.reply(invite, source, 403, &Headers::new());
            return false;
        }
        let load = Load {
            legs: self.legs.len(),
            // Whoever floods the socket makes it look full: that must not keep a trunk's calls out.
            queue_delay: match trunk {
                Some(_) => Duration::ZERO,
                None => pressure.queue_delay,
            },
            events_waiting: pressure.events_waiting,
        };
        if let Some(trunk) = trunk {
            self.in_hand = Some(Admitted::Trunk(trunk));
        } else {
            match self.authenticate(invite, "Proxy-Authorization", 407, source, now) {
                Some(proven) => self.in_hand = Some(Admitted::Phone(proven)),
                None => return false,
            }
        }
        let Err(overload) = self.admission.admit(place, load, now) else {
            return true;
        };
        match overload {
            Overload::Rate => self.counters.refused_rate.add(1),
            Overload::Legs => self.counters.refused_legs.add(1),
            Overload::Delay => self.counters.refused_delay.add(1),
            Overload::Events => self.counters.refused_events.add(1),
        }
        let retry = Headers::new().with(
            "Retry-After",
            self.admission.limits().retry_after.to_string(),
        );
        self.endpoint.reply(invite, source, 503, &retry);
        false
    }

    fn gate_register(
        &mut self,
        register: &Request,
        basics: &Basics,
        source: SocketAddr,
        pressure: Pressure,
        now: Instant,
    ) -> bool {
        if pressure.events_waiting {
            let retry = Headers::new().with(
                "Retry-After",
                self.admission.limits().retry_after.to_string(),
            );
            self.endpoint.reply(register, source, 503, &retry);
            return false;
        }
        let Some(proven) = self.authenticate(register, "Authorization", 401, source, now) else {
            return false;
        };
        if basics.to.uri.user_name() != proven.user {
            self.endpoint.reply(register, source, 403, &Headers::new());
            return false;
        }
        self.in_hand = Some(Admitted::Phone(proven));
        true
    }

    /// The user behind a request; otherwise a challenge went out, or a refusal to a source that guesses.
    fn authenticate(
        &mut self,
        request: &Request,
        header: &str,
        status: u16,
        source: SocketAddr,
        now: Instant,
    ) -> Option<Proven> {
        if self.guard.is_closed(source.ip(), now) {
            self.counters.auth_refused.add(1);
            self.endpoint.reply(request, source, 403, &Headers::new());
            return None;
        }
        let phones = self.phones.as_ref();
        let checked = self
            .authenticator
            .check(request, header, source.ip(), phones, now);
        let failure = match checked {
            Ok(proven) => return Some(proven),
            Err(failure) => failure,
        };
        if failure == Failure::Wrong {
            self.counters.auth_failures.add(1);
            self.guard.failed(source.ip(), now);
        }
        let name = if status == 407 {
            "Proxy-Authenticate"
        } else {
            "WWW-Authenticate"
        };
        let stale = failure == Failure::Stale;
        let challenge =
            self.authenticator
                .challenge(name, stale, source.ip(), &mut self.tokens, now);
        self.endpoint.reply(request, source, status, &challenge);
        None
    }
}

/// The caller's number as far as it may be shown: what the trunk asserts, else what From claims; empty when withheld.
pub(super) fn caller(invite: &Request) -> String {
    let withheld = invite.headers.all("Privacy").any(|privacy| {
        privacy.split(';').any(|word| {
            matches!(
                word.trim().to_ascii_lowercase().as_str(),
                "id" | "user" | "full"
            )
        })
    });
    if withheld {
        return String::new();
    }
    let asserted = invite.headers.elements("P-Asserted-Identity");
    let claimed = invite.headers.get("From");
    let known = asserted
        .first()
        .copied()
        .or(claimed)
        .and_then(NameAddr::parse);
    let anonymous = |uri: &crate::sip::message::Uri| {
        uri.host.eq_ignore_ascii_case("anonymous.invalid")
            || uri.user_name().eq_ignore_ascii_case("anonymous")
    };
    known
        .filter(|known| !anonymous(&known.uri))
        .map(|known| known.uri.user_name())
        .unwrap_or_default()
}
