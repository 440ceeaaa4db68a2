//! All commands, one file each, in two halves: `decide` gathers facts and asks the rules, `apply` posts, records and notifies.

use crate::batch::{Batch, Step, Stop};
use crate::view::View;
use domain::Refusal;
use domain::four_eyes::Matter;
use domain::party::{ApprovalState, Role};
use domain::text::{is_hidden, is_hidden_in_prose};
use kernel::{ApprovalId, AuditSeq, PartyId, RecordId, UserId};
use kit::second_person::Weighed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::people::Waiting;
use store::{Approval, Conn, StoreError};

/// The actor: a person for a company, a job of the platform, or the platform itself for a request without a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub party_id: PartyId,
    pub user_id: UserId,
    /// The second person, when the command runs because this person approved it.
    pub approver_id: Option<UserId>,
    pub proof: Proof,
}

impl Actor {
    /// The platform's own jobs. No request acts as this company, so no request can take one of their keys.
    pub const SYSTEM: Self = Self { party_id: PartyId(0), user_id: UserId(0), approver_id: None, proof: Proof::NONE };
    /// The platform for requests that come before or beside a sign-in: resets, invitations, counters of wrong passwords. Ids of
    /// companies begin far above.
    pub const DOOR: Self = Self { party_id: PartyId(1), user_id: UserId(0), approver_id: None, proof: Proof::NONE };
    /// The bank's own channel: its files were signed on the way, so that no person vouches for them.
    pub const BANK: Self = Self::SYSTEM;

    #[must_use]
    pub fn person(party_id: PartyId, user_id: UserId) -> Self {
        Self { party_id, user_id, approver_id: None, proof: Proof::NONE }
    }
}

/// The result of a command.
#[derive(Clone, Debug)]
pub struct Done {
    /// The record whose history this belongs to: an invoice, a company, a bank file.
    pub subject: RecordId,
    pub body: Value,
    /// Nothing was done yet: a second person must approve this request.
    pub awaits_approval: Option<ApprovalId>,
}

impl Done {
    #[must_use]
    pub fn new(subject: impl Into<RecordId>, body: Value) -> Self {
        Self { subject: subject.into(), body, awaits_approval: None }
    }
}

/// The answer to the caller, now or at a retry with the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The audit record's number, the reference on receipts.
    pub seq: AuditSeq,
    pub repeated: bool,
    pub awaits_approval: Option<ApprovalId>,
    pub body: Value,
}

impl Outcome {
    #[must_use]
    pub fn to_stored(done: &Done, wrote: &BTreeMap<String, String>, proof: &Proof) -> String {
        let mut stored = json!({ "awaits_approval": done.awaits_approval, "body": done.body, "wrote": wrote });
        if let (Some(map), Some(_)) = (stored.as_object_mut(), &proof.code) {
            map.insert("proven".to_owned(), proof.made_with.as_str().into());
        }
        stored.to_string()
    }

    #[must_use]
    pub fn stored(text: &str, seq: AuditSeq) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let awaits_approval = value.get("awaits_approval").and_then(Value::as_i64).map(ApprovalId);
        Self { seq, repeated: true, awaits_approval, body: value.get("body").cloned().unwrap_or_default() }
    }

    /// A number of the outcome, such as a new record's id.
    #[must_use]
    pub fn number<N: From<i64>>(&self, name: &str) -> N {
        N::from(self.body.get(name).and_then(Value::as_i64).unwrap_or(0))
    }

    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// The request that a second person is asked to agree to.
#[derive(Debug)]
pub struct Ask {
    pub amount_minor: Option<i64>,
    pub currency: String,
    pub subject: RecordId,
}

/// Whether another person must agree before it happens.
#[derive(Debug)]
pub enum Asks {
    Nobody,
    Always(Ask),
    /// A second person must agree where one of these amounts (minor units) is more than one may still do alone today.
    Above {
        amounts: Vec<(String, i64)>,
        subject: RecordId,
    },
}

