// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AgentPolicy, Mode, Policy, StrategyPolicy, StrategyStatus} from "../../../contracts/types/Policy.sol";
import {Properties} from "../Properties.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";

/// @notice An owner that adds, reorders, closes, writes off, removes and returns strategies, whatever state they are
/// in.
contract Listing is Handler {
    uint256 private _next;

    constructor(Properties world) Handler(world) {
        world.expectAction("add a strategy");
        world.expectAction("reorder strategies");
        world.expectAction("close a strategy");
        world.expectAction("write a strategy off");
        world.expectAction("bring a strategy back");
        world.expectAction("remove a strategy with shares held");
        world.expectAction("reopen");
    }

    /// @dev One kind of change after the other, so that each comes up.
    function changeTheList(uint256 seed) external acts {
        Policy memory next = _fresh();
        uint256 length = next.strategies.length;
        uint256 place = length == 0 ? 0 : _mix(seed, 1) % length;
        uint256 how = _next++ % 6;
        string memory action = "";
        if (how == 0 || length < 2) {
            if (!_add(next, seed)) return;
            action = "add a strategy";
        } else if (how == 1) {
            uint256 other = (place + 1) % length;
            (next.strategies[place], next.strategies[other]) = (next.strategies[other], next.strategies[place]);
            action = "reorder strategies";
        } else if (how == 2) {
            next.strategies[place].status = StrategyStatus.ExitOnly;
            action = "close a strategy";
        } else if (how == 3) {
            next.strategies[place].status = StrategyStatus.WrittenOff;
            action = "write a strategy off";
        } else if (how == 4) {
            place = _firstOut(next, place);
            if (place == length) return;
            next.strategies[place].status = StrategyStatus.Active;
            action = "bring a strategy back";
        } else {
            if (WorldStrategy(next.strategies[place].strategy).trueBalanceOf(address(VAULT)) != 0) {
                action = "remove a strategy with shares held";
            }
            next.strategies[place] = next.strategies[length - 1];
            StrategyPolicy[] memory list = next.strategies;
            assembly ("memory-safe") {
                mstore(list, sub(length, 1))
            }
        }
        _scope(next);
        WORLD.adopt(next);
        if (bytes(action).length != 0) _done(action);
    }

    /// @notice Back to the open policy, now and then.
    function reopen(uint256 seed) external acts {
        if (_mix(seed, 1) % 4 != 0) return;
        WORLD.adopt(WORLD.policy());
        _done("reopen");
    }

    /// @dev The document in force with mandates that run from now, open.
    function _fresh() private view returns (Policy memory next) {
        next = WORLD.document();
        next.agents = WORLD.policy().agents;
        next.limits.mode = Mode.Active;
        // A document that only tightened would take effect at once: that has its own action.
        next.limits.maxNavAgeSeconds ^= 1;
    }

    /// @dev The first strategy, from a random one on, that is not listed.
    function _add(Policy memory next, uint256 seed) private view returns (bool) {
        uint256 length = next.strategies.length;
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            StrategyPolicy memory entry = WORLD.entryOf((_mix(seed, 3) % STRATEGIES + i) % STRATEGIES);
            if (_isListed(next, entry.strategy)) continue;
            StrategyPolicy[] memory list = new StrategyPolicy[](length + 1);
            for (uint256 j = 0; j < length; ++j) {
                list[j] = next.strategies[j];
            }
            list[length] = entry;
            next.strategies = list;
            return true;
        }
        return false;
    }

    /// @dev The first strategy, from `place` on, that is not active, or the list's length.
    function _firstOut(Policy memory next, uint256 place) private pure returns (uint256) {
        uint256 length = next.strategies.length;
        for (uint256 i = 0; i < length; ++i) {
            uint256 at = (place + i) % length;
            if (next.strategies[at].status != StrategyStatus.Active) return at;
        }
        return length;
    }

    function _isListed(Policy memory next, address strategy) private pure returns (bool) {
        for (uint256 i = 0; i < next.strategies.length; ++i) {
            if (next.strategies[i].strategy == strategy) return true;
        }
        return false;
    }

    function _scope(Policy memory next) private pure {
        for (uint256 i = 0; i < next.agents.length; ++i) {
            AgentPolicy memory agent = next.agents[i];
            agent.scope = uint32((2 ** next.strategies.length) - 1);
        }
    }
}
