//! From bytes to rows and cells (RFC 4180), with comma, semicolon or tab between the cells.

use super::MOST_ROWS;
use crate::FormatFault;
use crate::encoding;
use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE};

/// One row with the line on which it begins, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub line: u32,
    pub cells: Vec<String>,
}

/// A table cut into cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    pub heading: Vec<String>,
    pub rows: Vec<Row>,
    /// The cells are parted by semicolons or tabs, as programs do where the comma is the decimal mark.
    pub decimal_comma: bool,
}

/// UTF-8, or UTF-16 with its mark. Bytes that fit neither are refused: guessing an old code page would change names silently.
pub fn decode(bytes: &[u8]) -> Result<String, FormatFault> {
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

/// Cuts a text into its heading and rows. What parts the cells is what parts the heading.
pub fn split(text: &str) -> Result<Grid, FormatFault> {
    let first = text.lines().next().unwrap_or("");
    let most = [',', ';', '\t'].into_iter().max_by_key(|mark| first.matches(*mark).count()).unwrap_or(',');
    let mut rows = cut(text, most)?.into_iter();
    let heading = rows.next().map(|row| row.cells).unwrap_or_default();
    let heading = heading.iter().map(|cell| cell.trim().to_lowercase()).collect();
    Ok(Grid { heading, rows: rows.collect(), decimal_comma: most != ',' })
}

/// Where the reading stands inside a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// A quotation mark was read: the cell's end, or half of a doubled one.
    QuoteSeen,
}

fn cut(text: &str, mark: char) -> Result<Vec<Row>, FormatFault> {
    let (mut rows, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut begun, mut state) = (1_u32, 1_u32, State::CellStart);
    let unlined = text.replace("\r\n", "\n");
    for sign in unlined.chars().chain((!unlined.ends_with('\n')).then_some('\n')) {
        state = match (state, sign) {
            (State::Quoted, '"') => State::QuoteSeen,
            (State::Quoted, other) => {
                cell.push(other);
                State::Quoted
            }
            (State::QuoteSeen, '"') => {
                cell.push('"');
                State::Quoted
            }
            (State::CellStart, '"') => State::Quoted,
            (_, '\n') => {
                cells.push(std::mem::take(&mut cell));
                push(&mut rows, Row { line: begun, cells: std::mem::take(&mut cells) })?;
                begun = line.saturating_add(1);
                State::CellStart
            }
            (_, found) if found == mark => {
                cells.push(std::mem::take(&mut cell));
                State::CellStart
            }
            (State::QuoteSeen, _) | (State::Plain, '"') => return Err(FormatFault::CsvQuote { line }),
            (State::CellStart | State::Plain, other) => {
                cell.push(other);
                State::Plain
            }
        };
        if sign == '\n' {
            line = line.saturating_add(1);
        }
    }
    if state == State::Quoted { Err(FormatFault::CsvQuote { line: begun }) } else { Ok(rows) }
}

/// Empty lines are nothing; the heading is not counted among the rows.
fn push(rows: &mut Vec<Row>, row: Row) -> Result<(), FormatFault> {
    if row.cells.iter().all(|cell| cell.trim().is_empty()) {
        return Ok(());
    }
    if rows.len() > MOST_ROWS {
        return Err(FormatFault::CsvTooMany { most: MOST_ROWS });
    }
    rows.push(row);
    Ok(())
}
