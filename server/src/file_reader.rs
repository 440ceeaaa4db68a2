//! Reads files that come from outside. A child process reads them with little memory, in little time, without opening files or
//! reaching a network. The parent gets only the data that the child read, and parses nothing else.

mod child;
mod conversation;
mod queue;
mod wire;

use crate::hash::sha256_hex;
use crate::http::error::Fault;
use crate::http::shares::{Owner, Share, Stock};
use conversation::{ALL_ANSWERS, Conversation};
use formats::FormatFault;
use formats::csv::{ConfirmationRow, CsvInvoice, MOST_FAULTS, MOST_ROWS, Payable};
use formats::invoice::InvoiceFile;
use formats::limits::Limits;
use formats::read::Container;
use formats::rules;
use formats::view::{DocumentView, RowView};
use kernel::PartyId;
use queue::Queue;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::{Announced, Answer, Content, Order, Task};

pub use child::run_child;
pub use wire::{BankFileRead, BankMember};

/// The subcommand that the child runs.
pub const TASK: &str = "read-file";
/// Most children for one upload: a file may stop its child, and the next child still reads the rest.
const MOST_CHILDREN: usize = 4;
/// How long all files of one upload may take, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes read from files and held until they are registered: of all uploads together, and of one company's. The third number is
/// the bytes of a company's uploads that always find room. A full table alone takes 41 MB.
const KEPT: (usize, usize, usize) = (96_000_000, 46_000_000, 256_000);
/// Bytes of an invoice or a row while it waits, if its texts are short.
const ROW: usize = 2_048;
/// Bytes that a fault holds until its answer is sent, beside its own texts.
const FAULT: usize = 4_096;

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

    /// The code of the line that counts the faults that are not listed.
    pub const MORE: &'static str = "more_faults";

    /// The line that stands for `count` faults.
    #[must_use]
    pub fn more(count: usize) -> Self {
        Self { code: Self::MORE.to_owned(), arguments: vec![("count".to_owned(), count.to_string())] }
    }

    /// How many faults this stands for.
    #[must_use]
    pub fn count(&self) -> usize {
        let count = || self.arguments.iter().find(|(name, _)| name == "count")?.1.parse().ok();
        if self.code == Self::MORE { count().unwrap_or(1) } else { 1 }
    }

    /// The code of a file that is passed over because others take all the room.
    pub const BUSY: &'static str = "busy";

    fn busy() -> Self {
        Self { code: Self::BUSY.to_owned(), arguments: Vec::new() }
    }

    /// The files of one upload come to more than may be held.
    fn too_much() -> Self {
        let (_, each, _) = KEPT;
        let megabytes = each.checked_div(1_000_000).unwrap_or(0);
        Self { code: "upload_too_much".to_owned(), arguments: vec![("megabytes".to_owned(), megabytes.to_string())] }
    }

    /// The tables of one upload have more rows than one alone may have.
    fn rows_together() -> Self {
        Self { code: "upload_rows".to_owned(), arguments: vec![("most".to_owned(), MOST_ROWS.to_string())] }
    }

    fn stopped() -> Self {
        Self { code: Self::STOPPED.to_owned(), arguments: Vec::new() }
    }

    /// Bytes of its texts.
    fn bytes(&self) -> usize {
        let texts = self.arguments.iter().map(|(name, value)| name.len().saturating_add(value.len()));
        texts.fold(self.code.len(), usize::saturating_add)
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
    /// Its name for people: the file's name, with the member's name or row behind it.
    pub name: String,
    /// The bytes to keep as evidence; nothing where nothing is taken.
    pub content: Vec<u8>,
    pub held: Result<Held, FileFault>,
}

/// The content of a file: a table, or an invoice with the rules that it breaks without being wrong, as [`warnings`] writes them.
#[derive(Debug, Serialize, Deserialize)]
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

/// The view of a stored file beside the fields that were read from it.
#[derive(Debug, Serialize, Deserialize)]
pub enum Shown {
    /// An invoice; out of a PDF or OFD document with the kind of that document and the name of the file inside.
    Invoice(Box<DocumentView>, Option<(Container, String)>),
    /// The row of a table.
    Row(RowView),
    /// It can only be downloaded.
    Nothing,
}

