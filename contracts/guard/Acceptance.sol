// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @dev One rebalance as words, in the layouts of `PolicyTable`, `PolicyStore` and `PriceReference`.
/// @param hot The table's first word.
/// @param budgets Second word of the agent's mandate.
/// @param ledger, agentLedger The vault's and the agent's slot, before; `Acceptance.settle` moves them on.
/// @param receipt Place of the vault's receipt: NAV, base, idle before and after; see `VaultCall`.
/// @param nav, base Taken from the receipt.
/// @param turnover What R7 measures: the sum of the amounts of the legs.
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
    uint256 turnover;
    uint256 loss;
    bool followsPrices;
}

/// @title Whether R7 to R14 certainly hold
/// @notice One pass over the legs that answers yes only if `SettleRules.firstRefusal` would refuse nothing, and then
/// gives the same turnover, loss and levels. It never refuses: where it answers no, the rules themselves decide, and
/// name what they refuse. Groups, strategies that are not Active, and numbers too large for plain arithmetic are left
/// to them.
/// @dev Why a yes is sound. Amounts and values are below 2^120, checked before they are used; there are at most 16
/// legs; bps are below 2^16, levels at most 1e18 < 2^60 (`Budgets`). So sums stay below 2^125 and no product passes
/// 2^192; what shares are worth at a reference is checked where it is made. In that range the saturating arithmetic of
/// the rules never saturates upwards and is this arithmetic. For whole numbers, v ≤ ⌊x ÷ y⌋ is v × y ≤ x, and
/// v ≥ ⌈x ÷ y⌉ is v × y ≥ x, which saves the divisions.
///
/// R13 without the divisions of `PriceBands`: with s shares at the reference P, let w = ⌊s × P ÷ 2^128⌋; b is the
/// band.
/// The lower bound of the rule is at most ⌈s × P × (10,000 − b) ÷ (10,000 × 2^128)⌉, which is not above value
/// + 1 if
/// w × 10,000 ≤ value × 10,000 + (w + 1) × b. The upper bound is at least
/// ⌊s × P × (10,000 + b) ÷ (10,000 × 2^128)⌋ + 1, which is not below value if
/// value × 10,000 ≤ w × 10,000 + (w + 1) × b. So a value next to a bound may be left to the rule.
library Acceptance {
    uint256 private constant AMOUNT_BITS = 120;
    /// @dev Shares × a mantissa of 44 bits stay inside the word.
    uint256 private constant SHARE_BITS = 212;
    uint256 private constant BPS = 10_000;
    uint256 private constant WAD = 1e18;
    /// @dev A price is 2^128 × value ÷ shares, its reference as in `PriceReference`, and follows as in `PriceBands`.
    uint256 private constant PRICE_BITS = 128;
    uint256 private constant EXPONENT_BITS = 8;
    uint256 private constant TIME_BITS = 33;
    uint256 private constant TIME_MASK = 0x1ffffffff;
    uint256 private constant FOLLOW_SECONDS = 86_400;

    // Members of a course.
    uint256 private constant NAV = 0xa0;
    uint256 private constant BASE = 0xc0;
    uint256 private constant FOLLOWS_PRICES = 0x120;
    /// @dev Answer if something is left to the rules; no number of legs, and no sum of amounts.
    uint256 private constant NOT_FINE = type(uint256).max;
    /// @dev Answer of `_charged` if the charge does not fit; no level.
    uint256 private constant NO_FIT = type(uint256).max;
    /// @dev A level is at most WAD.
    uint256 private constant LEVEL_BITS = 60;

    // Members of a strategy's first word: status 0 is Active. Status and below it the weights, band and groups.
    uint256 private constant STATUS = 88;
    uint256 private constant MAX_WEIGHT = 72;
    uint256 private constant MIN_WEIGHT = 56;
    uint256 private constant PRICE_BAND = 40;
    uint256 private constant GROUPS = 24;
    uint256 private constant TARGET = 8;
    // Top of the second one.
    uint256 private constant CAP = 128;

    // A leg and what it is held to are three words each: strategy, direction and amount; both words of the strategy
    // and its price reference.
    uint256 private constant LEG_SIZE = 0x60;
    uint256 private constant DIRECTION = 0x20;
    uint256 private constant SECOND = 0x20;
    uint256 private constant REFERENCE = 0x40;
    // A leg's receipt is five words, of which the first is the amount; before the first leg's stand six words of head
    // and the length.
    uint256 private constant HEAD_SIZE = 0xe0;
    uint256 private constant RECEIPT_SIZE = 0xa0;
    uint256 private constant VALUE_BEFORE = 0x20;
    uint256 private constant VALUE = 0x40;
    uint256 private constant SHARES_BEFORE = 0x60;
    uint256 private constant SHARES = 0x80;

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
        unchecked {
            uint256 receipt = course.receipt;
            (uint256 idle, uint256 idleAfter) = (_word(receipt + 0x40), _word(receipt + 0x60));
            {
                (uint256 nav, uint256 base) = (_word(receipt), _word(receipt + 0x20));
                if ((nav | base | idle | idleAfter) >> AMOUNT_BITS != 0) return false;
                (course.nav, course.base) = (nav, base);
            }

            receipt += HEAD_SIZE;
            uint256 size = count * LEG_SIZE;
            uint256 band = _targetBand(course.hot);
            (uint256 withdrawals, uint256 withdrawn) = _withdrawals(course, band, legs, size, receipt);
            if (withdrawals == NOT_FINE) return false;
            uint256 deposited = 0;
            if (withdrawals != count) {
                receipt += withdrawals * RECEIPT_SIZE;
                legs += size;
                deposited = _deposits(course, band, legs + withdrawals * LEG_SIZE, legs + size, receipt);
                if (deposited == NOT_FINE) return false;
                // R11
                if (idleAfter * BPS < course.nav * _bps(course.hot, MIN_IDLE)) return false;
            }
            idle += withdrawn;
            idleAfter += deposited;
            course.turnover = withdrawn + deposited;
            if (idle > idleAfter) course.loss += idle - idleAfter;
            return _charge(course);
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
        returns (uint256 place, uint256 bits, uint256 bandBps, uint256 value, uint256 shares)
    {
        uint256 receipt = course.receipt;
        assembly ("memory-safe") {
            let leg := add(legs, mul(i, 0x60))
            let limits := add(leg, mul(count, 0x60))
            place := shr(128, shl(128, mload(add(limits, 0x20))))
            bits := mload(add(limits, 0x40))
            bandBps := and(shr(PRICE_BAND, mload(limits)), 0xffff)
            // Behind six words of head and the length; value and shares before the leg, or the ones after it.
            let measured := add(add(receipt, 0xe0), mul(i, 0xa0))
            measured := add(measured, shl(5, mload(add(leg, 0x20))))
            value := mload(add(measured, 0x20))
            shares := mload(add(measured, 0x60))
        }
    }

    /// @dev R10, R13 and R14 of the withdrawals, and that their strategies are Active. One after which more shares are
    /// held than before is left to the rules, and one that left them as they were is held to the target all the same.
    /// Also notes whether a reference is old enough to follow the price. `bad` is anything but zero as soon as
    /// something is too large or does not hold; `wide` has every bit that a number had which must be below 2^120.
    /// @param legs Place of the legs. @param size Of all of them, in bytes. @param receipt Where their receipts begin.
    /// @return count How many there are, or `NOT_FINE`. @return sum What they sum up to.
    function _withdrawals(Course memory course, uint256 band, uint256 legs, uint256 size, uint256 receipt)
        private
        view
        returns (uint256 count, uint256 sum)
    {
        uint256 loss = 0;
        (uint256 bad, uint256 wide) = (0, 0);
        assembly ("memory-safe") {
            let end := add(legs, size)
            for {} iszero(or(eq(legs, end), mload(add(legs, DIRECTION)))) { legs := add(legs, LEG_SIZE) } {
                let held := add(legs, size)
                let value := mload(add(receipt, VALUE_BEFORE))
                {
                    let bits := mload(add(held, REFERENCE))
                    if iszero(lt(timestamp(), add(and(bits, TIME_MASK), FOLLOW_SECONDS))) {
                        mstore(add(course, FOLLOWS_PRICES), 1)
                    }
                    let shares := mload(add(receipt, SHARES_BEFORE))
                    bad := or(bad, or(shr(SHARE_BITS, shares), gt(mload(add(receipt, SHARES)), shares)))
                    bits := shr(TIME_BITS, bits)
                    let exponent := and(bits, 0xff)
                    bad := or(bad, gt(exponent, PRICE_BITS))
                    let worth := shr(sub(PRICE_BITS, exponent), mul(shares, shr(EXPONENT_BITS, bits)))
                    wide := or(wide, or(value, worth))
                    let room := mul(add(worth, 1), and(shr(PRICE_BAND, mload(held)), 0xffff))
                    bad := or(bad, gt(mul(worth, BPS), add(mul(value, BPS), room)))
                }
                {
                    let assets := mload(receipt)
                    sum := add(sum, assets)
                    let kept := mload(add(receipt, VALUE))
                    wide := or(wide, or(assets, kept))
                    assets := add(assets, kept)
                    if gt(value, assets) { loss := add(loss, sub(value, assets)) }
                    value := kept
                }
                held := mload(held)
                bad := or(bad, and(shr(STATUS, held), 0xff))
                let least := and(shr(MIN_WEIGHT, held), 0xffff)
                held := and(shr(TARGET, held), 0xffff)
                held := mul(gt(held, band), sub(held, band))
                if gt(held, least) { least := held }
                bad := or(bad, lt(mul(value, BPS), mul(mload(add(course, NAV)), least)))
                receipt := add(receipt, RECEIPT_SIZE)
                count := add(count, 1)
            }
            if or(bad, shr(AMOUNT_BITS, wide)) { count := not(0) }
        }
        course.loss = loss;
    }

    /// @dev R8, R13 and R14 of the deposits, that their strategies are Active, and that R9 has nothing to say. A
    /// deposit that brought no shares is held to the target all the same, and one that took some is left to the rules.
    /// @param held, end Where what they are held to begins and ends. @param receipt Where their receipts begin.
    /// @return sum What they sum up to, or `NOT_FINE`.
    function _deposits(Course memory course, uint256 band, uint256 held, uint256 end, uint256 receipt)
        private
        view
        returns (uint256 sum)
    {
        uint256 loss = course.loss;
        (uint256 bad, uint256 wide) = (0, 0);
        assembly ("memory-safe") {
            for {} lt(held, end) { held := add(held, LEG_SIZE) } {
                let limits := mload(held)
                let value := mload(add(receipt, VALUE))
                {
                    let assets := mload(receipt)
                    sum := add(sum, assets)
                    let due := mload(add(receipt, VALUE_BEFORE))
                    wide := or(wide, or(value, or(assets, due)))
                    due := add(due, assets)
                    if gt(due, value) { loss := add(loss, sub(due, value)) }
                }
                bad := or(bad, or(and(shr(STATUS, limits), 0xff), and(shr(GROUPS, limits), 0xffff)))
                {
                    let cap := shr(CAP, mload(add(held, SECOND)))
                    // A limit of zero allows no deposit at all.
                    bad := or(bad, or(iszero(cap), gt(value, cap)))
                }
                {
                    let bits := mload(add(held, REFERENCE))
                    if iszero(lt(timestamp(), add(and(bits, TIME_MASK), FOLLOW_SECONDS))) {
                        mstore(add(course, FOLLOWS_PRICES), 1)
                    }
                    let shares := mload(add(receipt, SHARES))
                    bad := or(bad, or(shr(SHARE_BITS, shares), lt(shares, mload(add(receipt, SHARES_BEFORE)))))
                    bits := shr(TIME_BITS, bits)
                    let exponent := and(bits, 0xff)
                    bad := or(bad, gt(exponent, PRICE_BITS))
                    let worth := shr(sub(PRICE_BITS, exponent), mul(shares, shr(EXPONENT_BITS, bits)))
                    wide := or(wide, worth)
                    let room := mul(add(worth, 1), and(shr(PRICE_BAND, limits), 0xffff))
                    worth := mul(worth, BPS)
                    value := mul(value, BPS)
                    bad := or(bad, or(gt(worth, add(value, room)), gt(value, add(worth, room))))
                }
                let most := mul(mload(add(course, BASE)), and(shr(MAX_WEIGHT, limits), 0xffff))
                bad := or(bad, or(lt(most, BPS), gt(value, most)))
                most := add(band, and(shr(TARGET, limits), 0xffff))
                if gt(most, BPS) { most := BPS }
                bad := or(bad, gt(value, mul(mload(add(course, NAV)), most)))
                receipt := add(receipt, RECEIPT_SIZE)
            }
            if or(bad, shr(AMOUNT_BITS, wide)) { sum := not(0) }
        }
        course.loss = loss;
    }

    /// @dev The band of R14. Under another objective the whole: then targets are zero, no withdrawal is below one, and
    /// a deposit may reach the NAV; what passes that is left to the rules.
    function _targetBand(uint256 hot) private pure returns (uint256) {
        return (hot >> OBJECTIVE) & type(uint8).max == 0 ? BPS : _bps(hot, OBJECTIVE_BAND);
    }

    /// @dev R7 and R12: the slots of the vault and of the agent with their levels, times and counts.
    function _charge(Course memory course) private view returns (bool) {
        unchecked {
            (uint256 hot, uint256 base) = (course.hot, course.base);
            (uint256 turnover, uint256 loss) = (course.turnover, course.loss);
            uint256 window = (hot >> WINDOW) & type(uint32).max;

            uint256 slot = course.ledger;
            // Read before it is written again.
            // slither-disable-next-line write-after-write
            uint256 leak = _leak(slot >> VAULT_TURNOVER_AT, window);
            uint256 turnoverLevel = _charged(slot, leak, base * _bps(hot, VAULT_TURNOVER), turnover);
            leak = _leak(slot >> VAULT_LOSS_AT, window);
            uint256 lossLevel = _charged(slot >> VAULT_LOSS_LEVEL, leak, base * _bps(hot, VAULT_LOSS), loss);
            uint256 highest = turnoverLevel | lossLevel;
            course.ledger = turnoverLevel | (block.timestamp << VAULT_TURNOVER_AT) | (lossLevel << VAULT_LOSS_LEVEL)
                | (block.timestamp << VAULT_LOSS_AT) | (((slot >> VAULT_COUNT) + 1) << VAULT_COUNT);

            slot = course.agentLedger;
            hot = course.budgets;
            leak = _leak(slot >> AGENT_AT, window);
            turnoverLevel = _charged(slot, leak, base * (hot >> AGENT_TURNOVER), turnover);
            lossLevel = _charged(slot >> AGENT_LOSS_LEVEL, leak, base * _bps(hot, AGENT_LOSS), loss);
            course.agentLedger = turnoverLevel | (lossLevel << AGENT_LOSS_LEVEL) | (block.timestamp << AGENT_AT)
                | (((slot >> AGENT_NONCE) + 1) << AGENT_NONCE);
            // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
            // slither-disable-next-line incorrect-equality
            return (highest | turnoverLevel | lossLevel) >> LEVEL_BITS == 0;
        }
    }

    /// @dev What leaks until this block, which is never before the time of a level.
    /// @param at Its lowest 40 bits.
    function _leak(uint256 at, uint256 window) private view returns (uint256) {
        unchecked {
            return WAD * (block.timestamp - (at & type(uint40).max)) / window;
        }
    }

    /// @dev `Budgets.levelInForce` and `Budgets.charge`: the new level, or `NO_FIT`. With level l, amount x and
    /// capacity C, ⌈l × C ÷ WAD⌉ + x ≤ C is l + ⌈x × WAD ÷ C⌉ ≤ WAD: both say that l × C ≤ (C − x)
    /// × WAD.
    /// @param level Its lowest 64 bits. @param capacityBps 10,000 times the capacity and what rounding takes off.
    function _charged(uint256 level, uint256 leak, uint256 capacityBps, uint256 amount) private pure returns (uint256) {
        unchecked {
            level &= type(uint64).max;
            level = level > leak ? level - leak : 0;
            if (amount == 0) return level;
            uint256 capacity = capacityBps / BPS;
            // Zero, or equality of stored words, is what is meant; nobody gains by missing it.
            // slither-disable-next-line incorrect-equality
            if (capacity == 0) return NO_FIT;
            level += (amount * WAD + (capacity - 1)) / capacity;
            return level > WAD ? NO_FIT : level;
        }
    }

    function _word(uint256 place) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(place)
        }
    }

    function _bps(uint256 word, uint256 shift) private pure returns (uint256) {
        return (word >> shift) & type(uint16).max;
    }
}
