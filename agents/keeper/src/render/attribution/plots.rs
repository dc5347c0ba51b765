//! Which lines the plots of a report have.

use alloy::primitives::{I256, U256};

use super::{
    actor, amount,
    svg::{Line, Plot},
};
use crate::{
    attribution::view::{Amount, Report, Sample},
    render::number::{bps_percent, nearest_bps},
};

type Value<'a> = &'a dyn Fn(&Sample) -> Option<I256>;

fn line(report: &Report, label: &str, colour: usize, is_limit: bool, of: Value<'_>) -> Line {
    let points = report.series.iter().map(|sample| (sample.timestamp, of(sample))).collect();
    Line { label: label.to_owned(), colour, is_limit, points }
}

fn small(number: u64) -> I256 {
    I256::try_from(U256::from(number)).unwrap_or(I256::MAX)
}

fn share(part: Amount, whole: Amount) -> Option<I256> {
    let (part, whole) = (U256::try_from(part.0).ok()?, U256::try_from(whole.0).ok()?);
    nearest_bps(part, whole).map(small)
}

/// All plots, as figures of a page.
pub(super) fn figures(report: &Report) -> String {
    let percent = |bps: I256| U256::try_from(bps).map_or(String::new(), bps_percent);
    // Cents of thousands say nothing on an axis, and need room.
    let money = |value: I256| {
        let words = amount(value, &report.asset);
        match words.split_once('.') {
            Some((whole, _)) if whole.contains(',') => whole.to_owned(),
            _ => words,
        }
    };
    let about_income = "Value less opening and flows. Without decisions: opening portfolio and flows held unchanged. A strategy \
                        alone: everything in it, from the opening on, whatever its limits.";
    let plots = [
        Plot {
            title: "Weights and limits",
            about: "Part of the live value; dashed: the most that the policy in force allows, by weight or cap, of base.",
            lines: weights(report),
            words: &percent,
        },
        Plot {
            title: "Income beside other ways",
            about: about_income,
            lines: incomes(report),
            words: &money,
        },
        Plot {
            title: "Profit of decisions",
            about: "What the decisions of each so far have come to, less gas that has a price.",
            lines: profits(report),
            words: &money,
        },
        Plot {
            title: "Use of budgets",
            about: "Of what the policy in force allows in a window, the vault and the keeper's own agent.",
            lines: budgets(report),
            words: &percent,
        },
    ];
    plots.iter().map(Plot::figure).collect()
}

fn weights(report: &Report) -> Vec<Line> {
    let mut lines = Vec::new();
    for (place, venue) in report.venues.iter().enumerate() {
        let weight = |sample: &Sample| share(*sample.values.get(place)?, sample.total);
        let limit = |sample: &Sample| Some(small((*sample.max_weights_bps.get(place)?)?));
        lines.push(line(report, &venue.name, place, false, &weight));
        let label = format!("{}, at most", venue.name);
        lines.push(line(report, &label, place, true, &limit));
    }
    let place = report.venues.len();
    let idle = |sample: &Sample| share(sample.idle, sample.total);
    lines.push(line(report, "Idle", place, false, &idle));
    let least = |sample: &Sample| sample.min_idle_bps.map(small);
    lines.push(line(report, "Idle, at least", place, true, &least));
    lines
}

fn incomes(report: &Report) -> Vec<Line> {
    let mut lines = vec![
        line(report, "The vault", 0, false, &|sample| Some(sample.income.0)),
        line(report, "Without decisions", 1, false, &|sample| Some(sample.unmanaged.0)),
    ];
    for (place, venue) in report.venues.iter().enumerate() {
        let alone = |sample: &Sample| Some(sample.single.get(place)?.as_ref()?.0);
        let label = format!("{} alone", venue.name);
        lines.push(line(report, &label, place.saturating_add(2), true, &alone));
    }
    lines
}

fn profits(report: &Report) -> Vec<Line> {
    let actors = report.sums.actors.iter().enumerate();
    actors
        .map(|(place, of)| {
            let profit = |sample: &Sample| Some(sample.actors.get(place)?.0);
            line(report, &actor(of.key), place, false, &profit)
        })
        .collect()
}

fn budgets(report: &Report) -> Vec<Line> {
    vec![
        line(report, "Turnover", 0, false, &|sample| sample.turnover_used_bps.map(small)),
        line(report, "Loss", 1, false, &|sample| sample.loss_used_bps.map(small)),
        line(report, "Turnover, agent", 2, false, &|sample| {
            sample.agent_turnover_used_bps.map(small)
        }),
        line(report, "Loss, agent", 3, false, &|sample| sample.agent_loss_used_bps.map(small)),
    ]
}
