// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Vm, VmSafe} from "forge-std/Vm.sol";

import {IConduit} from "../../contracts/interfaces/IConduit.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {ExitEntry, NavParameters, NavState} from "../../contracts/types/Nav.sol";
import {StrategyStatus} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, Leg, Receipt as Measured} from "../../contracts/types/Rebalance.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {UnusualToken} from "../mocks/UnusualToken.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice What only the guard may call: execute, pull, adopt. The guard is this test.
contract VaultGuardedTest is VaultFixture {
    function _filled() internal {
        _deposit(alice, _units(100));
    }

    function _legs(Leg memory a) internal pure returns (Leg[] memory legs) {
        legs = new Leg[](1);
        legs[0] = a;
    }

    function _legs(Leg memory a, Leg memory b) internal pure returns (Leg[] memory legs) {
        legs = new Leg[](2);
        (legs[0], legs[1]) = (a, b);
    }

    function _all(TestStrategy strategy) internal pure returns (Leg memory) {
        return Leg(address(strategy), false, ALL_ASSETS);
    }

    function test_RevertWhen_CallerIsNotTheGuard() public {
        vm.startPrank(thief);
        bytes memory error_ = abi.encodeWithSelector(ITreasuryVault.NotGuard.selector, thief);
        vm.expectRevert(error_);
        vault.execute(new Leg[](0), 1 hours, 1 days);
        vm.expectRevert(error_);
        vault.pull(address(first), 1, 0);
        vm.expectRevert(error_);
        vault.adopt(_parameters(), _list());
        vm.expectRevert(error_);
        vault.exitLeg(address(first), 0, 0, 0);
        vm.stopPrank();
        // Not even the guard may use the vault's own frame.
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.NotGuard.selector, address(this)));
        vault.exitLeg(address(first), 0, 0, 0);
    }

    function test_Execute_MeasuresDepositAndWithdrawal() public {
        _filled();
        Measured memory receipt = vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        assertEq(receipt.idleBefore, _units(100));
        assertEq(receipt.idleAfter, _units(40));
        assertEq(receipt.legs[0].assets, _units(60));
        assertEq(receipt.legs[0].valueBefore, 0);
        assertEq(receipt.legs[0].valueAfter, _units(60));
        assertEq(receipt.legs[0].sharesAfter, _units(60));

        receipt = vault.execute(_legs(_out(first, _units(20)), _in(second, _units(50))), 1 hours, 1 days);
        assertEq(receipt.idleBefore, _units(40));
        assertEq(receipt.idleAfter, _units(10));
        assertEq(receipt.legs[0].valueBefore, _units(60));
        assertEq(receipt.legs[0].valueAfter, _units(40));
        assertEq(receipt.legs[1].valueAfter, _units(50));
        assertEq(asset.balanceOf(vault.conduit()), 0);
        assertEq(second.balanceOf(address(vault)), _units(50));
    }

    /// @dev The answer is written by hand, and the guard uses it where it arrives.
    function test_Execute_AnswersAsAbiEncodes() public {
        _filled();
        vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        Leg[] memory legs = _legs(_out(first, _units(20)), _in(second, _units(50)));
        (bool isDone, bytes memory answer) =
            address(vault).call(abi.encodeCall(ITreasuryVault.execute, (legs, 1 hours, 1 days)));
        assertTrue(isDone);
        assertEq(answer, abi.encode(abi.decode(answer, (Measured))));
    }

    /// @dev Calls are written by hand; a callee may look at how long they are.
    function test_Execute_CallsNoByteTooMany() public {
        _filled();
        vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        vm.startStateDiffRecording();
        vault.execute(_legs(_out(first, _units(20)), _in(second, _units(10))), 1 hours, 1 days);
        vault.execute(_legs(_all(first)), 1 hours, 1 days);
        Vm.AccountAccess[] memory calls = vm.stopAndReturnStateDiff();
        uint256 count;
        for (uint256 i = 0; i < calls.length; ++i) {
            Vm.AccountAccess memory call_ = calls[i];
            bool isCall =
                call_.kind == VmSafe.AccountAccessKind.Call || call_.kind == VmSafe.AccountAccessKind.StaticCall;
            if (!isCall || (call_.accessor != address(vault) && call_.accessor != vault.conduit())) continue;
            bytes4 selector = bytes4(call_.data);
            assertEq(call_.data.length, 4 + 32 * _argumentsOf(selector), vm.toString(selector));
            ++count;
        }
        // Per leg the leg, two balances and what they are worth, if anything; through the conduit one more; idle.
        assertGt(count, 15);
    }

    function _argumentsOf(bytes4 selector) private pure returns (uint256) {
        if (selector == IERC4626.withdraw.selector || selector == IERC4626.redeem.selector) return 3;
        if (selector == IERC4626.deposit.selector || selector == IConduit.deposit.selector) return 2;
        if (selector == IERC20.transfer.selector || selector == IERC20.approve.selector) return 2;
        if (selector == IERC20.allowance.selector) return 2;
        return 1;
    }

    function test_Execute_ReturnsTheRestToIdle() public {
        _filled();
        vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        Measured memory receipt =
            vault.execute(_legs(_out(first, _units(50)), _in(second, _units(10))), 1 hours, 1 days);
        assertEq(receipt.idleAfter, _units(80));
        assertEq(asset.balanceOf(vault.conduit()), 0);
    }

    function test_Execute_AllReportsWhatTheStrategySays() public {
        _filled();
        vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        first.gain(_units(6));
        uint256 expected = first.previewRedeem(first.balanceOf(address(vault)));
        Measured memory receipt = vault.execute(_legs(_all(first)), 1 hours, 1 days);
        assertEq(receipt.legs[0].assets, expected);
        assertEq(receipt.idleAfter, _units(40) + expected);
        assertEq(receipt.legs[0].sharesAfter, 0);
        assertEq(receipt.legs[0].valueAfter, 0);
    }

    function test_Execute_ShortPaymentShowsInIdle() public {
        _filled();
        vault.execute(_legs(_in(third, _units(60))), 1 hours, 1 days);
        third.setShortPayBps(1000);
        Measured memory receipt = vault.execute(_legs(_out(third, _units(50))), 1 hours, 1 days);
        assertEq(receipt.legs[0].assets, _units(50));
        assertEq(receipt.idleAfter, _units(40) + _units(45), "the guard sees a shortfall of five");
        receipt = vault.execute(_legs(_out(third, _units(5)), _in(first, _units(5))), 1 hours, 1 days);
        assertEq(receipt.idleAfter, receipt.idleBefore - _units(5) / 10, "idle made up for it, and shows it");
    }

    function test_Execute_AStrategyThatTakesAndAnswersNothingIsMeasured() public {
        _filled();
        // Succeeds with no answer; it has code, so that is not the silence of an empty account.
        vm.mockCall(address(first), abi.encodePacked(IERC4626.deposit.selector), "");
        Measured memory receipt = vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        assertEq(receipt.idleAfter, _units(100));
        assertEq(receipt.legs[0].sharesAfter, 0);
        assertEq(asset.balanceOf(address(vault)), _units(100));
    }

    function test_Execute_GiftInTheConduitStays() public {
        _filled();
        asset.mint(vault.conduit(), 777);
        Measured memory receipt = vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        assertEq(receipt.idleAfter, _units(40));
        assertEq(asset.balanceOf(vault.conduit()), 777);
        assertEq(vault.totalAssets(), _units(100));
    }

    function test_RevertWhen_TheGiftIsSpent() public {
        _filled();
        asset.mint(vault.conduit(), 777);
        vault.execute(_legs(_in(third, _units(10))), 1 hours, 1 days);
        third.setTheft(vault.conduit(), 1);
        vm.expectRevert(abi.encodeWithSelector(IConduit.Overspent.selector, 776, 777));
        vault.execute(_legs(_in(third, _units(10))), 1 hours, 1 days);
    }

    function test_Execute_AHackedStrategyCannotPullIdle() public {
        _filled();
        vault.execute(_legs(_in(third, _units(10))), 1 hours, 1 days);
        assertEq(asset.allowance(vault.conduit(), address(third)), type(uint256).max);
        assertEq(asset.allowance(address(vault), address(third)), 0);
        third.setTheft(address(vault), 1);
        vm.expectRevert();
        vault.execute(_legs(_out(third, 1)), 1 hours, 1 days);
        // Outside a rebalance there is nothing in the conduit to take.
        third.setTheft(vault.conduit(), 1);
        vm.expectRevert();
        vault.execute(_legs(_out(third, 1)), 1 hours, 1 days);
        assertEq(asset.balanceOf(address(vault)), _units(90));
    }

    function test_Execute_TheftInsideARebalanceShowsInIdle() public {
        _filled();
        vault.execute(_legs(_in(first, _units(40)), _in(third, _units(10))), 1 hours, 1 days);
        third.setTheft(vault.conduit(), _units(3));
        Leg[] memory legs = new Leg[](3);
        legs[0] = _out(first, _units(20));
        legs[1] = _out(third, _units(5));
        legs[2] = _in(second, _units(25));
        Measured memory receipt = vault.execute(legs, 1 hours, 1 days);
        assertEq(receipt.idleBefore - receipt.idleAfter, _units(3));
    }

    function test_Execute_UsesAFreshCheckpointAndRefreshesAnOldOne() public {
        _filled();
        vault.execute(_legs(_in(third, _units(50))), 1 hours, 1 days);
        vm.warp(START + 1 hours);
        third.setReadFault(HostileStrategy.Fault.EatGas);
        (uint256 nav, uint256 base, bool isFresh) = vault.checkpointState();
        assertTrue(isFresh);
        uint256 given = gasleft();
        Measured memory receipt = vault.execute(_legs(_in(first, _units(1))), 1 hours, 1 days);
        assertLt(given - gasleft(), 300_000, "the untouched strategy was not asked");
        assertEq(receipt.nav, nav);
        assertEq(receipt.base, base);

        vm.warp(START + 1 hours + 1);
        NavState memory state = _state();
        (,, isFresh) = vault.checkpointState();
        assertFalse(isFresh);
        receipt = vault.execute(_legs(_in(first, _units(1))), 1 hours, 1 days);
        assertEq(receipt.nav, state.navAssets);
        assertEq(receipt.base, state.baseAssets);
        assertApproxEqAbs(receipt.nav, _units(50), 1);
        assertEq(_state().refreshedAt, START, "nothing stored while one cannot be read");
        third.setReadFault(HostileStrategy.Fault.None);
        vault.execute(_legs(_in(first, _units(1))), 1 hours, 1 days);
        assertEq(_state().refreshedAt, START + 1 hours + 1);
    }

    function test_Execute_WithdrawalsDoNotNeedTheConduit() public {
        UnusualToken odd = new UnusualToken(6);
        _build(odd);
        _filled();
        vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        odd.setBlocked(vault.conduit(), true);
        vm.expectRevert(abi.encodeWithSelector(UnusualToken.Blocked.selector, vault.conduit()));
        vault.execute(_legs(_in(second, _units(1))), 1 hours, 1 days);
        vault.execute(_legs(_out(first, _units(10))), 1 hours, 1 days);
        vault.pull(address(first), uint128(_units(10)), _units(10));
        assertEq(_redeemAll(alice), _units(100));
    }

    function test_RevertWhen_ALegFails() public {
        _filled();
        vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        third.setReadFault(HostileStrategy.Fault.Revert);
        vm.expectRevert();
        vault.execute(_legs(_out(first, _units(10)), _in(third, _units(200))), 1 hours, 1 days);
        first.setLiquidAssets(0);
        vm.expectRevert();
        vault.execute(_legs(_out(first, _units(10))), 1 hours, 1 days);
        assertEq(asset.balanceOf(address(vault)), _units(40));
    }

    function test_RevertWhen_ADepositFailsAsTheStrategyDoes() public {
        _filled();
        bytes memory error_ = abi.encodeWithSelector(HostileStrategy.Broken.selector);
        vm.mockCallRevert(address(first), abi.encodePacked(IERC4626.deposit.selector), error_);
        vm.expectRevert(error_);
        vault.execute(_legs(_in(first, _units(60))), 1 hours, 1 days);
        assertEq(asset.balanceOf(address(vault)), _units(100));
    }

    function test_RevertWhen_APositionCannotBeMeasured() public {
        _filled();
        vault.execute(_legs(_in(third, _units(60))), 1 hours, 1 days);
        bytes memory error_ = abi.encodeWithSelector(HostileStrategy.Broken.selector);
        third.setTokenFault(HostileStrategy.Fault.Revert);
        vm.expectRevert(error_);
        vault.execute(_legs(_in(third, _units(1))), 1 hours, 1 days);
        third.setTokenFault(HostileStrategy.Fault.None);
        third.setReadFault(HostileStrategy.Fault.Revert);
        vm.expectRevert(error_);
        vault.execute(_legs(_out(third, _units(1))), 1 hours, 1 days);
        third.setReadFault(HostileStrategy.Fault.None);

        // A whole word is an answer, a byte less is none.
        bytes memory short = new bytes(31);
        bytes4[2] memory reads = [IERC20.balanceOf.selector, IERC4626.previewRedeem.selector];
        for (uint256 i = 0; i < 2; ++i) {
            vm.mockCall(address(third), abi.encodePacked(reads[i]), short);
            vm.expectRevert(short);
            vault.execute(_legs(_out(third, _units(1))), 1 hours, 1 days);
            vm.clearMockedCalls();
        }
        vault.execute(_legs(_out(third, _units(1))), 1 hours, 1 days);
        assertEq(asset.balanceOf(address(vault)), _units(41));
    }

    /// @dev A short answer, and a failure as long as an answer, are neither of them a balance.
    function test_RevertWhen_TheAssetTellsNoBalance() public {
        _filled();
        Leg[] memory legs = _legs(_in(first, _units(10)));
        bytes memory question = abi.encodeCall(IERC20.balanceOf, (address(vault)));
        vm.mockCall(address(asset), question, hex"01");
        vm.expectRevert(bytes(hex"01"));
        vault.execute(legs, 1 hours, 1 days);
        bytes memory failure = abi.encode(_units(100), _units(100));
        vm.mockCallRevert(address(asset), question, failure);
        vm.expectRevert(failure);
        vault.execute(legs, 1 hours, 1 days);
    }

    function test_RevertWhen_TheGiftIsSpentBeforeTheFirstDeposit() public {
        _filled();
        asset.mint(vault.conduit(), 777);
        vault.execute(_legs(_in(third, _units(10))), 1 hours, 1 days);
        // What it takes and what it brings, then a unit more.
        third.setTheft(vault.conduit(), 50);
        vault.execute(_legs(_out(third, 50), _in(first, _units(10))), 1 hours, 1 days);
        third.setTheft(vault.conduit(), 51);
        vm.expectRevert(abi.encodeWithSelector(IConduit.Overspent.selector, 776, 777));
        vault.execute(_legs(_out(third, 50), _in(first, _units(10))), 1 hours, 1 days);
        assertEq(asset.balanceOf(vault.conduit()), 777);
    }

    function test_Execute_NothingIsSeasonedWhileNobodyHoldsAShare() public {
        asset.mint(address(vault), _units(10));
        vm.warp(START + 1 days);
        vault.checkpoint();
        Measured memory receipt = vault.execute(new Leg[](0), 1 hours, 1 days);
        assertEq(receipt.nav, _units(10));
        assertEq(receipt.base, 0);
    }

    function test_Pull_AtTheMinimumAndOneShort() public {
        _filled();
        vault.execute(_legs(_in(first, _units(60)), _in(third, _units(20))), 1 hours, 1 days);
        third.setReadFault(HostileStrategy.Fault.EatGas);
        first.setExitFeeBps(100);
        uint256 pays = first.previewRedeem(first.balanceOf(address(vault)));
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.PulledTooLittle.selector, pays, pays + 1));
        vault.pull(address(first), ALL_ASSETS, pays + 1);
        vm.expectEmit(address(vault));
        emit ITreasuryVault.Pulled(address(first), _units(60), pays);
        Measured memory receipt = vault.pull(address(first), ALL_ASSETS, pays);
        assertEq(receipt.legs.length, 1);
        assertEq(receipt.legs[0].assets, pays);
        assertEq(receipt.idleAfter - receipt.idleBefore, pays);
        assertEq(asset.balanceOf(address(vault)), _units(20) + pays);
    }

    function test_RevertWhen_PullOfAnUnlistedStrategy() public {
        TestStrategy stranger = new TestStrategy(asset);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.UnfitStrategy.selector, address(stranger)));
        vault.pull(address(stranger), 1, 0);
    }

    function test_Adopt_StoresListAndParameters() public {
        NavParameters memory parameters = _parameters();
        parameters.depositCap = 7;
        ExitEntry[] memory entries = _list();
        (entries[0], entries[1]) = (entries[1], entries[0]);
        entries[2].status = StrategyStatus.ExitOnly;
        vm.expectEmit(address(vault));
        emit ITreasuryVault.Adopted(parameters, entries);
        vault.adopt(parameters, entries);
        assertEq(keccak256(abi.encode(vault.exitList())), keccak256(abi.encode(entries)));
        assertEq(keccak256(abi.encode(vault.navParameters())), keccak256(abi.encode(parameters)));

        vault.adopt(parameters, new ExitEntry[](0));
        assertEq(vault.exitList().length, 0);
        vault.adopt(parameters, entries);
        assertEq(keccak256(abi.encode(vault.exitList())), keccak256(abi.encode(entries)));
    }

    function test_RevertWhen_AdoptingAnUnfitStrategy() public {
        TestStrategy foreign = new TestStrategy(new TestToken("EUR", 6));
        address[7] memory unfit = [
            address(0),
            address(asset),
            address(vault),
            vault.conduit(),
            address(this),
            address(foreign),
            makeAddr("no contract")
        ];
        for (uint256 i = 0; i < unfit.length; ++i) {
            ExitEntry[] memory entries = _list();
            entries[1].strategy = unfit[i];
            vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.UnfitStrategy.selector, unfit[i]));
            vault.adopt(_parameters(), entries);
        }
        ExitEntry[] memory twice = _list();
        twice[2].strategy = address(first);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.UnfitStrategy.selector, address(first)));
        vault.adopt(_parameters(), twice);
    }

    function test_Adopt_ThirtyTwoStrategiesAndNotOneMore() public {
        ExitEntry[] memory entries = new ExitEntry[](33);
        for (uint256 i = 0; i < 33; ++i) {
            entries[i] = ExitEntry(address(new TestStrategy(asset)), StrategyStatus.Active);
        }
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.TooManyStrategies.selector, 33, 32));
        vault.adopt(_parameters(), entries);
        assembly {
            mstore(entries, 32)
        }
        vault.adopt(_parameters(), entries);
        assertEq(vault.exitList().length, 32);
        _filled();
        assertEq(_redeemAll(alice), _units(100));
    }

    function test_Adopt_TakesBackAllowancesOfThoseWhoLeftActive() public {
        _filled();
        vault.execute(_legs(_in(first, 10), _in(second, 10)), 1 hours, 1 days);
        vault.execute(_legs(_in(third, 10)), 1 hours, 1 days);
        ExitEntry[] memory entries = new ExitEntry[](2);
        entries[0] = ExitEntry(address(first), StrategyStatus.Active);
        entries[1] = ExitEntry(address(second), StrategyStatus.ExitOnly);
        vm.expectEmit(address(vault));
        emit ITreasuryVault.StrategyDropped(address(third), 10);
        vault.adopt(_parameters(), entries);
        address conduit = vault.conduit();
        assertEq(asset.allowance(conduit, address(first)), type(uint256).max);
        assertEq(asset.allowance(conduit, address(second)), 0);
        assertEq(asset.allowance(conduit, address(third)), 0);
        // A dropped strategy can be listed again, and counts again.
        assertApproxEqAbs(_state().liveAssets, _units(100) - 10, 1);
        assertGe(_state().entryAssets, _units(100), "entrants still pay for it");
        _adopt(_parameters());
        assertEq(_state().liveAssets, _units(100));
    }

    function test_Adopt_ABrokenStrategyCannotBlockIt() public {
        _filled();
        vault.execute(_legs(_in(third, 10)), 1 hours, 1 days);
        third.setReadFault(HostileStrategy.Fault.EatGas);
        third.setTokenFault(HostileStrategy.Fault.EatGas);
        vm.etch(address(second), hex"fe");
        ExitEntry[] memory entries = _list();
        entries[1].status = StrategyStatus.WrittenOff;
        entries[2].status = StrategyStatus.WrittenOff;
        vault.adopt(_parameters(), entries);
        vm.expectEmit(address(vault));
        emit ITreasuryVault.StrategyDropped(address(third), type(uint256).max);
        vault.adopt(_parameters(), new ExitEntry[](0));
    }

    function test_Adopt_DustDoesNotBlockRemoval() public {
        _filled();
        asset.mint(thief, 1);
        vm.startPrank(thief);
        asset.approve(address(first), 1);
        first.deposit(1, address(vault));
        vm.stopPrank();
        vm.recordLogs();
        vault.adopt(_parameters(), new ExitEntry[](0));
        assertEq(vault.exitList().length, 0);
    }

    function test_Conduit_ObeysItsVaultOnly() public {
        IConduit conduit = IConduit(vault.conduit());
        assertEq(conduit.vault(), address(vault));
        bytes memory error_ = abi.encodeWithSelector(IConduit.NotVault.selector, address(this));
        vm.expectRevert(error_);
        conduit.deposit(address(first), 1);
        vm.expectRevert(error_);
        conduit.settle(0);
        vm.expectRevert(error_);
        conduit.clear(address(first));
    }
}

