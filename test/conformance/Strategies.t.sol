// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {ExitEntry} from "../../contracts/types/Nav.sol";
import {StrategyStatus} from "../../contracts/types/Policy.sol";
import {Leg} from "../../contracts/types/Rebalance.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {Conformance} from "./Conformance.sol";
import {Batch} from "./mocks/Batch.sol";

/// @notice Rules 62, 63, 66, 68, 70: strategies that reenter or lie, sequences in one transaction, shut-down, recovery.
contract StrategyConformanceTest is Conformance {
    function _calls(address holder) private view returns (bytes[18] memory) {
        return [
            abi.encodeCall(vault.checkpoint, ()),
            abi.encodeWithSignature("deposit(uint256,address)", 1, holder),
            abi.encodeWithSignature("mint(uint256,address)", 1, holder),
            abi.encodeWithSignature("withdraw(uint256,address,address)", 1, holder, holder),
            abi.encodeWithSignature("redeem(uint256,address,address)", 1e6, holder, holder),
            abi.encodeWithSignature("deposit(uint256,address,uint256)", 1, holder, 0),
            abi.encodeWithSignature("mint(uint256,address,uint256)", 1, holder, 10),
            abi.encodeWithSignature("withdraw(uint256,address,address,uint256)", 1, holder, holder, 1e40),
            abi.encodeWithSignature("redeem(uint256,address,address,uint256)", 1e6, holder, holder, 0),
            abi.encodeCall(vault.redeemInKind, (1e6, holder, holder, new address[](0))),
            abi.encodeCall(vault.transfer, (alice, 1)),
            abi.encodeCall(vault.transferFrom, (holder, alice, 0)),
            abi.encodeCall(vault.totalAssets, ()),
            abi.encodeCall(vault.convertToAssets, (1)),
            abi.encodeCall(vault.previewRedeem, (1)),
            abi.encodeCall(vault.previewDeposit, (1)),
            abi.encodeCall(vault.navState, ()),
            abi.encodeCall(vault.checkpointState, ())
        ];
    }

    /// @dev The strategy is a holder itself, so that nothing but the lock refuses it.
    function test_Rule62_AStrategyThatReentersGetsNothing() public inEachCombination {
        _deposit(alice, _units(100));
        _deposit(address(third), _units(10));
        uint256 held = vault.balanceOf(address(third));
        bytes[18] memory calls = _calls(address(third));
        uint256 start = vm.snapshotState();
        for (uint256 i = 0; i < 18; ++i) {
            third.setCall(address(vault), calls[i]);
            _invest(third, _units(10));
            _assertLocked();
            Leg[] memory legs = new Leg[](1);
            legs[0] = _out(third, _units(1));
            vault.execute(legs, 1 hours, 1 days);
            _assertLocked();
            vault.pull(address(third), uint128(_units(1)), 0);
            _assertLocked();
            _invest(first, asset.balanceOf(address(vault)));
            // From strategies: the third after the first.
            uint256 shares = vault.balanceOf(alice);
            vm.prank(alice);
            vault.redeem(shares, alice, alice);
            if (asset.balanceOf(address(vault)) != 0) _assertLocked();
            assertEq(vault.balanceOf(address(third)), held, "no share more");
            assertLe(asset.balanceOf(alice), _units(100), "no profit");
            vm.revertToState(start);
        }
        // Limits answer zero from inside.
        third.setCall(address(vault), abi.encodeCall(vault.maxWithdraw, (alice)));
        _invest(third, _units(10));
        assertFalse(third.hasCallReverted());
        assertEq(abi.decode(third.callAnswer(), (uint256)), 0);
    }

    function _assertLocked() private view {
        assertTrue(third.hasCallReverted());
        assertEq(_errorOf(third.callAnswer()), ITreasuryVault.Locked.selector);
    }

    /// @dev What a strategy says above the mark is recognised no faster than growth; what it does not pay is paid from
    /// elsewhere; once it is written off, the loss is everybody's alike.
    function test_Rule63_ALieIsNobodysProfitAndTheLossIsShared() public inEachCombination {
        _deposit(alice, _units(300));
        _deposit(bob, _units(100));
        _invest(first, _units(100));
        _invest(third, _units(200));
        skip(1 days);
        vault.checkpoint();
        uint256 honest = vault.previewRedeem(vault.balanceOf(bob));
        third.setReportBps(20_000);
        third.drain(thief, _units(100));
        assertLe(vault.previewRedeem(vault.balanceOf(bob)), honest, "the lie is not paid");
        uint256 start = vm.snapshotState();
        // Half of what the third strategy shows is there: its leg is skipped, and what is there is served.
        uint256 most = vault.balanceOf(bob);
        vm.prank(bob);
        uint256 got = vault.redeem(most, bob, bob);
        assertLe(got, honest);
        assertEq(asset.balanceOf(bob), got);
        uint256 shares = vault.balanceOf(alice);
        (bool isDone, bytes memory answer) = _try(alice, abi.encodeCall(IERC4626.redeem, (shares, alice, alice)));
        _assertRefused(isDone, answer, ITreasuryVault.Illiquid.selector, "no more than there is");
        vm.revertToState(start);

        ExitEntry[] memory list = _list();
        list[2].status = StrategyStatus.WrittenOff;
        vault.adopt(_terms(), list);
        uint256 ofBob = vault.previewRedeem(vault.balanceOf(bob));
        assertApproxEqAbs(ofBob * 3, vault.previewRedeem(vault.balanceOf(alice)), 4, "the loss is shared");
        assertApproxEqAbs(ofBob, vault.totalAssets() * vault.balanceOf(bob) / _unitsNow(), 1);
        _redeemAll(bob);
        _redeemAll(alice);
        assertLe(asset.balanceOf(bob) * 3, asset.balanceOf(alice) + 4);
        assertGe(asset.balanceOf(bob) * 3 + 4, asset.balanceOf(alice));
    }

    /// @dev A lie that lasts is recognised like a gain. The bound is declared: `maxGrowth` a day.
    function test_Rule63_ALieThatLastsIsBoundedByGrowth() public inEachCombination {
        _deposit(alice, _units(300));
        _deposit(bob, _units(100));
        _invest(third, _units(200));
        skip(1 days);
        vault.checkpoint();
        uint256 honest = vault.previewRedeem(vault.balanceOf(bob));
        third.setReportBps(20_000);
        skip(3 days);
        assertLe(_redeemAll(bob), honest + honest * 3 / 100 + 1);
    }

    function test_Rule66_OneTransactionOrSeveralIsTheSame() public inEachCombination {
        _deposit(alice, _units(100));
        _spread();
        Batch batch = new Batch();
        asset.mint(address(batch), _units(1000));
        (address[] memory targets, bytes[] memory data) = _sequence(address(batch));
        uint256 start = vm.snapshotState();
        for (uint256 i = 0; i < targets.length; ++i) {
            batch.one(targets[i], data[i]);
        }
        bytes32 severally = _outcome(address(batch));
        vm.revertToState(start);
        batch.many(targets, data);
        assertEq(_outcome(address(batch)), severally);
    }

    function _sequence(address self) private view returns (address[] memory targets, bytes[] memory data) {
        data = new bytes[](11);
        targets = new address[](11);
        for (uint256 i = 0; i < 11; ++i) {
            targets[i] = address(vault);
        }
        targets[0] = address(asset);
        data[0] = abi.encodeCall(IERC20.approve, (address(vault), _units(1000)));
        data[1] = abi.encodeCall(vault.checkpoint, ());
        data[2] = abi.encodeWithSignature("deposit(uint256,address)", _units(50), self);
        data[3] = abi.encodeWithSignature("withdraw(uint256,address,address)", _units(7) + 1, self, self);
        data[4] = abi.encodeWithSignature("mint(uint256,address)", _units(3) * _virtualShares() + 1, self);
        data[5] = abi.encodeWithSignature("redeem(uint256,address,address)", _units(5) * _virtualShares(), self, self);
        data[6] = abi.encodeCall(vault.transfer, (carol, _units(1)));
        data[7] = abi.encodeCall(vault.redeemInKind, (_units(2) * _virtualShares(), carol, self, new address[](0)));
        data[8] = abi.encodeCall(vault.checkpoint, ());
        data[9] = abi.encodeWithSignature("withdraw(uint256,address,address)", _units(20), carol, self);
        data[10] = abi.encodeWithSignature("deposit(uint256,address)", _units(1), self);
    }

    function _outcome(address self) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                _state(),
                vault.totalSupply(),
                vault.balanceOf(self),
                vault.balanceOf(carol),
                asset.balanceOf(self),
                asset.balanceOf(address(vault)),
                first.balanceOf(carol),
                vault.balanceOf(feeRecipient)
            )
        );
    }

    /// @dev There is no pause in the vault. Shut down is a deposit cap of zero and every strategy to leave or gone:
    /// entries are refused, exits go on, fees go on as declared by the parameters.
    function test_Rule68_ShutDownRefusesEntriesOnly() public inEachCombination {
        _deposit(alice, _units(100));
        _spread();
        vault.checkpoint();
        ExitEntry[] memory list = _list();
        for (uint256 i = 0; i < 3; ++i) {
            list[i].status = StrategyStatus.ExitOnly;
        }
        vault.adopt(_terms(), list);
        _adoptCap(0);
        (bool isDone, bytes memory answer) = _tryDeposit(carol, _units(1), carol);
        _assertRefused(isDone, answer, ITreasuryVault.DepositCapExceeded.selector, "entry");
        uint256 supply = vault.totalSupply();
        skip(30 days);
        vault.checkpoint();
        assertEq(vault.totalSupply() > supply, hasFees, "fees go on until a policy ends them");
        uint256 start = vm.snapshotState();
        vm.prank(bob);
        vault.withdraw(_units(5), bob, bob);
        _redeemAll(bob);
        assertGe(_redeemAll(alice), _units(98));
        vm.revertToState(start);
        // Even with every strategy broken: in kind.
        third.setReadFault(HostileStrategy.Fault.EatGas);
        vm.etch(address(second), "");
        first.setLiquidAssets(0);
        address[] memory left = new address[](1);
        left[0] = address(second);
        uint256 shares = vault.balanceOf(alice);
        vm.prank(alice);
        (uint256 idle,, uint256[] memory amounts) = vault.redeemInKind(shares, alice, alice, left);
        assertGt(idle, 0);
        assertGt(amounts[0], 0);
        assertEq(amounts[1], 0);
    }

    /// @dev Ours: there is no recovery at all. The most privileged caller cannot name a token, and what is sent astray
    /// stays.
    function test_Rule70_TheGuardCannotTakeATokenOut() public inEachCombination {
        _deposit(alice, _units(100));
        _invest(first, _units(50));
        TestToken astray = new TestToken("LOST", 18);
        astray.mint(address(vault), 5);
        address[4] memory tokens = [address(asset), address(vault), address(astray), vault.conduit()];
        for (uint256 i = 0; i < 4; ++i) {
            ExitEntry[] memory list = _list();
            list[0].strategy = tokens[i];
            vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.UnfitStrategy.selector, tokens[i]));
            vault.adopt(_terms(), list);
            vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.UnfitStrategy.selector, tokens[i]));
            vault.pull(tokens[i], 1, 0);
        }
        assertEq(astray.balanceOf(address(vault)), 5);
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_Rule70_NoOtherFunctionExists(bytes4 selector, bytes32 word) public inEachCombination {
        _deposit(alice, _units(100));
        _invest(first, _units(50));
        bytes4[7] memory usual = [
            bytes4(keccak256("recover(address,address,uint256)")),
            bytes4(keccak256("sweep(address)")),
            bytes4(keccak256("rescueTokens(address,address,uint256)")),
            bytes4(keccak256("skim(address)")),
            bytes4(keccak256("recoverERC20(address,uint256)")),
            bytes4(keccak256("withdrawToken(address,uint256)")),
            selector
        ];
        address[3] memory tokens = [address(asset), address(vault), address(first)];
        for (uint256 i = 0; i < 7; ++i) {
            (bool isDone,) =
                address(vault).call(abi.encodeWithSelector(usual[i], tokens[uint256(word) % 3], thief, 1, 1));
            if (i != 6) assertFalse(isDone);
        }
        assertEq(asset.balanceOf(address(vault)), _units(50));
        assertEq(first.balanceOf(address(vault)), _units(50));
        assertEq(vault.balanceOf(alice), _units(100) * _virtualShares());
    }
}
