DROP INDEX approvals_subject;
CREATE TABLE bank_lines_old (
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
INSERT INTO bank_lines_old SELECT id, statement_id, currency, direction, amount_minor, booking_date, value_date, bank_reference, reference,
    end_to_end, counterparty, counterparty_iban, remittance, state, party_id, receivable_id, note FROM bank_lines WHERE amount_minor > 0;
DROP TABLE bank_lines;
ALTER TABLE bank_lines_old RENAME TO bank_lines;
CREATE INDEX bank_lines_statement ON bank_lines (statement_id);
CREATE INDEX bank_lines_state ON bank_lines (state, id);
CREATE INDEX bank_lines_booking ON bank_lines (bank_reference) WHERE bank_reference <> '';
DROP INDEX statements_continuity;
DROP INDEX statements_file;
DROP INDEX statements_order;
ALTER TABLE statements DROP COLUMN reason;
ALTER TABLE statements DROP COLUMN gap_minor;
ALTER TABLE statements DROP COLUMN continuity;
ALTER TABLE statements DROP COLUMN to_date;
ALTER TABLE statements DROP COLUMN from_date;
ALTER TABLE statements DROP COLUMN file_id;
DROP TABLE bank_files;
