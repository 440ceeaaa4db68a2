DROP TABLE sum_trees;
DROP TABLE day_sums;
DROP TABLE checkpoints;
DROP TABLE log_nodes;
DROP TABLE log_runs;
ALTER TABLE heads DROP COLUMN log_secret;
ALTER TABLE heads DROP COLUMN log_frontier;
