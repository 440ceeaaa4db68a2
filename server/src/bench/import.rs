//! One bank statement of very many entries: deposits of one company, payments without a place, and repeats of both.

use super::{Failure, ImportOptions, Target, per_second};
use crate::bank_check;
use crate::clock::Clock;
use crate::commands::Actor;
use crate::commands::bank::continue_import::ContinueImport;
use crate::commands::bank::import_statement::PIECE;
use crate::commands::bank::line::incoming;
use crate::demo::files::{DemoEntry, camt053, own_statement};
use crate::demo::history::{self, CUSTODY_IBAN};
use crate::writer::Writer;
use domain::Currency;
use domain::party::{Capacity, PartyStatus};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn failed(error: &impl std::fmt::Debug) -> Failure {
    format!("{error:?}").into()
}

pub fn run(options: &ImportOptions) -> Result<Value, Failure> {
    let target = Target::new(options.database_url.as_ref())?;
    let clock = Clock::default();
    history::build(&target.url, 1, &clock)?;
    let mut conn = store::connect(&target.url)?;
    let desks = store::parties::list_with(&mut conn, Capacity::Financier)?;
    let desk = desks.into_iter().find(|desk| desk.status == PartyStatus::Active).ok_or("no financier")?;
    let today = store::records::load_heads(&mut conn)?.business_date;
    let entries: Vec<DemoEntry> = (0..options.entries)
        .map(|number| DemoEntry {
            amount_minor: number.saturating_add(1),
            credit: true,
            reference: if number % 4 == 0 { String::new() } else { desk.reference.clone() },
            remittance: format!("payment {number}"),
            name: format!("Payer {number}"),
            iban: "DE02120300000000202051".to_owned(),
            ..DemoEntry::default()
        })
        .collect();
    let file = camt053(CUSTODY_IBAN, Currency::EUR, today, "LONG", 0, &entries).into_bytes();
    let bytes = file.len();
    let command = own_statement("long.xml", file).map_err(|fault| failed(&fault))?;
    let checked = Instant::now();
    bank_check::statements(&mut conn, &command.statements).map_err(|fault| failed(&fault))?;
    let checked = checked.elapsed();
    let lines = incoming(&command.statements);
    let (writer, thread) = Writer::start(&target.url, clock)?;
    let started = Instant::now();
    let first = writer.submit_blocking(Actor::BANK, "long-file".to_owned(), command.into());
    let first = first.map_err(|no| failed(&no))?;
    let mut longest = started.elapsed();
    let mut done = first.number("lines_done");
    while done < first.number("lines") {
        let piece = Instant::now();
        let next = lines.iter().skip(usize::try_from(done)?).take(PIECE).cloned().collect();
        let go_on = ContinueImport { file_id: first.number("file_id"), lines_done: done, lines: next };
        let outcome = writer.submit_blocking(Actor::SYSTEM, format!("piece-{done}"), go_on.into()).map_err(|no| failed(&no))?;
        done = outcome.number("lines_done");
        longest = longest.max(piece.elapsed());
    }
    let elapsed = started.elapsed();
    drop(writer);
    thread.join().map_err(|_| "the writer panicked")?;
    let (_, finding) = store::verify::verify(&mut conn)?;
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Ok(json!({
        "bench": "import", "database": target.kind(), "entries": options.entries, "bytes": bytes, "milliseconds": milliseconds(elapsed),
        "entries_per_second": per_second(u64::try_from(options.entries)?, elapsed), "check_milliseconds": milliseconds(checked),
        "longest_piece_milliseconds": milliseconds(longest), "piece": PIECE, "verified": finding.is_none(),
    }))
}
