-- Parcels that a phone made for its office: the same requests as over a network, in a file.

CREATE TABLE parcel (
    -- Its name: the answer says which parcel it answers.
    id BLOB NOT NULL PRIMARY KEY,
    -- The number of the last request in it: of two parcels the later one has the higher number.
    number INTEGER NOT NULL,
    -- What the answer is sealed for: the fingerprint of this parcel's own key, and that key, which no other answer is sealed for.
    reply BLOB NOT NULL,
    reply_key TEXT NOT NULL,
    -- The requests in it, as intents: the answer's parts name their nonces.
    intents TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX parcel_reply ON parcel (reply);
CREATE INDEX parcel_number ON parcel (number);
