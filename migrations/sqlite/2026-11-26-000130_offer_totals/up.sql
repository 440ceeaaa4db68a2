-- What is on offer is kept like the other lists, so that the market does not count every offer of everybody: what is left of a supplier's offers.
INSERT INTO list_totals
    SELECT o.supplier_id, 'offers', r.currency, o.state, '', '9999-12-31', COUNT(*), SUM(o.left_minor) FROM offers o JOIN receivables r ON r.id = o.receivable_id
    GROUP BY o.supplier_id, r.currency, o.state;
CREATE TRIGGER list_totals_new_offer AFTER INSERT ON offers BEGIN
    INSERT INTO list_totals VALUES (NEW.supplier_id, 'offers', (SELECT currency FROM receivables WHERE id = NEW.receivable_id), NEW.state, '', '9999-12-31', 1, NEW.left_minor)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
END;
CREATE TRIGGER list_totals_offer AFTER UPDATE ON offers WHEN OLD.state <> NEW.state OR OLD.supplier_id <> NEW.supplier_id BEGIN
    INSERT INTO list_totals VALUES (OLD.supplier_id, 'offers', (SELECT currency FROM receivables WHERE id = OLD.receivable_id), OLD.state, '', '9999-12-31', -1, -OLD.left_minor)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    INSERT INTO list_totals VALUES (NEW.supplier_id, 'offers', (SELECT currency FROM receivables WHERE id = NEW.receivable_id), NEW.state, '', '9999-12-31', 1, NEW.left_minor)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    DELETE FROM list_totals WHERE party_id = OLD.supplier_id AND entries = 0;
END;
-- What every purchase does.
CREATE TRIGGER list_totals_offer_left AFTER UPDATE ON offers WHEN OLD.state = NEW.state AND OLD.supplier_id = NEW.supplier_id AND OLD.left_minor <> NEW.left_minor BEGIN
    UPDATE list_totals SET sum_minor = sum_minor + NEW.left_minor - OLD.left_minor
    WHERE party_id = NEW.supplier_id AND list = 'offers' AND currency = (SELECT currency FROM receivables WHERE id = NEW.receivable_id) AND state = NEW.state AND review = '' AND remind_on = '9999-12-31';
END;

-- The market asks for one list of all companies.
CREATE INDEX list_totals_list ON list_totals (list, state, currency);
-- It counted offers.
DROP INDEX offers_open;
