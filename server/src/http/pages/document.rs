//! An invoice's file as people read it, beside the fields that were taken from it.

use super::super::error::Fault;
use super::super::rights::{Right, Who};
use super::listing::plain_table;
use crate::file_reader::Shown;
use actix_web::HttpResponse;
use formats::read::Container;
use formats::view::{DocumentView, Entry, Figure, LineView, PartyView, RowView};
use kernel::PartyId;
use web::{Block, Column, Language, Row, Table, TotalRow, Value};

/// The document, section by section. A file that cannot be shown can still be taken as it is.
#[must_use]
pub fn blocks(language: Language, shown: &Shown, hash: &str) -> Vec<Block> {
    blocks_from(language, shown, format!("/documents/{hash}"))
}

/// The same where the file is given out at an address of its own.
#[must_use]
pub fn blocks_from(language: Language, shown: &Shown, address: String) -> Vec<Block> {
    let mut found = vec![Block::Heading(language.t("document-title"))];
    let mut download = "document-download";
    match shown {
        Shown::Invoice(view, None) => {
            found.push(Block::Paragraph(language.t("document-lead")));
            found.extend(sections(language, view));
        }
        Shown::Invoice(view, Some((kind, name))) => {
            let pdf = *kind == Container::Pdf;
            let lead = if pdf { "document-inside-pdf" } else { "document-inside-ofd" };
            found.push(Block::Notice(web::Tone::Waiting, language.fill(lead, &[("name", name.clone())])));
            found.extend(sections(language, view));
            found.push(Block::Paragraph(language.t("document-opens-outside")));
            download = if pdf { "document-download-pdf" } else { "document-download-ofd" };
        }
        Shown::Row(row) => {
            found.push(Block::Paragraph(language.fill("document-row", &[("line", row.line.to_string())])));
            found.push(row_table(language, row));
            download = "document-download-row";
        }
        Shown::Nothing => {
            found.push(Block::Paragraph(language.t("document-lead")));
            found.push(Block::Notice(web::Tone::Attention, language.t("document-unreadable")));
        }
    }
    found.push(Block::Links(vec![(language.t(download), address)]));
    found
}

/// The cells of a row under the names that its table gives them.
fn row_table(language: Language, row: &RowView) -> Block {
    let rows = row.cells.iter().map(|(name, text)| vec![Value::code(name.clone()), Value::text(text.clone())]);
    table(language, "document-cells", &[("document-column", false), ("document-cell", false)], rows.collect())
}

/// Sends a stored file, always as a download and never inside the site. A PDF may hold scripts and links, and the site's policy
/// does not apply in a browser's PDF reader.
#[must_use]
pub fn download(name: &str, content: Vec<u8>) -> HttpResponse {
    let name: String = name.chars().filter(|mark| mark.is_ascii_alphanumeric() || ".-_".contains(*mark)).collect();
    HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{name}\"")))
        .body(content)
}

/// The ending of a file name for this media type.
#[must_use]
pub fn extension(media_type: &str) -> &str {
    media_type.rsplit('/').next().unwrap_or("bin")
}

/// A table of invoices for a company that may see only some of them: the heading and those rows. It holds nothing that a
/// spreadsheet would run. It counts as a reading of the company that asks.
pub async fn own_rows<R: Right>(
    who: &Who<R>,
    company: PartyId,
    content: Vec<u8>,
    numbers: Vec<String>,
) -> Result<Option<String>, Fault> {
    let mut rows = who.app.reader.rows(company, content, numbers).await?.unwrap_or_default().into_iter();
    let Some(heading) = rows.next() else { return Ok(None) };
    let columns = heading.into_iter().map(Column::new).collect();
    let rows: Vec<Row> = rows.map(|cells| Row { cells: cells.into_iter().map(Value::text).collect() }).collect();
    Ok((!rows.is_empty()).then(|| Table { columns, rows, ..Table::default() }.to_csv()))
}

