-- The house: people, documents, receivables, market, money, ledger, audit.
-- Amounts are minor units (BIGINT), times UTC, hashes lower-case hexadecimal.

CREATE TABLE heads (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    next_id BIGINT NOT NULL,
    last_transfer BIGINT NOT NULL,
    last_audit BIGINT NOT NULL,
    business_date DATE NOT NULL,
    custody_iban TEXT NOT NULL
);

CREATE TABLE parties (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    country TEXT NOT NULL,
    tax_id TEXT NOT NULL,
    tax_key TEXT NOT NULL UNIQUE,
    registration_id TEXT NOT NULL,
    capacities TEXT NOT NULL,
    status TEXT NOT NULL,
    language TEXT NOT NULL,
    reference TEXT NOT NULL UNIQUE,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    status TEXT NOT NULL,
    language TEXT NOT NULL,
    theme TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    totp_secret TEXT NOT NULL,
    totp_last_step BIGINT NOT NULL,
    failed_count BIGINT NOT NULL,
    locked_until TIMESTAMP,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX users_party ON users (party_id);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    csrf TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    revoked_at TIMESTAMP
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE links (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id),
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP
);
CREATE INDEX links_user ON links (user_id);

CREATE TABLE bank_accounts (
    id INTEGER PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    currency TEXT NOT NULL,
    iban TEXT NOT NULL,
    bic TEXT NOT NULL,
    holder TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX bank_accounts_party ON bank_accounts (party_id, currency);
CREATE UNIQUE INDEX bank_accounts_verified ON bank_accounts (party_id, currency) WHERE status = 'verified';

CREATE TABLE approval_limits (
    party_id BIGINT NOT NULL REFERENCES parties (id),
    currency TEXT NOT NULL,
    limit_minor BIGINT NOT NULL CHECK (limit_minor >= 0),
    PRIMARY KEY (party_id, currency)
);

CREATE TABLE buyer_limits (
    id INTEGER PRIMARY KEY,
    financier_id BIGINT NOT NULL REFERENCES parties (id),
    buyer_id BIGINT NOT NULL REFERENCES parties (id),
    currency TEXT NOT NULL,
    limit_minor BIGINT NOT NULL CHECK (limit_minor >= 0),
    used_minor BIGINT NOT NULL CHECK (used_minor >= 0),
    UNIQUE (financier_id, buyer_id, currency)
);
CREATE INDEX buyer_limits_buyer ON buyer_limits (buyer_id);

CREATE TABLE issue_terms (
    currency TEXT PRIMARY KEY,
    reserve_bps BIGINT NOT NULL,
    settlement_fee_bps BIGINT NOT NULL,
    purchase_fee_bps BIGINT NOT NULL,
    minimum_fee_minor BIGINT NOT NULL,
    minimum_ticket_minor BIGINT NOT NULL,
    late_rate TEXT NOT NULL,
    late_day_count TEXT NOT NULL,
    grace_days BIGINT NOT NULL
);

CREATE TABLE holidays (
    currency TEXT NOT NULL,
    day DATE NOT NULL,
    business BOOLEAN NOT NULL,
    PRIMARY KEY (currency, day)
);

CREATE TABLE documents (
    sha256 TEXT PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    content BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX documents_party ON documents (party_id);

CREATE TABLE invoices (
    id INTEGER PRIMARY KEY,
    supplier_id BIGINT NOT NULL REFERENCES parties (id),
    buyer_id BIGINT NOT NULL REFERENCES parties (id),
    number TEXT NOT NULL,
    number_key TEXT NOT NULL,
    year BIGINT NOT NULL,
    seller_tax_key TEXT NOT NULL,
    type_code TEXT NOT NULL,
    issue_date DATE NOT NULL,
    due_date DATE,
    currency TEXT NOT NULL,
    total_minor BIGINT NOT NULL,
    payable_minor BIGINT NOT NULL CHECK (payable_minor > 0),
    confirmed_minor BIGINT NOT NULL CHECK (confirmed_minor >= 0 AND confirmed_minor <= payable_minor),
    order_reference TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES documents (sha256),
    created_at TIMESTAMP NOT NULL
);
-- Never the same invoice twice: supplier's tax id, normalised number, year.
CREATE UNIQUE INDEX invoices_once ON invoices (seller_tax_key, number_key, year) WHERE state <> 'withdrawn';
CREATE INDEX invoices_supplier ON invoices (supplier_id, id);
CREATE INDEX invoices_buyer ON invoices (buyer_id, id);
CREATE INDEX invoices_document ON invoices (document);

CREATE TABLE confirmations (
    id INTEGER PRIMARY KEY,
    invoice_id BIGINT NOT NULL UNIQUE REFERENCES invoices (id),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    due_date DATE NOT NULL,
    version TEXT NOT NULL,
    words_en TEXT NOT NULL,
    words_zh TEXT NOT NULL,
    words_hash TEXT NOT NULL,
    reason TEXT NOT NULL,
    signer_id BIGINT NOT NULL REFERENCES users (id),
    approver_id BIGINT,
    signed_at TIMESTAMP NOT NULL
);

CREATE TABLE receivables (
    id INTEGER PRIMARY KEY,
    reserve_asset BIGINT NOT NULL UNIQUE,
    invoice_id BIGINT NOT NULL UNIQUE REFERENCES invoices (id),
    supplier_id BIGINT NOT NULL REFERENCES parties (id),
    buyer_id BIGINT NOT NULL REFERENCES parties (id),
    currency TEXT NOT NULL,
    confirmed_minor BIGINT NOT NULL,
    face_minor BIGINT NOT NULL CHECK (face_minor > 0),
    reserve_minor BIGINT NOT NULL CHECK (reserve_minor >= 0),
    settlement_fee_minor BIGINT NOT NULL,
    settlement_fee_paid_minor BIGINT NOT NULL,
    purchase_fee_bps BIGINT NOT NULL,
    minimum_fee_minor BIGINT NOT NULL,
    minimum_ticket_minor BIGINT NOT NULL,
    late_rate TEXT NOT NULL,
    late_day_count TEXT NOT NULL,
    grace_days BIGINT NOT NULL,
    due_date DATE NOT NULL,
    payment_date DATE NOT NULL,
    interest_from DATE NOT NULL,
    state TEXT NOT NULL,
    reference TEXT NOT NULL UNIQUE,
    terms TEXT NOT NULL,
    terms_hash TEXT NOT NULL,
    paid_minor BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    CHECK (face_minor + reserve_minor = confirmed_minor)
);
CREATE INDEX receivables_supplier ON receivables (supplier_id, id);
CREATE INDEX receivables_buyer ON receivables (buyer_id, id);
CREATE INDEX receivables_payment ON receivables (state, payment_date);

CREATE TABLE late_claims (
    receivable_id BIGINT NOT NULL REFERENCES receivables (id),
    party_id BIGINT NOT NULL REFERENCES parties (id),
    due_minor BIGINT NOT NULL,
    paid_minor BIGINT NOT NULL CHECK (paid_minor <= due_minor),
    PRIMARY KEY (receivable_id, party_id)
);
CREATE INDEX late_claims_party ON late_claims (party_id);

CREATE TABLE offers (
    id INTEGER PRIMARY KEY,
    receivable_id BIGINT NOT NULL REFERENCES receivables (id),
    supplier_id BIGINT NOT NULL REFERENCES parties (id),
    units_minor BIGINT NOT NULL CHECK (units_minor > 0),
    left_minor BIGINT NOT NULL CHECK (left_minor >= 0 AND left_minor <= units_minor),
    rate TEXT NOT NULL,
    method TEXT NOT NULL,
    day_count TEXT NOT NULL,
    minimum_ticket_minor BIGINT NOT NULL,
    close_date DATE NOT NULL,
    state TEXT NOT NULL,
    hold_number BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX offers_receivable ON offers (receivable_id);
CREATE INDEX offers_supplier ON offers (supplier_id, id);
CREATE INDEX offers_state ON offers (state, id);

CREATE TABLE purchases (
    id INTEGER PRIMARY KEY,
    offer_id BIGINT NOT NULL REFERENCES offers (id),
    receivable_id BIGINT NOT NULL REFERENCES receivables (id),
    supplier_id BIGINT NOT NULL REFERENCES parties (id),
    financier_id BIGINT NOT NULL REFERENCES parties (id),
    units_minor BIGINT NOT NULL CHECK (units_minor > 0),
    price_minor BIGINT NOT NULL CHECK (price_minor > 0),
    fee_minor BIGINT NOT NULL,
    financier_rate TEXT NOT NULL,
    supplier_rate TEXT NOT NULL,
    tenor_days BIGINT NOT NULL,
    business_date DATE NOT NULL,
    bought_at TIMESTAMP NOT NULL
);
CREATE INDEX purchases_offer ON purchases (offer_id);
CREATE INDEX purchases_financier ON purchases (financier_id, id);
CREATE INDEX purchases_receivable ON purchases (receivable_id);
CREATE INDEX purchases_supplier ON purchases (supplier_id, id);

CREATE TABLE statements (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    message TEXT NOT NULL,
    statement TEXT NOT NULL,
    iban TEXT NOT NULL,
    currency TEXT NOT NULL,
    opening_minor BIGINT,
    closing_minor BIGINT,
    imported_at TIMESTAMP NOT NULL,
    imported_by BIGINT NOT NULL
);
CREATE UNIQUE INDEX statements_once ON statements (iban, message, statement);

CREATE TABLE bank_lines (
    id INTEGER PRIMARY KEY,
    statement_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    direction TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    booking_date DATE NOT NULL,
    value_date DATE NOT NULL,
    bank_reference TEXT NOT NULL,
    reference TEXT NOT NULL,
    end_to_end TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    counterparty_iban TEXT NOT NULL,
    remittance TEXT NOT NULL,
    state TEXT NOT NULL,
    party_id BIGINT,
    receivable_id BIGINT,
    note TEXT NOT NULL
);
CREATE INDEX bank_lines_statement ON bank_lines (statement_id);
CREATE INDEX bank_lines_state ON bank_lines (state, id);

CREATE TABLE payouts (
    id INTEGER PRIMARY KEY,
    party_id BIGINT,
    bank_line_id BIGINT,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    iban TEXT NOT NULL,
    bic TEXT NOT NULL,
    holder TEXT NOT NULL,
    state TEXT NOT NULL,
    hold_number BIGINT NOT NULL,
    end_to_end TEXT NOT NULL UNIQUE,
    file_id BIGINT,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX payouts_party ON payouts (party_id, id);
CREATE INDEX payouts_state ON payouts (state, id);
CREATE INDEX payouts_file ON payouts (file_id);

CREATE TABLE payment_files (
    id INTEGER PRIMARY KEY,
    currency TEXT NOT NULL,
    payments BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    document TEXT NOT NULL REFERENCES documents (sha256),
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX payment_files_document ON payment_files (document);

CREATE TABLE approvals (
    id INTEGER PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    command TEXT NOT NULL,
    body TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    amount_minor BIGINT,
    currency TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    maker_id BIGINT NOT NULL REFERENCES users (id),
    checker_id BIGINT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    decided_at TIMESTAMP
);
CREATE INDEX approvals_party ON approvals (party_id, state, id);

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at TIMESTAMP NOT NULL,
    business_date DATE NOT NULL,
    party_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    approver_id BIGINT,
    command TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    idempotency_key TEXT NOT NULL,
    input_hash TEXT NOT NULL,
    input TEXT NOT NULL,
    outcome TEXT NOT NULL,
    first_transfer BIGINT NOT NULL,
    last_transfer BIGINT NOT NULL
);
CREATE UNIQUE INDEX audit_key ON audit (party_id, idempotency_key);
CREATE INDEX audit_subject ON audit (subject_id, seq);

CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    user_id BIGINT,
    kind TEXT NOT NULL,
    arguments TEXT NOT NULL,
    link TEXT NOT NULL,
    at TIMESTAMP NOT NULL,
    mailed BOOLEAN NOT NULL
);
CREATE INDEX notices_party ON notices (party_id, id);
CREATE INDEX notices_waiting ON notices (id) WHERE NOT mailed;

CREATE TABLE mails (
    id INTEGER PRIMARY KEY,
    notice_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_try_at TIMESTAMP NOT NULL,
    sent_at TIMESTAMP
);
CREATE INDEX mails_state ON mails (state, next_try_at);
CREATE INDEX mails_address ON mails (address, id);

CREATE TABLE ledger_accounts (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    held BIGINT NOT NULL,
    -- The most that may ever be issued of a receivable; nothing for the other kinds.
    ceiling BIGINT,
    last_transfer BIGINT NOT NULL,
    chain BLOB NOT NULL,
    UNIQUE (asset_id, kind, owner_id),
    CHECK (held >= 0 AND balance >= held),
    CHECK (ceiling IS NULL OR balance <= ceiling)
);
CREATE INDEX ledger_accounts_owner ON ledger_accounts (owner_id, asset_id);

CREATE TABLE holds (
    number INTEGER PRIMARY KEY,
    account_id BIGINT NOT NULL,
    remaining BIGINT NOT NULL CHECK (remaining >= 0),
    expires_at BIGINT,
    state TEXT NOT NULL
);

CREATE TABLE transfers (
    number INTEGER PRIMARY KEY,
    kind SMALLINT NOT NULL,
    code SMALLINT NOT NULL,
    asset_id BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    debit_account BIGINT NOT NULL,
    debit_balance BIGINT NOT NULL,
    debit_held BIGINT NOT NULL,
    debit_previous BIGINT NOT NULL,
    debit_jump BIGINT NOT NULL,
    credit_account BIGINT,
    credit_balance BIGINT,
    credit_held BIGINT,
    credit_previous BIGINT,
    credit_jump BIGINT,
    hold BIGINT,
    command BIGINT NOT NULL,
    value_date DATE NOT NULL,
    business_date DATE NOT NULL,
    booked_at TIMESTAMP NOT NULL,
    CHECK (credit_account IS NULL OR credit_account <> debit_account)
);

-- What is written stays written.
CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers BEGIN SELECT RAISE(ABORT, 'transfers is append-only'); END;
CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers BEGIN SELECT RAISE(ABORT, 'transfers is append-only'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER confirmations_no_update BEFORE UPDATE ON confirmations BEGIN SELECT RAISE(ABORT, 'confirmations is append-only'); END;
CREATE TRIGGER confirmations_no_delete BEFORE DELETE ON confirmations BEGIN SELECT RAISE(ABORT, 'confirmations is append-only'); END;
CREATE TRIGGER documents_no_update BEFORE UPDATE ON documents BEGIN SELECT RAISE(ABORT, 'documents is append-only'); END;
CREATE TRIGGER documents_no_delete BEFORE DELETE ON documents BEGIN SELECT RAISE(ABORT, 'documents is append-only'); END;
