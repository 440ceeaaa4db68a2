//! Code lists, BR-CL: a value of a newer or older list is worth a warning, since no amount depends on it.

use crate::invoice::InvoiceFile;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

pub(super) const ALL: &[&str] = &[
    "BR-CL-01", "BR-CL-03", "BR-CL-04", "BR-CL-05", "BR-CL-06", "BR-CL-07", "BR-CL-08", "BR-CL-10", "BR-CL-11", "BR-CL-13",
    "BR-CL-14", "BR-CL-15", "BR-CL-16", "BR-CL-17", "BR-CL-18", "BR-CL-19", "BR-CL-20", "BR-CL-21", "BR-CL-22", "BR-CL-23",
    "BR-CL-24", "BR-CL-25", "BR-CL-26",
];

/// The lists by name. Each begins with its name at the start of a line; the indented lines below hold its values.
static LISTS: LazyLock<BTreeMap<&str, BTreeSet<&str>>> = LazyLock::new(|| {
    let mut lists: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut current = "";
    for line in include_str!("codes.txt").lines() {
        match line.strip_prefix(' ') {
            Some(values) => lists.entry(current).or_default().extend(values.split_whitespace()),
            None => current = line.split(':').next().unwrap_or(line),
        }
    }
    lists
});

/// Whether a list has a value. The reasons of an exemption may be written in small letters, no other code may.
#[must_use]
pub fn is_known(list: &str, value: &str) -> bool {
    let values = LISTS.get(list);
    values.is_some_and(|values| values.contains(value) || (list == "exemption" && values.contains(value.to_uppercase().as_str())))
}

/// The rules whose lists lack a value of the file, each once.
pub(super) fn broken(file: &InvoiceFile) -> Vec<(&'static str, u32)> {
    let mut found: BTreeMap<&'static str, u32> = BTreeMap::new();
    for code in file.codes.iter().filter(|code| !is_known(code.list, &code.value)) {
        let first = found.entry(code.rule).or_insert(code.file_line);
        *first = code.file_line.min(*first);
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_read_whole() {
        for (list, value) in [("currency", "CNY"), ("country", "XI"), ("unit", "C62"), ("scheme", "0088"), ("mime", "text/csv")] {
            assert!(is_known(list, value), "{list} {value}");
        }
        assert!(!is_known("currency", "XYZ") && !is_known("currency", "") && !is_known("none", "CNY"));
        assert_eq!(LISTS.len(), 18);
        assert!(LISTS["unit"].len() > 2000);
    }
}
