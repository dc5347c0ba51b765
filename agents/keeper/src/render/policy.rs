//! Pages of `keeper policy`. Pure text.

use std::fmt::Write as _;

use alloy::primitives::{Address, U256};
use vagus_chain::governance::ProposalState;
use vagus_policy::{
    AssetInfo,
    compare::{Change, Effect},
    math::mul_div_up,
    review::Severity,
    toml::write,
};

use super::{
    number::{assets, bps_percent, decimal, nearest_bps, share, span, time},
    table::table,
};
use crate::policy::{
    ActCall, Breach, Comparison, Outlook, Pending, Placed, Preview, Promised, Review, Shown, Wait,
};

/// 10^8: the whole of a promise's shares.
const WHOLE_E8: u64 = 100_000_000;

/// How many errors and warnings.
#[must_use]
pub fn counted(review: &Review) -> String {
    let plural = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    };
    let (errors, warnings) = (review.count(Severity::Error), review.count(Severity::Warning));
    match (errors, warnings) {
        (0, 0) => "nothing to find fault with".to_owned(),
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => {
            format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"))
        }
    }
}

/// `keeper policy validate`.
#[must_use]
pub fn review(review: &Review) -> String {
    let against = review
        .vault
        .as_ref()
        .map_or_else(|| "by itself".to_owned(), |vault| format!("for vault {vault} as it stands"));
    let mut text = format!("{} {against}: {}.", review.file, counted(review));
    for placed in &review.findings {
        let _ = write!(text, "\n\n{}", finding(&review.file, placed));
    }
    if let Some(hash) = review.hash {
        let _ = write!(text, "\n\nPolicy {hash}");
    }
    if !review.promises.is_empty() {
        text.push_str("\n\nIf a key is stolen");
        for promised in &review.promises {
            let _ = write!(text, "\n  {}", promised.in_words);
        }
        text.push_str(
            "\n  Yield forgone, and a venue's own failure, are bounded by weights and expiry, not by these numbers.",
        );
    }
    text
}

fn finding(file: &str, placed: &Placed) -> String {
    let Placed { line, column, finding } = placed;
    let kind = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let key = if finding.key.is_empty() { String::new() } else { format!("{} ", finding.key) };
    format!(
        "{kind} {:?}, {file}:{line}:{column}\n  {key}{}\n  to do: {}",
        finding.code, finding.problem, finding.advice
    )
}

/// A share of the treasury, with the amount if there is a base and it is known.
fn part(e8: U256, base: Option<(U256, &AssetInfo)>) -> String {
    let whole = U256::from(WHOLE_E8);
    if e8 >= whole {
        return "all of it".to_owned();
    }
    let percent = decimal(e8, 6, 6);
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    match base.filter(|(base, _)| !base.is_zero()) {
        Some((base, asset)) => {
            let amount = assets(mul_div_up(base, e8, whole), asset);
            format!("{percent} % ({amount})")
        }
        None => format!("{percent} %"),
    }
}

/// Both numbers of the promise about a stolen key, in words.
#[must_use]
pub fn promise(promised: &Promised, base: Option<(U256, &AssetInfo)>) -> String {
    let whose = match promised.agent {
        Some(_) => format!("The key of {}", promised.name),
        None => "All of them together".to_owned(),
    };
    let end = promised.expires_at.map_or_else(String::new, |at| {
        format!(" It ends at {}, or when guardian or owner revoke it.", time(at))
    });
    format!(
        "{whose}: measured loss of at most {} of the treasury at once and {} within a day; where an accomplice can move \
         the price of a strategy inside its band, at most {} more at once and {} within a day.{end}",
        part(promised.loss_at_once_e8, base),
        part(promised.loss_in_a_day_e8, base),
        part(promised.pushed_at_once_e8, base),
        part(promised.pushed_in_a_day_e8, base),
    )
}

