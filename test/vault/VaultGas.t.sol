// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {Vm} from "forge-std/Vm.sol";
import {console} from "forge-std/console.sol";

import {ExitEntry} from "../../contracts/types/Nav.sol";
import {StrategyStatus} from "../../contracts/types/Policy.sol";
import {Leg} from "../../contracts/types/Rebalance.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice An OpenZeppelin ERC-4626 and nothing else.
contract PlainStrategy is ERC4626 {
    constructor(IERC20 asset_) ERC20("Plain", "PLN") ERC4626(asset_) {}
}

/// @notice What a deposit and a withdrawal cost at five plain strategies that all hold something. Run with `--isolate`
/// each call is a transaction of its own and finds everything cold; without it the numbers are lower and the bounds
/// hold all the same.
contract VaultGasTest is VaultFixture {
    PlainStrategy[] internal _strategies;

    function setUp() public override {
        assetDecimals = 18;
        super.setUp();
        vm.pauseGasMetering();
        ExitEntry[] memory entries = new ExitEntry[](10);
        for (uint256 i = 0; i < 10; ++i) {
            _strategies.push(new PlainStrategy(asset));
            asset.mint(bob, 1000e18);
            vm.startPrank(bob);
            asset.approve(address(_strategies[i]), type(uint256).max);
            _strategies[i].deposit(1000e18, bob);
            vm.stopPrank();
            entries[i] = ExitEntry(address(_strategies[i]), StrategyStatus.Active);
        }
        vault.adopt(_parameters(), entries);
        _deposit(alice, 1_000_000e18);
        vm.prank(alice);
        asset.approve(address(vault), type(uint256).max);
        asset.mint(alice, 1000e18);
        vault.execute(_legs(10, 10, true), 1 hours, 1 days);
        ExitEntry[] memory five = new ExitEntry[](5);
        for (uint256 i = 0; i < 5; ++i) {
            five[i] = entries[i];
        }
        vault.execute(_legs(5, 10, false), 1 hours, 1 days);
        vault.adopt(_parameters(), five);
        vm.warp(START + 1 hours);
        vm.resumeGasMetering();
    }

    function _legs(uint256 from, uint256 to, bool isDeposit) internal view returns (Leg[] memory legs) {
        legs = new Leg[](isDeposit ? to : to - from);
        for (uint256 i = 0; i < legs.length; ++i) {
            uint256 place = isDeposit ? i : from + i;
            legs[i] = Leg(address(_strategies[place]), isDeposit, isDeposit ? 100_000e18 / 2 : type(uint128).max);
        }
    }

    function _mixed(uint256 count) internal view returns (Leg[] memory legs) {
        legs = new Leg[](count);
        for (uint256 i = 0; i < count; ++i) {
            legs[i] = Leg(address(_strategies[i]), i >= count / 2, 1000e18);
        }
    }

    function _used() private view returns (uint256) {
        Vm.Gas memory gas_ = vm.lastCallGas();
        // forge-lint: disable-next-line(unsafe-typecast)
        return gas_.gasTotalUsed - uint256(int256(gas_.gasRefunded));
    }

    function test_Gas_Deposit() public {
        vm.prank(alice);
        vault.deposit(1000e18, alice);
        uint256 used = _used();
        console.log("deposit_n5", used);
        assertLt(used, 140_000);
    }

    function test_Gas_WithdrawFromIdle() public {
        vm.prank(alice);
        vault.withdraw(1000e18, alice, alice);
        uint256 used = _used();
        console.log("withdraw_idle_n5", used);
        assertLt(used, 130_000);
    }

    function test_Gas_WithdrawPulled() public {
        uint256 idle = asset.balanceOf(address(vault));
        vm.prank(alice);
        vault.withdraw(idle + 1000e18, alice, alice);
        console.log("withdraw_pulled_n5", _used());
    }

    function test_Gas_RedeemInKind() public {
        vm.prank(alice);
        vault.redeemInKind(1000e18, alice, alice, new address[](0));
        console.log("redeem_in_kind_n5", _used());
    }

    function test_Gas_Checkpoint() public {
        vault.checkpoint();
        console.log("checkpoint_n5", _used());
    }

    function test_Gas_Execute() public {
        vault.checkpoint();
        vm.warp(START + 1 hours + 60);
        vault.execute(_mixed(2), 1 hours, 1 days);
        console.log("execute_n5_k2", _used());
        vault.execute(_mixed(4), 1 hours, 1 days);
        console.log("execute_n5_k4", _used());
    }

    function test_Gas_Adopt() public {
        ExitEntry[] memory entries = vault.exitList();
        entries[0].status = StrategyStatus.ExitOnly;
        vault.adopt(_parameters(), entries);
        console.log("adopt_n5", _used());
    }
}
