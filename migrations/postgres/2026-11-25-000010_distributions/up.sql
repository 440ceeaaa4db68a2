-- A payment that is being shared out among more holders than one batch should carry: its plan, and how far it has come.
CREATE TABLE distributions (
    id BIGINT PRIMARY KEY,
    receivable_id BIGINT NOT NULL REFERENCES receivables (id),
    payment_minor BIGINT NOT NULL CHECK (payment_minor > 0),
    value_date DATE NOT NULL,
    -- Who sent it: what is too much goes back there.
    payer TEXT NOT NULL,
    payer_iban TEXT NOT NULL,
    state TEXT NOT NULL,
    plan TEXT NOT NULL,
    -- What the holders get in all, and have got so far.
    due_minor BIGINT NOT NULL CHECK (due_minor >= 0),
    shared_minor BIGINT NOT NULL CHECK (shared_minor >= 0 AND shared_minor <= due_minor),
    last_party BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX distributions_receivable ON distributions (receivable_id, id);
CREATE INDEX distributions_open ON distributions (id) WHERE state <> 'done';
