//! Public reports of other systems' faults, each by its input file (`data/reports`): the readers read the meaning of the file.

use crate::collection::folder;
use crate::invoice::InvoiceFile;
use crate::limits::Limits;
use crate::read::Read;

fn input(name: &str) -> Option<InvoiceFile> {
    let bytes = std::fs::read(format!("{}/reports/inputs/{name}", folder()?)).unwrap();
    match crate::read(&bytes, &Limits::default()) {
        Ok(Read::Invoice(file) | Read::Hybrid(file)) => Some(*file),
        other => panic!("{name}: {other:?}"),
    }
}

fn day(text: &str) -> Option<chrono::NaiveDate> {
    Some(text.parse().unwrap())
}

/// C1: the terms of a discount come first; the net amount is due later.
#[test]
fn the_day_of_a_discount_is_no_due_date() {
    let Some(file) = input("c1_skonto_first.xml") else { return };
    assert_eq!((file.due_date, file.instalments.len()), (day("2027-01-28"), 0));
    let text = std::fs::read_to_string(format!("{}/reports/inputs/c1_skonto_first.xml", folder().unwrap())).unwrap();
    let read = |text: &str| crate::read::read_xml(text.as_bytes()).unwrap();
    let view = crate::view::read(text.as_bytes()).unwrap();
    let shown = |label: &str| view.head.iter().find(|(name, _)| *name == label).unwrap().1.clone();
    assert!(shown("terms").contains("Skonto") && shown("terms").contains("ohne Abzug"), "{view:?}");
    assert!(shown("due").contains("2027-01-28"), "{view:?}");
    // Two net days are instalments: the last counts, and a person looks.
    let begin = text.find("<ram:ApplicableTradePaymentDiscountTerms>").unwrap();
    let end = text.find("</ram:ApplicableTradePaymentDiscountTerms>").unwrap();
    let discount = &text[begin..end + "</ram:ApplicableTradePaymentDiscountTerms>".len()];
    let parts = read(&text.replace(discount, "<ram:PartialPaymentAmount>400.00</ram:PartialPaymentAmount>"));
    assert_eq!((parts.due_date, parts.instalments.len()), (day("2027-01-28"), 2));
    assert_eq!(parts.instalments[0].amount, Some(rust_decimal::Decimal::from(400)));
    // A discount of nothing is none; one with a time of its own leaves the due date to the net amount.
    let nothing = text.replace("<ram:CalculationPercent>3.0<", "<ram:CalculationPercent>0<");
    assert_eq!(read(&nothing).instalments.len(), 2);
    let only = |discount: &str| {
        let (first, second) =
            (text.find("<ram:SpecifiedTradePaymentTerms>").unwrap(), text.find("<ram:SpecifiedTradeSettlementHeader").unwrap());
        let due = "<ram:DueDateDateTime><udt:DateTimeString format=\"102\">20270128</udt:DateTimeString></ram:DueDateDateTime>";
        let terms = format!(
            "<ram:SpecifiedTradePaymentTerms>{due}<ram:ApplicableTradePaymentDiscountTerms>{discount}</ram:ApplicableTradePaymentDiscountTerms></ram:SpecifiedTradePaymentTerms>"
        );
        read(&format!("{}{terms}{}", &text[..first], &text[second..])).due_date
    };
    let from = "<ram:BasisDateTime><udt:DateTimeString format=\"102\">20261120</udt:DateTimeString></ram:BasisDateTime>";
    assert_eq!(only("<ram:CalculationPercent>3</ram:CalculationPercent>"), None);
    assert_eq!(only(&format!("{from}<ram:BasisPeriodMeasure unitCode=\"DAY\">14</ram:BasisPeriodMeasure>")), day("2027-01-28"));
    assert_eq!(only(&format!("{from}<ram:BasisPeriodMeasure unitCode=\"DAY\">69</ram:BasisPeriodMeasure>")), None);
}

