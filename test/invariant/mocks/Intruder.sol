// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../../../contracts/interfaces/ITreasuryVault.sol";
import {Move, Rebalance} from "../../../contracts/types/Rebalance.sol";
import {UnusualToken} from "../../mocks/UnusualToken.sol";
import {IIntruder} from "./WorldStrategy.sol";

/// @notice Called by a strategy in the middle of an operation: a holder of shares with money in hand, who tries to get
/// in by every entry, and to read a half-done state.
contract Intruder is IIntruder {
    ITreasuryVault private immutable _VAULT;
    IPolicyGuard private immutable _GUARD;
    UnusualToken private immutable _ASSET;

    uint256 public tries;
    uint256 public successes;
    uint256 public readings;

    constructor(ITreasuryVault vault, IPolicyGuard guard, UnusualToken asset) {
        (_VAULT, _GUARD, _ASSET) = (vault, guard, asset);
        asset.approve(address(vault), type(uint256).max);
    }

    /// @notice Gets shares of its own, at a quiet time.
    function settleIn(uint256 assets) external {
        _ASSET.mint(address(this), 2 * assets);
        _VAULT.deposit(assets, address(this));
    }

    function intrude(address caller) external {
        // Only in the middle of something of the treasury's.
        if (caller != address(_VAULT) && caller != _VAULT.conduit()) return;
        uint256 kind = tries++ % 9;
        if (kind == 0) _try(address(_VAULT), abi.encodeWithSignature("deposit(uint256,address)", 1e6, address(this)));
        if (kind == 1) {
            _try(
                address(_VAULT),
                abi.encodeWithSignature("redeem(uint256,address,address)", 1e6, address(this), address(this))
            );
        }
        if (kind == 2) {
            _try(
                address(_VAULT),
                abi.encodeWithSignature("withdraw(uint256,address,address)", 1, address(this), address(this))
            );
        }
        if (kind == 3) {
            _try(
                address(_VAULT),
                abi.encodeCall(_VAULT.redeemInKind, (1e6, address(this), address(this), new address[](0)))
            );
        }
        if (kind == 4) _try(address(_VAULT), abi.encodeCall(_VAULT.checkpoint, ()));
        if (kind == 5) _try(address(_VAULT), abi.encodeCall(_VAULT.transfer, (address(1), 1)));
        if (kind == 6) _try(address(_GUARD), abi.encodeCall(_GUARD.trim, (0)));
        if (kind == 7) _try(address(_VAULT), abi.encodeWithSignature("mint(uint256,address)", 1e6, address(this)));
        if (kind == 8) _try(address(_GUARD), abi.encodeCall(_GUARD.followPrice, (0)));
        _read(abi.encodeCall(_VAULT.totalAssets, ()));
        _read(abi.encodeCall(_VAULT.convertToAssets, (1e9)));
        _read(abi.encodeCall(_VAULT.previewRedeem, (1e9)));
        _read(abi.encodeCall(_VAULT.navState, ()));
        if (_VAULT.maxDeposit(address(this)) + _VAULT.maxWithdraw(address(this)) != 0) ++readings;
    }

    function _try(address target, bytes memory call_) private {
        (bool isDone,) = target.call(call_);
        if (isDone) ++successes;
    }

    function _read(bytes memory call_) private {
        (bool isDone,) = address(_VAULT).staticcall(call_);
        if (isDone) ++readings;
    }
}
