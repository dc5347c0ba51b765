// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {IMorpho, Id as MorphoId} from "morpho-blue/interfaces/IMorpho.sol";
import {MarketParams} from "vagus/strategies/interfaces/IMorphoBlue.sol";

import {AaveMarkets} from "../src/AaveMarkets.sol";
import {AdaptiveCurveIrm} from "../src/AdaptiveCurveIrm.sol";
import {MorphoMarket, MorphoMarkets} from "../src/MorphoMarkets.sol";
import {PriceFeed} from "../src/PriceFeed.sol";
import {AaveConfig, AaveMarket, MorphoConfig, Tokens} from "../src/World.sol";
import {WorldToken} from "../src/WorldToken.sol";

/// @notice Real venues for tests; the test contract owns everything.
abstract contract VenuesFixture is Test {
    Tokens internal tokens;
    IMorpho internal morpho;
    AdaptiveCurveIrm internal irm;

    function _deployTokens(uint8 assetDecimals) internal {
        vm.warp(1_800_000_000);
        tokens.asset = new WorldToken("World Dollar", "USDW", assetDecimals);
        tokens.collateral = new WorldToken("World Ether", "WETHW", 18);
        tokens.assetFeed = new PriceFeed(1e8);
        tokens.collateralFeed = new PriceFeed(3000e8);
    }

    function _deployAave(AaveConfig memory config) internal returns (AaveMarket memory) {
        return AaveMarkets.deploy(AaveMarkets.deployShared(address(this)), tokens, config, address(this));
    }

    /// @dev Once per test, before `_deployMorphoMarket`.
    function _deployMorpho() internal {
        morpho = IMorpho(vm.deployCode("Morpho.sol:Morpho", abi.encode(address(this))));
        irm = new AdaptiveCurveIrm(address(morpho));
        morpho.enableIrm(address(irm));
        morpho.setFeeRecipient(makeAddr("fee recipient"));
    }

    function _deployMorphoMarket(MorphoConfig memory config) internal returns (MorphoMarket memory) {
        return MorphoMarkets.deploy(morpho, irm, tokens, config);
    }

    /// @dev The market's parameters in the strategy's own type; the two have the same encoding.
    function _params(MorphoMarket memory market) internal pure returns (MarketParams memory) {
        return abi.decode(abi.encode(market.params), (MarketParams));
    }

    function _id(MorphoMarket memory market) internal pure returns (MorphoId) {
        return MorphoId.wrap(market.marketId);
    }
}
