//! One TCP connection: its place among the others, how slowly its peer may read, and whether a request is served on it. An
//! address that uses all its places loses the connection that has kept the server waiting longest. So other people behind the
//! address still get one. When nearly all places are taken, the network that holds most of them loses one.

use super::patience::Patience;
use super::shares::network;
use crate::limits::Limits;
use actix_web::dev::RequestHead;
use actix_web::http::header;
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
    /// From this number on, the network that holds most connections makes room.
    full: usize,
    /// Proxies speak for many.
    exempt: Vec<IpAddr>,
    by: Mutex<HashMap<IpAddr, Held>>,
    pub open: AtomicUsize,
    pub turned_away: AtomicU64,
    /// Ended for a newer one.
    pub put_out: AtomicU64,
    began: Instant,
    /// Ended because the peer neither read nor sent.
    pub cut: AtomicU64,
}

/// Of one address: what is open, and how many had to go meanwhile.
#[derive(Debug, Default)]
struct Held {
    open: BTreeMap<u64, Arc<Ticket>>,
    next: u64,
    too_many: u64,
}

/// Facts of a connection for other threads: whether the server works for it or waits for its peer, and since when.
#[derive(Debug, Default)]
struct Ticket {
    works: AtomicBool,
    /// Milliseconds since the start, when the peer last sent or took something.
    moved: AtomicU64,
    put_out: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// Shorter silences are those of a network, not of a peer that blocks a place.
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
        self.wake();
    }

    fn wake(&self) {
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

/// A network in which one sender may easily have many addresses: /24 of IPv4, /48 of IPv6.
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

/// The longest head of a request; with this bound actix-web keeps 16 kB of it, by itself 128 kB.
const LONGEST_HEAD: usize = 15_000;
/// Bytes read before the protocol has its turn, and bytes of later requests read while one is served. The rest waits in the
/// operating system.
const AHEAD: usize = 8 * 1_024;
/// Bytes that a head may have beside its method, address, names and values.
const AROUND_HEAD: usize = 64;

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

/// State that requests share with their connection.
#[derive(Debug)]
pub struct Line {
    served: Cell<usize>,
    /// The moment since which none is.
    since: Cell<Instant>,
    /// Bytes that have come and belong to no request that was served: a head, or later requests.
    ahead: Cell<usize>,
    /// Bytes that are still to come of the body of the request that is served.
    body: Cell<u64>,
    /// The body does not say its length, and so the connection ends behind it.
    chunked: Cell<bool>,
    /// Bytes that the protocol has not looked at yet.
    fresh: Cell<usize>,
    /// Reading waits until what is served has ended.
    waits: Cell<bool>,
    ticket: Arc<Ticket>,
}

impl Line {
    fn new(ticket: Arc<Ticket>) -> Rc<Self> {
        Rc::new(Self {
            served: Cell::new(0),
            since: Cell::new(Instant::now()),
            ahead: Cell::new(0),
            body: Cell::new(0),
            chunked: Cell::new(false),
            fresh: Cell::new(0),
            waits: Cell::new(false),
            ticket,
        })
    }

    /// Marks a request as served on this connection until the guard is dropped. Its head has at most `head` bytes. `body` is none
    /// where the request does not give its length.
    #[must_use]
    pub fn serve(self: &Rc<Self>, head: usize, body: Option<u64>) -> Served {
        // Code around a handler may call this again.
        if self.served.get() == 0 {
            let behind = self.ahead.get().saturating_sub(head);
            let (come, whole) = (u64::try_from(behind).unwrap_or(u64::MAX), body.unwrap_or(u64::MAX));
            self.body.set(whole.saturating_sub(come));
            self.ahead.set(usize::try_from(come.saturating_sub(whole)).unwrap_or(0));
            self.chunked.set(body.is_none());
        }
        self.served.set(self.served.get().saturating_add(1));
        self.set_working(true);
        Served(Rc::clone(self))
    }

    /// Whether we work for this connection now, or wait for its peer.
    pub fn set_working(&self, works: bool) {
        self.ticket.works.store(works, Ordering::Relaxed);
    }

    /// Notes that `bytes` have come.
    fn note(&self, bytes: usize) {
        let own = self.body.get().min(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.body.set(self.body.get().saturating_sub(own));
        self.ahead.set(self.ahead.get().saturating_add(bytes.saturating_sub(usize::try_from(own).unwrap_or(bytes))));
        self.fresh.set(self.fresh.get().saturating_add(bytes));
    }

    /// The protocol must look at what has come before more is read, or before it is judged.
    fn is_due(&self) -> bool {
        self.fresh.get() >= AHEAD || (self.fresh.get() > 0 && self.ahead.get() > LONGEST_HEAD)
    }

    /// The protocol has looked at all that has come, and there is no request in it.
    fn is_head_too_long(&self) -> bool {
        self.served.get() == 0 && !self.chunked.get() && self.ahead.get() > LONGEST_HEAD
    }

    /// Enough of later requests is here.
    fn is_full(&self) -> bool {
        self.served.get() > 0 && self.body.get() == 0 && self.ahead.get() >= AHEAD
    }

    fn unserved_for(&self) -> Option<Duration> {
        (self.served.get() == 0).then(|| self.since.get().elapsed())
    }
}

/// The most bytes that this head had, and the length of its body, if it says one.
#[must_use]
pub fn size_of(head: &RequestHead) -> (usize, Option<u64>) {
    let address = [
        head.uri.scheme_str(),
        head.uri.authority().map(|name| name.as_str()),
        head.uri.path_and_query().map(|path| path.as_str()),
    ];
    let address = address.into_iter().flatten().map(str::len);
    let lines = head.headers().iter().map(|(name, value)| name.as_str().len().saturating_add(value.len()).saturating_add(4));
    let bytes = address.chain(lines).fold(AROUND_HEAD.saturating_add(head.method.as_str().len()), usize::saturating_add);
    let stated =
        || head.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
    (bytes, (!head.headers().contains_key(header::TRANSFER_ENCODING)).then(stated))
}

pub struct Served(Rc<Line>);

impl Served {
    /// The handler has its answer and needs no more of the body. Returns whether the connection must end behind it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        let chunked = self.0.chunked.get();
        if chunked {
            self.0.body.set(0);
        }
        chunked
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.served.set(self.0.served.get().saturating_sub(1));
        self.0.since.set(Instant::now());
        self.0.set_working(self.0.served.get() > 0);
        if self.0.served.get() == 0 {
            if self.0.ahead.get() > LONGEST_HEAD {
                // The next request may be whole in it.
                self.0.fresh.set(self.0.fresh.get().max(1));
            }
            if self.0.waits.take() {
                self.0.ticket.wake();
            }
        }
    }
}

/// A connection that ends when its reader takes less than the least rate, or when no request is served on it for too long.
/// actix-web itself has no limit for a slow reader, for the heads of later requests, or for the unused rest of a body.
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
        let line = Line::new(Arc::clone(&place.ticket));
        let reader = Patience::new(limits.answer_patience);
        Ok(Self { stream, line, reader, unserved: limits.unserved, next_look: None, place })
    }

    #[must_use]
    pub fn peer(&self) -> Option<std::net::SocketAddr> {
        self.stream.peer_addr().ok()
    }

    fn cut(&self) -> io::Error {
        self.deny("connection_too_slow");
        io::ErrorKind::TimedOut.into()
    }

    fn deny(&self, code: &str) {
        self.place.places.cut.fetch_add(1, Ordering::Relaxed);
        let address = self.peer().map(|peer| peer.ip().to_string());
        tracing::warn!(address, code, "denied");
    }

    /// Says why, if the peer still listens.
    fn refuse_head(&self) -> io::Error {
        self.deny("head_too_long");
        let _ = self
            .stream
            .try_write(b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        io::ErrorKind::InvalidData.into()
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
        if this.line.is_due() {
            this.line.fresh.set(0);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.line.is_head_too_long() {
            return Poll::Ready(Err(this.refuse_head()));
        }
        this.line.waits.set(this.line.is_full());
        if !this.line.waits.get() {
            let before = buffer.filled().len();
            let read = Pin::new(&mut this.stream).poll_read(context, buffer);
            if read.is_ready() {
                this.line.note(buffer.filled().len().saturating_sub(before));
                this.note_move();
                return read;
            }
            this.line.fresh.set(0);
        }
        this.place.ticket.wait(context);
        if this.is_left_alone(context) { Poll::Ready(Err(this.cut())) } else { Poll::Pending }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_place()?;
        match Pin::new(&mut this.stream).poll_write(context, bytes) {
            Poll::Ready(Ok(taken)) => {
                this.reader.moved(taken);
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

    /// The result of `act` on a connection whose peer sends these bytes and reads its answers.
    fn connected<T>(bytes: Vec<u8>, act: impl AsyncFnOnce(&mut Watched) -> T) -> (T, Vec<u8>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        actix_web::rt::System::new().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut watched = Watched::new(stream, &Places::new(9, 100, &[]), &Limits::default()).unwrap();
            let peer = actix_web::rt::spawn(async move {
                let _ = client.write_all(&bytes).await;
                let mut answer = Vec::new();
                let _ = client.read_to_end(&mut answer).await;
                answer
            });
            let seen = act(&mut watched).await;
            drop(watched);
            (seen, peer.await.unwrap())
        })
    }

    /// All that comes until nothing more does, as the protocol reads it: again and again until it must wait.
    async fn take(watched: &mut Watched) -> io::Result<usize> {
        use tokio::io::AsyncReadExt;
        let (mut all, mut piece) = (0, vec![0; 8_192]);
        while let Ok(read) = tokio::time::timeout(Duration::from_millis(300), watched.read(&mut piece)).await {
            match read? {
                0 => break,
                count => all += count,
            }
        }
        Ok(all)
    }

    /// A head that never ends is refused by itself, however little others hold; one that is served before it does not hide it.
    #[test]
    fn a_head_has_a_bound_of_its_own() {
        let (seen, answer) = connected(vec![b'x'; 120_000], async |watched| take(watched).await);
        assert_eq!(seen.map_err(|error| error.kind()), Err(io::ErrorKind::InvalidData));
        assert!(answer.starts_with(b"HTTP/1.1 431 ") || answer.is_empty(), "{answer:?}");
        let (seen, _) = connected(vec![b'x'; LONGEST_HEAD], async |watched| take(watched).await.unwrap());
        assert_eq!(seen, LONGEST_HEAD);
        // Behind a request without a body: little is read while it is served, and no more than a head afterwards.
        let ((first, then), _) = connected(vec![b'x'; 120_000], async |watched| {
            let line = Rc::clone(&watched.line);
            let served = line.serve(100, Some(0));
            let first = take(watched).await.unwrap();
            let woken =
                tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(take(watched), async { drop(served) }).0 });
            (first, woken.await.unwrap().map_err(|error| error.kind()))
        });
        assert!((AHEAD..=2 * AHEAD).contains(&first), "{first}");
        assert_eq!(then, Err(io::ErrorKind::InvalidData));
    }

    /// Requests that are sent ahead are all served, and hold no more than one that waits.
    #[test]
    fn requests_sent_ahead_hold_no_more_than_one() {
        let (most, _) = connected(vec![b'x'; 200_000], async |watched| {
            let line = Rc::clone(&watched.line);
            let (mut all, mut served, mut most) = (0, 0, 0);
            for _ in 0..1_990 {
                let one = line.serve(100, Some(0));
                served += 100;
                all += tokio::time::timeout(Duration::from_millis(2), async {
                    let (mut own, mut piece) = (0, vec![0; 8_192]);
                    while line.ahead.get() < AHEAD {
                        own += tokio::io::AsyncReadExt::read(watched, &mut piece).await.unwrap();
                    }
                    own
                })
                .await
                .unwrap_or(0);
                most = most.max(all - served);
                drop(one);
            }
            most
        });
        assert!(most <= 2 * AHEAD, "{most}");
    }

    /// The server reads a body as a whole, whether it waits for it or has answered before. A body without a length ends its
    /// connection.
    #[test]
    fn no_body_is_cut() {
        for (length, answered) in [(Some(1_000_000), false), (Some(1_000_000), true), (None, false)] {
            let (seen, _) = connected(vec![b'x'; 1_000_100], async |watched| {
                let line = Rc::clone(&watched.line);
                let served = line.serve(100, length);
                assert!(!(answered && served.is_last()));
                let served = Some(served).filter(|_| !answered);
                let seen = take(watched).await.unwrap();
                assert_eq!(served.is_some_and(|served| served.is_last()), length.is_none());
                seen
            });
            assert_eq!(seen, 1_000_100, "{length:?} {answered}");
        }
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
