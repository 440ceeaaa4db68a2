//! The files that the demo world's companies and bank would send: UBL invoices, camt.053 statements and camt.054 notifications.

use crate::commands::bank::import_statement::ImportStatement;
use crate::hash::sha256_hex;
use chrono::NaiveDate;
use domain::Currency;
use domain::bank_account::{BankAccountNumber, BankCode};
use formats::FormatFault;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The content of a demo invoice.
#[derive(Clone, Debug)]
pub struct DemoInvoice<'a> {
    pub number: &'a str,
    pub issue_date: NaiveDate,
    pub due_date: NaiveDate,
    pub currency: Currency,
    /// Net, minor units; 19 % tax is added.
    pub net_minor: i64,
    /// Name and tax id.
    pub seller: (&'a str, &'a str),
    pub buyer: (&'a str, &'a str),
    pub order: &'a str,
    pub item: &'a str,
}

/// Net, tax and gross of a demo invoice, minor units.
#[must_use]
pub fn totals(net_minor: i64) -> (i64, i64, i64) {
    let tax = net_minor.saturating_mul(19).saturating_add(50) / 100;
    (net_minor, tax, net_minor.saturating_add(tax))
}

/// The invoice as UBL 2.1.
#[must_use]
pub fn ubl(invoice: &DemoInvoice<'_>) -> String {
    let code = invoice.currency.code();
    let (net, tax, gross) = totals(invoice.net_minor);
    let amount = |minor| format!("currencyID=\"{code}\">{}", invoice.currency.decimal(minor));
    // A VAT identifier begins with its country; any other tax number is a company's registration as well.
    let party = |role: &str, (name, tax_id): (&str, &str)| {
        let vat = tax_id.starts_with(|mark: char| mark.is_ascii_alphabetic());
        let (country, scheme) = if vat { (tax_id.get(..2).unwrap_or("DE"), "VAT") } else { ("CN", "TAX") };
        format!(
            "<cac:{role}><cac:Party><cac:PartyName><cbc:Name>{0}</cbc:Name></cac:PartyName><cac:PostalAddress><cac:Country>\
             <cbc:IdentificationCode>{country}</cbc:IdentificationCode></cac:Country></cac:PostalAddress><cac:PartyTaxScheme>\
             <cbc:CompanyID>{1}</cbc:CompanyID><cac:TaxScheme><cbc:ID>{scheme}</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>\
             <cac:PartyLegalEntity><cbc:RegistrationName>{0}</cbc:RegistrationName><cbc:CompanyID>{1}</cbc:CompanyID></cac:PartyLegalEntity>\
             </cac:Party></cac:{role}>",
            escaped(name),
            escaped(tax_id)
        )
    };
    let category = |name: &str| {
        format!(
            "<cac:{name}><cbc:ID>S</cbc:ID><cbc:Percent>19</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:{name}>"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\" \
         xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\" \
         xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\">\n\
         <cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID><cbc:ID>{number}</cbc:ID><cbc:IssueDate>{issued}</cbc:IssueDate>\
         <cbc:DueDate>{due}</cbc:DueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>{code}</cbc:DocumentCurrencyCode>\
         <cac:OrderReference><cbc:ID>{order}</cbc:ID></cac:OrderReference>\n{seller}\n{buyer}\n\
         <cac:TaxTotal><cbc:TaxAmount {tax}</cbc:TaxAmount><cac:TaxSubtotal><cbc:TaxableAmount {net}</cbc:TaxableAmount>\
         <cbc:TaxAmount {tax}</cbc:TaxAmount>{group}</cac:TaxSubtotal></cac:TaxTotal>\
         <cac:LegalMonetaryTotal><cbc:LineExtensionAmount {net}</cbc:LineExtensionAmount><cbc:TaxExclusiveAmount {net}</cbc:TaxExclusiveAmount>\
         <cbc:TaxInclusiveAmount {gross}</cbc:TaxInclusiveAmount><cbc:PayableAmount {gross}</cbc:PayableAmount></cac:LegalMonetaryTotal>\n\
         <cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity unitCode=\"C62\">1</cbc:InvoicedQuantity><cbc:LineExtensionAmount {net}</cbc:LineExtensionAmount>\
         <cac:Item><cbc:Name>{item}</cbc:Name>{line}</cac:Item><cac:Price><cbc:PriceAmount {net}</cbc:PriceAmount></cac:Price></cac:InvoiceLine>\n</Invoice>\n",
        group = category("TaxCategory"),
        line = category("ClassifiedTaxCategory"),
        number = escaped(invoice.number),
        issued = invoice.issue_date,
        due = invoice.due_date,
        order = escaped(invoice.order),
        seller = party("AccountingSupplierParty", invoice.seller),
        buyer = party("AccountingCustomerParty", invoice.buyer),
        tax = amount(tax),
        net = amount(net),
        gross = amount(gross),
        item = escaped(invoice.item),
    )
}

/// One booking of a demo statement.
#[derive(Clone, Debug, Default)]
pub struct DemoEntry {
    pub amount_minor: i64,
    /// Money in.
    pub credit: bool,
    pub reference: String,
    pub end_to_end: String,
    pub name: String,
    pub iban: String,
    pub remittance: String,
}

/// The same entries as a notification: announced, without balances.
#[must_use]
pub fn camt054(iban: &str, currency: Currency, date: NaiveDate, number: &str, entries: &[DemoEntry]) -> String {
    let statement = camt053(iban, currency, date, number, 0, entries);
    let (head, rest) = statement.split_once("<Bal>").unwrap_or((statement.as_str(), ""));
    let tail = rest.rsplit_once("</Bal>").map_or("", |(_, tail)| tail);
    let names =
        [("camt.053", "camt.054"), ("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn"), ("<Stmt>", "<Ntfctn>"), ("</Stmt>", "</Ntfctn>")];
    names.iter().fold(format!("{head}{tail}"), |text, (from, to)| text.replace(from, to))
}

/// A camt.053 statement of one day, opening at `opening_minor`.
#[must_use]
pub fn camt053(
    iban: &str,
    currency: Currency,
    date: NaiveDate,
    number: &str,
    opening_minor: i64,
    entries: &[DemoEntry],
) -> String {
    let code = currency.code();
    let amount = |minor: i64| format!("<Amt Ccy=\"{code}\">{}</Amt>", currency.decimal(minor.saturating_abs()));
    let sign = |credit: bool| if credit { "CRDT" } else { "DBIT" };
    let closing = entries.iter().fold(opening_minor, |sum, entry| {
        sum.saturating_add(if entry.credit { entry.amount_minor } else { entry.amount_minor.saturating_neg() })
    });
    let balance = |kind: &str, minor: i64| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{}<CdtDbtInd>{}</CdtDbtInd><Dt><Dt>{date}</Dt></Dt></Bal>",
            amount(minor),
            sign(minor >= 0)
        )
    };
    let rows: String = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let role = if entry.credit { "Dbtr" } else { "Cdtr" };
            let (account, agent) = match BankAccountNumber::parse(&entry.iban) {
                Some(BankAccountNumber::Domestic { number, bank }) => {
                    let bank = match bank {
                        BankCode::Bic(bic) => format!("<BICFI>{bic}</BICFI>"),
                        BankCode::Clearing { system, member } => {
                            format!("<ClrSysMmbId><ClrSysId><Cd>{system}</Cd></ClrSysId><MmbId>{member}</MmbId></ClrSysMmbId>")
                        }
                    };
                    let agent = format!("<RltdAgts><{role}Agt><FinInstnId>{bank}</FinInstnId></{role}Agt></RltdAgts>");
                    (format!("<Othr><Id>{number}</Id></Othr>"), agent)
                }
                _ => (format!("<IBAN>{}</IBAN>", escaped(&entry.iban)), String::new()),
            };
            let end_to_end = if entry.end_to_end.is_empty() { "NOTPROVIDED" } else { entry.end_to_end.as_str() };
            let reference = if entry.reference.is_empty() {
                format!("<RmtInf><Ustrd>{}</Ustrd></RmtInf>", escaped(&entry.remittance))
            } else {
                format!("<RmtInf><Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp><Ref>{}</Ref></CdtrRefInf></Strd></RmtInf>", escaped(&entry.reference))
            };
            format!(
                "<Ntry>{}<CdtDbtInd>{}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>{date}</Dt></BookgDt><ValDt><Dt>{date}</Dt></ValDt>\
                 <AcctSvcrRef>{number}-{index}</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>{}</EndToEndId></Refs>\
                 <RltdPties><{role}><Nm>{}</Nm></{role}><{role}Acct><Id>{account}</Id></{role}Acct></RltdPties>{agent}{reference}</TxDtls></NtryDtls></Ntry>",
                amount(entry.amount_minor),
                sign(entry.credit),
                escaped(end_to_end),
                escaped(&entry.name),
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>{number}</MsgId><CreDtTm>{date}T18:00:00</CreDtTm></GrpHdr><Stmt><Id>{number}</Id><Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{code}</Ccy></Acct>\
         {}{}{rows}</Stmt></BkToCstmrStmt></Document>\n",
        balance("OPBD", opening_minor),
        balance("CLBD", closing),
    )
}

/// A statement that this program wrote itself, as the command that imports it. The child reads files that come from outside.
pub fn own_statement(name: &str, content: Vec<u8>) -> Result<ImportStatement, FormatFault> {
    let statements = formats::camt::parse(&content)?;
    Ok(ImportStatement {
        name: name.to_owned(),
        sha256: sha256_hex(&content),
        check: String::new(),
        content,
        statements,
        ..ImportStatement::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_invoice_breaks_no_rule() {
        for (currency, seller) in [(Currency::EUR, "DE136695976"), (Currency::CNY, "91310000MA1FL4XX07")] {
            let file = ubl(&DemoInvoice {
                number: "2026-0001",
                issue_date: "2026-11-02".parse().unwrap(),
                due_date: "2026-12-02".parse().unwrap(),
                currency,
                net_minor: 123_457,
                seller: ("A & B", seller),
                buyer: ("C", "DE811569869"),
                order: "PO-1",
                item: "Goods",
            });
            let read = formats::ubl::parse(file.as_bytes()).unwrap();
            assert_eq!(formats::rules::check(&read), [], "{file}");
            assert_eq!((read.seller.tax_id.as_str(), read.totals.payable.unwrap().to_string().as_str()), (seller, "1469.14"));
        }
    }
}
