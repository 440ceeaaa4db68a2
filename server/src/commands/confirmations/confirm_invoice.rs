//! The buyer irrevocably undertakes to pay, all or less; the receivable comes into being in the same commit.

use crate::batch::{Batch, Step};
use crate::commands::cases::reviews;
use crate::commands::confirmations::advance;
use crate::commands::confirmations::links;
use crate::commands::invoices::answer_clock;
use crate::commands::invoices::answer_invoice::insert_message;
use crate::commands::programmes::terms::{self as programmes, Standing, Subject};
use crate::commands::receivables::settlement;
use crate::commands::{Actor, Applied, Asks, Done, Execute, Proof, currency, prose};
use crate::view::View;
use chrono::NaiveDate;
use domain::answer::{AnswerCode, ReasonCode};
use domain::chart::{self, AccountKey};
use domain::evidence::{self, EvidenceFacts, Signature};
use domain::invoice::{InvoiceEvent, InvoiceState, next_state, owed_minor};
use domain::party::{Capacity, UserStatus};
use domain::pricing::{Bearer, FeeTerms};
use domain::programme::Recourse;
use domain::receivable::{
    ConfirmationFacts, FeeRule, IssueSplit, IssueTerms, ReceivableState, decide_confirmation, decide_issue, terms_text,
};
use domain::review::ReviewState;
use domain::undertaking::{self, UndertakingTerms};
use domain::waterfall::ShareRule;
use domain::{Currency, Refusal};
use kernel::{Blank, InvoiceId, PartyId, ReceivableId, ReserveId};
use ledger::AssetId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::records::Keyed;
use store::{Confirmation, ConfirmationEvidence, Conn, Invoice, IssueTermsRow, Receivable, StoreError, User, confirmations};
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConfirmInvoice {
    pub invoice_id: InvoiceId,
    /// The amount that the buyer will pay, minor units of the invoice's currency.
    pub amount_minor: i64,
    /// The day on which it will be paid.
    pub due_date: NaiveDate,
    /// The undertaking's version that the signer read.
    pub version: String,
    /// SHA-256 of the words (English) that the signer read.
    pub words_hash: String,
    /// Needed when less than what is owed is confirmed and no deductions explain it.
    #[serde(default)]
    pub reason: String,
    /// Tax that the buyer withholds, minor units. Where any of the three is stated, they and the amount sum to what is owed.
    #[serde(default)]
    pub withheld_minor: i64,
    /// Kept back until something is done, such as a warranty period that ends.
    #[serde(default)]
    pub retained_minor: i64,
    /// Other deductions, such as short deliveries.
    #[serde(default)]
    pub deducted_minor: i64,
    /// The terms that were shown: `platform`, or a programme and its version as in `10234/2`. If other terms apply by now, the
    /// command refuses; empty accepts the terms that apply.
    #[serde(default)]
    pub terms: String,
}

/// The words that a confirmation would sign.
#[derive(Clone, Debug)]
pub struct Words {
    pub english: String,
    pub chinese: String,
    /// SHA-256 of the English words.
    pub hash: String,
}

/// The words that a confirmation of this amount and day would sign.
pub fn words(conn: &mut Conn, invoice: &Invoice, amount_minor: i64, due_date: NaiveDate) -> Result<Words, StoreError> {
    let buyer = store::Party::load(conn, invoice.buyer_id)?;
    let supplier = store::Party::load(conn, invoice.supplier_id)?;
    words_between((&buyer.name, &supplier.name), invoice, amount_minor, due_date)
}

/// The same where the names of buyer and supplier are known.
pub fn words_between(
    (buyer, supplier): (&str, &str),
    invoice: &Invoice,
    amount_minor: i64,
    due_date: NaiveDate,
) -> Result<Words, StoreError> {
    let known = Currency::parse(&invoice.currency).ok_or_else(|| settlement::corrupt("currency of invoice", invoice.id))?;
    let amount = format!("{} {}", invoice.currency, known.format(amount_minor));
    let due = due_date.to_string();
    let terms = UndertakingTerms {
        buyer,
        supplier,
        invoice_number: &invoice.number,
        amount: &amount,
        due_date: &due,
        document_hash: &invoice.document,
        issue_date: "",
    };
    let text = |language| undertaking::text(undertaking::CURRENT, language, &terms).unwrap_or_default();
    let (english, chinese) = (text("en"), text("zh"));
    let hash = crate::hash::sha256_hex(english.as_bytes());
    Ok(Words { english, chinese, hash })
}

