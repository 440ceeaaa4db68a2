ALTER TABLE users DROP COLUMN roles_by;
ALTER TABLE users DROP COLUMN invited_by;
