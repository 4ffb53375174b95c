//! Read models in memory: files are lists of what was taken in, and every step can be held up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};

use rapport_domain::event::{Position, Recorded, Stream};
use rapport_domain::port::projection::{
    Begin, FileName, Files, Parked, Projection, ProjectionError, Shelf, Tally,
};
use tokio::sync::watch;

/// A door that threads wait before.
#[derive(Clone)]
pub struct Door(Arc<(Mutex<bool>, Condvar)>);

impl Door {
    pub fn open_or_not(open: bool) -> Self {
        Self(Arc::new((Mutex::new(open), Condvar::new())))
    }

    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        let _open = self.0.1.wait_while(open, |open| !*open).unwrap();
    }
}

/// A file.
#[derive(Default)]
pub struct Content {
    pub version: u32,
    pub name: String,
    pub seen: Vec<Position>,
    pub mark: Position,
    pub complete: bool,
    pub parked: BTreeMap<Stream, Parked>,
}

#[derive(Clone)]
pub struct File(pub Arc<Mutex<Content>>);

impl File {
    pub fn new(version: u32, name: &str, complete: bool) -> Self {
        Self(Arc::new(Mutex::new(Content {
            version,
            name: name.to_owned(),
            complete,
            ..Content::default()
        })))
    }

    fn called(&self) -> FileName {
        let content = self.0.lock().unwrap();
        FileName {
            version: content.version,
            name: content.name.clone(),
        }
    }
}

pub struct Slot {
    pub serving: File,
    pub beside: Option<File>,
    pub previous: Option<File>,
    back: bool,
}

/// What tests hold in their hands.
#[derive(Clone)]
pub struct Hands {
    /// Files that answer wait before every page.
    pub serving: Door,
    /// Builds wait before every page.
    pub builds: Door,
    /// Builds fail while this is set.
    pub broken: Arc<Mutex<bool>>,
    /// Events with the data `poison` can be taken in from now on.
    pub cured: Arc<Mutex<bool>>,
}

pub struct Memory {
    pub slots: Mutex<BTreeMap<&'static str, Slot>>,
    pub newest: u32,
    pub hands: Hands,
    /// Models whose build has begun, and that have taken over, in order.
    pub told: watch::Sender<Vec<(&'static str, &'static str)>>,
}

impl Memory {
    pub fn new(models: &[&'static str], serving: u32, newest: u32, complete: bool) -> Arc<Self> {
        let slot = |name: &&'static str| {
            let slot = Slot {
                serving: File::new(serving, "first", complete),
                beside: None,
                previous: None,
                back: false,
            };
            (*name, slot)
        };
        Arc::new(Self {
            slots: Mutex::new(models.iter().map(slot).collect()),
            newest,
            hands: Hands {
                serving: Door::open_or_not(true),
                builds: Door::open_or_not(true),
                broken: Arc::default(),
                cured: Arc::default(),
            },
            told: watch::channel(Vec::new()).0,
        })
    }

    /// Shuts the door of builds, or of the files that answer.
    pub fn held_up(mut self: Arc<Self>, builds: bool) -> Arc<Self> {
        let hands = &mut Arc::get_mut(&mut self).unwrap().hands;
        let door = if builds {
            &mut hands.builds
        } else {
            &mut hands.serving
        };
        *door = Door::open_or_not(false);
        self
    }

    pub fn feeds(&self) -> Vec<Box<dyn Projection>> {
        let slots = self.slots.lock().unwrap();
        let feed = |(name, slot): (&&'static str, &Slot)| {
            Box::new(Feed {
                name,
                file: slot.serving.clone(),
                door: self.hands.serving.clone(),
                hands: Hands {
                    broken: Arc::default(),
                    ..self.hands.clone()
                },
            }) as Box<dyn Projection>
        };
        slots.iter().map(feed).collect()
    }

    pub fn serving(&self, name: &str) -> File {
        self.slots.lock().unwrap()[name].serving.clone()
    }

    /// Waits until something has been told.
    pub async fn heard(&self, what: &'static str, name: &'static str) {
        let mut told = self.told.subscribe();
        let heard = told.wait_for(|told| told.contains(&(what, name)));
        let heard = tokio::time::timeout(std::time::Duration::from_secs(60), heard).await;
        assert!(matches!(heard, Ok(Ok(_))), "{what} {name} does not come");
    }

    fn tell(&self, what: &'static str, name: &str) {
        let known = self.slots.lock().unwrap();
        let name = *known.keys().find(|known| **known == name).unwrap();
        self.told.send_modify(|told| told.push((what, name)));
    }
}

fn wrong(reason: &str) -> ProjectionError {
    ProjectionError {
        projection: "memory",
        reason: reason.to_owned(),
    }
}

impl Shelf for Memory {
    fn files(&self, name: &str) -> Option<Files> {
        let slots = self.slots.lock().unwrap();
        let slot = slots.get(name)?;
        Some(Files {
            serving: slot.serving.called(),
            beside: slot.beside.as_ref().map(File::called),
            previous: slot.previous.as_ref().map(File::called),
            newest: self.newest,
        })
    }

