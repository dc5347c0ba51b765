// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Acceptance, Course} from "../../contracts/guard/Acceptance.sol";
import {AgentLedger, StoredPolicy, VaultLedger} from "../../contracts/guard/PolicyStore.sol";
import {PolicyTable, StrategyLimits} from "../../contracts/guard/PolicyTable.sol";
import {PriceBands} from "../../contracts/guard/PriceBands.sol";
import {PriceReference, Reference} from "../../contracts/guard/PriceReference.sol";
import {RuleContext} from "../../contracts/guard/RuleContext.sol";
import {SettleRules} from "../../contracts/guard/SettleRules.sol";
import {
    AgentPolicy,
    GroupPolicy,
    ObjectiveKind,
    Policy,
    StrategyPolicy,
    StrategyStatus
} from "../../contracts/types/Policy.sol";
import {Leg, LegReceipt, MemberReading, Receipt as RebalanceReceipt} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";

/// @notice The pass over all rules against the rules one by one, on the same table, slots and receipt.
contract AcceptanceTest is Test {
    uint256 private constant LEGS = 4;
    uint256 private constant WAD = 1e18;
    uint256 private constant BPS = 10_000;

    StoredPolicy private _policy;
    VaultLedger private _ledger;
    AgentLedger private _agentLedger;
    uint256 private _seed;

    function setUp() public {
        vm.warp(2_000_000_000);
    }

    /// @dev Many cases a run, because all rules have to hold for the more telling half of them.
    /// forge-config: default.fuzz.runs = 400
    function testFuzz_Settle_SameAsTheRules(uint256 seed) public {
        _seed = seed;
        for (uint256 i = 0; i < 8; ++i) {
            _compare(seed);
        }
    }

    /// @dev Where nothing is out of the ordinary the pass says yes: it must not be a way to say nothing.
    function test_Settle_SaysYes() public {
        uint256 accepted = 0;
        for (uint256 seed = 0; seed < 200; ++seed) {
            _seed = uint256(keccak256(abi.encode(seed)));
            if (_compare(_seed)) ++accepted;
        }
        assertGt(accepted, 20, "too few cases in which all rules hold");
        assertLt(accepted, 180, "too few cases in which a rule refuses");
    }

    function _compare(uint256) private returns (bool isAccepted) {
        RuleContext memory context = _context();
        (Course memory course, uint256 legs) = _course(context);
        isAccepted = Acceptance.settle(course, legs, LEGS);
        bool isPlain = _isPlain(context);

        (Rule rule,,) = SettleRules.firstRefusal(context, _policy, address(this));
        if (!isAccepted) {
            assertTrue(rule != Rule.None || !isPlain, "left to the rules without need");
            return false;
        }
        assertEq(uint256(rule), uint256(Rule.None), "accepted what a rule refuses");
        assertEq(course.turnover, SettleRules.turnoverAssets(context.receipt), "turnover");
        assertEq(course.loss, SettleRules.lossAssets(context), "loss");

        _ledger = context.ledger;
        ++_ledger.rebalanceCount;
        _agentLedger = context.agentLedger;
        ++_agentLedger.nonce;
        _agentLedger.lastRebalanceAt = uint40(block.timestamp);
        (uint256 ledger, uint256 agentLedger) = _slots();
        assertEq(course.ledger, ledger, "vault's slot");
        assertEq(course.agentLedger, agentLedger, "agent's slot");
        assertEq(Acceptance.vaultCount(course), _ledger.rebalanceCount, "count");
    }

    // Making of cases

    function _context() private returns (RuleContext memory context) {
        Policy memory policy = _document();
        context.table = PolicyTable.write(policy, new uint256[](policy.strategies.length));
        context.hot = PolicyTable.hotLimits(context.table);
        context.mandate = PolicyTable.mandate(context.table, 0);
        context.at = block.timestamp;
        _ledger = VaultLedger({
            turnoverLevelWad: uint64(_pick(WAD / 4)),
            turnoverUpdatedAt: uint40(block.timestamp - _pick(100_000)),
            lossLevelWad: uint64(_pick(WAD / 4)),
            lossUpdatedAt: uint40(block.timestamp - _pick(100_000)),
            rebalanceCount: uint48(_pick(1 << 40))
        });
        _agentLedger = AgentLedger({
            turnoverLevelWad: uint64(_pick(WAD / 4)),
            lossLevelWad: uint64(_pick(WAD / 4)),
            lastRebalanceAt: uint40(block.timestamp - _pick(100_000)),
            nonce: uint64(_pick(1 << 60))
        });
        context.ledger = _ledger;
        context.agentLedger = _agentLedger;
        context.legs = new Leg[](LEGS);
        context.limits = new StrategyLimits[](LEGS);
        context.references = new Reference[](LEGS);
        context.receipt = RebalanceReceipt({
            nav: 1e24,
            base: _odd(1e24, 1 << 130),
            idleBefore: 2e23,
            idleAfter: 0,
            legs: new LegReceipt[](LEGS),
            members: new MemberReading[](0)
        });
        uint256 idle = context.receipt.idleBefore;
        uint256 withdrawals = _pick(LEGS + 1);
        for (uint256 i = 0; i < LEGS; ++i) {
            bool isDeposit = i >= withdrawals;
            context.limits[i] = PolicyTable.strategyLimits(context.table, context.hot, i);
            uint256 sharesPerAsset = 2 ** (32 * _pick(3));
            uint256 price = (1 << 128) / sharesPerAsset;
            context.references[i] = Reference(price, block.timestamp - _pick(2 days));
            uint256 assets = 1 + _pick(1e22);
            // At most 1e22.
            // forge-lint: disable-next-line(unsafe-typecast)
            context.legs[i] = Leg(context.limits[i].strategy, isDeposit, uint128(assets));
            context.receipt.legs[i] = _leg(context, i, assets, sharesPerAsset);
            idle = isDeposit ? idle - assets : idle + assets;
        }
        context.receipt.idleAfter = _pick(4) == 0 ? _near(1e24 * context.hot.minIdleBps / BPS) : _short(idle);
    }

    /// @dev Positions of about a fifth, sometimes exactly at a limit or one past it.
    function _leg(RuleContext memory context, uint256 i, uint256 assets, uint256 sharesPerAsset)
        private
        returns (LegReceipt memory leg)
    {
        StrategyLimits memory limits = context.limits[i];
        leg.valueBefore = 1e22 + _pick(2e23);
        uint256 due = context.legs[i].isDeposit ? leg.valueBefore + assets : leg.valueBefore - assets;
        leg.valueAfter = _short(due);
        uint256 limit = _pick(60);
        if (limit == 0) leg.valueAfter = _near(context.receipt.base * limits.maxWeightBps / BPS);
        if (limit == 1) leg.valueAfter = _near(limits.cap);
        if (limit == 2) leg.valueAfter = _near(context.receipt.nav * limits.minWeightBps / BPS);
        if (limit == 3) {
            leg.valueAfter = _near(context.receipt.nav * (limits.targetWeightBps + context.hot.bandBps) / BPS);
        }
        if (limit == 4) leg.valueAfter = _odd(due, type(uint256).max);
        leg.assets = _odd(assets, type(uint256).max);
        leg.sharesBefore = leg.valueBefore * sharesPerAsset;
        leg.sharesAfter = leg.valueAfter > type(uint128).max ? leg.sharesBefore : leg.valueAfter * sharesPerAsset;
        uint256 price = _pick(60);
        // At the edges of the band, with the unit of grace, and beyond.
        if (price == 0) leg.sharesAfter = _near(leg.sharesAfter * (BPS + limits.priceBandBps) / BPS);
        if (price == 1) leg.sharesBefore = _near(leg.sharesBefore * BPS / (BPS - limits.priceBandBps));
        if (price == 2) leg.sharesAfter = _near(leg.sharesAfter * BPS / (BPS + limits.priceBandBps));
        if (price == 3) leg.sharesAfter = _odd(leg.sharesAfter, type(uint256).max);
        if (price == 4) (leg.sharesAfter, leg.valueAfter) = (0, _pick(3));
    }

    function _document() private returns (Policy memory policy) {
        policy.limits.windowSeconds = uint32(1 days + _pick(10 days));
        policy.limits.maxTurnoverBps = uint16(500 + _pick(9000));
        policy.limits.maxLossBps = uint16(_pick(60));
        policy.limits.minIdleBps = uint16(_pick(200));
        policy.limits.maxGrowthWad = 1e15;
        policy.objective.kind = ObjectiveKind(_pick(2));
        policy.objective.bandBps = uint16(500 + _pick(9000));
        policy.agents = new AgentPolicy[](1);
        policy.agents[0] =
            AgentPolicy(address(1), type(uint40).max, type(uint32).max, uint16(500 + _pick(9000)), uint16(_pick(60)));
        policy.groups = new GroupPolicy[](1);
        policy.groups[0] = GroupPolicy("group", 10_000, type(uint128).max);
        policy.strategies = new StrategyPolicy[](LEGS);
        policy.objective.targetWeightsBps = new uint16[](LEGS);
        for (uint256 i = 0; i < LEGS; ++i) {
            policy.objective.targetWeightsBps[i] = uint16(_pick(2500));
            policy.strategies[i] = StrategyPolicy({
                // forge-lint: disable-next-line(unsafe-typecast)
                strategy: address(uint160(0x1000 + i)),
                status: _pick(40) == 0 ? StrategyStatus.ExitOnly : StrategyStatus.Active,
                maxWeightBps: uint16(1800 + _pick(8000)),
                minWeightBps: uint16(_pick(200)),
                cap: uint128(_odd(5e23, type(uint128).max)),
                priceBandBps: uint16(1 + _pick(200)),
                referenceAssets: 1,
                referenceShares: 1,
                groups: 0
            });
        }
    }

    /// @dev The same case as words: legs, behind them what they are held to, behind that the receipt.
    function _course(RuleContext memory context) private view returns (Course memory course, uint256 legs) {
        course.hot = PolicyTable.hotWord(context.table);
        (,, course.budgets) = PolicyTable.mandateWords(context.table, 1, address(1));
        (course.ledger, course.agentLedger) = _slots();
        uint256[] memory words = new uint256[](LEGS * 6);
        for (uint256 i = 0; i < LEGS; ++i) {
            words[i * 3] = uint160(context.legs[i].strategy);
            words[i * 3 + 1] = context.legs[i].isDeposit ? 1 : 0;
            words[i * 3 + 2] = context.legs[i].assets;
            uint256 held = (LEGS + i) * 3;
            bytes memory code = context.table.code;
            uint256 offset = PolicyTable.strategiesOffset(course.hot) + 64 * i;
            (words[held], words[held + 1]) = (_wordAt(code, offset), _wordAt(code, offset + 32));
            words[held + 2] = PriceReference.packDown(context.references[i].price, context.references[i].at);
        }
        bytes memory receipt = abi.encode(context.receipt);
        uint256 place;
        assembly ("memory-safe") {
            legs := add(words, 0x20)
            place := add(receipt, 0x40)
        }
        course.receipt = place;
    }

    function _slots() private view returns (uint256 ledger, uint256 agentLedger) {
        VaultLedger storage vaultSlot = _ledger;
        AgentLedger storage agentSlot = _agentLedger;
        assembly ("memory-safe") {
            ledger := sload(vaultSlot.slot)
            agentLedger := sload(agentSlot.slot)
        }
    }

    function _wordAt(bytes memory data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }

    /// @dev Whether the pass has to decide it: all strategies Active, all numbers small, no value next to a bound
    /// of its price or above NAV, and shares that moved as the leg should move them.
    function _isPlain(RuleContext memory context) private pure returns (bool isPlain) {
        isPlain = context.receipt.base < 1 << 120;
        for (uint256 i = 0; i < LEGS; ++i) {
            LegReceipt memory leg = context.receipt.legs[i];
            if (context.limits[i].status != StrategyStatus.Active) isPlain = false;
            if (_isNearABand(context, i) || _isOdd(context, i)) isPlain = false;
            if ((leg.assets | leg.valueAfter) >> 120 != 0 || (leg.sharesAfter | leg.sharesBefore) >> 160 != 0) {
                isPlain = false;
            }
        }
    }

    function _isOdd(RuleContext memory context, uint256 i) private pure returns (bool) {
        LegReceipt memory leg = context.receipt.legs[i];
        if (leg.valueAfter > context.receipt.nav) return true;
        return context.legs[i].isDeposit ? leg.sharesAfter <= leg.sharesBefore : leg.sharesAfter >= leg.sharesBefore;
    }

    function _isNearABand(RuleContext memory context, uint256 i) private pure returns (bool) {
        LegReceipt memory leg = context.receipt.legs[i];
        (uint256 price, uint256 band) = (context.references[i].price, context.limits[i].priceBandBps);
        bool isDeposit = context.legs[i].isDeposit;
        (uint256 value, uint256 shares) =
            isDeposit ? (leg.valueAfter, leg.sharesAfter) : (leg.valueBefore, leg.sharesBefore);
        if (shares >> 160 != 0 || value >> 120 != 0) return true;
        // The ends of a band are rounded to whole prices, which the pass does not make use of.
        uint256 margin = 3 + (shares >> 128);
        uint256 lowest = PriceBands.lowestValueUp(price, band, shares);
        if (value < lowest + margin && value + margin > lowest) return true;
        uint256 highest = PriceBands.highestValue(price, band, shares);
        return isDeposit && value + margin > highest && value < highest + margin;
    }

    function _pick(uint256 count) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % count;
    }

    /// @dev The number, or rarely another one from zero up to `most`.
    function _odd(uint256 usual, uint256 most) private returns (uint256) {
        uint256 kind = _pick(150);
        if (kind == 0) return 0;
        if (kind == 1) return most;
        if (kind == 2) return _pick(most);
        return usual;
    }

    /// @dev The number, or up to two units beside it.
    function _near(uint256 limit) private returns (uint256) {
        uint256 shifted = limit + _pick(5);
        return shifted < 2 ? 0 : shifted - 2;
    }

    /// @dev The number, less a small loss in some cases.
    function _short(uint256 expected) private returns (uint256) {
        uint256 kind = _pick(6);
        if (kind == 0) return expected + 1;
        if (kind < 4) return expected;
        return expected - _pick(kind == 4 ? 3 : 1e20);
    }
}
