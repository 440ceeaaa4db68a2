CREATE INDEX offers_open ON offers (state, supplier_id);
DROP INDEX list_totals_list;
DROP TRIGGER list_totals_new_offer;
DROP TRIGGER list_totals_offer;
DROP TRIGGER list_totals_offer_left;
DELETE FROM list_totals WHERE list = 'offers';
