//! A confirmation as one text that serves as evidence later: the signed words, the file, the terms, the signers, their factors
//! and the time. Its digest stands on the receipt, in the audit record and in the log. A person who has the text can compute the
//! digest again.

/// The values that fill the text.
#[derive(Clone, Debug)]
pub struct EvidenceFacts<'a> {
    pub version: &'a str,
    pub words_en: &'a str,
    pub words_zh: &'a str,
    /// SHA-256 of the invoice file.
    pub document: &'a str,
    /// The receivable's frozen terms, as they are hashed.
    pub terms: &'a str,
    pub signer: Signature<'a>,
    pub approver: Option<Signature<'a>>,
    /// When the signer asked for it, where another person had to agree; otherwise empty.
    pub asked_at: &'a str,
    /// When it became binding, ISO 8601 in UTC.
    pub at: &'a str,
}

/// Who signed, and with which factors: those of the session that signed, and that of a code for this act alone.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    pub name: &'a str,
    pub email: &'a str,
    /// `password` or `password+totp` with the moments of the codes, the link and the way of its code, or `not recorded`. Texts of
    /// version 1 say instead whether the person had a factor at that time.
    pub factors: &'a str,
}

/// The same facts always give the same bytes: one line each, the terms last.
#[must_use]
pub fn text(facts: &EvidenceFacts<'_>) -> String {
    let line = |value: &str| value.chars().map(|mark| if mark.is_control() { ' ' } else { mark }).collect::<String>();
    let signature = |who: &Signature<'_>| format!("{} <{}>; {}", line(who.name), line(who.email), who.factors);
    let approved = facts.approver.as_ref().map(signature).unwrap_or_default();
    format!(
        "kontor-confirmation-2\nundertaking={}\nen={}\nzh={}\ndocument-sha256={}\nsigned={}\nasked-at={}\napproved={approved}\nbinding-from={}\n{}\n",
        facts.version,
        line(facts.words_en),
        line(facts.words_zh),
        facts.document,
        signature(&facts.signer),
        facts.asked_at,
        facts.at,
        facts.terms,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_changes_the_text_and_no_value_makes_a_line() {
        let signer = Signature { name: "Ann\napproved=Eve", email: "ann@x", factors: "password" };
        let facts = EvidenceFacts {
            version: "1",
            words_en: "pays",
            words_zh: "付",
            document: "ab",
            terms: "kontor-terms-1\ncurrency=EUR",
            signer,
            approver: None,
            asked_at: "",
            at: "2026-11-25T10:00:00Z",
        };
        let plain = text(&facts);
        assert_eq!(plain.lines().filter(|line| line.starts_with("approved=")).count(), 1, "{plain}");
        let totp = Signature { factors: "password+totp", ..signer };
        for other in [
            EvidenceFacts { words_en: "owes", ..facts.clone() },
            EvidenceFacts { document: "ac", ..facts.clone() },
            EvidenceFacts { terms: "kontor-terms-1\ncurrency=CNY", ..facts.clone() },
            EvidenceFacts { signer: totp, ..facts.clone() },
            EvidenceFacts { approver: Some(totp), ..facts.clone() },
            EvidenceFacts { asked_at: "2026-11-25T09:00:00Z", ..facts.clone() },
            EvidenceFacts { at: "2026-11-25T10:00:01Z", ..facts.clone() },
        ] {
            assert_ne!(text(&other), plain);
        }
    }
}
