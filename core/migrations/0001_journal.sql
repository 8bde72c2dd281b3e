-- The journal, what the office decided about it, and what has become of each item.
-- A phone and the office have the same tables; a comment says where only one of them writes.

CREATE TABLE meta (
    -- Facts about the store itself: its person, its incarnation, the office's epoch.
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
    -- 16 random bytes of its author's; unique in the ledger.
    id BLOB NOT NULL PRIMARY KEY,
    item BLOB NOT NULL,
    kind TEXT NOT NULL,
    -- Header and parts are the bytes that their author wrote; a part that was withheld or erased is null.
    header TEXT NOT NULL,
    header_hash BLOB NOT NULL,
    origin TEXT,
    -- The constant-size copy of the origin that other readers get.
    sealed TEXT,
    body TEXT,
    private TEXT,
    -- From the origin, where it is known. Contiguous from 1 within an incarnation: a gap is a loss, and is reported as one.
    incarnation BLOB,
    seq INTEGER CHECK (seq > 0),
    own BLOB,
    -- From the body, where it can be read: open, edit, attach, step, comment, release, dismiss.
    change TEXT,
    -- From the private part, where it is known.
    who TEXT,
    -- Of entries that the office wrote about something that happened: what happened, once.
    cause TEXT UNIQUE,
    UNIQUE (incarnation, seq)
) STRICT;
CREATE INDEX entry_item ON entry (item);
CREATE INDEX entry_author ON entry (item, who) WHERE who IS NOT NULL;
-- The Open of an item is asked for with every entry on it.
CREATE INDEX entry_open ON entry (item, incarnation, seq) WHERE change = 'open';

