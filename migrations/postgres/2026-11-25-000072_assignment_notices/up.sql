-- What a buyer is told when a receivable is put up for assignment: whom to pay from now on; and its acknowledgement.
CREATE TABLE assignment_notices (
    -- The receivable.
    id BIGINT PRIMARY KEY REFERENCES receivables (id),
    buyer_id BIGINT NOT NULL REFERENCES parties (id),
    text_en TEXT NOT NULL,
    text_zh TEXT NOT NULL,
    -- SHA-256 of the English text.
    hash TEXT NOT NULL,
    pay_to TEXT NOT NULL,
    pay_to_iban TEXT NOT NULL,
    given_at TIMESTAMP NOT NULL,
    acknowledged_by BIGINT REFERENCES users (id),
    acknowledged_at TIMESTAMP
);
CREATE INDEX assignment_notices_buyer ON assignment_notices (buyer_id, id);
