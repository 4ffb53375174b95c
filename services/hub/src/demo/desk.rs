//! A simulated agent at work: the live socket says what is on the desk, the clerk decides, requests do it; and the
//! phone is picked up.

use std::collections::HashMap;
use std::time::Duration;

use rapport_voice::phone::{PhoneCall, PhoneEnd, PhoneEvent, Softphone};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use super::agenda::Agenda;
use super::api::{Api, Failure, Socket};
use super::clerk::{Act, Clerk, Message, Presence, WorkItem};
use super::stage::{Stage, Stages};
use super::trouble::Trouble;

/// The longest pause before the live socket is opened again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the desk may show what is done already.
const EMPTY_WITHIN: Duration = Duration::from_secs(15);
/// How often somebody tries to log out while the hub still sees work in their hands, and the pause between.
const GOODBYES: (u32, Duration) = (20, Duration::from_millis(250));
/// A call that lasted this long was heard on both sides.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// An agent's phone.
pub struct DeskPhone {
    /// The phone.
    pub phone: Softphone,
    /// What it reports.
    pub events: mpsc::Receiver<PhoneEvent>,
}

/// One simulated agent.
pub struct Desk {
    /// The login.
    pub name: &'static str,
    /// Requests.
    pub api: Api,
    /// Decisions.
    pub clerk: Clerk,
    /// The phone, when there is one.
    pub phone: Option<DeskPhone>,
    /// Whose call was just picked up: the caller hears a voice.
    pub voices: mpsc::Sender<String>,
    /// Errors.
    pub trouble: Trouble,
}

#[derive(Deserialize)]
struct Me {
    presence: Presence,
}

#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Frame {
    Snapshot {
        position: u64,
        me: Me,
        work: Vec<WorkItem>,
    },
    Resumed {
        position: u64,
    },
    Work {
        position: u64,
        item: WorkItem,
    },
    Message {
        position: u64,
        interaction: Uuid,
        message: Message,
    },
    Gone {
        position: u64,
        interaction: Uuid,
    },
    Me {
        position: u64,
        me: Me,
    },
    Ping,
}

enum Due {
    Act(Act),
    PickUp(PhoneCall),
}

/// The state of one working day.
struct Day {
    desk: Desk,
    due: Agenda<Due>,
    rings: HashMap<PhoneCall, String>,
    talking: HashMap<PhoneCall, Instant>,
    seen: Option<u64>,
}

impl Desk {
    /// Works until the stage is over, then logs out.
    pub async fn work(self, mut stages: Stages) {
        let mut day = Day {
            desk: self,
            due: Agenda::default(),
            rings: HashMap::new(),
            talking: HashMap::new(),
            seen: None,
        };
        let (after, pause) = day.desk.clerk.next_break();
        day.due.after(after, Due::Act(pause));
        let mut wait = Duration::from_millis(250);
        while *stages.borrow() != Stage::Over {
            match day.connect().await {
                Ok(mut live) => {
                    wait = Duration::from_millis(250);
                    day.while_connected(&mut live, &mut stages).await;
                    live.close().await;
                }
                Err(failure) => {
                    day.note("live", &failure);
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_PAUSE);
                }
            }
        }
        day.go_home().await;
    }
}

