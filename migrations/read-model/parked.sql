-- Streams that a read model does not follow any further, in every model's file beside its own tables.
-- Ids are the 16 bytes of a UUID, moments are microseconds since 1970.

CREATE TABLE IF NOT EXISTS parked (
    category TEXT NOT NULL,
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    revision INTEGER NOT NULL, -- of the event that failed
    position INTEGER NOT NULL, -- of the event that failed
    kind TEXT NOT NULL,        -- type and version of the event that failed
    reason TEXT NOT NULL,      -- without any of its data
    since INTEGER NOT NULL,
    held INTEGER NOT NULL,     -- events held back, the one that failed included
    PRIMARY KEY (category, id)
) STRICT, WITHOUT ROWID;