/// `keeper policy show`: comments, then a file.
#[must_use]
pub fn shown(shown: &Shown) -> String {
    let Shown { vault, chain, version, hash, block, .. } = shown;
    let mut text = format!(
        "# Policy of {vault} on {chain}, version {version}, since block {block}\n# {hash}\n"
    );
    if shown.mode != shown.policy.limits.mode {
        let _ = writeln!(
            text,
            "# Guardian or owner have set the mode to {} since: that is in force.",
            write::mode(shown.mode)
        );
    }
    for agent in &shown.ended {
        let _ = writeln!(text, "# The mandate of {agent} was revoked or resigned since.");
    }
    let _ = write!(text, "\n{}", shown.toml.trim_end());
    text
}

/// `keeper policy pending`.
#[must_use]
pub fn pending(pending: &Pending) -> String {
    let vault = &pending.vault;
    let (Some(hash), Some(comparison)) = (pending.hash, &pending.comparison) else {
        return format!("Vault {vault}: no policy waits.");
    };
    let mut text = format!("Vault {vault}: policy {hash} waits.\n");
    if let Some(block) = pending.submitted_block {
        let _ = writeln!(text, "  submitted in block {block}");
    }
    if let Wait::Pending { activatable_at, expires_at } = comparison.wait {
        let (from, to) = (time(activatable_at), time(expires_at));
        let countdown = match pending.seconds_left {
            None => "its time is over: it has to be submitted anew".to_owned(),
            Some(0) => format!("now, until {to}"),
            Some(left) => format!("from {from}, in {}, until {to}", span(left)),
        };
        let _ = writeln!(text, "  anybody may put it in force {countdown}");
    }
    let _ = writeln!(text, "  until then it may be vetoed by {}", pending.who_may_veto);
    let _ = write!(text, "\n{}", changes(comparison));
    text
}

/// `keeper policy diff`.
#[must_use]
pub fn comparison(comparison: &Comparison) -> String {
    let Comparison { before, before_hash, after, after_hash, .. } = comparison;
    let known = before_hash.map_or("none".to_owned(), |hash| hash.to_string());
    format!(
        "from {before}: {known}\nto   {after}: {after_hash}\n\n{}\n\n{}",
        changes(comparison),
        effect(comparison)
    )
}

/// Limit by limit.
fn changes(comparison: &Comparison) -> String {
    if let Some(whole) = &comparison.whole {
        return format!("No policy is in force, so all of it is new:\n\n{}", whole.trim_end());
    }
    if comparison.changes.is_empty() {
        return "Nothing differs.".to_owned();
    }
    let rows: Vec<Vec<String>> = comparison
        .changes
        .iter()
        .map(|change| {
            let Change { of, limit, before, after, effect } = change;
            vec![
                of.clone(),
                limit.clone(),
                before.clone().unwrap_or_else(|| "–".to_owned()),
                after.clone().unwrap_or_else(|| "–".to_owned()),
                in_a_word(*effect).to_owned(),
            ]
        })
        .collect();
    table(&["whose", "limit", "now", "then", "by itself"], &rows)
}

const fn in_a_word(effect: Effect) -> &'static str {
    match effect {
        Effect::AtOnce => "at once",
        Effect::Waits => "waits",
    }
}

/// What takes effect at once, and what waits until when.
fn effect(comparison: &Comparison) -> String {
    let (at_once, waits) = (comparison.count(Effect::AtOnce), comparison.count(Effect::Waits));
    let whole = if comparison.changes.is_empty() && comparison.whole.is_none() {
        "There is nothing to wait for.".to_owned()
    } else if comparison.is_at_once {
        "It only tightens: it takes effect at once, as soon as owner or guardian submit it."
            .to_owned()
    } else if at_once > 0 && waits > 0 {
        let have = if waits == 1 { "1 change has to" } else { &format!("{waits} changes have to") };
        let others = if at_once == 1 {
            "The one that would be at once by itself is so in a policy of its own.".to_owned()
        } else {
            format!(
                "The {at_once} that would be at once by themselves are so in a policy of their own."
            )
        };
        format!("A policy takes effect as a whole, so all of it waits: {have}. {others}")
    } else {
        "It waits.".to_owned()
    };
    match until(comparison) {
        Some(until) => format!("{whole} {until}"),
        None => whole,
    }
}

