DROP TABLE assignment_notices;
