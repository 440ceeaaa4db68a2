//! The tables as Diesel sees them; migrations/ is where they are made.

diesel::table! {
    heads (id) {
        id -> BigInt,
        next_id -> BigInt,
        last_transfer -> BigInt,
        last_audit -> BigInt,
        business_date -> Date,
        custody_iban -> Text,
        log_frontier -> Text,
        log_secret -> Text,
    }
}

diesel::table! {
    parties (id) {
        id -> BigInt,
        name -> Text,
        country -> Text,
        tax_id -> Text,
        tax_key -> Text,
        registration_id -> Text,
        capacities -> Text,
        status -> Text,
        language -> Text,
        reference -> Text,
        created_at -> Timestamp,
        overdue_since -> Nullable<Date>,
        contact_email -> Text,
        gln -> Text,
        endpoint_scheme -> Text,
        endpoint_id -> Text,
        street -> Text,
        building -> Text,
        postcode -> Text,
        town -> Text,
        address_country -> Text,
        series_key -> Text,
    }
}

diesel::table! {
    company_versions (id) {
        id -> BigInt,
        party_id -> BigInt,
        name -> Text,
        country -> Text,
        tax_id -> Text,
        registration_id -> Text,
        contact_email -> Text,
        gln -> Text,
        endpoint_scheme -> Text,
        endpoint_id -> Text,
        street -> Text,
        building -> Text,
        postcode -> Text,
        town -> Text,
        address_country -> Text,
        since -> Timestamp,
        until -> Timestamp,
        asked_by -> BigInt,
        agreed_by -> Nullable<BigInt>,
        reason -> Text,
    }
}

