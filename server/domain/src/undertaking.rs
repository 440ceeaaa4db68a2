//! The irrevocable payment undertaking: the exact words a buyer signs, by version. A version is never edited;
//! new words are a new version.

/// The version that new confirmations use.
pub const CURRENT: &str = "2026-11";

/// What fills the text's places.
#[derive(Clone, Debug)]
pub struct UndertakingTerms<'a> {
    pub buyer: &'a str,
    pub supplier: &'a str,
    pub invoice_number: &'a str,
    /// With its currency code: `EUR 1,234.50`.
    pub amount: &'a str,
    /// ISO date.
    pub due_date: &'a str,
    /// SHA-256 of the invoice file, hexadecimal.
    pub document_hash: &'a str,
}

/// The words of `version` in `language` (`en` or `zh`), or nothing for a version that never was.
#[must_use]
pub fn text(version: &str, language: &str, terms: &UndertakingTerms<'_>) -> Option<String> {
    let template = match (version, language) {
        ("2026-11", "zh") => ZH_2026_11,
        ("2026-11", _) => EN_2026_11,
        _ => return None,
    };
    let places = [
        ("{buyer}", terms.buyer),
        ("{supplier}", terms.supplier),
        ("{number}", terms.invoice_number),
        ("{amount}", terms.amount),
        ("{due}", terms.due_date),
        ("{hash}", terms.document_hash),
    ];
    // One pass over the template: what fills a place is never itself searched for places.
    let mut words = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        words.push_str(before);
        let place = places.iter().find_map(|(name, value)| {
            let name = name.get(1..)?;
            Some((value, after.strip_prefix(name)?))
        });
        match place {
            Some((value, after)) => {
                words.push_str(value);
                rest = after;
            }
            None => {
                words.push('{');
                rest = after;
            }
        }
    }
    words.push_str(rest);
    Some(words)
}

const EN_2026_11: &str = "{buyer} irrevocably and unconditionally undertakes to pay {amount} on {due} for invoice {number} of {supplier} \
(SHA-256 {hash}), in full and without set-off, counterclaim or deduction, to the account that Kontor names for it. \
This holds towards every holder of the receivable. Any claim about the goods or services will be pursued \
separately and does not delay this payment. {buyer} has been notified that the receivable may be assigned in fractions.";

const ZH_2026_11: &str = "{buyer}不可撤销且无条件地承诺，就{supplier}的第{number}号发票（SHA-256 {hash}），于{due}向 Kontor 指定的账户足额支付{amount}，\
不作任何抵销、反请求或扣减。本承诺对该应收账款的每一位持有人均有效。有关货物或服务的任何主张将另行处理，不影响本次付款。\
{buyer}已获通知，该应收账款可拆分转让。";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled_once_and_values_are_not_searched() {
        let terms = UndertakingTerms {
            buyer: "B {amount}",
            supplier: "S",
            invoice_number: "N1",
            amount: "EUR 5.00",
            due_date: "2027-01-31",
            document_hash: "ab",
        };
        for language in ["en", "zh"] {
            let words = text(CURRENT, language, &terms).unwrap();
            assert!(words.contains("EUR 5.00") && words.contains("N1") && words.contains("2027-01-31"));
            assert!(words.contains("B {amount}"), "a company's name is only a name");
        }
        assert_eq!(text("1999-01", "en", &terms), None);
    }
}
