//! What is known of customers, as their facts and those of their contact points say.

use rapport_domain::customer::{ClaimFact, DoNotContact, Fact, Source};
use rapport_domain::event::Recorded;
use rapport_domain::time::Timestamp;
use rusqlite::Connection;

use crate::stored::{bytes, number, word};

fn source(source: Option<&Source>) -> Option<&str> {
    source.map(Source::name)
}

pub(super) fn contact_point(
    on: &Connection,
    recorded: &Recorded,
    fact: &ClaimFact,
) -> rusqlite::Result<()> {
    let (key, tenant) = (
        bytes(recorded.stream.id),
        bytes(recorded.event.meta.tenant.as_uuid()),
    );
    match fact {
        ClaimFact::Claimed { customer } => {
            let sql = "INSERT INTO claim SELECT ?1, ?2, ?3, ?4
                WHERE NOT EXISTS (SELECT 1 FROM customer WHERE id = ?3 AND erased_at IS NOT NULL)
                ON CONFLICT DO UPDATE SET customer = excluded.customer, position = excluded.position";
            let position = number(recorded.position.0);
            let customer = bytes(customer.as_uuid());
            on.prepare_cached(sql)?
                .execute((key, tenant, customer, position))?;
        }
        ClaimFact::Released { customer } => {
            on.prepare_cached("DELETE FROM claim WHERE key = ?1 AND customer = ?2")?
                .execute((key, bytes(customer.as_uuid())))?;
        }
        ClaimFact::Listed(entry) => {
            let sql = "INSERT OR REPLACE INTO listed VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            on.prepare_cached(sql)?.execute((
                key,
                entry.scope.name(),
                tenant,
                entry.until.map(Timestamp::as_micros),
                source(entry.source.as_ref()),
                recorded.event.recorded_at.as_micros(),
            ))?;
        }
        ClaimFact::Unlisted { scope } => {
            on.prepare_cached("DELETE FROM listed WHERE key = ?1 AND scope = ?2")?
                .execute((key, scope.name()))?;
        }
    }
    Ok(())
}

