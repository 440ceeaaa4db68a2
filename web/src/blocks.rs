//! The blocks of which pages are made, and the shell around them.

use crate::texts::{Language, amount};
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
        match state {
            "confirmed" | "assigned" | "paid" | "redeemed" | "settled" | "active" | "verified" | "approved" | "matched"
            | "placed" | "issued" | "sent" => Self::Done,
            "partially_confirmed"
            | "part_paid"
            | "part_redeemed"
            | "overdue"
            | "disputed"
            | "suspense"
            | "attention"
            | "matured"
            | "applied"
            | "proposed"
            | "unknown"
            | "conflict"
            | "failed" => Self::Attention,
            "withdrawn" | "expired" | "cancelled" | "suspended" | "declined" | "rejected" | "disabled" | "replaced"
            | "skipped" | "returned" => Self::Stopped,
            _ => Self::Waiting,
        }
    }
}

/// What stands in a cell or beside a term.
#[derive(Clone, Debug, Default)]
pub struct Value {
    pub text: String,
    pub href: String,
    /// `money`, `tag`, `date`, `code`, or nothing.
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
        Self { text: number.to_string(), kind: "money", ..Self::default() }
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

#[derive(Clone, Debug, Default)]
pub struct Table {
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// Shown under the double rule: what, and how much in each currency.
    pub totals: Vec<(String, String)>,
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
}

impl Table {
    /// The label of a cell's column, shown beside it on narrow screens.
    fn label(&self, at: &usize) -> &str {
        self.columns.get(*at).map_or("", |column| column.label.as_str())
    }

    /// The same rows as a CSV file (RFC 4180) that spreadsheets open: amounts as plain decimals beside their
    /// currency, and nothing that a spreadsheet would run as a formula.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut out = String::from("\u{FEFF}");
        let money: Vec<bool> = (0..self.columns.len())
            .map(|at| {
                self.rows.iter().filter_map(|row| row.cells.get(at)).any(|value| value.is_money() && !value.machine.is_empty())
            })
            .collect();
        let heads = self.columns.iter().zip(&money).flat_map(|(column, money)| {
            if *money { vec![format!("{} (ISO 4217)", column.label), column.label.clone()] } else { vec![column.label.clone()] }
        });
        push_csv_line(&mut out, heads);
        for row in &self.rows {
            let cells = row.cells.iter().zip(&money).flat_map(|(value, money)| {
                let currency = value.text.get(..3).unwrap_or("").to_owned();
                match (*money, value.machine.is_empty()) {
                    (true, false) => vec![currency, value.machine.clone()],
                    (true, true) => vec![String::new(), value.text.clone()],
                    (false, false) => vec![value.machine.clone()],
                    (false, true) => vec![neutral(&value.text)],
                }
            });
            push_csv_line(&mut out, cells);
        }
        out
    }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP CSV injection).
fn neutral(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn push_csv_line(out: &mut String, cells: impl Iterator<Item = String>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

#[derive(Clone, Debug, Default)]
pub struct Field {
    pub name: String,
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
    #[must_use]
    pub fn described(&self) -> String {
        let hint = if self.hint.is_empty() { String::new() } else { format!("{}-hint ", self.name) };
        let error = if self.error.is_empty() { String::new() } else { format!("{}-error", self.name) };
        format!("{hint}{error}").trim().to_owned()
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
    /// The page's main action, where it is a link: label and address.
    Action(String, String),
    /// A bar chart with its description; the table of the same figures stands beside it.
    Bars(String, Vec<Bar>),
    /// Lines of results, each with a tone: an upload's files.
    Results(Vec<(Tone, String, String, String)>),
}

/// The content of one page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub title: String,
    /// Where this page stands: label and address.
    pub trail: Vec<(String, String)>,
    /// Something is wrong with what was sent; shown first and focused.
    pub errors: Vec<(String, String)>,
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
    /// Puts what a person typed back into the forms, except secrets and files.
    pub fn refill(&mut self, typed: &[(String, String)]) {
        for block in &mut self.blocks {
            if let Block::Form(form) = block {
                for field in form.fields.iter_mut().filter(|field| field.kind != "password" && field.kind != "code") {
                    if let Some((_, value)) = typed.iter().find(|(name, _)| *name == field.name) {
                        field.value.clone_from(value);
                    }
                }
            }
        }
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
    pub request_id: String,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Whole<'a> {
    shell: &'a Shell,
    page: &'a Page,
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

    /// The page as HTML. Every form gets the session's token and a fresh key of `fresh_key`.
    pub fn render(&self, mut page: Page, mut fresh_key: impl FnMut() -> String) -> Result<String, askama::Error> {
        for block in &mut page.blocks {
            if let Block::Form(form) = block {
                form.csrf.clone_from(&self.csrf);
                if form.key.is_empty() {
                    form.key = fresh_key();
                }
                for field in &mut form.fields {
                    let found = page.errors.iter().find(|(name, _)| *name == field.name);
                    if let Some((_, text)) = found {
                        field.error.clone_from(text);
                    }
                }
            }
        }
        Whole { shell: self, page: &page }.render()
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
            rows: vec![Row { cells: vec![Value::link(hostile, "/x?a=\"<b>"), Value::money("EUR", -5)] }],
            totals: vec![(hostile.into(), "1".into())],
            filters: vec![Choice { label: hostile.into(), href: "/".into(), chosen: true }],
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
            .with(Block::Tasks(vec![Task { text: hostile.into(), href: "/".into(), count: 1 }], hostile.into()))
            .with(Block::Timeline(
                hostile.into(),
                vec![Event { title: hostile.into(), note: hostile.into(), ..Event::default() }],
            ))
            .with(Block::Words(hostile.into()))
            .with(Block::Links(vec![(hostile.into(), "/".into())]))
            .with(Block::Action(hostile.into(), "/".into()))
            .with(Block::Bars(hostile.into(), vec![Bar { label: hostile.into(), amount: hostile.into(), percent: 50 }]))
            .with(Block::Results(vec![(Tone::Done, hostile.into(), hostile.into(), "/".into())]));
        page.errors.push(("text".into(), hostile.into()));
        page
    }

    #[test]
    fn csv_keeps_decimals_and_disarms_formulas() {
        let row = |text: &str| Row { cells: vec![Value::text(text), Value::money("EUR", 123_450)] };
        let columns = vec![Column::new("Name"), Column::numeric("Amount")];
        let table = Table { columns, rows: vec![row("=1+1"), row("a \"b\", c")], ..Table::default() };
        let expected = "\u{FEFF}Name,Amount (ISO 4217),Amount\r\n'=1+1,EUR,1234.50\r\n\"a \"\"b\"\", c\",EUR,1234.50\r\n";
        assert_eq!(table.to_csv(), expected);
    }

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
