//! Texts from outside, before people read them.

/// Control characters, those that nobody sees, and those that turn the direction of writing: they make one text look like
/// another.
#[must_use]
pub fn is_hidden(mark: char) -> bool {
    let unseen = matches!(
        mark,
        '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
    );
    mark.is_control() || unseen
}

/// The same in a text of several lines, in which scripts also need their joiners.
#[must_use]
pub fn is_hidden_in_prose(mark: char) -> bool {
    is_hidden(mark) && !matches!(mark, '\n' | '\t' | '\u{AD}' | '\u{200C}' | '\u{200D}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_have_lines_and_joined_letters_but_nothing_that_turns_it_round() {
        let prose = "Short delivery:\n2 pallets\tmissing. 👨\u{200D}👩 می\u{200C}خواهم";
        assert!(!prose.chars().any(is_hidden_in_prose));
        for mark in ['\u{7}', '\r', '\u{200B}', '\u{202E}', '\u{2066}', '\u{FEFF}'] {
            assert!(is_hidden_in_prose(mark), "{:x}", u32::from(mark));
        }
    }

    #[test]
    fn what_nobody_sees_is_known() {
        for mark in ['\u{7}', '\u{AD}', '\u{200B}', '\u{202E}', '\u{2060}', '\u{3164}', '\u{FEFF}', '\u{E0041}'] {
            assert!(is_hidden(mark), "{:x}", u32::from(mark));
        }
        assert!(!"Küstenguss KG, 江海 – №7 'x'".chars().any(is_hidden));
    }
}
