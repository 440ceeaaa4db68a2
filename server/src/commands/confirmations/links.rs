//! Shared by the commands about one-time links: sending a link, finding the link that a token opens, and ending invalid links.

use crate::batch::{Batch, Step};
use crate::commands::cases::reviews;
use crate::view::View;
use chrono::{NaiveDateTime, TimeDelta};
use domain::Refusal;
use domain::link::{CODE_MINUTES, Channel, ContactState, LinkState, MOST_LINKS_A_DAY, acts_in};
use domain::party::PartyStatus;
use domain::review::ReviewState;
use kernel::{ConfirmationLinkId, InvoiceId, UserId};
use serde_json::json;
use store::records::Keyed;
use store::{BuyerContact, ConfirmationLink, Conn, Invoice, Party, StoreError, confirmations};

/// The link that this token opens now, with its contact. Whatever is wrong with it, the answer is nothing.
pub fn find_open(
    conn: &mut Conn,
    token_hash: &str,
    now: NaiveDateTime,
) -> Result<Option<(ConfirmationLink, BuyerContact)>, StoreError> {
    let found = confirmations::find_link_by_token(conn, token_hash)?;
    let Some(link) = found.filter(|link| link.state == LinkState::Open && link.expires_at > now) else { return Ok(None) };
    let contact = BuyerContact::load(conn, link.contact_id)?;
    let stands = contact.state == ContactState::Active && Party::load(conn, contact.party_id)?.status == PartyStatus::Active;
    Ok(stands.then_some((link, contact)))
}

/// A code's hash, bound to its link.
#[must_use]
pub fn code_hash(token_hash: &str, code: &str) -> String {
    crate::hash::sha256_hex(format!("{token_hash}:{code}").as_bytes())
}

/// Gives a link a code, from now on for some minutes.
pub fn set_code(link: &mut ConfirmationLink, code: &str, now: NaiveDateTime) {
    link.code_hash = code_hash(&link.token_hash, code);
    link.code_until = now.checked_add_signed(TimeDelta::try_minutes(CODE_MINUTES).unwrap_or_default());
}

/// Whether this is the link's code, and still good. Without a code that was given, none is right.
#[must_use]
pub fn is_code(link: &ConfirmationLink, typed: &str, now: NaiveDateTime) -> bool {
    let good = !link.code_hash.is_empty() && link.code_until.is_some_and(|until| until > now);
    crate::hash::same_secret(&code_hash(&link.token_hash, typed), &link.code_hash) && good
}

/// Mails a code to the contact's other address. The mail does not contain the link, so it is useless to a reader of only this
/// address.
pub fn mail_code(batch: &mut Batch<'_>, contact: &BuyerContact, number: &str, code: &str) {
    let arguments = json!({ "number": number, "code": code, "minutes": CODE_MINUTES });
    batch.notify_user((contact.party_id, contact.user_id), "confirmation_code", &arguments, String::new());
}

/// How a contact signed: which link, and the way of its code.
pub fn factor(conn: &mut Conn, user_id: UserId, invoice_id: InvoiceId) -> Result<String, StoreError> {
    let link = confirmations::find_open_link(conn, invoice_id, user_id)?;
    let link = link.ok_or_else(|| crate::commands::receivables::settlement::corrupt("link to invoice", invoice_id))?;
    let contact = BuyerContact::load(conn, link.contact_id)?;
    Ok(described(&link, &contact))
}

/// A link and the way of its code, as evidence names them.
#[must_use]
pub fn described(link: &ConfirmationLink, contact: &BuyerContact) -> String {
    format!("one-time link {} by mail, code by {}", link.id, contact.channel)
}

/// Nothing can be done by links to this invoice any more.
pub fn end(batch: &mut Batch<'_>, invoice_id: InvoiceId, why: &str) -> Step<()> {
    for link in confirmations::list_open_links(batch.conn, invoice_id)? {
        revoke(batch, link, why)?;
    }
    Ok(())
}

/// Ends one link before it was used.
pub fn revoke(batch: &mut Batch<'_>, mut link: ConfirmationLink, why: &str) -> Step<()> {
    link.state = LinkState::Revoked;
    why.clone_into(&mut link.reason);
    link.ended_at = Some(batch.now);
    batch.update(&link)
}

