//! Logins. A session is a random token that only the browser keeps; we keep its digest, in memory: after a restart
//! everybody logs in again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rapport_domain::id::{AgentId, TenantId};
use sha2::{Digest, Sha256};

/// The cookie's name.
pub const COOKIE: &str = "rapport_session";
/// Sessions at one time; a login beyond it ends the session that was silent longest.
const MOST: usize = 50_000;
/// Sessions of one agent; a login beyond it ends that agent's session that was silent longest.
const MOST_OF_ONE: usize = 10;

/// Who logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// Whose data they see.
    pub tenant: TenantId,
    /// Which agent.
    pub agent: AgentId,
}

#[derive(Clone, Copy)]
struct Session {
    who: Who,
    seen: Instant,
}

/// All logins.
pub struct Sessions {
    silence: Duration,
    held: Mutex<HashMap<[u8; 32], Session>>,
}

impl Sessions {
    /// Sessions end after `silence` without a request.
    #[must_use]
    pub fn new(silence: Duration) -> Self {
        Self {
            silence,
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new session; answers its token: 256 random bits in hexadecimal.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn open(&self, who: Who, now: Instant) -> Result<String, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut held = self.held();
        if held.values().filter(|session| session.who == who).count() >= MOST_OF_ONE {
            end_most_silent(&mut held, |session| session.who == who);
        }
        if held.len() >= MOST {
            held.retain(|_, session| now.saturating_duration_since(session.seen) < self.silence);
            if held.len() >= MOST {
                end_most_silent(&mut held, |_| true);
            }
        }
        held.insert(digest(&token), Session { who, seen: now });
        Ok(token)
    }

    /// Who holds this token; the session's life begins anew.
    #[must_use]
    pub fn find(&self, token: &str, now: Instant) -> Option<Who> {
        // A digest is looked up, not the token: how long a comparison takes says nothing about other tokens.
        let key = digest(token);
        let mut held = self.held();
        let session = held.get_mut(&key)?;
        if now.saturating_duration_since(session.seen) >= self.silence {
            held.remove(&key);
            return None;
        }
        session.seen = now;
        Some(session.who)
    }

    /// Ends a session.
    pub fn close(&self, token: &str) {
        self.held().remove(&digest(token));
    }

    /// Ends every session of an agent: the password changed, or the agent is no longer declared.
    pub fn close_all_of(&self, agent: AgentId) {
        self.held().retain(|_, session| session.who.agent != agent);
    }

    /// Sessions now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.held().len()
    }
}

fn end_most_silent(held: &mut HashMap<[u8; 32], Session>, which: impl Fn(&Session) -> bool) {
    let oldest = held
        .iter()
        .filter(|(_, session)| which(session))
        .min_by_key(|(_, session)| session.seen)
        .map(|(key, _)| *key);
    if let Some(key) = oldest {
        held.remove(&key);
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(agent: &str) -> Who {
        let tenant = TenantId::named("t");
        Who {
            tenant,
            agent: AgentId::named(tenant, agent),
        }
    }

    #[test]
    fn a_session_lives_as_long_as_it_is_used() {
        let sessions = Sessions::new(Duration::from_secs(10));
        let start = Instant::now();
        let token = sessions.open(who("anna"), start).unwrap();
        assert_eq!(token.len(), 64);
        assert_eq!(
            sessions.find(&token, start + Duration::from_secs(9)),
            Some(who("anna"))
        );
        assert_eq!(
            sessions.find(&token, start + Duration::from_secs(18)),
            Some(who("anna"))
        );
        assert_eq!(sessions.find(&token, start + Duration::from_secs(28)), None);
        assert_eq!(sessions.find("", start), None);
    }

    #[test]
    fn an_eleventh_session_of_one_agent_ends_the_most_silent_one() {
        let sessions = Sessions::new(Duration::from_secs(60));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let tokens: Vec<String> = (0..10)
            .map(|n| sessions.open(who("anna"), at(n)).unwrap())
            .collect();
        let other = sessions.open(who("bo"), start).unwrap();
        assert!(sessions.find(&tokens[0], at(20)).is_some());
        sessions.open(who("anna"), at(21)).unwrap();
        assert!(
            sessions.find(&tokens[1], at(22)).is_none(),
            "the most silent one"
        );
        assert!(
            sessions.find(&tokens[0], at(22)).is_some() && sessions.find(&other, at(22)).is_some()
        );
    }

    #[test]
    fn ending_all_sessions_of_an_agent_leaves_others() {
        let sessions = Sessions::new(Duration::from_secs(60));
        let now = Instant::now();
        let (anna, bo) = (
            sessions.open(who("anna"), now).unwrap(),
            sessions.open(who("bo"), now).unwrap(),
        );
        sessions.close_all_of(who("anna").agent);
        assert_eq!(
            (sessions.find(&anna, now), sessions.find(&bo, now)),
            (None, Some(who("bo")))
        );
    }
}
