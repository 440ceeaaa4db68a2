//! The deterministic simulation. From one seed, many companies act on the real commands, ledger and store. Meanwhile commits
//! fail, replies get lost and the process dies. An independent model says which results must come.
//!
//! Nothing here starts a thread, asks the time or throws other dice than the seeded ones. The same seed on the same kind of
//! database ends in the same rows, byte for byte.

pub mod arithmetic;
mod cast;
mod compare;
mod effects;
pub mod faults;
mod model;
mod moves;
mod programmes;
mod rules;

use chrono::{NaiveDate, TimeDelta};
use domain::Refusal;
use faults::{Crash, Fault, Faulty, Plan};
use model::Model;
use moves::Players;
use rules::Expected;
use server::batch::Stop;
use server::clock::Clock;
use server::commands::{self, Actor, Command, Outcome, Trial};
use server::dice::Dice;
use server::view::Reader;
use server::writer::{Batches, Reply, Submission, WriteError};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::Conn;
use store::records::Record;

/// A mistake made on purpose, to see that the simulation finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A client that lost the reply sends the same wish under a new key.
    RetriedUnderNewKey,
    /// The store forgets to write what a new hold earmarks to its account.
    HoldNotCounted,
    /// A batch is answered as done although it was rolled back.
    AnsweredBeforeDurable,
    /// A purchase does not use up the financier's limit.
    LimitNotUsed,
    /// A line of the second custody account is kept as one of the first.
    WrongAccount,
}

impl Bug {
    pub const ALL: [Self; 5] =
        [Self::RetriedUnderNewKey, Self::HoldNotCounted, Self::AnsweredBeforeDurable, Self::LimitNotUsed, Self::WrongAccount];

    /// The trigger that makes a store act with this mistake after its own writes; SQLite only.
    fn trigger(self) -> Option<&'static str> {
        match self {
            Self::HoldNotCounted => Some(
                "CREATE TRIGGER bug AFTER INSERT ON holds BEGIN \
                 UPDATE ledger_accounts SET held = held - NEW.remaining WHERE id = NEW.account_id; END",
            ),
            Self::LimitNotUsed => Some(
                "CREATE TRIGGER bug AFTER INSERT ON purchases BEGIN \
                 UPDATE buyer_limits SET used_minor = used_minor - NEW.units_minor WHERE financier_id = NEW.financier_id \
                 AND used_minor >= NEW.units_minor; END",
            ),
            Self::WrongAccount => Some(
                "CREATE TRIGGER bug AFTER INSERT ON bank_lines WHEN NEW.custody_id > 0 BEGIN \
                 UPDATE bank_lines SET custody_id = 0 WHERE id = NEW.id; END",
            ),
            Self::RetriedUnderNewKey | Self::AnsweredBeforeDurable => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub seed: u64,
    /// Commands to send, retries included.
    pub commands: u64,
    pub faults: bool,
    pub bug: Option<Bug>,
}

impl Settings {
    #[must_use]
    pub fn new(seed: u64, commands: u64) -> Self {
        Self { seed, commands, faults: true, bug: None }
    }
}

/// The figures of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub seed: u64,
    pub commands: u64,
    pub batches: u64,
    pub done: u64,
    pub asked: u64,
    pub refused: u64,
    pub repeated: u64,
    /// Commands without a reply, and those of them that had happened.
    pub unknown: u64,
    pub unknown_and_done: u64,
    pub failed: u64,
    pub crashes_inside: u64,
    pub crashes_between: u64,
    pub purchases: u64,
    pub days: i64,
    pub redeemed: u64,
    pub overdue: u64,
    /// Lines booked on the second custody account, payouts that left it, and transfers between the two of which both lines came.
    pub on_second: u64,
    pub paid_by_second: u64,
    pub transfers: u64,
    /// Reverses that were taken back, cancelled payouts, parts of a placement.
    pub rare: BTreeMap<&'static str, u64>,
    /// The outcomes of each kind of command, and how often each came.
    pub outcomes: BTreeMap<String, u64>,
    /// SHA-256 of every row at the end.
    pub digest: String,
}

