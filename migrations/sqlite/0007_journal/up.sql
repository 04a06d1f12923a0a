-- How far the restore journal was when this database was last written with it. A journal that stands before that was
-- emptied or cut. `generation` is that of the database then: another than it has now tells that it was restored since.
CREATE TABLE journal (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    lines INTEGER NOT NULL CHECK (lines >= 0),
    digest TEXT NOT NULL,
    generation TEXT NOT NULL
) STRICT;