/// @notice Every call into the vault from inside another one is refused, and views do not show a half-done state.
contract VaultReentrancyTest is VaultFixture {
    bytes[] internal calls;
    uint256 internal attempts;
    uint256 internal refusals;
    bytes4 internal lastAnswer;

    function _writes() internal {
        calls.push(abi.encodeCall(IERC4626.deposit, (1, thief)));
        calls.push(abi.encodeCall(IERC4626.mint, (1, thief)));
        calls.push(abi.encodeCall(IERC4626.withdraw, (1, thief, thief)));
        calls.push(abi.encodeCall(IERC4626.redeem, (1, thief, thief)));
        calls.push(abi.encodeCall(vault.redeemInKind, (1, thief, thief, new address[](0))));
        calls.push(abi.encodeCall(vault.checkpoint, ()));
        calls.push(abi.encodeCall(vault.transfer, (thief, 0)));
        calls.push(abi.encodeCall(vault.transferFrom, (thief, thief, 0)));
        calls.push(abi.encodeCall(vault.totalAssets, ()));
        calls.push(abi.encodeCall(vault.convertToAssets, (1)));
        calls.push(abi.encodeCall(vault.convertToShares, (1)));
        calls.push(abi.encodeCall(vault.previewDeposit, (1)));
        calls.push(abi.encodeCall(vault.previewMint, (1)));
        calls.push(abi.encodeCall(vault.previewWithdraw, (1)));
        calls.push(abi.encodeCall(vault.previewRedeem, (1)));
        calls.push(abi.encodeCall(vault.navState, ()));
        calls.push(abi.encodeCall(vault.checkpointState, ()));
    }

    /// @dev The token's hook.
    function onTransfer(address, address, uint256) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool isDone, bytes memory answer) = address(vault).call(calls[i]);
            attempts += 1;
            if (!isDone && _errorOf(answer) == ITreasuryVault.Locked.selector) refusals += 1;
        }
        // The guard's own verbs, by the guard: this test.
        try vault.execute(new Leg[](0), 1 hours, 1 days) {}
        catch (bytes memory answer) {
            attempts += 1;
            if (_errorOf(answer) == ITreasuryVault.Locked.selector) refusals += 1;
        }
        require(vault.maxDeposit(thief) == 0 && vault.maxMint(thief) == 0, "entry");
        require(vault.maxWithdraw(alice) == 0 && vault.maxRedeem(alice) == 0, "exit");
    }

    function test_RevertWhen_TheAssetReenters() public {
        UnusualToken odd = new UnusualToken(6);
        _build(odd);
        _deposit(alice, _units(100));
        _invest(first, _units(50));
        _writes();
        odd.setHook(address(this));
        _deposit(bob, _units(10));
        vm.prank(alice);
        vault.redeem(70e12, alice, alice);
        odd.mint(address(vault), _units(1));
        vm.prank(alice);
        vault.redeemInKind(1e12, alice, alice, new address[](0));
        vault.execute(new Leg[](0), 1 hours, 1 days);
        _invest(first, 10);
        assertGt(attempts, 5 * calls.length);
        assertEq(refusals, attempts);
    }

    function test_RevertWhen_AStrategyReenters() public {
        _deposit(alice, _units(100));
        _writes();
        for (uint256 i = 0; i < calls.length; ++i) {
            third.setCall(address(vault), calls[i]);
            _invest(third, _units(2));
            assertTrue(third.hasCallReverted());
            assertEq(_errorOf(third.callAnswer()), ITreasuryVault.Locked.selector);
        }
        third.setCall(address(vault), abi.encodeCall(vault.maxWithdraw, (alice)));
        assertEq(_redeemAll(alice), _units(100));
        assertEq(abi.decode(third.callAnswer(), (uint256)), 0);
    }
}
