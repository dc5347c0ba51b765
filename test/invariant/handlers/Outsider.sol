// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NavState} from "../../../contracts/types/Nav.sol";
import {Ledger} from "../Ledger.sol";
import {Properties} from "../Properties.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";

/// @notice Somebody with all the money in the world who pushes prices of strategies around own entries and exits,
/// inside one transaction and over blocks, and wants what belongs to others.
contract Outsider is Handler {
    constructor(Properties world) Handler(world) {
        world.expectAction("enter under a push down");
        world.expectAction("enter after a push down was observed");
        world.expectAction("leave under a push up");
        world.expectAction("leave under a push down");
        world.expectAction("leave in kind under a push");
        world.expectAction("pass through at once");
        world.expectAction("overcharge another entrant");
        world.expectProperty("property_AnOutsiderTakesNothingButYield");
    }

    /// @notice Buys while the price is pushed down, all in one transaction.
    function enterUnderPushDown(uint256 seed) external acts {
        uint256 earlier = VAULT.navState().previousPrice;
        _pushAll(seed, false);
        if (_enter(seed, earlier)) _done("enter under a push down");
        _restore();
    }

    /// @notice Has a low price observed in one or two blocks first.
    function enterAfterObservedPushDown(uint256 seed) external acts {
        _pushAll(seed, false);
        VAULT.checkpoint();
        _pass(12 + _mix(seed, 5) % 3600);
        if (_mix(seed, 6) % 2 == 0) {
            VAULT.checkpoint();
            _pass(12 + _mix(seed, 7) % 3600);
        }
        uint256 earlier = VAULT.navState().previousPrice;
        if (_mix(seed, 8) % 2 == 0) _restore();
        if (_enter(seed, earlier)) _done("enter after a push down was observed");
        _restore();
    }

    /// @notice Sells while the price is pushed up: gets at most what the mark may have grown to.
    function leaveUnderPushUp(uint256 seed) external acts {
        uint256 shares = _sharesToSell(seed);
        if (shares == 0) return;
        if (_mix(seed, 6) % 2 == 0) {
            _pushAll(seed, true);
            VAULT.checkpoint();
            _pass(12 + _mix(seed, 5) % 3600);
            _restore();
        }
        if (_leave(seed, shares, true)) _done("leave under a push up");
    }

    /// @notice Sells while the price is pushed down: legs give shares away below their worth.
    function leaveUnderPushDown(uint256 seed) external acts {
        uint256 shares = VAULT.maxRedeem(WORLD.OUTSIDER());
        uint256 worth = VAULT.convertToAssets(shares);
        if (worth > ASSET.balanceOf(address(VAULT)) && _mix(seed, 14) % 2 == 0) {
            // Idle does not suffice for all of it. All strategies are pushed, whichever the exit comes to.
            while (_pushedBy(_mix(seed, 10)) != LISTED) seed = _mix(seed, 12);
        } else if (worth <= VAULT.totalAssets() / 2 && _mix(seed, 13) % 2 == 0) {
            // Idle rises by what is paid in: agents have to invest it first.
            _enter(seed, VAULT.navState().previousPrice, 30 * WORLD.SEED_DEPOSIT());
            return;
        } else {
            shares = _sharesToSell(seed);
        }
        if (shares == 0) return;
        if (_leave(seed, shares, false)) _done("leave under a push down");
    }

    function leaveInKind(uint256 seed) external acts {
        uint256 shares = _sharesToSell(seed);
        if (shares == 0) return;
        address self = WORLD.OUTSIDER();
        uint256 fees = WORLD.residueOfFees(shares);
        WORLD.open(self);
        _pushAll(seed, _mix(seed, 5) % 2 == 0);
        vm.prank(self);
        VAULT.redeemInKind(shares, self, self, new address[](0));
        _restore();
        // No price is read: no residue but the fee that would need one.
        WORLD.closeInKind(fees);
        _done("leave in kind under a push");
    }

    /// @notice In and out in one transaction, with borrowed money and a push between or around.
    function passThrough(uint256 seed) external acts {
        uint256 earlier = VAULT.navState().previousPrice;
        uint256 before = VAULT.balanceOf(WORLD.OUTSIDER());
        if (_mix(seed, 4) % 2 == 0) _pushAll(seed, false);
        bool isIn = _enter(seed, earlier);
        _restore();
        if (!isIn) return;
        uint256 shares = VAULT.balanceOf(WORLD.OUTSIDER()) - before;
        if (_leave(seed, _min(shares, VAULT.maxRedeem(WORLD.OUTSIDER())), true)) _done("pass through at once");
    }

    /// @notice Holds shares, and lets somebody else pay a pushed-up price; the bounded entry would have protected them.
    function overcharge(uint256 seed) external acts {
        _pushAll(seed, true);
        if (_mix(seed, 5) % 2 == 0) {
            VAULT.checkpoint();
            _pass(12);
            _restore();
        }
        address victim = _depositor(seed);
        uint256 assets = _min(_amount(seed, WORLD.SEED_DEPOSIT() / 10), VAULT.maxDeposit(victim));
        uint256 shares = assets == 0 ? 0 : VAULT.previewDeposit(assets);
        if (shares != 0) {
            WORLD.give(victim, assets);
            WORLD.open(victim);
            vm.prank(victim);
            VAULT.deposit(assets, victim);
            _carried(shares, assets);
            WORLD.close();
            _done("overcharge another entrant");
        }
        _restore();
    }

    function _enter(uint256 seed, uint256 earlier) private returns (bool) {
        return _enter(seed, earlier, 3 * WORLD.SEED_DEPOSIT());
    }

    function _enter(uint256 seed, uint256 earlier, uint256 most) private returns (bool) {
        address self = WORLD.OUTSIDER();
        uint256 assets = _min(_amount(_mix(seed, 9), most), VAULT.maxDeposit(self));
        uint256 shares = assets == 0 ? 0 : VAULT.previewDeposit(assets);
        if (shares == 0) return false;
        WORLD.give(self, assets);
        WORLD.open(self);
        uint256 residue = WORLD.residueOfPushDown(shares, earlier);
        vm.prank(self);
        VAULT.deposit(assets, self);
        _carried(shares, assets);
        WORLD.closePushed(Ledger.Residue(residue, residue));
        return true;
    }

    /// @return isDone Whether the vault paid.
    function _leave(uint256 seed, uint256 shares, bool isUp) private returns (bool isDone) {
        address self = WORLD.OUTSIDER();
        WORLD.open(self);
        Ledger.Residue memory residue;
        if (isUp) {
            residue.gain = WORLD.residueOfPushUp(shares);
            residue.loss = residue.gain;
            _pushAll(_mix(seed, 10), true);
        } else {
            uint256 price = WORLD.truePrice();
            uint256 pending = VAULT.navState().pendingFeeShares;
            _pushAll(_mix(seed, 10), false);
            residue = WORLD.residueOfDeferredFees(self, shares, pending, price);
        }
        if (VAULT.previewRedeem(shares) != 0 && VAULT.maxRedeem(self) >= shares) {
            vm.prank(self);
            VAULT.redeem(shares, self, self);
            isDone = true;
        }
        _restore();
        WORLD.closePushed(residue);
    }

    /// @dev Buys first if there is nothing to sell, honestly and to hold for a while.
    function _sharesToSell(uint256 seed) private returns (uint256 shares) {
        address self = WORLD.OUTSIDER();
        shares = VAULT.maxRedeem(self);
        if (shares != 0) return _amount(seed, shares);
        _enter(seed, VAULT.navState().previousPrice);
        return 0;
    }

    function _carried(uint256 shares, uint256 assets) private {
        WORLD.recordEntry(WORLD.units() - shares, WORLD.units(), assets);
    }

    /// @dev One strategy or all, by up to a fifth; entries close at a tenth.
    function _pushAll(uint256 seed, bool isUp) private {
        uint256 by = WAD * (_mix(seed, 20) % 2000) / BPS;
        uint256 only = _pushedBy(seed);
        for (uint256 i = 0; i < LISTED; ++i) {
            if (only != LISTED && only != i) continue;
            _strategy(i).push(isUp ? WAD + by : WAD - by / 2);
        }
    }

    /// @dev Which strategy is pushed; one past the last means all.
    function _pushedBy(uint256 seed) private pure returns (uint256) {
        return _mix(seed, 21) % (LISTED + 1);
    }

    function _restore() private {
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            _strategy(i).push(WAD);
        }
    }
}
