// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IPolicyGuard} from "../interfaces/IPolicyGuard.sol";
import {Rebalance} from "../types/Rebalance.sol";
import {GuardStorage} from "./GuardStorage.sol";
import {PolicyStore, StoredPolicy} from "./PolicyStore.sol";
import {PriceBands} from "./PriceBands.sol";
import {Reference} from "./PriceReference.sol";

/// @title What every rebalance ends with, whichever way it was judged
abstract contract RebalanceEnd is GuardStorage {
    using PolicyStore for StoredPolicy;

    function _followPrice(
        uint256 place,
        Reference memory reference_,
        uint256 maxGrowthWad,
        uint256 bandBps,
        uint256 value,
        uint256 shares
    ) internal {
        (uint256 price, bool hasFollowed) = PriceBands.follow(
            reference_.price, reference_.at, block.timestamp, maxGrowthWad, bandBps, value, shares
        );
        if (hasFollowed) _policy.setReferenceDown(place, price);
    }

    function _close(Rebalance calldata plan, address agent, uint64 vaultCount, uint256 turnover, uint256 loss)
        internal
    {
        emit IPolicyGuard.Rebalanced(agent, plan.nonce, plan.decision, vaultCount, turnover, loss);
        _unlock();
    }
}