/// The terms in force for a currency.
pub fn issue_terms(conn: &mut Conn, code: &str) -> Step<(IssueTermsRow, IssueTerms)> {
    let found = store::days::find_issue_terms(conn, code)?;
    let row = found.ok_or_else(|| Refusal::CurrencyUnknown { currency: code.to_owned() })?;
    let terms = IssueTerms {
        reserve_bps: row.reserve_bps,
        settlement_fee_bps: row.settlement_fee_bps,
        purchase_fee: FeeTerms { bps: row.purchase_fee_bps, minimum_minor: row.minimum_fee_minor, bearer: Bearer::Supplier },
        minimum_ticket_minor: row.minimum_ticket_minor,
        late_rate: row.late_rate.parse().map_err(|_| StoreError::Corrupt(format!("late rate of {code}")))?,
        late_day_count: row.late_day_count,
        grace_days: row.grace_days,
    };
    Ok((row, terms))
}

/// The factors with which a person signs: those of the session and of the act, or the link and its code.
fn factors(conn: &mut Conn, user: &User, invoice_id: InvoiceId, proven: &str) -> Result<String, StoreError> {
    if user.status == UserStatus::Contact {
        return links::factor(conn, user.id, invoice_id);
    }
    Ok(if proven.is_empty() { "not recorded" } else { proven }.to_owned())
}

/// The confirmation as one text, with its digest.
fn evidence(
    conn: &mut Conn,
    signed: &Confirmation,
    (invoice, receivable): (&Invoice, &Receivable),
    proof: &Proof,
) -> Result<ConfirmationEvidence, StoreError> {
    let signer = User::load(conn, signed.signer_id)?;
    let approver = match signed.approver_id {
        Some(id) => Some(User::load(conn, id)?),
        None => None,
    };
    let signed_with = factors(conn, &signer, invoice.id, &proof.made_with)?;
    let approved_with = match &approver {
        Some(user) => factors(conn, user, invoice.id, &proof.agreed_with)?,
        None => String::new(),
    };
    fn signature<'a>(user: &'a User, factors: &'a str) -> Signature<'a> {
        Signature { name: &user.name, email: &user.email, factors }
    }
    let moment = |at: chrono::NaiveDateTime| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let request = match signed.approver_id {
        Some(_) => confirmations::find_confirmation_request(conn, invoice.id, signed.signer_id)?,
        None => None,
    };
    let text = evidence::text(&EvidenceFacts {
        version: &signed.version,
        words_en: &signed.words_en,
        words_zh: &signed.words_zh,
        document: &invoice.document,
        terms: &receivable.terms,
        signer: signature(&signer, &signed_with),
        approver: approver.as_ref().map(|user| signature(user, &approved_with)),
        asked_at: &request.map(|row| moment(row.created_at)).unwrap_or_default(),
        at: &moment(signed.signed_at),
    });
    let hash = crate::hash::sha256_hex(text.as_bytes());
    Ok(ConfirmationEvidence { id: signed.id, invoice_id: invoice.id, text, hash })
}

/// The terms under which an invoice is issued.
pub(crate) struct Terms {
    currency: Currency,
    /// Late interest, which is the platform's everywhere.
    late: IssueTermsRow,
    pub(crate) issued: IssueTerms,
    under: Option<Standing>,
}

impl Terms {
    pub(crate) fn of(view: &mut dyn View, invoice: &Invoice, due_date: NaiveDate) -> Step<Self> {
        let (late, platform) = issue_terms(view.conn(), &invoice.currency)?;
        let today = view.today();
        let under = programmes::under(view.conn(), &Subject::of(invoice, Some(due_date)), today)?;
        let issued = under.as_ref().map_or_else(|| platform.clone(), |under| under.terms.issue_terms(&platform));
        Ok(Self { currency: currency(&invoice.currency)?, late, issued, under })
    }
}

/// The result of a confirmation for its invoice.
pub(crate) struct Issue {
    /// The invoice's state after it.
    pub(crate) state: InvoiceState,
    pub(crate) words: Words,
    pub(crate) reason: String,
    pub(crate) terms: Terms,
    pub(crate) split: IssueSplit,
}

