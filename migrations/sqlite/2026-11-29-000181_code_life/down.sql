ALTER TABLE confirmation_links DROP COLUMN code_until;
