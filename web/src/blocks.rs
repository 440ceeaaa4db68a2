//! The blocks of which pages are made, and the shell around them.

use crate::texts::{Language, amount, grouped};
use askama::Template;
use chrono::{NaiveDate, NaiveDateTime};

/// Whether a state is good, waiting, wants attention or has ended: four quiet colours, each with an icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Done,
    Waiting,
    Attention,
    Stopped,
}

impl Tone {
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Waiting => "waiting",
            Self::Attention => "attention",
            Self::Stopped => "stopped",
        }
    }

    /// A mark that says the same without colour.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Done => "✓",
            Self::Waiting => "○",
            Self::Attention => "!",
            Self::Stopped => "×",
        }
    }

    /// The tone of a stored state.
    #[must_use]
    pub fn of(state: &str) -> Self {
        Self::listed(state).unwrap_or(Self::Waiting)
    }

    /// The tone of a state that has one of its own. The test wants it of every state that has a text.
    fn listed(state: &str) -> Option<Self> {
        Some(match state {
            "confirmed" | "assigned" | "paid" | "redeemed" | "settled" | "active" | "verified" | "approved" | "matched"
            | "placed" | "issued" | "sent" | "acknowledged" | "review_cleared" | "imported" | "follows" | "first"
            | "expensed" | "explained" | "link_used" | "used" | "programme_open" | "version_approved" | "member_joined"
            | "fee_paid" | "done" | "custody_open" => Self::Done,
            "partially_confirmed"
            | "part_paid"
            | "part_redeemed"
            | "overdue"
            | "disputed"
            | "suspense"
            | "stopped"
            | "attention"
            | "matured"
            | "applied"
            | "proposed"
            | "unknown"
            | "conflict"
            | "code_unknown"
            | "claimed"
            | "gap"
            | "overlap"
            | "failed"
            | "fee_open"
            | "version_proposed"
            | "programme_suspended"
            | "custody_proposed"
            | "custody_closing" => Self::Attention,
            "withdrawn" | "expired" | "cancelled" | "suspended" | "declined" | "rejected" | "disabled" | "replaced"
            | "skipped" | "ended" | "returned" | "review_refused" | "review_released" | "reversed" | "already_rejected"
            | "link_revoked" | "link_expired" | "link_locked" | "lapsed" | "programme_closed" | "programme_rejected"
            | "version_rejected" | "payout_rejected" | "member_declined" | "member_left" | "member_removed" | "refused"
            | "custody_closed" => Self::Stopped,
            "draft" | "presented" | "credited" | "open" | "invited" | "pending" | "queued" | "factor_none" | "accepted"
            | "authorised" | "created" | "noted" | "running" | "waiting" | "excluded" | "given" | "review_open" | "kept"
            | "importing" | "none" | "link_open" | "held" | "programme_proposed" | "member_invited" => Self::Waiting,
            _ => return None,
        })
    }
}

/// The content of a cell, or the text beside a term.
#[derive(Clone, Debug, Default)]
pub struct Value {
    pub text: String,
    pub href: String,
    /// `money`, `tag`, `date`, `code`, `box`, or nothing.
    pub kind: &'static str,
    /// Tone class and icon of a tag; ISO form of a date.
    pub extra: &'static str,
    pub icon: &'static str,
    pub machine: String,
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: href.into(), ..Self::default() }
    }
    pub fn code(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: "code", ..Self::default() }
    }
    #[must_use]
    pub fn number(number: i64) -> Self {
        Self { text: grouped(number), kind: "money", ..Self::default() }
    }
    /// With the ISO code before the number.
    #[must_use]
    pub fn money(currency: &str, minor: i64) -> Self {
        let machine = domain::Currency::parse(currency).map_or_else(|| minor.to_string(), |known| known.decimal(minor));
        Self { text: format!("{currency} {}", amount(currency, minor)), kind: "money", machine, ..Self::default() }
    }
    #[must_use]
    pub fn percent(rate: &str) -> Self {
        Self { text: format!("{rate} %"), kind: "money", ..Self::default() }
    }
    #[must_use]
    pub fn date(language: Language, date: NaiveDate) -> Self {
        Self { text: language.date(date), kind: "date", machine: date.to_string(), ..Self::default() }
    }
    #[must_use]
    pub fn moment(language: Language, moment: NaiveDateTime) -> Self {
        let machine = moment.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        Self { text: language.moment(moment), kind: "date", machine, ..Self::default() }
    }
    #[must_use]
    pub fn state(language: Language, state: &str) -> Self {
        let tone = Tone::of(state);
        let text = language.t(&format!("state-{}", state.replace('_', "-")));
        Self { text, kind: "tag", extra: tone.class(), icon: tone.icon(), ..Self::default() }
    }
    /// A box that chooses this row; its label names the row to those who do not see it.
    pub fn choice(id: i64, label: impl Into<String>) -> Self {
        Self { text: label.into(), kind: "box", machine: id.to_string(), ..Self::default() }
    }
    #[must_use]
    pub fn is_money(&self) -> bool {
        self.kind == "money"
    }
}

