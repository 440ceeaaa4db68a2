DROP TABLE confirmation_items;
DROP TABLE confirmation_lists;
