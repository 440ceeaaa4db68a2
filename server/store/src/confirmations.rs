//! The confirmations of buyers: by hand, by list, by link and before the invoice comes. A buyer confirms a list with one
//! decision.

use crate::fixed::fixed;
use crate::invoices::invoices;
use crate::people::{Approval, approvals};
use crate::table::table;
use crate::{Conn, Result};
use chrono::NaiveDate;
use chrono::NaiveDateTime;
use diesel::dsl;
use diesel::prelude::*;
use domain::confirmation_list::ApprovedState;
use domain::confirmation_list::ItemState;
use domain::confirmation_list::ListState;
use domain::link::Channel;
use domain::link::ContactState;
use domain::link::LinkState;
use kernel::ApprovedPayableId;
use kernel::ConfirmationId;
use kernel::ConfirmationItemId;
use kernel::ConfirmationLinkId;
use kernel::ConfirmationListId;
use kernel::ContactId;
use kernel::InvoiceId;
use kernel::PartyId;
use kernel::RecordId;
use kernel::UserId;

table! {
    confirmations: Confirmation (id), marked {
        id: ConfirmationId => BigInt,
        invoice_id: InvoiceId => BigInt,
        amount_minor: i64 => BigInt,
        due_date: NaiveDate => Date,
        version: String => Text,
        words_en: String => Text,
        words_zh: String => Text,
        words_hash: String => Text,
        reason: String => Text,
        signer_id: UserId => BigInt,
        approver_id: Option<UserId> => Nullable<BigInt>,
        signed_at: NaiveDateTime => Timestamp,
        withheld_minor: i64 => BigInt,
        retained_minor: i64 => BigInt,
        deducted_minor: i64 => BigInt,
    }
}

table! {
    /// A confirmation as one text with its digest; its id is the confirmation's.
    confirmation_evidence: ConfirmationEvidence (id), marked {
        id: ConfirmationId => BigInt,
        invoice_id: InvoiceId => BigInt,
        text: String => Text,
        hash: String => Text,
    }
}

table! {
    confirmation_lists: ConfirmationList (id) by ConfirmationListId, marked {
        id: ConfirmationListId => BigInt,
        party_id: PartyId => BigInt,
        version: String => Text,
        list_hash: String => Text,
        /// `draft`, `running` or `done`.
        state: ListState => Text,
        signer_id: Option<UserId> => Nullable<BigInt>,
        approver_id: Option<UserId> => Nullable<BigInt>,
        created_at: NaiveDateTime => Timestamp,
        decided_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        done_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// How the signer and the approver had proven who they are, in the words of the evidence.
        signed_with: String => Text,
        approved_with: String => Text,
    }
}

table! {
    confirmation_items: ConfirmationItem (id) by ConfirmationItemId, marked {
        id: ConfirmationItemId => BigInt,
        list_id: ConfirmationListId => BigInt,
        invoice_id: InvoiceId => BigInt,
        amount_minor: i64 => BigInt,
        /// None where the payable had no due date: such a line is excluded.
        due_date: Option<NaiveDate> => Nullable<Date>,
        reason: String => Text,
        words_hash: String => Text,
        /// `waiting`, `excluded`, `confirmed` or `refused`.
        state: ItemState => Text,
        /// Code and arguments of the refusal that left it out, as JSON; empty otherwise.
        refusal: String => Text,
    }
}

