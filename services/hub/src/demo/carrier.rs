//! The simulated telephone network: one phone stands for the carrier and every customer behind it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use rapport_voice::phone::{PhoneCall, PhoneEnd, PhoneEvent, Softphone};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::agenda::Agenda;
use super::habits::{Caller, Public, Reception};
use super::stage::{Stage, Stages};
use super::trouble::Trouble;

/// Calls that customers make at one time; further ones find the lines busy and are not made.
const MOST_CALLS: usize = 24;
/// How long those talk who were answered when it was time to go already.
const BRIEF: Duration = Duration::from_secs(4);
/// A call this long was heard.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// The telephone network.
pub struct Carrier {
    /// Its phone.
    pub phone: Softphone,
    /// What the phone reports.
    pub events: mpsc::Receiver<PhoneEvent>,
    /// Where the hub is.
    pub hub: SocketAddr,
    /// What customers intend.
    pub public: Public,
    /// Callers who hear a voice now.
    pub voices: mpsc::Receiver<String>,
    /// Customers who call because the simulation wants to see what happens to a plan.
    pub urged: mpsc::Receiver<(String, Duration)>,
    /// Errors.
    pub trouble: Trouble,
}

enum Due {
    NextCall,
    Urged(String),
    GiveUp(PhoneCall),
    Goodbye(PhoneCall),
    Answer(PhoneCall, Duration),
    Refuse(PhoneCall, u16),
}

enum Line {
    /// A customer called.
    Inbound {
        caller: Caller,
        talking: bool,
        answered: Option<Instant>,
    },
    /// A customer is called.
    Outbound { answered: Option<Instant> },
}

struct Exchange {
    carrier: Carrier,
    due: Agenda<Due>,
    lines: HashMap<PhoneCall, Line>,
    by_number: HashMap<String, PhoneCall>,
    running: bool,
}

impl Carrier {
    /// Makes and takes calls until the stage is over.
    pub async fn run(mut self, mut stages: Stages) {
        let first = self.public.next_call();
        let mut exchange = Exchange {
            carrier: self,
            due: Agenda::default(),
            lines: HashMap::new(),
            by_number: HashMap::new(),
            running: true,
        };
        exchange.due.after(first, Due::NextCall);
        loop {
            tokio::select! {
                event = exchange.carrier.events.recv() => match event {
                    Some(event) => exchange.hear(event),
                    None => return exchange.carrier.trouble.note("the carrier's phone stopped"),
                },
                due = exchange.due.next() => exchange.carry_out(due),
                Some(number) = exchange.carrier.voices.recv() => exchange.hears_a_voice(&number),
                Some((number, after)) = exchange.carrier.urged.recv() => exchange.due.after(after, Due::Urged(number)),
                changed = stages.changed() => {
                    let stage = *stages.borrow_and_update();
                    if changed.is_err() || stage == Stage::Over {
                        break;
                    }
                    exchange.say_goodbye();
                }
            }
        }
        exchange.close().await;
    }
}

impl Exchange {
    fn call(&mut self, caller: Caller) {
        if self.lines.len() >= MOST_CALLS {
            return self.carrier.public.hung_up(&caller.from);
        }
        let uri = format!("sip:{}@{}", caller.to, self.carrier.hub);
        match self.carrier.phone.call(&uri, &caller.from) {
            Ok(id) => {
                self.due.after(caller.patience, Due::GiveUp(id));
                self.by_number.insert(caller.from.clone(), id);
                self.lines.insert(
                    id,
                    Line::Inbound {
                        caller,
                        talking: false,
                        answered: None,
                    },
                );
            }
            Err(busy) => {
                self.carrier.public.hung_up(&caller.from);
                self.carrier.trouble.note(format!("carrier: {busy}"));
            }
        }
    }

