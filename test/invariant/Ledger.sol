// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {ExitEntry, NavState} from "../../contracts/types/Nav.sol";
import {Limits, StrategyStatus} from "../../contracts/types/Policy.sol";
import {Reading} from "./Reading.sol";
import {Shadow} from "./Shadow.sol";
import {WorldStrategy} from "./mocks/WorldStrategy.sol";

/// @notice Who has what, at true prices: what strategies really hold, whatever they report. And how fast prices moved.
abstract contract Ledger is Shadow {
    uint256 internal constant ONE = 1 << 128;
    /// @dev A leg of an exit leaves at most one unit of rounding, and so does a share price read at either end.
    uint256 internal constant ROUNDING = 4;

    /// @notice What a trade of somebody's own may bring at most, and cost the others, by the residues of the design.
    struct Residue {
        uint256 gain;
        uint256 loss;
    }

    address private _trader;
    uint256 private _sharesBefore;
    mapping(address person => uint256) private _wealthBefore;
    uint256[STRATEGIES] private _positionsBefore;
    uint256[STRATEGIES] private _cashBefore;

    /// @notice All that strategies gained for good, and gifts: no one's gain can come from anywhere else.
    uint256 public yield;
    /// @notice Money that a person was given from outside.
    mapping(address person => uint256) public given;
    /// @notice Sums of what the residues were worth to the outsider, each at its largest.
    uint256 public residueOfUnusedGrowth;
    uint256 public residueOfUnfallenLoss;
    uint256 public residueOfHiddenGain;
    uint256 public residueOfPushedLegs;
    uint256 public residueOfOvercharge;
    uint256 public residueOfGainsLeftBehind;
    uint256 public residueOfFeesLeftBehind;

    /// @notice Highest and lowest that the stored mark can stand at, and since when.
    uint256 public markAtMost;
    uint256 public markAtLeast;
    uint256 public markAt;
    uint256 private _refreshedAt;
    uint256 private _unitsSeen;
    uint256 private _fewestUnits;
    uint256 private _feeSharesSince;
    uint256 private _highWaterStored;
    uint256 private _feesAt;
    /// @notice Fee shares minted so far.
    uint256 public feeShares;

    constructor() {
        expectProperty("property_NavPerShareGrowsNoFasterThanAllowed");
        expectProperty("property_TheMarkFallsNoFasterThanAllowed");
    }

    // Money

    function give(address person, uint256 amount) public override {
        super.give(person, amount);
        given[person] += amount;
    }

    /// @notice Remembers value that came from outside.
    function recordYield(uint256 assets) external {
        yield += assets;
    }

    /// @notice Remembers an entry for somebody else: what was paid above the true price of the shares stays with those
    /// who are in. For an entry of one's own the trade tells.
    /// @param price True price before.
    function recordGift(uint256 price, uint256 assets, uint256 shares) external {
        residueOfOvercharge += Math.saturatingSub(assets, Math.mulDiv(shares, price, ONE));
    }

    /// @notice Idle and all positions at true prices, in the strategies that the open policy lists. Shares of others
    /// that somebody gave to the vault belong to nobody until a policy lists them.
    function trueValue() public view returns (uint256 value) {
        value = asset.balanceOf(address(vault));
        for (uint256 i = 0; i < LISTED; ++i) {
            value += strategies[i].trueAssetsOf(address(vault));
        }
    }

    /// @notice The same after all exit fees.
    function trueValueAfterFees() public view returns (uint256 value) {
        value = asset.balanceOf(address(vault));
        for (uint256 i = 0; i < LISTED; ++i) {
            value += _afterFee(strategies[i], strategies[i].trueAssetsOf(address(vault)));
        }
    }

    /// @notice What the strategies in force report, with idle; unreadable and written-off ones count zero.
    function reportedValue() public view returns (uint256 value) {
        value = asset.balanceOf(address(vault));
        if (inForce.length == 0) return value;
        ExitEntry[] memory list = vault.exitList();
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i].status == StrategyStatus.WrittenOff) continue;
            value += Reading.reported(WorldStrategy(list[i].strategy), address(vault));
        }
    }

    /// @notice Shares and virtual shares, with those that fees have earned.
    function units() public view returns (uint256) {
        return vault.navState().supply + VIRTUAL_SHARES;
    }

    /// @notice (assets + 1) × 2^128 ÷ (shares + virtual shares), at true prices.
    function truePrice() public view returns (uint256) {
        return Math.mulDiv(trueValue() + 1, ONE, units());
    }

    /// @notice All that a person has, at true prices.
    function wealth(address person, uint256 price) public view returns (uint256 assets) {
        uint256 shares = vault.balanceOf(person);
        // Fees that are due belong to their recipient, minted or not.
        if (person == TREASURER) shares += vault.navState().pendingFeeShares;
        assets = asset.balanceOf(person) + Math.mulDiv(shares, price, ONE);
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            assets += strategies[i].trueAssetsOf(person);
        }
    }

    // Trades: what a person does to get in or out. Nothing else happens between `open` and `close`.

    function open(address trader) external {
        (_trader, _sharesBefore) = (trader, vault.balanceOf(trader));
        uint256 price = truePrice();
        for (uint256 i = 0; i < peopleCount(); ++i) {
            _wealthBefore[people[i]] = wealth(people[i], price);
        }
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            _positionsBefore[i] = strategies[i].trueAssetsOf(address(vault));
            _cashBefore[i] = asset.balanceOf(address(strategies[i]));
        }
    }

    /// @notice Ends a trade at honest prices: nobody's purse is touched but by rounding.
    function close() external {
        _close(Residue(0, 0));
    }

    /// @notice Ends a trade at pushed prices.
    /// @param residue What the design leaves to such a trade, beside what legs at a pushed price cost.
    function closePushed(Residue memory residue) external {
        uint256 legs = 0;
        uint256 overpaid = 0;
        for (uint256 i = 0; i < STRATEGIES; ++i) {
            uint256 paid = Math.saturatingSub(_cashBefore[i], asset.balanceOf(address(strategies[i])));
            uint256 given_ = Math.saturatingSub(_positionsBefore[i], strategies[i].trueAssetsOf(address(vault)));
            legs += Math.saturatingSub(given_, paid);
            overpaid += Math.saturatingSub(paid, given_);
        }
        residueOfPushedLegs += legs;
        // What a venue pays above the true price is the loss of its other depositors, not of this treasury's.
        yield += overpaid;
        _close(Residue(residue.gain + legs + overpaid, residue.loss + legs));
    }

    /// @notice Ends an exit in kind, which pays the management fee and leaves the performance fee behind: part of what
    /// has not been taken yet.
    function closeInKind(uint256 residue) external {
        residueOfFeesLeftBehind += residue;
        _close(Residue(residue, residue));
    }

    /// @notice What shares gain at most by leaving while fees have not been taken yet. To be asked before.
    function residueOfFees(uint256 shares) external view returns (uint256) {
        uint256 pending = vault.navState().pendingFeeShares;
        uint256 worth = Math.mulDiv(trueValue() + 1, shares, vault.totalSupply() + VIRTUAL_SHARES, Math.Rounding.Ceil);
        return Math.mulDiv(worth, pending, vault.totalSupply() + VIRTUAL_SHARES, Math.Rounding.Ceil);
    }

    function _close(Residue memory residue) private {
        uint256 price = truePrice();
        uint256 others = 0;
        uint256 othersBefore = 0;
        for (uint256 i = 0; i < peopleCount(); ++i) {
            uint256 now_ = wealth(people[i], price);
            if (people[i] == _trader) {
                property_NobodyGainsByATradeOfTheirOwn(_wealthBefore[people[i]], now_, residue.gain);
                _recordLoss(Math.saturatingSub(_wealthBefore[people[i]], now_));
            } else {
                others += now_;
                othersBefore += _wealthBefore[people[i]];
            }
        }
        property_NobodyLosesByATradeOfOthers(othersBefore, others, residue.loss);
    }

    /// @dev What a trade cost its maker stays with those who are in, the outsider perhaps among them: the overcharge of
    /// an entrant, or what a leaver had no claim to yet (2.1) and venues' fees brought back.
    function _recordLoss(uint256 lost) private {
        if (_trader == OUTSIDER) return;
        if (vault.balanceOf(_trader) > _sharesBefore) residueOfOvercharge += lost;
        else residueOfGainsLeftBehind += lost;
    }

    function property_NobodyGainsByATradeOfTheirOwn(uint256 before, uint256 now_, uint256 residue) private {
        assertLe(now_, before + residue + ROUNDING, "a trade brought a gain");
        if (now_ < before) count("property_NobodyGainsByATradeOfTheirOwn");
    }

    function property_NobodyLosesByATradeOfOthers(uint256 before, uint256 now_, uint256 residue) private {
        // Rounding once more for each person, whose shares are valued one by one.
        assertGe(now_ + residue + ROUNDING + peopleCount(), before, "a trade was paid by others");
        if (before > UNIT) count("property_NobodyLosesByATradeOfOthers");
    }

    /// @dev From the first day on, by what went in and what is there. The outsider may have earned no more than all
    /// that was ever given to the treasury, and what the residues are worth.
    function property_AnOutsiderTakesNothingButYield() internal {
        uint256 now_ = wealth(OUTSIDER, truePrice());
        uint256 residues = residueOfUnusedGrowth + residueOfUnfallenLoss + residueOfHiddenGain + residueOfPushedLegs
            + residueOfOvercharge + residueOfGainsLeftBehind + residueOfFeesLeftBehind;
        assertLe(now_, given[OUTSIDER] + yield + residues + UNIT, "an outsider took more than yield");
        if (given[OUTSIDER] != 0) count("property_AnOutsiderTakesNothingButYield");
    }

    // Prices

    /// @notice What shares gain at most if the live price is pushed up now: to the highest mark that time allows.
    function residueOfPushUp(uint256 shares) external returns (uint256 assets) {
        uint256 price = truePrice();
        uint256 stored = Math.max(markAtMost, price);
        uint256 unused = Math.mulDiv(shares, Math.saturatingSub(highestMark(), stored), ONE, Math.Rounding.Ceil);
        uint256 unfallen = Math.mulDiv(shares, stored - price, ONE, Math.Rounding.Ceil);
        residueOfUnusedGrowth += unused;
        residueOfUnfallenLoss += unfallen;
        return unused + unfallen;
    }

    /// @notice What shares bought while the live price is pushed down are worth more than the dearest of lowest mark
    /// and the observation of an earlier block.
    /// @param earlier That observation, read before the push.
    function residueOfPushDown(uint256 shares, uint256 earlier) external returns (uint256 assets) {
        uint256 price = truePrice();
        uint256 floor_ = Math.max(lowestMark(), earlier);
        assets = Math.mulDiv(shares, Math.saturatingSub(price, floor_), ONE, Math.Rounding.Ceil);
        residueOfHiddenGain += assets;
    }

    /// @notice What a leaver's push down puts off. The exit is refreshed at the pushed price: of the performance fee
    /// that was due at the true one it takes a part, and what the mark would have grown since the last refresh it does
    /// not grow. The rest is due again when the mark gets there, and until then it is everybody's: the recipient's loss
    /// is made up for to the others, but not the part of the leaver's other shares and of those that nobody owns.
    /// To be asked under the push.
    /// @param pending Fee shares due before the push. @param price True price before it.
    function residueOfDeferredFees(address leaver, uint256 shares, uint256 pending, uint256 price)
        external
        view
        returns (Residue memory)
    {
        NavState memory state = vault.navState();
        uint256 put = Math.mulDiv(Math.saturatingSub(pending, state.pendingFeeShares), price, ONE, Math.Rounding.Ceil);
        uint256 left = state.supply + VIRTUAL_SHARES - shares;
        uint256 kept = vault.balanceOf(leaver) - shares;
        uint256 unowned = vault.balanceOf(address(vault)) + VIRTUAL_SHARES;
        return Residue(
            Math.mulDiv(put, kept, left, Math.Rounding.Ceil), Math.mulDiv(put, kept + unowned, left, Math.Rounding.Ceil)
        );
    }

    /// @notice The highest that the mark can have grown to by now.
    function highestMark() public view returns (uint256) {
        uint256 growth = limits().maxGrowthWad;
        return markAtMost + Math.mulDiv(markAtMost, growth * (block.timestamp - markAt), 1e18 * 1 days);
    }

    /// @notice The lowest that the mark can have fallen to by now: one refresh, one hour's fall.
    function lowestMark() public view returns (uint256) {
        Limits memory parameters = limits();
        uint256 elapsed = Math.min(block.timestamp - markAt, 1 hours);
        uint256 fall = Math.mulDiv(
            markAtLeast, parameters.maxDrawdownBps * elapsed, BPS * parameters.entryHaltSeconds, Math.Rounding.Ceil
        );
        return Math.saturatingSub(markAtLeast, fall);
    }

    /// @notice Starts watching the mark, at a time at which the vault was refreshed.
    function watchMark() public {
        NavState memory state = vault.navState();
        assertEq(state.refreshedAt, block.timestamp, "refresh first");
        _remember(state);
        (_feesAt, _highWaterStored) = (block.timestamp, state.highWaterPrice);
    }

    /// @dev Reads what fees were taken since the last refresh.
    function _digestVault(Vm.Log memory entry) internal override {
        if (entry.topics[0] != ITreasuryVault.FeesAccrued.selector || markAt == 0) return;
        (uint256 management, uint256 performance) = abi.decode(entry.data, (uint256, uint256));
        property_FeesStayInsideTheFormula(management, performance);
        _feeSharesSince += management + performance;
        feeShares += management + performance;
    }

    /// @dev Management: (1 − m)^(−t) − 1 of the supply lies between x and x + x², with x = m × t. Performance:
    /// (p ÷ H)^f − 1 is at most f × (p − H) ÷ H, and p is at most the highest mark. However often it is taken.
    function property_FeesStayInsideTheFormula(uint256 management, uint256 performance) private {
        Limits memory in_ = limits();
        uint256 most = Math.max(_unitsSeen + _feeSharesSince, vault.totalSupply() + VIRTUAL_SHARES);
        uint256 xWad = Math.mulDiv(
            uint256(in_.managementFeeBps) * (block.timestamp - _feesAt), 1e18, BPS * 365 days, Math.Rounding.Ceil
        );
        // A unit a second of what is cut off below 1e-18.
        xWad += xWad * xWad / 1e18 + block.timestamp - _feesAt + 1;
        assertLe(management, Math.mulDiv(most, xWad, 1e18, Math.Rounding.Ceil), "management fee");
        _feesAt = block.timestamp;
        if (performance == 0) return;
        uint256 high = Math.max(highestMark(), _highWaterStored);
        uint256 gain = Math.mulDiv(high - _highWaterStored, 1e18, _highWaterStored, Math.Rounding.Ceil);
        uint256 due = Math.mulDiv(most + management, gain * in_.performanceFeeBps / BPS + 1e6, 1e18, Math.Rounding.Ceil);
        assertLe(performance, due + 1, "performance fee");
        countIfExpected("property_FeesStayInsideTheFormula");
    }

    function property_TheHighWaterMarkNeverFalls(NavState memory state) private {
        if (state.supply == 0) return;
        // A rise whose fee is less than one share shows in the view, and is stored once the fee is a share.
        assertGe(state.highWaterPrice + state.highWaterPrice / 1e13, _highWaterStored, "the high-water mark fell");
        if (state.highWaterPrice > _highWaterStored) countIfExpected("property_TheHighWaterMarkNeverFalls");
    }

    /// @notice Remembers an entry: it carries the mark up by what was paid (decision record 2).
    function recordEntry(uint256 unitsBefore, uint256 unitsAfter, uint256 assets) external {
        if (markAt == 0) return;
        uint256 before = highestMark();
        uint256 carried = Math.mulDiv(before, unitsBefore, unitsAfter) + Math.mulDiv(assets, ONE, unitsAfter) + 1;
        (markAtMost, markAtLeast, markAt) = (Math.max(before, carried), lowestMark(), block.timestamp);
    }

    /// @notice Looks at the mark. To be called after every refresh and before time passes.
    function look() public {
        if (markAt == 0) return;
        NavState memory state = vault.navState();
        property_NavPerShareGrowsNoFasterThanAllowed(state);
        property_TheMarkFallsNoFasterThanAllowed(state);
        property_TheHighWaterMarkNeverFalls(state);
        // forge-lint: disable-next-line(block-timestamp)
        if (state.refreshedAt != block.timestamp) {
            assertEq(state.refreshedAt, _refreshedAt, "looked at too late");
            // Of fewer shares, after an exit that refreshes nothing, the same fees are a greater part.
            _fewestUnits = Math.min(_fewestUnits, state.supply + VIRTUAL_SHARES);
            return;
        }
        _remember(state);
    }

    /// @dev What is stored, from what a refresh would give in the refresh's own block: the same but for fees that fell
    /// due since, by an entry that carried the mark up.
    function _remember(NavState memory state) private {
        uint256 all = state.supply + VIRTUAL_SHARES;
        markAtLeast = state.markPrice;
        markAtMost = Math.mulDiv(state.markPrice, all, all - state.pendingFeeShares, Math.Rounding.Ceil);
        markAt = block.timestamp;
        _refreshedAt = state.refreshedAt;
        (_unitsSeen, _fewestUnits, _feeSharesSince) = (all, all, 0);
        if (state.pendingFeeShares == 0) _highWaterStored = Math.max(_highWaterStored, state.highWaterPrice);
    }

    function property_NavPerShareGrowsNoFasterThanAllowed(NavState memory state) private {
        uint256 most = highestMark();
        // A float of 56 bits, rounded up.
        assertLe(state.markPrice, most + (most >> 55) + 1, "the mark grew too fast");
        uint256 navPrice = Math.mulDiv(vault.totalAssets() + 1, ONE, state.supply + VIRTUAL_SHARES);
        assertLe(navPrice, most + (most >> 55) + 1, "NAV per share grew too fast");
        assertLe(state.navAssets, state.liveAssets, "NAV above live");
        assertGe(state.entryAssets, state.liveAssets, "entries below live");
        if (state.liveAssets > state.navAssets + UNIT) count("property_NavPerShareGrowsNoFasterThanAllowed");
    }

    function property_TheMarkFallsNoFasterThanAllowed(NavState memory state) private {
        uint256 least = lowestMark();
        // Fees dilute it.
        uint256 fewest = Math.min(_fewestUnits, state.supply + VIRTUAL_SHARES);
        uint256 fees = _feeSharesSince + state.pendingFeeShares;
        least = Math.mulDiv(least, Math.saturatingSub(fewest, fees), fewest);
        assertGe(state.markPrice + (least >> 50) + 1, least, "the mark fell too fast");
        uint256 live = Math.mulDiv(state.liveAssets + 1, ONE, state.supply + VIRTUAL_SHARES);
        if (live < markAtLeast - markAtLeast / 10_000) count("property_TheMarkFallsNoFasterThanAllowed");
    }

    function passTo(uint256 at) public override {
        digest();
        look();
        super.passTo(at);
    }

    function _afterFee(WorldStrategy strategy, uint256 assets) private view returns (uint256) {
        return assets - Math.mulDiv(assets, strategy.exitFeeBps(), BPS, Math.Rounding.Ceil);
    }
}
