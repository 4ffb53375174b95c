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
    preferred_channel TEXT,
    preferred_point BLOB, -- the key of a contact point
    erased_at INTEGER -- then nothing of them is left in this file but ids and what departments wanted
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_point (
    customer BLOB NOT NULL,
    key BLOB NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    verified INTEGER NOT NULL,
    position INTEGER NOT NULL,
    source TEXT,
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

-- The do-not-contact list: it knows numbers and addresses by their keys alone, whoever they belong to.
CREATE TABLE listed (
    key BLOB NOT NULL,
    scope TEXT NOT NULL,
    tenant BLOB NOT NULL,
    until INTEGER,
    source TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (key, scope)
) STRICT, WITHOUT ROWID;

-- The statement that counts for a purpose and channel; what proves it is in the log.
CREATE TABLE consent (
    customer BLOB NOT NULL,
    purpose TEXT NOT NULL,
    channel TEXT NOT NULL,
    given INTEGER NOT NULL,
    wording TEXT,
    source TEXT,
    stated_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (customer, purpose, channel)
) STRICT, WITHOUT ROWID;

-- What a customer wants no outreach for.
CREATE TABLE block (
    customer BLOB NOT NULL,
    scope TEXT NOT NULL,
    until INTEGER,
    source TEXT,
    since INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (customer, scope)
) STRICT, WITHOUT ROWID;

-- Who is one person with whom: the one who stayed.
CREATE TABLE link (
    customer BLOB PRIMARY KEY,
    survivor BLOB NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_of_survivor ON link (survivor);

-- Doubts whether two customers are one person.
CREATE TABLE review (
    position INTEGER PRIMARY KEY, -- of the doubt: the cursor of the list
    id BLOB NOT NULL UNIQUE,
    tenant BLOB NOT NULL,
    customer BLOB NOT NULL,
    other BLOB NOT NULL,
    doubt TEXT NOT NULL,
    at INTEGER NOT NULL,
    judgement TEXT,
    judged_at INTEGER,
    judged_by TEXT -- JSON: the actor
) STRICT;
CREATE INDEX review_waiting ON review (tenant, position) WHERE judgement IS NULL;

-- What was decided on dealing with a customer.
CREATE TABLE qualification (
    customer BLOB PRIMARY KEY,
    admission TEXT NOT NULL,
    segment TEXT,
    tier TEXT,
    evidence TEXT NOT NULL,
    at INTEGER NOT NULL,
    by TEXT -- JSON: the actor
) STRICT, WITHOUT ROWID;

CREATE TABLE complaint (
    customer BLOB NOT NULL,
    id BLOB NOT NULL,
    about TEXT NOT NULL,
    interaction BLOB,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    resolution TEXT,
    PRIMARY KEY (customer, id)
) STRICT, WITHOUT ROWID;

-- What departments know: the newest truth under each key.
CREATE TABLE fact (
    customer BLOB NOT NULL,
    department TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    currency TEXT,
    source TEXT,
    as_of INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (customer, department, key)
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
