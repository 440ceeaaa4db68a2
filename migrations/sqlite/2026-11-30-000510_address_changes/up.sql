-- Changes of people's mail addresses: what was asked, to whom the link went, and what came of it.
CREATE TABLE address_changes (
    id INTEGER PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    old_email TEXT NOT NULL,
    new_email TEXT NOT NULL,
    -- Digest of the link's token; empty where two people changed it and there was no link.
    token_hash TEXT NOT NULL,
    -- open, done or ended.
    state TEXT NOT NULL,
    asked_by BIGINT NOT NULL REFERENCES users (id),
    agreed_by BIGINT REFERENCES users (id),
    reason TEXT NOT NULL,
    asked_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP
);
CREATE INDEX address_changes_user ON address_changes (user_id, id);
CREATE INDEX address_changes_party ON address_changes (party_id);
CREATE INDEX address_changes_token ON address_changes (token_hash);
CREATE INDEX address_changes_asked_by ON address_changes (asked_by);
CREATE INDEX address_changes_agreed_by ON address_changes (agreed_by);
