//! Connections break at any moment, the desk fails now and then, and still: every acknowledged message is stored
//! exactly once and in order, and the visitor ends up seeing what the desk holds.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use rapport_domain::port::chat::{Line, LineKind};
use rapport_domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// The visitor writes; the client sends what its outbox allows.
    Write,
    /// One frame reaches the server, or the client.
    ToServer,
    ToClient,
    /// The desk carries out the oldest command or pull and its answer arrives.
    DeskCall,
    DeskPull,
    /// The desk carries out the command and its answer gets lost with the connection.
    DeskCallThenBreak,
    /// The desk refuses for now.
    DeskBusy,
    DeskPullFails,
    AgentWrites,
    /// A fact that is no line.
    Invisible,
    AgentCloses,
    Break,
    Connect,
    Tick,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Write),
        8 => Just(Step::ToServer),
        8 => Just(Step::ToClient),
        6 => Just(Step::DeskCall),
        6 => Just(Step::DeskPull),
        1 => Just(Step::DeskCallThenBreak),
        1 => Just(Step::DeskBusy),
        1 => Just(Step::DeskPullFails),
        3 => Just(Step::AgentWrites),
        1 => Just(Step::Invisible),
        1 => Just(Step::AgentCloses),
        2 => Just(Step::Break),
        5 => Just(Step::Connect),
        2 => Just(Step::Tick),
    ]
}

/// What the engine promises, in memory and for one visitor.
#[derive(Default)]
struct Desk {
    conversations: Vec<(InteractionId, u64, Vec<Line>, bool)>,
    stored: BTreeMap<MessageId, Acknowledged>,
    order: Vec<MessageId>,
}

impl Desk {
    fn push(&mut self, what: Option<LineKind>) -> Option<Acknowledged> {
        let (interaction, head, lines, closed) = self
            .conversations
            .last_mut()
            .filter(|(.., closed)| !closed)?;
        let seq = Revision(*head);
        *head += 1;
        *closed = what == Some(LineKind::Closed);
        lines.extend(what.map(|what| Line {
            seq,
            at: Timestamp::from_millis(0),
            what,
        }));
        Some(Acknowledged {
            interaction: *interaction,
            seq,
        })
    }

    fn say(&mut self, cid: MessageId, text: Private<String>) -> Acknowledged {
        if let Some(known) = self.stored.get(&cid) {
            return *known;
        }
        if self.conversations.last().is_none_or(|(.., closed)| *closed) {
            let epoch =
                InteractionId::from_uuid(Uuid::from_u128(self.conversations.len() as u128 + 1));
            self.conversations.push((epoch, 1, Vec::new(), false));
        }
        let place = self
            .push(Some(LineKind::FromVisitor { message: cid, text }))
            .expect("one is open");
        self.stored.insert(cid, place);
        self.order.push(cid);
        place
    }

    fn resume(
        &self,
        epoch: Option<InteractionId>,
        after: Option<Revision>,
    ) -> Option<Conversation> {
        let (interaction, _, lines, closed) = self.conversations.last()?;
        let after = after.filter(|_| epoch == Some(*interaction));
        let lines = lines
            .iter()
            .filter(|line| Some(line.seq) > after)
            .cloned()
            .collect();
        Some(Conversation {
            interaction: *interaction,
            lines,
            closed: *closed,
        })
    }
}

/// A client with an outbox, one message in flight, that resumes by place.
#[derive(Default)]
struct Client {
    token: Option<String>,
    outbox: VecDeque<u128>,
    in_flight: bool,
    written: u128,
    acked: Vec<u128>,
    held: Option<(String, Option<u64>)>,
    /// Every line shown, by conversation in order of appearance.
    shown: Vec<(String, Vec<u64>)>,
}

impl Client {
    fn hello(&self) -> String {
        let mut hello = serde_json::json!({"t": "hello", "site": "shop"});
        if let Some(token) = &self.token {
            hello["token"] = token.as_str().into();
        }
        if let Some((epoch, after)) = &self.held {
            hello["epoch"] = epoch.as_str().into();
            if let Some(after) = after {
                hello["after"] = (*after).into();
            }
        }
        hello.to_string()
    }

    fn next(&mut self) -> Option<String> {
        let cid = *self.outbox.front().filter(|_| !self.in_flight)?;
        self.in_flight = true;
        Some(
            serde_json::json!({"t": "say", "cid": Uuid::from_u128(cid), "text": format!("m{cid}")})
                .to_string(),
        )
    }

