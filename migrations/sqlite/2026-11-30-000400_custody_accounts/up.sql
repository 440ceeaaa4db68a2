-- The platform's accounts at banks. The number of an account is the owner of its ledger accounts; 0 is the account that the platform was
-- founded with, so that what was booked before stays booked there.
CREATE TABLE custody_accounts (
    id INTEGER PRIMARY KEY,
    -- As it is paid to: an IBAN, or SYSTEM/BANK/NUMBER.
    iban TEXT NOT NULL,
    bic TEXT NOT NULL,
    bank TEXT NOT NULL,
    holder TEXT NOT NULL,
    -- The one currency that it carries; empty: every currency.
    currency TEXT NOT NULL,
    -- open, closing or closed.
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_on DATE NOT NULL,
    closing_on DATE,
    closed_on DATE,
    proposed_by BIGINT NOT NULL,
    agreed_by BIGINT NOT NULL
);
CREATE UNIQUE INDEX custody_accounts_iban ON custody_accounts (iban);

-- Which account of a currency pays out and is told to payers, where people have chosen one.
CREATE TABLE custody_choices (
    currency TEXT PRIMARY KEY,
    account_id BIGINT NOT NULL,
    chosen_on DATE NOT NULL,
    chosen_by BIGINT NOT NULL,
    agreed_by BIGINT NOT NULL
);

INSERT INTO custody_accounts (id, iban, bic, bank, holder, currency, state, reason, opened_on, closing_on, closed_on, proposed_by, agreed_by)
SELECT 0, h.custody_iban, '', '',
    COALESCE((SELECT p.name FROM parties p WHERE p.capacities LIKE '%operator%' ORDER BY p.id LIMIT 1), ''),
    '', 'open', '', COALESCE((SELECT a.business_date FROM audit a WHERE a.seq = 1), h.business_date), NULL, NULL, 0, 0
FROM heads h WHERE h.custody_iban <> '';

-- Where each of these stands; everything of before is on the first account.
ALTER TABLE statements ADD COLUMN custody_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE bank_lines ADD COLUMN custody_id BIGINT NOT NULL DEFAULT 0;
-- The platform's other account, of money that moves between two of its own.
ALTER TABLE bank_lines ADD COLUMN transfer_id BIGINT;
ALTER TABLE payouts ADD COLUMN custody_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_files ADD COLUMN custody_id BIGINT NOT NULL DEFAULT 0;
CREATE INDEX statements_custody ON statements (custody_id, currency, to_date, id);
CREATE INDEX bank_lines_transfer ON bank_lines (id) WHERE transfer_id IS NOT NULL;