fn sections(language: Language, view: &DocumentView) -> Vec<Block> {
    let mut found = vec![
        Block::Facts(entries(language, &view.head)),
        Block::Facts(party(language, "document-seller", &view.seller)),
        Block::Facts(party(language, "document-buyer", &view.buyer)),
    ];
    let lines = view.lines.iter().map(|line| {
        vec![
            Value::text(line.id.clone()),
            Value::text(item(line)),
            quantity(language, line),
            money(&line.price),
            money(&line.net),
        ]
    });
    let heads = [
        ("document-line", false),
        ("document-item", false),
        ("document-quantity", true),
        ("document-price", true),
        ("document-net", true),
    ];
    found.push(table(language, "document-lines", &heads, lines.collect()));
    if view.more_lines > 0 {
        found.push(Block::Paragraph(language.fill("document-more-lines", &[("count", view.more_lines.to_string())])));
    }
    if !view.taxes.is_empty() {
        let taxes = view.taxes.iter().map(|tax| {
            let percent = if tax.percent.is_empty() { Value::text("–") } else { Value::percent(&tax.percent) };
            vec![Value::text(tax.category.clone()), percent, money(&tax.taxable), money(&tax.tax)]
        });
        let heads = [("document-category", false), ("document-rate", true), ("document-taxable", true), ("document-tax", true)];
        found.push(table(language, "document-taxes", &heads, taxes.collect()));
    }
    // The last of the totals is what is owed; it stands under the double rule.
    if let Some(((owed_label, owed), before)) = view.totals.split_last() {
        let label = |name: &str| language.t(&format!("document-{name}"));
        let rows = before.iter().map(|(name, figure)| vec![Value::text(label(name)), money(figure)]);
        let heads = [("col-what", false), ("col-amount", true)];
        let mut sums = plain_table(language, "document-totals", &heads, rows.collect(), "document-none");
        sums.narrow = true;
        sums.totals = vec![TotalRow { label: label(owed_label), sums: vec![(1, money(owed).text)] }];
        found.push(Block::Table(Box::new(sums)));
    }
    if !view.notes.is_empty() {
        found.push(Block::Words(view.notes.join("\n")));
    }
    found
}

fn table(language: Language, caption: &str, heads: &[(&str, bool)], rows: Vec<Vec<Value>>) -> Block {
    Block::Table(Box::new(plain_table(language, caption, heads, rows, "document-none")))
}

/// Texts of the file as they are; what is a date is written as the reader writes dates.
fn entries(language: Language, entries: &[Entry]) -> Vec<(String, Value)> {
    let shown = |text: &String| text.parse().map_or_else(|_| Value::text(text.clone()), |date| Value::date(language, date));
    entries.iter().map(|(name, text)| (language.t(&format!("document-{name}")), shown(text))).collect()
}

fn party(language: Language, role: &str, party: &PartyView) -> Vec<(String, Value)> {
    let mut facts = vec![(language.t(role), Value::text(party.name.clone()))];
    facts.extend(entries(language, &party.entries));
    facts
}

fn item(line: &LineView) -> String {
    let parts = [line.name.as_str(), line.description.as_str()];
    let different = line.name != line.description;
    parts.into_iter().take(if different { 2 } else { 1 }).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn quantity(language: Language, line: &LineView) -> Value {
    let key = format!("unit-{}", line.unit.to_lowercase());
    let unit = if language.has(&key) { language.t(&key) } else { line.unit.clone() };
    Value { text: format!("{} {unit}", line.quantity).trim().to_owned(), kind: "money", ..Value::default() }
}

/// An amount of the file: grouped where it is exact in its currency, else as the file writes it.
fn money(figure: &Figure) -> Value {
    let exact = domain::Currency::parse(&figure.currency).and_then(|known| known.parse_decimal(&figure.number).ok());
    match exact {
        Some(minor) => Value::money(&figure.currency, minor),
        None if figure.number.is_empty() => Value { text: "–".to_owned(), kind: "money", ..Value::default() },
        None => Value { text: format!("{} {}", figure.currency, figure.number), kind: "money", ..Value::default() },
    }
}
