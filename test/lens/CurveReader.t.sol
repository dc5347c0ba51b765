// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {
    AaveV3Curve,
    CurveSource,
    MorphoBlueCurve,
    MorphoBlueHolding,
    MorphoBlueMarketsCurve,
    StrategyView,
    VaultQuery
} from "../../contracts/interfaces/ITreasuryLens.sol";
import {TreasuryLens} from "../../contracts/lens/TreasuryLens.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {BaseTest} from "../Base.t.sol";
import {FixedAnswers, TaughtStrategy} from "./mocks/CurveStrategies.sol";

/// Which raw words the lens takes for a curve, and that whatever does not fit together is an unknown curve. Selectors
/// and layouts are written out here from the venues' published ABIs, independent of the lens's own interfaces; the real
/// venues answer the lens in the end-to-end tests.
contract CurveReaderTest is BaseTest {
    TreasuryLens private _lens;
    TreasuryVault private _vault;
    TaughtStrategy private _strategy;
    FixedAnswers private _venue;
    FixedAnswers private _part;

    function setUp() public override {
        super.setUp();
        _lens = new TreasuryLens();
        PolicyGuard guard;
        (_vault, guard) = _deployTreasury("curves");
        _strategy = new TaughtStrategy(asset);
        _venue = new FixedAnswers();
        _part = new FixedAnswers();
        address[] memory list = new address[](1);
        list[0] = address(_strategy);
        _adopt(guard, _policy(list));
    }

    // Aave V3

    function test_ReadAave_TakesEachWordFromItsPlace() public {
        _teachAave(_reserve());
        StrategyView memory seen = _read();
        assertEq(uint8(seen.curveSource), uint8(CurveSource.AaveV3));
        AaveV3Curve memory curve = abi.decode(seen.curve, (AaveV3Curve));
        assertEq(curve.configuration, 100);
        assertEq(curve.liquidityIndexRay, 101);
        assertEq(curve.variableBorrowIndexRay, 103);
        assertEq(curve.variableBorrowRateRay, 104);
        assertEq(curve.lastUpdateAt, block.timestamp);
        assertEq(curve.accruedToTreasury, 112);
        assertEq(curve.optimalUsageRay, 201);
        assertEq(curve.baseRateRay, 202);
        assertEq(curve.slope1Ray, 203);
        assertEq(curve.slope2Ray, 204);
        assertEq(curve.virtualBalance, 301);
        assertEq(curve.deficit, 302);
        assertEq(curve.scaledDebt, 303);
        assertEq(curve.totalATokenSupply, 304);
    }

    function test_ReadAave_UnknownWhenPoolKnowsAnotherToken() public {
        uint256[15] memory reserve = _reserve();
        reserve[8] = uint160(makeAddr("another"));
        _teachAave(reserve);
        _requireUnknown();
    }

    function test_ReadAave_UnknownWhenTouchedInTheFuture() public {
        uint256[15] memory reserve = _reserve();
        reserve[6] = block.timestamp + 1;
        _teachAave(reserve);
        _requireUnknown();
    }

    function test_ReadAave_UnknownWhenAnAddressIsNone() public {
        uint256[15] memory reserve = _reserve();
        reserve[10] = type(uint256).max;
        _teachAave(reserve);
        _requireUnknown();
    }

    function test_ReadAave_UnknownWhenReserveIsShort() public {
        _teachAave(_reserve());
        _venue.set(_selector("getReserveData(address)"), new bytes(14 * 32));
        _requireUnknown();
    }

    function test_ReadAave_UnknownWhenAnyPartIsMissing() public {
        bytes4[4] memory parts = [
            _selector("getReserveData(address)"),
            _selector("RESERVE_INTEREST_RATE_STRATEGY()"),
            _selector("getVirtualUnderlyingBalance(address)"),
            _selector("getReserveDeficit(address)")
        ];
        for (uint256 i = 0; i < parts.length; ++i) {
            _teachAave(_reserve());
            _venue.set(parts[i], "");
            _requireUnknown();
        }
        _teachAave(_reserve());
        _part.set(_selector("getInterestRateData(address)"), "");
        _requireUnknown();
        _teachAave(_reserve());
        _part.set(_selector("scaledTotalSupply()"), "");
        _requireUnknown();
        _teachAave(_reserve());
        _strategy.set(_selector("aToken()"), "");
        _requireUnknown();
    }

    // Morpho Blue

    function test_ReadMorpho_TakesEachWordFromItsPlace() public {
        bytes32 id = _teachMorpho(address(asset), block.timestamp, 19);
        StrategyView memory seen = _read();
        assertEq(uint8(seen.curveSource), uint8(CurveSource.MorphoBlue));
        MorphoBlueCurve memory curve = abi.decode(seen.curve, (MorphoBlueCurve));
        assertEq(curve.totalSupplyAssets, 11);
        assertEq(curve.totalSupplyShares, 12);
        assertEq(curve.totalBorrowAssets, 13);
        assertEq(curve.totalBorrowShares, 14);
        assertEq(curve.lastUpdateAt, block.timestamp);
        assertEq(curve.feeWad, 16);
        assertEq(curve.rateAtTargetWad, 19);
        vm.expectCall(address(_venue), abi.encodeWithSelector(_selector("market(bytes32)"), id));
        vm.expectCall(address(_part), abi.encodeWithSelector(_selector("rateAtTarget(bytes32)"), id));
        _read();
    }

    function test_ReadMorpho_UnknownWhenItLendsAnotherToken() public {
        _teachMorpho(makeAddr("another"), block.timestamp, 19);
        _requireUnknown();
    }

    function test_ReadMorpho_UnknownWhenMarketDoesNotExist() public {
        _teachMorpho(address(asset), 0, 19);
        _requireUnknown();
    }

    function test_ReadMorpho_UnknownWhenTouchedInTheFuture() public {
        _teachMorpho(address(asset), block.timestamp + 1, 19);
        _requireUnknown();
    }

    function test_ReadMorpho_UnknownUnderAnotherRateModel() public {
        _teachMorpho(address(asset), block.timestamp, 19);
        _part.set(_selector("rateAtTarget(bytes32)"), "");
        _requireUnknown();
    }

    // Several markets of Morpho Blue

    function test_ReadMarkets_TakesEachWordFromItsPlace() public {
        for (uint256 count = 1; count <= 8; ++count) {
            bytes32[] memory ids = _teachMarkets(count);
            StrategyView memory seen = _read();
            assertEq(uint8(seen.curveSource), uint8(CurveSource.MorphoBlueMarkets));
            MorphoBlueHolding[] memory markets = abi.decode(seen.curve, (MorphoBlueMarketsCurve)).markets;
            assertEq(markets.length, count);
            for (uint256 i = 0; i < count; ++i) {
                assertEq(markets[i].marketId, ids[i]);
                assertEq(markets[i].cap, 1000 + i);
                assertEq(markets[i].supplyShares, 100 + i);
                assertEq(markets[i].curve.totalSupplyAssets, 2000 + i);
                assertEq(markets[i].curve.totalSupplyShares, 3000 + i);
                assertEq(markets[i].curve.totalBorrowAssets, 4000 + i);
                assertEq(markets[i].curve.totalBorrowShares, 5000 + i);
                assertEq(markets[i].curve.lastUpdateAt, block.timestamp - i);
                assertEq(markets[i].curve.feeWad, 6000 + i);
                // A few thousand.
                // forge-lint: disable-next-line(unsafe-typecast)
                assertEq(markets[i].curve.rateAtTargetWad, int256(7000 + i));
            }
        }
    }

    function test_ReadMarkets_OneMarketByItselfComesFirst() public {
        _teachMarkets(3);
        _teachMorpho(address(asset), block.timestamp, 19);
        assertEq(uint8(_read().curveSource), uint8(CurveSource.MorphoBlue));
    }

    function test_ReadMarkets_UnknownWhenTheCountIsNoneOrTooMany() public {
        uint256[4] memory counts = [uint256(0), 9, 4, type(uint256).max];
        for (uint256 i = 0; i < counts.length; ++i) {
            // Of four only three are told.
            _teachMarkets(3);
            _strategy.set(_selector("marketCount()"), abi.encode(counts[i]));
            _requireUnknown();
        }
        _teachMarkets(3);
        _strategy.set(_selector("marketCount()"), hex"03");
        _requireUnknown();
    }

    function test_ReadMarkets_UnknownWhenAnEntryIsShort() public {
        _teachMarkets(3);
        _strategy.setFor(_marketAt(1), new bytes(6 * 32 + 31));
        _requireUnknown();
    }

    function test_ReadMarkets_UnknownWhenOneLendsAnotherToken() public {
        _teachMarkets(3);
        _strategy.setFor(_marketAt(2), bytes.concat(_marketParams(makeAddr("another"), 2), abi.encode(1002, 102)));
        _requireUnknown();
    }

    function test_ReadMarkets_UnknownWhenOneStandsThereTwice() public {
        _teachMarkets(3);
        _strategy.setFor(_marketAt(2), bytes.concat(_marketParams(address(asset), 0), abi.encode(1002, 102)));
        _requireUnknown();
    }

    function test_ReadMarkets_UnknownWhenMoreIsHeldThanThereIs() public {
        _teachMarkets(3);
        _strategy.setFor(_marketAt(1), bytes.concat(_marketParams(address(asset), 1), abi.encode(1001, 3001)));
        assertEq(uint8(_read().curveSource), uint8(CurveSource.MorphoBlueMarkets), "all of it");
        _strategy.setFor(_marketAt(1), bytes.concat(_marketParams(address(asset), 1), abi.encode(1001, 3002)));
        _requireUnknown();
    }

    function test_ReadMarkets_UnknownWhenAnyMarketIsBroken() public {
        bytes32[] memory ids = _teachMarkets(3);
        bytes memory asked = abi.encodeWithSelector(_selector("market(bytes32)"), ids[2]);
        _venue.setFor(asked, abi.encode(1, 102, 3, 4, 0, 6));
        _requireUnknown();
        _venue.setFor(asked, abi.encode(1, 102, 3, 4, block.timestamp + 1, 6));
        _requireUnknown();
        _venue.setFor(asked, abi.encode(1, 102, 3, 4, block.timestamp));
        _requireUnknown();
        ids = _teachMarkets(3);
        _part.setFor(abi.encodeWithSelector(_selector("rateAtTarget(bytes32)"), ids[1]), hex"00");
        _requireUnknown();
    }

    function test_ReadMarkets_EatenGasIsUnknownAndBounded() public {
        _teachMarkets(8);
        bytes4[3] memory eaters =
            [_selector("marketCount()"), _selector("marketAt(uint256)"), _selector("market(bytes32)")];
        for (uint256 i = 0; i < eaters.length; ++i) {
            _strategy.eatGasAt(eaters[i]);
            _venue.eatGasAt(eaters[i]);
            uint256 given = gasleft();
            _requireUnknown();
            assertLt(given - gasleft(), 2_000_000);
        }
    }

    function testFuzz_ReadMarkets_BearsAnyAnswers(bytes memory a, bytes memory b, uint256 count, uint8 flags) public {
        bytes32[] memory ids = _teachMarkets(3);
        if (flags & 1 != 0) _strategy.set(_selector("marketCount()"), abi.encode(count % 12));
        if (flags & 2 != 0) _strategy.set(_selector("marketCount()"), a);
        if (flags & 4 != 0) _strategy.setFor(_marketAt(1), b);
        if (flags & 8 != 0) _venue.setFor(abi.encodeWithSelector(_selector("market(bytes32)"), ids[1]), a);
        if (flags & 16 != 0) _part.setFor(abi.encodeWithSelector(_selector("rateAtTarget(bytes32)"), ids[0]), b);
        if (flags & 32 != 0) _strategy.set(_selector("morpho()"), b);
        assertTrue(_read().isReadable);
    }

    function testFuzz_Read_BearsAnyAnswers(bytes memory a, bytes memory b, bytes memory c, uint8 flags) public {
        _teachAave(_reserve());
        _teachMorpho(address(asset), block.timestamp, 19);
        if (flags & 1 != 0) _strategy.set(_selector("POOL()"), a);
        if (flags & 2 != 0) _venue.set(_selector("getReserveData(address)"), b);
        if (flags & 4 != 0) _part.set(_selector("getInterestRateData(address)"), c);
        if (flags & 8 != 0) _strategy.set(_selector("morpho()"), b);
        if (flags & 16 != 0) _strategy.set(_selector("marketParams()"), c);
        if (flags & 32 != 0) _venue.set(_selector("market(bytes32)"), a);
        assertTrue(_read().isReadable);
    }

    /// @dev Word i is 100 + i, but for those that must make sense.
    function _reserve() private view returns (uint256[15] memory reserve) {
        for (uint256 i = 0; i < 15; ++i) {
            reserve[i] = 100 + i;
        }
        reserve[6] = block.timestamp;
        reserve[8] = uint160(address(_part));
        reserve[10] = uint160(address(_part));
    }

    function _teachAave(uint256[15] memory reserve) private {
        _strategy.set(_selector("POOL()"), abi.encode(_venue));
        _strategy.set(_selector("aToken()"), abi.encode(_part));
        _venue.set(_selector("getReserveData(address)"), abi.encode(reserve));
        _venue.set(_selector("RESERVE_INTEREST_RATE_STRATEGY()"), abi.encode(_part));
        _venue.set(_selector("getVirtualUnderlyingBalance(address)"), abi.encode(301));
        _venue.set(_selector("getReserveDeficit(address)"), abi.encode(302));
        _part.set(_selector("getInterestRateData(address)"), abi.encode(201, 202, 203, 204));
        _part.set(_selector("scaledTotalSupply()"), abi.encode(303));
        _part.set(_selector("totalSupply()"), abi.encode(304));
    }

    function _teachMorpho(address loanToken, uint256 lastUpdateAt, int256 rate) private returns (bytes32 id) {
        bytes memory params = abi.encode(loanToken, makeAddr("collateral"), makeAddr("oracle"), _part, 0.86e18);
        _strategy.set(_selector("morpho()"), abi.encode(_venue));
        _strategy.set(_selector("marketParams()"), params);
        _venue.set(_selector("market(bytes32)"), abi.encode(11, 12, 13, 14, lastUpdateAt, 16));
        _part.set(_selector("rateAtTarget(bytes32)"), abi.encode(rate));
        return keccak256(params);
    }

    /// @dev Numbers that tell field and market.
    function _teachMarkets(uint256 count) private returns (bytes32[] memory ids) {
        ids = new bytes32[](count);
        _strategy.set(_selector("morpho()"), abi.encode(_venue));
        _strategy.set(_selector("marketCount()"), abi.encode(count));
        for (uint256 i = 0; i < count; ++i) {
            bytes memory params = _marketParams(address(asset), i);
            ids[i] = keccak256(params);
            _strategy.setFor(_marketAt(i), bytes.concat(params, abi.encode(1000 + i, 100 + i)));
            _venue.setFor(
                abi.encodeWithSelector(_selector("market(bytes32)"), ids[i]),
                abi.encode(2000 + i, 3000 + i, 4000 + i, 5000 + i, block.timestamp - i, 6000 + i)
            );
            _part.setFor(abi.encodeWithSelector(_selector("rateAtTarget(bytes32)"), ids[i]), abi.encode(7000 + i));
        }
    }

    function _marketParams(address loanToken, uint256 place) private returns (bytes memory) {
        return abi.encode(loanToken, makeAddr("collateral"), makeAddr("oracle"), _part, 0.5e18 + place);
    }

    function _marketAt(uint256 place) private pure returns (bytes memory) {
        return abi.encodeWithSelector(_selector("marketAt(uint256)"), place);
    }

    function _selector(string memory signature) private pure returns (bytes4) {
        return bytes4(keccak256(bytes(signature)));
    }

    function _read() private view returns (StrategyView memory) {
        VaultQuery[] memory queries = new VaultQuery[](1);
        queries[0] = VaultQuery({vault: address(_vault), agent: AGENT});
        return _lens.read(queries, 0, 5_000_000).vaults[0].strategies[0];
    }

    function _requireUnknown() private view {
        StrategyView memory seen = _read();
        assertTrue(seen.isReadable, "amounts do not depend on the curve");
        assertEq(uint8(seen.curveSource), uint8(CurveSource.Unknown));
        assertEq(seen.curve.length, 0);
    }
}
