//! From text to rows and cells (RFC 4180), with comma, semicolon or tab between the cells. A cell is a piece of the text where
//! possible. A row is no longer than its heading: further cells are counted and not kept.

use super::MOST_ROWS;
use crate::FormatFault;
use crate::encoding;
use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// More columns than any template has.
const MOST_COLUMNS: usize = 200;

/// One row with the line on which it begins, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    pub line: u32,
    /// At most as many as the heading has.
    pub cells: Vec<Cow<'a, str>>,
    /// How many there are in the file.
    pub width: usize,
}

/// A table whose heading was read, and whose rows wait.
pub struct Table<'a> {
    pub heading: Vec<String>,
    rest: Cutter<'a>,
}

/// A table cut into cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid<'a> {
    pub heading: Vec<String>,
    pub rows: Vec<Row<'a>>,
    /// Semicolons or tabs separate the cells, as programs write them where the comma is the decimal mark.
    pub decimal_comma: bool,
}

/// UTF-8, or UTF-16 with its mark. Bytes that fit neither are refused: guessing an old code page would change names silently.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, FormatFault> {
    let text = match bytes {
        [0xFE, 0xFF, rest @ ..] => encoding::decode(rest, UTF_16BE),
        [0xFF, 0xFE, rest @ ..] => encoding::decode(rest, UTF_16LE),
        [0xEF, 0xBB, 0xBF, rest @ ..] => encoding::decode(rest, UTF_8),
        _ => encoding::decode(bytes, UTF_8),
    }?;
    match text.split('\n').position(|line| line.contains('\0')) {
        Some(index) => Err(FormatFault::CsvNul { line: number(index.saturating_add(1)) }),
        None => Ok(text),
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Reads the heading of a text. The heading's separator is also that of the cells.
pub fn open(text: &str) -> Result<Table<'_>, FormatFault> {
    let (named, text, line) = separator_line(text).map_or((None, text, 1), |(mark, rest)| (Some(mark), rest, 2));
    let first = text.split(['\n', '\r']).next().unwrap_or("");
    let most = [',', ';', '\t'].into_iter().max_by_key(|mark| first.matches(*mark).count()).unwrap_or(',');
    let mut rest = Cutter { text, mark: named.unwrap_or(most), line };
    // No template has a heading of that many columns: the reader does not look at cells behind them.
    let heading = rest.next_filled(MOST_COLUMNS, MOST_COLUMNS)?;
    let cells = heading.map(|row| row.cells).unwrap_or_default();
    let mut heading: Vec<String> = cells.iter().map(|cell| cell.trim().to_lowercase()).collect();
    // Programs that write a sheet add empty columns.
    while heading.last().is_some_and(String::is_empty) {
        heading.pop();
    }
    Ok(Table { heading, rest })
}

/// The separator that Excel names in a first line, as in `sep=;`, and the text behind that line.
fn separator_line(text: &str) -> Option<(char, &str)> {
    let end = text.find(['\n', '\r'])?;
    let (line, rest) = text.split_at(end);
    let line = line.trim_matches('"');
    let named = line.get(..4).filter(|start| start.eq_ignore_ascii_case("sep=")).and(line.get(4..))?;
    let mut marks = named.chars();
    let mark = marks.next().filter(|mark| !mark.is_alphanumeric() && *mark != '"')?;
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.get(1..))?;
    marks.all(|mark| mark.is_whitespace() || matches!(mark, ',' | ';')).then_some((mark, rest))
}

impl<'a> Table<'a> {
    /// Cuts the rows under the heading.
    pub fn cut(self) -> Result<Grid<'a>, FormatFault> {
        let Self { heading, mut rest } = self;
        let mut rows = Vec::new();
        while let Some(row) = rest.next_filled(heading.len(), usize::MAX)? {
            if rows.len() >= MOST_ROWS {
                return Err(FormatFault::CsvTooMany { most: MOST_ROWS });
            }
            rows.push(row);
        }
        Ok(Grid { heading, rows, decimal_comma: rest.mark != ',' })
    }
}

/// The rest of a text, row by row.
struct Cutter<'a> {
    text: &'a str,
    mark: char,
    line: u32,
}

