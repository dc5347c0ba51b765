//! Days of the Gregorian calendar, UTC, by counting 400-year cycles that begin on the 1st of March.

/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// Year, month and day of a day since 1970-01-01.
#[must_use]
pub const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let leap_corrected =
        day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096;
    let year_of_era = leap_corrected / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Year and month of a Unix time.
#[must_use]
pub const fn month(unix: u64) -> (u64, u64) {
    let (year, month, _) = civil(unix / DAY);
    (year, month)
}

/// Unix time at which a day begins; none if there is no such day, or it is before 1970 or after 9999.
#[must_use]
pub fn midnight(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year_of_march = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year_of_march / 400, year_of_march % 400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    // A day that the month does not have is one of the next month.
    (civil(days) == (year, month, day)).then_some(days * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for days in 0..150_000 {
            let (year, month, day) = civil(days);
            assert_eq!(midnight(year, month, day), Some(days * DAY), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn days_that_are_none_are_refused() {
        assert_eq!(midnight(2024, 2, 29), Some(1_709_164_800));
        for (year, month, day) in [
            (2023, 2, 29),
            (2100, 2, 29),
            (2026, 4, 31),
            (2026, 0, 1),
            (2026, 13, 1),
            (2026, 1, 0),
            (1969, 12, 31),
        ] {
            assert_eq!(midnight(year, month, day), None, "{year}-{month}-{day}");
        }
        assert_eq!(month(1_709_164_799), (2024, 2));
    }
}
