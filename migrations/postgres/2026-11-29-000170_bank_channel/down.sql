DROP INDEX bank_lines_announced;
ALTER TABLE issue_terms DROP COLUMN notice_credit_minor;
