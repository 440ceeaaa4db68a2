ALTER TABLE confirmation_lists DROP COLUMN approved_with;
ALTER TABLE confirmation_lists DROP COLUMN signed_with;
ALTER TABLE approvals DROP COLUMN made_with;
ALTER TABLE users DROP COLUMN password_expires_at;
ALTER TABLE sessions DROP COLUMN code_at;
