//! Reads files that come from outside. What holds other files (PDF, OFD, zip) is opened by a child process that may use little
//! memory and little time, opens no file and reaches no network; the parent then reads plain text only.

use formats::FormatFault;
use formats::archive::Member;
use formats::csv::CsvInvoice;
use formats::invoice::InvoiceFile;
use formats::limits::Limits;
use formats::read::{self, Container, Read};
use formats::rules;
use formats::view::{self, DocumentView, RowView};
use rlimit::Resource;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read as _, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// The subcommand that the child runs.
pub const TASK: &str = "read-file";
/// What the child may use: bytes of memory and seconds of computing.
const MEMORY: u64 = 100_000_000;
const SECONDS: u64 = 2;
/// How long the parent waits for it, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a file is not taken: the fault's code and what its sentence needs. It crosses the border between the two processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFault {
    pub code: String,
    pub arguments: Vec<(String, String)>,
}

impl From<FormatFault> for FileFault {
    fn from(fault: FormatFault) -> Self {
        let arguments = fault.arguments().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { code: fault.code().to_owned(), arguments }
    }
}

impl FileFault {
    /// The code of a child that was stopped.
    pub const STOPPED: &'static str = "reader_stopped";

    fn stopped() -> Self {
        Self { code: Self::STOPPED.to_owned(), arguments: Vec::new() }
    }

    #[must_use]
    pub fn sentence(&self, language: web::Language) -> String {
        let arguments: Vec<(&str, String)> = self.arguments.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        language.file_fault(&self.code, &arguments)
    }
}

/// An invoice that a file holds, or why it is none.
#[derive(Debug)]
pub struct Found {
    /// What people call it: the file's name, with the member's name or row behind it.
    pub name: String,
    /// The bytes to keep as evidence.
    pub content: Vec<u8>,
    pub held: Result<Held, FileFault>,
}

/// What a file holds: an invoice with the rules that it breaks without being wrong, as [`warnings`] writes them, or a table.
#[derive(Debug)]
pub enum Held {
    Invoice(Box<InvoiceFile>, String),
    Table(Vec<CsvInvoice>),
}

/// The findings that only warn, each as its rule, a colon and its line, parted by spaces. Many of one rule are said once.
#[must_use]
pub fn warnings(invoice: &InvoiceFile) -> String {
    let mut found: Vec<String> = Vec::new();
    for finding in rules::check(invoice).iter().filter(|finding| finding.severity == rules::Severity::Warning) {
        let start = format!("{}:", finding.rule);
        if !found.iter().any(|known| known.starts_with(&start)) {
            found.push(format!("{start}{}", finding.file_line));
        }
    }
    found.join(" ")
}

fn found(name: String, content: Vec<u8>, invoice: Result<InvoiceFile, FileFault>) -> Found {
    let held = invoice.map(|invoice| {
        let warnings = warnings(&invoice);
        Held::Invoice(Box::new(invoice), warnings)
    });
    Found { name, content, held }
}

/// A table is taken whole or not at all: where a row breaks a rule, only the rows that do are answered.
fn table(name: &str, content: Vec<u8>, rows: Vec<CsvInvoice>) -> Vec<Found> {
    let wrong = |row: &CsvInvoice| rules::accept(&row.invoice).err().map(|fault| (row.line, fault.into()));
    let faults: Vec<(u32, FileFault)> = rows.iter().filter_map(wrong).collect();
    if faults.is_empty() {
        return vec![Found { name: name.to_owned(), content, held: Ok(Held::Table(rows)) }];
    }
    let each = |(line, fault)| Found { name: format!("{name}:{line}"), content: Vec::new(), held: Err(fault) };
    faults.into_iter().map(each).collect()
}

/// All invoices of a file. One that is wrong never keeps another back, save in a table, which is taken whole or not at all.
#[must_use]
pub fn invoices(program: &Path, name: &str, content: Vec<u8>) -> Vec<Found> {
    let one = |content, invoice| vec![found(name.to_owned(), content, invoice)];
    match read::container(&content) {
        None => plain(name, content),
        Some(Container::Zip) => match unpack(program, &content) {
            Ok(members) => members.into_iter().flat_map(|member| member_invoices(program, name, member)).collect(),
            Err(fault) => one(content, Err(fault)),
        },
        Some(read::Container::Pdf | read::Container::Ofd) => {
            let invoice = single(program, &content);
            one(content, invoice)
        }
    }
}

/// The members of a zip are read like files of their own; a zip inside is not opened.
fn member_invoices(program: &Path, archive: &str, member: Member) -> Vec<Found> {
    let name = format!("{archive}/{}", formats::fault::shown(&member.name));
    match read::container(&member.content) {
        None => plain(&name, member.content),
        Some(Container::Zip) => {
            let nested = FormatFault::ZipNested { name: formats::fault::shown(&member.name) };
            vec![found(name, member.content, Err(nested.into()))]
        }
        Some(_) => {
            let invoice = single(program, &member.content);
            vec![found(name, member.content, invoice)]
        }
    }
}

/// The one invoice of a PDF or OFD document.
fn single(program: &Path, content: &[u8]) -> Result<InvoiceFile, FileFault> {
    let members = unpack(program, content)?;
    let inside = members.first().ok_or_else(FileFault::stopped)?;
    accepted(read::read_xml(&inside.content)?)
}

/// The invoice, if it breaks no rule.
fn accepted(invoice: InvoiceFile) -> Result<InvoiceFile, FileFault> {
    rules::accept(&invoice)?;
    Ok(invoice)
}

