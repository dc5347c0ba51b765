// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {NavParameters} from "../types/Nav.sol";
import {NavAccounting, NavStorage, Observation} from "./NavAccounting.sol";
import {Price} from "./Price.sol";

/// @dev What a vault is built from; the same for both halves of its code.
struct VaultSetting {
    IERC20 asset;
    uint256 virtualShares;
    address guard;
    address conduit;
}

/// @title State of a vault, the lock over everything that writes it, and the two prices
/// @dev One layout for the vault and for the half of its code that runs by delegatecall. Neither puts storage of its
/// own before this.
abstract contract VaultBase is ERC20 {
    using NavAccounting for NavStorage;

    IERC20 internal immutable _ASSET;
    uint256 internal immutable _VIRTUAL_SHARES;
    address internal immutable _GUARD;
    address internal immutable _CONDUIT;

    NavStorage internal _nav;

    bool internal transient _isLocked;

    modifier onlyGuard() {
        _requireGuard();
        _;
    }

    modifier locks() {
        _requireUnlocked();
        _isLocked = true;
        _;
        _isLocked = false;
    }

    modifier whenUnlocked() {
        _requireUnlocked();
        _;
    }

    constructor(VaultSetting memory setting) {
        _ASSET = setting.asset;
        _VIRTUAL_SHARES = setting.virtualShares;
        _GUARD = setting.guard;
        _CONDUIT = setting.conduit;
    }

    /// @dev Every change of supply passes here, and carries the seasoned part over.
    function _update(address from, address to, uint256 value) internal virtual override {
        uint256 supplyBefore = totalSupply();
        super._update(from, to, value);
        if (from == address(0) || to == address(0)) _nav.accrue(supplyBefore, totalSupply());
    }

    function _observe() internal view returns (Observation memory) {
        return _nav.observe(_ASSET, totalSupply(), _VIRTUAL_SHARES);
    }

    function _refresh() internal returns (Observation memory seen) {
        seen = _observe();
        _commit(seen);
    }

    function _commit(Observation memory seen) internal {
        if (_nav.commit(seen)) {
            emit ITreasuryVault.Checkpointed(seen.live, Price.unpack(seen.mark), Price.unpack(seen.observation));
        }
        _mintFees(seen.parameters.feeRecipient, seen.managementShares, seen.performanceShares);
    }

    /// @dev Takes the management fee by the settings in force and reads no strategy.
    /// @return units Supply after it, and virtual shares.
    function _takeManagement(NavParameters memory parameters) internal returns (uint256 units) {
        uint256 supply = totalSupply();
        units = supply + _VIRTUAL_SHARES;
        uint256 shares = _nav.takeManagement(parameters, supply, units);
        _mintFees(parameters.feeRecipient, shares, 0);
        units += shares;
    }

    function _mintFees(address recipient, uint256 managementShares, uint256 performanceShares) private {
        uint256 shares = managementShares + performanceShares;
        if (shares == 0) return;
        _mint(recipient, shares);
        emit ITreasuryVault.FeesAccrued(recipient, managementShares, performanceShares);
    }

    function _checkpointed() internal view returns (uint256 navAssets, uint256 baseAssets) {
        uint256 supply = totalSupply();
        navAssets = _nav.checkpointNav(supply + _VIRTUAL_SHARES);
        baseAssets = _nav.baseOf(navAssets, supply);
    }

    /// @dev Zero if what the cap leaves would mint nothing.
    function _largestEntry(Observation memory seen) internal pure returns (uint256 assets) {
        uint256 room = NavAccounting.MAX_SUPPLY - seen.supply;
        assets = Math.min(
            Math.saturatingSub(seen.parameters.depositCap, seen.nav),
            Price.mulDivSaturating(room, seen.entry + 1, seen.units)
        );
        if (_toEntrySharesDown(seen, assets) == 0) return 0;
    }

    function _toAssetsDown(Observation memory seen, uint256 shares) internal pure returns (uint256) {
        return Math.mulDiv(shares, seen.nav + 1, seen.units);
    }

    function _toSharesUp(Observation memory seen, uint256 assets) internal pure returns (uint256) {
        return Math.mulDiv(assets, seen.units, seen.nav + 1, Math.Rounding.Ceil);
    }

    function _toEntrySharesDown(Observation memory seen, uint256 assets) internal pure returns (uint256) {
        return Math.mulDiv(assets, seen.units, seen.entry + 1);
    }

    function _toEntryAssetsUp(Observation memory seen, uint256 shares) internal pure returns (uint256) {
        return Math.mulDiv(shares, seen.entry + 1, seen.units, Math.Rounding.Ceil);
    }

    function _requireGuard() private view {
        if (msg.sender != _GUARD) revert ITreasuryVault.NotGuard(msg.sender);
    }

    function _requireUnlocked() private view {
        if (_isLocked) revert ITreasuryVault.Locked();
    }
}
