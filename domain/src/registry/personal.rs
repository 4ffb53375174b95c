//! Which values of a stored event are personal. The log seals exactly these; a test over the catalogue compares them
//! with the fields of the facts that are [`Private`](crate::private::Private).

use crate::event::{Category, Stream};
use crate::id::CustomerId;

/// The way to one value of an event's data: the keys of the objects around it, the outermost first.
pub type Path = &'static [&'static str];

/// Where the personal values of a type's data are; empty when it holds none. A value that is absent or null says nothing
/// of anybody. Every value is a text: what stands in for a forgotten one is a text too.
///
/// What is listed for a type and version may grow and never shrinks: what is in logs stays readable either way, because a
/// sealed event says itself where its values belong.
#[must_use]
pub fn paths(kind: &str, version: u16) -> &'static [Path] {
    match (kind, version) {
        ("interaction.started", 1) => &[&["contact_point", "value"]],
        ("interaction.message_received" | "interaction.message_sent", 1) => &[&["text"]],
        ("interaction.disposition_set", 1) => &[&["note"]],
        ("customer.contact_point_added", 1) => &[&["contact_point", "value"]],
        ("customer.named", 1) => &[&["name"]],
        ("customer.consent_changed", 1) => &[&["evidence"]],
        ("customer.do_not_contact_changed", 1) => &[&["reason"]],
        ("customer.preference_set", 1) => &[&["contact_point", "value"]],
        ("customer.complaint_opened", 1) => &[&["about"]],
        ("customer.complaint_closed", 1) => &[&["resolution"]],
        ("customer.absorbed", 1) => &[&["evidence"]],
        ("customer.qualified", 1) => &[&["evidence"]],
        ("customer.fact_stated", 1) => &[&["value", "text"]],
        ("outreach.wish_filed" | "outreach.wish_amended", 1) => {
            &[&["talking_point"], &["message"], &["script"], &["evidence"]]
        }
        ("outreach.outcome_recorded", 1) => &[&["note"]],
        _ => &[],
    }
}

/// Whose personal data the events of a stream may hold, where the stream's name says it. The events of an interaction
/// belong to the customer whom its first event names.
#[must_use]
pub fn named_by(stream: Stream) -> Option<CustomerId> {
    match stream.category {
        Category::Customer | Category::Outreach => Some(CustomerId::from_uuid(stream.id)),
        _ => None,
    }
}
