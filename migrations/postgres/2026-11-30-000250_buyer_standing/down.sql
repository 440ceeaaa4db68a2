DROP INDEX invoices_disputed;
DROP INDEX receivables_unpaid;
ALTER TABLE issue_terms DROP COLUMN tolerated_overdue_days;
ALTER TABLE parties DROP COLUMN overdue_since;
