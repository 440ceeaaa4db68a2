//! A contact answers one invoice by its one-time link. A right code with an answer that the rules allow uses up the link. A wrong
//! code is counted; a refusal changes nothing.

use crate::batch::{Batch, Step, Stop};
use crate::commands::cases::reviews;
use crate::commands::confirmations::confirm_invoice::ConfirmInvoice;
use crate::commands::confirmations::links;
use crate::commands::invoices::answer_invoice::AnswerInvoice;
use crate::commands::invoices::dispute_invoice::DisputeInvoice;
use crate::commands::invoices::settle_dispute::SettleDispute;
use crate::commands::kit::second_person;
use crate::commands::{Actor, Applied, Command, Decided, Done, Execute};
use crate::view::View;
use chrono::NaiveDate;
use domain::Refusal;
use domain::answer::AnswerCode;
use domain::link::{LinkAct, LinkState, MOST_TRIES, acts_in, decide_amount};
use kernel::ConfirmationLinkId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::records::Keyed;
use store::{BuyerContact, ConfirmationLink, Invoice, User};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AnswerByLink {
    pub link_id: ConfirmationLinkId,
    #[serde(skip)]
    pub token_hash: String,
    #[serde(skip)]
    pub code: String,
    /// Of the code, keyed: it is short.
    #[serde(skip)]
    pub code_digest: String,
    /// `confirm`, `query`, `dispute`, `settle` or `reject`.
    pub answer: String,
    /// As in `confirm_invoice`.
    pub amount_minor: i64,
    pub due_date: Option<NaiveDate>,
    pub version: String,
    pub words_hash: String,
    pub withheld_minor: i64,
    pub retained_minor: i64,
    pub deducted_minor: i64,
    /// OPStatusReason.
    pub clarification: String,
    /// The reason, or what the supplier reads.
    pub text: String,
}

/// An open link, the contact that it went to, and its invoice.
struct Opened {
    link: ConfirmationLink,
    contact: BuyerContact,
    invoice: Invoice,
}

/// The result of an open link and a code.
pub struct Answered {
    opened: Opened,
    /// The command with the same content and its decision; nothing after a wrong code.
    said: Option<(Command, Decided)>,
}

impl AnswerByLink {
    /// The answer as the command that a signed-in person would send.
    fn command(&self, view: &mut dyn View, person: &Actor, invoice: &Invoice, contact: &BuyerContact) -> Step<Command> {
        let unknown = || Refusal::FieldInvalid { field: "act".to_owned() };
        let act = LinkAct::parse(&self.answer).ok_or_else(unknown)?;
        if !acts_in(invoice.state).contains(&act) {
            return Err(Refusal::StateConflict { state: invoice.state.to_string() }.into());
        }
        let (invoice_id, clarification, text) = (invoice.id, self.clarification.clone(), self.text.clone());
        let answer = |code: AnswerCode| AnswerInvoice {
            invoice_id,
            answer: code.name().to_owned(),
            clarification: clarification.clone(),
            text: text.clone(),
        };
        Ok(match act {
            LinkAct::Query => answer(AnswerCode::UnderQuery).into(),
            LinkAct::Reject => answer(AnswerCode::Rejected).into(),
            LinkAct::Dispute => DisputeInvoice { invoice_id, reason: text, clarification }.into(),
            LinkAct::Settle => SettleDispute { invoice_id, text }.into(),
            LinkAct::Confirm => {
                let company = view.solo_room(person.party_id, &invoice.currency)?;
                decide_amount((self.amount_minor, &invoice.currency), (contact.limit_minor, &contact.currency), company)?;
                let due_date = self.due_date.ok_or_else(|| Refusal::FieldMissing { field: "due_date".to_owned() })?;
                ConfirmInvoice {
                    invoice_id,
                    amount_minor: self.amount_minor,
                    due_date,
                    version: self.version.clone(),
                    words_hash: self.words_hash.clone(),
                    reason: text,
                    withheld_minor: self.withheld_minor,
                    retained_minor: self.retained_minor,
                    deducted_minor: self.deducted_minor,
                    terms: String::new(),
                }
                .into()
            }
        })
    }

