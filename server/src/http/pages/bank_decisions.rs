//! A decision about a bank line as two people look at it: the line, the other record, and the result for each. Also records that
//! may fit.

use super::super::error::Fault;
use super::bank::placed_with;
use crate::commands::bank::create_payment_file::FILE_PREFIX;
use crate::commands::bank::request_payout::PAYOUT_PREFIX;
use crate::commands::bank::resolve_line::{ResolveLine, Reversal, is_money_of_claim, possible};
use domain::bank_line::{Act, Direction, LineKind, LineState};
use domain::settlement_instruction::InstructionState;
use kernel::{BankLineId, PartyId, PaymentFileId, PayoutId};
use store::bank;
use store::records::Keyed;
use store::{BankLine, Conn, Party, PaymentFile, Payout};
use web::{Block, Language, Value};

type Facts = Vec<(String, Value)>;

/// Records that are listed as fitting at most.
const MOST_LISTED: usize = 5;

/// The facts of a line, for both people who decide about it.
pub fn line_facts(conn: &mut Conn, language: Language, line: &BankLine) -> Result<Facts, Fault> {
    let named = language.fill("bank-line-open", &[("id", line.id.to_string())]);
    let mut facts = vec![
        (language.t("receipt-to-bank-line"), Value::link(named, format!("/ops/bank-lines/{}", line.id))),
        (language.t("col-amount"), Value::money(&line.currency, line.amount_minor)),
        (language.t("col-direction"), Value::text(language.t(&format!("direction-{}", line.direction)))),
        (language.t("col-value-date"), Value::date(language, line.value_date)),
        (language.t("col-counterparty"), Value::text(line.counterparty.clone())),
        (language.t("field-iban"), Value::code(line.counterparty_iban.clone())),
        (language.t("field-remittance"), Value::text(line.remittance.clone())),
        (language.t("take-back-now"), Value::state(language, line.state.name())),
    ];
    facts.retain(|(_, value)| !value.text.is_empty());
    if line.claim_minor > 0 {
        facts.push((language.t("field-claim-minor"), Value::money(&line.currency, line.claim_minor)));
        facts.push((language.t("take-back-debtor"), debtor(conn, language, line.party_id.unwrap_or(PartyId(0)))?));
    } else if line.direction == Direction::In
        && let Some(place) = placed_with(conn, line)?
    {
        facts.push((language.t("take-back-placed-with"), place));
    }
    Ok(facts)
}

fn debtor(conn: &mut Conn, language: Language, party: PartyId) -> Result<Value, Fault> {
    if party == PartyId(0) {
        return Ok(Value::text(language.t("decision-debtor-none")));
    }
    Ok(Value::link(Party::load(conn, party)?.name, format!("/ops/companies/{party}")))
}

fn payout_facts(language: Language, row: &Payout) -> Facts {
    vec![
        (language.t("take-back-payout-named"), Value::link(row.end_to_end.clone(), format!("/ops/payouts/{}", row.id))),
        (language.t("field-holder"), Value::text(row.holder.clone())),
        (language.t("field-iban"), Value::code(row.iban.clone())),
        (language.t("col-amount"), Value::money(&row.currency, row.amount_minor)),
        (language.t("take-back-now"), super::payouts::payout_state(language, row.state.name())),
    ]
}

/// The other record that a decision names.
enum Other {
    Line(Box<BankLine>),
    Payout(Box<Payout>),
    File(PaymentFileId, usize),
}

fn find_other(conn: &mut Conn, wanted: &ResolveLine, act: Act) -> Result<Option<Other>, Fault> {
    let Some(id) = wanted.other_id.filter(|_| act.names_another()) else { return Ok(None) };
    if act != Act::Link {
        let mut line = BankLine::find(conn, BankLineId(id.0))?;
        // Where a receipt by hand has booked the money of the bank's line, it is that one that is reversed.
        if let Some(booked) =
            line.as_ref().filter(|line| act == Act::Reverse && line.state == LineState::Confirmed).and_then(|line| line.twin_id)
        {
            line = BankLine::find(conn, booked)?;
        }
        return Ok(line.map(|line| Other::Line(Box::new(line))));
    }
    if let Some(row) = Payout::find(conn, PayoutId(id.0))? {
        return Ok(Some(Other::Payout(Box::new(row))));
    }
    let file = PaymentFile::find(conn, PaymentFileId(id.0))?;
    Ok(match file {
        Some(file) => Some(Other::File(file.id, bank::list_payouts_of_file(conn, file.id)?.len())),
        None => None,
    })
}

/// Both sides of a decision, and the result for each, as of now.
pub fn sides(conn: &mut Conn, language: Language, wanted: &ResolveLine) -> Result<Vec<Block>, Fault> {
    let (Some(line), Some(act)) = (BankLine::find(conn, wanted.line_id)?, Act::parse(&wanted.act)) else { return Ok(Vec::new()) };
    let other = find_other(conn, wanted, act)?;
    let mut blocks = vec![Block::Heading(language.t("decision-line")), Block::Facts(line_facts(conn, language, &line)?)];
    let facts = match &other {
        Some(Other::Line(other)) => line_facts(conn, language, other)?,
        Some(Other::Payout(row)) => payout_facts(language, row),
        Some(Other::File(id, count)) => vec![
            (
                language.t("receipt-to-payment-file"),
                Value::link(format!("{FILE_PREFIX}{id}"), format!("/ops/payment-files/{id}")),
            ),
            (language.t("take-back-payouts-named"), Value::text(count.to_string())),
        ],
        None => Vec::new(),
    };
    if !facts.is_empty() {
        blocks.extend([Block::Heading(language.t("decision-other")), Block::Facts(facts)]);
    }
    // Once this or another act is done, there is no later result to show.
    if possible(line.state, line.kind).contains(&act) {
        let then = outcome(conn, language, (&line, act), other.as_ref())?;
        blocks.extend([Block::Heading(language.t("decision-outcome")), Block::Facts(then)]);
    }
    Ok(blocks)
}

