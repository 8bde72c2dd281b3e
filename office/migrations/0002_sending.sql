-- What bounds what phones send, and what is known of their clocks.

CREATE TABLE office_originals (
    -- Bytes of originals whose upload was begun, for each phone and for the district: what quotas are asked of.
    -- An incarnation; empty for the whole district.
    whose BLOB NOT NULL,
    -- A day in Beijing, `20260721`; empty for all days together.
    day TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (whose, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE office_clock (
    -- How far the office's clock was ahead of a phone's when a request of it came, in milliseconds: at least as far as it is,
    -- since a request takes its time. The last few of each phone.
    incarnation BLOB NOT NULL,
    request INTEGER NOT NULL,
    ahead_ms INTEGER NOT NULL,
    PRIMARY KEY (incarnation, request)
) STRICT, WITHOUT ROWID;