CREATE TABLE repeat (
    -- An entry that came once more, under another place of a chain: a copy of its author's store wrote it into a chain of its
    -- own. Its body and private part are those of the entry. Only at the office.
    incarnation BLOB NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    entry BLOB NOT NULL REFERENCES entry (id),
    header TEXT NOT NULL,
    header_hash BLOB NOT NULL,
    origin TEXT NOT NULL,
    PRIMARY KEY (incarnation, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX repeat_entry ON repeat (entry);

CREATE TABLE predecessor (
    -- What an incarnation's lineage has beside it: each of its predecessors, up to the place from which on others went on.
    incarnation BLOB NOT NULL,
    predecessor BLOB NOT NULL,
    through INTEGER NOT NULL CHECK (through >= 0),
    PRIMARY KEY (incarnation, predecessor)
) STRICT, WITHOUT ROWID;

-- Every place of every chain, with the entry that has it. A header that was not judged has no sealed origin.
CREATE VIEW chain (incarnation, seq, entry, header, header_hash, origin, sealed, body, private) AS
    SELECT incarnation, seq, id, header, header_hash, origin, sealed, body, private FROM entry WHERE incarnation IS NOT NULL
    UNION ALL
    SELECT r.incarnation, r.seq, r.entry, r.header, r.header_hash, r.origin, NULL, e.body, e.private
    FROM repeat r JOIN entry e ON e.id = r.entry;

CREATE TABLE batch_seal (
    -- One signature over the Merkle root of a batch's header hashes and the new head.
    incarnation BLOB NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    seal TEXT NOT NULL,
    PRIMARY KEY (incarnation, first_seq, last_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE judgement (
    entry BLOB NOT NULL PRIMARY KEY REFERENCES entry (id),
    -- Dense, bumped in the transaction that takes it; only at the office.
    position INTEGER UNIQUE,
    item BLOB NOT NULL,
    -- The verdict's name: applied, no_op, merged, rejected, held.
    verdict TEXT NOT NULL,
    -- The item's count after it; null where there is no such item.
    count INTEGER,
    -- The judgement as the bytes that were signed.
    judgement TEXT NOT NULL,
    -- The office's signature over the page that brought it, and the way from this entry to the page's root; only on phones.
    attestation TEXT,
    path TEXT,
    -- Of an own entry that a copy of this store sent first: the header that the office judged, and signed for. Only on phones.
    header TEXT,
    -- Receipt to the millisecond; only at the office, never sent.
    received_at INTEGER,
    -- Of an own entry that was refused: its author has seen it. Only on phones, never sent; another judgement ends it.
    acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1))
) STRICT;
CREATE INDEX judgement_item ON judgement (item, count);
-- Of all that was judged few are refused and not acknowledged: `phone status` begins with them.
CREATE INDEX judgement_refused ON judgement (entry) WHERE verdict IN ('held', 'rejected') AND acknowledged = 0;
-- What waits for a person is counted on every page of the console.
CREATE INDEX judgement_held ON judgement (position) WHERE verdict = 'held';
-- What is held of an item stands in the way of later steps on it.
CREATE INDEX judgement_held_of_item ON judgement (item) WHERE verdict = 'held';

CREATE TABLE snapshot (
    -- An item as the office last signed it whole, with the signature over its page and the way to that page's root: with the
    -- judged entries after it, it proves what is held of the item. Only on phones.
    item BLOB NOT NULL PRIMARY KEY,
    snapshot TEXT NOT NULL,
    attestation TEXT NOT NULL,
    path TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE item (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    -- JSON of the view; on a phone with its own pending entries replayed on top.
    view TEXT NOT NULL,
    -- What lists filter and sort by, read out of the view.
    state TEXT NOT NULL,
    label TEXT,
    category TEXT,
    -- The class of its category, component or matter: whose of an area it is.
    class TEXT,
    area TEXT,
    org TEXT,
    occurred_at INTEGER NOT NULL,
    thumbnail BLOB
) STRICT;
-- Read backwards: newest first, and of one minute whatever came here last.
CREATE INDEX item_newest ON item (kind, occurred_at, row);
CREATE INDEX item_state ON item (kind, state, occurred_at, row);
CREATE INDEX item_label ON item (kind, label);

-- The view as the office judged it; a row only for items with pending entries. Null: the office has no such item yet.
CREATE TABLE item_confirmed (
    item BLOB NOT NULL PRIMARY KEY,
    view TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE item_version (
    -- What the history was at each count: whether an author had seen it. Only at the office.
    item BLOB NOT NULL,
    count INTEGER NOT NULL,
    history BLOB NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (item, count)
) STRICT, WITHOUT ROWID;

-- Entries that are written and not yet settled; on a phone.
CREATE TABLE pending (
    entry BLOB NOT NULL PRIMARY KEY REFERENCES entry (id),
    item BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_item ON pending (item);

-- One character per token, see the module `search`.
CREATE VIRTUAL TABLE item_text USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');
CREATE VIRTUAL TABLE item_place USING rtree_i32 (row, lat_min, lat_max, lon_min, lon_max);

CREATE TABLE membership (
    -- Which audiences an item is in, as far as this replica knows.
    item BLOB NOT NULL,
    audience TEXT NOT NULL,
    -- Where in the audience's feed it entered last. Only at the office.
    entered INTEGER,
    PRIMARY KEY (item, audience)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_audience ON membership (audience);

CREATE TABLE departure (
    -- Where in an audience's feed an item left it last: whoever read the feed then was told of the item. Only at the office.
    item BLOB NOT NULL,
    audience TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (item, audience)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed (
    -- What entered, changed and left an audience, or one incarnation's verdicts and receipts. Only at the office.
    audience TEXT NOT NULL,
    -- Dense from 1.
    position INTEGER NOT NULL,
    -- The row's name and the item that it moves, of an audience's rows: enter, to, leave.
    kind TEXT,
    item BLOB,
    -- JSON of a feed row.
    row TEXT NOT NULL,
    PRIMARY KEY (audience, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed_position (
    -- How far a phone has read.
    audience TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE granted (
    -- Which audiences an incarnation reads. Only at the office.
    incarnation BLOB NOT NULL,
    audience TEXT NOT NULL,
    -- The feed's last position when it was granted: what left before then was never told, and is not told now.
    since INTEGER NOT NULL,
    PRIMARY KEY (incarnation, audience)
) STRICT, WITHOUT ROWID;
