// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Vm} from "forge-std/Vm.sol";

import {Conformance} from "./Conformance.sol";

/// @notice Rules 35 to 38: events, told from the logs.
contract EventConformanceTest is Conformance {
    /// @dev The vault's logs of one event since the recording began.
    function _logsOf(Vm.Log[] memory logs, bytes32 topic) private view returns (Vm.Log[] memory found) {
        uint256 count;
        found = new Vm.Log[](logs.length);
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(vault) && logs[i].topics[0] == topic) found[count++] = logs[i];
        }
        assembly ("memory-safe") {
            mstore(found, count)
        }
    }

    function _word(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function _assertDeposit(Vm.Log[] memory logs, address sender, address owner, uint256 assets, uint256 shares)
        private
        view
    {
        Vm.Log[] memory found = _logsOf(logs, IERC4626.Deposit.selector);
        assertEq(found.length, 1, "exactly one Deposit");
        assertEq(found[0].topics.length, 3);
        assertEq(found[0].topics[1], _word(sender), "sender is the caller");
        assertEq(found[0].topics[2], _word(owner), "owner is the receiver");
        assertEq(found[0].data, abi.encode(assets, shares));
        assertEq(_logsOf(logs, IERC4626.Withdraw.selector).length, 0);
    }

    function test_Rule35_OneDepositPerDepositAndMint() public inEachScene {
        uint256 assets = _units(7) + 1;
        if (vault.maxDeposit(carol) < assets || vault.previewDeposit(assets) == 0) return;
        _fund(carol, assets);
        uint256 held = asset.balanceOf(address(vault));
        vm.recordLogs();
        vm.prank(carol);
        uint256 shares = vault.deposit(assets, bob);
        _assertDeposit(vm.getRecordedLogs(), carol, bob, assets, shares);
        assertEq(asset.balanceOf(address(vault)) - held, assets);

        uint256 cost = vault.previewMint(shares);
        _fund(carol, cost);
        held = asset.balanceOf(address(vault));
        uint256 before = vault.balanceOf(thief);
        vm.recordLogs();
        vm.prank(carol);
        assertEq(vault.mint(shares, thief), cost);
        _assertDeposit(vm.getRecordedLogs(), carol, thief, cost, shares);
        assertEq(asset.balanceOf(address(vault)) - held, cost);
        assertEq(vault.balanceOf(thief) - before, shares);
    }

    function _assertWithdraw(Vm.Log[] memory logs, uint256 assets, uint256 shares) private view {
        Vm.Log[] memory found = _logsOf(logs, IERC4626.Withdraw.selector);
        assertEq(found.length, 1, "exactly one Withdraw");
        assertEq(found[0].topics.length, 4);
        assertEq(found[0].topics[1], _word(thief), "sender is the caller");
        assertEq(found[0].topics[2], _word(carol), "receiver");
        assertEq(found[0].topics[3], _word(alice), "owner");
        assertEq(found[0].data, abi.encode(assets, shares));
        assertEq(_logsOf(logs, IERC4626.Deposit.selector).length, 0);
    }

    function test_Rule36_OneWithdrawPerWithdrawAndRedeem() public inEachScene {
        uint256 assets = vault.maxWithdraw(alice) / 3;
        if (assets == 0) return;
        vm.prank(alice);
        vault.approve(thief, type(uint256).max);
        uint256 held = vault.balanceOf(alice);
        vm.recordLogs();
        vm.prank(thief);
        uint256 shares = vault.withdraw(assets, carol, alice);
        _assertWithdraw(vm.getRecordedLogs(), assets, shares);
        assertEq(held - vault.balanceOf(alice), shares);
        assertEq(asset.balanceOf(carol), assets);

        held = vault.balanceOf(alice);
        uint256 some = vault.maxRedeem(alice) / 2;
        if (vault.previewRedeem(some) == 0) return;
        vm.recordLogs();
        vm.prank(thief);
        uint256 paid = vault.redeem(some, carol, alice);
        _assertWithdraw(vm.getRecordedLogs(), paid, some);
        assertEq(held - vault.balanceOf(alice), some);
        assertEq(asset.balanceOf(carol), assets + paid);
    }

    /// @dev Number of `Transfer` logs with these accounts, and the sum of their amounts.
    function _transfers(Vm.Log[] memory logs, address from, address to)
        private
        view
        returns (uint256 count, uint256 sum)
    {
        Vm.Log[] memory found = _logsOf(logs, IERC20.Transfer.selector);
        for (uint256 i = 0; i < found.length; ++i) {
            if (found[i].topics[1] != _word(from) || found[i].topics[2] != _word(to)) continue;
            count += 1;
            sum += abi.decode(found[i].data, (uint256));
        }
    }

    function test_Rule37_TransfersAccompanyMintAndBurn() public inEachCombination {
        _deposit(alice, _units(100));
        uint256 supply = vault.totalSupply();
        vm.recordLogs();
        uint256 shares = _deposit(carol, _units(5));
        (uint256 count, uint256 sum) = _transfers(vm.getRecordedLogs(), address(0), carol);
        assertEq(count, 1);
        assertEq(sum, shares);
        assertEq(vault.totalSupply(), supply + shares);

        vm.recordLogs();
        vm.prank(carol);
        vault.redeem(shares / 2, bob, carol);
        (count, sum) = _transfers(vm.getRecordedLogs(), carol, address(0));
        assertEq(count, 1);
        assertEq(sum, shares / 2);

        supply = vault.totalSupply();
        skip(30 days);
        vm.recordLogs();
        vault.checkpoint();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (count, sum) = _transfers(logs, address(0), feeRecipient);
        assertEq(count > 0, hasFees, "fee shares have a Transfer");
        assertEq(sum, vault.balanceOf(feeRecipient));
        assertEq(vault.totalSupply(), supply + sum);
        assertEq(_logsOf(logs, IERC4626.Deposit.selector).length, 0, "but no Deposit");
        Vm.Log[] memory fees = _logsOf(logs, keccak256("FeesAccrued(address,uint256,uint256)"));
        assertEq(fees.length, hasFees ? 1 : 0);
        if (!hasFees) return;
        assertEq(fees[0].topics[1], _word(feeRecipient));
        (uint256 management, uint256 performance) = abi.decode(fees[0].data, (uint256, uint256));
        assertEq(management + performance, sum);
    }

    /// @dev Ours: nothing of zero is refused, and each emits its event with zeros.
    function test_Rule38_ZeroAmountsEmitTheirEvents() public inEachScene {
        vm.startPrank(alice);
        if (_state().isEntryOpen) {
            vm.recordLogs();
            vault.deposit(0, bob);
            _assertDeposit(vm.getRecordedLogs(), alice, bob, 0, 0);
            vm.recordLogs();
            vault.mint(0, bob);
            _assertDeposit(vm.getRecordedLogs(), alice, bob, 0, 0);
        }
        vm.stopPrank();
        vm.recordLogs();
        vm.prank(thief);
        vault.withdraw(0, carol, alice);
        _assertWithdraw(vm.getRecordedLogs(), 0, 0);
        vm.recordLogs();
        vm.prank(thief);
        vault.redeem(0, carol, alice);
        _assertWithdraw(vm.getRecordedLogs(), 0, 0);
        vm.recordLogs();
        vm.prank(thief);
        assertTrue(vault.transfer(carol, 0));
        (uint256 count, uint256 sum) = _transfers(vm.getRecordedLogs(), thief, carol);
        assertEq(count, 1);
        assertEq(sum, 0);
    }
}
