//! The one writer: a bounded queue, a batch, one transaction, one durable commit, then the replies.

use crate::batch::{Batch, Memory, Stop};
use crate::clock::Clock;
use crate::commands::{self, Actor, Command, Outcome};
use crate::health::{DEADLINE, Health};
use crate::view::View;
use chrono::NaiveDateTime;
use domain::Refusal;
use kernel::{AuditSeq, PartyId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::{AuditRecord, Conn, StoreError};
use tokio::sync::{mpsc, oneshot};

/// Why a submitted command has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    Refused(Refusal),
    /// The queue is full: come back.
    Busy,
    /// The commit's fate is unknown: a retry with the same key finds it out.
    Unknown,
    /// The database takes no writes now; nothing happened.
    Down,
    /// This command failed and nothing happened.
    Failed,
}

pub type Reply = Result<Outcome, WriteError>;

/// A command with its key on its way to the writer.
#[derive(Debug)]
pub struct Submission {
    actor: Actor,
    key: String,
    command: Command,
    /// The stored input and its hash; the submitter makes them, so that the writer need not.
    input: String,
    input_hash: String,
    reply: oneshot::Sender<Reply>,
}

impl Submission {
    #[must_use]
    pub fn new(actor: Actor, key: String, command: Command) -> (Self, oneshot::Receiver<Reply>) {
        let (reply, outcome) = oneshot::channel();
        let input = command.input();
        let input_hash = crate::hash::sha256_hex(format!("{}\n{}\n{input}", command.name(), actor.user_id).as_bytes());
        (Self { actor, key, command, input, input_hash, reply }, outcome)
    }
}

/// Counters for /metrics.
#[derive(Debug, Default)]
pub struct WriterMetrics {
    pub batches: AtomicU64,
    pub commands: AtomicU64,
    pub refusals: AtomicU64,
    pub busy: AtomicU64,
    pub failures: AtomicU64,
}

/// A handle to the writer; cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Submission>,
    pub metrics: Arc<WriterMetrics>,
    pub health: Arc<Health>,
}

/// Commands that may wait; beyond that a caller is asked to come back. With the batch before them it bounds how long they wait.
const QUEUE: usize = 128;
/// Commands of one batch and commit.
const BATCH: usize = 64;

impl Writer {
    /// Starts the writer on its own thread. The handle that joins it ends when every `Writer` is dropped.
    pub fn start(url: &str, clock: Clock) -> Result<(Self, std::thread::JoinHandle<()>), StoreError> {
        let mut storage = Durable { url: url.to_owned() };
        let conn = storage.connect()?;
        let (queue, inbox) = mpsc::channel(QUEUE);
        let (metrics, health) = (Arc::<WriterMetrics>::default(), Arc::<Health>::default());
        let watch = Watch { url: url.to_owned(), clock, inbox: Arc::new(Mutex::new(inbox)), metrics, health };
        let handle = Self { queue, metrics: Arc::clone(&watch.metrics), health: Arc::clone(&watch.health) };
        let first = watch.start(Some(conn)).map_err(|error| StoreError::Connection(error.to_string()))?;
        let thread = std::thread::Builder::new().name("writer-watch".to_owned()).spawn(move || watch.run(first));
        Ok((handle, thread.map_err(|error| StoreError::Connection(error.to_string()))?))
    }

    /// Whether another command could wait now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queue.capacity() > 0
    }

    /// Submits a command and waits for its durable outcome.
    pub async fn submit(&self, actor: Actor, key: String, command: Command) -> Reply {
        let (submission, outcome) = Submission::new(actor, key, command);
        if self.queue.try_send(submission).is_err() {
            self.metrics.busy.fetch_add(1, Ordering::Relaxed);
            return Err(WriteError::Busy);
        }
        // A commit that waits for its database may still happen. The caller cannot take it back, but does not wait without end.
        let answered = tokio::time::timeout(DEADLINE, outcome).await;
        answered.map_or(Err(WriteError::Unknown), |reply| reply.unwrap_or(Err(WriteError::Unknown)))
    }

    /// The same from a thread that may block: jobs, the demo, the command line.
    pub fn submit_blocking(&self, actor: Actor, key: String, command: Command) -> Reply {
        let (submission, outcome) = Submission::new(actor, key, command);
        if self.queue.blocking_send(submission).is_err() {
            return Err(WriteError::Failed);
        }
        wait_for(outcome)
    }

    /// Submits many at once and waits for all of them; the demo fills whole batches with it.
    pub fn submit_all(&self, list: Vec<(Actor, String, Command)>) -> Vec<Reply> {
        let waiting: Vec<_> = list
            .into_iter()
            .map(|(actor, key, command)| {
                let (submission, outcome) = Submission::new(actor, key, command);
                let sent = self.queue.blocking_send(submission);
                sent.ok().map(|()| outcome)
            })
            .collect();
        waiting.into_iter().map(|outcome| outcome.map_or(Err(WriteError::Failed), wait_for)).collect()
    }
}