diesel::table! {
    address_changes (id) {
        id -> BigInt,
        party_id -> BigInt,
        user_id -> BigInt,
        old_email -> Text,
        new_email -> Text,
        token_hash -> Text,
        state -> Text,
        asked_by -> BigInt,
        agreed_by -> Nullable<BigInt>,
        reason -> Text,
        asked_at -> Timestamp,
        expires_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        party_id -> BigInt,
        email -> Text,
        name -> Text,
        roles -> Text,
        status -> Text,
        language -> Text,
        theme -> Text,
        password_hash -> Text,
        totp_secret -> Text,
        totp_last_step -> BigInt,
        failed_count -> BigInt,
        locked_until -> Nullable<Timestamp>,
        created_at -> Timestamp,
        invited_by -> Nullable<BigInt>,
        roles_by -> Nullable<BigInt>,
        password_expires_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sessions (id) {
        id -> BigInt,
        user_id -> BigInt,
        kind -> Text,
        token_hash -> Text,
        csrf -> Text,
        agent -> Text,
        created_at -> Timestamp,
        seen_at -> Timestamp,
        expires_at -> Timestamp,
        revoked_at -> Nullable<Timestamp>,
        code_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    links (id) {
        id -> BigInt,
        kind -> Text,
        token_hash -> Text,
        user_id -> BigInt,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    bank_accounts (id) {
        id -> BigInt,
        party_id -> BigInt,
        currency -> Text,
        iban -> Text,
        bic -> Text,
        holder -> Text,
        status -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    approval_limits (party_id, currency) {
        party_id -> BigInt,
        currency -> Text,
        limit_minor -> BigInt,
        day_minor -> Nullable<BigInt>,
    }
}

diesel::table! {
    solo_acts (id) {
        id -> BigInt,
        party_id -> BigInt,
        currency -> Text,
        day -> Date,
        sum_minor -> BigInt,
    }
}

diesel::table! {
    buyer_limits (id) {
        id -> BigInt,
        financier_id -> BigInt,
        buyer_id -> BigInt,
        currency -> Text,
        limit_minor -> BigInt,
        used_minor -> BigInt,
    }
}

diesel::table! {
    issue_terms (currency) {
        currency -> Text,
        reserve_bps -> BigInt,
        settlement_fee_bps -> BigInt,
        purchase_fee_bps -> BigInt,
        minimum_fee_minor -> BigInt,
        minimum_ticket_minor -> BigInt,
        late_rate -> Text,
        late_day_count -> Text,
        grace_days -> BigInt,
        notice_credit_minor -> Nullable<BigInt>,
        tolerated_overdue_days -> Nullable<BigInt>,
    }
}

diesel::table! {
    holidays (currency, day) {
        currency -> Text,
        day -> Date,
        business -> Bool,
    }
}

diesel::table! {
    documents (sha256) {
        sha256 -> Text,
        party_id -> BigInt,
        name -> Text,
        media_type -> Text,
        content -> Binary,
        created_at -> Timestamp,
    }
}

diesel::table! {
    invoices (id) {
        id -> BigInt,
        supplier_id -> BigInt,
        buyer_id -> BigInt,
        number -> Text,
        number_key -> Text,
        seller_tax_key -> Text,
        type_code -> Text,
        issue_date -> Date,
        due_date -> Nullable<Date>,
        currency -> Text,
        total_minor -> BigInt,
        payable_minor -> BigInt,
        confirmed_minor -> BigInt,
        order_reference -> Text,
        state -> Text,
        reason -> Text,
        document -> Text,
        created_at -> Timestamp,
        look_key -> Text,
        stem_key -> Text,
        format -> Text,
        prepaid_minor -> BigInt,
        rounding_minor -> BigInt,
        credited_minor -> BigInt,
        replaces -> Text,
        review -> Text,
        warnings -> Text,
        replaces_issued -> Nullable<Date>,
    }
}

diesel::table! {
    confirmations (id) {
        id -> BigInt,
        invoice_id -> BigInt,
        amount_minor -> BigInt,
        due_date -> Date,
        version -> Text,
        words_en -> Text,
        words_zh -> Text,
        words_hash -> Text,
        reason -> Text,
        signer_id -> BigInt,
        approver_id -> Nullable<BigInt>,
        signed_at -> Timestamp,
        withheld_minor -> BigInt,
        retained_minor -> BigInt,
        deducted_minor -> BigInt,
    }
}

diesel::table! {
    receivables (id) {
        id -> BigInt,
        reserve_asset -> BigInt,
        invoice_id -> BigInt,
        supplier_id -> BigInt,
        buyer_id -> BigInt,
        currency -> Text,
        confirmed_minor -> BigInt,
        face_minor -> BigInt,
        reserve_minor -> BigInt,
        settlement_fee_minor -> BigInt,
        settlement_fee_paid_minor -> BigInt,
        purchase_fee_bps -> BigInt,
        minimum_fee_minor -> BigInt,
        minimum_ticket_minor -> BigInt,
        late_rate -> Text,
        late_day_count -> Text,
        grace_days -> BigInt,
        due_date -> Date,
        payment_date -> Date,
        interest_from -> Date,
        state -> Text,
        reference -> Text,
        terms -> Text,
        terms_hash -> Text,
        paid_minor -> BigInt,
        created_at -> Timestamp,
        held -> Bool,
        programme_id -> Nullable<BigInt>,
        programme_version -> BigInt,
        sellable_minor -> BigInt,
        fee_bearer -> Text,
        recourse -> Text,
    }
}

diesel::table! {
    late_claims (receivable_id, party_id) {
        receivable_id -> BigInt,
        party_id -> BigInt,
        due_minor -> BigInt,
        paid_minor -> BigInt,
        settled_minor -> Nullable<BigInt>,
    }
}

diesel::table! {
    distributions (id) {
        id -> BigInt,
        receivable_id -> BigInt,
        payment_minor -> BigInt,
        value_date -> Date,
        payer -> Text,
        payer_iban -> Text,
        state -> Text,
        plan -> Text,
        due_minor -> BigInt,
        shared_minor -> BigInt,
        last_party -> BigInt,
        created_at -> Timestamp,
    }
}

diesel::table! {
    invoice_messages (id) {
        id -> BigInt,
        invoice_id -> BigInt,
        party_id -> BigInt,
        user_id -> BigInt,
        code -> Text,
        reason_code -> Text,
        text -> Text,
        at -> Timestamp,
    }
}

diesel::table! {
    answer_clocks (id) {
        id -> BigInt,
        remind_on -> Date,
        answer_by -> Date,
        reminded -> BigInt,
    }
}

diesel::table! {
    confirmation_evidence (id) {
        id -> BigInt,
        invoice_id -> BigInt,
        text -> Text,
        hash -> Text,
    }
}

diesel::table! {
    assignment_notices (id) {
        id -> BigInt,
        buyer_id -> BigInt,
        text_en -> Text,
        text_zh -> Text,
        hash -> Text,
        pay_to -> Text,
        pay_to_iban -> Text,
        given_at -> Timestamp,
        acknowledged_by -> Nullable<BigInt>,
        acknowledged_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    confirmation_lists (id) {
        id -> BigInt,
        party_id -> BigInt,
        version -> Text,
        list_hash -> Text,
        state -> Text,
        signer_id -> Nullable<BigInt>,
        approver_id -> Nullable<BigInt>,
        created_at -> Timestamp,
        decided_at -> Nullable<Timestamp>,
        done_at -> Nullable<Timestamp>,
        signed_with -> Text,
        approved_with -> Text,
    }
}

diesel::table! {
    confirmation_items (id) {
        id -> BigInt,
        list_id -> BigInt,
        invoice_id -> BigInt,
        amount_minor -> BigInt,
        due_date -> Nullable<Date>,
        reason -> Text,
        words_hash -> Text,
        state -> Text,
        refusal -> Text,
    }
}

diesel::table! {
    offers (id) {
        id -> BigInt,
        receivable_id -> BigInt,
        supplier_id -> BigInt,
        units_minor -> BigInt,
        left_minor -> BigInt,
        rate -> Text,
        method -> Text,
        day_count -> Text,
        minimum_ticket_minor -> BigInt,
        close_date -> Date,
        state -> Text,
        hold_number -> BigInt,
        created_at -> Timestamp,
        reserved_minor -> BigInt,
    }
}

diesel::table! {
    purchase_holds (id) {
        id -> BigInt,
        offer_id -> BigInt,
        financier_id -> BigInt,
        units_minor -> BigInt,
        price_minor -> BigInt,
        hold_number -> BigInt,
        state -> Text,
    }
}

diesel::table! {
    purchases (id) {
        id -> BigInt,
        offer_id -> BigInt,
        receivable_id -> BigInt,
        supplier_id -> BigInt,
        financier_id -> BigInt,
        units_minor -> BigInt,
        price_minor -> BigInt,
        fee_minor -> BigInt,
        financier_rate -> Text,
        supplier_rate -> Text,
        tenor_days -> BigInt,
        business_date -> Date,
        bought_at -> Timestamp,
    }
}

diesel::table! {
    statements (id) {
        id -> BigInt,
        sha256 -> Text,
        message -> Text,
        statement -> Text,
        iban -> Text,
        currency -> Text,
        opening_minor -> Nullable<BigInt>,
        closing_minor -> Nullable<BigInt>,
        imported_at -> Timestamp,
        imported_by -> BigInt,
        file_id -> Nullable<BigInt>,
        from_date -> Nullable<Date>,
        to_date -> Nullable<Date>,
        continuity -> Text,
        gap_minor -> BigInt,
        reason -> Text,
        custody_id -> BigInt,
    }
}

diesel::table! {
    bank_files (id) {
        id -> BigInt,
        sha256 -> Text,
        name -> Text,
        kind -> Text,
        state -> Text,
        lines -> BigInt,
        lines_done -> BigInt,
        kept_at -> Timestamp,
        kept_by -> BigInt,
    }
}

diesel::table! {
    bank_lines (id) {
        id -> BigInt,
        statement_id -> BigInt,
        currency -> Text,
        direction -> Text,
        amount_minor -> BigInt,
        booking_date -> Date,
        value_date -> Date,
        bank_reference -> Text,
        reference -> Text,
        end_to_end -> Text,
        counterparty -> Text,
        counterparty_iban -> Text,
        remittance -> Text,
        state -> Text,
        party_id -> Nullable<BigInt>,
        receivable_id -> Nullable<BigInt>,
        note -> Text,
        kind -> Text,
        fingerprint -> Text,
        occurrence -> BigInt,
        twin_id -> Nullable<BigInt>,
        payout_id -> Nullable<BigInt>,
        claim_minor -> BigInt,
        custody_id -> BigInt,
        transfer_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    payouts (id) {
        id -> BigInt,
        party_id -> Nullable<BigInt>,
        bank_line_id -> Nullable<BigInt>,
        currency -> Text,
        amount_minor -> BigInt,
        iban -> Text,
        bic -> Text,
        holder -> Text,
        state -> Text,
        hold_number -> BigInt,
        end_to_end -> Text,
        file_id -> Nullable<BigInt>,
        created_at -> Timestamp,
        expected_date -> Nullable<Date>,
        bank_status -> Text,
        reason_code -> Text,
        note -> Text,
        custody_id -> BigInt,
    }
}

diesel::table! {
    custody_accounts (id) {
        id -> BigInt,
        iban -> Text,
        bic -> Text,
        bank -> Text,
        holder -> Text,
        currency -> Text,
        state -> Text,
        reason -> Text,
        opened_on -> Date,
        closing_on -> Nullable<Date>,
        closed_on -> Nullable<Date>,
        proposed_by -> BigInt,
        agreed_by -> BigInt,
    }
}

diesel::table! {
    custody_choices (currency) {
        currency -> Text,
        account_id -> BigInt,
        chosen_on -> Date,
        chosen_by -> BigInt,
        agreed_by -> BigInt,
    }
}

diesel::table! {
    status_reports (id) {
        id -> BigInt,
        sha256 -> Text,
        message -> Text,
        original_message -> Text,
        imported_at -> Timestamp,
        imported_by -> BigInt,
        content -> Nullable<Text>,
    }
}

diesel::table! {
    status_lines (id) {
        id -> BigInt,
        report_id -> BigInt,
        original_id -> Text,
        payout_id -> Nullable<BigInt>,
        status -> Text,
        reason_code -> Text,
        note -> Text,
        state -> Text,
    }
}

diesel::table! {
    payment_files (id) {
        id -> BigInt,
        currency -> Text,
        payments -> BigInt,
        total_minor -> BigInt,
        document -> Text,
        created_at -> Timestamp,
        custody_id -> BigInt,
    }
}

diesel::table! {
    approvals (id) {
        id -> BigInt,
        party_id -> BigInt,
        command -> Text,
        body -> Text,
        body_hash -> Text,
        amount_minor -> Nullable<BigInt>,
        currency -> Text,
        subject_id -> BigInt,
        maker_id -> BigInt,
        checker_id -> Nullable<BigInt>,
        state -> Text,
        reason -> Text,
        created_at -> Timestamp,
        decided_at -> Nullable<Timestamp>,
        made_with -> Text,
    }
}

diesel::table! {
    audit (seq) {
        seq -> BigInt,
        at -> Timestamp,
        business_date -> Date,
        party_id -> BigInt,
        user_id -> BigInt,
        approver_id -> Nullable<BigInt>,
        command -> Text,
        subject_id -> BigInt,
        idempotency_key -> Text,
        input_hash -> Text,
        input -> Text,
        outcome -> Text,
        first_transfer -> BigInt,
        last_transfer -> BigInt,
    }
}

diesel::table! {
    notices (id) {
        id -> BigInt,
        party_id -> BigInt,
        user_id -> Nullable<BigInt>,
        kind -> Text,
        arguments -> Text,
        link -> Text,
        at -> Timestamp,
        mailed -> Bool,
    }
}

diesel::table! {
    mails (id) {
        id -> BigInt,
        notice_id -> BigInt,
        address -> Text,
        subject -> Text,
        body -> Text,
        state -> Text,
        tries -> BigInt,
        next_try_at -> Timestamp,
        sent_at -> Nullable<Timestamp>,
        error -> Text,
    }
}

diesel::table! {
    ledger_accounts (id) {
        id -> BigInt,
        kind -> Text,
        owner_id -> BigInt,
        asset_id -> BigInt,
        balance -> BigInt,
        held -> BigInt,
        ceiling -> Nullable<BigInt>,
        last_transfer -> BigInt,
        chain -> Binary,
    }
}

diesel::table! {
    holds (number) {
        number -> BigInt,
        account_id -> BigInt,
        remaining -> BigInt,
        expires_at -> Nullable<BigInt>,
        state -> Text,
    }
}

diesel::table! {
    transfers (number) {
        number -> BigInt,
        kind -> SmallInt,
        code -> SmallInt,
        asset_id -> BigInt,
        amount -> BigInt,
        debit_account -> BigInt,
        debit_balance -> BigInt,
        debit_held -> BigInt,
        debit_previous -> BigInt,
        debit_jump -> BigInt,
        credit_account -> Nullable<BigInt>,
        credit_balance -> Nullable<BigInt>,
        credit_held -> Nullable<BigInt>,
        credit_previous -> Nullable<BigInt>,
        credit_jump -> Nullable<BigInt>,
        hold -> Nullable<BigInt>,
        command -> BigInt,
        value_date -> Date,
        business_date -> Date,
        booked_at -> Timestamp,
    }
}

diesel::table! {
    log_runs (first_seq) {
        first_seq -> BigInt,
        last_seq -> BigInt,
        hashes -> Binary,
    }
}

diesel::table! {
    log_nodes (level, position) {
        level -> BigInt,
        position -> BigInt,
        hash -> Text,
    }
}

diesel::table! {
    checkpoints (size) {
        size -> BigInt,
        business_date -> Date,
        signed_at -> Timestamp,
        note -> Text,
    }
}

diesel::table! {
    day_sums (day) {
        day -> Date,
        audit_seq -> BigInt,
        last_transfer -> BigInt,
        assets -> BigInt,
        root -> Text,
    }
}

diesel::table! {
    sum_trees (asset_id, day) {
        asset_id -> BigInt,
        day -> Date,
        entry -> Text,
    }
}

diesel::table! {
    credit_notes (id) {
        id -> BigInt,
        supplier_id -> BigInt,
        invoice_id -> BigInt,
        number -> Text,
        number_key -> Text,
        type_code -> Text,
        issue_date -> Date,
        currency -> Text,
        amount_minor -> BigInt,
        state -> Text,
        document -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    reviews (id) {
        id -> BigInt,
        invoice_id -> BigInt,
        other_id -> Nullable<BigInt>,
        credit_id -> Nullable<BigInt>,
        rules -> Text,
        state -> Text,
        statement -> Text,
        reason -> Text,
        created_at -> Timestamp,
        decided_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    evidence (id) {
        id -> BigInt,
        invoice_id -> BigInt,
        kind -> Text,
        name -> Text,
        document -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    buyer_contacts (id) {
        id -> BigInt,
        party_id -> BigInt,
        user_id -> BigInt,
        channel -> Text,
        second -> Text,
        source -> Text,
        currency -> Text,
        limit_minor -> BigInt,
        link_hours -> BigInt,
        state -> Text,
        recorded_by -> BigInt,
        agreed_by -> BigInt,
        recorded_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    confirmation_links (id) {
        id -> BigInt,
        invoice_id -> BigInt,
        contact_id -> BigInt,
        token_hash -> Text,
        code_hash -> Text,
        tries -> BigInt,
        state -> Text,
        reason -> Text,
        issued_at -> Timestamp,
        expires_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        code_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    approved_payables (id) {
        id -> BigInt,
        list_id -> BigInt,
        buyer_id -> BigInt,
        supplier_id -> BigInt,
        number -> Text,
        number_key -> Text,
        issue_date -> Date,
        due_date -> Date,
        currency -> Text,
        payable_minor -> BigInt,
        order_reference -> Text,
        payment_reference -> Text,
        words_en -> Text,
        words_zh -> Text,
        words_hash -> Text,
        state -> Text,
        refusal -> Text,
        invoice_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    programmes (id) {
        id -> BigInt,
        buyer_id -> BigInt,
        currency -> Text,
        name -> Text,
        state -> Text,
        reason -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    programme_versions (id) {
        id -> BigInt,
        programme_id -> BigInt,
        version -> BigInt,
        least_tenor_days -> BigInt,
        most_tenor_days -> BigInt,
        most_age_days -> BigInt,
        advance_bps -> BigInt,
        reserve_bps -> BigInt,
        settlement_fee_bps -> BigInt,
        purchase_fee_bps -> BigInt,
        minimum_fee_minor -> BigInt,
        minimum_ticket_minor -> BigInt,
        fee_bearer -> Text,
        grace_days -> BigInt,
        recourse -> Text,
        begins_on -> Date,
        state -> Text,
        reason -> Text,
        proposed_by -> BigInt,
        agreed_by -> BigInt,
        proposed_at -> Timestamp,
        decided_by -> Nullable<BigInt>,
        decided_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    programme_members (id) {
        id -> BigInt,
        programme_id -> BigInt,
        buyer_id -> BigInt,
        currency -> Text,
        supplier_id -> BigInt,
        state -> Text,
        version -> BigInt,
        asked_version -> BigInt,
        reason -> Text,
        invited_by -> BigInt,
        answered_by -> Nullable<BigInt>,
        invited_at -> Timestamp,
        answered_at -> Nullable<Timestamp>,
        ended_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    fee_bills (id) {
        id -> BigInt,
        buyer_id -> BigInt,
        receivable_id -> BigInt,
        purchase_id -> Nullable<BigInt>,
        currency -> Text,
        kind -> Text,
        amount_minor -> BigInt,
        paid_minor -> BigInt,
        arose_on -> Date,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    programmes,
    programme_versions,
    programme_members,
    fee_bills,
    buyer_contacts,
    confirmation_links,
    approved_payables,
    evidence,
    credit_notes,
    reviews,
    parties,
    company_versions,
    address_changes,
    users,
    sessions,
    links,
    bank_accounts,
    approval_limits,
    solo_acts,
    buyer_limits,
    issue_terms,
    holidays,
    documents,
    invoices,
    confirmations,
    invoice_messages,
    answer_clocks,
    confirmation_evidence,
    confirmation_lists,
    confirmation_items,
    receivables,
    assignment_notices,
    late_claims,
    distributions,
    offers,
    purchases,
    statements,
    bank_files,
    bank_lines,
    payouts,
    status_reports,
    status_lines,
    payment_files,
    custody_accounts,
    custody_choices,
    approvals,
    audit,
    notices,
    mails,
    ledger_accounts,
    holds,
    transfers,
    heads,
    log_runs,
    log_nodes,
    checkpoints,
    day_sums,
    sum_trees
);
