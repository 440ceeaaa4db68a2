//! Reading XML safely: no document type, limits before a tree is built, paths by local name within the right namespaces.

mod places;
pub mod scan;

use crate::FormatFault;
use crate::fault::shown;
use crate::invoice::CodedValue;
pub use places::Places;
use roxmltree::{Document, Node, ParsingOptions};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// More elements and texts than an invoice of thousands of lines has.
pub const INVOICE_NODES: u32 = 300_000;
/// More elements and texts than a daily statement of tens of thousands of entries has.
pub const STATEMENT_NODES: u32 = 2_000_000;

/// Bytes of an id of a bank's message; the standard allows 35 characters.
const LONGEST_ID: usize = 140;

/// A tree of the text, without entities and within limits.
pub fn parse(text: &str, nodes_limit: u32) -> Result<Document<'_>, FormatFault> {
    scan::check(text, nodes_limit)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => FormatFault::DocumentType,
        roxmltree::Error::NodesLimitReached => FormatFault::TooManyNodes,
        other => FormatFault::NotXml { line: other.pos().row, column: other.pos().col },
    })
}

/// Right local names in a wrong namespace are another document: every element under the root must be of one of these namespaces.
/// The content of an extension may have any.
pub fn check_elements(root: Node<'_, '_>, namespaces: &[&str], extension: &str) -> Result<(), FormatFault> {
    let mut waiting: Vec<Node<'_, '_>> = root.children().filter(Node::is_element).collect();
    while let Some(node) = waiting.pop() {
        let tag = node.tag_name();
        if !tag.namespace().is_some_and(|found| namespaces.contains(&found)) {
            if tag.name() == extension {
                continue;
            }
            return Err(FormatFault::ForeignElement { element: shown(tag.name()), line: line(node) });
        }
        waiting.extend(node.children().filter(Node::is_element));
    }
    Ok(())
}

/// The only child with this local name: a second one is never picked or passed over silently.
pub fn one<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Result<Option<Node<'a, 'i>>, FormatFault> {
    let mut found = node.children().filter(|child| child.is_element() && child.tag_name().name() == name);
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(second) => Err(FormatFault::Repeated { element: name.to_owned(), line: line(second) }),
    }
}

/// The node at the end of a path whose steps are all single.
pub fn only<'a, 'i>(node: Node<'a, 'i>, path: &[&str]) -> Result<Option<Node<'a, 'i>>, FormatFault> {
    let mut at = Some(node);
    for name in path {
        at = match at {
            Some(node) => one(node, name)?,
            None => None,
        };
    }
    Ok(at)
}

/// The text at the end of a path whose steps are all single, or an empty string.
pub fn only_text(node: Node<'_, '_>, path: &[&str]) -> Result<String, FormatFault> {
    Ok(only(node, path)?.map(own_text).unwrap_or_default())
}

/// An exact decimal as XML Schema writes it: no exponent, no grouping, no comma, and not more digits than money needs.
pub fn decimal(node: Node<'_, '_>) -> Result<Decimal, FormatFault> {
    let text = own_text(node);
    let plain = text.strip_prefix(['-', '+']).unwrap_or(&text);
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    let points = plain.bytes().filter(|mark| *mark == b'.').count();
    let written = digits > 0 && points <= 1 && digits.saturating_add(points) == plain.len();
    let value = written.then(|| Decimal::from_str_exact(text.strip_prefix('+').unwrap_or(&text)).ok()).flatten();
    value.ok_or_else(|| FormatFault::Invalid { element: name(node), line: line(node), text: shown(&text) })
}

/// The decimal at the end of a path whose steps are all single.
pub fn only_decimal(node: Node<'_, '_>, path: &[&str]) -> Result<Option<Decimal>, FormatFault> {
    only(node, path)?.map(decimal).transpose()
}

/// `true` or `false`, also written 1 or 0.
pub fn truth(node: Node<'_, '_>) -> Result<bool, FormatFault> {
    match own_text(node).as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(FormatFault::Invalid { element: name(node), line: line(node), text: shown(other) }),
    }
}

