//! Who is asking, and whether they may.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpRequest, web};
use rapport_domain::agent::Role;
use rapport_domain::event::Actor;
use rapport_domain::id::{AgentId, TenantId};
use rapport_domain::setup::ApiRole;
use subtle::ConstantTimeEq;

use super::app::App;
use super::problem::Problem;
use super::session::{COOKIE, Leash, TooManySockets, Who};
use crate::config::sha256_hex;

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who logged in.
    Agent {
        /// Their tenant.
        tenant: TenantId,
        /// Who.
        agent: AgentId,
        /// What they may do.
        role: Role,
    },
    /// A program with an API key.
    Key {
        /// Its tenant.
        tenant: TenantId,
        /// The department or system.
        name: String,
        /// What it may do.
        role: ApiRole,
        /// SHA-256 of the key, as the set-up has it.
        digest: String,
    },
}

impl Caller {
    /// Whose data they see.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        match self {
            Self::Agent { tenant, .. } | Self::Key { tenant, .. } => *tenant,
        }
    }

    /// How the log names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Agent { agent, .. } => Actor::Agent(*agent),
            Self::Key { name, .. } => Actor::Department(name.clone()),
        }
    }

    /// Whether they may read everything of the tenant and change its set-up.
    #[must_use]
    pub fn administers(&self) -> bool {
        matches!(
            self,
            Self::Agent {
                role: Role::Supervisor,
                ..
            } | Self::Key {
                role: ApiRole::Admin,
                ..
            }
        )
    }

    fn of(req: &HttpRequest) -> Result<Self, Problem> {
        let app = req
            .app_data::<web::Data<App>>()
            .ok_or_else(|| Problem::internal("no application data"))?;
        if let Some(header) = req.headers().get(header::AUTHORIZATION) {
            let key = header
                .to_str()
                .ok()
                .and_then(|text| text.strip_prefix("Bearer "))
                .map(str::trim);
            let known = key.and_then(|key| by_key(app, key));
            return known.ok_or_else(|| {
                match app
                    .attempts
                    .wrong_key(client_address(app, req), Instant::now())
                {
                    Ok(()) => Problem::unauthorized("The key is not known."),
                    Err(seconds) => Problem::too_many("Too many unknown keys.", seconds),
                }
            });
        }
        let who =
            session_of(app, req).ok_or_else(|| Problem::unauthorized("Log in, or send a key."))?;
        let safe = matches!(*req.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let upgrade = req.headers().contains_key(header::UPGRADE);
        if (!safe || upgrade) && !from_our_origin(app, req) {
            return Err(Problem::forbidden(
                "origin",
                "A request with a session comes from the hub's own pages.",
            ));
        }
        let directory = app.engine.directory();
        let entry = directory
            .agent(who.agent)
            .filter(|entry| entry.tenant == who.tenant && !entry.retired);
        let entry = entry.ok_or_else(|| Problem::unauthorized("Log in, or send a key."))?;
        Ok(Self::Agent {
            tenant: who.tenant,
            agent: who.agent,
            role: entry.definition.role,
        })
    }
}

fn by_key(app: &App, key: &str) -> Option<Caller> {
    let digest = sha256_hex(key.as_bytes());
    let directory = app.engine.directory();
    let (tenant, known) = directory.api_key(&digest)?;
    // The map compares digests as it likes; this comparison tells nothing by its duration.
    let same: bool = known.sha256.as_bytes().ct_eq(digest.as_bytes()).into();
    same.then(|| Caller::Key {
        tenant,
        name: known.name.clone(),
        role: known.role,
        digest,
    })
}

