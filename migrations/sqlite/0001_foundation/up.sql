-- The foundation: what the node is, its entries with their history, who may do what, and what waits for somebody.
-- STRICT tables: SQLite itself would take any type in any column.
--
-- Every committed change takes the next number of `counter` ('arrival'), and `audit` holds exactly one row per number.
-- Moments are microseconds since 1970-01-01T00:00:00Z. Bodies are text, never a JSON type: their bytes get hashed.

CREATE TABLE meta (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Changes with every restore: whoever remembers an arrival number of another generation must start again.
    generation TEXT NOT NULL,
    -- The organisation that runs this node and owns what belongs to the node as a whole.
    operator TEXT,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE counter (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT;

CREATE TABLE origin (
    id INTEGER NOT NULL PRIMARY KEY,
    base_url TEXT NOT NULL UNIQUE,
    is_self INTEGER NOT NULL CHECK (is_self IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX origin_self ON origin (is_self) WHERE is_self;

CREATE TABLE entry (
    origin INTEGER NOT NULL REFERENCES origin (id),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    arrival INTEGER NOT NULL,
    visibility TEXT NOT NULL,
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    external_id TEXT,
    -- domain::content_hash of the body, as a signed number.
    hash INTEGER NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    -- NULL once the entry was purged.
    body TEXT,
    PRIMARY KEY (origin, id)
) STRICT;
CREATE UNIQUE INDEX entry_arrival ON entry (arrival);
-- A partner's own key is unique per owner and kind; entries without one do not collide, because NULLs are distinct.
-- The same index finds all live entries of an owner.
CREATE UNIQUE INDEX entry_external_id ON entry (origin, owner, kind, external_id) WHERE NOT deleted;

-- Which local entry refers to which other local entry.
CREATE TABLE entry_reference (
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (source, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_reference_target ON entry_reference (target, source);

-- The history of local entries: one row per version, the latest included.
CREATE TABLE revision (
    arrival INTEGER NOT NULL PRIMARY KEY,
    entry TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    -- What the entry was from then on; NULL where this version is its deletion.
    body TEXT
) STRICT;
CREATE UNIQUE INDEX revision_entry ON revision (entry, version);

-- Who did what when, without content. It outlives what it speaks of.
CREATE TABLE audit (
    arrival INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL UNIQUE,
    -- A function such as "advice desk", never a person's name.
    display TEXT NOT NULL,
    -- A PHC string; NULL until the first password is set.
    password TEXT,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    arrival INTEGER NOT NULL UNIQUE
) STRICT;

CREATE TABLE membership (
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- The id of an organisation, or 'node' for roles that hold for all of it.
    scope TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (account, scope, role)
) STRICT;
CREATE INDEX membership_scope ON membership (scope);

CREATE TABLE client (
    id TEXT NOT NULL PRIMARY KEY,
    organisation TEXT NOT NULL,
    label TEXT NOT NULL,
    role TEXT NOT NULL,
    secret TEXT NOT NULL,
    created INTEGER NOT NULL,
    revoked INTEGER,
    arrival INTEGER NOT NULL UNIQUE
) STRICT;
CREATE INDEX client_organisation ON client (organisation);

CREATE TABLE session (
    -- SHA-256 of the token, in hex.
    token TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER,
    arrival INTEGER NOT NULL UNIQUE
) STRICT;
CREATE INDEX session_account ON session (account);
CREATE INDEX session_expires ON session (expires);

CREATE TABLE password_reset (
    token TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used INTEGER
) STRICT;
CREATE INDEX password_reset_account ON password_reset (account);
CREATE INDEX password_reset_expires ON password_reset (expires);

CREATE TABLE registration (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused', 'claimed')),
    claim TEXT NOT NULL UNIQUE,
    draft TEXT NOT NULL,
    contact TEXT NOT NULL,
    license_accepted INTEGER NOT NULL,
    submitted INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    decided INTEGER,
    decided_by TEXT,
    reason TEXT,
    organisation TEXT,
    claimed INTEGER
) STRICT;
CREATE INDEX registration_state ON registration (state, submitted);

CREATE TABLE correction (
    id TEXT NOT NULL PRIMARY KEY,
    origin INTEGER NOT NULL REFERENCES origin (id),
    entry TEXT NOT NULL,
    message TEXT NOT NULL,
    contact TEXT,
    created INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'rejected')),
    closed INTEGER,
    closed_by TEXT
) STRICT;
CREATE INDEX correction_state ON correction (state, created);
CREATE INDEX correction_entry ON correction (entry);

-- What a request that carried an idempotency key was answered, so that its repetition gets the same.
CREATE TABLE idempotency (
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (subject, key)
) STRICT;
CREATE INDEX idempotency_expires ON idempotency (expires);

INSERT INTO counter (name, value) VALUES ('arrival', 0);
