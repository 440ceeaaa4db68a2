//! The traits that Diesel requires of a column's value.

/// Makes a type that reads and writes itself as one SQL type usable as a value of a query and of a row.
#[macro_export]
macro_rules! column {
    ($name:ident $(<$of:ident: $bound:ident>)?, $sql:ty) => {
        $crate::column!(@as $name $(<$of: $bound>)?, $sql);
        $crate::column!(@as $name $(<$of: $bound>)?, $crate::derive::diesel::sql_types::Nullable<$sql>);

        impl<DB $(, $of: $bound)?> $crate::derive::diesel::serialize::ToSql<
            $crate::derive::diesel::sql_types::Nullable<$sql>, DB> for $name $(<$of>)?
        where
            DB: $crate::derive::diesel::backend::Backend,
            Self: $crate::derive::diesel::serialize::ToSql<$sql, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut $crate::derive::diesel::serialize::Output<'b, '_, DB>,
            ) -> $crate::derive::diesel::serialize::Result {
                <Self as $crate::derive::diesel::serialize::ToSql<$sql, DB>>::to_sql(self, out)
            }
        }

        impl<ST, DB $(, $of: $bound)?> $crate::derive::diesel::deserialize::Queryable<ST, DB> for $name $(<$of>)?
        where
            DB: $crate::derive::diesel::backend::Backend,
            ST: $crate::derive::diesel::sql_types::SingleValue,
            Self: $crate::derive::diesel::deserialize::FromSql<ST, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> $crate::derive::diesel::deserialize::Result<Self> {
                Ok(row)
            }
        }
    };
    (@as $name:ident $(<$of:ident: $bound:ident>)?, $sql:ty) => {
        impl $(<$of: $bound>)? $crate::derive::diesel::expression::AsExpression<$sql> for $name $(<$of>)? {
            type Expression = $crate::derive::diesel::internal::derives::as_expression::Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression {
                $crate::derive::diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
        impl<'expr $(, $of: $bound)?> $crate::derive::diesel::expression::AsExpression<$sql> for &'expr $name $(<$of>)? {
            type Expression = $crate::derive::diesel::internal::derives::as_expression::Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression {
                $crate::derive::diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
    };
}
