//! One TCP connection: its place among the others, how slowly it may be read, and whether a request is served on it. An address that has all
//! its places in use loses the connection that has kept us waiting longest, so that people behind it still get one. When nearly all places are
//! taken, the network that holds most of them does.

use super::patience::Patience;
use super::shares::network;
use crate::limits::Limits;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// The connections that are open, by address.
#[derive(Debug)]
pub struct Places {
    each: usize,
    /// From so many on, the network that holds most of them makes room.
    full: usize,
    /// Proxies speak for many.
    exempt: Vec<IpAddr>,
    by: Mutex<HashMap<IpAddr, Held>>,
    pub open: AtomicUsize,
    /// Bytes that connections have sent for requests which are not served yet.
    unserved: AtomicUsize,
    pub turned_away: AtomicU64,
    /// Ended for a newer one.
    pub put_out: AtomicU64,
    began: Instant,
    /// Ended because nobody read or sent.
    pub cut: AtomicU64,
}

/// Of one address: what is open, and how many had to go meanwhile.
#[derive(Debug, Default)]
struct Held {
    open: BTreeMap<u64, Arc<Ticket>>,
    next: u64,
    too_many: u64,
}

/// What others may know of a connection: whether we work for it or wait for its peer, and since when.
#[derive(Debug, Default)]
struct Ticket {
    works: AtomicBool,
    /// Milliseconds since the start, when the peer last sent or took something.
    moved: AtomicU64,
    put_out: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// Shorter silences are those of a network, not of somebody who holds a place.
const SILENT: u64 = 300;

impl Ticket {
    /// The connection looks at itself again when it is put out.
    fn wait(&self, context: &Context<'_>) {
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if waker.as_ref().is_none_or(|known| !known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
    }

    fn end(&self) {
        self.put_out.store(true, Ordering::Release);
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }
}

impl Held {
    /// The connection that has kept us waiting longest: since when, and its number.
    fn longest_silent(&self) -> Option<(u64, u64)> {
        let waiting = self.open.iter().filter(|(_, ticket)| !ticket.works.load(Ordering::Relaxed));
        waiting.map(|(number, ticket)| (ticket.moved.load(Ordering::Relaxed), *number)).min()
    }

