DROP TABLE confirmation_links;
DROP TABLE buyer_contacts;