/// One file of an upload.
#[derive(Clone, Debug)]
pub struct Upload {
    pub name: String,
    pub content: Vec<u8>,
}

/// The findings in each file of an upload. They count as held for as long as `kept` lives.
#[derive(Debug)]
pub struct Findings {
    pub files: Vec<Vec<Found>>,
    pub kept: Arc<Share>,
}

/// A file of evidence with its kind. Only [`FileReader::evidence`] makes one, so that the writer believes it.
#[derive(Clone, Debug, Default)]
pub struct CheckedFile {
    media_type: Option<&'static str>,
    sha256: String,
    content: Vec<u8>,
}

impl CheckedFile {
    /// The kind of file, where it is one that a person could look at.
    #[must_use]
    pub fn media_type(&self) -> Option<&'static str> {
        self.media_type
    }
    /// The hash of exactly the bytes that were looked at.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }
}

/// Where files are read: the program that does it, and how many readings there may be at once, each company's share of them.
pub struct FileReader {
    program: PathBuf,
    /// Files that come in.
    uploads: Queue,
    /// Stored files that a person views: a viewer does not wait for uploads.
    views: Queue,
    /// Kept files that a job goes on with: it does not wait for those who send more.
    jobs: Queue,
    kept: Arc<Stock>,
}

impl FileReader {
    #[must_use]
    pub fn new(program: &Path) -> Self {
        let (most, each, spared) = KEPT;
        let kept = Stock::sparing(most, each, spared);
        Self { program: program.to_owned(), uploads: Queue::default(), views: Queue::default(), jobs: Queue::default(), kept }
    }

    /// The same with a bound on the uploads of one company that are read in a second; 0 is none.
    #[must_use]
    pub fn paced(self, rate: u32) -> Self {
        Self { uploads: self.uploads.paced(rate), ..self }
    }

    /// All invoices of the files of one upload. A wrong one does not stop the others, except in a table, which is accepted whole
    /// or not at all. One child reads all files. A file that stops it gets a fault, and another child reads the rest.
    pub async fn invoices(&self, company: PartyId, files: Vec<Upload>) -> Result<Findings, Fault> {
        let _turn = self.uploads.turn(company).await?;
        let mut reading = Reading::new(files, self.kept.share(Owner::Company(company)));
        for _ in 0..MOST_CHILDREN {
            if reading.is_done() {
                break;
            }
            reading.go_on(&self.program).await;
        }
        let (files, kept) = reading.end();
        Ok(Findings { files, kept: Arc::new(kept) })
    }

    /// A buyer's payables: the rows, or all that is wrong with them; and the file again.
    pub async fn payables(
        &self,
        company: PartyId,
        content: Vec<u8>,
    ) -> Result<(Result<Vec<Payable>, Vec<FileFault>>, Vec<u8>), Fault> {
        match self.ask((&self.uploads, company), Task::Payables, content).await? {
            (Answer::Payables(rows), content) => Ok((rows, content)),
            _ => Err(FileFault::stopped().into()),
        }
    }

    /// A buyer's table of what it confirms: the rows, or all that is wrong with them.
    pub async fn confirmations(
        &self,
        company: PartyId,
        content: Vec<u8>,
    ) -> Result<Result<Vec<ConfirmationRow>, Vec<FileFault>>, Fault> {
        match self.ask((&self.uploads, company), Task::Confirmations, content).await? {
            (Answer::Confirmations(rows), _) => Ok(rows),
            _ => Err(FileFault::stopped().into()),
        }
    }

    /// A bank's file: a statement or notification that adds up, or a report on payments; and the file again.
    pub async fn bank_file(&self, company: PartyId, content: Vec<u8>) -> Result<(BankFileRead, Vec<u8>), Fault> {
        self.bank_file_in((&self.uploads, company), content).await
    }

    async fn bank_file_in(&self, queue: (&Queue, PartyId), content: Vec<u8>) -> Result<(BankFileRead, Vec<u8>), Fault> {
        match self.ask(queue, Task::BankFile, content).await? {
            (Answer::BankFile(read), content) => Ok((read, content)),
            _ => Err(FileFault::stopped().into()),
        }
    }