fn plain(name: &str, content: Vec<u8>) -> Vec<Found> {
    let one = |content, invoice| vec![found(name.to_owned(), content, invoice)];
    match read::read_plain(&content) {
        Ok(Read::Invoice(invoice) | Read::Hybrid(invoice)) => one(content, accepted(*invoice)),
        Ok(Read::Invoices(rows)) => table(name, content, rows),
        Ok(Read::FaultyTable(faults)) => {
            faults.into_iter().map(|fault| found(name.to_owned(), Vec::new(), Err(fault.into()))).collect()
        }
        // A buyer's list is no invoice of a supplier; an archive does not come out of a plain file.
        Ok(Read::Payables(_) | Read::Archive(_)) => one(content, Err(FormatFault::UnknownKind.into())),
        Err(fault) => one(content, Err(fault.into())),
    }
}

/// What a stored file shows beside the fields that were taken from it.
#[derive(Debug)]
pub enum Shown {
    /// An invoice; out of a PDF or OFD document with the kind of that document and the name of the file inside.
    Invoice(Box<DocumentView>, Option<(Container, String)>),
    /// The row of a table.
    Row(RowView),
    /// It can only be downloaded.
    Nothing,
}

/// What a file that was taken once shows of the invoice of this number: opened in the child process where it holds other files.
#[must_use]
pub fn shown(program: &Path, content: &[u8], number: &str) -> Shown {
    let invoice = |content: &[u8], inside| view::read(content).ok().map(|view| Shown::Invoice(Box::new(view), inside));
    let found = match read::container(content) {
        None => invoice(content, None).or_else(|| view::read_row(content, number).ok().flatten().map(Shown::Row)),
        Some(Container::Zip) => None,
        Some(kind) => unpack(program, content).ok().and_then(|members| {
            let inside = members.into_iter().next()?;
            invoice(&inside.content, Some((kind, formats::fault::shown(&inside.name))))
        }),
    };
    found.unwrap_or(Shown::Nothing)
}

/// The child's answer: a line of JSON, and behind it the contents one after the other.
#[derive(Serialize, Deserialize)]
enum Answer {
    Members(Vec<(String, usize)>),
    Fault(FileFault),
}

/// Unpacks a container in a child process.
fn unpack(program: &Path, content: &[u8]) -> Result<Vec<Member>, FileFault> {
    let mut command = Command::new(program);
    command.arg(TASK).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| {
        tracing::error!(%error, program = %program.display(), "the file reader does not start");
        FileFault::stopped()
    })?;
    let outcome = converse(&mut child, content);
    // It is over, or has to be; there is nothing to do if it ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    outcome
}

/// Writes to the child and reads from it at the same time, so that neither waits for the other for ever.
fn converse(child: &mut Child, content: &[u8]) -> Result<Vec<Member>, FileFault> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Err(FileFault::stopped()) };
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(read_answer(BufReader::new(output))));
    let content = content.to_vec();
    // A child that has seen enough closes its end: not an error.
    std::thread::spawn(move || input.write_all(&content));
    receive.recv_timeout(PATIENCE).ok().flatten().unwrap_or_else(|| Err(FileFault::stopped()))
}

/// None where the answer breaks off: the child was stopped.
fn read_answer(mut output: impl BufRead) -> Option<Result<Vec<Member>, FileFault>> {
    let mut line = String::new();
    output.by_ref().take(1_000_000).read_line(&mut line).ok()?;
    let members = match serde_json::from_str(&line).ok()? {
        Answer::Fault(fault) => return Some(Err(fault)),
        Answer::Members(members) => members,
    };
    let total = members.iter().fold(0_usize, |sum, (_, length)| sum.saturating_add(*length));
    if total > Limits::default().total_bytes {
        return None;
    }
    let mut found = Vec::with_capacity(members.len());
    for (name, length) in members {
        let mut content = vec![0; length];
        output.read_exact(&mut content).ok()?;
        found.push(Member { name, content });
    }
    Some(Ok(found))
}

/// What the child does: gives up what it does not need, reads its input, answers.
#[must_use]
pub fn run_child() -> ExitCode {
    let limited = [
        (Resource::DATA, MEMORY),
        (Resource::CPU, SECONDS),
        // The three that are open stay; no other opens, and nothing grows on a disk.
        (Resource::NOFILE, 3),
        (Resource::FSIZE, 0),
        (Resource::CORE, 0),
    ];
    if limited.into_iter().any(|(resource, most)| rlimit::setrlimit(resource, most, most).is_err()) {
        return ExitCode::FAILURE;
    }
    let mut content = Vec::new();
    let most = u64::try_from(crate::config::LARGEST_FILE).unwrap_or(u64::MAX);
    if std::io::stdin().take(most).read_to_end(&mut content).is_err() {
        return ExitCode::FAILURE;
    }
    let outcome = read::unpack(&content, &Limits::default());
    drop(content);
    match write_answer(outcome) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn write_answer(outcome: Result<Vec<Member>, FormatFault>) -> std::io::Result<()> {
    let (answer, members) = match outcome {
        Ok(members) => {
            (Answer::Members(members.iter().map(|found| (found.name.clone(), found.content.len())).collect()), members)
        }
        Err(fault) => (Answer::Fault(fault.into()), Vec::new()),
    };
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, &answer)?;
    output.write_all(b"\n")?;
    members.iter().try_for_each(|member| output.write_all(&member.content))?;
    output.flush()
}
