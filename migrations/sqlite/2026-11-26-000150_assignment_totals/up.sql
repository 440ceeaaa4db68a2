-- A buyer's notices of assignment that nobody has acknowledged: kept like the other lists, as the rail of each page counts them.
INSERT INTO list_totals
    SELECT buyer_id, 'assignments', '', 'given', '', '9999-12-31', COUNT(*), 0 FROM assignment_notices WHERE acknowledged_at IS NULL GROUP BY buyer_id;
CREATE TRIGGER list_totals_new_assignment AFTER INSERT ON assignment_notices WHEN NEW.acknowledged_at IS NULL BEGIN
    INSERT INTO list_totals VALUES (NEW.buyer_id, 'assignments', '', 'given', '', '9999-12-31', 1, 0)
    ON CONFLICT (party_id, list, currency, state, review, remind_on) DO UPDATE SET entries = list_totals.entries + 1;
END;
CREATE TRIGGER list_totals_assignment AFTER UPDATE ON assignment_notices WHEN (OLD.acknowledged_at IS NULL) <> (NEW.acknowledged_at IS NULL) BEGIN
    UPDATE list_totals SET entries = entries + CASE WHEN NEW.acknowledged_at IS NULL THEN 1 ELSE -1 END
    WHERE party_id = NEW.buyer_id AND list = 'assignments';
END;
-- It counted them.
DROP INDEX assignment_notices_given;