/// The place where the model and the platform differ.
#[derive(Clone, Debug)]
pub struct Failure {
    pub settings: Settings,
    pub step: u64,
    pub command: String,
    pub problem: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { settings, step, command, problem } = self;
        write!(
            f,
            "seed {}, step {step}: {problem}\n  command: {command}\n  replay: cargo run --release -p e2e --bin simulate -- --seed {} --commands {}{}",
            settings.seed,
            settings.seed,
            settings.commands,
            if settings.faults { "" } else { " --calm" }
        )
    }
}

/// A wish with its key, as a client keeps it until it has an answer.
#[derive(Clone, Debug)]
struct Call {
    actor: Actor,
    key: String,
    /// The key under which it is sent; the same, but for one of the deliberate mistakes.
    sent_key: String,
    command: Command,
}

struct Simulation {
    settings: Settings,
    dice: Dice,
    model: Model,
    clock: Clock,
    plan: Arc<Plan>,
    url: String,
    /// Two processes on one database; each remembers what it wrote last.
    writers: [Batches<Faulty>; 2],
    conn: Conn,
    /// Calls that were sent and got no reply with an outcome.
    unanswered: Vec<Call>,
    answered: Vec<Call>,
    serial: i64,
    step: u64,
    current: String,
    last_transfer: i64,
    /// Audit records of the set-up.
    set_up: i64,
    report: Report,
}

/// Runs the simulation on an empty database.
pub fn run(url: &str, settings: Settings) -> Result<Report, Failure> {
    let failure = |step, command: &str, problem| Failure { settings, step, command: command.to_owned(), problem };
    let mut simulation = Simulation::start(url, settings).map_err(|problem| failure(0, "set-up", problem))?;
    match simulation.play() {
        Ok(()) => Ok(simulation.report),
        Err(problem) => Err(failure(simulation.step, &simulation.current, problem)),
    }
}

/// Days on which calendars, leap years and years' ends are near.
const STARTS: [&str; 6] = ["2026-11-20", "2026-12-14", "2027-03-15", "2027-12-20", "2028-02-14", "2028-12-18"];
/// Failed commits, lost replies and crashes: the number of batches in a hundred.
const FAULTS_PERCENT: i64 = 22;
/// Batches between two comparisons of everything.
const EVERYTHING_EVERY: u64 = 40;
const MOST_IN_BATCH: i64 = 24;

struct Quiet<'a> {
    writer: &'a mut Batches<Faulty>,
    number: i64,
}

impl cast::Run for Quiet<'_> {
    fn run(&mut self, actor: Actor, command: Command) -> Result<Outcome, String> {
        self.number += 1;
        let name = command.name();
        let (submission, mut reply) = Submission::new(actor, format!("set-up-{}", self.number), command);
        self.writer.serve(vec![submission]);
        let reply = reply.try_recv().map_err(|error| format!("{name}: {error}"))?;
        reply.map_err(|error| format!("{name}: {error:?}"))
    }
}

struct FromDatabase<'a>(&'a mut Conn);

impl effects::Ids for FromDatabase<'_> {
    fn reserve_asset(&mut self, receivable: i64) -> i64 {
        let found = <store::Receivable as store::records::Keyed>::find(self.0, receivable.into());
        found.ok().flatten().map_or(0, |row| row.reserve_asset.0)
    }
    fn lines(&mut self, statement: i64) -> Vec<i64> {
        let found = store::BankLine::list_where(self.0, "statement_id = ? ORDER BY id", &[statement.into()]);
        found.unwrap_or_default().into_iter().map(|row| row.id.0).collect()
    }
    fn claims(&mut self, line: i64) -> Vec<i64> {
        let condition = "kind = 'placement_reversed' AND twin_id = ? ORDER BY id";
        let found = store::BankLine::list_where(self.0, condition, &[line.into()]);
        found.unwrap_or_default().into_iter().map(|row| row.id.0).collect()
    }
}

/// The decision about a call on a connection for reading.
fn try_out(conn: &mut Conn, clock: &Clock, call: &Call) -> Result<Trial, Stop> {
    let mut view = Reader::open(conn, clock.now())?;
    commands::try_out(&mut view, &call.actor, &call.command)
}

