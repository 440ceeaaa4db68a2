-- Since when a payment of a company has been overdue for longer than the terms of its currency let pass.
ALTER TABLE parties ADD COLUMN overdue_since DATE;
-- Days overdue that are let pass before the buyer is stopped.
ALTER TABLE issue_terms ADD COLUMN tolerated_overdue_days BIGINT CHECK (tolerated_overdue_days BETWEEN 0 AND 365);
CREATE INDEX receivables_unpaid ON receivables (buyer_id, payment_date) WHERE state IN ('matured', 'part_redeemed', 'overdue');
CREATE INDEX invoices_disputed ON invoices (buyer_id) WHERE state = 'disputed';
UPDATE parties SET overdue_since = (
    SELECT MIN(r.payment_date + CAST(r.grace_days + 1 AS INTEGER)) FROM receivables r
    WHERE r.buyer_id = parties.id AND r.state IN ('matured', 'part_redeemed', 'overdue') AND r.paid_minor < r.confirmed_minor
        AND r.payment_date + CAST(r.grace_days + 1 AS INTEGER) <= (SELECT business_date FROM heads));
