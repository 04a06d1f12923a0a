DROP TABLE owner_usage;