/// How long a thread that may block waits: a batch that hangs must not take the jobs with it.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_for(outcome: oneshot::Receiver<Reply>) -> Reply {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
        return Err(WriteError::Unknown);
    };
    let answered = runtime.block_on(async { tokio::time::timeout(PATIENCE, outcome).await });
    answered.map_or(Err(WriteError::Unknown), |reply| reply.unwrap_or(Err(WriteError::Unknown)))
}

/// Starts the thread that writes, and the next one when a batch hangs: the database's host may be gone without a word.
struct Watch {
    url: String,
    clock: Clock,
    inbox: Inbox,
    metrics: Arc<WriterMetrics>,
    health: Arc<Health>,
}

type Inbox = Arc<Mutex<mpsc::Receiver<Submission>>>;

/// How long a writer waits before it tries a database again that refuses.
const LOOK: Duration = Duration::from_millis(250);

impl Watch {
    fn start(&self, conn: Option<Conn>) -> std::io::Result<std::thread::JoinHandle<()>> {
        let batches = Batches {
            storage: Durable { url: self.url.clone() },
            conn,
            memory: Memory::default(),
            clock: self.clock.clone(),
            metrics: Arc::clone(&self.metrics),
            health: Arc::clone(&self.health),
            generation: self.health.generation(),
        };
        let inbox = Arc::clone(&self.inbox);
        std::thread::Builder::new().name("writer".to_owned()).spawn(move || batches.run(&inbox))
    }

    /// Ends when the running thread has ended, which happens when no caller can submit any more.
    fn run(self, mut running: std::thread::JoinHandle<()>) {
        while !running.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
            // On SQLite there is no other host to turn to.
            if self.health.is_stuck() && store::connection::is_postgres(&self.url) {
                tracing::error!("a batch hangs; the next one goes on without it");
                self.health.next_generation();
                match self.start(None) {
                    Ok(next) => running = next,
                    Err(error) => tracing::error!(%error, "no thread for the writer"),
                }
            }
        }
        if running.join().is_err() {
            tracing::error!("the writer panicked");
        }
    }
}

/// The functions that a batch needs of its database. The simulation has one that fails and loses replies.
pub trait Storage {
    fn connect(&mut self) -> Result<Conn, StoreError>;
    /// Commits durably, or says that the fate is unknown.
    fn commit(&mut self, conn: &mut Conn) -> Result<(), StoreError>;
    /// Whether a write without a command in it succeeds.
    fn takes_writes(&mut self) -> Result<(), StoreError>;
}

/// The database at a URL.
struct Durable {
    url: String,
}

impl Storage for Durable {
    fn connect(&mut self) -> Result<Conn, StoreError> {
        #[cfg(feature = "fault-injection")]
        let mut conn = crate::fault::connect(&self.url)?;
        #[cfg(not(feature = "fault-injection"))]
        let mut conn = store::connect(&self.url)?;
        store::connection::for_writing(&mut conn)?;
        Ok(conn)
    }
    fn commit(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        #[cfg(feature = "fault-injection")]
        return crate::fault::commit(conn);
        #[cfg(not(feature = "fault-injection"))]
        store::connection::commit_batch(conn)
    }
    fn takes_writes(&mut self) -> Result<(), StoreError> {
        store::connection::write_nothing(&mut self.connect()?)
    }
}

/// Runs batch after batch on one connection; what the writer's thread does, and the simulation without a thread.
pub struct Batches<S> {
    storage: S,
    conn: Option<Conn>,
    memory: Memory,
    clock: Clock,
    pub metrics: Arc<WriterMetrics>,
    health: Arc<Health>,
    generation: u64,
}

impl<S: Storage> Batches<S> {
    /// Starts without a connection: the first batch opens it.
    pub fn new(storage: S, clock: Clock) -> Self {
        Self {
            storage,
            conn: None,
            memory: Memory::default(),
            clock,
            metrics: Arc::default(),
            health: Arc::default(),
            generation: 0,
        }
    }

    fn run(mut self, inbox: &Inbox) {
        let mut waiting = Vec::with_capacity(BATCH);
        while self.health.generation() == self.generation {
            if self.health.is_refused() {
                std::thread::sleep(LOOK);
                self.timed(Self::ask_storage);
            }
            let Ok(mut inbox) = inbox.lock() else { return };
            let refused = self.health.is_refused();
            // While the database refuses, waiting callers get that answer, and the next look is not put off.
            let received =
                if refused { receive_now(&mut inbox, &mut waiting) } else { inbox.blocking_recv_many(&mut waiting, BATCH) > 0 };
            drop(inbox);
            if !received {
                return;
            }
            let batch = std::mem::take(&mut waiting);
            if refused { reply_all(batch, &WriteError::Down) } else { self.timed(|batches| batches.serve(batch)) }
        }
    }

