//! Whether a text says that the claim was assigned, pledged or factored, as people write on an invoice that they have sold. A
//! text that says so in passing costs a look. An overlooked text costs the money.

use crate::xml;
use roxmltree::Node;
use unicode_normalization::UnicodeNormalization;

/// Words that are about a claim by themselves, in the form of [`plain`]. No letter may stand before a word with a caret:
/// "conceded" and "precedes" do not mean ceded.
const CLEAR: &[&str] = &[
    // English
    "assignment of",
    "notice of assignment",
    "deed of assignment",
    "assigned and payable",
    "have assigned",
    "been assigned",
    "assigned to",
    "pledged",
    "factoring",
    "^factored",
    "factor only",
    "discharging effect",
    "transferred to the factor",
    "invoice discounting",
    "payment only to the assignee",
    "assignee",
    // German
    "abgetreten",
    "abtretung",
    "^zediert",
    "^zession",
    "verpfandet",
    "verpfaendet",
    "verpfandung",
    "schuldbefreiend",
    "forderungsverkauf",
    "forderung wurde verkauft",
    "forderung verkauft",
    // French
    "^cedee",
    "cession de creance",
    "cession de la creance",
    "cession dailly",
    "loi dailly",
    "subrogation",
    "subroge",
    "subrogee",
    "affacturage",
    "affactur",
    "^nantie",
    "nantissement",
    "liberatoire",
    // Italian
    "^ceduto",
    "^ceduta",
    "cessione del credito",
    "cessione di credito",
    "cessione crediti",
    "cessionari",
    "pignorat",
    "costituito in pegno",
    "liberatori",
    // Spanish
    "^cedido",
    "^cedida",
    "^cesion de credito",
    "^cesion del credito",
    "^cesion de cobro",
    "cesionari",
    "endosado",
    "endosada",
    "pignorad",
    "factoraje",
    // Portuguese
    "^cessao de credito",
    "^cessao do credito",
    "^cessao de creditos",
    "cessionari",
    "penhorad",
    "empenhad",
    "endossad",
    // Dutch
    "gecedeerd",
    "overgedragen aan",
    "^cessie",
    "verpand",
    "bevrijdend",
    "pandrecht",
    // Polish
    "^cesja",
    "^cesji",
    "^cesje",
    "scedowan",
    "przelew wierzytelnosci",
    "przelewu wierzytelnosci",
    "wierzytelnosc zostala",
    "faktoring",
    "^zastaw",
    // Czech and Slovak
    "postoupen",
    "postupen",
    "cese pohledav",
    "^zastaven",
    // Swedish, Danish, Norwegian
    "overlaten till",
    "overlatits",
    "overdraget til",
    "overdragen till",
    "pantsatt",
    "pantsat",
    "belanad",
    "transporteret til",
    "fordran har salts",
    // Hungarian, Romanian, Finnish, Turkish
    "engedmenyez",
    "faktoral",
    "cesionat",
    "cesiunea",
    "^gajat",
    "siirretty rahoitus",
    "temlik edil",
    "^temlik",
    "faktoring",
    // Chinese, Japanese
    "保理",
    "质押",
    "質押",
    "債權轉讓",
    "债权转让",
    "债权已转让",
    "债权让与",
    "债权已让与",
    "質權",
    "质权",
    "出质",
    "已转让给",
    "已轉讓予",
    "已轉讓給",
    "債権譲渡",
    "譲渡済",
    "ファクタリング",
];

/// Words that often mean something else in a line of goods or services: a person assigned to a task, a room that is let.
const ANYTHING: &[&str] = &[
    "assigned to",
    "have assigned",
    "been assigned",
    "assignment of",
    "^cedido",
    "^cedida",
    "^ceduto",
    "^ceduta",
    "overgedragen aan",
    "overdraget til",
    "subrogation",
    "^zastaw",
    "^zastaven",
    "assignee",
];

