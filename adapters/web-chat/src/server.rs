//! The listener: who gets in, how many, and the orderly end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rapport_domain::port::chat::ChatDesk;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::config::{Limits, WebChatConfig};
use crate::counters::{Counters, count};
use crate::limits::{Addresses, Place};
use crate::session::Rules;
use crate::siblings::Siblings;
use crate::{MAX_FRAME_BYTES, SUBPROTOCOL, connection};

/// How long a shutdown waits for connections to say goodbye.
const GOODBYE_WITHIN: Duration = Duration::from_secs(5);
/// How long a client that is turned away may take to hear of it.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// Clients that are being told at one time; further ones are only cut off.
const MOST_REFUSALS: usize = 64;
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const CROWDED: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Why the adapter did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("web chat cannot listen on {address}: {source}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A setting makes no sense.
    #[error("web chat: {0}")]
    Setting(&'static str),
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) desk: Arc<dyn ChatDesk>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) addresses: Arc<Addresses>,
    refusals: Arc<Semaphore>,
    pub(crate) siblings: Arc<Siblings>,
    pub(crate) counters: Arc<Counters>,
    trusted_proxies: Vec<IpAddr>,
}

/// The web chat channel.
#[derive(Debug)]
pub struct WebChat;

/// A running web chat channel. Dropping it stops the listener and closes the connections without waiting.
#[derive(Debug)]
pub struct WebChatHandle {
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: watch::Sender<bool>,
    listener: JoinHandle<()>,
    places: Arc<Semaphore>,
    max_connections: u32,
}

