//! Old versions are lifted step by step, below every reader: shown with a family of facts that has had three versions.

#![allow(
    clippy::unwrap_used,
    reason = "tests, helpers of tests included, may panic"
)]

use rapport_domain::aggregate::{Aggregate, Fact, Folded, decode, encode};
use rapport_domain::event::{
    Actor, Category, Meta, NewEvent, Position, Recorded, Revision, Stream,
};
use rapport_domain::id::{CustomerId, EventId, TenantId};
use rapport_domain::time::Timestamp;
use rapport_domain::upcast::{Upcaster, target, upcast};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// v1 held one name, v2 splits it, v3 counts in minutes and is called otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum Parcel {
    #[serde(rename = "parcel.handed_over.v3")]
    HandedOver {
        given: String,
        family: String,
        minutes: u64,
    },
    #[serde(rename = "parcel.lost.v1")]
    Lost {},
}

impl Fact for Parcel {
    const CATEGORY: Category = Category::Queue;
    const UPCASTERS: &'static [Upcaster] = &[
        Upcaster {
            kind: "parcel.delivered",
            version: 2,
            to_kind: "parcel.handed_over",
            to_version: 3,
            lift: |mut data| {
                let seconds = data["seconds"].as_u64().ok_or("seconds is no number")?;
                let members = data.as_object_mut().ok_or("no object")?;
                members.remove("seconds");
                members.insert("minutes".to_owned(), json!(seconds / 60));
                Ok(data)
            },
        },
        Upcaster {
            kind: "parcel.delivered",
            version: 1,
            to_kind: "parcel.delivered",
            to_version: 2,
            lift: |data| {
                let name = data["name"].as_str().ok_or("name is no text")?;
                let (given, family) = name.split_once(' ').unwrap_or(("", name));
                Ok(json!({ "given": given, "family": family, "seconds": data["seconds"] }))
            },
        },
    ];
}

#[derive(Clone)]
struct Minutes(u64);

impl Aggregate for Minutes {
    type Fact = Parcel;

    fn begin(_: &Parcel, _: Timestamp) -> Option<Self> {
        Some(Self(0))
    }

    fn apply(&mut self, fact: &Parcel, _: Timestamp, _: Revision) {
        if let Parcel::HandedOver { minutes, .. } = fact {
            self.0 += minutes;
        }
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}

fn stored(kind: &str, version: u16, data: &Value, revision: u64) -> Recorded {
    Recorded {
        stream: Stream::new(Category::Queue, Uuid::nil()),
        revision: Revision(revision),
        position: Position(revision + 1),
        event: NewEvent {
            id: EventId::from_uuid(Uuid::from_u128(u128::from(revision))),
            kind: kind.to_owned(),
            version,
            recorded_at: Timestamp::default(),
            meta: Meta {
                tenant: TenantId::named("t"),
                actor: Actor::System,
                correlation: Uuid::nil(),
                causation: None,
                subject: None,
            },
            data: serde_json::to_vec(data).unwrap(),
        },
    }
}

#[test]
fn every_version_is_read_as_the_present_one() {
    let present = Parcel::HandedOver {
        given: "Ada".to_owned(),
        family: "Byron".to_owned(),
        minutes: 2,
    };
    let v1 = json!({ "name": "Ada Byron", "seconds": 120 });
    let v2 = json!({ "given": "Ada", "family": "Byron", "seconds": 120 });
    let read = |kind, version, data: &Value| {
        decode::<Parcel>(kind, version, &serde_json::to_vec(data).unwrap())
    };
    assert_eq!(read("parcel.delivered", 1, &v1).unwrap(), present);
    assert_eq!(read("parcel.delivered", 2, &v2).unwrap(), present);
    let written = encode(&present).unwrap();
    assert_eq!(
        (written.kind.as_str(), written.version),
        ("parcel.handed_over", 3)
    );
    assert_eq!(
        decode::<Parcel>(&written.kind, written.version, &written.data).unwrap(),
        present
    );
    assert_eq!(read("parcel.lost", 1, &json!({})).unwrap(), Parcel::Lost {});
}

#[test]
fn a_state_is_folded_from_all_versions_of_a_history() {
    let mut folded: Folded<Minutes> = Folded::default();
    let history = [
        stored(
            "parcel.delivered",
            1,
            &json!({ "name": "A B", "seconds": 60 }),
            0,
        ),
        stored(
            "parcel.delivered",
            2,
            &json!({ "given": "A", "family": "B", "seconds": 120 }),
            1,
        ),
        stored(
            "parcel.handed_over",
            3,
            &json!({ "given": "A", "family": "B", "minutes": 4 }),
            2,
        ),
    ];
    for recorded in &history {
        folded.take_recorded(recorded).unwrap();
    }
    assert_eq!(folded.state.unwrap().0, 7);
}

#[test]
fn what_does_not_fit_its_version_is_refused_in_the_name_of_what_is_stored() {
    let wrong = decode::<Parcel>("parcel.delivered", 1, b"{\"name\":7}").unwrap_err();
    assert_eq!(
        (wrong.kind.as_str(), wrong.version),
        ("parcel.delivered", 1)
    );
    assert_eq!(wrong.reason, "name is no text");
    let data = b"{\"name\":\"A B\",\"seconds\":\"long\"}";
    let wrong = decode::<Parcel>("parcel.delivered", 1, data).unwrap_err();
    assert_eq!(
        (wrong.version, wrong.reason.as_str()),
        (1, "seconds is no number")
    );
    // A later program's version has no step and is not known.
    assert!(decode::<Parcel>("parcel.handed_over", 4, b"{}").is_err());
    assert!(decode::<Parcel>("parcel.delivered", 1, b"not json").is_err());
}

#[test]
fn a_chain_is_followed_to_its_end_and_a_circle_is_noticed() {
    assert_eq!(
        target(Parcel::UPCASTERS, "parcel.delivered", 1),
        Some(("parcel.handed_over", 3))
    );
    assert_eq!(
        target(Parcel::UPCASTERS, "parcel.lost", 1),
        Some(("parcel.lost", 1))
    );
    const CIRCLE: &[Upcaster] = &[
        Upcaster {
            kind: "a",
            version: 1,
            to_kind: "a",
            to_version: 2,
            lift: Ok,
        },
        Upcaster {
            kind: "a",
            version: 2,
            to_kind: "a",
            to_version: 1,
            lift: Ok,
        },
    ];
    assert_eq!(target(CIRCLE, "a", 1), None);
    assert!(upcast(CIRCLE, "a", 1, Value::Null).is_err());
}