/// Words that belong together in a language that puts others between them.
const TOGETHER: &[(&str, &str)] = &[
    ("应收账款", "转让"),
    ("应收账款", "让与"),
    ("应收款", "转让"),
    ("應收賬款", "轉讓"),
    ("應收帳款", "轉讓"),
    ("债权", "转让"),
    ("債權", "轉讓"),
    ("债权", "让与"),
    ("債權", "讓與"),
    ("货款", "转让"),
    ("receivable", "assigned"),
    ("receivable", "transferred to"),
    ("receivable", "sold to"),
    ("invoice", "sold to"),
    ("claim", "transferred to"),
    ("claim", "sold to"),
    ("debt", "sold to"),
    ("forderung", "ubertragen"),
    ("forderung", "uebertragen"),
    ("forderung", "verkauft"),
    ("forderung", "verpfand"),
    ("creance", "^cede"),
    ("creance", "transferee"),
    ("creance", "transmise"),
    ("credito", "trasferit"),
    ("credito", "transferid"),
    ("vordering", "overgedragen"),
    ("vordering", "verkocht"),
    ("wierzytelnosc", "przeniesion"),
    ("wierzytelnosc", "sprzedan"),
    ("pohledavk", "prevedena"),
    ("fordran", "overlat"),
    ("fordring", "overdrag"),
    ("kovetel", "atruhaz"),
];

/// UNTDID 4451 in front of a note: it is about an assignment.
const SUBJECT: &str = "#acc#";

