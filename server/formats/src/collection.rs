//! The shared collection of real files, for the tests: its folder, and the results that its manifest expects.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot read its data fails here")]

/// The folder of the collection, beside the repository unless the environment says otherwise. None where this machine does not
/// have it.
pub fn folder() -> Option<String> {
    let told = std::env::var("KONTOR_SHARED").ok().map(std::path::PathBuf::from);
    let beside = || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|above| above.join("shared"));
    let found = told.into_iter().chain(beside()).map(|root| root.join("data")).find(|data| data.join("manifest.csv").exists());
    if found.is_none() {
        println!("left out: shared data is absent");
    }
    found.map(|data| data.display().to_string())
}

/// A table of the collection: rows whose cells are found by the name of their column.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

pub struct Row<'a> {
    head: &'a [String],
    cells: &'a [String],
}

impl Row<'_> {
    pub fn get(&self, column: &str) -> &str {
        &self.cells[self.head.iter().position(|name| name == column).unwrap_or_else(|| panic!("{column}"))]
    }
}

impl Table {
    pub fn load(path: &str) -> Self {
        let mut rows = split(&std::fs::read_to_string(path).unwrap()).into_iter();
        Self { head: rows.next().unwrap(), rows: rows.collect() }
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { head: &self.head, cells })
    }
}

/// Splits a CSV text whose quoted cells may hold commas and line ends: another reader than the one under test.
fn split(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut marks = text.chars().peekable();
    while let Some(mark) = marks.next() {
        match mark {
            '"' if quoted && marks.peek() == Some(&'"') => {
                cell.push('"');
                marks.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell).trim_end_matches('\r').to_owned());
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    rows
}
