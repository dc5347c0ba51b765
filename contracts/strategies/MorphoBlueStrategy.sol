// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {MorphoMarketMath} from "./MorphoMarketMath.sol";
import {MorphoMarketReads} from "./MorphoMarketReads.sol";
import {IMorphoBlue, Market, MarketParams} from "./interfaces/IMorphoBlue.sol";
import {IMorphoBlueStrategy} from "./interfaces/IMorphoBlueStrategy.sol";

/// @title A lending position in one Morpho Blue market, as an ERC-4626
/// @dev Invariant: the strategy's supply shares in the market are never fewer than its own supply. All conversions are
/// the market's, on totals accrued to now; entries and exits accrue for real first, so that every later step of the
/// call
/// counts with what Morpho stored.
contract MorphoBlueStrategy is ERC4626, IMorphoBlueStrategy {
    using MorphoMarketMath for Market;
    using SafeERC20 for IERC20;

    /// @dev Morpho's million virtual shares.
    uint8 private constant DECIMALS_OFFSET = 6;

    /// @inheritdoc IMorphoBlueStrategy
    address public immutable morpho;
    /// @inheritdoc IMorphoBlueStrategy
    bytes32 public immutable marketId;

    address private immutable _COLLATERAL_TOKEN;
    address private immutable _ORACLE;
    address private immutable _IRM;
    uint256 private immutable _LLTV;

    /// @param morpho_ The Morpho Blue that knows the market.
    /// @param marketParams_ The market; its loan token becomes the asset.
    constructor(address morpho_, MarketParams memory marketParams_, string memory name_, string memory symbol_)
        ERC4626(IERC20(marketParams_.loanToken))
        ERC20(name_, symbol_)
    {
        if (morpho_ == address(0)) revert ZeroAddress();
        morpho = morpho_;
        marketId = keccak256(abi.encode(marketParams_));
        _COLLATERAL_TOKEN = marketParams_.collateralToken;
        _ORACLE = marketParams_.oracle;
        _IRM = marketParams_.irm;
        _LLTV = marketParams_.lltv;
        if (IMorphoBlue(morpho_).market(marketId).lastUpdate == 0) revert MarketNotCreated(marketId);
        // Morpho takes only what the strategy's own call to `supply` names, and nothing is held between calls.
        IERC20(marketParams_.loanToken).forceApprove(morpho_, type(uint256).max);
    }

    /// @inheritdoc IMorphoBlueStrategy
    function marketParams() public view returns (MarketParams memory) {
        return
            MarketParams({
                loanToken: asset(), collateralToken: _COLLATERAL_TOKEN, oracle: _ORACLE, irm: _IRM, lltv: _LLTV
            });
    }

    // Entries and exits

    /// @inheritdoc IERC4626
    function deposit(uint256 assets, address receiver) public override(ERC4626, IERC4626) returns (uint256) {
        IMorphoBlue(morpho).accrueInterest(marketParams());
        return super.deposit(assets, receiver);
    }

    /// @inheritdoc IERC4626
    function mint(uint256 shares, address receiver) public override(ERC4626, IERC4626) returns (uint256) {
        IMorphoBlue(morpho).accrueInterest(marketParams());
        return super.mint(shares, receiver);
    }

    /// @inheritdoc IERC4626
    function withdraw(uint256 assets, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        returns (uint256)
    {
        IMorphoBlue(morpho).accrueInterest(marketParams());
        return super.withdraw(assets, receiver, owner);
    }

    /// @inheritdoc IERC4626
    function redeem(uint256 shares, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        returns (uint256)
    {
        IMorphoBlue(morpho).accrueInterest(marketParams());
        return super.redeem(shares, receiver, owner);
    }

    // Views

    /// @inheritdoc IERC4626
    /// @dev What the holders' shares are worth together; anything given to the strategy beyond them does not count.
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256) {
        return _convertToAssets(totalSupply(), Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    /// @dev Zero, not a revert, when the market's rate model fails: nothing can be withdrawn then.
    function maxWithdraw(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        (bool isOk, Market memory market) = _tryAccrued();
        if (!isOk) return 0;
        return Math.min(market.toAssets(balanceOf(owner), Math.Rounding.Floor), _payable(market));
    }

    /// @inheritdoc IERC4626
    /// @dev See `maxWithdraw`.
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        (bool isOk, Market memory market) = _tryAccrued();
        if (!isOk) return 0;
        uint256 shares = balanceOf(owner);
        uint256 available = _payable(market);
        if (market.toAssets(shares, Math.Rounding.Floor) <= available) return shares;
        return market.toShares(available, Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    /// @dev The market itself has no limit below 2^128.
    function maxDeposit(address) public view override(ERC4626, IERC4626) returns (uint256) {
        (bool isOk,) = _tryAccrued();
        return isOk ? type(uint256).max : 0;
    }

    /// @inheritdoc IERC4626
    function maxMint(address receiver) public view override(ERC4626, IERC4626) returns (uint256) {
        return maxDeposit(receiver);
    }

    // Internal

    // Overrides what OpenZeppelin's ERC-4626 calls.
    // slither-disable-next-line dead-code
    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (shares == 0 && assets != 0) revert ZeroShares(assets);
        super._deposit(caller, receiver, assets, shares);
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (assets == 0) return;
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
        (, uint256 counted) = IMorphoBlue(morpho).supply(marketParams(), assets, 0, address(this), "");
        // More is possible for `mint`, whose assets are rounded up; the rest is nobody's.
        if (counted < shares) revert SharesDiffer(shares, counted);
    }

    // Overrides what OpenZeppelin's ERC-4626 calls.
    // slither-disable-next-line dead-code
    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
    {
        super._withdraw(caller, receiver, owner, assets, shares);
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (assets == 0) return;
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
        (, uint256 counted) = IMorphoBlue(morpho).withdraw(marketParams(), assets, 0, address(this), receiver);
        // Fewer is possible for `redeem`, whose assets are rounded down.
        if (counted > shares) revert SharesDiffer(shares, counted);
    }

    /// @dev Morpho pays the receiver itself.
    // Overrides what OpenZeppelin's ERC-4626 calls.
    // slither-disable-next-line dead-code
    function _transferOut(address to, uint256) internal pure override {
        if (to == address(0)) revert ZeroAddress();
    }

    function _convertToShares(uint256 assets, Math.Rounding rounding) internal view override returns (uint256) {
        return _accrued().toShares(assets, rounding);
    }

    function _convertToAssets(uint256 shares, Math.Rounding rounding) internal view override returns (uint256) {
        return _accrued().toAssets(shares, rounding);
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return DECIMALS_OFFSET;
    }

    /// @dev What can leave the market now. Morpho holds all markets' tokens together, and lends them out for the length
    /// of a call, so its balance may be the smaller number.
    function _payable(Market memory market) private view returns (uint256) {
        return Math.min(market.liquidity(), IERC20(asset()).balanceOf(morpho));
    }

    function _accrued() private view returns (Market memory) {
        return MorphoMarketReads.accrued(morpho, marketId, marketParams());
    }

    function _tryAccrued() private view returns (bool, Market memory) {
        return MorphoMarketReads.tryAccrued(morpho, marketId, marketParams());
    }
}
