-- Customers, what departments want of them, and every decision with its receipt.
-- Ids are the 16 bytes of a UUID, moments are microseconds since 1970.

CREATE TABLE checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO checkpoint VALUES (1, 0);

CREATE TABLE customer (
    id BLOB PRIMARY KEY,
    tenant BLOB NOT NULL,
    name TEXT,
    zone TEXT,
    do_not_contact INTEGER NOT NULL DEFAULT 0,
    erased_at INTEGER -- then nothing of them is left in this file but ids and what departments wanted
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_point (
    customer BLOB NOT NULL,
    key BLOB NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    verified INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (customer, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_point_by_key ON contact_point (key);

-- Who a number or address belongs to.
CREATE TABLE claim (
    key BLOB PRIMARY KEY,
    tenant BLOB NOT NULL,
    customer BLOB NOT NULL,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_of_customer ON claim (customer);

CREATE TABLE consent (
    customer BLOB NOT NULL,
    purpose TEXT NOT NULL,
    channel TEXT NOT NULL,
    given INTEGER NOT NULL,
    PRIMARY KEY (customer, purpose, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE wish (
    position INTEGER PRIMARY KEY, -- of its filing: the cursor of lists
    id BLOB NOT NULL UNIQUE,
    tenant BLOB NOT NULL,
    customer BLOB NOT NULL,
    department TEXT NOT NULL,
    purpose TEXT NOT NULL,
    class TEXT NOT NULL,
    value INTEGER NOT NULL,
    propensity INTEGER NOT NULL, -- thousandths
    expected_seconds INTEGER NOT NULL,
    bundle INTEGER NOT NULL,
    channels TEXT NOT NULL, -- JSON array, the best first
    filed_at INTEGER NOT NULL,
    amended_at INTEGER,
    not_before INTEGER,
    expires_at INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    reason TEXT,
    until INTEGER,
    plan BLOB,
    slot INTEGER,
    interaction BLOB,
    outcome TEXT,
    note TEXT,
    outcome_at INTEGER,
    asked_for INTEGER, -- with the outcome `later`: when the customer wants to hear of it
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX wish_of_customer ON wish (customer);
-- All end in the position, which is the row's id.
CREATE INDEX wish_of_tenant ON wish (tenant);
CREATE INDEX wish_of_department ON wish (tenant, department);
CREATE INDEX wish_for_purpose ON wish (tenant, purpose);
CREATE INDEX wish_in_status ON wish (tenant, status);

CREATE TABLE decision (
    position INTEGER PRIMARY KEY,
    tenant BLOB NOT NULL,
    customer BLOB NOT NULL,
    at INTEGER NOT NULL,
    decision TEXT NOT NULL,
    plan BLOB,
    interaction BLOB,
    wishes TEXT NOT NULL, -- JSON array of ids, in the order of the agenda
    slot INTEGER,
    until INTEGER,
    reason TEXT NOT NULL,
    policy_version INTEGER NOT NULL,
    inputs TEXT NOT NULL, -- JSON object
    scores TEXT NOT NULL  -- JSON object: wish -> score
) STRICT;
CREATE INDEX decision_of_customer ON decision (customer, position);
