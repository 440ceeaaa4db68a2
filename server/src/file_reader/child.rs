//! The work of the child: it gives up rights that it does not need, reads its order, reads file by file, and answers.

use super::wire::{Announced, Answer, BankFileRead, BankMember, Content, Order, Rows, Task};
use super::{FileFault, Held, Shown, warnings};
use formats::FormatFault;
use formats::archive::{Member, Members};
use formats::camt::{self, Statement};
use formats::csv::{self, CsvInvoice, Faults, MOST_ROWS};
use formats::fault::shown;
use formats::invoice::InvoiceFile;
use formats::limits::Limits;
use formats::read::{self, Container, Read as Whole};
use formats::{pain002, rules, view};
use rlimit::Resource;
use std::fs::File;
use std::io::{BufRead, BufWriter, Read, Seek, SeekFrom, Write};
use std::process::ExitCode;
use std::time::Instant;

/// Bytes of memory for every file but a bank's.
const MEMORY: u64 = 100_000_000;
/// Bytes of memory for a bank's file, which may hold tens of thousands of entries.
const BANK_MEMORY: u64 = 250_000_000;
/// Seconds of computing for one file, or one member of an archive; a bank's file has more.
const SECONDS: u64 = 2;
const BANK_SECONDS: u64 = 6;
/// Seconds for all files of one order together: a base, a tenth of a second for each file or member, and a maximum.
const ALL_BASE: u64 = 4;
const ALL_PARTS: usize = 10;
const ALL_SECONDS: u64 = 30;
/// Rows of a table that are answered at once.
const PART: usize = 250;
/// Most bytes of an order, which is one line.
const LONGEST_ORDER: u64 = 8_000_000;
/// The child yields to the server where both want a core: it then has a third of the server's time.
const YIELDS: i32 = 5;

/// The child's time: what it has used, and the limit that each file moves on.
struct Budget {
    started: Instant,
    /// The system's own account of the time that this process has computed. It stays open; nothing else opens.
    account: Option<File>,
    seconds: u64,
    /// Second at which the child ends, whatever is left.
    last: u64,
}

impl Budget {
    fn used(&mut self) -> Option<u64> {
        let account = self.account.as_mut()?;
        account.seek(SeekFrom::Start(0)).ok()?;
        let mut text = String::new();
        account.take(100).read_to_string(&mut text).ok()?;
        let nanoseconds: u64 = text.split_whitespace().next()?.parse().ok()?;
        nanoseconds.checked_div(1_000_000_000)
    }

    /// Whole seconds used, the part of one that is begun among them.
    fn spent(&mut self) -> u64 {
        // A process of one thread computes no longer than it lives.
        self.used().unwrap_or_else(|| self.started.elapsed().as_secs()).saturating_add(1)
    }

    /// Adds time for `parts` files or members to come.
    fn share(&mut self, parts: usize) {
        let share = u64::try_from(parts.checked_div(ALL_PARTS).unwrap_or(0)).unwrap_or(ALL_SECONDS);
        let wanted = self.spent().saturating_add(self.seconds.max(ALL_BASE)).saturating_add(share);
        self.last = self.last.max(wanted).min(ALL_SECONDS);
    }

    /// The next file has its own seconds, from now on.
    fn begin(&mut self) -> std::io::Result<()> {
        let most = self.spent().saturating_add(self.seconds).min(self.last);
        rlimit::setrlimit(Resource::CPU, most, ALL_SECONDS)
    }
}

/// Limits of a child until it knows its order.
fn give_up() -> std::io::Result<()> {
    rustix::process::nice(YIELDS)?;
    let limited = [
        (Resource::DATA, BANK_MEMORY),
        (Resource::CPU, ALL_SECONDS),
        // Open files stay open; no other opens, and nothing grows on a disk.
        (Resource::NOFILE, 3),
        (Resource::FSIZE, 0),
        (Resource::CORE, 0),
    ];
    limited.into_iter().try_for_each(|(resource, most)| rlimit::setrlimit(resource, most, most))
}

