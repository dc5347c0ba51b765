// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {NavParameters, NavState} from "../types/Nav.sol";
import {StrategyStatus} from "../types/Policy.sol";
import {Balance} from "./Balance.sol";
import {Exponential} from "./Exponential.sol";
import {NavSettings} from "./NavSettings.sol";
import {Price} from "./Price.sol";
import {SafeStrategyCall} from "./SafeStrategyCall.sol";

/// @dev All that the vault prices by, three slots. A rebalance with a fresh checkpoint reads the first two.
/// @param mark, observation, previous Prices, packed; `previous` is the last observation of a timestamp before
/// `refreshedAt`. @param highWater Price above which the performance fee is due; follows the price without a fee too,
/// so that switching one on charges nothing of the past.
/// @param seasonedRatio Seasoned supply ÷ supply at `accruedAt`, 1e14 = all, rounded down.
/// @param refreshedAt, accruedAt Unix times of the last refresh and of the last accrual of seasoning and management
/// fee. @param isOutdated Whether the exit list changed since the last refresh.
/// @param seasoningSeconds, maxNavAgeSeconds As in the settings.
/// @param settings Where parameters and exit list are; see `NavSettings`.
struct NavStorage {
    uint64 mark;
    uint64 observation;
    uint64 previous;
    uint64 highWater;
    uint48 seasonedRatio;
    uint40 refreshedAt;
    uint40 accruedAt;
    bool isOutdated;
    uint32 seasoningSeconds;
    uint32 maxNavAgeSeconds;
    address settings;
}

/// @dev What was read of one strategy. Balance and value are zero if it could not be read.
struct Position {
    address strategy;
    StrategyStatus status;
    uint256 shares;
    uint256 assets;
}

/// @dev The vault as if refreshed now, fee shares included. `units` is supply + virtual shares.
struct Observation {
    NavParameters parameters;
    Position[] positions;
    uint256 idle;
    uint256 live;
    uint256 nav;
    uint256 entry;
    uint256 supply;
    uint256 units;
    uint256 managementShares;
    uint256 performanceShares;
    uint64 mark;
    uint64 observation;
    uint64 previous;
    uint64 highWater;
    bool isReadable;
    bool isOpen;
}

