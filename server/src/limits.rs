//! Limits of one caller's use of the process: connections, time, and bytes. The operator may set the bounds of people; the rest
//! is fixed.

use clap::Args;
use std::time::Duration;

/// Bytes a second, on average, below which a sender or a reader is cut off.
pub const LEAST_RATE: u32 = 20_000;
/// How long a body may fall short of the least rate.
pub const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// How long the reader of an answer may fall short of the least rate.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
/// How long a request's head may take.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection stays open on which no request is served.
pub const UNSERVED: Duration = Duration::from_secs(12);
/// Files that connections leave to the database, children, mail and everything else.
pub const FILES_KEPT: u64 = 200;

#[derive(Args, Clone, Debug)]
pub struct Limits {
    /// Connections of one address, or of one IPv6 network of 64 bits; trusted proxies have no such bound.
    #[arg(long, env = "KONTOR_CONNECTIONS_PER_ADDRESS", default_value_t = 100)]
    pub connections_per_address: usize,
    /// Connections in all, never more than the limit of open files leaves room for.
    #[arg(long, env = "KONTOR_MOST_CONNECTIONS", default_value_t = 3_000)]
    pub most_connections: usize,
    /// Writes a second of one person, and ten times as many at once; a company has five people's worth. 0 turns off this bound
    /// and those on messages, stored bytes and rows.
    #[arg(long, env = "KONTOR_WRITES_PER_SECOND", default_value_t = 20)]
    pub writes_per_second: u32,
    /// Messages, and invitations, of one person in an hour; a company has five people's worth. Business acts that mail another
    /// company have forty times this limit.
    #[arg(long, env = "KONTOR_MESSAGES_PER_HOUR", default_value_t = 60)]
    pub messages_per_hour: u32,
    /// Megabytes of files that one company may store in a day; twenty times as many in a year.
    #[arg(long, env = "KONTOR_MEGABYTES_PER_DAY", default_value_t = 1_000)]
    pub megabytes_per_day: u32,
    /// How long a body may fall short of the least rate.
    #[arg(skip = BODY_PATIENCE)]
    pub body_patience: Duration,
    #[arg(skip = ANSWER_PATIENCE)]
    pub answer_patience: Duration,
    #[arg(skip = UNSERVED)]
    pub unserved: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_per_address: 100,
            most_connections: 3_000,
            writes_per_second: 20,
            messages_per_hour: 60,
            megabytes_per_day: 1_000,
            body_patience: BODY_PATIENCE,
            answer_patience: ANSWER_PATIENCE,
            unserved: UNSERVED,
        }
    }
}

impl Limits {
    /// For benches, and for tests that are about something else.
    #[must_use]
    pub fn wide() -> Self {
        Self { connections_per_address: usize::MAX, writes_per_second: 0, ..Self::default() }
    }

    /// Raises the limit of open files as far as the system lets us, and says how many connections that leaves room for.
    #[must_use]
    pub fn connections(&self) -> usize {
        let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024);
        let room = usize::try_from(files.saturating_sub(FILES_KEPT)).unwrap_or(usize::MAX).max(32);
        self.most_connections.clamp(1, room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S12: a sender or reader that stands still is gone within thirty seconds, its answer and the rest of its body included.
    #[test]
    fn whoever_stands_still_is_cut_within_thirty_seconds() {
        let wanted = Limits::default();
        let most = Duration::from_secs(30);
        // A body's 408 may be followed by a connection on which nothing is served, looked at every third of that time.
        assert!(wanted.body_patience + wanted.unserved * 4 / 3 <= most);
        assert!(wanted.answer_patience < most && HEAD_PATIENCE < most && HEAD_PATIENCE < wanted.unserved);
    }

    #[test]
    fn connections_leave_room_for_other_files() {
        let files = usize::try_from(rlimit::increase_nofile_limit(u64::MAX).unwrap()).unwrap();
        let many = Limits { most_connections: usize::MAX, ..Limits::default() }.connections();
        assert!(many < files, "{many} of {files}");
        assert_eq!(Limits { most_connections: 40, ..Limits::default() }.connections(), 40);
    }
}