fn until(comparison: &Comparison) -> Option<String> {
    let grace = |seconds: Option<u32>| {
        seconds.map_or_else(String::new, |seconds| format!(", for {}", write::duration(seconds)))
    };
    if comparison.is_at_once && !matches!(comparison.wait, Wait::Proposed { .. }) {
        return None;
    }
    Some(match comparison.wait {
        Wait::InForce => return None,
        Wait::Unsubmitted { delay_seconds, grace_seconds } => format!(
            "Anybody may put it in force {} after it was submitted{}.",
            write::duration(delay_seconds),
            grace(grace_seconds)
        ),
        Wait::Pending { activatable_at, expires_at } => format!(
            "Anybody may put it in force from {} to {}.",
            time(activatable_at),
            time(expires_at)
        ),
        Wait::Proposed { submitted_at: None, .. } => {
            "The proposal can no longer be carried out.".to_owned()
        }
        Wait::Proposed { submitted_at: Some(at), .. } if comparison.is_at_once => {
            format!("The earliest that it can be carried out is {}.", time(at))
        }
        Wait::Proposed { submitted_at: Some(at), delay_seconds, grace_seconds } => format!(
            "The earliest that it can be carried out is {}; anybody may put it in force from {} on{}.",
            time(at),
            time(at.saturating_add(delay_seconds.into())),
            grace(Some(grace_seconds))
        ),
    })
}

/// Where a proposal stands.
#[must_use]
pub const fn proposal_state(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Pending => "its vote has not begun",
        ProposalState::Active => "it is voted on",
        ProposalState::Canceled => "it was taken back",
        ProposalState::Defeated => "it was lost",
        ProposalState::Succeeded => "it was won",
        ProposalState::Queued => "it waits in the timelock",
        ProposalState::Expired => "it was not carried out in time",
        ProposalState::Executed => "it was carried out",
    }
}

/// What voters read: Markdown, made of nothing but the documents and the chain.
#[must_use]
pub fn description(
    title: &str,
    comparison: &Comparison,
    guard: Address,
    chain_id: u64,
    findings: &[Placed],
) -> String {
    let mut text = format!(
        "# {title}\n\nPolicy {}, for the guard {guard} on chain {chain_id}.\n\n{}\n",
        comparison.after_hash,
        effect(comparison)
    );
    if let Some(whole) = &comparison.whole {
        let _ =
            write!(text, "\nNo policy is in force, so all of it is new:\n\n```toml\n{whole}```\n");
    } else {
        text.push_str(
            "\n| whose | limit | now | then | by itself |\n| --- | --- | --- | --- | --- |\n",
        );
        for change in &comparison.changes {
            let cell = |value: &Option<String>| value.as_deref().unwrap_or("–").replace('|', "\\|");
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                change.of.replace('|', "\\|"),
                change.limit,
                cell(&change.before),
                cell(&change.after),
                in_a_word(change.effect)
            );
        }
    }
    if !findings.is_empty() {
        text.push_str("\nTo look at:\n\n");
        for placed in findings {
            let finding = &placed.finding;
            let _ = writeln!(text, "- {} {}", finding.key, finding.problem);
        }
    }
    text.push_str("\nAnybody can check it: `keeper policy diff on-chain proposal:<its number>`.\n");
    text
}