/// UBL states one due date, and may list parts with a day of their own.
#[test]
fn instalments_of_ubl_are_read_as_such() {
    let Some(plain) = folder().map(|data| std::fs::read_to_string(format!("{data}/reports/inputs/c5_18_2026.xml")).unwrap())
    else {
        return;
    };
    let with = |terms: &str| {
        let text = plain.replacen("<cac:TaxTotal>", &format!("{terms}<cac:TaxTotal>"), 1);
        crate::read::read_xml(text.as_bytes()).unwrap()
    };
    let stated = with("").due_date;
    assert!(stated.is_some());
    let part = |day: &str, more: &str| {
        format!("<cac:PaymentTerms>{more}<cbc:InstallmentDueDate>{day}</cbc:InstallmentDueDate></cac:PaymentTerms>")
    };
    let means = |day: &str| {
        format!(
            "<cac:PaymentMeans><cbc:PaymentMeansCode>58</cbc:PaymentMeansCode><cbc:PaymentDueDate>{day}</cbc:PaymentDueDate></cac:PaymentMeans>"
        )
    };
    let last = stated.unwrap() + chrono::Days::new(30);
    let both = with(&format!("{}{}", part(&stated.unwrap().to_string(), ""), part(&last.to_string(), "")));
    assert_eq!((both.due_date, both.instalments.len()), (Some(last), 2));
    let discount = with(&part("2026-12-01", "<cbc:SettlementDiscountPercent>2</cbc:SettlementDiscountPercent>"));
    assert_eq!((discount.due_date, discount.instalments.len()), (stated, 0));
    assert_eq!(with(&means("2026-12-05")).due_date, stated, "the invoice's own due date counts");
    assert_eq!(with(&format!("{}{}", means("2026-12-05"), means(&last.to_string()))).instalments.len(), 2);
}

/// C5: the day of the invoice that a credit note names is read in both syntaxes.
#[test]
fn the_day_of_a_named_invoice_is_read() {
    let Some(file) = input("c5_credit_2025.xml") else { return };
    assert_eq!(file.preceding.len(), 1);
    assert_eq!((file.preceding[0].number.as_str(), file.preceding[0].issue_date), ("18/BH", day("2025-11-21")));
    let twice = input("c4b_credit_same_twice.xml").unwrap();
    assert_eq!((twice.preceding.len(), twice.named_invoices().len()), (2, 1));
    let cii = std::fs::read_to_string(format!("{}/reports/inputs/c1_skonto_first.xml", folder().unwrap())).unwrap();
    let named = "<ram:InvoiceReferencedDocument><ram:IssuerAssignedID>A-1</ram:IssuerAssignedID><ram:FormattedIssueDateTime>\
                 <qdt:DateTimeString xmlns:qdt=\"urn:un:unece:uncefact:data:standard:QualifiedDataType:100\" format=\"102\">20251121</qdt:DateTimeString>\
                 </ram:FormattedIssueDateTime></ram:InvoiceReferencedDocument></ram:ApplicableHeaderTradeSettlement>";
    let read = crate::read::read_xml(cii.replace("</ram:ApplicableHeaderTradeSettlement>", named).as_bytes()).unwrap();
    assert_eq!((read.preceding[0].number.as_str(), read.preceding[0].issue_date), ("A-1", day("2025-11-21")));
}

