//! The bytes of an audit record that are a leaf of the log, version 1, and of the transfers that it binds.

use crate::digest::{Hash, hex, push_hex, sha256, unhex};
use sha2::{Digest, Sha256};

/// One transfer of a command as the log binds it. Values that follow from others, such as balances, are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundTransfer {
    pub number: i64,
    pub kind: i16,
    pub code: i16,
    pub asset: i64,
    pub amount: i64,
    pub debit: i64,
    /// Zero where there is none.
    pub credit: i64,
    /// Zero where there is none.
    pub hold: i64,
    /// Days since 1970-01-01.
    pub value_day: i32,
    pub business_day: i32,
    /// Microseconds since 1970-01-01, UTC.
    pub booked_micros: i64,
}

/// The digest of a command's transfers in their order.
#[derive(Clone, Debug, Default)]
pub struct Transfers(Sha256);

impl Transfers {
    pub fn add(&mut self, transfer: &BoundTransfer) {
        self.0.update(transfer.number.to_be_bytes());
        self.0.update(transfer.kind.to_be_bytes());
        self.0.update(transfer.code.to_be_bytes());
        for field in [transfer.asset, transfer.amount, transfer.debit, transfer.credit, transfer.hold] {
            self.0.update(field.to_be_bytes());
        }
        self.0.update(transfer.value_day.to_be_bytes());
        self.0.update(transfer.business_day.to_be_bytes());
        self.0.update(transfer.booked_micros.to_be_bytes());
    }

    /// Binds who an account is, after the transfer that is its first; the debited account comes before the credited one.
    pub fn open(&mut self, account: i64, owner: i64, kind: &str) {
        self.0.update(account.to_be_bytes());
        self.0.update(owner.to_be_bytes());
        self.0.update(kind.as_bytes());
        self.0.update(b"\n");
    }

    #[must_use]
    pub fn digest(self) -> Hash {
        self.0.finalize().into()
    }
}

/// The data that an end of day commits to: the day, the last transfer counted, the size and the root of the day's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaySums {
    /// The version of the day's tree, 1 or 2.
    pub version: u8,
    /// `2026-11-22`
    pub day: String,
    pub last_transfer: i64,
    /// Version 1: one for each asset. Version 2: one more for each undertaking.
    pub leaves: u64,
    pub root: Hash,
}

impl DaySums {
    /// `2026-11-22 845 12 <root>`, and a last word ` 2` in version 2.
    #[must_use]
    pub fn to_text(&self) -> String {
        let version = if self.version == 1 { "" } else { " 2" };
        format!("{} {} {} {}{version}", self.day, self.last_transfer, self.leaves, hex(&self.root))
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (day, last, leaves, root) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let read = Self {
            version: if words.next().is_none() { 1 } else { 2 },
            day: day.to_owned(),
            last_transfer: last.parse().ok()?,
            leaves: leaves.parse().ok()?,
            root: unhex(root)?,
        };
        (is_day(day) && read.last_transfer >= 0 && read.to_text() == text).then_some(read)
    }
}

/// Whether a text looks like `2026-11-22`.
fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}

/// An audit record as the log hashes it.
#[derive(Clone, Debug)]
pub struct LoggedRecord<'a> {
    pub seq: i64,
    pub salt: Hash,
    /// Microseconds since 1970-01-01, UTC.
    pub at_micros: i64,
    pub business_date: String,
    pub party_id: i64,
    pub user_id: i64,
    pub approver_id: Option<i64>,
    pub command: &'a str,
    pub subject_id: i64,
    pub idempotency_key: &'a str,
    pub input_hash: &'a str,
    pub outcome: &'a str,
    pub first_transfer: i64,
    pub last_transfer: i64,
    pub transfers: Hash,
    /// For an end of day: the data that it commits to.
    pub sums: Option<DaySums>,
}

/// The first line of version 1.
const VERSION: &str = "kontor/audit/1";
/// The lines of version 1.
pub const LINES: usize = 17;

impl LoggedRecord<'_> {
    /// The leaf's bytes: 17 lines, each ended by a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        use std::fmt::Write;
        let mut text = String::with_capacity(700);
        // Writing into a String cannot fail.
        let _ = write!(text, "{VERSION}\n{}\n", self.seq);
        push_hex(&mut text, &self.salt);
        let _ = write!(
            text,
            "\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n",
            self.at_micros,
            self.business_date,
            self.party_id,
            self.user_id,
            self.approver_id.unwrap_or(0),
            self.command,
            self.subject_id
        );
        push_hex(&mut text, &sha256(&[self.idempotency_key.as_bytes()]));
        let _ = write!(text, "\n{}\n", self.input_hash);
        push_hex(&mut text, &sha256(&[self.outcome.as_bytes()]));
        let _ = write!(text, "\n{}\n{}\n", self.first_transfer, self.last_transfer);
        push_hex(&mut text, &self.transfers);
        let sums = self.sums.as_ref().map_or_else(|| "-".to_owned(), DaySums::to_text);
        let _ = write!(text, "\n{sums}\n");
        text
    }
}

/// The parts of a day's closing record that a position proof rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayRecord {
    pub seq: u64,
    pub sums: DaySums,
}

