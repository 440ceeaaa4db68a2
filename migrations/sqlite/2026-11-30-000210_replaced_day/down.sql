ALTER TABLE invoices DROP COLUMN replaces_issued;
