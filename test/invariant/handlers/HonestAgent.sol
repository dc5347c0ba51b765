// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {Mode, ObjectiveKind, Policy} from "../../../contracts/types/Policy.sol";
import {ALL_ASSETS, Move, Rebalance} from "../../../contracts/types/Rebalance.sol";
import {Properties} from "../Properties.sol";
import {Agents} from "./Agents.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice An agent that does its work at whatever prices there are, and one that signs it for anyone to relay.
contract HonestAgent is Agents {
    /// @dev Whether venues tell the truth in this campaign, so that honest work costs rounding and known fees only.
    bool private immutable _AMONG_TRUE_VENUES;
    bool private immutable _HAS_RELAY;

    constructor(Properties world, bool amongTrueVenues, bool hasRelay) Agents(world) {
        (_AMONG_TRUE_VENUES, _HAS_RELAY) = (amongTrueVenues, hasRelay);
        world.expectAction("honest rebalance");
        if (amongTrueVenues) {
            world.expectAction("honest withdrawal of all");
            world.expectProperty("property_HonestWorkCostsRounding");
        }
        if (hasRelay) world.expectAction("relayed rebalance");
    }

    function work(uint256 seed) external acts {
        _work(WORLD.HONEST(), seed, "honest rebalance");
    }

    function workAgain(uint256 seed) external acts {
        _work(WORLD.HONEST(), _mix(seed, 4), "honest rebalance");
    }

    /// @notice Puts to work what may be, so that exits have to take money out of strategies.
    function invest(uint256 seed) external acts {
        address agent = WORLD.HONEST();
        _pass(WORLD.COOLDOWN() + _mix(seed, 5) % 600);
        if (!_isOpenFor(agent, seed)) return;
        _invest(agent);
    }

    function _invest(address agent) private {
        Move[] memory moves = _everyRoom(agent);
        if (moves.length == 0) return;
        if (!_execute(agent, _plan(agent, moves), false)) {
            // All together may be more than a group takes.
            assembly ("memory-safe") {
                mstore(moves, 1)
            }
            if (!_execute(agent, _plan(agent, moves), false)) return;
        }
        _done("honest rebalance");
    }

    /// @dev Deposits up to what weights, caps, targets and turnover leave, in the document's order.
    function _everyRoom(address agent) private view returns (Move[] memory moves) {
        Policy memory document = WORLD.document();
        uint256 most = _turnoverRoom(agent);
        uint256 idle = _spendable(document);
        moves = new Move[](document.strategies.length);
        uint256 length = 0;
        for (uint256 i = 0; i < moves.length; ++i) {
            uint256 assets = _min(_min(_spaceIn(document, i), _aimed(document, i, true)), _min(most, idle));
            if (assets == 0) continue;
            (most, idle) = (most - assets, idle - assets);
            moves[length++] = Move(SafeCast.toUint8(i), true, SafeCast.toUint128(assets));
        }
        assembly ("memory-safe") {
            mstore(moves, length)
        }
    }

    /// @notice Leaves the smallest position altogether; target weights would not have it.
    function leaveOne(uint256 seed) external acts {
        _pass(WORLD.COOLDOWN() + _mix(seed, 5) % 600);
        bool isAimed = WORLD.document().objective.kind == ObjectiveKind.TargetWeights;
        if (_AMONG_TRUE_VENUES && isAimed && _isTime("honest withdrawal of all", seed, 2)) WORLD.adopt(WORLD.policy());
        if (WORLD.mode() == Mode.Paused) return;
        Policy memory document = WORLD.document();
        uint256 least = type(uint256).max;
        Move[] memory moves = new Move[](1);
        for (uint256 i = 0; i < document.strategies.length; ++i) {
            uint256 position = _liquid(document.strategies[i].strategy);
            if (position == 0 || position >= least || document.strategies[i].minWeightBps != 0) continue;
            (least, moves[0]) = (position, Move(SafeCast.toUint8(i), false, ALL_ASSETS));
        }
        if (moves[0].assets == 0) return;
        bool isDone = _execute(WORLD.HONEST(), _plan(WORLD.HONEST(), moves), false);
        if (isDone && _AMONG_TRUE_VENUES) _done("honest withdrawal of all");
    }

    function _work(address agent, uint256 seed, string memory action) internal {
        _pass(WORLD.COOLDOWN() + _mix(seed, 5) % 600);
        if (!_isOpenFor(agent, seed)) return;
        // More often while much is idle.
        bool isIdle = _AMONG_TRUE_VENUES && ASSET.balanceOf(address(VAULT)) > VAULT.totalAssets() / 2;
        if (isIdle && _mix(seed, 13) % 2 == 0) return _invest(agent);
        Move[] memory moves = _randomMoves(seed, _turnoverRoom(agent));
        if (moves.length == 0) return;
        uint256 before = WORLD.trueValueAfterFees();
        if (!_execute(agent, _plan(agent, moves), false)) return;
        if (_AMONG_TRUE_VENUES) property_HonestWorkCostsRounding(before, moves);
        _done(action);
    }

    function property_HonestWorkCostsRounding(uint256 before, Move[] memory moves) private {
        // One unit of assets a leg, and a share may be worth a few; a fee is charged on the way in.
        uint256 fees = 0;
        for (uint256 i = 0; i < moves.length; ++i) {
            if (moves[i].isDeposit) fees += moves[i].assets * _strategy(moves[i].index).exitFeeBps() / BPS + 1;
        }
        assertLe(before, WORLD.trueValueAfterFees() + 4 * moves.length + fees, "honest work cost more than rounding");
        WORLD.count("property_HonestWorkCostsRounding");
    }

    /// @notice Anyone relays what the agent signed, once; a second time, or changed, it is refused.
    function relay(uint256 seed) external acts {
        if (!_HAS_RELAY) return;
        _pass(WORLD.COOLDOWN() + _mix(seed, 5) % 600);
        address agent = WORLD.RELAYED();
        if (!_isOpenFor(agent, seed)) return;
        Move[] memory moves = _randomMoves(seed, _turnoverRoom(agent));
        if (moves.length == 0) return;
        Rebalance memory plan = _plan(agent, moves);
        _isRelayed = true;
        if (_execute(agent, plan, false)) {
            bytes32 state = _fingerprint();
            (bool isDone,) = _send(agent, plan);
            WORLD.forget();
            assertFalse(isDone, "relayed twice");
            assertEq(_fingerprint(), state, "a second relay changed something");
            _done("relayed rebalance");
        }
        _isRelayed = false;
    }

    bool private _isRelayed;

    function _send(address agent, Rebalance memory plan) internal override returns (bool isDone, bytes memory reason) {
        if (!_isRelayed) return super._send(agent, plan);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(WORLD.RELAYED_KEY(), GUARD.rebalanceDigest(plan, agent));
        address relayer = WORLD.OUTSIDER();
        vm.prank(relayer);
        (isDone, reason) =
            address(GUARD).call(abi.encodeCall(IPolicyGuard.rebalanceFor, (plan, agent, abi.encodePacked(r, s, v))));
    }
}
