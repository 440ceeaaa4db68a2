//! Confirmation by one-time link, for a buyer of whom nobody signs in: over HTTP on both databases, what a link cannot do, and the way
//! through it in Chromium without JavaScript.

use crate::browser::{Browser, Done, Driver, run};
use crate::journey::{BUYER, SUPPLIER, approve, onboard};
use domain::Currency;
use domain::invoice::InvoiceState;
use domain::link::LinkState;
use domain::party::UserStatus;
use e2e::world::{PASSWORD, World};
use e2e::{Answer, Client, Database};
use kernel::{InvoiceId, PartyId, ReviewId};
use serde_json::{Value, json};
use server::demo::files::{DemoInvoice, ubl};
use store::records::{Keyed, Record};
use store::{AuditRecord, Confirmation, ConfirmationEvidence, ConfirmationLink, Invoice, Mail, Notice, Party, Review, User};

const DAY: &str = "2021-05-26";
const RARE: (&str, &str) = ("Rare Buyer", "DE136695976");
const CONTACT: &str = "rita@rare.example";
const SECOND: &str = "rita@home.example";

/// A supplier, and a buyer with nobody who signs in; no contact yet.
fn world(database: Database) -> (World, PartyId) {
    let world = World::start(database, DAY);
    let operator = world.signed_in("operator@x.example");
    onboard(&world, &operator, SUPPLIER);
    let fields = [("name", RARE.0), ("country", "DE"), ("tax_id", RARE.1), ("capacity_buyer", "true"), ("language", "en")];
    let done = operator.fill("/ops/companies/new", "/ops/companies/new", &fields);
    assert_eq!(done.status, 200, "{}", done.text());
    let party = Party::find_where(&mut world.conn(), "name = ?", &[RARE.0.into()]).unwrap().unwrap();
    let page = format!("/ops/companies/{}", party.id);
    let _ = operator.fill(&page, &page, &[("status", "active"), ("reason", "register extract")]);
    assert_eq!(approve(&world.signed_in("operator2@x.example")).status, 200);
    (world, party.id)
}

fn contact(party_id: PartyId, channel: &str) -> Value {
    let second = if channel == "email" { SECOND } else { "+49 40 1234567" };
    json!({
        "party_id": party_id, "name": "Rita Rare", "email": CONTACT, "channel": channel, "second": second, "source": "register extract, call of 25 May",
        "currency": "EUR", "limit_minor": 500_000, "link_hours": 72,
    })
}

fn record(world: &World, party_id: PartyId, channel: &str) {
    let asked = world.api("operator@x.example").api("record-contact", &format!("record-{channel}"), &contact(party_id, channel));
    assert_eq!(asked.status, 202, "{}", asked.body);
    let agreed = approve(&world.signed_in("operator2@x.example"));
    assert!(agreed.text().contains("Contact recorded"), "{}", agreed.text());
}

/// An invoice to the rare buyer, presented.
fn present(world: &World, number: &str, net_minor: i64) -> Invoice {
    let supplier = world.api(SUPPLIER.3);
    let file = ubl(&DemoInvoice {
        number,
        issue_date: "2021-05-25".parse().unwrap(),
        due_date: "2021-06-30".parse().unwrap(),
        currency: Currency::EUR,
        net_minor,
        seller: (SUPPLIER.0, SUPPLIER.1),
        buyer: RARE,
        order: "1",
        item: "Goods",
    });
    let key = format!("register-{number}");
    let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", key.as_str())];
    let kept = supplier.post_with("/api/v1/register-invoice", &headers, file);
    let id = InvoiceId(kept.json()["result"]["invoice_id"].as_i64().unwrap_or_else(|| panic!("{}", kept.body)));
    let sent = supplier.api("submit-invoice", &format!("submit-{number}"), &json!({ "invoice_id": id }));
    assert_eq!(sent.status, 200, "{}", sent.body);
    Invoice::load(&mut world.conn(), id).unwrap()
}