#[derive(Clone, Debug, Default)]
pub struct Column {
    pub label: String,
    pub numeric: bool,
    /// Address that sorts by this column; empty when it cannot.
    pub sort_href: String,
    /// `ascending`, `descending` or `none`.
    pub sorted: &'static str,
}

impl Column {
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), sorted: "none", ..Self::default() }
    }
    pub fn numeric(label: impl Into<String>) -> Self {
        Self { numeric: true, ..Self::new(label) }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Row {
    pub cells: Vec<Value>,
}

/// A removable filter, or one that can be chosen.
#[derive(Clone, Debug)]
pub struct Choice {
    pub label: String,
    pub href: String,
    pub chosen: bool,
}

/// An act on rows of a table: the form around it and its buttons, each with what it takes (`scope`) and its label.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub form: Form,
    pub buttons: Vec<(String, String)>,
}

/// The sums of a table's columns: each with the column that it stands under.
#[derive(Clone, Debug, Default)]
pub struct TotalRow {
    pub label: String,
    pub sums: Vec<(usize, String)>,
}

impl TotalRow {
    /// How many columns the label takes: those before the first sum.
    fn span(&self) -> usize {
        self.sums.iter().map(|(column, _)| *column).min().unwrap_or(1).max(1)
    }

    fn sum(&self, column: &usize) -> Option<&str> {
        self.sums.iter().find(|(at, _)| at == column).map(|(_, sum)| sum.as_str())
    }
}

#[derive(Clone, Debug, Default)]
pub struct Table {
    pub caption: String,
    /// The page's own title says it already: the caption is for those who jump from table to table.
    pub caption_hidden: bool,
    /// Few columns that are read across: no wider than a paragraph.
    pub narrow: bool,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// Between the single and the double rule: what is summed, and the sums under their columns.
    pub totals: Vec<TotalRow>,
    pub filters: Vec<Choice>,
    pub clear_href: String,
    pub empty: String,
    pub empty_link: Option<(String, String)>,
    pub next_href: String,
    pub first_href: String,
    pub csv_href: String,
    pub next_label: String,
    pub first_label: String,
    pub csv_label: String,
    pub clear_label: String,
    /// How many rows a page may have, the present one chosen.
    pub sizes: Vec<Choice>,
    pub sizes_label: String,
    /// Where this page stands among all; also in the title.
    pub place: String,
    /// Acts on the chosen rows; their boxes are cells of the table.
    pub selection: Option<Selection>,
}

impl Table {
    /// The label of a cell's column, shown beside it on narrow screens.
    fn label(&self, at: &usize) -> &str {
        self.columns.get(*at).map_or("", |column| column.label.as_str())
    }

    /// Columns from where the totals begin.
    fn columns_after(&self, row: &TotalRow) -> std::ops::Range<usize> {
        row.span()..self.columns.len()
    }

