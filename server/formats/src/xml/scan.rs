//! One pass over a text before a tree is built of it: how many nodes, how deep, how many attributes and namespaces. The tree's
//! builder compares each attribute with those before it and copies the namespaces of the parent, so both are bounded here.
//!
//! The pass takes every tag, comment and instruction where the builder takes one. Text that the pass does not understand is not
//! well-formed: the builder stops there and reports it.

use crate::FormatFault;
use std::collections::BTreeSet;

/// Attributes and namespace declarations of one tag.
const ATTRIBUTES: usize = 64;
/// Namespace declarations from the root down to one element.
const NAMESPACES: usize = 64;
/// Different namespace declarations of a document.
const DIFFERENT: usize = 256;
/// Namespaces that the builder copies because a tag below declares others.
const COPIES: usize = 2_000_000;
/// Elements inside each other.
const DEPTH: usize = 128;
/// Bytes of a name, and of the name of a namespace.
const NAME: usize = 512;

/// The parts of a document, as the builder counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The document itself, elements, texts, comments and processing instructions.
    pub nodes: usize,
    pub attributes: usize,
    pub namespaces: usize,
    /// The most elements inside each other.
    pub depth: usize,
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    nodes_limit: usize,
    count: Count,
    /// Declarations of each element that is open.
    open: Vec<usize>,
    /// Declarations of all elements that are open.
    in_scope: usize,
    copies: usize,
    different: BTreeSet<(&'a str, &'a str)>,
    /// The last piece was text: more of it is the same node.
    in_text: bool,
}

