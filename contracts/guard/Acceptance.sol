// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PriceBands} from "./PriceBands.sol";

/// @dev One rebalance as words, in the layouts of `PolicyTable`, `PolicyStore` and `PriceReference`.
/// @param hot The table's first word.
/// @param budgets Second word of the agent's mandate.
/// @param ledger, agentLedger The vault's and the agent's slot, before; `Acceptance.settle` moves them on.
/// @param receipt Place of the vault's receipt: NAV, base, idle before and after; see `VaultCall`.
/// @param nav, base Taken from the receipt.
/// @param withdrawn, deposited Sums of the amounts of the legs either way.
/// @param loss What R12 measures.
/// @param followsPrices Whether a price reference is old enough to follow the price.
struct Course {
    uint256 hot;
    uint256 budgets;
    uint256 ledger;
    uint256 agentLedger;
    uint256 receipt;
    uint256 nav;
    uint256 base;
    uint256 withdrawn;
    uint256 deposited;
    uint256 loss;
    bool followsPrices;
}

/// @dev What one leg did, and what it is held to: two words of the table and the slot of the reference.
struct Settled {
    uint256 assets;
    uint256 valueBefore;
    uint256 value;
    uint256 sharesBefore;
    uint256 shares;
    uint256 limits;
    uint256 cap;
    uint256 reference_;
}

