// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
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
/// @param seasoned Seasoned supply ÷ supply at `accruedAt`, 1e14 = all, rounded down. Above it, in the highest bit,
/// whether the exit list changed since the last refresh.
/// @param refreshedAt, accruedAt Times of the last refresh and of the last accrual of seasoning and management fee.
/// @param settings Where parameters and exit list are; see `NavSettings`.
/// @param seasoningSeconds, maxNavAgeSeconds As in the settings.
/// @dev A rebalance reads the first two slots, and has its guard tell it what it needs of the third.
struct NavStorage {
    uint256 prices;
    uint144 supply;
    uint48 seasoned;
    uint32 refreshedAt;
    uint32 accruedAt;
    address settings;
    uint32 seasoningSeconds;
    uint32 maxNavAgeSeconds;
}

/// @dev The vault as if refreshed now, fee shares included. `units` is supply + virtual shares.
/// @param settings See `NavSettings`.
/// @param refreshedAt, isOutdated As stored. @param shares, worths What was read of each strategy of the exit list;
/// both zero if it could not be read.
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
    uint32 refreshedAt;
    bool isOutdated;
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
    /// @dev 1e14 is below it.
    uint48 private constant OUTDATED = 1 << 47;

    // Members of the second slot, from the bottom; the supply is the lowest.
    uint256 private constant SEASONED = 144;
    uint256 private constant REFRESHED_AT = 192;
    uint256 private constant ACCRUED_AT = 224;
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
        address settings = self.settings;
        seen.isOutdated = self.seasoned >= OUTDATED;
        seen.settings = NavSettings.read(settings);
        uint256 writtenOff = _readPositions(seen);
        seen.idle = Balance.held(asset);
        seen.live = _liveOf(seen.live, seen.idle);
        uint256 supply = self.supply;
        seen.refreshedAt = self.refreshedAt;
        // Below 2^145.
        unchecked {
            (seen.supply, seen.units) = (supply, supply + virtualShares);
        }
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
        (uint256 before, uint256 later) = (self.prices, _packed(seen));
        if (later != before) self.prices = later;
        // The mark is in the lowest 64 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        hasMoved = uint64(before) != uint64(later);
        if (!seen.isReadable) return false;
        self.refreshedAt = _now();
        if (seen.isOutdated) self.seasoned &= OUTDATED - 1;
    }

    /// @notice The management fee due, for functions that read no strategy: dilutes what is stored; the caller mints.
    function takeManagement(NavStorage storage self, uint256[] memory settings, uint256 units)
        internal
        returns (uint256 shares)
    {
        shares = _managementShares(self, settings, self.supply);
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (shares == 0) return 0;
        Observation memory stored;
        _unpack(self.prices, stored);
        (stored.supply, stored.units) = (self.supply, units);
        _dilute(stored, shares);
        self.prices = _packed(stored);
    }

    /// @notice Carries mark and high-water mark over an entry: what an entrant pays is recognised and is no
    /// performance. @dev Without it, a mark far below the price of a nearly empty vault (a gift of a few units does
    /// that) would hide
    /// nearly all of the next entrant's money behind years of growth, or the performance fee would take its part of
    /// it. Neither pays anybody: the totals at mark and high-water mark rise by exactly what was paid, and entries pay
    /// no price below the mark, so every round trip loses. The mark is rounded down, the high-water mark up. What the
    /// fee forgoes is its part of what entrants overpaid.
    function carryEntry(NavStorage storage self, uint256 unitsBefore, uint256 unitsAfter, uint256 assets) internal {
        uint256 prices = self.prices;
        // Mark in the lowest 64 bits, high-water mark in the highest.
        // forge-lint: disable-next-item(unsafe-typecast)
        (uint256 mark, uint256 highWater) = (Price.unpack(uint64(prices)), Price.unpack(uint64(prices >> 192)));
        uint256 paid = Price.mulDivSaturating(assets, 1 << 128, unitsAfter);
        uint256 carried = Math.saturatingAdd(Math.mulDiv(mark, unitsBefore, unitsAfter), paid);
        if (carried > mark) prices = ((prices >> 64) << 64) | Price.packDown(carried);
        carried = Math.saturatingAdd(Math.mulDiv(highWater, unitsBefore, unitsAfter), paid);
        if (carried > highWater) {
            // Two quotients were rounded down; a unit each makes up for it.
            carried = Math.saturatingAdd(carried, 2);
            prices = ((prices << 64) >> 64) | (uint256(Price.packUp(carried)) << 192);
        }
        if (prices != self.prices) self.prices = prices;
    }

    /// @notice NAV by the stored prices, without reading a strategy.
    function checkpointNav(NavStorage storage self, uint256 units) internal view returns (uint256) {
        uint256 prices = self.prices;
        // Mark and observation, 64 bits each.
        // forge-lint: disable-next-line(unsafe-typecast)
        return Price.assetsDown(Math.min(Price.unpack(uint64(prices)), Price.unpack(uint64(prices >> 64))), units);
    }

    /// @notice Whether the stored prices are young enough for a rebalance, and of the exit list in force.
    function isFresh(NavStorage storage self) internal view returns (bool) {
        uint32 refreshedAt = self.refreshedAt;
        return refreshedAt != 0 && self.seasoned < OUTDATED && _since(refreshedAt) <= self.maxNavAgeSeconds;
    }

    /// @notice Notes that the exit list changed: no stored price is fresh until the next refresh.
    function setOutdated(NavStorage storage self) internal {
        self.seasoned |= OUTDATED;
    }

    /// @notice What a rebalance needs, from two slots that are read once: `isFresh`, and NAV and base by the stored
    /// prices, which mean nothing if they are not fresh.
    /// @param maxNavAgeSeconds, seasoningSeconds As in the settings.
    function checkpointed(
        NavStorage storage self,
        uint256 virtualShares,
        uint256 maxNavAgeSeconds,
        uint256 seasoningSeconds
    ) internal view returns (bool isFresh_, uint256 nav, uint256 base) {
        uint256 slot = _secondSlot(self);
        // Times are 32 bits, the ratio 48.
        // forge-lint: disable-next-line(unsafe-typecast)
        (uint32 refreshedAt, uint48 ratio) = (uint32(slot >> REFRESHED_AT), uint48(slot >> SEASONED));
        if (refreshedAt == 0 || ratio >= OUTDATED || _since(refreshedAt) > maxNavAgeSeconds) return (false, 0, 0);
        uint256 supply = slot & MAX_SUPPLY;
        // Below 2^145.
        unchecked {
            nav = checkpointNav(self, supply + virtualShares);
        }
        // Nobody holds a share: nothing is seasoned.
        if (supply == 0) return (true, nav, 0);
        base = _ratioOf(slot, seasoningSeconds);
        // The ratio is below 2^47.
        unchecked {
            base = nav >> 208 == 0 ? nav * base / SEASONED_ONE : Math.mulDiv(nav, base, SEASONED_ONE);
        }
        return (true, nav, base);
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
    function accrue(NavStorage storage self, uint256 supplyBefore, uint256 supplyAfter) internal {
        if (supplyAfter > MAX_SUPPLY) revert ITreasuryVault.SupplyExceeded(supplyAfter, MAX_SUPPLY);
        uint256 slot = _secondSlot(self);
        uint256 ratio = _ratioAfter(slot, self.seasoningSeconds, supplyBefore, supplyAfter);
        // Supply as checked; the ratio is at most 1e14 < 2^47.
        uint256 kept = slot & ((uint256(type(uint32).max) << REFRESHED_AT) | (uint256(OUTDATED) << SEASONED));
        slot = supplyAfter | (ratio << SEASONED) | kept | (uint256(_now()) << ACCRUED_AT);
        assembly ("memory-safe") {
            sstore(add(self.slot, 1), slot)
        }
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
        // A change of unit: 1e18 is a multiple of 1e14.
        // slither-disable-next-line divide-before-multiply
        state.seasonedWad = _seasonedRatio(self, self.supply, seen.supply) * (1e18 / SEASONED_ONE);
        state.markPrice = Price.unpack(seen.mark);
        state.observationPrice = Price.unpack(seen.observation);
        state.previousPrice = Price.unpack(seen.previous);
        if (self.refreshedAt != 0) state.refreshedAt = block.timestamp - _since(self.refreshedAt);
        state.isEntryOpen = seen.isOpen;
        state.isReadable = seen.isReadable;
    }

    /// @dev Fills positions, the sum of their values and readability; returns what written-off strategies report.
    function _readPositions(Observation memory seen) private view returns (uint256 writtenOff) {
        uint256[] memory settings = seen.settings;
        uint256 count = settings.count();
        uint256[] memory shares = new uint256[](count);
        uint256[] memory worths = new uint256[](count);
        uint256 live = 0;
        uint256 unreadable = 0;
        // No sum overflows: 32 amounts of at most 2^128 − 1.
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                uint256 entry = settings.entryWord(i);
                // The lowest 160 bits.
                // forge-lint: disable-next-line(unsafe-typecast)
                (bool isRead, uint256 held, uint256 worth) = SafeStrategyCall.tryPosition(address(uint160(entry)));
                assembly ("memory-safe") {
                    // Both arrays have `count` members.
                    let place := shl(5, add(i, 1))
                    mstore(add(shares, place), held)
                    mstore(add(worths, place), worth)
                }
                if (entry >> 160 == uint256(StrategyStatus.WrittenOff)) {
                    writtenOff += worth;
                } else {
                    live += worth;
                    if (!isRead) unreadable += 1;
                }
            }
        }
        (seen.shares, seen.worths, seen.live, seen.isReadable) = (shares, worths, live, unreadable == 0);
    }

    function _liveOf(uint256 positions, uint256 idle) private pure returns (uint256 live) {
        if (idle > Price.MAX_ASSETS) return Price.MAX_ASSETS;
        // Positions are below 2^133 together.
        unchecked {
            live = positions + idle;
        }
        if (live > Price.MAX_ASSETS) return Price.MAX_ASSETS;
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
        _unpack(self.prices, seen);
        uint256 fee = _managementShares(self, seen.settings, seen.supply);
        if (fee != 0) {
            seen.managementShares = fee;
            _dilute(seen, fee);
        }
        live = Price.ofUp(seen.live, seen.units);
        uint256 elapsed = _since(seen.refreshedAt);
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
        returns (uint256)
    {
        return _ratioAfter(_secondSlot(self), self.seasoningSeconds, supplyBefore, supplyAfter);
    }

    function _ratioAfter(uint256 slot, uint256 seasoning, uint256 supplyBefore, uint256 supplyAfter)
        private
        view
        returns (uint256 ratio)
    {
        if (supplyBefore == 0 || supplyAfter == 0) return 0;
        ratio = _ratioOf(slot, seasoning);
        if (supplyAfter == supplyBefore) return ratio;
        // The product is below 2^47 × 2^144.
        unchecked {
            ratio = ratio * supplyBefore / supplyAfter;
        }
        if (ratio > SEASONED_ONE) return SEASONED_ONE;
    }

    /// @dev The same for a supply that does not change.
    function _ratioOf(uint256 slot, uint256 seasoning) private view returns (uint256 ratio) {
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (seasoning == 0) return SEASONED_ONE;
        // The product is below 2^32 × 2^47.
        unchecked {
            // The highest 32 bits.
            // forge-lint: disable-next-line(unsafe-typecast)
            uint256 elapsed = _since(uint32(slot >> ACCRUED_AT));
            ratio = ((slot >> SEASONED) & (OUTDATED - 1)) + elapsed * SEASONED_ONE / seasoning;
        }
        if (ratio > SEASONED_ONE) return SEASONED_ONE;
    }

    function _secondSlot(NavStorage storage self) private view returns (uint256 slot) {
        assembly ("memory-safe") {
            slot := sload(add(self.slot, 1))
        }
    }

    /// @dev ⌊supply × ((1 − m)^(−seconds) − 1)⌋ since the last accrual; nothing without a recipient. Where
    /// that is
    /// zero, no accrual is stored, so that refreshing every second starves no fee above a share a second.
    function _managementShares(NavStorage storage self, uint256[] memory settings, uint256 supply)
        private
        view
        returns (uint256)
    {
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
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
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
        (, uint256 feeBps) = seen.settings.feesBps();
        if (feeBps != 0) {
            uint256 exponent = Exponential.lnDown(price, highWater) * feeBps / BPS;
            uint256 most = seen.units + MAX_SUPPLY - seen.supply;
            seen.performanceShares = Exponential.timesExpDown(seen.units, exponent, most) - seen.units;
            _dilute(seen, seen.performanceShares);
            // Not the diluted float, which may lie above: a second refresh in this block shall find the same.
            seen.observation = Price.ofUp(seen.live, seen.units);
            // A mark at or above the live price stays there: both are divided by the same, and rounded up.
            (markPrice, livePrice) = (Price.unpack(seen.mark), Price.unpack(seen.observation));
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
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (livePacked == markPacked) return markPacked;
        uint256 mark = Price.unpack(markPacked);
        uint256 live = Price.unpack(livePacked);
        uint256 earlier = Price.unpack(earlierPacked);
        if (live > mark) {
            uint256 growth = Price.mulDivSaturating(mark, settings.maxGrowthWad() * elapsed, 1 days * 1e18);
            uint64 grown = Price.packDown(Math.saturatingAdd(mark, growth));
            return Price.unpack(grown) < live ? grown : livePacked;
        }
        // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
        // slither-disable-next-line incorrect-equality
        if (live == mark || earlier >= mark) return markPacked;
        uint256 halt = Math.max(settings.entryHaltSeconds(), 1);
        uint256 rate = settings.maxDrawdownBps() * Math.min(elapsed, MAX_FALL_SECONDS);
        uint256 fall = Math.min(Price.mulDivSaturating(mark, rate, BPS * halt), mark);
        return Price.packUp(Math.max(mark - fall, Math.max(live, earlier)));
    }

    /// @dev Lowest live price at which entries are open.
    function _entryFloor(uint256[] memory settings, uint256 markPrice) private pure returns (uint256) {
        return Price.mulDivUp(markPrice, BPS - settings.maxDrawdownBps(), BPS);
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

    function _packed(Observation memory seen) private pure returns (uint256) {
        return uint256(seen.mark) | (uint256(seen.observation) << 64) | (uint256(seen.previous) << 128)
            | (uint256(seen.highWater) << 192);
    }

    function _unpack(uint256 prices, Observation memory seen) private pure {
        // 64 bits each.
        // forge-lint: disable-next-line(unsafe-typecast)
        (seen.mark, seen.observation) = (uint64(prices), uint64(prices >> 64));
        // forge-lint: disable-next-line(unsafe-typecast)
        (seen.previous, seen.highWater) = (uint64(prices >> 128), uint64(prices >> 192));
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
