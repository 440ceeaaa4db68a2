//! Payables that a buyer approves before their invoices come, and the invoice that each one means.

use chrono::NaiveDate;

/// The approved values of an invoice that has not come yet, or the present values of the invoice of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvanceTerms<'a> {
    pub issue_date: NaiveDate,
    pub currency: &'a str,
    /// The owed amount, minor units.
    pub payable_minor: i64,
    /// An invoice may leave it to the buyer.
    pub due_date: Option<NaiveDate>,
}

/// A point in which an invoice differs from the approved payable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    IssueDate,
    Currency,
    Amount,
    /// The invoice wants its money sooner than was approved.
    DueDate,
}

/// The points in which the invoice of the approved number differs from the approved payable. If there are none, its buyer has
/// confirmed it already.
#[must_use]
pub fn differences(approved: &AdvanceTerms<'_>, invoice: &AdvanceTerms<'_>) -> Vec<Difference> {
    let sooner = matches!((invoice.due_date, approved.due_date), (Some(wanted), Some(promised)) if wanted < promised);
    [
        (invoice.issue_date != approved.issue_date, Difference::IssueDate),
        (invoice.currency != approved.currency, Difference::Currency),
        (invoice.payable_minor != approved.payable_minor, Difference::Amount),
        (sooner, Difference::DueDate),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_approved_is_confirmed_by_it() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let approved = AdvanceTerms {
            issue_date: day("2026-11-02"),
            currency: "EUR",
            payable_minor: 100,
            due_date: Some(day("2026-12-31")),
        };
        let differs = |invoice: AdvanceTerms<'_>| differences(&approved, &invoice);
        assert_eq!(differs(approved), []);
        assert_eq!(differs(AdvanceTerms { due_date: None, ..approved }), [], "the approval says when");
        assert_eq!(differs(AdvanceTerms { due_date: Some(day("2027-01-31")), ..approved }), [], "paid sooner than asked");
        assert_eq!(differs(AdvanceTerms { due_date: Some(day("2026-12-30")), ..approved }), [Difference::DueDate]);
        assert_eq!(differs(AdvanceTerms { payable_minor: 99, ..approved }), [Difference::Amount]);
        assert_eq!(differs(AdvanceTerms { payable_minor: 101, ..approved }), [Difference::Amount]);
        assert_eq!(differs(AdvanceTerms { currency: "CNY", ..approved }), [Difference::Currency]);
        assert_eq!(
            differs(AdvanceTerms { issue_date: day("2026-11-03"), payable_minor: 1, ..approved }),
            [Difference::IssueDate, Difference::Amount]
        );
    }
}
