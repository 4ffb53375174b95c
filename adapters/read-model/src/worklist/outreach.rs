//! Which customers the coordinator must look at, and when.

use rapport_domain::event::Recorded;
use rapport_domain::outreach::Fact;
use rusqlite::Connection;

use crate::stored::bytes;

pub(super) fn apply(on: &Connection, recorded: &Recorded, fact: &Fact) -> rusqlite::Result<()> {
    let customer = bytes(recorded.stream.id);
    let tenant = bytes(recorded.event.meta.tenant.as_uuid());
    let now = recorded.event.recorded_at.as_micros();
    match fact {
        Fact::WishFiled(wish) => {
            // One that is known moved here with a customer who was merged.
            let sql = "INSERT INTO wish VALUES (?1, ?2, ?3, ?4, 'open', NULL, NULL, ?5)
                ON CONFLICT DO UPDATE SET customer = excluded.customer, status = 'open', plan = NULL,
                deadline = excluded.deadline";
            let expires = wish.expires_at.as_micros();
            on.prepare_cached(sql)?.execute((
                bytes(wish.id.as_uuid()),
                tenant,
                customer,
                expires,
                now,
            ))?;
        }
        Fact::WishAmended(wish) => {
            // A plan keeps its slot; what is not planned is decided on anew in the same append.
            let sql = "UPDATE wish SET expires_at = ?2,
                deadline = iif(status = 'planned', min(deadline, ?2), ?3),
                status = iif(status = 'planned', status, 'open') WHERE id = ?1";
            let expires = wish.expires_at.as_micros();
            on.prepare_cached(sql)?
                .execute((bytes(wish.id.as_uuid()), expires, now))?;
        }
        Fact::WishHeld { wish, until, .. } => {
            let sql = "UPDATE wish SET status = 'held', plan = NULL,
                deadline = min(expires_at, coalesce(?2, expires_at)) WHERE id = ?1";
            on.prepare_cached(sql)?
                .execute((bytes(wish.as_uuid()), until.map(|until| until.as_micros())))?;
        }
        Fact::WishDropped { wish, .. } | Fact::WishWithdrawn { wish, .. } => {
            let sql =
                "UPDATE wish SET status = 'dropped', plan = NULL, deadline = NULL WHERE id = ?1";
            on.prepare_cached(sql)?.execute([bytes(wish.as_uuid())])?;
        }
        Fact::ContactPlanned {
            plan, slot, agenda, ..
        } => {
            let sql = "UPDATE wish SET status = 'open', plan = NULL, deadline = ?2
                WHERE customer = ?1 AND status = 'planned'";
            on.prepare_cached(sql)?.execute((customer, now))?;
            let sql = "UPDATE wish SET status = 'planned', plan = ?2, deadline = min(expires_at, ?3) WHERE id = ?1";
            let mut planned = on.prepare_cached(sql)?;
            for wish in agenda {
                planned.execute((
                    bytes(wish.as_uuid()),
                    bytes(plan.as_uuid()),
                    slot.as_micros(),
                ))?;
            }
        }
        Fact::ContactStarted {
            plan, interaction, ..
        } => {
            let (plan, interaction) = (bytes(plan.as_uuid()), bytes(interaction.as_uuid()));
            let sql = "UPDATE wish SET status = 'in_contact', interaction = ?2, deadline = NULL
                WHERE customer = ?1 AND status = 'planned'";
            on.prepare_cached(sql)?.execute((customer, interaction))?;
            let sql = "INSERT OR REPLACE INTO in_flight VALUES (?1, ?2, ?3, ?4)";
            on.prepare_cached(sql)?
                .execute((customer, tenant, plan, interaction))?;
        }
        Fact::PlanWithdrawn { plan, .. } => {
            let plan = bytes(plan.as_uuid());
            let sql =
                "UPDATE wish SET status = 'open', plan = NULL, interaction = NULL, deadline = ?3
                WHERE customer = ?1 AND plan = ?2 AND status IN ('planned', 'in_contact', 'later')";
            on.prepare_cached(sql)?.execute((customer, plan, now))?;
            on.prepare_cached("DELETE FROM in_flight WHERE customer = ?1 AND plan = ?2")?
                .execute((customer, plan))?;
        }
        Fact::AgendaTakenUp {
            interaction,
            agenda,
            ..
        } => {
            let sql = "UPDATE wish SET status = 'in_contact', plan = NULL, interaction = ?2, deadline = NULL WHERE id = ?1";
            let mut taken = on.prepare_cached(sql)?;
            for wish in agenda {
                taken.execute((bytes(wish.as_uuid()), bytes(interaction.as_uuid())))?;
            }
        }
        Fact::OutcomeRecorded { wish, outcome, .. } => {
            // What is not settled waits for the end of the contact, then it is open again.
            let status = if outcome.settles() { "done" } else { "later" };
            let sql = "UPDATE wish SET status = ?2, deadline = NULL WHERE id = ?1";
            on.prepare_cached(sql)?
                .execute((bytes(wish.as_uuid()), status))?;
        }
        Fact::ContactEnded {
            interaction,
            returned,
            ..
        } => {
            let sql = "UPDATE wish SET status = 'open', plan = NULL, interaction = NULL, deadline = ?2 WHERE id = ?1";
            let mut open = on.prepare_cached(sql)?;
            for wish in returned {
                open.execute((bytes(wish.as_uuid()), now))?;
            }
            let sql = "DELETE FROM in_flight WHERE customer = ?1 AND interaction = ?2";
            on.prepare_cached(sql)?
                .execute((customer, bytes(interaction.as_uuid())))?;
        }
        Fact::ContactNoted(_) => {}
        Fact::WishesMoved { wishes, .. } => {
            let sql =
                "UPDATE wish SET status = 'moved', plan = NULL, deadline = NULL WHERE id = ?1";
            let mut moved = on.prepare_cached(sql)?;
            for wish in wishes {
                moved.execute([bytes(wish.as_uuid())])?;
            }
        }
        Fact::WishesReturned { wishes, .. } => {
            let sql = "UPDATE wish SET customer = ?2, status = 'open', deadline = ?3 WHERE id = ?1";
            let mut back = on.prepare_cached(sql)?;
            for wish in wishes {
                back.execute((bytes(wish.as_uuid()), customer, now))?;
            }
        }
        Fact::Closed {} => {} // every wish was settled in the same append
    }
    Ok(())
}
