DROP INDEX bank_lines_transfer;
DROP INDEX statements_custody;
ALTER TABLE payment_files DROP COLUMN custody_id;
ALTER TABLE payouts DROP COLUMN custody_id;
ALTER TABLE bank_lines DROP COLUMN transfer_id;
ALTER TABLE bank_lines DROP COLUMN custody_id;
ALTER TABLE statements DROP COLUMN custody_id;
DROP TABLE custody_choices;
DROP TABLE custody_accounts;