impl DayRecord {
    /// Reads the 17 lines of an end of day; None for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.strip_suffix('\n')?.split('\n').collect();
        let line = |at: usize| lines.get(at).copied();
        let seq: u64 = line(1)?.parse().ok()?;
        let right = lines.len() == LINES && line(0)? == VERSION && line(8)? == "close_day" && seq > 0;
        (right && seq.to_string() == line(1)?).then_some(())?;
        Some(Self { seq, sums: DaySums::parse(line(16)?)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> LoggedRecord<'static> {
        LoggedRecord {
            seq: 812,
            salt: [1; 32],
            at_micros: 1_795_000_000_123_456,
            business_date: "2026-11-23".to_owned(),
            party_id: 0,
            user_id: 0,
            approver_id: None,
            command: "close_day",
            subject_id: 0,
            idempotency_key: "close-day-2026-11-22",
            input_hash: "00",
            outcome: "{}",
            first_transfer: 0,
            last_transfer: 0,
            transfers: Transfers::default().digest(),
            sums: Some(DaySums { version: 1, day: "2026-11-22".to_owned(), last_transfer: 845, leaves: 12, root: [2; 32] }),
        }
    }

    #[test]
    fn a_closing_record_reads_back_and_another_does_not() {
        let text = record().to_text();
        assert_eq!(text.lines().count(), LINES);
        let read = DayRecord::parse(&text).unwrap();
        assert_eq!((read.seq, read.sums.to_text()), (812, record().sums.unwrap().to_text()));
        for (from, to) in
            [("close_day", "open_day"), ("\n812\n", "\n0812\n"), ("audit/1", "audit/2"), (" 845 ", " +845 "), ("-22 ", "-2 ")]
        {
            assert_eq!(DayRecord::parse(&text.replacen(from, to, 1)), None, "{from}");
        }
        assert_eq!(DayRecord::parse(&format!("{text}x\n")), None);
        let second = LoggedRecord { sums: record().sums.map(|sums| DaySums { version: 2, ..sums }), ..record() }.to_text();
        assert_eq!(DayRecord::parse(&second).unwrap().sums.version, 2);
        for wrong in [" 2 2\n", " 1\n", " 3\n", " \n", " 02\n"] {
            assert_eq!(DayRecord::parse(&second.replacen(" 2\n", wrong, 1)), None, "{wrong:?}");
        }
        assert_eq!(DayRecord::parse(&LoggedRecord { sums: None, ..record() }.to_text()), None);
    }

    #[test]
    fn every_field_changes_the_leaf() {
        let text = record().to_text();
        let changed = [
            LoggedRecord { seq: 1, ..record() },
            LoggedRecord { salt: [0; 32], ..record() },
            LoggedRecord { at_micros: 1, ..record() },
            LoggedRecord { business_date: "2026-11-24".to_owned(), ..record() },
            LoggedRecord { party_id: 1, ..record() },
            LoggedRecord { user_id: 1, ..record() },
            LoggedRecord { approver_id: Some(1), ..record() },
            LoggedRecord { command: "x", ..record() },
            LoggedRecord { subject_id: 1, ..record() },
            LoggedRecord { idempotency_key: "x", ..record() },
            LoggedRecord { input_hash: "x", ..record() },
            LoggedRecord { outcome: "x", ..record() },
            LoggedRecord { first_transfer: 1, ..record() },
            LoggedRecord { last_transfer: 1, ..record() },
            LoggedRecord { transfers: [0; 32], ..record() },
            LoggedRecord { sums: None, ..record() },
        ];
        assert!(changed.iter().all(|other| other.to_text() != text));
    }

    #[test]
    fn every_field_of_a_transfer_changes_the_digest() {
        let one = BoundTransfer {
            number: 1,
            kind: 1,
            code: 10,
            asset: 978,
            amount: 5,
            debit: 2,
            credit: 3,
            hold: 0,
            value_day: 4,
            business_day: 4,
            booked_micros: 5,
        };
        let digest = |transfer: BoundTransfer| {
            let mut all = Transfers::default();
            all.add(&transfer);
            all.digest()
        };
        let changed = [
            BoundTransfer { number: 2, ..one },
            BoundTransfer { kind: 2, ..one },
            BoundTransfer { code: 2, ..one },
            BoundTransfer { asset: 2, ..one },
            BoundTransfer { amount: 2, ..one },
            BoundTransfer { debit: 9, ..one },
            BoundTransfer { credit: 9, ..one },
            BoundTransfer { hold: 9, ..one },
            BoundTransfer { value_day: 9, ..one },
            BoundTransfer { business_day: 9, ..one },
            BoundTransfer { booked_micros: 9, ..one },
        ];
        assert!(changed.iter().all(|other| digest(*other) != digest(one)));
        let opened = |account, owner, kind: &str| {
            let mut all = Transfers::default();
            all.open(account, owner, kind);
            all.digest()
        };
        let known = opened(1, 2, "cash");
        assert!([opened(9, 2, "cash"), opened(1, 9, "cash"), opened(1, 2, "cas")].iter().all(|other| *other != known));
    }
}
