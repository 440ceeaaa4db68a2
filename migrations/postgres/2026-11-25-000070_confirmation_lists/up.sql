-- Many payables that are confirmed with one decision, and how far the list has come.
CREATE TABLE confirmation_lists (
    id BIGINT PRIMARY KEY,
    party_id BIGINT NOT NULL REFERENCES parties (id),
    version TEXT NOT NULL,
    -- SHA-256 over every line that is to be confirmed, with the hash of the words that it would sign.
    list_hash TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Who confirms and who agreed; nobody while it is a draft.
    signer_id BIGINT REFERENCES users (id),
    approver_id BIGINT REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    decided_at TIMESTAMP,
    done_at TIMESTAMP
);
CREATE INDEX confirmation_lists_party ON confirmation_lists (party_id, id);
CREATE INDEX confirmation_lists_open ON confirmation_lists (id) WHERE state = 'running';

CREATE TABLE confirmation_items (
    id BIGINT PRIMARY KEY,
    list_id BIGINT NOT NULL REFERENCES confirmation_lists (id),
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    amount_minor BIGINT NOT NULL,
    due_date DATE,
    reason TEXT NOT NULL,
    words_hash TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Why it was left out or could not be confirmed any more: a refusal as JSON.
    refusal TEXT NOT NULL,
    UNIQUE (list_id, invoice_id)
);
CREATE INDEX confirmation_items_invoice ON confirmation_items (invoice_id);
