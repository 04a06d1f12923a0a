-- Removes everything: only for a database that was just made.
DROP TABLE idempotency;
DROP TABLE correction;
DROP TABLE registration;
DROP TABLE password_reset;
DROP TABLE session;
DROP TABLE client;
DROP TABLE membership;
DROP TABLE account;
DROP TABLE audit;
DROP TABLE revision;
DROP TABLE entry_reference;
DROP TABLE entry;
DROP TABLE origin;
DROP TABLE counter;
DROP TABLE meta;
