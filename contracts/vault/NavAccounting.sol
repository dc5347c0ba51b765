// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ExitEntry, NavParameters, NavState} from "../types/Nav.sol";
import {StrategyStatus} from "../types/Policy.sol";
import {Balance} from "./Balance.sol";
import {Price} from "./Price.sol";
import {SafeStrategyCall} from "./SafeStrategyCall.sol";

/// @dev All that the vault prices by. The first two slots are the hot ones.
/// @param mark, observation, previous Prices, packed; `previous` is the last observation of a timestamp before
/// `refreshedAt`. @param highWater Price above which performance fees are due; unused while there are no fees.
/// @param seasonedRatio Seasoned supply ÷ supply at `accruedAt`, 1e14 = all, rounded down.
/// @param refreshedAt, accruedAt Unix times of the last refresh and of the last accrual.
/// @param isOutdated Whether the exit list changed since the last refresh.
struct NavStorage {
    uint64 mark;
    uint64 observation;
    uint64 previous;
    uint64 highWater;
    uint48 seasonedRatio;
    uint40 refreshedAt;
    uint40 accruedAt;
    bool isOutdated;
    NavParameters parameters;
    ExitEntry[] exitList;
}

/// @dev What was read of one strategy. Balance and value are zero if it could not be read.
struct Position {
    address strategy;
    StrategyStatus status;
    uint256 shares;
    uint256 assets;
}

/// @dev The vault as if refreshed now. Prices are unpacked; `units` is supply + virtual shares.
struct Observation {
    Position[] positions;
    uint256 idle;
    uint256 live;
    uint256 nav;
    uint256 entry;
    uint256 supply;
    uint256 units;
    uint64 mark;
    uint64 observation;
    uint64 previous;
    bool isReadable;
    bool isOpen;
}

