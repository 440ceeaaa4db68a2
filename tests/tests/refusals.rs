//! Every refusal of the program: its status, its sentence in both languages, and a test that provokes it.

use domain::Refusal;
use server::http::error::status_of;

/// Where each code is provoked. A new refusal without a line here fails.
const SHOWN: &[(&str, &str)] = &[
    ("identifier_taken", "corrections::a_company_is_corrected_by_two_and_its_history_stays"),
    ("nothing_changed", "corrections::a_company_is_corrected_by_two_and_its_history_stays"),
    ("table_needs_people", "tables::a_big_table_is_taken_whole"),
    ("too_many_files", "intake::more_files_than_are_taken_at_once"),
    ("second_person_missing", "security::four_eyes_cannot_be_gone_around"),
    ("not_found", "security::a_foreign_record_is_like_a_missing_one"),
    ("not_permitted", "security::every_route_is_open_to_exactly_those_who_have_its_right"),
    ("not_independent", "four_eyes::one_person_with_two_mailboxes_is_one_person"),
    ("asker_lacks_right", "four_eyes::a_request_ends_with_the_right_behind_it"),
    ("same_person", "security::four_eyes_cannot_be_gone_around"),
    ("approval_content_changed", "security::four_eyes_cannot_be_gone_around"),
    ("approval_already_decided", "security::four_eyes_cannot_be_gone_around"),
    ("sign_in_failed", "security::guessing_is_stopped_and_tells_nothing"),
    ("totp_wrong", "security::the_second_factor_is_asked_for"),
    ("totp_secret_stale", "security::a_stolen_session_cannot_change_the_second_factor"),
    ("second_factor_needed", "step_up::whoever_owes_a_second_factor_reaches_nothing_without_it"),
    ("password_change_needed", "step_up::an_initial_password_is_changed_and_ends"),
    ("password_expired", "step_up::an_initial_password_is_changed_and_ends"),
    ("step_up_needed", "step_up::a_payout_takes_a_fresh_code_for_this_amount_and_payee"),
    ("step_up_stale", "step_up::a_payout_takes_a_fresh_code_for_this_amount_and_payee"),
    ("step_up_mismatch", "step_up::a_payout_takes_a_fresh_code_for_this_amount_and_payee"),
    ("link_invalid", "security::guessing_is_stopped_and_tells_nothing"),
    ("evidence_kind_unknown", "twice::evidence_stands_beside_the_invoice"),
    ("named_invoice_unknown", "twice::credit_notes_replacements_and_deductions_say_what_is_owed"),
    ("buyer_several", "invoices::a_company_without_a_tax_id_in_the_file_is_found"),
    ("named_invoice_date", "invoices::the_day_decides_which_invoice_is_credited"),
    ("named_invoice_several", "invoices::the_day_decides_which_invoice_is_credited"),
    ("duplicate_invoice", "journey::a_real_invoice_is_carried_to_the_last_cent_of_settlement"),
    ("statement_in_future", "bank::a_statement_of_another_year_is_refused"),
    ("text_too_long", "confirmation::a_text_has_lines_and_an_end"),
    ("statement_repeated", "journey::a_real_invoice_is_carried_to_the_last_cent_of_settlement"),
    ("bank_account_missing", "journey::a_real_invoice_is_carried_to_the_last_cent_of_settlement"),
    ("buyer_limit_exceeded", "journey::a_real_invoice_is_carried_to_the_last_cent_of_settlement"),
    ("remainder_too_small", "journey::a_real_invoice_is_carried_to_the_last_cent_of_settlement"),
    ("sold_out", "survival::the_last_units_are_sold_once"),
    ("payment_being_shared", "distribution::many_holders_are_paid_piece_by_piece"),
    ("nothing_chosen", "confirmation::many_payables_are_confirmed_with_one_decision"),
    ("too_many_chosen", "confirmation::many_payables_are_confirmed_with_one_decision"),
    ("buyer_stopped", "market::a_suspended_buyers_paper_changes_no_hands"),
    ("buyer_overdue", "market::an_overdue_buyers_paper_waits_until_it_has_paid"),
    ("supplier_unknown", "approved::what_was_approved_in_advance_confirms_itself"),
    ("contact_missing", "link::a_rare_buyer_confirms_by_link_and_a_code"),
    ("too_many_links", "link::a_rare_buyer_confirms_by_link_and_a_code"),
    ("above_contact_limit", "link::a_rare_buyer_confirms_by_link_and_a_code"),
    ("idempotency_key_reused", "survival::a_key_does_one_thing_once"),
    ("request_pending", "bank::opposing_requests_about_one_line_conflict"),
    ("receipt_known", "bank::money_recorded_by_hand_and_brought_by_the_bank_counts_once"),
    ("payer_account_unknown", "payouts::an_account_that_is_no_iban_is_paid"),
    ("check_changed", "bank::a_file_is_looked_at_before_it_is_taken_up"),
    ("not_same_money", "bank::what_needs_a_person_can_be_decided_by_two"),
    ("invitee_unknown", "programmes::a_programme_from_the_proposal_to_the_last_fee"),
    ("terms_changed", "programmes::each_rule_of_eligibility_is_told_with_its_figures"),
    ("programme_changed", "programmes::a_programme_from_the_proposal_to_the_last_fee"),
    ("other_programme", "programmes::new_terms_hold_for_whoever_accepts_them"),
    ("custody_account_known", "custody::an_account_is_replaced_over_time"),
    ("custody_account_missing", "custody::an_account_is_replaced_over_time"),
    ("custody_account_chosen", "custody::an_account_is_replaced_over_time"),
    ("custody_currency_other", "custody::statements_of_each_account_reconcile_by_themselves"),
    ("custody_not_empty", "custody::an_account_is_replaced_over_time"),
    ("custody_still_used", "custody::an_account_is_replaced_over_time"),
    ("custody_short", "custody::a_payment_file_draws_on_the_right_account"),
    ("proof_not_ready", "proofs::a_holder_proves_its_position_to_a_stranger"),
    ("nothing_to_prove", "proofs::a_holder_proves_its_position_to_a_stranger"),
];

