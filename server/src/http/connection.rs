//! One TCP connection: its place among the others, how slowly it may be read, and whether a request is served on it.

use super::patience::Patience;
use super::shares::network;
use crate::limits::Limits;
use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// The connections that are open, by address.
#[derive(Debug)]
pub struct Places {
    each: usize,
    /// Proxies speak for many.
    exempt: Vec<IpAddr>,
    by: Mutex<HashMap<IpAddr, Held>>,
    pub open: AtomicUsize,
    pub turned_away: AtomicU64,
    /// Ended because nobody read or sent.
    pub cut: AtomicU64,
}

/// Of one address: what is open, and how many were turned away meanwhile.
#[derive(Debug, Default)]
struct Held {
    open: usize,
    turned_away: u64,
}

impl Places {
    #[must_use]
    pub fn new(each: usize, exempt: &[IpAddr]) -> Arc<Self> {
        Arc::new(Self {
            each,
            exempt: exempt.to_vec(),
            by: Mutex::default(),
            open: AtomicUsize::new(0),
            turned_away: AtomicU64::new(0),
            cut: AtomicU64::new(0),
        })
    }

    fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let counted = (!self.exempt.contains(&address.to_canonical())).then(|| network(address));
        if let Some(from) = counted {
            let mut by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
            let own = by.entry(from).or_default();
            if own.open >= self.each {
                self.turned_away.fetch_add(1, Ordering::Relaxed);
                own.turned_away = own.turned_away.saturating_add(1);
                // A flood of connections is no flood of lines.
                if own.turned_away.is_power_of_two() {
                    tracing::warn!(%address, count = own.turned_away, code = "too_many_connections", "denied");
                }
                return None;
            }
            own.open = own.open.saturating_add(1);
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(Place { places: Arc::clone(self), counted })
    }
}

/// One of the connections.
struct Place {
    places: Arc<Places>,
    counted: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open.fetch_sub(1, Ordering::Relaxed);
        let Some(from) = self.counted else { return };
        let mut by = self.places.by.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = by.get_mut(&from) {
            own.open = own.open.saturating_sub(1);
            if own.open == 0 {
                by.remove(&from);
            }
        }
    }
}

/// What requests and their connection know of each other.
#[derive(Debug)]
pub struct Line {
    served: Cell<usize>,
    /// The moment since which none is.
    since: Cell<Instant>,
}

impl Line {
    /// A request is served on this connection from now until the guard is dropped.
    #[must_use]
    pub fn serve(self: &Rc<Self>) -> Served {
        self.served.set(self.served.get().saturating_add(1));
        Served(Rc::clone(self))
    }

    fn unserved_for(&self) -> Option<Duration> {
        (self.served.get() == 0).then(|| self.since.get().elapsed())
    }
}

pub struct Served(Rc<Line>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.served.set(self.0.served.get().saturating_sub(1));
        self.0.since.set(Instant::now());
    }
}

/// A connection that ends when its reader takes less than the least rate, or when nothing is served on it for too long. actix-web itself
/// has no limit for a reader, for the heads of later requests, and for the rest of a body that it does not need.
pub struct Watched {
    stream: TcpStream,
    pub line: Rc<Line>,
    reader: Patience,
    unserved: Duration,
    next_look: Option<Pin<Box<Sleep>>>,
    place: Place,
}

impl Watched {
    /// Fails when this address has too many.
    pub fn new(stream: TcpStream, places: &Arc<Places>, limits: &Limits) -> io::Result<Self> {
        let place = places.take(stream.peer_addr()?.ip()).ok_or_else(|| io::Error::from(io::ErrorKind::QuotaExceeded))?;
        let line = Rc::new(Line { served: Cell::new(0), since: Cell::new(Instant::now()) });
        let reader = Patience::new(limits.answer_patience);
        Ok(Self { stream, line, reader, unserved: limits.unserved, next_look: None, place })
    }

    #[must_use]
    pub fn peer(&self) -> Option<std::net::SocketAddr> {
        self.stream.peer_addr().ok()
    }

    fn cut(&self) -> io::Error {
        self.place.places.cut.fetch_add(1, Ordering::Relaxed);
        let address = self.peer().map(|peer| peer.ip().to_string());
        tracing::warn!(address, code = "connection_too_slow", "denied");
        io::ErrorKind::TimedOut.into()
    }

    /// Looked at now and then, so that a request costs nothing.
    fn is_left_alone(&mut self, context: &mut Context<'_>) -> bool {
        let every = self.unserved / 3;
        loop {
            let look = self.next_look.get_or_insert_with(|| Box::pin(tokio::time::sleep(every)));
            if look.as_mut().poll(context).is_pending() {
                return false;
            }
            if !self.reader.is_waiting() && self.line.unserved_for().is_some_and(|time| time >= self.unserved) {
                return true;
            }
            look.as_mut().reset(tokio::time::Instant::now() + every);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_pending() && this.is_left_alone(context) { Poll::Ready(Err(this.cut())) } else { read }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write(context, bytes) {
            Poll::Ready(Ok(taken)) => {
                this.reader.moved(taken);
                Poll::Ready(Ok(taken))
            }
            Poll::Pending if this.reader.is_over(context) => Poll::Ready(Err(this.cut())),
            other => other,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_address_and_come_back() {
        let proxy: IpAddr = "10.0.0.9".parse().unwrap();
        let places = Places::new(2, &[proxy]);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let held: Vec<_> = (0..3).map(|_| places.take(one)).collect();
        assert_eq!(held.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
        assert!(places.take("192.0.2.2".parse().unwrap()).is_some(), "another address");
        let many: Vec<_> = (0..10).filter_map(|_| places.take(proxy)).collect();
        assert_eq!(many.len(), 10, "a trusted proxy");
        drop((held, many));
        assert_eq!((places.open.load(Ordering::Relaxed), places.by.lock().unwrap().len()), (0, 0));
        let six = |text: &str| places.take(text.parse().unwrap());
        let held = [six("2001:db8::1"), six("2001:db8::2")];
        assert!(six("2001:db8::3").is_none() && six("2001:db8:0:1::3").is_some() && held.iter().all(Option::is_some));
    }
}
