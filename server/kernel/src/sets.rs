//! A name that may be missing, and a small set of names: both stand in one text column.

use crate::{Named, NotNamed};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// A name, or nothing, which a column keeps as an empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blank<T>(pub Option<T>);

impl<T> Blank<T> {
    pub const NONE: Self = Self(None);

    pub fn some(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Named> Blank<T> {
    #[must_use]
    pub fn get(&self) -> Option<T> {
        self.0
    }

    /// The name, or an empty text.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.map_or("", T::text)
    }

    /// Reads a name or an empty text.
    pub fn of(text: &str) -> Result<Self, NotNamed> {
        if text.is_empty() { Ok(Self::NONE) } else { T::of(text).map(Self::some) }
    }

    fn stored(text: String) -> Result<Self, NotNamed> {
        Self::of(&text)
    }
}

impl<T> Default for Blank<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T> From<T> for Blank<T> {
    fn from(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: PartialEq> PartialEq<T> for Blank<T> {
    fn eq(&self, other: &T) -> bool {
        self.0.as_ref() == Some(other)
    }
}

impl<T: Named> fmt::Display for Blank<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Names of one set, each once and in the order of the set: `supplier,financier`.
#[derive(Clone, Debug)]
pub struct Set<T> {
    names: Vec<T>,
    /// The text of the column: a row keeps its bytes, in whatever order they were written.
    text: String,
}

impl<T: PartialEq> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl<T: Eq> Eq for Set<T> {}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { names: Vec::new(), text: String::new() }
    }
}

impl<T: Named> Set<T> {
    #[must_use]
    pub fn has(&self, name: T) -> bool {
        self.names.contains(&name)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.names.iter().copied()
    }

    /// Reads names between commas, in any order.
    pub fn of(text: &str) -> Result<Self, NotNamed> {
        text.split(',').filter(|name| !name.is_empty()).map(T::of).collect()
    }

    /// Reads a column.
    fn stored(text: String) -> Result<Self, NotNamed> {
        Ok(Self { names: Self::of(&text)?.names, text })
    }
}

impl<T: Named> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let wanted: Vec<T> = names.into_iter().collect();
        let names: Vec<T> = T::NAMES.iter().copied().filter(|name| wanted.contains(name)).collect();
        let text = names.iter().map(|name| name.text()).collect::<Vec<_>>().join(",");
        Self { names, text }
    }
}

impl<T: Named> fmt::Display for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl<T: Named> AsText for Set<T> {
    fn as_text(&self) -> &str {
        &self.text
    }
}

impl<T: Named> AsText for Blank<T> {
    fn as_text(&self) -> &str {
        self.name()
    }
}

/// The text of a column, borrowed.
trait AsText {
    fn as_text(&self) -> &str;
}

macro_rules! as_text {
    ($name:ident) => {
        crate::column!($name<T: Named>, Text);

        impl<T: Named, DB: Backend> ToSql<Text, DB> for $name<T>
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <str as ToSql<Text, DB>>::to_sql(self.as_text(), out)
            }
        }

        impl<T: Named, DB: Backend> FromSql<Text, DB> for $name<T>
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(Self::stored(String::from_sql(bytes)?)?)
            }
        }

        impl<T: Named> Serialize for $name<T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de, T: Named> Deserialize<'de> for $name<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::of(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(Blank);
as_text!(Set);

#[cfg(test)]
mod tests {
    use super::*;

    crate::named! {
        Fruit { Apple => "apple", Pear => "pear" }
    }

    #[test]
    fn a_set_is_read_in_any_order_and_keeps_the_bytes_of_its_row() {
        let typed = Set::<Fruit>::of("pear,apple").unwrap();
        let stored = Set::<Fruit>::stored("pear,apple".to_owned()).unwrap();
        assert_eq!((typed.to_string().as_str(), stored.to_string().as_str()), ("apple,pear", "pear,apple"));
        assert_eq!(typed, stored);
        assert!(typed.has(Fruit::Pear) && Set::<Fruit>::default().is_empty());
        assert_eq!(Set::<Fruit>::of("apple,plum"), Err(NotNamed { set: "Fruit", text: "plum".to_owned() }));
    }

    #[test]
    fn a_blank_is_an_empty_text() {
        assert_eq!((Blank::<Fruit>::of(""), Blank::of("pear")), (Ok(Blank::NONE), Ok(Blank::some(Fruit::Pear))));
        assert_eq!((Blank::<Fruit>::NONE.name(), Blank::some(Fruit::Apple).name()), ("", "apple"));
        assert!(Blank::<Fruit>::of("plum").is_err() && Blank::some(Fruit::Apple) == Fruit::Apple);
    }
}
