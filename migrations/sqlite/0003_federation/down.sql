DROP TABLE lease;
DROP TABLE denial;
DROP TABLE peer;
DROP TABLE bucket;
DROP TABLE statement;
DROP TABLE feed;
DROP TABLE node_document;
