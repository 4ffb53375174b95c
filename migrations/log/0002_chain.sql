-- Format 2 of the embedded log: a chain of hashes over everything that is appended from now on. A log of format 1 is
-- upgraded when a hub opens it; nothing that is stored is touched or read, so that takes no longer for a large log.

-- Which log this is and where its chain begins: one row, written with this migration and never changed.
CREATE TABLE chain (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    log_id   BLOB    NOT NULL CHECK (length(log_id) = 16), -- random
    after    INTEGER NOT NULL                              -- events up to this position are older than the chain
) STRICT;

-- One row for every committed transaction that stored events: the hash over the previous hash and the events of the
-- transaction, which end at last_position.
CREATE TABLE links (
    last_position INTEGER PRIMARY KEY,
    hash          BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
