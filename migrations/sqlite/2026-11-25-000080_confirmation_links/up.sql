-- Who confirms for a company that hardly ever does: recorded by an operator, agreed to by a second one, never named by the supplier.
CREATE TABLE buyer_contacts (
    id INTEGER PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    -- The person on the register; it has no password and no role.
    user_id BIGINT NOT NULL REFERENCES users (id),
    -- How the code comes: `telephone` or `email`, and the number or the other address.
    channel TEXT NOT NULL,
    second TEXT NOT NULL,
    -- How the operator knows that the company means this person.
    source TEXT NOT NULL,
    -- What this person may confirm at a time.
    currency TEXT NOT NULL,
    limit_minor BIGINT NOT NULL CHECK (limit_minor > 0),
    -- Hours that a link can be used.
    link_hours BIGINT NOT NULL CHECK (link_hours BETWEEN 1 AND 168),
    state TEXT NOT NULL,
    recorded_by BIGINT NOT NULL REFERENCES users (id),
    agreed_by BIGINT NOT NULL REFERENCES users (id),
    recorded_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP
);
CREATE UNIQUE INDEX buyer_contacts_active ON buyer_contacts (party_id) WHERE state = 'active';
CREATE INDEX buyer_contacts_user ON buyer_contacts (user_id);

-- One-time links: each for one invoice and one contact, known by the hash of its token alone.
CREATE TABLE confirmation_links (
    id INTEGER PRIMARY KEY,
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    contact_id BIGINT NOT NULL REFERENCES buyer_contacts (id),
    token_hash TEXT NOT NULL UNIQUE,
    -- Hash of the second factor; empty until one was given.
    code_hash TEXT NOT NULL,
    -- Wrong codes so far.
    tries BIGINT NOT NULL,
    -- `open`, `used`, `revoked` or `locked`.
    state TEXT NOT NULL,
    -- Why it was revoked.
    reason TEXT NOT NULL,
    issued_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP
);
CREATE INDEX confirmation_links_invoice ON confirmation_links (invoice_id, id);
CREATE INDEX confirmation_links_contact ON confirmation_links (contact_id, id);