    fn timed<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.health.mark(self.generation, Some(Instant::now()));
        let done = work(self);
        self.health.mark(self.generation, None);
        done
    }

    /// Whether the database takes writes at all; the answer stays until the next question.
    fn ask_storage(&mut self) -> bool {
        let answer = self.storage.takes_writes();
        let news = self.health.set_refused(answer.is_err());
        match &answer {
            Err(error) if news => tracing::error!(%error, "the database takes no writes: nothing is accepted until it does"),
            Ok(()) if news => tracing::info!("the database takes writes again"),
            _ => {}
        }
        answer.is_ok()
    }

    /// Runs the batch. When storage fails with several commands in it, each gets its own batch, so that one poisoned command does
    /// not fail the others.
    pub fn serve(&mut self, batch: Vec<Submission>) {
        match self.attempt(&batch) {
            Ok(replies) => {
                for (submission, reply) in batch.into_iter().zip(replies) {
                    // A caller who has gone away finds the outcome by its key.
                    let _ = submission.reply.send(reply);
                }
                self.copy_log();
                #[cfg(feature = "fault-injection")]
                self.commit_late();
            }
            Err(StoreError::CommitUnknown(detail)) => {
                tracing::error!(detail, "commit not confirmed");
                self.conn = None;
                reply_all(batch, &WriteError::Unknown);
                self.ask_storage();
            }
            Err(error) => {
                self.metrics.failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, commands = batch.len(), "batch rolled back");
                if !self.ask_storage() {
                    self.conn = None;
                    reply_all(batch, &WriteError::Down);
                } else if batch.len() > 1 {
                    for submission in batch {
                        self.serve(vec![submission]);
                    }
                } else if error.is_away() {
                    reply_all(batch, &WriteError::Down);
                } else {
                    reply_all(batch, &WriteError::Failed);
                }
            }
        }
    }

    /// Copies the durable part of SQLite's log into its file, once the waiting callers have their answers. A failed copy is tried
    /// again after the next batch; a disk that fails for longer fails that batch.
    fn copy_log(&mut self) {
        if let Some(Err(error)) = self.conn.as_mut().map(store::connection::copy_log) {
            tracing::warn!(%error, "the log could not be copied into the file");
        }
    }

    /// The broken writer's commit, after its answers.
    #[cfg(feature = "fault-injection")]
    fn commit_late(&mut self) {
        if let Some(conn) = self.conn.as_mut().filter(|_| crate::fault::answers_before_commit()) {
            std::thread::sleep(crate::fault::LAG);
            let _ = store::connection::commit_batch(conn);
        }
    }

    fn attempt(&mut self, batch: &[Submission]) -> Result<Vec<Reply>, StoreError> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.storage.connect()?,
        };
        // A batch that fails takes the memory with it.
        let done = run_batch(&mut self.storage, &mut conn, batch, self.clock.now(), std::mem::take(&mut self.memory));
        match done {
            Ok((replies, memory)) => {
                self.conn = Some(conn);
                self.memory = memory;
                self.metrics.batches.fetch_add(1, Ordering::Relaxed);
                let count = u64::try_from(replies.len()).unwrap_or(0);
                self.metrics.commands.fetch_add(count, Ordering::Relaxed);
                let refused = replies.iter().filter(|reply| reply.is_err()).count();
                self.metrics.refusals.fetch_add(u64::try_from(refused).unwrap_or(0), Ordering::Relaxed);
                Ok(replies)
            }
            Err(StoreError::CommitUnknown(detail)) => Err(StoreError::CommitUnknown(detail)),
            Err(error) => {
                // A connection that cannot roll back is thrown away.
                if store::connection::roll_back_batch(&mut conn).is_ok() {
                    self.conn = Some(conn);
                }
                Err(error)
            }
        }
    }
}

fn reply_all(batch: Vec<Submission>, error: &WriteError) {
    for submission in batch {
        let _ = submission.reply.send(Err(error.clone()));
    }
}

/// Takes the waiting commands; false when no caller can submit any more.
fn receive_now(inbox: &mut mpsc::Receiver<Submission>, waiting: &mut Vec<Submission>) -> bool {
    loop {
        match inbox.try_recv() {
            Ok(submission) => waiting.push(submission),
            Err(mpsc::error::TryRecvError::Empty) => return true,
            Err(mpsc::error::TryRecvError::Disconnected) => return !waiting.is_empty(),
        }
    }
}

