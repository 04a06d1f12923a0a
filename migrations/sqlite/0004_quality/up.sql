-- Reviews of self-assessments by peers, and how a network stands.

-- Another organisation is asked for its view of one submission. Whoever has the token reads the submission and leaves its
-- views here; its verdict is an entry of its own, and arrives as one.
CREATE TABLE invitation (
    -- SHA-256 of the token, in hex.
    token TEXT NOT NULL PRIMARY KEY,
    assessment TEXT NOT NULL,
    -- The URI of the organisation that is asked.
    reviewer TEXT NOT NULL,
    -- Which submission.
    submission TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    -- What the reviewer sees, as JSON.
    views TEXT,
    -- When the verdict came, or another invitation took its place.
    closed INTEGER
) STRICT;
CREATE INDEX invitation_open ON invitation (assessment) WHERE closed IS NULL;

-- How many organisations stand where, by one standard, with what it was made from. What it was made from is never shown.
CREATE TABLE distribution (
    standard TEXT NOT NULL PRIMARY KEY,
    made INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
