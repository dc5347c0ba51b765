// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {TreasuryFactory} from "../contracts/factory/TreasuryFactory.sol";
import {PolicyGuard} from "../contracts/guard/PolicyGuard.sol";
import {TreasuryParameters} from "../contracts/interfaces/ITreasuryFactory.sol";
import {
    AgentPolicy,
    Ceilings,
    Limits,
    Mode,
    Objective,
    ObjectiveKind,
    POLICY_SCHEMA_VERSION,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../contracts/types/Policy.sol";
import {TreasuryVault} from "../contracts/vault/TreasuryVault.sol";
import {TestToken} from "./mocks/TestToken.sol";

/// @notice Treasuries made by the real factory, and documents for them.
abstract contract BaseTest is Test {
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant UNIT = 1e6;
    uint32 internal constant DELAY = 1 days;

    address internal immutable OWNER = makeAddr("owner");
    address internal immutable GUARDIAN = makeAddr("guardian");
    address internal immutable AGENT = makeAddr("agent");

    TestToken internal asset;
    TreasuryFactory internal factory;

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(1000);
        asset = new TestToken("USDT", 6);
        factory =
            new TreasuryFactory(keccak256(type(TreasuryVault).creationCode), keccak256(type(PolicyGuard).creationCode));
    }

    function _deployTreasury(bytes32 salt) internal returns (TreasuryVault vault, PolicyGuard guard) {
        return _deployTreasury(_treasuryParameters(salt));
    }

    function _deployTreasury(TreasuryParameters memory parameters)
        internal
        returns (TreasuryVault vault, PolicyGuard guard)
    {
        vault = TreasuryVault(factory.deployVault(parameters, type(TreasuryVault).creationCode));
        guard = PolicyGuard(factory.deployGuard(parameters, type(PolicyGuard).creationCode));
    }

    function _treasuryParameters(bytes32 salt) internal view returns (TreasuryParameters memory) {
        return TreasuryParameters({
            asset: address(asset),
            name: "Treasury",
            symbol: "TRS",
            decimalsOffset: 6,
            owner: OWNER,
            guardian: GUARDIAN,
            ceilings: _ceilings(),
            salt: salt
        });
    }

    function _ceilings() internal pure returns (Ceilings memory) {
        return Ceilings({
            maxTurnoverBps: 10_000,
            maxLossBps: 500,
            minWindowSeconds: 1 hours,
            minPolicyDelaySeconds: DELAY,
            maxPolicyDelaySeconds: 30 days,
            maxManagementFeeBps: 200,
            maxPerformanceFeeBps: 2000,
            graceSeconds: 7 days
        });
    }

    /// @notice Everything open, over these strategies, for one agent.
    function _policy(address[] memory strategies) internal view returns (Policy memory policy) {
        policy.schemaVersion = POLICY_SCHEMA_VERSION;
        policy.limits = Limits({
            mode: Mode.Active,
            cooldownSeconds: 0,
            windowSeconds: 1 days,
            maxTurnoverBps: 10_000,
            maxLossBps: 100,
            minIdleBps: 0,
            maxGrowthWad: 0.01e18,
            maxDrawdownBps: 1000,
            entryHaltSeconds: 1 days,
            seasoningSeconds: 1,
            maxNavAgeSeconds: 1 hours,
            policyDelaySeconds: DELAY,
            depositCap: type(uint120).max,
            managementFeeBps: 0,
            performanceFeeBps: 0,
            feeRecipient: address(0)
        });
        policy.strategies = new StrategyPolicy[](strategies.length);
        for (uint256 i = 0; i < strategies.length; ++i) {
            policy.strategies[i] = _strategyPolicy(strategies[i]);
        }
        policy.agents = new AgentPolicy[](1);
        policy.agents[0] = AgentPolicy({
            agent: AGENT,
            expiresAt: type(uint40).max,
            scope: uint32((uint256(1) << strategies.length) - 1),
            maxTurnoverBps: 10_000,
            maxLossBps: 100
        });
        policy.objective = Objective({
            kind: ObjectiveKind.Yield,
            hurdleBps: 5,
            horizonSeconds: 30 days,
            bandBps: 0,
            targetWeightsBps: new uint16[](0)
        });
    }

    function _strategyPolicy(address strategy) internal pure returns (StrategyPolicy memory) {
        return StrategyPolicy({
            strategy: strategy,
            status: StrategyStatus.Active,
            maxWeightBps: 10_000,
            minWeightBps: 0,
            cap: type(uint120).max,
            priceBandBps: 1000,
            referenceAssets: 1,
            referenceShares: 1,
            groups: 0
        });
    }

    /// @notice Puts a document in force, as owner and after the delay.
    function _adopt(PolicyGuard guard, Policy memory policy) internal {
        vm.prank(OWNER);
        guard.submitPolicy(policy);
        skip(guard.policyDelaySeconds());
        vm.roll(block.number + 1);
        guard.activatePolicy(policy);
    }

    function _enter(TreasuryVault vault, address account, uint256 assets) internal returns (uint256 shares) {
        asset.mint(account, assets);
        vm.startPrank(account);
        asset.approve(address(vault), assets);
        shares = vault.deposit(assets, account);
        vm.stopPrank();
        skip(1);
        vm.roll(block.number + 1);
    }
}
