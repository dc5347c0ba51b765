// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NavState} from "../../contracts/types/Nav.sol";
import {Conformance, Scene} from "./Conformance.sol";
import {Wide} from "./Wide.sol";

/// @notice Rules 3, 4, 64, 65: what going in and out is worth, in any order.
contract RoundTripConformanceTest is Conformance {
    uint256 private constant STEPS = 10;

    /// @dev What another's entries and exits round off, a unit each, stays with those who are in. Where a fee was just
    /// taken, the mark is rounded up by the float's step and may recognise a unit of it later.
    /// forge-config: default.fuzz.runs = 24
    function testFuzz_Rule03_NoSequenceOfEntriesAndExitsGains(uint256 seed) public inEachCombination {
        _reach(Scene(seed % SCENES));
        uint256 paid;
        uint256 received;
        uint256 others;
        for (uint256 i = 0; i < STEPS; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            // A second actor goes in and out between.
            if (word % 3 == 0) {
                _step(carol, word >> 8);
                ++others;
            }
            (uint256 in_, uint256 out_) = _step(thief, word >> 16);
            (paid, received) = (paid + in_, received + out_);
        }
        uint256 rest = vault.maxRedeem(thief);
        if (rest != 0) {
            vm.prank(thief);
            received += vault.redeem(rest, thief, thief);
        }
        assertLe(received, paid + others + (hasFees ? _floatStep(paid) : 0));
        assertEq(asset.balanceOf(thief), received, "what was received, measured");
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_Rule03_ManySmallOnesGiveNoMoreThanOne(uint256 sceneSeed, uint256 amount, uint256 parts)
        public
        inEachCombination
    {
        _reach(Scene(sceneSeed % SCENES));
        if (vault.maxDeposit(thief) == 0) return;
        parts = bound(parts, 2, 7);
        amount = bound(amount, 1, _units(50) + 7);
        uint256 paid;
        uint256 received;
        for (uint256 i = 0; i < parts; ++i) {
            if (vault.previewDeposit(amount) == 0) return;
            _deposit(thief, amount);
            paid += amount;
        }
        uint256 shares = vault.balanceOf(thief);
        for (uint256 i = 0; i < parts; ++i) {
            uint256 part = i == parts - 1 ? vault.balanceOf(thief) : shares / parts;
            if (part > vault.maxRedeem(thief) || vault.previewRedeem(part) == 0) continue;
            vm.prank(thief);
            received += vault.redeem(part, thief, thief);
        }
        assertLe(received, paid);
    }

    /// @dev Fees come first, so that what is compared is the entry or exit alone. Our rule: while the mark binds, NAV
    /// is a rounded product of mark and shares, which costs one unit; and each strategy an exit draws on rounds what is
    /// left of the position by up to one unit.
    function test_Rule04_AssetsPerShareNeverFallByAnEntryOrExit() public inEachScene {
        uint256[8] memory amounts = _amounts();
        // Every other one of the scales, the others in every other scene.
        for (uint256 i = uint256(scene) % 2; i < 8; i += 2) {
            uint256 start = vm.snapshotState();
            vault.checkpoint();
            (uint256 total, uint256 units) = _priceNow();
            (bool isIn,) = _tryDeposit(carol, amounts[i], carol);
            if (isIn) {
                _assertNotBelow(total, units, 1);
                (total, units) = _priceNow();
                uint256 shares = vault.maxRedeem(carol);
                vm.prank(carol);
                if (shares != 0) vault.redeem(shares, carol, carol);
                _assertNotBelow(total, units, 4);
            }
            (total, units) = _priceNow();
            uint256 most = vault.maxWithdraw(alice);
            if (most >= amounts[i]) {
                vm.prank(alice);
                vault.withdraw(amounts[i], alice, alice);
                _assertNotBelow(total, units, 4);
            }
            vm.revertToStateAndDelete(start);
        }
    }

    function _priceNow() private returns (uint256 total, uint256 units) {
        return (vault.totalAssets(), _unitsNow());
    }

    /// @dev (after + 1 + tolerance) ÷ units after ≥ (before + 1) ÷ units before.
    function _assertNotBelow(uint256 total, uint256 units, uint256 tolerance) private {
        (uint256 totalAfter, uint256 unitsAfter) = _priceNow();
        assertTrue(Wide.isAtMost(total + 1, unitsAfter, totalAfter + 1 + tolerance, units), "assets per share fell");
    }

    /// @dev With nothing invested and the mark at the live value there is nothing to round: not one unit.
    function test_Rule04_HoldsToTheUnitWhileNothingBinds() public inEachCombination {
        _deposit(alice, _units(100));
        skip(3 days);
        vault.checkpoint();
        uint256[8] memory amounts = _amounts();
        for (uint256 i = 0; i < 8; ++i) {
            (uint256 total, uint256 units) = _priceNow();
            _deposit(carol, amounts[i]);
            _assertNotBelow(total, units, _markBinds() ? 1 : 0);
            (total, units) = _priceNow();
            uint256 shares = vault.maxRedeem(carol) / 2;
            if (vault.previewRedeem(shares) == 0) continue;
            vm.prank(carol);
            vault.redeem(shares, carol, carol);
            _assertNotBelow(total, units, _markBinds() ? 1 : 0);
        }
    }

    function _markBinds() private view returns (bool) {
        return vault.totalAssets() < _liveFromOutside();
    }

    /// @dev There is no report: a gain counts as it is recognised, a loss at once. In the block of the gain nothing can
    /// be taken; later no more than what `maxGrowth` recognised since, for everybody.
    function test_Rule64_SandwichAroundAGain() public inEachCombination {
        _deposit(alice, _units(1000));
        _invest(first, _units(1000));
        skip(30 days);
        uint256 start = vm.snapshotState();
        _deposit(thief, _units(1000));
        first.gain(_units(500));
        vault.checkpoint();
        uint256 sameBlock = vm.snapshotState();
        assertLe(_redeemAll(thief), _units(1000) + _floatStep(_units(1000)) - 1, "in one block");
        vm.revertToState(sameBlock);
        skip(12);
        // One per cent a day for twelve seconds, and a unit of rounding.
        assertLe(
            _redeemAll(thief),
            _units(1000) + _units(1000) * 12 / (100 * 1 days) + _floatStep(_units(1000)),
            "a block later"
        );
        vm.revertToState(start);
        first.gain(_units(500));
        _deposit(thief, _units(1000));
        assertLe(_redeemAll(thief), _units(1000), "after the gain");
    }

    /// @dev Leaving before a loss is known costs nobody anything that waiting would not; leaving after it, though
    /// nobody called anything since, is at the fallen price.
    function test_Rule64_SandwichAroundALoss() public inEachCombination {
        _deposit(alice, _units(1000));
        _deposit(thief, _units(1000));
        _invest(first, _units(2000));
        skip(1 days);
        vault.checkpoint();
        first.lose(_units(100));
        uint256 start = vm.snapshotState();
        assertLe(_redeemAll(thief), _units(950) + 1, "leaving first takes its part of the loss");
        vm.revertToState(start);
        // Entering low and leaving when the loss is made good: entrants pay the price before.
        (bool isDone,) = _tryDeposit(bob, _units(1000), bob);
        if (!isDone) return;
        first.gain(_units(100));
        assertLe(_redeemAll(bob), _units(1000), "a push down buys nothing");
    }

    function test_Rule65_TwoCheckpointsInABlockAreOne() public inEachScene {
        skip(1 hours);
        uint256 start = vm.snapshotState();
        vault.checkpoint();
        bytes32 once = keccak256(abi.encode(_state(), vault.totalSupply()));
        vault.checkpoint();
        vm.prank(thief);
        vault.checkpoint();
        assertEq(keccak256(abi.encode(_state(), vault.totalSupply())), once);
        vm.revertToStateAndDelete(start);
        vm.prank(thief);
        vault.checkpoint();
        assertEq(keccak256(abi.encode(_state(), vault.totalSupply())), once, "whoever calls");
    }

    function test_Rule65_WhoRefreshesFirstInABlockDoesNotMatter() public inEachScene {
        if (vault.maxDeposit(carol) < _units(5) || vault.previewDeposit(_units(5)) == 0) return;
        skip(2 hours);
        uint256 start = vm.snapshotState();
        _deposit(carol, _units(5));
        vault.checkpoint();
        (NavState memory after_, uint256 shares) = (_state(), vault.balanceOf(carol));
        vm.revertToStateAndDelete(start);
        vault.checkpoint();
        _deposit(carol, _units(5));
        vault.checkpoint();
        assertEq(vault.balanceOf(carol), shares);
        assertEq(keccak256(abi.encode(_state())), keccak256(abi.encode(after_)));
    }

    function _step(address who, uint256 word) private returns (uint256 paid, uint256 received) {
        uint256 kind = word % 4;
        uint256 amount = _amounts()[(word >> 8) % 8] % (_units(200) + 3);
        uint256 most = kind < 2 ? vault.maxDeposit(who) : vault.maxRedeem(who);
        if (most == 0) return (0, 0);
        vm.startPrank(who);
        if (kind == 0 && vault.previewDeposit(amount) != 0) {
            asset.mint(who, amount);
            asset.approve(address(vault), amount);
            vault.deposit(amount, who);
            paid = amount;
        } else if (kind == 1) {
            amount = vault.previewDeposit(amount) + 1;
            paid = vault.previewMint(amount);
            asset.mint(who, paid);
            asset.approve(address(vault), paid);
            vault.mint(amount, who);
        } else if (kind == 2 && amount <= vault.maxWithdraw(who)) {
            vault.withdraw(amount, who, who);
            received = amount;
        } else if (kind == 3) {
            amount = vault.previewDeposit(amount) % (most + 1);
            if (vault.previewRedeem(amount) != 0) received = vault.redeem(amount, who, who);
        }
        vm.stopPrank();
    }
}