/// The session's token, when the request has one.
#[must_use]
pub fn token(req: &HttpRequest) -> Option<&str> {
    let cookies = req
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

/// Who logged in with the request's cookie.
#[must_use]
pub fn session_of(app: &App, req: &HttpRequest) -> Option<Who> {
    app.sessions.find(token(req)?, Instant::now())
}

/// Ties a live socket to the request's session.
///
/// # Errors
/// 401 without a session, 429 when it has as many sockets as it may.
pub fn leash(app: &App, req: &HttpRequest) -> Result<Leash, Problem> {
    let tied = token(req).and_then(|token| app.sessions.tie(token, Instant::now()));
    tied.ok_or_else(|| Problem::unauthorized("Log in."))?
        .map_err(|TooManySockets| Problem::too_many("This login has too many live sockets.", 30))
}

/// Whether the browser says that the request comes from one of our pages. No `Origin` is no.
#[must_use]
pub fn from_our_origin(app: &App, req: &HttpRequest) -> bool {
    let Some(origin) = req
        .headers()
        .get(header::ORIGIN)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    if !app.public_origins.is_empty() {
        return app
            .public_origins
            .iter()
            .any(|known| known.eq_ignore_ascii_case(origin));
    }
    // Without a configured origin: the page's host is the one the request was sent to.
    let host = req
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let of_page = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    of_page.is_some() && of_page == host
}

fn peer(req: &HttpRequest) -> IpAddr {
    let nowhere = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    req.peer_addr().map_or(nowhere, |address| address.ip())
}

/// Whether a proxy that we know hands the request on.
#[must_use]
pub fn by_trusted_proxy(app: &App, req: &HttpRequest) -> bool {
    app.trusted_proxies.contains(&peer(req).to_canonical())
}

/// Where the client is; behind a trusted proxy, what that proxy says.
#[must_use]
pub fn client_address(app: &App, req: &HttpRequest) -> IpAddr {
    let peer = peer(req);
    if !by_trusted_proxy(app, req) {
        return peer;
    }
    let last = req
        .headers()
        .get_all("x-forwarded-for")
        .last()
        .and_then(|value| value.to_str().ok());
    last.and_then(|list| list.rsplit(',').next())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(peer)
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(req))
    }
}

macro_rules! callers {
    ($($(#[$doc:meta])+ $name:ident, $allowed:expr, $refusal:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Debug)]
        pub struct $name(pub Caller);

        impl FromRequest for $name {
            type Error = Problem;
            type Future = Ready<Result<Self, Problem>>;

            fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
                let allowed: fn(&Caller) -> bool = $allowed;
                ready(Caller::of(req).and_then(|caller| {
                    if allowed(&caller) { Ok(Self(caller)) } else { Err(Problem::forbidden("role", $refusal)) }
                }))
            }
        }
    )+};
}

callers! {
    /// Whoever may change set-up.
    Administrator, Caller::administers, "Only a supervisor or a key with the role admin may do this.";
    /// Whoever may see customers: agents, and keys with the role admin.
    Reader, |caller| matches!(caller, Caller::Agent { .. }) || caller.administers(),
        "Only people at the desk or a key with the role admin may do this.";
    /// Whoever is somebody: people at the desk, departments and systems. What they may do is looked at by the rule they ask.
    Anyone, |_| true, "";
    /// Departments and systems.
    Program, |caller| matches!(caller, Caller::Key { .. }), "Only a program with a key may do this.";
}

/// Somebody at the desk who watches the floor.
#[derive(Clone, Copy, Debug)]
pub struct Supervisor {
    /// Their tenant.
    pub tenant: TenantId,
    /// Who.
    pub agent: AgentId,
}

impl FromRequest for Supervisor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Caller::of(req).and_then(|caller| match caller {
            Caller::Agent {
                tenant,
                agent,
                role: Role::Supervisor,
            } => Ok(Self { tenant, agent }),
            Caller::Agent { .. } | Caller::Key { .. } => Err(Problem::forbidden(
                "role",
                "Only a supervisor who is logged in may do this.",
            )),
        }))
    }
}

/// Somebody at the desk.
#[derive(Clone, Copy, Debug)]
pub struct AtDesk {
    /// Their tenant.
    pub tenant: TenantId,
    /// Who.
    pub agent: AgentId,
}

impl FromRequest for AtDesk {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Caller::of(req).and_then(|caller| match caller {
            Caller::Agent { tenant, agent, .. } => Ok(Self { tenant, agent }),
            Caller::Key { .. } => Err(Problem::forbidden(
                "role",
                "Only people at the desk may do this.",
            )),
        }))
    }
}
