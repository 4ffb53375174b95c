-- The keys of personal data: one row per customer, also for those who were forgotten.
CREATE TABLE keys (
    customer     BLOB PRIMARY KEY,
    -- Whose customer; unknown for one who was forgotten before a key was needed.
    tenant       BLOB,
    -- Wrapped or plain, as its first byte says; NULL once it is destroyed.
    key          BLOB,
    -- Microseconds since 1970; NULL while the key is there.
    destroyed_at INTEGER,
    CHECK ((key IS NULL) = (destroyed_at IS NOT NULL))
) WITHOUT ROWID;

-- A text wrapped by the master key, by which a wrong one is told; no row while keys are stored plain.
CREATE TABLE master (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    proof BLOB NOT NULL
);
