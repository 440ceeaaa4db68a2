-- When the code of the second factor was given with which this session was begun, or with which its person added the factor in it; none: the
-- session was begun with a password alone.
ALTER TABLE sessions ADD COLUMN code_at TIMESTAMP;
-- An initial password that must be changed, and until when it opens anything.
ALTER TABLE users ADD COLUMN password_expires_at TIMESTAMP;
-- How whoever asked, signed or agreed had proven who they are, as evidence says it; empty: not recorded.
ALTER TABLE approvals ADD COLUMN made_with TEXT NOT NULL DEFAULT '';
ALTER TABLE confirmation_lists ADD COLUMN signed_with TEXT NOT NULL DEFAULT '';
ALTER TABLE confirmation_lists ADD COLUMN approved_with TEXT NOT NULL DEFAULT '';
