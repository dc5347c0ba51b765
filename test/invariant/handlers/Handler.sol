// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {PolicyGuard} from "../../../contracts/guard/PolicyGuard.sol";
import {TreasuryVault} from "../../../contracts/vault/TreasuryVault.sol";
import {UnusualToken} from "../../mocks/UnusualToken.sol";
import {Properties} from "../Properties.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";

/// @notice Somebody or something that acts on the world. Every action that has taken place is counted, so that a
/// campaign in which one never completed is seen to prove nothing.
abstract contract Handler is Test {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant BPS = 10_000;
    uint256 internal constant LISTED = 4;
    uint256 internal constant STRATEGIES = 6;
    uint256 internal constant TRANSACTION_GAS = 30_000_000;
    bytes4 private constant PANIC = 0x4e487b71;

    Properties internal immutable WORLD;
    TreasuryVault internal immutable VAULT;
    PolicyGuard internal immutable GUARD;
    UnusualToken internal immutable ASSET;

    /// @dev Around every action: what the guard told is read, then everything is checked.
    modifier acts() {
        WORLD.begin();
        _;
        WORLD.check();
    }

    constructor(Properties world) {
        WORLD = world;
        VAULT = world.vault();
        GUARD = world.guard();
        ASSET = world.asset();
    }

    function _done(string memory action) internal {
        WORLD.count(action);
    }

    /// @dev Whether something rare happens: once in `rarity` times, and as long as `action` has never completed.
    function _isTime(string memory action, uint256 seed, uint256 rarity) internal view returns (bool) {
        return WORLD.times(action) == 0 || _mix(seed, 66) % rarity == 0;
    }

    function _strategy(uint256 index) internal view returns (WorldStrategy) {
        return WORLD.strategies(index);
    }

    function _depositor(uint256 seed) internal view returns (address) {
        return WORLD.people(_mix(seed, 1) % WORLD.depositorCount());
    }

    function _pass(uint256 seconds_) internal {
        WORLD.passTo(block.timestamp + seconds_);
    }

    /// @dev Forge's numbers are mostly very small or very large; choices need even ones.
    function _mix(uint256 seed, uint256 salt) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, salt)));
    }

    /// @dev An amount up to `most`: tiny, all of it, or anything between.
    function _amount(uint256 seed, uint256 most) internal pure returns (uint256) {
        if (most == 0) return 0;
        uint256 kind = _mix(seed, 2) % 8;
        if (kind == 0) return 1 + _mix(seed, 3) % (most < 10 ? most : 10);
        if (kind == 1) return most;
        return 1 + _mix(seed, 3) % most;
    }

    function _min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    /// @dev Among true venues nothing may end in a panic; elsewhere it may be the venue's own.
    function _selectorOf(bytes memory reason) internal view returns (bytes4 selector) {
        // The selector is what is wanted; a shorter reason is padded.
        // forge-lint: disable-next-line(unsafe-typecast)
        selector = bytes4(reason);
        if (WORLD.tellVenuesTheTruth()) assertNotEq(selector, PANIC, "a refusal is no panic");
    }
}
