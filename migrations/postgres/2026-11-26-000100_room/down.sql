ALTER TABLE buyer_limits RESET (fillfactor);
ALTER TABLE ledger_accounts RESET (fillfactor);
