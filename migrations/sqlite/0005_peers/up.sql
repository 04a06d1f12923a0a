-- One node is one peer, by whatever spelling of its base URL; what strangers may hold; how many bytes a peer takes here.

-- A node that nobody here has dealt with may be let go of before an admin has seen it.
ALTER TABLE peer ADD COLUMN seen INTEGER;
-- When somebody else last spoke in the name of a node that waits, with other keys, and how often in all.
ALTER TABLE peer ADD COLUMN contested INTEGER;
ALTER TABLE peer ADD COLUMN contests INTEGER NOT NULL DEFAULT 0;
-- Peers that shared an identity were parted before this runs.
CREATE UNIQUE INDEX peer_did ON peer (did);

-- What is too large to be taken is known by its hash; its bytes are not kept any more.
UPDATE statement SET body = NULL WHERE state = 'quarantined' AND reason LIKE 'it has % bytes, more than are wanted';
-- Bytes of the statements that are kept.
ALTER TABLE feed ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE feed SET bytes = (SELECT COALESCE(SUM(OCTET_LENGTH(body)), 0) FROM statement WHERE statement.feed = feed.id);