fn outcome(conn: &mut Conn, language: Language, (line, act): (&BankLine, Act), other: Option<&Other>) -> Result<Facts, Fault> {
    let money = |minor: i64| Value::money(&line.currency, minor);
    let then = |state: LineState| (language.t("decision-line-then"), Value::state(language, state.name()));
    let other_then = |state: &str| (language.t("decision-other-then"), Value::state(language, state));
    let mut facts = match (act, other) {
        (Act::Same, _) if line.kind == LineKind::PossibleTransfer => {
            vec![then(LineState::Matched), other_then(LineState::Matched.name())]
        }
        (Act::Same, _) => vec![then(LineState::Confirmed), other_then(LineState::Matched.name())],
        (Act::Transfer, _) => vec![then(LineState::Matched), other_then(LineState::Matched.name())],
        (Act::Link, _) => vec![then(LineState::Matched), other_then(InstructionState::Settled.name())],
        (Act::Reverse, Some(Other::Line(receipt))) => {
            let Ok(back) = Reversal::of(conn, receipt) else { return Ok(Vec::new()) };
            let mut facts = vec![(language.t("take-back-there"), money(back.there_minor))];
            if back.missing_minor > 0 {
                facts.push((language.t("take-back-missing"), money(back.missing_minor)));
                facts.push((language.t("take-back-debtor"), debtor(conn, language, back.debtor)?));
            }
            let after = if back.missing_minor > 0 { LineState::Claimed } else { LineState::Reversed };
            facts.extend([then(after), other_then(LineState::Reversed.name())]);
            facts
        }
        (Act::SettleClaim, Some(Other::Line(paying))) => {
            let left_minor = line.claim_minor.saturating_sub(paying.amount_minor);
            let whose = debtor(conn, language, line.party_id.unwrap_or(PartyId(0)))?;
            vec![
                (language.t("decision-pays"), money(paying.amount_minor)),
                (language.t("decision-pays-for"), whose),
                (language.t("decision-claim-left"), money(left_minor)),
                then(if left_minor > 0 { LineState::Claimed } else { LineState::Reversed }),
                other_then(LineState::Placed.name()),
            ]
        }
        (Act::Expense, _) => vec![then(LineState::Expensed)],
        (Act::Claim, _) => vec![(language.t("decision-claim-left"), money(line.amount_minor)), then(LineState::Claimed)],
        (Act::WriteOff, _) => vec![(language.t("decision-claim-left"), money(0)), then(LineState::Expensed)],
        (Act::Explain, _) => vec![then(LineState::Explained)],
        (Act::Accept | Act::Reverse | Act::SettleClaim, _) => Vec::new(),
    };
    let means = format!("line-act-{}-lead", act.name().replace('_', "-"));
    facts.push((language.t("take-back-means"), Value::text(language.t(&means))));
    Ok(facts)
}

/// Records that may be the other side, as links to be compared: nothing is chosen for anybody.
pub fn suggestions(conn: &mut Conn, language: Language, line: &BankLine) -> Result<Vec<Block>, Fault> {
    let acts = possible(line.state, line.kind);
    let mut links = Vec::new();
    if acts.contains(&Act::Same)
        && let Some(twin) = line.twin_id
    {
        links.extend(BankLine::find(conn, twin)?.map(|row| named(language, &row)));
    }
    if acts.contains(&Act::Link) {
        for row in bank::list_sent_payouts_like(conn, line)? {
            let text = format!("{} · {} · {}", row.end_to_end, row.holder, language.money(&row.currency, row.amount_minor));
            links.push((text, format!("/ops/payouts/{}", row.id)));
        }
    }
    if acts.contains(&Act::Reverse) {
        links.extend(bank::list_reversible_receipts(conn, line)?.iter().map(|row| named(language, row)));
    }
    if acts.contains(&Act::SettleClaim) {
        for row in bank::list_suspense_up_to(conn, &line.currency, line.claim_minor)? {
            if links.len() < MOST_LISTED && !is_money_of_claim(conn, line, &row)? {
                links.push(named(language, &row));
            }
        }
    }
    if links.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Block::Paragraph(language.t("decision-may-fit")), Block::Links(links)])
}

/// A line as a link that says who paid, how much and with which words.
fn named(language: Language, line: &BankLine) -> (String, String) {
    let number = language.fill("bank-line-open", &[("id", line.id.to_string())]);
    let amount = language.money(&line.currency, line.amount_minor);
    let said = [number, line.counterparty.clone(), amount, line.remittance.clone()];
    let said: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
    (said.join(" · "), format!("/ops/bank-lines/{}", line.id))
}

/// The number of a payout or payment file as people see it, `KPAY` or `KONTOR-` and all, or as it is.
#[must_use]
pub fn linked_number(typed: &str) -> &str {
    let typed = typed.trim();
    let without = |prefix: &str| {
        let head = typed.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| typed.get(prefix.len()..)).flatten()
    };
    [PAYOUT_PREFIX, FILE_PREFIX].into_iter().find_map(without).unwrap_or(typed)
}
