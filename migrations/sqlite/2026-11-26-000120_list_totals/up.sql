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
    SELECT supplier_id, 'invoices', currency, state, review, '9999-12-31', COUNT(*), SUM(payable_minor) FROM invoices GROUP BY supplier_id, currency, state, review
    UNION ALL
    SELECT i.buyer_id, 'payables', i.currency, i.state, i.review, CASE WHEN i.state = 'presented' THEN k.remind_on ELSE '9999-12-31' END AS day, COUNT(*), SUM(i.payable_minor)
    FROM invoices i JOIN answer_clocks k ON k.id = i.id GROUP BY i.buyer_id, i.currency, i.state, i.review, day
    UNION ALL
    SELECT supplier_id, 'receivables', currency, state, '', '9999-12-31', COUNT(*), SUM(face_minor) FROM receivables GROUP BY supplier_id, currency, state;

CREATE TRIGGER list_totals_new_invoice AFTER INSERT ON invoices BEGIN
    INSERT INTO list_totals VALUES (NEW.supplier_id, 'invoices', NEW.currency, NEW.state, NEW.review, '9999-12-31', 1, NEW.payable_minor)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
END;
CREATE TRIGGER list_totals_invoice AFTER UPDATE ON invoices
WHEN OLD.state <> NEW.state OR OLD.review <> NEW.review OR OLD.payable_minor <> NEW.payable_minor
    OR OLD.supplier_id <> NEW.supplier_id OR OLD.buyer_id <> NEW.buyer_id OR OLD.currency <> NEW.currency
BEGIN
    INSERT INTO list_totals VALUES (OLD.supplier_id, 'invoices', OLD.currency, OLD.state, OLD.review, '9999-12-31', -1, -OLD.payable_minor)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    INSERT INTO list_totals SELECT OLD.buyer_id, 'payables', OLD.currency, OLD.state, OLD.review, CASE WHEN OLD.state = 'presented' THEN k.remind_on ELSE '9999-12-31' END, -1, -OLD.payable_minor FROM answer_clocks k WHERE k.id = OLD.id
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    INSERT INTO list_totals VALUES (NEW.supplier_id, 'invoices', NEW.currency, NEW.state, NEW.review, '9999-12-31', 1, NEW.payable_minor)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    INSERT INTO list_totals SELECT NEW.buyer_id, 'payables', NEW.currency, NEW.state, NEW.review, CASE WHEN NEW.state = 'presented' THEN k.remind_on ELSE '9999-12-31' END, 1, NEW.payable_minor FROM answer_clocks k WHERE k.id = NEW.id
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    DELETE FROM list_totals WHERE party_id IN (OLD.supplier_id, OLD.buyer_id) AND entries = 0;
END;
CREATE TRIGGER list_totals_new_clock AFTER INSERT ON answer_clocks BEGIN
    INSERT INTO list_totals SELECT i.buyer_id, 'payables', i.currency, i.state, i.review, CASE WHEN i.state = 'presented' THEN NEW.remind_on ELSE '9999-12-31' END, 1, i.payable_minor FROM invoices i WHERE i.id = NEW.id
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
END;
CREATE TRIGGER list_totals_clock AFTER UPDATE ON answer_clocks WHEN OLD.remind_on <> NEW.remind_on BEGIN
    INSERT INTO list_totals SELECT i.buyer_id, 'payables', i.currency, i.state, i.review, CASE WHEN i.state = 'presented' THEN OLD.remind_on ELSE '9999-12-31' END, -1, -i.payable_minor FROM invoices i WHERE i.id = OLD.id
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    INSERT INTO list_totals SELECT i.buyer_id, 'payables', i.currency, i.state, i.review, CASE WHEN i.state = 'presented' THEN NEW.remind_on ELSE '9999-12-31' END, 1, i.payable_minor FROM invoices i WHERE i.id = NEW.id
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    DELETE FROM list_totals WHERE party_id = (SELECT buyer_id FROM invoices WHERE id = NEW.id) AND entries = 0;
END;
CREATE TRIGGER list_totals_new_receivable AFTER INSERT ON receivables BEGIN
    INSERT INTO list_totals VALUES (NEW.supplier_id, 'receivables', NEW.currency, NEW.state, '', '9999-12-31', 1, NEW.face_minor)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
END;
CREATE TRIGGER list_totals_receivable AFTER UPDATE ON receivables
WHEN OLD.state <> NEW.state OR OLD.face_minor <> NEW.face_minor OR OLD.supplier_id <> NEW.supplier_id OR OLD.currency <> NEW.currency
BEGIN
    INSERT INTO list_totals VALUES (OLD.supplier_id, 'receivables', OLD.currency, OLD.state, '', '9999-12-31', -1, -OLD.face_minor)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    INSERT INTO list_totals VALUES (NEW.supplier_id, 'receivables', NEW.currency, NEW.state, '', '9999-12-31', 1, NEW.face_minor)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    DELETE FROM list_totals WHERE party_id = OLD.supplier_id AND entries = 0;
END;

-- An inbox by due date, all of it and what is open, without sorting years of it.
CREATE INDEX invoices_buyer_due ON invoices (buyer_id, COALESCE(due_date, issue_date), id);
CREATE INDEX invoices_buyer_open ON invoices (buyer_id, COALESCE(due_date, issue_date), id)
    WHERE state IN ('presented', 'confirmed', 'partially_confirmed', 'assigned', 'part_paid', 'overdue');

-- What the rail counts on every page: without looking at the rows.
CREATE INDEX assignment_notices_given ON assignment_notices (buyer_id) WHERE acknowledged_at IS NULL;
CREATE INDEX offers_open ON offers (state, supplier_id);
DROP INDEX approvals_party;
CREATE INDEX approvals_party ON approvals (party_id, state, maker_id, id);
