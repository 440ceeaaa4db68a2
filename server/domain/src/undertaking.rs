//! The irrevocable payment undertaking: the exact words a buyer signs, by version. A version is never edited;
//! new words are a new version.

/// The version that new confirmations use.
pub const CURRENT: &str = "2026-11";

/// The version of the words that a buyer signs before the invoice comes.
pub const ADVANCE: &str = "2026-11-advance";

/// The values that fill the text's places.
#[derive(Clone, Debug)]
pub struct UndertakingTerms<'a> {
    pub buyer: &'a str,
    pub supplier: &'a str,
    pub invoice_number: &'a str,
    /// With its currency code: `EUR 1,234.50`.
    pub amount: &'a str,
    /// ISO date.
    pub due_date: &'a str,
    /// SHA-256 of the invoice file, or of the buyer's own where there is no invoice yet; hexadecimal.
    pub document_hash: &'a str,
    /// ISO date of the invoice; named only where its file is not.
    pub issue_date: &'a str,
}

/// The words of `version` in `language` (`en` or `zh`), or nothing for a version that never existed.
#[must_use]
pub fn text(version: &str, language: &str, terms: &UndertakingTerms<'_>) -> Option<String> {
    let template = match (version, language) {
        ("2026-11", "zh") => ZH_2026_11,
        ("2026-11", _) => EN_2026_11,
        ("2026-11-advance", "zh") => ZH_2026_11_ADVANCE,
        ("2026-11-advance", _) => EN_2026_11_ADVANCE,
        _ => return None,
    };
    let places = [
        ("{buyer}", terms.buyer),
        ("{supplier}", terms.supplier),
        ("{number}", terms.invoice_number),
        ("{amount}", terms.amount),
        ("{due}", terms.due_date),
        ("{hash}", terms.document_hash),
        ("{issued}", terms.issue_date),
    ];
    // One pass over the template: a value that fills a place is never itself searched for places.
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

const EN_2026_11_ADVANCE: &str = "{buyer} irrevocably and unconditionally undertakes to pay {amount} on {due} for the invoice {number} of {supplier} \
issued on {issued}, once {supplier} presents that invoice with this number, date, currency and amount (approved in advance by the file with SHA-256 {hash}), in full \
and without set-off, counterclaim or deduction, to the account that Kontor names for it. Until the invoice is presented {buyer} may withdraw this approval; from \
then on it holds towards every holder of the receivable. Any claim about the goods or services will be pursued separately and does not delay this payment. \
{buyer} has been notified that the receivable may be assigned in fractions.";

const ZH_2026_11_ADVANCE: &str = "{buyer}不可撤销且无条件地承诺：一旦{supplier}提交其于{issued}开具的第{number}号发票，且号码、日期、币种和金额均与此一致\
（以 SHA-256 为 {hash} 的文件预先批准），即于{due}向 Kontor 指定的账户足额支付{amount}，不作任何抵销、反请求或扣减。发票提交之前，{buyer}可撤回此批准；\
提交之后，本承诺对该应收账款的每一位持有人均有效。有关货物或服务的任何主张将另行处理，不影响本次付款。{buyer}已获通知，该应收账款可拆分转让。";

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
            issue_date: "2026-12-01",
        };
        for language in ["en", "zh"] {
            for version in [CURRENT, ADVANCE] {
                let words = text(version, language, &terms).unwrap();
                assert!(words.contains("EUR 5.00") && words.contains("N1") && words.contains("2027-01-31"));
                assert!(words.contains("B {amount}"), "a company's name is only a name");
                assert_eq!(words.contains("2026-12-01"), version == ADVANCE);
            }
        }
        assert_eq!(text("1999-01", "en", &terms), None);
    }
}
