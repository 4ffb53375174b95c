//! The side that is challenged.

use rapport_domain::private::Private;

use super::{Algorithm, digest_fields, quote};
use crate::sip::message::{Method, Request, Response};

/// A challenge that was answered, for the next request.
#[derive(Clone)]
struct Known {
    header: &'static str,
    algorithm: Algorithm,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    count: u32,
}

/// A user and its password, and the last challenge answered with them.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: Private<String>,
    known: Option<Known>,
}

impl Credentials {
    /// Credentials for one user.
    #[must_use]
    pub fn new(user: &str, password: Private<String>) -> Self {
        Self {
            user: user.to_owned(),
            password,
            known: None,
        }
    }

    /// The header that answers the strongest challenge of a 401 or 407 that we can answer.
    pub fn answer(
        &mut self,
        response: &Response,
        request: &Request,
        cnonce: impl FnOnce() -> String,
    ) -> Option<(&'static str, String)> {
        let (challenge, header) = match response.status {
            407 => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => ("WWW-Authenticate", "Authorization"),
        };
        let mut best: Option<Known> = None;
        for fields in response.headers.all(challenge).filter_map(digest_fields) {
            let Some(algorithm) = Algorithm::named(fields.get("algorithm")) else {
                continue;
            };
            let offers_auth = fields
                .get("qop")
                .is_some_and(|qop| qop.split(',').any(|qop| qop.trim() == "auth"));
            if !offers_auth
                || best
                    .as_ref()
                    .is_some_and(|best| best.algorithm == Algorithm::Sha256)
            {
                continue;
            }
            if best.is_none() || algorithm == Algorithm::Sha256 {
                best = Some(Known {
                    header,
                    algorithm,
                    realm: fields.get("realm").unwrap_or("").to_owned(),
                    nonce: fields.get("nonce").unwrap_or("").to_owned(),
                    opaque: fields.get("opaque").map(str::to_owned),
                    count: 0,
                });
            }
        }
        self.known = best;
        self.next(request, cnonce)
    }

    /// The header for a further REGISTER under a challenge that was answered before.
    pub fn again(
        &mut self,
        request: &Request,
        cnonce: impl FnOnce() -> String,
    ) -> Option<(&'static str, String)> {
        (request.method == Method::Register)
            .then(|| self.next(request, cnonce))
            .flatten()
    }

    fn next(
        &mut self,
        request: &Request,
        cnonce: impl FnOnce() -> String,
    ) -> Option<(&'static str, String)> {
        let known = self.known.as_mut()?;
        known.count = known.count.checked_add(1)?;
        let (nc, cnonce, uri) = (
            format!("{:08x}", known.count),
            cnonce(),
            request.uri.to_string(),
        );
        let ha1 = known
            .algorithm
            .ha1(&self.user, &known.realm, self.password.expose());
        let method = request.method.as_str();
        let response = known
            .algorithm
            .response(&ha1, &known.nonce, &nc, &cnonce, method, &uri);
        let opaque = known
            .opaque
            .as_ref()
            .map_or(String::new(), |o| format!(", opaque=\"{}\"", quote(o)));
        let value = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", algorithm={}, qop=auth, nc={nc}, \
             cnonce=\"{cnonce}\", response=\"{response}\"{opaque}",
            quote(&self.user),
            quote(&known.realm),
            quote(&known.nonce),
            known.algorithm.name(),
        );
        Some((known.header, value))
    }
}
