//! Faults on purpose: commits that fail, replies that are lost, a process that dies between two statements.

use server::writer::Storage;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use store::{Conn, StoreError};

/// The fault that a batch meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This number of commits fail before anything is durable; each batch is rolled back.
    CommitFails(u32),
    /// The commit is durable and the reply to it is lost.
    ReplyLostAfter,
    /// The reply is lost, and so is the batch.
    ReplyLostBefore,
    /// The process dies before its n-th statement.
    CrashAt(i64),
    /// The process dies between two batches.
    CrashBetween,
    /// Only with a deliberate bug: the batch is rolled back and called durable.
    Lie,
}

/// Marks the unwinding of a process that dies; not a panic, so nothing is printed.
#[derive(Debug)]
pub struct Crash;

/// The next fault, shared between the simulation and the storages of its writers.
#[derive(Debug)]
pub struct Plan {
    fault: Mutex<Option<Fault>>,
    statements_left: AtomicI64,
    pub commits: AtomicU32,
    /// Commits that failed because the plan said so.
    pub failures: AtomicU32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            fault: Mutex::new(None),
            statements_left: AtomicI64::new(i64::MAX),
            commits: AtomicU32::new(0),
            failures: AtomicU32::new(0),
        }
    }
}

impl Plan {
    /// Arms one fault, or none.
    pub fn arm(&self, fault: Option<Fault>) {
        let statements = if let Some(Fault::CrashAt(statements)) = fault { statements } else { i64::MAX };
        self.statements_left.store(statements, Ordering::Relaxed);
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.commits.store(0, Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
    }

    fn at_statement(&self) {
        if self.statements_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            std::panic::resume_unwind(Box::new(Crash));
        }
    }

    fn take(&self) -> Option<Fault> {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let now = *fault;
        *fault = match now {
            Some(Fault::CommitFails(times)) if times > 1 => Some(Fault::CommitFails(times - 1)),
            _ => None,
        };
        now
    }
}

/// A database whose commits do what the plan says.
#[derive(Debug)]
pub struct Faulty {
    pub url: String,
    pub plan: Arc<Plan>,
}

impl Storage for Faulty {
    fn connect(&mut self) -> Result<Conn, StoreError> {
        let mut conn = store::connect(&self.url)?;
        let plan = Arc::clone(&self.plan);
        store::connection::before_each_statement(&mut conn, move || plan.at_statement());
        Ok(conn)
    }

    /// It only loses replies: the database itself is well.
    fn takes_writes(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let lost = || Err(StoreError::CommitUnknown("the simulation lost the reply".to_owned()));
        match self.plan.take() {
            Some(Fault::CommitFails(_)) => {
                self.plan.failures.fetch_add(1, Ordering::Relaxed);
                return Err(StoreError::Connection("the simulation let the commit fail".to_owned()));
            }
            Some(Fault::ReplyLostBefore) => return lost(),
            Some(Fault::Lie) => return store::connection::roll_back_batch(conn),
            Some(Fault::ReplyLostAfter) => {
                self.make_durable(conn)?;
                return lost();
            }
            _ => {}
        }
        self.make_durable(conn)
    }
}

impl Faulty {
    /// The process may also die after the commit, before the standbys are asked: then it has happened.
    fn make_durable(&self, conn: &mut Conn) -> Result<(), StoreError> {
        store::connection::commit_unconfirmed(conn)?;
        self.plan.commits.fetch_add(1, Ordering::Relaxed);
        store::connection::confirm_replicated(conn)
    }
}
