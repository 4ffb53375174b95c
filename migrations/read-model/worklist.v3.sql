-- What a starting node must load.
-- Ids are the 16 bytes of a UUID, moments are microseconds since 1970.

CREATE TABLE checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO checkpoint VALUES (1, 0);

CREATE TABLE setup_stream (
    position INTEGER PRIMARY KEY,
    tenant BLOB NOT NULL,
    category TEXT NOT NULL,
    id BLOB NOT NULL
) STRICT;

CREATE TABLE open_interaction (
    id BLOB PRIMARY KEY,
    tenant BLOB NOT NULL,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last interaction with a contact point (whose key is made with the tenant's id) on a channel.
CREATE TABLE latest_interaction (
    contact_point BLOB NOT NULL,
    channel TEXT NOT NULL,
    tenant BLOB NOT NULL,
    interaction BLOB NOT NULL,
    customer BLOB NOT NULL,
    PRIMARY KEY (contact_point, channel)
) STRICT, WITHOUT ROWID;
CREATE INDEX latest_interaction_of_customer ON latest_interaction (customer);

-- Customers who were erased: what leads from a contact point to them is not kept.
CREATE TABLE erased (
    customer BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_work (
    agent BLOB PRIMARY KEY,
    tenant BLOB NOT NULL,
    finished_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The events that an agent's present state follows from: what a later one has replaced or ended is not here.
CREATE TABLE agent_event (
    agent BLOB NOT NULL,
    revision INTEGER NOT NULL,
    about TEXT NOT NULL,  -- set_up, presence, phone, reservation, work; end: the last event, which leaves nothing
    thing BLOB,           -- the offer of a reservation, the run of a node that a phone is registered with
    interaction BLOB,     -- of a reservation or work
    PRIMARY KEY (agent, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE wish (
    id BLOB PRIMARY KEY,
    tenant BLOB NOT NULL,
    customer BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    status TEXT NOT NULL, -- open, held, planned, in_contact, later; settled ones stay as done or dropped
    plan BLOB,
    interaction BLOB,
    deadline INTEGER      -- when it must be looked at again
) STRICT, WITHOUT ROWID;
CREATE INDEX wish_of_customer ON wish (customer);
CREATE INDEX wish_pending ON wish (customer) WHERE status NOT IN ('done', 'dropped');

CREATE TABLE in_flight (
    customer BLOB PRIMARY KEY,
    tenant BLOB NOT NULL,
    plan BLOB NOT NULL,
    interaction BLOB NOT NULL
) STRICT, WITHOUT ROWID;
