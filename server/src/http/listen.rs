//! The web server put together: listeners, bounds on connections, and actix's HTTP/1 behind watched connections. It is what
//! `actix_web::HttpServer` does, with `Watched` between the socket and the protocol.

use super::connection::{Line, Places, Watched};
use crate::limits::{HEAD_PATIENCE, Limits};
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// Connections that the system keeps for us until we accept them.
const BACKLOG: u32 = 512;
/// Bytes of an answer that the system keeps for one reader. By itself this buffer grows to megabytes, and the server notices a
/// slow reader too late.
const SENDING: u32 = 128 * 1_024;

/// A listener for each address behind `listen` that there is here. Needs a runtime.
pub fn bind(listen: &str) -> io::Result<Vec<TcpListener>> {
    let mut bound = Vec::new();
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in listen.to_socket_addrs()? {
        match bind_one(address) {
            Ok(listener) => bound.push(listener),
            Err(error) => failure = error,
        }
    }
    if bound.is_empty() { Err(failure) } else { Ok(bound) }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    // An accepted connection has the listener's buffers.
    socket.set_send_buffer_size(SENDING)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// The limits under which clients may connect.
#[derive(Clone)]
pub struct Gate {
    pub places: Arc<Places>,
    pub limits: Limits,
    /// Connections of one worker.
    pub each_worker: usize,
}

/// Serves what `app` makes on these listeners, once on each worker.
pub fn serve<F, I, S, B>(listeners: Vec<TcpListener>, workers: usize, gate: &Gate, app: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: std::fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let mut server =
        ServerBuilder::new().workers(workers).max_concurrent_connections(gate.each_worker).shutdown_timeout(20).disable_signals();
    let ending = server.graceful_shutdown_signal();
    for listener in listeners {
        let address = listener.local_addr()?;
        let (app, gate, ending) = (app.clone(), gate.clone(), ending.clone());
        let service = move || {
            let ending = ending.clone();
            let app = app().into_factory().map_err(|error| error.into().error_response());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let ending = ending.clone();
                    async move { ending.notified().await }
                })
                .client_request_timeout(HEAD_PATIENCE)
                .client_disconnect_timeout(Duration::from_secs(5))
                // The server does not wait for a client that has left: it drops the handler.
                .h1_allow_half_closed(false)
                .local_addr(address)
                .on_connect_ext(|stream: &Watched, data| {
                    data.insert::<Rc<Line>>(Rc::clone(&stream.line));
                })
                .finish(map_config(app, |()| AppConfig::default()));
            let gate = gate.clone();
            fn_service(move |stream: TcpStream| {
                let watched = Watched::new(stream, &gate.places, &gate.limits);
                std::future::ready(watched.map(with_peer).map_err(DispatchError::Io))
            })
            .and_then(http)
        };
        server = server.listen("http", listener, service)?;
    }
    Ok(server.run())
}

fn with_peer(stream: Watched) -> (Watched, Protocol, Option<SocketAddr>) {
    let peer = stream.peer();
    (stream, Protocol::Http1, peer)
}