    fn show(&mut self, epoch: &str, line: &Value) {
        let seq = line["seq"].as_u64().expect("a place");
        match self.shown.last_mut() {
            Some((last, lines)) if last == epoch => lines.push(seq),
            _ => self.shown.push((epoch.to_owned(), vec![seq])),
        }
        self.held = Some((epoch.to_owned(), Some(seq)));
    }

    /// Returns what the client sends in turn.
    fn receive(&mut self, frame: &Value) -> Option<String> {
        match frame["t"].as_str().expect("a kind") {
            "welcome" => {
                if let Some(token) = frame["token"].as_str() {
                    assert!(self.token.is_none(), "a token is given once");
                    self.token = Some(token.to_owned());
                }
                if let Some(epoch) = frame["epoch"].as_str() {
                    frame["lines"]
                        .as_array()
                        .expect("lines")
                        .iter()
                        .for_each(|line| self.show(epoch, line));
                }
                self.next()
            }
            "line" => {
                self.show(frame["epoch"].as_str().expect("an epoch"), frame);
                None
            }
            "ack" => {
                let cid = frame["cid"]
                    .as_str()
                    .and_then(|c| Uuid::parse_str(c).ok())
                    .expect("an id")
                    .as_u128();
                assert_eq!(
                    self.outbox.pop_front(),
                    Some(cid),
                    "acknowledged in the order of writing"
                );
                self.acked.push(cid);
                self.in_flight = false;
                self.next()
            }
            "refused" => {
                assert_eq!(frame["retry"], true, "{frame}");
                self.in_flight = false;
                self.next()
            }
            "ping" => Some(r#"{"t":"pong"}"#.to_owned()),
            "resync" => None,
            other => panic!("unknown frame {other}"),
        }
    }
}

/// A connection: frames under way in both directions, questions at the desk.
struct Wire {
    session: Session,
    up: VecDeque<String>,
    down: VecDeque<Value>,
    call: Option<Ask>,
    pull: Option<(Option<InteractionId>, Option<Revision>)>,
}

struct World {
    desk: Desk,
    client: Client,
    wire: Option<Wire>,
    now: Instant,
    rules: Arc<Rules>,
}

impl World {
    fn new() -> Self {
        let rules = Arc::new(Rules {
            public_origins: vec!["https://hub".to_owned()],
            limits: Limits::default(),
        });
        Self {
            desk: Desk::default(),
            client: Client::default(),
            wire: None,
            now: Instant::now(),
            rules,
        }
    }