/// The first command of a batch gets the result of its dry run, unless its key was used before.
fn compare_trial(tried: &Result<Trial, Stop>, reply: &Reply) -> Result<(), String> {
    let same = match (tried, reply) {
        (_, Ok(outcome)) if outcome.repeated => true,
        (_, Err(WriteError::Refused(Refusal::KeyReused))) => true,
        (Ok(trial), Ok(outcome)) => trial.second_person == outcome.awaits_approval.is_some(),
        (Err(Stop::Refused(tried)), Err(WriteError::Refused(refused))) => tried == refused,
        (_, Err(WriteError::Refused(_))) | (Err(_), Ok(_)) => false,
        (_, Err(_)) => true,
    };
    if same { Ok(()) } else { Err(format!("a dry run says {tried:?}, the writer {reply:?}")) }
}

impl Simulation {
    fn start(url: &str, settings: Settings) -> Result<Self, String> {
        let mut dice = Dice(settings.seed);
        let date: NaiveDate = dice.pick(&STARTS).and_then(|day| day.parse().ok()).unwrap_or_default();
        let clock = Clock::stopped_at(date.and_hms_opt(8, 0, 0).unwrap_or_default());
        let mut conn = store::connect(url).map_err(|error| error.to_string())?;
        cast::prepare(url, &mut conn, date, &clock)?;
        let plan = Arc::new(Plan::default());
        let writer = || Batches::new(Faulty { url: url.to_owned(), plan: Arc::clone(&plan) }, clock.clone());
        let mut writers = [writer(), writer()];
        let model = cast::enter(&mut Quiet { writer: &mut writers[0], number: 0 }, &mut conn, date)?;
        if let Some(trigger) = settings.bug.and_then(Bug::trigger) {
            store::query::execute(&mut conn, trigger, &[]).map_err(|error| error.to_string())?;
        }
        let heads = store::records::load_heads(&mut conn).map_err(|error| error.to_string())?;
        Ok(Self {
            settings,
            dice,
            model,
            clock,
            plan,
            url: url.to_owned(),
            writers,
            conn,
            unanswered: Vec::new(),
            answered: Vec::new(),
            serial: 0,
            step: 0,
            current: String::new(),
            last_transfer: heads.last_transfer,
            set_up: heads.last_audit,
            report: Report { seed: settings.seed, ..Report::default() },
        })
    }

    fn play(&mut self) -> Result<(), String> {
        let first_day = self.model.today;
        while self.step < self.settings.commands {
            self.move_clock();
            let calls = self.next_calls();
            let fault = self.next_fault();
            self.round(calls, fault)?;
        }
        // Every caller without an answer asks again, until it has one.
        while !self.unanswered.is_empty() {
            let calls = std::mem::take(&mut self.unanswered);
            self.round(calls, None)?;
        }
        self.current = "the end".to_owned();
        compare::everything(&self.model, &mut self.conn)?;
        compare::outcomes(&self.model, &mut self.conn, self.set_up)?;
        self.report.commands = self.step;
        self.report.days = (self.model.today - first_day).num_days();
        let count = |state: &str| self.model.receivables.values().filter(|one| one.state == state).count();
        self.report.redeemed = u64::try_from(count("redeemed")).unwrap_or(0);
        self.report.overdue = u64::try_from(count("overdue")).unwrap_or(0);
        let (lines, payouts) = (self.model.lines.values(), self.model.payouts.values());
        let booked = |one: &&model::Line| one.custody > 0 && !["skipped", "attention"].contains(&one.state);
        let joined = |one: &&model::Line| one.kind == "own_transfer" && one.twin.is_some() && one.incoming;
        self.report.on_second = u64::try_from(lines.clone().filter(booked).count()).unwrap_or(0);
        self.report.transfers = u64::try_from(lines.filter(joined).count()).unwrap_or(0);
        let paid = payouts.filter(|one| one.custody > 0 && one.state == "settled");
        self.report.paid_by_second = u64::try_from(paid.count()).unwrap_or(0);
        self.report.rare.clone_from(&self.model.rare);
        self.report.digest = compare::digest(&mut self.conn)?;
        Ok(())
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.dice.roll(100) < percent
    }

