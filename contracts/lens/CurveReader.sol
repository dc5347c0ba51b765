// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {
    AaveV3Curve,
    CurveSource,
    MorphoBlueCurve,
    MorphoBlueHolding,
    MorphoBlueMarketsCurve
} from "../interfaces/ITreasuryLens.sol";
import {
    AaveV3RateData,
    AaveV3Reserve,
    IAaveV3DebtToken,
    IAaveV3Pool,
    IAaveV3RateStrategy,
    IAaveV3StaticToken
} from "./IAaveV3.sol";
import {
    IAdaptiveCurve,
    IMorphoMarkets,
    IMorphoMarketsStrategy,
    IMorphoStrategy,
    MorphoMarketParams,
    MorphoMarketState
} from "./IMorphoStrategy.sol";
import {StaticRead} from "./StaticRead.sol";

/// @title Raw inputs of a strategy's rate
/// @notice Finds out which venue stands behind a strategy by asking it, and reads what that venue's rate formula needs.
/// Nothing is computed here. Whatever does not fit together is an unknown curve, never a revert.
library CurveReader {
    /// @dev Per call. The dearest one, the supply of an Aave token behind a proxy, takes below 50,000.
    uint256 private constant CURVE_GAS = 300_000;
    /// @dev Per call about one of several markets, of which there are up to 25. The dearest one, a list's entry of
    /// seven words, takes below 20,000.
    uint256 private constant MARKET_GAS = 100_000;
    /// @dev No strategy of ours has more.
    uint256 private constant MOST_MARKETS = 8;

    /// @notice The curve of `strategy`, whose underlying is `asset`.
    function read(address strategy, address asset) internal view returns (CurveSource source, bytes memory curve) {
        (bool isAave, AaveV3Curve memory aave) = _aave(strategy, asset);
        if (isAave) return (CurveSource.AaveV3, abi.encode(aave));
        (bool isMorpho, address morpho) =
            StaticRead.account(strategy, CURVE_GAS, abi.encodeCall(IMorphoStrategy.morpho, ()));
        if (!isMorpho) return (CurveSource.Unknown, "");
        (bool isOne, MorphoBlueCurve memory one) = _morpho(morpho, strategy, asset);
        if (isOne) return (CurveSource.MorphoBlue, abi.encode(one));
        (bool areSeveral, MorphoBlueMarketsCurve memory several) = _morphoMarkets(morpho, strategy, asset);
        if (areSeveral) return (CurveSource.MorphoBlueMarkets, abi.encode(several));
        return (CurveSource.Unknown, "");
    }

    function _aave(address strategy, address asset) private view returns (bool isOk, AaveV3Curve memory curve) {
        address pool;
        address aToken;
        (isOk, pool) = StaticRead.account(strategy, CURVE_GAS, abi.encodeCall(IAaveV3StaticToken.POOL, ()));
        if (!isOk) return (false, curve);
        (isOk, aToken) = StaticRead.account(strategy, CURVE_GAS, abi.encodeCall(IAaveV3StaticToken.aToken, ()));
        if (!isOk) return (false, curve);

        AaveV3Reserve memory reserve;
        (isOk, reserve) = _aaveReserve(pool, asset);
        // The pool must know this token as the asset's, and cannot have been touched in the future.
        isOk = isOk && StaticRead.toAccount(reserve.aToken) == aToken && _isPast(reserve.lastUpdateAt);
        if (!isOk) return (false, curve);
        curve.configuration = reserve.configuration;
        curve.variableBorrowIndexRay = reserve.variableBorrowIndexRay;
        curve.variableBorrowRateRay = reserve.variableBorrowRateRay;
        curve.lastUpdateAt = reserve.lastUpdateAt;
        curve.accruedToTreasury = reserve.accruedToTreasury;
        curve.liquidityIndexRay = reserve.liquidityIndexRay;

        if (!_aaveRate(pool, asset, curve)) return (false, curve);
        isOk = _aaveBalances(pool, asset, reserve, curve);
    }

    function _aaveReserve(address pool, address asset) private view returns (bool isOk, AaveV3Reserve memory reserve) {
        bytes memory answer;
        (isOk, answer) = StaticRead.words(pool, CURVE_GAS, abi.encodeCall(IAaveV3Pool.getReserveData, (asset)), 15);
        if (isOk) reserve = abi.decode(answer, (AaveV3Reserve));
    }

    function _aaveRate(address pool, address asset, AaveV3Curve memory curve) private view returns (bool isOk) {
        address rateStrategy;
        bytes memory answer;
        (isOk, rateStrategy) =
            StaticRead.account(pool, CURVE_GAS, abi.encodeCall(IAaveV3Pool.RESERVE_INTEREST_RATE_STRATEGY, ()));
        if (!isOk) return false;
        (isOk, answer) = StaticRead.words(
            rateStrategy, CURVE_GAS, abi.encodeCall(IAaveV3RateStrategy.getInterestRateData, (asset)), 4
        );
        if (!isOk) return false;
        AaveV3RateData memory rate = abi.decode(answer, (AaveV3RateData));
        curve.optimalUsageRay = rate.optimalUsageRay;
        curve.baseRateRay = rate.baseRateRay;
        curve.slope1Ray = rate.slope1Ray;
        curve.slope2Ray = rate.slope2Ray;
    }

    function _aaveBalances(address pool, address asset, AaveV3Reserve memory reserve, AaveV3Curve memory curve)
        private
        view
        returns (bool isOk)
    {
        (isOk, curve.virtualBalance) =
            StaticRead.word(pool, CURVE_GAS, abi.encodeCall(IAaveV3Pool.getVirtualUnderlyingBalance, (asset)));
        if (!isOk) return false;
        (isOk, curve.deficit) = StaticRead.word(pool, CURVE_GAS, abi.encodeCall(IAaveV3Pool.getReserveDeficit, (asset)));
        if (!isOk) return false;
        (isOk, curve.scaledDebt) = StaticRead.word(
            StaticRead.toAccount(reserve.variableDebtToken),
            CURVE_GAS,
            abi.encodeCall(IAaveV3DebtToken.scaledTotalSupply, ())
        );
        if (!isOk) return false;
        (isOk, curve.totalATokenSupply) =
            StaticRead.word(StaticRead.toAccount(reserve.aToken), CURVE_GAS, abi.encodeCall(IERC20.totalSupply, ()));
    }

    function _morpho(address morpho, address strategy, address asset)
        private
        view
        returns (bool isOk, MorphoBlueCurve memory curve)
    {
        bytes memory answer;
        (isOk, answer) = StaticRead.words(strategy, CURVE_GAS, abi.encodeCall(IMorphoStrategy.marketParams, ()), 5);
        if (!isOk) return (false, curve);
        MorphoMarketParams memory parameters = abi.decode(answer, (MorphoMarketParams));
        if (StaticRead.toAccount(parameters.loanToken) != asset) return (false, curve);
        isOk = _morphoMarket(morpho, parameters, keccak256(answer), CURVE_GAS, curve);
    }

    function _morphoMarkets(address morpho, address strategy, address asset)
        private
        view
        returns (bool isOk, MorphoBlueMarketsCurve memory curve)
    {
        uint256 count;
        (isOk, count) = StaticRead.word(strategy, MARKET_GAS, abi.encodeCall(IMorphoMarketsStrategy.marketCount, ()));
        if (!isOk || count == 0 || count > MOST_MARKETS) return (false, curve);
        MorphoBlueHolding[] memory markets = new MorphoBlueHolding[](count);
        curve.markets = markets;
        for (uint256 i = 0; i < count; ++i) {
            if (!_holding(morpho, strategy, asset, i, markets[i])) return (false, curve);
            for (uint256 j = 0; j < i; ++j) {
                if (markets[j].marketId == markets[i].marketId) return (false, curve);
            }
        }
    }

    function _holding(address morpho, address strategy, address asset, uint256 place, MorphoBlueHolding memory holding)
        private
        view
        returns (bool isOk)
    {
        bytes memory answer;
        (isOk, answer) =
            StaticRead.words(strategy, MARKET_GAS, abi.encodeCall(IMorphoMarketsStrategy.marketAt, (place)), 7);
        if (!isOk) return false;
        MorphoMarketParams memory parameters;
        (parameters, holding.cap, holding.supplyShares) = abi.decode(answer, (MorphoMarketParams, uint256, uint256));
        if (StaticRead.toAccount(parameters.loanToken) != asset) return false;
        holding.marketId = keccak256(abi.encode(parameters));
        isOk = _morphoMarket(morpho, parameters, holding.marketId, MARKET_GAS, holding.curve)
            && holding.supplyShares <= holding.curve.totalSupplyShares;
    }

    function _morphoMarket(
        address morpho,
        MorphoMarketParams memory parameters,
        bytes32 id,
        uint256 gasAllowance,
        MorphoBlueCurve memory curve
    ) private view returns (bool isOk) {
        bytes memory answer;
        (isOk, answer) = StaticRead.words(morpho, gasAllowance, abi.encodeCall(IMorphoMarkets.market, (id)), 6);
        if (!isOk) return false;
        MorphoMarketState memory state = abi.decode(answer, (MorphoMarketState));
        // Zero: Morpho has no such market.
        if (state.lastUpdateAt == 0 || !_isPast(state.lastUpdateAt)) return false;
        curve.totalSupplyAssets = state.totalSupplyAssets;
        curve.totalSupplyShares = state.totalSupplyShares;
        curve.totalBorrowAssets = state.totalBorrowAssets;
        curve.totalBorrowShares = state.totalBorrowShares;
        curve.lastUpdateAt = state.lastUpdateAt;
        curve.feeWad = state.feeWad;
        uint256 rate;
        (isOk, rate) = StaticRead.word(
            StaticRead.toAccount(parameters.irm), gasAllowance, abi.encodeCall(IAdaptiveCurve.rateAtTarget, (id))
        );
        // The model answers a signed number in one word.
        // forge-lint: disable-next-line(unsafe-typecast)
        curve.rateAtTargetWad = int256(rate);
    }

    function _isPast(uint256 at) private view returns (bool) {
        // Seconds of leeway for a block's maker do not matter: nothing honest lies in the future.
        // forge-lint: disable-next-line(block-timestamp)
        return at <= block.timestamp;
    }
}
