-- One process writes this file, so leases need no rows here: they are always held.

-- Holds before this place in the chain have lost their bodies; their hashes and links stay.
ALTER TABLE vaults ADD COLUMN dropped_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN previous TEXT;

-- What a person said may be taken as it stands on the chain, though this journal does not know how it came about.
CREATE TABLE adoptions (
    chain_id      INTEGER NOT NULL,
    vault         TEXT    NOT NULL,
    agent         TEXT    NOT NULL,
    sequence      INTEGER NOT NULL,
    guard_nonce   INTEGER NOT NULL,
    account_nonce INTEGER NOT NULL,
    block_number  INTEGER NOT NULL,
    block_hash    TEXT    NOT NULL,
    note          TEXT    NOT NULL,
    PRIMARY KEY (chain_id, vault, agent, sequence)
);
