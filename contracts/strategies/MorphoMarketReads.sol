// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {MorphoMarketMath} from "./MorphoMarketMath.sol";
import {IMorphoBlue, IMorphoIrm, Market, MarketParams} from "./interfaces/IMorphoBlue.sol";

/// @title Morpho Blue markets as they stand now
/// @notice Stored totals with the interest that Morpho has not counted yet.
library MorphoMarketReads {
    using MorphoMarketMath for Market;

    /// @notice The market accrued to now. Reverts when its rate model does.
    function accrued(address morpho, bytes32 id, MarketParams memory params)
        internal
        view
        returns (Market memory market)
    {
        market = IMorphoBlue(morpho).market(id);
        if (_isCurrent(market, params.irm)) return market;
        return market.accrued(IMorphoIrm(params.irm).borrowRateView(params, market), block.timestamp);
    }

    /// @notice The same, false when the rate model fails: Morpho itself does nothing with the market then.
    function tryAccrued(address morpho, bytes32 id, MarketParams memory params)
        internal
        view
        returns (bool, Market memory market)
    {
        market = IMorphoBlue(morpho).market(id);
        if (_isCurrent(market, params.irm)) return (true, market);
        try IMorphoIrm(params.irm).borrowRateView(params, market) returns (uint256 rateWad) {
            return (true, market.accrued(rateWad, block.timestamp));
        } catch {
            return (false, market);
        }
    }

    /// @dev Whether no interest is pending; a market without a rate model never has any.
    function _isCurrent(Market memory market, address irm) private view returns (bool) {
        // Equality decides only whether there is anything to compute.
        // slither-disable-start incorrect-equality
        // forge-lint: disable-next-line(block-timestamp)
        return block.timestamp == market.lastUpdate || irm == address(0);
        // slither-disable-end incorrect-equality
    }
}