    /// The link with its contact and invoice, if the actor is that contact.
    fn open(&self, view: &mut dyn View, actor: &Actor) -> Step<Opened> {
        let now = view.now();
        let found = links::find_open(view.conn(), &self.token_hash, now)?;
        let (link, contact) = found.filter(|(link, _)| link.id == self.link_id).ok_or(Refusal::LinkInvalid)?;
        let invoice = Invoice::load(view.conn(), link.invoice_id)?;
        if *actor != Actor::person(contact.party_id, contact.user_id) || invoice.buyer_id != contact.party_id {
            return Err(Refusal::LinkInvalid.into());
        }
        Ok(Opened { link, contact, invoice })
    }

    /// The answer, and the decision about it.
    fn say(&self, view: &mut dyn View, actor: &Actor, opened: &Opened) -> Step<(Command, Decided)> {
        let command = self.command(view, actor, &opened.invoice, &opened.contact)?;
        let decided = command.decide(view, actor)?;
        Ok((command, decided))
    }

    /// Decides about the answer as if its code were right. The contact's limit stays unsaid until the code is given.
    pub fn try_out(&self, view: &mut dyn View, actor: &Actor) -> Step<()> {
        let opened = self.open(view, actor)?;
        match self.say(view, actor, &opened) {
            Err(Stop::Refused(Refusal::AboveContactLimit { .. })) => Ok(()),
            said => said.map(|_| ()),
        }
    }

    /// A wrong code counts, and a few of them end the link.
    fn count_wrong(
        batch: &mut Batch<'_>,
        mut link: ConfirmationLink,
        contact: &BuyerContact,
        invoice: &Invoice,
    ) -> Applied<Done> {
        link.tries = link.tries.saturating_add(1);
        let left = MOST_TRIES.saturating_sub(link.tries).max(0);
        if left == 0 {
            link.state = LinkState::Locked;
            link.ended_at = Some(batch.now);
            let arguments = json!({ "number": invoice.number });
            batch.notify_user((contact.party_id, contact.user_id), "link_locked", &arguments, String::new());
            reviews::notify_operator(batch, "link_locked", &arguments, format!("/ops/contacts/{}", contact.party_id))?;
        }
        batch.update(&link)?;
        Ok(Done::new(invoice.id, json!({ "link_id": link.id, "factor": "wrong", "left": left })))
    }

    /// Ends the link by which an answer was given, and says so in its outcome.
    fn use_up(
        batch: &mut Batch<'_>,
        mut link: ConfirmationLink,
        contact: &BuyerContact,
        invoice: &Invoice,
        done: &mut Done,
    ) -> Applied<()> {
        link.state = LinkState::Used;
        link.ended_at = Some(batch.now);
        batch.update(&link)?;
        let user = User::load(batch.conn, contact.user_id)?;
        let evidence = done.body.get("evidence_hash").and_then(Value::as_str).unwrap_or("–").to_owned();
        let arguments = json!({ "number": invoice.number, "receipt": format!("K-{}", batch.audit_seq()), "evidence": evidence });
        batch.notify_user((contact.party_id, contact.user_id), "link_used", &arguments, String::new());
        if let Some(body) = done.body.as_object_mut() {
            body.insert("link_id".to_owned(), json!(link.id));
            body.insert("contact_id".to_owned(), json!(contact.id));
            body.insert("person".to_owned(), format!("{} <{}>", user.name, user.email).into());
            body.insert("factor".to_owned(), links::described(&link, contact).into());
        }
        Ok(())
    }
}

impl Execute for AnswerByLink {
    const NAME: &'static str = "answer_by_link";

    type Decision = Answered;

    fn secrets(&self) -> Vec<&str> {
        vec![&self.token_hash, &self.code_digest]
    }

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Answered> {
        let opened = self.open(view, actor)?;
        let typed: String = self.code.chars().filter(char::is_ascii_digit).collect();
        let is_right = links::is_code(&opened.link, &typed, view.now());
        let said = is_right.then(|| self.say(view, actor, &opened)).transpose()?;
        Ok(Answered { opened, said })
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Answered) -> Applied<Done> {
        let Answered { opened: Opened { link, contact, invoice }, said } = decision;
        let Some((command, decided)) = said else { return Self::count_wrong(batch, link, &contact, &invoice) };
        let mut done = command.apply(batch, actor, decided)?;
        // The check before a confirmation found something: nothing was promised, and the link has ended with it.
        if done.body.get("review").is_none() {
            Self::use_up(batch, link, &contact, &invoice, &mut done)?;
        }
        if matches!(command, Command::ConfirmInvoice(_)) {
            // An amount within both limits needs no second person: it counts as done alone.
            second_person::count_alone(batch, actor, vec![(invoice.currency, self.amount_minor)])?;
        }
        Ok(done)
    }
}