/// The reason why a decision could not be applied. The rules have already answered, so it never comes from a refusal.
#[derive(Debug)]
pub struct Halt(Stop);

pub type Applied<T> = Result<T, Halt>;

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self(stop)
    }
}

impl From<Halt> for Stop {
    /// A refusal after the decision is a fault of the program. If nothing was written yet, a production build still returns it.
    fn from(Halt(stop): Halt) -> Self {
        match stop {
            Self::Refused(refusal) if cfg!(debug_assertions) => {
                StoreError::Corrupt(format!("refused after it was decided: {}", refusal.code())).into()
            }
            stop => stop,
        }
    }
}

/// One thing that can be done.
pub trait Execute: Serialize + for<'de> Deserialize<'de> {
    const NAME: &'static str;
    /// Hot commands declare what they read and are prefetched; the others may read by SQL.
    const HOT: bool = false;
    /// Commands that only keep house (a session was seen, a mail was sent) leave no audit record.
    const AUDITED: bool = true;
    /// Whether a person with a second factor gives a fresh code: for payments out, their destination, and rights over them.
    const STEP_UP: bool = false;

    /// All that the rules have allowed: what `apply` needs, with nothing left to refuse.
    type Decision;

    /// Gathers facts and asks the rules. May refuse, cannot write.
    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Self::Decision>;

    /// Whether a second person must agree first; not asked again once a second person has agreed.
    fn asks(&self, _view: &mut dyn View, _actor: &Actor, _decision: &Self::Decision) -> Step<Asks> {
        Ok(Asks::Nobody)
    }

    /// Posts, changes records and notifies. May write, cannot refuse.
    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decision: Self::Decision) -> Applied<Done>;

    /// Secrets that the stored input leaves out and that nothing else in it binds. The input keeps their digest. A retry of the
    /// key with other secrets then does not get the first answer. Short secrets come here keyed.
    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The roles of which one is needed to ask for it, as on its route. Looked at again when a second person agrees.
    const ASKERS: &'static [Role] = &[Role::Maker];

    /// The kind of act for the rule of who may agree to it.
    fn matter(&self, _conn: &mut Conn, _asker: &Actor) -> Step<Matter> {
        Ok(Matter::Ordinary)
    }

    /// Runs before a request is written: it ends other requests of its kind, or keeps the file of the request.
    fn before_request(&self, _batch: &mut Batch<'_>, _actor: &Actor, _ask: &mut Ask, _decision: &Self::Decision) -> Applied<()> {
        Ok(())
    }

    /// Holds cash or units for a request while it waits for its second person.
    fn hold_for_request(
        &self,
        _batch: &mut Batch<'_>,
        _actor: &Actor,
        _approval_id: ApprovalId,
        _decision: Self::Decision,
    ) -> Applied<()> {
        Ok(())
    }

    /// Decides about a request that a second person agrees to.
    fn decide_request(&self, view: &mut dyn View, actor: &Actor, _approval_id: ApprovalId) -> Step<Self::Decision> {
        self.decide(view, actor)
    }
}

