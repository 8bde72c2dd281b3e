-- What is kept of parcels, so that they can be answered, now and once more when there is something new.

CREATE TABLE office_parcel (
    -- The newest parcel of each phone.
    incarnation BLOB NOT NULL PRIMARY KEY,
    parcel BLOB NOT NULL,
    -- The number of the last request in it; an older parcel that comes later does not take its place.
    number INTEGER NOT NULL,
    -- That request as it came, and what the answer is sealed for.
    request BLOB NOT NULL,
    reply TEXT NOT NULL,
    -- What became of the smaller pictures in it, as it is answered.
    previews TEXT NOT NULL,
    taken_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