    /// The same rows as a CSV file (RFC 4180) that spreadsheets open. Amounts are plain decimals beside their currency, and no
    /// cell is a formula that a spreadsheet would run.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut out = String::from("\u{FEFF}");
        let money: Vec<bool> = (0..self.columns.len())
            .map(|at| {
                self.rows.iter().filter_map(|row| row.cells.get(at)).any(|value| value.is_money() && !value.machine.is_empty())
            })
            .collect();
        let heads = self.columns.iter().zip(&money).flat_map(|(column, money)| {
            let label = neutral(&column.label);
            if *money { vec![format!("{label} (ISO 4217)"), label] } else { vec![label] }
        });
        push_csv_line(&mut out, heads);
        for row in &self.rows {
            let cells = row.cells.iter().zip(&money).flat_map(|(value, money)| {
                let currency = value.text.get(..3).unwrap_or("").to_owned();
                match (*money, value.machine.is_empty()) {
                    (true, false) => vec![currency, value.machine.clone()],
                    (true, true) => vec![String::new(), neutral(&value.text)],
                    (false, false) => vec![value.machine.clone()],
                    (false, true) => vec![neutral(&value.text)],
                }
            });
            push_csv_line(&mut out, cells);
        }
        out
    }
}

/// Marks that begin a formula in a spreadsheet, also in the full width and small forms of East Asian scripts (OWASP CSV
/// injection).
const FORMULA: [char; 12] =
    ['=', '+', '-', '@', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}', '\u{FE66}', '\u{FE62}', '\u{FE63}', '\u{FE6B}'];
/// Marks after which a cell begins: the comma and the quotation mark of the file itself, and marks that end a cell under other
/// settings. The semicolon is that of many countries' settings.
const CELL_ENDS: [char; 11] = [',', ';', '|', '"', '\t', '\n', '\r', '\u{FF1B}', '\u{FF0C}', '\u{2028}', '\u{2029}'];

/// The text with an apostrophe before every part that a spreadsheet would take for a formula, wherever a cell may begin.
fn neutral(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for mark in text.chars() {
        if begins && FORMULA.contains(&mark) {
            out.push('\'');
        }
        // White space at a cell's beginning is skipped by some readers.
        begins = CELL_ENDS.contains(&mark) || (begins && mark.is_whitespace());
        out.push(mark);
    }
    out
}

/// A number or a day as programs write it: a spreadsheet may treat it as such a value.
fn is_plain_value(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let number = digits.starts_with(|mark: char| mark.is_ascii_digit())
        && digits.bytes().all(|mark| mark.is_ascii_digit() || mark == b'.');
    number
        || cell.parse::<chrono::NaiveDate>().is_ok()
        || chrono::NaiveDateTime::parse_from_str(cell, "%Y-%m-%dT%H:%M:%SZ").is_ok()
}

fn push_csv_line(out: &mut String, cells: impl Iterator<Item = String>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        // Every text is quoted, so that no separator of any setting cuts it.
        if cell.is_empty() || is_plain_value(&cell) {
            out.push_str(&cell);
        } else {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        }
    }
    out.push_str("\r\n");
}

#[derive(Clone, Debug, Default)]
pub struct Field {
    pub name: String,
    /// Unique on its page; filled in by the shell.
    pub id: String,
    pub label: String,
    pub hint: String,
    /// `text`, `password`, `email`, `date`, `amount`, `file`, `files`, `select`, `area`, `checkbox`, `hidden`, `code`.
    pub kind: &'static str,
    pub value: String,
    pub error: String,
    pub options: Vec<(String, String)>,
    pub autocomplete: &'static str,
    pub optional: bool,
}

