-- The Merkle log over the audit, its checkpoints, and the sum trees of each day. docs/PROOFS.md says what the values are.

-- The roots of the log's complete subtrees, largest first, and the secret from which salts are made.
ALTER TABLE heads ADD COLUMN log_frontier TEXT NOT NULL DEFAULT '';
ALTER TABLE heads ADD COLUMN log_secret TEXT NOT NULL DEFAULT '';
UPDATE heads SET log_secret = lower(hex(randomblob(32)));

-- The leaf hashes of one flush: 32 bytes for each record, one after the other.
CREATE TABLE log_runs (
    first_seq INTEGER PRIMARY KEY,
    last_seq BIGINT NOT NULL,
    hashes BLOB NOT NULL,
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
    size INTEGER PRIMARY KEY,
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

CREATE TRIGGER log_runs_no_update BEFORE UPDATE ON log_runs BEGIN SELECT RAISE(ABORT, 'log_runs is append-only'); END;
CREATE TRIGGER log_runs_no_delete BEFORE DELETE ON log_runs BEGIN SELECT RAISE(ABORT, 'log_runs is append-only'); END;
CREATE TRIGGER log_nodes_no_update BEFORE UPDATE ON log_nodes BEGIN SELECT RAISE(ABORT, 'log_nodes is append-only'); END;
CREATE TRIGGER log_nodes_no_delete BEFORE DELETE ON log_nodes BEGIN SELECT RAISE(ABORT, 'log_nodes is append-only'); END;
CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints is append-only'); END;
CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints is append-only'); END;
CREATE TRIGGER day_sums_no_update BEFORE UPDATE ON day_sums BEGIN SELECT RAISE(ABORT, 'day_sums is append-only'); END;
CREATE TRIGGER day_sums_no_delete BEFORE DELETE ON day_sums BEGIN SELECT RAISE(ABORT, 'day_sums is append-only'); END;
CREATE TRIGGER sum_trees_no_update BEFORE UPDATE ON sum_trees BEGIN SELECT RAISE(ABORT, 'sum_trees is append-only'); END;
CREATE TRIGGER sum_trees_no_delete BEFORE DELETE ON sum_trees BEGIN SELECT RAISE(ABORT, 'sum_trees is append-only'); END;
