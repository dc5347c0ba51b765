// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IPolicyGuard, StrategyState} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {
    AgentPolicy,
    Mode,
    ObjectiveKind,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../../contracts/types/Policy.sol";
import {ALL_ASSETS, ANY_COUNT, Move, Rebalance} from "../../../contracts/types/Rebalance.sol";
import {Rule} from "../../../contracts/types/Rule.sol";
import {Books} from "../Books.sol";
import {Properties} from "../Properties.sol";
import {Reading} from "../Reading.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";

/// @notice Plans and carries out rebalances, and holds every accepted one to the rules by what it sees itself.
abstract contract Agents is Handler {
    struct Seen {
        uint256[] shares;
        uint256[] values;
        uint256[] payouts;
        uint256 idle;
        uint256 nav;
        uint256 base;
        uint256 received;
        uint256 trueValue;
        uint256[] references;
    }

    uint256 public refusals;

    constructor(Properties world) Handler(world) {
        world.expectProperty("property_MandatesEnd");
        world.expectProperty("property_AgentsReceiveNothing");
        world.expectProperty("property_ARefusedRebalanceChangesNothing");
        world.expectProperty("property_WhatIsReportedIsWhatWasMeasured");
    }

    // Plans

    /// @dev Moves over the document in force: each strategy at most once, withdrawals first, amounts anything; three
    /// times in four what a target weight leaves.
    function _randomMoves(uint256 seed, uint256 most) internal view returns (Move[] memory moves) {
        Policy memory document = WORLD.document();
        uint256 count = document.strategies.length;
        moves = new Move[](count);
        uint256 length = 0;
        uint256 idle = ASSET.balanceOf(address(VAULT));
        uint256 wanted = 1 + _mix(seed, 10) % 3;
        uint256[3] memory left = [uint256(0), 0, 0];
        (left[1], left[2]) = _standard();
        for (uint256 i = 0; i < count && length < wanted; ++i) {
            if (_mix(seed, 20 + i) % 2 == 0) continue;
            uint256 position = _liquid(document.strategies[i].strategy);
            if (position == 0) continue;
            uint256 assets = position;
            if (_mix(seed, 12) % 4 != 0) assets = _min(assets, _aimed(document, i, false));
            assets = _min(_amount(_mix(seed, 30 + i), assets), most);
            if (assets == 0) continue;
            bool isAll = assets == position && _mix(seed, 40 + i) % 2 == 0;
            moves[length++] = Move(SafeCast.toUint8(i), false, isAll ? ALL_ASSETS : SafeCast.toUint128(assets));
            idle += assets;
            most -= assets;
            if (most == 0) break;
        }
        for (uint256 i = 0; i < count && length < wanted && most != 0 && idle != 0; ++i) {
            uint256 place = (i + _mix(seed, 11)) % count;
            left[0] = idle;
            if (_has(moves, length, place)) continue;
            uint256 assets = _min(
                _min(_amount(_mix(seed, 50 + i), idle), most),
                _roomIn(document.strategies[place], document.limits.minIdleBps, left)
            );
            if (_mix(seed, 12) % 4 != 0) assets = _min(assets, _aimed(document, place, true));
            if (assets == 0) continue;
            moves[length++] = Move(SafeCast.toUint8(place), true, SafeCast.toUint128(assets));
            idle -= assets;
            most -= assets;
        }
        assembly ("memory-safe") {
            mstore(moves, length)
        }
    }

    /// @dev Whether an agent tries to act. What is shut is opened again every other time, for attempts that fail for
    /// dull reasons teach little; else it is tried all the same now and then.
    function _isOpenFor(address agent, uint256 seed) internal returns (bool) {
        if (!_isShutFor(agent)) return true;
        if (_mix(seed, 16) % 2 != 0) return _mix(seed, 18) % 2 == 0;
        WORLD.adopt(WORLD.openPolicy(_mix(seed, 17)));
        return !_isShutFor(agent);
    }

    function _isShutFor(address agent) private view returns (bool) {
        (AgentPolicy memory mandate, bool exists) = _mandateOf(WORLD.document(), agent);
        // forge-lint: disable-next-line(block-timestamp)
        bool isOver = !exists || WORLD.isEnded(agent) || mandate.expiresAt < block.timestamp;
        return isOver || WORLD.mode() != Mode.Active;
    }

    function _plan(address agent, Move[] memory moves) internal view returns (Rebalance memory) {
        return Rebalance({
            policyVersion: WORLD.version(),
            nonce: GUARD.agentState(agent).nonce,
            vaultCount: ANY_COUNT,
            deadline: uint64(block.timestamp),
            decision: keccak256(abi.encode(agent, moves.length)),
            moves: moves
        });
    }

    /// @dev What both turnover buckets take now.
    function _turnoverRoom(address agent) internal view returns (uint256) {
        Policy memory document = WORLD.document();
        (AgentPolicy memory mandate, bool exists) = _mandateOf(document, agent);
        if (!exists) return 0;
        (, uint256 base) = _standard();
        return WORLD.roomFor(agent, base, document.limits.maxTurnoverBps, mandate.maxTurnoverBps, false);
    }

    /// @dev What both loss buckets take now.
    function _lossRoom(address agent) internal view returns (uint256) {
        (AgentPolicy memory mandate, bool exists) = _mandateOf(WORLD.document(), agent);
        if (!exists) return 0;
        (, uint256 base) = _standard();
        return WORLD.roomFor(agent, base, WORLD.limits().maxLossBps, mandate.maxLossBps, true);
    }

    /// @dev What can be deposited into a strategy now.
    function _spaceIn(Policy memory document, uint256 place) internal view returns (uint256) {
        uint256[3] memory left = [ASSET.balanceOf(address(VAULT)), 0, 0];
        (left[1], left[2]) = _standard();
        return _roomIn(document.strategies[place], document.limits.minIdleBps, left);
    }

    /// @dev Idle that may be deposited now.
    function _spendable(Policy memory document) internal view returns (uint256) {
        (uint256 nav,) = _standard();
        return Math.saturatingSub(ASSET.balanceOf(address(VAULT)), nav * document.limits.minIdleBps / BPS + 1);
    }

    /// @param left Idle, NAV and base.
    function _roomIn(StrategyPolicy memory entry, uint256 minIdleBps, uint256[3] memory left)
        private
        view
        returns (uint256)
    {
        (uint256 idle, uint256 nav, uint256 base) = (left[0], left[1], left[2]);
        uint256 held = Reading.value(WorldStrategy(entry.strategy), address(VAULT));
        uint256 most = Math.min(entry.cap, base * entry.maxWeightBps / BPS);
        if (entry.status != StrategyStatus.Active) return 0;
        uint256 room = most > held ? most - held : 0;
        return Math.min(room, Math.saturatingSub(idle, nav * minIdleBps / BPS + 1));
    }

    /// @dev What the objective leaves to a leg: under target weights, as far as to the other edge of the target's band.
    function _aimed(Policy memory document, uint256 place, bool isDeposit) internal view returns (uint256) {
        if (document.objective.kind != ObjectiveKind.TargetWeights) return type(uint128).max;
        (uint256 nav,) = _standard();
        uint256 held = Reading.value(WorldStrategy(document.strategies[place].strategy), address(VAULT));
        bool isActive = document.strategies[place].status == StrategyStatus.Active;
        uint256 target = isActive ? document.objective.targetWeightsBps[place] : 0;
        uint256 band = document.objective.bandBps;
        if (isDeposit) return Math.saturatingSub(nav * (target + band) / BPS, held);
        return Math.saturatingSub(held, nav * Math.saturatingSub(target, band) / BPS + 1);
    }

    // Execution

    /// @dev Sends a plan. All that an accepted one did is measured and judged here, from outside.
    /// @param isPushed Whether an accomplice holds a price off the true one.
    function _execute(address agent, Rebalance memory plan, bool isPushed) internal returns (bool) {
        Policy memory document = WORLD.document();
        Seen memory before = _look(document, agent);
        bytes32 state = _fingerprint();
        WORLD.digest();
        (bool isDone, bytes memory reason) = _send(agent, plan);
        if (!isDone) {
            WORLD.forget();
            _selectorOf(reason);
            property_ARefusedRebalanceChangesNothing(state);
            return false;
        }
        Seen memory later = _look(document, agent);
        _judge(document, agent, plan, before, later, isPushed);
        return true;
    }

    /// @dev Sends a plan that has to be refused by a rule.
    function _refused(address agent, Rebalance memory plan, Rule least, Rule most) internal {
        bytes32 state = _fingerprint();
        WORLD.digest();
        (bool isDone, bytes memory reason) = _send(agent, plan);
        WORLD.forget();
        assertFalse(isDone, "accepted against a rule");
        property_ARefusedRebalanceChangesNothing(state);
        if (_selectorOf(reason) != IPolicyGuard.Refused.selector) return;
        (Rule rule,,) = abi.decode(_arguments(reason), (Rule, uint256, uint256));
        assertGe(uint256(rule), uint256(least), "refused by an earlier rule");
        assertLe(uint256(rule), uint256(most), "refused by a later rule");
    }

    function _send(address agent, Rebalance memory plan) internal virtual returns (bool isDone, bytes memory reason) {
        vm.prank(agent);
        // A strategy may eat all that a transaction brings, and no more than that.
        (isDone, reason) = address(GUARD).call{gas: TRANSACTION_GAS}(abi.encodeCall(IPolicyGuard.rebalance, (plan)));
    }

    function _judge(
        Policy memory document,
        address agent,
        Rebalance memory plan,
        Seen memory before,
        Seen memory later,
        bool isPushed
    ) private {
        property_MandatesEnd(document, agent, plan);
        property_AgentsReceiveNothing(before.received, later.received);
        property_AcceptedRebalancesObeyTheRules(document, plan, before, later);
        _book(document, agent, plan, before, later, isPushed);
    }

    function property_ARefusedRebalanceChangesNothing(bytes32 state) private {
        assertEq(_fingerprint(), state, "a refused rebalance changed something");
        ++refusals;
        WORLD.count("property_ARefusedRebalanceChangesNothing");
    }

    /// @dev R1 to R5: an agent acts under a mandate that is there, not ended, not expired and covers what is touched.
    function property_MandatesEnd(Policy memory document, address agent, Rebalance memory plan) private {
        (AgentPolicy memory mandate, bool exists) = _mandateOf(document, agent);
        assertTrue(exists && !WORLD.isEnded(agent), "no mandate");
        assertLe(block.timestamp, mandate.expiresAt, "mandate expired");
        assertNotEq(uint256(WORLD.mode()), uint256(Mode.Paused), "paused");
        assertEq(plan.policyVersion, WORLD.version(), "planned on another policy");
        Books.Book memory book = WORLD.bookOf(agent);
        assertEq(plan.nonce, book.rebalances, "a nonce was used twice");
        if (book.rebalances != 0) {
            assertGe(block.timestamp, book.at + document.limits.cooldownSeconds, "cooldown");
            WORLD.count("property_MandatesEnd");
        }
        for (uint256 i = 0; i < plan.moves.length; ++i) {
            assertEq((mandate.scope >> plan.moves[i].index) & 1, 1, "outside the scope");
            if (plan.moves[i].isDeposit) {
                assertEq(uint256(WORLD.mode()), uint256(Mode.Active), "deposit while closing");
            }
        }
    }

    function property_AgentsReceiveNothing(uint256 before, uint256 later) private {
        assertEq(later, before, "an agent received something");
        WORLD.count("property_AgentsReceiveNothing");
    }

    /// @dev R8, R10, R11 and R13, by the values of the strategies themselves. Exact.
    function property_AcceptedRebalancesObeyTheRules(
        Policy memory document,
        Rebalance memory plan,
        Seen memory before,
        Seen memory later
    ) private {
        bool hasDeposit = false;
        for (uint256 i = 0; i < plan.moves.length; ++i) {
            uint256 place = plan.moves[i].index;
            StrategyPolicy memory entry = document.strategies[place];
            uint256 value = later.values[place];
            if (plan.moves[i].isDeposit) {
                hasDeposit = true;
                assertEq(uint256(entry.status), uint256(StrategyStatus.Active), "deposit into a closed strategy");
                assertLe(value, Math.min(entry.cap, before.base * entry.maxWeightBps / BPS), "R8 weight");
                property_GroupsStayBelowTheirCaps(document, entry.groups, before.base, later);
                _assertPrice(entry, before.references[place], later.shares[place], value, true);
            } else {
                if (WORLD.mode() == Mode.Active && entry.status == StrategyStatus.Active) {
                    assertGe(value * BPS, before.nav * entry.minWeightBps, "R10 floor");
                }
                _assertPrice(entry, before.references[place], before.shares[place], before.values[place], false);
            }
            if (document.objective.kind == ObjectiveKind.TargetWeights && WORLD.mode() == Mode.Active) {
                property_TargetWeightsAreObeyed(document, place, before, later);
            }
        }
        if (hasDeposit) assertGe(later.idle * BPS, before.nav * document.limits.minIdleBps, "R11 idle");
        if (hasDeposit) WORLD.countIfExpected("property_AcceptedRebalancesObeyTheRules");
    }

    function property_GroupsStayBelowTheirCaps(Policy memory document, uint256 groups, uint256 base, Seen memory later)
        private
    {
        for (uint256 g = 0; g < document.groups.length; ++g) {
            if ((groups >> g) & 1 == 0) continue;
            uint256 sum = 0;
            for (uint256 i = 0; i < document.strategies.length; ++i) {
                if (document.strategies[i].status == StrategyStatus.WrittenOff) continue;
                if ((document.strategies[i].groups >> g) & 1 != 0) sum += later.values[i];
            }
            assertLe(sum, Math.min(document.groups[g].cap, base * document.groups[g].maxWeightBps / BPS), "R9 group");
            WORLD.countIfExpected("property_GroupsStayBelowTheirCaps");
        }
    }

    /// @dev value ÷ shares against the reference, one unit of grace, cross-multiplied.
    function _assertPrice(StrategyPolicy memory entry, uint256 ref, uint256 shares, uint256 value, bool isDeposit)
        private
        pure
    {
        uint256 low = Math.mulDiv(ref, BPS - entry.priceBandBps, BPS);
        assertGe(value + 1, Math.mulDiv(shares, low, 1 << 128), "R13 below");
        if (!isDeposit) return;
        uint256 high = Math.mulDiv(ref, BPS + entry.priceBandBps, BPS, Math.Rounding.Ceil);
        assertLe(value, Math.mulDiv(shares, high, 1 << 128, Math.Rounding.Ceil) + 1, "R13 above");
    }

    /// @dev R14: inside the target's band or, outside it, on the same side and no further, at the price after.
    function property_TargetWeightsAreObeyed(
        Policy memory document,
        uint256 place,
        Seen memory before,
        Seen memory later
    ) private {
        WORLD.countIfExpected("property_TargetWeightsAreObeyed");
        bool isActive = document.strategies[place].status == StrategyStatus.Active;
        uint256 target = isActive ? before.nav * document.objective.targetWeightsBps[place] : 0;
        uint256 band = before.nav * document.objective.bandBps;
        uint256 now_ = later.values[place] * BPS;
        uint256 distance = now_ > target ? now_ - target : target - now_;
        if (distance <= band) return;
        uint256 then_ = before.values[place] * BPS;
        if (later.shares[place] != 0) {
            then_ = Math.mulDiv(later.values[place], before.shares[place], later.shares[place]) * BPS;
        }
        // A unit of rounding on either value.
        assertTrue(now_ > target == then_ + BPS > target || now_ + BPS > target == then_ > target, "R14 side");
        uint256 past = then_ > target ? then_ - target : target - then_;
        assertLe(distance, past + 2 * BPS, "R14 further");
    }

    /// @dev R7 and R12: what was moved and lost, by the strategies' own previews around the call.
    function _book(
        Policy memory document,
        address agent,
        Rebalance memory plan,
        Seen memory before,
        Seen memory later,
        bool isPushed
    ) private {
        (AgentPolicy memory mandate,) = _mandateOf(document, agent);
        (uint256 turnover, uint256 loss) = _measure(plan.moves, before, later);
        Books.Deed memory deed;
        (deed.agent, deed.turnover, deed.loss, deed.base) = (agent, turnover, loss, before.base);
        (deed.agentTurnoverBps, deed.agentLossBps) = (mandate.maxTurnoverBps, mandate.maxLossBps);
        (deed.isPushed, deed.legs) = (isPushed, plan.moves.length);
        _settle(isPushed);
        (deed.valueBefore, deed.valueAfter) = (before.trueValue, WORLD.trueValueAfterFees());
        WORLD.recordRebalance(deed);
        property_WhatIsReportedIsWhatWasMeasured(agent, plan, turnover, loss);
    }

    /// @dev Puts pushed prices back before true values are taken.
    function _settle(bool isPushed) internal virtual {}

    function property_WhatIsReportedIsWhatWasMeasured(
        address agent,
        Rebalance memory plan,
        uint256 turnover,
        uint256 loss
    ) private {
        // The event is the last one of the guard.
        bytes32[3] memory topics = [IPolicyGuard.Rebalanced.selector, bytes32(uint256(uint160(agent))), plan.decision];
        (bool isFound, uint256 told, uint256 toldLoss) = WORLD.lastRebalanced(topics);
        assertTrue(isFound, "an accepted rebalance is told");
        assertEq(told, turnover, "turnover told");
        assertEq(toldLoss, loss, "loss told");
        WORLD.count("property_WhatIsReportedIsWhatWasMeasured");
    }

    function _measure(Move[] memory moves, Seen memory before, Seen memory later)
        internal
        pure
        returns (uint256 turnover, uint256 loss)
    {
        uint256 idle = before.idle;
        uint256 deposited = 0;
        for (uint256 i = 0; i < moves.length; ++i) {
            uint256 place = moves[i].index;
            uint256 assets = moves[i].assets == ALL_ASSETS ? before.payouts[place] : moves[i].assets;
            turnover += assets;
            uint256 due = before.values[place];
            if (moves[i].isDeposit) {
                due += assets;
                deposited += assets;
            } else {
                due = Math.saturatingSub(due, assets);
                idle += assets;
            }
            loss += Math.saturatingSub(due, later.values[place]);
        }
        loss += Math.saturatingSub(Math.saturatingSub(idle, deposited), later.idle);
    }

    // Seen from outside

    function _look(Policy memory document, address agent) private view returns (Seen memory seen) {
        uint256 length = document.strategies.length;
        (seen.shares, seen.values) = (new uint256[](length), new uint256[](length));
        (seen.payouts, seen.references) = (new uint256[](length), new uint256[](length));
        StrategyState[] memory states = GUARD.strategyStates();
        for (uint256 i = 0; i < length; ++i) {
            WorldStrategy strategy = WorldStrategy(document.strategies[i].strategy);
            seen.shares[i] = strategy.trueBalanceOf(address(VAULT));
            // A liar says what no sum holds; this is beyond every limit as well.
            seen.values[i] = Math.min(Reading.value(strategy, address(VAULT)), type(uint128).max);
            seen.payouts[i] = strategy.payoutOf(seen.shares[i]);
            seen.references[i] = states[i].referencePrice;
        }
        seen.idle = ASSET.balanceOf(address(VAULT));
        (seen.nav, seen.base) = _standard();
        seen.received = ASSET.balanceOf(agent) + VAULT.balanceOf(agent);
        seen.trueValue = WORLD.trueValueAfterFees();
    }

    /// @dev NAV and base that a rebalance now would be held to.
    function _standard() internal view returns (uint256 nav, uint256 base) {
        bool isFresh;
        (nav, base, isFresh) = VAULT.checkpointState();
        if (!isFresh) (nav, base) = (VAULT.navState().navAssets, VAULT.navState().baseAssets);
    }

    function _liquid(address strategy) internal view returns (uint256) {
        return Reading.liquid(WorldStrategy(strategy), address(VAULT));
    }

    function _mandateOf(Policy memory document, address agent)
        internal
        pure
        returns (AgentPolicy memory mandate, bool exists)
    {
        for (uint256 i = 0; i < document.agents.length; ++i) {
            if (document.agents[i].agent == agent) return (document.agents[i], true);
        }
    }

    function _fingerprint() internal view returns (bytes32 state) {
        address[3] memory agents = [WORLD.HONEST(), WORLD.HOSTILE(), WORLD.RELAYED()];
        state = keccak256(abi.encode(GUARD.guardState(), GUARD.strategyStates(), GUARD.pendingPolicy()));
        (uint256 nav, uint256 base,) = VAULT.checkpointState();
        state = keccak256(abi.encode(state, nav, base, VAULT.totalSupply(), ASSET.balanceOf(address(VAULT))));
        for (uint256 i = 0; i < 3; ++i) {
            state = keccak256(abi.encode(state, GUARD.agentState(agents[i]), ASSET.balanceOf(agents[i])));
        }
        address conduit = VAULT.conduit();
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            WorldStrategy strategy = _strategy(i);
            state = keccak256(
                abi.encode(
                    state,
                    strategy.trueBalanceOf(address(VAULT)),
                    ASSET.balanceOf(address(strategy)),
                    IERC20(ASSET).allowance(conduit, address(strategy))
                )
            );
        }
    }

    function _has(Move[] memory moves, uint256 length, uint256 place) private pure returns (bool) {
        for (uint256 i = 0; i < length; ++i) {
            if (moves[i].index == place) return true;
        }
        return false;
    }

    function _arguments(bytes memory reason) private pure returns (bytes memory arguments) {
        arguments = new bytes(reason.length - 4);
        for (uint256 i = 4; i < reason.length; ++i) {
            arguments[i - 4] = reason[i];
        }
    }
}
