// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IPolicyGuard, StrategyState} from "../../../contracts/interfaces/IPolicyGuard.sol";
import {Mode, Policy, StrategyStatus} from "../../../contracts/types/Policy.sol";
import {ALL_ASSETS} from "../../../contracts/types/Rebalance.sol";
import {Properties} from "../Properties.sol";
import {Reading} from "../Reading.sol";
import {WorldStrategy} from "../mocks/WorldStrategy.sol";
import {Handler} from "./Handler.sol";

/// @notice The guardian doing its office, and whoever stole its key; and anyone who trims, or has
/// a price reference follow.
contract Guardian is Handler {
    bool private immutable _AMONG_TRUE_VENUES;

    constructor(Properties world, bool amongTrueVenues) Handler(world) {
        _AMONG_TRUE_VENUES = amongTrueVenues;
        world.expectAction("pull");
        // Broken venues leave few occasions.
        if (amongTrueVenues) world.expectAction("trim");
        world.expectAction("follow");
        world.expectAction("tighten");
        world.expectAction("close");
        world.expectAction("revoke");
        world.expectAction("stolen guardian refused");
        world.expectProperty("property_PullsAndTrimsOnlyBringBack");
        world.expectProperty("property_TheGuardianLoosensNothing");
        world.expectProperty("property_AReferenceFollowsNoFasterThanGrowthAndOneBandAtMost");
    }

    function pull(uint256 seed) external acts {
        if (_isIdle() && !_isTime("pull", seed, 4)) return;
        uint256 length = WORLD.document().strategies.length;
        if (length == 0) return;
        uint256 place = _mix(seed, 1) % length;
        WorldStrategy strategy = WorldStrategy(WORLD.document().strategies[place].strategy);
        uint256 most = Reading.liquid(strategy, address(VAULT));
        uint256 assets = _amount(seed, most);
        if (assets == 0) return;
        bool isAll = assets >= Reading.value(strategy, address(VAULT)) && _mix(seed, 4) % 2 == 0;
        // Nothing, all of it, or more than there can be.
        uint256 least = _mix(seed, 5) % 4 == 0 ? 0 : assets + (_mix(seed, 5) % 4 == 1 ? 1 : 0);
        uint256[STRATEGIES] memory shares = _shares();
        uint256 idle = ASSET.balanceOf(address(VAULT));
        WORLD.digest();
        vm.prank(WORLD.guardian());
        try GUARD.pull{gas: TRANSACTION_GAS}(
            SafeCast.toUint8(place), isAll ? ALL_ASSETS : SafeCast.toUint128(assets), least
        ) returns (
            uint256 received
        ) {
            assertGe(ASSET.balanceOf(address(VAULT)), idle + least, "a pull brings what was demanded");
            assertEq(ASSET.balanceOf(address(VAULT)), idle + received, "a pull says what it brought");
            property_PullsAndTrimsOnlyBringBack(address(strategy), shares);
            WORLD.recordPull();
            _done("pull");
        } catch (bytes memory reason) {
            WORLD.forget();
            _selectorOf(reason);
            assertFalse(_AMONG_TRUE_VENUES && least <= assets, "a pull failed among true venues");
        }
    }

    /// @dev Caps a strategy below what it holds, or closes it, and trims it as a stranger would.
    function trim(uint256 seed) external acts {
        if (_isIdle() && !_isTime("trim", seed, 4)) return;
        uint256 length = WORLD.document().strategies.length;
        if (length == 0) return;
        uint8 place = SafeCast.toUint8(_mix(seed, 1) % length);
        Policy memory next = WORLD.document();
        WorldStrategy strategy = WorldStrategy(next.strategies[place].strategy);
        uint256 position = Reading.value(strategy, address(VAULT));
        if (position < 2) return;
        next.limits.mode = WORLD.mode();
        next.strategies[place].cap = SafeCast.toUint128(_min(_mix(seed, 2) % position, next.strategies[place].cap));
        if (_mix(seed, 3) % 2 == 0 && next.strategies[place].status == StrategyStatus.Active) {
            next.strategies[place].status = StrategyStatus.ExitOnly;
        }
        if (!WORLD.isTighter(next)) return;
        vm.prank(WORLD.guardian());
        GUARD.submitPolicy(next);
        uint256[STRATEGIES] memory shares = _shares();
        uint256 before = WORLD.trueValueAfterFees();
        (, uint256 base,) = VAULT.checkpointState();
        uint256 idle = ASSET.balanceOf(address(VAULT));
        WORLD.digest();
        vm.prank(WORLD.OUTSIDER());
        try GUARD.trim{gas: TRANSACTION_GAS}(place) returns (uint256 trimmed) {
            assertGt(trimmed, 0, "a trim takes something");
            uint256 left = Reading.value(strategy, address(VAULT));
            uint256 due = position > trimmed ? position - trimmed : 0;
            uint256 loss = due > left ? due - left : 0;
            uint256 came = ASSET.balanceOf(address(VAULT)) - idle;
            if (trimmed > came) loss += trimmed - came;
            WORLD.recordTrim(loss, base);
            if (_AMONG_TRUE_VENUES) {
                assertLe(before, WORLD.trueValueAfterFees() + 2, "a trim at the true price cost something");
            }
            property_PullsAndTrimsOnlyBringBack(address(strategy), shares);
            WORLD.countIfExpected("trim");
        } catch (bytes memory reason) {
            WORLD.forget();
            // Off its price band, the vault's loss bucket full, nothing liquid.
            _selectorOf(reason);
        }
    }

    /// @dev As an outsider may, at the true price or while it is pushed.
    function follow(uint256 seed) external acts {
        uint256 length = WORLD.document().strategies.length;
        if (length == 0) return;
        uint256 place = _mix(seed, 1) % length;
        if (_isTime("follow", seed, 2)) _pass(1 days);
        StrategyState[] memory before = GUARD.strategyStates();
        uint256 count = GUARD.guardState().rebalanceCount;
        uint256[STRATEGIES] memory shares = _shares();
        uint256 idle = ASSET.balanceOf(address(VAULT));
        WORLD.digest();
        vm.prank(WORLD.OUTSIDER());
        try GUARD.followPrice{gas: TRANSACTION_GAS}(SafeCast.toUint8(place)) returns (uint256 price) {
            StrategyState[] memory later = GUARD.strategyStates();
            assertEq(later[place].referencePrice, price, "a reference is what was told");
            for (uint256 i = 0; i < length; ++i) {
                if (i != place) assertEq(later[i].referencePrice, before[i].referencePrice, "another reference moved");
            }
            assertEq(GUARD.guardState().rebalanceCount, count, "following makes no plan stale");
            assertEq(ASSET.balanceOf(address(VAULT)), idle, "following moves no money");
            uint256[STRATEGIES] memory sharesLater = _shares();
            for (uint256 i = 0; i < STRATEGIES; ++i) {
                assertEq(sharesLater[i], shares[i], "following moves no shares");
            }
            property_AReferenceFollowsNoFasterThanGrowthAndOneBandAtMost(before[place], later[place]);
            _done("follow");
        } catch (bytes memory reason) {
            WORLD.forget();
            bytes4 selector = _selectorOf(reason);
            // forge-lint: disable-next-line(block-timestamp)
            bool isEarly = block.timestamp < before[place].referenceAt + 1 days;
            assertEq(selector == IPolicyGuard.FollowedWithinADay.selector, isEarly, "once a day, and each day");
        }
    }

    /// @dev What is stored may be a part in 2^43 lower.
    function property_AReferenceFollowsNoFasterThanGrowthAndOneBandAtMost(
        StrategyState memory before,
        StrategyState memory later
    ) private {
        uint256 price = before.referencePrice;
        uint256 moved = later.referencePrice > price ? later.referencePrice - price : price - later.referencePrice;
        uint256 elapsed = later.referenceAt - before.referenceAt;
        assertEq(later.referenceAt, block.timestamp, "it followed now");
        assertGe(elapsed, 1 days, "a reference follows once a day");
        uint256 growth = Math.mulDiv(price, WORLD.document().limits.maxGrowthWad * elapsed, WAD * 1 days);
        assertLe(moved, growth + (price >> 43), "a reference moved faster than growth");
        assertLe(moved, price * WORLD.BAND_BPS() / BPS + (price >> 43), "a reference moved by more than a band");
        WORLD.count("property_AReferenceFollowsNoFasterThanGrowthAndOneBandAtMost");
    }

    function property_PullsAndTrimsOnlyBringBack(address strategy, uint256[STRATEGIES] memory shares) private {
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            uint256 now_ = _strategy(i).trueBalanceOf(address(VAULT));
            if (address(_strategy(i)) == strategy) assertLe(now_, shares[i], "shares given for what came");
            else assertEq(now_, shares[i], "another position was touched");
        }
        WORLD.count("property_PullsAndTrimsOnlyBringBack");
    }

    function tighten(uint256 seed) external acts {
        Policy memory next = WORLD.document();
        uint256 length = next.strategies.length;
        if (length == 0) return;
        uint256 place = _mix(seed, 1) % length;
        next.limits.mode = WORLD.mode();
        next.limits.depositCap -= next.limits.depositCap / 1000;
        next.strategies[place].cap -= next.strategies[place].cap / 10;
        next.strategies[(place + 1) % length].maxWeightBps -= next.strategies[(place + 1) % length].maxWeightBps / 10;
        if (_mix(seed, 3) % 2 == 0) next.limits.minIdleBps += next.limits.minIdleBps < 2000 ? 10 : 0;
        if (!WORLD.isTighter(next)) return;
        vm.prank(WORLD.guardian());
        (, bool isInForce) = GUARD.submitPolicy(next);
        assertTrue(isInForce, "stricter is at once, from the guardian too");
        _done("tighten");
    }

    function close(uint256 seed) external acts {
        Mode mode = WORLD.mode();
        if (_mix(seed, 1) % 3 == 0 || mode == Mode.Paused) return;
        vm.prank(WORLD.guardian());
        GUARD.setMode(Mode(uint8(mode) + 1));
        _done("close");
    }

    function revoke(uint256 seed) external acts {
        address agent = [WORLD.HONEST(), WORLD.HOSTILE(), WORLD.RELAYED()][_mix(seed, 1) % 3];
        if (!_isTime("revoke", seed, 4) || !GUARD.agentState(agent).exists || WORLD.isEnded(agent)) return;
        if (_mix(seed, 3) % 4 == 0) {
            vm.prank(agent);
            GUARD.resign();
        } else {
            vm.prank(WORLD.guardian());
            GUARD.revokeAgent(agent);
        }
        _done("revoke");
    }

    /// @notice Everything that a guardian may not do.
    function misuse(uint256 seed) external acts {
        if (WORLD.guardian() == WORLD.owner()) return;
        Policy memory next = WORLD.document();
        if (next.strategies.length == 0) return;
        uint256 how = _mix(seed, 1) % 6;
        bytes memory call_;
        if (how == 0) next.limits.maxLossBps += 1;
        else if (how == 1) next.limits.policyDelaySeconds -= 1;
        else if (how == 2) next.limits.maxGrowthWad += 1;
        else if (how == 3) next.strategies[0].cap += 1;
        if (how < 4) call_ = abi.encodeCall(IPolicyGuard.submitPolicy, (next));
        if (how == 4) call_ = abi.encodeCall(IPolicyGuard.nameGuardian, (WORLD.THIEF()));
        if (how == 5) call_ = abi.encodeCall(IPolicyGuard.offerOwnership, (WORLD.THIEF()));
        property_TheGuardianLoosensNothing(call_);
        _done("stolen guardian refused");
    }

    function property_TheGuardianLoosensNothing(bytes memory call_) private {
        bytes32 before = keccak256(abi.encode(GUARD.guardState(), GUARD.pendingPolicy()));
        WORLD.digest();
        vm.prank(WORLD.guardian());
        (bool isDone,) = address(GUARD).call(call_);
        WORLD.forget();
        assertFalse(isDone, "the guardian loosened something");
        assertEq(keccak256(abi.encode(GUARD.guardState(), GUARD.pendingPolicy())), before, "and it changed something");
        WORLD.count("property_TheGuardianLoosensNothing");
    }

    /// @dev Where most money lies idle, little is left to be taken back. Broken venues leave few occasions anyway.
    function _isIdle() private view returns (bool) {
        return _AMONG_TRUE_VENUES && ASSET.balanceOf(address(VAULT)) > VAULT.totalAssets() / 2;
    }

    function _shares() private view returns (uint256[STRATEGIES] memory shares) {
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            shares[i] = _strategy(i).trueBalanceOf(address(VAULT));
        }
    }
}
