//! The telephone network: phones that register with some node, customers who are called, callers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rapport_domain::id::LegId;
use rapport_domain::port::voice::{DialTarget, LegEnd, VoiceCommand, VoiceEvent};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::nodes::{Dice, Node, pass, sip_of};

/// What was seen of all lines of all nodes.
#[derive(Default)]
pub struct Exchange {
    /// Which registered phone is where.
    pub registered: Mutex<BTreeMap<String, usize>>,
    /// Every dial: leg and node.
    pub dials: Mutex<Vec<(LegId, usize)>>,
    /// Calls to registered phones: by which node, and at which.
    pub rung: Mutex<Vec<(usize, usize)>>,
    /// Calls to registered phones that missed them.
    pub missed: Mutex<Vec<String>>,
    /// Callers who were answered.
    pub answered: Mutex<Vec<LegId>>,
    /// What each node was told last of where the others are reached.
    pub peers: Mutex<BTreeMap<usize, Vec<SocketAddr>>>,
    /// Pairs that heard each other.
    pub bridged: Mutex<usize>,
}

enum Sign {
    Incoming { leg: LegId, from: String },
    Answer(LegId),
    End(LegId, LegEnd),
}

/// The lines of one run of one node.
pub struct Lines(mpsc::UnboundedSender<Sign>);

impl Lines {
    pub fn call(&self, from: &str) -> LegId {
        let leg = LegId::from_uuid(Uuid::now_v7());
        let from = from.to_owned();
        let _nobody_picks_up = self.0.send(Sign::Incoming { leg, from });
        leg
    }

    pub fn hangs_up(&self, leg: LegId) {
        let _stopped = self.0.send(Sign::End(leg, LegEnd::PeerHungUp));
    }

    pub fn start(node: &Arc<Node>, exchange: &Arc<Exchange>, dice: &Dice) -> Self {
        let (signs, heard) = mpsc::unbounded_channel();
        let commands = node.commands.lock().unwrap().take().unwrap();
        let network = Network {
            node: node.clone(),
            exchange: exchange.clone(),
            dice: dice.clone(),
            signs: signs.clone(),
            open: BTreeSet::new(),
        };
        tokio::spawn(network.run(commands, heard));
        Self(signs)
    }
}

struct Network {
    node: Arc<Node>,
    exchange: Arc<Exchange>,
    dice: Dice,
    signs: mpsc::UnboundedSender<Sign>,
    /// Legs that have not ended.
    open: BTreeSet<LegId>,
}

impl Network {
    async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<VoiceCommand>,
        mut signs: mpsc::UnboundedReceiver<Sign>,
    ) {
        let gate = self.node.gate.subscribe();
        loop {
            tokio::select! {
                Some(command) = commands.recv() => {
                    pass(&gate).await;
                    self.command(command).await;
                }
                Some(sign) = signs.recv() => {
                    pass(&gate).await;
                    self.sign(sign).await;
                }
                else => return,
            }
        }
    }

    fn later(&self, after: Duration, sign: Sign) {
        let signs = self.signs.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let _over = signs.send(sign);
        });
    }

    async fn tell(&self, event: VoiceEvent) {
        let _stopped = self.node.events.send(event).await;
    }

    async fn end(&mut self, leg: LegId, why: LegEnd) {
        if self.open.remove(&leg) {
            self.tell(VoiceEvent::Ended { leg, why }).await;
        }
    }

    async fn sign(&mut self, sign: Sign) {
        match sign {
            Sign::Incoming { leg, from } => {
                self.open.insert(leg);
                self.tell(VoiceEvent::Incoming {
                    leg,
                    trunk: "carrier".into(),
                    from_user: from,
                    to_user: "4930100".into(),
                })
                .await;
            }
            Sign::Answer(leg) if self.open.contains(&leg) => {
                self.tell(VoiceEvent::Answered { leg }).await;
            }
            Sign::Answer(_) => {}
            Sign::End(leg, why) => self.end(leg, why).await,
        }
    }

    async fn command(&mut self, command: VoiceCommand) {
        match command {
            VoiceCommand::Answer { leg, .. } => {
                self.exchange.answered.lock().unwrap().push(leg);
                let patience = self.dice.millis(60_000, 180_000);
                self.later(patience, Sign::End(leg, LegEnd::PeerHungUp));
            }
            VoiceCommand::Dial {
                leg,
                target,
                ring_for,
                ..
            } => {
                self.open.insert(leg);
                let index = self.node.index;
                self.exchange.dials.lock().unwrap().push((leg, index));
                if !self.reaches(target) {
                    return self.end(leg, LegEnd::Unreachable).await;
                }
                let after = self.dice.millis(200, 1_500);
                match self.dice.below(10) {
                    0 => self.later(after, Sign::End(leg, LegEnd::Declined)),
                    1 => self.later(ring_for, Sign::End(leg, LegEnd::NoAnswer)),
                    _ => self.later(after, Sign::Answer(leg)),
                }
            }
            VoiceCommand::Bridge { a, b } => {
                *self.exchange.bridged.lock().unwrap() += 1;
                let leg = if self.dice.percent(50) { a } else { b };
                let talk = self.dice.millis(1_000, 8_000);
                self.later(talk, Sign::End(leg, LegEnd::PeerHungUp));
            }
            VoiceCommand::HangUp { leg } | VoiceCommand::Refuse { leg, .. } => {
                self.end(leg, LegEnd::HungUp).await;
            }
            VoiceCommand::Peers(peers) => {
                let index = self.node.index;
                self.exchange.peers.lock().unwrap().insert(index, peers);
            }
            VoiceCommand::Play { .. } => {}
        }
    }

    /// Whether whoever is dialled is found: a registered phone only at the node it registered with.
    fn reaches(&self, target: DialTarget) -> bool {
        let DialTarget::RegisteredPhone { user, via } = target else {
            return true;
        };
        let asked = match via {
            None => Some(self.node.index),
            Some(sip) => (0..3).find(|index| sip_of(*index) == sip),
        };
        let at = self.exchange.registered.lock().unwrap().get(&user).copied();
        match (asked, at) {
            (Some(asked), Some(at)) if asked == at => {
                self.exchange
                    .rung
                    .lock()
                    .unwrap()
                    .push((self.node.index, at));
                true
            }
            _ => {
                let missed = format!("{user}: dialled at {asked:?}, registered at {at:?}");
                self.exchange.missed.lock().unwrap().push(missed);
                false
            }
        }
    }
}
