//! A company's numbers and address: the forms in which they are kept, and the values that a correction changes.

/// A Global Location Number: thirteen digits whose last is the GS1 check digit. Spaces and hyphens between them are left out.
#[must_use]
pub fn gln(typed: &str) -> Option<String> {
    let digits: String = typed.chars().filter(|mark| !mark.is_whitespace() && *mark != '-').collect();
    let whole = digits.len() == 13 && digits.bytes().all(|mark| mark.is_ascii_digit());
    // Weights 1 and 3 in turn, from the left of thirteen digits; the check digit has weight 1.
    let weighted = |(place, mark): (usize, u8)| {
        let value = u32::from(mark.saturating_sub(b'0'));
        if place % 2 == 0 { value } else { value.saturating_mul(3) }
    };
    let sum = digits.bytes().enumerate().map(weighted).fold(0_u32, u32::saturating_add);
    (whole && sum % 10 == 0 && digits.bytes().any(|mark| mark != b'0')).then_some(digits)
}

/// The id of an electronic address as it is kept. One of a GLN's scheme is a GLN; the scheme is no part of it.
#[must_use]
pub fn endpoint_id(scheme: &str, typed: &str) -> Option<String> {
    let bare = typed.trim();
    let bare = bare.strip_prefix(scheme).and_then(|rest| rest.strip_prefix(':')).unwrap_or(bare);
    if scheme == "0088" {
        return gln(bare);
    }
    let fits = bare.chars().count() >= 4 && !bare.chars().any(char::is_whitespace);
    fits.then(|| bare.to_owned())
}

/// A company's data as people correct them: a name for each, and its value.
pub type Named<'a> = [(&'static str, &'a str)];

/// The names of the values that differ, in order.
#[must_use]
pub fn changed(before: &Named<'_>, after: &Named<'_>) -> Vec<&'static str> {
    let differs = |(name, value): &&(&'static str, &str)| before.iter().any(|(known, old)| known == name && old != value);
    after.iter().filter(differs).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gln_has_thirteen_digits_and_the_right_last_one() {
        for (typed, kept) in [
            ("4012345000009", Some("4012345000009")),
            (" 4012345 00000 9", Some("4012345000009")),
            ("401-2345-00000-9", Some("4012345000009")),
            ("4012345000008", None),
            ("401234500000", None),
            ("40123450000099", None),
            ("0000000000000", None),
            ("401234500000x", None),
            ("", None),
        ] {
            assert_eq!(gln(typed).as_deref(), kept, "{typed}");
        }
    }

    #[test]
    fn an_electronic_address_is_kept_without_its_scheme() {
        for (scheme, typed, kept) in [
            ("0088", "0088:4012345000009", Some("4012345000009")),
            ("0088", "4012345000008", None),
            ("9930", "9930:DE811569869", Some("DE811569869")),
            ("9930", " DE811569869 ", Some("DE811569869")),
            ("EM", "bills@hansewerk.example", Some("bills@hansewerk.example")),
            ("0204", "04-123", Some("04-123")),
            ("0204", "a b c d", None),
            ("0204", "abc", None),
        ] {
            assert_eq!(endpoint_id(scheme, typed).as_deref(), kept, "{scheme} {typed}");
        }
    }

    #[test]
    fn what_differs_is_named() {
        let before = [("name", "A"), ("town", "Kiel"), ("gln", "")];
        assert_eq!(changed(&before, &before), Vec::<&str>::new());
        assert_eq!(changed(&before, &[("name", "B"), ("town", "Kiel"), ("gln", "1")]), ["name", "gln"]);
        assert_eq!(changed(&before, &[("name", "A"), ("town", ""), ("gln", "")]), ["town"]);
    }
}