fn run_batch(
    storage: &mut impl Storage,
    conn: &mut Conn,
    submissions: &[Submission],
    now: NaiveDateTime,
    memory: Memory,
) -> Result<(Vec<Reply>, Memory), StoreError> {
    store::connection::begin_batch(conn)?;
    let mut batch = Batch::open(conn, now, memory)?;
    let mut seen = load_seen(&mut batch, submissions)?;
    prefetch(&mut batch, submissions)?;
    let mut replies = Vec::with_capacity(submissions.len());
    for submission in submissions {
        replies.push(run_one(&mut batch, submission, &mut seen)?);
    }
    batch.flush()?;
    let memory = batch.into_memory();
    #[cfg(feature = "fault-injection")]
    if crate::fault::answers_before_commit() {
        return Ok((replies, Memory::default()));
    }
    storage.commit(conn)?;
    Ok((replies, memory))
}

type SeenKeys = HashMap<(PartyId, String), (String, String, AuditSeq)>;

/// The records that earlier batches stored under this batch's keys: input hash, outcome and audit number.
fn load_seen(batch: &mut Batch<'_>, submissions: &[Submission]) -> Result<SeenKeys, StoreError> {
    let wanted: Vec<(PartyId, &str)> =
        submissions.iter().filter(|one| one.command.audited()).map(|one| (one.actor.party_id, one.key.as_str())).collect();
    let rows = store::log::list_records_by_key(batch.conn, &wanted)?;
    let mut seen = SeenKeys::new();
    for row in rows {
        seen.insert((row.party_id, row.idempotency_key), (row.input_hash, row.outcome, row.seq));
    }
    Ok(seen)
}

/// Loads in a few set-based queries what the hot commands of the batch have declared.
fn prefetch(batch: &mut Batch<'_>, submissions: &[Submission]) -> Result<(), StoreError> {
    let known = &batch.records.parties;
    let mut parties: Vec<PartyId> = submissions.iter().map(|one| one.actor.party_id).collect();
    parties.retain(|id| *id > PartyId(0) && !known.contains_key(id));
    parties.sort_unstable();
    parties.dedup();
    for party in <store::Party as store::records::Keyed>::list_ids(batch.conn, &parties)? {
        batch.records.parties.insert(party.id, std::sync::Arc::new(party));
    }
    let purchases: Vec<_> = submissions
        .iter()
        .filter_map(|submission| match &submission.command {
            Command::BuyFractions(purchase) => Some((submission.actor.party_id, purchase)),
            _ => None,
        })
        .collect();
    if purchases.is_empty() { Ok(()) } else { commands::market::buy_fractions::prefetch(batch, &purchases) }
}

/// One command: known key, rules, postings, audit record. A refusal leaves no trace.
fn run_one(batch: &mut Batch<'_>, submission: &Submission, seen: &mut SeenKeys) -> Result<Reply, StoreError> {
    let Submission { actor, key, command, input, input_hash, .. } = submission;
    if command.audited()
        && let Some((known_hash, outcome, seq)) = seen.get(&(actor.party_id, key.clone()))
    {
        return Ok(if known_hash == input_hash {
            Ok(Outcome::stored(outcome, *seq))
        } else {
            Err(WriteError::Refused(Refusal::KeyReused))
        });
    }
    if !command.hot() {
        batch.settle_for_sql()?;
    }
    batch.begin_command();
    let done = match commands::run(batch, actor, command) {
        Ok(done) => {
            if !command.hot() {
                batch.settle_for_sql()?;
            }
            done
        }
        Err(Stop::Refused(refusal)) => {
            if batch.wrote {
                return Err(StoreError::Corrupt(format!("{} refused after it had written: {}", command.name(), refusal.code())));
            }
            return Ok(Err(WriteError::Refused(refusal)));
        }
        Err(Stop::Failed(error)) => return Err(error),
    };
    if !command.audited() {
        return Ok(Ok(Outcome { seq: AuditSeq(0), repeated: false, awaits_approval: done.awaits_approval, body: done.body }));
    }
    let seq = batch.audit_seq();
    let stored = Outcome::to_stored(&done, &batch.take_marks(), &actor.proof);
    let (first_transfer, last_transfer) = batch.posted();
    batch.append_audit(AuditRecord {
        seq,
        at: batch.now,
        business_date: batch.today(),
        party_id: actor.party_id,
        user_id: actor.user_id,
        approver_id: actor.approver_id,
        command: command.name().to_owned(),
        subject_id: done.subject,
        idempotency_key: key.clone(),
        input_hash: input_hash.clone(),
        input: input.clone(),
        outcome: stored.clone(),
        first_transfer,
        last_transfer,
    });
    seen.insert((actor.party_id, key.clone()), (input_hash.clone(), stored, seq));
    Ok(Ok(Outcome { seq, repeated: false, awaits_approval: done.awaits_approval, body: done.body }))
}
