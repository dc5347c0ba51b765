// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {NavParameters, NavState} from "../../contracts/types/Nav.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {UnusualToken} from "../mocks/UnusualToken.sol";
import {VaultFixture} from "./VaultFixture.sol";

contract VaultEntryTest is VaultFixture {
    function test_Deposit_FirstPriceIsOne() public {
        uint256 shares = _deposit(alice, _units(1));
        assertEq(shares, 10 ** vault.decimals());
        assertEq(asset.balanceOf(address(vault)), _units(1));
        assertEq(vault.totalAssets(), _units(1));
    }

    function test_Deposit_Emits() public {
        asset.mint(alice, 500);
        vm.startPrank(alice);
        asset.approve(address(vault), 500);
        vm.expectEmit(address(vault));
        emit IERC4626.Deposit(alice, bob, 500, 500e6);
        vault.deposit(500, bob);
        assertEq(vault.balanceOf(bob), 500e6);
    }

    function test_Deposit_OfZeroDoesNothing() public {
        vm.prank(alice);
        assertEq(vault.deposit(0, alice), 0);
        vm.prank(alice);
        assertEq(vault.mint(0, alice), 0);
        assertEq(vault.totalSupply(), 0);
    }

    function test_Deposit_AtCapAndOnePast() public {
        NavParameters memory parameters = _parameters();
        parameters.depositCap = 1000;
        _adopt(parameters);
        _deposit(alice, 400);
        assertEq(vault.maxDeposit(bob), 600);
        asset.mint(bob, 601);
        vm.startPrank(bob);
        asset.approve(address(vault), 601);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.DepositCapExceeded.selector, 601, 600));
        vault.deposit(601, bob);
        vault.deposit(600, bob);
        vm.stopPrank();
        assertEq(vault.maxDeposit(bob), 0);
        assertEq(vault.maxMint(bob), 0);
    }

    function test_MaxDeposit_ZeroWhenAboveCapByYield() public {
        NavParameters memory parameters = _parameters();
        parameters.depositCap = uint128(_units(100));
        _adopt(parameters);
        _deposit(alice, _units(100));
        asset.mint(address(vault), _units(50));
        vm.warp(START + 1 days);
        assertGt(vault.totalAssets(), _units(100));
        assertEq(vault.maxDeposit(bob), 0);
    }

    function test_Mint_AtMaxAndOnePast() public {
        NavParameters memory parameters = _parameters();
        parameters.depositCap = 1000;
        _adopt(parameters);
        uint256 most = vault.maxMint(bob);
        assertLe(vault.previewMint(most), vault.maxDeposit(bob));
        asset.mint(bob, 2000);
        vm.startPrank(bob);
        asset.approve(address(vault), 2000);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.DepositCapExceeded.selector, 1001, 1000));
        vault.mint(most + 1, bob);
        assertEq(vault.mint(most, bob), 1000);
    }

    function test_RevertWhen_DepositMintsNothing() public {
        decimalsOffset = 0;
        setUp();
        _deposit(alice, 1);
        asset.mint(address(vault), 1_000_000);
        assertEq(vault.previewDeposit(1), 0);
        asset.mint(bob, 1);
        vm.startPrank(bob);
        asset.approve(address(vault), 1);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.ZeroResult.selector, 1));
        vault.deposit(1, bob);
    }

    function test_RevertWhen_ReceiverIsZero() public {
        vm.startPrank(alice);
        vm.expectRevert(ITreasuryVault.ZeroAddress.selector);
        vault.deposit(0, address(0));
        vm.expectRevert(ITreasuryVault.ZeroAddress.selector);
        vault.mint(0, address(0));
    }

    function test_RevertWhen_AllowanceOrFundsAreMissing() public {
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(vault), 0, 100)
        );
        vault.deposit(100, alice);
    }

    function test_RevertWhen_AssetTakesAFee() public {
        UnusualToken odd = new UnusualToken(6);
        _build(odd);
        _deposit(alice, 1000);
        odd.setFeeBps(100);
        odd.mint(bob, 1000);
        vm.startPrank(bob);
        odd.approve(address(vault), 1000);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.UnexpectedTransfer.selector, 1000, 990));
        vault.deposit(1000, bob);
    }

    function test_Deposit_ClosedWhileAStrategyCannotBeRead() public {
        _deposit(alice, _units(100));
        _invest(third, _units(10));
        for (uint256 fault = 1; fault <= 3; ++fault) {
            third.setReadFault(HostileStrategy.Fault(fault));
            assertFalse(_state().isReadable);
            assertEq(vault.maxDeposit(bob), 0);
            assertEq(vault.maxMint(bob), 0);
            assertGt(vault.previewDeposit(_units(1)), 0, "previews ignore limits");
            asset.mint(bob, 1);
            vm.startPrank(bob);
            asset.approve(address(vault), 1);
            vm.expectRevert(ITreasuryVault.EntriesClosed.selector);
            vault.deposit(1, bob);
            vm.stopPrank();
        }
        third.setReadFault(HostileStrategy.Fault.None);
        assertGt(vault.maxDeposit(bob), 0);
    }

    function test_Deposit_ClosedBelowDrawdownAndOpenAtIt() public {
        decimalsOffset = 0;
        setUp();
        // Price one: (1e6 + 1) ÷ (1e6 + 1).
        _deposit(alice, 1_000_000);
        _invest(first, 1_000_000);
        // Open at (assets + 1) = 0.95 × 1,000,001 = 950,000.95, that is from 950,000 assets on.
        first.lose(50_000);
        assertEq(_state().liveAssets, 950_000);
        assertTrue(_state().isEntryOpen);
        first.lose(1);
        assertEq(_state().liveAssets, 949_999);
        assertFalse(_state().isEntryOpen);
        assertEq(vault.maxDeposit(alice), 0);
    }

    function test_Deposit_AfterALossPaysTheMark() public {
        _deposit(alice, _units(100));
        _invest(first, _units(100));
        uint256 before = vault.previewDeposit(_units(10));
        first.lose(_units(3));
        assertLe(vault.previewDeposit(_units(10)), before, "a push down buys nothing");
        assertApproxEqAbs(vault.totalAssets(), _units(97), 1);
        assertGe(_state().entryAssets, _units(100));
    }

    function test_Deposit_AroundAGainBuysNothing() public {
        _deposit(alice, _units(100));
        _invest(first, _units(100));
        vm.warp(START + 1 days);
        first.gain(_units(20));
        uint256 shares = _deposit(thief, _units(1000));
        vm.prank(thief);
        uint256 back = vault.redeem(shares, thief, thief);
        assertLe(back, _units(1000));
        // Beyond a day's one per cent, only what the thief lost is recognised.
        assertLe(vault.totalAssets(), _units(101) + (_units(1000) - back));
    }

    function testFuzz_DonationToEmptyVaultDoesNotRobTheFirst(uint256 seed, uint256 gift, uint256 stake) public {
        seed = bound(seed, 1, 1e12);
        gift = bound(gift, 0, 1e14);
        stake = bound(stake, 1, 1e14);
        _deposit(thief, seed);
        asset.mint(address(vault), gift);
        if (vault.previewDeposit(stake) == 0) return;
        _deposit(bob, stake);
        uint256 thiefGot = vault.previewRedeem(vault.balanceOf(thief));
        assertLe(thiefGot, seed + gift + 1, "the attacker does not gain");
        // In kind nothing waits for recognition: the victim has its stake, but for one share's price of rounding and
        // the part of the virtual shares, a millionth of what a first depositor of one unit puts in.
        uint256 shares = vault.balanceOf(bob);
        vm.prank(bob);
        (uint256 back,,) = vault.redeemInKind(shares, bob, bob, new address[](0));
        uint256 sharePrice = (seed + gift + 1) / (seed * 1e6 + 1e6) + 1;
        assertGe(back + sharePrice + 1, stake, "the victim is not robbed");
    }

    /// @dev The thief seeds one unit and gives a thousand: the price is a thousand times the mark. The victim must find
    /// its money recognised at once, not after the years in which the mark would grow a thousandfold.
    function test_Deposit_AfterAGiftToANearlyEmptyVaultIsRecognisedAtOnce() public {
        _deposit(thief, 1);
        asset.mint(address(vault), 1000);
        vm.warp(START + 12);
        _deposit(bob, _units(1000));
        assertGe(vault.totalAssets(), _units(1000));
        assertGe(_redeemAll(bob) + 2000, _units(1000));
        assertLe(vault.previewRedeem(vault.balanceOf(thief)), 1001);
    }

    function test_Deposit_AfterTheLastHolderLeftDustIsRecognisedAtOnce() public {
        _deposit(alice, _units(1000));
        _deposit(bob, _units(3));
        _invest(first, _units(500));
        _invest(second, _units(503));
        vm.warp(START + 1 days);
        first.gain(_units(5));
        uint256 most = vault.maxWithdraw(bob);
        vm.prank(bob);
        vault.withdraw(most, bob, bob);
        _redeemAll(alice);
        assertLt(vault.totalSupply(), 1e6, "only dust is left");
        _deposit(alice, _units(1000));
        vm.warp(START + 2 days);
        assertGe(_redeemAll(alice) + 10, _units(1000));
    }

    function testFuzz_Entry_KeepsWhatIsNotRecognised(uint256 gain, uint256 stake) public {
        _deposit(alice, _units(100));
        asset.mint(address(vault), bound(gain, 0, _units(1000)));
        vm.warp(START + 1 hours);
        vault.checkpoint();
        NavState memory before = _state();
        stake = bound(stake, 10, _units(10_000));
        _deposit(thief, stake);
        NavState memory later = _state();
        assertGe(later.markPrice, before.markPrice);
        assertLe(later.navAssets, before.navAssets + stake + 1, "an entry recognises no more than it pays");
        assertApproxEqAbs(later.navAssets, before.navAssets + stake, 2);
        assertLe(_redeemAll(thief), stake, "a round trip pays nothing");
    }

    function testFuzz_PreviewsEqualEntries(uint256 start, uint256 change, bool isGain, uint256 assets) public {
        start = bound(start, 1e6, 1e20);
        assets = bound(assets, 1, 1e20);
        _deposit(alice, start);
        _invest(first, start / 2);
        vm.warp(START + 1 days);
        if (isGain) first.gain(bound(change, 0, start));
        else first.lose(bound(change, 0, start / 50));
        uint256 snapshot = vm.snapshotState();
        uint256 shares = vault.previewDeposit(assets);
        if (shares != 0) assertEq(_deposit(bob, assets), shares);
        vm.revertToState(snapshot);
        shares = bound(assets, 1, 1e26);
        uint256 cost = vault.previewMint(shares);
        asset.mint(bob, cost);
        vm.startPrank(bob);
        asset.approve(address(vault), cost);
        assertEq(vault.mint(shares, bob), cost);
        assertEq(asset.balanceOf(bob), 0);
    }
}

