-- The largest credit of a notification (camt.054) that is booked before the statement brings it; none: the platform's own.
ALTER TABLE issue_terms ADD COLUMN notice_credit_minor BIGINT CHECK (notice_credit_minor >= 0);
-- Credits that wait for the statement which brings them.
CREATE INDEX bank_lines_announced ON bank_lines (id) WHERE kind = 'announced';
