-- What a purchase that waits for a second person holds; its id is the request's.
CREATE TABLE purchase_holds (
    id BIGINT PRIMARY KEY,
    offer_id BIGINT NOT NULL REFERENCES offers (id),
    financier_id BIGINT NOT NULL REFERENCES parties (id),
    units_minor BIGINT NOT NULL CHECK (units_minor > 0),
    price_minor BIGINT NOT NULL CHECK (price_minor > 0),
    hold_number BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'ended'))
);
CREATE INDEX purchase_holds_offer ON purchase_holds (offer_id) WHERE state = 'open';
-- Units that such purchases hold; what is left does not count them.
ALTER TABLE offers ADD COLUMN reserved_minor BIGINT NOT NULL DEFAULT 0 CHECK (reserved_minor >= 0);
-- A statement's line finds what was earmarked.
CREATE UNIQUE INDEX purchase_holds_hold ON purchase_holds (hold_number);
CREATE INDEX payouts_hold ON payouts (hold_number);
