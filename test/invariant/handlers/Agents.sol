// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {StrategyState} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {Mode} from "../../../contracts/types/Policy.sol";
import {ALL_ASSETS, ANY_COUNT, Move, Rebalance} from "../../../contracts/types/Rebalance.sol";
import {World} from "../World.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";

/// @notice An honest agent, and one whose key was stolen by someone with accomplices in the venues.
contract Agents is Handler {
    bytes4 private constant PANIC = 0x4e487b71;

    /// @dev Plain members would be too many for one frame.
    struct Plan {
        address agent;
        uint256 from;
        uint256 to;
        uint256 withdrawn;
        uint256 deposited;
        bool isAll;
        bool isPushed;
    }

    uint256 public refusals;
    uint256 private _closedTimes;

    constructor(World world) Handler(world) {
        world.expectAction("honest rebalance");
        world.expectAction("honest withdrawal of all");
        world.expectAction("hostile churn");
        world.expectAction("hostile push up");
        world.expectAction("hostile push down");
        world.expectAction("hostile skim");
    }

    /// @notice Moves a reasonable part at the true price.
    function honestRebalance(uint256 from, uint256 to, uint256 withdrawn, uint256 deposited) external {
        _ready(WORLD.HONEST());
        Plan memory plan = _plan(WORLD.HONEST(), from, to, withdrawn, deposited);
        if (withdrawn % 2 == 0) _leaveTheSmallest(plan);
        uint256 before = WORLD.trueValue();
        if (!_execute(plan, before)) return;
        uint256 legs = plan.withdrawn != 0 && plan.deposited != 0 ? 2 : 1;
        // ERC-4626 rounds by a unit of assets a leg, and a share may be worth a few.
        assertLe(before, WORLD.trueValue() + 4 * legs, "an honest rebalance at true prices loses rounding only");
        WORLD.succeed("honest rebalance");
        if (plan.isAll) WORLD.succeed("honest withdrawal of all");
    }

    /// @notice As much as the buckets take, at pushed prices or through a venue that skims.
    function hostileRebalance(uint256 how, uint256 from, uint256 to, uint256 withdrawn, uint256 deposited) external {
        _ready(WORLD.HOSTILE());
        Plan memory plan = _plan(WORLD.HOSTILE(), from, to, withdrawn, deposited);
        uint256 size = how % 10;
        // 0 churns, 1 and 2 push, 3 skims.
        how = [uint8(1), 2, 3, 1, 2, 3, 1, 2, 3, 0][(how / 10) % 10];
        string memory name = "hostile churn";
        if (how == 1 && _isNearReference(plan.to)) {
            // From most of the band to a little past it.
            _strategy(plan.to).push(WAD + WAD * WORLD.BAND_BPS() * (70 + 4 * size) / 1_000_000);
            plan.isPushed = true;
            if (plan.deposited != 0) name = "hostile push up";
        } else if (how == 2 && _aimAtTheLargest(plan, withdrawn)) {
            _strategy(plan.from).push(WAD - WAD * WORLD.BAND_BPS() * (70 + 4 * size) / 1_000_000);
            plan.isPushed = true;
            if (plan.withdrawn != 0) name = "hostile push down";
        } else if (how == 3 && plan.withdrawn + plan.deposited != 0) {
            // From a tenth of what the loss bucket takes to a tenth more than it does.
            uint256 room = _room(WORLD.LOSS_BPS(), GUARD.guardState().loss.levelWad) * (size + 1) * 11 / 100;
            uint256 skimWad = room * WAD / (plan.withdrawn + plan.deposited);
            skimWad = skimWad < WAD / 2 ? skimWad : WAD / 2;
            _strategy(plan.from).skim(skimWad, WORLD.THIEF());
            _strategy(plan.to).skim(skimWad, WORLD.THIEF());
            name = "hostile skim";
        }
        bool isDone = _execute(plan, WORLD.trueValue());
        _restore();
        if (isDone) WORLD.succeed(name);
    }

    /// @dev Withdraws and deposits at random, between nothing and more than fits.
    function _plan(address agent, uint256 from, uint256 to, uint256 withdrawn, uint256 deposited)
        private
        view
        returns (Plan memory plan)
    {
        plan.agent = agent;
        plan.from = from % STRATEGIES;
        plan.to = to % STRATEGIES;
        if (plan.to == plan.from) plan.to = (plan.to + 1) % STRATEGIES;
        uint256 position = _strategy(plan.from).maxWithdraw(address(VAULT));
        if (withdrawn % 4 != 0 && position != 0) plan.withdrawn = _amount(withdrawn, position);
        uint256 idle = ASSET.balanceOf(address(VAULT)) + plan.withdrawn;
        uint256 held = _strategy(plan.to).trueAssetsOf(address(VAULT));
        uint256 most = WORLD.trueValue() * WORLD.MAX_WEIGHT_BPS() / 10_000;
        uint256 room = most > held ? most - held : 0;
        room = room < idle ? room : idle;
        if (deposited % 4 != 0 && room != 0) plan.deposited = _amount(deposited, room);
        if (from % 4 != 0) _fit(plan);
    }

    /// @dev Forge's numbers are mostly tiny; half of the amounts are a percentage instead.
    function _amount(uint256 seed, uint256 most) private pure returns (uint256) {
        uint256 part = most * (seed % 100 + 1) / 100;
        return seed % 2 == 0 || part == 0 ? _within(seed, 1, most) : part;
    }

    /// @dev Three times in four, no more than the vault's turnover bucket takes: attempts that are refused teach
    /// little.
    function _fit(Plan memory plan) private view {
        uint256 room = _room(WORLD.TURNOVER_BPS(), GUARD.guardState().turnover.levelWad);
        uint256 moved = plan.withdrawn + plan.deposited;
        if (moved <= room) return;
        plan.withdrawn = plan.withdrawn * room / moved;
        plan.deposited = plan.deposited * room / moved;
    }

    /// @dev What a bucket at this level still takes, leaks since its last charge left out.
    function _room(uint256 bps, uint256 levelWad) private view returns (uint256) {
        (, uint256 base,) = VAULT.checkpointState();
        return base * bps / 10_000 * (WAD - levelWad) / WAD;
    }

    /// @dev A withdrawal from the largest position, which is where a low price hurts most.
    /// @return Whether there is one, near its reference.
    function _aimAtTheLargest(Plan memory plan, uint256 seed) private view returns (bool) {
        uint256 most = 0;
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            uint256 position = _strategy(i).maxWithdraw(address(VAULT));
            if (position > most) (most, plan.from) = (position, i);
        }
        if (most == 0) return false;
        plan.withdrawn = _amount(seed, most);
        plan.deposited = 0;
        _fit(plan);
        return plan.withdrawn != 0 && _isNearReference(plan.from);
    }

    /// @dev All of the smallest position there is, which is what fits a bucket most often.
    function _leaveTheSmallest(Plan memory plan) private view {
        uint256 least = type(uint256).max;
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            uint256 position = _strategy(i).maxWithdraw(address(VAULT));
            if (position == 0 || position >= least) continue;
            (least, plan.from, plan.withdrawn, plan.deposited, plan.isAll) = (position, i, position, 0, true);
        }
    }

    function _execute(Plan memory plan, uint256 valueBefore) private returns (bool) {
        Rebalance memory rebalance_ = _encode(plan);
        address agent = plan.agent;
        uint256 received = ASSET.balanceOf(agent);
        vm.prank(agent);
        try GUARD.rebalance(rebalance_) {}
        catch (bytes memory reason) {
            assertNotEq(_selectorOf(reason), PANIC, "a refusal is no panic");
            ++refusals;
            return false;
        }
        assertEq(ASSET.balanceOf(agent), received, "an agent receives nothing");
        _assertLimits(plan, valueBefore);
        _restore();
        uint256 moved = plan.withdrawn + plan.deposited;
        uint256 valueAfter = WORLD.trueValue();
        if (plan.isPushed) {
            assertLe(valueBefore, valueAfter + moved * 2 * WORLD.BAND_BPS() / 10_000 + 8, "a push costs twice the band");
        }
        WORLD.recordRebalance(valueBefore, valueAfter, moved, plan.isPushed);
        return true;
    }

    /// @dev R8 and R11 from the venue's and the token's own figures, at the prices of that moment. Base and NAV are at
    /// most the live value, and at least what a growth limit holds back: only the first is used for caps; the floor of
    /// idle is
    /// checked against the lowest NAV there can be, the one the vault reports.
    function _assertLimits(Plan memory plan, uint256 valueBefore) private view {
        if (plan.deposited == 0) return;
        WorldStrategy strategy = _strategy(plan.to);
        uint256 value = strategy.previewRedeem(strategy.balanceOf(address(VAULT)));
        uint256 most = valueBefore * WORLD.MAX_WEIGHT_BPS() / 10_000;
        // A pushed venue may weigh up to the band more in a live value that was read while it was pushed.
        assertLe(value, most + most * WORLD.BAND_BPS() / 5000, "weight");
        assertGe(ASSET.balanceOf(address(VAULT)), VAULT.totalAssets() * WORLD.MIN_IDLE_BPS() * 98 / 1_000_000, "idle");
    }

    function _encode(Plan memory plan) private view returns (Rebalance memory rebalance_) {
        uint256 legs = (plan.withdrawn != 0 ? 1 : 0) + (plan.deposited != 0 ? 1 : 0);
        Move[] memory moves = new Move[](legs);
        if (plan.withdrawn != 0) {
            moves[0] = Move(uint8(plan.from), false, plan.isAll ? ALL_ASSETS : uint128(plan.withdrawn));
        }
        if (plan.deposited != 0) moves[legs - 1] = Move(uint8(plan.to), true, uint128(plan.deposited));
        rebalance_ = Rebalance({
            policyVersion: GUARD.guardState().policyVersion,
            nonce: GUARD.agentState(plan.agent).nonce,
            vaultCount: ANY_COUNT,
            deadline: uint64(block.timestamp),
            decision: bytes32(0),
            moves: moves
        });
    }

    /// @dev Cooldown over, doors open: otherwise nearly every attempt would be refused for dull reasons.
    function _ready(address agent) private {
        vm.warp(block.timestamp + 60);
        bool isClosed = GUARD.guardState().mode != Mode.Active || GUARD.agentState(agent).isRevoked;
        if (isClosed && ++_closedTimes % 2 == 0) WORLD.adopt(WORLD.policy());
    }

    /// @dev The bound on what accomplices can take assumes that the reference lies within one band of the true price.
    function _isNearReference(uint256 index) private view returns (bool) {
        StrategyState memory state = GUARD.strategyStates()[index];
        uint256 price = _strategy(index).convertToAssets(1 << 128);
        uint256 band = state.referencePrice * WORLD.BAND_BPS() / 10_000;
        return price <= state.referencePrice + band && price + band >= state.referencePrice;
    }

    function _restore() private {
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            _strategy(i).push(WAD);
            _strategy(i).skim(0, address(0));
        }
    }
}
