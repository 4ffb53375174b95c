-- What happened with a customer, over all channels, one row per event that is worth showing.
-- Ids are the 16 bytes of a UUID, moments are microseconds since 1970.

CREATE TABLE checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO checkpoint VALUES (1, 0);

CREATE TABLE item (
    position INTEGER PRIMARY KEY,
    tenant BLOB NOT NULL,
    customer BLOB NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    interaction BLOB,
    channel TEXT,
    direction TEXT,
    queue BLOB,
    agent BLOB,
    department TEXT,
    purpose TEXT,
    outcome TEXT,
    reason TEXT,
    text TEXT
) STRICT;
CREATE INDEX item_of_customer ON item (customer, position);

-- Customers who were erased: no text of theirs is kept.
CREATE TABLE erased (
    customer BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Who is one person with whom: the one who stayed.
CREATE TABLE link (
    customer BLOB PRIMARY KEY,
    survivor BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_of_survivor ON link (survivor);

-- What later events of an interaction do not repeat.
CREATE TABLE interaction (
    id BLOB PRIMARY KEY,
    customer BLOB NOT NULL,
    channel TEXT NOT NULL,
    direction TEXT NOT NULL,
    queue BLOB
) STRICT, WITHOUT ROWID;

-- What later events of a wish do not repeat.
CREATE TABLE wish (
    id BLOB PRIMARY KEY,
    department TEXT NOT NULL,
    purpose TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What agents and queues are called.
CREATE TABLE called (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
