-- What mined and final transactions cost, for the daily fee budget. Times are the block's.
CREATE TABLE fees_paid (
    transaction_hash TEXT    NOT NULL PRIMARY KEY,
    chain_id         INTEGER NOT NULL,
    sender           TEXT    NOT NULL,
    paid_at          INTEGER NOT NULL,
    fee_wei          TEXT    NOT NULL
);

CREATE INDEX fees_paid_by_time ON fees_paid (chain_id, sender, paid_at);

-- Rebalances that reverted or came out otherwise than predicted; a person's resume clears them.
CREATE TABLE strikes (
    decision   TEXT    NOT NULL PRIMARY KEY REFERENCES records (hash),
    chain_id   INTEGER NOT NULL,
    vault      TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('reverted', 'unpredicted')),
    is_cleared INTEGER NOT NULL CHECK (is_cleared IN (0, 1))
);

CREATE INDEX strikes_open ON strikes (chain_id, vault) WHERE is_cleared = 0;

-- Who paused or resumed a vault, and why. Times are of the clock of whoever did it.
CREATE TABLE interventions (
    chain_id INTEGER NOT NULL,
    vault    TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    action   TEXT    NOT NULL CHECK (action IN ('pause', 'resume')),
    person   TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    made_at  INTEGER NOT NULL,
    PRIMARY KEY (chain_id, vault, sequence)
);
