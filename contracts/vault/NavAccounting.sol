// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {NavState} from "../types/Nav.sol";
import {StrategyStatus} from "../types/Policy.sol";
import {Balance} from "./Balance.sol";
import {Exponential} from "./Exponential.sol";
import {NavSettings} from "./NavSettings.sol";
import {Price} from "./Price.sol";
import {SafeStrategyCall} from "./SafeStrategyCall.sol";

/// @dev All that the vault prices by, three slots. Times are Unix times modulo 2^32; what passes between two of them is
/// less than 136 years.
/// @param mark, observation, previous Prices, packed; `previous` is the last observation of a timestamp before
/// `refreshedAt`. @param highWater Price above which the performance fee is due; follows the price without a fee too,
/// so that switching one on charges nothing of the past.
/// @param supply Shares in existence.
/// @param seasonedRatio Seasoned supply ÷ supply at `accruedAt`, 1e14 = all, rounded down.
/// @param refreshedAt, accruedAt Times of the last refresh and of the last accrual of seasoning and management fee.
/// @param settings Where parameters and exit list are; see `NavSettings`.
/// @param seasoningSeconds, maxNavAgeSeconds As in the settings.
/// @param isOutdated Whether the exit list changed since the last refresh.
struct NavStorage {
    uint64 mark;
    uint64 observation;
    uint64 previous;
    uint64 highWater;
    uint144 supply;
    uint48 seasonedRatio;
    uint32 refreshedAt;
    uint32 accruedAt;
    address settings;
    uint32 seasoningSeconds;
    uint32 maxNavAgeSeconds;
    bool isOutdated;
}

/// @dev The vault as if refreshed now, fee shares included. `units` is supply + virtual shares.
/// @param settings See `NavSettings`.
/// @param shares, worths What was read of each strategy of the exit list; both zero if it could not be read.
struct Observation {
    uint256[] settings;
    uint256[] shares;
    uint256[] worths;
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
    /// @param seen Filled; empty before.
    function observe(NavStorage storage self, Observation memory seen, IERC20 asset, uint256 virtualShares)
        internal
        view
    {
        seen.settings = NavSettings.read(self.settings);
        uint256 writtenOff = _readPositions(seen);
        seen.idle = Balance.held(asset);
        // Positions are at most 2^133 together.
        if (seen.idle > Price.MAX_ASSETS || (seen.live += seen.idle) > Price.MAX_ASSETS) seen.live = Price.MAX_ASSETS;
        uint256 supply = self.supply;
        (seen.supply, seen.units) = (supply, supply + virtualShares);
        (uint64 live, uint64 earlier) = supply == 0 ? _startAnew(seen) : _observePrices(self, seen);

        (uint256 markPrice, uint256 livePrice) = (Price.unpack(seen.mark), Price.unpack(live));
        seen.nav = _navOf(seen, markPrice, livePrice);
        seen.entry = _entryOf(seen, seen.live + writtenOff, Math.max(markPrice, Price.unpack(earlier)), livePrice);
        seen.isOpen = seen.isReadable && (livePrice >= markPrice || livePrice >= _entryFloor(seen.settings, markPrice));
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
        self.refreshedAt = _now();
        if (self.isOutdated) self.isOutdated = false;
    }

    /// @notice The management fee due, for functions that read no strategy: dilutes what is stored; the caller mints.
    function takeManagement(NavStorage storage self, uint256[] memory settings, uint256 units)
        internal
        returns (uint256 shares)
    {
        shares = _managementShares(self, settings, self.supply);
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
        uint32 refreshedAt = self.refreshedAt;
        return refreshedAt != 0 && !self.isOutdated && _since(refreshedAt) <= self.maxNavAgeSeconds;
    }

    /// @notice base = NAV × seasoned share of supply, by the stored prices' NAV.
    function baseOf(NavStorage storage self, uint256 nav) internal view returns (uint256) {
        uint256 supply = self.supply;
        return Math.mulDiv(nav, _seasonedRatio(self, supply, supply), SEASONED_ONE);
    }

    /// @notice The same for an observation that is not committed yet: fee shares are unseasoned.
    function baseOf(NavStorage storage self, Observation memory seen) internal view returns (uint256) {
        return Math.mulDiv(seen.nav, _seasonedRatio(self, self.supply, seen.supply), SEASONED_ONE);
    }

