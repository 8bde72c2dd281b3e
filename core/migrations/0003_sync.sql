-- What a phone is doing about its outbox.

CREATE TABLE action (
    -- Intent only: which entries, which photo, from where. Bodies are built when they are asked for.
    id BLOB NOT NULL PRIMARY KEY,
    intent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Nobody reported what came of it, and somebody else has taken it up: what began it may be gone, or only slow.
    doubted INTEGER NOT NULL DEFAULT 0 CHECK (doubted IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE upload (
    entry BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    -- Where the office said that the upload lives.
    location TEXT NOT NULL,
    -- How much the office has acknowledged.
    offset INTEGER NOT NULL,
    -- How far sending had begun, acknowledged or not: after a cut, what lies between the two is sent again.
    begun INTEGER NOT NULL,
    -- The office has to be asked for its offset before more is sent.
    uncertain INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (entry, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
    -- Counters for `phone status`: round trips, bytes sent, bytes sent again.
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
