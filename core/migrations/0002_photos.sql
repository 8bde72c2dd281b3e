-- Photos are files; these rows say which entry shows them, how far each has come, and which files lie at the office. What a
-- photo is, each entry says for itself: what one says of a hash counts for no other.

CREATE TABLE photo (
    -- Only at the office. A phone's own photos lie there because they are its own; it looks before it sends.
    sha256 BLOB NOT NULL PRIMARY KEY,
    -- The original's bytes are in the photo folder.
    original_here INTEGER NOT NULL CHECK (original_here IN (0, 1)),
    -- The renditions are.
    thumbnail_here INTEGER NOT NULL CHECK (thumbnail_here IN (0, 1)),
    view_here INTEGER NOT NULL CHECK (view_here IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE attachment (
    -- A photo counts for an entry: possession is per entry, never by hash alone.
    entry BLOB NOT NULL REFERENCES entry (id),
    sha256 BLOB NOT NULL,
    item BLOB NOT NULL,
    -- The original's length, as the entry says it.
    bytes INTEGER NOT NULL,
    -- Whether this store captured it and owes its bytes; on a phone.
    own INTEGER NOT NULL CHECK (own IN (0, 1)),
    -- The thumbnail was taken by the office (on a phone) or from this entry's lineage (at the office).
    previewed INTEGER NOT NULL DEFAULT 0,
    -- The office's signed receipt for the original.
    receipt TEXT,
    -- Of a photo that the office cannot draw itself. On a phone: the office has not taken the view yet. At the office: the view
    -- that came from this entry's lineage, by its SHA-256.
    view_owed INTEGER NOT NULL DEFAULT 0 CHECK (view_owed IN (0, 1)),
    view_sent BLOB,
    -- On a phone, which of its requests the receipt came with: a restore of the office to a moment before that voids it.
    receipt_request INTEGER,
    -- A verified backup covers it.
    safe INTEGER NOT NULL DEFAULT 0,
    -- On a phone, of a photo that the office did not take: why, how often in a row, and until when on which boot's monotonic
    -- clock it is kept back, so that it holds up no other.
    refusal TEXT,
    refusals INTEGER NOT NULL DEFAULT 0,
    aside_until INTEGER,
    aside_boot TEXT,
    -- On a phone: 1 where the original did not lie there as it was kept when it was to be sent; 2 once the next conversation is
    -- to look again.
    lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1, 2)),
    PRIMARY KEY (entry, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_item ON attachment (item);
CREATE INDEX attachment_photo ON attachment (sha256);
CREATE INDEX attachment_aside ON attachment (aside_until) WHERE aside_until IS NOT NULL;
CREATE INDEX attachment_view_owed ON attachment (entry) WHERE view_owed = 1;
CREATE INDEX attachment_owed ON attachment (own, previewed, receipt IS NULL);
