//! What a node means when it cannot read a block's state. Nodes share neither codes nor words for it.

/// Why a question about a block cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockTrouble {
    /// The node does not have the block, or not its state yet.
    Unknown,
    /// The node has it, but not as a part of its present chain.
    NotCanonical,
}

/// EIP-1474's "resource not found", which EIP-1898 gives to a block that is not there.
const RESOURCE_NOT_FOUND: i64 = -32_001;
/// A revert: its reason is a contract's choice and may quote anything.
const REVERTED: i64 = 3;

const NOT_CANONICAL: [&str; 3] =
    ["not currently canonical", "is not canonical", "not in the canonical"];

/// Of geth, Erigon, Nethermind, Besu, Reth, anvil and the gateways before them.
const UNKNOWN: [&str; 16] = [
    "header not found",
    "header for hash not found",
    "block not found",
    "unknown block",
    "could not find block",
    "cannot find block",
    "block does not exist",
    "block requested not found",
    "block is not available",
    "block out of range",
    "missing trie node",
    "no state available",
    "state unavailable",
    "state not found",
    "no state found",
    "resource not found",
];

/// Whether a refusal is a contract's: it reverts or runs out of gas.
pub(crate) fn is_revert(code: i64, message: &str) -> bool {
    let words = message.to_lowercase();
    let has = |part: &&str| words.contains(part);
    code == REVERTED || ["revert", "vm exception", "out of gas", "invalid opcode"].iter().any(has)
}

/// What a refusal without revert data says about the block that was asked for; none if it speaks of something else.
pub(crate) fn block_trouble(code: i64, message: &str) -> Option<BlockTrouble> {
    let words = message.to_lowercase();
    if is_revert(code, message) {
        return None;
    }
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if has(&NOT_CANONICAL) {
        return Some(BlockTrouble::NotCanonical);
    }
    // "block 0xabc… not found", with the block's name between the words.
    let is_named =
        (words.starts_with("block") || words.starts_with("header")) && words.contains("not found");
    let is_stateless = words.contains("state") && words.contains("not available");
    if code == RESOURCE_NOT_FOUND || is_named || is_stateless || has(&UNKNOWN) {
        return Some(BlockTrouble::Unknown);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wordings_of_nodes_are_understood() {
        for message in [
            "header not found",
            "header for hash not found",
            "Block not found",
            "unknown block",
            "block 0x6d1f not found",
            "block not found: hash 0x6d1f",
            "missing trie node 6d1f (path ) state 0x6d1f is not available, not found",
            "No state available for block 0x6d1f",
            "state for block 17 not available (execution stage at 16)",
            "World state unavailable",
            "Resource not found",
            "Could not find block with hash 0x6d1f",
        ] {
            assert_eq!(block_trouble(-32_000, message), Some(BlockTrouble::Unknown), "{message}");
        }
        assert_eq!(block_trouble(-32_001, "no"), Some(BlockTrouble::Unknown));
        for message in ["hash 6d1f is not currently canonical", "Block 0x6d1f is not canonical"] {
            assert_eq!(block_trouble(-32_000, message), Some(BlockTrouble::NotCanonical));
        }
    }

    #[test]
    fn a_contract_that_quotes_them_means_nothing() {
        for (code, message) in [
            (3, "execution reverted: header not found"),
            (3, "header not found"),
            (-32_000, "execution reverted: block not found"),
            (-32_000, "VM Exception while processing transaction: unknown block"),
            (-32_000, "insufficient funds for gas * price + value"),
            (-32_602, "too many arguments, want at most 3"),
        ] {
            assert_eq!(block_trouble(code, message), None, "{message}");
        }
    }
}
