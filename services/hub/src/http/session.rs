//! Logins. A session is a random token that only the browser keeps; we keep its digest, in memory: after a restart
//! everybody logs in again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rapport_domain::id::{AgentId, TenantId};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// The cookie's name.
pub const COOKIE: &str = "rapport_session";
/// Sessions at one time; a login beyond it ends the session that was silent longest.
const MOST: usize = 50_000;
/// Sessions of one agent; a login beyond it ends that agent's session that was silent longest.
const MOST_OF_ONE: usize = 10;
/// A session ends so long after its login, whatever is done with it.
const LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// Live sockets of one session at one time.
const MOST_SOCKETS: usize = 10;

/// Who logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// Whose data they see.
    pub tenant: TenantId,
    /// Which agent.
    pub agent: AgentId,
}

struct Session {
    who: Who,
    begun: Instant,
    seen: Instant,
    /// Dropped with the session; who holds the other end learns of its end by that.
    sockets: watch::Sender<()>,
}

impl Session {
    fn lives(&self, silence: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.seen) < silence
            && now.saturating_duration_since(self.begun) < LIFETIME
    }
}

/// The session's end, as a live socket waits for it. While this lives the socket counts.
#[derive(Debug)]
pub struct Leash(watch::Receiver<()>);

impl Leash {
    /// Resolves when the session has ended.
    pub async fn ended(&mut self) {
        // Nothing is ever sent: what wakes us is that the sender is gone.
        while self.0.changed().await.is_ok() {}
    }
}

/// The session has as many live sockets as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySockets;

/// All logins.
pub struct Sessions {
    silence: Duration,
    held: Mutex<HashMap<[u8; 32], Session>>,
}

impl Sessions {
    /// Sessions end after `silence` without a request, and 24 hours after their login.
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
            held.retain(|_, session| session.lives(self.silence, now));
            if held.len() >= MOST {
                end_most_silent(&mut held, |_| true);
            }
        }
        let session = Session {
            who,
            begun: now,
            seen: now,
            sockets: watch::Sender::new(()),
        };
        held.insert(digest(&token), session);
        Ok(token)
    }

    /// Who holds this token; the session's silence begins anew.
    #[must_use]
    pub fn find(&self, token: &str, now: Instant) -> Option<Who> {
        self.with(token, now, |session| {
            session.seen = now;
            session.who
        })
    }

    /// Who holds this token, without a sign of life: an open tab alone keeps nobody logged in.
    #[must_use]
    pub fn peek(&self, token: &str, now: Instant) -> Option<Who> {
        self.with(token, now, |session| session.who)
    }

    /// Ties a live socket to its session; `None` when there is no such session.
    ///
    /// # Errors
    /// [`TooManySockets`] when it has ten of them.
    pub fn tie(&self, token: &str, now: Instant) -> Option<Result<Leash, TooManySockets>> {
        self.with(token, now, |session| {
            if session.sockets.receiver_count() < MOST_SOCKETS {
                Ok(Leash(session.sockets.subscribe()))
            } else {
                Err(TooManySockets)
            }
        })
    }

    fn with<T>(
        &self,
        token: &str,
        now: Instant,
        look: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        // A digest is looked up, not the token: how long a comparison takes says nothing about other tokens.
        let key = digest(token);
        let mut held = self.held();
        let session = held.get_mut(&key)?;
        if session.lives(self.silence, now) {
            return Some(look(session));
        }
        held.remove(&key);
        None
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
    fn an_open_tab_keeps_nobody_logged_in_and_nobody_stays_longer_than_a_day() {
        let sessions = Sessions::new(Duration::from_secs(7 * 3_600));
        let start = Instant::now();
        let at = |hours: u64| start + Duration::from_secs(hours * 3_600);
        let token = sessions.open(who("anna"), start).unwrap();
        assert_eq!(sessions.peek(&token, at(6)), Some(who("anna")));
        assert_eq!(sessions.peek(&token, at(7)), None);

        let token = sessions.open(who("anna"), start).unwrap();
        for hour in [6, 12, 18, 23] {
            assert!(sessions.find(&token, at(hour)).is_some(), "{hour}");
        }
        assert_eq!(sessions.find(&token, at(24)), None);
    }

    #[tokio::test]
    async fn sockets_are_counted_while_they_live_and_learn_of_the_sessions_end() {
        let sessions = Sessions::new(Duration::from_secs(60));
        let now = Instant::now();
        let token = sessions.open(who("anna"), now).unwrap();
        let mut held: Vec<Leash> = (0..10)
            .map(|_| sessions.tie(&token, now).unwrap().unwrap())
            .collect();
        assert_eq!(
            sessions.tie(&token, now).unwrap().unwrap_err(),
            TooManySockets
        );
        held.pop();
        let mut last = sessions.tie(&token, now).unwrap().unwrap();
        sessions.close(&token);
        last.ended().await;
        assert!(sessions.tie(&token, now).is_none());
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
