// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {AgentState, GuardState} from "../../contracts/interfaces/IPolicyGuard.sol";
import {Ledger} from "./Ledger.sol";

/// @notice A second set of buckets, kept from what strategies reported around every rebalance, with roundings in favour
/// of the spender; and the sums behind the promise about a stolen key.
abstract contract Books is Ledger {
    uint256 private constant RAY = 1e27;

    struct Book {
        uint256 turnoverRay;
        uint256 lossRay;
        uint256 at;
        uint256 turnover;
        uint256 loss;
        uint256 pushedLoss;
        uint256 largestBase;
        uint256 rebalances;
    }

    /// @notice What an accepted rebalance did, seen from outside.
    struct Deed {
        address agent;
        uint256 turnover;
        uint256 loss;
        uint256 base;
        uint256 agentTurnoverBps;
        uint256 agentLossBps;
        uint256 valueBefore;
        uint256 valueAfter;
        bool isPushed;
        uint256 legs;
    }

    address internal constant VAULT_ACCOUNT = address(0);
    mapping(address agent => Book) internal _accounts;
    uint256 public startedAt;
    uint256 public reductions;

    constructor() {
        expectProperty("property_EveryRebalanceCountsOnce");
    }

    function bookOf(address agent) external view returns (Book memory) {
        return _accounts[agent];
    }

    /// @notice Books an accepted rebalance.
    function recordRebalance(Deed memory deed) external {
        _charge(_accounts[VAULT_ACCOUNT], deed, limits().maxTurnoverBps, limits().maxLossBps);
        _charge(_accounts[deed.agent], deed, deed.agentTurnoverBps, deed.agentLossBps);
        if (markAt != 0) {
            assertLe(deed.base, Math.mulDiv(highestMark(), units(), ONE), "a base above what the mark allows");
        }
        uint256 lost = Math.saturatingSub(deed.valueBefore, deed.valueAfter);
        // What an ERC-4626 rounds is nobody's theft: two units a leg.
        lost = Math.saturatingSub(lost, 2 * deed.legs);
        if (deed.isPushed) {
            _accounts[deed.agent].pushedLoss += lost;
            _accounts[VAULT_ACCOUNT].pushedLoss += lost;
        } else if (_tellVenuesTheTruth()) {
            assertLe(lost, deed.loss, "lost more than was measured");
        }
    }

    /// @dev Whether venues of this campaign tell the price at which they trade.
    function _tellVenuesTheTruth() internal pure virtual returns (bool);

    /// @notice The same, for handlers.
    function tellVenuesTheTruth() external pure returns (bool) {
        return _tellVenuesTheTruth();
    }

    /// @notice Books a pull, which fills no bucket.
    function recordPull() external {
        ++reductions;
    }

    /// @notice Books a trim, which fills the vault's loss bucket.
    function recordTrim(uint256 loss, uint256 base) external {
        ++reductions;
        Book storage book = _accounts[VAULT_ACCOUNT];
        _leak(book);
        book.lossRay = _fill(book.lossRay, loss, base * limits().maxLossBps / BPS);
        book.loss += loss;
        if (base > book.largestBase) book.largestBase = base;
    }

    /// @notice Parts of the buckets that are free now: the vault's and the agent's, the smaller one.
    function roomFor(address agent, uint256 base, uint256 vaultBps, uint256 agentBps, bool isLoss)
        external
        view
        returns (uint256)
    {
        uint256 a = _room(_accounts[VAULT_ACCOUNT], base * vaultBps / BPS, isLoss);
        return Math.min(a, _room(_accounts[agent], base * agentBps / BPS, isLoss));
    }

    function property_EveryRebalanceCountsOnce(address[3] memory agents) internal {
        uint256 sum = 0;
        for (uint256 i = 0; i < agents.length; ++i) {
            uint256 nonce = guard.agentState(agents[i]).nonce;
            assertEq(nonce, _accounts[agents[i]].rebalances, "nonce");
            sum += nonce;
        }
        assertEq(guard.guardState().rebalanceCount, sum + reductions, "rebalance count");
        if (sum != 0 && reductions != 0) count("property_EveryRebalanceCountsOnce");
    }

    /// @dev The sums of 2.3, for the whole vault and for each agent. Capacities are taken at the largest base.
    function property_AStolenKeyLosesAtMostItsBudget(address agent, uint256 turnoverBps, uint256 lossBps) internal {
        Book storage book = _accounts[agent];
        uint256 span = block.timestamp - startedAt;
        assertLe(book.turnover, _times(book.largestBase * turnoverBps / BPS, span), "turnover over time");
        assertLe(book.loss, _times(book.largestBase * lossBps / BPS, span), "loss over time");
        if (book.loss > UNIT) count("property_AStolenKeyLosesAtMostItsBudget");
    }

    function property_PushedPricesCostAtMostTwiceTheBand(address agent, uint256 turnoverBps) internal {
        Book storage book = _accounts[agent];
        uint256 span = block.timestamp - startedAt;
        uint256 capacity = book.largestBase * turnoverBps / BPS;
        assertLe(book.pushedLoss, _times(capacity * 2 * BAND_BPS / BPS, span) + book.loss, "pushed loss over time");
        if (book.pushedLoss > UNIT) count("property_PushedPricesCostAtMostTwiceTheBand");
    }

    /// @dev What the guard keeps never stands above full, nor below what was spent.
    function property_BudgetsNeverExceedTheirCapacity(address[3] memory agents) internal {
        GuardState memory state = guard.guardState();
        assertLe(state.turnover.levelWad, 1e18, "vault's turnover");
        assertLe(state.loss.levelWad, 1e18, "vault's loss");
        for (uint256 i = 0; i < agents.length; ++i) {
            AgentState memory agent = guard.agentState(agents[i]);
            assertLe(agent.turnover.levelWad, 1e18, "agent's turnover");
            assertLe(agent.loss.levelWad, 1e18, "agent's loss");
        }
    }

    function _charge(Book storage book, Deed memory deed, uint256 turnoverBps, uint256 lossBps) private {
        _leak(book);
        book.turnoverRay = _fill(book.turnoverRay, deed.turnover, deed.base * turnoverBps / BPS);
        book.lossRay = _fill(book.lossRay, deed.loss, deed.base * lossBps / BPS);
        book.turnover += deed.turnover;
        book.loss += deed.loss;
        if (deed.base > book.largestBase) book.largestBase = deed.base;
        ++book.rebalances;
    }

    /// @dev Every bucket leaks at the window in force when it is next charged.
    function _leak(Book storage book) private {
        uint256 leaked = Math.mulDiv(block.timestamp - book.at, RAY, limits().windowSeconds, Math.Rounding.Ceil);
        book.turnoverRay = Math.saturatingSub(book.turnoverRay, leaked);
        book.lossRay = Math.saturatingSub(book.lossRay, leaked);
        book.at = block.timestamp;
    }

    function _fill(uint256 levelRay, uint256 amount, uint256 capacity) private returns (uint256) {
        assertLe(Math.mulDiv(levelRay, capacity, RAY) + amount, capacity, "a bucket ran over");
        if (amount == 0) return levelRay;
        levelRay += Math.mulDiv(amount, RAY, capacity);
        if (levelRay > RAY * 9 / 10) countIfExpected("property_BudgetsNeverExceedTheirCapacity");
        return levelRay;
    }

    function _room(Book storage book, uint256 capacity, bool isLoss) private view returns (uint256) {
        uint256 level = isLoss ? book.lossRay : book.turnoverRay;
        level = Math.saturatingSub(level, (block.timestamp - book.at) * RAY / limits().windowSeconds);
        return capacity - Math.min(capacity, Math.mulDiv(level, capacity, RAY, Math.Rounding.Ceil));
    }

    function _times(uint256 capacity, uint256 span) private view returns (uint256) {
        return capacity + Math.mulDiv(capacity, span, WINDOW) + 1;
    }
}