    /// A minute passes; sometimes the clock jumps by an hour or by more than a year, either way.
    fn move_clock(&mut self) {
        let seconds = match self.dice.roll(60) {
            0 => 3_600,
            1 => -3_600,
            2 => 400 * 86_400,
            3 => -400 * 86_400,
            _ => 60,
        };
        // Not before the first of 1970 or after the year 2200: such clocks are broken, not wrong.
        let then = self.clock.now().checked_add_signed(TimeDelta::seconds(seconds)).unwrap_or_default();
        if (2020..2200).contains(&chrono::Datelike::year(&then)) {
            self.clock.shift_seconds(seconds);
        }
    }

    fn next_fault(&mut self) -> Option<Fault> {
        if !self.settings.faults || !self.chance(FAULTS_PERCENT) {
            return None;
        }
        Some(match self.dice.roll(10) {
            0 => Fault::CommitFails(1),
            1 => Fault::CommitFails(2 + u32::try_from(self.dice.roll(3)).unwrap_or(0)),
            2 | 3 => Fault::ReplyLostAfter,
            4 => Fault::ReplyLostBefore,
            5 => Fault::CrashBetween,
            6 if self.settings.bug == Some(Bug::AnsweredBeforeDurable) => Fault::Lie,
            6 | 7 => Fault::CrashAt(1 + self.dice.roll(12)),
            _ => Fault::CrashAt(1 + self.dice.roll(150)),
        })
    }

    /// Some calls that wait for an answer, some that repeat an earlier one, and new ones.
    fn next_calls(&mut self) -> Vec<Call> {
        let size = 1 + self.dice.roll(MOST_IN_BATCH);
        let mut calls = Vec::new();
        let mut still = Vec::new();
        for call in std::mem::take(&mut self.unanswered) {
            if self.chance(50) {
                if self.chance(10) {
                    calls.push(call.clone());
                }
                calls.push(call);
            } else {
                still.push(call);
            }
        }
        self.unanswered = still;
        while calls.len() < usize::try_from(size).unwrap_or(1) {
            match self.dice.roll(1_000) {
                0..80 => calls.extend(self.again()),
                80..84 => calls.extend(self.outage()),
                _ => calls.push(self.fresh()),
            }
        }
        calls
    }

    /// An answered call is sent once more, sometimes with another content or by another company.
    fn again(&mut self) -> Option<Call> {
        let mut call = self.dice.pick(&self.answered)?.clone();
        match self.dice.roll(10) {
            0 | 1 => {
                let fresh = self.fresh();
                // A person does no act of the platform's jobs or the bank's channel, nor the other way round.
                if [&fresh.actor, &call.actor].contains(&&Actor::SYSTEM) {
                    call.actor = fresh.actor;
                }
                call.command = fresh.command;
            }
            // Only the end of a day has no person as its actor.
            2 => {
                let other = self.fresh().actor;
                let bank = matches!(call.command, Command::ImportStatement(_));
                call.actor = if bank || other == Actor::SYSTEM { call.actor } else { other };
            }
            _ => {}
        }
        Some(call)
    }

    /// After an outage the job ends every day that was left behind.
    fn outage(&mut self) -> Vec<Call> {
        let days = usize::try_from(2 + self.dice.roll(9)).unwrap_or(2);
        let dates: Vec<NaiveDate> = self.model.today.iter_days().take(days).collect();
        dates
            .into_iter()
            .map(|date| {
                call(
                    Actor::SYSTEM,
                    server::jobs::end_of_day::key_of(date),
                    server::commands::days::close_day::CloseDay { date }.into(),
                )
            })
            .collect()
    }

    fn fresh(&mut self) -> Call {
        let Self { dice, model, serial, conn, .. } = self;
        let (actor, command) = Players { dice, model, serial, conn }.invent();
        let key = match &command {
            Command::CloseDay(close) => server::jobs::end_of_day::key_of(close.date),
            _ => {
                self.serial += 1;
                format!("key-{}-{}", self.settings.seed, self.serial)
            }
        };
        call(actor, key, command)
    }

