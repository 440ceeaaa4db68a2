//! Labels across the border between two processes: only those that the readers know come back.

use serde::de::{Deserialize, Deserializer, Error};

/// Every label that a view has.
const LABELS: &[&str] = &[
    "account",
    "address",
    "allowances",
    "buyer-reference",
    "charges",
    "check-code",
    "contract",
    "delivered",
    "due",
    "issued",
    "legal-id",
    "lines",
    "number",
    "order",
    "payable",
    "prepaid",
    "rounding",
    "tax",
    "tax-exclusive",
    "tax-id",
    "tax-inclusive",
    "terms",
];

/// Pairs whose first part is a label.
pub(super) fn labelled<'de, D, T>(deserializer: D) -> Result<Vec<(&'static str, T)>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let known = |(label, value): (String, T)| {
        let found = LABELS.iter().find(|known| **known == label);
        found.map(|known| (*known, value)).ok_or_else(|| D::Error::custom("an unknown label"))
    };
    Vec::<(String, T)>::deserialize(deserializer)?.into_iter().map(known).collect()
}
