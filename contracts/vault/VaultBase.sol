// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {NavAccounting, NavStorage, Observation} from "./NavAccounting.sol";
import {NavSettings} from "./NavSettings.sol";
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
    using NavSettings for uint256[];

    IERC20 internal immutable _ASSET;
    uint256 internal immutable _VIRTUAL_SHARES;
    address internal immutable _GUARD;
    address internal immutable _CONDUIT;

    NavStorage internal _nav;
    /// @dev Balances; OpenZeppelin's own mapping and supply stay unused, so that the supply can lie in a slot that
    /// every entry and exit writes anyway.
    mapping(address account => uint256) private _shares;

    uint256 internal transient _lock;

    modifier onlyGuard() {
        _requireGuard();
        _;
    }

    modifier locks() {
        _acquire();
        _;
        _lock = 0;
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

    /// @inheritdoc ERC20
    function totalSupply() public view virtual override returns (uint256) {
        return _nav.supply;
    }

    /// @inheritdoc ERC20
    function balanceOf(address account) public view virtual override returns (uint256) {
        return _shares[account];
    }

    /// @dev Every mint, burn and transfer passes here, with the errors and events of OpenZeppelin's.
    function _update(address from, address to, uint256 value) internal virtual override {
        if (from == address(0)) {
            uint256 supply = _nav.supply;
            _nav.accrue(supply, supply + value);
        } else {
            uint256 balance = _shares[from];
            if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
            unchecked {
                _shares[from] = balance - value;
            }
        }
        // No balance is above the supply, and the sum of all is the supply.
        unchecked {
            if (to == address(0)) {
                uint256 supply = _nav.supply;
                _nav.accrue(supply, supply - value);
            } else {
                _shares[to] += value;
            }
        }
        emit Transfer(from, to, value);
    }

    function _acquire() internal {
        _requireUnlocked();
        _lock = 1;
    }

    function _isLocked() internal view returns (bool) {
        return _lock != 0;
    }

    function _observe() internal view returns (Observation memory seen) {
        _nav.observe(seen, _ASSET, _VIRTUAL_SHARES);
    }

    function _refresh() internal returns (Observation memory seen) {
        _nav.observe(seen, _ASSET, _VIRTUAL_SHARES);
        _commit(seen);
    }

    function _commit(Observation memory seen) internal {
        if (_nav.commit(seen)) {
            emit ITreasuryVault.Checkpointed(seen.live, Price.unpack(seen.mark), Price.unpack(seen.observation));
        }
        _mintFees(seen.settings, seen.managementShares, seen.performanceShares);
    }

    /// @dev Takes the management fee by the settings in force and reads no strategy.
    /// @return units Supply after it, and virtual shares.
    function _takeManagement(uint256[] memory settings) internal returns (uint256 units) {
        units = totalSupply() + _VIRTUAL_SHARES;
        uint256 shares = _nav.takeManagement(settings, units);
        _mintFees(settings, shares, 0);
        units += shares;
    }

    function _mintFees(uint256[] memory settings, uint256 managementShares, uint256 performanceShares) private {
        uint256 shares = managementShares + performanceShares;
        if (shares == 0) return;
        address recipient = settings.feeRecipient();
        _mint(recipient, shares);
        emit ITreasuryVault.FeesAccrued(recipient, managementShares, performanceShares);
    }

    function _checkpointed() internal view returns (uint256 navAssets, uint256 baseAssets) {
        navAssets = _nav.checkpointNav(totalSupply() + _VIRTUAL_SHARES);
        baseAssets = _nav.baseOf(navAssets);
    }

    /// @dev Zero if what the cap leaves would mint nothing.
    function _largestEntry(Observation memory seen) internal pure returns (uint256 assets) {
        uint256 room = NavAccounting.MAX_SUPPLY - seen.supply;
        assets = Math.min(
            Math.saturatingSub(seen.settings.depositCap(), seen.nav),
            Price.mulDivSaturating(room, seen.entry + 1, seen.units)
        );
        if (_toEntrySharesDown(seen, assets) == 0) return 0;
    }

    /// @dev ⌊shares × (N + 1) ÷ (S + V)⌋. Neither N nor E is near 2^256: see `Price.assetsUp`.
    function _toAssetsDown(Observation memory seen, uint256 shares) internal pure returns (uint256) {
        unchecked {
            return Math.mulDiv(shares, seen.nav + 1, seen.units);
        }
    }

    /// @dev ⌈assets × (S + V) ÷ (N + 1)⌉
    function _toSharesUp(Observation memory seen, uint256 assets) internal pure returns (uint256) {
        unchecked {
            return Price.mulDivUp(assets, seen.units, seen.nav + 1);
        }
    }

    /// @dev ⌊assets × (S + V) ÷ (E + 1)⌋
    function _toEntrySharesDown(Observation memory seen, uint256 assets) internal pure returns (uint256) {
        unchecked {
            return Math.mulDiv(assets, seen.units, seen.entry + 1);
        }
    }

    /// @dev ⌈shares × (E + 1) ÷ (S + V)⌉
    function _toEntryAssetsUp(Observation memory seen, uint256 shares) internal pure returns (uint256) {
        unchecked {
            return Price.mulDivUp(shares, seen.entry + 1, seen.units);
        }
    }

    function _requireGuard() private view {
        if (msg.sender != _GUARD) revert ITreasuryVault.NotGuard(msg.sender);
    }

    function _requireUnlocked() private view {
        if (_lock != 0) revert ITreasuryVault.Locked();
    }
}