    fn carry_out(&mut self, due: Due) {
        let phone = &self.carrier.phone;
        let done = match due {
            Due::NextCall => {
                if self.running {
                    let caller = self.carrier.public.caller();
                    self.call(caller);
                    self.due
                        .after(self.carrier.public.next_call(), Due::NextCall);
                }
                Ok(())
            }
            Due::Urged(number) => {
                let caller = self
                    .carrier
                    .public
                    .may_call(&number)
                    .filter(|_| self.running);
                caller.map_or(Ok(()), |caller| {
                    self.call(caller);
                    Ok(())
                })
            }
            Due::GiveUp(id) => match self.lines.get(&id) {
                Some(Line::Inbound { talking: false, .. }) => phone.hang_up(id),
                _ => Ok(()),
            },
            Due::Goodbye(id) => self.lines.get(&id).map_or(Ok(()), |_| phone.hang_up(id)),
            Due::Answer(id, talk) => {
                self.due.after(talk, Due::Goodbye(id));
                phone.answer(id)
            }
            Due::Refuse(id, status) => self
                .lines
                .get(&id)
                .map_or(Ok(()), |_| phone.reject(id, status)),
        };
        if let Err(busy) = done {
            self.carrier.trouble.note(format!("carrier: {busy}"));
        }
    }

    fn hears_a_voice(&mut self, number: &str) {
        let Some(&id) = self.by_number.get(number) else {
            return;
        }; // hung up in the same moment, or is called
        if let Some(Line::Inbound {
            caller, talking, ..
        }) = self.lines.get_mut(&id)
            && !std::mem::replace(talking, true)
        {
            let talk = if self.running {
                caller.talk
            } else {
                caller.talk.min(BRIEF)
            };
            self.due.after(talk, Due::Goodbye(id));
        }
    }

    fn hear(&mut self, event: PhoneEvent) {
        match event {
            PhoneEvent::Incoming { id, .. } => {
                self.lines.insert(id, Line::Outbound { answered: None });
                match self.carrier.public.is_called(!self.running) {
                    Reception::Answers { after, talk } => {
                        self.due.after(after, Due::Answer(id, talk))
                    }
                    Reception::Refuses { after, status } => {
                        self.due.after(after, Due::Refuse(id, status))
                    }
                }
            }
            PhoneEvent::Answered { id } => {
                if let Some(Line::Inbound { answered, .. } | Line::Outbound { answered }) =
                    self.lines.get_mut(&id)
                {
                    *answered = Some(Instant::now());
                }
            }
            PhoneEvent::Ended { id, why, stats } => {
                let Some(line) = self.lines.remove(&id) else {
                    return;
                };
                let (answered, inbound) = match &line {
                    Line::Inbound {
                        caller, answered, ..
                    } => {
                        self.by_number.remove(&caller.from);
                        self.carrier.public.hung_up(&caller.from);
                        (*answered, true)
                    }
                    Line::Outbound { answered } => (*answered, false),
                };
                let long = answered.is_some_and(|since| since.elapsed() >= HEARD_WITHIN);
                if long && stats.received == 0 {
                    self.carrier.trouble.note(if inbound {
                        "a caller heard nothing"
                    } else {
                        "a called customer heard nothing"
                    });
                }
                match why {
                    PhoneEnd::Refused(status) => self
                        .carrier
                        .trouble
                        .note(format!("a caller was refused with {status}")),
                    PhoneEnd::Failed => self.carrier.trouble.note("a call of a customer failed"),
                    PhoneEnd::ByUs | PhoneEnd::ByPeer => {}
                }
            }
            PhoneEvent::Ringing { .. }
            | PhoneEvent::Registered
            | PhoneEvent::NotRegistered { .. } => {}
        }
    }

    /// Nobody new calls; whoever waits gives up, and whoever talks comes to an end.
    fn say_goodbye(&mut self) {
        self.running = false;
        for (place, (id, line)) in self.lines.iter().enumerate() {
            let spread = Duration::from_millis(100 * u64::try_from(place).unwrap_or(0));
            match line {
                Line::Inbound { talking: false, .. } => self.due.after(spread, Due::GiveUp(*id)),
                Line::Inbound { .. } | Line::Outbound { .. } => {
                    self.due.after(spread * 2, Due::Goodbye(*id))
                }
            }
        }
    }

    async fn close(self) {
        let Carrier {
            phone, mut events, ..
        } = self.carrier;
        // A phone waits for the reader of its events.
        let reader = tokio::spawn(async move { while events.recv().await.is_some() {} });
        phone.stop().await;
        let _read_to_the_end = reader.await;
    }
}
