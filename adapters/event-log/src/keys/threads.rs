//! Threads that wait for files, so that no runtime has to.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rapport_domain::port::keys::KeyError;
use tokio::sync::{mpsc, oneshot};

/// Work that may wait; further callers wait before the queue.
const QUEUE: usize = 256;

type Work<C> = Box<dyn FnOnce(&mut C) + Send>;

/// A few threads, each with something of its own to work with (a connection), that take work from one queue. They end
/// when this is dropped and the queue is empty.
pub(super) struct Threads<C> {
    queue: mpsc::Sender<Work<C>>,
}

pub(super) fn gone() -> KeyError {
    KeyError("the threads that read and write them have stopped".to_owned())
}

impl<C: Send + 'static> Threads<C> {
    pub fn start(name: &str, own: Vec<C>) -> io::Result<Self> {
        let (queue, work) = mpsc::channel::<Work<C>>(QUEUE);
        let work = Arc::new(Mutex::new(work));
        for (number, mut own) in own.into_iter().enumerate() {
            let work = Arc::clone(&work);
            thread::Builder::new()
                .name(format!("keys-{name}-{number}"))
                .spawn(move || {
                    loop {
                        // The one that holds the lock waits for the next piece of work, the others for the lock.
                        let next = work
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .blocking_recv();
                        match next {
                            Some(work) => work(&mut own),
                            None => return,
                        }
                    }
                })?;
        }
        Ok(Self { queue })
    }

    /// Runs one piece of work. It is done to its end, whether or not the caller goes on waiting.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut C) -> T + Send + 'static,
    ) -> Result<T, KeyError> {
        let (reply, answer) = oneshot::channel();
        let work: Work<C> = Box::new(move |own| drop(reply.send(work(own))));
        self.queue.send(work).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}
