DROP INDEX statements_once;
CREATE UNIQUE INDEX statements_once ON statements (iban, message, statement);
