//! Which of the platform's own jobs fail round after round: for /readyz, and for the operator's home.

use crate::http::error::Fault;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Failed rounds in a row after which people must see a job. A single failure may come from another process or from the database.
const LASTING: u32 = 3;

#[derive(Debug, Default)]
pub struct Troubles {
    known: Mutex<BTreeMap<&'static str, Trouble>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The job's name, as the log has it.
    pub job: &'static str,
    /// Rounds in a row that have failed.
    pub rounds: u32,
    /// The key under which something else was done, if that is why.
    pub taken_key: Option<String>,
}

impl Troubles {
    /// Notes how a round of a job ended.
    pub fn note(&self, job: &'static str, done: &Result<(), Fault>) {
        let Ok(mut known) = self.known.lock() else { return };
        let Err(fault) = done else {
            known.remove(job);
            return;
        };
        let taken_key = if let Fault::KeyTaken(key) = fault { Some(key.clone()) } else { None };
        let before = known.get(job).map_or(0, |trouble| trouble.rounds);
        known.insert(job, Trouble { job, rounds: before.saturating_add(1), taken_key });
    }

    /// Jobs that have failed for several rounds.
    #[must_use]
    pub fn lasting(&self) -> Vec<Trouble> {
        let known = self.known.lock();
        known.map(|known| known.values().filter(|trouble| trouble.rounds >= LASTING).cloned().collect()).unwrap_or_default()
    }

    /// A job whose key is taken stops until a person intervenes: the process is not ready.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.lasting().iter().any(|trouble| trouble.taken_key.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_is_told_and_only_a_taken_key_stops() {
        let troubles = Troubles::default();
        let (well, taken, away) = (Ok(()), Err(Fault::KeyTaken("close-day 2026-11-30".to_owned())), Err(Fault::Down));
        for _ in 1..LASTING {
            troubles.note("end of day", &taken);
            troubles.note("queue mails", &away);
        }
        assert!(troubles.lasting().is_empty() && !troubles.is_stopped());
        troubles.note("queue mails", &away);
        assert_eq!(troubles.lasting().iter().map(|trouble| trouble.job).collect::<Vec<_>>(), ["queue mails"]);
        assert!(!troubles.is_stopped());
        troubles.note("end of day", &taken);
        assert!(troubles.is_stopped());
        troubles.note("end of day", &well);
        assert!(!troubles.is_stopped());
        assert_eq!(troubles.lasting().len(), 1);
    }
}