/// @title Net asset value
/// @notice Mark, observations, seasoning and the two prices that follow from them: NAV for exits and limits, and the
/// dearer one for entries. Reads are separate from writes: `observe` tells what a refresh would give, `commit` stores
/// it.
library NavAccounting {
    uint256 internal constant SEASONED_ONE = 1e14;
    /// @dev Longest time for which one refresh lets the mark fall.
    uint256 internal constant MAX_FALL_SECONDS = 1 hours;

    uint256 private constant BPS = 10_000;

    /// @notice The vault as if it were refreshed in this block. Never reverts because of a strategy.
    function observe(NavStorage storage self, IERC20 asset, uint256 supply, uint256 virtualShares)
        internal
        view
        returns (Observation memory seen)
    {
        uint256 writtenOff = _readPositions(self, seen);
        seen.idle = Balance.held(asset);
        seen.live = Math.min(Math.saturatingAdd(seen.live, seen.idle), Price.MAX_ASSETS);
        seen.supply = supply;
        seen.units = supply + virtualShares;

        uint64 livePacked = Price.ofUp(seen.live, seen.units);
        uint256 livePrice = Price.unpack(livePacked);
        uint256 reported = Math.saturatingAdd(seen.live, writtenOff);
        if (supply == 0) {
            // Nobody holds a share: there is nothing to protect from a jump, and every price starts anew.
            (seen.mark, seen.observation, seen.previous) = (livePacked, livePacked, livePacked);
            (seen.nav, seen.entry, seen.isOpen) = (seen.live, reported, seen.isReadable);
            return seen;
        }

        // Only later or not: how much a refresh may move is bounded by the time that passed.
        // forge-lint: disable-next-line(block-timestamp)
        bool isLater = self.refreshedAt < block.timestamp;
        uint64 earlier = isLater ? self.observation : self.previous;
        (seen.mark, seen.observation, seen.previous) = (self.mark, self.observation, self.previous);
        if (seen.isReadable) {
            if (isLater) seen.mark = _follow(self, livePacked, earlier);
            seen.observation = livePacked;
            seen.previous = earlier;
        }
        uint256 markPrice = Price.unpack(seen.mark);
        seen.nav = Math.min(seen.live, Price.assetsDown(markPrice, seen.units));
        seen.entry = Math.max(
            reported,
            Math.max(_above(markPrice, livePrice, seen.units), _above(Price.unpack(earlier), livePrice, seen.units))
        );
        seen.isOpen = seen.isReadable && livePrice >= _entryFloor(self, markPrice);
    }

    /// @notice Stores what `observe` gave. With an unreadable strategy nothing moves.
    /// @return hasMoved Whether the mark did.
    function commit(NavStorage storage self, Observation memory seen) internal returns (bool hasMoved) {
        if (!seen.isReadable) return false;
        hasMoved = self.mark != seen.mark;
        self.mark = seen.mark;
        self.observation = seen.observation;
        self.previous = seen.previous;
        self.refreshedAt = uint40(block.timestamp);
        self.isOutdated = false;
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
        return refreshedAt != 0 && !self.isOutdated && block.timestamp - refreshedAt <= self.parameters.maxNavAgeSeconds;
    }

    /// @notice Seasoned supply ÷ supply now, 1e14 = all.
    function seasonedRatio(NavStorage storage self) internal view returns (uint256) {
        uint256 seasoning = self.parameters.seasoningSeconds;
        if (seasoning == 0) return SEASONED_ONE;
        uint256 gained = (block.timestamp - self.accruedAt) * SEASONED_ONE / seasoning;
        return Math.min(self.seasonedRatio + gained, SEASONED_ONE);
    }

    /// @notice base = NAV × seasoned share of supply.
    function baseOf(NavStorage storage self, uint256 nav, uint256 supply) internal view returns (uint256) {
        return supply == 0 ? 0 : Math.mulDiv(nav, seasonedRatio(self), SEASONED_ONE);
    }

    /// @notice Carries seasoning over a change of supply: new shares are unseasoned, and burned ones are taken from the
    /// unseasoned part first, so that capital which passes through leaves no trace.
    function accrue(NavStorage storage self, uint256 supplyBefore, uint256 supplyAfter) internal {
        uint256 ratio = supplyBefore == 0 ? 0 : seasonedRatio(self);
        if (supplyAfter != supplyBefore) {
            ratio = supplyAfter == 0 ? 0 : Math.min(Math.mulDiv(ratio, supplyBefore, supplyAfter), SEASONED_ONE);
        }
        // At most 1e14 < 2^48.
        // forge-lint: disable-next-line(unsafe-typecast)
        self.seasonedRatio = uint48(ratio);
        self.accruedAt = uint40(block.timestamp);
    }

    /// @notice The public form of an observation.
    function stateOf(NavStorage storage self, Observation memory seen) internal view returns (NavState memory state) {
        state.liveAssets = seen.live;
        state.navAssets = seen.nav;
        state.entryAssets = seen.entry;
        state.baseAssets = baseOf(self, seen.nav, seen.supply);
        state.supply = seen.supply;
        state.seasonedWad = seen.supply == 0 ? 0 : seasonedRatio(self) * (1e18 / SEASONED_ONE);
        state.markPrice = Price.unpack(seen.mark);
        state.observationPrice = Price.unpack(seen.observation);
        state.previousPrice = Price.unpack(seen.previous);
        state.refreshedAt = self.refreshedAt;
        state.isEntryOpen = seen.isOpen;
        state.isReadable = seen.isReadable;
    }

    /// @dev Fills positions, the sum of their values and readability; returns what written-off strategies report.
    function _readPositions(NavStorage storage self, Observation memory seen)
        private
        view
        returns (uint256 writtenOff)
    {
        uint256 count = self.exitList.length;
        seen.positions = new Position[](count);
        seen.isReadable = true;
        for (uint256 i = 0; i < count; ++i) {
            ExitEntry memory entry = self.exitList[i];
            Position memory position = seen.positions[i];
            (position.strategy, position.status) = (entry.strategy, entry.status);
            bool isRead = _readPosition(position);
            if (entry.status == StrategyStatus.WrittenOff) {
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

    /// @dev Where the mark goes at the first refresh of a timestamp.
    function _follow(NavStorage storage self, uint64 livePacked, uint64 earlierPacked) private view returns (uint64) {
        uint256 mark = Price.unpack(self.mark);
        uint256 live = Price.unpack(livePacked);
        uint256 earlier = Price.unpack(earlierPacked);
        uint256 elapsed = block.timestamp - self.refreshedAt;
        if (live > mark) {
            uint256 growth = Price.mulDivSaturating(mark, self.parameters.maxGrowthWad * elapsed, 1 days * 1e18);
            uint64 grown = Price.packDown(Math.saturatingAdd(mark, growth));
            return Price.unpack(grown) < live ? grown : livePacked;
        }
        if (live == mark || earlier >= mark) return self.mark;
        uint256 halt = Math.max(self.parameters.entryHaltSeconds, 1);
        uint256 rate = uint256(self.parameters.maxDrawdownBps) * Math.min(elapsed, MAX_FALL_SECONDS);
        uint256 fall = Math.min(Price.mulDivSaturating(mark, rate, BPS * halt), mark);
        return Price.packUp(Math.max(mark - fall, Math.max(live, earlier)));
    }

    /// @dev Lowest live price at which entries are open.
    function _entryFloor(NavStorage storage self, uint256 markPrice) private view returns (uint256) {
        uint256 kept = BPS - Math.min(self.parameters.maxDrawdownBps, BPS);
        return Math.mulDiv(markPrice, kept, BPS, Math.Rounding.Ceil);
    }

    /// @dev Assets by a price that stands above the live one, else zero: where it does not, the live value itself is
    /// the larger, and the float's rounding must not charge the entrant a unit for nothing.
    function _above(uint256 price, uint256 livePrice, uint256 units) private pure returns (uint256) {
        return price > livePrice ? Price.assetsUp(price, units) : 0;
    }
}
