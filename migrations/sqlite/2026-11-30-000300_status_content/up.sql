-- Banks use the ids of their reports again: a repeat is known by what it says. SQLite drops a UNIQUE only with the table, and the table only
-- with those that refer to it.
CREATE TABLE status_reports_new (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    message TEXT NOT NULL,
    original_message TEXT NOT NULL,
    imported_at TIMESTAMP NOT NULL,
    imported_by BIGINT NOT NULL,
    -- Digest of all that the report says; NULL where it came before this column.
    content TEXT
);
INSERT INTO status_reports_new (id, sha256, message, original_message, imported_at, imported_by)
SELECT id, sha256, message, original_message, imported_at, imported_by FROM status_reports;
CREATE TABLE status_lines_new (
    id INTEGER PRIMARY KEY,
    report_id BIGINT NOT NULL REFERENCES status_reports_new (id),
    original_id TEXT NOT NULL,
    payout_id BIGINT REFERENCES payouts (id),
    status TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    note TEXT NOT NULL,
    state TEXT NOT NULL
);
INSERT INTO status_lines_new SELECT id, report_id, original_id, payout_id, status, reason_code, note, state FROM status_lines;
DROP TABLE status_lines;
DROP TABLE status_reports;
ALTER TABLE status_reports_new RENAME TO status_reports;
ALTER TABLE status_lines_new RENAME TO status_lines;
CREATE INDEX status_lines_report ON status_lines (report_id);
CREATE INDEX status_lines_payout ON status_lines (payout_id);
CREATE INDEX status_lines_state ON status_lines (state, id);
CREATE INDEX status_reports_message ON status_reports (message);
