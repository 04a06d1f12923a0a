-- Federation: what this node says in its feeds, what it has from others, and whom it deals with.

-- Who this node is: each state of its identity document, signed. The last row counts.
CREATE TABLE node_document (
    sequence INTEGER NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

-- A feed and how far it is known. This node's own feeds have its own origin.
CREATE TABLE feed (
    id INTEGER NOT NULL PRIMARY KEY,
    origin INTEGER NOT NULL REFERENCES origin (id),
    name TEXT NOT NULL CHECK (name IN ('public', 'network')),
    epoch INTEGER NOT NULL,
    -- The last number given out, or for another node's feed the last one taken in.
    seq INTEGER NOT NULL,
    -- Of an own feed: the arrival number up to which everything was published.
    arrival INTEGER NOT NULL,
    -- Deletions up to this number are no longer told.
    horizon INTEGER NOT NULL,
    -- The state tree holds everything up to this number.
    tree_seq INTEGER NOT NULL,
    -- Live rows that the tree holds.
    live INTEGER NOT NULL,
    root TEXT NOT NULL,
    -- Which full pull this is, and whether it has still to reach the head.
    pull INTEGER NOT NULL,
    pulling INTEGER NOT NULL CHECK (pulling IN (0, 1)),
    -- The latest head, as signed.
    head TEXT,
    UNIQUE (origin, name)
) STRICT;

-- The latest statement about each entry: the log compacts itself.
CREATE TABLE statement (
    feed INTEGER NOT NULL REFERENCES feed (id),
    -- 256 * bucket + leaf of the state tree; follows from origin and entry.
    leaf INTEGER NOT NULL,
    entry TEXT NOT NULL,
    seq INTEGER NOT NULL,
    live INTEGER NOT NULL CHECK (live IN (0, 1)),
    -- SHA-256 of the statement's bytes, in hex.
    hash TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('taken', 'skipped', 'quarantined')),
    -- Why it waits in quarantine.
    reason TEXT,
    pull INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- The statement as it was signed. Not kept where a policy left the entry out.
    body TEXT,
    PRIMARY KEY (feed, entry)
) STRICT;
CREATE INDEX statement_seq ON statement (feed, seq);
-- All that the state tree is made of, so that it can be made without looking at statements.
CREATE INDEX statement_leaf ON statement (feed, leaf, entry, seq, hash) WHERE live;
CREATE INDEX statement_waiting ON statement (feed, entry) WHERE state = 'quarantined';
CREATE INDEX statement_skipped ON statement (feed) WHERE state = 'skipped';

-- The state tree: the 256 leaf digests of each bucket (base64), and the digest of these (hex).
CREATE TABLE bucket (
    feed INTEGER NOT NULL REFERENCES feed (id),
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    leaves TEXT NOT NULL,
    PRIMARY KEY (feed, number)
) STRICT, WITHOUT ROWID;

-- Another node: what it asked, what was decided, how it goes.
CREATE TABLE peer (
    id INTEGER NOT NULL PRIMARY KEY,
    base_url TEXT NOT NULL UNIQUE,
    did TEXT NOT NULL,
    -- Its identity document: pinned once it is approved, offered until then. NULL where it was only announced here.
    document TEXT,
    pinned INTEGER NOT NULL CHECK (pinned IN (0, 1)),
    -- Whether this node follows it: 'no', 'waiting', 'active', 'paused', 'frozen', 'rejected'.
    following TEXT NOT NULL,
    -- Which of its feeds.
    feed TEXT NOT NULL CHECK (feed IN ('public', 'network')),
    -- Whether it may follow this node: 'no', 'pending', 'approved', 'rejected'.
    follower TEXT NOT NULL,
    policy TEXT NOT NULL,
    asked INTEGER NOT NULL,
    decided INTEGER,
    tried INTEGER,
    succeeded INTEGER,
    -- When and where it was last proved that both sides hold the same.
    agreed INTEGER,
    agreed_seq INTEGER,
    remote_seq INTEGER,
    failures INTEGER NOT NULL,
    error_code TEXT,
    error TEXT,
    error_at INTEGER,
    -- Rows that a full pull would remove, where these are so many that an admin has to agree.
    sweep INTEGER,
    sweep_allowed INTEGER NOT NULL CHECK (sweep_allowed IN (0, 1))
) STRICT;

-- Nodes of which nothing is wanted here any more.
CREATE TABLE denial (
    base_url TEXT NOT NULL PRIMARY KEY,
    arrival INTEGER NOT NULL UNIQUE,
    at INTEGER NOT NULL
) STRICT;

-- Which process does some background work, so that the others need not. Nothing depends on it.
CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;