macro_rules! commands {
    ($($noun:ident::$module:ident $name:ident),+ $(,)?) => {
        /// Any command.
        #[derive(Clone, Debug)]
        pub enum Command { $($name($noun::$module::$name)),+ }

        /// The decision about a command.
        pub enum Decided { $($name(Box<<$noun::$module::$name as Execute>::Decision>)),+ }

        impl Command {
            /// All names, for tests and documents.
            pub const NAMES: &'static [&'static str] = &[$(<$noun::$module::$name as Execute>::NAME),+];

            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => <$noun::$module::$name as Execute>::NAME),+ }
            }
            #[must_use]
            pub fn hot(&self) -> bool {
                match self { $(Self::$name(_) => <$noun::$module::$name as Execute>::HOT),+ }
            }
            /// Each name, and whether it asks for a fresh code.
            pub const STEP_UPS: &'static [(&'static str, bool)] =
                &[$((<$noun::$module::$name as Execute>::NAME, <$noun::$module::$name as Execute>::STEP_UP)),+];

            #[must_use]
            pub fn step_up(&self) -> bool {
                match self { $(Self::$name(_) => <$noun::$module::$name as Execute>::STEP_UP),+ }
            }
            #[must_use]
            pub fn audited(&self) -> bool {
                match self { $(Self::$name(_) => <$noun::$module::$name as Execute>::AUDITED),+ }
            }
            /// The input as it is stored and hashed: JSON, without secrets.
            #[must_use]
            pub fn input(&self) -> String {
                match self { $(Self::$name(input) => input_of(input)),+ }
            }
            /// Asks the rules whether it may happen, on a batch or on a connection for reading.
            pub fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Decided> {
                match self { $(Self::$name(input) => Ok(Decided::$name(Box::new(input.decide(view, actor)?)))),+ }
            }
            pub(crate) fn decide_request(&self, view: &mut dyn View, actor: &Actor, approval_id: ApprovalId) -> Step<Decided> {
                match self { $(Self::$name(input) => Ok(Decided::$name(Box::new(input.decide_request(view, actor, approval_id)?)))),+ }
            }
            /// Whether a second person must agree to what was decided.
            pub fn asks(&self, view: &mut dyn View, actor: &Actor, decided: &Decided) -> Step<Asks> {
                match (self, decided) {
                    $((Self::$name(input), Decided::$name(decision)) => input.asks(view, actor, decision),)+
                    _ => Err(other_decision(self.name()).into()),
                }
            }
            fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, decided: Decided) -> Applied<Done> {
                match (self, decided) {
                    $((Self::$name(input), Decided::$name(decision)) => input.apply(batch, actor, *decision),)+
                    _ => Err(other_decision(self.name()).into()),
                }
            }
            fn before_request(&self, batch: &mut Batch<'_>, actor: &Actor, ask: &mut Ask, decided: &Decided) -> Applied<()> {
                match (self, decided) {
                    $((Self::$name(input), Decided::$name(decision)) => input.before_request(batch, actor, ask, decision),)+
                    _ => Err(other_decision(self.name()).into()),
                }
            }
            fn hold_for_request(
                &self,
                batch: &mut Batch<'_>,
                actor: &Actor,
                approval_id: ApprovalId,
                decided: Decided,
            ) -> Applied<()> {
                match (self, decided) {
                    $((Self::$name(input), Decided::$name(decision)) => input.hold_for_request(batch, actor, approval_id, *decision),)+
                    _ => Err(other_decision(self.name()).into()),
                }
            }
            fn matter(&self, conn: &mut Conn, asker: &Actor) -> Step<Matter> {
                match self { $(Self::$name(input) => input.matter(conn, asker)),+ }
            }
            /// Every command's name, and the roles of which one is needed to ask for it.
            pub const ASKERS: &'static [(&'static str, &'static [Role])] =
                &[$((<$noun::$module::$name as Execute>::NAME, <$noun::$module::$name as Execute>::ASKERS)),+];

            /// Reads a stored request back.
            #[must_use]
            pub fn read(name: &str, input: &str) -> Option<Self> {
                $(if name == <$noun::$module::$name as Execute>::NAME {
                    return serde_json::from_str(input).ok().map(Self::$name);
                })+
                None
            }
        }

        $(impl From<$noun::$module::$name> for Command {
            fn from(input: $noun::$module::$name) -> Self { Self::$name(input) }
        })+
    };
}

