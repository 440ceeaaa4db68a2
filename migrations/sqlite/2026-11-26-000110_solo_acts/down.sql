DROP TABLE solo_acts;
ALTER TABLE approval_limits DROP COLUMN day_minor;
