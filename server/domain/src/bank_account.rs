//! Numbers of accounts that money goes to. An IBAN names bank and account in one. In a country without IBAN the bank's code
//! stands before its own number, as in `CNAPS/102100099996/0200000109014001234`.

use crate::Refusal;
use std::fmt;

/// A country without IBAN: its clearing system (ISO 20022 external code set, clearing system identification). It also has the
/// marks of a bank's code in that system, and the digits of an account number.
struct Clearing {
    country: &'static str,
    system: &'static str,
    member: usize,
    account: (usize, usize),
}

const CLEARINGS: &[Clearing] = &[
    Clearing { country: "CN", system: "CNAPS", member: 12, account: (8, 32) },
    Clearing { country: "HK", system: "HKNCC", member: 3, account: (6, 12) },
    Clearing { country: "IN", system: "INFSC", member: 11, account: (6, 18) },
    Clearing { country: "JP", system: "JPZGN", member: 7, account: (7, 7) },
    Clearing { country: "US", system: "USABA", member: 9, account: (4, 17) },
];

/// The name of the pair of BIC and account number.
const BIC: &str = "BIC";

/// An account with everything that a payment to it needs to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankAccountNumber {
    /// ISO 13616.
    Iban(String),
    Domestic {
        /// The bank's code: a BIC, or a clearing system and its member.
        bank: BankCode,
        number: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankCode {
    Bic(String),
    Clearing { system: &'static str, member: String },
}

impl BankAccountNumber {
    /// Reads the stored form: an IBAN, or `SYSTEM/BANK/NUMBER`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        match (parts.next()?, parts.next(), parts.next(), parts.next()) {
            (iban, None, None, None) => normalise_iban(iban).map(Self::Iban),
            (BIC, Some(bic), Some(number), None) => {
                let bank = BankCode::Bic(normalise_bic(bic)?);
                is_number(number, (4, 34)).then(|| Self::Domestic { bank, number: number.to_owned() })
            }
            (system, Some(member), Some(number), None) => {
                let clearing = CLEARINGS.iter().find(|known| known.system == system)?;
                let fits = member.len() == clearing.member && is_plain(member) && is_number(number, clearing.account);
                let bank = BankCode::Clearing { system: clearing.system, member: member.to_owned() };
                fits.then(|| Self::Domestic { bank, number: number.to_owned() })
            }
            _ => None,
        }
    }

    /// The account that a company of this country typed into two fields. Where a country has IBANs, nothing else is an account.
    pub fn of(country: &str, number: &str, bank: &str) -> Result<Self, Refusal> {
        if let Some(known) = Self::parse(&plain(number)) {
            return if known.is_qr_iban() { Err(Refusal::QrIban) } else { Ok(known) };
        }
        let clearing = CLEARINGS.iter().find(|known| known.country == country).ok_or(Refusal::IbanInvalid)?;
        let number = plain(number);
        if !is_number(&number, clearing.account) {
            return Err(Refusal::AccountNumberInvalid { least: clearing.account.0, most: clearing.account.1 });
        }
        let bank = plain(bank);
        let bank = if bank.len() == clearing.member {
            BankCode::Clearing { system: clearing.system, member: bank }
        } else {
            let bic = normalise_bic(&bank);
            BankCode::Bic(bic.ok_or(Refusal::BankCodeInvalid { system: clearing.system, marks: clearing.member })?)
        };
        Ok(Self::Domestic { bank, number })
    }

    /// The account as a bank's file states it: its IBAN, or its own number with its bank. A number that cannot be paid to is kept
    /// as the bare number.
    #[must_use]
    pub fn reported(iban: &str, number: &str, (bic, system, member): (&str, &str, &str)) -> String {
        if !iban.is_empty() || number.is_empty() {
            return iban.to_owned();
        }
        let whole = if member.is_empty() {
            format!("{BIC}/{bic}/{}", plain(number))
        } else {
            format!("{system}/{member}/{}", plain(number))
        };
        Self::parse(&whole).map_or_else(|| number.to_owned(), |known| known.to_string())
    }

    /// Whether it is a QR-IBAN: an institution number from 30000 to 31999 in Switzerland or Liechtenstein (SIX, QR-bill
    /// implementation guidelines). It takes only payments with a QR reference, so a payout to it comes back.
    #[must_use]
    pub fn is_qr_iban(&self) -> bool {
        let Self::Iban(iban) = self else { return false };
        let institution = iban.get(4..9).and_then(|digits| digits.parse::<u32>().ok());
        (iban.starts_with("CH") || iban.starts_with("LI"))
            && institution.is_some_and(|number| (30_000..=31_999).contains(&number))
    }

    /// The account as its own bank calls it.
    #[must_use]
    pub fn number(&self) -> &str {
        match self {
            Self::Iban(number) | Self::Domestic { number, .. } => number,
        }
    }
}