/// Codes whose rule is a pure function with its own table of rows in `domain`.
const SHOWN_IN_DOMAIN: &[&str] = &[
    "own_debt",
    "out_of_range",
    "amount_out_of_range",
    "above_advance",
    "amount_invalid",
    "confirmed_too_much",
    "reason_missing",
    "due_date_too_close",
    "due_date_too_far",
    "issued_later",
    "amount_too_large",
    "document_not_financeable",
    "not_the_supplier",
    "buyer_unknown",
    "buyer_is_supplier",
    "payable_not_positive",
    "deductions_differ",
    "credit_too_large",
    "evidence_full",
    "under_review",
    "review_already_decided",
    "state_conflict",
    "rate_out_of_range",
    "close_date_invalid",
    "minimum_ticket_invalid",
    "not_enough_units",
    "offer_closed",
    "own_offer",
    "below_minimum_ticket",
    "price_not_positive",
    "price_changed",
    "receivable_matured",
    "insufficient_cash",
    "field_invalid",
    "password_too_short",
    "password_breached",
    "account_number_invalid",
    "bank_code_invalid",
    "qr_iban",
];

/// Everything that a sentence may want filled in.
const PLACES: &[&str] = &[
    "account",
    "field",
    "currency",
    "minutes",
    "state",
    "number",
    "type_code",
    "due_date",
    "issue_date",
    "detail",
    "payable_minor",
    "available_minor",
    "minimum_minor",
    "left_minor",
    "room_minor",
    "date",
    "asset",
    "most",
    "day",
    "least",
    "marks",
    "system",
    "found",
    "own",
    "approval_id",
    "line_id",
    "most_minor",
    "least_minor",
    "line",
    "named",
    "name",
    "since",
];

#[test]
fn every_refusal_has_a_status_and_two_sentences() {
    for (code, kind) in Refusal::ALL {
        assert!(status_of(*kind).is_client_error(), "{code}");
        let key = format!("refusal-{}", code.replace('_', "-"));
        let places: Vec<(&str, String)> = PLACES.iter().map(|place| (*place, "1".to_owned())).collect();
        let [english, chinese] = web::Language::ALL.map(|language| language.fill(&key, &places));
        assert!(!english.starts_with('[') && !chinese.starts_with('['), "{code}");
        assert_ne!(english, chinese, "{code} has no Chinese sentence");
    }
}