commands!(
    bank::assign_suspense AssignSuspense,
    bank::cancel_payout CancelPayout,
    bank::choose_custody_account ChooseCustodyAccount,
    bank::close_custody_account CloseCustodyAccount,
    bank::continue_import ContinueImport,
    bank::create_payment_file CreatePaymentFile,
    bank::explain_statement ExplainStatement,
    bank::fail_payout FailPayout,
    bank::import_statement ImportStatement,
    bank::import_status ImportStatus,
    bank::keep_bank_file KeepBankFile,
    bank::open_custody_account OpenCustodyAccount,
    bank::record_receipt RecordReceipt,
    bank::refuse_bank_file RefuseBankFile,
    bank::request_payout RequestPayout,
    bank::resolve_line ResolveLine,
    bank::return_suspense ReturnSuspense,
    bank::take_back_line TakeBackLine,
    cases::decide_review DecideReview,
    confirmations::answer_by_link AnswerByLink,
    confirmations::confirm_invoice ConfirmInvoice,
    confirmations::confirm_list ConfirmList,
    confirmations::draft_confirmation_list DraftConfirmationList,
    confirmations::draft_payables DraftPayables,
    confirmations::end_contact EndContact,
    confirmations::record_confirmed RecordConfirmed,
    confirmations::record_contact RecordContact,
    confirmations::request_code RequestCode,
    confirmations::revoke_link RevokeLink,
    confirmations::send_link SendLink,
    confirmations::tell_code TellCode,
    confirmations::withdraw_approved WithdrawApproved,
    days::close_day CloseDay,
    days::record_checkpoint RecordCheckpoint,
    days::set_holiday SetHoliday,
    days::set_issue_terms SetIssueTerms,
    invoices::answer_invoice AnswerInvoice,
    invoices::attach_evidence AttachEvidence,
    invoices::dispute_invoice DisputeInvoice,
    invoices::explain_invoice ExplainInvoice,
    invoices::register_invoice RegisterInvoice,
    invoices::register_table RegisterTable,
    invoices::settle_dispute SettleDispute,
    invoices::submit_invoice SubmitInvoice,
    invoices::withdraw_invoice WithdrawInvoice,
    invoices::write_message WriteMessage,
    kit::decide_approval DecideApproval,
    kit::withdraw_request WithdrawRequest,
    market::buy_fractions BuyFractions,
    market::create_offer CreateOffer,
    market::inspect_offer InspectOffer,
    market::set_buyer_limit SetBuyerLimit,
    market::withdraw_offer WithdrawOffer,
    messages::queue_mails QueueMails,
    messages::record_mail RecordMail,
    messages::retry_mail RetryMail,
    parties::correct_company CorrectCompany,
    parties::decide_bank_account DecideBankAccount,
    parties::decide_company DecideCompany,
    parties::found_platform FoundPlatform,
    parties::invite_company InviteCompany,
    parties::propose_bank_account ProposeBankAccount,
    parties::set_approval_limit SetApprovalLimit,
    people::accept_invitation AcceptInvitation,
    people::appoint_checker AppointChecker,
    people::change_password ChangePassword,
    people::change_user ChangeUser,
    people::confirm_address ConfirmAddress,
    people::correct_address CorrectAddress,
    people::correct_administrator_address CorrectAdministratorAddress,
    people::end_sessions EndSessions,
    people::enrol_totp EnrolTotp,
    people::invite_user InviteUser,
    people::record_sign_in_failure RecordSignInFailure,
    people::request_address RequestAddress,
    people::request_password_reset RequestPasswordReset,
    people::reset_factor ResetFactor,
    people::reset_password ResetPassword,
    people::revoke_sessions RevokeSessions,
    people::set_preferences SetPreferences,
    people::share_allowances ShareAllowances,
    people::sign_in SignIn,
    people::touch_session TouchSession,
    programmes::answer_programme_invitation AnswerProgrammeInvitation,
    programmes::change_programme ChangeProgramme,
    programmes::decide_programme DecideProgramme,
    programmes::end_membership EndMembership,
    programmes::invite_to_programme InviteToProgramme,
    programmes::propose_programme ProposeProgramme,
    receivables::acknowledge_assignment AcknowledgeAssignment,
    receivables::share_payment SharePayment,
);

