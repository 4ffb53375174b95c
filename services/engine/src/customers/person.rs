//! The customer as the gates see them: one person, however many customers they were taken for.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_domain::customer::{Claim, Customer};
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::outreach::Outreach;
use rapport_domain::time::Timestamp;

use crate::engine::Engine;
use crate::error::CommandError;

impl Engine {
    /// What is known of a customer and of all who are merged into them, with what the do-not-contact list says of their
    /// contact points.
    pub(crate) async fn person(
        &self,
        tenant: TenantId,
        id: CustomerId,
    ) -> Result<Option<Arc<Customer>>, CommandError> {
        let Some(known) = self.customer(tenant, id).await? else {
            return Ok(None);
        };
        let mut person = if known.links.absorbed.is_empty() {
            None
        } else {
            Some(self.one_person(tenant, &known).await?)
        };
        for place in &person.as_ref().unwrap_or(&known).contact_points.clone() {
            let point = &place.contact_point;
            if point.is_forgotten() {
                continue;
            }
            let claim = self
                .store
                .load_of::<Claim>(tenant, point.key(tenant))
                .await?;
            if let Some(claim) = claim.filter(|claim| !claim.listed.is_empty()) {
                let one = person.take().unwrap_or_else(|| Customer::clone(&known));
                person = Some(one.listed_as(point.clone(), claim.listed.clone()));
            }
        }
        Ok(Some(person.map_or(known, Arc::new)))
    }

    async fn one_person(
        &self,
        tenant: TenantId,
        known: &Customer,
    ) -> Result<Customer, CommandError> {
        let mut members: Vec<(Timestamp, Arc<Customer>)> = vec![];
        let (mut contacted, mut declined) = (vec![], BTreeMap::new());
        for (id, noted) in &known.links.absorbed {
            if let Some(member) = self.customer(tenant, *id).await? {
                members.push((noted.since, member));
            }
            let outreach = self.store.load_of::<Outreach>(tenant, id.as_uuid()).await?;
            let Some(outreach) = outreach else {
                continue;
            };
            contacted.extend_from_slice(outreach.ledger.contacts());
            for (purpose, at) in outreach.declined() {
                let last = declined.entry(purpose.to_owned()).or_insert(at);
                *last = at.max(*last);
            }
        }
        let members = members.iter().map(|(since, member)| (*since, &**member));
        let mut one = known.with(members);
        (one.contacted, one.declined) = (contacted, declined);
        Ok(one)
    }
}
