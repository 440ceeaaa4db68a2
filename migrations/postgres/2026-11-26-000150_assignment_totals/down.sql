CREATE INDEX assignment_notices_given ON assignment_notices (buyer_id) WHERE acknowledged_at IS NULL;
DROP TRIGGER list_totals_new_assignment ON assignment_notices;
DROP FUNCTION list_totals_new_assignment();
DROP TRIGGER list_totals_assignment ON assignment_notices;
DROP FUNCTION list_totals_assignment();
DELETE FROM list_totals WHERE list = 'assignments';
