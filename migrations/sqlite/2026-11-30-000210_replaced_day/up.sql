-- The day of the invoice that this one replaces, where its file states it: numbers begin anew each year.
ALTER TABLE invoices ADD COLUMN replaces_issued DATE;
