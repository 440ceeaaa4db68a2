//! Names of companies and people: when two are one, when one looks like another, and how banks write them. A tax id's dresses
//! are in [`crate::tax_id`]. All of it is done here and not in SQL: SQLite's `lower` knows ASCII only.

pub mod latin;

use caseless::default_case_fold_str;
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

/// A name as it is compared: canonical forms made one (NFC), full case folding, each white space one space, none around it.
#[must_use]
pub fn folded(name: &str) -> String {
    if name.is_ascii() {
        return one_spaced(&name.to_ascii_lowercase());
    }
    // Canonical caseless matching (Unicode, D145): decomposed before and after the folding.
    let decomposed: String = name.nfd().collect();
    one_spaced(&default_case_fold_str(&decomposed).nfc().collect::<String>())
}

fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether two names are the same name, as one types them.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

/// Characters of an account holder's name, as banks take it.
pub const LONGEST_HOLDER: usize = 70;

/// The name of a company as the holder of its account.
#[must_use]
pub fn as_holder(company: &str) -> String {
    company.chars().take(LONGEST_HOLDER).collect()
}

/// Whether the holder of an account is this company, by name.
#[must_use]
pub fn is_holder(holder: &str, company: &str) -> bool {
    is_same(holder, &as_holder(company))
}

/// A mail address as it is kept and compared: canonical forms made one (NFC), small letters, no space around it.
#[must_use]
pub fn mail_address(typed: &str) -> String {
    typed.trim().nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// How a name looks: its skeletons (UTS 39) before and after the case is folded, and its letters and digits alone. Two names that
/// share one of the three look alike. Compute them once for a name that is compared with many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looks([String; 3]);

impl Looks {
    #[must_use]
    pub fn of(name: &str) -> Self {
        let seen: String = name.nfkc().filter(|mark| !crate::text::is_hidden(*mark)).collect();
        let flat = |text: &str| skeleton(text).collect::<String>();
        let folded_first = flat(&folded(&seen));
        let folded_last = folded(&flat(&one_spaced(&seen)));
        Self([folded_first, folded_last, crate::identity::name_look(&seen)])
    }

    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(one, other)| !one.is_empty() && one == other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_any_case_form_and_spacing_is_one() {
        for (one, other) in [
            ("Ödegaard Marine AS", "ödegaard marine as"),
            ("Ödegaard Marine AS", "O\u{308}DEGAARD MARINE AS"),
            ("Ödegaard Marine AS", "Ödegaard\u{A0} Marine\u{3000}AS "),
            ("Trave  Elektronik GmbH", "trave elektronik gmbh"),
            ("Weißguß KG", "WEISSGUSS KG"),
            ("ΣΊΣΥΦΟΣ ΑΕ", "σίσυφος αε"),
            ("Łódź Sp. z o.o.", "ŁÓDŹ SP. Z O.O."),
            ("ООО Волга", "ооо ВОЛГА"),
            ("江海精密", "江海精密"),
            ("ᾳ", "ΑΙ"),
        ] {
            assert!(is_same(one, other), "{one} {other}: {} {}", folded(one), folded(other));
        }
        for (one, other) in [("Ödegaard AS", "Odegaard AS"), ("Elbe GmbH", "ЕІbe GmbH"), ("A B", "AB"), ("江海", "海江")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_mail_address_has_one_form() {
        for (typed, kept) in [
            (" Anna@Hafen.example ", "anna@hafen.example"),
            ("jo\u{308}rg@hafen.example", "jörg@hafen.example"),
            ("JO\u{308}RG@HAFEN.EXAMPLE", "jörg@hafen.example"),
            ("J\u{D6}RG@hafen.example", "jörg@hafen.example"),
        ] {
            assert_eq!(mail_address(typed), kept, "{typed}");
            assert_eq!(mail_address(&mail_address(typed)), kept, "twice");
        }
    }

    #[test]
    fn a_name_that_looks_like_another_is_its_namesake() {
        let known = Looks::of("Elbe Feinmechanik GmbH");
        for like in [
            "Elbe Feinmechanik GmbH",
            "ELBE FEINMECHANIK GMBH",
            "Elbe  Feinmechanik\u{A0}GmbH",
            // Cyrillic е, full width, another small L, a zero width space that an older record may have.
            "Elbе Fеinmеchanik GmbH",
            "Ｅｌｂｅ Ｆｅｉｎｍｅｃｈａｎｉｋ ＧｍｂＨ",
            "EIbe Feinmechanik GmbH",
            "E1be Feinmechanik GmbH",
            "Elbe\u{200B} Feinmechanik GmbH",
            "Elbe\u{34F}\u{FE0F}\u{E0100} Feinmechanik GmbH",
            "Elbe-Feinmechanik GmbH",
            "Elbe Feinmeсhanik GmbH",
            "Elbe Feinrnechanik GmbH",
            "𝐄𝐥𝐛𝐞 Feinmechanik GmbH",
        ] {
            assert!(known.is_like(&Looks::of(like)), "{like}: {known:?} {:?}", Looks::of(like));
        }
        for other in ["Elbe Feinmechanik AG", "Alster Feinmechanik GmbH", "Elbe", "江海精密"] {
            assert!(!known.is_like(&Looks::of(other)), "{other}");
        }
        assert!(Looks::of("Café Crème").is_like(&Looks::of("Cafe\u{301} Cre\u{300}me")));
        // Names without a letter share nothing.
        assert!(!Looks::of("!").is_like(&Looks::of("?")) && Looks::of("江海").is_like(&Looks::of("江海")));
    }
}
