//! Reads a body as JSON in which every member occurs once (RFC 7493, 2.3). Where a member occurs twice, one reader takes the
//! first and another the last. The server could then check one value and use the other.

use super::error::Fault;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

const TWICE: &str = "a member is given twice";

/// A value of which no object has a member twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(Error::custom(TWICE));
            }
            let Unique(value) = members.next_value()?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// The body as a value, with nothing behind it.
pub fn read(body: &[u8]) -> Result<Value, Fault> {
    let read: Result<Unique, _> = serde_json::from_slice(body);
    read.map(|Unique(value)| value).map_err(|error| {
        Fault::BadRequest(if error.to_string().starts_with(TWICE) { "json_member_twice" } else { "json_invalid" })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_given_twice_is_refused_wherever_it_stands() {
        for twice in [
            r#"{"amount_minor":100,"amount_minor":777}"#,
            r#"{"a":1,"b":2,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"rows":[{"x":1},{"y":{"z":1,"z":2}}]}"#,
            r#"[{"a":null,"a":null}]"#,
            r#"{"":1,"":2}"#,
        ] {
            assert_eq!(read(twice.as_bytes()).unwrap_err().code(), "json_member_twice", "{twice}");
        }
    }

    #[test]
    fn anything_else_is_read_as_before() {
        for text in [
            r#"{"a":[1,-2,1.5,1e2,18446744073709551615,-9223372036854775808],"b":{"a":"x","A":"é\n"},"c":null,"d":true}"#,
            "[]",
            "null",
            r#""x""#,
            r#"[{"a":1},{"a":1}]"#,
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for broken in ["", "{", r#"{"a":1} {}"#, r#"{"a":1,}"#, r#"{"a":01}"#, "\u{feff}{}"] {
            assert_eq!(read(broken.as_bytes()).unwrap_err().code(), "json_invalid", "{broken}");
        }
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        assert_eq!(read(deep.as_bytes()).unwrap_err().code(), "json_invalid");
    }
}
