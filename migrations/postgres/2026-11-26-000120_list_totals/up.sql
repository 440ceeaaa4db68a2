-- What the lists of a company come to, kept with every change of a row, so that a page does not count years of them. Of a supplier's `invoices`
-- and `receivables`, and of a buyer's `payables`, which are the invoices that were ever put before it.
CREATE TABLE list_totals (
    party_id BIGINT NOT NULL REFERENCES parties (id),
    list TEXT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    review TEXT NOT NULL,
    -- From when on the answer is close, while a payable waits for one; otherwise the end of all days.
    remind_on DATE NOT NULL,
    entries BIGINT NOT NULL,
    sum_minor BIGINT NOT NULL,
    PRIMARY KEY (party_id, list, currency, state, review, remind_on)
);
INSERT INTO list_totals
    SELECT supplier_id, 'invoices', currency, state, review, DATE '9999-12-31', COUNT(*), SUM(payable_minor) FROM invoices GROUP BY supplier_id, currency, state, review
    UNION ALL
    SELECT i.buyer_id, 'payables', i.currency, i.state, i.review, CASE WHEN i.state = 'presented' THEN k.remind_on ELSE DATE '9999-12-31' END AS day, COUNT(*), SUM(i.payable_minor)
    FROM invoices i JOIN answer_clocks k ON k.id = i.id GROUP BY i.buyer_id, i.currency, i.state, i.review, day
    UNION ALL
    SELECT supplier_id, 'receivables', currency, state, '', DATE '9999-12-31', COUNT(*), SUM(face_minor) FROM receivables GROUP BY supplier_id, currency, state;