/// @title Whether R7 to R14 certainly hold
/// @notice One pass over the legs that answers yes only if `SettleRules.firstRefusal` would refuse nothing, and then
/// gives the same turnover, loss and levels. It never refuses: where it answers no, the rules themselves decide, and
/// name what they refuse. Groups, strategies that are not Active, and numbers too large for plain arithmetic are left
/// to them.
/// @dev Why a yes is sound. Amounts and values are below 2^120, checked before they are used; there are at most 16
/// legs; bps are below 2^16, levels at most 1e18 < 2^60 (`Budgets`). So sums stay below 2^125 and no product passes
/// 2^192; products of shares and prices are checked where they are made. In that range the saturating arithmetic of the
/// rules never saturates upwards and is this arithmetic. For whole numbers, v ≤ ⌊x ÷ y⌋ is v × y ≤ x, and
/// v ≥ ⌈x ÷ y⌉ is v × y ≥ x, which saves the divisions.
library Acceptance {
    uint256 private constant AMOUNT_BITS = 120;
    uint256 private constant PRODUCT_BITS = 240;
    uint256 private constant BPS = 10_000;
    uint256 private constant WAD = 1e18;
    /// @dev Answer of `_charge` if the charge does not fit; no level.
    uint256 private constant NO_FIT = type(uint256).max;

    // Members of a strategy's first word: status 0 is Active.
    uint256 private constant STATUS = uint256(type(uint8).max) << 88;
    uint256 private constant GROUPS = uint256(type(uint16).max) << 24;
    uint256 private constant MAX_WEIGHT = 72;
    uint256 private constant MIN_WEIGHT = 56;
    uint256 private constant PRICE_BAND = 40;
    uint256 private constant TARGET = 8;
    uint256 private constant CAP = 128;

    // Members of the hot word: objective 0 is Yield.
    uint256 private constant WINDOW = 192;
    uint256 private constant VAULT_TURNOVER = 176;
    uint256 private constant VAULT_LOSS = 160;
    uint256 private constant MIN_IDLE = 144;
    uint256 private constant OBJECTIVE = 72;
    uint256 private constant OBJECTIVE_BAND = 56;

    // Members of a mandate's second word.
    uint256 private constant AGENT_TURNOVER = 240;
    uint256 private constant AGENT_LOSS = 224;

    // Members of the ledgers, from the bottom.
    uint256 private constant VAULT_TURNOVER_AT = 64;
    uint256 private constant VAULT_LOSS_LEVEL = 104;
    uint256 private constant VAULT_LOSS_AT = 168;
    uint256 private constant VAULT_COUNT = 208;
    uint256 private constant AGENT_LOSS_LEVEL = 64;
    uint256 private constant AGENT_AT = 128;
    uint256 private constant AGENT_NONCE = 168;

    /// @notice Whether R7 to R14 certainly hold in mode Active; if so, the ledgers in `course` are what they become.
    /// @param legs Place of the legs, three words each, with three words each of what they are held to behind them all.
    /// @param count Number of legs, 1 to 16, withdrawals first.
    function settle(Course memory course, uint256 legs, uint256 count) internal view returns (bool) {
        Settled memory settled;
        unchecked {
            uint256 idle;
            uint256 idleAfter;
            {
                (uint256 receipt, uint256 nav, uint256 base) = (course.receipt, 0, 0);
                assembly ("memory-safe") {
                    nav := mload(receipt)
                    base := mload(add(receipt, 0x20))
                    idle := mload(add(receipt, 0x40))
                    idleAfter := mload(add(receipt, 0x60))
                }
                if ((nav | base | idle | idleAfter) >> AMOUNT_BITS != 0) return false;
                (course.nav, course.base) = (nav, base);
            }
            uint256 measured = course.receipt + 0xe0;
            uint256 size = count * 0x60;
            bool isDeposit;
            for (uint256 end = legs + size; legs != end; legs += 0x60) {
                assembly ("memory-safe") {
                    isDeposit := mload(add(legs, 0x20))
                    // Five words of the receipt, then three of limits.
                    mcopy(settled, measured, 0xa0)
                    mcopy(add(settled, 0xa0), add(legs, size), 0x60)
                }
                if (!(isDeposit ? _isDepositFine(course, settled) : _isWithdrawalFine(course, settled))) return false;
                measured += 0xa0;
            }
            // R11. Withdrawals come first, so the last leg tells whether anything was deposited.
            if (isDeposit && idleAfter * BPS < course.nav * _bps(course.hot, MIN_IDLE)) return false;
            idle += course.withdrawn;
            idleAfter += course.deposited;
            if (idle > idleAfter) course.loss += idle - idleAfter;
            return _chargeVault(course) && _chargeAgent(course);
        }
    }

    /// @notice The vault's rebalance count in the ledger.
    function vaultCount(Course memory course) internal pure returns (uint64) {
        // 48 bits are left.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(course.ledger >> VAULT_COUNT);
    }

    /// @notice What the reference of a leg's strategy follows, as `SettleRules.pricedAt` has it.
    function pricedAt(Course memory course, uint256 legs, uint256 count, uint256 i)
        internal
        pure
        returns (address strategy, uint256 slot, uint256 value, uint256 shares)
    {
        uint256 receipt = course.receipt;
        assembly ("memory-safe") {
            let leg := add(legs, mul(i, 0x60))
            strategy := mload(leg)
            slot := mload(add(add(leg, mul(count, 0x60)), 0x40))
            // Behind six words of head and the length; value and shares before the leg, or the ones after it.
            let measured := add(add(receipt, 0xe0), mul(i, 0xa0))
            measured := add(measured, shl(5, mload(add(leg, 0x20))))
            value := mload(add(measured, 0x20))
            shares := mload(add(measured, 0x60))
        }
    }

    /// @dev R8, R13 and R14, and that R9 has nothing to say.
    function _isDepositFine(Course memory course, Settled memory leg) private view returns (bool) {
        unchecked {
            (uint256 limits, uint256 value) = (leg.limits, leg.value);
            uint256 assets = leg.assets;
            uint256 due = leg.valueBefore;
            if ((assets | due | value) >> AMOUNT_BITS != 0 || limits & (STATUS | GROUPS) != 0) return false;
            course.deposited += assets;
            due += assets;
            if (due > value) course.loss += due - value;

            uint256 cap = leg.cap >> CAP;
            uint256 most = course.base * _bps(limits, MAX_WEIGHT);
            // A limit of zero allows no deposit at all.
            if (value > cap || value * BPS > most || cap == 0 || most < BPS) return false;
            return _isPriceFine(course, leg, value, leg.shares, true) && _isObjectiveFine(course, leg);
        }
    }

    /// @dev R10, R13 and R14.
    function _isWithdrawalFine(Course memory course, Settled memory leg) private view returns (bool) {
        unchecked {
            (uint256 assets, uint256 before, uint256 value) = (leg.assets, leg.valueBefore, leg.value);
            if ((assets | before | value) >> AMOUNT_BITS != 0) return false;
            uint256 limits = leg.limits;
            // A withdrawal's groups are not looked at.
            if (limits & STATUS != 0) return false;
            course.withdrawn += assets;
            assets += value;
            if (before > assets) course.loss += before - assets;

            if (value * BPS < course.nav * _bps(limits, MIN_WEIGHT)) return false;
            return _isPriceFine(course, leg, before, leg.sharesBefore, false) && _isObjectiveFine(course, leg);
        }
    }

    /// @dev R13 as `PriceBands.check` has it, for references below 2^208 and where shares × price stays below 2^240:
    /// both bounds are at most 2 × price + 1, so what they are multiplied to stays inside the word. Notes whether the
    /// reference can follow the price.
    function _isPriceFine(Course memory course, Settled memory leg, uint256 value, uint256 shares, bool isDeposit)
        private
        view
        returns (bool)
    {
        unchecked {
            uint256 price = leg.reference_;
            // forge-lint: disable-next-line(block-timestamp)
            if (block.timestamp >= (price & type(uint40).max) + PriceBands.FOLLOW_SECONDS) course.followsPrices = true;
            // The exponent of the float.
            if ((price >> 40) & type(uint8).max != 0) return false;
            price >>= 48;
            uint256 product = shares * price;
            if (product >> PRODUCT_BITS != 0 || price == 0 || product / price != shares) return false;

            uint256 band = _bps(leg.limits, PRICE_BAND);
            // As PriceBands rounds, which the rules use.
            // slither-disable-next-line divide-before-multiply
            uint256 low = price * (BPS - band) / BPS;
            if (shares * low > (value + 1) << 128) return false;
            if (!isDeposit) return true;
            // As PriceBands rounds, which the rules use.
            // slither-disable-next-line divide-before-multiply
            uint256 high = (price * (BPS + band) + (BPS - 1)) / BPS;
            return value <= (shares * high >> 128) + 1;
        }
    }

    /// @dev R14, if the objective is target weights.
    function _isObjectiveFine(Course memory course, Settled memory leg) private pure returns (bool) {
        unchecked {
            uint256 hot = course.hot;
            if ((hot >> OBJECTIVE) & type(uint8).max == 0) return true;
            uint256 band = _bps(hot, OBJECTIVE_BAND);
            uint256 target = _bps(leg.limits, TARGET);
            (uint256 before, uint256 shares) = (leg.sharesBefore, leg.shares);
            if (shares > before) {
                target += band;
                return leg.value * BPS <= course.nav * (target < BPS ? target : BPS);
            }
            return shares == before || target <= band || leg.value * BPS >= course.nav * (target - band);
        }
    }

    /// @dev The vault's part of R7 and R12: its slot with both levels, their time and the count.
    function _chargeVault(Course memory course) private view returns (bool) {
        unchecked {
            (uint256 hot, uint256 ledger) = (course.hot, course.ledger);
            uint256 window = (hot >> WINDOW) & type(uint32).max;
            uint256 turnover = _charge(
                _leaked(ledger & type(uint64).max, (ledger >> VAULT_TURNOVER_AT) & type(uint40).max, window),
                course.base * _bps(hot, VAULT_TURNOVER) / BPS,
                course.withdrawn + course.deposited
            );
            uint256 loss = _charge(
                _leaked(
                    (ledger >> VAULT_LOSS_LEVEL) & type(uint64).max,
                    (ledger >> VAULT_LOSS_AT) & type(uint40).max,
                    window
                ),
                course.base * _bps(hot, VAULT_LOSS) / BPS,
                course.loss
            );
            // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
            // slither-disable-next-line incorrect-equality
            if (turnover == NO_FIT || loss == NO_FIT) return false;
            course.ledger = turnover | (block.timestamp << VAULT_TURNOVER_AT) | (loss << VAULT_LOSS_LEVEL)
                | (block.timestamp << VAULT_LOSS_AT) | (((ledger >> VAULT_COUNT) + 1) << VAULT_COUNT);
            return true;
        }
    }

    /// @dev The agent's part of R7 and R12: its slot with both levels, their time and the nonce.
    function _chargeAgent(Course memory course) private view returns (bool) {
        unchecked {
            (uint256 budgets, uint256 ledger) = (course.budgets, course.agentLedger);
            uint256 window = (course.hot >> WINDOW) & type(uint32).max;
            uint256 at = (ledger >> AGENT_AT) & type(uint40).max;
            uint256 turnover = _charge(
                _leaked(ledger & type(uint64).max, at, window),
                course.base * (budgets >> AGENT_TURNOVER) / BPS,
                course.withdrawn + course.deposited
            );
            uint256 loss = _charge(
                _leaked((ledger >> AGENT_LOSS_LEVEL) & type(uint64).max, at, window),
                course.base * _bps(budgets, AGENT_LOSS) / BPS,
                course.loss
            );
            // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
            // slither-disable-next-line incorrect-equality
            if (turnover == NO_FIT || loss == NO_FIT) return false;
            course.agentLedger = turnover | (loss << AGENT_LOSS_LEVEL) | (block.timestamp << AGENT_AT)
                | (((ledger >> AGENT_NONCE) + 1) << AGENT_NONCE);
            return true;
        }
    }

    /// @dev `Budgets.levelInForce` at this block's time, which is never before that of a level.
    function _leaked(uint256 level, uint256 at, uint256 window) private view returns (uint256) {
        if (level == 0) return 0;
        unchecked {
            uint256 leak = WAD * (block.timestamp - at) / window;
            return level > leak ? level - leak : 0;
        }
    }

    /// @dev `Budgets.charge`: the new level, or `NO_FIT`.
    function _charge(uint256 level, uint256 capacity, uint256 amount) private pure returns (uint256) {
        unchecked {
            // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
            // slither-disable-next-line incorrect-equality
            uint256 used = level == 0 ? 0 : (level * capacity + (WAD - 1)) / WAD;
            if (used + amount > capacity) return NO_FIT;
            // A capacity of zero never comes here: the amount is then zero.
            return amount == 0 ? level : level + (amount * WAD + (capacity - 1)) / capacity;
        }
    }

    function _bps(uint256 word, uint256 shift) private pure returns (uint256) {
        return (word >> shift) & type(uint16).max;
    }
}