    /// One batch, the fault in it, and the reaction of all callers.
    fn round(&mut self, calls: Vec<Call>, fault: Option<Fault>) -> Result<(), String> {
        self.report.batches += 1;
        let at = usize::from(self.chance(25));
        if fault == Some(Fault::CrashBetween) {
            self.restart(at);
            self.report.crashes_between += 1;
        }
        self.plan.arm(fault);
        let (batch, mut receivers): (Vec<_>, Vec<_>) =
            calls.iter().map(|call| Submission::new(call.actor.clone(), call.sent_key.clone(), call.command.clone())).unzip();
        let tried = calls.first().filter(|_| fault.is_none()).map(|call| try_out(&mut self.conn, &self.clock, call));
        let writer = &mut self.writers[at];
        let metrics = Arc::clone(&writer.metrics);
        let failures_before = metrics.failures.load(Ordering::Relaxed);
        let died = match catch_unwind(AssertUnwindSafe(|| writer.serve(batch))) {
            Ok(()) => false,
            Err(payload) if payload.is::<Crash>() => true,
            Err(payload) => std::panic::resume_unwind(payload),
        };
        if died {
            self.restart(at);
            self.report.crashes_inside += 1;
        }
        let commits = self.plan.commits.load(Ordering::Relaxed);
        let failures = metrics.failures.load(Ordering::Relaxed) - failures_before;
        if failures != u64::from(self.plan.failures.load(Ordering::Relaxed)) {
            self.current = format!("a batch with {fault:?}: {calls:#?}");
            return Err("storage failed and nobody broke it".to_owned());
        }
        self.plan.arm(None);
        let replies: Vec<Option<Reply>> = receivers.iter_mut().map(|receiver| receiver.try_recv().ok()).collect();
        if let (Some(tried), Some(Some(reply))) = (tried, replies.first()) {
            self.current = format!("{:?} tried out", calls.first().map(|call| &call.command));
            compare_trial(&tried, reply)?;
        }
        let mut waiting: std::collections::VecDeque<(Call, Option<Reply>)> = calls.into_iter().zip(replies).collect();
        while let Some((call, reply)) = waiting.pop_front() {
            self.step += 1;
            self.current = format!("{:?} {} {:?} after {fault:?}", call.actor, call.key, call.command);
            let id = (call.actor.party_id, &call.key);
            let twins = waiting.iter().filter(|(other, _)| (other.actor.party_id, &other.key) == id);
            let twins: Vec<bool> = twins.map(|(_, reply)| matches!(reply, Some(Ok(_)))).collect();
            // Sent twice at once: the outcome under the key may be that of the other call, which comes later in the batch.
            let refused = matches!(self.model.expect(&call.actor, &call.key, &call.command), Expected::Refused(_));
            let other = match &reply {
                Some(Err(WriteError::Failed | WriteError::Down)) => twins.contains(&true),
                Some(Err(WriteError::Unknown)) | None => refused && !twins.is_empty(),
                _ => false,
            };
            if other {
                self.unanswered.push(call);
            } else {
                self.hear(call, reply, fault, commits)?;
            }
        }
        self.last_transfer = compare::touched(&mut self.model, &mut self.conn, self.last_transfer)?;
        if self.report.batches.is_multiple_of(EVERYTHING_EVERY) {
            self.current = format!("everything after batch {}", self.report.batches);
            compare::everything(&self.model, &mut self.conn)?;
        }
        Ok(())
    }

    /// A new process: it knows nothing and opens the database again.
    fn restart(&mut self, at: usize) {
        let storage = Faulty { url: self.url.clone(), plan: Arc::clone(&self.plan) };
        self.writers[at] = Batches::new(storage, self.clock.clone());
    }

