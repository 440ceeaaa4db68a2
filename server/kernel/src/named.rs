//! States and kinds: closed sets of names.

/// A closed set of names, made by [`named!`](crate::named).
pub trait Named: Copy + Ord + std::fmt::Debug + 'static {
    /// The name of the set in an error.
    const SET: &'static str;
    const NAMES: &'static [Self];
    /// The name in the database, in addresses and in the API.
    fn text(self) -> &'static str;
    /// The value of a name.
    fn of(text: &str) -> Result<Self, NotNamed> {
        let known = Self::NAMES.iter().copied().find(|known| known.text() == text);
        known.ok_or_else(|| NotNamed { set: Self::SET, text: text.to_owned() })
    }
}

/// A stored text that is no name of its set: the row is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotNamed {
    pub set: &'static str,
    pub text: String,
}

impl std::fmt::Display for NotNamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\u{201c}{}\u{201d} is no {}", self.text, self.set)
    }
}

impl std::error::Error for NotNamed {}

/// An enum whose variants have names: in a column, in JSON, in an address and in a text. A name that is not in the set is an
/// error wherever it is read.
#[macro_export]
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$about])* $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the database, in addresses and in the API.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl $crate::Named for $name {
            const SET: &'static str = stringify!($name);
            const NAMES: &'static [Self] = Self::ALL;
            fn text(self) -> &'static str {
                self.name()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::NotNamed;
            fn from_str(text: &str) -> Result<Self, $crate::NotNamed> {
                $crate::Named::of(text)
            }
        }

        $crate::column!($name, $crate::derive::diesel::sql_types::Text);

        impl<DB> $crate::derive::diesel::serialize::ToSql<$crate::derive::diesel::sql_types::Text, DB> for $name
        where
            DB: $crate::derive::diesel::backend::Backend,
            str: $crate::derive::diesel::serialize::ToSql<$crate::derive::diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut $crate::derive::diesel::serialize::Output<'b, '_, DB>,
            ) -> $crate::derive::diesel::serialize::Result {
                <str as $crate::derive::diesel::serialize::ToSql<$crate::derive::diesel::sql_types::Text, DB>>::to_sql(self.name(), out)
            }
        }

        impl<DB> $crate::derive::diesel::deserialize::FromSql<$crate::derive::diesel::sql_types::Text, DB> for $name
        where
            DB: $crate::derive::diesel::backend::Backend,
            String: $crate::derive::diesel::deserialize::FromSql<$crate::derive::diesel::sql_types::Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> $crate::derive::diesel::deserialize::Result<Self> {
                let text = <String as $crate::derive::diesel::deserialize::FromSql<
                    $crate::derive::diesel::sql_types::Text, DB>>::from_sql(bytes)?;
                Ok(text.parse::<Self>()?)
            }
        }

        impl $crate::derive::serde::Serialize for $name {
            fn serialize<S: $crate::derive::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> $crate::derive::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::derive::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as $crate::derive::serde::Deserialize>::deserialize(deserializer)?;
                text.parse::<Self>().map_err($crate::derive::serde::de::Error::custom)
            }
        }
    };
}
