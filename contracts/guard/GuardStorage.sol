// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IPolicyGuard, PendingPolicy} from "../interfaces/IPolicyGuard.sol";
import {Ceilings} from "../types/Policy.sol";
import {AgentLedger, StoredPolicy, VaultLedger} from "./PolicyStore.sol";

/// @title State of a guard, and the lock over everything that writes it
/// @dev One layout for the guard and for the parts of its code that run by delegatecall. None declares storage of its
/// own.
abstract contract GuardStorage {
    /// @dev One or zero; a whole word, because a `bool` would be read again before each write.
    uint256 private transient _isLocked;

    // Each part is analysed alone, and writes only some of this; all run on one storage.
    // slither-disable-start constable-states,immutable-states,uninitialized-state,unused-state
    address internal _owner;
    address internal _offeredOwner;
    address internal _guardian;
    address internal _namedGuardian;
    uint40 internal _guardianActivatableAt;

    /// @dev Written by the guard's constructor and by nothing else.
    Ceilings internal _ceilings;
    PendingPolicy internal _pending;
    StoredPolicy internal _policy;

    VaultLedger internal _ledger;
    mapping(address agent => AgentLedger) internal _agentLedgers;
    // slither-disable-end constable-states,immutable-states,uninitialized-state,unused-state

    /// @dev Covers every function that writes, so that a strategy that is called during a rebalance finds the guard
    /// shut.
    modifier locked() {
        _lock();
        _;
        _unlock();
    }

    function _lock() internal {
        if (_isLocked != 0) revert IPolicyGuard.Locked();
        _isLocked = 1;
    }

    function _unlock() internal {
        _isLocked = 0;
    }

    function _isLockHeld() internal view returns (bool) {
        return _isLocked != 0;
    }
}