impl fmt::Display for BankAccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iban(iban) => f.write_str(iban),
            Self::Domestic { bank: BankCode::Bic(bic), number } => write!(f, "{BIC}/{bic}/{number}"),
            Self::Domestic { bank: BankCode::Clearing { system, member }, number } => write!(f, "{system}/{member}/{number}"),
        }
    }
}

/// The form in which it is compared: capital letters, without spaces and hyphens.
fn plain(typed: &str) -> String {
    typed.chars().filter(|mark| !mark.is_whitespace() && *mark != '-').collect::<String>().to_ascii_uppercase()
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|mark| mark.is_ascii_digit() || mark.is_ascii_uppercase())
}

fn is_number(text: &str, (least, most): (usize, usize)) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|mark| mark.is_ascii_digit())
}

/// Countries of the IBAN registry (ISO 13616, release 102 of June 2026) that the library of its structures leaves out. Each has
/// the number of the bank's letters, the number of the account's marks, and whether those are digits only.
const MORE_IBANS: &[(&str, usize, usize, bool)] = &[("HN", 4, 20, true), ("PK", 4, 16, false)];

/// An IBAN in its electronic form, if its check digits and country format hold.
fn normalise_iban(typed: &str) -> Option<String> {
    let plain: String = typed.chars().filter(|mark| !mark.is_whitespace()).collect::<String>().to_ascii_uppercase();
    if plain.parse::<iban::Iban>().is_ok() {
        return Some(plain);
    }
    plain.parse::<iban::BaseIban>().ok()?;
    let (_, letters, rest, digits) = MORE_IBANS.iter().find(|(country, ..)| plain.starts_with(country))?;
    let (bank, account) = plain.get(4..)?.split_at_checked(*letters)?;
    let fits = bank.bytes().all(|mark| mark.is_ascii_uppercase())
        && account.len() == *rest
        && account.bytes().all(|mark| mark.is_ascii_digit() || !*digits);
    fits.then_some(plain)
}

