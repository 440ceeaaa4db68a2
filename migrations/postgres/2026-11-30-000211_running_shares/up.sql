-- Part payments are shared on all that has been paid so far, where the receivable's terms say so.
-- Late interest that was paid before the last was counted in; none: under terms of before.
ALTER TABLE late_claims ADD COLUMN settled_minor BIGINT;
-- What a holder had when its parts were last counted anew, after transfer number `since`, and what of it was redeemed from there on.
CREATE TABLE redemption_bases (
    receivable_id BIGINT NOT NULL REFERENCES receivables (id),
    party_id BIGINT NOT NULL REFERENCES parties (id),
    units_minor BIGINT NOT NULL CHECK (units_minor > 0),
    redeemed_minor BIGINT NOT NULL CHECK (redeemed_minor BETWEEN 0 AND units_minor),
    since BIGINT NOT NULL,
    PRIMARY KEY (receivable_id, party_id)
);
