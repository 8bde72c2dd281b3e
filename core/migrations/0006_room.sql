-- What a phone fetches of others' photos, and what it lets go. The office has the tables too, and writes where a comment says so.

CREATE TABLE picture (
    -- A picture that did not come from this phone's camera, or whose original has left it: asked for, on its way, or here in the
    -- folder `others` beside the own photos. Only on phones.
    entry BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    form TEXT NOT NULL CHECK (form IN ('thumbnail', 'view', 'original')),
    -- The item that it was asked for: it goes when that leaves.
    item BLOB NOT NULL,
    -- The whole of it is here.
    here INTEGER NOT NULL DEFAULT 0 CHECK (here IN (0, 1)),
    -- Its length; of one that is on its way, how much of it is here.
    bytes INTEGER NOT NULL DEFAULT 0,
    -- A higher number was wanted later: where there is no room, the lowest goes first.
    used INTEGER NOT NULL,
    -- When the office said that it has none for this phone, in milliseconds since 1970: it is not asked again at once.
    absent_at INTEGER,
    PRIMARY KEY (entry, sha256, form)
) STRICT, WITHOUT ROWID;
CREATE INDEX picture_item ON picture (item, sha256, form);
CREATE INDEX picture_file ON picture (sha256, form);
CREATE INDEX picture_used ON picture (used);
CREATE INDEX picture_wanted ON picture (form, used) WHERE here = 0;

-- When the office told, by its own clock, that a verified backup covers an original; on a phone.
ALTER TABLE attachment ADD COLUMN safe_since INTEGER;
-- On a phone: 1 where the original is about to be deleted, 2 where it was; and when that was decided, by the office's clock.
ALTER TABLE attachment ADD COLUMN gone INTEGER NOT NULL DEFAULT 0 CHECK (gone IN (0, 1, 2));
ALTER TABLE attachment ADD COLUMN gone_at INTEGER;
CREATE INDEX attachment_safe ON attachment (safe_since) WHERE safe = 1 AND gone = 0;
CREATE INDEX attachment_going ON attachment (entry) WHERE gone = 1;

CREATE TABLE feed_safe (
    -- How far a verified backup holds each feed. At the office: the newest one. On a phone: as the office told.
    audience TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- On a phone: the feed that told of the judgement, and the position up to which its page told. Once that is safe, so is the entry.
ALTER TABLE judgement ADD COLUMN told_in TEXT;
ALTER TABLE judgement ADD COLUMN told_at INTEGER;

CREATE TABLE entry_left (
    -- The places of own entries that have left a phone: what the chain needs of them. The office has the entries.
    incarnation BLOB NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    entry BLOB NOT NULL,
    header_hash BLOB NOT NULL,
    PRIMARY KEY (incarnation, seq)
) STRICT, WITHOUT ROWID;

-- Every place of every chain, with the entry that has it. A header that was not judged has no sealed origin; of an entry that left
-- there is none, and no parts.
DROP VIEW chain;
CREATE VIEW chain (incarnation, seq, entry, header, header_hash, origin, sealed, body, private) AS
    SELECT incarnation, seq, id, header, header_hash, origin, sealed, body, private FROM entry WHERE incarnation IS NOT NULL
    UNION ALL
    SELECT r.incarnation, r.seq, r.entry, r.header, r.header_hash, r.origin, NULL, e.body, e.private
    FROM repeat r JOIN entry e ON e.id = r.entry
    UNION ALL
    SELECT incarnation, seq, entry, '', header_hash, NULL, NULL, NULL, NULL FROM entry_left;
