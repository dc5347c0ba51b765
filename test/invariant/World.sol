// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {TreasuryFactory} from "../../contracts/factory/TreasuryFactory.sol";
import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {
    AgentPolicy,
    Ceilings,
    GroupPolicy,
    Limits,
    Mode,
    Objective,
    ObjectiveKind,
    POLICY_SCHEMA_VERSION,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../contracts/types/Policy.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {UnusualToken} from "../mocks/UnusualToken.sol";
import {Register} from "./Register.sol";
import {WorldStrategy} from "./mocks/WorldStrategy.sol";

/// @notice A treasury made by the real factory, and everybody and everything around it.
abstract contract World is Register {
    uint256 public constant UNIT = 1e6;
    uint256 public constant START = 1_800_000_000;
    uint256 public constant SEED_DEPOSIT = 1_000_000 * UNIT;
    uint256 public constant VIRTUAL_SHARES = 1000;
    uint256 public constant BPS = 10_000;

    uint256 public constant BAND_BPS = 100;
    uint256 public constant LOSS_BPS = 100;
    uint256 public constant TURNOVER_BPS = 8000;
    uint256 public constant HOSTILE_LOSS_BPS = 60;
    uint256 public constant HOSTILE_TURNOVER_BPS = 6000;
    uint256 public constant WINDOW = 1 days;
    uint256 public constant COOLDOWN = 60;

    /// @notice Strategies that the open policy lists; the rest wait to be added.
    uint256 public constant LISTED = 4;
    uint256 public constant STRATEGIES = 6;
    uint256 private constant PEOPLE = 4;
    uint16[STRATEGIES] private _groupsOf = [1, 3, 2, 0, 1, 0];

    address public immutable OWNER = makeAddr("owner");
    address public immutable GUARDIAN = makeAddr("guardian");
    address public immutable HONEST = makeAddr("honest agent");
    address public immutable HOSTILE = makeAddr("hostile agent");
    address public immutable OUTSIDER = makeAddr("outsider");
    address public immutable THIEF = makeAddr("thief");
    address public immutable TREASURER = makeAddr("fee recipient");
    address public immutable OTHERS = makeAddr("other depositors of the venues");
    address public immutable RELAYED;
    uint256 public immutable RELAYED_KEY;

    UnusualToken public asset;
    WorldStrategy[STRATEGIES] public strategies;
    TreasuryVault public vault;
    PolicyGuard public guard;
    /// @notice Everybody whose money is watched: four depositors, then the outsider, then the fee recipient.
    address[PEOPLE + 2] public people;

    constructor() {
        (RELAYED, RELAYED_KEY) = makeAddrAndKey("agent that signs");
    }

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(1000);
        asset = new UnusualToken(6);
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            strategies[i] = new WorldStrategy(asset);
            asset.mint(OTHERS, SEED_DEPOSIT);
            vm.startPrank(OTHERS);
            asset.approve(address(strategies[i]), SEED_DEPOSIT);
            strategies[i].deposit(SEED_DEPOSIT, OTHERS);
            vm.stopPrank();
        }
        strategies[LISTED - 1].setExitFeeBps(10);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people[i] = makeAddr(vm.toString(i));
        }
        people[PEOPLE] = OUTSIDER;
        people[PEOPLE + 1] = TREASURER;
        _deploy();
    }

    /// @notice The open policy, mandates running from now.
    function policy() public view returns (Policy memory document) {
        document.schemaVersion = POLICY_SCHEMA_VERSION;
        document.limits = Limits({
            mode: Mode.Active,
            cooldownSeconds: SafeCast.toUint32(COOLDOWN),
            windowSeconds: SafeCast.toUint32(WINDOW),
            maxTurnoverBps: SafeCast.toUint16(TURNOVER_BPS),
            maxLossBps: SafeCast.toUint16(LOSS_BPS),
            minIdleBps: 500,
            maxGrowthWad: 0.004e18,
            maxDrawdownBps: 1000,
            entryHaltSeconds: 1 days,
            seasoningSeconds: 1 hours,
            maxNavAgeSeconds: 1 hours,
            policyDelaySeconds: 1 hours,
            depositCap: SafeCast.toUint128(100 * SEED_DEPOSIT),
            managementFeeBps: 200,
            performanceFeeBps: 1000,
            feeRecipient: TREASURER
        });
        document.strategies = new StrategyPolicy[](LISTED);
        for (uint256 i = 0; i < LISTED; ++i) {
            document.strategies[i] = entryOf(i);
        }
        document.groups = new GroupPolicy[](2);
        document.groups[0] = GroupPolicy("pair", 6000, SafeCast.toUint128(50 * SEED_DEPOSIT));
        document.groups[1] = GroupPolicy("odd", 7000, SafeCast.toUint128(20 * SEED_DEPOSIT));
        document.agents = new AgentPolicy[](3);
        document.agents[0] = _mandate(HONEST, TURNOVER_BPS, LOSS_BPS);
        document.agents[1] = _mandate(HOSTILE, HOSTILE_TURNOVER_BPS, HOSTILE_LOSS_BPS);
        document.agents[2] = _mandate(RELAYED, 4000, 50);
        document.objective = Objective(ObjectiveKind.Yield, 5, 30 days, 0, new uint16[](0));
    }

    /// @notice The open policy, in one of the variants that a campaign has.
    function openPolicy(uint256) public view virtual returns (Policy memory) {
        return policy();
    }

    /// @notice How the open policy would list a strategy.
    function entryOf(uint256 index) public view returns (StrategyPolicy memory) {
        return StrategyPolicy({
            strategy: address(strategies[index]),
            status: StrategyStatus.Active,
            maxWeightBps: 5000,
            minWeightBps: index == 1 ? 100 : 0,
            cap: SafeCast.toUint128(50 * SEED_DEPOSIT),
            priceBandBps: SafeCast.toUint16(BAND_BPS),
            referenceAssets: 1,
            referenceShares: 1,
            groups: _groupsOf[index]
        });
    }

    function ceilings() public pure returns (Ceilings memory) {
        return Ceilings({
            maxTurnoverBps: 9000,
            maxLossBps: 500,
            minWindowSeconds: 1 hours,
            minPolicyDelaySeconds: 1 hours,
            maxPolicyDelaySeconds: 30 days,
            maxManagementFeeBps: 500,
            maxPerformanceFeeBps: 3000,
            graceSeconds: 7 days
        });
    }

    /// @notice Gives a person money, approved for the vault.
    function give(address person, uint256 amount) public virtual {
        asset.mint(person, amount);
        vm.prank(person);
        asset.approve(address(vault), amount);
    }

    function peopleCount() public pure returns (uint256) {
        return PEOPLE + 2;
    }

    /// @notice People who only invest.
    function depositorCount() public pure returns (uint256) {
        return PEOPLE;
    }

    function _mandate(address agent, uint256 turnoverBps, uint256 lossBps) private view returns (AgentPolicy memory) {
        return AgentPolicy({
            agent: agent,
            expiresAt: SafeCast.toUint40(block.timestamp + 60 days),
            scope: SafeCast.toUint32(2 ** LISTED - 1),
            maxTurnoverBps: SafeCast.toUint16(turnoverBps),
            maxLossBps: SafeCast.toUint16(lossBps)
        });
    }

    function _deploy() private {
        bytes memory vaultCode = type(TreasuryVault).creationCode;
        bytes memory guardCode = type(PolicyGuard).creationCode;
        TreasuryFactory factory = new TreasuryFactory(keccak256(vaultCode), keccak256(guardCode));
        TreasuryParameters memory parameters = TreasuryParameters({
            asset: address(asset),
            name: "Treasury",
            symbol: "TRS",
            decimalsOffset: 3,
            owner: OWNER,
            guardian: GUARDIAN,
            ceilings: ceilings(),
            salt: 0
        });
        vault = TreasuryVault(factory.deployVault(parameters, vaultCode));
        guard = PolicyGuard(factory.deployGuard(parameters, guardCode));
    }
}
