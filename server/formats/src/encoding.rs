//! From bytes to text. The bytes themselves show UTF-8 and UTF-16; an XML declaration names other encodings. Nothing is guessed.

use crate::FormatFault;
use crate::fault::shown;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// The text of an XML file.
pub fn decode_xml(bytes: &[u8]) -> Result<Cow<'_, str>, FormatFault> {
    match bytes {
        [] => Err(FormatFault::EmptyFile),
        [0xFE, 0xFF, rest @ ..] => wide(rest, UTF_16BE),
        [0xFF, 0xFE, rest @ ..] => wide(rest, UTF_16LE),
        [0x00, b'<', ..] => wide(bytes, UTF_16BE),
        [b'<', 0x00, ..] => wide(bytes, UTF_16LE),
        [0xEF, 0xBB, 0xBF, rest @ ..] => {
            let named = declared(rest);
            let agrees = named.is_empty() || Encoding::for_label(named.as_bytes()) == Some(UTF_8);
            if agrees { decode(rest, UTF_8) } else { Err(unknown(&named)) }
        }
        _ => {
            let named = declared(bytes);
            decode(bytes, encoding_of(&named, bytes)?)
        }
    }
}

/// The name in an XML declaration, as far as ASCII shows it.
fn declared(bytes: &[u8]) -> String {
    let head: String = bytes.iter().take(200).take_while(|mark| mark.is_ascii()).copied().map(char::from).collect();
    let declaration = head.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map(|found| found.0);
    let rest = declaration.and_then(|found| found.split_once("encoding")).map_or("", |found| found.1);
    let quoted = rest.trim_start().strip_prefix('=').map_or("", str::trim_start);
    let value = quoted.strip_prefix(['"', '\'']).unwrap_or("");
    value.split(['"', '\'']).next().unwrap_or("").to_ascii_lowercase()
}

fn encoding_of(named: &str, bytes: &[u8]) -> Result<&'static Encoding, FormatFault> {
    match named {
        "" => return Ok(UTF_8),
        // These two are narrower than what browsers take them for.
        "us-ascii" | "ascii" if !bytes.is_ascii() => return Err(unknown(named)),
        "iso-8859-1" | "latin1" if bytes.iter().any(|mark| (0x80..=0x9F).contains(mark)) => return Err(unknown(named)),
        _ => {}
    }
    // Bytes that begin as ASCII are not UTF-16, whatever they say.
    let found = Encoding::for_label_no_replacement(named.as_bytes()).filter(|found| found.is_ascii_compatible());
    found.ok_or_else(|| unknown(named))
}

fn unknown(named: &str) -> FormatFault {
    FormatFault::Encoding { encoding: shown(named) }
}

fn wide<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Result<Cow<'a, str>, FormatFault> {
    if !bytes.len().is_multiple_of(2) {
        return Err(unknown(encoding.name()));
    }
    decode(bytes, encoding)
}

/// The text, if every byte fits the encoding: the bytes themselves where they are UTF-8.
pub fn decode<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Result<Cow<'a, str>, FormatFault> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    text.ok_or_else(|| unknown(encoding.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_is_read_right_or_refused() {
        let utf16: Vec<u8> = "<a>é</a>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode_xml(&utf16).unwrap(), "<a>é</a>");
        let latin = b"<?xml version=\"1.0\" encoding = 'ISO-8859-1'?><a>\xE9</a>";
        assert!(decode_xml(latin).unwrap().contains("<a>é</a>"));
        let koi = b"<?xml version=\"1.0\" encoding=\"KOI8-R\"?><a>\xC1</a>";
        assert!(decode_xml(koi).unwrap().contains('а'));
        for refused in [
            &b"<a>\xE9</a>"[..],
            b"<?xml version=\"1.0\" encoding=\"US-ASCII\"?><a>\xC3\xA9</a>",
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\x93</a>",
            b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>",
            b"<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>",
            b"\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"KOI8-R\"?><a/>",
            b"\xFE\xFF\x00",
        ] {
            assert!(matches!(decode_xml(refused), Err(FormatFault::Encoding { .. })), "{refused:?}");
        }
        assert_eq!(decode_xml(b""), Err(FormatFault::EmptyFile));
    }
}
