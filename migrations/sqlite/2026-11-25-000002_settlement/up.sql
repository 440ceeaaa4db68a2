-- A payout follows the bank's word: what it said, why it refused, and until when its silence is normal.

ALTER TABLE payouts ADD COLUMN expected_date DATE;
ALTER TABLE payouts ADD COLUMN bank_status TEXT NOT NULL DEFAULT '';
ALTER TABLE payouts ADD COLUMN reason_code TEXT NOT NULL DEFAULT '';
ALTER TABLE payouts ADD COLUMN note TEXT NOT NULL DEFAULT '';
UPDATE payouts SET state = 'authorised' WHERE state = 'requested';

-- The bank's status reports (pain.002), each counted once by its content and by its own number.
CREATE TABLE status_reports (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    message TEXT NOT NULL UNIQUE,
    original_message TEXT NOT NULL,
    imported_at TIMESTAMP NOT NULL,
    imported_by BIGINT NOT NULL
);

CREATE TABLE status_lines (
    id INTEGER PRIMARY KEY,
    report_id BIGINT NOT NULL REFERENCES status_reports (id),
    original_id TEXT NOT NULL,
    payout_id BIGINT REFERENCES payouts (id),
    status TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    note TEXT NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX status_lines_report ON status_lines (report_id);
CREATE INDEX status_lines_payout ON status_lines (payout_id);
CREATE INDEX status_lines_state ON status_lines (state, id);

-- Why a mail has not gone out yet.
ALTER TABLE mails ADD COLUMN error TEXT NOT NULL DEFAULT '';

-- The counters exist before the platform does, so that founding it is a command like any other.
INSERT INTO heads (id, next_id, last_transfer, last_audit, business_date, custody_iban)
SELECT 1, 9999, 0, 0, '1970-01-01', '' WHERE NOT EXISTS (SELECT 1 FROM heads);
