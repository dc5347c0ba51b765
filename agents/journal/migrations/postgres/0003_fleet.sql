-- Keepers that share this journal, and who of them may do what. Times are milliseconds of this database's clock.

CREATE FUNCTION journal_now() RETURNS BIGINT
LANGUAGE sql VOLATILE AS $$ SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT $$;

CREATE TABLE keepers (
    session BIGINT NOT NULL PRIMARY KEY,
    name    TEXT   NOT NULL
);

-- A keeper works on each of its chains by itself: one may stand still while another goes on.
CREATE TABLE members (
    session    BIGINT NOT NULL REFERENCES keepers (session) ON DELETE CASCADE,
    chain_id   BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (session, chain_id)
);

-- What a keeper could hold.
CREATE TABLE services (
    session  BIGINT NOT NULL,
    chain_id BIGINT NOT NULL,
    scope    TEXT   NOT NULL CHECK (scope IN ('vault', 'key')),
    account  TEXT   NOT NULL,
    PRIMARY KEY (session, chain_id, scope, account),
    FOREIGN KEY (session, chain_id) REFERENCES members (session, chain_id) ON DELETE CASCADE
);

-- A row is never deleted: its token only grows.
CREATE TABLE leases (
    chain_id   BIGINT NOT NULL,
    scope      TEXT   NOT NULL CHECK (scope IN ('vault', 'key')),
    account    TEXT   NOT NULL,
    token      BIGINT NOT NULL,
    session    BIGINT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (chain_id, scope, account)
);

-- Whether a lease is still held under this token. The row stays locked until the transaction ends, so that nobody can take
-- the lease over between this look and the commit.
CREATE FUNCTION holds_lease(of_chain BIGINT, of_scope TEXT, of_account TEXT, by_session BIGINT, by_token BIGINT)
RETURNS BIGINT LANGUAGE sql VOLATILE AS $$
    SELECT COUNT(*) FROM (
        SELECT 1 FROM leases
        WHERE chain_id = of_chain AND scope = of_scope AND account = of_account
          AND session = by_session AND token = by_token
        FOR SHARE
    ) AS held
$$;

-- Holds before this place in the chain have lost their bodies; their hashes and links stay.
ALTER TABLE vaults ADD COLUMN dropped_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN previous TEXT;

-- What a person said may be taken as it stands on the chain, though this journal does not know how it came about.
CREATE TABLE adoptions (
    chain_id      BIGINT NOT NULL,
    vault         TEXT   NOT NULL,
    agent         TEXT   NOT NULL,
    sequence      BIGINT NOT NULL,
    guard_nonce   BIGINT NOT NULL,
    account_nonce BIGINT NOT NULL,
    block_number  BIGINT NOT NULL,
    block_hash    TEXT   NOT NULL,
    note          TEXT   NOT NULL,
    PRIMARY KEY (chain_id, vault, agent, sequence)
);
