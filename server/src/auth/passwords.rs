//! Refuses weak passwords: short ones, breached ones, patterns, and those made of well-known facts about the person. Sources:
//! NIST SP 800-63B, 3.1.1.2; OWASP ASVS 5.0, 6.2.1, 6.2.4, 6.2.11. No rule asks for capitals, digits or marks.

use domain::Refusal;
use std::collections::HashSet;
use std::sync::OnceLock;

/// The owner of the password: it may not consist of words about the owner.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    pub email: String,
    pub name: String,
    pub company: String,
}

const LEAST_CHARACTERS: usize = 12;
const MOST_BYTES: usize = 256;
/// Letters and digits that must remain of a password without well-known words about its owner.
const LEAST_OWN: usize = 8;
/// Shorter words are part of too many others.
const LEAST_WORD: usize = 4;
const PRODUCT: &str = "kontor";

/// The file says where it comes from.
const BREACHED: &str = include_str!("../breached.txt");

fn is_breached(text: &str) -> bool {
    static LINES: OnceLock<HashSet<&str>> = OnceLock::new();
    let lines = LINES.get_or_init(|| BREACHED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect());
    lines.contains(text)
}

pub fn check(password: &str, owner: &Owner) -> Result<(), Refusal> {
    if password.chars().count() < LEAST_CHARACTERS || password.len() > MOST_BYTES {
        return Err(Refusal::PasswordTooShort);
    }
    let plain = password.to_lowercase();
    let known = spellings(&plain).iter().any(|text| is_breached(text));
    let weak = known || is_repeated(&plain) || is_walk(&plain) || is_about(&plain, owner);
    if weak { Err(Refusal::PasswordBreached) } else { Ok(()) }
}

/// The password and its core without digits and marks around it, also with letters in the place of look-alikes.
fn spellings(plain: &str) -> Vec<String> {
    let core = |text: &str| text.trim_matches(|mark: char| !mark.is_alphabetic()).to_owned();
    let mut list = vec![plain.to_owned(), core(plain)];
    let bare = plain.trim_end_matches(|mark: char| mark.is_ascii_digit() || mark.is_ascii_punctuation());
    for one in ['l', 'i'] {
        let read = |text: &str| text.chars().map(|mark| letter_for(mark, one)).collect::<String>();
        list.extend([core(&read(plain)), core(&read(bare))]);
    }
    list.retain(|text| text.chars().count() >= LEAST_WORD);
    list
}

fn letter_for(mark: char, one: char) -> char {
    match mark {
        '4' | '@' => 'a',
        '3' => 'e',
        '1' | '!' => one,
        '0' => 'o',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// The same few characters over and over: `aaaaaaaaaaaa`, `abcabcabcabc`, `passwordpassword`.
fn is_repeated(plain: &str) -> bool {
    let marks: Vec<char> = plain.chars().collect();
    let half = marks.len().checked_div(2).unwrap_or(0);
    (1..=half).any(|length| marks.iter().zip(marks.iter().skip(length)).all(|(one, other)| one == other))
}

const ROWS: [&str; 4] = ["1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"];

fn place(mark: char) -> Option<(usize, usize)> {
    ROWS.iter().enumerate().find_map(|(row, keys)| keys.chars().position(|key| key == mark).map(|column| (row, column)))
}

/// The next key, the same one, or the next letter or digit.
fn follows(one: char, next: char) -> bool {
    let counted = one.is_alphanumeric() && next.is_alphanumeric() && u32::from(one).abs_diff(u32::from(next)) <= 1;
    let beside = match (place(one), place(next)) {
        (Some((row, column)), Some((other_row, other))) => row.abs_diff(other_row) <= 1 && column.abs_diff(other) <= 1,
        _ => false,
    };
    one == next || counted || beside
}

/// A path over the keyboard or along the alphabet with few leaps: `qwertyuiop12`, `1qaz2wsx3edc`, `abcdefghijkl`.
fn is_walk(plain: &str) -> bool {
    let steps = plain.chars().zip(plain.chars().skip(1));
    let (leaps, length) = steps.fold((0_usize, 0_usize), |(leaps, length), (one, next)| {
        (leaps.saturating_add(usize::from(!follows(one, next))), length.saturating_add(1))
    });
    leaps.saturating_mul(4) <= length
}

/// Words of the owner, the company and the product, longest first.
fn words_about(owner: &Owner) -> Vec<String> {
    let parts = [&owner.email, &owner.name, &owner.company].into_iter().flat_map(|text| {
        let lower = text.to_lowercase();
        lower.split(|mark: char| !mark.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>()
    });
    let mut words: Vec<String> = parts.filter(|word| word.chars().count() >= LEAST_WORD).collect();
    words.push(PRODUCT.to_owned());
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

/// Whether the password is made of the own address, or has too little beside well-known facts about the owner.
fn is_about(plain: &str, owner: &Owner) -> bool {
    let local = owner.email.split('@').next().unwrap_or_default().to_lowercase();
    if local.len() >= LEAST_WORD && plain.contains(&local) {
        return true;
    }
    let mut rest = plain.to_owned();
    let mut found = false;
    for word in words_about(owner) {
        found |= rest.contains(&word);
        rest = rest.replace(&word, " ");
    }
    found && rest.chars().filter(|mark| mark.is_alphanumeric()).count() < LEAST_OWN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jane() -> Owner {
        Owner {
            email: "jane.doe@quay-house.example".to_owned(),
            name: "Jane Doering-Smith".to_owned(),
            company: "Harbour Freight GmbH".to_owned(),
        }
    }

    /// ASVS 6.2.4, 6.2.12: the list is long enough.
    #[test]
    fn the_list_holds_three_thousand_that_are_long_enough() {
        let long = BREACHED.lines().filter(|line| !line.starts_with('#') && line.chars().count() >= LEAST_CHARACTERS);
        assert!(long.count() > 3_000);
        assert!(BREACHED.lines().all(|line| line.starts_with('#') || line == line.to_lowercase()));
    }

    #[test]
    fn weak_and_breached_passwords_are_refused() {
        assert_eq!(check("short", &jane()), Err(Refusal::PasswordTooShort));
        assert_eq!(check(&"ab c".repeat(65), &jane()), Err(Refusal::PasswordTooShort), "too long, too");
        for weak in [
            "aaaaaaaaaaaaaaa",
            "abcabcabcabc",
            "correcthorsecorrecthorse",
            "Password1234!",
            "P@ssw0rd2026!!",
            "!!Liverpool2026",
            "M1chelle123456",
            "iloveyouforever",
            "qwertyuiop12",
            "1qaz2wsx3edc",
            "zxcvbnm,./asdf",
            "123456789012",
            "abcdefghijkl",
            "Sonnenschein1!",
        ] {
            assert_eq!(check(weak, &jane()), Err(Refusal::PasswordBreached), "{weak}");
        }
    }

    #[test]
    fn what_everybody_knows_makes_no_password() {
        for known in ["jane.doe-and-more", "Harbour-Freight-26", "doering.smith.1984", "Kontor!Harbour1", "quay-house-jane"] {
            assert_eq!(check(known, &jane()), Err(Refusal::PasswordBreached), "{known}");
        }
        for fine in [
            "counting house by the quay",
            "the-quay-at-nine",
            "harbour lights at midnight",
            "x7#Qp9!vR2mK",
            "七月的港口下着小雨没有人来",
        ] {
            assert_eq!(check(fine, &jane()), Ok(()), "{fine}");
        }
    }
}
