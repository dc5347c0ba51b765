// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Policy} from "../../contracts/types/Policy.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {Arena} from "./Arena.sol";

/// @notice Lends 80 % of what an ERC-4626 says its shares are worth, as the victims of several incidents did.
contract CollateralLender {
    function limitOf(IERC4626 collateral, address borrower) external view returns (uint256) {
        return collateral.convertToAssets(collateral.balanceOf(borrower)) * 8 / 10;
    }
}

/// @notice Attacks on what a share costs and what it pays: gifts, first entries, roundings.
contract SharePriceIncidents is Arena {
    uint256 private constant GIFT = 300_000 * UNIT;

    function test_Incident01_Resupply_DonationToAnEmptyVaultTakesNothingFromTheNext(uint256 gift) public {
        gift = bound(gift, 1, 1e15);
        _open(6);
        asset.mint(THIEF, 1 + gift);
        _enterNow(THIEF, 1);
        vm.prank(THIEF);
        assertTrue(asset.transfer(address(vault), gift));

        uint256 paid = 10_000 * UNIT;
        _enter(vault, ALICE, paid);

        // At most one unit of shares is lost to rounding: the whole of the vault over 2 × 10^6 of them.
        uint256 oneShare = (gift + 1) / (2 * 10 ** 6) + 2;
        assertGe(_worthInKind(ALICE), paid - oneShare, "the next depositor");
        uint256 most = gift / 2 + oneShare + 1;
        assertLe(_worthInKind(THIEF), most, "the thief gave at least half of it away");
        assertLe(_worth(THIEF), most, "and gets no more by redeeming");
    }

    function test_Incident01_Resupply_RateNeverRoundsToZero() public {
        _open(6);
        asset.mint(THIEF, 1);
        _enterNow(THIEF, 1);
        asset.mint(address(vault), 1e19);

        uint256 paid = 1000 * UNIT;
        asset.mint(ALICE, paid);
        vm.startPrank(ALICE);
        asset.approve(address(vault), paid);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.ZeroResult.selector, paid));
        vault.deposit(paid, ALICE);
        vm.stopPrank();
        assertEq(asset.balanceOf(ALICE), paid);
    }

    function test_Incident02_Venus_JumpedRateIsNotPaidOut() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        _enter(vault, THIEF, HONEST);
        vault.checkpoint();
        uint256 honest = _worth(ALICE) + _worth(BOB);
        uint256 thief = _worth(THIEF);

        steady.gain(300_000 * UNIT); // +60 %
        _leave(THIEF);
        steady.lose(300_000 * UNIT);

        assertLe(asset.balanceOf(THIEF), thief, "the thief");
        assertGe(_worth(ALICE) + _worth(BOB), honest - 2, "the others");
    }

    function test_Incident02_Venus_JumpedRateIsNotBoughtInto() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        steady.gain(300_000 * UNIT);
        uint256 idle = asset.balanceOf(address(vault));

        _assertRefused(_one(_in(0, 100_000 * UNIT)), Rule.Price, "into the jump");
        assertEq(asset.balanceOf(address(vault)), idle);
        _assertRefused(_one(_out(0, 100_000 * UNIT)), Rule.None, "out of it");
    }

    function test_Incident03_VenusTHE_GiftCountsTowardsTheCap() public {
        Policy memory policy = _terms();
        policy.strategies[0].cap = 200_000e6;
        _impose(policy);
        _rebalance(_one(_in(0, 190_000 * UNIT)));

        _supply(steady, THIEF, 30_000 * UNIT, THIEF);
        uint256 gift = steady.balanceOf(THIEF);
        vm.prank(THIEF);
        assertTrue(steady.transfer(address(vault), gift));

        // 195,000 by what was supplied, 225,000 by what is held.
        _assertRefused(_one(_in(0, 5000 * UNIT)), Rule.Weight, "past the cap");
        guard.trim(0);
        assertLe(_position(steady), 200_000 * UNIT, "back at the cap");
        assertEq(asset.balanceOf(THIEF), 0, "the gift is gone");
        assertGe(_worthInKind(ALICE) + _worthInKind(BOB), HONEST, "the others");
    }

    function test_Incident04_SDola_DonationRaisesNoBorrowingLimit() public {
        CollateralLender lender = new CollateralLender();
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        _enter(vault, THIEF, 100_000 * UNIT);
        vault.checkpoint();
        uint256 limit = lender.limitOf(vault, THIEF);

        steady.gain(GIFT);
        assertEq(lender.limitOf(vault, THIEF), limit, "in the same block");
        vault.checkpoint();
        assertEq(lender.limitOf(vault, THIEF), limit, "refreshed in the same block");

        _nextBlock();
        vault.checkpoint();
        // A unit and a part in 2^55, which is what a stored price rounds by.
        uint256 growth = limit * BLOCK_SECONDS / 100 / 1 days + 2;
        assertLe(lender.limitOf(vault, THIEF), limit + growth, "one per cent a day at most");
    }

    function test_Incident05_ResolvFollowUp_SupplyOnBehalfMovesNoPrice() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        _enter(vault, THIEF, 100_000 * UNIT);
        vault.checkpoint();
        uint256 total = vault.totalAssets();
        uint256 thief = _worth(THIEF);
        uint256 live = vault.navState().liveAssets;

        _supply(steady, makeAddr("third party"), GIFT, address(vault));
        assertEq(vault.navState().liveAssets, live + GIFT, "the live value sees it");
        assertEq(vault.totalAssets(), total, "the net asset value does not");
        assertLe(_worth(THIEF), thief, "nobody can sell it");

        skip(1 hours);
        vault.checkpoint();
        assertLe(vault.totalAssets(), total + total / 100 / 24 + 2, "one per cent a day at most");
    }

    function test_Incident05_ResolvFollowUp_DepeggedMarketGetsNoMoreMoney() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        // 15 % down, where 10 % are tolerated: what an allocator that follows yield would have fed.
        steady.lose(75_000 * UNIT);
        uint256 idle = asset.balanceOf(address(vault));
        _assertRefused(_one(_in(0, 100_000 * UNIT)), Rule.Price, "in");
        assertEq(asset.balanceOf(address(vault)), idle);

        // Reductions pass: the guardian's pull, and every exit.
        uint256 position = _position(steady);
        vm.prank(GUARDIAN);
        assertEq(guard.pull(0, type(uint128).max, position), position, "the guardian takes it home");
        assertApproxEqAbs(_worth(ALICE) + _worth(BOB), HONEST - 75_000 * UNIT, 2, "the loss is shared");
    }

    function test_Incident06_YearnYETH_DrainedVaultIsNotEnteredAtTheFirstPrice() public {
        _rebalance(_one(_in(0, 500_000 * UNIT)));
        vault.checkpoint();
        // A gain that nobody takes along: everybody leaves in the same block.
        steady.gain(50_000 * UNIT);
        _leave(ALICE);
        _leave(BOB);
        assertEq(vault.totalSupply(), 0);
        assertGe(_money(), 49_000 * UNIT, "something is left behind");

        uint256 stake = HONEST;
        asset.mint(THIEF, stake);
        uint256 shares = _enterNow(THIEF, stake);
        assertLt(shares, stake * 10 ** 6 / 1000, "the first price would have given 10^6 a unit");
        assertLe(_worth(THIEF), stake, "at once");
        assertLe(_worthInKind(THIEF), stake, "at once, in kind");
        for (uint256 i = 0; i < 30; ++i) {
            skip(1 days);
            vault.checkpoint();
        }
        assertLe(_worth(THIEF), stake, "later");
        assertLe(_worthInKind(THIEF), stake, "later, in kind");
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_Incident07_Balancer_NoBatchOfRoundingsPays(uint256 seed) public {
        // One share costs a million and one units, so that every rounding is as large as it can be.
        _open(0);
        asset.mint(address(vault), 10 ** 6);
        _enter(vault, ALICE, 10 ** 12);
        _rebalance(_one(_in(0, 5 * 10 ** 11)));
        uint256 honest = _worthInKind(ALICE);
        uint256 stake = 10 ** 9;
        asset.mint(THIEF, stake);
        vm.prank(THIEF);
        asset.approve(address(vault), type(uint256).max);

        for (uint256 i = 0; i < 40; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            _step(seed);
        }
        _leave(THIEF);
        _leaveInKind(THIEF);
        assertLe(asset.balanceOf(THIEF), stake, "the thief");
        assertGe(_worthInKind(ALICE), honest - 1, "the other");
    }

    function _step(uint256 seed) private {
        uint256 kind = seed % 5;
        uint256 amount = (seed >> 8) % (3 * 10 ** 6);
        uint256 shares = (seed >> 8) % 4;
        uint256 cash = asset.balanceOf(THIEF);
        vm.startPrank(THIEF);
        if (kind == 0 && amount <= cash && vault.previewDeposit(amount) != 0) {
            vault.deposit(amount, THIEF);
        } else if (kind == 1 && vault.previewMint(shares) <= cash) {
            vault.mint(shares, THIEF);
        } else if (kind == 2 && amount <= vault.maxWithdraw(THIEF)) {
            vault.withdraw(amount, THIEF, THIEF);
        } else if (kind == 3 && shares <= vault.maxRedeem(THIEF) && vault.previewRedeem(shares) != 0) {
            vault.redeem(shares, THIEF, THIEF);
        } else if (kind == 4 && shares <= vault.balanceOf(THIEF)) {
            vault.redeemInKind(shares, THIEF, THIEF, new address[](0));
        }
        vm.stopPrank();
    }
}