/// Small letters in their plain form, without accents and marks that are not seen, and with one space between words.
fn plain(text: &str) -> String {
    let letters = text.nfkd().filter(|mark| !unicode_normalization::char::is_combining_mark(*mark));
    let seen = letters.filter(|mark| mark.is_whitespace() || !domain::text::is_hidden(*mark)).flat_map(char::to_lowercase);
    let whole: String = seen
        .map(|mark| match mark {
            'ł' => 'l',
            'ø' => 'o',
            'ß' => 's',
            other => other,
        })
        .collect();
    let mut words = whole.split_whitespace();
    let mut joined = words.next().unwrap_or("").to_owned();
    for word in words {
        // Chinese has no spaces; a line that ends in a hyphen goes on in the next.
        let wide = |mark: Option<char>| mark.is_some_and(|mark| u32::from(mark) > 0x2E80);
        if joined.ends_with('-') && joined.len() > 1 && !joined.ends_with(" -") {
            joined.pop();
        } else if !(wide(joined.chars().next_back()) && wide(word.chars().next())) {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    joined
}

/// Whether a text of the document speaks of an assignment. A text of a line must say so clearly.
#[must_use]
pub fn speaks(text: &str, in_line: bool) -> bool {
    if text.is_empty() {
        return false;
    }
    let text = plain(text);
    let together =
        |(first, then): &(&str, &str)| text.find(first).is_some_and(|at| text.get(at..).is_some_and(|rest| has(rest, then)));
    let clear = |word: &&&str| !(in_line && ANYTHING.contains(word));
    text.starts_with(SUBJECT) || CLEAR.iter().filter(clear).any(|word| has(&text, word)) || TOGETHER.iter().any(together)
}

/// Whether a text has a word; behind a caret, only where it begins one.
fn has(text: &str, word: &str) -> bool {
    let Some(word) = word.strip_prefix('^') else { return text.contains(word) };
    let begins = |at: usize| text.get(..at).is_none_or(|before| !before.ends_with(char::is_alphabetic));
    text.match_indices(word).any(|(at, _)| begins(at))
}

/// The first text of a document that speaks of an assignment; empty where there is none. The names and addresses of the two
/// parties are left out, because assignment may be their trade.
pub fn found(root: Node<'_, '_>) -> String {
    for node in root.descendants().filter(Node::is_element) {
        // An attribute may be a text as well: the name of a means of payment, of an attached file.
        let own = if is_content(node) { String::new() } else { xml::own_text(node) };
        if node.tag_name().name() == "SubjectCode" && own.eq_ignore_ascii_case("ACC") {
            return "#ACC#".to_owned();
        }
        let attributes = node.attributes().filter(|attribute| ["name", "filename"].contains(&attribute.name()));
        let texts = std::iter::once(own).chain(attributes.map(|attribute| attribute.value().to_owned()));
        let spoken = |text: &String| has_words(text) && speaks(text, false);
        if let Some(found) = texts.filter(spoken).find(|text| !is_in_line(node) || speaks(text, true))
            && !is_name_of_a_party(node)
        {
            return found;
        }
    }
    String::new()
}

/// Amounts, days and codes say nothing: the shortest of the words has five letters, or is Chinese.
fn has_words(text: &str) -> bool {
    !text.is_ascii() || text.starts_with('#') || text.bytes().filter(u8::is_ascii_alphabetic).nth(4).is_some()
}

fn is_below(node: Node<'_, '_>, names: &[&str]) -> bool {
    node.ancestors().any(|above| names.contains(&above.tag_name().name()))
}

/// A file inside the file.
fn is_content(node: Node<'_, '_>) -> bool {
    ["EmbeddedDocumentBinaryObject", "AttachmentBinaryObject"].contains(&node.tag_name().name())
}

fn is_in_line(node: Node<'_, '_>) -> bool {
    is_below(node, &["InvoiceLine", "CreditNoteLine", "IncludedSupplyChainTradeLineItem"])
}

fn is_name_of_a_party(node: Node<'_, '_>) -> bool {
    const PARTIES: &[&str] = &[
        "AccountingSupplierParty",
        "AccountingCustomerParty",
        "SellerTradeParty",
        "BuyerTradeParty",
        "DeliveryParty",
        "ShipToTradeParty",
    ];
    const NAMES: &[&str] = &[
        "Name",
        "RegistrationName",
        "TradingBusinessName",
        "PersonName",
        "DepartmentName",
        "ElectronicMail",
        "URIID",
        "EndpointID",
        "StreetName",
        "AdditionalStreetName",
        "LineOne",
        "LineTwo",
        "LineThree",
        "CityName",
        "Line",
    ];
    NAMES.contains(&node.tag_name().name()) && is_below(node, PARTIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_recognised_in_the_words_that_people_use() {
        for note in [
            "本应收账款已转让给某某保理公司",
            "该应收账款已质押",
            "本发票项下 债权 已 转让 予某银行",
            "Zahlung mit schuldbefreiender Wirkung nur an Bank X",
            "Wir haben die Forderung abgetreten.",
            "Die Forderung wurde an die X Bank übertragen",
            "Sämtliche Forderungen sind abge-\ntreten",
            "This invoice has been assigned to Fast Factors Ltd",
            "The receivable was sold to Bank X",
            "pledged to the bank",
            "PLEDGED TO THE BANK",
            "ｐｌｅｄｇｅｄ to the bank",
            "ple\u{AD}dged to the bank",
            "Créance cédée à",
            "CREANCE CEDEE A X",
            "Cre\u{301}ance ce\u{301}de\u{301}e a\u{300}",
            "Règlement libératoire auprès de X, subrogée dans nos droits",
            "Credito ceduto a",
            "Crédito cedido a",
            "Cesión del crédito a favor de",
            "Cessão de créditos ao Banco X",
            "Vordering verpand aan",
            "Wierzytelność została scedowana na bank",
            "Pohledávka byla postoupena bance",
            "Fordran har överlåtits till X Finans",
            "Fordringen er overdraget til X Finans",
            "#ACC#see letter",
        ] {
            assert!(speaks(note, false), "{note}");
        }
        for note in [
            "Payable within 30 days",
            "Zahlbar ohne Abzug",
            "请在三十天内付款",
            "Consignment 7",
            "应收账款对账单",
            "Payez sous 30 jours, sans escompte",
            "Przelew 14 dni",
            "Pagamento a 30 dias",
            "Descuento concedido por pronto pago",
            "Facture précédée d'un acompte",
            "Numer koncesji 17",
        ] {
            assert!(!speaks(note, false), "{note}");
        }
        assert!(!speaks("Engineer assigned to project 7", true) && speaks("The receivable is assigned to X", true));
        assert!(speaks("Abtretung an die X Bank", true));
    }
}