    /// @notice A change of supply, and the time up to which seasoning and the management fee are taken: new shares are
    /// unseasoned, and burned ones are taken from the unseasoned part first, so that capital which passes through
    /// leaves no trace. The management fee up to now must have been taken.
    function accrue(NavStorage storage self, uint256 supplyAfter) internal {
        // The ratio is at most 1e14 < 2^48.
        // forge-lint: disable-next-line(unsafe-typecast)
        self.seasonedRatio = uint48(_seasonedRatio(self, self.supply, supplyAfter));
        self.supply = SafeCast.toUint144(supplyAfter);
        self.accruedAt = _now();
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
        state.seasonedWad = _seasonedRatio(self, self.supply, seen.supply) * (1e18 / SEASONED_ONE);
        state.markPrice = Price.unpack(seen.mark);
        state.observationPrice = Price.unpack(seen.observation);
        state.previousPrice = Price.unpack(seen.previous);
        if (self.refreshedAt != 0) state.refreshedAt = block.timestamp - _since(self.refreshedAt);
        state.isEntryOpen = seen.isOpen;
        state.isReadable = seen.isReadable;
    }

    /// @dev Fills positions, the sum of their values and readability; returns what written-off strategies report. An
    /// empty position is worth nothing and its price is not asked for.
    function _readPositions(Observation memory seen) private view returns (uint256 writtenOff) {
        uint256[] memory settings = seen.settings;
        uint256 count = settings.count();
        uint256[] memory shares = new uint256[](count);
        uint256[] memory worths = new uint256[](count);
        uint256 live;
        seen.isReadable = true;
        // No sum overflows: 32 amounts of at most 2^128 − 1.
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                (address strategy, bool isWrittenOff) = settings.placeAt(i);
                (bool isRead, uint256 held) = SafeStrategyCall.tryBalance(strategy);
                if (held != 0) {
                    uint256 worth;
                    (isRead, worth) = SafeStrategyCall.tryAmount(strategy, IERC4626.convertToAssets.selector, held);
                    if (isRead) (shares[i], worths[i]) = (held, worth);
                    if (isWrittenOff) writtenOff += worth;
                    else live += worth;
                }
                if (!isRead && !isWrittenOff) seen.isReadable = false;
            }
        }
        (seen.shares, seen.worths, seen.live) = (shares, worths, live);
    }

    /// @dev Nobody holds a share: there is nothing to protect from a jump, and every price starts anew.
    function _startAnew(Observation memory seen) private pure returns (uint64 live, uint64 earlier) {
        live = Price.ofUp(seen.live, seen.units);
        (seen.mark, seen.observation, seen.previous, seen.highWater) = (live, live, live, live);
        earlier = live;
    }

    /// @dev Fees, mark and observations of a vault that has holders.
    /// @return live Price of the live value. @return earlier Last observation of an earlier block.
    function _observePrices(NavStorage storage self, Observation memory seen)
        private
        view
        returns (uint64 live, uint64 earlier)
    {
        (seen.mark, seen.observation, seen.previous, seen.highWater) =
        (self.mark, self.observation, self.previous, self.highWater);
        seen.managementShares = _managementShares(self, seen.settings, seen.supply);
        _dilute(seen, seen.managementShares);
        live = Price.ofUp(seen.live, seen.units);
        uint256 elapsed = _since(self.refreshedAt);
        earlier = elapsed != 0 ? seen.observation : seen.previous;
        if (!seen.isReadable) return (live, earlier);
        if (elapsed != 0) seen.mark = _follow(seen.settings, elapsed, seen.mark, live, earlier);
        (seen.observation, seen.previous) = (live, earlier);
        _takePerformance(seen);
        return (seen.observation, seen.previous);
    }

    /// @dev Seasoned supply ÷ supply now, 1e14 = all, if the supply changes as told.
    function _seasonedRatio(NavStorage storage self, uint256 supplyBefore, uint256 supplyAfter)
        private
        view
        returns (uint256 ratio)
    {
        if (supplyBefore == 0 || supplyAfter == 0) return 0;
        uint256 seasoning = self.seasoningSeconds;
        ratio = SEASONED_ONE;
        if (seasoning != 0) {
            ratio = Math.min(self.seasonedRatio + _since(self.accruedAt) * SEASONED_ONE / seasoning, SEASONED_ONE);
        }
        // Below 2^48 × 2^144.
        if (supplyAfter != supplyBefore) ratio = Math.min(ratio * supplyBefore / supplyAfter, SEASONED_ONE);
    }

    /// @dev ⌊supply × ((1 − m)^(−seconds) − 1)⌋ since the last accrual; nothing without a recipient. Where
    /// that is
    /// zero, no accrual is stored, so that refreshing every second starves no fee above a share a second.
    function _managementShares(NavStorage storage self, uint256[] memory settings, uint256 supply)
        private
        view
        returns (uint256)
    {
        (uint256 feeBps,) = settings.feesBps();
        if (feeBps == 0) return 0;
        uint256 exponent = Exponential.decayDown(feeBps, _since(self.accruedAt));
        return Exponential.timesExpDown(supply, exponent, MAX_SUPPLY) - supply;
    }

    /// @dev Takes the performance fee on the price by NAV, if that is above the high-water mark, and raises the mark to
    /// what is left of it: holders keep H^f × p^(1−f).
    function _takePerformance(Observation memory seen) private pure {
        uint256 highWater = Price.unpack(seen.highWater);
        (uint256 markPrice, uint256 livePrice) = (Price.unpack(seen.mark), Price.unpack(seen.observation));
        // Both are above the price by NAV.
        if (livePrice <= highWater || markPrice <= highWater) return;
        uint256 price = Price.ofDown(_navOf(seen, markPrice, livePrice), seen.units);
        if (price <= highWater) return;
        (, uint256 feeBps) = seen.settings.feesBps();
        if (feeBps != 0) {
            uint256 exponent = Exponential.lnDown(price, highWater) * feeBps / BPS;
            uint256 most = seen.units + MAX_SUPPLY - seen.supply;
            seen.performanceShares = Exponential.timesExpDown(seen.units, exponent, most) - seen.units;
            _dilute(seen, seen.performanceShares);
            // Not the diluted float, which may lie above: a second refresh in this block shall find the same.
            seen.observation = Price.ofUp(seen.live, seen.units);
            livePrice = Price.unpack(seen.observation);
            if (markPrice >= livePrice && Price.unpack(seen.mark) < livePrice) seen.mark = seen.observation;
            markPrice = Price.unpack(seen.mark);
        }
        uint64 left = Price.ofUp(_navOf(seen, markPrice, livePrice), seen.units);
        if (Price.unpack(left) > highWater) seen.highWater = left;
    }

    /// @dev min(live, what the mark says).
    function _navOf(Observation memory seen, uint256 markPrice, uint256 livePrice) private pure returns (uint256) {
        // At or above the live price, which is rounded up, the mark says at least the live value.
        if (markPrice >= livePrice) return seen.live;
        return Math.min(seen.live, Price.assetsDown(markPrice, seen.units));
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
        uint256[] memory settings,
        uint256 elapsed,
        uint64 markPacked,
        uint64 livePacked,
        uint64 earlierPacked
    ) private pure returns (uint64) {
        if (livePacked == markPacked) return markPacked;
        uint256 mark = Price.unpack(markPacked);
        uint256 live = Price.unpack(livePacked);
        uint256 earlier = Price.unpack(earlierPacked);
        if (live > mark) {
            uint256 growth = Price.mulDivSaturating(mark, settings.maxGrowthWad() * elapsed, 1 days * 1e18);
            uint64 grown = Price.packDown(Math.saturatingAdd(mark, growth));
            return Price.unpack(grown) < live ? grown : livePacked;
        }
        if (live == mark || earlier >= mark) return markPacked;
        uint256 halt = Math.max(settings.entryHaltSeconds(), 1);
        uint256 rate = settings.maxDrawdownBps() * Math.min(elapsed, MAX_FALL_SECONDS);
        uint256 fall = Math.min(Price.mulDivSaturating(mark, rate, BPS * halt), mark);
        return Price.packUp(Math.max(mark - fall, Math.max(live, earlier)));
    }

    /// @dev Lowest live price at which entries are open.
    function _entryFloor(uint256[] memory settings, uint256 markPrice) private pure returns (uint256) {
        return Math.mulDiv(markPrice, BPS - settings.maxDrawdownBps(), BPS, Math.Rounding.Ceil);
    }

    /// @dev The highest of what is there and what `price` says. Where that does not stand above the live price, the
    /// live value itself is the larger, and the float's rounding must not charge the entrant a unit for nothing.
    function _entryOf(Observation memory seen, uint256 reported, uint256 price, uint256 livePrice)
        private
        pure
        returns (uint256)
    {
        if (price <= livePrice) return reported;
        return Math.max(reported, Price.assetsUp(price, seen.units));
    }

    function _now() private view returns (uint32) {
        // Modulo 2^32 on purpose.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint32(block.timestamp);
    }

    function _since(uint32 at) private view returns (uint256) {
        unchecked {
            return _now() - at;
        }
    }
}
