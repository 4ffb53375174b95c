-- The embedded log, format 1. Written once when the log is created; the program sets page size, WAL and
-- application_id beside it. Nothing here is ever updated or deleted by an append that succeeded.

CREATE TABLE streams (
    key      INTEGER PRIMARY KEY,
    category TEXT NOT NULL,
    id       BLOB NOT NULL CHECK (length(id) = 16),
    UNIQUE (category, id)
) STRICT;

CREATE TABLE types (
    key  INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- position comes from the writer's counter: it is the order of commits and has no gaps.
-- A stream's last revision is max(revision) by the unique index, so an append updates no row.
CREATE TABLE events (
    position    INTEGER PRIMARY KEY,
    stream_key  INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    event_id    BLOB    NOT NULL CHECK (length(event_id) = 16),
    type_key    INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    meta        BLOB    NOT NULL, -- JSON: tenant, actor, correlation, causation
    data        BLOB    NOT NULL  -- the fact, byte for byte as appended
) STRICT;

CREATE UNIQUE INDEX events_in_stream ON events (stream_key, revision);
CREATE UNIQUE INDEX events_by_id ON events (event_id);
