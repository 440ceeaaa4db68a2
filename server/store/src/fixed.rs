//! Names that stand in a statement's text and not among its values.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Text;
use kernel::Named;

/// A name as a literal. PostgreSQL uses a partial index in a kept plan only where the statement's text holds the index's
/// condition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed(&'static str);

/// `offers::state.eq(fixed(OfferState::Open))` is `state = 'open'`. Names hold no quote.
pub(crate) fn fixed<N: Named>(name: N) -> Fixed {
    Fixed(name.text())
}

/// `invoices::replaces.ne(NO_TEXT)` is `replaces <> ''`.
pub(crate) const NO_TEXT: Fixed = Fixed("");

impl Expression for Fixed {
    type SqlType = Text;
}

impl<DB: Backend> QueryFragment<DB> for Fixed {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("'");
        out.push_sql(self.0);
        out.push_sql("'");
        Ok(())
    }
}

impl QueryId for Fixed {
    type QueryId = ();
    // Cached by the statement's text, which has the name.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Grouped> ValidGrouping<Grouped> for Fixed {
    type IsAggregate = is_aggregate::Never;
}

impl<Source: ?Sized> AppearsOnTable<Source> for Fixed {}
impl<Source: ?Sized> SelectableExpression<Source> for Fixed {}
