//! Wishes and decisions, as facts of the outreach to a customer say.

use rapport_domain::event::Recorded;
use rapport_domain::id::WishId;
use rapport_domain::outreach::{Fact, Receipt, Wish, Withdrawal};
use rapport_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use crate::stored::{bytes, number, uuid, word};

/// What a decision is about beside its receipt.
#[derive(Default)]
struct About {
    plan: Option<Uuid>,
    interaction: Option<Uuid>,
    slot: Option<i64>,
    until: Option<i64>,
}

pub(super) fn apply(on: &Connection, recorded: &Recorded, fact: &Fact) -> rusqlite::Result<()> {
    let decided = |what, wishes: &[WishId], about, receipt| {
        decide(on, recorded, what, wishes, about, receipt)
    };
    match fact {
        Fact::WishFiled(wish) => file(on, recorded, wish),
        Fact::WishAmended(wish) => amend(on, recorded, wish),
        Fact::WishWithdrawn { wish, receipt } => {
            let sql = "UPDATE wish SET status = 'withdrawn', reason = NULL, until = NULL, plan = NULL, slot = NULL,
                interaction = NULL WHERE id = ?1";
            on.prepare_cached(sql)?.execute([bytes(wish.as_uuid())])?;
            decided("wish_withdrawn", &[*wish], About::default(), receipt)
        }
        Fact::WishHeld {
            wish,
            until,
            receipt,
        } => {
            let until = until.map(Timestamp::as_micros);
            let sql = "UPDATE wish SET status = 'held', reason = ?2, until = ?3, plan = NULL, slot = NULL WHERE id = ?1";
            on.prepare_cached(sql)?.execute((
                bytes(wish.as_uuid()),
                word(&receipt.reason),
                until,
            ))?;
            decided(
                "held",
                &[*wish],
                About {
                    until,
                    ..About::default()
                },
                receipt,
            )
        }
        Fact::WishDropped { wish, receipt } => {
            let sql = "UPDATE wish SET status = 'dropped', reason = ?2, until = NULL, plan = NULL, slot = NULL,
                interaction = NULL WHERE id = ?1";
            on.prepare_cached(sql)?
                .execute((bytes(wish.as_uuid()), word(&receipt.reason)))?;
            decided("dropped", &[*wish], About::default(), receipt)
        }
        Fact::ContactPlanned {
            plan,
            slot,
            agenda,
            receipt,
            ..
        } => {
            let customer = bytes(recorded.stream.id);
            let free = "UPDATE wish SET status = 'open', plan = NULL, slot = NULL
                WHERE customer = ?1 AND status = 'planned'";
            on.prepare_cached(free)?.execute([customer])?;
            let sql = "UPDATE wish SET status = 'planned', plan = ?2, slot = ?3, reason = NULL, until = NULL WHERE id = ?1";
            let mut planned = on.prepare_cached(sql)?;
            let (plan, slot) = (plan.as_uuid(), slot.as_micros());
            for wish in agenda {
                planned.execute((bytes(wish.as_uuid()), bytes(plan), slot))?;
            }
            decided(
                "planned",
                agenda,
                About {
                    plan: Some(plan),
                    slot: Some(slot),
                    ..About::default()
                },
                receipt,
            )
        }
        Fact::ContactStarted {
            plan,
            interaction,
            receipt,
        } => {
            let (plan, interaction) = (plan.as_uuid(), interaction.as_uuid());
            let (agenda, slot) = planned_agenda(on, recorded, plan)?;
            let sql = "UPDATE wish SET status = 'in_contact', interaction = ?2 WHERE customer = ?1 AND status = 'planned'";
            on.prepare_cached(sql)?
                .execute((bytes(recorded.stream.id), bytes(interaction)))?;
            let about = About {
                plan: Some(plan),
                interaction: Some(interaction),
                slot,
                until: None,
            };
            decided("started", &agenda, about, receipt)
        }
        Fact::PlanWithdrawn { plan, why, receipt } => {
            let plan = plan.as_uuid();
            let (agenda, slot) = planned_agenda(on, recorded, plan)?;
            let sql =
                "UPDATE wish SET status = 'open', plan = NULL, slot = NULL, interaction = NULL
                WHERE customer = ?1 AND plan = ?2 AND (status IN ('planned', 'in_contact')
                    OR (status = 'done' AND outcome IN ('later', 'not_discussed')))";
            on.prepare_cached(sql)?
                .execute((bytes(recorded.stream.id), bytes(plan)))?;
            let interaction = match why {
                Withdrawal::CustomerContactedUs { interaction } => Some(interaction.as_uuid()),
                Withdrawal::NothingToSay | Withdrawal::CustomerErased => None,
            };
            decided(
                "withdrawn",
                &agenda,
                About {
                    plan: Some(plan),
                    interaction,
                    slot,
                    until: None,
                },
                receipt,
            )
        }
        Fact::AgendaTakenUp {
            interaction,
            agenda,
            receipt,
        } => {
            let interaction = interaction.as_uuid();
            let sql = "UPDATE wish SET status = 'in_contact', interaction = ?2, plan = NULL, slot = NULL, reason = NULL,
                until = NULL WHERE id = ?1";
            let mut taken = on.prepare_cached(sql)?;
            for wish in agenda {
                taken.execute((bytes(wish.as_uuid()), bytes(interaction)))?;
            }
            decided(
                "taken_up",
                agenda,
                About {
                    interaction: Some(interaction),
                    ..About::default()
                },
                receipt,
            )
        }
        Fact::OutcomeRecorded {
            wish,
            outcome,
            not_before,
            interaction,
            note,
            ..
        } => {
            let sql = "UPDATE wish SET status = 'done', outcome = ?2, interaction = ?3, outcome_at = ?5, asked_for = ?6,
                note = iif((SELECT erased_at FROM customer WHERE id = wish.customer) IS NULL, ?4, NULL)
                WHERE id = ?1";
            on.prepare_cached(sql)?.execute((
                bytes(wish.as_uuid()),
                word(outcome),
                bytes(interaction.as_uuid()),
                note.as_ref().map(|note| note.expose()),
                recorded.event.recorded_at.as_micros(),
                not_before.map(Timestamp::as_micros),
            ))?;
            Ok(())
        }
        Fact::ContactEnded { returned, .. } => {
            // An outcome `later` stays readable until there is another one.
            let sql =
                "UPDATE wish SET status = 'open', plan = NULL, slot = NULL, interaction = NULL,
                attempts = attempts + 1 WHERE id = ?1";
            let mut open = on.prepare_cached(sql)?;
            for wish in returned {
                open.execute([bytes(wish.as_uuid())])?;
            }
            Ok(())
        }
        Fact::WishesMoved { wishes, .. } => {
            // Until it is filed there.
            let sql = "UPDATE wish SET status = 'open', reason = NULL, until = NULL, plan = NULL, slot = NULL WHERE id = ?1";
            let mut moved = on.prepare_cached(sql)?;
            for wish in wishes {
                moved.execute([bytes(wish.as_uuid())])?;
            }
            Ok(())
        }
        Fact::WishesReturned { wishes, .. } => {
            let sql = "UPDATE wish SET customer = ?2, status = 'open', reason = NULL, until = NULL WHERE id = ?1";
            let mut back = on.prepare_cached(sql)?;
            for wish in wishes {
                back.execute((bytes(wish.as_uuid()), bytes(recorded.stream.id)))?;
            }
            Ok(())
        }
        Fact::ContactNoted(_) | Fact::Closed {} => Ok(()),
    }
}

