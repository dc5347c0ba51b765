// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Test} from "forge-std/Test.sol";

import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
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
} from "../../contracts/types/Policy.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {MockAsset} from "../guard/mocks/MockAsset.sol";
import {WorldStrategy} from "./mocks/WorldStrategy.sol";

/// @notice A treasury among people, agents and venues, and what is remembered about them. Everything remembered is read
/// from balances and venues, never from guard or vault.
abstract contract World is Test {
    uint256 public constant UNIT = 1e6;
    uint256 public constant START = 1_800_000_000;
    uint256 public constant SEED_DEPOSIT = 1_000_000 * UNIT;
    uint256 public constant BAND_BPS = 100;
    uint256 public constant LOSS_BPS = 100;
    uint256 public constant TURNOVER_BPS = 8000;
    uint256 public constant WINDOW = 1 days;
    uint256 public constant GROWTH_WAD = 0.001e18;
    uint256 public constant MAX_WEIGHT_BPS = 5000;
    uint256 public constant MIN_IDLE_BPS = 500;
    uint256 public constant STRATEGIES = 3;
    uint256 private constant PEOPLE = 4;

    address public immutable OWNER = makeAddr("owner");
    address public immutable GUARDIAN = makeAddr("guardian");
    address public immutable HONEST = makeAddr("honest agent");
    address public immutable HOSTILE = makeAddr("hostile agent");
    address public immutable THIEF = makeAddr("thief");
    address public immutable OTHERS = makeAddr("other depositors of the venues");

    MockAsset public asset;
    WorldStrategy[STRATEGIES] public strategies;
    TreasuryVault public vault;
    PolicyGuard public guard;
    address[PEOPLE] public people;

    uint256 public startedAt;
    /// @notice Highest NAV per share, (assets + 1) × 1e27 ÷ (shares + virtual shares), that the growth limit allows:
    /// it
    /// grows at most at that limit, and an entrant who pays more carries it up by what was paid.
    uint256 public highestPriceRay;
    uint256 public highestPriceAt;

    /// @notice Largest value the treasury ever had when an agent acted; no capacity was ever a fraction of more.
    uint256 public largestValue;
    /// @notice Sums over all rebalances of all agents, at true prices; losses by whether a venue's price was pushed.
    uint256 public turnover;
    uint256 public plainLoss;
    uint256 public pushedLoss;
    uint256 public rebalances;
    uint256 public reductions;

    string[] public actions;
    mapping(string action => uint256) public successes;

    TreasuryParameters private _parameters;
    address private _vaultAddress;
    address private _guardAddress;

    function setUp() public virtual {
        vm.warp(START);
        asset = new MockAsset();
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            strategies[i] = new WorldStrategy(asset, "S");
            asset.mint(OTHERS, SEED_DEPOSIT);
            vm.startPrank(OTHERS);
            asset.approve(address(strategies[i]), SEED_DEPOSIT);
            strategies[i].deposit(SEED_DEPOSIT, OTHERS);
            vm.stopPrank();
        }
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people[i] = makeAddr(vm.toString(i));
        }
        _deploy();
        adopt(policy());
        give(people[0], SEED_DEPOSIT);
        vm.prank(people[0]);
        vault.deposit(SEED_DEPOSIT, people[0]);
        startedAt = block.timestamp;
        highestPriceRay = (asset.balanceOf(address(vault)) + 1) * 1e27 / (vault.totalSupply() + 1);
        highestPriceAt = block.timestamp;
        vm.warp(block.timestamp + 1 hours);
    }

    /// @notice As of `ITreasuryFactory`.
    function deployment() external view returns (TreasuryParameters memory, address, address) {
        return (_parameters, _vaultAddress, _guardAddress);
    }

    /// @notice The open policy. The honest agent may touch everything, the hostile one too.
    function policy() public view returns (Policy memory document) {
        document.schemaVersion = POLICY_SCHEMA_VERSION;
        document.limits = Limits({
            mode: Mode.Active,
            cooldownSeconds: 60,
            windowSeconds: SafeCast.toUint32(WINDOW),
            maxTurnoverBps: SafeCast.toUint16(TURNOVER_BPS),
            maxLossBps: SafeCast.toUint16(LOSS_BPS),
            minIdleBps: SafeCast.toUint16(MIN_IDLE_BPS),
            maxGrowthWad: SafeCast.toUint64(GROWTH_WAD),
            maxDrawdownBps: 1000,
            entryHaltSeconds: 1 days,
            seasoningSeconds: 1 hours,
            maxNavAgeSeconds: 1 hours,
            policyDelaySeconds: 1 hours,
            depositCap: SafeCast.toUint128(100 * SEED_DEPOSIT),
            managementFeeBps: 0,
            performanceFeeBps: 0,
            feeRecipient: address(0)
        });
        document.strategies = new StrategyPolicy[](STRATEGIES);
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            document.strategies[i] = StrategyPolicy({
                strategy: address(strategies[i]),
                status: StrategyStatus.Active,
                maxWeightBps: SafeCast.toUint16(MAX_WEIGHT_BPS),
                minWeightBps: 0,
                cap: SafeCast.toUint128(50 * SEED_DEPOSIT),
                priceBandBps: SafeCast.toUint16(BAND_BPS),
                referenceAssets: 1,
                referenceShares: 1,
                groups: 0
            });
        }
        document.agents = new AgentPolicy[](2);
        document.agents[0] = _mandate(HONEST);
        document.agents[1] = _mandate(HOSTILE);
        document.objective = Objective(ObjectiveKind.Yield, 5, 30 days, 0, new uint16[](0));
    }

    /// @notice Puts a document in force, waiting if it has to.
    function adopt(Policy memory document) public {
        vm.prank(OWNER);
        (, bool isInForce) = guard.submitPolicy(document);
        if (isInForce) return;
        vm.warp(guard.pendingPolicy().activatableAt);
        guard.activatePolicy(document);
    }

    /// @notice Gives a person money, approved for the vault.
    function give(address person, uint256 amount) public {
        asset.mint(person, amount);
        vm.prank(person);
        asset.approve(address(vault), amount);
    }

    function peopleCount() public pure returns (uint256) {
        return PEOPLE;
    }

    /// @notice Idle and all positions at true prices.
    function trueValue() public view returns (uint256 value) {
        value = asset.balanceOf(address(vault));
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            value += strategies[i].trueAssetsOf(address(vault));
        }
    }

    /// @notice What `highestPriceRay` has grown to by now.
    function highestPriceNow() public view returns (uint256) {
        // e^x < 1 + x + x² for 0 < x ≤ 1, with x = growth × time.
        uint256 x = GROWTH_WAD * (block.timestamp - highestPriceAt) / 1 days;
        assertLt(x, 1e18);
        return highestPriceRay + highestPriceRay * (x + x * x / 1e18) / 1e18 + 1;
    }

    /// @notice Remembers an entry.
    function recordEntry(uint256 sharesBefore, uint256 sharesAfter, uint256 assets) external {
        uint256 price = highestPriceNow();
        uint256 carried = (price * (sharesBefore + 1) + assets * 1e27) / (sharesAfter + 1);
        highestPriceRay = carried > price ? carried : price;
        highestPriceAt = block.timestamp;
    }

    /// @notice Remembers an accepted rebalance.
    function recordRebalance(uint256 valueBefore, uint256 valueAfter, uint256 moved, bool isPushed) external {
        if (valueBefore > largestValue) largestValue = valueBefore;
        uint256 loss = valueBefore > valueAfter ? valueBefore - valueAfter : 0;
        if (isPushed) pushedLoss += loss;
        else plainLoss += loss;
        turnover += moved;
        ++rebalances;
    }

    /// @notice Remembers a pull or a trim.
    function recordReduction() external {
        ++reductions;
    }

    /// @notice Names an action that has to succeed at least once.
    function expectAction(string calldata action) external {
        actions.push(action);
    }

    function succeed(string calldata action) external {
        ++successes[action];
    }

    function actionCount() external view returns (uint256) {
        return actions.length;
    }

    function _mandate(address agent) private pure returns (AgentPolicy memory) {
        return AgentPolicy({
            agent: agent,
            expiresAt: SafeCast.toUint40(START + 3650 days),
            scope: SafeCast.toUint32(2 ** STRATEGIES - 1),
            maxTurnoverBps: SafeCast.toUint16(TURNOVER_BPS),
            maxLossBps: SafeCast.toUint16(LOSS_BPS)
        });
    }

    function _deploy() private {
        _parameters = TreasuryParameters({
            asset: address(asset),
            name: "Treasury",
            symbol: "TRS",
            decimalsOffset: 0,
            owner: OWNER,
            guardian: GUARDIAN,
            ceilings: Ceilings({
                maxTurnoverBps: 10_000,
                maxLossBps: 500,
                minWindowSeconds: 1 hours,
                minPolicyDelaySeconds: 1 hours,
                maxPolicyDelaySeconds: 30 days,
                maxManagementFeeBps: 0,
                maxPerformanceFeeBps: 0,
                graceSeconds: 7 days
            }),
            salt: 0
        });
        uint256 nonce = vm.getNonce(address(this));
        _vaultAddress = vm.computeCreateAddress(address(this), nonce);
        _guardAddress = vm.computeCreateAddress(address(this), nonce + 1);
        vault = new TreasuryVault();
        guard = new PolicyGuard();
    }
}
