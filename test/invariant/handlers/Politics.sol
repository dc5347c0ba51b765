// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {
    AgentPolicy,
    Ceilings,
    Limits,
    Mode,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../../contracts/types/Policy.sol";
import {Properties} from "../Properties.sol";
import {Handler} from "./Handler.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice An owner, honest or not, and a governance that says anything at any time: documents looser, stricter, both,
/// past the ceilings; activation too early, in time, too late, of the wrong document; vetoes and offices.
contract Politics is Handler {
    uint256 private constant MUTATIONS = 30;

    constructor(Properties world) Handler(world) {
        world.expectAction("submit what takes effect at once");
        world.expectAction("submit what waits");
        world.expectAction("submit past a ceiling");
        world.expectAction("submit what is no document");
        world.expectAction("submit from the guardian");
        world.expectAction("activate too early");
        world.expectAction("activate in time");
        world.expectAction("activate too late");
        world.expectAction("activate another document");
        world.expectAction("veto");
        world.expectAction("name a guardian");
        world.expectAction("guardian takes office");
        world.expectAction("hand over");
        world.expectAction("void by an overlay");
        world.expectProperty("property_OnlyWhatMayBeSaidIsTaken");
    }

    /// @notice One to three changes of the document in force.
    function submit(uint256 seed) external acts {
        _submit(seed, WORLD.owner());
    }

    function submitAgain(uint256 seed) external acts {
        _submit(_mix(seed, 77), WORLD.owner());
    }

    function submitAsGuardian(uint256 seed) external acts {
        _submit(seed, WORLD.guardian());
    }

    /// @notice The document in force with another mode, and nothing else.
    function submitAMode(uint256 seed) external acts {
        Policy memory next = _inForce();
        next.limits.mode = Mode(SafeCast.toUint8(_mix(seed, 1) % 3));
        property_OnlyWhatMayBeSaidIsTaken(next, WORLD.owner(), true);
    }

    function _submit(uint256 seed, address by) private {
        Policy memory next = _mix(seed, 90) % 6 == 0 ? WORLD.policy() : _inForce();
        uint256 changes = 1 + _mix(seed, 91) % 3;
        // A third of all only tightens.
        bool isTightening = _mix(seed, 92) % 3 == 0;
        for (uint256 i = 0; i < changes; ++i) {
            uint256 choice = _mix(seed, 100 + i);
            if (isTightening) _tighten(next, choice);
            else _change(next, choice % MUTATIONS, choice / MUTATIONS);
        }
        property_OnlyWhatMayBeSaidIsTaken(next, by, _isDocument(next));
    }

    /// @dev Accepted if and only if it is a document, passes no ceiling and, from the guardian, is tighter.
    function property_OnlyWhatMayBeSaidIsTaken(Policy memory next, address by, bool isValid) private {
        bool isTooMuch = WORLD.passesCeiling(next);
        bool isInstant = WORLD.isTighter(next);
        bool isFromOwner = by == WORLD.owner();
        WORLD.digest();
        vm.prank(by);
        (bool isTaken, bytes memory answer) = address(GUARD).call(abi.encodeCall(IPolicyGuard.submitPolicy, (next)));
        if (!isTaken) {
            WORLD.forget();
            _selectorOf(answer);
            assertTrue(!isValid || isTooMuch || (!isFromOwner && !isInstant), "a lawful document was refused");
            if (isTooMuch && isValid) _done("submit past a ceiling");
            else if (!isValid) _done("submit what is no document");
            else _done("submit from the guardian");
            return;
        }
        (, bool isInForce) = abi.decode(answer, (bytes32, bool));
        assertFalse(isTooMuch, "a ceiling was passed");
        assertTrue(isValid, "no document, but taken");
        assertEq(isInForce, isInstant, "at once if and only if tighter");
        assertTrue(isFromOwner || isInstant, "the guardian's may not wait");
        WORLD.count("property_OnlyWhatMayBeSaidIsTaken");
        _done(isInstant ? "submit what takes effect at once" : "submit what waits");
    }

    /// @notice Anyone activates, at whatever time.
    function activate(uint256 seed) external acts {
        _haveWaiting(seed);
        Policy memory next = WORLD.waitingDocument();
        bool isOther = _mix(seed, 1) % 6 == 0;
        if (isOther) next.limits.maxLossBps ^= 1;
        uint256 matureAt = WORLD.matureAt();
        uint256 staleAt = WORLD.staleAt();
        uint256 when = _mix(seed, 2) % 8;
        // Mostly at or just around the edges.
        // forge-lint: disable-next-line(block-timestamp)
        if (when == 1 && block.timestamp < matureAt) WORLD.passTo(matureAt - 1);
        // forge-lint: disable-next-line(block-timestamp)
        if (when > 1 && when < 5 && block.timestamp < matureAt) WORLD.passTo(matureAt + (when == 2 ? 0 : when * 100));
        // forge-lint: disable-next-line(block-timestamp)
        if (when == 5 && block.timestamp < staleAt) WORLD.passTo(staleAt);
        // forge-lint: disable-next-line(block-timestamp)
        if (when > 5 && block.timestamp <= staleAt) WORLD.passTo(staleAt + 1);
        // forge-lint: disable-next-line(block-timestamp)
        bool isEarly = block.timestamp < matureAt;
        // forge-lint: disable-next-line(block-timestamp)
        bool isLate = block.timestamp > staleAt;
        WORLD.digest();
        address stranger = WORLD.THIEF();
        vm.prank(stranger);
        (bool isDone, bytes memory answer) = address(GUARD).call(abi.encodeCall(IPolicyGuard.activatePolicy, (next)));
        if (isDone) {
            assertFalse(isEarly || isLate || isOther, "activated against the rules");
            _done("activate in time");
            return;
        }
        WORLD.forget();
        bytes4 selector = _selectorOf(answer);
        assertTrue(isEarly || isLate || isOther, "a mature document was refused");
        if (isOther) {
            assertEq(selector, IPolicyGuard.NotPending.selector, "another document");
            _done("activate another document");
        } else if (isEarly) {
            assertEq(selector, IPolicyGuard.DelayNotOver.selector, "too early");
            _done("activate too early");
        } else {
            assertEq(selector, IPolicyGuard.GraceOver.selector, "too late");
            _done("activate too late");
        }
    }

    function veto(uint256 seed) external acts {
        if (_mix(seed, 1) % 3 != 0) return;
        _haveWaiting(seed);
        address by = _mix(seed, 2) % 2 == 0 ? WORLD.owner() : WORLD.guardian();
        vm.prank(by);
        GUARD.vetoPolicy();
        _done("veto");
    }

    /// @notice An overlay by the owner or the guardian voids what waits.
    function overlay(uint256 seed) external acts {
        if (_mix(seed, 4) % 2 == 0) _haveWaiting(seed);
        bool isWaiting = WORLD.waiting().length != 0;
        Mode mode = WORLD.mode();
        address by = _mix(seed, 2) % 2 == 0 ? WORLD.owner() : WORLD.guardian();
        address agent = [WORLD.HONEST(), WORLD.HOSTILE(), WORLD.RELAYED()][_mix(seed, 3) % 3];
        if (mode != Mode.Paused && _mix(seed, 1) % 2 == 0) {
            vm.prank(by);
            GUARD.setMode(Mode(uint8(mode) + 1));
        } else if (GUARD.agentState(agent).exists && !WORLD.isEnded(agent)) {
            vm.prank(by);
            GUARD.revokeAgent(agent);
        } else {
            return;
        }
        if (isWaiting) _done("void by an overlay");
    }

    /// @dev Has the owner submit something that waits, if nothing does.
    function _haveWaiting(uint256 seed) private {
        if (WORLD.waiting().length != 0) return;
        Policy memory next = WORLD.policy();
        next.limits.maxGrowthWad += uint64(1 + _mix(seed, 60) % 1e12);
        address owner = WORLD.owner();
        vm.prank(owner);
        GUARD.submitPolicy(next);
        WORLD.digest();
    }

    function nameGuardian(uint256 seed) external acts {
        address next = _mix(seed, 1) % 2 == 0 ? WORLD.GUARDIAN() : makeAddr("another guardian");
        address owner = WORLD.owner();
        vm.prank(owner);
        GUARD.nameGuardian(next);
        _done("name a guardian");
    }

    function takeOffice(uint256 seed) external acts {
        uint256 at = WORLD.namedAt();
        // forge-lint: disable-next-line(block-timestamp)
        if (at != 0 && block.timestamp < at && _mix(seed, 1) % 2 == 0) WORLD.passTo(at);
        (bool isDone,) = address(GUARD).call(abi.encodeCall(IPolicyGuard.activateGuardian, ()));
        // forge-lint: disable-next-line(block-timestamp)
        assertEq(isDone, at != 0 && block.timestamp >= at, "a guardian takes office after its delay");
        if (isDone) _done("guardian takes office");
    }

    function handOver(uint256 seed) external acts {
        address owner = WORLD.owner();
        address next = owner == WORLD.OWNER() ? makeAddr("another owner") : WORLD.OWNER();
        vm.prank(owner);
        GUARD.offerOwnership(next);
        if (_mix(seed, 1) % 2 == 0) return;
        vm.prank(next);
        GUARD.acceptOwnership();
        _done("hand over");
    }

    /// @dev The document in force as it stands: its mode overlaid, ended mandates left out.
    function _inForce() private view returns (Policy memory next) {
        if (WORLD.inForce().length == 0) return WORLD.policy();
        next = WORLD.document();
        next.limits.mode = WORLD.mode();
        uint256 length = 0;
        for (uint256 i = 0; i < next.agents.length; ++i) {
            if (!WORLD.isEnded(next.agents[i].agent)) next.agents[length++] = next.agents[i];
        }
        AgentPolicy[] memory agents = next.agents;
        assembly ("memory-safe") {
            mstore(agents, length)
        }
    }

    function _tighten(Policy memory next, uint256 seed) private pure {
        Limits memory limits = next.limits;
        uint256 how = _mix(seed, 1) % 14;
        if (how == 0) limits.cooldownSeconds += 1;
        if (how == 1) limits.windowSeconds += 60;
        if (how == 2 && limits.maxTurnoverBps != 0) limits.maxTurnoverBps -= 1;
        if (how == 3 && limits.maxLossBps != 0) limits.maxLossBps -= 1;
        if (how == 4 && limits.minIdleBps < 5000) limits.minIdleBps += 1;
        if (how == 5) limits.seasoningSeconds += 1;
        if (how == 6 && limits.depositCap > 1e12) limits.depositCap -= 1;
        if (how == 7 && limits.mode != Mode.Paused) limits.mode = Mode(uint8(limits.mode) + 1);
        if (how == 8 && limits.managementFeeBps != 0) limits.managementFeeBps -= 1;
        if (how == 9 && limits.performanceFeeBps != 0) limits.performanceFeeBps -= 1;
        if (next.strategies.length != 0) {
            StrategyPolicy memory entry = next.strategies[_mix(seed, 2) % next.strategies.length];
            if (how == 0 && entry.cap != 0) entry.cap -= 1;
            if (how == 11 && entry.maxWeightBps != 0) entry.maxWeightBps -= 1;
            if (how == 12 && entry.status == StrategyStatus.Active) entry.status = StrategyStatus.ExitOnly;
        }
        if (how == 10 && next.groups.length != 0) next.groups[0].cap -= next.groups[0].cap == 0 ? 0 : 1;
        if (how == 13 && next.agents.length != 0) {
            AgentPolicy memory agent = next.agents[_mix(seed, 2) % next.agents.length];
            agent.expiresAt -= 1;
            agent.scope &= agent.scope - (agent.scope == 0 ? 0 : 1);
            if (agent.maxLossBps != 0) agent.maxLossBps -= 1;
        }
    }

    /// @dev Whether the schema allows it: asked of the whole, because one change may mend what another broke.
    function _isDocument(Policy memory next) private pure returns (bool) {
        for (uint256 i = 0; i < next.strategies.length; ++i) {
            if (next.strategies[i].maxWeightBps > 10_000) return false;
            for (uint256 j = 0; j < i; ++j) {
                if (next.strategies[i].strategy == next.strategies[j].strategy) return false;
            }
        }
        return true;
    }

    function _change(Policy memory next, uint256 how, uint256 seed) private view {
        Limits memory limits = next.limits;
        Ceilings memory most = WORLD.ceilings();
        if (how == 0) limits.mode = Mode(_mix(seed, 1) % 3);
        if (how == 1) limits.cooldownSeconds = uint32(_mix(seed, 1) % 600);
        if (how == 2) limits.windowSeconds = most.minWindowSeconds;
        if (how == 3) limits.windowSeconds = most.minWindowSeconds - 1;
        if (how == 4) limits.maxTurnoverBps = most.maxTurnoverBps;
        if (how == 5) limits.maxTurnoverBps = most.maxTurnoverBps + 1;
        if (how == 6) limits.maxLossBps = most.maxLossBps;
        if (how == 7) limits.maxLossBps = most.maxLossBps + 1;
        if (how == 8) limits.minIdleBps = uint16(_mix(seed, 1) % 2000);
        if (how == 9) limits.maxGrowthWad = uint64(_mix(seed, 1) % 0.01e18);
        if (how == 10) limits.maxDrawdownBps = uint16(100 + _mix(seed, 1) % 3000);
        if (how == 11) limits.entryHaltSeconds = uint32(1 hours + _mix(seed, 1) % 7 days);
        if (how == 12) limits.seasoningSeconds = uint32(1 + _mix(seed, 1) % 1 days);
        if (how == 13) limits.maxNavAgeSeconds = uint32(_mix(seed, 1) % 1 days);
        if (how == 14) limits.policyDelaySeconds = uint32(1 hours + _mix(seed, 1) % 3 days);
        if (how == 15) limits.policyDelaySeconds = most.minPolicyDelaySeconds - 1;
        if (how == 16) limits.policyDelaySeconds = most.maxPolicyDelaySeconds + 1;
        if (how == 17) limits.managementFeeBps = most.maxManagementFeeBps + 1;
        if (how == 18) limits.performanceFeeBps = most.maxPerformanceFeeBps + 1;
        if (how == 19 && _mix(seed, 2) % 2 == 0) limits.performanceFeeBps = most.maxPerformanceFeeBps;
        if (how == 19) limits.depositCap = uint128(_mix(seed, 1) % (200 * WORLD.SEED_DEPOSIT()));
        if (how >= 20 && how < 27) _changeStrategies(next, how, seed);
        if (how >= 27) _changeAgents(next, how, seed);
    }

    function _changeStrategies(Policy memory next, uint256 how, uint256 seed) private view {
        uint256 length = next.strategies.length;
        if (how == 20 || length < 2) {
            _add(next, WORLD.entryOf(_mix(seed, 1) % STRATEGIES));
            return;
        }
        uint256 place = _mix(seed, 2) % length;
        StrategyPolicy memory entry = next.strategies[place];
        if (how == 21) entry.status = StrategyStatus(_mix(seed, 3) % 3);
        if (how == 22) entry.cap = uint128(_mix(seed, 3) % (50 * WORLD.SEED_DEPOSIT()));
        if (how == 23) {
            (entry.priceBandBps, entry.minWeightBps) = (uint16(_mix(seed, 3) % 300), uint16(_mix(seed, 4) % 100));
        }
        if (how == 24) {
            uint256 other = (place + 1) % length;
            (next.strategies[place], next.strategies[other]) = (next.strategies[other], entry);
        }
        if (how == 25) {
            next.strategies[place] = next.strategies[length - 1];
            StrategyPolicy[] memory list = next.strategies;
            assembly ("memory-safe") {
                mstore(list, sub(length, 1))
            }
            for (uint256 i = 0; i < next.agents.length; ++i) {
                next.agents[i].scope &= uint32((2 ** (length - 1)) - 1);
            }
        }
        if (how == 26) entry.maxWeightBps = 10_001;
    }

    function _changeAgents(Policy memory next, uint256 how, uint256 seed) private view {
        if (next.agents.length == 0) {
            next.agents = WORLD.policy().agents;
            uint256 all = (2 ** next.strategies.length) - 1;
            for (uint256 i = 0; i < next.agents.length; ++i) {
                next.agents[i].scope &= SafeCast.toUint32(all);
            }
            return;
        }
        AgentPolicy memory agent = next.agents[_mix(seed, 1) % next.agents.length];
        if (how == 27) {
            agent.expiresAt = uint40(block.timestamp + _mix(seed, 2) % (_mix(seed, 3) % 2 == 0 ? 1 days : 90 days));
        }
        if (how == 28) agent.scope = uint32(_mix(seed, 2) % (2 ** next.strategies.length));
        if (how == 29) {
            agent.maxLossBps = uint16(_mix(seed, 2) % 200);
            agent.maxTurnoverBps = uint16(_mix(seed, 3) % 9000);
        }
    }

    function _add(Policy memory next, StrategyPolicy memory entry) private pure {
        uint256 length = next.strategies.length;
        StrategyPolicy[] memory list = new StrategyPolicy[](length + 1);
        for (uint256 i = 0; i < length; ++i) {
            list[i] = next.strategies[i];
        }
        list[length] = entry;
        next.strategies = list;
    }
}