/// `keeper policy propose`, `activate` and `veto`.
#[must_use]
pub fn call(call: &ActCall) -> String {
    let mut text = format!("{}\n\n", call.description.trim_end());
    let _ = writeln!(text, "policy       {}", call.hash);
    if let Some(proposal) = &call.proposal {
        let _ = writeln!(text, "proposal     {}", proposal.id);
    }
    let by = call.from.map_or_else(
        || if call.proposal.is_some() { "anybody with enough votes" } else { "anybody" }.to_owned(),
        |from| from.to_string(),
    );
    let _ = writeln!(text, "by           {by}\nto           {}", call.to);
    let left = match (&call.sent, &call.safe_file) {
        (Some(sent), _) => format!("sent         {} in block {}", sent.transaction, sent.block),
        (None, Some(file)) => format!("for a Safe   {file}"),
        (None, None) => format!("data         {}", call.data),
    };
    text.push_str(&left);
    text
}

/// `keeper policy preview`.
#[must_use]
pub fn preview(preview: &Preview) -> String {
    let Preview { vault, file, hash, block, asset, nav, .. } = preview;
    let when = if preview.is_at_once { "would take effect at once" } else { "would wait first" };
    let mut text = format!(
        "{file} on vault {vault} at block {block}, {}; it {when}\nPolicy {hash}\n",
        assets(*nav, asset)
    );
    for (name, amount) in &preview.uncounted {
        let _ = writeln!(
            text,
            "{amount} in {name} would no longer count: the treasury would be worth less at once."
        );
    }
    for name in &preview.unknown {
        let _ = writeln!(
            text,
            "What {name} pays is not known before it is listed; nothing is moved into it below."
        );
    }
    if preview.breaches.is_empty() {
        text.push_str("\nEvery position is inside its limits.\n");
    } else {
        let rows: Vec<_> =
            preview.breaches.iter().map(|breach| breach_row(breach, *nav, asset)).collect();
        let heading = ["outside", "limit", "there is", "", "allowed", ""];
        let _ = writeln!(text, "\n{}", table(&heading, &rows));
    }
    let rows: Vec<Vec<String>> = preview
        .budgets
        .iter()
        .map(|spent| {
            let room = |room: crate::status::Room| {
                format!("{} of {}", assets(room.left, asset), assets(room.capacity, asset))
            };
            vec![spent.of.clone(), room(spent.turnover), room(spent.loss)]
        })
        .collect();
    let _ = writeln!(text, "\n{}", table(&["budget", "may move", "may lose"], &rows));
    for outlook in &preview.outlooks {
        let _ = writeln!(text, "\n{}", next(outlook, asset));
    }
    text.trim_end().to_owned()
}

fn breach_row(breach: &Breach, nav: U256, asset: &AssetInfo) -> Vec<String> {
    let bound = if breach.is_above { "at most" } else { "at least" };
    vec![
        breach.of.clone(),
        breach.limit.to_owned(),
        assets(breach.observed, asset),
        share(breach.observed, nav),
        format!("{bound} {}", assets(breach.allowed, asset)),
        // A limit is a part of what it is measured against, rounded down: cut off it would look one hundredth lower.
        nearest_bps(breach.allowed, nav)
            .map_or("–".to_owned(), |bps| bps_percent(U256::from(bps))),
    ]
}

/// What an agent would do next.
fn next(outlook: &Outlook, asset: &AssetInfo) -> String {
    let (name, plan) = (&outlook.name, &outlook.plan);
    let mut text = if plan.is_rebalance {
        format!("{name} would rebalance next ({:?}): {}.", plan.reason, plan.reason_in_words)
    } else {
        format!("{name} would hold ({:?}): {}.", plan.reason, plan.reason_in_words)
    };
    if plan.is_rebalance {
        for line in plan.lines.iter().filter(|line| line.assets_now != line.assets_after) {
            let (now, after) = (assets(line.assets_now, asset), assets(line.assets_after, asset));
            let _ = write!(text, "\n  {}: {now} to {after}", line.name);
        }
        let _ = write!(text, "\n  costs {}", assets(plan.total.cost, asset));
    }
    let (now, after) = (plan.total.yearly_income_now, plan.total.yearly_income_after);
    let _ = write!(text, "\n  expected income a year: {} now", assets(now, asset));
    if plan.is_rebalance {
        let _ = write!(text, ", {} after", assets(after, asset));
    }
    text
}
