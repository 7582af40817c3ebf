-- Shows none: an embedded file runs the statements of this process alone, and ends each at its time limit.
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL WHERE $1 < 0 AND $2 < 0
