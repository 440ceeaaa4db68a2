DROP TABLE confirmation_evidence;
DROP TABLE answer_clocks;
DROP TABLE invoice_messages;
