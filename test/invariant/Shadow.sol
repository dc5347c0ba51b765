// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {AgentState, GuardState, IPolicyGuard, PendingPolicy} from "../../contracts/interfaces/IPolicyGuard.sol";
import {ExitEntry, NavParameters} from "../../contracts/types/Nav.sol";
import {
    AgentPolicy,
    Ceilings,
    Limits,
    Mode,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../contracts/types/Policy.sol";
import {World} from "./World.sol";

/// @notice A second copy of what is in force, kept from events alone, and the design's list of what is instant, written
/// a second time.
abstract contract Shadow is World {
    /// @notice Encoding of the document in force, empty at birth.
    bytes public inForce;
    uint64 public version;
    Limits private _limits;
    /// @notice Mode in force, overlay included.
    Mode public mode = Mode.Paused;
    /// @notice Version at which an agent was revoked or resigned; counts while the document of that time is in force.
    mapping(address agent => uint64) private _endedUnder;
    uint64 private _adoptedVersion;

    bytes public waiting;
    uint256 public waitingSince;
    uint256 public matureAt;
    uint256 public staleAt;
    bytes32 private _atOnce;
    mapping(bytes32 hash => bytes) private _encodings;

    bytes32 private _lastRebalance;
    uint256 private _lastTurnover;
    uint256 private _lastLoss;

    address public owner;
    address public offered;
    address public guardian;
    address public named;
    uint256 public namedAt;

    constructor() {
        expectProperty("property_LimitsLoosenOnlyAfterTheDelay");
        expectProperty("property_WhatIsInForceIsWhatTheEventsSay");
        expectProperty("property_NothingPassesACeiling");
    }

    function setUp() public virtual override {
        super.setUp();
        (owner, guardian) = (OWNER, GUARDIAN);
        vm.recordLogs();
    }

    /// @notice The document in force.
    function document() public view returns (Policy memory) {
        return abi.decode(inForce, (Policy));
    }

    /// @notice Limits of the document in force.
    function limits() public view returns (Limits memory) {
        return _limits;
    }

    /// @notice The document that waits.
    function waitingDocument() public view returns (Policy memory) {
        return abi.decode(waiting, (Policy));
    }

    /// @notice Whether an agent of the document in force has ended its mandate since.
    function isEnded(address agent) public view returns (bool) {
        return _endedUnder[agent] != 0 && _endedUnder[agent] == _adoptedVersion;
    }

    /// @notice Time that a loosening document waits now.
    function delay() public view returns (uint256) {
        return inForce.length == 0 ? ceilings().minPolicyDelaySeconds : _limits.policyDelaySeconds;
    }

    /// @notice Reads what the guard has told since the last call. To be called before time passes.
    function digest() public {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(guard)) _digest(logs[i]);
            else if (logs[i].emitter == address(vault)) _digestVault(logs[i]);
        }
    }

    /// @notice Drops what was recorded since the last call: events of a call that reverted, which never happened.
    /// Whoever tries something that may revert reads the events before it.
    function forget() external {
        vm.getRecordedLogs();
    }

    /// @notice Turnover and loss that the guard told of its last rebalance, if it was this one.
    function lastRebalanced(bytes32[3] memory topics) external returns (bool isFound, uint256 turnover, uint256 loss) {
        digest();
        isFound = keccak256(abi.encode(topics)) == _lastRebalance;
        _lastRebalance = 0;
        return (isFound, _lastTurnover, _lastLoss);
    }

    function _rebalanced(Vm.Log memory entry) private {
        bytes32[3] memory topics = [entry.topics[0], entry.topics[1], entry.topics[3]];
        _lastRebalance = keccak256(abi.encode(topics));
        (, _lastTurnover, _lastLoss) = abi.decode(entry.data, (uint64, uint256, uint256));
    }

    /// @dev For what else is kept from the vault's events.
    function _digestVault(Vm.Log memory entry) internal virtual;

    /// @notice Puts a document in force, waiting if it has to.
    function adopt(Policy memory next) public {
        vm.prank(owner);
        (, bool isInForce) = guard.submitPolicy(next);
        digest();
        if (isInForce) return;
        passTo(guard.pendingPolicy().activatableAt);
        guard.activatePolicy(next);
        digest();
    }

    /// @notice Lets time pass.
    function passTo(uint256 at) public virtual {
        digest();
        vm.roll(block.number + 1 + (at - block.timestamp) / 12);
        vm.warp(at);
    }

    /// @notice Whether the design lets `next` take effect at once over what is in force.
    function isTighter(Policy memory next) public view returns (bool) {
        if (inForce.length == 0) return false;
        Policy memory now_ = document();
        now_.agents = _withoutEnded(now_.agents);
        if (now_.strategies.length != next.strategies.length || now_.groups.length != next.groups.length) return false;
        if (now_.agents.length != next.agents.length) return false;
        if (!_limitsTighten(now_.limits, next.limits)) return false;
        for (uint256 i = 0; i < now_.strategies.length; ++i) {
            StrategyPolicy memory a = now_.strategies[i];
            StrategyPolicy memory b = next.strategies[i];
            bool isClosed = a.status == StrategyStatus.Active && b.status == StrategyStatus.ExitOnly;
            if (a.status != b.status && !isClosed) return false;
            if (b.maxWeightBps > a.maxWeightBps || b.cap > a.cap) return false;
            (a.status, a.maxWeightBps, a.cap) = (b.status, b.maxWeightBps, b.cap);
        }
        for (uint256 i = 0; i < now_.groups.length; ++i) {
            if (next.groups[i].maxWeightBps > now_.groups[i].maxWeightBps || next.groups[i].cap > now_.groups[i].cap) {
                return false;
            }
            (now_.groups[i].maxWeightBps, now_.groups[i].cap) = (next.groups[i].maxWeightBps, next.groups[i].cap);
        }
        for (uint256 i = 0; i < now_.agents.length; ++i) {
            AgentPolicy memory a = now_.agents[i];
            AgentPolicy memory b = next.agents[i];
            if (a.agent != b.agent || b.expiresAt > a.expiresAt || b.scope | a.scope != a.scope) return false;
            if (b.maxTurnoverBps > a.maxTurnoverBps || b.maxLossBps > a.maxLossBps) return false;
            now_.agents[i] = b;
        }
        // All that may differ is now the same: what is left must not differ.
        return keccak256(abi.encode(now_)) == keccak256(abi.encode(next));
    }

    /// @notice Whether a document passes a ceiling.
    function passesCeiling(Policy memory next) public pure returns (bool) {
        Ceilings memory most = ceilings();
        Limits memory asked = next.limits;
        return asked.maxTurnoverBps > most.maxTurnoverBps || asked.maxLossBps > most.maxLossBps
            || asked.windowSeconds < most.minWindowSeconds || asked.policyDelaySeconds < most.minPolicyDelaySeconds
            || asked.policyDelaySeconds > most.maxPolicyDelaySeconds
            || asked.managementFeeBps > most.maxManagementFeeBps || asked.performanceFeeBps > most.maxPerformanceFeeBps;
    }

    function _limitsTighten(Limits memory a, Limits memory b) private view returns (bool) {
        if (b.mode < mode || b.cooldownSeconds < a.cooldownSeconds || b.windowSeconds < a.windowSeconds) return false;
        if (b.maxTurnoverBps > a.maxTurnoverBps || b.maxLossBps > a.maxLossBps || b.minIdleBps < a.minIdleBps) {
            return false;
        }
        if (b.seasoningSeconds < a.seasoningSeconds || b.depositCap > a.depositCap) return false;
        if (b.managementFeeBps > a.managementFeeBps || b.performanceFeeBps > a.performanceFeeBps) return false;
        (a.mode, a.cooldownSeconds, a.windowSeconds) = (b.mode, b.cooldownSeconds, b.windowSeconds);
        (a.maxTurnoverBps, a.maxLossBps, a.minIdleBps) = (b.maxTurnoverBps, b.maxLossBps, b.minIdleBps);
        (a.seasoningSeconds, a.depositCap) = (b.seasoningSeconds, b.depositCap);
        (a.managementFeeBps, a.performanceFeeBps) = (b.managementFeeBps, b.performanceFeeBps);
        return true;
    }

    function _withoutEnded(AgentPolicy[] memory agents) private view returns (AgentPolicy[] memory left) {
        uint256 length = 0;
        left = new AgentPolicy[](agents.length);
        for (uint256 i = 0; i < agents.length; ++i) {
            if (!isEnded(agents[i].agent)) left[length++] = agents[i];
        }
        assembly ("memory-safe") {
            mstore(left, length)
        }
    }

    function _digest(Vm.Log memory entry) private {
        bytes32 topic = entry.topics[0];
        if (topic == IPolicyGuard.PolicySubmitted.selector) _submitted(entry);
        else if (topic == IPolicyGuard.PolicyAdopted.selector) _adopted(entry);
        else if (topic == IPolicyGuard.PolicyVetoed.selector) _dropped(entry.topics[2], true, _who(entry.topics[1]));
        else if (topic == IPolicyGuard.PolicyVoided.selector) _dropped(entry.topics[1], false, address(0));
        else if (topic == IPolicyGuard.ModeSet.selector) _modeSet(entry);
        else if (topic == IPolicyGuard.AgentRevoked.selector) _revoked(entry);
        else if (topic == IPolicyGuard.AgentResigned.selector) _endedUnder[_who(entry.topics[1])] = _adoptedVersion;
        else if (topic == IPolicyGuard.Rebalanced.selector) _rebalanced(entry);
        else _office(topic, entry);
    }

    function _submitted(Vm.Log memory entry) private {
        address by = _who(entry.topics[1]);
        (uint40 from, uint40 until, bytes memory encoding) = abi.decode(entry.data, (uint40, uint40, bytes));
        assertEq(keccak256(encoding), entry.topics[2], "a submission carries its document");
        assertTrue(by == owner || by == guardian, "submitted by owner or guardian");
        Policy memory next = abi.decode(encoding, (Policy));
        property_NothingPassesACeiling(next);
        _encodings[entry.topics[2]] = encoding;
        bool isInstant = isTighter(next);
        assertEq(waiting.length, 0, "one waits at most");
        if (isInstant) {
            assertEq(from, block.timestamp, "stricter is at once");
            _atOnce = entry.topics[2];
        } else {
            assertEq(by, owner, "only the owner's may wait");
            assertEq(from, block.timestamp + delay(), "the delay is the one in force");
            assertEq(until, from + ceilings().graceSeconds, "the grace is the ceiling's");
            (waiting, waitingSince, matureAt, staleAt) = (encoding, block.timestamp, from, until);
        }
    }

    function property_NothingPassesACeiling(Policy memory next) internal {
        assertFalse(passesCeiling(next), "a ceiling was passed");
        Limits memory asked = next.limits;
        Ceilings memory most = ceilings();
        bool isAtOne = asked.maxTurnoverBps == most.maxTurnoverBps || asked.maxLossBps == most.maxLossBps
            || asked.windowSeconds == most.minWindowSeconds || asked.policyDelaySeconds == most.minPolicyDelaySeconds;
        if (isAtOne) count("property_NothingPassesACeiling");
    }

    /// @dev What comes into force was stricter than what was, or has waited since a state that nothing changed.
    function property_LimitsLoosenOnlyAfterTheDelay(bytes32 hash) internal {
        if (_atOnce == hash) {
            assertTrue(isTighter(abi.decode(_encodings[hash], (Policy))), "looser at once");
            return;
        }
        assertEq(keccak256(waiting), hash, "adopted what did not wait");
        assertGe(block.timestamp, matureAt, "before the delay");
        assertLe(block.timestamp, staleAt, "after the grace");
        count("property_LimitsLoosenOnlyAfterTheDelay");
    }

    function _adopted(Vm.Log memory entry) private {
        bytes32 hash = entry.topics[2];
        property_LimitsLoosenOnlyAfterTheDelay(hash);
        _next(uint64(uint256(entry.topics[1])));
        inForce = _encodings[hash];
        _limits = document().limits;
        mode = _limits.mode;
        _adoptedVersion = version;
        _forget();
        _atOnce = 0;
    }

    function _dropped(bytes32 hash, bool isVeto, address by) private {
        assertEq(keccak256(waiting), hash, "nothing else can end");
        if (isVeto) assertTrue(by == owner || by == guardian, "vetoed by owner or guardian");
        _forget();
    }

    function _modeSet(Vm.Log memory entry) private {
        address by = _who(entry.topics[1]);
        assertTrue(by == owner || by == guardian, "mode by owner or guardian");
        Mode next = abi.decode(entry.data, (Mode));
        assertGt(uint256(next), uint256(mode), "modes close only");
        mode = next;
        _overlay(entry.topics[2]);
    }

    function _revoked(Vm.Log memory entry) private {
        address by = _who(entry.topics[1]);
        assertTrue(by == owner || by == guardian, "revoked by owner or guardian");
        _endedUnder[_who(entry.topics[3])] = _adoptedVersion;
        _overlay(entry.topics[2]);
    }

    function _overlay(bytes32 version_) private {
        assertEq(waiting.length, 0, "an overlay voids what waits");
        _next(uint64(uint256(version_)));
    }

    function _next(uint64 version_) private {
        assertEq(version_, version + 1, "versions count every change");
        version = version_;
    }

    function _forget() private {
        delete waiting;
        (matureAt, staleAt) = (0, 0);
    }

    function _office(bytes32 topic, Vm.Log memory entry) private {
        if (topic == IPolicyGuard.GuardianNamed.selector) {
            (named, namedAt) = (_who(entry.topics[1]), abi.decode(entry.data, (uint40)));
            assertEq(namedAt, block.timestamp + delay(), "a guardian waits the delay in force");
        } else if (topic == IPolicyGuard.GuardianReplaced.selector) {
            property_OfficesChangeHandsAsPromised(_who(entry.topics[2]), named, namedAt);
            (guardian, named, namedAt) = (named, address(0), 0);
        } else if (topic == IPolicyGuard.OwnershipOffered.selector) {
            assertEq(_who(entry.topics[1]), owner, "offered by the owner");
            offered = _who(entry.topics[2]);
        } else if (topic == IPolicyGuard.OwnershipTransferred.selector) {
            property_OfficesChangeHandsAsPromised(_who(entry.topics[2]), offered, block.timestamp);
            (owner, offered) = (offered, address(0));
        }
    }

    /// @dev Who takes an office is who was named or offered it, and a guardian has waited the delay.
    function property_OfficesChangeHandsAsPromised(address taker, address promised, uint256 from) private {
        assertEq(taker, promised, "taken by somebody else");
        // forge-lint: disable-next-line(block-timestamp)
        assertTrue(from != 0 && block.timestamp >= from, "taken before the delay");
        count("property_OfficesChangeHandsAsPromised");
    }

    /// @dev Guard, vault and the copy say the same.
    function property_WhatIsInForceIsWhatTheEventsSay() internal {
        GuardState memory state = guard.guardState();
        assertEq(state.policyVersion, version, "version");
        assertEq(uint256(state.mode), uint256(mode), "mode");
        assertEq(guard.owner(), owner, "owner");
        assertEq(guard.guardian(), guardian, "guardian");
        assertEq(guard.offeredOwner(), offered, "offered owner");
        (address named_, uint40 namedAt_) = guard.namedGuardian();
        assertTrue(named_ == named && namedAt_ == namedAt, "named guardian");
        PendingPolicy memory pending = guard.pendingPolicy();
        assertEq(pending.hash, waiting.length == 0 ? bytes32(0) : keccak256(waiting), "what waits");
        assertEq(pending.activatableAt, matureAt, "until when it waits");
        assertEq(guard.policyDelaySeconds(), delay(), "delay");
        if (inForce.length == 0) return;

        Policy memory in_ = document();
        assertEq(state.policyHash, keccak256(inForce), "document");
        property_NothingPassesACeiling(in_);
        for (uint256 i = 0; i < in_.agents.length; ++i) {
            AgentState memory agent = guard.agentState(in_.agents[i].agent);
            assertTrue(agent.exists, "agent");
            assertEq(agent.isRevoked, isEnded(in_.agents[i].agent), "revocation");
        }
        NavParameters memory parameters = vault.navParameters();
        Limits memory asked = in_.limits;
        assertEq(
            abi.encode(parameters),
            abi.encode(
                NavParameters(
                    asked.maxGrowthWad,
                    asked.maxDrawdownBps,
                    asked.entryHaltSeconds,
                    asked.seasoningSeconds,
                    asked.maxNavAgeSeconds,
                    asked.depositCap,
                    asked.managementFeeBps,
                    asked.performanceFeeBps,
                    asked.feeRecipient
                )
            ),
            "the vault's part"
        );
        ExitEntry[] memory list = vault.exitList();
        assertEq(list.length, in_.strategies.length, "exit list");
        for (uint256 i = 0; i < list.length; ++i) {
            assertEq(list[i].strategy, in_.strategies[i].strategy, "exit order");
            assertEq(uint256(list[i].status), uint256(in_.strategies[i].status), "exit status");
        }
        count("property_WhatIsInForceIsWhatTheEventsSay");
    }

    function _who(bytes32 topic) private pure returns (address) {
        return address(uint160(uint256(topic)));
    }
}
