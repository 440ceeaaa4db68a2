DROP TABLE approved_payables;
