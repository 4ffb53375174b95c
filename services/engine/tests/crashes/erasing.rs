//! A customer is erased, the hub dies between every two steps of it, and the next one ends it without being asked.

use std::sync::Arc;
use std::time::Duration;

use rapport_domain::aggregate::decode;
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{ClaimFact, ErasureGround, KnownContactPoint};
use rapport_domain::event::{Actor, Category};
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::outreach::WishClass;
use rapport_domain::port::BoxFuture;
use rapport_domain::port::keys::{KeyError, KeyState, Keys};
use rapport_domain::testing::{MemoryKeys, MemoryLog};
use rapport_domain::time::Timestamp;
use rapport_engine::{CustomerChange, CustomerRef, Engine, Parts, WishDraft};

use super::MORNING;
use super::mortal::{Fuse, Moment, MortalKeys, MortalLog, VirtualTime};
use super::support::{Marks, Scan, declaration, tenant};

const NUMBERS: [&str; 2] = ["+493011111", "+493022222"];

fn point(text: &str) -> ContactPoint {
    ContactPoint::parse(Kind::Phone, text).unwrap()
}

/// Keys that are not destroyed before what needs them was done.
struct InOrder {
    keys: MortalKeys,
    log: MemoryLog,
}

impl Keys for InOrder {
    fn key_for_sealing(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> BoxFuture<'_, Result<KeyState, KeyError>> {
        self.keys.key_for_sealing(tenant, customer)
    }
    fn keys_for_opening(
        &self,
        customers: Vec<CustomerId>,
    ) -> BoxFuture<'_, Result<Vec<KeyState>, KeyError>> {
        self.keys.keys_for_opening(customers)
    }
    fn destroy(&self, customer: CustomerId, at: Timestamp) -> BoxFuture<'_, Result<(), KeyError>> {
        assert_eq!(
            count(&self.log, "customer.erased"),
            1,
            "the fact goes first"
        );
        assert_eq!(
            owners(&self.log),
            [None, None],
            "without the key nobody could tell which claims are to be released"
        );
        self.keys.destroy(customer, at)
    }
}

struct World {
    log: MemoryLog,
    marks: Arc<Marks>,
    keys: MemoryKeys,
    now: Timestamp,
}

impl World {
    /// What a hub does until it is done or dies.
    fn live<T>(
        &mut self,
        fuse: &Arc<Fuse>,
        story: impl AsyncFnOnce(Arc<Engine>, MemoryLog) -> T,
    ) -> Option<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let done = runtime.block_on(async {
            let began = tokio::time::Instant::now();
            let parts = Parts {
                log: Arc::new(MortalLog::new(self.log.clone(), fuse.clone())),
                surroundings: Arc::new(VirtualTime::starting(self.now)),
                worklist: Arc::new(Scan(self.log.clone())),
                checkpoints: self.marks.clone(),
                node: None,
                keys: Arc::new(InOrder {
                    keys: MortalKeys::new(self.keys.clone(), fuse.clone()),
                    log: self.log.clone(),
                }),
            };
            let run = async {
                let engine = Engine::start(parts).await.unwrap();
                let declared = engine.declare(declaration(), Actor::Operator).await;
                declared.unwrap();
                engine.open().await.unwrap();
                story(engine, self.log.clone()).await
            };
            let done = tokio::select! {
                done = run => Some(done),
                () = fuse.died() => None,
            };
            self.now = self.now + began.elapsed();
            done
        });
        runtime.shutdown_background();
        done
    }
}

fn count(log: &MemoryLog, kind: &str) -> usize {
    let events = log.events();
    events.iter().filter(|e| e.event.kind == kind).count()
}

/// Whose the two numbers are.
fn owners(log: &MemoryLog) -> [Option<CustomerId>; 2] {
    NUMBERS.map(|number| {
        let key = point(number).key(tenant());
        let events = log.events();
        let mut claims = events
            .iter()
            .filter(|e| e.stream.category == Category::ContactPoint && e.stream.id == key);
        let last = claims.next_back()?;
        match decode(&last.event.kind, last.event.version, &last.event.data).unwrap() {
            ClaimFact::Claimed { customer } => Some(customer),
            ClaimFact::Released { .. } => None,
            ClaimFact::Listed(_) | ClaimFact::Unlisted { .. } => unreachable!("nobody is listed"),
        }
    })
}

