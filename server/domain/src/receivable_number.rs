//! An invoice's number in a text that a person wrote for a bank.

/// A number of fewer marks is found by chance.
const FEWEST: usize = 3;

/// A mark that joins the parts of one number.
fn joins(mark: char) -> bool {
    matches!(mark, '-' | '/' | '.' | '_')
}

/// Whether a text names an invoice by its number: the whole number, and not as a part of a longer one. Capitals and small letters
/// are alike.
#[must_use]
pub fn names_number(text: &str, number: &str) -> bool {
    let (text, number) = (text.to_uppercase(), number.trim().to_uppercase());
    if number.chars().count() < FEWEST || !number.contains(|mark: char| mark.is_ascii_digit()) {
        return false;
    }
    let ends = |rest: &mut dyn Iterator<Item = char>| match rest.next() {
        None => true,
        // A full stop ends a sentence; with more of a number behind it, it does not.
        Some(mark) if joins(mark) => !rest.next().is_some_and(char::is_alphanumeric),
        Some(mark) => !mark.is_alphanumeric(),
    };
    text.match_indices(&number).any(|(at, found)| {
        let (before, behind) = (text.get(..at).unwrap_or(""), text.get(at.saturating_add(found.len())..).unwrap_or(""));
        ends(&mut before.chars().rev()) && ends(&mut behind.chars())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_named_whole_or_not_at_all() {
        let cases = [
            ("Rechnung 2026-117 vom 3.12.", "2026-117", true),
            ("RE:2026-117, danke", "2026-117", true),
            ("invoice bh/17/a.", "BH/17/A", true),
            ("(4711)", "4711", true),
            ("发票4711号", "4711", false),
            ("发票 4711", "4711", true),
            ("14711", "4711", false),
            ("47110", "4711", false),
            ("2026-4711", "4711", false),
            ("4711/2", "4711", false),
            ("4711.5", "4711", false),
            ("4711.", "4711", true),
            ("pay 17", "17", false),
            ("Miete", "Miete", false),
            ("", "4711", false),
            ("4711", "", false),
        ];
        for (text, number, named) in cases {
            assert_eq!(names_number(text, number), named, "{text} {number}");
        }
    }
}
