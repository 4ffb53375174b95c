-- Service figures per tenant, queue and quarter of an hour of the tenant's local day.
-- Ids are the 16 bytes of a UUID, moments and spans are microseconds.

CREATE TABLE checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO checkpoint VALUES (1, 0);

CREATE TABLE tenant (
    id BLOB PRIMARY KEY,
    zone TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE queue (
    id BLOB PRIMARY KEY,
    target_seconds INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Contacts that are neither answered nor abandoned yet.
CREATE TABLE waiting (
    interaction BLOB PRIMARY KEY,
    queue BLOB NOT NULL,
    since INTEGER NOT NULL,
    day INTEGER NOT NULL,
    quarter INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A contact counts where and when it joined the line, whatever happens to it later.
CREATE TABLE counter (
    tenant BLOB NOT NULL,
    day INTEGER NOT NULL,     -- days since 0001-01-01
    queue BLOB NOT NULL,
    quarter INTEGER NOT NULL, -- of the day, 0..95
    offered INTEGER NOT NULL DEFAULT 0,
    answered INTEGER NOT NULL DEFAULT 0,
    answered_in_target INTEGER NOT NULL DEFAULT 0,
    abandoned INTEGER NOT NULL DEFAULT 0,
    answer_wait INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, day, queue, quarter)
) STRICT, WITHOUT ROWID;
