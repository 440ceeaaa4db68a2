DROP TABLE redemption_bases;
ALTER TABLE late_claims DROP COLUMN settled_minor;
