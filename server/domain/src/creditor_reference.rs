//! Structured creditor references (ISO 11649, "RF"): what a payer quotes so that its money finds its place.

/// The reference for a body of up to 21 capital letters and digits: `RF` + two check digits + body.
#[must_use]
pub fn create(body: &str) -> Option<String> {
    if body.is_empty() || body.len() > 21 || !body.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        return None;
    }
    let check = 98_u32.checked_sub(remainder(&format!("{body}RF00"))?)?;
    Some(format!("RF{check:02}{body}"))
}

/// Normalises spaces and letter case; `None` when the check digits do not fit.
#[must_use]
pub fn validate(typed: &str) -> Option<String> {
    let plain: String = typed.chars().filter(|mark| !mark.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let head = plain.get(..4)?;
    let body = plain.get(4..)?;
    let digits = head.get(2..)?;
    if !head.starts_with("RF") || body.is_empty() || body.len() > 21 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    (remainder(&format!("{body}{head}"))? == 1).then_some(plain)
}

/// ISO 7064 MOD 97-10 with letters as 10 … 35.
fn remainder(text: &str) -> Option<u32> {
    text.chars().try_fold(0_u32, |rest, mark| {
        let value = mark.to_digit(36).filter(|_| mark.is_ascii_digit() || mark.is_ascii_uppercase())?;
        let shifted = if value < 10 { rest.checked_mul(10)? } else { rest.checked_mul(100)? };
        Some(shifted.checked_add(value)? % 97)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_references_hold_and_one_wrong_digit_does_not() {
        assert_eq!(validate("rf18 5390 0754 7034").as_deref(), Some("RF18539007547034"));
        assert_eq!(validate("RF19539007547034"), None);
        assert_eq!(create("539007547034").as_deref(), Some("RF18539007547034"));
        assert_eq!(create("bad body"), None);
        assert_eq!(validate("RF"), None);
    }
}
