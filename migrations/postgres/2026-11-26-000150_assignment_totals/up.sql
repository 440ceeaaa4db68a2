-- A buyer's notices of assignment that nobody has acknowledged: kept like the other lists, as the rail of each page counts them.
INSERT INTO list_totals
    SELECT buyer_id, 'assignments', '', 'given', '', DATE '9999-12-31', COUNT(*), 0 FROM assignment_notices WHERE acknowledged_at IS NULL GROUP BY buyer_id;
CREATE FUNCTION list_totals_new_assignment() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_totals VALUES (NEW.buyer_id, 'assignments', '', 'given', '', DATE '9999-12-31', 1, 0)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_new_assignment AFTER INSERT ON assignment_notices FOR EACH ROW WHEN (NEW.acknowledged_at IS NULL)
    EXECUTE FUNCTION list_totals_new_assignment();
CREATE FUNCTION list_totals_assignment() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE list_totals SET entries = entries + CASE WHEN NEW.acknowledged_at IS NULL THEN 1 ELSE -1 END
    WHERE party_id = NEW.buyer_id AND list = 'assignments';
    RETURN NULL;
END $$;
CREATE TRIGGER list_totals_assignment AFTER UPDATE ON assignment_notices FOR EACH ROW WHEN ((OLD.acknowledged_at IS NULL) <> (NEW.acknowledged_at IS NULL))
    EXECUTE FUNCTION list_totals_assignment();
-- It counted them.
DROP INDEX assignment_notices_given;