    /// The same for a job, whose thread may wait.
    pub fn bank_file_blocking(&self, content: Vec<u8>) -> Result<BankFileRead, Fault> {
        let failed = |error: std::io::Error| Fault::Failed(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        runtime.block_on(self.bank_file_in((&self.jobs, PartyId(0)), content)).map(|(read, _)| read)
    }

    /// A file of evidence with its kind: by its first bytes, or as an XML document that a browser would not run.
    pub async fn evidence(&self, company: PartyId, content: Vec<u8>) -> Result<CheckedFile, Fault> {
        let (media_type, content) = match media_type(&content) {
            Some(known) => (Some(known), content),
            None => match self.ask((&self.uploads, company), Task::PlainDocument, content).await? {
                (Answer::PlainDocument(plain), content) => (plain.then_some("application/xml"), content),
                _ => return Err(FileFault::stopped().into()),
            },
        };
        Ok(CheckedFile { media_type, sha256: sha256_hex(&content), content })
    }

    /// The view of a stored file for the invoice of this number.
    pub async fn show(&self, company: PartyId, content: Vec<u8>, number: String) -> Result<Shown, Fault> {
        match self.ask((&self.views, company), Task::Show { number }, content).await {
            Ok((Answer::Shown(shown), _)) => Ok(shown),
            Err(Fault::Busy) => Err(Fault::Busy),
            // It was taken once, and can be downloaded.
            _ => Ok(Shown::Nothing),
        }
    }

    /// The heading and the rows of these invoice numbers, of a table that was taken once.
    pub async fn rows(
        &self,
        company: PartyId,
        content: Vec<u8>,
        numbers: Vec<String>,
    ) -> Result<Option<Vec<Vec<String>>>, Fault> {
        match self.ask((&self.views, company), Task::Rows { numbers }, content).await? {
            (Answer::Rows(rows), _) => Ok(rows),
            _ => Err(FileFault::stopped().into()),
        }
    }

    /// One answer about one file.
    async fn ask(&self, (queue, company): (&Queue, PartyId), task: Task, content: Vec<u8>) -> Result<(Answer, Vec<u8>), Fault> {
        let _turn = queue.turn(company).await?;
        let content = Arc::new(content);
        let announced = Announced { name: String::new(), length: content.len(), skip: 0 };
        let order = Order { task, faults: MOST_FAULTS, rows: MOST_ROWS, files: vec![announced] };
        let bounds = (ALL_ANSWERS, Instant::now() + PATIENCE);
        let mut conversation = Conversation::start(&self.program, &order, vec![Arc::clone(&content)], bounds)?;
        let answer = conversation.next().await;
        drop(conversation);
        match answer {
            Some((Answer::Refused(fault), ..)) => Err(fault.into()),
            Some((answer, ..)) => Ok((answer, Arc::unwrap_or_clone(content))),
            None => Err(FileFault::stopped().into()),
        }
    }
}

/// The kind of a file by its first bytes, as far as they show it.
fn media_type(content: &[u8]) -> Option<&'static str> {
    let head = content.get(..1_024).unwrap_or(content);
    if head.windows(5).any(|window| window == b"%PDF-") {
        Some("application/pdf")
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if head.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else {
        None
    }
}

/// Answers for one file: as many as an archive has members, and all faults.
fn most_found() -> usize {
    Limits::default().files.saturating_add(MOST_FAULTS)
}

/// The files of one upload, and the progress of reading them.
struct Reading {
    files: Vec<(String, Arc<Vec<u8>>)>,
    found: Vec<Vec<Found>>,
    /// Where the file itself is kept of what was found: the file, and its finding.
    whole: Vec<(usize, usize)>,
    /// The file that is being read.
    at: usize,
    /// Members of it that a child has begun with.
    begun: usize,
    /// The last of them.
    member: Option<String>,
    /// Rows of a table that have come; more follow.
    part: Vec<CsvInvoice>,
    /// Bytes that those rows hold, and bytes that the rest of the file holds.
    part_holds: usize,
    file_holds: usize,
    /// There is no room for the rest of the file.
    is_over: bool,
    /// Bytes held for all files, beside the files themselves.
    kept: Share,
    /// Faults that may still be listed, of all files together.
    faults: usize,
    /// Rows that all files together may still have.
    rows: usize,
    /// Bytes that may still be answered.
    answers: u64,
    /// Faults of the file that are counted but not listed.
    more: usize,
    until: Instant,
}

impl Reading {
    fn new(files: Vec<Upload>, kept: Share) -> Self {
        let files: Vec<_> = files.into_iter().map(|file| (file.name, Arc::new(file.content))).collect();
        let found = files.iter().map(|_| Vec::new()).collect();
        Self {
            files,
            found,
            whole: Vec::new(),
            at: 0,
            begun: 0,
            member: None,
            part: Vec::new(),
            part_holds: 0,
            file_holds: 0,
            is_over: false,
            kept,
            faults: MOST_FAULTS,
            rows: MOST_ROWS,
            answers: ALL_ANSWERS,
            more: 0,
            until: Instant::now() + PATIENCE,
        }
    }

