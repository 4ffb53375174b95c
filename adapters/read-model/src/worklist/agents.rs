//! Which events of an agent their present state follows from. As `Agent::apply` in the domain; a test compares the two.

use rapport_domain::agent::Fact;
use rapport_domain::event::Recorded;
use rusqlite::Connection;
use uuid::Uuid;

use crate::stored::{bytes, number};

/// What is kept of an event: what it is about, of which thing, in which interaction.
type Kept = (&'static str, Option<Uuid>, Option<Uuid>);

pub(super) fn apply(on: &Connection, recorded: &Recorded, fact: &Fact) -> rusqlite::Result<()> {
    let agent = bytes(recorded.stream.id);
    let without = |about: &str, column: &str, what: Uuid| {
        let sql =
            format!("DELETE FROM agent_event WHERE agent = ?1 AND about = ?2 AND {column} = ?3");
        on.prepare_cached(&sql)?
            .execute((agent, about, bytes(what)))
    };
    let without_any = |about: &str| {
        let sql = "DELETE FROM agent_event WHERE agent = ?1 AND about = ?2";
        on.prepare_cached(sql)?.execute((agent, about))
    };
    without_any("end")?;
    let kept: Kept = match fact {
        Fact::Defined(_)
        | Fact::Retired {}
        | Fact::PasswordSet { .. }
        | Fact::PhoneSecretSet(_) => ("set_up", None, None),
        Fact::PresenceChanged { .. } => {
            without_any("presence")?;
            ("presence", None, None)
        }
        Fact::Reserved {
            offer, interaction, ..
        } => (
            "reservation",
            Some(offer.as_uuid()),
            Some(interaction.as_uuid()),
        ),
        Fact::ReservationEnded { offer, .. } => {
            without("reservation", "thing", offer.as_uuid())?;
            ("end", None, None)
        }
        Fact::WorkTaken { interaction, .. } => {
            without("reservation", "interaction", interaction.as_uuid())?;
            ("work", None, Some(interaction.as_uuid()))
        }
        Fact::WorkFinished { interaction } => {
            without("work", "interaction", interaction.as_uuid())?;
            ("end", None, None)
        }
        Fact::PhoneRegistered { at } => {
            without_any("phone")?;
            ("phone", Some(at.epoch.as_uuid()), None)
        }
        Fact::PhoneGone { at } => {
            without("phone", "thing", at.epoch.as_uuid())?;
            ("end", None, None)
        }
    };
    let (about, thing, interaction) = kept;
    let revision = number(recorded.revision.0);
    on.prepare_cached("INSERT INTO agent_event VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((
            agent,
            revision,
            about,
            thing.map(bytes),
            interaction.map(bytes),
        ))
        .map(drop)
}
