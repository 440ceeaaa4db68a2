//! Company data and mail addresses that two people correct, the own address by a link, and limits that take two. On both databases.

use crate::journey::{BUYER, SUPPLIER, approve, onboard, second_of};
use crate::twice::{invoice, send};
use e2e::world::{PASSWORD, World};
use e2e::{Answer, Client, Database};
use kernel::{InvoiceId, PartyId, UserId};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use store::records::{Keyed, Record};
use store::{AddressChange, CompanyVersion, Invoice, Party, User};

const DAY: &str = "2021-05-26";
const OPERATOR: &str = "operator@x.example";

/// A write under a key of its own.
fn write(client: &Client, path: &str, body: &Value) -> Answer {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    client.api(path, &format!("corrections-{path}-{}", NEXT.fetch_add(1, Ordering::Relaxed)), body)
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap_or("").to_owned())
}

fn refused(status: u16, said: &str) -> (u16, String) {
    (status, said.to_owned())
}

/// The request that somebody now waits for.
fn ask(client: &Client, path: &str, body: &Value) -> i64 {
    let asked = write(client, path, body);
    assert_eq!(asked.status, 202, "{path} {body}: {}", asked.body);
    asked.json()["awaits_approval"].as_i64().unwrap()
}

fn agree(client: &Client, id: i64) -> (u16, String) {
    let rows = client.get("/api/v1/approvals").json();
    let row = rows["items"].as_array().unwrap().iter().find(|row| row["id"] == id).cloned();
    let hash = row.unwrap_or_else(|| panic!("{id} is not listed"))["body_hash"].clone();
    code(&write(client, "decide-approval", &json!({ "approval_id": id, "body_hash": hash, "approve": true })))
}

fn done() -> (u16, String) {
    refused(200, "")
}

fn user(world: &World, email: &str) -> User {
    User::find_where(&mut world.conn(), "email = ?", &[email.into()]).unwrap().unwrap()
}

fn party(world: &World, id: PartyId) -> Party {
    Party::load(&mut world.conn(), id).unwrap()
}

