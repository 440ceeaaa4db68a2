DROP INDEX purchases_financier;
DROP INDEX purchases_receivable;
CREATE INDEX purchases_offer ON purchases (offer_id);
CREATE INDEX purchases_financier ON purchases (financier_id, id);
CREATE INDEX purchases_receivable ON purchases (receivable_id);
CREATE INDEX purchases_supplier ON purchases (supplier_id, id);
DROP TABLE holding_costs;
