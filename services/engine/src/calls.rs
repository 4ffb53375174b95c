//! Which leg belongs to which contact. Legs live in the process only: after a crash there are none.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rapport_domain::id::{InteractionId, LegId, TenantId};
use rapport_domain::interaction::DialParty;
use rapport_domain::port::voice::{Voice, VoiceBusy, VoiceCommand};
use std::sync::Arc;

/// What a leg is to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LegRole {
    pub tenant: TenantId,
    pub interaction: InteractionId,
    pub party: DialParty,
}

#[derive(Default)]
pub(crate) struct Calls {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    voice: Option<Arc<dyn Voice>>,
    roles: HashMap<LegId, LegRole>,
    legs: HashMap<InteractionId, Legs>,
    /// Legs still to be hung up; at most as many as there are legs.
    owed: BTreeSet<LegId>,
}

/// The legs of a contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Legs {
    pub customer: Option<LegId>,
    pub agent: Option<LegId>,
}

impl Calls {
    pub fn attach(&self, voice: Arc<dyn Voice>) {
        self.lock().voice = Some(voice);
    }

    /// Whether there is a voice channel.
    pub fn is_attached(&self) -> bool {
        self.lock().voice.is_some()
    }

    /// Hands a command over; without a voice channel every call is refused. A hang-up is never lost: one that the channel
    /// does not take now is handed over before the next command.
    pub fn send(&self, command: VoiceCommand) -> Result<(), VoiceBusy> {
        let mut inner = self.lock();
        let voice = inner.voice.clone().ok_or(VoiceBusy)?;
        while let Some(leg) = inner.owed.pop_first() {
            if voice.send(VoiceCommand::HangUp { leg }).is_err() {
                inner.owed.insert(leg);
                break;
            }
        }
        let sent = voice.send(command.clone());
        if let (Err(VoiceBusy), VoiceCommand::HangUp { leg }) = (sent, command) {
            inner.owed.insert(leg);
        }
        sent
    }

    pub fn add(&self, leg: LegId, role: LegRole) {
        let mut inner = self.lock();
        inner.roles.insert(leg, role);
        let legs = inner.legs.entry(role.interaction).or_default();
        match role.party {
            DialParty::Customer => legs.customer = Some(leg),
            DialParty::Agent => legs.agent = Some(leg),
        }
    }

    /// Takes a leg out that has ended.
    pub fn remove(&self, leg: LegId) -> Option<LegRole> {
        let mut inner = self.lock();
        let role = inner.roles.remove(&leg)?;
        if let Some(legs) = inner.legs.get_mut(&role.interaction) {
            legs.customer.take_if(|known| *known == leg);
            legs.agent.take_if(|known| *known == leg);
            if *legs == Legs::default() {
                inner.legs.remove(&role.interaction);
            }
        }
        Some(role)
    }

    pub fn role(&self, leg: LegId) -> Option<LegRole> {
        self.lock().roles.get(&leg).copied()
    }

    pub fn legs(&self, interaction: InteractionId) -> Legs {
        self.lock()
            .legs
            .get(&interaction)
            .copied()
            .unwrap_or_default()
    }

    /// Every contact that has a leg.
    pub fn contacts(&self) -> BTreeSet<(TenantId, InteractionId)> {
        self.lock()
            .roles
            .values()
            .map(|role| (role.tenant, role.interaction))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
