// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NavState} from "../../contracts/types/Nav.sol";
import {Properties} from "./Properties.sol";
import {Depositors} from "./handlers/Depositors.sol";
import {Guardian} from "./handlers/Guardian.sol";
import {HonestAgent} from "./handlers/HonestAgent.sol";
import {Listing} from "./handlers/Listing.sol";
import {Strangers} from "./handlers/Strangers.sol";
import {Surroundings} from "./handlers/Surroundings.sol";
import {Venues} from "./handlers/Venues.sol";
import {Intruder} from "./mocks/Intruder.sol";

/// @notice Venues break in every way there is, and an owner lists, closes, writes off, drops and lists them again:
/// nobody is locked in, nothing gets in while a call is under way, and offers stay true.
contract VenuesInvariants is Properties {
    Intruder private _intruder;

    function setUp() public override {
        super.setUp();
        adopt(policy());
        give(people[0], SEED_DEPOSIT);
        vm.prank(people[0]);
        vault.deposit(SEED_DEPOSIT, people[0]);
        _intruder = new Intruder(vault, guard, asset);
        _intruder.settleIn(UNIT);
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            strategies[i].setIntruder(_intruder);
        }
        startedAt = block.timestamp;
        watchMark();
        passTo(block.timestamp + 1 hours);
        expectProperty("property_NothingGetsInWhileACallIsUnderWay");
        expectProperty("property_UnreadableVenuesCloseEntries");
        expectAction("exit with something left behind");
        targetContract(address(new Depositors(this, false)));
        targetContract(address(new HonestAgent(this, false, false)));
        targetContract(address(new Guardian(this, false)));
        targetContract(address(new Listing(this)));
        targetContract(address(new Surroundings(this)));
        targetContract(address(new Venues(this, _intruder)));
        targetContract(address(new Strangers(this)));
    }

    /// forge-config: default.invariant.runs = 2
    /// forge-config: default.invariant.depth = 1000
    /// forge-config: deep.invariant.runs = 10
    /// forge-config: deep.invariant.depth = 1000
    function invariant_Venues() public view {
        assertEq(_intruder.successes(), 0);
    }

    function afterInvariant() public {
        _requireAllSeen();
    }

    function _tellVenuesTheTruth() internal pure override returns (bool) {
        return false;
    }

    function _checkMore() internal override {
        property_NothingGetsInWhileACallIsUnderWay();
        property_UnreadableVenuesCloseEntries();
    }

    function property_NothingGetsInWhileACallIsUnderWay() private {
        assertEq(_intruder.successes(), 0, "something got in under the lock");
        assertEq(_intruder.readings(), 0, "a half-done state was read");
        if (_intruder.tries() > 8) count("property_NothingGetsInWhileACallIsUnderWay");
    }

    function property_UnreadableVenuesCloseEntries() private {
        NavState memory state = vault.navState();
        if (state.isReadable) return;
        assertEq(vault.maxDeposit(people[1]), 0, "open with an unreadable strategy");
        vm.prank(people[1]);
        (bool isIn,) = address(vault).call(abi.encodeWithSignature("deposit(uint256,address)", UNIT, people[1]));
        assertFalse(isIn, "entered with an unreadable strategy");
        vm.recordLogs();
        vault.checkpoint();
        digest();
        NavState memory later = vault.navState();
        assertEq(later.refreshedAt, state.refreshedAt, "refreshed with an unreadable strategy");
        assertEq(later.markPrice, state.markPrice, "the mark moved with an unreadable strategy");
        count("property_UnreadableVenuesCloseEntries");
    }
}