/// Resolves at the moment; never when there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl Day {
    fn note(&self, what: &str, failure: &Failure) {
        self.desk
            .trouble
            .note(format!("agent {}: {what}: {failure}", self.desk.name));
    }

    async fn connect(&self) -> Result<Socket, Failure> {
        let mut live = self.desk.api.live("/desk/live").await?;
        live.send(&json!({ "t": "hello", "resume": self.seen }))
            .await?;
        Ok(live)
    }

    /// Works until the day is over. An offer may have been under way when it ended: whoever still has something on the desk
    /// finishes it, within [`EMPTY_WITHIN`].
    async fn while_connected(&mut self, live: &mut Socket, stages: &mut Stages) {
        let mut leave_by: Option<Instant> = None;
        loop {
            if let Some(leave_by) = leave_by
                && (self.desk.clerk.is_idle() || Instant::now() >= leave_by)
            {
                return;
            }
            tokio::select! {
                frame = live.next() => match frame {
                    Ok(Some(frame)) => {
                        if let Err(failure) = self.read(frame, live).await {
                            return self.note("live", &failure);
                        }
                    }
                    Ok(None) => {
                        self.desk.trouble.note(format!("agent {}: the hub closed the live socket", self.desk.name));
                        // Closed sockets are not opened again in the same moment.
                        return tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                    Err(failure) => return self.note("live", &failure),
                },
                event = next_event(self.desk.phone.as_mut()) => self.hear(event),
                due = self.due.next() => self.carry_out(due).await,
                () = until(leave_by) => {}
                changed = stages.changed(), if leave_by.is_none() => {
                    let stage = *stages.borrow_and_update();
                    if changed.is_err() || stage == Stage::Over {
                        leave_by = Some(Instant::now() + EMPTY_WITHIN);
                    } else {
                        let last = self.desk.clerk.ends_the_day();
                        self.carry_out(Due::Act(last)).await;
                    }
                }
            }
        }
    }

    async fn read(&mut self, frame: Value, live: &mut Socket) -> Result<(), Failure> {
        let kind = frame
            .get("t")
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned();
        let frame = match serde_json::from_value(frame) {
            Ok(frame) => frame,
            Err(error) => {
                self.desk.trouble.note(format!(
                    "agent {}: a frame `{kind}` was not understood: {error}",
                    self.desk.name
                ));
                return Ok(());
            }
        };
        let clerk = &mut self.desk.clerk;
        let (position, plan) = match frame {
            Frame::Ping => return live.send(&json!({ "t": "pong" })).await,
            Frame::Resumed { position } => (position, vec![]),
            Frame::Snapshot { position, me, work } => {
                let mut plan = clerk.sees_presence(&me.presence);
                plan.extend(clerk.sees_all(&work));
                (position, plan)
            }
            Frame::Work { position, item } => (position, clerk.sees(&item)),
            Frame::Message {
                position,
                interaction,
                message,
            } => (position, clerk.reads(interaction, &message)),
            Frame::Gone {
                position,
                interaction,
            } => {
                clerk.gone(interaction);
                (position, vec![])
            }
            Frame::Me { position, me } => (position, clerk.sees_presence(&me.presence)),
        };
        self.seen = Some(position);
        self.due
            .extend(plan.into_iter().map(|(after, act)| (after, Due::Act(act))));
        Ok(())
    }

    async fn carry_out(&mut self, due: Due) {
        let act = match due {
            Due::PickUp(call) => {
                let taken = self.desk.phone.as_ref().map(|desk| desk.phone.answer(call));
                if let Some(Err(busy)) = taken {
                    self.desk
                        .trouble
                        .note(format!("agent {}: phone: {busy}", self.desk.name));
                }
                return;
            }
            Due::Act(act) => act,
        };
        if let Act::Pause(_) = act {
            let (after, next) = self.desk.clerk.next_break();
            self.due.after(after, Due::Act(next));
        }
        if !self.desk.clerk.still_wants(&act) {
            return;
        }
        let (path, body) = self.request(&act);
        match self.desk.api.post(&path, &body).await {
            Ok(_) => self.desk.clerk.did(&act),
            // The customer may hang up between the decision and the request.
            Err(Failure::TooLate) => {}
            Err(failure) => self.note(name(&act), &failure),
        }
    }

    fn request(&self, act: &Act) -> (String, Value) {
        match act {
            Act::Accept(id) => (format!("/interactions/{id}/accept"), json!({})),
            Act::Say(id, text) => {
                // Of chance, not of the seed: the same play on the same data must not say the same message twice.
                let message = Uuid::now_v7();
                (
                    format!("/interactions/{id}/messages"),
                    json!({ "message": message, "text": text }),
                )
            }
            Act::Outcome(id, wish, outcome) => (
                format!("/interactions/{id}/outcomes"),
                json!({ "wish": wish, "outcome": outcome }),
            ),
            Act::End(id) => (format!("/interactions/{id}/end"), json!({})),
            Act::WrapUp(id, code) => (
                format!("/interactions/{id}/wrap-up"),
                json!({ "disposition": code }),
            ),
            Act::Ready => ("/me/presence".to_owned(), json!({ "state": "ready" })),
            Act::Pause(reason) => (
                "/me/presence".to_owned(),
                json!({ "state": "not_ready", "reason": reason }),
            ),
        }
    }

    fn hear(&mut self, event: Option<PhoneEvent>) {
        let trouble = self.desk.trouble.clone();
        let name = self.desk.name;
        match event {
            Some(PhoneEvent::Incoming { id, from_user }) => {
                if !self.talking.is_empty() {
                    trouble.note(format!("agent {name}: a second call came during a call"));
                }
                self.rings.insert(id, from_user);
                if let Some(after) = self.desk.clerk.rings() {
                    self.due.after(after, Due::PickUp(id));
                }
            }
            Some(PhoneEvent::Answered { id }) => {
                self.talking.insert(id, Instant::now());
                if let Some(number) = self.rings.get(&id)
                    && self.desk.voices.try_send(number.clone()).is_err()
                {
                    trouble.note("a caller did not notice that somebody answered");
                }
            }
            Some(PhoneEvent::Ended { id, why, stats }) => {
                self.rings.remove(&id);
                let talked = self.talking.remove(&id).map(|since| since.elapsed());
                if talked.is_some_and(|talked| talked >= HEARD_WITHIN) && stats.received == 0 {
                    trouble.note(format!("agent {name}: nothing was heard in a call"));
                }
                if why == PhoneEnd::Failed {
                    trouble.note(format!("agent {name}: a call failed"));
                }
            }
            Some(PhoneEvent::NotRegistered { status }) => {
                trouble.note(format!(
                    "agent {name}: the phone was not registered: {status:?}"
                ));
            }
            Some(PhoneEvent::Registered | PhoneEvent::Ringing { .. }) => {}
            None => {
                trouble.note(format!("agent {name}: the phone stopped"));
                self.desk.phone = None;
            }
        }
    }

    async fn go_home(mut self) {
        if !self.desk.clerk.is_idle() {
            self.desk.trouble.note(format!(
                "agent {}: work was left on the desk",
                self.desk.name
            ));
        }
        for attempt in 1..=GOODBYES.0 {
            let gone = json!({ "state": "logged_out" });
            match self.desk.api.post("/me/presence", &gone).await {
                Ok(_) => break,
                Err(Failure::TooLate) if attempt < GOODBYES.0 => {
                    tokio::time::sleep(GOODBYES.1).await
                }
                Err(failure) => self.note("log out", &failure),
            }
        }
        if let Some(DeskPhone { phone, mut events }) = self.desk.phone.take() {
            // A phone waits for the reader of its events.
            let reader = tokio::spawn(async move { while events.recv().await.is_some() {} });
            phone.stop().await;
            let _read_to_the_end = reader.await;
        }
    }
}

const fn name(act: &Act) -> &'static str {
    match act {
        Act::Accept(_) => "accept",
        Act::Say(..) => "send a message",
        Act::Outcome(..) => "note an outcome",
        Act::End(_) => "end",
        Act::WrapUp(..) => "wrap up",
        Act::Ready => "get ready",
        Act::Pause(_) => "take a break",
    }
}

async fn next_event(phone: Option<&mut DeskPhone>) -> Option<PhoneEvent> {
    match phone {
        Some(desk) => desk.events.recv().await,
        None => std::future::pending().await,
    }
}
