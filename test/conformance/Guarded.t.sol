// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Mode, Policy} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, ANY_COUNT, Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {BaseTest} from "../Base.t.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {Combinations} from "./Combinations.sol";
import {Batch} from "./mocks/Batch.sol";

/// @notice Rules 21, 33, 58, 62, 66, 68 behind the real guard: treasuries of the real factory, rebalances of an agent.
contract GuardedConformanceTest is BaseTest, Combinations {
    struct World {
        TestToken asset;
        TreasuryVault vault;
        PolicyGuard guard;
        TestStrategy first;
        HostileStrategy second;
    }

    address private _alice = makeAddr("alice");
    address private _bob = makeAddr("bob");
    address private _feeRecipient = makeAddr("fee recipient");

    TreasuryVault private _vault;
    PolicyGuard private _guard;
    TestStrategy private _first;
    HostileStrategy private _second;
    /// @dev The agent is a contract, so that its calls can share a transaction.
    Batch private _agent;
    uint8 private _decimals;

    World[COMBINATIONS] private _worlds;

    function setUp() public override {
        super.setUp();
        _agent = new Batch();
        for (uint256 i = 0; i < COMBINATIONS; ++i) {
            vm.warp(START);
            hasFees = _hasFees(i);
            asset = new TestToken("USD", _decimalsOf(i));
            TreasuryParameters memory parameters = _treasuryParameters(bytes32(i));
            parameters.decimalsOffset = _offsetOf(i);
            (_vault, _guard) = _deployTreasury(parameters);
            (_first, _second) = (new TestStrategy(asset), new HostileStrategy(asset));
            _adopt(_guard, _document());
            _worlds[i] = World(asset, _vault, _guard, _first, _second);
        }
    }

    function _select(uint256 combination) internal override {
        World storage world = _worlds[combination];
        (asset, _vault, _guard) = (world.asset, world.vault, world.guard);
        (_first, _second) = (world.first, world.second);
        (_decimals, hasFees) = (_decimalsOf(combination), _hasFees(combination));
        vm.warp(START + DELAY);
        _enter(_vault, _alice, _units(1000));
        _enter(_vault, _bob, _units(300) + 7);
    }

    function _document() private view returns (Policy memory policy) {
        address[] memory strategies = new address[](2);
        (strategies[0], strategies[1]) = (address(_first), address(_second));
        policy = _policy(strategies);
        policy.agents[0].agent = address(_agent);
        policy.strategies[1].maxWeightBps = 5000;
        if (!hasFees) return policy;
        policy.limits.managementFeeBps = 200;
        policy.limits.performanceFeeBps = 2000;
        policy.limits.feeRecipient = _feeRecipient;
    }

    function _units(uint256 count) private view returns (uint256) {
        return count * 10 ** _decimals;
    }

    function _move(uint8 index, bool isDeposit, uint256 assets) private pure returns (Move memory) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return Move(index, isDeposit, uint128(assets));
    }

    function _plan(uint256 ahead, Move memory a, Move memory b) private view returns (bytes memory) {
        Rebalance memory plan;
        plan.policyVersion = _guard.guardState().policyVersion;
        // forge-lint: disable-next-line(unsafe-typecast)
        plan.nonce = _guard.agentState(address(_agent)).nonce + uint64(ahead);
        plan.vaultCount = ANY_COUNT;
        plan.deadline = type(uint64).max;
        plan.decision = keccak256("decision");
        plan.moves = new Move[](b.assets == 0 ? 1 : 2);
        plan.moves[0] = a;
        if (b.assets != 0) plan.moves[1] = b;
        return abi.encodeCall(IPolicyGuard.rebalance, (plan));
    }

    function _plan(Move memory a) private view returns (bytes memory) {
        Move memory none;
        return _plan(0, a, none);
    }

    function _rebalance(Move memory a) private {
        _agent.one(address(_guard), _plan(a));
    }

    function _rebalance(Move memory a, Move memory b) private {
        _agent.one(address(_guard), _plan(0, a, b));
    }

    /// @dev Rule, observed and limit of a plan that is refused.
    function _refusalOf(bytes memory plan) private returns (Rule rule, uint256 observed, uint256 limit) {
        vm.prank(address(_agent));
        (bool isDone, bytes memory answer) = address(_guard).call(plan);
        assertFalse(isDone, "refused");
        bytes memory arguments = new bytes(answer.length - 4);
        for (uint256 i = 4; i < answer.length; ++i) {
            arguments[i - 4] = answer[i];
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        assertEq(bytes4(answer), IPolicyGuard.Refused.selector);
        return abi.decode(arguments, (Rule, uint256, uint256));
    }

    function _exits() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                _vault.maxWithdraw(_alice), _vault.maxRedeem(_alice), _vault.maxWithdraw(_bob), _vault.maxRedeem(_bob)
            )
        );
    }

    /// @dev Ours: nothing the guard can do blocks an exit, so `max*` do not know it.
    function test_Rule21_TheGuardCannotBlockAnExit() public inEachCombination {
        _rebalance(_move(0, true, _units(700)));
        _rebalance(_move(1, true, _units(300)));
        bytes32 before = _exits();
        vm.startPrank(GUARDIAN);
        _guard.setMode(Mode.ExitOnly);
        assertEq(_exits(), before, "exit only");
        _guard.setMode(Mode.Paused);
        assertEq(_exits(), before, "paused");
        Policy memory policy = _document();
        policy.limits.mode = Mode.Paused;
        policy.limits.depositCap = 0;
        (, bool isInForce) = _guard.submitPolicy(policy);
        assertTrue(isInForce);
        assertEq(_exits(), before, "nothing may come in");
        _guard.revokeAgent(address(_agent));
        vm.stopPrank();
        assertEq(_exits(), before, "no agent");
        assertEq(_vault.maxDeposit(_alice), 0);
        _assertExit(_alice);
        _assertExit(_bob);
    }

    function _assertExit(address account) private {
        uint256 most = _vault.maxWithdraw(account);
        assertGt(most, 0);
        vm.prank(account);
        _vault.withdraw(most, account, account);
        assertEq(asset.balanceOf(account), most);
    }

    /// @dev One unit per leg, from the strategy's own rounding.
    /// forge-config: default.fuzz.runs = 12
    function testFuzz_Rule33_ARebalanceMovesNoValue(uint256 a, uint256 b, uint256 gain) public inEachCombination {
        // The other strategy has its weight limit: 500 of 1,300 is inside.
        _rebalance(_move(0, true, bound(a, _units(500), _units(700))));
        _first.gain(bound(gain, 0, _units(5)));
        skip(1 days);
        _vault.checkpoint();
        uint256 total = _vault.totalAssets();
        uint256 most = _first.maxWithdraw(address(_vault)) / 2;
        _rebalance(_move(0, false, bound(a, 1, most)), _move(1, true, bound(b, 1, _units(500))));
        assertLe(_vault.totalAssets(), total, "never upward");
        assertGe(_vault.totalAssets() + 2, total);
        _rebalance(_move(0, true, 1), _move(1, true, 1));
        assertLe(_vault.totalAssets(), total, "never upward");
        assertGe(_vault.totalAssets() + 4, total);
    }

    /// @dev Half of base is the most the second strategy may hold. Ten times the assets given in the same block, to the
    /// vault or to a strategy, do not lift it, whether the checkpoint is fresh or made anew.
    function test_Rule58_ADonationLiftsNoLimitOfTheGuard() public inEachCombination {
        _rebalance(_move(0, true, _units(500)));
        skip(30 minutes);
        _vault.checkpoint();
        bytes memory plan = _plan(_move(1, true, _units(700)));
        (Rule rule,, uint256 limit) = _refusalOf(plan);
        assertEq(uint8(rule), uint8(Rule.Weight));
        uint256 start = vm.snapshotState();
        asset.mint(address(_vault), _units(10_000));
        _assertLimit(plan, limit);
        _vault.checkpoint();
        _assertLimit(plan, limit);
        vm.revertToState(start);
        _first.gain(_units(10_000));
        _vault.checkpoint();
        _assertLimit(plan, limit);
        vm.revertToState(start);
        // An old checkpoint is made anew, at the most a growth of one per cent a day above.
        skip(2 hours);
        asset.mint(address(_vault), _units(10_000));
        (rule,, start) = _refusalOf(plan);
        assertEq(uint8(rule), uint8(Rule.Weight));
        assertLe(start, limit + limit * 2 / (24 * 100) + 1);
    }

    function _assertLimit(bytes memory plan, uint256 limit) private {
        (Rule rule,, uint256 limitNow) = _refusalOf(plan);
        assertEq(uint8(rule), uint8(Rule.Weight));
        assertEq(limitNow, limit);
    }

    function test_Rule62_AStrategyThatReentersDuringARebalanceGetsNothing() public inEachCombination {
        _enter(_vault, address(_second), _units(10));
        // It is an agent itself: the same plan again, a policy, the vault.
        Policy memory policy = _document();
        policy.agents[0].agent = address(_second);
        _adopt(_guard, policy);
        bytes memory plan = _inner();
        bytes[8] memory calls = [
            plan,
            abi.encodeCall(IPolicyGuard.trim, (0)),
            abi.encodeCall(IPolicyGuard.followPrice, (0)),
            abi.encodeCall(IPolicyGuard.resign, ()),
            abi.encodeCall(IPolicyGuard.activatePolicy, (policy)),
            abi.encodeCall(ITreasuryVault.checkpoint, ()),
            abi.encodeWithSignature("redeem(uint256,address,address)", 1e6, address(_second), address(_second)),
            abi.encodeWithSignature("totalAssets()")
        ];
        uint256 total = _vault.totalAssets();
        for (uint256 i = 0; i < 8; ++i) {
            _second.setCall(i < 5 ? address(_guard) : address(_vault), calls[i]);
            plan = _inner();
            vm.prank(address(_second));
            (bool isDone,) = address(_guard).call(plan);
            assertTrue(isDone, "the rebalance itself stands");
            assertTrue(_second.hasCallReverted());
            // forge-lint: disable-next-line(unsafe-typecast)
            assertEq(bytes4(_second.callAnswer()), ITreasuryVault.Locked.selector, vm.toString(i));
        }
        assertEq(IPolicyGuard.Locked.selector, ITreasuryVault.Locked.selector);
        assertApproxEqAbs(_vault.totalAssets(), total, 8, "no double count");
        assertEq(_second.balanceOf(address(_second)), 0);
    }

    function _inner() private view returns (bytes memory) {
        Rebalance memory plan;
        plan.policyVersion = _guard.guardState().policyVersion;
        plan.nonce = _guard.agentState(address(_second)).nonce;
        plan.vaultCount = ANY_COUNT;
        plan.deadline = type(uint64).max;
        plan.moves = new Move[](1);
        plan.moves[0] = _move(1, true, _units(1));
        return abi.encodeCall(IPolicyGuard.rebalance, (plan));
    }

    function test_Rule66_RebalancesInOneTransactionOrSeveralAreTheSame() public inEachCombination {
        asset.mint(address(_agent), _units(100));
        (address[] memory targets, bytes[] memory data) = _sequence();
        uint256 start = vm.snapshotState();
        for (uint256 i = 0; i < targets.length; ++i) {
            _agent.one(targets[i], data[i]);
        }
        bytes32 severally = _outcome();
        assertEq(_guard.guardState().rebalanceCount, 3);
        vm.revertToState(start);
        _agent.many(targets, data);
        assertEq(_outcome(), severally);
    }

    function _sequence() private view returns (address[] memory targets, bytes[] memory data) {
        (targets, data) = (new address[](8), new bytes[](8));
        for (uint256 i = 0; i < 8; ++i) {
            targets[i] = i < 5 ? address(_vault) : address(_guard);
        }
        (targets[0], targets[2], targets[4]) = (address(asset), address(_guard), address(_guard));
        (targets[5], targets[6], targets[7]) = (address(_vault), address(_guard), address(_vault));
        Move memory none;
        data[0] = abi.encodeCall(IERC20.approve, (address(_vault), _units(100)));
        data[1] = abi.encodeWithSignature("deposit(uint256,address)", _units(60), address(_agent));
        data[2] = _plan(0, _move(0, true, _units(500)), none);
        data[3] =
            abi.encodeWithSignature("withdraw(uint256,address,address)", _units(20), address(_agent), address(_agent));
        data[4] = _plan(1, _move(0, false, _units(100)), _move(1, true, _units(200)));
        data[5] = abi.encodeCall(ITreasuryVault.checkpoint, ());
        data[6] = _plan(2, _move(1, false, ALL_ASSETS), _move(0, true, _units(50)));
        data[7] = abi.encodeWithSignature("deposit(uint256,address)", _units(5), address(_agent));
    }

    function _outcome() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                _vault.navState(),
                _vault.totalSupply(),
                _vault.balanceOf(address(_agent)),
                asset.balanceOf(address(_agent)),
                asset.balanceOf(address(_vault)),
                _guard.guardState(),
                _guard.agentState(address(_agent)),
                _guard.strategyStates()
            )
        );
    }

    /// @dev Mode never touches entries or fees; a deposit cap of zero ends entries.
    function test_Rule68_PauseStopsAgentsOnly() public inEachCombination {
        _rebalance(_move(0, true, _units(700)));
        vm.prank(GUARDIAN);
        _guard.setMode(Mode.Paused);
        (Rule rule,,) = _refusalOf(_plan(_move(0, false, _units(1))));
        assertEq(uint8(rule), uint8(Rule.Mode));
        uint256 shares = _vault.balanceOf(_alice);
        _enter(_vault, _alice, _units(10));
        assertGt(_vault.balanceOf(_alice), shares, "entries go on");
        uint256 supply = _vault.totalSupply();
        skip(30 days);
        _vault.checkpoint();
        assertEq(_vault.totalSupply() > supply, hasFees, "fees go on");
        uint256 before = asset.balanceOf(_alice);
        uint256 most = _vault.maxWithdraw(_alice);
        vm.prank(_alice);
        _vault.withdraw(most, _alice, _alice);
        assertEq(asset.balanceOf(_alice) - before, most, "exits go on");
        assertGe(most, _units(1000));
    }
}
