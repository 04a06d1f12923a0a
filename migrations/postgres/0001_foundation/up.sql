-- The foundation: what the node is, its entries with their history, who may do what, and what waits for somebody.
-- Keys are COLLATE "C": they compare as bytes, on every server alike.
--
-- Every committed change takes the next number of `counter` ('arrival'), and `audit` holds exactly one row per number.
-- Moments are microseconds since 1970-01-01T00:00:00Z. Bodies are text, never a JSON type: their bytes get hashed.

CREATE TABLE meta (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Changes with every restore: whoever remembers an arrival number of another generation must start again.
    generation TEXT COLLATE "C" NOT NULL,
    -- The organisation that runs this node and owns what belongs to the node as a whole.
    operator TEXT COLLATE "C",
    created BIGINT NOT NULL
);

CREATE TABLE counter (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL CHECK (value >= 0)
);

CREATE TABLE origin (
    id BIGINT NOT NULL PRIMARY KEY,
    base_url TEXT COLLATE "C" NOT NULL UNIQUE,
    is_self BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX origin_self ON origin (is_self) WHERE is_self;

CREATE TABLE entry (
    origin BIGINT NOT NULL REFERENCES origin (id),
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL CHECK (version > 0),
    arrival BIGINT NOT NULL,
    visibility TEXT COLLATE "C" NOT NULL,
    deleted BOOLEAN NOT NULL,
    external_id TEXT COLLATE "C",
    -- domain::content_hash of the body, as a signed number.
    hash BIGINT NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    -- NULL once the entry was purged.
    body TEXT,
    PRIMARY KEY (origin, id)
);
CREATE UNIQUE INDEX entry_arrival ON entry (arrival);
-- A partner's own key is unique per owner and kind; entries without one do not collide, because NULLs are distinct.
-- The same index finds all live entries of an owner.
CREATE UNIQUE INDEX entry_external_id ON entry (origin, owner, kind, external_id) WHERE NOT deleted;

-- Which local entry refers to which other local entry.
CREATE TABLE entry_reference (
    source TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (source, target)
);
CREATE INDEX entry_reference_target ON entry_reference (target, source);

-- The history of local entries: one row per version, the latest included.
CREATE TABLE revision (
    arrival BIGINT NOT NULL PRIMARY KEY,
    entry TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    -- What the entry was from then on; NULL where this version is its deletion.
    body TEXT
);
CREATE UNIQUE INDEX revision_entry ON revision (entry, version);

-- Who did what when, without content. It outlives what it speaks of.
CREATE TABLE audit (
    arrival BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL
);

CREATE TABLE account (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    email_folded TEXT COLLATE "C" NOT NULL UNIQUE,
    -- A function such as "advice desk", never a person's name.
    display TEXT COLLATE "C" NOT NULL,
    -- A PHC string; NULL until the first password is set.
    password TEXT COLLATE "C",
    disabled BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    arrival BIGINT NOT NULL UNIQUE
);

CREATE TABLE membership (
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- The id of an organisation, or 'node' for roles that hold for all of it.
    scope TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, scope, role)
);
CREATE INDEX membership_scope ON membership (scope);

CREATE TABLE client (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organisation TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    secret TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    revoked BIGINT,
    arrival BIGINT NOT NULL UNIQUE
);
CREATE INDEX client_organisation ON client (organisation);

CREATE TABLE session (
    -- SHA-256 of the token, in hex.
    token TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    revoked BIGINT,
    arrival BIGINT NOT NULL UNIQUE
);
CREATE INDEX session_account ON session (account);
CREATE INDEX session_expires ON session (expires);

CREATE TABLE password_reset (
    token TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT
);
CREATE INDEX password_reset_account ON password_reset (account);
CREATE INDEX password_reset_expires ON password_reset (expires);

CREATE TABLE registration (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'approved', 'refused', 'claimed')),
    claim TEXT COLLATE "C" NOT NULL UNIQUE,
    draft TEXT COLLATE "C" NOT NULL,
    contact TEXT COLLATE "C" NOT NULL,
    license_accepted BIGINT NOT NULL,
    submitted BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    decided BIGINT,
    decided_by TEXT COLLATE "C",
    reason TEXT COLLATE "C",
    organisation TEXT COLLATE "C",
    claimed BIGINT
);
CREATE INDEX registration_state ON registration (state, submitted);

CREATE TABLE correction (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    origin BIGINT NOT NULL REFERENCES origin (id),
    entry TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    contact TEXT COLLATE "C",
    created BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'done', 'rejected')),
    closed BIGINT,
    closed_by TEXT COLLATE "C"
);
CREATE INDEX correction_state ON correction (state, created);
CREATE INDEX correction_entry ON correction (entry);

-- What a request that carried an idempotency key was answered, so that its repetition gets the same.
CREATE TABLE idempotency (
    subject TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (subject, key)
);
CREATE INDEX idempotency_expires ON idempotency (expires);

INSERT INTO counter (name, value) VALUES ('arrival', 0);
