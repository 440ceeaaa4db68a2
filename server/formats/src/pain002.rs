//! The bank's report on a payment file: ISO 20022 pain.002, customer payment status report, versions 03 to 10.

use crate::fault::shown;
use crate::{FormatFault, encoding, xml};
use roxmltree::Node;
use serde::{Deserialize, Serialize};

/// More than the transfers of a payment file. One commit takes all of them, and the platform serves no other request in it.
const MOST_STATUSES: usize = 12_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    pub message_id: String,
    /// The payment file that it answers.
    pub original_message_id: String,
    /// When the bank made it, as it says; ids are used again.
    pub created: String,
    pub statuses: Vec<Status>,
}

/// The subject of a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// The whole file.
    Message,
    /// One payment block of it, by its id.
    Payment(String),
    /// One transfer, by its end-to-end id.
    Transaction(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub scope: Scope,
    /// ACTC, ACCP, ACSP, ACSC, PDNG, RJCT and others.
    pub code: String,
    /// The reason, where the bank gives one; else empty.
    pub reason: String,
    /// The bank's own words, or empty.
    pub note: String,
}

/// Reads a pain.002 file, or says which element is missing.
pub fn parse(bytes: &[u8]) -> Result<StatusReport, FormatFault> {
    let text = encoding::decode_xml(bytes)?;
    let document = xml::parse(&text, xml::STATEMENT_NODES)?;
    // It may stand in an envelope; two reports are no one report.
    let documents = xml::iso_documents(document.root_element());
    let [root] = documents.as_slice() else {
        return Err(FormatFault::WrongKind { element: xml::name(document.root_element()) });
    };
    let kind = xml::iso_message(*root);
    let report = xml::child(*root, "CstmrPmtStsRpt").filter(|_| kind.starts_with("pain.002.001."));
    let report =
        report.ok_or_else(|| FormatFault::WrongKind { element: if kind.is_empty() { xml::name(*root) } else { shown(kind) } })?;
    let original = xml::child(report, "OrgnlGrpInfAndSts")
        .ok_or_else(|| FormatFault::Missing { element: "OrgnlGrpInfAndSts".to_owned(), line: xml::line(report) })?;
    let mut statuses = Vec::new();
    statuses.extend(read_status(original, "GrpSts", Scope::Message));
    for payment in xml::children(report, "OrgnlPmtInfAndSts") {
        let id = xml::id(payment, &["OrgnlPmtInfId"])?;
        statuses.extend(read_status(payment, "PmtInfSts", Scope::Payment(id)));
        for transaction in xml::children(payment, "TxInfAndSts") {
            statuses.extend(read_status(transaction, "TxSts", Scope::Transaction(transaction_id(transaction))));
        }
    }
    if statuses.len() > MOST_STATUSES {
        return Err(FormatFault::TooManyNodes);
    }
    Ok(StatusReport {
        message_id: xml::id(report, &["GrpHdr", "MsgId"])?,
        original_message_id: xml::id(original, &["OrgnlMsgId"])?,
        created: shown(&xml::text(report, &["GrpHdr", "CreDtTm"])),
        statuses,
    })
}

/// The end-to-end id. Where a bank leaves it out, another id by which the bank names the transfer.
fn transaction_id(node: Node<'_, '_>) -> String {
    let names = ["OrgnlEndToEndId", "OrgnlInstrId", "StsId"];
    names.iter().map(|name| xml::text(node, &[name])).find(|id| !id.is_empty()).unwrap_or_default()
}

