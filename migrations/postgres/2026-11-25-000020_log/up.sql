-- The Merkle log over the audit, its checkpoints, and the sum trees of each day. docs/PROOFS.md says what the values are.

-- The roots of the log's complete subtrees, largest first, and the secret from which salts are made.
ALTER TABLE heads ADD COLUMN log_frontier TEXT NOT NULL DEFAULT '';
ALTER TABLE heads ADD COLUMN log_secret TEXT NOT NULL DEFAULT '';
UPDATE heads SET log_secret = replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');

-- The leaf hashes of one flush: 32 bytes for each record, one after the other.
CREATE TABLE log_runs (
    first_seq BIGINT PRIMARY KEY,
    last_seq BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    CHECK (last_seq >= first_seq)
);

-- Complete subtrees of 256, 65,536, … leaves, so that a proof never hashes the whole log again.
CREATE TABLE log_nodes (
    level BIGINT NOT NULL,
    position BIGINT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (level, position)
);

CREATE TABLE checkpoints (
    size BIGINT PRIMARY KEY,
    business_date DATE NOT NULL,
    signed_at TIMESTAMP NOT NULL,
    note TEXT NOT NULL
);

-- What an end of day has put into the log.
CREATE TABLE day_sums (
    day DATE PRIMARY KEY,
    audit_seq BIGINT NOT NULL UNIQUE,
    last_transfer BIGINT NOT NULL,
    assets BIGINT NOT NULL,
    root TEXT NOT NULL
);

-- The entry of an asset in the day's tree, at each end of day at which it had changed; empty when nothing is left of it.
CREATE TABLE sum_trees (
    asset_id BIGINT NOT NULL,
    day DATE NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (asset_id, day)
);

CREATE TRIGGER log_runs_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON log_runs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_nodes_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON log_nodes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoints_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER day_sums_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON day_sums FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sum_trees_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON sum_trees FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Random bytes do not compress: no time is spent on trying.
ALTER TABLE log_runs ALTER COLUMN hashes SET STORAGE EXTERNAL;
