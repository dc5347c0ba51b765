//! Numbers for people: exact inside, rounded only here, towards zero.

use alloy::primitives::{U256, U512};
use vagus_attribution::calendar;
use vagus_policy::AssetInfo;

/// Digits in groups of three.
#[must_use]
pub fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len().saturating_mul(4) / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount with `places` decimals, cut off.
#[must_use]
pub fn decimal(units: U256, decimals: u8, places: usize) -> String {
    let digits = units.to_string();
    let decimals = usize::from(decimals);
    let padded = format!("{digits:0>width$}", width = decimals.saturating_add(1));
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    let fraction: String =
        fraction.chars().chain("0".repeat(places).chars()).take(places).collect();
    if places == 0 { grouped(whole) } else { format!("{}.{fraction}", grouped(whole)) }
}

/// An amount with all its decimals and nothing else, for machines.
#[must_use]
pub fn plain(units: U256, decimals: u8) -> String {
    decimal(units, decimals, usize::from(decimals)).replace(',', "")
}

/// An amount of the asset with its symbol: two decimals, or as many as show the first digits of a small one.
#[must_use]
pub fn assets(units: U256, asset: &AssetInfo) -> String {
    let shown = decimal(units, asset.decimals, 2);
    let is_hidden = !units.is_zero() && shown.chars().all(|c| matches!(c, '0' | '.'));
    if is_hidden {
        let places = usize::from(asset.decimals);
        let full = decimal(units, asset.decimals, places);
        return format!("{} {}", full.trim_end_matches('0'), asset.symbol);
    }
    format!("{shown} {}", asset.symbol)
}

/// A difference with its sign.
#[must_use]
pub fn difference(after: U256, before: U256, asset: &AssetInfo) -> String {
    if after >= before {
        format!("+{}", assets(after - before, asset))
    } else {
        format!("-{}", assets(before - after, asset))
    }
}

/// Part of a whole in percent with two decimals; "–" of nothing.
#[must_use]
pub fn share(part: U256, whole: U256) -> String {
    share_bps(part, whole).map_or("–".to_owned(), |bps| bps_percent(U256::from(bps)))
}

/// Part of a whole in basis points, cut off; none of nothing.
#[must_use]
pub fn share_bps(part: U256, whole: U256) -> Option<u64> {
    if whole.is_zero() {
        return None;
    }
    let bps = part.widening_mul::<256, 4, 512, 8>(U256::from(10_000)) / U512::from(whole);
    u64::try_from(bps).ok()
}

/// Part of a whole in basis points, to the nearest; none of nothing. For limits, which prices round to just below.
#[must_use]
pub fn nearest_bps(part: U256, whole: U256) -> Option<u64> {
    if whole.is_zero() {
        return None;
    }
    let half = U512::from(whole / U256::from(2));
    let bps = (part.widening_mul::<256, 4, 512, 8>(U256::from(10_000)) + half) / U512::from(whole);
    u64::try_from(bps).ok()
}

/// Basis points in percent.
#[must_use]
pub fn bps_percent(bps: U256) -> String {
    format!("{} %", decimal(bps, 2, 2))
}

/// A yearly rate in ray (10^27 = 100 %) in percent with two decimals.
#[must_use]
pub fn rate(ray: U256) -> String {
    format!("{} %", decimal(ray, 25, 2))
}

/// A Unix time as UTC.
#[must_use]
pub fn time(unix: u64) -> String {
    let (days, seconds) = (unix / 86_400, unix % 86_400);
    let (year, month, day) = calendar::civil(days);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// A span of time in the two largest units that say something.
#[must_use]
pub fn span(seconds: u64) -> String {
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (name, length) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 && parts.len() < 2 {
            let ending = if count == 1 { "" } else { "s" };
            parts.push(format!("{count} {name}{ending}"));
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

/// The first bytes of a hash.
#[must_use]
pub fn short(hash: impl std::fmt::Display) -> String {
    let text = hash.to_string();
    text.chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;

    fn usdc() -> AssetInfo {
        AssetInfo { address: Address::ZERO, symbol: "USDC".to_owned(), decimals: 6 }
    }

    #[test]
    fn amounts_are_cut_not_rounded() {
        let cases = [
            (0, "0.00 USDC"),
            (1, "0.000001 USDC"),
            (9_999, "0.009999 USDC"),
            (10_000, "0.01 USDC"),
            (1_999_999, "1.99 USDC"),
            (1_234_567_890_000u64, "1,234,567.89 USDC"),
        ];
        for (units, text) in cases {
            assert_eq!(assets(U256::from(units), &usdc()), text);
        }
        assert_eq!(decimal(U256::from(1234), 0, 0), "1,234");
    }

    #[test]
    fn shares_and_rates() {
        assert_eq!(share(U256::from(1), U256::from(3)), "33.33 %");
        assert_eq!(share(U256::MAX, U256::MAX), "100.00 %");
        assert_eq!(share(U256::from(1), U256::ZERO), "–");
        assert_eq!(nearest_bps(U256::from(59_999_500), U256::from(100_000_000)), Some(6_000));
        assert_eq!(nearest_bps(U256::from(59_994_999), U256::from(100_000_000)), Some(5_999));
        assert_eq!(rate(U256::from(43u64) * U256::from(10u64).pow(U256::from(24))), "4.30 %");
        assert_eq!(difference(U256::from(5_000_000), U256::from(7_000_000), &usdc()), "-2.00 USDC");
    }

    #[test]
    fn times_are_of_the_calendar() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(time(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(time(1_893_455_999), "2029-12-31 23:59:59 UTC");
        assert_eq!(time(4_107_542_400), "2100-03-01 00:00:00 UTC");
        assert_eq!((span(0).as_str(), span(59).as_str()), ("0 seconds", "59 seconds"));
        assert_eq!(
            (span(3_661).as_str(), span(2_592_000).as_str()),
            ("1 hour 1 minute", "30 days")
        );
    }
}