/// C12, C12H2: an assignment may stand in any text.
#[test]
fn an_assignment_in_any_text_is_seen() {
    for name in ["c12_terms.xml", "c12e_terms.xml", "c12h2_means.xml", "c12c_payee.xml"] {
        let Some(file) = input(name) else { return };
        assert!(file.assigned_elsewhere() && file.taken().assigned_elsewhere(), "{name}");
    }
    for name in ["c1_skonto_first.xml", "c5_18_2026.xml", "c8_neg.xml"] {
        assert!(!input(name).unwrap().assigned_elsewhere(), "{name}");
    }
    // CII gives the subject of a note beside it, UBL in front of it.
    let cii = std::fs::read_to_string(format!("{}/reports/inputs/c1_skonto_first.xml", folder().unwrap())).unwrap();
    let noted = |subject: &str| {
        let note = format!(
            "<ram:IncludedNote><ram:Content>x</ram:Content><ram:SubjectCode>{subject}</ram:SubjectCode></ram:IncludedNote></rsm:ExchangedDocument>"
        );
        crate::read::read_xml(cii.replace("</rsm:ExchangedDocument>", &note).as_bytes()).unwrap()
    };
    assert!(noted("ACC").assigned_elsewhere() && !noted("AAI").assigned_elsewhere());
    // A company whose name is of this trade is no assignment, a sentence among its legal data is one.
    let text = std::fs::read_to_string(format!("{}/reports/inputs/c12h2_means.xml", folder().unwrap())).unwrap();
    assert!(text.matches("<cbc:PaymentMeansCode").count() == 1);
    let plain = std::fs::read_to_string(format!("{}/reports/inputs/c5_18_2026.xml", folder().unwrap())).unwrap();
    let read = |text: String| crate::read::read_xml(text.as_bytes()).unwrap();
    assert!(!read(plain.replace("Hansewerk Maschinenbau AG", "Hansewerk Factoring AG")).assigned_elsewhere());
    let legal = "<cbc:CompanyLegalForm>Alle Forderungen sind abgetreten an X</cbc:CompanyLegalForm></cac:PartyLegalEntity>";
    assert!(read(plain.replacen("</cac:PartyLegalEntity>", legal, 1)).assigned_elsewhere());
}

/// C2: an update replaces the catalog and its attachment; the old one still lies in the file and is no part of the document.
#[test]
fn of_an_updated_pdf_the_newest_catalog_counts() {
    let Some(updated) = input("c2_pdf_updated.pdf") else { return };
    let control = input("c2_control.pdf").unwrap();
    assert_eq!(
        (updated.number.as_str(), updated.totals.payable.map(|sum| sum.to_string()).as_deref()),
        ("BH-C2-NEW", Some("1487.50"))
    );
    assert_eq!(control.number, "BH-C2C");
}

fn table(text: impl AsRef<[u8]>) -> crate::csv::Table {
    crate::csv::read(text.as_ref()).unwrap()
}

/// D1, D2, D3: marks that Excel and old programs add around a table are no part of it.
#[test]
fn tables_of_excel_and_old_programs_are_read() {
    use crate::csv::Table;
    let Some(data) = folder() else { return };
    for name in ["d1_sep.csv", "d2_trailing.csv", "d3_cr.csv"] {
        let Table::Invoices(rows) = table(std::fs::read(format!("{data}/reports/inputs/{name}")).unwrap()) else {
            panic!("{name}")
        };
        assert_eq!(rows.len(), 1, "{name}");
    }
    let Table::Faulty(faults) = table(std::fs::read(format!("{data}/reports/inputs/d4_scientific.csv")).unwrap()) else {
        panic!()
    };
    let told: Vec<&str> = faults.told.iter().map(crate::FormatFault::code).collect();
    assert_eq!(told, ["csv_scientific"], "{faults:?}");
}

/// C3: an envelope of Peppol is refused by its name.
#[test]
fn c3_an_envelope_is_refused_by_its_name() {
    let Some(data) = folder() else { return };
    let bytes = std::fs::read(format!("{data}/reports/inputs/c3_sbdh.xml")).unwrap();
    let refused = crate::read(&bytes, &Limits::default()).unwrap_err();
    assert!(
        matches!(&refused, crate::FormatFault::WrongKind { element } if element == "StandardBusinessDocument"),
        "{refused:?}"
    );
}

