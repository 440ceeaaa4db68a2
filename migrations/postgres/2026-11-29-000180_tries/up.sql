-- How much each name has used of each allowance in its window: the processes of one database share these sums and find them after a restart.
-- Moments are seconds since 1970. A row is removed after its window has ended.
CREATE TABLE allowances (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    since BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    used BIGINT NOT NULL CHECK (used >= 0),
    touched BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX allowances_touched ON allowances (touched);
CREATE INDEX allowances_ends ON allowances (ends);