    fn is_done(&self) -> bool {
        self.at >= self.files.len()
    }

    /// Reads on with a new child, to the end or until it is stopped.
    async fn go_on(&mut self, program: &Path) {
        let left = || self.files.iter().skip(self.at);
        let announced = |(index, (name, content)): (usize, &(String, Arc<Vec<u8>>))| Announced {
            name: name.clone(),
            length: content.len(),
            skip: if index == 0 { self.begun } else { 0 },
        };
        let files = left().enumerate().map(announced).collect();
        let order = Order { task: Task::Invoices, faults: self.faults, rows: self.rows, files };
        let contents = left().map(|(_, content)| Arc::clone(content)).collect();
        let bounds = (self.answers, self.until);
        let Ok(mut conversation) = Conversation::start(program, &order, contents, bounds) else { return self.stopped() };
        while !self.is_done() {
            let next = conversation.next().await;
            self.answers = conversation.left;
            if !next.is_some_and(|(answer, length, behind)| self.take(answer, length, behind)) {
                return self.stopped();
            }
        }
    }

    /// Notes an answer in a line of this length. False where it is none that belongs here.
    fn take(&mut self, answer: Answer, length: usize, behind: Vec<u8>) -> bool {
        match answer {
            Answer::Next { name } => {
                self.begun = self.begun.saturating_add(1);
                self.member = Some(name);
            }
            Answer::Part(rows) => return self.take_rows(rows, length),
            Answer::Found { name, content, held: Err(fault) } => {
                // The child counts, too: the parent does not believe a child that lists more faults than it may.
                let Some(left) = self.faults.checked_sub(1) else { return false };
                self.faults = left;
                let bytes = name.len().saturating_add(fault.bytes()).saturating_add(FAULT);
                return content == Content::None
                    && self.take_found(Found { name, content: behind, held: Err(fault) }, bytes, false);
            }
            Answer::Found { name, content, held: Ok(held) } => {
                let held = match held {
                    Held::Table(rows) => {
                        if !self.take_rows(rows, length) {
                            return false;
                        }
                        Held::Table(std::mem::take(&mut self.part))
                    }
                    invoice => invoice,
                };
                // A table's rows have taken theirs.
                let bytes = if matches!(held, Held::Table(_)) { 0 } else { length.max(ROW) };
                let bytes = bytes.saturating_add(name.len()).saturating_add(behind.len());
                return self.take_found(Found { name, content: behind, held: Ok(held) }, bytes, content == Content::File);
            }
            Answer::More { count } => self.more = self.more.saturating_add(count),
            Answer::Refused(fault) => {
                let held = std::mem::take(&mut self.file_holds);
                self.kept.shrink(held);
                (self.more, self.is_over) = (0, true);
                let (Some(found), Some((name, _))) = (self.found.get_mut(self.at), self.files.get(self.at)) else { return false };
                *found = vec![Found { name: name.clone(), content: Vec::new(), held: Err(fault) }];
            }
            Answer::End => self.next_file(),
            _ => return false,
        }
        true
    }

