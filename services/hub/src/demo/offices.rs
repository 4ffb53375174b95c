//! Simulated departments: each files its wishes with a key of its own, without knowing of the others.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::sync::mpsc;

use super::api::{Api, Failure};
use super::cast::{CUSTOMERS, DEPARTMENTS, INVITATION, number_of};
use super::habits::{Filing, Offices, Round};
use super::stage::{Stages, closing};
use super::trouble::Trouble;

/// Wishes are pointless after so long.
const WINDOW: Duration = Duration::from_secs(3_600);

/// The departments at work.
pub struct Departments {
    /// What they intend.
    pub offices: Offices,
    /// Their keys, in the order of [`DEPARTMENTS`].
    pub apis: Vec<Api>,
    /// The key that changes customers.
    pub operations: Api,
    /// Customers who happen to call.
    pub urged: mpsc::Sender<(String, Duration)>,
    /// Errors.
    pub trouble: Trouble,
}

impl Departments {
    /// Files wishes until the stage closes.
    pub async fn run(mut self, mut stages: Stages) {
        let mut known = BTreeSet::new();
        let mut pause = Duration::from_millis(500);
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = closing(&mut stages) => return,
            }
            let round = self.offices.round();
            tokio::select! {
                () = self.file(&round, &mut known) => {}
                () = closing(&mut stages) => return,
            }
            pause = self.offices.next_round();
        }
    }

    async fn file(&mut self, round: &Round, known: &mut BTreeSet<usize>) {
        let number = number_of(round.customer);
        for filing in &round.filings {
            tokio::time::sleep(filing.after).await;
            if let Err(failure) = self.file_one(*filing, &number).await {
                let department = DEPARTMENTS
                    .get(filing.department)
                    .map_or("?", |department| department.name);
                self.trouble
                    .note(format!("department {department}: filing a wish: {failure}"));
            } else if !known.contains(&round.customer) {
                // The first wish makes a customer known whom nobody has heard of.
                match self.introduce(round.customer, &number).await {
                    Ok(()) => drop(known.insert(round.customer)),
                    Err(failure) => self
                        .trouble
                        .note(format!("introducing a customer: {failure}")),
                }
            }
        }
        if let Some(after) = round.calls_after
            && self.urged.try_send((number, after)).is_err()
        {
            self.trouble.note("a customer was not urged to call");
        }
    }

    async fn file_one(&self, filing: Filing, number: &str) -> Result<(), Failure> {
        let matter = DEPARTMENTS
            .get(filing.department)
            .and_then(|department| department.matters.get(filing.matter));
        let (Some(matter), Some(api)) = (matter, self.apis.get(filing.department)) else {
            return Ok(());
        };
        let body = json!({
            "customer": { "phone": number },
            "purpose": matter.purpose,
            "class": matter.class,
            "talking_point": matter.talking_point,
            "value": matter.value,
            "expires_at": now_millis() + u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX),
            "channels": ["voice"],
            "script": matter.script,
        });
        api.post("/wishes", &body).await.map(drop)
    }

    /// Gives a customer a name, and the consent that most of them gave once.
    async fn introduce(&self, customer: usize, number: &str) -> Result<(), Failure> {
        let found = self
            .operations
            .post("/customers/search", &json!({ "phone": number }))
            .await?;
        let first = found
            .get("customers")
            .and_then(|all| all.as_array()?.first());
        let Some(id) = first.and_then(|first| first.get("id")?.as_str()) else {
            return Err(Failure::Unreachable(
                "a customer with a wish was not found".to_owned(),
            ));
        };
        let mut change = json!({ "name": CUSTOMERS.get(customer).copied().unwrap_or_default() });
        if Offices::agreed_to_invitations(customer) {
            let consent = json!({ "purpose": INVITATION, "channel": "voice", "given": true, "evidence": "form in the shop" });
            change["consent"] = json!([consent]);
        }
        self.operations
            .patch(&format!("/customers/{id}"), &change)
            .await
            .map(drop)
    }
}

fn now_millis() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