/// A confirmation that the rules allow.
pub struct Confirmable {
    invoice: Invoice,
    next: Next,
}

enum Next {
    /// Its invoice resembles another one by now: a person decides first.
    Review(Vec<reviews::Finding>),
    Issue(Box<Issue>),
}

/// A confirmation that its invoice allows: the state after it, and the words that it would sign.
struct Promise {
    invoice: Invoice,
    state: InvoiceState,
    words: Words,
}

/// The words of a confirmation that the buyer may give. Its reason is stated only with the confirmation.
pub fn words_to_sign(
    view: &mut dyn View,
    buyer: PartyId,
    (invoice_id, amount_minor, due_date): (InvoiceId, i64, NaiveDate),
) -> Step<Words> {
    let wish = ConfirmInvoice {
        invoice_id,
        amount_minor,
        due_date,
        version: String::new(),
        words_hash: String::new(),
        reason: "given with the confirmation".to_owned(),
        withheld_minor: 0,
        retained_minor: 0,
        deducted_minor: 0,
        terms: String::new(),
    };
    Ok(wish.promise(view, buyer)?.words)
}

impl ConfirmInvoice {
    /// Checks what the invoice allows, in the order in which a person can act on it.
    fn promise(&self, view: &mut dyn View, buyer: PartyId) -> Step<Promise> {
        let found = answer_clock::presented_to(view.conn(), buyer, self.invoice_id)?;
        let invoice = found.ok_or(Refusal::NotFound)?;
        let less = decide_confirmation(&ConfirmationFacts {
            amount_minor: self.amount_minor,
            payable_minor: owed_minor(invoice.payable_minor, invoice.credited_minor),
            reason: &self.reason,
            deductions_minor: [self.withheld_minor, self.retained_minor, self.deducted_minor],
            due_date: self.due_date,
            invoice_due_date: invoice.due_date,
            today: view.today(),
        })?;
        if invoice.review == ReviewState::Open {
            return Err(Refusal::UnderReview.into());
        }
        let event = if less { InvoiceEvent::ConfirmLess } else { InvoiceEvent::Confirm };
        let state = next_state(invoice.state, event)?;
        let words = words(view.conn(), &invoice, self.amount_minor, self.due_date)?;
        Ok(Promise { invoice, state, words })
    }

    /// Whether this repeats a line of a list that its signer decided on alone: the same invoice, amount, day and words, nothing
    /// deducted.
    fn is_decided_line(&self, conn: &mut Conn, actor: &Actor) -> Result<bool, StoreError> {
        if [self.withheld_minor, self.retained_minor, self.deducted_minor] != [0; 3] {
            return Ok(false);
        }
        let line = confirmations::Line {
            party: actor.party_id,
            signer: actor.user_id,
            version: &self.version,
            invoice: self.invoice_id,
            amount_minor: self.amount_minor,
            due_date: self.due_date,
            words_hash: &self.words_hash,
        };
        confirmations::is_decided_alone(conn, &line)
    }