#[test]
fn every_rule_of_eligibility_has_two_sentences() {
    let places: Vec<(&str, String)> = ["name", "state", "begins_on", "programme", "invoice", "days", "least_days", "most_days"]
        .map(|place| (place, "2".to_owned()))
        .into();
    for code in domain::programme::Rule::CODES {
        let key = format!("eligibility-{}", code.replace('_', "-"));
        let [english, chinese] = web::Language::ALL.map(|language| language.fill(&key, &places));
        assert!(!english.starts_with('[') && !chinese.starts_with('[') && !english.contains("{$"), "{code}: {english}");
        assert_ne!(english, chinese, "{code} has no Chinese sentence");
    }
}

/// The lists above are no mere claims: the tests that they name exist, and the tables of `domain` name the code or its
/// variant.
#[test]
fn what_is_said_to_be_shown_is_shown() {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    for (code, place) in SHOWN {
        let (module, name) = place.split_once("::").unwrap();
        assert!(read(&format!("tests/tests/{module}.rs")).contains(&format!("\nfn {name}()")), "{code}: {place}");
    }
    let mut tables = String::new();
    let files = std::fs::read_dir(root.join("server/domain/src")).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|file| file.is_file()) {
        let text = std::fs::read_to_string(file).unwrap();
        tables.push_str(text.split("mod tests").nth(1).unwrap_or(""));
    }
    tables.push_str(read("server/src/auth/passwords.rs").split("mod tests").nth(1).unwrap());
    let refusals = read("server/domain/src/refusal.rs");
    for code in SHOWN_IN_DOMAIN {
        let line = refusals.lines().find(|line| line.contains(&format!(" \"{code}\""))).unwrap();
        let variant = line.split_whitespace().next().unwrap();
        assert!(tables.contains(&format!("\"{code}\"")) || tables.contains(&format!("Refusal::{variant}")), "{code}");
    }
}

/// The rest are provoked here, through the API of a demo world.
/// ASVS 2.2.3: combinations that make no sense are refused by name.
#[test]
fn the_remaining_refusals_are_given_over_http() {
    for database in e2e::Database::both() {
        give_the_remaining_refusals(&e2e::World::demo(database, 30));
    }
}

