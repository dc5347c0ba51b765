// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {StrategyState} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {Policy} from "../../../contracts/types/Policy.sol";
import {ALL_ASSETS, Move, Rebalance} from "../../../contracts/types/Rebalance.sol";
import {Rule} from "../../../contracts/types/Rule.sol";
import {Properties} from "../Properties.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Agents} from "./Agents.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Whoever stole an agent's key, with accomplices in the venues. It wants all that the buckets give.
contract HostileAgent is Agents {
    constructor(Properties world) Agents(world) {
        world.expectAction("hostile churn");
        world.expectAction("hostile skim");
        world.expectAction("hostile push up");
        world.expectAction("hostile push down");
        world.expectAction("hostile push over blocks");
        world.expectAction("hostile invalid plan");
        world.expectProperty("property_InvalidPlansAreRefused");
    }

    /// @notice Out of the largest position and into the roomiest: from half of what the buckets take to twice as much.
    function churn(uint256 seed) external acts {
        if (!_ready(seed)) return;
        uint256 most = _turnoverRoom(WORLD.HOSTILE()) * (50 + _mix(seed, 6) % 151) / 100;
        Move[] memory moves = _greedyMoves(WORLD.document(), most);
        if (moves.length == 0) return;
        bool isDone = _attempt(moves, false);
        if (!isDone && WORLD.times("hostile churn") == 0) {
            // A group, a target or the bucket was in the way of both legs.
            moves = _oneMove(moves[0].index, moves[0].isDeposit, _min(moves[0].assets, most / 4 + 1));
            isDone = _attempt(moves, false);
        }
        if (isDone) _done("hostile churn");
    }

    function churnAgain(uint256 seed) external {
        this.churn(_mix(seed, 88));
    }

    /// @notice Lets a venue keep a part of what passes: from a fifth of what the loss buckets take to twice that.
    function skim(uint256 seed) external acts {
        if (!_ready(seed)) return;
        Move[] memory moves = _greedyMoves(WORLD.document(), _turnoverRoom(WORLD.HOSTILE()) * 9 / 10);
        uint256 moved = _movedBy(moves);
        if (moved == 0) return;
        uint256 wanted = _lossRoom(WORLD.HOSTILE()) * (_mix(seed, 6) % 19 + 2) / 10;
        uint256 skimWad = _min(wanted * WAD / moved, WAD / 2);
        for (uint256 i = 0; i < moves.length; ++i) {
            _strategy(moves[i].index).skim(skimWad, WORLD.THIEF());
        }
        if (_attempt(moves, false)) _done("hostile skim");
        _restore();
    }

    function skimAgain(uint256 seed) external {
        this.skim(_mix(seed, 89));
    }

    /// @notice An accomplice pushes a price up; the vault buys dear.
    function pushUp(uint256 seed) external acts {
        if (!_ready(seed)) return;
        _push(seed, true, false);
    }

    /// @notice An accomplice pushes a price down; the vault sells cheap.
    function pushDown(uint256 seed) external acts {
        if (!_ready(seed)) return;
        _push(seed, false, false);
    }

    /// @notice The push stands for blocks, and is observed, before the agent uses it.
    function pushOverBlocks(uint256 seed) external acts {
        if (!_ready(seed)) return;
        _push(seed, _mix(seed, 8) % 2 == 0, true);
    }

    /// @notice A plan that breaks one rule, or carries what does not match, is refused and leaves no trace.
    function breakARule(uint256 seed) external acts {
        _pass(WORLD.COOLDOWN());
        address agent = WORLD.HOSTILE();
        Move[] memory moves = _randomMoves(_mix(seed, 7), _turnoverRoom(agent));
        if (moves.length == 0) return;
        Rebalance memory plan = _plan(agent, moves);
        uint256 how = _mix(seed, 9) % 13;
        Rule most = Rule.Shape;
        if (how == 0) plan.nonce += 1;
        else if (how == 1 && plan.nonce != 0) plan.nonce -= 1;
        else if (how == 2) plan.deadline = uint64(block.timestamp - 1);
        else if (how == 3) plan.policyVersion += 1;
        else if (how == 4) plan.vaultCount = GUARD.guardState().rebalanceCount + 1;
        else if (how == 5) plan.moves[0].assets = 0;
        else if (how == 6) plan.moves[0].index = uint8(WORLD.document().strategies.length);
        else if (how == 7) plan.moves = _twice(moves);
        else if (how == 8) plan.moves = new Move[](0);
        else if (how == 9) agent = WORLD.OUTSIDER();
        else if (how == 10) plan.moves = _depositBeforeWithdrawal(moves);
        else if (how == 11) (plan.moves, most) = (_moreThanTurnover(moves), Rule.Objective);
        else (plan.moves, most) = (_moreThanIdle(), Rule.Objective);
        if (how == 1 && plan.nonce == GUARD.agentState(agent).nonce) return;
        property_InvalidPlansAreRefused(agent, plan, most);
        _done("hostile invalid plan");
    }

    /// @dev Takes a little of the idle that has to stay.
    function _moreThanIdle() private view returns (Move[] memory) {
        Policy memory document = WORLD.document();
        return _oneMove(_roomiest(document), true, _spendable(document) + 3);
    }

    function property_InvalidPlansAreRefused(address agent, Rebalance memory plan, Rule most) private {
        _refused(agent, plan, Rule.Mode, most);
        WORLD.count("property_InvalidPlansAreRefused");
    }

    function _oneMove(uint256 place, bool isDeposit, uint256 assets) private pure returns (Move[] memory one) {
        one = new Move[](1);
        one[0] = Move(SafeCast.toUint8(place), isDeposit, SafeCast.toUint128(assets));
    }

    /// @dev Both legs share what is to be moved.
    function _greedyMoves(Policy memory document, uint256 most) private view returns (Move[] memory moves) {
        moves = new Move[](2);
        uint256 from = _largest(document);
        uint256 to = _roomiest(document);
        uint256 out = _min(most / 2 + 1, _liquid(document.strategies[from].strategy));
        uint256 in_ = to == from ? 0 : _min(most - _min(most, out), _spaceIn(document, to) + out / 2);
        uint256 legs = 0;
        if (out != 0) moves[legs++] = Move(SafeCast.toUint8(from), false, SafeCast.toUint128(out));
        if (in_ != 0) moves[legs++] = Move(SafeCast.toUint8(to), true, SafeCast.toUint128(in_));
        assembly ("memory-safe") {
            mstore(moves, legs)
        }
    }

    function _push(uint256 seed, bool isUp, bool isOverBlocks) private {
        Policy memory document = WORLD.document();
        uint256 place = isUp ? _roomiest(document) : _largest(document);
        WorldStrategy strategy = WorldStrategy(document.strategies[place].strategy);
        if (!_isNearReference(place)) return;
        // From half of the band to a little past it.
        uint256 push = WAD * WORLD.BAND_BPS() * (50 + _mix(seed, 13) % 52) / 1_000_000;
        strategy.push(isUp ? WAD + push : WAD - push);
        if (isOverBlocks) {
            VAULT.checkpoint();
            _pass(12 + _mix(seed, 14) % 600);
        }
        uint256 most = isUp ? _spaceIn(document, place) : _liquid(address(strategy));
        if (_mix(seed, 12) % 2 == 0) most = _min(most, _aimed(document, place, isUp));
        most = _min(most, _turnoverRoom(WORLD.HOSTILE())) * (81 + _mix(seed, 15) % 20) / 100;
        if (most != 0 && _attempt(_oneMove(place, isUp, most), true)) {
            _done(isOverBlocks ? "hostile push over blocks" : isUp ? "hostile push up" : "hostile push down");
        }
        _restore();
    }

    function _attempt(Move[] memory moves, bool isPushed) private returns (bool) {
        address agent = WORLD.HOSTILE();
        return _execute(agent, _plan(agent, moves), isPushed);
    }

    function _ready(uint256 seed) private returns (bool) {
        _pass(WORLD.COOLDOWN() + _mix(seed, 5) % 60);
        return _isOpenFor(WORLD.HOSTILE(), seed);
    }

    /// @dev The bound on pushed prices assumes a reference within one band of the true price.
    function _isNearReference(uint256 place) private view returns (bool) {
        StrategyState memory state = GUARD.strategyStates()[place];
        uint256 price = WorldStrategy(state.strategy).payoutOf(1 << 128);
        uint256 band = state.referencePrice * WORLD.BAND_BPS() / BPS;
        return price <= state.referencePrice + band && price + band >= state.referencePrice;
    }

    function _largest(Policy memory document) private view returns (uint256 place) {
        uint256 most = 0;
        for (uint256 i = 0; i < document.strategies.length; ++i) {
            uint256 position = _liquid(document.strategies[i].strategy);
            if (position > most && _isNearReference(i)) (most, place) = (position, i);
        }
    }

    function _roomiest(Policy memory document) private view returns (uint256 place) {
        uint256 most = 0;
        for (uint256 i = 0; i < document.strategies.length; ++i) {
            uint256 room = _spaceIn(document, i);
            if (room > most && _isNearReference(i)) (most, place) = (room, i);
        }
    }

    function _settle(bool isPushed) internal override {
        if (isPushed) _restore();
    }

    function _restore() private {
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            _strategy(i).push(WAD);
            _strategy(i).skim(0, address(0));
        }
    }

    function _movedBy(Move[] memory moves) private view returns (uint256 moved) {
        for (uint256 i = 0; i < moves.length; ++i) {
            moved += moves[i].assets == ALL_ASSETS ? _liquid(address(_strategy(moves[i].index))) : moves[i].assets;
        }
    }

    function _twice(Move[] memory moves) private pure returns (Move[] memory two) {
        two = new Move[](2);
        (two[0], two[1]) = (moves[0], moves[0]);
    }

    function _depositBeforeWithdrawal(Move[] memory moves) private pure returns (Move[] memory two) {
        two = new Move[](2);
        two[0] = Move((moves[0].index + 1) % SafeCast.toUint8(LISTED), true, 1);
        two[1] = Move(moves[0].index, false, 1);
    }

    /// @dev More than both buckets could ever take.
    function _moreThanTurnover(Move[] memory moves) private view returns (Move[] memory one) {
        one = new Move[](1);
        (, uint256 base) = _standard();
        one[0] = Move(moves[0].index, true, SafeCast.toUint128(base * WORLD.HOSTILE_TURNOVER_BPS() / BPS + 1));
    }
}