    /// Passes on what the session wants; a closed session breaks the wire.
    fn settle(&mut self) {
        let Some(wire) = &mut self.wire else { return };
        let mut over = false;
        while let Some(output) = wire.session.poll() {
            match output {
                Output::Send(frame) => wire
                    .down
                    .push_back(serde_json::from_str(&frame.encode()).expect("JSON")),
                Output::Ask(Ask::Admit { mint, .. }) => {
                    let token = if mint { Token::fresh().ok() } else { None };
                    wire.session.on_answer(
                        Answer::Admitted {
                            origins: Some(vec![]),
                            token,
                        },
                        self.now,
                    );
                }
                Output::Ask(Ask::Resume { epoch, after, .. }) => {
                    assert!(
                        wire.pull.replace((epoch, after)).is_none(),
                        "one pull at a time"
                    );
                }
                Output::Ask(ask) => {
                    assert!(wire.call.replace(ask).is_none(), "one command at a time")
                }
                Output::Ring => {}
                Output::Close(_) => over = true,
            }
        }
        if over {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.wire = None;
        self.client.in_flight = false;
    }

    fn step(&mut self, step: &Step) {
        self.now += Duration::from_millis(400); // slow enough for the rate limits, which are tested elsewhere
        match step {
            Step::Write => {
                self.client.written += 1;
                self.client.outbox.push_back(self.client.written);
                let welcomed = self
                    .wire
                    .as_ref()
                    .is_some_and(|w| matches!(w.session.phase, Phase::Open(_)));
                let said_hello = self
                    .wire
                    .as_ref()
                    .is_some_and(|w| w.down.iter().all(|f| f["t"] != "welcome"));
                if welcomed && said_hello {
                    let frame = self.client.next();
                    if let Some(wire) = &mut self.wire {
                        wire.up.extend(frame);
                    }
                }
            }
            Step::ToServer => {
                if let Some(wire) = &mut self.wire
                    && let Some(frame) = wire.up.pop_front()
                {
                    wire.session.on_text(&frame, true, self.now);
                }
            }
            Step::ToClient => {
                if let Some(wire) = &mut self.wire
                    && let Some(frame) = wire.down.pop_front()
                {
                    wire.up.extend(self.client.receive(&frame));
                }
            }
            Step::DeskCall | Step::DeskCallThenBreak | Step::DeskBusy => self.desk_call(step),
            Step::DeskPull | Step::DeskPullFails => {
                if let Some(wire) = &mut self.wire
                    && let Some((epoch, after)) = wire.pull.take()
                {
                    let failed = matches!(step, Step::DeskPullFails);
                    let result = if failed {
                        Err(ChatError::Busy)
                    } else {
                        Ok(self.desk.resume(epoch, after))
                    };
                    wire.session.on_answer(Answer::Resumed(result), self.now);
                }
            }
            Step::AgentWrites => {
                let (message, text) = (
                    MessageId::from_uuid(Uuid::nil()),
                    Private::new("hello".to_owned()),
                );
                self.desk.push(Some(LineKind::FromAgent {
                    message,
                    agent: "Anna".to_owned(),
                    text,
                }));
                self.wake();
            }
            Step::Invisible => {
                self.desk.push(None);
                self.wake();
            }
            Step::AgentCloses => {
                self.desk.push(Some(LineKind::Closed));
                self.wake();
            }
            Step::Break => self.cut(),
            Step::Connect => {
                if self.wire.is_none() {
                    let session =
                        Session::new(Arc::clone(&self.rules), Some("https://hub"), self.now);
                    let up = VecDeque::from([self.client.hello()]);
                    self.wire = Some(Wire {
                        session,
                        up,
                        down: VecDeque::new(),
                        call: None,
                        pull: None,
                    });
                }
            }
            Step::Tick => {
                if let Some(wire) = &mut self.wire {
                    self.now = self.now.max(wire.session.deadline());
                    wire.session.on_tick(self.now);
                }
            }
        }
        self.settle();
    }

    fn desk_call(&mut self, step: &Step) {
        let Some(Ask::Say { cid, text, .. }) = self.wire.as_mut().and_then(|wire| wire.call.take())
        else {
            return;
        };
        let result = match step {
            Step::DeskBusy => Err(ChatError::Busy),
            _ => Ok(self.desk.say(cid, text)),
        };
        if matches!(step, Step::DeskCallThenBreak) {
            return self.cut();
        }
        if let Some(wire) = &mut self.wire {
            wire.session.on_answer(Answer::Said(result), self.now);
        }
    }

    /// What `ChatDesk::changed` does: it resolves when the conversation watched has moved on.
    fn wake(&mut self) {
        if let Some(wire) = &mut self.wire
            && let Some((epoch, after)) = wire.session.watching()
            && self
                .desk
                .conversations
                .iter()
                .any(|(id, head, ..)| *id == epoch && *head > after.0 + 1)
        {
            wire.session.on_changed(self.now);
        }
    }

    /// Lets everything come to rest on a connection that holds.
    fn finish(&mut self) {
        for _ in 0..2_000 {
            self.wake();
            for step in [
                Step::Connect,
                Step::ToServer,
                Step::DeskCall,
                Step::DeskPull,
                Step::ToClient,
            ] {
                self.step(&step);
            }
            if let Some(wire) = &mut self.wire
                && wire.session.deadline() <= self.now
            {
                wire.session.on_tick(self.now);
                self.settle();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_stored_once_in_order_and_shown_once_however_often_the_connection_breaks(
        steps in prop::collection::vec(any_step(), 1..160)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            let stored: Vec<u128> = world.desk.order.iter().map(|cid| cid.as_uuid().as_u128()).collect();
            prop_assert!(world.client.acked.iter().all(|cid| stored.contains(cid)), "acknowledged means stored");
        }
        world.finish();
        let World { desk, client, .. } = world;
        let stored: Vec<u128> = desk.order.iter().map(|cid| cid.as_uuid().as_u128()).collect();
        let written: Vec<u128> = (1..=client.written).collect();
        prop_assert_eq!(&client.acked, &written, "everything written is acknowledged in the end");
        prop_assert_eq!(&stored, &written, "and stored once, in the order of writing");
        for (epoch, seqs) in &client.shown {
            prop_assert!(seqs.is_sorted_by(|a, b| a < b), "shown once and in order in {}: {:?}", epoch, seqs);
        }
        let latest = desk.conversations.last().map(|(id, _, lines, _)| (id.to_string(), lines.iter().map(|l| l.seq.0).collect::<Vec<_>>()));
        prop_assert_eq!(client.shown.last().cloned(), latest.filter(|(_, lines)| !lines.is_empty()), "the visitor sees what the desk holds");
    }
}
