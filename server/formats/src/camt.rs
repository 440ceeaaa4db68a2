//! Bank statements and notifications: ISO 20022 camt.053 and camt.054, versions 02 to 08 and later.

use crate::{FormatFault, encoding, xml};
use chrono::NaiveDate;
use domain::Currency;
use domain::bank_account::BankAccountNumber;
use domain::money::MOST_BOOKED_MINOR;
use roxmltree::Node;
use serde::{Deserialize, Serialize};

/// More statements than this are no file of one bank: each is kept and compared with its neighbours.
const MOST_STATEMENTS: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// A camt.054: the bank announces these bookings, and the account's statement is still to come.
    pub notification: bool,
    pub message_id: String,
    pub statement_id: String,
    pub iban: String,
    /// The account's currency, or an empty string when the file does not say.
    pub currency: String,
    /// Booked opening balance, minor units.
    pub opening_minor: Option<i64>,
    /// Booked closing balance, minor units.
    pub closing_minor: Option<i64>,
    /// The days that it covers, where the file says so.
    pub from_date: Option<NaiveDate>,
    pub to_date: Option<NaiveDate>,
    pub entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub currency: String,
    /// Minor units; a bank may book nothing, with words only.
    pub amount_minor: i64,
    /// Money in.
    pub credit: bool,
    /// Status BOOK. Others are announcements.
    pub booked: bool,
    /// The bank takes an earlier booking back.
    pub reversal: bool,
    pub booking_date: NaiveDate,
    pub value_date: NaiveDate,
    pub bank_reference: String,
    /// At least one; their amounts sum to the entry's.
    pub details: Vec<EntryDetail>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryDetail {
    pub amount_minor: i64,
    pub end_to_end: String,
    pub debtor: String,
    pub debtor_iban: String,
    pub creditor: String,
    pub creditor_iban: String,
    /// Structured creditor reference.
    pub reference: String,
    /// Unstructured remittance information.
    pub remittance: String,
    /// Set when this brings back a payment made earlier.
    pub returned: Option<Return>,
}

/// Why a payment came back; either may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// ISO 20022 ExternalReturnReason1Code, or the bank's own.
    pub reason: String,
    pub note: String,
}

/// Reads a camt.053 or camt.054 file: all its statements, or a fault that names the element and line.
pub fn parse(bytes: &[u8]) -> Result<Vec<Statement>, FormatFault> {
    let text = encoding::decode_xml(bytes)?;
    let document = xml::parse(&text, xml::STATEMENT_NODES)?;
    let root = document.root_element();
    let namespace = root.tag_name().namespace().unwrap_or_default();
    let known = namespace.starts_with("urn:iso:std:iso:20022:tech:xsd:camt.053.")
        || namespace.starts_with("urn:iso:std:iso:20022:tech:xsd:camt.054.");
    let message = xml::child(root, "BkToCstmrStmt").map(|node| (node, "Stmt"));
    let message = message.or_else(|| xml::child(root, "BkToCstmrDbtCdtNtfctn").map(|node| (node, "Ntfctn")));
    let notification = message.is_some_and(|(_, name)| name == "Ntfctn");
    let Some((message, name)) = message.filter(|_| known) else {
        return Err(FormatFault::WrongKind { element: xml::name(root) });
    };
    let message_id = xml::id(message, &["GrpHdr", "MsgId"])?;
    let created = entry_date(message, "GrpHdr")?;
    if xml::children(message, name).nth(MOST_STATEMENTS).is_some() {
        return Err(FormatFault::TooManyNodes);
    }
    let mut statements: Vec<Statement> =
        xml::children(message, name).map(|node| read_statement(node, &message_id, created)).collect::<Result<_, _>>()?;
    statements.iter_mut().for_each(|statement| statement.notification = notification);
    if statements.is_empty() {
        return Err(FormatFault::Missing { element: name.to_owned(), line: xml::line(message) });
    }
    Ok(statements)
}

