-- Banks begin the numbers of their statements anew: ids name a statement only with its last day.
DROP INDEX statements_once;
CREATE UNIQUE INDEX statements_once ON statements (iban, message, statement, to_date);