fn file(on: &Connection, recorded: &Recorded, wish: &Wish) -> rusqlite::Result<()> {
    // One that is known moved here with a customer who was merged: when it was filed stays.
    let sql = "INSERT INTO wish
        (position, id, tenant, customer, department, purpose, class, value, filed_at, expires_at,
        propensity, expected_seconds, bundle, channels, not_before)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
        ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, status = 'open'";
    on.prepare_cached(sql)?.execute((
        number(recorded.position.0),
        bytes(wish.id.as_uuid()),
        bytes(recorded.event.meta.tenant.as_uuid()),
        bytes(recorded.stream.id),
        &wish.department,
        &wish.purpose,
        word(&wish.class),
        wish.value,
        recorded.event.recorded_at.as_micros(),
        wish.expires_at.as_micros(),
        wish.propensity,
        wish.expected_seconds,
        wish.bundle,
        channels(wish),
        wish.not_before.map(Timestamp::as_micros),
    ))?;
    Ok(())
}

fn amend(on: &Connection, recorded: &Recorded, wish: &Wish) -> rusqlite::Result<()> {
    let sql = "UPDATE wish SET value = ?2, expires_at = ?3, propensity = ?4, expected_seconds = ?5, bundle = ?6,
        channels = ?7, not_before = ?8, amended_at = ?9, status = iif(status = 'planned', status, 'open'),
        reason = iif(status = 'planned', reason, NULL), until = iif(status = 'planned', until, NULL) WHERE id = ?1";
    on.prepare_cached(sql)?.execute((
        bytes(wish.id.as_uuid()),
        wish.value,
        wish.expires_at.as_micros(),
        wish.propensity,
        wish.expected_seconds,
        wish.bundle,
        channels(wish),
        wish.not_before.map(Timestamp::as_micros),
        recorded.event.recorded_at.as_micros(),
    ))?;
    Ok(())
}

