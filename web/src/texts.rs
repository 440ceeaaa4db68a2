//! Texts in English and Simplified Chinese, and how each language writes dates, times and amounts.

use chrono::{Datelike, NaiveDate, NaiveDateTime};
use domain::{Currency, Refusal};
use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader, langid, static_loader};
use std::borrow::Cow;
use std::collections::HashMap;

static_loader! {
    static TEXTS = {
        locales: "./texts",
        fallback_language: "en",
        customise: |bundle| {
            bundle.set_use_isolating(false);
            bundle.set_formatter(Some(number_text));
        },
    };
}

static EN: LanguageIdentifier = langid!("en");
static ZH: LanguageIdentifier = langid!("zh");

/// Places that hold how many there are of something: the words around them depend on the number.
const COUNTS: &[&str] = &["count", "days", "minutes", "files", "good", "all", "page", "pages", "most"];

/// Numbers inside texts are written as everywhere else: in groups of three.
fn number_text<M>(value: &FluentValue<'_>, _memory: &M) -> Option<String> {
    match value {
        FluentValue::Number(number) => number.as_string().parse().ok().map(grouped),
        _ => None,
    }
}

/// A count goes in as a number, so that a text can choose between one and many; everything else as it is written.
fn place<'a>(name: &str, value: &'a str) -> FluentValue<'a> {
    match value.parse::<i64>() {
        Ok(count) if COUNTS.contains(&name) => FluentValue::from(count),
        _ => FluentValue::from(value),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    English,
    Chinese,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    #[must_use]
    pub fn parse(code: &str) -> Self {
        if code.starts_with("zh") { Self::Chinese } else { Self::English }
    }

    /// `en` or `zh`, as stored.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The value of the page's `lang` attribute.
    #[must_use]
    pub fn html(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    fn id(self) -> &'static LanguageIdentifier {
        match self {
            Self::English => &EN,
            Self::Chinese => &ZH,
        }
    }

    /// The text of a key. A missing key shows itself; a test finds it before a person does.
    #[must_use]
    pub fn t(self, key: &str) -> String {
        TEXTS.try_lookup(self.id(), key).unwrap_or_else(|| format!("[{key}]"))
    }

    /// The text of a key with its places filled.
    #[must_use]
    pub fn fill(self, key: &str, arguments: &[(&str, String)]) -> String {
        let map: HashMap<Cow<'static, str>, FluentValue<'_>> =
            arguments.iter().map(|(name, value)| (Cow::Owned((*name).to_owned()), place(name, value))).collect();
        TEXTS.try_lookup_with_args(self.id(), key, &map).unwrap_or_else(|| format!("[{key}]"))
    }

    /// Whether a key has a text in this very language, without falling back.
    #[must_use]
    pub fn has(self, key: &str) -> bool {
        TEXTS.try_lookup_with_args(self.id(), key, &HashMap::new()).is_some()
    }

    /// `22 Nov 2026` or `2026年11月22日`.
    #[must_use]
    pub fn date(self, date: NaiveDate) -> String {
        match self {
            Self::English => date.format("%-d %b %Y").to_string(),
            Self::Chinese => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        }
    }

    /// `Nov 2026` or `2026年11月`.
    #[must_use]
    pub fn month(self, date: NaiveDate) -> String {
        match self {
            Self::English => date.format("%b %Y").to_string(),
            Self::Chinese => format!("{}年{}月", date.year(), date.month()),
        }
    }

    /// A large amount as it is said in Chinese, in 万 or 亿; English says no such thing.
    #[must_use]
    pub fn spoken_money(self, currency: &str, minor: i64) -> Option<String> {
        let exponent = Currency::parse(currency)?.exponent();
        let whole = minor.checked_div(10_i64.checked_pow(exponent)?)?;
        let (unit, hundredths) = match whole.unsigned_abs() {
            0..10_000 => return None,
            10_000..100_000_000 => ("万", whole / 100),
            _ => ("亿", whole / 1_000_000),
        };
        let number = format!("{}.{:02}", grouped(hundredths / 100), (hundredths % 100).unsigned_abs());
        (self == Self::Chinese).then(|| format!("约 {currency} {number} {unit}"))
    }

    /// Date and time with its zone, which is UTC.
    #[must_use]
    pub fn moment(self, moment: NaiveDateTime) -> String {
        format!("{} {} UTC", self.date(moment.date()), moment.format("%H:%M"))
    }

    /// `EUR 1,234.50`
    #[must_use]
    pub fn money(self, currency: &str, minor: i64) -> String {
        let number = amount(currency, minor);
        format!("{currency} {number}")
    }

    /// The completed act, by the command's name.
    #[must_use]
    pub fn done(self, command: &str) -> String {
        self.t(&format!("command-{}", command.replace('_', "-")))
    }

    /// The act that a second person is asked to agree to, by the command's name.
    #[must_use]
    pub fn request(self, command: &str) -> String {
        let key = format!("request-{}", command.replace('_', "-"));
        if self.has(&key) { self.t(&key) } else { self.done(command) }
    }

    /// A refusal in words: amounts and dates as people write them.
    #[must_use]
    pub fn refusal(self, refusal: &Refusal, currency: &str) -> String {
        self.refusal_about(refusal, currency, None)
    }

    /// A refusal in words, with the field named as the form itself names it.
    #[must_use]
    pub fn refusal_about(self, refusal: &Refusal, currency: &str, label: Option<&str>) -> String {
        self.refusal_told(refusal.code(), refusal.arguments(), currency, label)
    }

    /// The same from a code and arguments that were kept.
    #[must_use]
    pub fn refusal_told(self, code: &str, arguments: Vec<(&str, String)>, currency: &str, label: Option<&str>) -> String {
        let arguments: Vec<(&str, String)> = arguments
            .into_iter()
            .map(|(name, value)| {
                let shown = if name.ends_with("_minor") && currency.is_empty() {
                    // The API answers in the units that it was asked in.
                    self.fill("amount-minor-units", &[("amount", value)])
                } else if name.ends_with("_minor") {
                    value.parse().map_or_else(|_| value.clone(), |minor| self.money(currency, minor))
                } else if let Ok(date) = value.parse::<NaiveDate>() {
                    self.date(date)
                } else if let Some(label) = label.filter(|_| name == "field") {
                    label.to_owned()
                } else if name == "field" {
                    let key = format!("field-{value}").replace('_', "-");
                    if self.has(&key) { self.t(&key) } else { value.clone() }
                } else if name == "state" {
                    let key = format!("state-{value}").replace('_', "-");
                    if self.has(&key) { self.t(&key) } else { value.clone() }
                } else {
                    value
                };
                (name, shown)
            })
            .collect();
        self.fill(&format!("refusal-{}", code.replace('_', "-")), &arguments)
    }

    /// A fault of a file in words: its code, and what the sentence needs. A broken rule is said with its own sentence.
    #[must_use]
    pub fn file_fault(self, code: &str, arguments: &[(&str, String)]) -> String {
        let mut arguments = arguments.to_vec();
        let of = |name: &str| arguments.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let mut key = format!("fault-file-{}", code.replace('_', "-"));
        if let Some(rule) = of("rule") {
            if of("line").is_some_and(|line| line != "0") {
                key.push_str("-at");
            }
            arguments.push(("sentence", self.t(&format!("rule-{}", rule.to_lowercase()))));
        }
        self.fill(&key, &arguments)
    }
}