/// @title Net asset value
/// @notice Mark, observations, fees, seasoning and the two prices that follow from them: NAV for exits and limits, and
/// the dearer one for entries. Reads are separate from writes: `observe` tells what a refresh would give, `commit`
/// stores it.
library NavAccounting {
    using NavSettings for uint256[];

    uint256 internal constant SEASONED_ONE = 1e14;
    /// @dev Longest time for which one refresh lets the mark fall.
    uint256 internal constant MAX_FALL_SECONDS = 1 hours;
    /// @dev Supply stays at or below this, so that products with prices keep inside their words.
    uint256 internal constant MAX_SUPPLY = (1 << 144) - 1;

    uint256 private constant BPS = 10_000;

    /// @notice The vault as if it were refreshed in this block. Never reverts because of a strategy.
    function observe(NavStorage storage self, IERC20 asset, uint256 supply, uint256 virtualShares)
        internal
        view
        returns (Observation memory seen)
    {
        uint256[] memory settings = NavSettings.read(self.settings);
        seen.parameters = settings.parametersOf();
        uint256 writtenOff = _readPositions(settings, seen);
        seen.idle = Balance.held(asset);
        seen.live = Math.min(Math.saturatingAdd(seen.live, seen.idle), Price.MAX_ASSETS);
        (seen.supply, seen.units) = (supply, supply + virtualShares);

        uint256 reported = Math.saturatingAdd(seen.live, writtenOff);
        if (supply == 0) {
            // Nobody holds a share: there is nothing to protect from a jump, and every price starts anew.
            uint64 start = Price.ofUp(seen.live, seen.units);
            (seen.mark, seen.observation, seen.previous, seen.highWater) = (start, start, start, start);
            (seen.nav, seen.entry, seen.isOpen) = (seen.live, reported, seen.isReadable);
            return seen;
        }

        (seen.mark, seen.observation, seen.previous, seen.highWater) =
        (self.mark, self.observation, self.previous, self.highWater);
        seen.managementShares = _managementShares(self, seen.parameters, supply);
        _dilute(seen, seen.managementShares);
        uint64 live = Price.ofUp(seen.live, seen.units);
        uint256 elapsed = block.timestamp - self.refreshedAt;
        uint64 earlier = elapsed != 0 ? seen.observation : seen.previous;
        if (seen.isReadable) {
            if (elapsed != 0) seen.mark = _follow(seen.parameters, elapsed, seen.mark, live, earlier);
            (seen.observation, seen.previous) = (live, earlier);
            _takePerformance(seen);
            (live, earlier) = (seen.observation, seen.previous);
        }

        uint256 markPrice = Price.unpack(seen.mark);
        uint256 livePrice = Price.unpack(live);
        seen.nav = Math.min(seen.live, Price.assetsDown(markPrice, seen.units));
        seen.entry = Math.max(
            reported,
            Math.max(_above(markPrice, livePrice, seen.units), _above(Price.unpack(earlier), livePrice, seen.units))
        );
        seen.isOpen = seen.isReadable && livePrice >= _entryFloor(seen.parameters, markPrice);
    }

    /// @notice Stores what `observe` gave; the caller mints the fee shares. With an unreadable strategy nothing moves
    /// but by dilution.
    /// @return hasMoved Whether the mark did.
    function commit(NavStorage storage self, Observation memory seen) internal returns (bool hasMoved) {
        if (!seen.isReadable && seen.managementShares == 0) return false;
        hasMoved = seen.isReadable && self.mark != seen.mark;
        self.mark = seen.mark;
        self.observation = seen.observation;
        self.previous = seen.previous;
        self.highWater = seen.highWater;
        if (!seen.isReadable) return false;
        self.refreshedAt = uint40(block.timestamp);
        self.isOutdated = false;
    }

    /// @notice The management fee due, for functions that read no strategy: dilutes what is stored; the caller mints.
    function takeManagement(NavStorage storage self, NavParameters memory parameters, uint256 supply, uint256 units)
        internal
        returns (uint256 shares)
    {
        shares = _managementShares(self, parameters, supply);
        if (shares == 0) return 0;
        self.mark = Price.dilutedUp(self.mark, units, units + shares);
        self.observation = Price.dilutedUp(self.observation, units, units + shares);
        self.previous = Price.dilutedUp(self.previous, units, units + shares);
    }

    /// @notice Carries the mark over an entry: what an entrant pays is recognised, so that the part of the live value
    /// which is not stays the same amount instead of growing with the supply.
    /// @dev Without it, a mark far below the price of a nearly empty vault (a gift of a few units does that) would hide
    /// nearly all of the next entrant's money behind years of growth. It pays nobody: the total at the mark rises by
    /// exactly what was paid, at a price not below the mark, so every round trip through it loses. Rounded down.
    function carryEntry(NavStorage storage self, uint256 unitsBefore, uint256 unitsAfter, uint256 assets) internal {
        uint256 mark = Price.unpack(self.mark);
        uint256 carried = Math.saturatingAdd(
            Math.mulDiv(mark, unitsBefore, unitsAfter), Price.mulDivSaturating(assets, 1 << 128, unitsAfter)
        );
        if (carried > mark) self.mark = Price.packDown(carried);
    }

    /// @notice NAV by the stored prices, without reading a strategy.
    function checkpointNav(NavStorage storage self, uint256 units) internal view returns (uint256) {
        return Price.assetsDown(Math.min(Price.unpack(self.mark), Price.unpack(self.observation)), units);
    }

    /// @notice Whether the stored prices are young enough for a rebalance, and of the exit list in force.
    function isFresh(NavStorage storage self) internal view returns (bool) {
        uint256 refreshedAt = self.refreshedAt;
        // forge-lint: disable-next-line(block-timestamp)
        return refreshedAt != 0 && !self.isOutdated && block.timestamp - refreshedAt <= self.maxNavAgeSeconds;
    }

    /// @notice Seasoned supply ÷ supply now, 1e14 = all, if the supply changes as told.
    function seasonedRatio(NavStorage storage self, uint256 supplyBefore, uint256 supplyAfter)
        internal
        view
        returns (uint256 ratio)
    {
        if (supplyBefore == 0 || supplyAfter == 0) return 0;
        uint256 seasoning = self.seasoningSeconds;
        uint256 gained = seasoning == 0 ? SEASONED_ONE : (block.timestamp - self.accruedAt) * SEASONED_ONE / seasoning;
        ratio = Math.min(self.seasonedRatio + gained, SEASONED_ONE);
        if (supplyAfter != supplyBefore) ratio = Math.min(Math.mulDiv(ratio, supplyBefore, supplyAfter), SEASONED_ONE);
    }

    /// @notice base = NAV × seasoned share of supply, by the stored prices' NAV.
    function baseOf(NavStorage storage self, uint256 nav, uint256 supply) internal view returns (uint256) {
        return Math.mulDiv(nav, seasonedRatio(self, supply, supply), SEASONED_ONE);
    }

    /// @notice The same for an observation that is not committed yet: fee shares are unseasoned.
    function baseOf(NavStorage storage self, Observation memory seen) internal view returns (uint256) {
        return Math.mulDiv(seen.nav, _seasonedRatio(self, seen), SEASONED_ONE);
    }

    /// @notice Carries seasoning over a change of supply: new shares are unseasoned, and burned ones are taken from the
    /// unseasoned part first, so that capital which passes through leaves no trace. The management fee up to now must
    /// have been taken.
    function accrue(NavStorage storage self, uint256 supplyBefore, uint256 supplyAfter) internal {
        // At most 1e14 < 2^48.
        // forge-lint: disable-next-line(unsafe-typecast)
        self.seasonedRatio = uint48(seasonedRatio(self, supplyBefore, supplyAfter));
        self.accruedAt = uint40(block.timestamp);
    }

    /// @notice The public form of an observation that is not committed.
    function stateOf(NavStorage storage self, Observation memory seen) internal view returns (NavState memory state) {
        state.liveAssets = seen.live;
        state.navAssets = seen.nav;
        state.entryAssets = seen.entry;
        state.baseAssets = baseOf(self, seen);
        state.supply = seen.supply;
        state.pendingFeeShares = seen.managementShares + seen.performanceShares;
        state.highWaterPrice = Price.unpack(seen.highWater);
        state.seasonedWad = _seasonedRatio(self, seen) * (1e18 / SEASONED_ONE);
        state.markPrice = Price.unpack(seen.mark);
        state.observationPrice = Price.unpack(seen.observation);
        state.previousPrice = Price.unpack(seen.previous);
        state.refreshedAt = self.refreshedAt;
        state.isEntryOpen = seen.isOpen;
        state.isReadable = seen.isReadable;
    }

    function _seasonedRatio(NavStorage storage self, Observation memory seen) private view returns (uint256) {
        return seasonedRatio(self, seen.supply - seen.managementShares - seen.performanceShares, seen.supply);
    }

    /// @dev Fills positions, the sum of their values and readability; returns what written-off strategies report.
    function _readPositions(uint256[] memory settings, Observation memory seen)
        private
        view
        returns (uint256 writtenOff)
    {
        uint256 count = settings.count();
        seen.positions = new Position[](count);
        seen.isReadable = true;
        for (uint256 i = 0; i < count; ++i) {
            Position memory position = seen.positions[i];
            (position.strategy, position.status) = settings.entryAt(i);
            bool isRead = _readPosition(position);
            if (position.status == StrategyStatus.WrittenOff) {
                writtenOff += position.assets;
            } else {
                seen.live += position.assets;
                if (!isRead) seen.isReadable = false;
            }
        }
    }

    /// @dev An empty position is worth nothing and its price is not asked for.
    function _readPosition(Position memory position) private view returns (bool isRead) {
        (bool hasShares, uint256 shares) = SafeStrategyCall.tryBalance(position.strategy);
        if (!hasShares || shares == 0) return hasShares;
        uint256 assets;
        (isRead, assets) = SafeStrategyCall.tryAmount(position.strategy, IERC4626.convertToAssets.selector, shares);
        if (isRead) (position.shares, position.assets) = (shares, assets);
    }

    /// @dev ⌊supply × ((1 − m)^(−seconds) − 1)⌋ since the last accrual; nothing without a recipient. Where
    /// that is
    /// zero, no accrual is stored, so that refreshing every second starves no fee above a share a second.
    function _managementShares(NavStorage storage self, NavParameters memory parameters, uint256 supply)
        private
        view
        returns (uint256)
    {
        uint256 feeBps = parameters.managementFeeBps;
        if (feeBps == 0 || parameters.feeRecipient == address(0)) return 0;
        uint256 exponent = Exponential.decayDown(feeBps, block.timestamp - self.accruedAt);
        return Exponential.timesExpDown(supply, exponent, MAX_SUPPLY) - supply;
    }

    /// @dev Takes the performance fee on the price by NAV, if that is above the high-water mark, and raises the mark to
    /// what is left of it: holders keep H^f × p^(1−f).
    function _takePerformance(Observation memory seen) private pure {
        uint256 highWater = Price.unpack(seen.highWater);
        uint256 price = Price.ofDown(_navOf(seen), seen.units);
        if (price <= highWater) return;
        uint256 feeBps = seen.parameters.performanceFeeBps;
        if (feeBps != 0 && seen.parameters.feeRecipient != address(0)) {
            uint256 exponent = Exponential.lnDown(price, highWater) * feeBps / BPS;
            uint256 most = seen.units + MAX_SUPPLY - seen.supply;
            seen.performanceShares = Exponential.timesExpDown(seen.units, exponent, most) - seen.units;
            bool isMarkLive = seen.mark == seen.observation;
            _dilute(seen, seen.performanceShares);
            // Not the diluted float, which may lie above: a second refresh in this block shall find the same.
            seen.observation = Price.ofUp(seen.live, seen.units);
            if (isMarkLive) seen.mark = seen.observation;
        }
        uint64 left = Price.ofUp(_navOf(seen), seen.units);
        if (Price.unpack(left) > highWater) seen.highWater = left;
    }

    function _navOf(Observation memory seen) private pure returns (uint256) {
        return Math.min(seen.live, Price.assetsDown(Price.unpack(seen.mark), seen.units));
    }

    /// @dev Fee shares lower every price a share but the high-water mark.
    function _dilute(Observation memory seen, uint256 shares) private pure {
        if (shares == 0) return;
        (uint256 before, uint256 later) = (seen.units, seen.units + shares);
        seen.mark = Price.dilutedUp(seen.mark, before, later);
        seen.observation = Price.dilutedUp(seen.observation, before, later);
        seen.previous = Price.dilutedUp(seen.previous, before, later);
        seen.supply += shares;
        seen.units = later;
    }

    /// @dev Where the mark goes at the first refresh of a timestamp.
    function _follow(
        NavParameters memory parameters,
        uint256 elapsed,
        uint64 markPacked,
        uint64 livePacked,
        uint64 earlierPacked
    ) private pure returns (uint64) {
        uint256 mark = Price.unpack(markPacked);
        uint256 live = Price.unpack(livePacked);
        uint256 earlier = Price.unpack(earlierPacked);
        if (live > mark) {
            uint256 growth = Price.mulDivSaturating(mark, parameters.maxGrowthWad * elapsed, 1 days * 1e18);
            uint64 grown = Price.packDown(Math.saturatingAdd(mark, growth));
            return Price.unpack(grown) < live ? grown : livePacked;
        }
        if (live == mark || earlier >= mark) return markPacked;
        uint256 halt = Math.max(parameters.entryHaltSeconds, 1);
        uint256 rate = uint256(parameters.maxDrawdownBps) * Math.min(elapsed, MAX_FALL_SECONDS);
        uint256 fall = Math.min(Price.mulDivSaturating(mark, rate, BPS * halt), mark);
        return Price.packUp(Math.max(mark - fall, Math.max(live, earlier)));
    }

    /// @dev Lowest live price at which entries are open.
    function _entryFloor(NavParameters memory parameters, uint256 markPrice) private pure returns (uint256) {
        uint256 kept = BPS - Math.min(parameters.maxDrawdownBps, BPS);
        return Math.mulDiv(markPrice, kept, BPS, Math.Rounding.Ceil);
    }

    /// @dev Assets by a price that stands above the live one, else zero: where it does not, the live value itself is
    /// the larger, and the float's rounding must not charge the entrant a unit for nothing.
    function _above(uint256 price, uint256 livePrice, uint256 units) private pure returns (uint256) {
        return price > livePrice ? Price.assetsUp(price, units) : 0;
    }
}
