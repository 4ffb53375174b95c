//! Takes connections of one node, and stops and starts doing so.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
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
}

impl Listener {
    /// Serves a node's address, on the listener that was bound for it.
    pub fn serve(
        shared: &Arc<Shared>,
        index: usize,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
    ) -> Listener {
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
        };
        this.listen(listener);
        this
    }

    fn listen(&mut self, listener: TcpListener) {
        self.open = self.shared.end.child_token();
        self.listening(true);
        let accept = accept(
            listener,
            self.shared.clone(),
            self.tls.clone(),
            self.sockets.clone(),
            self.open.clone(),
        );
        tokio::spawn(accept);
    }

    fn listening(&self, listening: bool) {
        let member = &self.shared.members[self.index];
        member.listening.store(listening, Ordering::SeqCst);
    }

    fn address(&self) -> SocketAddr {
        self.shared.members[self.index].address
    }

    /// Closes the port and every connection.
    pub fn refuse(&self) {
        self.listening(false);
        self.open.cancel();
    }

    /// Closes every connection; new ones are taken.
    pub async fn cut(&mut self) -> io::Result<()> {
        self.refuse();
        self.accept().await
    }

    /// Opens the port again, at the same address.
    pub async fn accept(&mut self) -> io::Result<()> {
        if !self.open.is_cancelled() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address()).await?;
        self.listen(listener);
        Ok(())
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    sockets: mpsc::Sender<io::Result<Socket>>,
    open: CancellationToken,
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
        let cut = open.child_token();
        let (tls, sockets) = (tls.clone(), sockets.clone());
        tokio::spawn(async move {
            let Some(stream) = prepare(stream, tls).await else {
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
