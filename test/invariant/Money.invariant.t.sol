// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Objective, ObjectiveKind, Policy} from "../../contracts/types/Policy.sol";
import {Properties} from "./Properties.sol";
import {Depositors} from "./handlers/Depositors.sol";
import {Guardian} from "./handlers/Guardian.sol";
import {HonestAgent} from "./handlers/HonestAgent.sol";
import {HostileAgent} from "./handlers/HostileAgent.sol";
import {Outsider} from "./handlers/Outsider.sol";
import {Owner} from "./handlers/Owner.sol";
import {Strangers} from "./handlers/Strangers.sol";
import {Surroundings} from "./handlers/Surroundings.sol";

/// @notice Who gets whose money. Venues earn, lose, charge and run short, and accomplices push their prices, but they
/// tell the price at which they trade: so every purse can be counted to the unit.
contract MoneyInvariants is Properties {
    function setUp() public override {
        super.setUp();
        adopt(policy());
        give(people[0], SEED_DEPOSIT);
        vm.prank(people[0]);
        vault.deposit(SEED_DEPOSIT, people[0]);
        startedAt = block.timestamp;
        watchMark();
        passTo(block.timestamp + 1 hours);
        expectProperty("property_AStolenKeyLosesAtMostItsBudget");
        expectProperty("property_PushedPricesCostAtMostTwiceTheBand");
        expectProperty("property_BudgetsNeverExceedTheirCapacity");
        expectProperty("property_AcceptedRebalancesObeyTheRules");
        expectProperty("property_GroupsStayBelowTheirCaps");
        expectProperty("property_TargetWeightsAreObeyed");
        expectProperty("property_FeesStayInsideTheFormula");
        expectProperty("property_TheHighWaterMarkNeverFalls");
        targetContract(address(new Depositors(this, true)));
        targetContract(address(new HonestAgent(this, true, true)));
        targetContract(address(new HostileAgent(this)));
        targetContract(address(new Outsider(this)));
        targetContract(address(new Guardian(this, true)));
        targetContract(address(new Owner(this)));
        targetContract(address(new Surroundings(this)));
        targetContract(address(new Strangers(this)));
    }

    /// @notice Every action checks all properties when it ends; what is left to check is that everybody can leave, one
    /// after the other.
    /// forge-config: default.invariant.runs = 2
    /// forge-config: default.invariant.depth = 1000
    /// forge-config: deep.invariant.runs = 10
    /// forge-config: deep.invariant.depth = 1000
    function invariant_Money() public {
        for (uint256 i = 0; i < peopleCount(); ++i) {
            uint256 shares = vault.balanceOf(people[i]);
            vm.prank(people[i]);
            vault.redeemInKind(shares, people[i], people[i], new address[](0));
        }
        assertEq(vault.totalSupply(), vault.balanceOf(address(vault)), "everybody has left");
    }

    function afterInvariant() public {
        _requireAllSeen();
        _reportNumber("residue: unused growth", residueOfUnusedGrowth);
        _reportNumber("residue: unfallen loss", residueOfUnfallenLoss);
        _reportNumber("residue: hidden gain", residueOfHiddenGain);
        _reportNumber("residue: pushed legs", residueOfPushedLegs);
        _reportNumber("residue: overcharge", residueOfOvercharge);
        _reportNumber("residue: gains left behind", residueOfGainsLeftBehind);
        _reportNumber("residue: fees left behind", residueOfFeesLeftBehind);
        _reportNumber("in: the outsider", given[OUTSIDER]);
        _reportNumber("in: yield and gifts", yield);
    }

    /// @notice Every other time under target weights.
    function openPolicy(uint256 seed) public view override returns (Policy memory next) {
        next = policy();
        if (seed % 2 == 0) return next;
        next.objective = Objective(ObjectiveKind.TargetWeights, 0, 0, 500, new uint16[](LISTED));
        for (uint256 i = 0; i < LISTED; ++i) {
            next.objective.targetWeightsBps[i] = uint16(1000 + (seed >> (16 * (i + 1))) % 1200);
        }
    }

    function _tellVenuesTheTruth() internal pure override returns (bool) {
        return true;
    }

    function _checkMore() internal override {
        property_AnOutsiderTakesNothingButYield();
        property_AStolenKeyLosesAtMostItsBudget(HOSTILE, HOSTILE_TURNOVER_BPS, HOSTILE_LOSS_BPS);
        property_AStolenKeyLosesAtMostItsBudget(VAULT_ACCOUNT, TURNOVER_BPS, LOSS_BPS);
        property_PushedPricesCostAtMostTwiceTheBand(HOSTILE, HOSTILE_TURNOVER_BPS);
    }
}
