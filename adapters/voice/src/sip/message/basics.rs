//! The headers that every message must have (RFC 3261 section 8.1.1), read once.

use super::header::split_outside;
use super::parse::{Fault, is_token};
use super::uri::split_host_port;
use super::{Headers, Method, NameAddr, Params};

/// The top Via: where a response goes (RFC 3261 section 20.42).
#[derive(Clone, PartialEq, Eq)]
pub struct Via {
    /// `UDP`, `TCP`, ... in upper case.
    pub transport: String,
    /// Host, and port when given, of the sender as it sees itself.
    pub sent_by: String,
    /// `branch`, `rport`, `received`.
    pub params: Params,
}

impl Via {
    /// Reads one Via element.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut pieces = split_outside(text, ';').into_iter();
        let first = pieces.next()?;
        let mut slashes = first.splitn(3, '/');
        let (name, version, rest) = (slashes.next()?, slashes.next()?, slashes.next()?);
        if !name.trim().eq_ignore_ascii_case("SIP") || version.trim() != "2.0" {
            return None;
        }
        let (transport, sent_by) = rest.trim().split_once(char::is_whitespace)?;
        let sent_by: String = sent_by.chars().filter(|c| !c.is_whitespace()).collect();
        split_host_port(&sent_by)?;
        let params = text.split_once(';').map_or("", |(_, params)| params);
        Some(Self {
            transport: transport.to_ascii_uppercase(),
            sent_by: sent_by.to_ascii_lowercase(),
            params: Params::parse(params),
        })
    }

    /// The branch, when it has the RFC 3261 form and therefore names a transaction by itself.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params
            .get("branch")
            .filter(|branch| branch.len() > 7 && branch[..].starts_with("z9hG4bK"))
    }
}

/// The sequence number and method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The method of the request.
    pub method: Method,
}

impl CSeq {
    fn parse(text: &str) -> Option<Self> {
        let (number, method) = text.trim().split_once(char::is_whitespace)?;
        let number = number.parse().ok().filter(|&number| number < 1 << 31)?;
        let method = method.trim();
        is_token(method).then(|| Self {
            number,
            method: Method::from_name(method),
        })
    }
}

/// The headers every message must have, read once.
#[derive(Clone, PartialEq, Eq)]
pub struct Basics {
    /// The top Via.
    pub via: Via,
    /// Who asks.
    pub from: NameAddr,
    /// Who is asked.
    pub to: NameAddr,
    /// Names the call.
    pub call_id: String,
    /// Orders requests within it.
    pub cseq: CSeq,
}

impl Basics {
    /// Reads the mandatory headers.
    ///
    /// # Errors
    /// The first header that is missing or unreadable.
    pub fn of(headers: &Headers) -> Result<Self, Fault> {
        let via = headers
            .elements("Via")
            .first()
            .and_then(|via| Via::parse(via))
            .ok_or(Fault::Via)?;
        let call_id = headers
            .get("Call-ID")
            .filter(|id| !id.is_empty())
            .ok_or(Fault::CallId)?
            .to_owned();
        Ok(Self {
            via,
            from: headers
                .get("From")
                .and_then(NameAddr::parse)
                .ok_or(Fault::From)?,
            to: headers
                .get("To")
                .and_then(NameAddr::parse)
                .ok_or(Fault::To)?,
            call_id,
            cseq: headers
                .get("CSeq")
                .and_then(CSeq::parse)
                .ok_or(Fault::CSeq)?,
        })
    }
}
