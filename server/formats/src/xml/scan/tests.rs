//! The pass beside the tree's builder: it refuses no good file, counts as the builder counts, and bounds the cost.

use super::*;
use crate::xml::{INVOICE_NODES, parse};
use roxmltree::{Document, Node, ParsingOptions};

/// Numbers that come the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

fn element(dice: &mut Dice, depth: usize, text: &mut String) {
    let name = dice.one(&["a", "b:c", "Ünï", "x.y-z", "_q"]);
    text.push('<');
    text.push_str(name);
    text.push_str(" xmlns:b='urn:b'");
    for index in 0..dice.below(4) {
        text.push_str(dice.one(&[" ", "\n", "\t  "]));
        let quote = dice.one(&["'", "\""]);
        let value = dice.one(&["", "v", "a > b", "/>", "--&gt;", "&#65;", "]]>", "=", "é\n"]);
        text.push_str(&format!("k{index}{}{quote}{value}{quote}", dice.one(&["=", " = ", "\n="])));
    }
    if dice.below(5) == 0 {
        text.push_str(" xmlns='urn:default'");
    }
    if depth == 0 || dice.below(4) == 0 {
        text.push_str(dice.one(&["/>", " />"]));
        return;
    }
    text.push_str(dice.one(&[">", " >"]));
    for _ in 0..dice.below(6) {
        match dice.below(6) {
            0 => text.push_str(dice.one(&["text", " ", "&amp;", "a>b", "'", "\""])),
            1 => text.push_str(dice.one(&["<!-- c -->", "<!--<a b='-->", "<!---->", "<!--\n'\"-->"])),
            2 => text.push_str(dice.one(&["<![CDATA[]]>", "<![CDATA[<a>'\"]]]>", "<![CDATA[-->]]><![CDATA[x]]>"])),
            3 => text.push_str(dice.one(&["<?pi?>", "<?p <a b='?>", "<?xml-stylesheet href=\">\"?>"])),
            _ => element(dice, depth - 1, text),
        }
    }
    text.push_str(&format!("</{name}{}>", dice.one(&["", " "])));
}

fn document(dice: &mut Dice) -> String {
    let mut text = dice.one(&["", "\u{FEFF}", "<?xml version='1.0' encoding=\"UTF-8\"?>\n", "<!-- > -->\n"]).to_owned();
    element(dice, 5, &mut text);
    text.push_str(dice.one(&["", "\n", "<!-- end -->\n", "<?done?>"]));
    text
}

fn counted(document: &Document<'_>) -> Count {
    let elements = || document.descendants().filter(Node::is_element);
    Count {
        nodes: document.descendants().count(),
        attributes: elements().map(|node| node.attributes().len()).sum(),
        namespaces: 0,
        depth: elements().map(|node| node.ancestors().filter(Node::is_element).count()).max().unwrap_or(0),
    }
}

#[test]
fn what_is_well_formed_is_counted_as_the_tree_counts_it() {
    let mut dice = Dice(7);
    let (mut seen, mut nodes) = (0, 0);
    for _ in 0..4_000 {
        let text = document(&mut dice);
        let Ok(tree) = Document::parse(&text) else { continue };
        let count = check(&text, INVOICE_NODES).unwrap_or_else(|fault| panic!("{fault} {text}"));
        assert_eq!(Count { namespaces: 0, ..count }, counted(&tree), "{text}");
        // The limit on nodes is the builder's own.
        for limit in [count.nodes, count.nodes - 1] {
            let limit = u32::try_from(limit).unwrap();
            let options = ParsingOptions { nodes_limit: limit, ..ParsingOptions::default() };
            assert_eq!(check(&text, limit).is_ok(), Document::parse_with_options(&text, options).is_ok(), "{limit} {text}");
        }
        seen += 1;
        nodes += count.nodes;
    }
    assert!(seen > 3_000 && nodes > 20_000, "{seen} {nodes}");
}

/// Broken files: neither panics, and the pass takes every file that the tree's builder takes.
#[test]
fn what_is_broken_is_never_refused_alone() {
    let mut dice = Dice(11);
    for _ in 0..4_000 {
        let mut text: Vec<char> = document(&mut dice).chars().collect();
        for _ in 0..=dice.below(3) {
            let at = dice.below(text.len());
            match dice.below(3) {
                0 => text.truncate(at.max(1)),
                1 => text[at] = ['<', '>', '\'', '"', '/', '!', '?', '-', ']', ' ', '='][dice.below(11)],
                _ => drop(text.remove(at)),
            }
            if text.is_empty() {
                text.push('<');
            }
        }
        let text: String = text.into_iter().collect();
        let passed = check(&text, INVOICE_NODES);
        if let Ok(tree) = Document::parse(&text) {
            assert_eq!(passed.map(|count| count.nodes), Ok(counted(&tree).nodes), "{text}");
        }
    }
}

fn fault(text: &str) -> String {
    parse(text, INVOICE_NODES).map(|_| "read".to_owned()).unwrap_or_else(|fault| fault.to_string())
}

#[test]
fn what_costs_more_than_it_should_is_refused_with_its_line() {
    let many = |piece: &dyn Fn(usize) -> String, count: usize| (0..count).map(piece).collect::<String>();
    let attributes = |count| format!("<r>\n<a {}/></r>", many(&|at| format!("k{at}='' "), count));
    assert_eq!(fault(&attributes(64)), "read");
    assert_eq!(fault(&attributes(65)), r#"too_many_attributes line="2" most="64""#);
    let spaces = |count| format!("<r>\n\n<a {}/></r>", many(&|at| format!("xmlns:k{at}='urn:{at}' "), count));
    assert_eq!(fault(&spaces(64)), "read");
    assert_eq!(fault(&spaces(65)), r#"too_many_attributes line="3" most="64""#);
    let path = |count: usize| format!("{}{}", many(&|at| format!("<a xmlns:k{at}='urn:{at}'>\n"), count), "</a>".repeat(count));
    assert_eq!(fault(&path(64)), "read");
    assert_eq!(fault(&path(65)), r#"too_many_namespaces line="65" most="64""#);
    let beside = |count| format!("<r>{}</r>", many(&|at| format!("<a xmlns:k='urn:{at}'/>"), count));
    assert_eq!(fault(&beside(256)), "read");
    assert_eq!(fault(&beside(257)), r#"too_many_namespaces line="1" most="256""#);
    let wide = many(&|at| format!("xmlns:k{at}='urn:{at}' "), 60);
    let copied = |count: usize| format!("<r {wide}>{}</r>", "<a xmlns:q='urn:q'/>".repeat(count));
    assert_eq!(fault(&copied(30_000)), "read");
    assert_eq!(fault(&copied(40_000)), r#"too_many_namespaces line="1" most="2000000""#);
    let deep = |depth: usize| format!("{}{}", "<a>\n".repeat(depth), "</a>".repeat(depth));
    assert_eq!(fault(&deep(128)), "read");
    assert_eq!(fault(&deep(129)), r#"too_deep line="129" most="128""#);
    let long = |length: usize| "n".repeat(length);
    for pattern in ["<@/>", "<a @=''/>", "<a xmlns:b='@'/>"] {
        assert_eq!(fault(&pattern.replace('@', &long(512))), "read");
        assert_eq!(fault(&pattern.replace('@', &long(513))), r#"name_too_long line="1" most="512""#);
    }
    assert_eq!(fault("<a/>\n<!DOCTYPE a>"), "document_type");
    assert_eq!(fault("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "document_type");
    assert!(fault("<a><!ELEMENT></a>").starts_with("not_xml"));
    assert!(fault("<a b='c>").starts_with("not_xml"));
}
