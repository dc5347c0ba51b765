// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {PolicyGuard} from "../../../contracts/guard/PolicyGuard.sol";
import {TreasuryVault} from "../../../contracts/vault/TreasuryVault.sol";
import {MockAsset} from "../../guard/mocks/MockAsset.sol";
import {World} from "../World.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";

/// @notice Something that acts on the world. Every action that has taken place reports its name, so that a run in which
/// one never succeeded is seen to prove nothing.
abstract contract Handler is Test {
    uint256 internal constant STRATEGIES = 3;
    uint256 internal constant WAD = 1e18;

    World internal immutable WORLD;
    TreasuryVault internal immutable VAULT;
    PolicyGuard internal immutable GUARD;
    MockAsset internal immutable ASSET;

    constructor(World world) {
        WORLD = world;
        VAULT = world.vault();
        GUARD = world.guard();
        ASSET = world.asset();
    }

    function _strategy(uint256 seed) internal view returns (WorldStrategy) {
        return WORLD.strategies(seed % STRATEGIES);
    }

    function _person(uint256 seed) internal view returns (address) {
        return WORLD.people(seed % WORLD.peopleCount());
    }

    function _selectorOf(bytes memory reason) internal pure returns (bytes4) {
        // The selector is what is wanted; a shorter reason is padded.
        // forge-lint: disable-next-line(unsafe-typecast)
        return bytes4(reason);
    }

    /// @dev Like forge's `bound`, without a line of log for each call.
    function _within(uint256 seed, uint256 least, uint256 most) internal pure returns (uint256) {
        if (seed >= least && seed <= most) return seed;
        if (least == 0 && most == type(uint256).max) return seed;
        return least + seed % (most - least + 1);
    }
}