/// The end of a cell: the next cell, the next row, or the end of the text.
enum Behind {
    Cell,
    Row,
    End,
}

impl<'a> Cutter<'a> {
    /// The next row with anything in it. The reader keeps at most `kept` cells and refuses a row of more than `most`. It skips
    /// empty lines.
    fn next_filled(&mut self, kept: usize, most: usize) -> Result<Option<Row<'a>>, FormatFault> {
        while !self.text.is_empty() {
            let (row, filled) = self.row(kept, most)?;
            if filled {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn row(&mut self, kept: usize, most: usize) -> Result<(Row<'a>, bool), FormatFault> {
        let mut row = Row { line: self.line, cells: Vec::new(), width: 0 };
        let (mut filled, mut seen) = (false, 0_usize);
        loop {
            let (cell, behind) = self.cell(row.line)?;
            let blank = cell.trim().is_empty();
            filled = filled || !blank;
            seen = seen.saturating_add(1);
            if seen <= kept {
                row.cells.push(cell);
            }
            // Empty cells behind the last column do not count.
            if seen <= kept || !blank {
                row.width = seen;
            }
            if seen > most {
                return Err(FormatFault::UnknownKind);
            }
            match behind {
                Behind::Cell => {}
                Behind::Row => {
                    self.line = self.line.saturating_add(1);
                    return Ok((row, filled));
                }
                Behind::End => return Ok((row, filled)),
            }
        }
    }

    fn cell(&mut self, begun: u32) -> Result<(Cow<'a, str>, Behind), FormatFault> {
        if let Some(inside) = self.text.strip_prefix('"') {
            return self.quoted(inside, begun);
        }
        // A row of nothing but separators is cut as fast as it can be written.
        if let Some(rest) = self.text.strip_prefix(self.mark) {
            self.text = rest;
            return Ok((Cow::Borrowed(""), Behind::Cell));
        }
        let end = self.text.find([self.mark, '\n', '\r', '"']).unwrap_or(self.text.len());
        let (cell, behind) = self.text.split_at(end);
        if behind.starts_with('"') {
            return Err(FormatFault::CsvQuote { line: self.line });
        }
        Ok((Cow::Borrowed(cell), self.pass(behind)))
    }

    /// Moves behind the mark that ends a cell. A line ends as on Unix, Windows or an old Mac.
    fn pass(&mut self, behind: &'a str) -> Behind {
        let (left, found) = match behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix(['\n', '\r'])) {
            Some(rest) => (rest, Behind::Row),
            None => behind.strip_prefix(self.mark).map_or(("", Behind::End), |rest| (rest, Behind::Cell)),
        };
        self.text = left;
        found
    }

    /// A cell in quotation marks, behind the first of them. A doubled mark is one of the text; lines end there as they do
    /// elsewhere.
    fn quoted(&mut self, inside: &'a str, begun: u32) -> Result<(Cow<'a, str>, Behind), FormatFault> {
        let (mut at, mut doubled) = (0_usize, false);
        let end = loop {
            let next = inside.get(at..).and_then(|rest| rest.find('"')).map(|found| found.saturating_add(at));
            let end = next.ok_or(FormatFault::CsvQuote { line: begun })?;
            at = end.saturating_add(2);
            if inside.get(end.saturating_add(1)..at) != Some("\"") {
                break end;
            }
            doubled = true;
        };
        let (content, behind) = (inside.get(..end).unwrap_or(""), inside.get(end.saturating_add(1)..).unwrap_or(""));
        let (feeds, returns) = (content.matches('\n').count(), content.matches('\r').count());
        let ends = feeds.saturating_add(returns).saturating_sub(content.matches("\r\n").count());
        self.line = self.line.saturating_add(number(ends));
        if !(behind.is_empty() || behind.starts_with(['\n', '\r', self.mark])) {
            return Err(FormatFault::CsvQuote { line: self.line });
        }
        let mut cell = Cow::Borrowed(content);
        if doubled {
            cell = Cow::Owned(cell.replace("\"\"", "\""));
        }
        if cell.contains('\r') {
            cell = Cow::Owned(cell.replace("\r\n", "\n").replace('\r', "\n"));
        }
        Ok((cell, self.pass(behind)))
    }
}
