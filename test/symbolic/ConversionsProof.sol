// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Observation} from "../../contracts/vault/NavAccounting.sol";
import {VaultBase, VaultSetting} from "../../contracts/vault/VaultBase.sol";

/// @notice Theorems about the conversions between assets and shares, for any NAV, any entry price not below it and any
/// supply.
contract ConversionsProof is VaultBase {
    constructor()
        ERC20("", "")
        VaultBase(VaultSetting({asset: IERC20(address(0)), virtualShares: 1, guard: address(0), conduit: address(0)}))
    {}

    /// @notice Deposit, then redeem at the same prices: never more than was paid.
    function check_DepositThenRedeem_NeverProfits(uint96 nav, uint96 entry, uint112 units, uint96 assets) public pure {
        if (entry < nav || units == 0) return;
        Observation memory seen = _seen(nav, entry, units);
        assert(_toAssetsDown(seen, _toEntrySharesDown(seen, assets)) <= assets);
    }

    /// @notice Mint, then redeem: never more than was paid.
    function check_MintThenRedeem_NeverProfits(uint96 nav, uint96 entry, uint112 units, uint96 shares) public pure {
        if (entry < nav || units == 0) return;
        Observation memory seen = _seen(nav, entry, units);
        assert(_toAssetsDown(seen, shares) <= _toEntryAssetsUp(seen, shares));
    }

    /// @notice Deposit, then withdraw the same amount: burns at least what was minted.
    function check_DepositThenWithdraw_NeverProfits(uint96 nav, uint96 entry, uint112 units, uint96 assets)
        public
        pure
    {
        if (entry < nav || units == 0) return;
        Observation memory seen = _seen(nav, entry, units);
        assert(_toSharesUp(seen, assets) >= _toEntrySharesDown(seen, assets));
    }

    /// @notice Withdraw, then deposit the proceeds: never more shares than were burned.
    function check_MintThenWithdraw_NeverProfits(uint96 nav, uint96 entry, uint112 units, uint96 shares) public pure {
        if (entry < nav || units == 0) return;
        Observation memory seen = _seen(nav, entry, units);
        assert(_toSharesUp(seen, _toEntryAssetsUp(seen, shares)) >= shares);
    }

    /// @notice Redeem, then mint back what was given: costs at least what came out.
    function check_RedeemThenDeposit_NeverProfits(uint96 nav, uint96 entry, uint112 units, uint96 shares) public pure {
        if (entry < nav || units == 0) return;
        Observation memory seen = _seen(nav, entry, units);
        assert(_toEntrySharesDown(seen, _toAssetsDown(seen, shares)) <= shares);
    }

    /// @notice Each conversion is rounded against the caller, by less than one unit.
    function check_Conversions_RoundByLessThanAUnit(uint96 nav, uint96 entry, uint112 units, uint96 amount)
        public
        pure
    {
        if (entry < nav || units == 0) return;
        Observation memory seen = _seen(nav, entry, units);
        uint256 price = uint256(nav) + 1;
        uint256 down = _toAssetsDown(seen, amount);
        assert(down * units <= amount * price);
        assert((down + 1) * units > amount * price);
        uint256 up = _toSharesUp(seen, amount);
        assert(up * price >= uint256(amount) * units);
        assert(up == 0 || (up - 1) * price < uint256(amount) * units);
    }

    function _seen(uint256 nav, uint256 entry, uint256 units) private pure returns (Observation memory seen) {
        (seen.nav, seen.entry, seen.units) = (nav, entry, units);
    }
}