    /// The receivable with its frozen terms: the programme's where one holds, and else the platform's.
    fn receivable(&self, batch: &mut Batch<'_>, invoice: &Invoice, issue: &Issue) -> Result<Receivable, StoreError> {
        let Issue { words, terms: Terms { late, issued, under, .. }, split, .. } = issue;
        let calendar = settlement::calendar(batch.conn, &invoice.currency)?;
        // The reserve is the number after: position proofs tie both assets to the reference by it.
        let (id, reserve_asset): (ReceivableId, ReserveId) = (batch.next_id(), batch.next_id());
        let payment_date = calendar.following(self.due_date);
        let amount = |minor: i64| minor.to_string();
        let sellable_minor = under.as_ref().map_or(0, |under| under.terms.sellable_minor(self.amount_minor, split.face_minor));
        let programme_id = under.as_ref().map(|under| under.programme.id);
        let programme_version = under.as_ref().map_or(0, |under| under.version.version);
        let fee_bearer: Blank<Bearer> = Blank(under.as_ref().map(|under| under.version.fee_bearer));
        let recourse: Blank<Recourse> = Blank(under.as_ref().map(|under| under.version.recourse));
        let mut facts = vec![
            ("invoice", invoice.number.clone()),
            ("document", invoice.document.clone()),
            ("undertaking", words.hash.clone()),
            ("supplier", invoice.supplier_id.to_string()),
            ("buyer", invoice.buyer_id.to_string()),
            ("currency", invoice.currency.clone()),
            ("confirmed_minor", amount(self.amount_minor)),
            ("face_minor", amount(split.face_minor)),
            ("reserve_minor", amount(split.reserve_minor)),
            ("settlement_fee_minor", amount(split.settlement_fee_minor)),
            ("purchase_fee_bps", amount(issued.purchase_fee.bps)),
            ("minimum_fee_minor", amount(issued.purchase_fee.minimum_minor)),
            ("minimum_ticket_minor", amount(issued.minimum_ticket_minor)),
            ("late_rate", late.late_rate.clone()),
            ("late_day_count", late.late_day_count.to_string()),
            ("grace_days", amount(issued.grace_days)),
            ("due_date", self.due_date.to_string()),
            ("payment_date", payment_date.to_string()),
            (ShareRule::TERM, ShareRule::Running.name().to_owned()),
            (FeeRule::TERM, FeeRule::OfSold.name().to_owned()),
        ];
        // Terms without a programme read as they always did.
        if let Some(programme_id) = programme_id {
            facts.extend([
                ("programme", programme_id.to_string()),
                ("programme_version", amount(programme_version)),
                ("sellable_minor", amount(sellable_minor)),
                ("fee_bearer", fee_bearer.to_string()),
                ("recourse", recourse.to_string()),
            ]);
        }
        let borrowed: Vec<(&str, &str)> = facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let terms = terms_text(&borrowed);
        Ok(Receivable {
            id,
            reserve_asset,
            invoice_id: invoice.id,
            supplier_id: invoice.supplier_id,
            buyer_id: invoice.buyer_id,
            currency: invoice.currency.clone(),
            confirmed_minor: self.amount_minor,
            face_minor: split.face_minor,
            reserve_minor: split.reserve_minor,
            settlement_fee_minor: split.settlement_fee_minor,
            settlement_fee_paid_minor: 0,
            purchase_fee_bps: issued.purchase_fee.bps,
            minimum_fee_minor: issued.purchase_fee.minimum_minor,
            minimum_ticket_minor: issued.minimum_ticket_minor,
            late_rate: late.late_rate.clone(),
            late_day_count: late.late_day_count,
            grace_days: issued.grace_days,
            due_date: self.due_date,
            payment_date,
            interest_from: payment_date,
            state: ReceivableState::Issued,
            reference: domain::creditor_reference::create(&format!("R{id}")).unwrap_or_default(),
            terms_hash: crate::hash::sha256_hex(terms.as_bytes()),
            terms,
            paid_minor: 0,
            created_at: batch.now,
            held: false,
            programme_id,
            programme_version,
            sellable_minor,
            fee_bearer,
            recourse,
        })
    }
}

impl Execute for ConfirmInvoice {
    const NAME: &'static str = "confirm_invoice";
    const STEP_UP: bool = true;

    type Decision = Confirmable;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Confirmable> {
        view.acting_party(actor, Capacity::Buyer)?;
        let today = view.today();
        let Promise { invoice, state, words } = self.promise(view, actor.party_id)?;
        let reason = prose(&self.reason, "reason", 500)?;
        if self.version != undertaking::CURRENT || self.words_hash != words.hash {
            return Err(Refusal::UndertakingChanged.into());
        }
        // Position proofs show that an undertaking stands behind one receivable: the same words are signed once.
        if confirmations::has_signed_words(view.conn(), &words.hash)? {
            return Err(Refusal::DuplicateInvoice { number: invoice.number }.into());
        }
        if !self.terms.is_empty() {
            let standing = programmes::standing(view.conn(), &Subject::of(&invoice, Some(self.due_date)), today)?;
            if self.terms != programmes::terms_name(standing.as_ref()) {
                return Err(Refusal::TermsChanged.into());
            }
        }
        let fresh = reviews::look_again(view.conn(), &invoice)?;
        let next = if fresh.is_empty() {
            let terms = Terms::of(view, &invoice, self.due_date)?;
            let split = decide_issue(self.amount_minor, &terms.issued)?;
            Next::Issue(Box::new(Issue { state, words, reason, terms, split }))
        } else {
            Next::Review(fresh)
        };
        Ok(Confirmable { invoice, next })
    }

