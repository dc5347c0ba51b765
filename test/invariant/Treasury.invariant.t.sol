// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {World} from "./World.sol";
import {Agents} from "./handlers/Agents.sol";
import {Investors} from "./handlers/Investors.sol";
import {Officers} from "./handlers/Officers.sol";
import {Surroundings} from "./handlers/Surroundings.sol";

/// @notice What holds in every reachable state; a sentence on each stands in PROPERTIES.md. Long runs rather than many:
/// budgets, marks and references are about what adds up.
contract TreasuryInvariants is World {
    Agents private agents;

    function setUp() public override {
        super.setUp();
        agents = new Agents(this);
        targetContract(address(new Investors(this)));
        targetContract(address(new Surroundings(this)));
        targetContract(address(new Officers(this)));
        targetContract(address(agents));
        bytes4[] memory often = new bytes4[](6);
        for (uint256 i = 0; i < 6; ++i) {
            often[i] = i < 2 ? Agents.honestRebalance.selector : Agents.hostileRebalance.selector;
        }
        targetSelector(FuzzSelector({addr: address(agents), selectors: often}));
    }

    /// @notice All properties in one campaign: each holds after every single action.
    /// forge-config: default.invariant.runs = 6
    /// forge-config: default.invariant.depth = 600
    function invariant_Treasury() public {
        _checkAgentsStayInsideTheirBounds();
        _checkClaimsAreCovered();
        _checkNavPerShareGrowsNoFasterThanTheLimit();
        _checkNothingLiesAroundAndEverythingIsCounted();
        // Last, because it empties the treasury; what an invariant does to the state is not kept.
        _checkExitsInKindAreAlwaysPossible();
    }

    /// @dev A run in which some action never succeeded has shown nothing about it.
    function afterInvariant() public view {
        for (uint256 i = 0; i < actions.length; ++i) {
            assertGt(successes[actions[i]], 0, actions[i]);
        }
        assertGt(agents.refusals(), 0, "nothing was ever refused");
        assertGt(plainLoss, largestValue / 10_000, "nothing to speak of was ever skimmed");
        assertGt(pushedLoss, largestValue / 100_000, "nothing to speak of was ever taken by a push");
    }

    function _checkExitsInKindAreAlwaysPossible() private {
        for (uint256 i = 0; i < peopleCount(); ++i) {
            uint256 shares = vault.balanceOf(people[i]);
            vm.prank(people[i]);
            vault.redeemInKind(shares, people[i], people[i], new address[](0));
            assertEq(vault.balanceOf(people[i]), 0);
        }
        assertEq(vault.totalSupply(), 0);
    }

    function _checkAgentsStayInsideTheirBounds() private view {
        uint256 span = block.timestamp - startedAt;
        // What an ERC-4626 rounds is nobody's theft: a few units a leg.
        uint256 rounding = 8 * rebalances;
        assertLe(plainLoss, _times(LOSS_BPS, span) + rounding, "loss");
        assertLe(pushedLoss, _times(2 * BAND_BPS * TURNOVER_BPS / 10_000, span) + rounding, "loss by pushed prices");
        assertLe(turnover, _times(TURNOVER_BPS, span), "turnover");
    }

    function _checkClaimsAreCovered() private view {
        uint256 live = asset.balanceOf(address(vault));
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            live += strategies[i].convertToAssets(strategies[i].balanceOf(address(vault)));
        }
        uint256 claims = 0;
        for (uint256 i = 0; i < peopleCount(); ++i) {
            claims += vault.convertToAssets(vault.balanceOf(people[i]));
        }
        assertLe(claims, live, "claims");
        assertLe(vault.totalAssets(), live, "NAV");
    }

    function _checkNavPerShareGrowsNoFasterThanTheLimit() private view {
        uint256 price = (vault.totalAssets() + 1) * 1e27 / (vault.totalSupply() + 1);
        uint256 highest = highestPriceNow();
        // A part in a thousand million for the rounding of stored prices.
        assertLe(price, highest + highest / 1e9, "growth");
    }

    function _checkNothingLiesAroundAndEverythingIsCounted() private view {
        assertEq(asset.balanceOf(vault.conduit()), 0, "conduit");
        assertEq(asset.balanceOf(address(guard)), 0, "guard");
        assertEq(asset.balanceOf(HONEST) + asset.balanceOf(HOSTILE), 0, "agents");
        assertEq(guard.guardState().rebalanceCount, rebalances + reductions, "count");
        assertEq(guard.agentState(HONEST).nonce + guard.agentState(HOSTILE).nonce, rebalances, "nonces");
    }

    /// @dev bps of the largest value, × (1 + span ÷ window), rounded up.
    function _times(uint256 bps, uint256 span) private view returns (uint256) {
        return largestValue * bps * (WINDOW + span) / (10_000 * WINDOW) + 1;
    }
}
