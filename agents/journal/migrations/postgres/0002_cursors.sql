-- Where the follower of a chain stands, by the account that it follows for: one JSON document of the keeper's own.

CREATE TABLE cursors (
    chain_id BIGINT  NOT NULL,
    agent    TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (chain_id, agent)
);
