//! The cost of a hostile file grows with its size and not faster. Files of N and of 2N show the computing, a table of commas
//! shows the memory. The test is a process of its own, so that only its own memory is counted.

use formats::limits::Limits;
use formats::read::Read;

/// Nanoseconds that this thread has computed.
fn computed() -> u64 {
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    account.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The columns that a table of invoices needs.
const HEADING: &str = "number,issue_date,currency,seller_tax_id,buyer_tax_id,total,payable";
const SPACE: &str = "urn:oasis:names:specification:ubl:schema:xsd";

/// An invoice with `count` of these pieces under its root.
fn ubl(piece: impl Fn(usize) -> String, count: usize) -> Vec<u8> {
    let spaces = format!(
        "xmlns='{SPACE}:Invoice-2' xmlns:c='{SPACE}:CommonAggregateComponents-2' xmlns:b='{SPACE}:CommonBasicComponents-2'"
    );
    let head = "<b:DocumentCurrencyCode>EUR</b:DocumentCurrencyCode>";
    format!("<Invoice {spaces}>{head}{}</Invoice>", (0..count).map(piece).collect::<String>()).into_bytes()
}

fn camt(piece: &str, count: usize) -> Vec<u8> {
    let head = "<GrpHdr><MsgId>1</MsgId></GrpHdr><Ntfctn><Id>1</Id><Acct><Id><IBAN>DE1</IBAN></Id></Acct>";
    let entry = "<Ntry><Amt Ccy='EUR'>1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-01</Dt></BookgDt>";
    let body = format!("<BkToCstmrDbtCdtNtfctn>{head}{entry}{}</Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn>", piece.repeat(count));
    format!("<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.054.001.08'>{body}</Document>").into_bytes()
}

fn read_and_check(content: &[u8]) {
    if let Ok(Read::Invoice(invoice)) = formats::read(content, &Limits::default()) {
        let _ = formats::rules::check(&invoice).len();
    }
}

type Work = (&'static str, fn(usize) -> Vec<u8>, fn(&[u8]), usize);

/// Files of N and of 2N, and the function that reads them. Each was quadratic once, or could be.
const WORKS: &[Work] = &[
    ("attributes", |n| format!("<a {}/>", many(|at| format!("k{at}='' "), n)).into_bytes(), read_and_check, 40_000),
    (
        "namespaces of one tag",
        |n| format!("<a {}/>", many(|at| format!("xmlns:k{at}='{at}' "), n)).into_bytes(),
        read_and_check,
        40_000,
    ),
    (
        "namespaces on the path",
        |n| format!("<a>{}", many(|at| format!("<a xmlns:k{at}='{at}'>"), n)).into_bytes(),
        read_and_check,
        40_000,
    ),
    ("namespaces of children", |n| with_children("<a xmlns:q='q'/>", n), read_and_check, 15_000),
    ("lines in one line", |n| ubl(|_| "<c:InvoiceLine/>".to_owned(), n), read_and_check, 20_000),
    ("lines in many lines", |n| ubl(|_| "<c:InvoiceLine/>\n".to_owned(), n), read_and_check, 20_000),
    ("groups", |n| ubl(group, n), read_and_check, 4_000),
    ("codes", |n| ubl(|at| format!("<c:X><b:XAmount currencyID='EUR{at}'>1</b:XAmount></c:X>"), n), codes_only, 10_000),
    (
        "reasons",
        |n| ubl_in("c:AllowanceCharge", "<b:AllowanceChargeReasonCode>x</b:AllowanceChargeReasonCode>", n),
        read_and_check,
        15_000,
    ),
    ("references", |n| ubl_in("c:AdditionalDocumentReference", "<b:ID schemeID='x'>1</b:ID>", n), read_and_check, 15_000),
    ("entry details", |n| camt("<NtryDtls><TxDtls/></NtryDtls>", n), |bytes| drop(formats::camt::parse(bytes)), 10_000),
    ("depth", |n| "<a>".repeat(n).into_bytes(), read_and_check, 100_000),
    ("a long name", |n| format!("<{}/>", "n".repeat(n)).into_bytes(), read_and_check, 1_000_000),
    ("commas", |n| vec![b','; n], read_and_check, 1_000_000),
    ("columns", |n| format!("{}\n", many(|at| format!("c{at},"), n)).into_bytes(), read_and_check, 100_000),
    ("cells beyond the heading", |n| format!("{HEADING}\n1{}", ",".repeat(n)).into_bytes(), read_and_check, 1_000_000),
    ("quotation marks", |n| format!("{HEADING}\n\"{}\"", "\"\"".repeat(n)).into_bytes(), read_and_check, 500_000),
    ("rows asked for", table, |bytes| drop(formats::view::rows_of(bytes, &numbers(bytes))), 9_000),
];

fn many(piece: impl Fn(usize) -> String, count: usize) -> String {
    (0..count).map(piece).collect()
}

fn with_children(child: &str, count: usize) -> Vec<u8> {
    format!("<r {}>{}</r>", many(|at| format!("xmlns:k{at}='{at}' "), 60), child.repeat(count)).into_bytes()
}

fn ubl_in(parent: &str, piece: &str, count: usize) -> Vec<u8> {
    ubl(|_| format!("<{parent}>{}</{parent}>", piece.repeat(count)), 1)
}

/// A line, and a group of the breakdown at a rate of its own.
fn group(at: usize) -> String {
    let scheme = "<c:TaxScheme><b:ID>VAT</b:ID></c:TaxScheme>";
    let category = format!("<b:ID>S</b:ID><b:Percent>{at}.5</b:Percent>{scheme}");
    format!(
        "<c:TaxTotal><c:TaxSubtotal><b:TaxableAmount>1</b:TaxableAmount><b:TaxAmount>1</b:TaxAmount><c:TaxCategory>{category}</c:TaxCategory>\
         </c:TaxSubtotal></c:TaxTotal><c:InvoiceLine><b:LineExtensionAmount>1</b:LineExtensionAmount><c:Item><c:ClassifiedTaxCategory>\
         {category}</c:ClassifiedTaxCategory></c:Item></c:InvoiceLine>"
    )
}

fn codes_only(content: &[u8]) {
    // Other currencies than the document's are refused, after the codes were gathered.
    let free = String::from_utf8_lossy(content).replace("<b:DocumentCurrencyCode>EUR</b:DocumentCurrencyCode>", "");
    read_and_check(free.as_bytes());
}

fn table(rows: usize) -> Vec<u8> {
    format!("{HEADING}\n{}", many(|at| format!("A-{at},1\n"), rows)).into_bytes()
}

fn numbers(table: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(table).lines().skip(1).filter_map(|line| Some(line.split_once(',')?.0.to_owned())).collect()
}

/// A file of twice the size costs about twice the computing; with a square it would be four times. The test compares the time
/// that this thread computed, the least of several rounds, so that a busy machine changes nothing.
#[test]
fn twice_the_file_costs_no_more_than_about_twice() {
    let once = |work: fn(&[u8]), content: &[u8]| {
        let begun = computed();
        work(content);
        computed().saturating_sub(begun)
    };
    let mut wrong = Vec::new();
    for (name, make, work, size) in WORKS {
        let (single, double) = (make(*size), make(size * 2));
        let mut least = (u64::MAX, u64::MAX);
        for round in 0..12 {
            least = (least.0.min(once(*work, &single)), least.1.min(once(*work, &double)));
            // A file that is refused at once costs nothing to compare.
            if round >= 2 && (least.1 < 3 * least.0 || least.1 < 20_000_000) {
                break;
            }
        }
        println!("{name}: {} µs and {} µs", least.0 / 1_000, least.1 / 1_000);
        if least.1 > 3 * least.0 && least.1 >= 20_000_000 {
            wrong.push(format!("{name}: {} µs and {} µs", least.0 / 1_000, least.1 / 1_000));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    commas_cost_little_memory();
}

/// Ten megabytes of commas, as cells of the heading and beyond it: less than three times their size beside the file itself.
fn commas_cost_little_memory() {
    let commas = b",".repeat(10_000_000);
    let beyond = [HEADING.as_bytes(), b"\nA", &commas].concat();
    for content in [&commas, &beyond] {
        // Sets the mark back to the memory that is held now.
        if std::fs::write("/proc/self/clear_refs", "5").is_err() {
            println!("left out: the mark cannot be set back");
            return;
        }
        let before = peak_kilobytes();
        let _ = formats::read(content, &Limits::default());
        let more = peak_kilobytes().saturating_sub(before);
        assert!(more < 30_000, "{more} kB");
    }
}

/// The most memory that this process has held since the mark was set back, in kB.
fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.split_whitespace().next());
    peak.and_then(|number| number.parse().ok()).unwrap_or(0)
}
