-- How far the restore journal was when this database was last written with it. A journal that stands before that was
-- emptied or cut. `generation` is that of the database then: another than it has now tells that it was restored since.
CREATE TABLE journal (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    lines BIGINT NOT NULL CHECK (lines >= 0),
    digest TEXT COLLATE "C" NOT NULL,
    generation TEXT COLLATE "C" NOT NULL
);
