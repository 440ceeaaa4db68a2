//! Mails: a notice in a person's language, as subject and plain text.

use crate::texts::Language;

/// Subject and body of a notice. `link` is a path; `base` the address under which people reach the server.
#[must_use]
pub fn render(language: Language, kind: &str, arguments: &[(&str, String)], base: &str, link: &str) -> (String, String) {
    let sentence = notice(language, kind, arguments);
    let subject: String = sentence.chars().filter(|mark| !mark.is_control()).take(150).collect();
    // A person who cannot sign in gets no link.
    let opened = if link.is_empty() { String::new() } else { format!("{}\n{base}{link}\n\n", language.t("mail-open")) };
    let body = format!("{sentence}\n\n{opened}{}\n", language.t("mail-footer"));
    (subject, body)
}

/// One mail for many notices: each sentence, with the path that it leads to.
#[must_use]
pub fn render_joined(language: Language, notices: &[(String, String)], base: &str) -> (String, String) {
    let subject = language.fill("mail-joined", &[("count", notices.len().to_string())]);
    let lines =
        notices.iter().map(
            |(sentence, link)| {
                if link.is_empty() { format!("{sentence}\n\n") } else { format!("{sentence}\n{base}{link}\n\n") }
            },
        );
    let body = format!("{subject}\n\n{}{}\n", lines.collect::<String>(), language.t("mail-footer"));
    (subject, body)
}

/// The sentence of a notice, for pages and mails alike.
#[must_use]
pub fn notice(language: Language, kind: &str, arguments: &[(&str, String)]) -> String {
    let arguments: Vec<(&str, String)> = arguments
        .iter()
        .map(|(name, value)| {
            if *name == "command" {
                return (*name, language.request(value));
            }
            let key = match *name {
                "why" => format!("approval-ended-{}", value.replace('_', "-")),
                "status" => format!("state-{}", value.replace('_', "-")),
                // A bank may give a reason without a text.
                "bank_reason" => {
                    Some(format!("bank-reason-{}", value.to_lowercase())).filter(|key| language.has(key)).unwrap_or_default()
                }
                _ => String::new(),
            };
            (*name, if key.is_empty() { value.clone() } else { language.t(&key) })
        })
        .collect();
    language.fill(&format!("notice-{}", kind.replace('_', "-")), &arguments)
}
