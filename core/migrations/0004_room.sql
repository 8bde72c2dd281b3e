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