impl Field {
    pub fn new(name: &str, label: impl Into<String>, kind: &'static str) -> Self {
        Self { name: name.to_owned(), label: label.into(), kind, ..Self::default() }
    }
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }
    #[must_use]
    pub fn options(mut self, options: Vec<(String, String)>) -> Self {
        self.options = options;
        self
    }
    #[must_use]
    pub fn autocomplete(mut self, token: &'static str) -> Self {
        self.autocomplete = token;
        self
    }
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
    #[must_use]
    pub fn chosen(&self, option: &str) -> bool {
        self.value == option
    }
    /// The ids of what describes the field to those who do not see it.
    #[must_use]
    pub fn described(&self) -> String {
        let hint = if self.hint.is_empty() { String::new() } else { format!("{}-hint ", self.id) };
        let error = if self.error.is_empty() { String::new() } else { format!("{}-error", self.id) };
        format!("{hint}{error}").trim().to_owned()
    }
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.kind == "hidden"
    }
    /// Whether the typed value may be shown again: secrets and files never are.
    fn keeps_value(&self) -> bool {
        !["password", "code", "file", "files"].contains(&self.kind)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Form {
    pub action: String,
    pub fields: Vec<Field>,
    pub submit: String,
    /// Filled in by the shell: the session's token, and a fresh key so that a double submit never repeats.
    pub csrf: String,
    pub key: String,
    pub multipart: bool,
    pub secondary: bool,
    pub get: bool,
}

impl Form {
    pub fn new(action: impl Into<String>, submit: impl Into<String>, fields: Vec<Field>) -> Self {
        let multipart = fields.iter().any(|field| field.kind.starts_with("file"));
        Self { action: action.into(), submit: submit.into(), fields, multipart, ..Self::default() }
    }
    /// A form beside the page's main one.
    #[must_use]
    pub fn secondary(mut self) -> Self {
        self.secondary = true;
        self
    }
    #[must_use]
    pub fn hidden(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push(Field::new(name, "", "hidden").value(value));
        self
    }
}

#[derive(Clone, Debug, Default)]
pub struct Event {
    pub title: String,
    pub actor: String,
    pub when: String,
    pub machine: String,
    pub note: String,
    pub expected: bool,
    /// Where the event is shown at length.
    pub href: String,
}

#[derive(Clone, Debug, Default)]
pub struct Figure {
    pub label: String,
    pub value: String,
    pub note: String,
    pub href: String,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub text: String,
    /// How much, and by when.
    pub note: String,
    pub href: String,
    pub count: i64,
}

/// One bar of a ladder: its label, its amount in words, and its share of the longest in percent.
#[derive(Clone, Debug)]
pub struct Bar {
    pub label: String,
    pub amount: String,
    pub percent: i64,
}

#[derive(Clone, Debug)]
pub enum Block {
    Heading(String),
    Paragraph(String),
    /// Tone and text.
    Notice(Tone, String),
    Facts(Vec<(String, Value)>),
    Figures(Vec<Figure>),
    Tasks(Vec<Task>, String),
    Table(Box<Table>),
    Form(Box<Form>),
    Timeline(String, Vec<Event>),
    /// Words that are signed, exactly as they are kept.
    Words(String),
    /// Links beside each other, none of them the page's main action.
    Links(Vec<(String, String)>),
    /// A CSV file that is made with the page and kept nowhere: label, file name, content.
    Download(String, String, String),
    /// The page's main action, where it is a link: label and address.
    Action(String, String),
    /// A bar chart with its description; the table of the same figures stands beside it.
    Bars(String, Vec<Bar>),
    /// Lines of results, each with a tone: an upload's files.
    Results(Vec<(Tone, String, String, String)>),
    /// Two columns that are read together, one below the other on narrow screens: fields, and the document that they
    /// were taken from.
    Beside(Vec<Block>, Vec<Block>),
}

/// A text as an address of its own, so that a page can carry a file.
#[must_use]
pub fn data_href(content: &str) -> String {
    let mut out = String::with_capacity(content.len().saturating_mul(2));
    out.push_str("data:text/csv;charset=utf-8,");
    for byte in content.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Shows every form of these blocks to `work`, wherever it stands.
fn each_form(blocks: &mut [Block], work: &mut impl FnMut(&mut Form)) {
    for block in blocks {
        match block {
            Block::Form(form) => work(form),
            Block::Table(table) => {
                if let Some(selection) = &mut table.selection {
                    work(&mut selection.form);
                }
            }
            Block::Beside(left, right) => {
                each_form(left, work);
                each_form(right, work);
            }
            _ => {}
        }
    }
}

/// The content of one page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub title: String,
    /// Which page of a list or which receipt this is, for the browser's title.
    pub place: String,
    /// Where this page stands: label and address.
    pub trail: Vec<(String, String)>,
    /// Something is wrong with what was sent; shown first and focused.
    pub errors: Vec<(String, String)>,
    /// The address of the form that was wrong; empty when there is only one.
    pub wrong_action: String,
    pub blocks: Vec<Block>,
}

impl Page {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }
    #[must_use]
    pub fn trail(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.trail.push((label.into(), href.into()));
        self
    }
    #[must_use]
    pub fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }
    pub fn push(&mut self, block: Block) {
        self.blocks.push(block);
    }
    #[must_use]
    pub fn form(self, form: Form) -> Self {
        self.with(Block::Form(Box::new(form)))
    }
    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.with(Block::Table(Box::new(table)))
    }
}

