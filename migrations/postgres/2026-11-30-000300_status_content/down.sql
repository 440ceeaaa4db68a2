-- Ids stay as they are, used again or not: no report is deleted, and the program of before refuses repeated ids by itself.
DROP INDEX status_reports_message;
ALTER TABLE status_reports DROP COLUMN content;