/// C8: the tax of a negative group is rounded half away from zero, and breaks no rule.
#[test]
fn c8_a_negative_group_of_tax_breaks_no_rule() {
    let Some(file) = input("c8_neg.xml") else { return };
    crate::rules::accept(&file).unwrap();
    let sum = |file: &InvoiceFile| file.totals.payable.map(|sum| sum.to_string());
    assert_eq!(sum(&file).as_deref(), Some("10317.41"));
    // A cent more than the rule lets pass is refused.
    let text = std::fs::read_to_string(format!("{}/reports/inputs/c8_neg.xml", folder().unwrap())).unwrap();
    let far = text.replace("-61.09", "-63.09").replace("638.91", "636.91").replace("10317.41", "10315.41");
    let far = crate::read::read_xml(far.as_bytes()).unwrap();
    let refused = crate::rules::accept(&far).unwrap_err();
    assert!(format!("{refused:?}").contains("CO-17"), "{refused:?}");
}

/// C9, C10: the invoice in a PDF in UTF-16 or behind a byte order mark, and the one invoice among several attachments.
#[test]
fn c9_c10_the_invoice_of_a_pdf_is_found_however_it_lies_there() {
    for (name, number, payable) in
        [("c9_utf16.pdf", "BH-C9A", "1082.90"), ("c9_bom.pdf", "BH-C9B", "1094.80"), ("c10_several.pdf", "BH-C10", "1201.90")]
    {
        let Some(file) = input(name) else { return };
        let sum = file.totals.payable.map(|sum| sum.to_string());
        assert_eq!((file.number.as_str(), sum.as_deref()), (number, Some(payable)), "{name}");
        crate::rules::accept(&file).unwrap();
    }
}

/// X1, X2, X3: a comment within a value, a credit note's own root, and another invoice in an attachment.
#[test]
fn x1_x2_x3_the_invoice_itself_is_read() {
    use crate::invoice::Syntax::{UblCreditNote, UblInvoice};
    for (name, number, syntax, payable) in [
        ("x1_comment.xml", "BH-X1", UblInvoice, "3213.00"),
        ("x2_credit.xml", "BH-X2-CN", UblCreditNote, "11.90"),
        ("x3_nested.xml", "BH-X3", UblInvoice, "3248.70"),
    ] {
        let Some(file) = input(name) else { return };
        let sum = file.totals.payable.map(|sum| sum.to_string());
        assert_eq!((file.number.as_str(), file.syntax, sum.as_deref()), (number, syntax, Some(payable)), "{name}");
        crate::rules::accept(&file).unwrap();
    }
}

/// D8: the headings of a table are found in any case.
#[test]
fn d8_headings_are_found_in_any_case() {
    let Some(data) = folder() else { return };
    let crate::csv::Table::Invoices(rows) = table(std::fs::read(format!("{data}/reports/inputs/d8.csv")).unwrap()) else {
        panic!("no table of invoices")
    };
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    let file = &row.invoice;
    let sum = file.totals.payable.map(|sum| sum.to_string());
    assert_eq!((file.number.as_str(), file.issue_date, file.currency.as_str()), ("UC-1", day("2026-11-20"), "EUR"));
    assert_eq!((file.buyer.tax_id.as_str(), sum.as_deref()), ("DE811569869", Some("1190.00")));
}

/// F1: quotes, tags, Arabic and long Chinese names are read as they are meant, once.
#[test]
fn f1_odd_names_are_read_as_they_are_meant() {
    let long = format!("江海 {}", "长".repeat(190));
    for (name, seller, number) in [
        ("f1_bhfa3241.xml", "شركة الخليج للتجارة", "N'241/\"1\"&"),
        ("f1_bh31181b.xml", long.as_str(), "N'81b/\"1\"&"),
        ("f1_bh5bb11b.xml", "Ödegaard Marine AS", "N'11b/\"1\"&"),
        ("f1_bh126e21.xml", "L'Éclair O'Neill & \"Fils\" <SARL>", "N'e21/\"1\"&"),
    ] {
        let Some(file) = input(name) else { return };
        assert_eq!((file.seller.name.as_str(), file.number.as_str()), (seller, number), "{name}");
        crate::rules::accept(&file).unwrap();
    }
}
