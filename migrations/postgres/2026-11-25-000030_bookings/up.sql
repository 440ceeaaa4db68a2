-- Every entry of a statement is looked up among the earlier ones: without an index a file costs the square of its length.
CREATE INDEX bank_lines_booking ON bank_lines (bank_reference) WHERE bank_reference <> '';
