//! The declaration of a table: its columns as Diesel sees them, its row, its key, and the part of the row that leaves a mark.

/// Declares a table, `key` and columns, and its row:
///
/// ```text
/// table! {
///     /// Units of a receivable on the market.
///     offers: Offer (id) by OfferId, marked without [left_minor] later [reason] {
///         id: OfferId => BigInt,
///         …
///     }
/// }
/// ```
///
/// * `(id)`: the columns of its key; `by OfferId`: rows are found and changed by that id.
/// * `marked`: each change leaves the row's digest in the audit. The digest omits the columns that follow from other records, and
///   `later` columns as long as they are empty (see [`crate::marks`]).
macro_rules! table {
    (
        $(#[$doc:meta])*
        $table:ident: $row:ident ($($key:ident),+) $(by $id:ty)? $(, marked $(without [$($loose:ident),*])? $(later [$($later:ident),*])?)? {
            $($(#[$about:meta])* $column:ident: $type:ty => $sql:ty),+ $(,)?
        }
    ) => {
        diesel::table! {
            use diesel::sql_types::*;
            $table ($($key),+) { $($column -> $sql,)+ }
        }

        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, serde::Serialize, diesel::Queryable, diesel::Selectable, diesel::QueryableByName,
            diesel::Insertable, diesel::AsChangeset,
        )]
        #[diesel(table_name = $table, treat_none_as_null = true, treat_none_as_default_value = false)]
        pub struct $row { $($(#[$about])* pub $column: $type),+ }

        impl $crate::records::Record for $row {
            const TABLE: &'static str = stringify!($table);
            const KEY: &'static [&'static str] = &[$(stringify!($key)),+];
            const MARKS: Option<$crate::marks::Leaves> = $crate::table::table!(@marks $(marked $([$($loose),*])? $(later [$($later),*])?)?);

            fn insert(&self, conn: &mut $crate::Conn) -> $crate::Result<()> {
                use diesel::RunQueryDsl;
                match conn {
                    $crate::Conn::Sqlite(c) => diesel::insert_into($table::table).values(self).execute(c)?,
                    $crate::Conn::Postgres(c) => diesel::insert_into($table::table).values(self).execute(c)?,
                };
                Ok(())
            }
            fn copy_all(rows: &[Self], conn: &mut diesel::PgConnection) -> $crate::Result<()> {
                use diesel::ExecuteCopyFromDsl;
                diesel::copy_from($table::table).from_insertable(rows).execute(conn)?;
                Ok(())
            }
        }

        $(impl $crate::records::Keyed for $row {
            type Id = $id;
            fn update(&self, conn: &mut $crate::Conn) -> $crate::Result<()> {
                use diesel::{QueryDsl, RunQueryDsl};
                let target = $table::table.find(self.id);
                let touched = match conn {
                    $crate::Conn::Sqlite(c) => diesel::update(target).set(self).execute(c)?,
                    $crate::Conn::Postgres(c) => diesel::update(target).set(self).execute(c)?,
                };
                $crate::records::one_touched::<Self>(touched, self.id)
            }
        })?
    };
    (@marks) => { None };
    (@marks marked $([$($loose:ident),*])? $(later [$($later:ident),*])?) => {
        Some($crate::marks::Leaves { loose: &[$($(stringify!($loose)),*)?], later: &[$($(stringify!($later)),*)?] })
    };
}
pub(crate) use table;