    /// Compares a reply with the model's expectation, and books it. Without a reply the simulation asks the database for the
    /// truth, and the client asks again later.
    fn hear(&mut self, call: Call, reply: Option<Reply>, fault: Option<Fault>, commits: u32) -> Result<(), String> {
        let expected = self.model.expect(&call.actor, &call.key, &call.command);
        match reply {
            Some(Ok(outcome)) => {
                self.accept(&call, &expected, &outcome, false)?;
                self.answered.push(call);
                // Old answers are asked for less often than new ones.
                if self.answered.len() > 400 {
                    self.answered.drain(..200);
                }
                Ok(())
            }
            Some(Err(WriteError::Refused(refusal))) => {
                self.report.refused += 1;
                self.count(&call.command, refusal.code());
                if expected == Expected::Refused(refusal.code()) {
                    return Ok(());
                }
                Err(format!("refused with {} ({refusal:?}), the model says {expected:?}", refusal.code()))
            }
            Some(Err(WriteError::Busy)) => Err("the queue is full, and there is no queue".to_owned()),
            Some(Err(WriteError::Failed | WriteError::Down)) if !matches!(fault, Some(Fault::CommitFails(_))) => {
                Err(format!("storage failed and nobody broke it; the model says {expected:?}"))
            }
            Some(Err(WriteError::Failed | WriteError::Down)) => {
                self.report.failed += 1;
                self.without_answer(call, &expected, Some(false))
            }
            Some(Err(WriteError::Unknown)) | None => {
                self.report.unknown += 1;
                let happened = match fault {
                    Some(Fault::ReplyLostAfter) => true,
                    Some(Fault::ReplyLostBefore) => false,
                    Some(Fault::CrashAt(_)) => commits > 0,
                    _ => return Err(format!("no reply after {fault:?}; the model says {expected:?}")),
                };
                self.without_answer(call, &expected, Some(happened))
            }
        }
    }

    fn count(&mut self, command: &Command, outcome: &str) {
        *self.report.outcomes.entry(format!("{} {outcome}", command.name())).or_default() += 1;
    }

    fn without_answer(&mut self, mut call: Call, expected: &Expected, happened: Option<bool>) -> Result<(), String> {
        let stored = store::log::find_record_by_key(&mut self.conn, call.actor.party_id, &call.sent_key);
        let stored = stored.map_err(|error| error.to_string())?;
        let must_be_new = matches!(expected, Expected::Done | Expected::Asks);
        match (&stored, happened) {
            (Some(_), Some(false)) if must_be_new => return Err("it was rolled back, and it happened".to_owned()),
            (None, Some(true)) if must_be_new => return Err("it was committed, and it is lost".to_owned()),
            (Some(record), _)
                if *expected != Expected::Repeated && !matches!(expected, Expected::Refused("idempotency_key_reused")) =>
            {
                self.report.unknown_and_done += 1;
                let outcome = Outcome::stored(&record.outcome, record.seq);
                self.accept(&call, expected, &outcome, true)?;
            }
            _ => {}
        }
        if self.settings.bug == Some(Bug::RetriedUnderNewKey) {
            call.sent_key.push_str("-again");
        }
        self.unanswered.push(call);
        Ok(())
    }

    fn accept(&mut self, call: &Call, expected: &Expected, outcome: &Outcome, from_audit: bool) -> Result<(), String> {
        match expected {
            Expected::Refused(code) => Err(format!("it was done, and must be refused with {code}: {}", outcome.body)),
            Expected::Repeated => {
                self.report.repeated += 1;
                let known = &self.model.keys[&(call.actor.party_id.0, call.key.clone())];
                let same = known.seq == outcome.seq.0
                    && known.body == outcome.body
                    && known.awaits_approval == outcome.awaits_approval.map(i64::from);
                if same && outcome.repeated {
                    return Ok(());
                }
                Err(format!("the same key did another thing: {outcome:?}, before {known:?}"))
            }
            Expected::Done | Expected::Asks => {
                if outcome.repeated && !from_audit {
                    return Err(format!("a new key is called repeated: {outcome:?}"));
                }
                let asks = *expected == Expected::Asks;
                self.count(&call.command, if asks { "asked" } else { "done" });
                *if asks { &mut self.report.asked } else { &mut self.report.done } += 1;
                if !asks && matches!(call.command, Command::BuyFractions(_)) {
                    self.report.purchases += 1;
                }
                let mut ids = FromDatabase(&mut self.conn);
                self.model.book((&call.actor, &call.key, &call.command), asks, outcome, &mut ids)
            }
        }
    }
}

fn call(actor: Actor, key: String, command: Command) -> Call {
    Call { actor, sent_key: key.clone(), key, command }
}

/// A random seed, for runs that print it.
#[must_use]
pub fn drawn_seed() -> u64 {
    u64::from_str_radix(server::hash::random_token().get(..8).unwrap_or("1"), 16).unwrap_or(1)
}