/// Whether the invoice may have one more link today.
pub fn may_send(conn: &mut Conn, invoice_id: InvoiceId, now: NaiveDateTime) -> Result<bool, StoreError> {
    let since = now.checked_sub_signed(TimeDelta::try_hours(24).unwrap_or_default()).unwrap_or(now);
    let sent = confirmations::count_links_since(conn, invoice_id, since)?;
    Ok(usize::try_from(sent).is_ok_and(|sent| sent < MOST_LINKS_A_DAY))
}

/// Mails a link where the buyer has a contact: it may not look at the platform for weeks.
pub fn send_if_rare(batch: &mut Batch<'_>, invoice: &Invoice) -> Step<()> {
    match confirmations::find_active_contact(batch.conn, invoice.buyer_id)? {
        Some(contact) if may_send(batch.conn, invoice.id, batch.now)? => send(batch, invoice, &contact).map(|_| ()),
        _ => Ok(()),
    }
}

/// Runs after a review releases an invoice: a contact who waits to answer by link gets a new link. If today's limit of links is
/// reached, the operator gets a notice to send it. Returns whether a link went out; `None` where no contact waits for one.
pub fn send_after_review(batch: &mut Batch<'_>, invoice: &Invoice) -> Step<Option<bool>> {
    let waits = invoice.review != ReviewState::Open && !acts_in(invoice.state).is_empty();
    let contact = if waits { confirmations::find_active_contact(batch.conn, invoice.buyer_id)? } else { None };
    let Some(contact) = contact else { return Ok(None) };
    if may_send(batch.conn, invoice.id, batch.now)? {
        send(batch, invoice, &contact)?;
        return Ok(Some(true));
    }
    let buyer = batch.party(invoice.buyer_id)?;
    let arguments = json!({ "number": invoice.number, "buyer": buyer.name });
    reviews::notify_operator(batch, "link_wanted", &arguments, format!("/ops/contacts/{}", contact.party_id))?;
    Ok(Some(false))
}

/// Mails a new link, and its code on the other channel; links from before end. Answers the link's id.
pub fn send(batch: &mut Batch<'_>, invoice: &Invoice, contact: &BuyerContact) -> Step<ConfirmationLinkId> {
    end(batch, invoice.id, "replaced")?;
    let (token, code) = (crate::hash::random_token(), crate::hash::random_code());
    let token_hash = crate::hash::sha256_hex(token.as_bytes());
    let by_mail = contact.channel == Channel::Email;
    let life = TimeDelta::try_hours(contact.link_hours).unwrap_or_default();
    let mut link = ConfirmationLink {
        id: batch.next_id(),
        invoice_id: invoice.id,
        contact_id: contact.id,
        code_hash: String::new(),
        token_hash,
        tries: 0,
        state: LinkState::Open,
        reason: String::new(),
        issued_at: batch.now,
        expires_at: batch.now.checked_add_signed(life).unwrap_or(batch.now),
        ended_at: None,
        code_until: None,
    };
    if by_mail {
        set_code(&mut link, &code, batch.now);
    }
    batch.insert(&link)?;
    let supplier = batch.party(invoice.supplier_id)?;
    let buyer = batch.party(invoice.buyer_id)?;
    let until = link.expires_at.format("%Y-%m-%d %H:%M UTC").to_string();
    let arguments = json!({ "number": invoice.number, "supplier": supplier.name, "until": until, "token": token });
    let person = (contact.party_id, contact.user_id);
    batch.notify_user(person, "confirmation_link", &arguments, format!("/confirm/{token}"));
    if by_mail {
        mail_code(batch, contact, &invoice.number, &code);
    } else {
        let arguments = json!({ "number": invoice.number, "buyer": buyer.name });
        reviews::notify_operator(batch, "code_wanted", &arguments, format!("/ops/contacts/{}", contact.party_id))?;
    }
    Ok(link.id)
}

/// The link of this id that is still open.
pub fn load_open(view: &mut dyn View, id: ConfirmationLinkId) -> Step<ConfirmationLink> {
    let link = ConfirmationLink::find(view.conn(), id)?.ok_or(Refusal::NotFound)?;
    if link.state != LinkState::Open || link.expires_at <= view.now() {
        let state = if link.state == LinkState::Open { "expired" } else { link.state.name() };
        return Err(Refusal::StateConflict { state: state.to_owned() }.into());
    }
    Ok(link)
}
