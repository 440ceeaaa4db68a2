-- What the rules against financing twice compare: the number's look, and what stays of it without a copy's suffix.
ALTER TABLE invoices ADD COLUMN look_key TEXT NOT NULL DEFAULT '';
ALTER TABLE invoices ADD COLUMN stem_key TEXT NOT NULL DEFAULT '';
-- The kind of file that it came in.
ALTER TABLE invoices ADD COLUMN format TEXT NOT NULL DEFAULT '';
ALTER TABLE invoices ADD COLUMN prepaid_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE invoices ADD COLUMN rounding_minor BIGINT NOT NULL DEFAULT 0;
-- Credit notes that came before the confirmation.
ALTER TABLE invoices ADD COLUMN credited_minor BIGINT NOT NULL DEFAULT 0 CHECK (credited_minor >= 0);
-- The number of the invoice that this one replaces.
ALTER TABLE invoices ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
-- '' nobody has to look, 'open' somebody has to, 'cleared' somebody has.
ALTER TABLE invoices ADD COLUMN review TEXT NOT NULL DEFAULT '';
-- Rules that the file breaks without being wrong: code and line, separated by spaces.
ALTER TABLE invoices ADD COLUMN warnings TEXT NOT NULL DEFAULT '';
UPDATE invoices SET look_key = number_key, stem_key = number_key,
    format = CASE (SELECT media_type FROM documents WHERE sha256 = invoices.document)
        WHEN 'application/pdf' THEN 'pdf' WHEN 'application/ofd' THEN 'ofd' WHEN 'text/csv' THEN 'csv' ELSE 'ubl' END;

-- Never the same invoice twice: seller, number as it is compared, issue date, currency, amount. Free again when it is withdrawn;
-- when it has been paid a person decides instead.
DROP INDEX invoices_once;
CREATE UNIQUE INDEX invoices_once ON invoices (seller_tax_key, number_key, issue_date, currency, payable_minor)
    WHERE state NOT IN ('withdrawn', 'paid');
ALTER TABLE invoices DROP COLUMN year;
CREATE INDEX invoices_look ON invoices (seller_tax_key, look_key);
CREATE INDEX invoices_stem ON invoices (seller_tax_key, stem_key);
CREATE INDEX invoices_replaces ON invoices (seller_tax_key) WHERE replaces <> '';
CREATE INDEX invoices_total ON invoices (buyer_id, issue_date, total_minor);

-- Why less is confirmed than is payable.
ALTER TABLE confirmations ADD COLUMN withheld_minor BIGINT NOT NULL DEFAULT 0 CHECK (withheld_minor >= 0);
ALTER TABLE confirmations ADD COLUMN retained_minor BIGINT NOT NULL DEFAULT 0 CHECK (retained_minor >= 0);
ALTER TABLE confirmations ADD COLUMN deducted_minor BIGINT NOT NULL DEFAULT 0 CHECK (deducted_minor >= 0);

-- Its invoice is under review: nobody may offer or buy of it.
ALTER TABLE receivables ADD COLUMN held BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE credit_notes (
    id INTEGER PRIMARY KEY,
    supplier_id BIGINT NOT NULL REFERENCES parties (id),
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    number TEXT NOT NULL,
    number_key TEXT NOT NULL,
    type_code TEXT NOT NULL,
    issue_date DATE NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    -- 'applied': the invoice was reduced; 'late': it had been confirmed.
    state TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES documents (sha256),
    created_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX credit_notes_once ON credit_notes (supplier_id, number_key, issue_date, currency, amount_minor);
CREATE INDEX credit_notes_invoice ON credit_notes (invoice_id, id);
CREATE INDEX credit_notes_document ON credit_notes (document);

-- What a person has to look at before an invoice goes on: why, and which other invoice or credit note it points at.
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    invoice_id BIGINT NOT NULL REFERENCES invoices (id),
    other_id BIGINT REFERENCES invoices (id),
    credit_id BIGINT REFERENCES credit_notes (id),
    rules TEXT NOT NULL,
    state TEXT NOT NULL,
    -- What the supplier says to it, and what the operator decided.
    statement TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    decided_at TIMESTAMP
);
CREATE INDEX reviews_invoice ON reviews (invoice_id, id);
CREATE INDEX reviews_other ON reviews (other_id) WHERE other_id IS NOT NULL;
CREATE INDEX reviews_credit ON reviews (credit_id) WHERE credit_id IS NOT NULL;
CREATE INDEX reviews_open ON reviews (id) WHERE state = 'open';
