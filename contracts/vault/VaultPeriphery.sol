// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IConduit} from "../interfaces/IConduit.sol";
import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {ExitEntry, NavParameters, NavState} from "../types/Nav.sol";
import {ExitList} from "./ExitList.sol";
import {ExitWalk} from "./ExitWalk.sol";
import {NavAccounting, NavStorage, Observation} from "./NavAccounting.sol";
import {NavSettings} from "./NavSettings.sol";
import {VaultBase, VaultSetting} from "./VaultBase.sol";

/// @title The half of the vault's code that no entry, exit or rebalance runs through
/// @notice Adoption and the views that are asked off-chain; see `ITreasuryVault` for what each does. The vault runs it
/// by delegatecall. Called directly it finds empty storage and moves nothing.
contract VaultPeriphery is VaultBase {
    using NavAccounting for NavStorage;
    using NavSettings for uint256[];

    /// @dev How often a `max*` view corrects itself before it gives up and answers zero.
    uint256 private constant MAX_TRIES = 4;

    constructor(VaultSetting memory setting) ERC20("", "") VaultBase(setting) {}

    /// @notice See `ITreasuryVault.adopt`.
    function adopt(NavParameters memory parameters, ExitEntry[] memory exitList_) external onlyGuard locks {
        // Fee and seasoning up to now count by the parameters that were in force.
        uint256[] memory old = NavSettings.read(_nav.settings);
        _takeManagement(old);
        _nav.accrue(totalSupply(), totalSupply());
        // Under the lock; what is written afterwards ends it or was settled before.
        // Under the lock; the conduit is the vault's own.
        // slither-disable-next-line reentrancy-no-eth,reentrancy-events
        ExitList.replace(old.entriesOf(), exitList_, address(_ASSET), _GUARD, IConduit(_CONDUIT));
        _nav.settings = NavSettings.write(parameters, exitList_);
        _nav.seasoningSeconds = parameters.seasoningSeconds;
        _nav.maxNavAgeSeconds = parameters.maxNavAgeSeconds;
        _nav.setOutdated();
        emit ITreasuryVault.Adopted(parameters, exitList_);
    }

    /// @notice See `IERC4626.maxDeposit`.
    function maxDeposit(address) external view returns (uint256) {
        if (_isLocked()) return 0;
        Observation memory seen = _observe();
        return seen.isOpen ? _largestEntry(seen) : 0;
    }

    /// @notice See `IERC4626.maxMint`.
    function maxMint(address) external view returns (uint256) {
        if (_isLocked()) return 0;
        Observation memory seen = _observe();
        return seen.isOpen ? _toEntrySharesDown(seen, _largestEntry(seen)) : 0;
    }

    /// @notice See `IERC4626.previewWithdraw`.
    function previewWithdraw(uint256 assets) external view whenUnlocked returns (uint256) {
        Observation memory seen = _observe();
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
        (uint256 cost,) = ExitWalk.preview(seen, assets, true);
        return _toSharesUp(seen, assets + cost);
    }

    /// @notice See `IERC4626.previewRedeem`.
    function previewRedeem(uint256 shares) external view whenUnlocked returns (uint256 assets) {
        Observation memory seen = _observe();
        uint256 target = _toAssetsDown(seen, shares);
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
        (uint256 cost,) = ExitWalk.preview(seen, target, false);
        return Math.saturatingSub(target, cost);
    }

    /// @notice See `IERC4626.maxWithdraw`.
    function maxWithdraw(address owner) external view returns (uint256 assets) {
        if (_isLocked()) return 0;
        Observation memory seen = _observe();
        uint256 most;
        (most, assets) = _largestExit(seen, balanceOf(owner));
        for (uint256 i = 0; i < MAX_TRIES && assets != 0; ++i) {
            (uint256 cost, uint256 missing) = ExitWalk.preview(seen, assets, true);
            uint256 shares = _toSharesUp(seen, assets + cost);
            if (missing == 0 && shares <= most) return assets;
            uint256 excess = shares > most ? _toAssetsDown(seen, shares - most) : 0;
            assets = Math.saturatingSub(assets, Math.max(1, Math.max(missing, excess)));
        }
        return 0;
    }

    /// @notice See `IERC4626.maxRedeem`.
    function maxRedeem(address owner) external view returns (uint256 shares) {
        if (_isLocked()) return 0;
        (shares,) = _largestExit(_observe(), balanceOf(owner));
    }

    /// @notice See `ITreasuryVault.navState`.
    function navState() external view whenUnlocked returns (NavState memory) {
        return _nav.stateOf(_observe());
    }

    /// @notice See `ITreasuryVault.checkpointState`.
    function checkpointState()
        external
        view
        whenUnlocked
        returns (uint256 navAssets, uint256 baseAssets, bool isFresh)
    {
        (navAssets, baseAssets) = _checkpointed();
        isFresh = _nav.isFresh();
    }

    /// @notice See `ITreasuryVault.exitList`.
    function exitList() external view returns (ExitEntry[] memory) {
        return NavSettings.read(_nav.settings).entriesOf();
    }

    /// @notice See `ITreasuryVault.navParameters`.
    function navParameters() external view returns (NavParameters memory) {
        return NavSettings.read(_nav.settings).parametersOf();
    }

    /// @dev The most shares up to `balance` that can be redeemed now, and what they pay; zero if that is nothing.
    function _largestExit(Observation memory seen, uint256 balance)
        private
        view
        returns (uint256 shares, uint256 assets)
    {
        shares = balance;
        for (uint256 i = 0; i < MAX_TRIES && shares != 0; ++i) {
            uint256 target = _toAssetsDown(seen, shares);
            (uint256 cost, uint256 missing) = ExitWalk.preview(seen, target, false);
            if (missing == 0) return target > cost ? (shares, target - cost) : (0, 0);
            shares = Math.mulDiv(target - missing, seen.units, seen.nav + 1);
        }
        return (0, 0);
    }
}
