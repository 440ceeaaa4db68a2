//! Whether a company's tax number can be one: its form and check digits, not whether the office knows it.

/// What the check digits say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Fits,
    Wrong,
    /// No rule for this country or kind of number.
    Unknown,
}

/// The characters of a 统一社会信用代码 in the order of their values (GB 32100-2015; no I, O, S, V, Z).
const SOCIAL_CREDIT: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Checks a VAT number by its country's rule, a Chinese code by GB 32100-2015.
#[must_use]
pub fn check(country: &str, typed: &str) -> Checked {
    let plain = crate::party::normalise_tax_id(typed);
    let fits = match country {
        "CN" if plain.len() == 18 => social_credit_fits(&plain),
        "CN" => return Checked::Unknown,
        _ => {
            // Greece and Northern Ireland write their VAT numbers with other letters than ISO 3166 has.
            let prefixes = [country, if country == "GR" { "EL" } else { "XI" }];
            if !prefixes.iter().any(|prefix| plain.starts_with(prefix)) {
                return Checked::Unknown;
            }
            let found = vat_id_validator::check_vat(&plain);
            if !found.is_supported_country {
                return Checked::Unknown;
            }
            found.is_valid
        }
    };
    if fits { Checked::Fits } else { Checked::Wrong }
}

/// Seventeen characters weighted with the powers of 3 modulo 31, and the check character that completes them to 31.
fn social_credit_fits(code: &str) -> bool {
    let values: Option<Vec<usize>> = code.chars().map(|mark| SOCIAL_CREDIT.find(mark)).collect();
    let Some((last, first)) = values.as_deref().and_then(<[usize]>::split_last) else { return false };
    let mut weight = 1_usize;
    let mut sum = 0_usize;
    for value in first {
        sum = sum.saturating_add(value.saturating_mul(weight)) % 31;
        weight = weight.saturating_mul(3) % 31;
    }
    31_usize.saturating_sub(sum) % 31 == *last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_checked_where_a_rule_is_known() {
        for (country, number, expected) in [
            ("DE", "DE811569869", Checked::Fits),
            ("DE", "DE 811 569 869", Checked::Fits),
            ("DE", "DE811569868", Checked::Wrong),
            ("DE", "811569869", Checked::Unknown),
            ("FR", "FR40303265045", Checked::Fits),
            ("FR", "FR41303265045", Checked::Wrong),
            ("CN", "91420000737944946L", Checked::Fits),
            ("CN", "914200007379449461", Checked::Wrong),
            ("CN", "91420000737944946l", Checked::Fits),
            ("CN", "440300123456789", Checked::Unknown),
            ("US", "12-3456789", Checked::Unknown),
            ("GR", "EL094259216", Checked::Fits),
        ] {
            assert_eq!(check(country, number), expected, "{country} {number}");
        }
    }
}