/// The input as JSON, with a digest of the secrets that it leaves out.
fn input_of<T: Execute>(command: &T) -> String {
    let secrets = command.secrets();
    if secrets.is_empty() {
        return serde_json::to_string(command).unwrap_or_default();
    }
    let mut input = serde_json::to_value(command).unwrap_or_default();
    if let Some(map) = input.as_object_mut() {
        map.insert("secrets".to_owned(), crate::hash::sha256_hex(secrets.join("\n").as_bytes()).into());
    }
    input.to_string()
}

/// A key of the platform's own making. A space stands in it, which no request can send, so that it is free in every company.
#[must_use]
pub fn own_key(kind: &str, parts: &[&dyn std::fmt::Display]) -> String {
    parts.iter().fold(kind.to_owned(), |key, part| format!("{key} {part}"))
}

/// Whether a request may use this key.
#[must_use]
pub fn is_request_key(key: &str) -> bool {
    (8..=100).contains(&key.len()) && key.bytes().all(|mark| mark.is_ascii_graphic())
}

pub mod bank;
pub mod cases;
pub mod confirmations;
pub mod days;
pub mod invoices;
pub mod kit;
pub mod market;
pub mod messages;
pub mod parties;
pub mod people;
pub mod programmes;
pub mod receivables;

pub use kit::step_up::Proof;

/// Decides about a command, and does it or puts it before a second person.
pub fn run(batch: &mut Batch<'_>, actor: &Actor, command: &Command) -> Step<Done> {
    kit::step_up::check(batch, actor, command)?;
    let decided = command.decide(batch, actor)?;
    let asks = if actor.approver_id.is_none() { command.asks(batch, actor, &decided)? } else { Asks::Nobody };
    let done = match kit::second_person::weigh(batch, actor, asks)? {
        Weighed::Ask(mut ask) => {
            let matter = command.matter(batch.conn, actor)?;
            kit::second_person::require(batch.conn, actor, matter)?;
            command.before_request(batch, actor, &mut ask, &decided)?;
            request_approval(batch, actor, command, &ask, decided)?
        }
        Weighed::Alone(amounts) => {
            let done = command.apply(batch, actor, decided)?;
            kit::second_person::count_alone(batch, actor, amounts)?;
            done
        }
    };
    kit::step_up::use_up(batch, actor)?;
    Ok(done)
}

/// The result of a trial run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// It would wait for a second person.
    pub second_person: bool,
}

/// Decides about a command without applying it: it refuses whatever the writer would refuse.
pub fn try_out(view: &mut dyn View, actor: &Actor, command: &Command) -> Step<Trial> {
    let decided = command.decide(view, actor)?;
    let asks = if actor.approver_id.is_none() { command.asks(view, actor, &decided)? } else { Asks::Nobody };
    let second_person = matches!(kit::second_person::weigh(view, actor, asks)?, Weighed::Ask(_));
    if second_person {
        let matter = command.matter(view.conn(), actor)?;
        kit::second_person::require(view.conn(), actor, matter)?;
    }
    Ok(Trial { second_person })
}

fn other_decision(command: &str) -> StoreError {
    StoreError::Corrupt(format!("{command} was given another command's decision"))
}

