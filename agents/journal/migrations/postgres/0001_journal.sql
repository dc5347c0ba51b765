-- Keys are hashes and addresses in lower-case hex; amounts are decimal text; numbers are 64-bit integers.

CREATE TABLE vaults (
    chain_id          BIGINT  NOT NULL,
    vault             TEXT    NOT NULL,
    next_sequence     BIGINT  NOT NULL,
    head              TEXT    NOT NULL,
    decided_number    BIGINT,
    decided_hash      TEXT,
    decided_parent    TEXT,
    decided_timestamp BIGINT,
    PRIMARY KEY (chain_id, vault)
);

CREATE TABLE records (
    hash        TEXT    NOT NULL PRIMARY KEY,
    chain_id    BIGINT  NOT NULL,
    vault       TEXT    NOT NULL,
    sequence    BIGINT  NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('rebalance', 'hold')),
    reason      TEXT    NOT NULL,
    first_block BIGINT  NOT NULL,
    last_block  BIGINT  NOT NULL,
    body        TEXT    NOT NULL,
    UNIQUE (chain_id, vault, sequence),
    FOREIGN KEY (chain_id, vault) REFERENCES vaults (chain_id, vault)
);

CREATE TABLE open_runs (
    chain_id       BIGINT  NOT NULL,
    vault          TEXT    NOT NULL,
    body           TEXT    NOT NULL,
    keeper_version TEXT    NOT NULL,
    simulation     TEXT,
    PRIMARY KEY (chain_id, vault),
    FOREIGN KEY (chain_id, vault) REFERENCES vaults (chain_id, vault)
);

CREATE TABLE outcomes (
    decision TEXT    NOT NULL REFERENCES records (hash),
    sequence BIGINT  NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (decision, sequence)
);

CREATE TABLE transactions (
    decision    TEXT    NOT NULL PRIMARY KEY REFERENCES records (hash),
    sequence    BIGINT  NOT NULL,
    chain_id    BIGINT  NOT NULL,
    vault       TEXT    NOT NULL,
    sender      TEXT    NOT NULL,
    nonce       BIGINT,
    is_terminal BIGINT  NOT NULL CHECK (is_terminal IN (0, 1)),
    state       TEXT    NOT NULL
);

CREATE UNIQUE INDEX nonces_in_flight ON transactions (chain_id, sender, nonce) WHERE is_terminal = 0;

CREATE TABLE attempts (
    hash             TEXT    NOT NULL PRIMARY KEY,
    decision         TEXT    NOT NULL REFERENCES transactions (decision),
    sequence         BIGINT  NOT NULL,
    nonce            BIGINT  NOT NULL,
    max_fee_wei      TEXT    NOT NULL,
    priority_fee_wei TEXT    NOT NULL,
    is_cancel        BIGINT  NOT NULL CHECK (is_cancel IN (0, 1)),
    raw              TEXT    NOT NULL,
    UNIQUE (decision, sequence)
);