fn read_statement(node: Node<'_, '_>, message_id: &str, created: Option<NaiveDate>) -> Result<Statement, FormatFault> {
    let iban = xml::text(node, &["Acct", "Id", "IBAN"]);
    let iban = if iban.is_empty() { xml::text(node, &["Acct", "Id", "Othr", "Id"]) } else { iban };
    let mut statement = Statement {
        message_id: message_id.to_owned(),
        statement_id: xml::id(node, &["Id"])?,
        iban,
        currency: xml::text(node, &["Acct", "Ccy"]),
        ..Statement::default()
    };
    if let Some(period) = xml::child(node, "FrToDt") {
        statement.from_date = day_of(period, "FrDtTm")?;
        statement.to_date = day_of(period, "ToDtTm")?;
    }
    for balance in xml::children(node, "Bal") {
        let code = xml::text(balance, &["Tp", "CdOrPrtry", "Cd"]);
        if matches!(code.as_str(), "OPBD" | "PRCD" | "CLBD") {
            let (currency, minor) = read_amount(balance)?;
            let signed = if is_credit(balance)? { minor } else { minor.saturating_neg() };
            if statement.currency.is_empty() {
                statement.currency.clone_from(&currency);
            }
            let day = entry_date(balance, "Dt")?;
            if code == "CLBD" {
                statement.closing_minor = Some(signed);
                statement.to_date = statement.to_date.or(day);
            } else if statement.opening_minor.is_none() {
                statement.opening_minor = Some(signed);
                // A previous closing balance carries the day before this statement's first.
                if code == "OPBD" {
                    statement.from_date = statement.from_date.or(day);
                }
            }
        }
    }
    for entry in xml::children(node, "Ntry") {
        statement.entries.push(read_entry(entry, created)?);
    }
    if statement.currency.is_empty() {
        statement.currency = statement.entries.first().map(|entry| entry.currency.clone()).unwrap_or_default();
    }
    Ok(statement)
}

impl Statement {
    /// What the booked entries come to, credits positive.
    #[must_use]
    pub fn moved_minor(&self) -> i64 {
        let booked = self.entries.iter().filter(|entry| entry.booked);
        let moved = booked.map(|entry| if entry.credit { entry.amount_minor } else { entry.amount_minor.saturating_neg() });
        moved.fold(0, i64::saturating_add)
    }

    /// Opening balance and booked entries must lead to the closing balance, where the file gives both.
    #[must_use]
    pub fn fault(&self) -> Option<FormatFault> {
        let (opening, closing) = (self.opening_minor?, self.closing_minor?);
        let moved = self.moved_minor();
        if opening.saturating_add(moved) == closing {
            return None;
        }
        let shown = |minor: i64| {
            let number = Currency::parse(&self.currency).map_or_else(|| minor.to_string(), |known| known.decimal(minor));
            format!("{} {number}", self.currency)
        };
        Some(FormatFault::StatementBroken {
            statement: self.statement_id.clone(),
            opening: shown(opening),
            moved: shown(moved),
            closing: shown(closing),
            difference: shown(closing.saturating_sub(opening.saturating_add(moved))),
        })
    }
}

/// `Amt` with its currency, in minor units.
fn read_amount(node: Node<'_, '_>) -> Result<(String, i64), FormatFault> {
    let amount =
        xml::child(node, "Amt").ok_or_else(|| FormatFault::Missing { element: "Amt".to_owned(), line: xml::line(node) })?;
    let text = xml::own_text(amount);
    let code = amount.attribute("Ccy").unwrap_or_default();
    let known = Currency::parse(code).ok_or_else(|| xml::invalid(node, &["Amt"], code))?;
    let minor = known.parse_decimal(&text).ok().filter(|minor| (0..=MOST_BOOKED_MINOR).contains(minor));
    Ok((code.to_owned(), minor.ok_or_else(|| xml::invalid(node, &["Amt"], &text))?))
}

