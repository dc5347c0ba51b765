//! What is written to `bench/income.json`: for each history and contender the yearly income and how often it moved.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use vagus_allocator::ALGORITHM_VERSION;

use crate::{
    contenders::Contender,
    history::{HISTORIES, History},
    others::WHOLE,
    run::Year,
};

/// Ten thousandths in one.
const PARTS: u64 = 10_000;
/// Histories in which holding has to be best, so that moving for its own sake would be seen.
pub const LEAST_HELD: usize = 4;

/// One contender in one history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// After gas, percent of the treasury at the beginning, rounded down to four decimals.
    pub income_percent: String,
    /// Carried out.
    pub rebalances: u64,
    /// Wanted and reverted, which are not sent.
    pub refused: u64,
    /// Gas of all of them, whole units of the asset with two decimals, rounded up.
    pub gas_assets: String,
    /// Of the history.
    pub seed: u64,
    /// Version of our decision code when it was made.
    pub algorithm_version: u32,
}

/// From history to contender.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures {
    /// As it is written.
    pub histories: BTreeMap<String, BTreeMap<String, Figure>>,
}

/// Four decimals, exactly.
fn decimal(ten_thousandths: i64) -> String {
    let sign = if ten_thousandths < 0 { "-" } else { "" };
    let (whole, part) =
        (ten_thousandths.unsigned_abs() / PARTS, ten_thousandths.unsigned_abs() % PARTS);
    format!("{sign}{whole}.{part:04}")
}

/// The same back.
fn ten_thousandths(decimal: &str) -> Result<i64> {
    let digits = decimal.replace('.', "");
    let is_exact = decimal.len().checked_sub(5).is_some_and(|at| decimal.as_bytes()[at] == b'.');
    ensure!(is_exact, "{decimal:?} instead of a number with four decimals");
    digits.parse().with_context(|| format!("{decimal:?} instead of a number with four decimals"))
}

impl Figure {
    /// Of a year of a history.
    ///
    /// # Errors
    /// Those of [`Year::income`].
    pub fn of(history: &History, year: &Year) -> Result<Self> {
        let hundredth = alloy_primitives::U256::from(WHOLE / 100);
        let cents: u64 = u64::try_from(year.gas.div_ceil(hundredth)).context("gas out of range")?;
        Ok(Self {
            income_percent: decimal(year.income()?),
            rebalances: year.rebalances,
            refused: year.refused,
            gas_assets: format!("{}.{:02}", cents / 100, cents % 100),
            seed: history.seed,
            algorithm_version: ALGORITHM_VERSION,
        })
    }

    /// The income in ten thousandths of a percent.
    ///
    /// # Errors
    /// If it is no number with four decimals.
    pub fn income(&self) -> Result<i64> {
        ten_thousandths(&self.income_percent)
    }
}

impl Figures {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is not of this decision code and these histories, or lacks something.
    pub fn read(text: &str) -> Result<Self> {
        let read: Self = serde_json::from_str(text)?;
        for history in &HISTORIES {
            for contender in Contender::ALL {
                let figure = read.figure(history, contender)?;
                figure.income()?;
                let Figure { seed, algorithm_version, .. } = figure;
                ensure!(
                    (*seed, *algorithm_version) == (history.seed, ALGORITHM_VERSION),
                    "a figure of \"{}\" is of seed {seed} and algorithm version {algorithm_version}, \
                     expected {} and {ALGORITHM_VERSION}",
                    history.name,
                    history.seed
                );
            }
        }
        ensure!(read.histories.len() == HISTORIES.len(), "figures of histories that are not there");
        Ok(read)
    }

    /// One figure.
    ///
    /// # Errors
    /// If it is missing.
    pub fn figure(&self, history: &History, contender: Contender) -> Result<&Figure> {
        let of_history = self.histories.get(history.name);
        of_history
            .and_then(|figures| figures.get(contender.name()))
            .with_context(|| format!("no figure of {} in \"{}\"", contender.name(), history.name))
    }

    /// Contenders in a history that earned the most, more than one if they earned the same.
    ///
    /// # Errors
    /// If a figure is missing.
    pub fn best(&self, history: &History) -> Result<Vec<Contender>> {
        let mut best = Vec::new();
        let mut most = i64::MIN;
        for contender in Contender::ALL {
            let income = self.figure(history, contender)?.income()?;
            if income > most {
                (most, best) = (income, Vec::new());
            }
            if income == most {
                best.push(contender);
            }
        }
        Ok(best)
    }

    /// Histories in which nobody earned more than by holding.
    ///
    /// # Errors
    /// If a figure is missing.
    pub fn held(&self) -> Result<Vec<&'static History>> {
        let mut held = Vec::new();
        for history in &HISTORIES {
            if self.best(history)?.contains(&Contender::Hold) {
                held.push(history);
            }
        }
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn percents_are_exact() {
        for (number, text) in
            [(0, "0.0000"), (41_407, "4.1407"), (-5, "-0.0005"), (-12_340_000, "-1234.0000")]
        {
            assert_eq!(decimal(number), text);
            assert_eq!(ten_thousandths(text).unwrap(), number);
        }
        for text in ["", "1", "1.0", "1.00000", "a.0000", "1,0000"] {
            assert!(ten_thousandths(text).is_err(), "{text}");
        }
    }
}
