-- Rows of SQLite are changed in place: nothing to do here.
SELECT 1;
