//! The buyer's answer as a Peppol Invoice Response 3 (UBL 2.1 ApplicationResponse, transaction T111).

use crate::FormatFault;
use chrono::{NaiveDate, NaiveDateTime};
use domain::answer::{AnswerCode, ReasonCode};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

/// A company as it is addressed.
#[derive(Clone, Debug)]
pub struct ResponseParty {
    pub name: String,
    /// ISO 3166-1, two letters.
    pub country: String,
    pub tax_id: String,
}

#[derive(Clone, Debug)]
pub struct InvoiceResponse {
    pub id: String,
    pub issued_at: NaiveDateTime,
    pub code: AnswerCode,
    /// Needed with CA, UQ and RE.
    pub reason_code: Option<ReasonCode>,
    pub reason: String,
    pub sender: ResponseParty,
    pub receiver: ResponseParty,
    /// The invoice that is answered.
    pub invoice_number: String,
    pub invoice_date: NaiveDate,
    /// UNTDID 1001.
    pub invoice_type: String,
}

const CUSTOMIZATION: &str = "urn:fdc:peppol.eu:poacc:trns:invoice_response:3";
const PROFILE: &str = "urn:fdc:peppol.eu:poacc:bis:invoice_response:3";
const ROOT: &str = "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2";
const CAC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const CBC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";

/// Electronic address schemes (EAS, as CEN's artefacts 1.3.16 know them) for VAT numbers, by country. Sweden's 9955 has left the
/// list, and Denmark's and Norway's schemes are of other numbers.
const VAT_SCHEMES: &[(&str, &str)] = &[
    ("AD", "9922"),
    ("AL", "9923"),
    ("AT", "9914"),
    ("BA", "9924"),
    ("BE", "9925"),
    ("BG", "9926"),
    ("CH", "9927"),
    ("CY", "9928"),
    ("CZ", "9929"),
    ("DE", "9930"),
    ("EE", "9931"),
    ("ES", "9920"),
    ("FI", "0213"),
    ("FR", "9957"),
    ("GB", "9932"),
    ("GR", "9933"),
    ("HR", "9934"),
    ("HU", "9910"),
    ("IE", "9935"),
    ("IT", "0211"),
    ("LI", "9936"),
    ("LT", "9937"),
    ("LU", "9938"),
    ("LV", "9939"),
    ("MC", "9940"),
    ("ME", "9941"),
    ("MK", "9942"),
    ("MT", "9943"),
    ("NL", "9944"),
    ("PL", "9945"),
    ("PT", "9946"),
    ("RO", "9947"),
    ("RS", "9948"),
    ("SI", "9949"),
    ("SK", "9950"),
    ("SM", "9951"),
    ("TR", "9952"),
    ("VA", "9953"),
];

/// The scheme under which a company's VAT number is its address, if its country has one.
#[must_use]
pub fn scheme_of(country: &str) -> Option<&'static str> {
    VAT_SCHEMES.iter().find(|(known, _)| *known == country).map(|(_, scheme)| *scheme)
}

type Sink = Writer<Vec<u8>>;
type Io = std::io::Result<()>;

fn leaf(writer: &mut Sink, name: &str, text: &str) -> Io {
    writer.create_element(name).write_text_content(BytesText::new(text)).map(|_| ())
}

fn code(writer: &mut Sink, name: &str, list: (&str, &str), text: &str) -> Io {
    writer.create_element(name).with_attribute(list).write_text_content(BytesText::new(text)).map(|_| ())
}

fn group(writer: &mut Sink, name: &str, inside: impl FnOnce(&mut Sink) -> Io) -> Io {
    writer.create_element(name).write_inner_content(inside).map(|_| ())
}

fn unwritable(element: &str) -> FormatFault {
    FormatFault::NotWritable { element: element.to_owned() }
}

/// The response's text, if it keeps the rules of its transaction.
pub fn write(response: &InvoiceResponse) -> Result<String, FormatFault> {
    let explains = matches!(response.code, AnswerCode::ConditionallyAccepted | AnswerCode::UnderQuery | AnswerCode::Rejected);
    // T111-R001: an answer that does not simply accept states a reason. R002: the reason "other" needs words.
    if explains && response.reason_code.is_none() {
        return Err(unwritable("StatusReasonCode"));
    }
    if response.reason_code == Some(ReasonCode::Other) && response.reason.trim().is_empty() {
        return Err(unwritable("StatusReason"));
    }
    let schemes = (scheme_of(&response.sender.country), scheme_of(&response.receiver.country));
    let (Some(sender), Some(receiver)) = schemes else { return Err(unwritable("EndpointID")) };
    let mut writer = Writer::new(Vec::new());
    write_document(&mut writer, response, sender, receiver).map_err(|_| unwritable("ApplicationResponse"))?;
    String::from_utf8(writer.into_inner()).map_err(|_| unwritable("ApplicationResponse"))
}

