-- A bank's file is kept, looked at, and only then taken up, a piece at a time.
CREATE TABLE bank_files (
    id BIGINT PRIMARY KEY,
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

-- An entry may be of nothing.
ALTER TABLE bank_lines DROP CONSTRAINT bank_lines_amount_minor_check;
ALTER TABLE bank_lines ADD CONSTRAINT bank_lines_amount_minor_check CHECK (amount_minor >= 0);
-- Why it waits, or what is special about it; people's and the bank's own words are the note.
ALTER TABLE bank_lines ADD COLUMN kind TEXT NOT NULL DEFAULT '';
-- What a booking without a bank reference is known by, and which of its equals in the statement it is.
ALTER TABLE bank_lines ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE bank_lines ADD COLUMN occurrence BIGINT NOT NULL DEFAULT 1;
-- The other line about the same money.
ALTER TABLE bank_lines ADD COLUMN twin_id BIGINT;
ALTER TABLE bank_lines ADD COLUMN payout_id BIGINT;
-- What the platform may still claim because of it.
ALTER TABLE bank_lines ADD COLUMN claim_minor BIGINT NOT NULL DEFAULT 0 CHECK (claim_minor >= 0);
UPDATE bank_lines SET kind = CASE WHEN note IN ('reversal', 'pending', 'duplicate', 'surplus', 'return_first', 'unknown_debit') THEN note
    WHEN statement_id = 0 THEN 'recorded' ELSE '' END;
CREATE INDEX bank_lines_fingerprint ON bank_lines (fingerprint) WHERE fingerprint <> '';
CREATE INDEX bank_lines_recorded ON bank_lines (id) WHERE kind = 'recorded' AND twin_id IS NULL;
CREATE INDEX bank_lines_amount ON bank_lines (amount_minor, currency);
CREATE INDEX bank_lines_end_to_end ON bank_lines (end_to_end) WHERE direction = 'out';
CREATE INDEX approvals_subject ON approvals (subject_id) WHERE state = 'pending';
