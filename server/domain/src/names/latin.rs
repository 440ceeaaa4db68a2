//! Texts for payment files in the character set that all banks of the SEPA take (EPC217-08, Basic Latin): letters, digits and
//! `/ - ? : ( ) . , ' +` and the space. Other letters are transliterated, Chinese characters by pinyin.

use any_ascii::any_ascii_char;
use unicode_normalization::UnicodeNormalization;

/// Whether a character is one of the set.
#[must_use]
pub fn is_basic(mark: char) -> bool {
    mark.is_ascii_alphanumeric() || matches!(mark, '/' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '\'' | '+' | ' ')
}

/// A text in the set, of at most `most` characters; words that do not fit are left out whole. Emoji are dropped. None where no
/// letter and no digit is left.
#[must_use]
pub fn written(text: &str, most: usize) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut after_syllable = false;
    for mark in text.nfc() {
        let syllable = is_han(mark);
        // Pinyin is read by its syllables.
        if (syllable || after_syllable) && mark.is_alphanumeric() {
            plain.push(' ');
        }
        after_syllable = syllable;
        plain.extend(one_written(mark).chars().map(|mark| if mark.is_whitespace() { ' ' } else { basic(mark) }));
    }
    // Two slashes, or one at an end, mean something else to banks.
    let words = plain.split(' ').map(|word| slashes_apart(word.trim_matches('/'))).filter(|word| !word.is_empty());
    let short = cut(words, most);
    let short = short.trim_matches('/');
    short.contains(|mark: char| mark.is_ascii_alphanumeric()).then(|| short.to_owned())
}

fn slashes_apart(word: &str) -> String {
    word.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// As many words as fit; of a first word that is too long by itself, its beginning.
fn cut(words: impl Iterator<Item = String>, most: usize) -> String {
    let mut line = String::new();
    for word in words {
        let needed = line.len().saturating_add(word.len()).saturating_add(usize::from(!line.is_empty()));
        if needed > most {
            if line.is_empty() {
                line.extend(word.chars().take(most));
            }
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    line
}

/// The Chinese characters of the Unicode blocks that are written by pinyin.
fn is_han(mark: char) -> bool {
    matches!(mark, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

/// The text that is written for one character. German vowels keep their e, as the same name is written in an IBAN's register.
fn one_written(mark: char) -> &'static str {
    match mark {
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'Ä' => "Ae",
        'Ö' => "Oe",
        'Ü' => "Ue",
        '€' => "E",
        // Between names a middle dot is a space.
        '·' | '•' | '・' => " ",
        '«' | '»' | '„' | '“' | '”' => "'",
        // The soft and the hard sign are no sound of their own.
        'ь' | 'ъ' | 'Ь' | 'Ъ' => "",
        mark if mark.is_whitespace() => " ",
        mark => {
            let plain = any_ascii_char(mark);
            // Emoji come as ":ship:".
            let emoji = plain.len() > 2 && plain.starts_with(':') && plain.ends_with(':');
            if emoji { "" } else { plain }
        }
    }
}

/// The character of the set for any other of ASCII, by the table of EPC217-08; the low line is a space in names.
fn basic(mark: char) -> char {
    match mark {
        mark if is_basic(mark) => mark,
        '&' => '+',
        '`' | '"' => '\'',
        '\\' | '|' => '/',
        '[' | '{' | '<' => '(',
        ']' | '}' | '>' => ')',
        '~' => '-',
        '_' => ' ',
        '@' | '!' | '#' | '$' | '%' | '*' | ';' | '=' | '^' => '.',
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_banks_take_them() {
        for (name, expected) in [
            ("Küsten_Guß & Söhne 🚢 € Ltd", "Kuesten Guss + Soehne E Ltd"),
            ("O'Brien & Łódź Śląsk Sp. z o.o.", "O'Brien + Lodz Slask Sp. z o.o."),
            ("明川精密零件有限公司", "Ming Chuan Jing Mi Ling Jian You Xian Gong Si"),
            ("上海ABC有限公司", "Shang Hai ABC You Xian Gong Si"),
            ("ООО «Волга Сталь»", "OOO 'Volga Stal'"),
            ("Ναυτιλία Α.Ε.", "Naytilia A.E."),
            ("Ødegård Ærø Þór", "Odegard Aero Thor"),
            ("Mu\u{308}ller GmbH", "Mueller GmbH"),
            ("Çelik Makine San. ve Tic. A.Ş. Iğdır", "Celik Makine San. ve Tic. A.S. Igdir"),
            ("＝ＡＢＣ　Ｌｔｄ", ".ABC Ltd"),
            ("A//B /C/ D", "A/B C D"),
            ("“Smith” – Jones’ №5", "'Smith' - Jones' No5"),
            ("Plain Name Ltd.", "Plain Name Ltd."),
            ("삼성전자", "SamSeongJeonJa"),
        ] {
            let found = written(name, 70).unwrap();
            assert_eq!(found, expected, "{name}");
            assert!(found.chars().all(is_basic), "{found}");
        }
        for nothing in ["", "🚢", "🚢 🏭", "...", "//", "\u{E000}"] {
            assert_eq!(written(nothing, 70), None, "{nothing}");
        }
    }

    #[test]
    fn every_character_is_written_in_the_set() {
        for code in 0..=0x2_FFFF_u32 {
            let Some(mark) = char::from_u32(code) else { continue };
            let found = written(&format!("A {mark} B"), 70).unwrap();
            assert!(found.chars().all(is_basic) && found.starts_with('A') && found.ends_with('B'), "{code:x}: {found}");
            assert!(!found.contains("  ") && !found.contains("//"), "{code:x}: {found}");
        }
    }

    #[test]
    fn a_long_text_ends_with_a_whole_word() {
        assert_eq!(written(&"东江".repeat(40), 20).unwrap(), "Dong Jiang Dong");
        assert_eq!(written(&"x".repeat(80), 70).unwrap().len(), 70);
        assert_eq!(written("Nord GmbH", 4).unwrap(), "Nord");
    }
}