/// ISO 9362: bank (letters, since 2014 also digits), country of ISO 3166-1 or Kosovo's XK, place, and perhaps a branch.
#[must_use]
pub fn normalise_bic(typed: &str) -> Option<String> {
    let plain = plain(typed);
    let country = plain.get(4..6)?;
    let known = country == "XK" || country.parse::<iso_currency::Country>().is_ok();
    (matches!(plain.len(), 8 | 11) && known && is_plain(&plain)).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_an_iban_or_a_number_at_a_bank() {
        let of =
            |country: &str, number: &str, bank: &str| BankAccountNumber::of(country, number, bank).map(|known| known.to_string());
        assert_eq!(of("DE", "de89 3704 0044 0532 0130 00", "").as_deref(), Ok("DE89370400440532013000"));
        assert_eq!(
            of("DE", "89370400440532013000", "COBADEFF"),
            Err(Refusal::IbanInvalid),
            "a country with IBANs has nothing else"
        );
        assert_eq!(of("DE", "DE88 3704 0044 0532 0130 00", ""), Err(Refusal::IbanInvalid));
        let chinese = "CNAPS/102100099996/0200000109014001234";
        assert_eq!(of("CN", "0200 0001 0901 4001 234", "102 100 099 996").as_deref(), Ok(chinese));
        assert_eq!(of("CN", "0200000109014001234", "icbkcnbj").as_deref(), Ok("BIC/ICBKCNBJ/0200000109014001234"));
        assert_eq!(of("CN", "DE89370400440532013000", "").as_deref(), Ok("DE89370400440532013000"), "an account abroad");
        assert_eq!(of("CN", "12", "102100099996"), Err(Refusal::AccountNumberInvalid { least: 8, most: 32 }));
        assert_eq!(of("CN", "0200000109014001234", ""), Err(Refusal::BankCodeInvalid { system: "CNAPS", marks: 12 }));
        for text in [chinese, "BIC/ICBKCNBJ/0200000109014001234", "DE89370400440532013000", "USABA/021000021/12345678"] {
            assert_eq!(BankAccountNumber::parse(text).unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "0200000109014001234",
            "CNAPS/1/0200000109014001234",
            "CNAPS/102100099996/x",
            "XX/1/2",
            "a/b/c/d",
            "BIC/ICBKCNBJ/<x>",
        ] {
            assert_eq!(BankAccountNumber::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_qr_iban_takes_no_payout() {
        // Examples of the implementation guidelines, and the bounds of the range.
        let with = |institution: &str, country: &str| {
            let body = format!("{institution}000000000000");
            let check = (0..98).map(|check| format!("{country}{check:02}{body}")).find(|iban| normalise_iban(iban).is_some());
            BankAccountNumber::of("CH", &check.unwrap(), "").map(|_| ())
        };
        assert_eq!(BankAccountNumber::of("CH", "CH44 3199 9123 0008 8901 2", ""), Err(Refusal::QrIban));
        for country in ["CH", "LI"] {
            assert_eq!(
                ["29999", "30000", "31999", "32000"].map(|institution| with(institution, country)),
                [Ok(()), Err(Refusal::QrIban), Err(Refusal::QrIban), Ok(())]
            );
        }
        assert!(BankAccountNumber::of("DE", "DE89370400440532013000", "").is_ok());
        assert!(BankAccountNumber::parse("CH4431999123000889012").is_some(), "a payer may have one");
    }

    #[test]
    fn countries_and_banks_are_those_of_the_registries() {
        for iban in [
            "PK36 SCBL 0000 0011 2345 6702",
            "HN88CABF00000000000250005469",
            "XK051212012345678906",
            "YE15CBYE0001018861234567891234",
        ] {
            assert!(normalise_iban(iban).is_some(), "{iban}");
        }
        for iban in
            ["PK36SCBL000000112345670", "HN88CABF0000000000025000546A", "PK36GCBL0000001123456702", "US64SVBKUS6S3300958879"]
        {
            assert!(normalise_iban(iban).is_none(), "{iban}");
        }
        for bic in ["DEUTDEFF", "1EUTDEFF500", "NCBVXKPR", "BKCHHKHH"] {
            assert!(normalise_bic(bic).is_some(), "{bic}");
        }
        for bic in ["DEUTXXFF", "DEUT1EFF", "DEUTDEF", "DEUTZZFF500"] {
            assert!(normalise_bic(bic).is_none(), "{bic}");
        }
        let root =
            std::env::var("KONTOR_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
        for (file, known) in
            [("iban", normalise_iban as fn(&str) -> Option<String>), ("bic", normalise_bic as fn(&str) -> Option<String>)]
        {
            let Ok(table) = std::fs::read_to_string(format!("{root}/data/identifiers/{file}_vectors.csv")) else {
                println!("left out: shared data is absent");
                return;
            };
            for row in table.lines().skip(1) {
                let mut cells = row.split(',');
                let (input, expected) = (cells.next().unwrap(), cells.next().unwrap());
                if expected != "review" {
                    assert_eq!(known(input).is_some(), expected == "valid", "{row}");
                }
            }
        }
    }

    #[test]
    fn a_bank_reports_what_it_knows() {
        let none = ("", "", "");
        assert_eq!(BankAccountNumber::reported("DE89370400440532013000", "", none), "DE89370400440532013000");
        assert_eq!(BankAccountNumber::reported("", "0200000109014001234", none), "0200000109014001234");
        let member = ("", "CNAPS", "102100099996");
        assert_eq!(BankAccountNumber::reported("", "0200000109014001234", member), "CNAPS/102100099996/0200000109014001234");
        assert_eq!(
            BankAccountNumber::reported("", "0200000109014001234", ("ICBKCNBJ", "", "")),
            "BIC/ICBKCNBJ/0200000109014001234"
        );
        assert_eq!(BankAccountNumber::reported("", "", none), "");
    }
}
