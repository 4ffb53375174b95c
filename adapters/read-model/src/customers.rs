//! Customers, what departments want of them, and every decision with its receipt.

mod known;
mod outreach;
mod profile;
mod query;

use rapport_domain::event::Recorded;
use rapport_domain::registry::AnyFact;
use rusqlite::Connection;

use crate::file::Schema;
use crate::model::{Failure, Handler};

pub(crate) use query::{
    count_wanted, customer, cut, decisions, find_customers, one_more, outcomes, review, reviews,
    wanted, wish, wishes,
};

/// The model `customers`.
#[derive(Default)]
pub(crate) struct Customers;

impl Handler for Customers {
    const SCHEMA: Schema = Schema {
        name: "customers",
        version: 3,
        sql: include_str!("../../../migrations/read-model/customers.v3.sql"),
    };

    fn wants(kind: &str) -> bool {
        kind.starts_with("outreach.")
            || kind.starts_with("customer.")
            || kind.starts_with("contact_point.")
    }

    fn apply(&mut self, on: &Connection, recorded: &Recorded) -> Result<(), Failure> {
        match AnyFact::decode(recorded)? {
            AnyFact::Customer(fact) => known::customer(on, recorded, fact)?,
            AnyFact::ContactPoint(fact) => known::contact_point(on, recorded, &fact)?,
            AnyFact::Outreach(fact) => outreach::apply(on, recorded, &fact)?,
            AnyFact::Interaction(_)
            | AnyFact::Agent(_)
            | AnyFact::Queue(_)
            | AnyFact::Tenant(_)
            | AnyFact::Policy(_)
            | AnyFact::Node(_)
            | AnyFact::Routing(_)
            | AnyFact::Webhook(_) => {}
        }
        Ok(())
    }
}
