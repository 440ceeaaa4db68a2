-- What is on offer is kept like the other lists, so that the market does not count every offer of everybody: what is left of a supplier's offers.
INSERT INTO list_totals
    SELECT o.supplier_id, 'offers', r.currency, o.state, '', DATE '9999-12-31', COUNT(*), SUM(o.left_minor) FROM offers o JOIN receivables r ON r.id = o.receivable_id
    GROUP BY o.supplier_id, r.currency, o.state;
CREATE FUNCTION list_totals_new_offer() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_totals
    SELECT c.party_id, 'offers', c.currency, c.state, '', DATE '9999-12-31', SUM(c.entries), SUM(c.sum_minor) FROM (
        SELECT x.supplier_id, r.currency, x.state, 1, x.left_minor FROM added x JOIN receivables r ON r.id = x.receivable_id
    ) c (party_id, currency, state, entries, sum_minor)
    GROUP BY c.party_id, c.currency, c.state HAVING SUM(c.entries) <> 0 OR SUM(c.sum_minor) <> 0
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_new_offer AFTER INSERT ON offers REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION list_totals_new_offer();
CREATE FUNCTION list_totals_offer() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_totals
    SELECT c.party_id, 'offers', c.currency, c.state, '', DATE '9999-12-31', SUM(c.entries), SUM(c.sum_minor) FROM (
        SELECT x.supplier_id, r.currency, x.state, -1, -x.left_minor FROM removed x JOIN receivables r ON r.id = x.receivable_id
        UNION ALL SELECT x.supplier_id, r.currency, x.state, 1, x.left_minor FROM added x JOIN receivables r ON r.id = x.receivable_id
    ) c (party_id, currency, state, entries, sum_minor)
    GROUP BY c.party_id, c.currency, c.state HAVING SUM(c.entries) <> 0 OR SUM(c.sum_minor) <> 0
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + excluded.entries, sum_minor = list_totals.sum_minor + excluded.sum_minor;
    DELETE FROM list_totals WHERE entries = 0 AND party_id IN (SELECT supplier_id FROM removed);
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_offer AFTER UPDATE ON offers REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION list_totals_offer();

-- The market asks for one list of all companies.
CREATE INDEX list_totals_list ON list_totals (list, state, currency);
-- It counted offers.
DROP INDEX offers_open;