#[must_use]
pub fn run_child() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run() -> std::io::Result<()> {
    let account = File::open("/proc/self/schedstat").ok();
    give_up()?;
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    input.by_ref().take(LONGEST_ORDER).read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    drop(line);
    let bank = matches!(order.task, Task::BankFile);
    let memory = if bank { BANK_MEMORY } else { MEMORY };
    rlimit::setrlimit(Resource::DATA, memory, memory)?;
    let mut budget = Budget { started: Instant::now(), account, seconds: if bank { BANK_SECONDS } else { SECONDS }, last: 0 };
    budget.share(order.files.len());
    let (mut faults, mut together) = (order.faults, order.rows);
    let mut out = BufWriter::with_capacity(64_000, std::io::stdout().lock());
    for file in &order.files {
        budget.begin()?;
        let mut content = Vec::new();
        input.by_ref().take(u64::try_from(file.length).unwrap_or(0)).read_to_end(&mut content)?;
        let (rows, together) = (MOST_ROWS, &mut together);
        let mut reader = Reader { out: &mut out, budget: &mut budget, rows, together, faults: &mut faults };
        reader.read(&order.task, file, &content)?;
        reader.answer(&Answer::End)?;
    }
    Ok(())
}

struct Reader<'a, W: Write> {
    out: &'a mut W,
    budget: &'a mut Budget,
    /// Rows that the tables of this file may still have: those of an archive together no more than one alone.
    rows: usize,
    /// Rows that the good tables of all files may still have.
    together: &'a mut usize,
    /// Faults that may still be listed, of all files; the others are only counted.
    faults: &'a mut usize,
}

