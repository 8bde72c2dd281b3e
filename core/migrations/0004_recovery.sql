-- What a phone brings back to an office that was restored from a backup, and what that office knows by it.

-- On a phone, which of its requests brought it: what came with the last one that a restored office knows, or later, is offered
-- to that office again.
ALTER TABLE judgement ADD COLUMN request INTEGER;
ALTER TABLE snapshot ADD COLUMN request INTEGER;
-- On a phone, its last request before the office took the thumbnail, and before it took the view.
ALTER TABLE attachment ADD COLUMN preview_request INTEGER;
ALTER TABLE attachment ADD COLUMN view_request INTEGER;

CREATE TABLE countersignature (
    -- The office's countersignatures that this phone has held, by the number of the request that each answered. Only on phones.
    request INTEGER NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    -- Which chain it is about, and how far the office had that.
    incarnation BLOB NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE offer (
    -- What is still to be offered to a restored office, in this order: a judged entry, or where none is named the item's
    -- snapshot. Only on phones.
    place INTEGER PRIMARY KEY,
    item BLOB NOT NULL,
    entry BLOB
) STRICT;

CREATE TABLE pulled (
    -- Entries that another than their author brought back, or their author ahead of the rest of the chain: the places that they
    -- have in a chain which has not come so far. Only at the office.
    entry BLOB NOT NULL PRIMARY KEY REFERENCES entry (id),
    incarnation BLOB NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pulled_incarnation ON pulled (incarnation, seq);

CREATE TABLE restored_entry (
    -- Entries that are part of an item by a snapshot that a phone brought back: whoever brings one of them changes nothing.
    -- Only at the office.
    entry BLOB NOT NULL PRIMARY KEY,
    item BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX restored_entry_item ON restored_entry (item);

CREATE TABLE restored_cause (
    -- What the office had written once before, by such a snapshot, and must not write again. Only at the office.
    cause TEXT NOT NULL PRIMARY KEY,
    item BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX restored_cause_item ON restored_cause (item);
