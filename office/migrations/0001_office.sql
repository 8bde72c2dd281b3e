-- What only the office keeps, beside the tables that it has in common with a phone.

CREATE TABLE office_code (
    -- One-time enrolment codes. The secret itself is not kept: this is its hash.
    secret BLOB NOT NULL PRIMARY KEY,
    -- A short number that people name the code by.
    number INTEGER NOT NULL UNIQUE,
    person TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    used_at INTEGER,
    -- The incarnation that used it: the same one may ask again when the answer was lost.
    used_by BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE office_device (
    -- Who may send, beside the device's own item, which holds its story.
    incarnation BLOB NOT NULL PRIMARY KEY,
    item BLOB NOT NULL,
    person TEXT NOT NULL,
    -- The key that its requests and batches are signed with.
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    enrolled_at INTEGER NOT NULL,
    revoked_at INTEGER,
    last_sync_at INTEGER,
    -- The highest number of its requests that were answered: an earlier one, recorded and sent again, reads nothing.
    last_request INTEGER NOT NULL DEFAULT 0,
    -- How many entries it had written, by its last request: what of them has not come is on the phone alone.
    written INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE office_countersignature (
    -- The heads of phones' chains that this office signed for, one for each request, back to the last that the phone is known
    -- to hold. A restored office knows by them what it has lost.
    incarnation BLOB NOT NULL,
    epoch BLOB NOT NULL,
    request INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    countersignature TEXT NOT NULL,
    PRIMARY KEY (incarnation, epoch, request)
) STRICT, WITHOUT ROWID;

CREATE TABLE office_upload (
    -- An original on its way in; its bytes are in the file uploads/<id>.
    id BLOB NOT NULL PRIMARY KEY,
    entry BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    incarnation BLOB NOT NULL,
    length INTEGER NOT NULL,
    -- How much is on the disk for certain; what the file has beyond it is cut off at the next start.
    offset INTEGER NOT NULL CHECK (offset BETWEEN 0 AND length),
    -- All bytes that came, those that were here already included.
    received INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- When the original was whole, in the photo folder, and signed for.
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX office_upload_photo ON office_upload (entry, sha256);
CREATE INDEX office_upload_expiry ON office_upload (expires_at);

CREATE TABLE office_drawing (
    -- Originals that are still to be drawn, and compared with what this entry says of them. What is left when an office ends
    -- is drawn after its next start.
    entry BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (entry, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE office_flag (
    -- Where a photo is not what its entry says of it. It is kept all the same: a person decides what it means.
    entry BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    -- thumbnail, view, sm3, unreadable
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    flagged_at INTEGER NOT NULL,
    PRIMARY KEY (entry, sha256, what)
) STRICT, WITHOUT ROWID;