    /// Puts that connection out, if it has kept us waiting for long enough.
    fn make_room(&mut self, now: u64) -> bool {
        let longest = self.longest_silent().filter(|(moved, _)| now.saturating_sub(*moved) >= SILENT);
        let Some((_, number)) = longest else { return false };
        if let Some(ticket) = self.open.remove(&number) {
            ticket.end();
        }
        true
    }
}

impl Places {
    #[must_use]
    pub fn new(each: usize, most: usize, exempt: &[IpAddr]) -> Arc<Self> {
        Arc::new(Self {
            each,
            full: most.saturating_sub(most.div_euclid(10)).max(1),
            exempt: exempt.to_vec(),
            by: Mutex::default(),
            open: AtomicUsize::new(0),
            unserved: AtomicUsize::new(0),
            turned_away: AtomicU64::new(0),
            put_out: AtomicU64::new(0),
            began: Instant::now(),
            cut: AtomicU64::new(0),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let ticket = Arc::new(Ticket { moved: AtomicU64::new(self.now()), ..Ticket::default() });
        let from = (!self.exempt.contains(&address.to_canonical())).then(|| network(address));
        let counted = match from {
            Some(from) => Some((from, self.number_of(address, from, &ticket)?)),
            None => None,
        };
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(Place { places: Arc::clone(self), counted, ticket })
    }

    /// The number of one more connection of this address; none where all others are being served.
    fn number_of(&self, address: IpAddr, from: IpAddr, ticket: &Arc<Ticket>) -> Option<u64> {
        let mut by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        if self.open.load(Ordering::Relaxed) >= self.full && relieve(&mut by, self.now()) {
            self.put_out.fetch_add(1, Ordering::Relaxed);
        }
        let own = by.entry(from).or_default();
        if own.open.len() >= self.each {
            let room = own.make_room(self.now());
            if room { &self.put_out } else { &self.turned_away }.fetch_add(1, Ordering::Relaxed);
            own.too_many = own.too_many.saturating_add(1);
            // A flood of connections is no flood of lines.
            if own.too_many.is_power_of_two() {
                tracing::warn!(%address, count = own.too_many, code = "too_many_connections", "denied");
            }
            if !room {
                return None;
            }
        }
        own.next = own.next.saturating_add(1);
        own.open.insert(own.next, Arc::clone(ticket));
        Some(own.next)
    }
}

/// What one sender may easily have many addresses of: /24 of IPv4, /48 of IPv6.
fn neighbourhood(network: IpAddr) -> IpAddr {
    match network {
        IpAddr::V4(short) => {
            let [a, b, c, _] = short.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(long) => {
            let [a, b, c, ..] = long.segments();
            IpAddr::from([a, b, c, 0, 0, 0, 0, 0])
        }
    }
}

/// Bytes that heads and what follows them may hold in all before a request is served. actix-web itself keeps up to 128 kB for each
/// connection.
const MOST_UNSERVED: usize = 32_000_000;
/// A connection that holds no more is not ended for them.
const SMALL_HEAD: usize = 16_000;

/// Ends one connection of those that hold most, so that the last places are not one sender's.
fn relieve(by: &mut HashMap<IpAddr, Held>, now: u64) -> bool {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for (network, held) in by.iter() {
        let count = counts.entry(neighbourhood(*network)).or_default();
        *count = count.saturating_add(held.open.len());
    }
    let Some((largest, _)) = counts.into_iter().max_by_key(|(network, count)| (*count, *network)) else { return false };
    let its = by.iter_mut().filter(|(network, _)| neighbourhood(**network) == largest);
    let silent = its.filter_map(|(_, held)| held.longest_silent().map(|(moved, _)| (moved, held)));
    silent.min_by_key(|(moved, _)| *moved).is_some_and(|(_, held)| held.make_room(now))
}

/// One of the connections.
struct Place {
    places: Arc<Places>,
    counted: Option<(IpAddr, u64)>,
    ticket: Arc<Ticket>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open.fetch_sub(1, Ordering::Relaxed);
        let Some((from, number)) = self.counted else { return };
        let mut by = self.places.by.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = by.get_mut(&from) {
            own.open.remove(&number);
            if own.open.is_empty() {
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
    ticket: Arc<Ticket>,
}

impl Line {
    /// A request is served on this connection from now until the guard is dropped.
    #[must_use]
    pub fn serve(self: &Rc<Self>) -> Served {
        self.served.set(self.served.get().saturating_add(1));
        self.set_working(true);
        Served(Rc::clone(self))
    }

    /// Whether we work for this connection now, or wait for its peer.
    pub fn set_working(&self, works: bool) {
        self.ticket.works.store(works, Ordering::Relaxed);
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
        self.0.set_working(self.0.served.get() > 0);
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
    /// Its part of the unserved bytes.
    sent: usize,
    place: Place,
}

impl Watched {
    /// Fails when this address has too many.
    pub fn new(stream: TcpStream, places: &Arc<Places>, limits: &Limits) -> io::Result<Self> {
        let place = places.take(stream.peer_addr()?.ip()).ok_or_else(|| io::Error::from(io::ErrorKind::QuotaExceeded))?;
        let line = Rc::new(Line { served: Cell::new(0), since: Cell::new(Instant::now()), ticket: Arc::clone(&place.ticket) });
        let reader = Patience::new(limits.answer_patience);
        Ok(Self { stream, line, reader, unserved: limits.unserved, next_look: None, sent: 0, place })
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

    /// Counts what has come while no request is served.
    fn note_sent(&mut self, bytes: usize) -> io::Result<()> {
        if self.line.served.get() > 0 {
            self.forget_sent();
            return Ok(());
        }
        self.sent = self.sent.saturating_add(bytes);
        let all = self.place.places.unserved.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if all > MOST_UNSERVED && self.sent > SMALL_HEAD { Err(self.cut()) } else { Ok(()) }
    }

    fn forget_sent(&mut self) {
        self.place.places.unserved.fetch_sub(std::mem::take(&mut self.sent), Ordering::Relaxed);
    }

    /// The peer has sent or taken something.
    fn note_move(&self) {
        self.place.ticket.moved.store(self.place.places.now(), Ordering::Relaxed);
    }

    /// An error where a newer connection of the address has got the place.
    fn check_place(&self) -> io::Result<()> {
        if self.place.ticket.put_out.load(Ordering::Acquire) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
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
        this.check_place()?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_ready() {
            if let Err(cut) = this.note_sent(buffer.filled().len().saturating_sub(before)) {
                buffer.set_filled(before);
                return Poll::Ready(Err(cut));
            }
            this.note_move();
            return read;
        }
        this.place.ticket.wait(context);
        if this.is_left_alone(context) { Poll::Ready(Err(this.cut())) } else { read }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_place()?;
        match Pin::new(&mut this.stream).poll_write(context, bytes) {
            Poll::Ready(Ok(taken)) => {
                this.reader.moved(taken);
                this.forget_sent();
                this.note_move();
                this.line.set_working(this.line.served.get() > 0);
                Poll::Ready(Ok(taken))
            }
            Poll::Pending if this.reader.is_over(context) => Poll::Ready(Err(this.cut())),
            Poll::Pending => {
                this.line.set_working(false);
                this.place.ticket.wait(context);
                Poll::Pending
            }
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

impl Drop for Watched {
    fn drop(&mut self) {
        self.forget_sent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_kept_us_waiting_longest_makes_room() {
        let places =
            Places { began: Instant::now().checked_sub(Duration::from_secs(10)).unwrap(), ..unwrap(Places::new(3, 100, &[])) };
        let places = Arc::new(places);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let held: Vec<Place> = (0..3).filter_map(|_| places.take(one)).collect();
        for (place, moved) in held.iter().zip([5_000, 1_000, 3_000]) {
            place.ticket.moved.store(moved, Ordering::Relaxed);
        }
        held[1].ticket.works.store(true, Ordering::Relaxed);
        let newer = places.take(one).unwrap();
        let put_out = |place: &Place| place.ticket.put_out.load(Ordering::Relaxed);
        assert_eq!(held.iter().map(put_out).collect::<Vec<_>>(), [false, false, true], "not the one that we work for");
        held[0].ticket.works.store(true, Ordering::Relaxed);
        assert!(places.take(one).is_none(), "the others are served, and the newest has just come");
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        assert_eq!((count(&places.put_out), count(&places.turned_away)), (1, 1));
        drop((held, newer));
        assert_eq!((places.open.load(Ordering::Relaxed), places.by.lock().unwrap().len()), (0, 0));
    }

    #[test]
    fn when_all_places_are_nearly_taken_the_largest_network_makes_room() {
        let began = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        let places = Arc::new(Places { began, ..unwrap(Places::new(4, 10, &[])) });
        let take = |text: &str| places.take(text.parse().unwrap()).unwrap();
        let other = take("198.51.100.1");
        let flood: Vec<Place> = (0..8).map(|at| take(&format!("192.0.2.{}", at % 2))).collect();
        other.ticket.moved.store(100, Ordering::Relaxed);
        flood.iter().for_each(|place| place.ticket.moved.store(5_000, Ordering::Relaxed));
        flood[6].ticket.moved.store(1_000, Ordering::Relaxed);
        let newer = take("203.0.113.1");
        let put_out: Vec<bool> = flood.iter().map(|place| place.ticket.put_out.load(Ordering::Relaxed)).collect();
        assert_eq!(put_out.iter().position(|out| *out), Some(6));
        assert!(!other.ticket.put_out.load(Ordering::Relaxed) && !newer.ticket.put_out.load(Ordering::Relaxed));
        assert_eq!(neighbourhood("2001:db8:1:2::".parse().unwrap()), "2001:db8:1::".parse::<IpAddr>().unwrap());
    }

    /// A flood of heads that never end costs bounded memory, and whoever is served or small stays.
    #[test]
    fn heads_share_one_bound() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let received = |others: usize, bytes: usize, served: bool| {
            let places = Places::new(9, 100, &[]);
            places.unserved.store(others, Ordering::Relaxed);
            let read = actix_web::rt::System::new().block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                let (stream, _) = listener.accept().await.unwrap();
                let mut watched = Watched::new(stream, &places, &Limits::default()).unwrap();
                let _served = served.then(|| watched.line.serve());
                client.write_all(&vec![b'x'; bytes]).await.unwrap();
                client.shutdown().await.unwrap();
                watched.read_to_end(&mut Vec::new()).await
            });
            assert_eq!(places.unserved.load(Ordering::Relaxed), others, "what a connection held is given back");
            read.map_err(|error| error.kind())
        };
        assert_eq!(received(0, 120_000, false), Ok(120_000));
        assert_eq!(received(MOST_UNSERVED, 120_000, false), Err(io::ErrorKind::TimedOut));
        assert_eq!(received(MOST_UNSERVED, SMALL_HEAD, false), Ok(SMALL_HEAD));
        assert_eq!(received(MOST_UNSERVED, 120_000, true), Ok(120_000));
    }

    fn unwrap(places: Arc<Places>) -> Places {
        Arc::try_unwrap(places).unwrap()
    }

    #[test]
    fn places_are_counted_by_address_and_come_back() {
        let proxy: IpAddr = "10.0.0.9".parse().unwrap();
        let places = Places::new(2, 100, &[proxy]);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let held: Vec<_> = (0..3).map(|_| places.take(one)).collect();
        assert_eq!(held.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false], "none has been silent for long");
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
