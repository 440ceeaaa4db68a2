-- A bank's file is kept, looked at, and only then taken up, a piece at a time.
CREATE TABLE bank_files (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE REFERENCES documents (sha256),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    lines BIGINT NOT NULL CHECK (lines >= 0),
    lines_done BIGINT NOT NULL CHECK (lines_done >= 0 AND lines_done <= lines),
    kept_at TIMESTAMP NOT NULL,
    kept_by BIGINT NOT NULL
);
CREATE INDEX bank_files_open ON bank_files (id) WHERE state = 'importing';

ALTER TABLE statements ADD COLUMN file_id BIGINT;
ALTER TABLE statements ADD COLUMN from_date DATE;
ALTER TABLE statements ADD COLUMN to_date DATE;
-- How the opening balance follows the closing balance before it, and by how much it does not.
ALTER TABLE statements ADD COLUMN continuity TEXT NOT NULL DEFAULT 'none';
ALTER TABLE statements ADD COLUMN gap_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statements ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE INDEX statements_order ON statements (iban, currency, to_date, id);
CREATE INDEX statements_file ON statements (file_id);
CREATE INDEX statements_continuity ON statements (continuity, id);

-- An entry may be of nothing; SQLite changes a CHECK only with the table.
CREATE TABLE bank_lines_new (
    id INTEGER PRIMARY KEY,
    statement_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    direction TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
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
    note TEXT NOT NULL,
    -- Why it waits, or what is special about it; people's and the bank's own words are the note.
    kind TEXT NOT NULL DEFAULT '',
    -- What a booking without a bank reference is known by, and which of its equals in the statement it is.
    fingerprint TEXT NOT NULL DEFAULT '',
    occurrence BIGINT NOT NULL DEFAULT 1,
    -- The other line about the same money.
    twin_id BIGINT,
    payout_id BIGINT,
    -- What the platform may still claim because of it.
    claim_minor BIGINT NOT NULL DEFAULT 0 CHECK (claim_minor >= 0)
);
INSERT INTO bank_lines_new (id, statement_id, currency, direction, amount_minor, booking_date, value_date, bank_reference, reference,
    end_to_end, counterparty, counterparty_iban, remittance, state, party_id, receivable_id, note, kind)
SELECT id, statement_id, currency, direction, amount_minor, booking_date, value_date, bank_reference, reference,
    end_to_end, counterparty, counterparty_iban, remittance, state, party_id, receivable_id, note,
    CASE WHEN note IN ('reversal', 'pending', 'duplicate', 'surplus', 'return_first', 'unknown_debit') THEN note
         WHEN statement_id = 0 THEN 'recorded' ELSE '' END
FROM bank_lines;
DROP TABLE bank_lines;
ALTER TABLE bank_lines_new RENAME TO bank_lines;
CREATE INDEX bank_lines_statement ON bank_lines (statement_id);
CREATE INDEX bank_lines_state ON bank_lines (state, id);
CREATE INDEX bank_lines_booking ON bank_lines (bank_reference) WHERE bank_reference <> '';
CREATE INDEX bank_lines_fingerprint ON bank_lines (fingerprint) WHERE fingerprint <> '';
CREATE INDEX bank_lines_recorded ON bank_lines (id) WHERE kind = 'recorded' AND twin_id IS NULL;
CREATE INDEX bank_lines_amount ON bank_lines (amount_minor, currency);
CREATE INDEX bank_lines_end_to_end ON bank_lines (end_to_end) WHERE direction = 'out';
CREATE INDEX approvals_subject ON approvals (subject_id) WHERE state = 'pending';
