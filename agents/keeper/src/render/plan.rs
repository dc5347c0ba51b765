//! A plan for a treasury manager.

use alloy::primitives::{Address, U256};
use anstyle::{AnsiColor, Style};
use vagus_allocator::{Binding, Limiting};
use vagus_policy::{ALL_ASSETS, AssetInfo, Mode, Rule};

use super::{
    number::{assets, bps_percent, difference, rate, share, short, span, time},
    rates::{mean_note, notes},
    table::table,
};
use crate::plan::{Line, PlanView};

const MOVE: Style = AnsiColor::Green.on_default().bold();
const HOLD: Style = AnsiColor::Cyan.on_default().bold();
const STRONG: Style = Style::new().bold();

/// The whole page.
#[must_use]
pub fn text(plan: &PlanView) -> String {
    let mut page = vec![header(plan), verdict(plan)];
    page.push(strategies(plan));
    page.push(sources(plan));
    if !plan.moves.is_empty() {
        page.push(moves(plan));
        page.push(worth(plan));
    }
    page.push(why(plan));
    page.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn header(plan: &PlanView) -> String {
    let mode = match plan.mode {
        Mode::Active => "",
        Mode::ExitOnly => ", exits only",
        Mode::Paused => ", paused",
    };
    let policy = match plan.policy_version {
        0 => "none in force".to_owned(),
        version => format!("version {version} ({}){mode}", short(plan.policy_hash)),
    };
    let name = if plan.treasury == plan.vault {
        plan.vault.clone()
    } else {
        format!("{} / {}", plan.treasury, plan.vault)
    };
    let rows = [
        ("Treasury", name),
        ("Value", assets(plan.nav, &plan.asset)),
        ("Policy", policy),
        ("Agent", plan.agent.to_string()),
        (
            "Block",
            format!("{} on {}, {}", plan.block.number, plan.chain, time(plan.block.timestamp)),
        ),
    ];
    rows.map(|(key, value)| format!("{STRONG}{key:<9}{STRONG:#} {value}")).join("\n")
}

fn verdict(plan: &PlanView) -> String {
    let words = &plan.reason_in_words;
    if plan.is_rebalance {
        return format!(
            "{MOVE}MOVE{MOVE:#}  {} would change place, because {words}. ({:?})",
            assets(plan.total.moved, &plan.asset),
            plan.reason
        );
    }
    let proven =
        if plan.is_proven { " This is proven: no list of moves can do better." } else { "" };
    format!(
        "{HOLD}HOLD{HOLD:#}  Nothing would be moved, because {words}. ({:?}){proven}",
        plan.reason
    )
}

fn percent(bps: Option<u64>) -> String {
    bps.map_or("–".to_owned(), |bps| bps_percent(U256::from(bps)))
}

fn row(plan: &PlanView, line: &Line) -> Vec<String> {
    let is_idle = line.strategy.is_none();
    let limit = match line.limit_bps {
        Some(bps) if is_idle => format!("≥ {}", bps_percent(U256::from(bps))),
        Some(bps) if bps < 10_000 => format!("≤ {}", bps_percent(U256::from(bps))),
        _ => "–".to_owned(),
    };
    let of_strategy = |text: String| if is_idle { "–".to_owned() } else { text };
    vec![
        line.name.clone(),
        percent(line.weight_now_bps),
        limit,
        percent(line.weight_after_bps),
        of_strategy(rate(line.rate_now_ray)),
        of_strategy(rate(line.rate_after_ray)),
        of_strategy(assets(line.yearly_income_after, &plan.asset)),
        of_strategy(difference(line.yearly_income_after, line.yearly_income_now, &plan.asset)),
    ]
}

fn sources(plan: &PlanView) -> String {
    let name = |strategy: Address| {
        let line = plan.lines.iter().find(|line| line.strategy == Some(strategy));
        line.map_or_else(|| strategy.to_string(), |line| line.name.clone())
    };
    let means = plan.lines.iter().filter(|line| line.is_rate_of_horizon);
    let means: Vec<String> = means.map(|line| line.name.clone()).collect();
    let notes = notes(&plan.rates, plan.block.timestamp, name);
    mean_note(&means).into_iter().chain(notes).collect::<Vec<_>>().join("\n")
}

fn strategies(plan: &PlanView) -> String {
    let heading = [
        "",
        "Weight now",
        "Limit",
        "Weight after",
        "Rate now",
        "Rate after",
        "Income a year after",
        "Gain a year",
    ];
    let mut rows: Vec<Vec<String>> = plan.lines.iter().map(|line| row(plan, line)).collect();
    let held =
        |of: fn(&Line) -> U256| plan.lines.iter().map(of).fold(U256::ZERO, U256::saturating_add);
    let total = &plan.total;
    rows.push(vec![
        "Together".to_owned(),
        share(held(|line| line.assets_now), plan.nav),
        String::new(),
        share(held(|line| line.assets_after), plan.nav),
        share(total.yearly_income_now, plan.nav),
        share(total.yearly_income_after, plan.nav),
        assets(total.yearly_income_after, &plan.asset),
        difference(total.yearly_income_after, total.yearly_income_now, &plan.asset),
    ]);
    let mut title = String::new();
    if !plan.is_rebalance && !plan.moves.is_empty() {
        title = "\"After\" is the best plan found, which is declined.\n".to_owned();
    }
    title + &table(&heading, &rows)
}

fn moves(plan: &PlanView) -> String {
    let title = if plan.is_rebalance { "Moves" } else { "Moves of the declined plan" };
    let mut lines = vec![format!("{STRONG}{title}{STRONG:#}")];
    for (place, step) in (1..).zip(&plan.moves) {
        let name = plan.strategy_name(step.index);
        let amount = if step.assets == ALL_ASSETS {
            "everything".to_owned()
        } else {
            assets(U256::from(step.assets), &plan.asset)
        };
        lines.push(if step.is_deposit {
            format!("  {place}. put {amount} into {name}")
        } else {
            format!("  {place}. take {amount} out of {name}")
        });
    }
    lines.join("\n")
}

fn worth(plan: &PlanView) -> String {
    let (total, asset) = (&plan.total, &plan.asset);
    let horizon = span(plan.horizon_seconds.into());
    let gain = format!(
        "{} now, {} after ({})",
        assets(total.yearly_income_now, asset),
        assets(total.yearly_income_after, asset),
        difference(total.yearly_income_after, total.yearly_income_now, asset)
    );
    let hurdle = format!(
        "{} ({} of what changes place)",
        assets(total.hurdle, asset),
        bps_percent(U256::from(plan.hurdle_bps))
    );
    let rows = [
        ("Income a year".to_owned(), gain),
        (format!("Gain over {horizon}"), assets(total.gain, asset)),
        ("Cost".to_owned(), format!("{} (gas, entry and exit)", assets(total.cost, asset))),
        ("Hurdle".to_owned(), hurdle),
    ];
    rows.map(|(key, value)| format!("{STRONG}{key:<20}{STRONG:#} {value}")).join("\n")
}

fn why(plan: &PlanView) -> String {
    let mut lines = Vec::new();
    if let Some(refusal) = &plan.refusal {
        lines.push(format!("The rule says: {refusal}."));
    }
    if let Some(message) = &plan.simulation_failure {
        lines.push(format!("The simulation says: {message}."));
    }
    for (place, binding) in plan.bindings.iter().enumerate() {
        let key = if place == 0 { "What binds" } else { "" };
        lines.push(format!("{STRONG}{key:<20}{STRONG:#} {}", binding_line(plan, binding)));
    }
    if plan.is_rebalance {
        lines.push(format!("{STRONG}{:<20}{STRONG:#} {}", "Why not more", why_not_more(plan)));
    } else {
        let what = &plan.would_have_to_change;
        lines.push(format!("{STRONG}{:<20}{STRONG:#} {what}", "To change this"));
        if let Some(at) = plan.retry_at {
            lines.push(format!("{:<20} Not before {}.", "", time(at)));
        }
    }
    lines.join("\n")
}

fn binding_line(plan: &PlanView, binding: &Binding) -> String {
    limit_in_words(&plan.binding_words(binding), binding, &plan.asset)
}

/// A limit that binds: what it is about, what is reached and what is asked for.
pub(super) fn limit_in_words(words: &str, binding: &Binding, asset: &AssetInfo) -> String {
    if binding.limiting == Limiting::Samples {
        let Binding { observed, limit, .. } = binding;
        return format!("{words}: {observed} that count, where at least {limit} are asked for");
    }
    let is_amount = !matches!(
        binding.limiting,
        Limiting::Rule(
            Rule::Mode
                | Rule::Mandate
                | Rule::Scope
                | Rule::Freshness
                | Rule::Cooldown
                | Rule::Shape
                | Rule::Objective
        )
    );
    if is_amount {
        let (observed, limit) = (assets(binding.observed, asset), assets(binding.limit, asset));
        let is_floor =
            matches!(binding.limiting, Limiting::Rule(Rule::Idle | Rule::Floor) | Limiting::Hurdle);
        let bound = if is_floor { "at least" } else { "at most" };
        return format!("{words}: {observed}, where {bound} {limit} is asked for");
    }
    if matches!(binding.limiting, Limiting::Rule(Rule::Cooldown)) {
        let over = u64::try_from(binding.limit).map_or("–".to_owned(), time);
        return format!("{words}, over at {over}");
    }
    words.to_owned()
}

fn why_not_more(plan: &PlanView) -> String {
    match plan.bindings.first() {
        None => "No limit binds: moving more would not earn its costs.".to_owned(),
        Some(_) => {
            let best = assets(plan.total.upper_bound, &plan.asset);
            let horizon = span(plan.horizon_seconds.into());
            if best == assets(plan.total.gain, &plan.asset) {
                "The limits above bind, and no other plan inside them could gain more.".to_owned()
            } else {
                format!(
                    "The limits above bind. No plan inside them could gain more than {best} over {horizon}."
                )
            }
        }
    }
}
