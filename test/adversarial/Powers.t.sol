// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IConduit} from "../../contracts/interfaces/IConduit.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {ExitEntry, NavParameters} from "../../contracts/types/Nav.sol";
import {Mode, Policy, StrategyStatus} from "../../contracts/types/Policy.sol";
import {Leg, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {Arena} from "./Arena.sol";

/// @notice Runs whatever it is told to, as the delegate of the incident did.
contract OpenDelegate {
    function run(address target, bytes calldata data) external returns (bool isDone, bytes memory answer) {
        return target.call(data);
    }
}

/// @notice Attacks on who may do what: calls nobody foresaw, keys that are not what they were, early approvals.
contract PowerIncidents is Arena {
    TestStrategy private trap;

    function setUp() public override {
        super.setUp();
        trap = new TestStrategy(asset);
        _rebalance(_two(_in(0, 300_000 * UNIT), _in(2, 100_000 * UNIT)));
        _nextBlock();
    }

    /// Every entry that has a master, with the arguments that would pay a thief.
    function test_Incident23_PromptInjection_NoPrivilegedEntryTakesAThiefsCall() public {
        address[2] memory callers = [THIEF, AGENT];
        for (uint256 i = 0; i < callers.length; ++i) {
            _assertNoPower(callers[i]);
        }
        assertEq(_money(), HONEST);
        assertGe(_worth(ALICE) + _worth(BOB), HONEST - 2);
    }

    function test_RevertWhen_Incident23_PromptInjection_AgentLeavesItsScope() public {
        Policy memory policy = _terms();
        policy.agents[0].scope = 1;
        _impose(policy);
        _assertRefused(_one(_out(2, UNIT)), Rule.Scope, "out");
        _assertRefused(_one(_in(2, UNIT)), Rule.Scope, "in");
        _assertRefused(_one(_in(200, UNIT)), Rule.Scope, "beyond the list");
        assertEq(_position(odd), 100_000 * UNIT);
    }

    /// Any selector of any of the three, with words a thief would choose, called by an outsider and by the agent.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_Incident23_PromptInjection_NoCallMovesAnythingToTheCaller(uint256 seed) public {
        address[3] memory targets = [address(vault), address(guard), vault.conduit()];
        bytes4[][3] memory selectors = [_selectors("TreasuryVault"), _selectors("PolicyGuard"), _selectors("Conduit")];
        address[2] memory callers = [THIEF, AGENT];
        uint64 version = guard.guardState().policyVersion;
        for (uint256 i = 0; i < 96; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            // Half of the calls go to the money itself.
            uint256 target = (seed >> 16) % 4 < 2 ? 0 : (seed >> 16) % 4 - 1;
            bytes4 selector = selectors[target][(seed >> 32) % selectors[target].length];
            vm.prank(callers[(seed >> 24) % 2]);
            (bool isDone,) = targets[target].call(abi.encodePacked(selector, _words(seed)));
            isDone; // whether it passed is not the question
        }
        for (uint256 i = 0; i < callers.length; ++i) {
            assertEq(asset.balanceOf(callers[i]), 0, "assets");
            assertEq(vault.balanceOf(callers[i]), 0, "shares");
            assertEq(steady.balanceOf(callers[i]) + odd.balanceOf(callers[i]), 0, "strategy shares");
            assertEq(asset.allowance(address(vault), callers[i]), 0, "allowance");
            assertEq(steady.allowance(address(vault), callers[i]), 0, "strategy allowance");
        }
        assertEq(_money(), HONEST, "money");
        assertEq(guard.guardState().policyVersion, version, "policy");
        assertEq(guard.owner(), OWNER);
        assertEq(guard.guardian(), GUARDIAN);
        assertGe(_worth(ALICE) + _worth(BOB), HONEST - 2, "the depositors");
    }

    /// The agent's key signed a delegation (EIP-7702) to code that runs anything for anybody: a stolen key, no more.
    function test_Incident28_Ipor_DelegatedAgentIsAStolenKeyAndNoMore() public {
        OpenDelegate door = _delegate("agent", AGENT);
        other.setExitFeeBps(500);
        _supply(other, THIEF, HONEST, THIEF);
        bytes memory call = abi.encodeCall(IPolicyGuard.rebalance, (_plan(_one(_in(1, 500_000 * UNIT)))));
        vm.prank(THIEF);
        (bool isDone,) = door.run(address(guard), call);
        assertFalse(isDone, "past the loss budget");

        call = abi.encodeCall(IPolicyGuard.rebalance, (_plan(_one(_in(1, 200_000 * UNIT)))));
        vm.prank(THIEF);
        (isDone,) = door.run(address(guard), call);
        assertTrue(isDone, "the key acts, as a stolen one would");
        _assertNoPower(AGENT);
        assertGe(_money(), HONEST - HONEST / 100, "one loss budget");
    }

    /// Once an account has code, that code answers for its signatures: code that answers for none signs nothing, and a
    /// signature of the key alone, made before or after, is no longer the agent's word.
    function test_RevertWhen_Incident28_Ipor_KeySignsForAnAccountThatHasCode() public {
        (, uint256 key) = makeAddrAndKey("agent");
        Rebalance memory plan = _plan(_one(_in(1, 1000 * UNIT)));
        bytes memory signature = _sign(key, plan);
        _delegate("agent", AGENT);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.InvalidSignature.selector, AGENT));
        vm.prank(THIEF);
        guard.rebalanceFor(plan, AGENT, signature);
        assertEq(_position(other), 0);
    }

    /// A relayer chooses when, never what: not another plan, not another agent, not a second time.
    function test_RevertWhen_Incident28_Ipor_RelayerBringsAnotherPlan() public {
        (, uint256 key) = makeAddrAndKey("agent");
        Rebalance memory plan = _plan(_one(_in(1, 1000 * UNIT)));
        bytes memory signature = _sign(key, plan);
        plan.moves[0].assets += 1;
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.InvalidSignature.selector, AGENT));
        vm.prank(THIEF);
        guard.rebalanceFor(plan, AGENT, signature);

        plan.moves[0].assets -= 1;
        vm.prank(THIEF);
        guard.rebalanceFor(plan, AGENT, signature);
        vm.expectPartialRevert(IPolicyGuard.Refused.selector);
        vm.prank(THIEF);
        guard.rebalanceFor(plan, AGENT, signature);
        assertEq(_position(other), 1000 * UNIT, "once");
    }

    /// The owner's key likewise: it can ask for anything, and has to wait for it.
    function test_Incident28_Ipor_DelegatedOwnerWaitsAndIsVetoed() public {
        OpenDelegate door = _delegate("owner", OWNER);
        bytes memory submission = abi.encodeCall(IPolicyGuard.submitPolicy, (_robbery()));
        vm.startPrank(THIEF);
        (bool isDone,) = door.run(address(guard), submission);
        assertTrue(isDone);
        vm.expectRevert();
        guard.activatePolicy(_robbery());
        vm.stopPrank();

        skip(DELAY - 1);
        vm.prank(GUARDIAN);
        guard.vetoPolicy();
        skip(1);
        vm.prank(THIEF);
        vm.expectPartialRevert(IPolicyGuard.NotPending.selector);
        guard.activatePolicy(_robbery());
        assertGe(_worth(ALICE) + _worth(BOB), HONEST - 2);
    }

    /// What was approved under one state of the policy cannot be used under the next.
    function test_Incident29_Drift_WaitingPolicyDiesWithTheStateItWasMadeFor() public {
        Policy memory looser = _terms();
        looser.limits.maxLossBps = 500;
        Policy memory stricter = _terms();
        stricter.strategies[1].cap -= 1;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.prank(OWNER);
            guard.submitPolicy(looser);
            vm.prank(i == 3 ? OWNER : GUARDIAN);
            if (i == 0) guard.setMode(Mode.ExitOnly);
            else if (i == 1) guard.revokeAgent(AGENT);
            else if (i == 2) guard.submitPolicy(stricter);
            else guard.submitPolicy(_robbery());
            skip(DELAY);
            vm.expectPartialRevert(IPolicyGuard.NotPending.selector);
            guard.activatePolicy(looser);
            vm.revertToState(snapshot);
        }
    }

    /// A plan signed under one version of the policy is worth nothing under the next.
    function test_RevertWhen_Incident29_Drift_PlanWasSignedUnderAnotherPolicy() public {
        (, uint256 key) = makeAddrAndKey("agent");
        Rebalance memory plan = _plan(_one(_in(1, 1000 * UNIT)));
        plan.deadline = type(uint64).max;
        bytes memory signature = _sign(key, plan);
        Policy memory looser = _terms();
        looser.limits.maxLossBps = 500;
        _impose(looser);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPolicyGuard.Refused.selector, Rule.Freshness, plan.policyVersion, plan.policyVersion + 1
            )
        );
        vm.prank(THIEF);
        guard.rebalanceFor(plan, AGENT, signature);
        assertEq(_position(other), 0);
    }

    function test_RevertWhen_Incident29_Drift_ApprovalIsLeftLying() public {
        Policy memory looser = _terms();
        looser.limits.maxLossBps = 500;
        vm.prank(OWNER);
        guard.submitPolicy(looser);
        skip(DELAY + 7 days + 1);
        vm.expectPartialRevert(IPolicyGuard.GraceOver.selector);
        guard.activatePolicy(looser);
    }

    /// An agent with bad intent and every right it has: no setting, and idle stays for those who leave.
    function test_Incident32_AbusiveAllocator_CannotCloseTheWayOut() public {
        Policy memory policy = _terms();
        policy.limits.minIdleBps = 1000;
        _impose(policy);
        skip(1 days);
        odd.setLiquidAssets(0);
        // Everything into the venue that does not pay out.
        uint256 idle = asset.balanceOf(address(vault));
        _assertRefused(_one(_in(2, idle)), Rule.Idle, "all of it");
        _assertRefused(_one(_in(2, idle - HONEST / 10 + 1)), Rule.Idle, "one unit too much");
        _assertRefused(_one(_in(2, idle - HONEST / 10)), Rule.None, "down to the floor");
        _assertNoPower(AGENT);
        vm.prank(BOB);
        vault.withdraw(HONEST / 10, BOB, BOB);
        assertEq(asset.balanceOf(BOB), HONEST / 10);
    }

    function _assertNoPower(address caller) private {
        Leg[] memory legs = new Leg[](1);
        legs[0] = Leg(address(trap), true, 100_000e6);
        ExitEntry[] memory list = new ExitEntry[](1);
        list[0] = ExitEntry(address(trap), StrategyStatus.Active);
        NavParameters memory parameters;
        address conduit = vault.conduit();

        _assertShut(caller, address(vault), abi.encodeCall(ITreasuryVault.execute, (legs, 1 hours, 1 days)));
        _assertShut(caller, address(vault), abi.encodeCall(ITreasuryVault.pull, (address(steady), 1, 0)));
        _assertShut(caller, address(vault), abi.encodeCall(ITreasuryVault.adopt, (parameters, list)));
        _assertShut(
            caller, address(vault), abi.encodeWithSignature("exitLeg(address,uint256,uint256,uint256)", steady, 1, 1, 0)
        );
        _assertShut(caller, address(vault), abi.encodeCall(IERC20.transferFrom, (ALICE, caller, 1)));
        _assertShut(
            caller, address(vault), abi.encodeWithSignature("redeem(uint256,address,address)", 1e12, caller, ALICE)
        );
        _assertShut(
            caller, address(vault), abi.encodeCall(ITreasuryVault.redeemInKind, (1e12, caller, ALICE, new address[](0)))
        );
        _assertShut(caller, conduit, abi.encodeCall(IConduit.deposit, (address(trap), 0)));
        _assertShut(caller, conduit, abi.encodeCall(IConduit.settle, (0)));
        _assertShut(caller, conduit, abi.encodeCall(IConduit.clear, (address(steady))));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.submitPolicy, (_robbery())));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.activatePolicy, (_robbery())));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.vetoPolicy, ()));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.setMode, (Mode.Paused)));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.revokeAgent, (AGENT)));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.pull, (0, 1, 0)));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.nameGuardian, (caller)));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.activateGuardian, ()));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.offerOwnership, (caller)));
        _assertShut(caller, address(guard), abi.encodeCall(IPolicyGuard.acceptOwnership, ()));
    }

    function _assertShut(address caller, address target, bytes memory data) private {
        // A waiting policy, so that a veto would have something to end.
        uint256 snapshot = vm.snapshotState();
        Policy memory looser = _terms();
        looser.limits.maxLossBps = 500;
        vm.prank(OWNER);
        guard.submitPolicy(looser);
        vm.prank(caller);
        (bool isDone,) = target.call(data);
        assertFalse(isDone, vm.toString(data));
        vm.revertToState(snapshot);
    }

    /// @dev A document that would hand everything to the thief's strategy.
    function _robbery() private view returns (Policy memory policy) {
        address[] memory list = new address[](4);
        (list[0], list[1], list[2], list[3]) = (address(steady), address(other), address(odd), address(trap));
        policy = _policy(list);
        policy.agents[0].agent = THIEF;
    }

    function _sign(uint256 key, Rebalance memory plan) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, guard.rebalanceDigest(plan, AGENT));
        return abi.encodePacked(r, s, v);
    }

    function _delegate(string memory name, address account) private returns (OpenDelegate door) {
        (address signer, uint256 key) = makeAddrAndKey(name);
        assertEq(signer, account);
        vm.signAndAttachDelegation(address(new OpenDelegate()), key);
        door = OpenDelegate(account);
        // The authorisation comes with the next call to anywhere.
        asset.balanceOf(account);
        assertGt(account.code.length, 0, "delegated");
    }

    function _selectors(string memory name) private view returns (bytes4[] memory selectors) {
        string memory json = vm.readFile(string.concat("out/", name, ".sol/", name, ".json"));
        string[] memory signatures = vm.parseJsonKeys(json, ".methodIdentifiers");
        assertGt(signatures.length, 3, name);
        selectors = new bytes4[](signatures.length);
        for (uint256 i = 0; i < selectors.length; ++i) {
            // forge-lint: disable-next-line(unsafe-typecast)
            selectors[i] = bytes4(keccak256(bytes(signatures[i])));
        }
    }

    /// @dev Words out of those that could matter: accounts, strategies, amounts, offsets of lists.
    function _words(uint256 seed) private view returns (bytes memory words) {
        uint256[8] memory some = [
            uint256(uint160(THIEF)),
            uint256(uint160(ALICE)),
            uint256(uint160(address(steady))),
            uint256(uint160(address(trap))),
            0,
            1,
            0x60,
            100_000 * UNIT
        ];
        for (uint256 i = 0; i < 10; ++i) {
            words = abi.encodePacked(words, some[uint256(keccak256(abi.encode(seed, i))) % some.length]);
        }
    }
}
