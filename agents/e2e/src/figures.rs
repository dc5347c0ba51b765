//! Amounts, rates and times as people read them. Integers throughout; every cut is towards zero.

use alloy::primitives::U256;

/// `1,234,567.89`: an amount in whole assets with two decimals.
#[must_use]
pub fn amount(assets: U256, decimals: u8) -> String {
    let unit = U256::from(10u8).pow(U256::from(decimals));
    let whole = assets / unit;
    let cents = (assets % unit) * U256::from(100u8) / unit;
    format!("{}.{cents:0>2}", thousands(&whole.to_string()))
}

/// `+1,234.56` or `-1,234.56`: the difference of two amounts.
#[must_use]
pub fn difference(after: U256, before: U256, decimals: u8) -> String {
    if after >= before {
        format!("+{}", amount(after - before, decimals))
    } else {
        format!("-{}", amount(before - after, decimals))
    }
}

/// `12.34 %` of a part in a whole; `0.00 %` of nothing.
#[must_use]
pub fn percent(part: U256, whole: U256) -> String {
    if whole.is_zero() {
        return "0.00 %".to_owned();
    }
    let hundredths = part * U256::from(10_000u32) / whole;
    format!("{}.{:0>2} %", hundredths / U256::from(100u8), hundredths % U256::from(100u8))
}

/// `4.56 %` a year of a rate in ray, 10^27 = 100 %.
#[must_use]
pub fn rate(ray: U256) -> String {
    percent(ray, U256::from(10u8).pow(U256::from(27u8)))
}

/// `+1.23 %`: how far `after` lies above `before`, as part of `before`.
#[must_use]
pub fn percent_over(after: U256, before: U256) -> String {
    if after >= before {
        format!("+{}", percent(after - before, before))
    } else {
        format!("-{}", percent(before - after, before))
    }
}

/// `day 3 14:05`: time since the world began.
#[must_use]
pub fn clock(timestamp: u64, began_at: u64) -> String {
    let elapsed = timestamp.saturating_sub(began_at);
    let (days, rest) = (elapsed / 86_400, elapsed % 86_400);
    format!("day {days:>2} {:02}:{:02}", rest / 3_600, rest % 3_600 / 60)
}

/// Digits in groups of three.
#[must_use]
pub fn thousands(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(amount(U256::from(1_234_567_891_234u64), 6), "1,234,567.89");
        assert_eq!(amount(U256::from(5_009u64), 6), "0.00");
        assert_eq!(difference(U256::from(1u8), U256::from(2_000_001u64), 6), "-2.00");
        assert_eq!(percent(U256::from(1u8), U256::from(3u8)), "33.33 %");
        assert_eq!(percent_over(U256::from(97u8), U256::from(100u8)), "-3.00 %");
        assert_eq!(percent(U256::from(1u8), U256::ZERO), "0.00 %");
        assert_eq!(clock(1_000 + 90_061, 1_000), "day  1 01:01");
        assert_eq!(thousands("1000"), "1,000");
        assert_eq!(thousands("100"), "100");
    }
}