contract VaultDecimalsTest is VaultFixture {
    function _roundTrip(uint8 decimals_, uint8 offset) private {
        (assetDecimals, decimalsOffset) = (decimals_, offset);
        setUp();
        assertEq(vault.decimals(), decimals_ + offset);
        assertEq(_deposit(alice, _units(1000)), 1000 * 10 ** vault.decimals());
        _deposit(bob, _units(3));
        _invest(first, _units(500));
        _invest(second, _units(503));
        vm.warp(START + 1 days);
        first.gain(_units(5));
        uint256 bobGot = _redeemAll(bob);
        uint256 out = _redeemAll(alice);
        assertApproxEqAbs(out, _units(1005), _units(1) / 50 + 3);
        assertLe(out + bobGot, _units(1008));
        assertEq(vault.totalSupply(), 0);
        // What remains belongs to nobody but virtual shares; the next first depositor is not robbed by it.
        uint256 shares = _deposit(alice, _units(1000));
        vm.warp(START + 2 days);
        vm.prank(alice);
        assertGe(vault.redeem(shares, alice, alice) + 3, _units(1000));
    }

    function test_RoundTrip_Decimals0() public {
        _roundTrip(0, 0);
        _roundTrip(0, 18);
    }

    function test_RoundTrip_Decimals6() public {
        _roundTrip(6, 0);
        _roundTrip(6, 6);
    }

    function test_RoundTrip_Decimals18() public {
        _roundTrip(18, 0);
        _roundTrip(18, 6);
    }

    function test_RoundTrip_Decimals27() public {
        _roundTrip(27, 0);
        _roundTrip(27, 6);
    }

    function test_RevertWhen_TheAssetHasMoreThan27Decimals() public {
        assetDecimals = 28;
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.AssetDecimalsTooLarge.selector, 28, 27));
        this.setUp();
    }

    function test_Decimals_OfAnAssetThatDoesNotTellAre18() public {
        TestToken silent = new TestToken("SIL", 6);
        vm.mockCallRevert(address(silent), abi.encodeCall(silent.decimals, ()), "none");
        asset = silent;
        assertEq(new TreasuryVault().decimals(), 18 + decimalsOffset);
        vm.mockCall(address(silent), abi.encodeCall(silent.decimals, ()), abi.encode(256));
        assertEq(new TreasuryVault().decimals(), 18 + decimalsOffset);
    }

    function test_RevertWhen_OffsetIsTooLarge() public {
        decimalsOffset = 19;
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.DecimalsOffsetTooLarge.selector, 19, 18));
        this.setUp();
    }

    function test_RevertWhen_TheVaultWouldHaveNoGuard() public {
        (TreasuryParameters memory parameters,,) = this.deployment();
        bytes memory question = abi.encodeCall(this.deployment, ());
        vm.mockCall(address(this), question, abi.encode(parameters, address(0), address(0)));
        vm.expectRevert(ITreasuryVault.ZeroAddress.selector);
        new TreasuryVault();
        vm.mockCall(address(this), question, abi.encode(parameters, address(0), thief));
        assertEq(new TreasuryVault().guard(), thief);
    }

    function test_RevertWhen_TheVaultsDeployerIsNoFactory() public {
        vm.prank(thief);
        vm.expectRevert();
        new TreasuryVault();
    }
}
