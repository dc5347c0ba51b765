// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ExitEntry, NavState} from "../../contracts/types/Nav.sol";
import {StrategyStatus} from "../../contracts/types/Policy.sol";
import {Books} from "./Books.sol";
import {WorldStrategy} from "./mocks/WorldStrategy.sol";

/// @notice What every campaign checks after every action, whoever acted and however broken the venues are.
abstract contract Properties is Books {
    /// @dev Ends every probe: what it did is rolled back with it.
    error Probed();

    uint256 private _turn;

    constructor() {
        expectProperty("property_ExitsInKindAreAlwaysPossible");
        expectProperty("property_ClaimsAreCovered");
        expectProperty("property_NothingLiesInConduitOrGuard");
        expectProperty("property_OffersAreKept");
    }

    /// @notice Begins an action: from here on events are kept.
    function begin() external {
        vm.recordLogs();
    }

    /// @notice Ends an action and checks everything.
    function check() external {
        digest();
        look();
        ++_turn;
        _checkAlways();
        _checkMore();
    }

    /// @dev What one campaign checks on top.
    function _checkMore() internal virtual;

    /// @notice Whether the asset moves, and redemptions of strategies do what their previews say, if they can be read
    /// at all.
    function areVenuesTrue() public view returns (bool) {
        if (asset.isBlocked(address(vault))) return false;
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            WorldStrategy strategy = strategies[i];
            if (strategy.exitFault() != WorldStrategy.Fault.None || strategy.shortPayBps() != 0) return false;
            if (strategy.reportBps() != BPS) return false;
        }
        return true;
    }

    function _checkAlways() private {
        property_WhatIsInForceIsWhatTheEventsSay();
        property_ClaimsAreCovered();
        property_NothingLiesInConduitOrGuard();
        property_EveryRebalanceCountsOnce(_agents());
        property_BudgetsNeverExceedTheirCapacity(_agents());
        // The dear ones in turn, one person a time.
        address person = people[_turn / 4 % peopleCount()];
        if (_turn % 4 == 0) property_OffersAreKept(person);
        if (_turn % 4 == 2) property_ExitsInKindAreAlwaysPossible(person);
    }

    function _agents() internal view returns (address[3] memory) {
        return [HONEST, HOSTILE, RELAYED];
    }

    // Claims

    function property_ClaimsAreCovered() private {
        uint256 live = reportedValue();
        uint256 claims = 0;
        for (uint256 i = 0; i < peopleCount(); ++i) {
            claims += vault.convertToAssets(vault.balanceOf(people[i]));
        }
        assertLe(claims, live, "claims");
        assertLe(vault.totalAssets(), live, "NAV");
        if (claims > UNIT) count("property_ClaimsAreCovered");
    }

    // Nothing lies around

    uint256 public conduitGift;

    /// @notice Remembers a gift to the conduit, which nobody may have.
    function recordConduitGift(uint256 amount) external {
        conduitGift += amount;
    }

    function property_NothingLiesInConduitOrGuard() private {
        address conduit = vault.conduit();
        assertEq(asset.balanceOf(conduit), conduitGift, "conduit");
        assertEq(asset.balanceOf(address(guard)), 0, "guard");
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            assertEq(asset.allowance(address(vault), address(strategies[i])), 0, "the vault approves nobody");
            assertEq(strategies[i].trueBalanceOf(conduit), 0, "conduit's shares");
            assertEq(strategies[i].trueBalanceOf(address(guard)), 0, "guard's shares");
            if (asset.allowance(conduit, address(strategies[i])) != 0 && inForce.length != 0) {
                assertTrue(_isActive(address(strategies[i])), "allowance of a strategy out of business");
                count("property_NothingLiesInConduitOrGuard");
            }
        }
    }

    function _isActive(address strategy) private view returns (bool) {
        ExitEntry[] memory list = vault.exitList();
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i].strategy == strategy) return list[i].status == StrategyStatus.Active;
        }
        return false;
    }

    // Exits in kind

    function property_ExitsInKindAreAlwaysPossible(address person) private {
        uint256 shares = vault.balanceOf(person);
        if (shares == 0) return;
        address[] memory skip = _unsendable(person);
        try this.probeExitInKind(person, shares, skip) {}
        catch (bytes memory reason) {
            _requireProbed(reason);
        }
        count("property_ExitsInKindAreAlwaysPossible");
        if (skip.length != 0) count("exit with something left behind");
    }

    /// @dev What the vault cannot send to a person: the strategies' shares and the asset.
    function _unsendable(address person) private returns (address[] memory skip) {
        ExitEntry[] memory list = vault.exitList();
        skip = new address[](list.length + 1);
        uint256 skipped = 0;
        for (uint256 i = 0; i < list.length; ++i) {
            if (!_canBeSent(WorldStrategy(list[i].strategy), person)) skip[skipped++] = list[i].strategy;
        }
        if (asset.isBlocked(address(vault)) || asset.isBlocked(person)) skip[skipped++] = address(asset);
        assembly ("memory-safe") {
            mstore(skip, skipped)
        }
    }

    /// @dev Leaves behind what is in `skip` and nothing else; then counts what arrived. The share is of the supply with
    /// the management fee that accrued in the call; the performance fee would have to read strategies.
    function probeExitInKind(address person, uint256 shares, address[] memory skip) external {
        ExitEntry[] memory list = vault.exitList();
        uint256 last = list.length;
        uint256[] memory held = new uint256[](last + 1);
        uint256[] memory before = new uint256[](last + 1);
        for (uint256 i = 0; i < last; ++i) {
            WorldStrategy strategy = WorldStrategy(list[i].strategy);
            before[i] = strategy.trueBalanceOf(person);
            if (list[i].status == StrategyStatus.WrittenOff || _isIn(skip, list[i].strategy)) continue;
            held[i] = strategy.trueBalanceOf(address(vault));
        }
        before[last] = asset.balanceOf(person);
        if (!_isIn(skip, address(asset))) held[last] = asset.balanceOf(address(vault));

        uint256 most = units();
        vm.prank(person);
        vault.redeemInKind(shares, person, person, skip);

        uint256 all = vault.totalSupply() + shares + VIRTUAL_SHARES;
        assertLe(all, most, "more fees than all of them");
        for (uint256 i = 0; i < last; ++i) {
            uint256 arrived = WorldStrategy(list[i].strategy).trueBalanceOf(person) - before[i];
            assertEq(arrived, Math.mulDiv(held[i], shares, all), "an exit in kind pays a share of every position");
        }
        uint256 paid = asset.balanceOf(person) - before[last];
        assertEq(paid, Math.mulDiv(held[last], shares, all), "an exit in kind pays a share of idle");
        revert Probed();
    }

    function _canBeSent(WorldStrategy strategy, address to) private returns (bool isSent) {
        try this.probeTransfer(strategy, to) {}
        catch (bytes memory reason) {
            // The selector is what is wanted.
            // forge-lint: disable-next-line(unsafe-typecast)
            isSent = bytes4(reason) == Probed.selector;
        }
    }

    function probeTransfer(WorldStrategy strategy, address to) external {
        if (strategy.balanceOf(address(vault)) > type(uint248).max) return;
        vm.prank(address(vault));
        (bool isDone, bytes memory answer) =
            address(strategy).call{gas: 10_000_000}(abi.encodeCall(IERC20.transfer, (to, 0)));
        if (isDone && answer.length == 32 && abi.decode(answer, (uint256)) == 1) revert Probed();
    }

    function _isIn(address[] memory list, address token) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] == token) return true;
        }
        return false;
    }

    // Offers

    /// @dev `max*` never revert; what they offer succeeds in this very state, and they offer all that a person has
    /// where venues are liquid, readable and true. Previews say to the unit what then happens.
    function property_OffersAreKept(address person) private {
        uint256[4] memory most =
            [vault.maxDeposit(person), vault.maxMint(person), vault.maxWithdraw(person), vault.maxRedeem(person)];
        NavState memory state = vault.navState();
        if (!state.isEntryOpen) assertEq(most[0] + most[1], 0, "entries are closed");
        assertLe(most[3], vault.balanceOf(person), "more shares than there are");
        // A venue that does other than it previews can break an offer: nothing could have told.
        uint256 first = areVenuesTrue() ? 0 : 4;
        for (uint256 i = first; i < 4; ++i) {
            if (most[i] == 0) continue;
            try this.probeOffer(person, i, most[i]) {}
            catch (bytes memory reason) {
                _requireProbed(reason);
            }
            if (i >= 2) count("property_OffersAreKept");
        }
    }

    function probeOffer(address person, uint256 kind, uint256 most) external {
        uint256 expected;
        uint256 actual;
        if (kind < 2) {
            // The vault's own cap is 2^128: what it offers can be paid.
            asset.mint(person, kind == 0 ? most : vault.previewMint(most));
            vm.prank(person);
            asset.approve(address(vault), type(uint256).max);
        }
        if (kind == 0) {
            expected = vault.previewDeposit(most);
            vm.prank(person);
            actual = vault.deposit(most, person);
        } else if (kind == 1) {
            expected = vault.previewMint(most);
            vm.prank(person);
            actual = vault.mint(most, person);
        } else if (kind == 2) {
            expected = vault.previewWithdraw(most);
            vm.prank(person);
            actual = vault.withdraw(most, person, person);
        } else {
            expected = vault.previewRedeem(most);
            vm.prank(person);
            actual = vault.redeem(most, person, person);
        }
        assertEq(actual, expected, "a preview of an offer");
        revert Probed();
    }

    function _requireProbed(bytes memory reason) internal pure {
        // The selector is what is wanted.
        // forge-lint: disable-next-line(unsafe-typecast)
        if (bytes4(reason) == Probed.selector) return;
        assembly ("memory-safe") {
            revert(add(reason, 0x20), mload(reason))
        }
    }
}