fn is_credit(node: Node<'_, '_>) -> Result<bool, FormatFault> {
    match xml::text(node, &["CdtDbtInd"]).as_str() {
        "CRDT" => Ok(true),
        "DBIT" => Ok(false),
        other => Err(xml::invalid(node, &["CdtDbtInd"], other)),
    }
}

fn entry_date(node: Node<'_, '_>, name: &str) -> Result<Option<NaiveDate>, FormatFault> {
    if let Some(day) = xml::date(node, &[name, "Dt"])? {
        return Ok(Some(day));
    }
    let Some(inner) = xml::child(node, name) else { return Ok(None) };
    for element in ["DtTm", "CreDtTm"] {
        if let Some(day) = day_of(inner, element)? {
            return Ok(Some(day));
        }
    }
    Ok(None)
}

/// The day of a moment.
fn day_of(node: Node<'_, '_>, element: &str) -> Result<Option<NaiveDate>, FormatFault> {
    let moment = xml::text(node, &[element]);
    let day = moment.get(..10).map(|day| day.parse().map_err(|_| xml::invalid(node, &[element], &moment)));
    day.transpose()
}

fn read_entry(node: Node<'_, '_>, created: Option<NaiveDate>) -> Result<Entry, FormatFault> {
    let (currency, amount_minor) = read_amount(node)?;
    let credit = is_credit(node)?;
    let status = xml::text(node, &["Sts", "Cd"]);
    let status = if status.is_empty() { xml::text(node, &["Sts"]) } else { status };
    let booking_date = entry_date(node, "BookgDt")?;
    let value_date = entry_date(node, "ValDt")?;
    // A notification may leave both to the day it was written.
    let day = booking_date.or(value_date).or(created);
    let booked = status == "BOOK";
    let Some(day) = day.or((!booked).then_some(NaiveDate::MIN)) else {
        return Err(FormatFault::Missing { element: "BookgDt".to_owned(), line: xml::line(node) });
    };
    let (mut details, returned) = (Vec::new(), is_return(node));
    for group in xml::children(node, "NtryDtls") {
        for transaction in xml::children(group, "TxDtls") {
            details.push(read_detail(transaction, returned));
        }
    }
    let details = share_out(details, amount_minor, &currency, node)?;
    Ok(Entry {
        currency,
        amount_minor,
        credit,
        booked,
        reversal: xml::text(node, &["RvslInd"]) == "true",
        booking_date: booking_date.unwrap_or(day),
        value_date: value_date.unwrap_or(day),
        bank_reference: xml::text(node, &["AcctSvcrRef"]),
        details,
    })
}

type RawDetail = (Option<(String, String)>, EntryDetail);

/// One transaction of an entry, with its own amount where it names one.
fn read_detail(node: Node<'_, '_>, entry_returned: bool) -> RawDetail {
    let amount = xml::child(node, "Amt").or_else(|| xml::at(node, &["AmtDtls", "TxAmt", "Amt"]));
    let amount = amount.map(|amount| (amount.attribute("Ccy").unwrap_or_default().to_owned(), xml::own_text(amount)));
    let party = |role: &str| {
        let plain = xml::text(node, &["RltdPties", role, "Nm"]);
        if plain.is_empty() { xml::text(node, &["RltdPties", role, "Pty", "Nm"]) } else { plain }
    };
    // A country without IBANs: the account's own number, found with the bank that the file names.
    let account = |role: &str| {
        let (account, bank) = (format!("{role}Acct"), format!("{role}Agt"));
        let id = |path: &[&str]| xml::text(node, &[&["RltdPties", account.as_str(), "Id"], path].concat());
        let of = |path: &[&str]| xml::text(node, &[&["RltdAgts", bank.as_str(), "FinInstnId"], path].concat());
        let system = of(&["ClrSysMmbId", "ClrSysId", "Cd"]);
        let code = (of(&["BICFI"]), system, of(&["ClrSysMmbId", "MmbId"]));
        BankAccountNumber::reported(&id(&["IBAN"]), &id(&["Othr", "Id"]), (&code.0, &code.1, &code.2))
    };
    let unstructured: Vec<String> = xml::child(node, "RmtInf")
        .into_iter()
        .flat_map(|info| xml::children(info, "Ustrd").map(xml::own_text).collect::<Vec<_>>())
        .collect();
    let detail = EntryDetail {
        amount_minor: 0,
        end_to_end: xml::text(node, &["Refs", "EndToEndId"]),
        debtor: party("Dbtr"),
        debtor_iban: account("Dbtr"),
        creditor: party("Cdtr"),
        creditor_iban: account("Cdtr"),
        reference: xml::text(node, &["RmtInf", "Strd", "CdtrRefInf", "Ref"]),
        remittance: unstructured.join(" "),
        returned: read_return(node, entry_returned),
    };
    (amount, detail)
}

