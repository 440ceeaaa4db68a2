-- Payables that a buyer has approved before their invoices came: the lines of a confirmation list that have no invoice yet.
CREATE TABLE approved_payables (
    id INTEGER PRIMARY KEY,
    list_id BIGINT NOT NULL REFERENCES confirmation_lists (id),
    buyer_id BIGINT NOT NULL REFERENCES parties (id),
    supplier_id BIGINT NOT NULL REFERENCES parties (id),
    number TEXT NOT NULL,
    number_key TEXT NOT NULL,
    issue_date DATE NOT NULL,
    due_date DATE NOT NULL,
    currency TEXT NOT NULL,
    payable_minor BIGINT NOT NULL CHECK (payable_minor > 0),
    order_reference TEXT NOT NULL,
    -- The buyer's own number of the document.
    payment_reference TEXT NOT NULL,
    words_en TEXT NOT NULL,
    words_zh TEXT NOT NULL,
    words_hash TEXT NOT NULL,
    -- `waiting` for the decision, `excluded` from it, `approved`, `used`, `withdrawn` or `refused`.
    state TEXT NOT NULL,
    refusal TEXT NOT NULL,
    -- What it has confirmed.
    invoice_id BIGINT REFERENCES invoices (id)
);
CREATE INDEX approved_payables_list ON approved_payables (list_id, id);
CREATE INDEX approved_payables_number ON approved_payables (buyer_id, supplier_id, number_key);
CREATE INDEX approved_payables_supplier ON approved_payables (supplier_id);
CREATE INDEX approved_payables_invoice ON approved_payables (invoice_id);
-- The same payable is approved once, however often the file comes.
CREATE UNIQUE INDEX approved_payables_once ON approved_payables (buyer_id, supplier_id, number_key, issue_date, currency, payable_minor)
    WHERE state = 'approved';
