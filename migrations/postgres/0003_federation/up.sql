-- Federation: what this node says in its feeds, what it has from others, and whom it deals with.

-- Who this node is: each state of its identity document, signed. The last row counts.
CREATE TABLE node_document (
    sequence BIGINT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);

-- A feed and how far it is known. This node's own feeds have its own origin.
CREATE TABLE feed (
    id BIGINT NOT NULL PRIMARY KEY,
    origin BIGINT NOT NULL REFERENCES origin (id),
    name TEXT COLLATE "C" NOT NULL CHECK (name IN ('public', 'network')),
    epoch BIGINT NOT NULL,
    -- The last number given out, or for another node's feed the last one taken in.
    seq BIGINT NOT NULL,
    -- Of an own feed: the arrival number up to which everything was published.
    arrival BIGINT NOT NULL,
    -- Deletions up to this number are no longer told.
    horizon BIGINT NOT NULL,
    -- The state tree holds everything up to this number.
    tree_seq BIGINT NOT NULL,
    -- Live rows that the tree holds.
    live BIGINT NOT NULL,
    root TEXT COLLATE "C" NOT NULL,
    -- Which full pull this is, and whether it has still to reach the head.
    pull BIGINT NOT NULL,
    pulling BOOLEAN NOT NULL,
    -- The latest head, as signed.
    head TEXT,
    UNIQUE (origin, name)
);

-- The latest statement about each entry: the log compacts itself.
CREATE TABLE statement (
    feed BIGINT NOT NULL REFERENCES feed (id),
    -- 256 * bucket + leaf of the state tree; follows from origin and entry.
    leaf BIGINT NOT NULL,
    entry TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    live BOOLEAN NOT NULL,
    -- SHA-256 of the statement's bytes, in hex.
    hash TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('taken', 'skipped', 'quarantined')),
    -- Why it waits in quarantine.
    reason TEXT,
    pull BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- The statement as it was signed. Not kept where a policy left the entry out.
    body TEXT,
    PRIMARY KEY (feed, entry)
);
CREATE INDEX statement_seq ON statement (feed, seq);
-- All that the state tree is made of, so that it can be made without looking at statements.
CREATE INDEX statement_leaf ON statement (feed, leaf, entry, seq, hash) WHERE live;
CREATE INDEX statement_waiting ON statement (feed, entry) WHERE state = 'quarantined';
CREATE INDEX statement_skipped ON statement (feed) WHERE state = 'skipped';

-- The state tree: the 256 leaf digests of each bucket (base64), and the digest of these (hex).
CREATE TABLE bucket (
    feed BIGINT NOT NULL REFERENCES feed (id),
    number BIGINT NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    leaves TEXT NOT NULL,
    PRIMARY KEY (feed, number)
);

-- Another node: what it asked, what was decided, how it goes.
CREATE TABLE peer (
    id BIGINT NOT NULL PRIMARY KEY,
    base_url TEXT COLLATE "C" NOT NULL UNIQUE,
    did TEXT COLLATE "C" NOT NULL,
    -- Its identity document: pinned once it is approved, offered until then. NULL where it was only announced here.
    document TEXT,
    pinned BOOLEAN NOT NULL,
    -- Whether this node follows it: 'no', 'waiting', 'active', 'paused', 'frozen', 'rejected'.
    following TEXT COLLATE "C" NOT NULL,
    -- Which of its feeds.
    feed TEXT COLLATE "C" NOT NULL CHECK (feed IN ('public', 'network')),
    -- Whether it may follow this node: 'no', 'pending', 'approved', 'rejected'.
    follower TEXT COLLATE "C" NOT NULL,
    policy TEXT NOT NULL,
    asked BIGINT NOT NULL,
    decided BIGINT,
    tried BIGINT,
    succeeded BIGINT,
    -- When and where it was last proved that both sides hold the same.
    agreed BIGINT,
    agreed_seq BIGINT,
    remote_seq BIGINT,
    failures BIGINT NOT NULL,
    error_code TEXT COLLATE "C",
    error TEXT,
    error_at BIGINT,
    -- Rows that a full pull would remove, where these are so many that an admin has to agree.
    sweep BIGINT,
    sweep_allowed BOOLEAN NOT NULL
);

-- Nodes of which nothing is wanted here any more.
CREATE TABLE denial (
    base_url TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    arrival BIGINT NOT NULL UNIQUE,
    at BIGINT NOT NULL
);

-- Which process does some background work, so that the others need not. Nothing depends on it.
CREATE TABLE lease (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL
);
