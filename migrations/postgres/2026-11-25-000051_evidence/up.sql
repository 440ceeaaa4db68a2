-- What stands behind an invoice: order, delivery note, contract.
CREATE TABLE evidence (
    id BIGINT PRIMARY KEY,
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES documents (sha256),
    created_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX evidence_once ON evidence (invoice_id, document);
CREATE INDEX evidence_document ON evidence (document);
