// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {MOVE_TYPEHASH, Move, REBALANCE_TYPEHASH, Rebalance} from "../types/Rebalance.sol";

/// @title EIP-712 hash of a rebalance by an agent
library RebalanceHash {
    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant NAME_HASH = keccak256("Vagus PolicyGuard");
    bytes32 internal constant VERSION_HASH = keccak256("1");

    /// @notice keccak256(0x1901 ‖ domain separator ‖ struct hash), the domain being this chain and `guard`.
    function digest(Rebalance calldata plan, address agent, address guard) internal view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, guard));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash(plan, agent)));
    }

    /// @notice EIP-712 `hashStruct`; the list of moves is hashed as the concatenation of its members' hashes.
    function structHash(Rebalance calldata plan, address agent) internal pure returns (bytes32) {
        bytes32[] memory moves = new bytes32[](plan.moves.length);
        for (uint256 i = 0; i < moves.length; ++i) {
            Move calldata move = plan.moves[i];
            moves[i] = keccak256(abi.encode(MOVE_TYPEHASH, move.index, move.isDeposit, move.assets));
        }
        return keccak256(
            abi.encode(
                REBALANCE_TYPEHASH,
                agent,
                plan.policyVersion,
                plan.nonce,
                plan.vaultCount,
                plan.deadline,
                plan.decision,
                keccak256(abi.encodePacked(moves))
            )
        );
    }
}
