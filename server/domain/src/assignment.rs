//! The notice of assignment. The buyer gets it when a receivable is put up for assignment, so that the buyer's money goes to the
//! holders. The version is part of the text; new words are a new version.

/// The values that fill the text.
#[derive(Clone, Debug)]
pub struct NoticeFacts<'a> {
    pub buyer: &'a str,
    pub supplier: &'a str,
    pub invoice_number: &'a str,
    /// With its currency code.
    pub amount: &'a str,
    /// ISO date.
    pub payment_date: &'a str,
    pub pay_to: &'a str,
    pub iban: &'a str,
    /// Structured creditor reference (ISO 11649).
    pub reference: &'a str,
}

/// The notice in English and Chinese.
#[must_use]
pub fn text(facts: &NoticeFacts<'_>) -> (String, String) {
    let NoticeFacts { buyer, supplier, invoice_number, amount, payment_date, pay_to, iban, reference } = facts;
    let english = format!(
        "Notice of assignment (2026-11) to {buyer}: the claim of {supplier} from invoice {invoice_number}, confirmed with {amount} and payable on {payment_date}, is \
         being assigned in fractions. From now on payment discharges the debt only if it is made to {pay_to}, IBAN {iban}, quoting the reference {reference}."
    );
    let chinese = format!(
        "债权转让通知（2026-11），致{buyer}：{supplier}基于第{invoice_number}号发票的债权，已确认金额{amount}，应于{payment_date}支付，现正拆分转让。\
         自即日起，仅向{pay_to}（IBAN {iban}）付款并注明参考号{reference}，方可清偿该债务。"
    );
    (english, chinese)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_whom_to_pay() {
        let facts = NoticeFacts {
            buyer: "B",
            supplier: "S",
            invoice_number: "N1",
            amount: "EUR 5.00",
            payment_date: "2027-01-31",
            pay_to: "Kontor",
            iban: "DE02",
            reference: "RF18",
        };
        let (english, chinese) = text(&facts);
        for words in [english, chinese] {
            for part in ["N1", "EUR 5.00", "2027-01-31", "Kontor", "DE02", "RF18"] {
                assert!(words.contains(part), "{part}: {words}");
            }
        }
    }
}