-- Once a statement, not once a row: a row that one transaction changes ten thousand times leaves ten thousand versions to walk past.
CREATE FUNCTION list_totals_new_invoice() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_totals
    SELECT c.party_id, c.list, c.currency, c.state, c.review, c.remind_on, SUM(c.entries), SUM(c.sum_minor) FROM (
        SELECT supplier_id, 'invoices', currency, state, review, DATE '9999-12-31', 1, payable_minor FROM added
    ) c (party_id, list, currency, state, review, remind_on, entries, sum_minor)
    GROUP BY c.party_id, c.list, c.currency, c.state, c.review, c.remind_on HAVING SUM(c.entries) <> 0 OR SUM(c.sum_minor) <> 0
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_new_invoice AFTER INSERT ON invoices REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION list_totals_new_invoice();
CREATE FUNCTION list_totals_invoice() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_totals
    SELECT c.party_id, c.list, c.currency, c.state, c.review, c.remind_on, SUM(c.entries), SUM(c.sum_minor) FROM (
        SELECT supplier_id, 'invoices', currency, state, review, DATE '9999-12-31', -1, -payable_minor FROM removed
        UNION ALL SELECT supplier_id, 'invoices', currency, state, review, DATE '9999-12-31', 1, payable_minor FROM added
        UNION ALL SELECT x.buyer_id, 'payables', x.currency, x.state, x.review, CASE WHEN x.state = 'presented' THEN k.remind_on ELSE DATE '9999-12-31' END, -1, -x.payable_minor FROM removed x JOIN answer_clocks k ON k.id = x.id
        UNION ALL SELECT x.buyer_id, 'payables', x.currency, x.state, x.review, CASE WHEN x.state = 'presented' THEN k.remind_on ELSE DATE '9999-12-31' END, 1, x.payable_minor FROM added x JOIN answer_clocks k ON k.id = x.id
    ) c (party_id, list, currency, state, review, remind_on, entries, sum_minor)
    GROUP BY c.party_id, c.list, c.currency, c.state, c.review, c.remind_on HAVING SUM(c.entries) <> 0 OR SUM(c.sum_minor) <> 0
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    DELETE FROM list_totals WHERE entries = 0 AND party_id IN (SELECT supplier_id FROM removed UNION SELECT buyer_id FROM removed);
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_invoice AFTER UPDATE ON invoices REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION list_totals_invoice();
CREATE FUNCTION list_totals_new_clock() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_totals
    SELECT c.party_id, c.list, c.currency, c.state, c.review, c.remind_on, SUM(c.entries), SUM(c.sum_minor) FROM (
        SELECT i.buyer_id, 'payables', i.currency, i.state, i.review, CASE WHEN i.state = 'presented' THEN x.remind_on ELSE DATE '9999-12-31' END, 1, i.payable_minor FROM added x JOIN invoices i ON i.id = x.id
    ) c (party_id, list, currency, state, review, remind_on, entries, sum_minor)
    GROUP BY c.party_id, c.list, c.currency, c.state, c.review, c.remind_on HAVING SUM(c.entries) <> 0 OR SUM(c.sum_minor) <> 0
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_new_clock AFTER INSERT ON answer_clocks REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION list_totals_new_clock();
CREATE FUNCTION list_totals_clock() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_totals
    SELECT c.party_id, c.list, c.currency, c.state, c.review, c.remind_on, SUM(c.entries), SUM(c.sum_minor) FROM (
        SELECT i.buyer_id, 'payables', i.currency, i.state, i.review, CASE WHEN i.state = 'presented' THEN x.remind_on ELSE DATE '9999-12-31' END, -1, -i.payable_minor FROM removed x JOIN invoices i ON i.id = x.id
        UNION ALL SELECT i.buyer_id, 'payables', i.currency, i.state, i.review, CASE WHEN i.state = 'presented' THEN x.remind_on ELSE DATE '9999-12-31' END, 1, i.payable_minor FROM added x JOIN invoices i ON i.id = x.id
    ) c (party_id, list, currency, state, review, remind_on, entries, sum_minor)
    GROUP BY c.party_id, c.list, c.currency, c.state, c.review, c.remind_on HAVING SUM(c.entries) <> 0 OR SUM(c.sum_minor) <> 0
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    DELETE FROM list_totals WHERE entries = 0 AND party_id IN (SELECT i.buyer_id FROM added x JOIN invoices i ON i.id = x.id);
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_clock AFTER UPDATE ON answer_clocks REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION list_totals_clock();
CREATE FUNCTION list_totals_new_receivable() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_totals
    SELECT c.party_id, c.list, c.currency, c.state, c.review, c.remind_on, SUM(c.entries), SUM(c.sum_minor) FROM (
        SELECT supplier_id, 'receivables', currency, state, '', DATE '9999-12-31', 1, face_minor FROM added
    ) c (party_id, list, currency, state, review, remind_on, entries, sum_minor)
    GROUP BY c.party_id, c.list, c.currency, c.state, c.review, c.remind_on HAVING SUM(c.entries) <> 0 OR SUM(c.sum_minor) <> 0
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_new_receivable AFTER INSERT ON receivables REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION list_totals_new_receivable();
CREATE FUNCTION list_totals_receivable() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_totals
    SELECT c.party_id, c.list, c.currency, c.state, c.review, c.remind_on, SUM(c.entries), SUM(c.sum_minor) FROM (
        SELECT supplier_id, 'receivables', currency, state, '', DATE '9999-12-31', -1, -face_minor FROM removed
        UNION ALL SELECT supplier_id, 'receivables', currency, state, '', DATE '9999-12-31', 1, face_minor FROM added
    ) c (party_id, list, currency, state, review, remind_on, entries, sum_minor)
    GROUP BY c.party_id, c.list, c.currency, c.state, c.review, c.remind_on HAVING SUM(c.entries) <> 0 OR SUM(c.sum_minor) <> 0
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    DELETE FROM list_totals WHERE entries = 0 AND party_id IN (SELECT supplier_id FROM removed);
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_receivable AFTER UPDATE ON receivables REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION list_totals_receivable();

-- An inbox by due date, all of it and what is open, without sorting years of it.
CREATE INDEX invoices_buyer_due ON invoices (buyer_id, (COALESCE(due_date, issue_date)), id);
CREATE INDEX invoices_buyer_open ON invoices (buyer_id, (COALESCE(due_date, issue_date)), id)
    WHERE state IN ('presented', 'confirmed', 'partially_confirmed', 'assigned', 'part_paid', 'overdue');

-- What the rail counts on every page: without looking at the rows.
CREATE INDEX assignment_notices_given ON assignment_notices (buyer_id) WHERE acknowledged_at IS NULL;
CREATE INDEX offers_open ON offers (state, supplier_id);
DROP INDEX approvals_party;
CREATE INDEX approvals_party ON approvals (party_id, state, maker_id, id);
