// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Vm} from "forge-std/Vm.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {ExitEntry} from "../../contracts/types/Nav.sol";
import {StrategyStatus} from "../../contracts/types/Policy.sol";
import {Conformance, Scene} from "./Conformance.sol";

/// @notice Rules 39 to 49, 69: zero amounts, special accounts, allowances, transfers.
contract AccountConformanceTest is Conformance {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    /// @dev Ours: allowed, and nothing moves; also for somebody else's account without an allowance.
    function test_Rule39_ZeroAmountsMoveNothing() public inEachScene {
        vault.checkpoint();
        bytes32 before = _everything();
        vm.startPrank(thief);
        if (_state().isEntryOpen) {
            assertEq(vault.deposit(0, carol), 0);
            assertEq(vault.mint(0, carol), 0);
        }
        assertEq(vault.withdraw(0, thief, alice), 0);
        assertEq(vault.redeem(0, thief, alice), 0);
        vault.redeemInKind(0, thief, alice, new address[](0));
        vm.stopPrank();
        assertEq(_everything(), before);
        assertEq(vault.previewDeposit(0) + vault.previewMint(0), 0);
        assertEq(vault.previewWithdraw(0) + vault.previewRedeem(0), 0);
    }

    function _everything() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                vault.totalSupply(),
                vault.totalAssets(),
                vault.balanceOf(alice),
                vault.balanceOf(carol),
                vault.balanceOf(thief),
                asset.balanceOf(thief),
                asset.balanceOf(address(vault))
            )
        );
    }

    function test_Rule40_TheZeroAddressIsRefused() public inEachScene {
        _fund(alice, _units(1));
        bytes[8] memory calls = [
            abi.encodeCall(IERC4626.deposit, (_units(1), address(0))),
            abi.encodeCall(IERC4626.mint, (1, address(0))),
            abi.encodeCall(IERC4626.withdraw, (1, address(0), alice)),
            abi.encodeCall(IERC4626.redeem, (1, address(0), alice)),
            abi.encodeCall(IERC4626.withdraw, (1, alice, address(0))),
            abi.encodeCall(IERC4626.redeem, (1, alice, address(0))),
            abi.encodeCall(IERC4626.withdraw, (0, alice, address(0))),
            abi.encodeCall(IERC4626.redeem, (0, alice, address(0)))
        ];
        for (uint256 i = 0; i < 8; ++i) {
            (bool isDone, bytes memory answer) = _try(alice, calls[i]);
            _assertRefused(isDone, answer, ITreasuryVault.ZeroAddress.selector, "zero address");
        }
    }

    /// @dev Shares of the vault that it holds itself stay in existence, and nobody can spend them; assets paid to it
    /// are a gift to those who stay, counted once.
    function test_Rule41_TheVaultAsReceiver() public inEachCombination {
        _deposit(alice, _units(100));
        vault.checkpoint();
        uint256 worth = vault.previewRedeem(vault.balanceOf(alice));
        _fund(bob, _units(50));
        vm.prank(bob);
        uint256 shares = vault.deposit(_units(50), address(vault));
        assertEq(vault.balanceOf(address(vault)), shares);
        assertApproxEqAbs(vault.previewRedeem(vault.balanceOf(alice)), worth, 1, "others are not touched");
        assertEq(vault.totalAssets(), _liveFromOutside());

        uint256 supply = vault.totalSupply();
        vm.prank(alice);
        uint256 burned = vault.withdraw(_units(20), address(vault), alice);
        assertEq(vault.totalSupply(), supply - burned);
        assertEq(asset.balanceOf(address(vault)), _units(150), "nothing left");
        assertEq(_state().liveAssets, _units(150), "counted once");
        assertLe(vault.totalAssets(), _units(150));
        vm.prank(alice);
        vault.redeemInKind(shares / 10, address(vault), alice, new address[](0));
        assertEq(_state().liveAssets, _units(150), "counted once");
    }

    function test_Rule42_SpecialReceivers() public inEachScene {
        uint256 assets = _units(4) + 1;
        address[6] memory receivers =
            [alice, address(first), address(this), vault.conduit(), feeRecipient, address(asset)];
        for (uint256 i = 0; i < 6; ++i) {
            uint256 start = vm.snapshotState();
            vault.checkpoint();
            _enterAndLeave(receivers[i], assets);
            vm.revertToStateAndDelete(start);
        }
    }

    function _enterAndLeave(address receiver, uint256 assets) private {
        uint256 supply = vault.totalSupply();
        uint256 held = vault.balanceOf(receiver);
        if (vault.maxDeposit(receiver) >= assets && vault.previewDeposit(assets) != 0) {
            _fund(alice, assets);
            vm.prank(alice);
            uint256 shares = vault.deposit(assets, receiver);
            assertEq(vault.balanceOf(receiver), held + shares);
            assertEq(vault.totalSupply(), supply + shares);
            assertEq(_state().liveAssets, _liveFromOutside());
        }
        assets = vault.maxWithdraw(alice) / 4;
        if (assets == 0) return;
        uint256 got = asset.balanceOf(receiver);
        uint256 live = _liveFromOutside();
        vault.checkpoint();
        supply = vault.totalSupply();
        vm.prank(alice);
        uint256 burned = vault.withdraw(assets, receiver, alice);
        assertEq(vault.totalSupply(), supply - burned);
        // A strategy that is drawn on may itself be the receiver: the assets are then its holders' gift.
        if (receiver == address(first)) return assertEq(_state().liveAssets, _liveFromOutside());
        assertEq(asset.balanceOf(receiver), got + assets);
        assertLe(_liveFromOutside(), live - assets);
        assertEq(_state().liveAssets, _liveFromOutside());
    }

    function test_Rule43_TheFeeRecipientAsCaller() public inEachCombination {
        _deposit(alice, _units(1000));
        _deposit(feeRecipient, _units(10));
        skip(90 days);
        uint256 units = _unitsNow();
        uint256 due = units - vault.totalSupply() - _virtualShares();
        uint256 held = vault.balanceOf(feeRecipient);
        uint256 preview = vault.previewDeposit(_units(5));
        assertEq(_deposit(feeRecipient, _units(5)), preview, "deposit");
        assertEq(vault.balanceOf(feeRecipient), held + due + preview, "its fee and its entry, each once");
        assertEq(due != 0, hasFees);

        skip(90 days);
        due = _unitsNow() - vault.totalSupply() - _virtualShares();
        held = vault.balanceOf(feeRecipient);
        uint256 most = vault.maxRedeem(feeRecipient);
        preview = vault.previewRedeem(most);
        vm.prank(feeRecipient);
        assertEq(vault.redeem(most, feeRecipient, feeRecipient), preview, "redeem");
        assertEq(vault.balanceOf(feeRecipient), held + due - most);
    }

    function test_Rule44_AllowancesAreSpentInShares() public inEachScene {
        uint256 assets = vault.maxWithdraw(alice) / 3;
        uint256 shares = vault.previewWithdraw(assets);
        uint256 some = vault.maxRedeem(alice) / 5;
        if (assets == 0 || vault.previewRedeem(some) == 0) return;
        _approve(shares - 1);
        (bool isDone,) = _try(thief, abi.encodeCall(IERC4626.withdraw, (assets, thief, alice)));
        assertFalse(isDone, "one share short");
        _approve(shares + 5);
        vm.prank(thief);
        assertEq(vault.withdraw(assets, thief, alice), shares);
        assertEq(vault.allowance(alice, thief), 5, "exactly the shares burned");

        _approve(some - 1);
        (isDone,) = _try(thief, abi.encodeCall(IERC4626.redeem, (some, thief, alice)));
        assertFalse(isDone, "one share short");
        (isDone,) = _try(thief, abi.encodeCall(vault.redeemInKind, (some, thief, alice, new address[](0))));
        assertFalse(isDone, "one share short, in kind");
        _approve(some);
        vm.prank(thief);
        vault.redeem(some, thief, alice);
        assertEq(vault.allowance(alice, thief), 0);
    }

    function _approve(uint256 shares) private {
        vm.prank(alice);
        vault.approve(thief, shares);
    }

    function test_Rule45_AnInfiniteAllowanceIsNotReduced() public inEachCombination {
        _deposit(alice, _units(100));
        _approve(type(uint256).max);
        vm.recordLogs();
        vm.startPrank(thief);
        vault.withdraw(_units(1), thief, alice);
        vault.redeem(_virtualShares() * 2, thief, alice);
        assertTrue(vault.transferFrom(alice, carol, 1));
        vm.stopPrank();
        assertEq(_approvals(), 0);
        assertEq(vault.allowance(alice, thief), type(uint256).max);

        _approve(type(uint256).max - 1);
        vm.prank(thief);
        uint256 burned = vault.withdraw(_units(1), thief, alice);
        assertEq(vault.allowance(alice, thief), type(uint256).max - 1 - burned, "a finite one is");
    }

    function _approvals() private returns (uint256 count) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(vault) && logs[i].topics[0] == IERC20.Approval.selector) count += 1;
        }
    }

    function test_Rule46_OwnersNeedNoAllowanceAndSpendNone() public inEachCombination {
        _deposit(alice, _units(100));
        vm.startPrank(alice);
        vault.withdraw(_units(1), alice, alice);
        assertEq(vault.allowance(alice, alice), 0);
        vault.approve(alice, 7);
        vault.withdraw(_units(1), alice, alice);
        vault.redeem(_virtualShares() * 2, alice, alice);
        assertEq(vault.allowance(alice, alice), 7);
        vm.stopPrank();
    }

    /// @dev Strategies have no allowance from the vault at all. The conduit's stand at the maximum while a strategy is
    /// Active, but between transactions it holds none of the vault's money; they are cleared when it leaves.
    function test_Rule47_NoAllowanceIsLeftOver() public inEachCombination {
        _deposit(alice, _units(100));
        assertEq(asset.allowance(alice, address(vault)), 0, "all of it was used");
        _fund(bob, _units(9));
        vm.prank(bob);
        vault.deposit(_units(4), bob);
        assertEq(asset.allowance(bob, address(vault)), _units(5), "and no more than asked");
        _invest(first, _units(40));
        _invest(second, _units(40));
        assertEq(asset.allowance(address(vault), address(first)), 0);
        assertEq(asset.allowance(address(vault), address(second)), 0);
        assertEq(asset.allowance(address(vault), vault.conduit()), 0);
        assertEq(asset.balanceOf(vault.conduit()), 0);
        ExitEntry[] memory list = _list();
        list[0].status = StrategyStatus.ExitOnly;
        vault.adopt(_terms(), list);
        assertEq(asset.allowance(vault.conduit(), address(first)), 0, "cleared");
    }

    function _permit(uint256 key, address spender, uint256 value, uint256 deadline)
        private
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        IERC20Permit token = IERC20Permit(address(vault));
        address owner = vm.addr(key);
        bytes32 content = keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, token.nonces(owner), deadline));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), content)));
    }

    function test_Rule48_APermitWorksOnceAndInTime() public inEachCombination {
        (uint256 key, IERC20Permit token) = (0xA11CE, IERC20Permit(address(vault)));
        (address owner, uint256 deadline) = (vm.addr(key), block.timestamp + 1 hours);
        (uint8 v, bytes32 r, bytes32 s) = _permit(key, thief, 77, deadline);

        skip(1 hours + 1);
        assertFalse(_tryPermit(owner, 77, deadline, v, r, s), "expired");
        vm.warp(deadline);
        assertFalse(_tryPermit(owner, 78, deadline, v, r, s), "another amount");
        assertFalse(_tryPermit(bob, 77, deadline, v, r, s), "another owner");
        assertFalse(_tryPermit(address(0), 77, deadline, 0, r, s), "no owner");
        uint256 n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        assertFalse(_tryPermit(owner, 77, deadline, v ^ 7, r, bytes32(n - uint256(s))), "malleable");
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        assertFalse(_tryPermit(owner, 77, deadline, v, r, s), "another chain");
        vm.chainId(chain);
        assertEq(vault.allowance(owner, thief), 0);

        assertTrue(_tryPermit(owner, 77, deadline, v, r, s), "in its last second");
        assertEq(vault.allowance(owner, thief), 77);
        assertEq(token.nonces(owner), 1);
        assertFalse(_tryPermit(owner, 77, deadline, v, r, s), "replayed");
    }

    function _tryPermit(address owner, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        private
        returns (bool isDone)
    {
        (isDone,) = _try(thief, abi.encodeCall(IERC20Permit.permit, (owner, thief, value, deadline, v, r, s)));
    }

    /// @dev There is no entry with a permit in one call, so none can be blocked by sending the permit first: who uses
    /// one finds the allowance it needs.
    function test_Rule48_APermitSentByAnotherServesAsWell() public inEachCombination {
        uint256 key = 0xA11CE;
        address owner = vm.addr(key);
        uint256 shares = _deposit(owner, _units(10));
        (uint8 v, bytes32 r, bytes32 s) = _permit(key, carol, shares, block.timestamp);
        vm.prank(thief);
        IERC20Permit(address(vault)).permit(owner, carol, shares, block.timestamp, v, r, s);
        vm.startPrank(carol);
        (bool isDone,) =
            address(vault).call(abi.encodeCall(IERC20Permit.permit, (owner, carol, shares, block.timestamp, v, r, s)));
        assertFalse(isDone, "it is spent");
        vault.redeem(shares, carol, owner);
        vm.stopPrank();
        assertGe(asset.balanceOf(carol) + 1, _units(10));
    }

    function test_Rule49_TheCallerPaysAlways() public inEachScene {
        _fund(bob, _units(1000));
        uint256 rich = asset.balanceOf(bob);
        bytes[4] memory calls = [
            abi.encodeCall(IERC4626.deposit, (_units(5), thief)),
            abi.encodeCall(IERC4626.deposit, (_units(5), bob)),
            abi.encodeCall(IERC4626.mint, (_units(5) * _virtualShares(), thief)),
            abi.encodeCall(IERC4626.mint, (_units(5) * _virtualShares(), bob))
        ];
        for (uint256 i = 0; i < 4; ++i) {
            (bool isDone,) = _try(thief, calls[i]);
            assertFalse(isDone, "the caller has nothing");
        }
        uint256 supply = vault.totalSupply();
        if (vault.maxDeposit(bob) >= _units(5) && vault.previewDeposit(_units(5)) != 0) {
            _fund(thief, _units(5));
            vm.prank(thief);
            vault.deposit(_units(5), bob);
            assertEq(asset.balanceOf(thief), 0, "pays for another");
            supply = vault.totalSupply();
        }
        assertEq(asset.balanceOf(bob), rich);
        if (vault.maxWithdraw(alice) == 0) return;
        (bool isOut,) = _try(thief, abi.encodeCall(IERC4626.withdraw, (1, thief, alice)));
        assertFalse(isOut, "nor is anybody's share");
        assertEq(vault.totalSupply(), supply);
    }

    function test_Rule69_TransfersOfSharesChangeNothingElse() public inEachScene {
        uint256 shares = vault.balanceOf(alice) / 3;
        bytes32 before = _price();
        address[4] memory receivers = [carol, address(vault), feeRecipient, address(first)];
        for (uint256 i = 0; i < 4; ++i) {
            uint256 held = vault.balanceOf(receivers[i]);
            vm.prank(alice);
            assertTrue(vault.transfer(receivers[i], shares / 4));
            assertEq(vault.balanceOf(receivers[i]), held + shares / 4);
            assertEq(_price(), before);
        }
        vm.prank(alice);
        vault.approve(bob, shares / 4);
        vm.prank(bob);
        assertTrue(vault.transferFrom(alice, bob, shares / 4));
        assertEq(_price(), before);
        assertEq(vault.allowance(alice, bob), 0);
        (bool isDone,) = _try(bob, abi.encodeWithSignature("transferFrom(address,address,uint256)", alice, bob, 1));
        assertEq(isDone, vault.allowance(alice, bob) != 0, "no more than allowed");
    }

    function _price() private view returns (bytes32) {
        return keccak256(
            abi.encode(vault.totalAssets(), vault.totalSupply(), vault.convertToAssets(1e30), _state().seasonedWad)
        );
    }
}
