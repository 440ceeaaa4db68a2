-- What buyer and supplier say to each other about an invoice: answers with their code (UNCL4343), and plain messages without one.
CREATE TABLE invoice_messages (
    id BIGINT PRIMARY KEY,
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    party_id BIGINT NOT NULL REFERENCES parties (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    code TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    text TEXT NOT NULL,
    at TIMESTAMP NOT NULL
);
CREATE INDEX invoice_messages_invoice ON invoice_messages (invoice_id, id);

-- Until when an invoice that was presented must be answered, and how often the buyer was reminded.
CREATE TABLE answer_clocks (
    -- The invoice.
    id BIGINT PRIMARY KEY REFERENCES invoices (id),
    remind_on DATE NOT NULL,
    answer_by DATE NOT NULL,
    reminded BIGINT NOT NULL
);
CREATE INDEX answer_clocks_remind ON answer_clocks (remind_on);

-- A confirmation as one text: words, file, terms, who signed with what and when; its digest stands on the receipt.
CREATE TABLE confirmation_evidence (
    -- The confirmation.
    id BIGINT PRIMARY KEY REFERENCES confirmations (id),
    invoice_id BIGINT NOT NULL UNIQUE REFERENCES invoices (id),
    text TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER invoice_messages_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_messages FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER confirmation_evidence_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON confirmation_evidence FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