async fn until(what: &str, log: &MemoryLog, holds: impl Fn(&MemoryLog) -> bool) {
    for _ in 0..2_000 {
        if holds(log) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let told: Vec<String> = log.events().iter().map(|e| e.event.kind.clone()).collect();
    panic!("not in time: {what}\n{told:#?}");
}

/// Somebody with two numbers and a name, one wish that became a contact nobody has taken, and one that waits.
async fn prepare(engine: Arc<Engine>, log: MemoryLog) -> CustomerId {
    let wish = |purpose: &str, wait: u64| WishDraft {
        value: 10,
        not_before: (wait > 0).then(|| engine.now() + Duration::from_secs(wait)),
        ..WishDraft::new(
            CustomerRef::Point(point(NUMBERS[0])),
            purpose,
            WishClass::Service,
            "Say something.",
            engine.now() + Duration::from_secs(48 * 3_600),
        )
    };
    let filed = engine
        .file_wish(tenant(), "finance", wish("bill", 0))
        .await
        .unwrap();
    let change = CustomerChange {
        name: Some("Li Wei".into()),
        contact_points: vec![KnownContactPoint::new(point(NUMBERS[1]), true)],
        ..CustomerChange::default()
    };
    engine
        .change_customer(tenant(), filed.customer, change, Actor::Operator)
        .await
        .unwrap();
    engine
        .file_wish(tenant(), "finance", wish("survey", 86_400))
        .await
        .unwrap();
    until("a contact in line", &log, |log| {
        count(log, "interaction.queued") == 1
    })
    .await;
    engine.drain().await;
    filed.customer
}

/// Kills the hub at a step of the erasure; answers whether there was such a step.
fn die_once(at: usize, moment: Moment) -> bool {
    let mut world = World {
        log: MemoryLog::new(),
        marks: Arc::default(),
        keys: MemoryKeys::new(),
        now: MORNING,
    };
    let never = Arc::new(Fuse::never());
    let customer = world.live(&never, prepare).unwrap();
    assert_eq!(owners(&world.log), [Some(customer); 2]);
    let erase = async |engine: Arc<Engine>, _: MemoryLog| {
        let ground = ErasureGround::Requested;
        let erased = engine.erase_customer(tenant(), customer, ground, Actor::Operator);
        erased.await.unwrap()
    };
    let fuse = Arc::new(Fuse::at(at, moment));
    world.live(&fuse, erase);
    let asked_for = count(&world.log, "customer.erased") == 1;
    let keys = world.keys.clone();
    let done = async |engine: Arc<Engine>, log: MemoryLog| {
        if !asked_for {
            assert_eq!(owners(&log), [Some(customer); 2], "nothing, or all of it");
            let ground = ErasureGround::Requested;
            let erased = engine.erase_customer(tenant(), customer, ground, Actor::Operator);
            assert!(erased.await.unwrap().new);
        }
        until("all of it", &log, |log| {
            owners(log) == [None, None]
                && count(log, "outreach.closed") == 1
                && count(log, "interaction.closed") == 1
        })
        .await;
        loop {
            let state = keys.keys_for_opening(vec![customer]).await.unwrap();
            if matches!(state[..], [KeyState::Destroyed { .. }]) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Asked again, nothing is left to do.
        let ground = ErasureGround::Mistake;
        let again = engine.erase_customer(tenant(), customer, ground, Actor::Operator);
        let again = again.await.unwrap();
        assert_eq!((again.new, again.dropped), (false, 2));
        // Whoever calls from there is somebody new.
        let found = engine.find_customer(tenant(), &point(NUMBERS[0])).await;
        assert_eq!(found, Ok(None));
        engine.drain().await;
    };
    world.live(&never, done).unwrap();
    for (kind, times) in [
        ("customer.erased", 1),
        ("contact_point.released", 2),
        ("outreach.wish_dropped", 2),
        ("outreach.closed", 1),
    ] {
        assert_eq!(
            count(&world.log, kind),
            times,
            "{kind}, {moment:?} step {at}"
        );
    }
    fuse.is_dead()
}

#[test]
fn an_erasure_survives_a_crash_between_any_two_steps() {
    for moment in [Moment::Before, Moment::After] {
        let mut at = 0;
        while die_once(at, moment) {
            at += 1;
        }
        println!("erasing, {moment:?}: {at} steps");
        assert!(at >= 5, "{at} steps only: the test does not see them");
    }
}