/// Whether the bank's own code says that a payment came back.
fn is_return(node: Node<'_, '_>) -> bool {
    xml::text(node, &["BkTxCd", "Domn", "Fmly", "SubFmlyCd"]) == "RRTN"
}

/// A return names its reason (RtrInf), or is booked under the family of returns (RRTN).
fn read_return(node: Node<'_, '_>, entry_returned: bool) -> Option<Return> {
    let information = xml::child(node, "RtrInf");
    if information.is_none() && !entry_returned && !is_return(node) {
        return None;
    }
    let Some(information) = information else { return Some(Return::default()) };
    let code = xml::text(information, &["Rsn", "Cd"]);
    let reason = if code.is_empty() { xml::text(information, &["Rsn", "Prtry"]) } else { code };
    let notes: Vec<String> = xml::children(information, "AddtlInf").map(xml::own_text).collect();
    Some(Return { reason, note: notes.join(" ") })
}

/// Each transaction gets its amount. A single one is the whole entry; several must sum to it, else the entry
/// is taken as one sum that a person must place.
fn share_out(raw: Vec<RawDetail>, total: i64, currency: &str, node: Node<'_, '_>) -> Result<Vec<EntryDetail>, FormatFault> {
    let whole = |mut detail: EntryDetail| {
        detail.amount_minor = total;
        vec![detail]
    };
    if raw.len() <= 1 {
        return Ok(whole(raw.into_iter().next().map(|(_, detail)| detail).unwrap_or_default()));
    }
    let known = Currency::parse(currency).ok_or_else(|| xml::invalid(node, &["Amt"], currency))?;
    let mut details = Vec::with_capacity(raw.len());
    let mut sum = 0_i64;
    for (amount, mut detail) in raw {
        let minor = amount.filter(|(code, _)| code == currency).and_then(|(_, text)| known.parse_decimal(&text).ok());
        let Some(minor) = minor.filter(|minor| *minor > 0) else { return Ok(whole(EntryDetail::default())) };
        detail.amount_minor = minor;
        sum = sum.saturating_add(minor);
        details.push(detail);
    }
    Ok(if sum == total { details } else { whole(EntryDetail::default()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::{Row, Table, folder};

    #[test]
    fn every_entry_of_the_real_statements_reads_as_expected() {
        let Some(data) = folder() else { return };
        let table = Table::load(&format!("{data}/bank_expected.csv"));
        let mut files: Vec<String> = table.rows().map(|row| row.get("file").to_owned()).collect();
        files.dedup();
        let (mut entries, mut wrong) = (0, Vec::new());
        for file in files {
            let mine: Vec<Row<'_>> = table.rows().filter(|row| row.get("file") == file).collect();
            let message = mine[0].get("msg");
            if !(message.starts_with("camt.053") || message.starts_with("camt.054")) || file.contains("/mutants/") {
                continue;
            }
            let statements = match parse(&std::fs::read(format!("{data}/{file}")).unwrap()) {
                Ok(statements) => statements,
                Err(fault) => {
                    wrong.push(format!("{file}: {fault}"));
                    continue;
                }
            };
            for row in mine.iter().filter(|row| ["", "1"].contains(&row.get("tx_no"))) {
                let found = statements.iter().filter(|s| s.statement_id == row.get("statement_id"));
                let position: usize = row.get("entry_no").parse().unwrap_or(0);
                let matches = found.filter_map(|s| s.entries.get(position.saturating_sub(1))).any(|entry| {
                    let known = Currency::parse(&entry.currency).unwrap();
                    entry.currency == row.get("ccy")
                        && known.parse_decimal(row.get("amount")) == Ok(entry.amount_minor)
                        && entry.credit == (row.get("credit_debit") == "CRDT")
                        && entry.booked == (row.get("status") == "BOOK")
                        && (row.get("value_date").is_empty() || row.get("value_date")[..10] == entry.value_date.to_string())
                });
                entries += 1;
                if !matches {
                    wrong.push(format!("{file}: entry {position}"));
                }
            }
        }
        assert!(entries > 40, "{entries}");
        assert!(wrong.is_empty(), "{} of {entries}:\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn a_real_return_names_its_payment_and_reason() {
        let Some(data) = folder() else { return };
        let name = "200519_camt054-returns_p_ch2909000000250094239_1109800798_0_2019052023472022.xml";
        let text = std::fs::read_to_string(format!("{data}/bank/moov-iso20022/{name}")).unwrap();
        let returned = |text: &str| parse(text.as_bytes()).unwrap()[0].entries[0].details[0].clone();
        let detail = returned(&text);
        assert_eq!(detail.end_to_end, "EndToEndId-004-01-01");
        assert_eq!(detail.returned, Some(Return { reason: "AC01".into(), note: "Kontonummer falsch".into() }));
        let (start, end) = (text.find("<RtrInf>").unwrap(), text.find("</RtrInf>").unwrap() + "</RtrInf>".len());
        let silent = text.replace(&text[start..end], "");
        assert_eq!(returned(&silent).returned, Some(Return::default()), "the family of returns says it too");
        assert_eq!(returned(&silent.replace("RRTN", "BOOK")).returned, None);
    }

    #[test]
    fn what_does_not_add_up_or_is_hostile_is_not_read_as_money() {
        let Some(data) = folder() else { return };
        let read = |name: &str| parse(&std::fs::read(format!("{data}/bank/mutants/{name}")).unwrap());
        assert!(read("xxe.xml").is_err());
        assert!(read("negative_amount.xml").is_err());
        let pending = std::fs::read_to_string(format!("{data}/bank/mutants/entry_pending.xml")).unwrap();
        let (start, end) = (pending.find("<Amt Ccy=").unwrap(), pending.find("</Amt>").unwrap());
        let huge = format!("{}<Amt Ccy=\"EUR\">10000000000000.01{}", &pending[..start], &pending[end..]);
        assert!(parse(pending.as_bytes()).is_ok() && parse(huge.as_bytes()).is_err(), "more than any bank books at once");
        assert!(read("amount_6_decimals.xml").is_err());
        // The collection's own file of that name still adds up, so the test takes a cent away itself.
        let text = std::fs::read_to_string(format!("{data}/bank/mutants/closing_balance_off.xml")).unwrap();
        assert!(parse(text.as_bytes()).unwrap().iter().all(|read| read.fault().is_none()));
        let off = parse(text.replace("23644.83", "23644.82").as_bytes()).unwrap();
        let fault = off.iter().find_map(Statement::fault).unwrap().to_string();
        assert!(fault.contains("23644.82") && fault.contains("-0.01"), "{fault}");
        assert!(read("entry_reversal.xml").unwrap().iter().flat_map(|s| &s.entries).any(|entry| entry.reversal));
        assert!(read("entry_pending.xml").unwrap().iter().flat_map(|s| &s.entries).any(|entry| !entry.booked));
    }
}
