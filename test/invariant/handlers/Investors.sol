// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {World} from "../World.sol";
import {Handler} from "./Handler.sol";

/// @notice People who come and go. What `max*` offers must succeed: a revert here fails the run.
contract Investors is Handler {
    constructor(World world) Handler(world) {
        world.expectAction("deposit");
        world.expectAction("withdraw");
        world.expectAction("redeem");
        world.expectAction("redeem in kind");
    }

    function deposit(uint256 who, uint256 assets) external {
        address person = _person(who);
        uint256 most = VAULT.maxDeposit(person);
        if (most < WORLD.UNIT()) return;
        assets = _within(assets, WORLD.UNIT(), _min(most, WORLD.SEED_DEPOSIT()));
        WORLD.give(person, assets);
        uint256 supply = VAULT.totalSupply();
        vm.prank(person);
        VAULT.deposit(assets, person);
        WORLD.recordEntry(supply, VAULT.totalSupply(), assets);
        WORLD.succeed("deposit");
    }

    function withdraw(uint256 who, uint256 assets) external {
        address person = _person(who);
        uint256 most = VAULT.maxWithdraw(person);
        // The first depositor keeps half each time, so that there is always a treasury.
        if (person == WORLD.people(0)) most /= 2;
        if (most == 0) return;
        assets = _within(assets, 1, most);
        uint256 before = ASSET.balanceOf(person);
        vm.prank(person);
        VAULT.withdraw(assets, person, person);
        assertEq(ASSET.balanceOf(person), before + assets, "withdraw pays exactly");
        WORLD.succeed("withdraw");
    }

    function redeem(uint256 who, uint256 shares) external {
        address person = _person(who);
        uint256 most = VAULT.maxRedeem(person);
        if (person == WORLD.people(0)) most /= 2;
        if (most < WORLD.UNIT()) return;
        shares = _within(shares, WORLD.UNIT(), most);
        uint256 before = VAULT.balanceOf(person);
        vm.prank(person);
        VAULT.redeem(shares, person, person);
        assertEq(VAULT.balanceOf(person), before - shares, "redeem burns exactly");
        WORLD.succeed("redeem");
    }

    function redeemInKind(uint256 who, uint256 shares) external {
        address person = _person(who);
        uint256 most = VAULT.balanceOf(person) / 2;
        if (most == 0) return;
        shares = _within(shares, 1, most);
        vm.prank(person);
        VAULT.redeemInKind(shares, person, person, new address[](0));
        WORLD.succeed("redeem in kind");
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