/// The newest mail to this address that says so.
fn mail_about(world: &World, address: &str, words: &str) -> Mail {
    for _ in 0..200 {
        let binds = [address.into(), format!("%{words}%").into()];
        let found = Mail::find_where(&mut world.conn(), "address = ? AND body LIKE ? ORDER BY id DESC LIMIT 1", &binds).unwrap();
        if let Some(mail) = found {
            return mail;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("no mail to {address} about {words}");
}

fn newest_link(world: &World, invoice: &Invoice) -> ConfirmationLink {
    let found = ConfirmationLink::find_where(&mut world.conn(), "invoice_id = ? ORDER BY id DESC LIMIT 1", &[invoice.id.into()]);
    found.unwrap().expect("a link")
}

/// The path in the mail of the invoice's newest link.
fn link_of(world: &World, invoice: &Invoice) -> String {
    let wanted = newest_link(world, invoice).token_hash;
    for _ in 0..200 {
        let binds = [CONTACT.into(), format!("%invoice {}.%", invoice.number).into()];
        for mail in Mail::list_where(&mut world.conn(), "address = ? AND body LIKE ? ORDER BY id DESC", &binds).unwrap() {
            let path = mail.body.split_whitespace().find_map(|word| word.strip_prefix("http://kontor.test")).unwrap_or_default();
            let token = path.trim_start_matches("/confirm/").split('.').next().unwrap();
            if server::hash::sha256_hex(token.as_bytes()) == wanted {
                return path.to_owned();
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("no link for {}", invoice.number);
}

/// The code as the operator's page shows it.
fn told_code(world: &World, party_id: PartyId, link: &ConfirmationLink) -> String {
    let operator = world.signed_in("operator@x.example");
    let page = format!("/ops/contacts/{party_id}");
    let action = format!("{page}/code");
    let shown = operator.fill(&page, &action, &[("link_id", &link.id.to_string())]);
    assert!(shown.text().contains("Call the registered number back"), "{}", shown.text());
    let text = shown.text();
    text.split_whitespace()
        .find(|word| word.len() == 8 && word.bytes().all(|mark| mark.is_ascii_digit()))
        .expect("a code")
        .to_owned()
}

/// The check page of a confirmation of all of it.
fn check(visitor: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    visitor.fill(path, &format!("{path}/check"), fields)
}

fn send(visitor: &Client, path: &str, check: &Answer, code: &str) -> Answer {
    let mut form = check.form(path);
    assert!(!form.is_empty(), "{}", check.text());
    form.retain(|(name, _)| name != "code");
    form.push(("code".to_owned(), code.to_owned()));
    visitor.post(path, &form)
}

/// A check page of another answer than a confirmation: the second form of the page has the same address as the first.
fn check_otherwise(visitor: &Client, path: &str, act: &str) -> Answer {
    visitor.get(&format!("{path}/check?act={act}&clarification=QTY&text=one+box+is+missing"))
}

/// ASVS 6.6.3: a few wrong codes end a link.
#[test]
fn a_rare_buyer_confirms_by_link_and_a_code() {
    for database in Database::both() {
        let (world, party_id) = world(database);
        let (operator, supplier) = (world.api("operator@x.example"), world.api(SUPPLIER.3));
        let early = present(&world, "R-1", 100_000);
        assert_eq!(
            operator.api("send-link", "nobody-there", &json!({ "invoice_id": early.id })).json()["code"],
            "contact_missing"
        );
        // The supplier has no say in who confirms; an operator has, with another one.
        assert_eq!(supplier.api("record-contact", "by-the-supplier", &contact(party_id, "telephone")).status, 403);
        for (field, value) in
            [("second", json!(CONTACT)), ("channel", json!("pigeon")), ("second", json!("040 1234")), ("link_hours", json!(0))]
        {
            let mut wrong = contact(party_id, "telephone");
            if value == json!(CONTACT) {
                wrong["channel"] = json!("email");
            }
            wrong[field] = value;
            let no = operator.api("record-contact", &format!("wrong-{field}-{}", wrong[field]).replace(' ', ""), &wrong);
            assert_eq!(
                (no.json()["code"].clone(), no.json()["field"].clone()),
                ("field_invalid".into(), field.into()),
                "{}",
                no.body
            );
        }
        record(&world, party_id, "telephone");
        let user = User::find_where(&mut world.conn(), "email = ?", &[CONTACT.into()]).unwrap().unwrap();
        assert_eq!((user.status, user.password_hash.as_str()), (UserStatus::Contact, ""));
        assert!(user.roles.is_empty());
        let visitor = world.client();
        let refused = visitor.sign_in(CONTACT, PASSWORD);
        assert_eq!(refused.status, 401, "a contact cannot sign in");
        let _ = visitor.fill("/password/reset", "/password/reset", &[("email", CONTACT)]);

        // A presentation mails the link; looking at it, as mail scanners do, spends nothing.
        let invoice = present(&world, "R-2", 200_000);
        let path = link_of(&world, &invoice);
        let visitor = world.client();
        // What the supplier puts beside the invoice and writes about it is seen there, too.
        let own = world.signed_in(SUPPLIER.3);
        let page = format!("/invoices/{}", invoice.id);
        let order = b"<order>7</order>".to_vec();
        let _ = own.upload(&page, &format!("{page}/evidence"), &[("order.xml", order.clone())]);
        let _ = own.fill(&page, &format!("{page}/message"), &[("text", "The second pallet follows on Monday.")]);
        let seen = visitor.get(&path);
        assert!(seen.text().contains("The second pallet follows on Monday."), "{}", seen.text());
        let beside = seen.body.split("?evidence=").nth(1).and_then(|rest| rest.split('"').next()).expect("a link to the order");
        let files = path.replace("/confirm/", "/confirmation-documents/");
        assert_eq!(visitor.get(&format!("{files}?evidence={beside}")).body.as_bytes(), order);
        assert_eq!(visitor.get(&format!("{files}?evidence=1")).status, 404);
        for _ in 0..3 {
            let page = visitor.get(&path);
            assert_eq!(page.status, 200, "{}", page.text());
            assert_eq!(page.headers["referrer-policy"], "no-referrer");
            let text = page.text();
            for part in
                ["R-2", "EUR 2,380.00", "irrevocably and unconditionally undertakes to pay EUR 2,380.00", "Rita Rare", "Goods"]
            {
                assert!(text.contains(part), "{part}: {text}");
            }
            assert!(!page.body.contains("href=\"/documents/"), "nothing leads further");
        }
        let file = visitor.get(&path.replace("/confirm/", "/confirmation-documents/"));
        assert_eq!(server::hash::sha256_hex(file.body.as_bytes()), invoice.document);

        // Less without a reason comes back; more than the contact may is refused; both leave the link as it was.
        let less = check(&visitor, &path, &[("amount", "2,000.00")]);
        assert_eq!(less.status, 422, "{}", less.text());
        let sure = check(&visitor, &path, &[]);
        assert!(sure.text().contains("your company is bound by these words"), "{}", sure.text());
        let none = send(&visitor, &path, &sure, "12345678");
        assert!(none.status == 422 && none.text().contains("4 more tries"), "no code was given yet: {}", none.text());
        let link = newest_link(&world, &invoice);
        let code = told_code(&world, party_id, &link);
        let wrong = if code == "00000000" { "00000001" } else { "00000000" };
        assert!(send(&visitor, &path, &none, wrong).text().contains("3 more tries"), "a told code takes no try back");
        let large = present(&world, "R-3", 600_000);
        let large_path = link_of(&world, &large);
        let large_code = told_code(&world, party_id, &newest_link(&world, &large));
        let too_much = send(&visitor, &large_path, &check(&visitor, &large_path, &[]), &large_code);
        assert!(
            too_much.status == 422 && too_much.text().contains("By link EUR 5,000.00 can be confirmed at most"),
            "{}",
            too_much.text()
        );
        assert_eq!(newest_link(&world, &large).state, LinkState::Open);
        let (plain, signature) = large_path.split_once('.').unwrap();
        let other = if signature.starts_with('A') { "B" } else { "A" };
        assert_eq!(visitor.get(&format!("{plain}.{other}{}", &signature[1..])).status, 404, "its token alone opens nothing");
        // The code of one link is not the code of another, and neither is its token.
        let fresh = check(&visitor, &path, &[]);
        assert!(send(&visitor, &path, &fresh, &large_code).text().contains("2 more tries"));
        assert!(send(&visitor, &path, &fresh, &large_code).text().contains("2 more tries"), "one form with one code asks once");

        let asked = check(&visitor, &path, &[]);
        let done = send(&visitor, &path, &asked, &code);
        let text = done.text();
        assert!(done.status == 200 && text.contains("Done and recorded") && text.contains("one-time link"), "{text}");
        let again = visitor.post(&path, &{
            let mut form = asked.form(&path);
            form.retain(|(name, _)| name != "code");
            form.push(("code".to_owned(), code.clone()));
            form
        });
        assert!(again.text().contains("Done and recorded"), "the same form again has the same receipt: {}", again.text());
        let confirmed = Invoice::load(&mut world.conn(), invoice.id).unwrap();
        assert_eq!((confirmed.state, confirmed.confirmed_minor), (InvoiceState::Confirmed, 238_000));
        let signed = Confirmation::find_where(&mut world.conn(), "invoice_id = ?", &[invoice.id.into()]).unwrap().unwrap();
        assert_eq!((signed.signer_id, signed.approver_id), (user.id, None));
        let evidence =
            ConfirmationEvidence::find_where(&mut world.conn(), "invoice_id = ?", &[invoice.id.into()]).unwrap().unwrap();
        let line = format!("signed=Rita Rare <{CONTACT}>; one-time link {} by mail, code by telephone", link.id);
        assert!(evidence.text.contains(&line) && text.contains(&evidence.hash), "{}", evidence.text);
        assert!(mail_about(&world, CONTACT, &evidence.hash).subject.contains("R-2"), "and a receipt by mail");

        // Used, unknown, unsigned and cut links are told apart by nobody.
        let token = path.trim_start_matches("/confirm/");
        let (plain, signature) = token.split_once('.').unwrap();
        let unsigned = server::hash::random_token();
        let strange = server::auth::sign_link("a secret of at least thirty-two characters", &unsigned);
        let main = |answer: &Answer| answer.body.split("<main").nth(1).unwrap().to_owned();
        let first = visitor.get(&path);
        assert_eq!(first.status, 404);
        for other in
            [strange, format!("{plain}.{}", signature.replace(['a', 'b', 'c'], "x")), plain.to_owned(), "0000".to_owned()]
        {
            let answer = visitor.get(&format!("/confirm/{other}"));
            let cut = |text: String| text.split("name the request").next().unwrap_or_default().to_owned();
            assert_eq!((answer.status, cut(main(&answer))), (404, cut(main(&first))), "{other}");
        }
        // Neither token nor code is kept.
        let record = AuditRecord::find_where(&mut world.conn(), "command = 'answer_by_link' ORDER BY seq DESC LIMIT 1", &[]);
        let record = record.unwrap().unwrap();
        assert_eq!((record.party_id, record.user_id), (party_id, user.id));
        assert!(record.outcome.contains("code by telephone") && record.outcome.contains(&evidence.hash), "{}", record.outcome);
        let audited = AuditRecord::list_where(&mut world.conn(), "1 = 1", &[]).unwrap();
        assert!(audited.iter().all(|row| !row.input.contains(plain) && !row.outcome.contains(plain)));
        assert!(
            audited
                .iter()
                .filter(|row| row.command.contains("code") || row.command.contains("link"))
                .all(|row| !row.input.contains(&code) && !row.outcome.contains(&code))
        );
        let notices = store::Notice::list_where(&mut world.conn(), "kind = 'confirmation_link' AND mailed", &[]).unwrap();
        assert!(!notices.is_empty() && notices.iter().all(|row| !row.arguments.contains("token") && row.link == "/login"));

        // Five a day, whoever asks; each new one ends the one before.
        for number in 2..=5 {
            let sent = supplier.api("send-link", &format!("again-link-{number}"), &json!({ "invoice_id": large.id }));
            assert_eq!(sent.status, 200, "{}", sent.body);
        }
        assert_eq!(visitor.get(&large_path).status, 404, "replaced");
        let sixth = operator.api("send-link", "the-sixth", &json!({ "invoice_id": large.id }));
        assert_eq!((sixth.status, sixth.json()["code"].clone()), (429, "too_many_links".into()));
        let kept = operator.get(&format!("/api/v1/confirmation-links?invoice_id={}", large.id));
        assert_eq!(
            (kept.json()["items"][0]["state"].clone(), kept.json()["items"][1]["reason"].clone()),
            ("open".into(), "replaced".into())
        );
        assert!(!kept.body.contains("hash") && !kept.body.contains("token"), "{}", kept.body);
        assert_eq!(supplier.get(&format!("/api/v1/confirmation-links?invoice_id={}", large.id)).status, 403);
        let known = operator.get(&format!("/api/v1/contacts?party_id={party_id}")).json();
        assert_eq!(
            (known["items"][0]["second"].clone(), known["items"][0]["state"].clone()),
            ("+49401234567".into(), "active".into())
        );
        let page = world.signed_in("operator@x.example").get(&format!("/ops/contacts/{party_id}")).text();
        assert!(page.contains("Used") && page.contains("Revoked") && page.contains("+49401234567"), "{page}");
        world.verify();
        let spoil = "UPDATE confirmation_links SET state = 'revoked' WHERE state = 'used'";
        assert_eq!(store::query::execute(&mut world.conn(), spoil, &[]).unwrap(), 1);
        let (_, finding) = store::verify::verify(&mut world.conn()).unwrap();
        assert!(format!("{finding:?}").contains("its contact has not used a link for it"), "{finding:?}");
    }
}

#[test]
fn a_link_ends_with_what_it_was_for_and_can_do_nothing_else() {
    for database in Database::both() {
        let (world, party_id) = world(database);
        record(&world, party_id, "telephone");
        let (operator, supplier) = (world.api("operator@x.example"), world.api(SUPPLIER.3));
        let visitor = world.client();
        let gone = |invoice: &Invoice, path: &str, why: &str| {
            let link = newest_link(&world, invoice);
            assert_eq!((link.state, link.reason.as_str()), (LinkState::Revoked, why));
            assert_eq!(visitor.get(path).status, 404, "{why}");
        };
        // Withdrawn, revoked, held for a review, its contact ended: each ends the link.
        let withdrawn = present(&world, "S-1", 110_000);
        let path = link_of(&world, &withdrawn);
        let open = check(&visitor, &path, &[]);
        let code = told_code(&world, party_id, &newest_link(&world, &withdrawn));
        assert_eq!(supplier.api("withdraw-invoice", "takes-back", &json!({ "invoice_id": withdrawn.id })).status, 200);
        gone(&withdrawn, &path, "withdrawn");
        assert_eq!(send(&visitor, &path, &open, &code).status, 404, "not even with the right code");
        assert_eq!(Invoice::load(&mut world.conn(), withdrawn.id).unwrap().state, InvoiceState::Withdrawn);
        let revoked = present(&world, "S-2", 120_000);
        let path = link_of(&world, &revoked);
        let link = newest_link(&world, &revoked);
        assert_eq!(supplier.api("revoke-link", "not-the-supplier", &json!({ "link_id": link.id })).status, 403);
        assert_eq!(operator.api("revoke-link", "by-the-operator", &json!({ "link_id": link.id })).status, 200);
        gone(&revoked, &path, "operator");
        assert_eq!(
            operator.api("tell-code", "too-late-to-tell", &json!({ "link_id": link.id })).json()["code"],
            "state_conflict"
        );
        // A credit note lowers what the link asks about.
        let credited = present(&world, "CR-77", 171_500);
        let path = link_of(&world, &credited);
        let note = ubl(&DemoInvoice {
            number: "NOTE-12",
            issue_date: DAY.parse().unwrap(),
            due_date: "2021-06-30".parse().unwrap(),
            currency: Currency::EUR,
            net_minor: 10_000,
            seller: (SUPPLIER.0, SUPPLIER.1),
            buyer: RARE,
            order: "1",
            item: "Goods",
        });
        let headers = [("Content-Type", "application/xml"), ("Idempotency-Key", "credit-of-CR-77")];
        let taken = supplier.post_with("/api/v1/register-invoice", &headers, crate::twice::naming(&note, "381", "CR-77"));
        assert_eq!(taken.json()["result"]["late"], json!(false), "{}", taken.body);
        gone(&credited, &path, "credited");

        // Wrong codes end it, in order or all at once.
        let guessed = present(&world, "S-3", 130_000);
        let path = link_of(&world, &guessed);
        let code = told_code(&world, party_id, &newest_link(&world, &guessed));
        let wrong = if code == "11111111" { "22222222" } else { "11111111" };
        for _ in 0..4 {
            let page = check(&visitor, &path, &[]);
            assert_eq!(send(&visitor, &path, &page, wrong).status, 422);
        }
        let page = check(&visitor, &path, &[]);
        assert_eq!(send(&visitor, &path, &page, wrong).status, 404);
        assert_eq!((newest_link(&world, &guessed).state, visitor.get(&path).status), (LinkState::Locked, 404));
        assert_eq!(send(&visitor, &path, &page, &code).status, 404, "the right code comes too late");
        let _ = mail_about(&world, CONTACT, "too many wrong codes");

        // A link is about its own invoice: another number in the form changes nothing, and there is no session behind it.
        let (one, two) = (present(&world, "S-4", 140_000), present(&world, "S-5", 150_000));
        let path = link_of(&world, &one);
        let code = told_code(&world, party_id, &newest_link(&world, &one));
        let page = check(&visitor, &path, &[]);
        let mut form = page.form(&path);
        form.retain(|(name, _)| name != "code");
        for (name, value) in
            [("code", code.as_str()), ("invoice_id", &two.id.to_string()), ("link_id", &newest_link(&world, &two).id.to_string())]
        {
            form.push((name.to_owned(), value.to_owned()));
        }
        let done = visitor.post(&path, &form);
        assert!(done.text().contains("Done and recorded"), "{}", done.text());
        let state = |invoice: &Invoice| Invoice::load(&mut world.conn(), invoice.id).unwrap().state;
        assert_eq!((state(&one), state(&two)), (InvoiceState::Confirmed, InvoiceState::Presented));
        for foreign in [
            format!("/payables/{}", one.id),
            "/payables".to_owned(),
            format!("/undertakings/{}", one.id),
            format!("/documents/{}", two.document),
        ] {
            assert_eq!(visitor.get(&foreign).status, 303, "{foreign} asks to sign in");
        }
        assert_eq!(visitor.get("/api/v1/payables").status, 401);

        // Disputed by link, settled by another one; the settled invoice gets a third, which rejects it.
        let path = link_of(&world, &two);
        let code = told_code(&world, party_id, &newest_link(&world, &two));
        assert!(send(&visitor, &path, &check_otherwise(&visitor, &path, "dispute"), &code).text().contains("Done and recorded"));
        assert_eq!(state(&two), InvoiceState::Disputed);
        assert_eq!(supplier.api("send-link", "after-the-dispute", &json!({ "invoice_id": two.id })).status, 200);
        let path = link_of(&world, &two);
        assert_eq!(check_otherwise(&visitor, &path, "confirm").status, 422, "what is disputed cannot be confirmed");
        let code = told_code(&world, party_id, &newest_link(&world, &two));
        assert!(send(&visitor, &path, &check_otherwise(&visitor, &path, "settle"), &code).text().contains("Done and recorded"));
        assert_eq!(state(&two), InvoiceState::Presented);
        let path = link_of(&world, &two);
        let code = told_code(&world, party_id, &newest_link(&world, &two));
        assert!(send(&visitor, &path, &check_otherwise(&visitor, &path, "reject"), &code).text().contains("Done and recorded"));
        assert_eq!(state(&two), InvoiceState::Rejected);
        let thread = world.signed_in(SUPPLIER.3).get(&format!("/invoices/{}", two.id)).text();
        assert!(thread.contains("Rejected (RE) · Quantity incorrect one box is missing"), "{thread}");

        // A question spends the link and leaves the invoice; a link runs out; a contact ends.
        let late = present(&world, "S-6", 160_000);
        let path = link_of(&world, &late);
        let code = told_code(&world, party_id, &newest_link(&world, &late));
        assert!(send(&visitor, &path, &check_otherwise(&visitor, &path, "query"), &code).text().contains("Done and recorded"));
        assert_eq!((state(&late), visitor.get(&path).status), (InvoiceState::Presented, 404));
        assert_eq!(supplier.api("send-link", "once-more-after-it", &json!({ "invoice_id": late.id })).status, 200);
        let path = link_of(&world, &late);
        assert_eq!(visitor.get(&path).status, 200);
        world.clock.shift_seconds(72 * 3_600 + 1);
        assert_eq!(visitor.get(&path).status, 404, "three days");
        let operator = world.api("operator@x.example");
        assert_eq!(operator.api("send-link", "after-three-days", &json!({ "invoice_id": late.id })).status, 200);
        let path = link_of(&world, &late);
        world.move_to("2021-06-06");
        gone(&late, &path, "expired");
        let last = present(&world, "S-7", 170_000);
        let path = link_of(&world, &last);
        assert_eq!(operator.api("end-contact", "she-has-left", &json!({ "party_id": party_id })).status, 200);
        gone(&last, &path, "contact_ended");
        assert_eq!(
            operator.api("end-contact", "she-has-left-twice", &json!({ "party_id": party_id })).json()["code"],
            "contact_missing"
        );
        world.verify();
    }
}

/// The code goes to another address than the link, and neither mail holds what the other has.
/// ASVS 6.5.5: a code is good for ten minutes.
/// ASVS 6.6.2: a code opens its own link only.
#[test]
fn the_code_goes_another_way_than_the_link() {
    for database in Database::both() {
        let (world, party_id) = world(database);
        record(&world, party_id, "email");
        let invoice = present(&world, "T-1", 100_000);
        let path = link_of(&world, &invoice);
        let mail = mail_about(&world, SECOND, "T-1");
        let code: String = mail.body.chars().take_while(char::is_ascii_digit).collect();
        assert_eq!(code.len(), 8, "{}", mail.body);
        assert!(!mail.body.contains("/confirm/") && !mail.body.contains("http"), "{}", mail.body);
        let others = Mail::list_where(&mut world.conn(), "address = ?", &[CONTACT.into()]).unwrap();
        assert!(others.iter().all(|mail| !mail.body.contains(&code)));
        let operator = world.api("operator@x.example");
        let link = newest_link(&world, &invoice);
        let told = operator.api("tell-code", "not-this-channel", &json!({ "link_id": link.id }));
        assert_eq!(told.json()["code"], "field_invalid", "no operator learns or replaces it");
        // It is good for ten minutes; a new one is mailed on request, three times an hour, and takes no try back.
        let visitor = world.client();
        let less = check(&visitor, &path, &[("amount", "1,000.00"), ("reason", "one box is missing")]);
        world.clock.shift_seconds(10 * 60);
        let late = send(&visitor, &path, &less, &code);
        assert!(late.status == 422 && late.text().contains("older than 10 minutes. 4 more tries"), "{}", late.text());
        let again = format!("{path}/code");
        let mut form = late.form(&again);
        let ask = |form: &mut Vec<(String, String)>, number: usize| {
            form.retain(|(name, _)| name != "_key");
            form.push(("_key".to_owned(), format!("a-new-code-please-{number}")));
            visitor.post(&again, form)
        };
        let asked = ask(&mut form, 1);
        assert!(asked.status == 200 && asked.text().contains("A new code is on its way"), "{}", asked.text());
        let old = send(&visitor, &path, &asked, &code);
        assert!(old.text().contains("3 more tries"), "no earlier one is good: {}", old.text());
        let fresh = (0..200).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            let mail = mail_about(&world, SECOND, "T-1");
            Some(mail.body.chars().take_while(char::is_ascii_digit).collect::<String>()).filter(|fresh| *fresh != code)
        });
        let code = fresh.expect("another code");
        let less = old;
        let done = send(&visitor, &path, &less, &code);
        assert!(done.text().contains("Done and recorded"), "{}", done.text());
        let row = Invoice::load(&mut world.conn(), invoice.id).unwrap();
        assert_eq!((row.state, row.confirmed_minor), (InvoiceState::PartlyConfirmed, 100_000));
        let evidence =
            ConfirmationEvidence::find_where(&mut world.conn(), "invoice_id = ?", &[invoice.id.into()]).unwrap().unwrap();
        assert!(evidence.text.contains("code by email"), "{}", evidence.text);
        let other = present(&world, "T-2", 170_000);
        let path = link_of(&world, &other);
        let page = check(&visitor, &path, &[]);
        let again = format!("{path}/code");
        let mut form = page.form(&again);
        let answers: Vec<u16> = (0..4)
            .map(|number| {
                form.retain(|(name, _)| name != "_key");
                form.push(("_key".to_owned(), format!("too-many-new-codes-{number}")));
                visitor.post(&again, &form).status
            })
            .collect();
        assert_eq!(answers, [200, 200, 200, 429]);
        world.verify();
    }
}

#[test]
fn the_one_time_link_in_chromium_without_javascript() {
    let Some(driver) = Driver::start() else { return };
    for database in Database::both() {
        let (world, party_id) = world(database);
        run(record_in_browser(&driver, &world, party_id));
        let invoice = present(&world, "U-1", 100_000);
        let path = link_of(&world, &invoice);
        run(confirm_in_browser(&driver, &world, party_id, &path));
        assert_eq!(Invoice::load(&mut world.conn(), invoice.id).unwrap().state, InvoiceState::Confirmed);
        world.verify();
    }
}

async fn record_in_browser(driver: &Driver, world: &World, party_id: PartyId) -> Done {
    use thirtyfour::prelude::*;
    let operator = Browser::open(driver, &world.base, false).await?;
    operator.sign_in("operator@x.example").await?;
    let page = format!("/ops/contacts/{party_id}");
    operator.go(&page).await?;
    for (name, value) in [
        ("name", "Rita Rare"),
        ("email", CONTACT),
        ("second", "+49 40 1234567"),
        ("source", "register extract"),
        ("currency", "EUR"),
        ("limit", "5,000.00"),
    ] {
        operator.write(name, value).await?;
    }
    operator.press(&page).await?;
    operator.says("second person").await?;
    let checker = Browser::open(driver, &world.base, false).await?;
    checker.sign_in("operator2@x.example").await?;
    checker.go("/approvals?state=pending").await?;
    checker.web.find(By::Css("main td a[href^='/approvals/']")).await?.click().await?;
    checker.says("+49 40 1234567").await?;
    checker.web.find(By::Css("main form[action^='/approvals/'] button")).await?.click().await?;
    checker.says("Contact recorded").await?;
    for browser in [operator, checker] {
        browser.web.quit().await?;
    }
    Ok(())
}

async fn confirm_in_browser(driver: &Driver, world: &World, party_id: PartyId, path: &str) -> Done {
    let contact = Browser::open(driver, &world.base, false).await?;
    contact.go(path).await?;
    contact.says("Invoice U-1 of Real Supplier").await?;
    contact.press(&format!("{path}/check")).await?;
    contact.says("irrevocably and unconditionally undertakes to pay EUR 1,190.00").await?;
    contact.write("code", "12345678").await?;
    contact.press(path).await?;
    contact.says("4 more tries").await?;
    let operator = Browser::open(driver, &world.base, false).await?;
    operator.sign_in("operator@x.example").await?;
    operator.go(&format!("/ops/contacts/{party_id}")).await?;
    operator.press(&format!("/ops/contacts/{party_id}/code")).await?;
    operator.says("Call the registered number back").await?;
    let shown = operator.text().await?;
    let code = shown.split_whitespace().find(|word| word.len() == 8 && word.bytes().all(|mark| mark.is_ascii_digit())).unwrap();
    contact.write("code", code).await?;
    contact.press(path).await?;
    contact.says("Done and recorded").await?;
    contact.go(path).await?;
    contact.says("This link is not valid any more").await?;
    for browser in [contact, operator] {
        browser.web.quit().await?;
    }
    Ok(())
}

/// Two operators see when the contact's address is in the house of a supplier that invoices this buyer; a company with half a person is none.
#[test]
fn a_contact_in_the_suppliers_house_makes_two_people_ask_once_more() {
    let (world, party_id) = world(Database::sqlite());
    let _ = present(&world, "V-1", 100_000);
    let operator = world.api("operator@x.example");
    let mut near = contact(party_id, "telephone");
    near["email"] = json!("rita@x.example");
    assert_eq!(operator.api("record-contact", "in-the-house", &near).status, 202);
    let request = store::Approval::find_where(&mut world.conn(), "command = 'record_contact'", &[]).unwrap().unwrap();
    let shown = world.signed_in("operator2@x.example").get(&format!("/approvals/{}", request.id)).text();
    assert!(shown.contains("The address is in the house of Real Supplier"), "{shown}");
    let twice = operator.api("record-contact", "asked-for-twice", &contact(party_id, "telephone"));
    assert_eq!(twice.json()["code"], "request_pending");
    let company = |fields: Value| {
        let mut company =
            json!({ "name": "Half", "country": "DE", "tax_id": "DE777777777", "capacities": "buyer", "language": "en" });
        company.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        operator.api("invite-company", &format!("half-{fields}").replace(' ', "-"), &company)
    };
    assert_eq!(company(json!({ "checker_name": "Only" })).json()["code"], "field_missing");
    assert_eq!(company(json!({ "capacities": "buyer,supplier" })).json()["code"], "field_missing", "a supplier needs people");
}

/// A buyer that has its own people gets no links, and its ordinary way is as it was.
#[test]
fn a_buyer_with_people_of_its_own_needs_no_link() {
    let world = World::start(Database::sqlite(), DAY);
    let operator = world.signed_in("operator@x.example");
    onboard(&world, &operator, BUYER);
    let party = Party::find_where(&mut world.conn(), "name = ?", &[BUYER.0.into()]).unwrap().unwrap();
    // Whoever signs in there cannot be its contact as well.
    let mut taken = contact(party.id, "telephone");
    taken["email"] = json!(BUYER.3);
    assert_eq!(world.api("operator@x.example").api("record-contact", "signs-in-already", &taken).json()["code"], "email_taken");
}

/// A review that is opened ends the link that is out; when it is over, the contact gets a new one, or the operator is told to send it.
#[test]
fn a_review_ends_the_link_and_its_end_sends_a_new_one() {
    for database in Database::both() {
        let (world, party_id) = world(database);
        record(&world, party_id, "telephone");
        let operator = world.api("operator@x.example");
        let (one, two) = (present(&world, "R-1", 100_000), present(&world, "S-2", 200_000));
        let total = |id: InvoiceId, minor: i64| {
            let sql = "UPDATE invoices SET total_minor = ? WHERE id = ?";
            assert_eq!(store::query::execute(&mut world.conn(), sql, &[minor.into(), id.into()]).unwrap(), 1);
        };
        // Something comes to light that nobody has seen when the contact confirms.
        let held = |invoice: &Invoice, other: &Invoice| {
            let (link, path) = (newest_link(&world, invoice), link_of(&world, invoice));
            let code = told_code(&world, party_id, &link);
            total(other.id, invoice.total_minor);
            let visitor = world.client();
            let answered = send(&visitor, &path, &check(&visitor, &path, &[]), &code);
            total(other.id, other.total_minor);
            assert!(answered.text().contains("the platform has to look at this invoice first"), "{}", answered.text());
            assert_ne!(ConfirmationLink::load(&mut world.conn(), link.id).unwrap().state, LinkState::Open);
            assert_eq!(visitor.get(&path).status, 404);
            let review = Review::find_where(&mut world.conn(), "invoice_id = ? AND state = 'open'", &[invoice.id.into()]);
            (review.unwrap().unwrap().id, link.id)
        };
        let clear = |review: ReviewId| {
            let asked = json!({ "review_id": review, "clear": true, "reason": "two deliveries, seen on paper" });
            let done = operator.api("decide-review", &format!("clear-{review}"), &asked);
            assert_eq!(done.status, 202, "{}", done.body);
            assert_eq!(approve(&world.signed_in("operator2@x.example")).status, 200);
            let last = AuditRecord::find_where(&mut world.conn(), "command = 'decide_approval' ORDER BY seq DESC LIMIT 1", &[]);
            last.unwrap().unwrap().outcome
        };
        let (review, before) = held(&one, &two);
        assert_eq!(operator.api("send-link", "while-it-is-held", &json!({ "invoice_id": one.id })).status, 409);
        let outcome = clear(review);
        assert!(outcome.contains(r#""link_sent":true"#), "{outcome}");
        let after = newest_link(&world, &one);
        assert!(after.id > before && after.state == LinkState::Open);
        let (path, code) = (link_of(&world, &one), told_code(&world, party_id, &after));
        let visitor = world.client();
        let done = send(&visitor, &path, &check(&visitor, &path, &[]), &code);
        assert_eq!(Invoice::load(&mut world.conn(), one.id).unwrap().state, InvoiceState::Confirmed, "{}", done.text());

        // Five have gone out within a day: then a person sends the next one.
        for at in 2..=5 {
            let sent = operator.api("send-link", &format!("one-more-{at}"), &json!({ "invoice_id": two.id }));
            assert_eq!(sent.status, 200, "{}", sent.body);
        }
        let third = present(&world, "T-3", 300_000);
        let (review, _) = held(&two, &third);
        let outcome = clear(review);
        assert!(outcome.contains(r#""link_sent":false"#), "{outcome}");
        assert_ne!(newest_link(&world, &two).state, LinkState::Open);
        let told = Notice::find_where(&mut world.conn(), "kind = 'link_wanted'", &[]).unwrap().expect("a word to the operator");
        assert_eq!(told.link, format!("/ops/contacts/{party_id}"));
        world.verify();
    }
}