impl Page {
    /// Whether a form is the one that was sent: its address says so, unless no form of the page has that address.
    fn was_sent(&mut self) -> impl Fn(&Form) -> bool + use<> {
        let mut known = false;
        let wanted = self.wrong_action.clone();
        each_form(&mut self.blocks, &mut |form| known = known || form.action == wanted);
        move |form| !known || form.action == wanted
    }

    /// Puts what a person typed back into the form that was sent, except secrets and files.
    pub fn refill(&mut self, typed: &[(String, String)]) {
        let was_sent = self.was_sent();
        each_form(&mut self.blocks, &mut |form| {
            if !was_sent(form) {
                return;
            }
            for field in form.fields.iter_mut().filter(|field| field.keeps_value()) {
                match typed.iter().find(|(name, _)| *name == field.name) {
                    Some((_, value)) => field.value.clone_from(value),
                    // Browsers do not send a box that is not ticked.
                    None if field.kind == "checkbox" => field.value.clear(),
                    None => {}
                }
            }
        });
    }

    /// The label of a field of the form that was sent, so that an error uses the same words.
    #[must_use]
    pub fn label_of(&mut self, name: &str) -> Option<String> {
        let was_sent = self.was_sent();
        let mut found = None;
        each_form(&mut self.blocks, &mut |form| {
            let field = form.fields.iter().find(|field| field.name == name && !field.is_hidden());
            if let Some(field) = field.filter(|_| was_sent(form) && found.is_none()) {
                found = Some(field.label.clone());
            }
        });
        found
    }

    /// Gives every form its token, key and ids, and every error its place. Returns each error with its field's id or nothing.
    fn prepare(&mut self, csrf: &str, mut fresh_key: impl FnMut() -> String) -> Vec<(String, String)> {
        let was_sent = self.was_sent();
        let mut errors: Vec<(String, String, String)> =
            self.errors.iter().map(|(name, text)| (name.clone(), String::new(), text.clone())).collect();
        let mut number = 0_usize;
        each_form(&mut self.blocks, &mut |form| {
            number = number.saturating_add(1);
            csrf.clone_into(&mut form.csrf);
            if form.key.is_empty() {
                form.key = fresh_key();
            }
            let sent = was_sent(form);
            for field in form.fields.iter_mut().filter(|field| !field.is_hidden()) {
                field.id = format!("f{number}-{}", field.name);
                if let Some(error) = errors.iter_mut().find(|error| sent && error.0 == field.name && error.1.is_empty()) {
                    error.1.clone_from(&field.id);
                    field.error.clone_from(&error.2);
                }
            }
        });
        errors.into_iter().map(|(_, id, text)| (id, text)).collect()
    }
}

/// One entry of the left rail.
#[derive(Clone, Debug)]
pub struct NavEntry {
    pub label: String,
    pub href: String,
    pub current: bool,
    pub count: i64,
}

/// Everything around the content.
#[derive(Clone, Debug, Default)]
pub struct Shell {
    pub language: Language,
    pub theme: String,
    pub company: String,
    pub person: String,
    pub nav: Vec<NavEntry>,
    pub csrf: String,
    pub path: String,
    pub style_href: String,
    pub script_href: String,
    pub business_date: String,
    pub unread: i64,
    pub demo: bool,
    /// No person needs a second factor here; every page says so.
    pub second_factor_optional: bool,
    pub request_id: String,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Whole<'a> {
    shell: &'a Shell,
    page: &'a Page,
    /// The id of the field that is wrong, if there is one on the page, and what is wrong.
    errors: Vec<(String, String)>,
}

/// One block by itself, so that a block can stand inside another.
#[derive(Template)]
#[template(path = "blocks/block.html")]
struct Single<'a> {
    shell: &'a Shell,
    block: &'a Block,
}

impl Shell {
    fn t(&self, key: &str) -> String {
        self.language.t(key)
    }

