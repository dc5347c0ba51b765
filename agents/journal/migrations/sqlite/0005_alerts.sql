-- What is wrong and what of it was told, by what makes an alert the same one: one JSON document of the keeper's own. Who
-- writes names the version that was read; it grows with every write.
CREATE TABLE alerts (
    identity TEXT    NOT NULL PRIMARY KEY,
    version  INTEGER NOT NULL,
    body     TEXT    NOT NULL
);
