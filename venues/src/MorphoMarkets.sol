// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IMorpho, Id as MorphoId, MarketParams as MorphoMarketParams} from "morpho-blue/interfaces/IMorpho.sol";

import {AdaptiveCurveIrm} from "./AdaptiveCurveIrm.sol";
import {MorphoOracle} from "./MorphoOracle.sol";
import {MorphoConfig, Tokens} from "./World.sol";

/// @notice A Morpho Blue market and where it stands.
struct MorphoMarket {
    address morpho;
    bytes32 marketId;
    MorphoMarketParams params;
}

/// @title Markets of one Morpho Blue
/// @notice The caller must own `morpho`.
library MorphoMarkets {
    /// @notice Creates a market that lends the asset against the collateral under `irm`, with an oracle of its own, so
    /// that markets with the same terms are still different markets.
    function deploy(IMorpho morpho, AdaptiveCurveIrm irm, Tokens memory tokens, MorphoConfig memory config)
        internal
        returns (MorphoMarket memory market)
    {
        MorphoOracle oracle = new MorphoOracle(
            tokens.collateralFeed, tokens.assetFeed, tokens.collateral.decimals(), tokens.asset.decimals()
        );
        market.morpho = address(morpho);
        market.params = MorphoMarketParams({
            loanToken: address(tokens.asset),
            collateralToken: address(tokens.collateral),
            oracle: address(oracle),
            irm: address(irm),
            lltv: config.lltvWad
        });
        market.marketId = keccak256(abi.encode(market.params));
        if (!morpho.isLltvEnabled(config.lltvWad)) morpho.enableLltv(config.lltvWad);
        morpho.createMarket(market.params);
        if (config.feeWad != 0) morpho.setFee(market.params, config.feeWad);
        assert(morpho.market(MorphoId.wrap(market.marketId)).lastUpdate != 0);
    }
}