fn write_document(writer: &mut Sink, response: &InvoiceResponse, sender: &str, receiver: &str) -> Io {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = writer.create_element("ApplicationResponse");
    let root = root.with_attribute(("xmlns", ROOT)).with_attribute(("xmlns:cac", CAC)).with_attribute(("xmlns:cbc", CBC));
    root.write_inner_content(|writer| {
        leaf(writer, "cbc:CustomizationID", CUSTOMIZATION)?;
        leaf(writer, "cbc:ProfileID", PROFILE)?;
        leaf(writer, "cbc:ID", &response.id)?;
        leaf(writer, "cbc:IssueDate", &response.issued_at.date().to_string())?;
        leaf(writer, "cbc:IssueTime", &response.issued_at.format("%H:%M:%SZ").to_string())?;
        write_party(writer, "cac:SenderParty", &response.sender, sender)?;
        write_party(writer, "cac:ReceiverParty", &response.receiver, receiver)?;
        group(writer, "cac:DocumentResponse", |writer| {
            group(writer, "cac:Response", |writer| write_answer(writer, response))?;
            group(writer, "cac:DocumentReference", |writer| {
                leaf(writer, "cbc:ID", &response.invoice_number)?;
                leaf(writer, "cbc:IssueDate", &response.invoice_date.to_string())?;
                code(writer, "cbc:DocumentTypeCode", ("listID", "UNCL1001"), &response.invoice_type)
            })
        })
    })?;
    Ok(())
}

fn write_answer(writer: &mut Sink, response: &InvoiceResponse) -> Io {
    code(writer, "cbc:ResponseCode", ("listID", "UNCL4343OpSubset"), response.code.name())?;
    leaf(writer, "cbc:EffectiveDate", &response.issued_at.date().to_string())?;
    let Some(reason_code) = response.reason_code else { return Ok(()) };
    group(writer, "cac:Status", |writer| {
        code(writer, "cbc:StatusReasonCode", ("listID", "OPStatusReason"), reason_code.name())?;
        if response.reason.trim().is_empty() { Ok(()) } else { leaf(writer, "cbc:StatusReason", response.reason.trim()) }
    })
}

fn write_party(writer: &mut Sink, name: &str, party: &ResponseParty, scheme: &str) -> Io {
    group(writer, name, |writer| {
        code(writer, "cbc:EndpointID", ("schemeID", scheme), &party.tax_id)?;
        group(writer, "cac:PartyLegalEntity", |writer| leaf(writer, "cbc:RegistrationName", &party.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(code: AnswerCode, reason_code: Option<ReasonCode>, reason: &str) -> InvoiceResponse {
        let party = |name: &str, country: &str| ResponseParty {
            name: name.into(),
            country: country.into(),
            tax_id: format!("{country}1"),
        };
        InvoiceResponse {
            id: "K-1".into(),
            issued_at: "2026-11-25T10:00:00".parse().unwrap(),
            code,
            reason_code,
            reason: reason.into(),
            sender: party("Buyer & Co", "BE"),
            receiver: party("Supplier", "DE"),
            invoice_number: "A<1>".into(),
            invoice_date: "2026-11-01".parse().unwrap(),
            invoice_type: "380".into(),
        }
    }

    #[test]
    fn a_response_has_everything_in_the_order_of_its_schema() {
        let text = write(&response(AnswerCode::UnderQuery, Some(ReasonCode::Quantity), "two boxes are missing")).unwrap();
        let order = [
            "<cbc:CustomizationID>urn:fdc:peppol.eu:poacc:trns:invoice_response:3<",
            "<cbc:ProfileID>",
            "<cbc:ID>K-1<",
            "<cbc:IssueDate>2026-11-25<",
            "<cac:SenderParty><cbc:EndpointID schemeID=\"9925\">BE1</cbc:EndpointID>",
            "<cbc:RegistrationName>Buyer &amp; Co<",
            "<cac:ReceiverParty><cbc:EndpointID schemeID=\"9930\">DE1<",
            "<cbc:ResponseCode listID=\"UNCL4343OpSubset\">UQ<",
            "<cbc:StatusReasonCode listID=\"OPStatusReason\">QTY<",
            "<cbc:StatusReason>two boxes are missing<",
            "<cac:DocumentReference><cbc:ID>A&lt;1&gt;<",
            "<cbc:DocumentTypeCode listID=\"UNCL1001\">380<",
        ];
        let places: Vec<usize> = order.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"))).collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn every_scheme_is_on_the_list_of_addresses() {
        for (country, scheme) in VAT_SCHEMES {
            assert!(crate::rules::codes::is_known("endpoint", scheme), "{country} {scheme}");
            assert!(crate::rules::codes::is_known("country", country), "{country}");
        }
        assert!(VAT_SCHEMES.is_sorted_by(|one, two| one.0 < two.0), "each country once");
        let same = VAT_SCHEMES.iter().map(|(_, scheme)| scheme).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(same.len(), VAT_SCHEMES.len(), "no two countries share one");
        assert_eq!((scheme_of("SE"), scheme_of("FI"), scheme_of("CN")), (None, Some("0213"), None));
    }

    #[test]
    fn the_rules_of_the_transaction_are_kept() {
        let element = |response: &InvoiceResponse| match write(response) {
            Err(FormatFault::NotWritable { element }) => element,
            other => panic!("{other:?}"),
        };
        for explained in [AnswerCode::ConditionallyAccepted, AnswerCode::UnderQuery, AnswerCode::Rejected] {
            assert_eq!(element(&response(explained, None, "x")), "StatusReasonCode");
        }
        assert_eq!(element(&response(AnswerCode::Rejected, Some(ReasonCode::Other), " ")), "StatusReason");
        let mut nowhere = response(AnswerCode::Accepted, None, "");
        nowhere.receiver.country = "CN".into();
        assert_eq!(element(&nowhere), "EndpointID");
        for plain in [AnswerCode::Acknowledged, AnswerCode::InProcess, AnswerCode::Accepted, AnswerCode::Paid] {
            let text = write(&response(plain, None, "")).unwrap();
            assert!(text.contains(plain.name()) && !text.contains("cac:Status>"), "{text}");
        }
    }
}
