// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {NavState} from "../../../contracts/types/Nav.sol";
import {Properties} from "../Properties.sol";
import {Handler} from "./Handler.sol";

/// @notice People who come and go in every way there is. Among true venues their purses are watched to the unit.
contract Depositors is Handler {
    bool private immutable _IS_WATCHED;

    constructor(Properties world, bool isWatched) Handler(world) {
        _IS_WATCHED = isWatched;
        world.expectAction("deposit");
        world.expectAction("mint");
        world.expectAction("withdraw");
        world.expectAction("redeem");
        world.expectAction("redeem in kind");
        world.expectAction("share transfer");
        world.expectProperty("property_PreviewsEqualExecution");
        world.expectProperty("property_MomentaryCapitalEnlargesNoCap");
        if (!isWatched) return;
        world.expectProperty("property_NobodyGainsByATradeOfTheirOwn");
        world.expectProperty("property_NobodyLosesByATradeOfOthers");
    }

    function deposit(uint256 seed) external acts {
        address person = _depositor(seed);
        uint256 assets = _min(_amount(seed, WORLD.SEED_DEPOSIT()), VAULT.maxDeposit(person));
        if (assets == 0 || ASSET.isBlocked(address(VAULT))) return;
        _enter(person, assets, VAULT.previewDeposit(assets), seed, true);
        _done("deposit");
    }

    function mint(uint256 seed) external acts {
        address person = _depositor(seed);
        uint256 shares = _min(_amount(seed, WORLD.SEED_DEPOSIT() * 1000), VAULT.maxMint(person));
        if (shares == 0 || ASSET.isBlocked(address(VAULT))) return;
        _enter(person, VAULT.previewMint(shares), shares, seed, false);
        _done("mint");
    }

    function withdraw(uint256 seed) external acts {
        address person = _depositor(seed);
        uint256 assets = _amount(seed, _kept(person, VAULT.maxWithdraw(person)));
        if (assets == 0) return;
        uint256 before = ASSET.balanceOf(person);
        uint256 expected = VAULT.previewWithdraw(assets);
        _open(person);
        WORLD.digest();
        vm.prank(person);
        try VAULT.withdraw(assets, person, person) returns (uint256 shares) {
            assertEq(ASSET.balanceOf(person), before + assets, "withdraw pays exactly");
            property_PreviewsEqualExecution(expected, shares);
            _close();
            _done("withdraw");
        } catch (bytes memory reason) {
            _mayFail(reason);
        }
    }

    function redeem(uint256 seed) external acts {
        address person = _depositor(seed);
        uint256 shares = _amount(seed, _kept(person, VAULT.maxRedeem(person)));
        uint256 expected = VAULT.previewRedeem(shares);
        if (expected == 0) return;
        uint256 before = VAULT.balanceOf(person);
        uint256 money = ASSET.balanceOf(person);
        _open(person);
        WORLD.digest();
        vm.prank(person);
        try VAULT.redeem(shares, person, person) returns (uint256 assets) {
            assertEq(VAULT.balanceOf(person), before - shares, "redeem burns exactly");
            assertEq(ASSET.balanceOf(person), money + assets, "redeem pays what it says");
            property_PreviewsEqualExecution(expected, assets);
            _close();
            _done("redeem");
        } catch (bytes memory reason) {
            _mayFail(reason);
        }
    }

    /// @dev Leaves behind what cannot be sent; among true venues nothing has to be.
    function redeemInKind(uint256 seed) external acts {
        address person = _depositor(seed);
        uint256 shares = _amount(seed, _kept(person, VAULT.balanceOf(person)));
        if (shares == 0) return;
        address[] memory skip = new address[](0);
        if (!_IS_WATCHED) {
            skip = new address[](STRATEGIES + (ASSET.isBlocked(address(VAULT)) ? 1 : 0));
            skip[skip.length - 1] = address(ASSET);
            for (uint256 i = 0; i < STRATEGIES; ++i) {
                skip[i] = address(_strategy(i));
            }
        }
        uint256 fees = WORLD.residueOfFees(shares);
        _open(person);
        vm.prank(person);
        VAULT.redeemInKind(shares, person, person, skip);
        if (_IS_WATCHED) WORLD.closeInKind(fees);
        _done("redeem in kind");
    }

    function transferShares(uint256 seed) external acts {
        (address from, address to) = (_depositor(seed), _depositor(_mix(seed, 4)));
        uint256 shares = _amount(seed, _kept(from, VAULT.balanceOf(from)));
        if (shares == 0 || from == to) return;
        uint256 supply = VAULT.totalSupply();
        uint256 sum = VAULT.balanceOf(from) + VAULT.balanceOf(to);
        vm.prank(from);
        assertTrue(VAULT.transfer(to, shares));
        assertEq(VAULT.totalSupply(), supply, "a transfer makes no shares");
        assertEq(VAULT.balanceOf(from) + VAULT.balanceOf(to), sum, "a transfer loses no shares");
        _done("share transfer");
    }

    function _enter(address person, uint256 assets, uint256 shares, uint256 seed, bool isDeposit) private {
        WORLD.give(person, assets);
        address receiver = _mix(seed, 5) % 8 == 0 ? _depositor(_mix(seed, 6)) : person;
        NavState memory before = VAULT.navState();
        uint256 held = VAULT.balanceOf(receiver);
        uint256 price = WORLD.truePrice();
        if (receiver == person) _open(person);
        vm.prank(person);
        uint256 result = isDeposit ? VAULT.deposit(assets, receiver) : VAULT.mint(shares, receiver);
        property_PreviewsEqualExecution(isDeposit ? shares : assets, result);
        assertEq(VAULT.balanceOf(receiver), held + shares, "an entry gives what it says");
        WORLD.recordEntry(WORLD.units() - shares, WORLD.units(), assets);
        if (receiver == person) _close();
        else if (_IS_WATCHED) WORLD.recordGift(price, assets, shares);
        property_MomentaryCapitalEnlargesNoCap(before, VAULT.navState());
    }

    function property_PreviewsEqualExecution(uint256 expected, uint256 actual) private {
        // A venue that does other than it previews is skipped, and the next one asked: nothing could have told.
        if (!WORLD.areVenuesTrue()) return;
        assertEq(actual, expected, "a preview is what happens in the same block");
        WORLD.count("property_PreviewsEqualExecution");
    }

    /// @dev Base grows with what entrants overpay, as the price of a share does, and by nothing else.
    function property_MomentaryCapitalEnlargesNoCap(NavState memory before, NavState memory later) private {
        if (before.supply == 0 || before.baseAssets == 0) return;
        uint256 virtualShares = WORLD.VIRTUAL_SHARES();
        // In one division: the price in between has few digits where shares are many.
        uint256 most = Math.mulDiv(
            before.baseAssets * (later.navAssets + 1),
            before.supply + virtualShares,
            (later.supply + virtualShares) * (before.navAssets + 1)
        );
        // Seasoning is kept to fourteen digits, rounded down; virtual shares and rounding cost a little more.
        uint256 rounding = before.baseAssets / 1e12 + WORLD.UNIT() / 1000;
        assertLe(later.baseAssets, most + rounding, "new money counts at once");
        if (later.supply > before.supply + before.supply / 100) WORLD.count("property_MomentaryCapitalEnlargesNoCap");
    }

    /// @dev The first depositor keeps half each time, so that there is always a treasury.
    function _kept(address person, uint256 most) private view returns (uint256) {
        return person == WORLD.people(0) ? most / 2 : most;
    }

    function _mayFail(bytes memory reason) private {
        WORLD.forget();
        _selectorOf(reason);
        assertFalse(WORLD.areVenuesTrue(), "an offer was broken");
    }

    function _open(address person) private {
        if (_IS_WATCHED) WORLD.open(person);
    }

    function _close() private {
        if (_IS_WATCHED) WORLD.close();
    }
}