    /// Takes rows of a table, in a line of this length, with their bytes. It returns the bytes if the table is refused.
    fn take_rows(&mut self, rows: Vec<CsvInvoice>, length: usize) -> bool {
        let Some(left) = self.rows.checked_sub(rows.len()) else { return false };
        self.rows = left;
        let bytes = rows.len().saturating_mul(ROW).max(length);
        if !self.is_over && self.kept.grow(bytes) {
            self.part_holds = self.part_holds.saturating_add(bytes);
            self.part.extend(rows);
        } else {
            self.pass_over(bytes);
        }
        true
    }

    /// Takes a finding that holds `bytes` more. False where the child reports more findings than there can be.
    fn take_found(&mut self, one: Found, bytes: usize, is_file: bool) -> bool {
        if self.is_over {
            return true;
        }
        let index = self.found.get(self.at).map_or(usize::MAX, Vec::len);
        if index >= most_found() || (is_file && self.whole.iter().any(|(file, _)| *file == self.at)) {
            return false;
        }
        if !self.kept.grow(bytes) {
            self.pass_over(bytes);
            return true;
        }
        self.file_holds = self.file_holds.saturating_add(bytes).saturating_add(std::mem::take(&mut self.part_holds));
        if is_file {
            self.whole.push((self.at, index));
        }
        if let Some(found) = self.found.get_mut(self.at) {
            found.push(one);
        }
        true
    }

    /// There is no room for `bytes` more: the rest of the file is skipped, and the next file is read.
    fn pass_over(&mut self, bytes: usize) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let (_, each, _) = KEPT;
        let alone = self.kept.held().saturating_add(bytes) <= each;
        self.forget_part();
        if let (Some(found), Some((name, _))) = (self.found.get_mut(self.at), self.files.get(self.at)) {
            let fault = if alone { FileFault::busy() } else { FileFault::too_much() };
            found.push(Found { name: name.clone(), content: Vec::new(), held: Err(fault) });
        }
    }

    /// A table that was begun and is not taken.
    fn forget_part(&mut self) {
        let part = std::mem::take(&mut self.part);
        self.rows = self.rows.saturating_add(part.len());
        self.kept.shrink(std::mem::take(&mut self.part_holds));
    }

    fn next_file(&mut self) {
        if self.more > 0
            && let (Some(found), Some((name, _))) = (self.found.get_mut(self.at), self.files.get(self.at))
        {
            found.push(Found { name: name.clone(), content: Vec::new(), held: Err(FileFault::more(self.more)) });
        }
        self.forget_part();
        (self.more, self.begun, self.file_holds) = (0, 0, 0);
        (self.member, self.is_over) = (None, false);
        self.at = self.at.saturating_add(1);
    }

    /// The child is gone. A member that was being read is answered and passed over; else the file is.
    fn stopped(&mut self) {
        let Some((file, _)) = self.files.get(self.at) else { return };
        let member = self.member.take();
        let name = member.clone().unwrap_or_else(|| file.clone());
        self.forget_part();
        if let Some(found) = self.found.get_mut(self.at).filter(|_| !self.is_over) {
            found.push(Found { name, content: Vec::new(), held: Err(FileFault::stopped()) });
        }
        if member.is_none() {
            self.next_file();
        }
    }

    /// The findings, with an answer for each file that was not read, and their share of bytes.
    fn end(mut self) -> (Vec<Vec<Found>>, Share) {
        while !self.is_done() {
            self.member = None;
            self.stopped();
        }
        for (file, index) in self.whole {
            let (Some(found), Some((_, content))) = (self.found.get_mut(file), self.files.get_mut(file)) else { continue };
            if let Some(one) = found.get_mut(index).filter(|one| one.held.is_ok()) {
                one.content = Arc::unwrap_or_clone(std::mem::take(content));
            }
        }
        (self.found, self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn evidence_is_told_by_its_first_bytes() {
        assert_eq!(media_type(b"%PDF-1.7 "), Some("application/pdf"));
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        for other in [&b"<Order/>"[..], b"MZ\x90", b"", b"PK\x03\x04"] {
            assert_eq!(media_type(other), None);
        }
    }
}