fn channels(wish: &Wish) -> String {
    serde_json::to_string(&wish.channels).unwrap_or_else(|_| "[]".to_owned())
}

/// What a plan is about at this moment, in the order of its last planning, and its slot.
fn planned_agenda(
    on: &Connection,
    recorded: &Recorded,
    plan: Uuid,
) -> rusqlite::Result<(Vec<WishId>, Option<i64>)> {
    let sql = "SELECT wishes, slot FROM decision
        WHERE customer = ?1 AND plan = ?2 AND decision = 'planned' ORDER BY position DESC LIMIT 1";
    let planned =
        on.prepare_cached(sql)?
            .query_row((bytes(recorded.stream.id), bytes(plan)), |row| {
                Ok((
                    crate::stored::json::<Vec<WishId>>(row, 0)?,
                    row.get::<_, Option<i64>>(1)?,
                ))
            });
    let (agenda, slot) = planned.optional()?.unwrap_or_default();
    let sql = "SELECT id FROM wish WHERE customer = ?1 AND plan = ?2 AND status IN ('planned', 'in_contact')";
    let mut query = on.prepare_cached(sql)?;
    let now: Vec<WishId> = query
        .query_map((bytes(recorded.stream.id), bytes(plan)), |row| {
            uuid(row, 0).map(WishId::from_uuid)
        })?
        .collect::<Result<_, _>>()?;
    // A wish that was held or dropped in the same append is no longer part of it.
    let still = agenda
        .into_iter()
        .filter(|wish| now.contains(wish))
        .collect();
    Ok((still, slot))
}

fn decide(
    on: &Connection,
    recorded: &Recorded,
    what: &str,
    wishes: &[WishId],
    about: About,
    receipt: &Receipt,
) -> rusqlite::Result<()> {
    let text = |value: serde_json::Result<String>| value.unwrap_or_else(|_| "{}".to_owned());
    let sql =
        "INSERT INTO decision VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    on.prepare_cached(sql)?.execute((
        number(recorded.position.0),
        bytes(recorded.event.meta.tenant.as_uuid()),
        bytes(recorded.stream.id),
        recorded.event.recorded_at.as_micros(),
        what,
        about.plan.map(bytes),
        about.interaction.map(bytes),
        text(serde_json::to_string(wishes)),
        about.slot,
        about.until,
        word(&receipt.reason).unwrap_or_default(),
        number(receipt.policy_version),
        text(serde_json::to_string(&receipt.inputs)),
        text(serde_json::to_string(&receipt.scores)),
    ))?;
    Ok(())
}
