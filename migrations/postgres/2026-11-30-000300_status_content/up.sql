-- Banks use the ids of their reports again: a repeat is known by what it says.
ALTER TABLE status_reports DROP CONSTRAINT IF EXISTS status_reports_message_key;
-- Digest of all that the report says; NULL where it came before this column.
ALTER TABLE status_reports ADD COLUMN content TEXT;
CREATE INDEX status_reports_message ON status_reports (message);
