-- What waits holds nothing afterwards.
DROP INDEX payouts_hold;
UPDATE offers SET left_minor = left_minor + reserved_minor WHERE reserved_minor > 0;
ALTER TABLE offers DROP COLUMN reserved_minor;
DROP TABLE purchase_holds;
