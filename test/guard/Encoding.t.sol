// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RebalanceHash} from "../../contracts/guard/RebalanceHash.sol";
import {
    AgentPolicy,
    GroupPolicy,
    Limits,
    Mode,
    Objective,
    ObjectiveKind,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, MOVE_TYPEHASH, Move, REBALANCE_TYPEHASH, Rebalance} from "../../contracts/types/Rebalance.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";

/// @dev A library with calldata parameters can only be called from outside.
contract RebalanceHashHarness {
    function digest(Rebalance calldata plan, address agent, address guard) external view returns (bytes32) {
        return RebalanceHash.digest(plan, agent, guard);
    }
}

/// @notice The shapes that documents, signatures and records stand on. The constants were computed by another
/// implementation (ethers 6: `AbiCoder.encode` and `TypedDataEncoder.hash`): a change here is a change of the schema.
contract EncodingTest is GuardFixture {
    function test_Policy_EncodingIsFixed() public pure {
        bytes memory encoding = abi.encode(_policy());
        assertEq(encoding.length, 1888);
        assertEq(keccak256(encoding), 0x461c9ca1bc8699a97ffb0912452fb1a758bf5acd21be2b3f755cbdcd4320705e);
    }

    function test_RebalanceDigest_IsFixed() public {
        assertEq(block.chainid, 31_337);
        assertEq(
            new RebalanceHashHarness().digest(_rebalance(), _account(51), _account(50)),
            0x5105228113c93a0f7f711982bda97c175fffd04c9178ff613bc62d86eb1bc833
        );
    }

    function test_RebalanceDigest_IsOfThisGuardAndChain() public {
        RebalanceHashHarness harness = new RebalanceHashHarness();
        Rebalance memory rebalance_ = _rebalance();
        bytes32 digest = guard.rebalanceDigest(rebalance_, AGENT);
        assertEq(digest, harness.digest(rebalance_, AGENT, address(guard)));
        assertNotEq(digest, guard.rebalanceDigest(rebalance_, OTHER_AGENT));
        vm.chainId(1);
        assertNotEq(digest, guard.rebalanceDigest(rebalance_, AGENT));
    }

    function test_RebalanceDigest_DependsOnEveryMember() public view {
        bytes32 digest = guard.rebalanceDigest(_rebalance(), AGENT);
        for (uint256 i = 0; i < 9; ++i) {
            Rebalance memory other = _rebalance();
            if (i == 0) ++other.policyVersion;
            if (i == 1) ++other.nonce;
            if (i == 2) ++other.vaultCount;
            if (i == 3) ++other.deadline;
            if (i == 4) other.decision = 0;
            if (i == 5) ++other.moves[1].index;
            if (i == 6) other.moves[1].isDeposit = false;
            if (i == 7) ++other.moves[1].assets;
            if (i == 8) (other.moves[0], other.moves[1]) = (other.moves[1], other.moves[0]);
            assertNotEq(digest, guard.rebalanceDigest(other, AGENT));
        }
    }

    function test_TypeHashes_AreThoseOfTheTypes() public pure {
        string memory move = "Move(uint8 index,bool isDeposit,uint128 assets)";
        assertEq(MOVE_TYPEHASH, keccak256(bytes(move)));
        assertEq(
            REBALANCE_TYPEHASH,
            keccak256(
                abi.encodePacked(
                    "Rebalance(address agent,uint64 policyVersion,uint64 nonce,uint64 vaultCount,",
                    "uint64 deadline,bytes32 decision,Move[] moves)",
                    move
                )
            )
        );
    }

    function _account(uint160 n) private pure returns (address) {
        return address(0x1000 + n);
    }

    function _rebalance() private pure returns (Rebalance memory) {
        return Rebalance({
            policyVersion: 1,
            nonce: 2,
            vaultCount: 3,
            deadline: 4,
            decision: keccak256("decision"),
            moves: moves(
                Move({index: 5, isDeposit: false, assets: ALL_ASSETS}), Move({index: 6, isDeposit: true, assets: 7})
            )
        });
    }

    /// @dev Every member has a value of its own; it need not be a policy that a guard accepts.
    function _policy() private pure returns (Policy memory policy) {
        policy.schemaVersion = 1;
        policy.limits = Limits({
            mode: Mode.ExitOnly,
            cooldownSeconds: 2,
            windowSeconds: 3,
            maxTurnoverBps: 4,
            maxLossBps: 5,
            minIdleBps: 6,
            maxGrowthWad: 7,
            maxDrawdownBps: 8,
            entryHaltSeconds: 9,
            seasoningSeconds: 10,
            maxNavAgeSeconds: 11,
            policyDelaySeconds: 12,
            depositCap: 13,
            managementFeeBps: 14,
            performanceFeeBps: 15,
            feeRecipient: _account(16)
        });
        policy.strategies = new StrategyPolicy[](2);
        policy.strategies[0] = StrategyPolicy(_account(17), StrategyStatus.ExitOnly, 18, 19, 20, 21, 22, 23, 1);
        policy.strategies[1] = StrategyPolicy(_account(24), StrategyStatus.WrittenOff, 25, 26, 27, 28, 29, 30, 0);
        policy.groups = new GroupPolicy[](1);
        policy.groups[0] = GroupPolicy("lending", 31, 32);
        policy.agents = new AgentPolicy[](1);
        policy.agents[0] = AgentPolicy(_account(33), 34, 3, 35, 36);
        policy.objective = Objective(ObjectiveKind.TargetWeights, 37, 38, 39, new uint16[](2));
        (policy.objective.targetWeightsBps[0], policy.objective.targetWeightsBps[1]) = (40, 41);
    }
}