impl WebChat {
    /// Listens and serves visitors until [`WebChatHandle::shutdown`]. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`StartError::Setting`] when a bound is zero or out of range, [`StartError::Bind`] when the address is taken or
    /// not ours.
    pub async fn start(
        config: WebChatConfig,
        desk: Arc<dyn ChatDesk>,
    ) -> Result<WebChatHandle, StartError> {
        let WebChatConfig {
            bind,
            public_origins,
            max_connections,
            trusted_proxies,
            limits,
        } = config;
        let max_connections = u32::try_from(max_connections)
            .ok()
            .filter(|n| (1..=1_000_000).contains(n))
            .ok_or(StartError::Setting(
                "max_connections must be 1 to 1,000,000",
            ))?;
        check(&limits)?;
        let failed = |source| StartError::Bind {
            address: bind,
            source,
        };
        let listener = TcpListener::bind(bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let counters = Arc::new(Counters::default());
        let shared = Arc::new(Shared {
            desk,
            addresses: Arc::new(Addresses::new(limits.clone())),
            refusals: Arc::new(Semaphore::new(MOST_REFUSALS)),
            rules: Arc::new(Rules {
                public_origins,
                limits,
            }),
            siblings: Arc::default(),
            counters: Arc::clone(&counters),
            trusted_proxies,
        });
        let places = Arc::new(Semaphore::new(max_connections as usize));
        let (stop, stopped) = watch::channel(false);
        let listener = tokio::spawn(listen(listener, shared, Arc::clone(&places), stopped));
        Ok(WebChatHandle {
            address,
            counters,
            stop,
            listener,
            places,
            max_connections,
        })
    }
}

impl WebChatHandle {
    /// Where it listens; the port is the real one when 0 was asked for.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Its figures.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Takes no more connections, tells every client with close code 1001 and waits up to five seconds for them.
    pub async fn shutdown(self) {
        // Connections that start between the two lines see the value already set.
        self.stop.send_replace(true);
        let _ = self.listener.await; // a panic there has been reported already; there is nothing left to stop
        let _ = timeout(
            GOODBYE_WITHIN,
            self.places.acquire_many(self.max_connections),
        )
        .await;
    }
}

fn check(limits: &Limits) -> Result<(), StartError> {
    let rates = [
        limits.messages,
        limits.bytes,
        limits.address_messages,
        limits.address_bytes,
        limits.address_connects,
    ];
    let frame = u32::try_from(MAX_FRAME_BYTES).unwrap_or(u32::MAX);
    let spans = [limits.hello_within, limits.heartbeat, limits.write_within];
    if rates
        .iter()
        .any(|rate| rate.per_second == 0 || rate.burst == 0)
    {
        Err(StartError::Setting(
            "every rate needs a burst and a refill above zero",
        ))
    } else if limits.address_open == 0 {
        Err(StartError::Setting("address_open must be above zero"))
    } else if limits.bytes.burst < frame || limits.address_bytes.burst < frame {
        Err(StartError::Setting(
            "the byte bursts must hold one frame of 64 KiB",
        ))
    } else if spans
        .iter()
        .any(|span| !(Duration::from_millis(1)..=Duration::from_secs(3_600)).contains(span))
    {
        Err(StartError::Setting(
            "hello_within, heartbeat and write_within must be 1 ms to 1 h",
        ))
    } else {
        Ok(())
    }
}

async fn listen(
    listener: TcpListener,
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return, // told to stop, or the handle is gone
        };
        match accepted {
            Ok((stream, peer)) => {
                let peer = peer.ip();
                // Before it costs a place and a handshake. Whom a proxy brings is known by the request only.
                let own = if is_proxy(peer, &shared.trusted_proxies) {
                    None
                } else {
                    let Some(own) = take_in(&shared, peer) else {
                        refuse(stream, CROWDED, &shared.refusals);
                        continue;
                    };
                    Some(own)
                };
                match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
                        tokio::spawn(admit(stream, peer, own, shared, place, stopped));
                    }
                    Err(_) => {
                        count(&shared.counters.full);
                        refuse(stream, FULL, &shared.refusals);
                    }
                }
            }
            Err(error) => {
                // Out of descriptors, mostly: they come back as connections end.
                tracing::warn!(%error, "web chat cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_proxy(peer: IpAddr, trusted: &[IpAddr]) -> bool {
    trusted.contains(&peer.to_canonical())
}

/// A place among the connections of an address, when it may open one more now; counts it as turned away when not.
fn take_in(shared: &Shared, address: IpAddr) -> Option<Place> {
    let place = shared
        .addresses
        .connect(address, Instant::now())
        .then(|| shared.addresses.place(address))
        .flatten();
    if place.is_none() {
        count(&shared.counters.crowded);
    }
    place
}

/// Says why and hangs up. What the client has sent is read away for a moment: a socket closed over unread bytes takes the
/// answer with it.
fn refuse(stream: TcpStream, answer: &'static [u8], refusals: &Arc<Semaphore>) {
    let Ok(turn) = Arc::clone(refusals).try_acquire_owned() else {
        let _ = stream.try_write(answer); // best effort: the client comes back either way
        return;
    };
    tokio::spawn(async move {
        let _turn = turn;
        let goodbye = async move {
            let mut stream = stream;
            stream.write_all(answer).await?;
            stream.shutdown().await?;
            let mut unread = [0; 1024];
            while stream.read(&mut unread).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(REFUSED_WITHIN, goodbye).await; // as above
    });
}

/// Counts a connection as open while it lives.
struct Counted<'a>(&'a Counters);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn admit(
    stream: TcpStream,
    peer: IpAddr,
    own: Option<Place>,
    shared: Arc<Shared>,
    place: OwnedSemaphorePermit,
    stop: watch::Receiver<bool>,
) {
    let _place = place;
    let counters = Arc::clone(&shared.counters);
    counters.open.fetch_add(1, Ordering::Relaxed);
    let _counted = Counted(&counters);
    // Boxed: the handshake's buffers are gone once it is done.
    let upgraded = Box::pin(upgrade(stream, peer, own, &shared)).await;
    let Some((socket, origin, address, _own)) = upgraded else {
        return;
    };
    count(&counters.accepted);
    if *stop.borrow() {
        return;
    }
    connection::serve(socket, shared, origin, address, stop).await;
}

type Upgraded = (
    WebSocketStream<TcpStream>,
    Option<String>,
    IpAddr,
    Option<Place>,
);

/// The handshake. `own` is the place of a client that is no proxy; whom a proxy brings gets one here.
async fn upgrade(
    stream: TcpStream,
    peer: IpAddr,
    mut own: Option<Place>,
    shared: &Shared,
) -> Option<Upgraded> {
    let _ = stream.set_nodelay(true); // a hint: without it messages only come later
    let (mut origin, mut address) = (None, peer);
    #[allow(clippy::result_large_err)] // the callback's type is the library's
    let inspect = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        if own.is_none() {
            address = client_address(peer, request.headers());
            own = take_in(shared, address);
            if own.is_none() {
                return Err(refusal(StatusCode::TOO_MANY_REQUESTS));
            }
        }
        if !asks_for_our_protocol(request.headers()) {
            return Err(refusal(StatusCode::BAD_REQUEST));
        }
        origin = request
            .headers()
            .get(ORIGIN)
            .and_then(|origin| origin.to_str().ok())
            .map(str::to_owned);
        response.headers_mut().insert(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL),
        );
        Ok(response)
    };
    let handshake =
        tokio_tungstenite::accept_hdr_async_with_config(stream, inspect, Some(buffers()));
    let upgraded = timeout(shared.rules.limits.hello_within, handshake).await;
    match upgraded {
        Ok(Ok(socket)) => Some((socket, origin, address, own)),
        Ok(Err(_)) | Err(_) => None,
    }
}

/// Small buffers: the library's defaults cost 130 KiB a connection.
fn buffers() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * MAX_FRAME_BYTES)
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .max_message_size(Some(MAX_FRAME_BYTES))
}

fn asks_for_our_protocol(headers: &HeaderMap) -> bool {
    let offered = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    offered
        .flat_map(|list| list.split(','))
        .any(|name| name.trim() == SUBPROTOCOL)
}

/// Who is counted when a trusted proxy hands a request on: whom it names last, else itself.
fn client_address(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let last = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok());
    last.and_then(|list| list.rsplit(',').next())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(peer)
}

fn refusal(status: StatusCode) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = status;
    response
}
