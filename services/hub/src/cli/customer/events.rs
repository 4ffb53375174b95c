//! Searches every event of a log whose files are elsewhere, byte for byte as it is stored.

use std::collections::{BTreeMap, BTreeSet};

use indicatif::ProgressBar;
use rapport_domain::event::{Position, Recorded};
use rapport_domain::port::log::EventLog;

use super::super::Failure;
use super::PAGE;
use super::search::{Places, Search};

/// What a search did.
#[derive(Default)]
pub struct Searched {
    /// Events looked at.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// By the kind of value: how many events hold it, and the position of the first one.
    pub found: BTreeMap<String, Places>,
}

/// Searches the log up to its present end.
pub async fn search(
    log: &dyn EventLog,
    search: &Search,
    bar: &ProgressBar,
) -> Result<Searched, Failure> {
    let mut searched = Searched::default();
    let (mut after, head) = (Position::START, log.head());
    bar.set_length(head.0);
    while after < head {
        let page = log.read_all(after, PAGE).await.map_err(Failure::new)?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for recorded in &page {
            look(recorded, search, &mut searched)?;
        }
        bar.set_position(after.0);
    }
    bar.finish_and_clear();
    Ok(searched)
}

/// Looks at everything of an event that somebody wrote: data, what is noted beside it, type and stream.
fn look(recorded: &Recorded, search: &Search, searched: &mut Searched) -> Result<(), Failure> {
    let event = &recorded.event;
    let beside = serde_json::to_vec(&event.meta).map_err(Failure::new)?;
    let stream = recorded.stream.to_string();
    let parts = [
        &event.data[..],
        &beside,
        event.kind.as_bytes(),
        stream.as_bytes(),
    ];
    searched.events += 1;
    let mut kinds = BTreeSet::new();
    for part in parts {
        searched.bytes += part.len() as u64;
        kinds.extend(search.kinds_in(part));
    }
    for kind in kinds {
        let first = recorded.position.0;
        let places = searched.found.entry(kind.to_owned());
        places.or_insert(Places { first, count: 0 }).count += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rapport_domain::event::{Actor, Category, Meta, NewEvent, Revision, Stream};
    use rapport_domain::id::{CustomerId, EventId, TenantId};
    use rapport_domain::time::Timestamp;
    use uuid::Uuid;

    use super::super::witness::Known;
    use super::*;

    fn recorded(position: u64, data: &str, department: &str) -> Recorded {
        let id = Uuid::from_u128(position.into());
        Recorded {
            stream: Stream::new(Category::Customer, id),
            revision: Revision::FIRST,
            position: Position(position),
            event: NewEvent {
                id: EventId::from_uuid(id),
                kind: "customer.named".to_owned(),
                version: 1,
                recorded_at: Timestamp::default(),
                meta: Meta {
                    tenant: TenantId::named("acme"),
                    actor: Actor::Department(department.to_owned()),
                    correlation: id,
                    causation: None,
                    subject: None,
                },
                data: data.as_bytes().to_vec(),
            },
        }
    }

    #[test]
    fn events_that_hold_a_known_value_are_counted_wherever_in_them_it_stands() {
        let known = Known {
            kind: "name".to_owned(),
            value: "Li Wei Schmidt".to_owned(),
        };
        let search = Search::of(CustomerId::from_uuid(Uuid::nil()), &[known]).unwrap();
        let mut searched = Searched::default();
        for event in [
            recorded(3, "{\"name\":\"Somebody else\"}", "sales"),
            recorded(
                5,
                "{\"name\":\"li wei schmidt\",\"alias\":\"Li Wei Schmidt\"}",
                "sales",
            ),
            recorded(9, "{}", "Li Wei Schmidt & Sons"),
        ] {
            look(&event, &search, &mut searched).unwrap_or_else(|error| panic!("{}", error.line));
        }
        let places = Places { first: 5, count: 2 };
        assert_eq!(
            searched.found,
            BTreeMap::from([("name".to_owned(), places)])
        );
        assert_eq!(searched.events, 3);
    }
}
