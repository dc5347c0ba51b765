// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMorphoIrm, Market, MarketParams} from "vagus/strategies/interfaces/IMorphoBlue.sol";

/// @title An adaptive rate model for Morpho Blue
/// @notice Written from the published formula of Morpho's adaptive curve, whose contract is in no official package. At
/// the target utilisation of 90 % borrowers pay the *rate at target*; at 0 % a quarter, at 100 % four times of it. The
/// rate at
/// target itself grows while utilisation is above the target and falls while it is below, exponentially in time.
/// @dev All rates are per second, 1e18 = 100 %. Signed divisions truncate towards zero.
contract AdaptiveCurveIrm is IMorphoIrm {
    int256 private constant WAD = 1e18;
    /// @dev floor(ln 2 × 1e18).
    int256 private constant LN_2 = 0.693147180559945309e18;
    int256 private constant YEAR = 365 days;
    /// @dev Between these exponents lies every one whose result is not cut off by the rate's own limits, which are a
    /// factor of 2,000 apart (e^7.6); within them nothing overflows.
    int256 private constant MIN_EXPONENT = -40e18;
    int256 private constant MAX_EXPONENT = 90e18;

    /// @notice Borrowers pay up to this multiple of the rate at target, and no less than its inverse.
    int256 public constant CURVE_STEEPNESS = 4e18;
    /// @notice Utilisation at which the rate at target neither grows nor falls.
    int256 public constant TARGET_UTILIZATION = 0.9e18;
    /// @notice Speed of growth at full utilisation: 50 natural units a year.
    int256 public constant ADJUSTMENT_SPEED = 50e18 / YEAR;
    /// @notice Rate at target of a new market: 4 % a year.
    int256 public constant INITIAL_RATE_AT_TARGET = 0.04e18 / YEAR;
    /// @notice 0.1 % a year.
    int256 public constant MIN_RATE_AT_TARGET = 0.001e18 / YEAR;
    /// @notice 200 % a year.
    int256 public constant MAX_RATE_AT_TARGET = 2e18 / YEAR;

    /// @notice The only caller that may store a rate.
    address public immutable MORPHO;

    /// @notice Rate at target of each market as of its last update; zero for a market that never asked.
    mapping(bytes32 marketId => int256) public rateAtTarget;

    /// @notice A market asked for its rate.
    event BorrowRateUpdated(bytes32 indexed marketId, uint256 averageBorrowRate, uint256 rateAtTarget);

    /// @notice Caller is not Morpho.
    error NotMorpho(address caller);
    /// @notice Morpho's address is zero.
    error ZeroAddress();

    constructor(address morpho) {
        if (morpho == address(0)) revert ZeroAddress();
        MORPHO = morpho;
    }

    /// @inheritdoc IMorphoIrm
    function borrowRate(MarketParams calldata marketParams, Market calldata market) external returns (uint256) {
        if (msg.sender != MORPHO) revert NotMorpho(msg.sender);
        bytes32 marketId = keccak256(abi.encode(marketParams));
        (uint256 average, int256 endRateAtTarget) = _rates(marketId, market);
        rateAtTarget[marketId] = endRateAtTarget;
        // forge-lint: disable-next-line(unsafe-typecast) A rate at target lies between two positive limits.
        emit BorrowRateUpdated(marketId, average, uint256(endRateAtTarget));
        return average;
    }

    /// @inheritdoc IMorphoIrm
    function borrowRateView(MarketParams calldata marketParams, Market calldata market)
        external
        view
        returns (uint256 average)
    {
        (average,) = _rates(keccak256(abi.encode(marketParams)), market);
    }

    /// @dev The average borrow rate since the market's last update and the rate at target at its end.
    function _rates(bytes32 marketId, Market calldata market) private view returns (uint256, int256) {
        int256 deviation = _deviation(market);
        int256 start = rateAtTarget[marketId];
        int256 average = INITIAL_RATE_AT_TARGET;
        int256 end = INITIAL_RATE_AT_TARGET;
        if (start != 0) {
            // forge-lint: disable-next-line(unsafe-typecast) Times are far below 2^255.
            int256 elapsed = int256(block.timestamp - market.lastUpdate);
            // The published rounding: first a speed, then the growth from it.
            // forge-lint: disable-next-line(divide-before-multiply)
            int256 growth = (ADJUSTMENT_SPEED * deviation / WAD) * elapsed;
            average = end = start;
            if (growth != 0) {
                end = _grown(start, growth);
                // The mean over time by the trapezoidal rule over two halves.
                average = (start + end + 2 * _grown(start, growth / 2)) / 4;
            }
        }
        // forge-lint: disable-next-line(unsafe-typecast) The curve is at least a quarter of a positive rate.
        return (uint256(_curve(average, deviation)), end);
    }

    /// @dev Distance of utilisation from the target: -1e18 at no borrows, 0 at the target, 1e18 at full utilisation.
    function _deviation(Market calldata market) private pure returns (int256) {
        if (market.totalSupplyAssets == 0) return -WAD;
        // forge-lint: disable-next-line(unsafe-typecast) 2^128 × 1e18 is below 2^255.
        int256 utilization = int256(uint256(market.totalBorrowAssets) * 1e18 / market.totalSupplyAssets);
        int256 span = utilization > TARGET_UTILIZATION ? WAD - TARGET_UTILIZATION : TARGET_UTILIZATION;
        return (utilization - TARGET_UTILIZATION) * WAD / span;
    }

    /// @dev Borrow rate at a deviation, for a rate at target.
    function _curve(int256 rate, int256 deviation) private pure returns (int256) {
        int256 slope = deviation < 0 ? WAD - WAD * WAD / CURVE_STEEPNESS : CURVE_STEEPNESS - WAD;
        return (slope * deviation / WAD + WAD) * rate / WAD;
    }

    /// @dev A rate at target after growth by e^exponent, within its limits.
    function _grown(int256 rate, int256 exponent) private pure returns (int256) {
        int256 grown = rate * _exp(exponent) / WAD;
        if (grown < MIN_RATE_AT_TARGET) return MIN_RATE_AT_TARGET;
        return grown > MAX_RATE_AT_TARGET ? MAX_RATE_AT_TARGET : grown;
    }

    /// @dev e^x as 2^q × (1 + r + r²/2), where x = q × ln 2 + r and r lies within ± ln 2 / 2.
    function _exp(int256 x) private pure returns (int256) {
        if (x < MIN_EXPONENT) x = MIN_EXPONENT;
        if (x > MAX_EXPONENT) x = MAX_EXPONENT;
        int256 q = (x + (x < 0 ? -(LN_2 / 2) : LN_2 / 2)) / LN_2;
        int256 r = x - q * LN_2;
        int256 expR = WAD + r + (r * r / WAD) / 2;
        // q lies between -58 and 130, and expR, 2e18 at most, fits with it.
        // forge-lint: disable-next-line(unsafe-typecast)
        return q >= 0 ? expR << uint256(q) : expR >> uint256(-q);
    }
}
