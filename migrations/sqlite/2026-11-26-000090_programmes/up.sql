-- A buyer's supply-chain finance programme: its suppliers sell what it confirms under terms of its own.
CREATE TABLE programmes (
    id INTEGER PRIMARY KEY,
    buyer_id BIGINT NOT NULL REFERENCES parties (id),
    currency TEXT NOT NULL,
    name TEXT NOT NULL,
    -- `proposed`, `open`, `suspended`, `closed` or `rejected`.
    state TEXT NOT NULL,
    -- Why it is no longer open.
    reason TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX programmes_buyer ON programmes (buyer_id, id);

-- Its terms by number. What was approved once is never edited: new terms are a new version.
CREATE TABLE programme_versions (
    id INTEGER PRIMARY KEY,
    programme_id BIGINT NOT NULL REFERENCES programmes (id),
    version BIGINT NOT NULL CHECK (version > 0),
    -- Days from the confirmation to the due date.
    least_tenor_days BIGINT NOT NULL,
    most_tenor_days BIGINT NOT NULL CHECK (most_tenor_days >= least_tenor_days),
    -- Days since the invoice was issued.
    most_age_days BIGINT NOT NULL,
    advance_bps BIGINT NOT NULL CHECK (advance_bps > 0),
    reserve_bps BIGINT NOT NULL CHECK (reserve_bps >= 0 AND advance_bps + reserve_bps <= 10000),
    settlement_fee_bps BIGINT NOT NULL,
    purchase_fee_bps BIGINT NOT NULL,
    minimum_fee_minor BIGINT NOT NULL,
    minimum_ticket_minor BIGINT NOT NULL,
    fee_bearer TEXT NOT NULL,
    grace_days BIGINT NOT NULL,
    recourse TEXT NOT NULL,
    begins_on DATE NOT NULL,
    -- `proposed`, `approved` or `rejected`, and the operator's reason.
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    proposed_by BIGINT NOT NULL REFERENCES users (id),
    agreed_by BIGINT NOT NULL REFERENCES users (id),
    proposed_at TIMESTAMP NOT NULL,
    decided_by BIGINT REFERENCES users (id),
    decided_at TIMESTAMP,
    UNIQUE (programme_id, version)
);
CREATE UNIQUE INDEX programme_versions_waiting ON programme_versions (programme_id) WHERE state = 'proposed';
CREATE INDEX programme_versions_begins ON programme_versions (begins_on);
CREATE INDEX programme_versions_proposed_by ON programme_versions (proposed_by);
CREATE INDEX programme_versions_agreed_by ON programme_versions (agreed_by);
CREATE INDEX programme_versions_decided_by ON programme_versions (decided_by);

-- Who was asked to take part, and under which version.
CREATE TABLE programme_members (
    id INTEGER PRIMARY KEY,
    programme_id BIGINT NOT NULL REFERENCES programmes (id),
    buyer_id BIGINT NOT NULL REFERENCES parties (id),
    currency TEXT NOT NULL,
    supplier_id BIGINT NOT NULL REFERENCES parties (id),
    -- `invited`, `joined`, `declined`, `left` or `removed`.
    state TEXT NOT NULL,
    -- The version that was accepted; 0 before that.
    version BIGINT NOT NULL,
    -- The version that waits for an answer; 0 if none does.
    asked_version BIGINT NOT NULL,
    reason TEXT NOT NULL,
    invited_by BIGINT NOT NULL REFERENCES users (id),
    answered_by BIGINT REFERENCES users (id),
    invited_at TIMESTAMP NOT NULL,
    answered_at TIMESTAMP,
    ended_at TIMESTAMP
);
CREATE INDEX programme_members_programme ON programme_members (programme_id, id);
CREATE INDEX programme_members_supplier ON programme_members (supplier_id, id);
CREATE INDEX programme_members_invited_by ON programme_members (invited_by);
CREATE INDEX programme_members_answered_by ON programme_members (answered_by);
CREATE UNIQUE INDEX programme_members_once ON programme_members (programme_id, supplier_id) WHERE state IN ('invited', 'joined');
-- What a supplier sells to one buyer in one currency has one set of terms.
CREATE UNIQUE INDEX programme_members_joined ON programme_members (buyer_id, supplier_id, currency) WHERE state = 'joined';

-- Fees that a buyer bears. What was paid follows from the ledger: the oldest first. No reference to the trade: a row is
-- written with each purchase, and kontor verify compares the two.
CREATE TABLE fee_bills (
    id INTEGER PRIMARY KEY,
    buyer_id BIGINT NOT NULL REFERENCES parties (id),
    receivable_id BIGINT NOT NULL,
    -- None for the settlement fee of the receivable.
    purchase_id BIGINT,
    currency TEXT NOT NULL,
    -- `purchase` or `settlement`.
    kind TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    paid_minor BIGINT NOT NULL CHECK (paid_minor >= 0 AND paid_minor <= amount_minor),
    arose_on DATE NOT NULL
);
CREATE INDEX fee_bills_buyer ON fee_bills (buyer_id, id);
CREATE INDEX fee_bills_open ON fee_bills (buyer_id, currency, id) WHERE paid_minor < amount_minor;

-- What a receivable was issued under; nothing where the platform's own terms hold, and then all of its face may be sold.
ALTER TABLE receivables ADD COLUMN programme_id BIGINT;
ALTER TABLE receivables ADD COLUMN programme_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE receivables ADD COLUMN sellable_minor BIGINT NOT NULL DEFAULT 0 CHECK (sellable_minor <= face_minor);
ALTER TABLE receivables ADD COLUMN fee_bearer TEXT NOT NULL DEFAULT '';
ALTER TABLE receivables ADD COLUMN recourse TEXT NOT NULL DEFAULT '';
CREATE INDEX receivables_programme ON receivables (programme_id, id) WHERE programme_id IS NOT NULL;
CREATE TRIGGER fee_bills_no_delete BEFORE DELETE ON fee_bills BEGIN SELECT RAISE(ABORT, 'fee_bills is append-only'); END;