    fn signed_in(&self) -> bool {
        !self.company.is_empty()
    }

    fn other_language(&self) -> (&'static str, &'static str, &'static str) {
        match self.language {
            Language::English => ("zh", "zh-Hans", "简体中文"),
            Language::Chinese => ("en", "en", "English"),
        }
    }

    fn block(&self, block: &Block) -> Result<String, askama::Error> {
        Single { shell: self, block }.render()
    }

    /// The page as HTML. Every form gets the session's token and a fresh key of `fresh_key`.
    pub fn render(&self, mut page: Page, fresh_key: impl FnMut() -> String) -> Result<String, askama::Error> {
        let errors = page.prepare(&self.csrf, fresh_key);
        Whole { shell: self, page: &page, errors }.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Page {
        let hostile = "<script>alert(1)</script>\" onmouseover=\"x";
        let table = Table {
            caption: hostile.into(),
            columns: vec![Column::new(hostile), Column::numeric("n")],
            rows: vec![Row {
                cells: vec![Value::link(hostile, "/x?a=\"<b>"), Value::money("EUR", -5), Value::choice(1, hostile)],
            }],
            selection: Some(Selection {
                form: Form::new("/z", hostile, vec![]).hidden("x", hostile),
                buttons: vec![(hostile.into(), hostile.into())],
            }),
            totals: vec![TotalRow { label: hostile.into(), sums: vec![(1, "1".into())] }],
            filters: vec![Choice { label: hostile.into(), href: "/".into(), chosen: true }],
            sizes: vec![Choice { label: hostile.into(), href: "/".into(), chosen: false }],
            place: hostile.into(),
            ..Table::default()
        };
        let kinds =
            ["text", "password", "email", "date", "amount", "file", "files", "select", "area", "checkbox", "hidden", "code"];
        let fields = kinds
            .iter()
            .map(|kind| {
                Field::new(kind, hostile, kind).value(hostile).hint(hostile).options(vec![(hostile.into(), hostile.into())])
            })
            .collect();
        let mut page = Page::new(hostile)
            .trail(hostile, "/")
            .table(table)
            .form(Form::new("/x", hostile, fields))
            .with(Block::Heading(hostile.into()))
            .with(Block::Paragraph(hostile.into()))
            .with(Block::Notice(Tone::Attention, hostile.into()))
            .with(Block::Facts(vec![(hostile.into(), Value::state(Language::English, "draft"))]))
            .with(Block::Figures(vec![Figure {
                label: hostile.into(),
                value: hostile.into(),
                note: hostile.into(),
                href: "/".into(),
            }]))
            .with(Block::Tasks(
                vec![Task { text: hostile.into(), note: hostile.into(), href: "/".into(), count: 1 }],
                hostile.into(),
            ))
            .with(Block::Timeline(
                hostile.into(),
                vec![Event { title: hostile.into(), note: hostile.into(), href: hostile.into(), ..Event::default() }],
            ))
            .with(Block::Words(hostile.into()))
            .with(Block::Links(vec![(hostile.into(), "/".into())]))
            .with(Block::Action(hostile.into(), "/".into()))
            .with(Block::Bars(hostile.into(), vec![Bar { label: hostile.into(), amount: hostile.into(), percent: 50 }]))
            .with(Block::Results(vec![(Tone::Done, hostile.into(), hostile.into(), "/".into())]))
            .with(Block::Beside(
                vec![Block::Form(Box::new(Form::new("/y", hostile, vec![Field::new("text", hostile, "text")])))],
                vec![Block::Words(hostile.into())],
            ));
        page.errors.push(("text".into(), hostile.into()));
        page
    }

    #[test]
    fn every_state_has_a_tone_of_its_own() {
        let texts = include_str!("../texts/en/main.ftl");
        let states =
            texts.lines().filter_map(|line| line.strip_prefix("state-")?.split_once(" =")).map(|(key, _)| key.replace('-', "_"));
        let without: Vec<String> = states.clone().filter(|state| Tone::listed(state).is_none()).collect();
        assert!(states.count() > 80 && without.is_empty(), "{without:?}");
        assert_eq!(Tone::listed("no_such_state"), None);
    }

    /// ASVS 1.2.10: no cell becomes a formula.
    #[test]
    fn csv_keeps_decimals_and_disarms_formulas() {
        let row = |text: &str| Row { cells: vec![Value::text(text), Value::money("EUR", -123_450)] };
        let columns = vec![Column::new("Name"), Column::numeric("Amount")];
        let table = Table {
            columns,
            rows: vec![row("=1+1"), row("a \"b\", c"), row("12"), row("T-1"), row("2026-11-29")],
            ..Table::default()
        };
        let expected = "\u{FEFF}\"Name\",\"Amount (ISO 4217)\",\"Amount\"\r\n\"'=1+1\",\"EUR\",-1234.50\r\n\"a \"\"b\"\", c\",\"EUR\",-1234.50\r\n12,\"EUR\",-1234.50\r\n\"T-1\",\"EUR\",-1234.50\r\n2026-11-29,\"EUR\",-1234.50\r\n";
        assert_eq!(table.to_csv(), expected);
        for (text, disarmed) in [
            ("R1;=1+1", "R1;'=1+1"),
            ("＝cmd|x Handel GmbH", "'＝cmd|x Handel GmbH"),
            ("\u{3000}＋1", "\u{3000}'＋1"),
            ("R1；－1", "R1；'－1"),
            ("R1，＠SUM(A1)", "R1，'＠SUM(A1)"),
            ("﹦1", "'﹦1"),
            ("R1; \u{A0}﹢1", "R1; \u{A0}'﹢1"),
            ("R1\t@SUM(A1)", "R1\t'@SUM(A1)"),
            ("R1\n+1", "R1\n'+1"),
            ("R1\r\n-1", "R1\r\n'-1"),
            ("\u{FF1D}1+1", "'\u{FF1D}1+1"),
            ("\u{FF20}a", "'\u{FF20}a"),
            (" =1", " '=1"),
            ("R1; =1", "R1; '=1"),
            ("R1,\"=1\"", "R1,\"'=1\""),
            ("R1|-1", "R1|'-1"),
            ("R-1 = x", "R-1 = x"),
            ("a@b.example", "a@b.example"),
        ] {
            assert_eq!(neutral(text), disarmed, "{text:?}");
        }
    }

    #[test]
    fn an_error_stands_in_the_form_that_was_sent() {
        let field = || vec![Field::new("reason", "Why", "area"), Field::new("secret", "", "password")];
        let mut page = Page::new("x").form(Form::new("/a", "A", field())).form(Form::new("/b", "B", field()));
        page.wrong_action = "/b".into();
        page.refill(&[("reason".into(), "typed".into()), ("secret".into(), "typed".into())]);
        assert_eq!(page.label_of("reason").as_deref(), Some("Why"));
        page.errors = vec![("reason".into(), "Missing".into()), ("elsewhere".into(), "Strange".into())];
        let html = Shell::default().render(page, || "k".into()).unwrap();
        assert!(html.contains("<a href=\"#f2-reason\">Missing</a>") && html.contains("<li>Strange</li>"), "{html}");
        assert_eq!(html.matches("id=\"f2-reason-error\"").count(), 1);
        assert!(!html.contains("f1-reason-error") && html.contains("<title>Error: x"));
        assert_eq!(html.matches("typed").count(), 1, "only there, and no secret");
    }

    /// ASVS 1.2.1, 1.2.3: no text becomes markup or script.
    #[test]
    fn every_block_renders_in_both_languages_and_escapes_everything() {
        for language in Language::ALL {
            let hostile = "<script>alert(1)</script>".to_owned();
            let shell = Shell {
                language,
                company: hostile.clone(),
                person: hostile.clone(),
                path: hostile,
                demo: true,
                ..Shell::default()
            };
            let html = shell.render(sample(), || "k".into()).unwrap();
            assert!(!html.contains("<script>alert"), "unescaped");
            assert!(!html.contains("\" onmouseover"), "broken out of an attribute");
            assert!(!html.contains(" style=") && !html.contains("[page-") && !html.contains("[nav-"));
            assert_eq!(html.matches("<h1").count(), 1);
            assert!(html.contains(&format!("lang=\"{}\"", language.html())));
            assert!(html.contains("\u{2212}0.05"), "a true minus");
        }
    }
}
