//! Everybody in the demonstration: phones are plugged in, agents log in, customers come, and all go home in order.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rapport_voice::phone::{PhoneEvent, Softphone, SoftphoneConfig};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Counted;
use super::accounts::Accounts;
use super::api::Api;
use super::carrier::Carrier;
use super::cast::{AGENTS, DEPARTMENTS, OPERATIONS, PhoneKind};
use super::clerk::Clerk;
use super::desk::{Desk, DeskPhone};
use super::habits::{Offices, Public};
use super::offices::Departments;
use super::random::Random;
use super::setup::local;
use super::stage::Stage;
use super::trouble::Trouble;
use super::visitors::Site;
use crate::wiring::Addresses;

/// How long the next of those who go home may take.
const HOME_WITHIN: Duration = Duration::from_secs(20);
/// Until agents have said that they take nothing new, offers may still come.
const LAST_OFFERS: Duration = Duration::from_secs(1);
/// Words between simulated people that may wait; a full channel is counted as an error.
const WORDS: usize = 256;
/// Where the carrier and the fixed phones like to be, one after the other, so that the set-up stays the same.
const FIRST_PORT: u16 = 5_070;

type Plugged = (Softphone, mpsc::Receiver<PhoneEvent>);

/// Phones whose addresses the configuration names.
pub struct Phones {
    carrier: Plugged,
    fixed: BTreeMap<&'static str, Plugged>,
}

impl Phones {
    /// Takes the ports.
    ///
    /// # Errors
    /// When there are none to be had.
    pub async fn plug_in() -> io::Result<Self> {
        let carrier = plug_in("carrier", FIRST_PORT).await?;
        let mut fixed = BTreeMap::new();
        for (place, agent) in (1_u16..).zip(
            AGENTS
                .iter()
                .filter(|agent| agent.phone == PhoneKind::Fixed),
        ) {
            fixed.insert(agent.name, plug_in(agent.name, FIRST_PORT + place).await?);
        }
        Ok(Self { carrier, fixed })
    }

    /// Where the carrier is.
    #[must_use]
    pub fn carrier(&self) -> SocketAddr {
        self.carrier.0.local_addr()
    }

    /// Where an agent's fixed phone is.
    #[must_use]
    pub fn fixed(&self, name: &str) -> Option<SocketAddr> {
        self.fixed.get(name).map(|(phone, _)| phone.local_addr())
    }
}

async fn plug_in(user: &str, port: u16) -> io::Result<Plugged> {
    match Softphone::start(SoftphoneConfig::at(local(port), user)).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Softphone::start(SoftphoneConfig::at(local(0), user)).await
        }
        started => started,
    }
}

/// The play, running.
pub struct Play {
    stage: watch::Sender<Stage>,
    agents: JoinSet<()>,
    carrier: JoinSet<()>,
    public: JoinSet<()>,
    trouble: Trouble,
}

impl Play {
    /// Agents log in, and customers begin to come.
    pub async fn begin(
        hub: Addresses,
        accounts: &Accounts,
        phones: Phones,
        seed: u64,
        trouble: &Trouble,
    ) -> Self {
        let (stage, stages) = watch::channel(Stage::Running);
        let (voices, heard) = mpsc::channel(WORDS);
        let (urged, urges) = mpsc::channel(WORDS);
        let client = reqwest::Client::new();
        let mut play = Self {
            stage,
            agents: JoinSet::new(),
            carrier: JoinSet::new(),
            public: JoinSet::new(),
            trouble: trouble.clone(),
        };
        let Phones {
            carrier: (phone, events),
            mut fixed,
        } = phones;
        for agent in &AGENTS {
            let phone = match (agent.phone, hub.sip) {
                (PhoneKind::Registers, Some(registrar)) => {
                    let config = SoftphoneConfig::at(local(0), agent.name)
                        .registering(registrar, &accounts.phone(agent.name));
                    match Softphone::start(config).await {
                        Ok(plugged) => Some(plugged),
                        Err(error) => {
                            trouble.note(format!("agent {}: no phone: {error}", agent.name));
                            None
                        }
                    }
                }
                _ => fixed.remove(agent.name),
            };
            match Api::log_in(
                &client,
                hub.http,
                agent.name,
                &accounts.password(agent.name),
            )
            .await
            {
                Ok(api) => {
                    let desk = Desk {
                        name: agent.name,
                        api,
                        clerk: Clerk::new(Random::of(seed, agent.name)),
                        phone: phone.map(|(phone, events)| DeskPhone { phone, events }),
                        voices: voices.clone(),
                        trouble: trouble.clone(),
                    };
                    play.agents.spawn(Box::pin(desk.work(stages.clone())));
                }
                Err(failure) => trouble.note(format!("agent {}: log in: {failure}", agent.name)),
            }
        }
        if let Some(sip) = hub.sip {
            let carrier = Carrier {
                phone,
                events,
                hub: sip,
                public: Public::new(Random::of(seed, "callers")),
                voices: heard,
                urged: urges,
                trouble: trouble.clone(),
            };
            play.carrier.spawn(Box::pin(carrier.run(stages.clone())));
        }
        let site = Site {
            chat: hub.chat,
            pages: hub.http,
            public: Public::new(Random::of(seed, "visitors")),
            trouble: trouble.clone(),
        };
        play.public.spawn(Box::pin(site.run(stages.clone())));
        let key = |name: &str| Api::with_key(&client, hub.http, accounts.key(name));
        let departments = Departments {
            offices: Offices::new(Random::of(seed, "departments")),
            apis: DEPARTMENTS
                .iter()
                .map(|department| key(department.name))
                .collect(),
            operations: key(OPERATIONS),
            urged,
            trouble: trouble.clone(),
        };
        play.public.spawn(Box::pin(departments.run(stages)));
        play
    }

    /// Nobody new comes, agents finish what they have, and all go home.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn close(mut self, counted: &mut Counted, within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        self.stage.send_replace(Stage::Closing);
        tokio::time::sleep(LAST_OFFERS).await;
        loop {
            counted.catch_up().await?;
            let now = counted.tally.now();
            // A planned contact that nobody has taken stays in line: it goes on at the next start.
            if now.in_service + now.wrap_up + now.customers_waiting + now.offered == 0
                && self.public.is_empty()
            {
                break;
            }
            if Instant::now() >= until {
                self.trouble
                    .note("contacts were still open when it was time to go");
                break;
            }
            tokio::select! {
                _ = self.public.join_next(), if !self.public.is_empty() => {}
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
        self.stage.send_replace(Stage::Over);
        for group in [&mut self.agents, &mut self.carrier, &mut self.public] {
            while let Ok(Some(ended)) = tokio::time::timeout(HOME_WITHIN, group.join_next()).await {
                if ended.is_err() {
                    self.trouble.note("a part of the simulation broke down");
                }
            }
        }
        Ok(())
    }
}
