-- What a company has paid for what it holds of a receivable, however many purchases it took: kept with each batch, so that nobody adds them up again.
CREATE TABLE holding_costs (
    receivable_id BIGINT NOT NULL REFERENCES receivables (id),
    party_id BIGINT NOT NULL REFERENCES parties (id),
    paid_minor BIGINT NOT NULL CHECK (paid_minor > 0),
    PRIMARY KEY (receivable_id, party_id)
);
INSERT INTO holding_costs SELECT receivable_id, financier_id, SUM(price_minor) FROM purchases GROUP BY receivable_id, financier_id;

-- Purchases are listed for a receivable, all of them or one company's, and in no other way.
DROP INDEX purchases_offer;
DROP INDEX purchases_supplier;
DROP INDEX purchases_financier;
DROP INDEX purchases_receivable;
CREATE INDEX purchases_receivable ON purchases (receivable_id, id);
CREATE INDEX purchases_financier ON purchases (receivable_id, financier_id, id);