/// The status that stands directly in a node; one without says nothing of its own.
fn read_status(node: Node<'_, '_>, element: &str, scope: Scope) -> Option<Status> {
    let code = xml::text(node, &[element]);
    if code.is_empty() {
        return None;
    }
    let (mut reason, mut notes) = (String::new(), Vec::new());
    for information in xml::children(node, "StsRsnInf") {
        if reason.is_empty() {
            reason = xml::text(information, &["Rsn", "Cd"]);
        }
        if reason.is_empty() {
            reason = xml::text(information, &["Rsn", "Prtry"]);
        }
        notes.extend(xml::children(information, "AddtlInf").map(xml::own_text));
    }
    Some(Status { scope, code, reason, note: notes.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report of our own, small and complete, in the given version.
    fn report(version: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}\"><CstmrPmtStsRpt>\
             <GrpHdr><MsgId>BANK-7</MsgId><CreDtTm>2026-11-23T10:00:00Z</CreDtTm></GrpHdr>\
             <OrgnlGrpInfAndSts><OrgnlMsgId>KONTOR-9</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>\
             <OrgnlPmtInfAndSts><OrgnlPmtInfId>KONTOR-9</OrgnlPmtInfId><PmtInfSts>ACTC</PmtInfSts>\
             <TxInfAndSts><OrgnlEndToEndId>KPAY1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn>\
             <AddtlInf>closed</AddtlInf><AddtlInf>in May</AddtlInf></StsRsnInf></TxInfAndSts>\
             <TxInfAndSts><OrgnlInstrId>I-2</OrgnlInstrId><TxSts>ACSP</TxSts></TxInfAndSts>\
             <TxInfAndSts><OrgnlEndToEndId>KPAY3</OrgnlEndToEndId></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>\n"
        )
    }

    fn status(scope: Scope, code: &str, reason: &str, note: &str) -> Status {
        Status { scope, code: code.to_owned(), reason: reason.to_owned(), note: note.to_owned() }
    }

    #[test]
    fn group_payment_and_transaction_each_have_their_say() {
        for version in ["03", "10"] {
            let read = parse(report(version).as_bytes()).unwrap();
            assert_eq!((read.message_id.as_str(), read.original_message_id.as_str()), ("BANK-7", "KONTOR-9"));
            assert_eq!(read.created, "2026-11-23T10:00:00Z");
            assert_eq!(
                read.statuses,
                [
                    status(Scope::Message, "PART", "", ""),
                    status(Scope::Payment("KONTOR-9".into()), "ACTC", "", ""),
                    status(Scope::Transaction("KPAY1".into()), "RJCT", "AC04", "closed in May"),
                    status(Scope::Transaction("I-2".into()), "ACSP", "", ""),
                ]
            );
        }
    }

    #[test]
    fn a_report_may_stand_in_an_envelope() {
        let good = report("10");
        let body = good.split_once('\n').unwrap().1;
        let read = parse(format!("<Envelope><Body>{body}</Body></Envelope>").as_bytes()).unwrap();
        assert_eq!(read, parse(good.as_bytes()).unwrap());
        assert!(matches!(parse(format!("<E>{body}{body}</E>").as_bytes()), Err(FormatFault::WrongKind { .. })));
    }

    #[test]
    fn our_own_file_is_valid_against_the_public_schema() {
        let root =
            std::env::var("KONTOR_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
        let schema = format!("{root}/data/bank/xsd/pain.002.001.03.xsd");
        let file = std::env::temp_dir().join(format!("kontor-status-{}.xml", std::process::id()));
        std::fs::write(&file, report("03")).unwrap();
        let checked = std::process::Command::new("xmllint").args(["--noout", "--nonet", "--schema", &schema]).arg(&file).output();
        match checked {
            Ok(output) if std::path::Path::new(&schema).exists() => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            _ => println!("left out: xmllint or the schema is absent"),
        }
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn reports_of_a_real_bank_read_as_expected() {
        let root =
            std::env::var("KONTOR_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
        let folder = format!("{root}/data/bank/moov-iso20022");
        let read = |name: &str| std::fs::read(format!("{folder}/{name}")).ok().map(|bytes| parse(&bytes).unwrap());
        let Some(group) = read("pain002-epo_p_0_0_0_2018031510491259.xml") else {
            println!("left out: shared data is absent");
            return;
        };
        assert_eq!(group.statuses, [status(Scope::Message, "ACTC", "", "")]);
        let part = read("pain002-epo_p_ch5109000000250092291_1110097605_0_2018031511252307.xml").unwrap();
        let rejected = Scope::Transaction("EndToEndId-001-03-04".into());
        assert_eq!(part.statuses[1], status(rejected, "RJCT", "AC01", "1301813;Konto ungültig"));
    }

    #[test]
    fn what_is_no_report_or_hostile_is_refused() {
        let good = report("10");
        assert!(matches!(parse(b"<x/>"), Err(FormatFault::WrongKind { .. })));
        assert!(matches!(parse(good.replace("pain.002", "pain.008").as_bytes()), Err(FormatFault::WrongKind { .. })));
        assert!(parse(good.replace("<MsgId>BANK-7</MsgId>", "").as_bytes()).is_err());
        assert!(parse(good.replace("<OrgnlMsgId>KONTOR-9</OrgnlMsgId>", "").as_bytes()).is_err());
        let bomb = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><Document>&e;</Document>";
        assert!(matches!(parse(bomb.as_bytes()), Err(FormatFault::DocumentType)));
    }
}