table! {
    /// A person who confirms by one-time link for a company that hardly ever confirms.
    buyer_contacts: BuyerContact (id) by ContactId, marked {
        id: ContactId => BigInt,
        party_id: PartyId => BigInt,
        /// The person on the register, without a password or a role.
        user_id: UserId => BigInt,
        /// `telephone` or `email`.
        channel: Channel => Text,
        second: String => Text,
        source: String => Text,
        currency: String => Text,
        limit_minor: i64 => BigInt,
        link_hours: i64 => BigInt,
        /// `active` or `ended`.
        state: ContactState => Text,
        recorded_by: UserId => BigInt,
        agreed_by: UserId => BigInt,
        recorded_at: NaiveDateTime => Timestamp,
        ended_at: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    /// A one-time link to one invoice for one contact.
    confirmation_links: ConfirmationLink (id) by ConfirmationLinkId, marked {
        id: ConfirmationLinkId => BigInt,
        invoice_id: InvoiceId => BigInt,
        contact_id: ContactId => BigInt,
        token_hash: String => Text,
        /// Empty until a code was given.
        code_hash: String => Text,
        tries: i64 => BigInt,
        /// `open`, `used`, `revoked` or `locked`.
        state: LinkState => Text,
        reason: String => Text,
        issued_at: NaiveDateTime => Timestamp,
        expires_at: NaiveDateTime => Timestamp,
        ended_at: Option<NaiveDateTime> => Nullable<Timestamp>,
        /// The code's end; a link outlives several.
        code_until: Option<NaiveDateTime> => Nullable<Timestamp>,
    }
}

table! {
    /// A payable that its buyer approved before the invoice came.
    approved_payables: ApprovedPayable (id) by ApprovedPayableId, marked {
        id: ApprovedPayableId => BigInt,
        list_id: ConfirmationListId => BigInt,
        buyer_id: PartyId => BigInt,
        supplier_id: PartyId => BigInt,
        number: String => Text,
        number_key: String => Text,
        issue_date: NaiveDate => Date,
        due_date: NaiveDate => Date,
        currency: String => Text,
        payable_minor: i64 => BigInt,
        order_reference: String => Text,
        payment_reference: String => Text,
        words_en: String => Text,
        words_zh: String => Text,
        words_hash: String => Text,
        /// `waiting`, `excluded`, `approved`, `used`, `withdrawn` or `refused`.
        state: ApprovedState => Text,
        refusal: String => Text,
        invoice_id: Option<InvoiceId> => Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(confirmation_items, confirmation_lists);
diesel::allow_tables_to_appear_in_same_query!(confirmation_items, invoices);
diesel::allow_tables_to_appear_in_same_query!(confirmation_items, approvals);
diesel::allow_tables_to_appear_in_same_query!(approved_payables, approvals);
diesel::allow_tables_to_appear_in_same_query!(confirmation_links, buyer_contacts);

/// The confirmation of an invoice.
pub fn find_confirmation(conn: &mut Conn, invoice: InvoiceId) -> Result<Option<Confirmation>> {
    Ok(confirmations::table.filter(confirmations::invoice_id.eq(invoice)).first(conn).optional()?)
}

/// Whether the words with this hash were signed.
pub fn has_signed_words(conn: &mut Conn, words_hash: &str) -> Result<bool> {
    let signed = confirmations::table.filter(confirmations::words_hash.eq(words_hash)).select(confirmations::id);
    Ok(signed.first::<ConfirmationId>(conn).optional()?.is_some())
}

/// The evidence of an invoice's confirmation.
pub fn find_confirmation_evidence(conn: &mut Conn, invoice: InvoiceId) -> Result<Option<ConfirmationEvidence>> {
    let evidence = confirmation_evidence::table.filter(confirmation_evidence::invoice_id.eq(invoice));
    Ok(evidence.first(conn).optional()?)
}

/// Lists that a buyer has decided on and that are not through, oldest first.
pub fn list_running_lists(conn: &mut Conn) -> Result<Vec<ConfirmationList>> {
    let running = confirmation_lists::table.filter(confirmation_lists::state.eq(fixed(ListState::Running)));
    Ok(running.order(confirmation_lists::id).load(conn)?)
}

/// The amount that one line of a list would confirm.
#[derive(Clone, Debug, Queryable)]
pub struct Amount {
    pub currency: String,
    pub amount_minor: i64,
}

/// The amounts of all lines that are not excluded.
pub fn list_amounts(conn: &mut Conn, list: ConfirmationListId) -> Result<Vec<Amount>> {
    let items = confirmation_items::table.inner_join(invoices::table.on(invoices::id.eq(confirmation_items::invoice_id)));
    let items = items.filter(confirmation_items::list_id.eq(list)).filter(confirmation_items::state.ne(ItemState::Excluded));
    let mut amounts: Vec<Amount> = items.select((invoices::currency, confirmation_items::amount_minor)).load(conn)?;
    let payables = approved_payables::table
        .filter(approved_payables::list_id.eq(list))
        .filter(approved_payables::state.ne(ApprovedState::Excluded));
    let in_advance = payables.select((approved_payables::currency, approved_payables::payable_minor));
    amounts.extend(in_advance.load::<Amount>(conn)?);
    Ok(amounts)
}

/// The last day on which a list in a currency is paid, of its lines that confirm something or may.
pub fn find_last_due(conn: &mut Conn, list: ConfirmationListId, currency: &str) -> Result<Option<NaiveDate>> {
    let items = confirmation_items::table
        .inner_join(invoices::table.on(invoices::id.eq(confirmation_items::invoice_id)))
        .filter(confirmation_items::list_id.eq(list))
        .filter(invoices::currency.eq(currency))
        .filter(confirmation_items::state.ne_all([ItemState::Excluded, ItemState::Refused]));
    let of_items: Option<NaiveDate> = items.select(dsl::max(confirmation_items::due_date)).get_result(conn)?;
    let ended = [ApprovedState::Excluded, ApprovedState::Refused, ApprovedState::Withdrawn, ApprovedState::Lapsed];
    let payables = approved_payables::table
        .filter(approved_payables::list_id.eq(list))
        .filter(approved_payables::currency.eq(currency))
        .filter(approved_payables::state.ne_all(ended));
    let of_payables: Option<NaiveDate> = payables.select(dsl::max(approved_payables::due_date)).get_result(conn)?;
    Ok(of_items.max(of_payables))
}

/// How many lines of a list are in a state.
#[derive(Clone, Copy, Debug, Queryable)]
pub struct StateCount {
    pub state: ItemState,
    pub count: i64,
}

/// The lines of a list, counted by state.
pub fn count_items_by_state(conn: &mut Conn, list: ConfirmationListId) -> Result<Vec<StateCount>> {
    let items = confirmation_items::table.filter(confirmation_items::list_id.eq(list));
    let counted = items.group_by(confirmation_items::state).select((confirmation_items::state, dsl::count_star()));
    Ok(counted.load(conn)?)
}

/// All lines of a list, in their order.
pub fn list_items(conn: &mut Conn, list: ConfirmationListId) -> Result<Vec<ConfirmationItem>> {
    let items = confirmation_items::table.filter(confirmation_items::list_id.eq(list));
    Ok(items.order(confirmation_items::id).load(conn)?)
}

/// At most `most` lines that are still to be confirmed, in their order.
pub fn list_waiting_items(conn: &mut Conn, list: ConfirmationListId, most: i64) -> Result<Vec<ConfirmationItem>> {
    let waiting = confirmation_items::table
        .filter(confirmation_items::list_id.eq(list))
        .filter(confirmation_items::state.eq(ItemState::Waiting));
    Ok(waiting.order(confirmation_items::id).limit(most).load(conn)?)
}

/// A line as its confirmation repeats it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub party: PartyId,
    pub signer: UserId,
    pub version: &'a str,
    pub invoice: InvoiceId,
    pub amount_minor: i64,
    pub due_date: NaiveDate,
    pub words_hash: &'a str,
}

/// Whether this is a line, still to be confirmed, of a list on which this person has decided alone.
pub fn is_decided_alone(conn: &mut Conn, line: &Line<'_>) -> Result<bool> {
    let decided = confirmation_lists::table
        .filter(confirmation_lists::party_id.eq(line.party))
        .filter(confirmation_lists::signer_id.eq(line.signer))
        .filter(confirmation_lists::version.eq(line.version))
        .filter(confirmation_lists::state.eq(fixed(ListState::Running)))
        .filter(confirmation_lists::approver_id.is_null())
        .select(confirmation_lists::id);
    let same = confirmation_items::table
        .filter(confirmation_items::invoice_id.eq(line.invoice))
        .filter(confirmation_items::amount_minor.eq(line.amount_minor))
        .filter(confirmation_items::due_date.eq(line.due_date))
        .filter(confirmation_items::words_hash.eq(line.words_hash))
        .filter(confirmation_items::state.eq(ItemState::Waiting))
        .filter(confirmation_items::list_id.eq_any(decided));
    Ok(same.select(confirmation_items::id).first::<ConfirmationItemId>(conn).optional()?.is_some())
}

/// The lines of drafts that hold this invoice, oldest first.
pub fn list_drafted_items(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<ConfirmationItem>> {
    let drafts = confirmation_lists::table.filter(confirmation_lists::state.eq(ListState::Draft)).select(confirmation_lists::id);
    let drafted = confirmation_items::table
        .filter(confirmation_items::invoice_id.eq(invoice))
        .filter(confirmation_items::state.eq(ItemState::Waiting))
        .filter(confirmation_items::list_id.eq_any(drafts));
    Ok(drafted.order(confirmation_items::id).load(conn)?)
}

/// The newest request to a second person that this confirmation follows from. It is for the invoice alone, or for a list that
/// holds the invoice or has approved it in advance.
pub fn find_confirmation_request(conn: &mut Conn, invoice: InvoiceId, signer: UserId) -> Result<Option<Approval>> {
    let holding = confirmation_items::table
        .filter(confirmation_items::invoice_id.eq(invoice))
        .filter(confirmation_items::state.eq(ItemState::Waiting))
        .select(confirmation_items::list_id);
    let used = approved_payables::table.filter(approved_payables::invoice_id.eq(invoice)).select(approved_payables::list_id);
    let alone = approvals::command.eq("confirm_invoice").and(approvals::subject_id.eq(RecordId::from(invoice)));
    let of_list = approvals::subject_id.eq_any(holding).or(approvals::subject_id.eq_any(used));
    let requests = approvals::table
        .filter(approvals::maker_id.eq(signer))
        .filter(alone.or(approvals::command.eq("confirm_list").and(of_list)));
    Ok(requests.order(approvals::id.desc()).first(conn).optional()?)
}

/// Payables that a buyer has approved and no invoice has used.
pub fn list_approved_payables(conn: &mut Conn, buyer: PartyId) -> Result<Vec<ApprovedPayable>> {
    let approved = approved_payables::table
        .filter(approved_payables::buyer_id.eq(buyer))
        .filter(approved_payables::state.eq(fixed(ApprovedState::Approved)));
    Ok(approved.load(conn)?)
}

/// Payables of a list that wait for its decision, in their order.
pub fn list_waiting_payables(conn: &mut Conn, list: ConfirmationListId) -> Result<Vec<ApprovedPayable>> {
    let waiting = approved_payables::table
        .filter(approved_payables::list_id.eq(list))
        .filter(approved_payables::state.eq(ApprovedState::Waiting));
    Ok(waiting.order(approved_payables::id).load(conn)?)
}

/// The first payable of a list that is not excluded.
pub fn find_first_payable(conn: &mut Conn, list: ConfirmationListId) -> Result<Option<ApprovedPayable>> {
    let included = approved_payables::table
        .filter(approved_payables::list_id.eq(list))
        .filter(approved_payables::state.ne(ApprovedState::Excluded));
    Ok(included.order(approved_payables::id).first(conn).optional()?)
}

/// Approved payables that are due before a day, oldest first.
pub fn list_payables_due_before(conn: &mut Conn, day: NaiveDate) -> Result<Vec<ApprovedPayable>> {
    let near = approved_payables::table
        .filter(approved_payables::state.eq(fixed(ApprovedState::Approved)))
        .filter(approved_payables::due_date.lt(day));
    Ok(near.order(approved_payables::id).load(conn)?)
}

/// The values that an invoice and a payable approved in advance have in common.
#[derive(Clone, Copy, Debug)]
pub struct PayableName<'a> {
    pub buyer: PartyId,
    pub supplier: PartyId,
    pub number_key: &'a str,
    /// The key under which older records have the number.
    pub old_key: &'a str,
}

/// Payables of this name that are approved or have lapsed, oldest first.
pub fn list_payables_named(conn: &mut Conn, name: PayableName<'_>) -> Result<Vec<ApprovedPayable>> {
    let is_named = approved_payables::number_key.eq(name.number_key).or(approved_payables::number_key.eq(name.old_key));
    let is = |state: ApprovedState| approved_payables::state.eq(state);
    let named = approved_payables::table
        .filter(approved_payables::buyer_id.eq(name.buyer))
        .filter(approved_payables::supplier_id.eq(name.supplier))
        .filter(is_named)
        .filter(is(ApprovedState::Approved).or(is(ApprovedState::Lapsed)));
    Ok(named.order(approved_payables::id).load(conn)?)
}

/// The contact that gets a company's links.
pub fn find_active_contact(conn: &mut Conn, party: PartyId) -> Result<Option<BuyerContact>> {
    let active = buyer_contacts::table
        .filter(buyer_contacts::party_id.eq(party))
        .filter(buyer_contacts::state.eq(fixed(ContactState::Active)));
    Ok(active.first(conn).optional()?)
}

/// The newest hundred contacts that a company has or had.
pub fn list_newest_contacts(conn: &mut Conn, party: PartyId) -> Result<Vec<BuyerContact>> {
    let contacts = buyer_contacts::table.filter(buyer_contacts::party_id.eq(party));
    Ok(contacts.order(buyer_contacts::id.desc()).limit(100).load(conn)?)
}

/// The newest contact that is this person and gets its codes by mail.
pub fn find_mailed_contact(conn: &mut Conn, user: UserId) -> Result<Option<BuyerContact>> {
    let mailed =
        buyer_contacts::table.filter(buyer_contacts::user_id.eq(user)).filter(buyer_contacts::channel.eq(Channel::Email));
    Ok(mailed.order(buyer_contacts::id.desc()).first(conn).optional()?)
}

/// The link that a token opens.
pub fn find_link_by_token(conn: &mut Conn, token_hash: &str) -> Result<Option<ConfirmationLink>> {
    let link = confirmation_links::table.filter(confirmation_links::token_hash.eq(token_hash));
    Ok(link.first(conn).optional()?)
}

/// The newest open link to an invoice that this person has.
pub fn find_open_link(conn: &mut Conn, invoice: InvoiceId, user: UserId) -> Result<Option<ConfirmationLink>> {
    let own = buyer_contacts::table.filter(buyer_contacts::user_id.eq(user)).select(buyer_contacts::id);
    let open = confirmation_links::table
        .filter(confirmation_links::invoice_id.eq(invoice))
        .filter(confirmation_links::contact_id.eq_any(own))
        .filter(confirmation_links::state.eq(LinkState::Open));
    Ok(open.order(confirmation_links::id.desc()).first(conn).optional()?)
}

/// Open links to an invoice, oldest first.
pub fn list_open_links(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<ConfirmationLink>> {
    let open = confirmation_links::table
        .filter(confirmation_links::invoice_id.eq(invoice))
        .filter(confirmation_links::state.eq(LinkState::Open));
    Ok(open.order(confirmation_links::id).load(conn)?)
}

/// Open links of a contact, oldest first.
pub fn list_open_links_of_contact(conn: &mut Conn, contact: ContactId) -> Result<Vec<ConfirmationLink>> {
    let open = confirmation_links::table
        .filter(confirmation_links::contact_id.eq(contact))
        .filter(confirmation_links::state.eq(LinkState::Open));
    Ok(open.order(confirmation_links::id).load(conn)?)
}

/// The newest hundred links to an invoice.
pub fn list_newest_links(conn: &mut Conn, invoice: InvoiceId) -> Result<Vec<ConfirmationLink>> {
    let links = confirmation_links::table.filter(confirmation_links::invoice_id.eq(invoice));
    Ok(links.order(confirmation_links::id.desc()).limit(100).load(conn)?)
}

/// At most `most` links to contacts of a company, newest first.
pub fn list_links_of_company(conn: &mut Conn, party: PartyId, most: i64) -> Result<Vec<ConfirmationLink>> {
    let contacts = buyer_contacts::table.filter(buyer_contacts::party_id.eq(party)).select(buyer_contacts::id);
    let links = confirmation_links::table.filter(confirmation_links::contact_id.eq_any(contacts));
    Ok(links.order(confirmation_links::id.desc()).limit(most).load(conn)?)
}

/// How many links to an invoice were issued after a moment.
pub fn count_links_since(conn: &mut Conn, invoice: InvoiceId, since: NaiveDateTime) -> Result<i64> {
    let issued = confirmation_links::table
        .filter(confirmation_links::invoice_id.eq(invoice))
        .filter(confirmation_links::issued_at.gt(since));
    Ok(issued.count().get_result(conn)?)
}
