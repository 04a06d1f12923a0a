DROP TABLE distribution;
DROP TABLE invitation;
