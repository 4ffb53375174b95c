//! The shell around a session: owns the socket, asks the clock, calls the desk.

use std::future::{Future, pending};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rapport_domain::event::Revision;
use rapport_domain::id::InteractionId;
use rapport_domain::port::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::counters::count;
use crate::frames::ServerFrame;
use crate::server::Shared;
use crate::session::{Answer, Ask, Ending, Output, Session};
use crate::siblings::Place;
use crate::token::Token;

/// How long a closing handshake may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Why the loop ended.
enum End {
    /// The client closed, or the socket broke.
    Gone,
    /// The client did not take a frame in time.
    Slow,
    /// No sign of life.
    Silent,
    /// We close, with this code and reason.
    Close(CloseCode, &'static str),
}

/// Questions to the desk that are not answered yet.
#[derive(Default)]
struct Open<'desk> {
    call: Option<BoxFuture<'desk, Answer>>,
    pull: Option<BoxFuture<'desk, Answer>>,
    change: Option<((InteractionId, Revision), BoxFuture<'desk, ()>)>,
}

/// Serves one upgraded connection to its end.
pub(crate) async fn serve(
    mut socket: WebSocketStream<TcpStream>,
    shared: Arc<Shared>,
    origin: Option<String>,
    address: IpAddr,
    stop: watch::Receiver<bool>,
) {
    let session = Session::new(Arc::clone(&shared.rules), origin.as_deref(), Instant::now());
    drop(origin);
    match converse(&mut socket, session, &shared, address, stop).await {
        End::Gone => {}
        End::Slow => count(&shared.counters.slow),
        End::Silent => count(&shared.counters.silent),
        End::Close(code, reason) => {
            if code == CloseCode::Policy {
                count(&shared.counters.barred);
            }
            // Boxed: it lives for a moment, a connection's task lives for hours and is as large as its largest part.
            Box::pin(close(socket, code, reason)).await;
        }
    }
}

async fn converse(
    socket: &mut WebSocketStream<TcpStream>,
    mut session: Session,
    shared: &Shared,
    address: IpAddr,
    mut stop: watch::Receiver<bool>,
) -> End {
    let desk = &*shared.desk;
    let mut open = Open::default();
    let mut place: Option<Place> = None;
    loop {
        while let Some(output) = session.poll() {
            match output {
                Output::Send(frame) => {
                    tally(shared, &frame);
                    match timeout(
                        shared.rules.limits.write_within,
                        socket.send(Message::text(frame.encode())),
                    )
                    .await
                    {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return End::Gone,
                        Err(_) => return End::Slow,
                    }
                }
                Output::Ask(Ask::Admit { site, mint }) => {
                    let origins = desk.allowed_origins(&site);
                    let token = if mint && origins.is_some() {
                        Token::fresh().ok()
                    } else {
                        None
                    };
                    session.on_answer(Answer::Admitted { origins, token }, Instant::now());
                }
                Output::Ask(Ask::Resume {
                    visitor,
                    epoch,
                    after,
                }) => {
                    place.get_or_insert_with(|| shared.siblings.join(&visitor));
                    open.pull = Some(answer(desk.resume(visitor, epoch, after), Answer::Resumed));
                }
                Output::Ask(Ask::Say { visitor, cid, text }) => {
                    open.call = Some(answer(desk.say(visitor, cid, text), Answer::Said));
                }
                Output::Ask(Ask::Leave { visitor }) => {
                    open.call = Some(answer(desk.leave(visitor), Answer::Left));
                }
                Output::Ring => {
                    if let Some(place) = &mut place {
                        place.ring();
                    }
                }
                Output::Close(Ending::Barred) => {
                    return End::Close(CloseCode::Policy, "a rule was broken");
                }
                Output::Close(Ending::TryAgain) => {
                    return End::Close(CloseCode::Again, "try again later");
                }
                Output::Close(Ending::Silent) => return End::Silent,
            }
        }
        let wanted = session.watching();
        if open.change.as_ref().map(|(place, _)| *place) != wanted {
            open.change = wanted.map(|(epoch, after)| ((epoch, after), desk.changed(epoch, after)));
        }
        tokio::select! {
            frame = socket.next() => {
                let now = Instant::now();
                match frame {
                    Some(Ok(Message::Text(text))) => {
                        count(&shared.counters.frames);
                        let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
                        session.on_text(&text, shared.addresses.message(address, size, now), now);
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => session.on_heard(now),
                    Some(Ok(Message::Binary(_))) => return End::Close(CloseCode::Unsupported, "text frames only"),
                    Some(Err(Error::Capacity(_))) => return End::Close(CloseCode::Size, "frame too large"),
                    Some(Err(Error::Utf8(_))) => return End::Close(CloseCode::Invalid, "not UTF-8"),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                }
            }
            answer = ready(&mut open.call) => {
                open.call = None;
                session.on_answer(answer, Instant::now());
            }
            answer = ready(&mut open.pull) => {
                open.pull = None;
                session.on_answer(answer, Instant::now());
            }
            () = changed(&mut open.change) => {
                open.change = None;
                session.on_changed(Instant::now());
            }
            () = rung(&mut place) => session.on_ring(),
            () = sleep_until(session.deadline().into()) => session.on_tick(Instant::now()),
            _ = stop.changed() => return End::Close(CloseCode::Away, "the hub stops"),
        }
    }
}

fn tally(shared: &Shared, frame: &ServerFrame) {
    let add = |counter: &AtomicU64, n: usize| {
        counter.fetch_add(
            u64::try_from(n).unwrap_or(u64::MAX),
            std::sync::atomic::Ordering::Relaxed,
        )
    };
    match frame {
        ServerFrame::Ack { .. } => add(&shared.counters.acknowledged, 1),
        ServerFrame::Refused { .. } => add(&shared.counters.refused, 1),
        ServerFrame::Line { .. } => add(&shared.counters.lines, 1),
        ServerFrame::Welcome { lines, .. } => add(&shared.counters.lines, lines.len()),
        ServerFrame::Resync { .. } | ServerFrame::Ping => 0,
    };
}

fn answer<'desk, T: Send + 'desk>(
    question: BoxFuture<'desk, T>,
    wrap: impl FnOnce(T) -> Answer + Send + 'desk,
) -> BoxFuture<'desk, Answer> {
    Box::pin(async move { wrap(question.await) })
}

async fn ready<T>(question: &mut Option<BoxFuture<'_, T>>) -> T {
    match question {
        Some(question) => question.await,
        None => pending().await,
    }
}

async fn changed<K>(change: &mut Option<(K, impl Future<Output = ()> + Unpin)>) {
    match change {
        Some((_, change)) => change.await,
        None => pending().await,
    }
}

async fn rung(place: &mut Option<Place>) {
    match place {
        Some(place) => place.rung().await,
        None => pending().await,
    }
}

/// Sends the close frame and reads on until the client hangs up, so that no reset overtakes the frame.
async fn close(mut socket: WebSocketStream<TcpStream>, code: CloseCode, reason: &'static str) {
    let parting = async {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        if socket.close(Some(frame)).await.is_err() {
            return;
        }
        let stream = socket.get_mut();
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut rest = [0_u8; 1024];
        while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {}
    };
    let _ = timeout(CLOSE_WITHIN, parting).await; // a client that does not answer is dropped all the same
}
