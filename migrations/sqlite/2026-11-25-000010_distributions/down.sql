DROP TABLE distributions;
