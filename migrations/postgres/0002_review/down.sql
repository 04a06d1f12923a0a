DROP INDEX entry_review;
ALTER TABLE entry DROP COLUMN review;
