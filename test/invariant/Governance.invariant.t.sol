// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Properties} from "./Properties.sol";
import {Depositors} from "./handlers/Depositors.sol";
import {Guardian} from "./handlers/Guardian.sol";
import {HonestAgent} from "./handlers/HonestAgent.sol";
import {Politics} from "./handlers/Politics.sol";
import {Strangers} from "./handlers/Strangers.sol";
import {Surroundings} from "./handlers/Surroundings.sol";

/// @notice Governance says anything at any time, while business goes on: limits loosen only by the long way, ceilings
/// hold, offices change hands as promised, and agents are held to what is in force.
contract GovernanceInvariants is Properties {
    function setUp() public override {
        super.setUp();
        adopt(policy());
        give(people[0], SEED_DEPOSIT);
        vm.prank(people[0]);
        vault.deposit(SEED_DEPOSIT, people[0]);
        startedAt = block.timestamp;
        passTo(block.timestamp + 1 hours);
        targetContract(address(new Politics(this)));
        targetContract(address(new Guardian(this, true)));
        targetContract(address(new HonestAgent(this, false, false)));
        targetContract(address(new Depositors(this, false)));
        targetContract(address(new Surroundings(this)));
        targetContract(address(new Strangers(this)));
        expectProperty("property_OfficesChangeHandsAsPromised");
        // Paths of prices are another campaign's: here their parameters change all the time.
        unexpect("property_NavPerShareGrowsNoFasterThanAllowed");
        unexpect("property_TheMarkFallsNoFasterThanAllowed");
    }

    /// forge-config: default.invariant.runs = 2
    /// forge-config: default.invariant.depth = 1000
    /// forge-config: deep.invariant.runs = 10
    /// forge-config: deep.invariant.depth = 1000
    function invariant_Governance() public view {
        assertEq(guard.guardState().policyVersion, version);
    }

    function afterInvariant() public {
        _requireAllSeen();
    }

    function _tellVenuesTheTruth() internal pure override returns (bool) {
        return true;
    }

    function _checkMore() internal override {}
}
