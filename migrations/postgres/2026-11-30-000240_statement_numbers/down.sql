-- Ids that a bank has used again cannot be told apart by themselves any more, and no statement is deleted for that. The file's hash keeps
-- the index unique; the program of before refuses repeated ids by itself.
DROP INDEX statements_once;
CREATE UNIQUE INDEX statements_once ON statements (iban, message, statement, sha256);
