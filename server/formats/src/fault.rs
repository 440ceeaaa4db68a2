//! Why a file cannot be read. Every fault has a stable code and its arguments; the sentences are texts of the reader's language.

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident $({ $($field:ident: $kind:ty),+ $(,)? })? => $code:literal,)+) => {
        /// A file is not what it should be.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum FormatFault { $($(#[$doc])* $variant $({ $($field: $kind),+ })?,)+ }

        impl FormatFault {
            /// All codes, for the test that wants a sentence in each language for each.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            #[must_use]
            pub fn code(&self) -> &'static str {
                match self { $(Self::$variant $({ $($field: _),+ })? => $code,)+ }
            }

            /// The arguments of the sentence: name and value.
            #[must_use]
            pub fn arguments(&self) -> Vec<(&'static str, String)> {
                match self { $(Self::$variant $({ $($field),+ })? => vec![$($((stringify!($field), $field.to_string())),+)?],)+ }
            }
        }
    };
}

faults! {
    // Any file
    /// Nothing that Kontor reads begins like this.
    UnknownKind => "unknown_kind",
    EmptyFile => "empty_file",
    TooLarge { megabytes: usize } => "too_large",
    /// The bytes are not in the encoding that the file names, or in none that is known.
    Encoding { encoding: String } => "encoding",
    // XML
    NotXml { line: u32, column: u32 } => "not_xml",
    /// A document type may name entities and other files: never followed, always refused.
    DocumentType => "document_type",
    TooManyNodes => "too_many_nodes",
    /// Attributes and namespace declarations of one element.
    TooManyAttributes { line: u32, most: usize } => "too_many_attributes",
    /// Namespace declarations from the root to an element, or different ones in the file.
    TooManyNamespaces { line: u32, most: usize } => "too_many_namespaces",
    /// Elements inside each other.
    TooDeep { line: u32, most: usize } => "too_deep",
    NameTooLong { line: u32, most: usize } => "name_too_long",
    /// Well-formed, but another document.
    WrongKind { element: String } => "wrong_kind",
    /// A report on payments in one zip with statements.
    ReportBesideStatements => "report_beside_statements",
    /// A report within the day (camt.052): nothing of it is final.
    IntradayReport { message: String } => "intraday_report",
    ForeignElement { element: String, line: u32 } => "foreign_element",
    Missing { element: String, line: u32 } => "missing",
    Repeated { element: String, line: u32 } => "repeated",
    Invalid { element: String, line: u32, text: String } => "invalid",
    /// An amount in another currency than the document's.
    CurrencyMixed { element: String, line: u32, text: String } => "currency_mixed",
    // What an invoice says
    /// A rule is broken; the rule's own text follows.
    Rule { rule: &'static str, line: u32 } => "rule",
    // PDF
    PdfBroken => "pdf_broken",
    PdfEncrypted => "pdf_encrypted",
    PdfTooMuch => "pdf_too_much",
    PdfWithoutInvoice => "pdf_without_invoice",
    /// Two embedded invoices: a program must not guess which one is meant.
    PdfTwoInvoices { names: String } => "pdf_two_invoices",
    // Archives
    ZipBroken => "zip_broken",
    ZipTwice => "zip_twice",
    ZipEncrypted { name: String } => "zip_encrypted",
    ZipTooMany { most: usize } => "zip_too_many",
    ZipTooMuch { megabytes: usize } => "zip_too_much",
    ZipNested { name: String } => "zip_nested",
    /// A name that leads out of a folder.
    ZipName { name: String } => "zip_name",
    ZipEmpty => "zip_empty",
    OfdWithoutInvoice => "ofd_without_invoice",
    // CSV
    CsvNul { line: u32 } => "csv_nul",
    CsvQuote { line: u32 } => "csv_quote",
    CsvWidth { line: u32, cells: usize, columns: usize } => "csv_width",
    /// The columns that the heading lacks, those that every table of the kind needs, and the others that it may have.
    CsvColumnMissing { column: String, needed: String, others: String } => "csv_column_missing",
    CsvColumnUnknown { column: String } => "csv_column_unknown",
    CsvColumnRepeated { column: String } => "csv_column_repeated",
    CsvCellMissing { line: u32, column: String } => "csv_cell_missing",
    CsvCell { line: u32, column: String, text: String } => "csv_cell",
    /// An invisible character, or one that turns the direction of writing.
    CsvHidden { line: u32, column: String, mark: String } => "csv_hidden",
    /// A long number that a sheet has shortened.
    CsvScientific { line: u32, column: String, text: String } => "csv_scientific",
    CsvDueBeforeIssue { line: u32, column: String, text: String, issued: String } => "csv_due_before_issue",
    /// The row's amounts do not lead to the payable amount.
    CsvTotals { line: u32, column: String, text: String } => "csv_totals",
    CsvRepeated { line: u32, earlier: u32 } => "csv_repeated",
    CsvTooMany { most: usize } => "csv_too_many",
    CsvWithoutRows => "csv_without_rows",
    // Bank files
    StatementBroken { statement: String, opening: String, moved: String, closing: String, difference: String } => "statement_broken",
    NotWritable { element: String } => "not_writable",
}

impl std::fmt::Display for FormatFault {
    /// For logs and tests: the code and its arguments. People get the text of their language.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())?;
        self.arguments().iter().try_for_each(|(name, value)| write!(f, " {name}={value:?}"))
    }
}

impl std::error::Error for FormatFault {}

/// The most characters of a file's text that are shown back.
const SHOWN: usize = 60;

/// A piece of the file, short and without control characters, for a fault's arguments.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().filter(|mark| !mark.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_arguments_named() {
        let mut codes = FormatFault::CODES.to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), FormatFault::CODES.len());
        let fault = FormatFault::Missing { element: "ID".to_owned(), line: 3 };
        assert_eq!(fault.to_string(), r#"missing element="ID" line="3""#);
        assert_eq!(shown("a\u{0}b\n"), "ab");
    }
}
