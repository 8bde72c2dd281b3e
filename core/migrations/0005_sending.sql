-- When originals may go, in pieces of which size, and how far this device's clock is off. Only on phones.

-- Its person, or the office by name, asked for this original: it goes whatever the upload policy says.
ALTER TABLE attachment ADD COLUMN asked INTEGER NOT NULL DEFAULT 0 CHECK (asked IN (0, 1));

-- When an action was given out, on which boot's monotonic clock: how long its request took shows by it.
ALTER TABLE action ADD COLUMN begun_ms INTEGER;
ALTER TABLE action ADD COLUMN begun_boot TEXT;
-- The day whose count its bytes are in, where they go over a network that is paid by the byte.
ALTER TABLE action ADD COLUMN metered_day TEXT;

CREATE TABLE metered_day (
    -- Bytes of originals that went over networks that are paid by the byte, for each day in Beijing, `20260721`.
    day TEXT NOT NULL PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE clock_sample (
    -- What one exchange with the office said of this device's clock; the last few are kept.
    number INTEGER NOT NULL PRIMARY KEY,
    -- How far the office's clock is ahead of this one lies between the two, in milliseconds.
    least_ms INTEGER NOT NULL,
    most_ms INTEGER NOT NULL CHECK (most_ms >= least_ms)
) STRICT;
