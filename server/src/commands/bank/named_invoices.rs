//! Finds an invoice's number in a payment's text, where the payer owes exactly one invoice of that number. A person may use it as
//! a hint to place the payment.

use domain::names::{folded, latin};
use domain::party::Capacity;
use domain::receivable_number::names_number;
use kernel::PartyId;
use std::cell::OnceCell;
use store::records::Keyed;
use store::{BankLine, Conn, Invoice, Receivable, StoreError};

/// A company that owes money, with its name as people and as banks write it.
#[derive(Debug)]
struct Payer {
    id: PartyId,
    name: String,
    latin: String,
}

/// The buyers, read once on the first request.
#[derive(Debug, Default)]
pub struct Payers(OnceCell<Vec<Payer>>);

/// Receivables of one payer that are looked through.
const MOST_OWED: usize = 500;

fn in_latin(name: &str) -> String {
    latin::written(name, 70).unwrap_or_default().to_lowercase()
}

impl Payers {
    fn all(&self, conn: &mut Conn) -> Result<&[Payer], StoreError> {
        if let Some(known) = self.0.get() {
            return Ok(known);
        }
        let rows = store::parties::list_with(conn, Capacity::Buyer)?;
        let payers = rows.into_iter().map(|row| Payer { id: row.id, name: folded(&row.name), latin: in_latin(&row.name) });
        let payers = payers.collect();
        Ok(self.0.get_or_init(|| payers))
    }

    /// The possible payers: companies with this account and companies with this name.
    fn of(&self, conn: &mut Conn, line: &BankLine) -> Result<Vec<PartyId>, StoreError> {
        let mut found = Vec::new();
        if !line.counterparty_iban.is_empty() {
            let accounts = store::parties::list_payees(conn, &line.counterparty_iban)?;
            found.extend(accounts.into_iter().map(|row| row.party_id));
        }
        let (name, plain) = (folded(&line.counterparty), in_latin(&line.counterparty));
        let is = |payer: &&Payer| payer.name == name || (!plain.is_empty() && payer.latin == plain);
        found.extend(self.all(conn)?.iter().filter(is).map(|payer| payer.id));
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The reference of the only receivable that the payer owes and whose invoice the payment names.
    pub fn suggest(&self, conn: &mut Conn, line: &BankLine, elsewhere: &[String]) -> Result<Option<String>, StoreError> {
        let texts: Vec<&str> = elsewhere.iter().chain([&line.remittance, &line.reference]).map(String::as_str).collect();
        if !texts.iter().any(|text| text.contains(|mark: char| mark.is_ascii_digit())) {
            return Ok(None);
        }
        let payers = self.of(conn, line)?;
        if payers.is_empty() {
            return Ok(None);
        }
        let owed = store::receivables::list_owed_receivables(conn, &payers, &line.currency, MOST_OWED)?;
        let invoices = Invoice::list_ids(conn, &owed.iter().map(|row| row.invoice_id).collect::<Vec<_>>())?;
        let is_named = |row: &&Receivable| {
            let number = invoices.iter().find(|invoice| invoice.id == row.invoice_id).map(|invoice| invoice.number.as_str());
            number.is_some_and(|number| texts.iter().any(|text| names_number(text, number)))
        };
        let named: Vec<&Receivable> = owed.iter().filter(is_named).collect();
        Ok(if let [only] = named.as_slice() { Some(only.reference.clone()) } else { None })
    }
}
