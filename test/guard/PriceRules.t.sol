// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Policy, StrategyPolicy} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";
import {MockStrategy} from "./mocks/MockStrategy.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice R13 and the reference that it compares with. The band is 1 %, the first reference 1:1, the strategy's real
/// price 1:1; a preview that lies by a chosen amount makes any other.
contract PriceRulesTest is GuardFixture {
    uint256 private constant ONE = 1 << 128;
    uint256 private constant HELD = 200_000 * UNIT;

    uint256 private adoptedAt;
    uint256 private seenAt;

    function setUp() public override {
        super.setUp();
        Policy memory policy = defaultPolicy();
        policy.limits.maxGrowthWad = 0.004e18;
        start(policy);
        adoptedAt = START + 1 hours;
        rebalance(moves(deposits(0, HELD)));
        seenAt = block.timestamp;
        skip(1 hours);
    }

    function test_Rebalance_WithdrawsAtTheLowerEdge() public {
        uint256 bound = HELD * 99 / 100;
        // One unit of grace below the bound.
        _setValue(bound - 2);
        refuses(AGENT, moves(withdraws(0, 100)), Rule.Price, bound - 2, bound);
        _setValue(bound - 1);
        rebalance(moves(withdraws(0, 100)));
        assertEq(strategies[0].balanceOf(address(vault)), HELD - 100);
    }

    function test_Rebalance_WithdrawsAtAnyHighPrice() public {
        _setValue(HELD * 5);
        rebalance(moves(withdraws(0, 100)));
        assertEq(strategies[0].balanceOf(address(vault)), HELD - 100);
    }

    function test_Rebalance_DepositsAtTheLowerEdge() public {
        uint256 bound = (HELD + 1000) * 99 / 100;
        _setValue(bound - 2 - 1000);
        refuses(AGENT, moves(deposits(0, 1000)), Rule.Price, bound - 2, bound);
        _setValue(bound - 1 - 1000);
        rebalance(moves(deposits(0, 1000)));
        assertEq(strategies[0].balanceOf(address(vault)), HELD + 1000);
    }

    function test_Rebalance_DepositsAtTheUpperEdge() public {
        // One unit of grace above the bound.
        uint256 bound = (HELD + 1000) * 101 / 100 + 1;
        _setValue(bound + 1 - 1000);
        refuses(AGENT, moves(deposits(0, 1000)), Rule.Price, bound + 1, bound);
        _setValue(bound - 1000);
        rebalance(moves(deposits(0, 1000)));
        assertEq(strategies[0].balanceOf(address(vault)), HELD + 1000);
    }

    function test_RevertWhen_LossAndPriceRefuse_LossIsNamed() public {
        strategies[0].setNextDepositHaircut(HELD / 2);
        refuses(AGENT, moves(deposits(0, 1000)), Rule.Loss, HELD / 2, DEPOSIT / 100);
    }

    function test_RevertWhen_AStrategyReportsAnAbsurdValue_ItIsARefusalAndNoPanic() public {
        uint256 value = 1 << 254;
        _setValue(value);
        refuses(AGENT, moves(deposits(0, 1)), Rule.Weight, value + 1, DEPOSIT / 2);
        rebalance(moves(withdraws(0, 100)));
        assertEq(strategies[0].balanceOf(address(vault)), HELD - 100);
    }

    // The reference

    function test_Reference_StartsFromThePolicy() public view {
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(guard.strategyStates()[i].strategy, address(strategies[i]));
            assertEq(guard.strategyStates()[i].referencePrice, ONE);
            assertEq(guard.strategyStates()[i].referenceAt, adoptedAt);
        }
    }

    function test_Reference_FollowsAtMostOnceADay() public {
        vm.warp(adoptedAt + 1 days - 1);
        vault.checkpoint();
        _setValue(HELD * 1001 / 1000);
        rebalance(moves(withdraws(0, 100)));
        assertEq(guard.strategyStates()[0].referencePrice, ONE);
        skip(60);
        _setValue(HELD * 1001 / 1000);
        uint256 shares = strategies[0].balanceOf(address(vault));
        uint256 value = strategies[0].previewRedeem(shares);
        rebalance(moves(withdraws(0, 100)));
        assertEq(guard.strategyStates()[0].referencePrice, _storedDown(ONE * value / shares));
        assertEq(guard.strategyStates()[0].referenceAt, block.timestamp);
        assertEq(guard.strategyStates()[1].referencePrice, ONE);
        assertEq(guard.strategyStates()[1].referenceAt, adoptedAt);
    }

    function test_Reference_FollowsUpNoFasterThanGrowth() public {
        vm.warp(adoptedAt + 1 days);
        vault.checkpoint();
        _setValue(HELD * 1009 / 1000);
        rebalance(moves(deposits(0, 1)));
        assertEq(guard.strategyStates()[0].referencePrice, _storedDown(ONE + ONE * 4 / 1000));
    }

    function test_Reference_FollowsDownNoFasterThanGrowth() public {
        vm.warp(adoptedAt + 1.5 days);
        vault.checkpoint();
        _setValue(HELD * 991 / 1000);
        rebalance(moves(withdraws(0, 1)));
        assertEq(guard.strategyStates()[0].referencePrice, _storedDown(ONE - ONE * 6 / 1000));
    }

    function test_Reference_IsNotDraggedByDust() public {
        // Of a price of 1.5, a few shares show nothing but rounding.
        Policy memory policy = defaultPolicy();
        policy.strategies[1].referenceAssets = 3;
        policy.strategies[1].referenceShares = 2;
        deployTreasury();
        start(policy);
        asset.mint(STRANGER, 100 * UNIT);
        vm.startPrank(STRANGER);
        asset.approve(address(strategies[1]), 100 * UNIT);
        strategies[1].deposit(100 * UNIT, STRANGER);
        asset.mint(address(strategies[1]), 50 * UNIT);
        vm.stopPrank();
        rebalance(moves(deposits(1, 2)));
        assertEq(strategies[1].balanceOf(address(vault)), 1);
        assertEq(strategies[1].previewRedeem(1), 1);
        skip(2 days);
        vault.checkpoint();
        rebalance(moves(withdraws(1, 1)));
        assertEq(guard.strategyStates()[1].referencePrice, ONE * 3 / 2);
        assertEq(guard.strategyStates()[1].referenceAt, block.timestamp);
    }

    function test_Reference_StaysWithoutShares() public {
        rebalance(moves(withdraws(0, ALL_ASSETS)));
        vm.warp(adoptedAt + 1 days);
        vault.checkpoint();
        rebalance(moves(withdraws(0, ALL_ASSETS)));
        assertEq(guard.strategyStates()[0].referenceAt, adoptedAt);
    }

    function test_Reference_IsMovedByNoAdoption() public {
        vm.warp(adoptedAt + 1 days);
        vault.checkpoint();
        _setValue(HELD * 1009 / 1000);
        rebalance(moves(deposits(0, 1)));
        uint256 price = guard.strategyStates()[0].referencePrice;
        uint256 at = guard.strategyStates()[0].referenceAt;

        Policy memory policy = defaultPolicy();
        StrategyPolicy[] memory all = policy.strategies;
        // Out of the list, and back with another reference.
        policy.strategies = new StrategyPolicy[](1);
        policy.strategies[0] = all[1];
        policy.agents[0].scope = 1;
        policy.agents[1].scope = 1;
        adopt(policy);
        assertEq(guard.strategyStates().length, 1);
        policy.strategies = all;
        all[0].referenceAssets = 7;
        adopt(policy);
        assertEq(guard.strategyStates()[0].referencePrice, price);
        assertEq(guard.strategyStates()[0].referenceAt, at);
    }

    function test_Reference_StaysItsOwnWhateverTheOrder() public {
        Policy memory policy = defaultPolicy();
        for (uint256 i = 0; i < policy.strategies.length; ++i) {
            // A few.
            // forge-lint: disable-next-line(unsafe-typecast)
            policy.strategies[i].referenceAssets = uint128(i + 1);
            policy.strategies[i].referenceShares = 1;
        }
        deployTreasury();
        start(policy);
        StrategyPolicy[] memory all = policy.strategies;
        // A new strategy at the head of the list, the others behind it, the last one first.
        MockStrategy another = new MockStrategy(asset, "S");
        policy.strategies = new StrategyPolicy[](all.length + 1);
        policy.strategies[0] = abi.decode(abi.encode(all[0]), (StrategyPolicy));
        policy.strategies[0].strategy = address(another);
        policy.strategies[0].referenceAssets = 100;
        for (uint256 i = 0; i < all.length; ++i) {
            policy.strategies[i + 1] = all[all.length - 1 - i];
            policy.strategies[i + 1].referenceAssets = 50;
        }
        adopt(policy);
        assertEq(guard.strategyStates()[0].referencePrice, 100 * ONE);
        for (uint256 i = 0; i < all.length; ++i) {
            assertEq(guard.strategyStates()[i + 1].strategy, address(strategies[all.length - 1 - i]));
            assertEq(guard.strategyStates()[i + 1].referencePrice, (all.length - i) * ONE);
        }
    }

    function test_Reference_FollowersOfOneSlotLeaveEachOtherAlone() public {
        rebalance(moves(deposits(1, 100 * UNIT)));
        vm.warp(adoptedAt + 1 days);
        vault.checkpoint();
        _setValue(HELD * 1002 / 1000);
        rebalance(moves(withdraws(0, 1), deposits(1, 1)));
        uint256 price = guard.strategyStates()[0].referencePrice;
        assertGt(price, ONE);
        assertEq(guard.strategyStates()[0].referenceAt, block.timestamp);
        assertEq(guard.strategyStates()[1].referencePrice, ONE);
        assertEq(guard.strategyStates()[1].referenceAt, block.timestamp);
        vm.warp(adoptedAt + 3 days);
        vault.checkpoint();
        rebalance(moves(deposits(1, 1)));
        assertEq(guard.strategyStates()[0].referencePrice, price);
        assertEq(guard.strategyStates()[0].referenceAt, adoptedAt + 1 days);
        assertEq(guard.strategyStates()[1].referenceAt, block.timestamp);
    }

    /// @dev The 44 highest bits of a price between 2^127 and 2^129.
    function _storedDown(uint256 price) private pure returns (uint256) {
        uint256 unit = price < ONE ? 1 << 84 : 1 << 85;
        return price / unit * unit;
    }

    /// @dev Makes the vault's position preview as `value`.
    function _setValue(uint256 value) private {
        uint256 real = strategies[0].convertToAssets(strategies[0].balanceOf(address(vault)));
        strategies[0].setPreviewOffset(SafeCast.toInt256(value) - SafeCast.toInt256(real));
    }
}
