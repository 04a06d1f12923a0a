-- What the live local entries of each owner take, so that a quota costs no counting at each write. It follows from the
-- entries: `lotse check` compares them.
CREATE TABLE owner_usage (
    owner TEXT NOT NULL PRIMARY KEY,
    entries INTEGER NOT NULL CHECK (entries >= 0),
    -- Bytes of their bodies.
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;
INSERT INTO owner_usage (owner, entries, bytes)
    SELECT owner, COUNT(*), COALESCE(SUM(OCTET_LENGTH(body)), 0) FROM entry
    WHERE NOT deleted AND origin IN (SELECT id FROM origin WHERE is_self) GROUP BY owner;