pub(super) fn customer(on: &Connection, recorded: &Recorded, fact: Fact) -> rusqlite::Result<()> {
    let customer = bytes(recorded.stream.id);
    let tenant = recorded.event.meta.tenant;
    let at = recorded.event.recorded_at;
    match fact {
        Fact::Created {} => {
            let sql = "INSERT OR IGNORE INTO customer (id, tenant) VALUES (?1, ?2)";
            on.prepare_cached(sql)?
                .execute((customer, bytes(tenant.as_uuid())))?;
        }
        Fact::ContactPointAdded(added) => {
            let sql = "INSERT OR REPLACE INTO contact_point VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let point = &added.contact_point;
            on.prepare_cached(sql)?.execute((
                customer,
                bytes(point.key(tenant)),
                point.kind().name(),
                point.value(),
                added.verified,
                number(recorded.position.0),
                source(added.source.as_ref()),
            ))?;
        }
        Fact::Named { name } => {
            let sql = "UPDATE customer SET name = ?2 WHERE id = ?1";
            on.prepare_cached(sql)?.execute((customer, name.expose()))?;
        }
        Fact::ZoneSet { zone } => {
            let sql = "UPDATE customer SET zone = ?2 WHERE id = ?1";
            on.prepare_cached(sql)?.execute((customer, zone.name()))?;
        }
        Fact::PreferenceSet {
            channel,
            contact_point,
        } => {
            let sql =
                "UPDATE customer SET preferred_channel = ?2, preferred_point = ?3 WHERE id = ?1";
            on.prepare_cached(sql)?.execute((
                customer,
                channel.map(|channel| channel.name()),
                contact_point.map(|point| bytes(point.key(tenant))),
            ))?;
        }
        Fact::ConsentChanged(statement) => {
            // Of several the one that was said last counts, however late the others become known.
            let sql = "INSERT INTO consent VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                ON CONFLICT DO UPDATE SET given = excluded.given, wording = excluded.wording, source = excluded.source,
                stated_at = excluded.stated_at, expires_at = excluded.expires_at
                WHERE excluded.stated_at >= consent.stated_at";
            on.prepare_cached(sql)?.execute((
                customer,
                &statement.purpose,
                statement.channel.name(),
                statement.given,
                &statement.wording,
                source(statement.source.as_ref()),
                statement.stated_at.unwrap_or(at).as_micros(),
                statement.expires_at.map(Timestamp::as_micros),
            ))?;
        }
        Fact::DoNotContactChanged(wish) => block(on, customer, &wish, at)?,
        Fact::ComplaintOpened {
            complaint,
            about,
            interaction,
        } => {
            let sql =
                "INSERT OR IGNORE INTO complaint (customer, id, about, interaction, opened_at)
                VALUES (?1, ?2, ?3, ?4, ?5)";
            on.prepare_cached(sql)?.execute((
                customer,
                bytes(complaint.as_uuid()),
                about.expose(),
                interaction.map(|id| bytes(id.as_uuid())),
                at.as_micros(),
            ))?;
        }
        Fact::ComplaintClosed {
            complaint,
            resolution,
        } => {
            let sql = "UPDATE complaint SET closed_at = ?3, resolution = ?4
                WHERE customer = ?1 AND id = ?2 AND closed_at IS NULL";
            on.prepare_cached(sql)?.execute((
                customer,
                bytes(complaint.as_uuid()),
                at.as_micros(),
                resolution.expose(),
            ))?;
        }
        Fact::FactStated(fact) => {
            let sql = "INSERT INTO fact VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                ON CONFLICT DO UPDATE SET kind = excluded.kind, value = excluded.value, currency = excluded.currency,
                source = excluded.source, as_of = excluded.as_of, recorded_at = excluded.recorded_at
                WHERE excluded.as_of >= fact.as_of";
            on.prepare_cached(sql)?.execute((
                customer,
                &fact.department,
                &fact.key,
                fact.value.kind().name(),
                fact.value.text(),
                fact.value.currency(),
                source(fact.source.as_ref()),
                fact.as_of.as_micros(),
                at.as_micros(),
            ))?;
        }
        Fact::Qualified(decided) => {
            let by = serde_json::to_string(&recorded.event.meta.actor).ok();
            let sql = "INSERT OR REPLACE INTO qualification VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            on.prepare_cached(sql)?.execute((
                customer,
                word(&decided.admission),
                &decided.segment,
                &decided.tier,
                decided.evidence.expose(),
                at.as_micros(),
                by,
            ))?;
        }
        Fact::Merged { into, .. } => {
            let sql = "INSERT OR REPLACE INTO link VALUES (?1, ?2, ?3)";
            let survivor = bytes(into.as_uuid());
            on.prepare_cached(sql)?
                .execute((customer, survivor, at.as_micros()))?;
        }
        Fact::Unmerged { .. } => {
            on.prepare_cached("DELETE FROM link WHERE customer = ?1")?
                .execute([customer])?;
        }
        Fact::MatchSuspected {
            review,
            other,
            doubt,
        } => {
            let sql =
                "INSERT OR IGNORE INTO review (position, id, tenant, customer, other, doubt, at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            on.prepare_cached(sql)?.execute((
                number(recorded.position.0),
                bytes(review.as_uuid()),
                bytes(tenant.as_uuid()),
                customer,
                bytes(other.as_uuid()),
                word(&doubt),
                at.as_micros(),
            ))?;
        }
        Fact::MatchJudged { review, judgement } => {
            let by = serde_json::to_string(&recorded.event.meta.actor).ok();
            let sql =
                "UPDATE review SET judgement = ?2, judged_at = ?3, judged_by = ?4 WHERE id = ?1";
            let judged = (
                bytes(review.as_uuid()),
                word(&judgement),
                at.as_micros(),
                by,
            );
            on.prepare_cached(sql)?.execute(judged)?;
        }
        // What counts is what the one who was merged says.
        Fact::Absorbed(_) | Fact::MergeRefused { .. } | Fact::Released { .. } => {}
        Fact::Erased { .. } => forget(on, customer, recorded)?,
    }
    Ok(())
}

fn block(
    on: &Connection,
    customer: [u8; 16],
    wish: &DoNotContact,
    at: Timestamp,
) -> rusqlite::Result<()> {
    if !wish.active {
        on.prepare_cached("DELETE FROM block WHERE customer = ?1 AND scope = ?2")?
            .execute((customer, wish.scope.name()))?;
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO block VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    on.prepare_cached(sql)?.execute((
        customer,
        wish.scope.name(),
        wish.until.map(Timestamp::as_micros),
        source(wish.source.as_ref()),
        at.as_micros(),
        wish.reason.expose(),
    ))?;
    Ok(())
}

/// What is personal goes; that there was somebody, and what departments wanted and got, stays.
fn forget(on: &Connection, customer: [u8; 16], recorded: &Recorded) -> rusqlite::Result<()> {
    let sql = "UPDATE customer SET name = NULL, zone = NULL, preferred_channel = NULL, preferred_point = NULL,
        erased_at = ?2 WHERE id = ?1";
    let at = recorded.event.recorded_at.as_micros();
    on.prepare_cached(sql)?.execute((customer, at))?;
    for sql in [
        "DELETE FROM contact_point WHERE customer = ?1",
        "DELETE FROM claim WHERE customer = ?1",
        "DELETE FROM consent WHERE customer = ?1",
        "DELETE FROM block WHERE customer = ?1",
        "DELETE FROM complaint WHERE customer = ?1",
        "DELETE FROM fact WHERE customer = ?1",
        "DELETE FROM qualification WHERE customer = ?1",
        // Nobody has to look any more whether somebody who is gone was somebody else.
        "DELETE FROM review WHERE (customer = ?1 OR other = ?1) AND judgement IS NULL",
        "UPDATE wish SET note = NULL WHERE customer = ?1",
    ] {
        on.prepare_cached(sql)?.execute([customer])?;
    }
    Ok(())
}
