// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {Policy} from "../../contracts/types/Policy.sol";
import {Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {Arena} from "./Arena.sol";

/// @notice Incident 14, Resolv: whoever holds the agent's key holds it for a while and does with it whatever it can.
contract StolenKeyIncident is Arena {
    uint32 private constant WINDOW = 1 days;
    uint16 private constant LOSS_BPS = 50;
    uint16 private constant TURNOVER_BPS = 8000;
    uint16 private constant BAND_BPS = 100;
    uint256 private constant BUDGET_OF_PUSHES_BPS = 2 * uint256(BAND_BPS) * TURNOVER_BPS / 10_000;
    uint256 private constant STEPS = 60;

    uint256 private seed;
    uint256 private executed;
    uint256 private refused;

    function setUp() public override {
        super.setUp();
        // What the thief earns by, if it gets at anything: most of every strategy is its own.
        _supply(steady, THIEF, HONEST, THIEF);
        _supply(other, THIEF, HONEST, THIEF);
        _supply(odd, THIEF, HONEST, THIEF);
        steady.setExitFeeBps(30);
        other.setExitFeeBps(5);
        odd.setExitFeeBps(90);
    }

    function _terms() internal view override returns (Policy memory policy) {
        policy = super._terms();
        policy.limits.windowSeconds = WINDOW;
        policy.agents[0].maxLossBps = LOSS_BPS;
        policy.agents[0].maxTurnoverBps = TURNOVER_BPS;
        for (uint256 i = 0; i < 3; ++i) {
            policy.strategies[i].priceBandBps = BAND_BPS;
        }
    }

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_Incident14_Resolv_StolenKeyLosesAtMostItsLossBudget(uint256 seed_) public {
        seed = seed_;
        uint256 thief = _thiefs();
        uint256 start = block.timestamp;
        for (uint256 i = 0; i < STEPS; ++i) {
            _wait();
            // The strategy that the thief runs keeps a part of what it should pay.
            odd.setShortPayBps(_random(2) == 0 ? _random(1000) : 0);
            _tryAnything();
        }
        odd.setShortPayBps(0);
        uint256 most = _bound(LOSS_BPS, block.timestamp - start);
        assertGe(_money() + most + _rounding(), HONEST, "the vault's loss");
        assertLe(_thiefs(), thief + most + _rounding(), "the thief's gain");
        assertGe(_worth(ALICE) + _worth(BOB) + most + _rounding(), HONEST, "the depositors' loss");
        assertGt(refused, 0, "nothing was refused");
    }

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_Incident14_Resolv_WithAnAccompliceItAddsTwoBandsOfTurnover(uint256 seed_) public {
        seed = seed_;
        uint256 thief = _thiefs();
        uint256 start = block.timestamp;
        for (uint256 i = 0; i < STEPS; ++i) {
            _wait();
            TestStrategy target = _random(2) == 0 ? steady : other;
            // The pushes stay close to the band most of the time, as a thief's would; some go far beyond.
            uint256 push = _total(target) * _random(_random(4) == 0 ? 3000 : 2 * uint256(BAND_BPS)) / 10_000;
            bool isUp = _random(2) == 0;
            if (isUp) target.gain(push);
            else target.lose(push);
            _tryAnything();
            if (isUp) target.lose(push);
            else target.gain(push);
        }
        uint256 span = block.timestamp - start;
        uint256 most = _bound(LOSS_BPS, span) + _bound(BUDGET_OF_PUSHES_BPS, span);
        assertGe(_money() + most + _rounding(), HONEST, "the vault's loss");
        assertLe(_thiefs(), thief + most + _rounding(), "the thief's gain");
        assertGt(refused, 0, "nothing was refused");
    }

    /// A thief who knows the best move needs no luck: buys at the top of the band, sells at its bottom, pays no fee.
    /// All of it before the reference first moves.
    function test_Incident14_Resolv_TheBestPushIsWorthTwoBandsOfTurnover() public {
        other.setExitFeeBps(0);
        uint256 thief = _thiefs();
        uint256 start = block.timestamp;
        for (uint256 i = 0; i < 100; ++i) {
            uint256 before = _pushTo(other, 10_000 + BAND_BPS - 1);
            uint256 pushed = _total(other);
            _count(_one(_in(1, 40_000 * UNIT)));
            // The push is taken back; what the agent paid in stays.
            _setTotal(other, before + _total(other) - pushed);
            before = _pushTo(other, 10_000 - BAND_BPS + 1);
            pushed = _total(other);
            _count(_one(_out(1, _all())));
            _setTotal(other, before + _total(other) - pushed);
            skip(12 minutes);
            vm.roll(block.number + 1);
        }
        uint256 most = _bound(BUDGET_OF_PUSHES_BPS, block.timestamp - start) + _rounding();
        assertGe(_money() + most, HONEST, "the vault's loss");
        assertLe(_thiefs(), thief + most, "the thief's gain");
        assertGt(_thiefs(), thief + most / 4, "the thief gains: that is what turnover is bounded for");
    }

    /// @dev Moves a share's price to this many bps of an asset.
    /// @return before The money that the strategy had.
    function _pushTo(TestStrategy strategy, uint256 bps) private returns (uint256 before) {
        before = _total(strategy);
        _setTotal(strategy, strategy.totalSupply() * bps / 10_000);
    }

    function _setTotal(TestStrategy strategy, uint256 total) private {
        uint256 now_ = _total(strategy);
        if (total > now_) strategy.gain(total - now_);
        else strategy.lose(now_ - total);
    }

    /// @dev A plan of one or two legs that mostly could be valid, and sometimes is nonsense.
    function _tryAnything() private {
        Move memory first = _move(_random(3) == 0);
        if (first.isDeposit || _random(2) == 0) return _count(_one(first));
        _count(_two(first, _move(true)));
    }

    function _move(bool isDeposit) private returns (Move memory) {
        TestStrategy[3] memory all = [steady, other, TestStrategy(odd)];
        uint256 index = _random(3);
        uint256 most = isDeposit ? asset.balanceOf(address(vault)) : _position(all[index]);
        uint256 amount = _random(most + 1);
        uint256 kind = _random(16);
        if (kind == 0) amount = _all();
        if (kind == 1) amount = 0;
        if (kind == 2) amount = HONEST;
        if (kind == 3) index = 3;
        // forge-lint: disable-next-line(unsafe-typecast)
        return Move(uint8(index), isDeposit, uint128(amount));
    }

    function _count(Move[] memory moves) private {
        Rebalance memory plan = _plan(moves);
        vm.prank(AGENT);
        (bool isDone,) = address(guard).call(abi.encodeCall(IPolicyGuard.rebalance, (plan)));
        if (isDone) ++executed;
        else ++refused;
    }

    function _wait() private {
        if (_random(3) == 0) return;
        skip(_random(40 minutes));
        vm.roll(block.number + 1);
    }

    function _random(uint256 below) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % below;
    }

    /// @dev bps of what there was × (1 + T ÷ W), rounded up: the promise about a stolen key.
    function _bound(uint256 bps, uint256 span) private pure returns (uint256) {
        return HONEST * bps * (WINDOW + span) / (10_000 * WINDOW) + 1;
    }

    /// @dev An ERC-4626 rounds by a unit, a leg has two such roundings.
    function _rounding() private view returns (uint256) {
        return 4 * executed + 2;
    }

    function _total(TestStrategy strategy) private view returns (uint256) {
        return asset.balanceOf(address(strategy));
    }

    /// @dev What the thief's strategy shares are worth, without the fees that the thief itself could lift.
    function _thiefs() private view returns (uint256 assets) {
        assets = asset.balanceOf(THIEF) + asset.balanceOf(AGENT);
        assets += steady.convertToAssets(steady.balanceOf(THIEF));
        assets += other.convertToAssets(other.balanceOf(THIEF));
        assets += odd.convertToAssets(odd.balanceOf(THIEF));
    }
}