fn request_approval(batch: &mut Batch<'_>, actor: &Actor, command: &Command, ask: &Ask, decided: Decided) -> Applied<Done> {
    let body = command.input();
    let id: ApprovalId = batch.next_id();
    let approval = Approval {
        id,
        party_id: actor.party_id,
        command: command.name().to_owned(),
        body_hash: crate::hash::sha256_hex(body.as_bytes()),
        body,
        amount_minor: ask.amount_minor,
        currency: ask.currency.clone(),
        subject_id: ask.subject,
        maker_id: actor.user_id,
        checker_id: None,
        state: ApprovalState::Pending,
        reason: String::new(),
        created_at: batch.now,
        decided_at: None,
        made_with: actor.proof.made_with.clone(),
    };
    batch.insert(&approval)?;
    command.hold_for_request(batch, actor, id, decided)?;
    let arguments = json!({ "command": bank::close_custody_account::said_of(command.name(), &command.input()) });
    batch.notify(actor.party_id, "approval_wanted", &arguments, format!("/approvals/{id}"));
    let mut body = json!({ "approval_id": id });
    // A request names amounts; a receipt without their currency would be none.
    if let (Some(map), false) = (body.as_object_mut(), ask.currency.is_empty()) {
        map.insert("currency".to_owned(), ask.currency.as_str().into());
    }
    Ok(Done { subject: ask.subject, body, awaits_approval: Some(id) })
}

/// Two people decide about a record in one request at a time: opposing requests would undo each other's facts.
pub(crate) fn one_request(conn: &mut Conn, actor: &Actor, subject: impl Into<RecordId>) -> Step<()> {
    // Another company's request about the record, such as a limit for a buyer, does not oppose this one.
    let open = store::people::find_waiting(conn, Waiting::OfAbout(actor.party_id, subject.into()))?;
    open.map_or(Ok(()), |open| Err(Refusal::RequestPending { approval_id: open.id }.into()))
}

/// A field that must not be empty, trimmed and at most `most` characters long.
pub(crate) fn required(value: &str, field: &str, most: usize) -> Result<String, Refusal> {
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return Err(Refusal::FieldMissing { field: field.to_owned() });
    }
    optional(trimmed, field, most)
}

/// A field that may be empty, without control and direction marks.
pub(crate) fn optional(value: &str, field: &str, most: usize) -> Result<String, Refusal> {
    bounded(value.trim(), field, most, is_hidden)
}

/// A text of several lines that must not be empty.
pub(crate) fn required_prose(value: &str, field: &str, most: usize) -> Result<String, Refusal> {
    let text = prose(value, field, most)?;
    if text.is_empty() { Err(Refusal::FieldMissing { field: field.to_owned() }) } else { Ok(text) }
}

/// A text of several lines, such as a reason or a message.
pub(crate) fn prose(value: &str, field: &str, most: usize) -> Result<String, Refusal> {
    bounded(value.trim(), field, most, is_hidden_in_prose)
}

fn bounded(text: &str, field: &str, most: usize, is_hidden: fn(char) -> bool) -> Result<String, Refusal> {
    if text.chars().count() > most {
        return Err(Refusal::TextTooLong { field: field.to_owned(), most });
    }
    if text.chars().any(is_hidden) {
        return Err(Refusal::FieldInvalid { field: field.to_owned() });
    }
    Ok(text.to_owned())
}

/// A text from outside as it is kept: cut to `most` characters, without control and direction marks.
#[must_use]
pub(crate) fn clean(text: &str, most: usize) -> String {
    text.chars().filter(|mark| !is_hidden(*mark)).take(most).collect()
}

/// A currency that is traded here: the operator has set its terms.
pub(crate) fn traded(view: &mut dyn View, code: &str) -> Step<domain::Currency> {
    let known = currency(code)?;
    if !known.is_current(view.today()) {
        return Err(Refusal::CurrencyUnknown { currency: code.to_owned() }.into());
    }
    let terms = store::days::find_issue_terms(view.conn(), known.code())?;
    terms.map(|_| known).ok_or_else(|| Refusal::CurrencyUnknown { currency: code.to_owned() }.into())
}

/// A currency that the platform knows.
pub(crate) fn currency(code: &str) -> Result<domain::Currency, Refusal> {
    domain::Currency::parse(code).ok_or_else(|| Refusal::CurrencyUnknown { currency: code.to_owned() })
}
