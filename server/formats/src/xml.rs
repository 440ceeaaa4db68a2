//! Reading XML safely: no document type, a limit on nodes, paths by local name within the right namespaces.

use crate::FormatFault;
use roxmltree::{Document, Node, ParsingOptions};

/// More elements than any invoice or daily statement of the pilot size has.
const NODES: u32 = 2_000_000;

/// Parses UTF-8 or, by their byte-order marks, UTF-16 files.
pub fn decode(bytes: &[u8]) -> Result<String, FormatFault> {
    let unreadable = |_| FormatFault::NotXml("the text is not UTF-8 or UTF-16".to_owned());
    let wide = |read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).skip(1).filter_map(|pair| pair.try_into().ok()).map(read).collect();
        String::from_utf16(&units).map_err(|_| FormatFault::NotXml("the text is not UTF-16".to_owned()))
    };
    match bytes {
        [0xFE, 0xFF, ..] => wide(u16::from_be_bytes),
        [0xFF, 0xFE, ..] => wide(u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).map_err(unreadable),
        _ => String::from_utf8(bytes.to_vec()).map_err(unreadable),
    }
}

/// An encoding that the declaration names and that is not what the bytes are is refused, never guessed.
fn check_declared_encoding(text: &str) -> Result<(), FormatFault> {
    let Some(declaration) = text.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) else { return Ok(()) };
    let Some((_, rest)) = declaration.0.split_once("encoding") else { return Ok(()) };
    let named: String = rest
        .chars()
        .skip_while(|mark| *mark != '"' && *mark != '\'')
        .skip(1)
        .take_while(|mark| *mark != '"' && *mark != '\'')
        .collect();
    let known = ["utf-8", "utf8", "us-ascii", "utf-16", "utf-16le", "utf-16be"];
    if known.contains(&named.to_ascii_lowercase().as_str()) {
        Ok(())
    } else {
        Err(FormatFault::NotXml(format!("encoding {named}")))
    }
}

pub fn parse(text: &str) -> Result<Document<'_>, FormatFault> {
    check_declared_encoding(text)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| FormatFault::NotXml(error.to_string()))
}

/// The first child with this local name.
pub fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

pub fn children<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The node at the end of a path of local names, each the first of its kind.
pub fn at<'a, 'i>(node: Node<'a, 'i>, path: &[&str]) -> Option<Node<'a, 'i>> {
    path.iter().try_fold(node, |at, name| child(at, name))
}

/// The trimmed text at the end of a path, or an empty string.
pub fn text(node: Node<'_, '_>, path: &[&str]) -> String {
    at(node, path).map(own_text).unwrap_or_default()
}

/// All text directly inside a node: comments and processing instructions may cut it in pieces.
pub fn own_text(node: Node<'_, '_>) -> String {
    let joined: String = node.children().filter(Node::is_text).filter_map(|piece| piece.text()).collect();
    joined.trim().to_owned()
}

/// The line on which a node stands, counted from 1.
pub fn line(node: Node<'_, '_>) -> u32 {
    node.document().text_pos_at(node.range().start).row
}

/// The text at the end of a path, which must be there.
pub fn required(node: Node<'_, '_>, path: &[&str]) -> Result<String, FormatFault> {
    let found = text(node, path);
    if found.is_empty() {
        return Err(FormatFault::Missing { element: path.join("/"), line: line(node) });
    }
    Ok(found)
}

pub fn invalid(node: Node<'_, '_>, path: &[&str], text: &str) -> FormatFault {
    let shown: String = text.chars().take(60).collect();
    let line = at(node, path).map_or_else(|| line(node), line);
    FormatFault::Invalid { element: path.join("/"), line, text: shown }
}

/// An ISO date; a time zone behind it, as XML Schema allows, is dropped.
pub fn date(node: Node<'_, '_>, path: &[&str]) -> Result<Option<chrono::NaiveDate>, FormatFault> {
    let found = text(node, path);
    if found.is_empty() {
        return Ok(None);
    }
    let day = found.get(..10).and_then(|day| day.parse().ok());
    let rest = found.get(10..).unwrap_or("");
    let zone = rest.is_empty() || rest == "Z" || (rest.len() == 6 && rest.starts_with(['+', '-']));
    match day {
        Some(day) if zone => Ok(Some(day)),
        _ => Err(invalid(node, path, &found)),
    }
}
