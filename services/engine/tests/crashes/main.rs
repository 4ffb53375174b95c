//! The hub dies between every two steps of each story, and a second one on the same log ends it properly. A step is an
//! append or a command to the voice channel; the hub dies just before it takes effect, or just after, unheard.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world has failed"
)]

mod erasing;
mod holds;
mod mortal;
mod outside;
#[path = "../journeys/support.rs"]
#[allow(dead_code, reason = "the journeys use the rest")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use mortal::{Fuse, Moment, MortalLog, MortalVoice, VirtualTime};
use outside::{Outside, Story};
use rapport_domain::event::Actor;
use rapport_domain::testing::{MemoryKeys, MemoryLog};
use rapport_domain::time::Timestamp;
use rapport_engine::{Engine, Parts};
use support::{Marks, Scan, declaration};
use tokio::sync::mpsc;

/// No story has this many steps.
const MOST_STEPS: usize = 400;
/// A hub has this long, in virtual time, to end a story.
const ENDED_WITHIN: Duration = Duration::from_secs(12 * 3_600);

/// A Monday morning.
const MORNING: Timestamp = Timestamp::from_millis(1_767_603_600_000);

/// What outlives a hub: the log, how far reactions had come, and the people outside.
struct World {
    log: MemoryLog,
    marks: Arc<Marks>,
    outside: Outside,
    now: Timestamp,
}

impl World {
    fn new(story: Story) -> Self {
        Self {
            log: MemoryLog::new(),
            marks: Arc::default(),
            outside: Outside::new(story),
            now: MORNING,
        }
    }

    /// One hub's life, until the story has ended or the hub has died; answers whether it has ended. Nothing of the hub
    /// is left afterwards: its runtime is gone, with every task on it.
    fn live(&mut self, fuse: &Arc<Fuse>) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let ended = runtime.block_on(async {
            let began = tokio::time::Instant::now();
            let ended = tokio::select! {
                ended = tokio::time::timeout(ENDED_WITHIN, self.run(fuse)) => ended.is_ok(),
                () = fuse.died() => false,
            };
            self.now = self.now + began.elapsed();
            ended
        });
        runtime.shutdown_background();
        ended
    }

    async fn run(&mut self, fuse: &Arc<Fuse>) {
        let parts = Parts {
            log: Arc::new(MortalLog::new(self.log.clone(), fuse.clone())),
            surroundings: Arc::new(VirtualTime::starting(self.now)),
            worklist: Arc::new(Scan(self.log.clone())),
            checkpoints: self.marks.clone(),
            node: None,
            keys: Arc::new(MemoryKeys::new()),
        };
        let (sender, events) = mpsc::channel(64);
        let voice = MortalVoice::new(fuse.clone());
        let engine = Engine::start(parts).await.unwrap();
        engine
            .declare(declaration(), Actor::Operator)
            .await
            .unwrap();
        engine.attach_voice(Arc::new(voice.clone()), events);
        engine.open().await.unwrap();
        self.outside.meet(&engine, &self.log, &voice, &sender).await;
    }

    fn told(&self) -> String {
        let kinds = self.log.events().iter().fold(String::new(), |told, e| {
            format!(
                "{told}\n{} {} {}",
                e.stream,
                e.event.kind,
                String::from_utf8_lossy(&e.event.data)
            )
        });
        format!("{:#?}{kinds}", self.outside)
    }
}

/// Kills the hub at step `at`; answers whether there was such a step.
fn die_once(story: Story, at: usize, moment: Moment) -> bool {
    let mut world = World::new(story);
    let fuse = Arc::new(Fuse::at(at, moment));
    let mut ended = world.live(&fuse);
    let died = fuse.is_dead();
    if died {
        world.outside.hub_died();
        ended = world.live(&Arc::new(Fuse::never()));
    }
    let when = if died {
        format!("dead {moment:?} step {at}")
    } else {
        "alive".to_owned()
    };
    assert!(
        ended,
        "{story:?}, {when}: the story does not end\n{}",
        world.told()
    );
    if let Err(wrong) = holds::check(&world.log, &world.outside) {
        panic!("{story:?}, {when}: {wrong}\n{}", world.told());
    }
    died
}

fn die_everywhere(story: Story) {
    for moment in [Moment::Before, Moment::After] {
        let mut at = 0;
        while die_once(story, at, moment) {
            at += 1;
            assert!(at < MOST_STEPS, "{story:?} does not come to an end");
        }
        println!("{story:?}, {moment:?}: {at} steps");
        assert!(at > 15, "{at} steps only: the test does not see them");
    }
}

#[test]
fn a_call_survives_a_crash_between_any_two_steps() {
    die_everywhere(Story::CallComesIn);
}

#[test]
fn a_planned_contact_survives_a_crash_between_any_two_steps() {
    die_everywhere(Story::DepartmentsWish);
}

#[test]
fn a_customer_who_is_faster_survives_a_crash_between_any_two_steps() {
    die_everywhere(Story::CustomerIsFaster);
}

#[test]
fn a_chat_survives_a_crash_between_any_two_steps() {
    die_everywhere(Story::VisitorWrites);
}
