-- How far each reactor has come.

CREATE TABLE reactor (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
