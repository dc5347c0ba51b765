// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Policy} from "../../contracts/types/Policy.sol";
import {Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {MoveInKind} from "../../script/MoveInKind.s.sol";
import {Steps} from "../../script/lib/Steps.sol";
import {BaseTest} from "../Base.t.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";

/// A holder of an old treasury goes to the one that replaces it.
contract MoveInKindTest is BaseTest {
    uint128 private constant ASSETS = 1_000_000 * 1e6;

    address private immutable HOLDER = DEFAULT_SENDER;

    MoveInKind private _script;
    TreasuryVault private _old;
    TreasuryVault private _new;
    TestStrategy private _strategy;

    function setUp() public override {
        super.setUp();
        _script = new MoveInKind();
        _strategy = new TestStrategy(asset);
        address[] memory list = new address[](1);
        list[0] = address(_strategy);
        PolicyGuard guard;
        (_old, guard) = _deployTreasury("old");
        _adopt(guard, _policy(list));
        _enter(_old, HOLDER, ASSETS);
        _enter(_old, makeAddr("other"), ASSETS);
        skip(1 days);
        Move[] memory moves = new Move[](1);
        moves[0] = Move({index: 0, isDeposit: true, assets: ASSETS});
        vm.prank(AGENT);
        guard.rebalance(
            Rebalance({
                policyVersion: 1,
                nonce: 0,
                vaultCount: type(uint64).max,
                deadline: uint64(block.timestamp),
                decision: 0,
                moves: moves
            })
        );
    }

    function test_Move_BringsEverythingIntoTheNewVault() public {
        _openNewVault(type(uint120).max);
        uint256 shares = _script.move(_old, _new, 10);
        assertEq(_old.balanceOf(HOLDER), 0);
        assertEq(_new.balanceOf(HOLDER), shares);
        assertEq(_strategy.balanceOf(HOLDER), 0);
        // A unit for each rounding: the exit in kind of two tokens, the redemption, the deposit.
        assertApproxEqAbs(_new.convertToAssets(shares), ASSETS, 4);
        assertEq(asset.allowance(HOLDER, address(_new)), 0);
        assertEq(_script.stepsToSend(), 4, "exit, redemption, approval, deposit");
    }

    /// What a strategy does not pay stays with the holder as its shares.
    function test_Move_LeavesTheHolderWhatIsIlliquid() public {
        _openNewVault(type(uint120).max);
        _strategy.setLiquidAssets(0);
        uint256 shares = _script.move(_old, _new, 10);
        assertApproxEqAbs(_new.convertToAssets(shares), ASSETS / 2, 4);
        assertApproxEqAbs(_strategy.convertToAssets(_strategy.balanceOf(HOLDER)), ASSETS / 2, 4);
    }

    function test_RevertWhen_TheNewVaultTakesLess() public {
        _openNewVault(ASSETS / 2);
        vm.expectRevert(
            abi.encodeWithSelector(
                Steps.Refusal.selector,
                string.concat(
                    "The new vault takes ",
                    vm.toString(ASSETS / 2),
                    " at most, and ",
                    vm.toString(ASSETS - 2),
                    " are to be moved; raise its deposit cap, or move less."
                )
            )
        );
        _script.move(_old, _new, 10);
    }

    function test_RevertWhen_MoreWouldBeLostThanIsAllowed() public {
        _openNewVault(type(uint120).max);
        _strategy.setExitFeeBps(100);
        vm.expectPartialRevert(Steps.Refusal.selector);
        _script.move(_old, _new, 10);
        assertGt(_old.balanceOf(HOLDER), 0);
    }

    function test_RevertWhen_ThereIsNothingToMove() public {
        _openNewVault(type(uint120).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                Steps.Refusal.selector,
                string.concat(vm.toString(HOLDER), " has no shares of ", vm.toString(address(_new)), ".")
            )
        );
        _script.move(_new, _old, 10);
    }

    function test_RevertWhen_VaultsAreTheSame() public {
        vm.expectRevert(abi.encodeWithSelector(Steps.Refusal.selector, "VAGUS_FROM and VAGUS_TO are the same vault."));
        _script.move(_old, ITreasuryVault(address(_old)), 10);
    }

    function _openNewVault(uint128 depositCap) private {
        PolicyGuard guard;
        (_new, guard) = _deployTreasury("new");
        Policy memory policy = _policy(new address[](0));
        policy.limits.depositCap = depositCap;
        _adopt(guard, policy);
    }
}
