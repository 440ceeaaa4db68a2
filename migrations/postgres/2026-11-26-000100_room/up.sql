-- Every batch changes the accounts that it touches. Half of each page is left free, so that the new version of a row stands beside
-- the old one and no index has to be told; what no reader sees any more makes room for the next.
ALTER TABLE ledger_accounts SET (fillfactor = 50);
ALTER TABLE buyer_limits SET (fillfactor = 50);