/// Refuses a document that costs more to build than a business document needs.
pub fn check(text: &str, nodes_limit: u32) -> Result<Count, FormatFault> {
    let nodes_limit = usize::try_from(nodes_limit).unwrap_or(usize::MAX);
    let mut scan = Scan {
        text: text.strip_prefix('\u{FEFF}').unwrap_or(text),
        at: 0,
        nodes_limit,
        count: Count { nodes: 1, ..Count::default() },
        open: Vec::new(),
        in_scope: 0,
        copies: 0,
        different: BTreeSet::new(),
        in_text: false,
    };
    while scan.step()? {}
    Ok(scan.count)
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn line(&self) -> u32 {
        let before = self.text.get(..self.at).unwrap_or("");
        u32::try_from(before.bytes().filter(|mark| *mark == b'\n').count()).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.text.len());
    }

    /// Goes behind the next one of these marks, or to the end.
    fn skip_behind(&mut self, mark: &str) {
        let found = self.rest().find(mark).map_or(self.text.len(), |found| found.saturating_add(mark.len()));
        self.skip(found);
    }

    fn node(&mut self) -> Result<(), FormatFault> {
        self.count.nodes = self.count.nodes.saturating_add(1);
        if self.count.nodes > self.nodes_limit { Err(FormatFault::TooManyNodes) } else { Ok(()) }
    }

    /// Text outside of the root is no node.
    fn text_node(&mut self) -> Result<(), FormatFault> {
        if self.in_text || self.open.is_empty() {
            return Ok(());
        }
        self.in_text = true;
        self.node()
    }

    /// One tag, text, comment or instruction. False at the end.
    fn step(&mut self) -> Result<bool, FormatFault> {
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(false);
        }
        if !rest.starts_with('<') {
            self.text_node()?;
            self.skip(rest.find('<').unwrap_or(rest.len()));
            return Ok(true);
        }
        if rest.starts_with("<![CDATA[") {
            self.text_node()?;
            self.skip_behind("]]>");
            return Ok(true);
        }
        self.in_text = false;
        if rest.starts_with("<!--") {
            self.skip(4);
            self.skip_behind("-->");
            self.node()?;
        } else if rest.starts_with("<!") {
            // The builder refuses it at this place, a document type as well as any other text.
            return if rest.starts_with("<!DOCTYPE") { Err(FormatFault::DocumentType) } else { Ok(false) };
        } else if rest.starts_with("<?") {
            let declaration = self.at == 0 && rest.starts_with("<?xml ");
            self.skip_behind("?>");
            if !declaration {
                self.node()?;
            }
        } else if rest.starts_with("</") {
            self.skip_behind(">");
            let declared = self.open.pop().unwrap_or(0);
            self.in_scope = self.in_scope.saturating_sub(declared);
        } else {
            self.start_tag()?;
        }
        Ok(true)
    }

    /// The next name, up to the mark that ends it.
    fn name(&mut self) -> Result<&'a str, FormatFault> {
        let rest = self.rest();
        let ends = |mark: char| matches!(mark, ' ' | '\t' | '\r' | '\n' | '=' | '/' | '>' | '"' | '\'' | '<');
        let name = rest.get(..rest.find(ends).unwrap_or(rest.len())).unwrap_or("");
        self.short(name)?;
        self.skip(name.len());
        Ok(name)
    }

    fn short(&self, name: &str) -> Result<(), FormatFault> {
        if name.len() > NAME { Err(FormatFault::NameTooLong { line: self.line(), most: NAME }) } else { Ok(()) }
    }

    fn start_tag(&mut self) -> Result<(), FormatFault> {
        let line_at = self.at;
        self.skip(1);
        self.name()?;
        let (mut attributes, mut declared) = (0_usize, 0_usize);
        let closed = loop {
            let rest = self.rest();
            self.skip(rest.len().saturating_sub(rest.trim_start_matches([' ', '\t', '\r', '\n']).len()));
            let rest = self.rest();
            if rest.starts_with('>') || rest.is_empty() {
                self.skip(1);
                break false;
            }
            if rest.starts_with("/>") {
                self.skip(2);
                break true;
            }
            let name = self.name()?;
            let Some(value) = self.value() else {
                // Not well-formed: the builder stops here.
                self.at = self.text.len();
                break false;
            };
            if attributes.saturating_add(declared) >= ATTRIBUTES {
                self.at = line_at;
                return Err(FormatFault::TooManyAttributes { line: self.line(), most: ATTRIBUTES });
            }
            match name.strip_prefix("xmlns") {
                Some(prefix) if prefix.is_empty() || prefix.starts_with(':') => {
                    declared = declared.saturating_add(1);
                    self.declare(name, value)?;
                }
                _ => attributes = attributes.saturating_add(1),
            }
        };
        self.element(attributes, declared, closed)
    }

    /// The value in quotation marks behind a name.
    fn value(&mut self) -> Option<&'a str> {
        let rest = self.rest().trim_start_matches([' ', '\t', '\r', '\n']);
        let rest = rest.strip_prefix('=')?.trim_start_matches([' ', '\t', '\r', '\n']);
        let quote = rest.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
        let (value, behind) = rest.get(1..)?.split_once(quote)?;
        self.at = self.text.len().saturating_sub(behind.len());
        Some(value)
    }

    fn declare(&mut self, name: &'a str, space: &'a str) -> Result<(), FormatFault> {
        self.short(space)?;
        self.different.insert((name, space));
        if self.different.len() > DIFFERENT { Err(self.too_many_namespaces(DIFFERENT)) } else { Ok(()) }
    }

    fn too_many_namespaces(&self, most: usize) -> FormatFault {
        FormatFault::TooManyNamespaces { line: self.line(), most }
    }

    fn element(&mut self, attributes: usize, declared: usize, closed: bool) -> Result<(), FormatFault> {
        self.node()?;
        self.count.attributes = self.count.attributes.saturating_add(attributes);
        self.count.namespaces = self.count.namespaces.saturating_add(declared);
        let in_scope = self.in_scope.saturating_add(declared);
        if in_scope > NAMESPACES {
            return Err(self.too_many_namespaces(NAMESPACES));
        }
        if declared > 0 {
            self.copies = self.copies.saturating_add(in_scope);
        }
        if self.copies > COPIES {
            return Err(self.too_many_namespaces(COPIES));
        }
        let depth = self.open.len().saturating_add(1);
        if depth > DEPTH {
            return Err(FormatFault::TooDeep { line: self.line(), most: DEPTH });
        }
        self.count.depth = self.count.depth.max(depth);
        if !closed {
            self.open.push(declared);
            self.in_scope = in_scope;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