/// The name of an ISO 20022 message, such as `camt.053.001.08`; empty where the element is none. It ends the namespace, ISO's own
/// or that of a country's banks, as in `http://www.six-interbank-clearing.com/de/pain.002.001.03.ch.02.xsd`.
pub fn iso_message<'a>(root: Node<'a, '_>) -> &'a str {
    let last = root.tag_name().namespace().and_then(|namespace| namespace.rsplit(['/', ':']).next()).unwrap_or_default();
    let number = last.get(5..8).is_some_and(|number| number.bytes().all(|mark| mark.is_ascii_digit()));
    let is_message = number && last.get(4..5) == Some(".") && last.get(8..9) == Some(".");
    if is_message { last } else { "" }
}

/// The ISO 20022 documents of a file: its root, or those that an envelope holds. Where there is none, the root says what it is.
pub fn iso_documents<'a, 'i>(root: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
    let is_document = |node: &Node<'a, 'i>| node.tag_name().name() == "Document" && !iso_message(*node).is_empty();
    if !iso_message(root).is_empty() {
        return vec![root];
    }
    let found: Vec<Node<'a, 'i>> = root.descendants().filter(is_document).collect();
    if found.is_empty() { vec![root] } else { found }
}

/// Where a syntax uses a code list: an element, under a certain parent unless that is empty, by its text or an attribute of it.
pub struct CodePlace {
    pub rule: &'static str,
    pub list: &'static str,
    pub parent: &'static str,
    pub element: &'static str,
    pub attribute: &'static str,
}

/// Every value of a code list in a tree, each once: those that the table finds, and those that only `special` finds.
pub fn codes<'a, 'i>(
    root: Node<'a, 'i>,
    at: &Places<'_>,
    places: &[CodePlace],
    mut special: impl FnMut(Node<'a, 'i>) -> Option<(&'static str, &'static str, String)>,
) -> Vec<CodedValue> {
    let mut found: BTreeMap<(&'static str, String), CodedValue> = BTreeMap::new();
    for node in root.descendants().filter(Node::is_element) {
        let parent = node.parent().map_or("", |above| above.tag_name().name());
        let fits =
            |place: &&CodePlace| place.element == node.tag_name().name() && (place.parent.is_empty() || place.parent == parent);
        let tabled = places.iter().filter(fits).filter_map(|place| {
            let value = if place.attribute.is_empty() {
                Some(own_text(node))
            } else {
                node.attribute(place.attribute).map(str::to_owned)
            };
            Some((place.rule, place.list, value?))
        });
        for (rule, list, value) in tabled.chain(special(node)) {
            let value: String = value.chars().take(60).collect();
            let file_line = || at.line(node);
            found.entry((rule, value.clone())).or_insert_with(|| CodedValue { rule, list, value, file_line: file_line() });
        }
    }
    found.into_values().collect()
}

pub fn name(node: Node<'_, '_>) -> String {
    shown(node.tag_name().name())
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

/// The texts of one child of every node of a name, in one line.
pub fn texts(node: Node<'_, '_>, each: &str, name: &str) -> String {
    let all: Vec<String> = children(node, each).map(|found| text(found, &[name])).filter(|found| !found.is_empty()).collect();
    all.join(" | ")
}

/// All text directly inside a node: comments and processing instructions may cut it in pieces.
pub fn own_text(node: Node<'_, '_>) -> String {
    let joined: String = node.children().filter(Node::is_text).filter_map(|piece| piece.text()).collect();
    joined.trim().to_owned()
}

/// The line on which a node stands, counted from 1. The function counts from the beginning, for the one fault that ends the
/// reading. Code that asks for many lines uses [`Places`].
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

/// An id at the end of a path, which must be there and be short. The program keeps it, or copies it beside each part of the file.
pub fn id(node: Node<'_, '_>, path: &[&str]) -> Result<String, FormatFault> {
    let found = required(node, path)?;
    if found.len() > LONGEST_ID { Err(invalid(node, path, &found)) } else { Ok(found) }
}

pub fn invalid(node: Node<'_, '_>, path: &[&str], text: &str) -> FormatFault {
    let line = at(node, path).map_or_else(|| line(node), line);
    FormatFault::Invalid { element: path.join("/"), line, text: shown(text) }
}

/// An ISO date at the end of a path whose steps are all single; a time zone behind it, as XML Schema allows, is dropped.
pub fn date(node: Node<'_, '_>, path: &[&str]) -> Result<Option<chrono::NaiveDate>, FormatFault> {
    let found = only_text(node, path)?;
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