    fn asks(&self, view: &mut dyn View, actor: &Actor, decision: &Confirmable) -> Step<Asks> {
        // The decision on the whole list weighed the sum: the command does not count its lines again and asks no second person.
        if self.is_decided_line(view.conn(), actor)? {
            return Ok(Asks::Nobody);
        }
        let amounts = vec![(decision.invoice.currency.clone(), self.amount_minor)];
        Ok(Asks::Above { amounts, subject: decision.invoice.id.into() })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Confirmable) -> Applied<Done> {
        let Confirmable { mut invoice, next } = decision;
        match next {
            Next::Review(fresh) => {
                reviews::hold_again(batch, &mut invoice, &fresh)?;
                Ok(Done::new(invoice.id, json!({ "invoice_id": invoice.id, "review": "open" })))
            }
            Next::Issue(issue) => self.carry_out(batch, actor, invoice, *issue),
        }
    }
}

impl ConfirmInvoice {
    /// Issues what has been decided: the confirmation, its evidence, and the receivable.
    pub(crate) fn carry_out(&self, batch: &mut Batch<'_>, actor: &Actor, mut invoice: Invoice, issue: Issue) -> Applied<Done> {
        let receivable = self.receivable(batch, &invoice, &issue)?;
        let Issue { state, words, reason, terms, split } = issue;
        let confirmation = Confirmation {
            id: batch.next_id(),
            invoice_id: invoice.id,
            amount_minor: self.amount_minor,
            due_date: self.due_date,
            version: self.version.clone(),
            words_en: words.english,
            words_zh: words.chinese,
            words_hash: words.hash,
            reason,
            signer_id: actor.user_id,
            approver_id: actor.approver_id,
            signed_at: batch.now,
            withheld_minor: self.withheld_minor,
            retained_minor: self.retained_minor,
            deducted_minor: self.deducted_minor,
        };
        let (senior, junior): (AssetId, AssetId) = (receivable.id.into(), receivable.reserve_asset.into());
        batch.open_issued(AccountKey::issued(senior), split.face_minor);
        if split.reserve_minor > 0 {
            batch.open_issued(AccountKey::issued(junior), split.reserve_minor);
        }
        batch.post(&chart::issue(invoice.supplier_id, senior, split.face_minor, junior, split.reserve_minor))?;
        let owed = owed_minor(invoice.payable_minor, invoice.credited_minor);
        let (less, invoice_due) = (self.amount_minor < owed, invoice.due_date);
        invoice.state = state;
        invoice.confirmed_minor = self.amount_minor;
        invoice.due_date = Some(self.due_date);
        let evidence = evidence(batch.conn, &confirmation, (&invoice, &receivable), &actor.proof)?;
        let conditional = less || invoice_due.is_some_and(|said| self.due_date > said);
        let code = if conditional { AnswerCode::ConditionallyAccepted } else { AnswerCode::Accepted };
        let reason_code = if conditional { ReasonCode::Other.into() } else { Blank::NONE };
        batch.insert(&confirmation)?;
        batch.insert(&evidence)?;
        insert_message(batch, actor, invoice.id, (code.into(), reason_code), &confirmation.reason)?;
        batch.update(&invoice)?;
        links::end(batch, invoice.id, invoice.state.name())?;
        advance::lapse_confirmed(batch, &invoice)?;
        batch.insert(&receivable)?;
        let arguments =
            json!({ "number": invoice.number, "currency": invoice.currency, "amount": terms.currency.format(self.amount_minor) });
        batch.notify(invoice.supplier_id, "invoice_confirmed", &arguments, format!("/receivables/{}", receivable.id));
        let published = domain::calendar::Calendar::of(&invoice.currency);
        // Beyond the published years the day of payment may turn out to be a holiday.
        let ends = published.known_until().filter(|_| published.is_beyond(receivable.payment_date));
        let body = json!({
            "currency": invoice.currency,
            "invoice_id": invoice.id, "receivable_id": receivable.id, "confirmation_id": confirmation.id,
            "payment_date": receivable.payment_date, "calendar_known_until": ends,
            "reference": receivable.reference, "document": invoice.document, "terms_hash": receivable.terms_hash, "evidence_hash": evidence.hash,
        });
        Ok(Done::new(invoice.id, body))
    }
}
