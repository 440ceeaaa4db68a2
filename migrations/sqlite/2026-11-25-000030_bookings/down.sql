DROP INDEX bank_lines_booking;
