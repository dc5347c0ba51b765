// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Leg} from "../../contracts/types/Rebalance.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {ITransferHook, UnusualToken} from "../mocks/UnusualToken.sol";
import {Conformance} from "./Conformance.sol";
import {FlawedToken} from "./mocks/FlawedToken.sol";

/// @notice Rules 54 to 56: unusual assets, each with its declared result.
contract AssetConformanceTest is Conformance, ITransferHook {
    UnusualToken private _unusual;
    FlawedToken private _flawed;

    bytes[] private _calls;
    uint256 private _hooks;
    uint256 private _lastAssets;

    function _withUnusual() private {
        _unusual = new UnusualToken(assetDecimals);
        _build(_unusual);
        _adopt(_terms());
    }

    function _withFlawed() private {
        _flawed = new FlawedToken(assetDecimals);
        _build(TestToken(address(_flawed)));
        _adopt(_terms());
    }

    function test_Rule54_AFeeOnTransferIsRefused() public inEachCombination {
        _withUnusual();
        _unusual.setFeeBps(100);
        uint256 assets = _units(1000);
        (bool isDone, bytes memory answer) = _tryDeposit(alice, assets, alice);
        assertFalse(isDone);
        assertEq(
            answer, abi.encodeWithSelector(ITreasuryVault.UnexpectedTransfer.selector, assets, assets - assets / 100)
        );
        assertEq(vault.totalSupply(), 0);
        assertEq(asset.balanceOf(alice), assets, "nothing lost");
    }

    /// @dev Entries are refused from then on; who leaves bears the fee on what it is sent, nobody else does.
    function test_Rule54_AFeeSwitchedOnLaterHitsOnlyWhoLeaves() public inEachCombination {
        _withUnusual();
        uint256 shares = _deposit(alice, _units(1000));
        _deposit(bob, _units(1000));
        _invest(first, _units(1000));
        _unusual.setFeeBps(100);
        (bool isDone, bytes memory answer) = _tryDeposit(carol, _units(100), carol);
        _assertRefused(isDone, answer, ITreasuryVault.UnexpectedTransfer.selector, "entry");
        _fund(carol, vault.previewMint(shares / 10));
        (isDone, answer) = _try(carol, abi.encodeCall(IERC4626.mint, (shares / 10, carol)));
        _assertRefused(isDone, answer, ITreasuryVault.UnexpectedTransfer.selector, "entry");

        uint256 staying = vault.previewRedeem(vault.balanceOf(bob));
        uint256 paid = vault.previewRedeem(shares / 2);
        vm.prank(alice);
        assertEq(vault.redeem(shares / 2, alice, alice), paid);
        assertEq(asset.balanceOf(alice), paid - paid / 100, "the token takes its part of what is sent");
        assertGe(vault.previewRedeem(vault.balanceOf(bob)) + 1, staying, "not of what stays");
    }

    function test_Rule55_NoReturnValueIsSuccess() public inEachCombination {
        _withFlawed();
        _flawed.setAnswer(FlawedToken.Answer.Nothing);
        _flawed.mint(alice, _units(100));
        vm.prank(alice);
        (bool isApproved,) = address(_flawed).call(abi.encodeCall(IERC20.approve, (address(vault), _units(100))));
        assertTrue(isApproved);
        vm.prank(alice);
        uint256 shares = vault.deposit(_units(100), alice);
        _invest(first, _units(60));
        vm.prank(alice);
        uint256 out = vault.redeem(shares, alice, alice);
        assertEq(asset.balanceOf(alice), out);
        assertGe(out + 1, _units(100));
    }

    function test_Rule55_AFalseReturnValueIsAFailure() public inEachCombination {
        _withFlawed();
        _deposit(alice, _units(100));
        _fund(bob, _units(10));
        _flawed.setAnswer(FlawedToken.Answer.False);
        bytes memory failure = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(asset));
        (bool isDone, bytes memory answer) = _try(bob, abi.encodeCall(IERC4626.deposit, (_units(10), bob)));
        assertFalse(isDone);
        assertEq(answer, failure);
        uint256 shares = vault.balanceOf(alice);
        (isDone, answer) = _try(alice, abi.encodeCall(IERC4626.redeem, (shares, alice, alice)));
        assertFalse(isDone);
        assertEq(answer, failure);
        assertEq(vault.balanceOf(alice), shares, "no share is burned for nothing");
        _flawed.setAnswer(FlawedToken.Answer.True);
        assertGe(_redeemAll(alice) + 1, _units(100));
    }

    /// @dev Only an operation that is itself of zero is refused, by the token.
    function test_Rule55_RefusalOfZeroTransfersHitsZeroOperationsOnly() public inEachCombination {
        _withFlawed();
        _flawed.setRefusesZero(true);
        _deposit(alice, _units(100));
        (bool isDone, bytes memory answer) = _try(alice, abi.encodeCall(IERC4626.deposit, (0, alice)));
        _assertRefused(isDone, answer, FlawedToken.Refused.selector, "deposit(0)");
        (isDone, answer) = _try(alice, abi.encodeCall(IERC4626.withdraw, (0, alice, alice)));
        _assertRefused(isDone, answer, FlawedToken.Refused.selector, "withdraw(0)");
        // Rebalances that leave nothing over, and all kinds of exits.
        _invest(first, _units(100));
        Leg[] memory legs = new Leg[](2);
        (legs[0], legs[1]) = (_out(first, _units(50)), _in(second, _units(50)));
        vault.execute(legs, 1 hours, 1 days);
        vm.startPrank(alice);
        vault.withdraw(_units(10), alice, alice);
        vault.redeem(vault.balanceOf(alice) / 2, alice, alice);
        vault.redeemInKind(vault.balanceOf(alice), alice, alice, new address[](0));
        vm.stopPrank();
    }

    function test_Rule55_ABlockedAccountBlocksNobodyElse() public inEachCombination {
        _withFlawed();
        _deposit(alice, _units(100));
        _deposit(bob, _units(100));
        _invest(first, _units(150));
        _flawed.setBlocked(alice, true);
        uint256 shares = vault.balanceOf(alice);
        (bool isDone, bytes memory answer) = _try(alice, abi.encodeCall(IERC4626.redeem, (shares, alice, alice)));
        _assertRefused(isDone, answer, FlawedToken.Refused.selector, "blocked");
        (isDone,) = _try(alice, abi.encodeCall(vault.redeemInKind, (shares, alice, alice, new address[](0))));
        assertFalse(isDone);
        assertGe(_redeemAll(bob) + 1, _units(100), "others leave");
        // And it can name another receiver, or take strategies' shares and leave idle behind.
        uint256 start = vm.snapshotState();
        vm.prank(alice);
        assertGe(vault.redeem(shares, carol, alice) + 2, _units(100));
        vm.revertToState(start);
        _redeemInKindWithoutIdle(alice, shares);
        assertGt(first.balanceOf(alice), 0);
        // The vault itself blocked: in kind, all the same.
        vm.revertToState(start);
        _flawed.setBlocked(address(vault), true);
        _redeemInKindWithoutIdle(alice, shares);
        assertGt(first.balanceOf(alice), 0);
    }

    function _redeemInKindWithoutIdle(address account, uint256 shares) private {
        address[] memory left = new address[](1);
        left[0] = address(asset);
        vm.prank(account);
        vault.redeemInKind(shares, account, account, left);
    }

    function test_Rule55_APausedAssetHoldsUpAssetsOnly() public inEachCombination {
        _withFlawed();
        _deposit(alice, _units(100));
        _invest(first, _units(60));
        _flawed.setPaused(true);
        uint256 shares = vault.balanceOf(alice);
        (bool isDone, bytes memory answer) = _tryDeposit(bob, _units(1), bob);
        _assertRefused(isDone, answer, FlawedToken.Refused.selector, "deposit");
        (isDone, answer) = _try(alice, abi.encodeCall(IERC4626.withdraw, (_units(10), alice, alice)));
        _assertRefused(isDone, answer, FlawedToken.Refused.selector, "withdraw from idle");
        // No strategy can pay either, so that more than idle is not there.
        (isDone, answer) = _try(alice, abi.encodeCall(IERC4626.redeem, (shares, alice, alice)));
        _assertRefused(isDone, answer, ITreasuryVault.Illiquid.selector, "redeem");
        assertEq(vault.balanceOf(alice), shares);
        vault.checkpoint();
        vm.prank(alice);
        assertTrue(vault.transfer(carol, shares / 2));
        _redeemInKindWithoutIdle(carol, shares / 2);
        assertApproxEqAbs(first.balanceOf(carol), _units(30), 1);
        _flawed.setPaused(false);
        assertGe(_redeemAll(alice) + 1, _units(50), "afterwards as before");
    }

    /// @dev A fall of balances is a loss of all holders at once, a rise is a gain that is recognised in time.
    function test_Rule55_RebasesAreLossesAndGains() public inEachCombination {
        _withFlawed();
        _deposit(alice, _units(100));
        _deposit(bob, _units(300));
        skip(1 days);
        vault.checkpoint();
        _flawed.rebase(2e18);
        assertApproxEqAbs(vault.totalAssets(), _units(400), _floatStep(_units(400)), "up: not at once");
        skip(1 days);
        assertLe(vault.totalAssets(), _units(404) + _floatStep(_units(404)), "one per cent a day");
        assertGe(vault.totalAssets() + 2, _units(404) - _units(404) / 1e12);
        vault.checkpoint();

        _flawed.rebase(0.5e18);
        assertEq(vault.totalAssets(), _units(200), "down: at once");
        uint256 held = vault.totalSupply();
        uint256 expected = vault.balanceOf(alice) * _units(200) / held;
        assertApproxEqAbs(vault.previewRedeem(vault.balanceOf(alice)), expected, 1, "for all alike");
        assertEq(vault.maxDeposit(carol), 0, "and entries wait");
        uint256 got = _redeemAll(alice);
        assertApproxEqAbs(got, expected, 1);
        assertApproxEqAbs(asset.balanceOf(alice), got, 1, "what the token can move of it");
    }

    /// @dev Whose transfers round to another amount than asked is refused at entry like one with a fee.
    function test_Rule55_ATokenThatCannotMoveTheAmountIsRefused() public inEachCombination {
        _withFlawed();
        _flawed.rebase(3e18);
        _fund(alice, 3 * _units(100));
        (bool isDone, bytes memory answer) = _try(alice, abi.encodeCall(IERC4626.deposit, (_units(100) + 1, alice)));
        if ((_units(100) + 1) % 3 != 0) {
            _assertRefused(isDone, answer, ITreasuryVault.UnexpectedTransfer.selector, "rounded");
        }
        vm.prank(alice);
        vault.deposit(_units(99), alice);
        assertEq(asset.balanceOf(address(vault)), _units(99));
    }

    /// @dev An asset replaced by code that answers nothing stops everything but in-kind exits of the rest, and loses
    /// nothing.
    function test_Rule55_AnUpgradeThatBreaksTheAssetLosesNothing() public inEachCombination {
        _withFlawed();
        _deposit(alice, _units(100));
        _deposit(bob, _units(100));
        _invest(first, _units(100));
        bytes memory code = address(asset).code;
        vm.etch(address(asset), hex"60006000fd");
        uint256 shares = vault.balanceOf(alice);
        (bool isDone,) = _try(alice, abi.encodeCall(IERC4626.redeem, (shares, alice, alice)));
        assertFalse(isDone);
        _redeemInKindWithoutIdle(alice, shares);
        assertApproxEqAbs(first.balanceOf(alice), _units(50), 1);
        vm.etch(address(asset), code);
        assertGe(_redeemAll(bob) + 1, _units(100));
    }

    /// @dev The test is the hook: it is a holder and the guard, so that nothing but the lock refuses it.
    function test_Rule56_FromTheHookNothingMovesAndNothingIsSeenHalfDone() public inEachCombination {
        _withUnusual();
        _deposit(alice, _units(100));
        _deposit(address(this), _units(100));
        _invest(first, _units(150));
        asset.mint(address(this), _units(100));
        asset.approve(address(vault), type(uint256).max);
        asset.mint(alice, _units(100));
        vm.prank(alice);
        asset.approve(address(vault), type(uint256).max);
        _setCalls();
        _hooks = 0;
        _unusual.setHook(address(this));
        vm.startPrank(alice);
        vault.deposit(_units(3), alice);
        _assertHooks(2);
        vault.mint(_virtualShares() * 3, alice);
        _assertHooks(2);
        vault.withdraw(_units(3), alice, alice);
        _assertHooks(2);
        // From idle and from a strategy: a leg that the hook cannot disturb, and the payment.
        vault.redeem(vault.balanceOf(alice) * 9 / 10, alice, alice);
        _assertHooks(4);
        vault.deposit(_units(90), alice);
        _assertHooks(2);
        vault.redeemInKind(vault.balanceOf(alice) / 2, alice, alice, new address[](0));
        _assertHooks(2);
        vm.stopPrank();
        Leg[] memory legs = new Leg[](2);
        (legs[0], legs[1]) = (_out(first, _units(2)), _in(second, _units(3)));
        vault.execute(legs, 1 hours, 1 days);
        assertGt(_hooks, 0);
        _hooks = 0;
        vault.pull(address(second), uint128(_units(1)), 0);
        _assertHooks(2);
        assertEq(vault.balanceOf(address(this)), _units(100) * _virtualShares(), "nothing moved");
        _unusual.setHook(address(0));
        assertGt(vault.totalAssets(), 0, "unlocked again");
    }

    function _assertHooks(uint256 expected) private {
        assertEq(_hooks, expected, "before and after each transfer");
        _hooks = 0;
    }

    function _setCalls() private {
        delete _calls;
        address self = address(this);
        _calls.push(abi.encodeCall(vault.checkpoint, ()));
        _calls.push(abi.encodeWithSignature("deposit(uint256,address)", 1, self));
        _calls.push(abi.encodeWithSignature("mint(uint256,address)", 1, self));
        _calls.push(abi.encodeWithSignature("withdraw(uint256,address,address)", 1, self, self));
        _calls.push(abi.encodeWithSignature("redeem(uint256,address,address)", 1e6, self, self));
        _calls.push(abi.encodeWithSignature("deposit(uint256,address,uint256)", 1, self, 0));
        _calls.push(abi.encodeWithSignature("mint(uint256,address,uint256)", 1, self, 10));
        _calls.push(
            abi.encodeWithSignature("withdraw(uint256,address,address,uint256)", 1, self, self, type(uint128).max)
        );
        _calls.push(abi.encodeWithSignature("redeem(uint256,address,address,uint256)", 1e6, self, self, 0));
        _calls.push(abi.encodeCall(vault.redeemInKind, (1e6, self, self, new address[](0))));
        _calls.push(abi.encodeCall(vault.transfer, (alice, 1)));
        _calls.push(abi.encodeCall(vault.transferFrom, (self, alice, 0)));
        _calls.push(abi.encodeCall(vault.execute, (new Leg[](0), 1 hours, 1 days)));
        _calls.push(abi.encodeCall(vault.pull, (address(first), 1, 0)));
        _calls.push(abi.encodeCall(vault.adopt, (_terms(), _list())));
        _calls.push(abi.encodeCall(vault.totalAssets, ()));
        _calls.push(abi.encodeCall(vault.convertToShares, (1)));
        _calls.push(abi.encodeCall(vault.convertToAssets, (1)));
        _calls.push(abi.encodeCall(vault.previewDeposit, (1)));
        _calls.push(abi.encodeCall(vault.previewMint, (1)));
        _calls.push(abi.encodeCall(vault.previewWithdraw, (1)));
        _calls.push(abi.encodeCall(vault.previewRedeem, (1)));
        _calls.push(abi.encodeCall(vault.navState, ()));
        _calls.push(abi.encodeCall(vault.checkpointState, ()));
    }

    /// @inheritdoc ITransferHook
    /// @dev Forge lets a test assert anywhere; a failure here ends the transfer and with it the test.
    function onTransfer(address, address, uint256) external {
        _hooks += 1;
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool isDone, bytes memory answer) = address(vault).call(_calls[i]);
            assertFalse(isDone, vm.toString(i));
            assertEq(answer, abi.encodeWithSelector(ITreasuryVault.Locked.selector), vm.toString(i));
        }
        assertEq(vault.maxDeposit(alice) + vault.maxMint(alice), 0);
        assertEq(vault.maxWithdraw(alice) + vault.maxRedeem(alice), 0);
        // An approval moves nothing.
        vault.approve(alice, 0);
    }
}