    fn begin(&self, name: &str, from: Begin) -> Result<Box<dyn Projection>, ProjectionError> {
        let file = {
            let mut slots = self.slots.lock().unwrap();
            let slot = slots.get_mut(name).unwrap();
            slot.back = from == Begin::Previous;
            let file = match from {
                Begin::Anew => File::new(self.newest, "anew", false),
                Begin::Unfinished => slot.beside.clone().unwrap(),
                Begin::Previous => slot.previous.take().unwrap(),
            };
            slot.beside = Some(file.clone());
            file
        };
        self.tell("began", name);
        let slots = self.slots.lock().unwrap();
        let name = *slots.keys().find(|known| **known == name).unwrap();
        Ok(Box::new(Feed {
            name,
            file,
            door: self.hands.builds.clone(),
            hands: self.hands.clone(),
        }))
    }

    fn take_over(&self, name: &str) -> Result<(), ProjectionError> {
        {
            let mut slots = self.slots.lock().unwrap();
            let slot = slots.get_mut(name).unwrap();
            let next = slot.beside.take().ok_or_else(|| wrong("nothing beside"))?;
            let before = std::mem::replace(&mut slot.serving, next);
            slot.previous = (!slot.back).then_some(before);
        }
        self.tell("took over", name);
        Ok(())
    }

    fn give_up(&self, name: &str) -> Result<(), ProjectionError> {
        self.slots.lock().unwrap().get_mut(name).unwrap().beside = None;
        Ok(())
    }

    fn discard(&self, name: &str) -> Result<bool, ProjectionError> {
        let mut slots = self.slots.lock().unwrap();
        Ok(slots.get_mut(name).unwrap().previous.take().is_some())
    }

    fn parked(&self, name: &str, limit: usize) -> Result<Vec<Parked>, ProjectionError> {
        let file = self.serving(name);
        let content = file.0.lock().unwrap();
        Ok(content.parked.values().take(limit).cloned().collect())
    }
}

struct Feed {
    name: &'static str,
    file: File,
    door: Door,
    hands: Hands,
}

impl Projection for Feed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        self.file.0.lock().unwrap().version
    }

    fn checkpoint(&self) -> Result<Position, ProjectionError> {
        Ok(self.file.0.lock().unwrap().mark)
    }

    fn apply(&mut self, page: &[Recorded]) -> Result<(), ProjectionError> {
        self.door.pass();
        if *self.hands.broken.lock().unwrap() {
            return Err(wrong("the disk is full"));
        }
        let cured = *self.hands.cured.lock().unwrap();
        let mut content = self.file.0.lock().unwrap();
        for recorded in page {
            assert!(recorded.position > content.mark, "an event came twice");
            content.mark = recorded.position;
            let poison = recorded.event.data == b"poison" && !cured;
            match content.parked.get_mut(&recorded.stream) {
                Some(parked) => parked.held += 1,
                None if poison => {
                    let parked = Parked {
                        tenant: recorded.event.meta.tenant,
                        stream: recorded.stream,
                        revision: recorded.revision,
                        position: recorded.position,
                        kind: recorded.event.kind.clone(),
                        reason: "poison".to_owned(),
                        since: recorded.event.recorded_at,
                        held: 1,
                    };
                    content.parked.insert(recorded.stream, parked);
                }
                None => content.seen.push(recorded.position),
            }
        }
        Ok(())
    }

    fn tally(&self) -> Tally {
        let content = self.file.0.lock().unwrap();
        Tally {
            unknown: 0,
            parked: content.parked.len() as u64,
            held: content.parked.values().map(|parked| parked.held).sum(),
        }
    }

    fn parked(&self, limit: usize) -> Result<Vec<Parked>, ProjectionError> {
        let content = self.file.0.lock().unwrap();
        Ok(content.parked.values().take(limit).cloned().collect())
    }

    fn release(
        &mut self,
        stream: Stream,
        held: &[Recorded],
        last: bool,
    ) -> Result<bool, ProjectionError> {
        let cured = *self.hands.cured.lock().unwrap();
        let mut content = self.file.0.lock().unwrap();
        if !cured {
            return Ok(false);
        }
        let mark = content.mark;
        let known: BTreeSet<Position> = content.seen.iter().copied().collect();
        let of_it = held.iter().filter(|event| event.position <= mark);
        for event in of_it {
            assert!(!known.contains(&event.position), "an event came twice");
            content.seen.push(event.position);
        }
        if last {
            content.parked.remove(&stream);
        }
        Ok(true)
    }

    fn is_complete(&self) -> Result<bool, ProjectionError> {
        Ok(self.file.0.lock().unwrap().complete)
    }

    fn set_complete(&mut self) -> Result<(), ProjectionError> {
        self.file.0.lock().unwrap().complete = true;
        Ok(())
    }
}
