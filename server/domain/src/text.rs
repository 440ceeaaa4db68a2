//! Texts from outside, before people read them.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

/// Control characters, invisible characters, and those that turn the direction of writing: they make one text look like another.
/// Names and addresses have none. The set is Default_Ignorable_Code_Point of the Unicode database, separators of lines and
/// paragraphs, marks of annotation, and the blank of Braille.
#[must_use]
pub fn is_hidden(mark: char) -> bool {
    if mark.is_ascii() {
        return mark.is_control();
    }
    let unseen = matches!(mark, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}');
    mark.is_control() || unseen || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(mark)
}

/// The same in a text of several lines. There, scripts also need their joiners, and signs need the marks that choose their form.
#[must_use]
pub fn is_hidden_in_prose(mark: char) -> bool {
    let needed = matches!(
        mark,
        '\n' | '\t' | '\u{AD}' | '\u{34F}' | '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{200C}' | '\u{200D}' | '\u{2028}' | '\u{2029}' | '\u{2800}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}'
    );
    is_hidden(mark) && !needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_have_lines_and_joined_letters_but_nothing_that_turns_it_round() {
        let prose = "Short delivery:\n2 pallets\tmissing. 👨\u{200D}👩 ❤\u{FE0F} 葛\u{E0100} ᠠ\u{180B} می\u{200C}خواهم";
        assert!(!prose.chars().any(is_hidden_in_prose));
        for mark in ['\u{7}', '\r', '\u{200B}', '\u{202E}', '\u{2066}', '\u{FEFF}'] {
            assert!(is_hidden_in_prose(mark), "{:x}", u32::from(mark));
        }
    }

    #[test]
    fn what_nobody_sees_is_known() {
        for mark in [
            '\u{7}',
            '\u{9}',
            '\u{7F}',
            '\u{85}',
            '\u{AD}',
            '\u{34F}',
            '\u{61C}',
            '\u{115F}',
            '\u{17B4}',
            '\u{180B}',
            '\u{180E}',
            '\u{180F}',
            '\u{200B}',
            '\u{200D}',
            '\u{2028}',
            '\u{2029}',
            '\u{202E}',
            '\u{2060}',
            '\u{2065}',
            '\u{2800}',
            '\u{3164}',
            '\u{FE0F}',
            '\u{FEFF}',
            '\u{FFA0}',
            '\u{FFF9}',
            '\u{1BCA0}',
            '\u{1D173}',
            '\u{E0041}',
            '\u{E0100}',
            '\u{E0FFF}',
        ] {
            assert!(is_hidden(mark), "{:x}", u32::from(mark));
        }
        assert!(!"Küstenguss KG, 江海\u{3000}– №7\u{A0}'x' e\u{301} मूल".chars().any(is_hidden));
    }
}