/// Waits until a mail to this address says so, and gives its text.
fn mailed(world: &World, email: &str, words: &str) -> String {
    for _ in 0..100 {
        let mails = store::Mail::list_where(&mut world.conn(), "address = ? ORDER BY id DESC", &[email.into()]).unwrap();
        if let Some(mail) = mails.into_iter().find(|mail| mail.subject.contains(words) || mail.body.contains(words)) {
            return mail.body;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{email} is not told: {words}");
}

/// The path of the link in a mail.
fn link(body: &str) -> String {
    body.split_whitespace().find_map(|word| word.strip_prefix("http://kontor.test")).expect("a link").to_owned()
}

fn world(database: Database) -> (World, PartyId, PartyId) {
    let world = World::start(database, DAY);
    let operator = world.signed_in(OPERATOR);
    let supplier = onboard(&world, &operator, SUPPLIER);
    let buyer = onboard(&world, &operator, BUYER);
    (world, supplier, buyer)
}

/// All data of a company as they are, with some of them changed.
fn data(party: &Party, changes: &[(&str, &str)]) -> Value {
    let mut body = json!({
        "party_id": party.id, "name": party.name, "country": party.country, "tax_id": party.tax_id, "registration_id": party.registration_id,
        "contact_email": party.contact_email, "gln": party.gln, "endpoint_scheme": party.endpoint_scheme, "endpoint_id": party.endpoint_id,
        "street": party.street, "building": party.building, "postcode": party.postcode, "town": party.town,
        "address_country": party.address_country, "reason": "Extract of the register",
    });
    for (name, value) in changes {
        body[*name] = (*value).into();
    }
    body
}

/// Two operators correct a company; what was before stays readable, and the company is told.
pub fn correct(world: &World, id: PartyId, changes: &[(&str, &str)]) {
    let (operator, second) = (world.api(OPERATOR), world.api("operator2@x.example"));
    let asked = ask(&operator, "correct-company", &data(&party(world, id), changes));
    assert_eq!(agree(&second, asked), done(), "{changes:?}");
}

#[test]
fn a_company_is_corrected_by_two_and_its_history_stays() {
    for database in Database::both() {
        let (world, supplier, buyer) = world(database);
        let (operator, second) = (world.api(OPERATOR), world.api("operator2@x.example"));
        let before = party(&world, supplier);
        // Each value is looked at as at registration.
        for (changes, said) in [
            (&[][..], refused(409, "nothing_changed")),
            (&[("name", " ")], refused(422, "field_missing")),
            (&[("name", "Real\u{202E}Supplier")], refused(422, "field_invalid")),
            (&[("country", "XX")], refused(422, "field_invalid")),
            (&[("tax_id", BUYER.1)], refused(409, "tax_id_taken")),
            (&[("contact_email", "nowhere")], refused(422, "field_invalid")),
            (&[("gln", "4012345000008")], refused(422, "field_invalid")),
            (&[("endpoint_scheme", "9999"), ("endpoint_id", "12345")], refused(422, "field_invalid")),
            (&[("endpoint_scheme", "9930")], refused(422, "field_missing")),
            (&[("endpoint_scheme", "0088"), ("endpoint_id", "4012345000008")], refused(422, "field_invalid")),
            (&[("street", "Am Kai")], refused(422, "field_missing")),
        ] {
            assert_eq!(code(&write(&operator, "correct-company", &data(&before, changes))), said, "{changes:?}");
        }
        let mut silent = data(&before, &[("town", "Kiel"), ("address_country", "DE")]);
        silent["reason"] = "".into();
        assert_eq!(write(&operator, "correct-company", &silent).status, 422, "without a reason");
        // Nobody but the operator, and neither of it alone.
        let changes = [
            ("name", "Real Supplier Europe"),
            ("gln", "401 2345 00000 9"),
            ("street", "Am Kai"),
            ("building", "1"),
            ("town", "Kiel"),
            ("address_country", "de"),
        ];
        let body = data(&before, &changes);
        assert_eq!(code(&write(&world.api(SUPPLIER.3), "correct-company", &body)), refused(403, "not_permitted"));
        let asked = ask(&operator, "correct-company", &body);
        assert_eq!(party(&world, supplier), before, "nothing yet");
        assert_eq!(agree(&operator, asked).0, 403, "nobody agrees to their own request");
        assert_eq!(code(&write(&operator, "correct-company", &body)), refused(409, "request_pending"));
        // The second person reads each value before and after, and a company whose name looks like the new one.
        let shown = world.signed_in("operator2@x.example").open(&format!("/approvals/{asked}")).text();
        for part in ["Real Supplier Europe", before.name.as_str(), "4012345000009", "Am Kai", "What changes"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert_eq!(agree(&second, asked), done());
        let after = party(&world, supplier);
        assert_eq!(
            (after.name.as_str(), after.gln.as_str(), after.address_country.as_str()),
            ("Real Supplier Europe", "4012345000009", "DE")
        );
        assert_eq!((&after.tax_key, &after.reference), (&before.tax_key, &before.reference));
        // What another company has, and a name that looks like it.
        let other = party(&world, buyer);
        assert_eq!(
            code(&write(&operator, "correct-company", &data(&other, &[("gln", "4012345000009")]))),
            refused(409, "identifier_taken")
        );
        let endpoint = [("endpoint_scheme", "0088"), ("endpoint_id", "0088:4012345000009")];
        assert_eq!(code(&write(&operator, "correct-company", &data(&other, &endpoint))), refused(409, "identifier_taken"));
        let alike = ask(&operator, "correct-company", &data(&other, &[("name", "ReaI Supplier Europe")]));
        let shown = world.signed_in("operator2@x.example").open(&format!("/approvals/{alike}")).text();
        assert!(shown.contains("one that looks like it") && shown.contains("Real Supplier Europe"), "{shown}");
        // The company is told, reads what was before and since when, without the operator's people.
        mailed(&world, SUPPLIER.3, "were corrected");
        let own = world.signed_in(SUPPLIER.3);
        assert!(own.open("/org").text().contains("Real Supplier Europe"));
        let history = own.open("/org/history").text();
        for part in [before.name.as_str(), "Real Supplier Europe", "Extract of the register", "4012345000009"] {
            assert!(history.contains(part), "{part}: {history}");
        }
        assert!(!history.contains("Olga"), "{history}");
        let seen = world.signed_in(OPERATOR).open(&format!("/ops/companies/{supplier}/history")).text();
        assert!(seen.contains("Olga") && seen.contains("Otto"), "{seen}");
        assert_eq!(own.get(&format!("/ops/companies/{supplier}/history")).status, 403);
        // The same by the page, a second time: the versions follow each other without a gap.
        let page = format!("/ops/companies/{supplier}/correct");
        let sent = world.signed_in(OPERATOR).fill(&page, &page, &[("postcode", "24103"), ("reason", "A letter")]);
        assert!(sent.text().contains("second person"), "{}", sent.text());
        world.clock.shift_seconds(60);
        let done = approve(&world.signed_in("operator2@x.example"));
        assert!(done.status == 200 && done.text().contains("Data that changed Postcode"), "{}", done.text());
        let versions = CompanyVersion::list_where(&mut world.conn(), "party_id = ? ORDER BY id", &[supplier.into()]).unwrap();
        assert_eq!(versions.len(), 2);
        assert_eq!((versions[0].since, versions[0].name.as_str()), (before.created_at, before.name.as_str()));
        assert_eq!(versions[1].since, versions[0].until);
        assert!(versions.iter().all(|row| row.agreed_by.is_some() && row.agreed_by != Some(row.asked_by)));
        world.verify();
        // A version that somebody changes behind the program's back is found.
        let mut conn = world.conn();
        let (open, change, close) = match conn {
            store::Conn::Sqlite(_) => (
                "DROP TRIGGER company_versions_no_update",
                "UPDATE company_versions SET name = 'Another'",
                "CREATE TRIGGER company_versions_no_update BEFORE UPDATE ON company_versions BEGIN SELECT RAISE(ABORT, 'company_versions is append-only'); END",
            ),
            store::Conn::Postgres(_) => (
                "ALTER TABLE company_versions DISABLE TRIGGER USER",
                "UPDATE company_versions SET name = 'Another'",
                "ALTER TABLE company_versions ENABLE TRIGGER USER",
            ),
        };
        for sql in [open, change, close] {
            store::query::execute(&mut conn, sql, &[]).unwrap();
        }
        assert!(store::verify::verify(&mut conn).unwrap().1.is_some());
    }
}

/// Evidence and notices that were given name the company as it was; lists name it as it is.
#[test]
fn what_was_issued_keeps_the_name_that_it_bore() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let mut conn = world.conn();
        let confirmation = store::Confirmation::find_where(&mut conn, "id > 0 ORDER BY id LIMIT 1", &[]).unwrap().unwrap();
        let invoice = Invoice::load(&mut conn, confirmation.invoice_id).unwrap();
        let before = Party::load(&mut conn, invoice.supplier_id).unwrap();
        assert!(confirmation.words_en.contains(&before.name), "{}", confirmation.words_en);
        let (operator, second) = (world.api("operator@kontor.example"), world.api("operator2@kontor.example"));
        let notice = |conn: &mut store::Conn| {
            store::AssignmentNotice::find_where(conn, "id > 0 ORDER BY id LIMIT 1", &[]).unwrap().unwrap()
        };
        let given = notice(&mut conn);
        let asked = ask(&operator, "correct-company", &data(&before, &[("name", "Quite Another Name GmbH")]));
        assert_eq!(agree(&second, asked), done());
        let page = world.signed_in("operator@kontor.example").open(&format!("/undertakings/{}", invoice.id)).text();
        assert!(page.contains(&before.name), "{page}");
        assert_eq!(store::Confirmation::load_words(&mut conn, confirmation.invoice_id), confirmation.words_en);
        assert_eq!(notice(&mut conn), given);
        let list = operator.get(&format!("/api/v1/operator/invoices?supplier={}", before.id)).json();
        assert_eq!(list["items"][0]["supplier"], "Quite Another Name GmbH");
        world.verify();
    }
}

/// Reads the words of a confirmation again.
trait Words {
    fn load_words(conn: &mut store::Conn, invoice: InvoiceId) -> String;
}
impl Words for store::Confirmation {
    fn load_words(conn: &mut store::Conn, invoice: InvoiceId) -> String {
        Self::find_where(conn, "invoice_id = ?", &[invoice.into()]).unwrap().unwrap().words_en
    }
}

/// The buyer of a file, named by an electronic address alone.
fn addressed(file: &str, scheme: &str, value: &str) -> String {
    let (head, rest) = file.split_once("<cac:AccountingCustomerParty>").unwrap();
    let (buyer, tail) = rest.split_once("</cac:AccountingCustomerParty>").unwrap();
    let mut buyer = buyer.replace(BUYER.0, "Somebody");
    for (open, close) in [
        ("<cac:PartyTaxScheme>", "</cac:PartyTaxScheme>"),
        ("<cbc:CompanyID>", "</cbc:CompanyID>"),
        ("<cbc:EndpointID", "</cbc:EndpointID>"),
    ] {
        while let (Some(begin), Some(end)) = (buyer.find(open), buyer.find(close)) {
            buyer.replace_range(begin..end + close.len(), "");
        }
    }
    let endpoint = format!("<cac:Party><cbc:EndpointID schemeID=\"{scheme}\">{value}</cbc:EndpointID>");
    let buyer = buyer.replacen("<cac:Party>", &endpoint, 1);
    format!("{head}<cac:AccountingCustomerParty>{buyer}</cac:AccountingCustomerParty>{tail}")
}

/// A company that no file led to is found from the correction on, by GLN and by electronic address.
#[test]
fn a_file_finds_a_company_by_what_was_corrected() {
    for database in Database::both() {
        let (world, _, buyer) = world(database);
        let supplier = world.api(SUPPLIER.3);
        let by_gln = addressed(&invoice("GLN-1", "2021-05-25", 310_000), "0088", "4012345000009");
        let by_mail = addressed(&invoice("EM-1", "2021-05-25", 320_000), "EM", "bills@buyer.example");
        assert_eq!(send(&supplier, "gln-unknown", by_gln.clone()).0, "buyer_unknown");
        assert_eq!(send(&supplier, "mail-unknown", by_mail.clone()).0, "buyer_unknown");
        correct(&world, buyer, &[("gln", "4012345000009"), ("endpoint_scheme", "em"), ("endpoint_id", "bills@buyer.example")]);
        for (key, file) in [("gln-known", by_gln), ("mail-known", by_mail)] {
            let (standing, taken) = send(&supplier, key, file);
            assert_eq!(standing, "", "{taken}");
            let id = InvoiceId(taken["invoice_id"].as_i64().unwrap());
            assert_eq!(Invoice::load(&mut world.conn(), id).unwrap().buyer_id, buyer);
        }
        world.verify();
    }
}

/// A corrected tax id parts no invoice from the ones before it, and whoever comes under the old one is not taken for the corrected company.
#[test]
fn a_corrected_tax_id_hides_no_duplicate() {
    for database in Database::both() {
        let (world, supplier, _) = world(database);
        let client = world.api(SUPPLIER.3);
        let file = invoice("DUP-1", "2021-05-25", 410_000);
        assert_eq!(send(&client, "dup-first", file.clone()).0, "");
        let old = party(&world, supplier);
        correct(&world, supplier, &[("tax_id", "BE0999999922")]);
        let now = party(&world, supplier);
        assert_eq!((now.tax_key.as_str(), now.series_key.as_str()), ("BE0999999922", old.tax_key.as_str()));
        let renamed = file.replace(&old.tax_id, "BE0999999922");
        assert_eq!(send(&client, "dup-second", renamed).0, "duplicate_invoice");
        // A new company with the old number has invoices of its own.
        let operator = world.signed_in(OPERATOR);
        let other = onboard(&world, &operator, ("Real Namesake", SUPPLIER.1, "supplier", "namesake@x.example"));
        assert_eq!(party(&world, other).series_key, format!("{}/{other}", old.tax_key));
        let its = file.replace(SUPPLIER.0, "Real Namesake");
        // A person looks at two of one total to one buyer; a duplicate it is not.
        assert_eq!(send(&world.api("namesake@x.example"), "dup-other", its).0, "open", "another company's");
        world.verify();
    }
}

/// The own address: password, a link to the new address, and the person's own session; the old address is told.
#[test]
fn a_person_changes_the_own_address_by_a_link() {
    for database in Database::both() {
        let (world, ..) = world(database);
        let (client, other) = (world.signed_in(SUPPLIER.3), world.signed_in(SUPPLIER.3));
        let ask = |email: &str, password: &str| {
            client.fill("/account/address", "/account/address", &[("email", email), ("current", password)])
        };
        assert_eq!(ask("fresh@x.example", "wrong").status, 401);
        assert_eq!(ask("no address", PASSWORD).status, 422);
        assert_eq!(ask(BUYER.3, PASSWORD).status, 409, "somebody has it");
        // A link to a new password that went to the old address.
        let visitor = world.client();
        assert_eq!(visitor.fill("/password/reset", "/password/reset", &[("email", SUPPLIER.3)]).status, 200);
        let reset = link(&mailed(&world, SUPPLIER.3, "new password"));
        // An older request is ended by a newer one; the form of an address is made one.
        assert_eq!(ask("first@x.example", PASSWORD).status, 200);
        let first = link(&mailed(&world, "first@x.example", "Confirm this mail address"));
        assert_eq!(ask(" Fresh@X.example ", PASSWORD).status, 200);
        mailed(&world, SUPPLIER.3, "asked for another mail address");
        let confirm = link(&mailed(&world, "fresh@x.example", "Confirm this mail address"));
        assert!(client.open(&first).form("/account/address/confirm").is_empty(), "ended");
        // Whoever reads the new mailbox, and is not the person, comes to nothing.
        assert!(world.client().get(&confirm).location().starts_with("/login"));
        let stranger = world.signed_in(BUYER.3);
        assert!(stranger.open(&confirm).form("/account/address/confirm").is_empty());
        assert_eq!(user(&world, SUPPLIER.3).email, SUPPLIER.3, "nothing yet");
        let page = client.open(&confirm);
        let token = page.form("/account/address/confirm");
        let forged: Vec<(String, String)> = stranger.open("/account/address").form("/account/address");
        let csrf = forged.into_iter().filter(|(name, _)| name.starts_with('_'));
        let stolen: Vec<_> = csrf.chain(token.iter().filter(|(name, _)| name == "confirm").cloned()).collect();
        assert_eq!(stranger.post("/account/address/confirm", &stolen).status, 404, "another's link");
        let changed = client.post("/account/address/confirm", &token);
        assert_eq!(changed.status, 303, "{}", changed.text());
        let now = user(&world, "fresh@x.example");
        assert!(User::find_where(&mut world.conn(), "email = ?", &[SUPPLIER.3.into()]).unwrap().is_none());
        mailed(&world, SUPPLIER.3, "another mail address from now on");
        // The session that confirmed stays, the other is over, and so is the link to a new password.
        assert_eq!(client.get("/home").status, 200);
        assert!(other.get("/home").location().starts_with("/login"));
        assert_eq!(world.client().get(&reset).status, 404);
        assert_eq!(world.client().sign_in(SUPPLIER.3, PASSWORD).status, 401);
        assert!(world.client().sign_in("FRESH@x.example", PASSWORD).body.contains("/logout"));
        assert_eq!(client.post("/account/address/confirm", &token).status, 303, "the same form is the same act");
        let change =
            AddressChange::find_where(&mut world.conn(), "user_id = ? AND state = 'done'", &[now.id.into()]).unwrap().unwrap();
        assert_eq!((change.old_email.as_str(), change.new_email.as_str()), (SUPPLIER.3, "fresh@x.example"));
        // Too late is never.
        assert_eq!(
            client.fill("/account/address", "/account/address", &[("email", "late@x.example"), ("current", PASSWORD)]).status,
            200
        );
        let late = link(&mailed(&world, "late@x.example", "Confirm this mail address"));
        let kept = client.open(&late).form("/account/address/confirm");
        let open = "UPDATE address_changes SET expires_at = asked_at WHERE state = 'open'";
        store::query::execute(&mut world.conn(), open, &[]).unwrap();
        assert_eq!(client.post("/account/address/confirm", &kept).status, 404);
        assert!(client.open(&late).text().contains("link"), "said in words");
    }
}

/// Somebody else's address takes two: an administrator and a second person, or two operators for a company's only administrator.
#[test]
fn two_people_correct_an_address() {
    for database in Database::both() {
        let (world, supplier, _) = world(database);
        let (administrator, checker) = (world.api(SUPPLIER.3), world.api(&second_of(SUPPLIER.3)));
        let invite = json!({ "email": "mistyped@x.example", "name": "Mia", "roles": "maker" });
        let invited = ask(&administrator, "invite-user", &invite);
        assert_eq!(agree(&checker, invited), done());
        let first = link(&mailed(&world, "mistyped@x.example", "invit"));
        let mia = user(&world, "mistyped@x.example").id;
        let to = |id: UserId, email: &str| json!({ "user_id": id, "email": email, "reason": "Seen in person" });
        for (body, said) in [
            (to(mia, "not one"), refused(422, "field_invalid")),
            (to(mia, BUYER.3), refused(409, "email_taken")),
            (json!({ "user_id": mia, "email": "mia@x.example", "reason": "" }), refused(422, "field_missing")),
            (to(user(&world, BUYER.3).id, "mine@x.example"), refused(404, "not_found")),
        ] {
            assert_eq!(code(&write(&administrator, "correct-address", &body)), said, "{body}");
        }
        assert_eq!(code(&write(&checker, "correct-address", &to(mia, "mia@x.example"))), refused(403, "not_permitted"));
        let asked = ask(&administrator, "correct-address", &to(mia, "mia@x.example"));
        assert_eq!(agree(&administrator, asked).0, 403, "nobody agrees to their own request");
        assert_eq!(code(&write(&administrator, "correct-address", &to(mia, "other@x.example"))), refused(409, "request_pending"));
        let shown = world.signed_in(&second_of(SUPPLIER.3)).open(&format!("/approvals/{asked}")).text();
        assert!(shown.contains("mistyped@x.example") && shown.contains("mia@x.example"), "{shown}");
        assert_eq!(agree(&checker, asked), done());
        // The invitation that went astray opens nothing; another has gone to the right address.
        assert_eq!(world.client().get(&first).status, 404);
        let second = link(&mailed(&world, "mia@x.example", "invit"));
        assert_eq!(world.client().fill(&second, &second, &[("name", "Mia"), ("password", PASSWORD)]).status, 200);
        mailed(&world, "mistyped@x.example", "another mail address from now on");
        assert_eq!(
            user(&world, "mia@x.example").roles_by,
            Some(user(&world, SUPPLIER.3).id),
            "who says where she is reached stands behind her"
        );
        // An account in use: sessions and links to a new password end, and the address is told.
        let session = world.signed_in("mia@x.example");
        assert_eq!(world.client().fill("/password/reset", "/password/reset", &[("email", "mia@x.example")]).status, 200);
        let reset = link(&mailed(&world, "mia@x.example", "new password"));
        let page = format!("/org/people/{mia}");
        let sent = world.signed_in(SUPPLIER.3).fill(
            &page,
            &format!("{page}/address"),
            &[("email", "mia2@x.example"), ("address_reason", "Married")],
        );
        assert!(sent.text().contains("second person"), "{}", sent.text());
        assert_eq!(session.get("/home").status, 200, "nothing yet");
        assert_eq!(approve(&world.signed_in(&second_of(SUPPLIER.3))).status, 200);
        assert!(session.get("/home").location().starts_with("/login"));
        assert_eq!(world.client().get(&reset).status, 404);
        mailed(&world, "mia2@x.example", "have put this mail address");
        // Of the checker, who would be the only one to agree: somebody apart must.
        let own = user(&world, &second_of(SUPPLIER.3)).id;
        let theirs = ask(&administrator, "correct-address", &to(own, "second2@x.example"));
        assert_eq!(agree(&checker, theirs), done(), "the checker agrees to the own address");
        assert_eq!(world.client().sign_in("second2@x.example", PASSWORD).status, 200);
        world.verify();
        // The only administrator is the operator's matter; where there is another one, the company's own.
        let (operator, second) = (world.api(OPERATOR), world.api("operator2@x.example"));
        let sole = user(&world, SUPPLIER.3).id;
        assert_eq!(code(&write(&operator, "correct-administrator-address", &to(mia, "x@x.example"))), refused(404, "not_found"));
        let page = format!("/ops/companies/{supplier}");
        assert!(world.signed_in(OPERATOR).open(&page).text().contains("only administrator"));
        let asked = ask(&operator, "correct-administrator-address", &to(sole, "boss@x.example"));
        assert_eq!(agree(&second, asked), done());
        mailed(&world, SUPPLIER.3, "another mail address from now on");
        let boss = user(&world, "boss@x.example");
        assert_eq!(boss.roles_by, None, "the operator stands behind nobody");
        let checker = world.api("second2@x.example");
        let more = ask(
            &world.api("boss@x.example"),
            "change-user",
            &json!({ "user_id": mia, "roles": "administrator,maker", "disabled": false }),
        );
        assert_eq!(agree(&checker, more), done());
        assert_eq!(
            code(&write(&operator, "correct-administrator-address", &to(boss.id, "y@x.example"))),
            refused(403, "not_permitted")
        );
        assert!(!world.signed_in(OPERATOR).open(&page).text().contains("only administrator"));
        world.verify();
        // A row that names another address than the last change is found.
        let forge = "UPDATE users SET email = 'forged@x.example' WHERE id = ?";
        store::query::execute(&mut world.conn(), forge, &[boss.id.into()]).unwrap();
        assert!(store::verify::verify(&mut world.conn()).unwrap().1.is_some());
    }
}

/// A higher limit for a buyer takes two where there are two; alone it goes as far as the approval limit.
#[test]
fn a_higher_buyer_limit_takes_two() {
    for database in Database::both() {
        let (world, _, buyer) = world(database);
        let operator = world.signed_in(OPERATOR);
        let bank = onboard(&world, &operator, ("Bank One", "DE111111111", "financier", "one@x.example"));
        let (maker, checker) = (world.api("one@x.example"), world.api("one.checker@x.example"));
        let limit = |minor: i64| json!({ "buyer_id": buyer, "currency": "EUR", "limit_minor": minor });
        let kept = || {
            store::BuyerLimit::find_where(&mut world.conn(), "financier_id = ?", &[bank.into()])
                .unwrap()
                .map(|row| row.limit_minor)
        };
        let asked = ask(&maker, "set-buyer-limit", &limit(500_000));
        assert_eq!(kept(), None, "nothing yet");
        let shown = world.signed_in("one.checker@x.example").open(&format!("/approvals/{asked}")).text();
        assert!(
            shown.contains(BUYER.0) && shown.contains("EUR 5,000.00") && shown.contains("Raise the limit for a buyer"),
            "{shown}"
        );
        // A newer request ends the older one.
        let newer = ask(&maker, "set-buyer-limit", &limit(600_000));
        assert_eq!(agree(&checker, asked), refused(409, "approval_already_decided"));
        assert_eq!((agree(&checker, newer), kept()), (done(), Some(600_000)));
        assert_eq!((write(&maker, "set-buyer-limit", &limit(100_000)).status, kept()), (200, Some(100_000)), "lower takes one");
        assert_eq!(write(&maker, "set-buyer-limit", &limit(100_000)).status, 200, "the same");
        // Holidays: two operators, and what the day is now is said.
        let holiday = json!({ "currency": "EUR", "day": "2021-06-02", "business": false });
        let asked = ask(&world.api(OPERATOR), "set-holiday", &holiday);
        let shown = world.signed_in("operator2@x.example").open(&format!("/approvals/{asked}")).text();
        assert!(
            shown.contains("Holiday") && shown.contains("Business day") && shown.contains("Receivables due on this day"),
            "{shown}"
        );
        // A house of one person.
        let away = "UPDATE users SET status = 'disabled' WHERE email = 'one.checker@x.example'";
        store::query::execute(&mut world.conn(), away, &[]).unwrap();
        assert_eq!(code(&write(&maker, "set-buyer-limit", &limit(200_000))), refused(409, "second_person_missing"));
        let alone = store::ApprovalLimit { party_id: bank, currency: "EUR".to_owned(), limit_minor: 200_000, day_minor: None };
        store::records::save_approval_limit(&mut world.conn(), &alone).unwrap();
        // The writer knows from the batch before what it knew; another command of the same company makes it look again.
        world.clock.shift_seconds(1);
        assert_eq!(write(&maker, "set-buyer-limit", &limit(200_001)).status, 409);
        assert_eq!((write(&maker, "set-buyer-limit", &limit(200_000)).status, kept()), (200, Some(200_000)));
    }
}

/// A second factor is asked for, too, and its code is good once.
#[test]
fn the_own_address_takes_a_code_where_there_is_a_factor() {
    for database in Database::both() {
        let (world, ..) = world(database);
        let client = world.signed_in(SUPPLIER.3);
        let page = client.open("/account/security");
        let secret =
            page.form("/account/totp").iter().find(|(name, _)| name == "secret").unwrap().1.split('.').next().unwrap().to_owned();
        let code = || server::auth::totp_code(&secret, world.clock.now());
        let mut form = page.form("/account/totp");
        form.retain(|(name, _)| !["current", "code"].contains(&name.as_str()));
        form.extend([("current".to_owned(), PASSWORD.to_owned()), ("code".to_owned(), code())]);
        assert_eq!(client.post("/account/totp", &form).status, 303);
        let ask = |email: &str, code: &str| {
            client.fill("/account/address", "/account/address", &[("email", email), ("current", PASSWORD), ("code", code)])
        };
        assert_eq!(ask("fresh@x.example", "").status, 401);
        world.clock.shift_seconds(60);
        let fresh = code();
        assert_eq!(ask("fresh@x.example", &fresh).status, 200);
        assert_eq!(ask("other@x.example", &fresh).status, 401, "a code is good once");
        mailed(&world, "fresh@x.example", "Confirm this mail address");
    }
}