impl<W: Write> Reader<'_, W> {
    fn answer(&mut self, answer: &Answer) -> std::io::Result<()> {
        // The line's end says that it is whole.
        serde_json::to_writer(&mut *self.out, answer)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    fn read(&mut self, task: &Task, file: &Announced, content: &[u8]) -> std::io::Result<()> {
        let answer = match task {
            Task::Invoices => return self.invoices(file, content),
            Task::Payables => csv::read_payables(content).map(|rows| Answer::Payables(rows_of(rows))),
            Task::Confirmations => csv::read_confirmations(content).map(|rows| Answer::Confirmations(rows_of(rows))),
            Task::PlainDocument => Ok(Answer::PlainDocument(read::is_plain_document(content))),
            Task::BankFile => bank_file(content).map(Answer::BankFile),
            Task::Show { number } => Ok(Answer::Shown(show(content, number))),
            Task::Rows { numbers } => Ok(Answer::Rows(view::rows_of(content, numbers).ok())),
        };
        self.answer(&answer.unwrap_or_else(|fault| Answer::Refused(fault.into())))
    }

    fn invoices(&mut self, file: &Announced, content: &[u8]) -> std::io::Result<()> {
        match read::container(content) {
            None => self.plain(&file.name, content, Content::File),
            Some(Container::Pdf | Container::Ofd) => self.one(&file.name, single(content), content, Content::File),
            Some(Container::Zip) => match Members::open(content, &Limits::default()) {
                Ok(members) => self.members(file, members),
                Err(fault) => self.answer(&Answer::Refused(fault.into())),
            },
        }
    }

    /// The members of a zip are read like files of their own, one after the other; a zip inside is not opened.
    fn members(&mut self, file: &Announced, mut members: Members<'_>) -> std::io::Result<()> {
        let mut seen = 0_usize;
        self.budget.share(members.count());
        loop {
            self.budget.begin()?;
            let member = match members.next() {
                Ok(Some(member)) => member,
                Ok(None) if seen == 0 => return self.answer(&Answer::Refused(FormatFault::ZipEmpty.into())),
                Ok(None) => return Ok(()),
                // A fault of the archive refuses all of it.
                Err(fault) => return self.answer(&Answer::Refused(fault.into())),
            };
            seen = seen.saturating_add(1);
            if seen > file.skip {
                self.member(&file.name, &member)?;
            }
        }
    }

    fn member(&mut self, archive: &str, member: &Member) -> std::io::Result<()> {
        let name = format!("{archive}/{}", shown(&member.name));
        self.answer(&Answer::Next { name: name.clone() })?;
        let behind = Content::Behind(member.content.len());
        match read::container(&member.content) {
            None => self.plain(&name, &member.content, behind),
            Some(Container::Zip) => {
                let nested = FormatFault::ZipNested { name: shown(&member.name) };
                self.one(&name, Err(nested.into()), &member.content, behind)
            }
            Some(_) => self.one(&name, single(&member.content), &member.content, behind),
        }
    }

    /// One answer; the content goes with it where something is kept.
    fn found(&mut self, name: &str, held: Result<Held, FileFault>, content: &[u8], place: Content) -> std::io::Result<()> {
        if held.is_err() {
            let Some(left) = self.faults.checked_sub(1) else { return self.more(1) };
            *self.faults = left;
        }
        let place = if held.is_ok() { place } else { Content::None };
        self.answer(&Answer::Found { name: name.to_owned(), content: place, held })?;
        if matches!(place, Content::Behind(_)) {
            self.out.write_all(content)?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// The number of faults that are not listed, for the line that counts them.
    fn more(&mut self, count: usize) -> std::io::Result<()> {
        if count == 0 { Ok(()) } else { self.answer(&Answer::More { count }) }
    }

    /// Takes a table's rows from those that the file may still have. False where they are too many.
    fn has_room(&mut self, rows: usize) -> bool {
        let left = self.rows.checked_sub(rows);
        self.rows = left.unwrap_or(self.rows);
        left.is_some()
    }

    /// A table's faults, each under its name: those that may still be listed, and the number of the others.
    fn faults(&mut self, found: impl ExactSizeIterator<Item = (String, FileFault)>, more: usize) -> std::io::Result<()> {
        let rest = found.len().saturating_sub(*self.faults);
        let told = found.take(*self.faults);
        for (name, fault) in told {
            self.found(&name, Err(fault), &[], Content::None)?;
        }
        self.more(rest.saturating_add(more))
    }

    fn one(
        &mut self,
        name: &str,
        invoice: Result<InvoiceFile, FileFault>,
        content: &[u8],
        place: Content,
    ) -> std::io::Result<()> {
        let held = invoice.map(|invoice| {
            let warnings = warnings(&invoice);
            Held::Invoice(Box::new(invoice.taken()), warnings)
        });
        self.found(name, held, content, place)
    }

    fn plain(&mut self, name: &str, content: &[u8], place: Content) -> std::io::Result<()> {
        match read::read_plain(content) {
            Ok(Whole::Invoice(invoice) | Whole::Hybrid(invoice)) => self.one(name, accepted(*invoice), content, place),
            Ok(Whole::Invoices(rows)) => self.table(name, rows, content, place),
            Ok(Whole::FaultyTable(Faults { rows, .. })) if !self.has_room(rows) => self.too_many(name),
            Ok(Whole::FaultyTable(Faults { told, more, .. })) => {
                self.faults(told.into_iter().map(|fault| (name.to_owned(), fault.into())), more)
            }
            // A buyer's list is no invoice of a supplier; an archive does not come out of a plain file.
            Ok(Whole::Payables(_) | Whole::Archive(_)) => self.found(name, Err(FormatFault::UnknownKind.into()), content, place),
            Err(fault) => self.found(name, Err(fault.into()), content, place),
        }
    }

    /// A table is taken whole or not at all: where a row breaks a rule, only the rows that do are answered.
    fn table(&mut self, name: &str, rows: Vec<CsvInvoice>, content: &[u8], place: Content) -> std::io::Result<()> {
        if !self.has_room(rows.len()) {
            return self.too_many(name);
        }
        let wrong = |row: &CsvInvoice| rules::accept(&row.invoice).err().map(|fault| (row.line, fault.into()));
        let faults: Vec<(u32, FileFault)> = rows.iter().filter_map(wrong).collect();
        if faults.is_empty() {
            let Some(left) = self.together.checked_sub(rows.len()) else {
                return self.found(name, Err(FileFault::rows_together()), &[], Content::None);
            };
            *self.together = left;
            let mut rows = rows.into_iter();
            while rows.len() > PART {
                let part = rows.by_ref().take(PART).collect();
                self.answer(&Answer::Part(part))?;
            }
            return self.found(name, Ok(Held::Table(rows.collect())), content, place);
        }
        self.faults(faults.into_iter().map(|(line, fault)| (format!("{name}:{line}"), fault)), 0)
    }

    fn too_many(&mut self, name: &str) -> std::io::Result<()> {
        self.found(name, Err(FormatFault::CsvTooMany { most: MOST_ROWS }.into()), &[], Content::None)
    }
}

fn rows_of<T>(rows: Result<Vec<T>, Faults>) -> Rows<T> {
    rows.map_err(|faults| {
        let more = Some(faults.more).filter(|more| *more > 0).map(FileFault::more);
        faults.told.into_iter().map(FileFault::from).chain(more).collect()
    })
}

/// The one invoice of a PDF or OFD document.
fn single(content: &[u8]) -> Result<InvoiceFile, FileFault> {
    let members = read::unpack(content, &Limits::default())?;
    let inside = members.first().ok_or_else(FileFault::stopped)?;
    accepted(read::read_xml(&inside.content)?)
}

/// The invoice, if it breaks no rule.
fn accepted(invoice: InvoiceFile) -> Result<InvoiceFile, FileFault> {
    rules::accept(&invoice)?;
    Ok(invoice)
}

/// A bank's file, or a zip of them: banks hand out a file a day, or one for each account, in a zip. The statements of all members
/// count as one file's, and so do the reports on payments. A member that is neither gets a fault by name, and so does a report
/// beside statements.
fn bank_file(content: &[u8]) -> Result<BankFileRead, FormatFault> {
    if !matches!(read::container(content), Some(Container::Zip)) {
        return plain_bank_file(content);
    }
    let mut archive = Members::open(content, &Limits::default())?;
    let (mut statements, mut reports, mut first) = (Vec::new(), Vec::new(), None);
    let (mut members, mut of_reports) = (Vec::new(), Vec::new());
    while let Some(member) = archive.next()? {
        let name = shown(&member.name);
        let read = match read::container(&member.content) {
            Some(Container::Zip) => Err(FormatFault::ZipNested { name: name.clone() }),
            _ => plain_bank_file(&member.content),
        };
        let (count, fault) = match read {
            Ok(BankFileRead::Statements(read, _)) => {
                let count = read.len();
                statements.extend(read);
                (count, None)
            }
            Ok(BankFileRead::Status(read, _)) => {
                let count = read.len();
                of_reports.push(members.len());
                reports.extend(read);
                (count, None)
            }
            Err(fault) => {
                first.get_or_insert_with(|| named(fault.clone(), &name));
                (0, Some(fault.into()))
            }
        };
        members.push(BankMember { name, count, fault });
    }
    if statements.is_empty() && !reports.is_empty() {
        return Ok(BankFileRead::Status(reports, members));
    }
    for place in of_reports {
        if let Some(member) = members.get_mut(place) {
            (member.count, member.fault) = (0, Some(FormatFault::ReportBesideStatements.into()));
        }
    }
    if statements.is_empty() {
        Err(first.unwrap_or(FormatFault::ZipEmpty))
    } else {
        Ok(BankFileRead::Statements(statements, members))
    }
}

/// The fault of a file that is no bank file, with the name of the member.
fn named(fault: FormatFault, name: &str) -> FormatFault {
    match fault {
        FormatFault::WrongKind { element } => FormatFault::WrongKind { element: shown(&format!("{name}: {element}")) },
        other => other,
    }
}

/// A statement, a notification or a report on payments. A statement that does not add up is refused.
fn plain_bank_file(content: &[u8]) -> Result<BankFileRead, FormatFault> {
    match pain002::parse(content) {
        Err(FormatFault::WrongKind { .. }) => {}
        read => return read.map(|report| BankFileRead::Status(vec![report], Vec::new())),
    }
    let statements = camt::parse(content)?;
    match statements.iter().find_map(Statement::fault) {
        Some(fault) => Err(fault),
        None => Ok(BankFileRead::Statements(statements, Vec::new())),
    }
}

fn show(content: &[u8], number: &str) -> Shown {
    let invoice = |content: &[u8], inside| view::read(content).ok().map(|view| Shown::Invoice(Box::new(view), inside));
    let found = match read::container(content) {
        None => invoice(content, None).or_else(|| view::read_row(content, number).ok().flatten().map(Shown::Row)),
        Some(Container::Zip) => None,
        Some(kind) => read::unpack(content, &Limits::default()).ok().and_then(|members| {
            let inside = members.into_iter().next()?;
            invoice(&inside.content, Some((kind, shown(&inside.name))))
        }),
    };
    found.unwrap_or(Shown::Nothing)
}
