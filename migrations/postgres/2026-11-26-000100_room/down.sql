ALTER TABLE notices ADD CONSTRAINT notices_party_id_fkey FOREIGN KEY (party_id) REFERENCES parties (id);
ALTER TABLE purchases ADD CONSTRAINT purchases_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES parties (id),
    ADD CONSTRAINT purchases_receivable_id_fkey FOREIGN KEY (receivable_id) REFERENCES receivables (id);
ALTER TABLE buyer_limits RESET (fillfactor);
ALTER TABLE ledger_accounts RESET (fillfactor);