/// The number of an amount in its currency's own decimals, without the code.
#[must_use]
pub fn amount(currency: &str, minor: i64) -> String {
    Currency::parse(currency).map_or_else(|| minor.to_string(), |known| known.format(minor))
}

/// A whole number in groups of three, with a true minus sign.
#[must_use]
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "\u{2212}" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_sentence_in_both_languages() {
        for language in Language::ALL {
            for (code, _) in Refusal::ALL {
                let key = format!("refusal-{}", code.replace('_', "-"));
                assert!(keys(language.source()).contains(&key), "{} lacks {key}", language.code());
            }
        }
    }

    impl Language {
        fn source(self) -> &'static str {
            match self {
                Self::English => include_str!("../texts/en/main.ftl"),
                Self::Chinese => include_str!("../texts/zh/main.ftl"),
            }
        }
    }

    /// The keys of a file; a key starts at the beginning of a line.
    fn keys(text: &str) -> std::collections::BTreeSet<String> {
        text.lines()
            .filter(|line| line.starts_with(|mark: char| mark.is_ascii_lowercase()))
            .filter_map(|line| line.split_once(" ="))
            .map(|(key, _)| key.to_owned())
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_keys_and_places() {
        let (english, chinese) = (Language::English.source(), Language::Chinese.source());
        let missing: Vec<_> = keys(english).symmetric_difference(&keys(chinese)).cloned().collect();
        assert!(missing.is_empty(), "only in one language: {missing:?}");
        // A message goes on over lines that begin with a space; which places it has matters, not how often.
        let places = |text: &str, key: &str| -> std::collections::BTreeSet<String> {
            let mut lines = text.lines().skip_while(|line| !line.starts_with(&format!("{key} =")));
            let first = lines.next().unwrap_or_default();
            let rest = lines.take_while(|line| line.starts_with(' '));
            let whole: String = std::iter::once(first).chain(rest).collect();
            let name = |after: &str| after.chars().take_while(|mark| mark.is_alphanumeric() || *mark == '_').collect();
            whole.split('$').skip(1).map(name).collect()
        };
        for key in keys(english) {
            assert_eq!(places(english, &key), places(chinese, &key), "{key}");
        }
    }

    #[test]
    fn one_is_not_many() {
        let say = |language: Language, days: &str| language.fill("clock-days", &[("days", days.to_owned())]);
        assert_eq!((say(Language::English, "1"), say(Language::English, "7")), ("1 day".to_owned(), "7 days".to_owned()));
        assert_eq!(say(Language::Chinese, "1"), "1 天");
    }

    #[test]
    fn a_broken_rule_is_said_in_the_readers_language() {
        let fault =
            |line: &str| Language::English.file_fault("rule", &[("rule", "BR-CO-16".to_owned()), ("line", line.to_owned())]);
        assert!(fault("0").starts_with("Rule BR-CO-16 is broken: The amount due is not"), "{}", fault("0"));
        assert!(fault("7").starts_with("Line 7 breaks rule BR-CO-16: The amount due"), "{}", fault("7"));
        let chinese =
            Language::Chinese.file_fault("invalid", &[("line", "3".into()), ("element", "ID".into()), ("text", "x".into())]);
        assert_eq!(chinese, "第 3 行：ID 不能是“x”。");
    }

    #[test]
    fn dates_and_amounts_are_written_as_each_language_does() {
        let date: NaiveDate = "2026-11-02".parse().unwrap();
        assert_eq!(Language::English.date(date), "2 Nov 2026");
        assert_eq!(Language::Chinese.date(date), "2026年11月2日");
        assert_eq!((Language::English.month(date), Language::Chinese.month(date)), ("Nov 2026".into(), "2026年11月".into()));
        let spoken = |minor| Language::Chinese.spoken_money("CNY", minor);
        assert_eq!(spoken(999_999), None);
        assert_eq!(spoken(2_575_306_283).as_deref(), Some("约 CNY 2,575.30 万"));
        assert_eq!(spoken(12_345_678_900).as_deref(), Some("约 CNY 1.23 亿"));
        assert_eq!(Language::English.spoken_money("CNY", 2_575_306_283), None);
        assert_eq!((grouped(-1_234_567), grouped(999)), ("\u{2212}1,234,567".to_owned(), "999".to_owned()));
        assert_eq!(Language::Chinese.money("JPY", 1234), "JPY 1,234");
        let refusal = Refusal::SoldOut { left_minor: 123_456 };
        assert!(Language::English.refusal(&refusal, "EUR").contains("EUR 1,234.56"));
    }
}
