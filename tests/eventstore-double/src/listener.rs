//! Takes connections of one node, and stops and starts doing so.

use std::io;
use std::net::{SocketAddr, TcpListener as Port};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::protocol::event_store::client::gossip::gossip_server::GossipServer;
use crate::protocol::event_store::client::server_features::server_features_server::ServerFeaturesServer;
use crate::protocol::event_store::client::streams::streams_server::StreamsServer;
use crate::service::Node;
use crate::shared::{Gauge, Shared};
use crate::socket::{Socket, Stream};

/// Most bytes of one message, as the server has it.
const MESSAGE: usize = 17 * 1024 * 1024;
/// How much a client may send before it hears that it was read, in bytes.
const WINDOW: u32 = 1024 * 1024;
/// Connections that were taken and not begun.
const WAITING: usize = 64;

/// The port of one node.
pub(crate) struct Listener {
    shared: Arc<Shared>,
    index: usize,
    tls: Option<TlsAcceptor>,
    sockets: mpsc::Sender<io::Result<Socket>>,
    /// Ends the listening and every connection taken since it began.
    open: CancellationToken,
    /// Ends the connections taken since the last cut; the port stays.
    connections: watch::Sender<CancellationToken>,
    accepting: Option<JoinHandle<()>>,
}

impl Listener {
    /// Serves a node's address, on the port that was opened for it. To be called inside of a runtime.
    pub fn serve(
        shared: &Arc<Shared>,
        index: usize,
        port: Port,
        tls: Option<TlsAcceptor>,
    ) -> io::Result<Listener> {
        let (sockets, mut incoming) = mpsc::channel(WAITING);
        let node = Node {
            shared: shared.clone(),
            index,
        };
        let server = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .add_service(StreamsServer::new(node.clone()).max_decoding_message_size(MESSAGE))
            .add_service(GossipServer::new(node.clone()))
            .add_service(ServerFeaturesServer::new(node));
        let incoming = futures_util::stream::poll_fn(move |context| incoming.poll_recv(context));
        let end = shared.end.clone();
        tokio::spawn(async move {
            tokio::select! {
                // The server only ends with its connections; there is nobody to tell.
                served = server.serve_with_incoming(incoming) => drop(served),
                () = end.cancelled() => {}
            }
        });
        let mut this = Listener {
            shared: shared.clone(),
            index,
            tls,
            sockets,
            open: CancellationToken::new(),
            connections: watch::Sender::new(CancellationToken::new()),
            accepting: None,
        };
        this.listen(port)?;
        Ok(this)
    }

    fn listen(&mut self, port: Port) -> io::Result<()> {
        port.set_nonblocking(true)?;
        let port = TcpListener::from_std(port)?;
        self.open = self.shared.end.child_token();
        self.connections.send_replace(self.open.child_token());
        self.listening(true);
        let accept = accept(
            port,
            self.shared.clone(),
            self.tls.clone(),
            self.sockets.clone(),
            self.open.clone(),
            self.connections.subscribe(),
        );
        self.accepting = Some(tokio::spawn(accept));
        Ok(())
    }

    fn listening(&self, listening: bool) {
        let member = &self.shared.members[self.index];
        member.listening.store(listening, Ordering::SeqCst);
    }

    fn address(&self) -> SocketAddr {
        self.shared.members[self.index].address
    }

    /// Closes every connection, and the port too: that is done when the task that is returned has ended.
    pub fn refuse(&mut self) -> JoinHandle<()> {
        self.listening(false);
        self.open.cancel();
        self.accepting
            .take()
            .unwrap_or_else(|| tokio::spawn(async {}))
    }

    /// Closes every connection; new ones are taken. A port that is closed has none.
    pub fn cut(&self) -> io::Result<()> {
        if self.open.is_cancelled() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let next = self.open.child_token();
        self.connections.send_replace(next).cancel();
        Ok(())
    }

    /// Opens the port again, at the same address. To be called inside of a runtime.
    pub fn accept(&mut self) -> io::Result<()> {
        if !self.open.is_cancelled() {
            return Ok(());
        }
        self.listen(Port::bind(self.address())?)
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    sockets: mpsc::Sender<io::Result<Socket>>,
    open: CancellationToken,
    connections: watch::Receiver<CancellationToken>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = open.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            continue; // the client was gone before it was looked at
        };
        let gauge = Gauge::connection(&shared);
        let cut = connections.borrow().child_token();
        let (tls, sockets) = (tls.clone(), sockets.clone());
        tokio::spawn(async move {
            let prepared = tokio::select! {
                prepared = prepare(stream, tls) => prepared,
                () = cut.cancelled() => None,
            };
            let Some(stream) = prepared else {
                return; // no TLS: what the client sees is a closed connection
            };
            // Fails only when the double has ended.
            drop(sockets.send(Ok(Socket::new(stream, cut, gauge))).await);
        });
    }
}

async fn prepare(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Stream> {
    stream.set_nodelay(true).ok()?;
    match tls {
        None => Some(Stream::Plain(stream)),
        Some(tls) => {
            let stream = tls.accept(stream).await.ok()?;
            Some(Stream::Sealed(Box::new(stream)))
        }
    }
}