fn give_the_remaining_refusals(world: &e2e::World) {
    let mut shown: std::collections::BTreeSet<String> = SHOWN.iter().map(|(code, _)| (*code).to_owned()).collect();
    shown.extend(SHOWN_IN_DOMAIN.iter().map(|code| (*code).to_owned()));
    let operator = world.api("operator@kontor.example");
    let supplier = world.api("supplier1@kontor.example");
    let buyer = world.api("buyer1@kontor.example");
    let financier = world.api("financier1@kontor.example");
    let mut conn = world.conn();
    let value = |conn: &mut store::Conn, sql: &str| store::query::int(conn, sql, &[]).unwrap().unwrap_or(0);
    let presented = value(
        &mut conn,
        "SELECT i.id AS value FROM invoices i JOIN users u ON u.party_id = i.buyer_id WHERE i.state = 'presented' AND u.email = 'buyer1@kontor.example' LIMIT 1",
    );
    let date = store::records::load_heads(&mut conn).unwrap().business_date;
    let company = |name: &str, email: &str, tax: &str| serde_json::json!({ "name": name, "country": "DE", "tax_id": tax, "capacities": "supplier", "language": "en", "administrator_email": email, "administrator_name": "A", "checker_email": "second@kontor.example", "checker_name": "B" });
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let cases = [
        (&operator, "invite-company", company("X", "operator@kontor.example", "DE777777777"), "email_taken"),
        (&operator, "invite-company", company("X", "new@kontor.example", "DE811569869"), "tax_id_taken"),
        (&operator, "invite-company", company("", "new@kontor.example", "DE777777777"), "field_missing"),
        (&operator, "invite-company", company("X", "second@kontor.example", "DE777777777"), "two_people_needed"),
        (
            &supplier,
            "propose-bank-account",
            json(r#"{"currency":"EUR","iban":"DE00370400440532013000","holder":"X"}"#),
            "iban_invalid",
        ),
        (
            &supplier,
            "propose-bank-account",
            json(r#"{"currency":"XXX","iban":"DE89370400440532013000","holder":"X"}"#),
            "currency_unknown",
        ),
        (
            &buyer,
            "confirm-invoice",
            serde_json::json!({ "invoice_id": presented, "amount_minor": 100, "due_date": date + chrono::Days::new(30), "version": "2026-11", "words_hash": "0", "reason": "less" }),
            "undertaking_changed",
        ),
        (
            &operator,
            "record-receipt",
            serde_json::json!({ "currency": "EUR", "amount_minor": 5, "value_date": date, "reference": "RF00", "reason": "seen" }),
            "reference_unknown",
        ),
        (
            &operator,
            "record-receipt",
            serde_json::json!({ "currency": "EUR", "amount_minor": 5, "value_date": date + chrono::Days::new(9), "reference": "RF00", "reason": "seen" }),
            "date_invalid",
        ),
        (
            &operator,
            "record-receipt",
            serde_json::json!({ "currency": "EUR", "amount_minor": 1_000_000_000_000_001_i64, "value_date": date, "reference": "RF00", "reason": "seen" }),
            "amount_too_large",
        ),
        (&operator, "close-day", serde_json::json!({ "date": date - chrono::Days::new(1) }), "day_in_past"),
        (&operator, "close-day", serde_json::json!({ "date": date + chrono::Days::new(1) }), "day_not_reached"),
        (
            &operator,
            "return-suspense",
            serde_json::json!({ "line_id": value(&mut conn, "SELECT id AS value FROM bank_lines WHERE state = 'matched' LIMIT 1"), "reason": "x" }),
            "line_already_settled",
        ),
        (
            &supplier,
            "change-user",
            serde_json::json!({ "user_id": value(&mut conn, "SELECT id AS value FROM users WHERE email = 'supplier1@kontor.example'"), "roles": "viewer", "disabled": false }),
            "last_administrator",
        ),
    ];
    // A field that nobody reads, a limit beyond all money, a price for what is no longer for sale.
    let strange = serde_json::json!({ "currency": "EUR", "limit_minor": 5, "limit": 5 });
    assert_eq!(supplier.api("set-approval-limit", "refusal-unknown-field", &strange).json()["field"], "limit");
    // A field that is left out is named, in a command and at sign-in.
    let lacking = supplier.api("create-offer", "refusal-lacking", &json(r#"{"receivable_id":1}"#));
    assert_eq!(
        (lacking.status, lacking.json()["code"].clone(), lacking.json()["field"].clone()),
        (422, "field_missing".into(), "units_minor".into())
    );
    let lacking = supplier.post_with("/api/v1/token", &[("Content-Type", "application/json")], r#"{"email":"x"}"#.into());
    assert_eq!(lacking.json()["field"], "password", "{}", lacking.body);
    let broken = supplier.post_with(
        "/api/v1/create-offer",
        &[("Content-Type", "application/json"), ("Idempotency-Key", "refusal-broken")],
        "{".into(),
    );
    assert_eq!((broken.status, broken.json()["code"].clone()), (400, "json_invalid".into()));
    let beyond = serde_json::json!({ "currency": "EUR", "limit_minor": i64::MAX });
    assert_eq!(supplier.api("set-approval-limit", "refusal-beyond", &beyond).json()["code"], "amount_invalid");
    let ended = value(&mut conn, "SELECT id AS value FROM offers WHERE state = 'settled' LIMIT 1");
    let quote = financier.get(&format!("/api/v1/offers/quote?offer_id={ended}&units_minor=100000"));
    assert_eq!(quote.json()["code"], "sold_out");
    for (number, (client, path, body, code)) in cases.into_iter().enumerate() {
        // What the writer refuses is refused when it is tried out, and the other way round.
        let tried = client.api(&format!("{path}?dry_run=1"), "", &body);
        assert_eq!(tried.json()["code"], code, "{path} as a dry run: {}", tried.body);
        let answer = client.api(path, &format!("refusal-{number}"), &body);
        assert_eq!(answer.json()["code"], code, "{path}: {}", answer.body);
        let kind = Refusal::ALL.iter().find(|(known, _)| *known == code).unwrap().1;
        assert_eq!(answer.status, status_of(kind).as_u16(), "{code}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        shown.insert(code.to_owned());
    }
    let unreadable = supplier.post_with(
        "/api/v1/register-invoice",
        &[("Content-Type", "application/xml"), ("Idempotency-Key", "refusal-file")],
        "<x/>".into(),
    );
    assert_eq!(unreadable.json()["code"], "file_unreadable");
    let foreign = server::demo::files::camt053("DE02120300000000202051", domain::Currency::EUR, date, "FOREIGN", 0, &[]);
    let foreign = operator.post_with(
        "/api/v1/import-statement",
        &[("Content-Type", "application/xml"), ("Idempotency-Key", "refusal-camt")],
        foreign,
    );
    assert_eq!(foreign.json()["code"], "statement_account_unknown");
    let large = supplier.post_with(
        "/api/v1/register-invoice",
        &[("Content-Type", "application/xml"), ("Idempotency-Key", "refusal-large")],
        "x".repeat(6 * 1024 * 1024),
    );
    assert_eq!(large.status, 413);
    let password = world.signed_in("supplier1@kontor.example").fill(
        "/account/security",
        "/account/password",
        &[("current", "wrong"), ("password", "another quay at ten")],
    );
    assert_eq!(password.status, 401);
    shown.extend(["statement_account_unknown", "file_too_large", "password_wrong"].map(str::to_owned));
    // Nothing to pay in a currency whose payouts have just gone out.
    let list = operator.get("/api/v1/payouts/list?currency=EUR").json();
    let all = serde_json::json!({ "currency": "EUR", "through": list["through"], "list_hash": list["list_hash"] });
    let other = serde_json::json!({ "currency": "EUR", "through": list["through"], "list_hash": "another list" });
    assert_eq!(operator.api("create-payment-file", "refusal-pay-0", &other).json()["code"], "payment_list_changed");
    assert_eq!(operator.api("create-payment-file", "refusal-pay-1", &all).status, 202);
    let asked = <store::Approval as store::records::Record>::find_where(
        &mut conn,
        "state = 'pending' AND command = 'create_payment_file'",
        &[],
    );
    let asked = asked.unwrap().unwrap();
    let agree = serde_json::json!({ "approval_id": asked.id, "body_hash": asked.body_hash, "approve": true });
    assert_eq!(world.api("operator2@kontor.example").api("decide-approval", "refusal-agree", &agree).status, 200);
    let empty = operator.api("create-payment-file", "refusal-pay-2", &all);
    assert_eq!(empty.json()["code"], "nothing_to_pay");
    // A company that has lost its capacity while a request waited cannot have it carried out; a suspended one cannot trade.
    let pending = <store::Approval as store::records::Record>::find_where(
        &mut conn,
        "state = 'pending' AND command = 'confirm_invoice'",
        &[],
    )
    .unwrap()
    .unwrap();
    store::query::execute(&mut conn, "UPDATE parties SET capacities = 'financier' WHERE id = ?", &[pending.party_id.into()])
        .unwrap();
    let agree = serde_json::json!({ "approval_id": pending.id, "body_hash": pending.body_hash, "approve": true });
    assert_eq!(
        world.api("buyer1.checker@kontor.example").api("decide-approval", "refusal-capacity", &agree).json()["code"],
        "capacity_missing"
    );
    let party = value(&mut conn, "SELECT party_id AS value FROM users WHERE email = 'financier1@kontor.example'");
    let buy = serde_json::json!({ "offer_id": 1, "units_minor": 1, "price_minor": 1 });
    store::query::execute(
        &mut conn,
        "UPDATE parties SET capacities = 'financier', status = 'suspended' WHERE id = ?",
        &[party.into()],
    )
    .unwrap();
    assert_eq!(financier.api("buy-fractions", "refusal-suspended", &buy).json()["code"], "company_not_active");
    // Books that do not balance keep the day open.
    store::query::execute(
        &mut conn,
        "UPDATE ledger_accounts SET balance = balance + 1 WHERE kind = 'custody' AND asset_id = 978",
        &[],
    )
    .unwrap();
    assert_eq!(
        operator.api("close-day", "refusal-books", &serde_json::json!({ "date": date })).json()["code"],
        "books_do_not_balance"
    );
    shown.extend(
        ["nothing_to_pay", "payment_list_changed", "capacity_missing", "company_not_active", "books_do_not_balance"]
            .map(str::to_owned),
    );
    let missing: Vec<&str> = Refusal::ALL.iter().map(|(code, _)| *code).filter(|code| !shown.contains(*code)).collect();
    assert!(missing.is_empty(), "no test provokes {missing:?}");
}
