-- Every batch changes the accounts that it touches. Half of each page is left free, so that the new version of a row stands beside
-- the old one and no index has to be told; what no reader sees any more makes room for the next.
ALTER TABLE ledger_accounts SET (fillfactor = 50);
ALTER TABLE buyer_limits SET (fillfactor = 50);

-- A reference is looked up, and its row locked, for every row that is inserted. A purchase's receivable and supplier are those of its offer,
-- and the one writer has the company in hand that it tells something; kontor verify looks whether all of this holds.
ALTER TABLE purchases DROP CONSTRAINT purchases_receivable_id_fkey, DROP CONSTRAINT purchases_supplier_id_fkey;
ALTER TABLE notices DROP CONSTRAINT notices_party_id_fkey;
