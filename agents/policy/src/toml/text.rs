//! How single values are written: percentages, amounts, durations, times. Each reader has its writer, and reading what
//! was written gives the same number.

use std::fmt::Write as _;

/// Why a text is no value: what is wrong, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) problem: String,
    pub(super) expected: String,
}

impl Problem {
    pub(super) fn new(problem: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { problem: problem.into(), expected: expected.into() }
    }
}

const PERCENTAGE: &str = "a percentage such as \"40 %\" or \"0.25 %\"";
const GROWTH: &str = "a percentage per day such as \"0.5 %\"";
const DURATION: &str = "a duration such as \"30d\", \"1h\", \"10m\" or \"1d12h\"";
const TIME: &str = "a time in UTC such as \"2027-01-01\" or \"2027-01-01T12:00:00Z\"";
/// First second of the year 10000, which the calendar form cannot write.
const FAR_FUTURE: u64 = 253_402_300_800;
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A decimal number, `_` allowed between digits, times 10^`digits`.
pub(super) fn scaled(text: &str, digits: u32) -> Result<u128, String> {
    let (whole, fraction) = match text.split_once('.') {
        None => (text, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
    };
    for part in [Some(whole), fraction].into_iter().flatten() {
        let is_number = part.starts_with(|c: char| c.is_ascii_digit())
            && part.ends_with(|c: char| c.is_ascii_digit())
            && !part.contains("__")
            && part.chars().all(|c| c.is_ascii_digit() || c == '_');
        if !is_number {
            return Err(format!("{text:?} is not a number"));
        }
    }
    let fraction: String = fraction.unwrap_or_default().chars().filter(|c| *c != '_').collect();
    let missing = u32::try_from(fraction.len()).ok().and_then(|length| digits.checked_sub(length));
    let Some(missing) = missing else {
        return Err(match digits {
            0 => format!("{text:?} is not a whole number"),
            1 => format!("{text:?} has more than 1 digit after the point"),
            _ => format!("{text:?} has more than {digits} digits after the point"),
        });
    };
    let all: String = whole.chars().filter(|c| *c != '_').chain(fraction.chars()).collect();
    all.parse::<u128>()
        .ok()
        .and_then(|number| number.checked_mul(10_u128.checked_pow(missing)?))
        .ok_or_else(|| format!("{text:?} is too large"))
}

/// A number divided by 10^`digits`, without trailing zeros, thousands set apart by `_`.
pub(super) fn unscaled(number: u128, digits: u32) -> String {
    let padded = format!("{number:0>width$}", width = digits as usize + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits as usize);
    let mut text = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// `"40 %"` as 4000.
pub(super) fn read_bps(text: &str) -> Result<u16, Problem> {
    let bps = percentage(text, 2).map_err(|problem| Problem::new(problem, PERCENTAGE))?;
    u16::try_from(bps)
        .map_err(|_| Problem::new(format!("{text:?} is too large"), "at most \"100 %\""))
}

/// 4000 as `40 %`.
#[must_use]
pub fn write_bps(bps: u16) -> String {
    format!("{} %", unscaled(u128::from(bps), 2))
}

/// `"0.5 %"` as 5 × 10^15.
pub(super) fn read_wad(text: &str) -> Result<u64, Problem> {
    let wad = percentage(text, 16).map_err(|problem| Problem::new(problem, GROWTH))?;
    u64::try_from(wad)
        .map_err(|_| Problem::new(format!("{text:?} is too large"), "at most \"100 %\""))
}

/// 5 × 10^15 as `0.5 %`.
#[must_use]
pub fn write_wad(wad: u64) -> String {
    format!("{} %", unscaled(u128::from(wad), 16))
}

fn percentage(text: &str, digits: u32) -> Result<u128, String> {
    let number = text.strip_suffix('%').ok_or_else(|| format!("{text:?} has no \"%\""))?;
    scaled(number.trim(), digits)
}

/// `"25_000_000 USDC"` in smallest units; `"12 units"` is already in them.
pub(super) fn read_amount(text: &str, unit: &str, digits: u32) -> Result<u128, Problem> {
    let expected = || format!("an amount such as \"1_000 {unit}\"");
    let Some((number, given)) = text.trim().rsplit_once(char::is_whitespace) else {
        return Err(Problem::new(format!("{text:?} has no unit"), expected()));
    };
    let digits = match given {
        "units" => 0,
        _ if given == unit => digits,
        _ => return Err(Problem::new(format!("{text:?} is not in {unit}"), expected())),
    };
    scaled(number.trim(), digits).map_err(|problem| Problem::new(problem, expected()))
}

/// Smallest units as `25_000_000 USDC`.
pub(super) fn write_amount(amount: u128, unit: &str, digits: u32) -> String {
    format!("{} {unit}", unscaled(amount, digits))
}

/// `"1d12h"` in seconds.
pub(super) fn read_duration(text: &str) -> Result<u32, Problem> {
    let wrong = |problem: String| Problem::new(problem, DURATION);
    let malformed = || wrong(format!("{text:?} is not a duration"));
    let mut seconds = 0_u64;
    let mut rest = text.trim();
    let mut units = UNITS.iter();
    if rest.is_empty() {
        return Err(malformed());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(malformed)?;
        let (number, tail) = rest.split_at(end);
        let mut tail = tail.chars();
        let unit = tail.next().ok_or_else(malformed)?;
        // From large to small, each once: what is consumed does not come again.
        let (_, length) = units.find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        let number = number.parse::<u64>().map_err(|_| malformed())?;
        seconds = number
            .checked_mul(*length)
            .and_then(|part| seconds.checked_add(part))
            .ok_or_else(|| wrong(format!("{text:?} is too long")))?;
        rest = tail.as_str().trim_start();
    }
    u32::try_from(seconds).map_err(|_| wrong(format!("{text:?} is too long")))
}

/// Seconds as `1d12h`.
#[must_use]
pub fn write_duration(seconds: u32) -> String {
    let mut rest = u64::from(seconds);
    let mut text = String::new();
    for (name, length) in UNITS {
        if rest >= length {
            // Writing to a string cannot fail.
            let _ = write!(text, "{}{name}", rest / length);
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// `"2027-01-01"` or `"2027-01-01T12:00:00Z"` as Unix time; `"unix 1798761600"` for what no calendar holds.
pub(super) fn read_time(text: &str) -> Result<u64, Problem> {
    let malformed = || Problem::new(format!("{text:?} is not a time"), TIME);
    if let Some(seconds) = text.strip_prefix("unix ") {
        return seconds.parse().map_err(|_| malformed());
    }
    let (date, clock) = match text.split_once('T') {
        None => (text, "00:00:00"),
        Some((date, clock)) => {
            let zone = || Problem::new(format!("{text:?} does not end in \"Z\", for UTC"), TIME);
            (date, clock.strip_suffix('Z').ok_or_else(zone)?)
        }
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2]).ok_or_else(malformed)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2]).ok_or_else(malformed)?;
    if year < 1970 || hour > 23 || minute > 59 || second > 59 {
        return Err(malformed());
    }
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) {
        return Err(Problem::new(format!("{text:?} names a day that does not exist"), TIME));
    }
    Ok(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Unix time as `2027-01-01` or `2027-01-01T12:00:00Z`.
#[must_use]
pub fn write_time(at: u64) -> String {
    if at >= FAR_FUTURE {
        return format!("unix {at}");
    }
    let (year, month, day) = civil_from_days(at / 86_400);
    let date = format!("{year:04}-{month:02}-{day:02}");
    match at % 86_400 {
        0 => date,
        second => {
            let (hour, minute) = (second / 3_600, second / 60 % 60);
            format!("{date}T{hour:02}:{minute:02}:{:02}Z", second % 60)
        }
    }
}

/// Exactly three numbers of the given widths.
fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut found = [0_u64; 3];
    for (slot, width) in found.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// Days from 1970-01-01 in the Gregorian calendar, for years from 1970 on. A month or day out of range gives some
/// other day.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    // Years counted from March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    days.saturating_sub(DAYS_BEFORE_1970)
}

/// What the count of [`days_from_civil`] gives for 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_469;

/// Year, month and day of a day counted from 1970-01-01.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    // A guess that is never too late, then at most two steps on.
    let mut year = 1970 + days / 366;
    while days_from_civil(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut rest = days - days_from_civil(year, 1, 1);
    let mut month = 1;
    for length in [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_read_as_people_mean_them() {
        assert_eq!(read_bps("40 %"), Ok(4_000));
        assert_eq!(read_bps("0.01%"), Ok(1));
        assert_eq!(read_wad("0.5 %"), Ok(5_000_000_000_000_000));
        assert_eq!(read_amount("25_000_000 USDC", "USDC", 6), Ok(25_000_000_000_000));
        assert_eq!(read_amount("1.05 USDC", "USDC", 6), Ok(1_050_000));
        assert_eq!(read_amount("7 units", "USDC", 6), Ok(7));
        assert_eq!(read_duration("1d12h"), Ok(129_600));
        assert_eq!(read_duration("1d 12h"), Ok(129_600));
        assert_eq!(read_duration("0s"), Ok(0));
        assert_eq!(read_time("1970-01-01"), Ok(0));
        assert_eq!(read_time("2027-01-01"), Ok(1_798_761_600));
        assert_eq!(read_time("2024-02-29T23:59:59Z"), Ok(1_709_251_199));
        assert_eq!(write_time(1_798_761_600), "2027-01-01");
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        for text in ["40", "40.005 %", "-1 %", "1__0 %", "_1 %", "%", "1. %", "656 %", "1e2 %"] {
            assert!(read_bps(text).is_err(), "{text}");
        }
        for text in ["1 DAI", "1USDC", "1.0000001 USDC", "0.5 units", "USDC", "", "1 2 USDC"] {
            assert!(read_amount(text, "USDC", 6).is_err(), "{text}");
        }
        for text in
            ["", "1", "h", "1h1d", "1h1h", "1x", "1.5h", "-1h", "200000d", "99999999999999999999s"]
        {
            assert!(read_duration(text).is_err(), "{text}");
        }
        for text in [
            "",
            "2027",
            "2027-1-1",
            "2027-02-29",
            "2027-13-01",
            "2027-00-10",
            "2027-01-00",
            "2027-01-01T12:00:00",
            "2027-01-01T24:00:00Z",
            "2027-01-01T12:00Z",
            "1969-12-31",
            "2027-01-01T12:00:00+01:00",
            "unix -1",
        ] {
            assert!(read_time(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            bps: u16, wad: u64, amount: u128, digits in 0_u32..30, seconds: u32, at in 0_u64..1 << 40,
        ) {
            prop_assert_eq!(read_bps(&write_bps(bps)), Ok(bps));
            prop_assert_eq!(read_wad(&write_wad(wad)), Ok(wad));
            let text = write_amount(amount, "USDC", digits);
            prop_assert_eq!(read_amount(&text, "USDC", digits), Ok(amount));
            prop_assert_eq!(read_duration(&write_duration(seconds)), Ok(seconds));
            prop_assert_eq!(read_time(&write_time(at)), Ok(at));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (read_bps(&text), read_wad(&text), read_duration(&text), read_time(&text));
            let _ = read_amount(&text, "USDC", 6);
        }

        #[test]
        fn every_day_has_one_date(days in 0_u64..2_932_896) {
            let (year, month, day) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(year, month, day), days);
            prop_assert!((1..=31).contains(&day) && (1..=12).contains(&month));
        }
    }
}
