//! Where in a text its lines begin, counted once: asking for a line costs the same wherever it stands.

use roxmltree::Node;

/// The size of a block. The count before a block and a count inside it give the line.
const BLOCK: usize = 2_048;

/// The lines of one document.
pub struct Places<'a> {
    text: &'a [u8],
    /// Line ends before each block.
    before: Vec<u32>,
}

fn line_ends(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.iter().filter(|mark| **mark == b'\n').count()).unwrap_or(u32::MAX)
}

impl<'a> Places<'a> {
    /// The lines of the document that a node stands in.
    pub fn of(node: Node<'_, 'a>) -> Self {
        Self::in_text(node.document().input_text())
    }

    fn in_text(text: &'a str) -> Self {
        let text = text.as_bytes();
        let mut ends = 0_u32;
        let mut before = vec![0];
        for block in text.chunks(BLOCK) {
            ends = ends.saturating_add(line_ends(block));
            before.push(ends);
        }
        Self { text, before }
    }

    /// The line on which a node stands, counted from 1.
    pub fn line(&self, node: Node<'_, '_>) -> u32 {
        self.line_at(node.range().start)
    }

    fn line_at(&self, position: usize) -> u32 {
        let position = position.min(self.text.len());
        let block = position.checked_div(BLOCK).unwrap_or(0);
        let begins = block.saturating_mul(BLOCK);
        let inside = self.text.get(begins..position).unwrap_or_default();
        self.before.get(block).copied().unwrap_or(0).saturating_add(line_ends(inside)).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_one_that_the_tree_counts() {
        for (piece, times) in [("a\n", 5_000), ("\n", 2_049), ("<a/>", 3_000), ("x\r\ny", 1_500), ("", 1)] {
            let text = piece.repeat(times);
            let places = Places::in_text(&text);
            for position in (0..=text.len()).step_by(97).chain([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, text.len()]) {
                let position = position.min(text.len());
                let counted = text.as_bytes()[..position].iter().filter(|mark| **mark == b'\n').count();
                assert_eq!(usize::try_from(places.line_at(position)).unwrap(), counted + 1, "{piece:?} {position}");
            }
        }
        let document = roxmltree::Document::parse("<a>\n <b/>\n\n<c/></a>").unwrap();
        let places = Places::of(document.root());
        for node in document.descendants() {
            assert_eq!(places.line(node), document.text_pos_at(node.range().start).row);
        }
    }
}
