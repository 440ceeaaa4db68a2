-- What the people of a company do without a second person in one business day, all acts together.
ALTER TABLE approval_limits ADD COLUMN day_minor BIGINT CHECK (day_minor >= limit_minor);

CREATE TABLE solo_acts (
    id INTEGER PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    currency TEXT NOT NULL,
    day DATE NOT NULL,
    sum_minor BIGINT NOT NULL CHECK (sum_minor >= 0),
    UNIQUE (party_id, currency)
);
