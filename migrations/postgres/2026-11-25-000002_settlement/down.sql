DELETE FROM heads WHERE custody_iban = '';
ALTER TABLE mails DROP COLUMN error;
DROP TABLE status_lines;
DROP TABLE status_reports;
UPDATE payouts SET state = 'requested' WHERE state = 'authorised';
ALTER TABLE payouts DROP COLUMN note;
ALTER TABLE payouts DROP COLUMN reason_code;
ALTER TABLE payouts DROP COLUMN bank_status;
ALTER TABLE payouts DROP COLUMN expected_date;
