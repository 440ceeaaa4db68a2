//! Every hostile, broken or foreign file of the collection is refused or read right, each within a second. All of them together
//! stay within the memory that one is allowed. The test is a process of its own, so that only its own memory is counted.

#[path = "../src/collection.rs"]
mod collection;

use collection::{Table, folder};
use formats::limits::Limits;
use formats::read::Read;
use std::time::{Duration, Instant};

/// Files to be refused by kind, with the fault of the refusal. Kinds not named here may be refused in any way.
const NAMED: &[(&str, &str)] = &[
    ("einvoice/mutants/billion_laughs.xml", "document_type"),
    ("einvoice/mutants/deep_nesting_20000.xml", "too_deep"),
    ("einvoice/mutants/latin1_declared_utf8_bytes.xml", "encoding"),
    ("einvoice/mutants/truncated_half.xml", "not_xml"),
    ("einvoice/mutants-pdf/attachment_bomb_20MB.pdf", "pdf_too_much"),
    ("einvoice/mutants-pdf/attachment_not_xml.pdf", "not_xml"),
    ("einvoice/mutants-pdf/attachment_xxe.pdf", "document_type"),
    ("einvoice/mutants-pdf/no_attachment.pdf", "pdf_without_invoice"),
    ("einvoice/mutants-pdf/truncated.pdf", "pdf_broken"),
    ("einvoice/mutants-pdf/two_different_invoices.pdf", "pdf_two_invoices"),
    ("einvoice/china-ofd/helloworld.ofd", "ofd_without_invoice"),
    ("einvoice/zugferd-corpus-other/factur-x-invalid-xml-encoding-attribute.pdf", "encoding"),
    ("einvoice/zugferd-corpus-other/ZUGFeRD_1p0_COMFORT_Einfach.pdf", "wrong_kind"),
    ("einvoice/zugferd-corpus-other/MustangRE-20171118_506_ZUGFeRD1and2.pdf", "pdf_two_invoices"),
    ("attack/pdf-pdfjs/empty_protected.pdf", "pdf_encrypted"),
    ("attack/zip/bomb_20MB.zip", "zip_too_much"),
    ("attack/zip/many_entries.zip", "zip_too_many"),
    ("attack/zip/nested_zip.zip", "zip_nested"),
    ("attack/zip/traversal.zip", "zip_name"),
    // A link to a file of the machine is a short text to this reader.
    ("attack/zip/etc_passwd.zip", "archive"),
    ("attack/zip/traditional-encryption.zip", "zip_encrypted"),
    ("attack/csv/nul_and_long_field.csv", "csv_nul"),
    ("attack/csv/semicolon_decimal_comma.csv", "encoding"),
    ("attack/csv/utf16.csv", "unknown_kind"),
];

/// Five megabytes, the most that can be uploaded, of the smallest elements there are.
fn largest_of_nothing_but_elements() {
    let space = "urn:oasis:names:specification:ubl:schema:xsd";
    let head = format!("<u:Invoice xmlns:u='{space}:Invoice-2' xmlns='{space}:CommonBasicComponents-2'>");
    // A program that was built for debugging is several times slower than the one that people meet.
    let most = Duration::from_secs(if cfg!(debug_assertions) { 8 } else { 1 });
    for piece in ["<a/>", "<Note/>", "<a b='' c=''/>", "a<a/>"] {
        let file = format!("{head}{}</u:Invoice>", piece.repeat(5 * 1024 * 1024 / piece.len() - 40));
        let started = Instant::now();
        let outcome = formats::read(file.as_bytes(), &Limits::default());
        assert!(started.elapsed() < most, "{piece} {:?}", started.elapsed());
        assert!(outcome.is_ok() || outcome == Err(formats::FormatFault::TooManyNodes), "{piece}");
    }
}

/// ASVS 1.5.1, 5.2.1, 5.2.3, 5.3.3: external entities, bombs and names that lead out of an archive.
#[test]
fn every_hostile_file_is_refused_or_read_right_in_time_and_memory() {
    let Some(data) = folder() else { return };
    let table = Table::load(&format!("{data}/manifest.csv"));
    let foreign =
        ["not-wellformed", "other-xml", "empty", "json", "pdf", "pdf+other-xml", "pdf+cii-invoice", "ofd", "ubl-invoice"];
    let (mut seen, mut named, mut wrong, mut slowest) = (0, 0, Vec::new(), Duration::ZERO);
    for row in table.rows() {
        let (file, kind, expect) = (row.get("file"), row.get("kind"), row.get("expect"));
        if !kind.starts_with("attack-") && !foreign.contains(&kind) {
            continue;
        }
        let bytes = std::fs::read(format!("{data}/{file}")).unwrap();
        let started = Instant::now();
        let outcome = formats::read(&bytes, &Limits::default());
        let taken = started.elapsed();
        slowest = slowest.max(taken);
        seen += 1;
        if taken > Duration::from_secs(1) {
            wrong.push(format!("{file}: {taken:?}"));
        }
        let got = match &outcome {
            Ok(Read::FaultyTable(_)) | Err(_) => outcome.as_ref().err().map_or("faulty table", |fault| fault.code()),
            Ok(Read::Archive(_)) => "archive",
            Ok(_) => "read",
        };
        if let Some((_, code)) = NAMED.iter().find(|(name, _)| *name == file) {
            named += 1;
            if got != *code {
                wrong.push(format!("{file}: {got}, expected {code}"));
            }
        } else if got == "read"
            && (kind.starts_with("attack-") || expect.starts_with("reject-malformed") || expect == "reject-unsupported")
        {
            wrong.push(format!("{file}: read"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 400 && named == NAMED.len(), "{seen} {named} {slowest:?}");
    largest_of_nothing_but_elements();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.split_whitespace().next());
    let peak_kilobytes: u64 = peak.and_then(|number| number.parse().ok()).unwrap_or(0);
    assert!(peak_kilobytes < 100_000, "{peak_kilobytes} kB");
}
