//! From a file to a policy.

use ::toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use alloy_primitives::{Address, B256, hex};

use super::{
    Context, PolicyError, names,
    reader::{Source, Table, Value},
    text::{Problem, read_amount, read_bps, read_duration, read_time, read_wad},
    words::{AGENT, GROUP, KINDS, LIMITS, MODES, OBJECTIVE, REFERENCE, ROOT, STATUSES, STRATEGY},
};
use crate::document::{
    AgentPolicy, GroupPolicy, Limits, Objective, ObjectiveKind, Policy, StrategyPolicy,
    StrategyStatus,
};

const PERCENTAGE: &str = "a percentage such as \"40 %\"";
const DURATION: &str = "a duration such as \"1h\"";
const STRATEGY_NAMES: &str = "a list of strategies of this document such as [\"aave_a\"]";
const GROUP_NAMES: &str = "a list of groups of this document such as [\"aave\"]";

pub(super) fn policy(
    source: &Source<'_>,
    text: &str,
    known: Option<&Context>,
) -> Result<(Policy, Context), PolicyError> {
    let document = DeTable::parse(text).map_err(|error| {
        let message = error.message().replace('\n', ", ");
        let offset = error.span().map_or(0, |span| span.start);
        source.error(offset, "", Problem::new(message, "a TOML document"))
    })?;
    let root = Spanned::new(document.span(), DeValue::Table(document.into_inner()));
    let root = Value::new(source, String::new(), &root).table(&ROOT)?;
    let context = &names::context(&root, known)?;

    let schema_version = root.required("schema_version", "schema_version = 1")?.number()?;
    let limits = limits(root.required("limits", "a table [limits]")?, context)?;
    let groups = match root.optional("groups") {
        None => Vec::new(),
        Some(list) => each(list, "[[groups]]", |entry| group(entry, context))?,
    };
    let strategies = root.required("strategies", "[[strategies]], or strategies = []")?;
    let strategies = each(strategies, "[[strategies]]", |entry| strategy(entry, context, &groups))?;
    let agents = root.required("agents", "[[agents]], or agents = []")?;
    let agents = each(agents, "[[agents]]", |entry| agent(entry, context, &strategies))?;
    let objective = root.required("objective", "a table [objective]")?;
    let objective = objective_of(objective, context, &strategies)?;
    let policy = Policy { schema_version, limits, strategies, groups, agents, objective };
    Ok((policy, context.clone()))
}

fn each<'a, T>(
    list: Value<'a>,
    expected: &str,
    read: impl Fn(Value<'a>) -> Result<T, PolicyError>,
) -> Result<Vec<T>, PolicyError> {
    list.list(expected)?.into_iter().map(read).collect()
}

fn limits(value: Value<'_>, context: &Context) -> Result<Limits, PolicyError> {
    let table = value.table(&LIMITS)?;
    Ok(Limits {
        mode: table.required("mode", "a mode such as \"active\"")?.word(&MODES)?,
        cooldown_seconds: duration(&table, "cooldown")?,
        window_seconds: duration(&table, "window")?,
        max_turnover_bps: bps(&table, "max_turnover")?,
        max_loss_bps: bps(&table, "max_loss")?,
        min_idle_bps: bps(&table, "min_idle")?,
        max_growth_wad: table.required("max_growth", PERCENTAGE)?.read(read_wad)?,
        max_drawdown_bps: bps(&table, "max_drawdown")?,
        entry_halt_seconds: duration(&table, "entry_halt")?,
        seasoning_seconds: duration(&table, "seasoning")?,
        max_nav_age_seconds: duration(&table, "max_nav_age")?,
        policy_delay_seconds: duration(&table, "policy_delay")?,
        deposit_cap: amount(&table, "deposit_cap", context)?,
        management_fee_bps: bps_or_zero(&table, "management_fee")?,
        performance_fee_bps: bps_or_zero(&table, "performance_fee")?,
        fee_recipient: match table.optional("fee_recipient") {
            None => Address::ZERO,
            Some(value) => value.read(|text| address(text, context))?,
        },
    })
}

fn group(value: Value<'_>, context: &Context) -> Result<GroupPolicy, PolicyError> {
    let table = value.table(&GROUP)?;
    let name = table.required("name", "a name of at most 31 bytes")?.read(group_name)?;
    let max_weight_bps = bps(&table, "max_weight")?;
    Ok(GroupPolicy { name, max_weight_bps, cap: amount(&table, "cap", context)? })
}

/// The name of a group: text, or its bytes in hexadecimal, for what is no text.
fn group_name(text: &str) -> Result<B256, Problem> {
    let bytes = match text.strip_prefix("0x") {
        None => text.as_bytes().to_vec(),
        Some(digits) => hex::decode(digits).map_err(|_| {
            let expected = "0x and two hexadecimal digits for each byte of the name";
            Problem::new(format!("{text:?} is no name"), expected)
        })?,
    };
    if bytes.is_empty() || bytes.len() > 31 || bytes.contains(&0) {
        let problem = format!("{text:?} has {} bytes", bytes.len());
        return Err(Problem::new(problem, "a name of 1 to 31 bytes"));
    }
    Ok(B256::right_padding_from(&bytes))
}

fn strategy(
    value: Value<'_>,
    context: &Context,
    groups: &[GroupPolicy],
) -> Result<StrategyPolicy, PolicyError> {
    let table = value.table(&STRATEGY)?;
    let strategy = account(&table, "strategy", context)?;
    let reference = table
        .required("reference", "{ assets = \"1 USDC\", shares = \"1\" }")?
        .table(&REFERENCE)?;
    let shares = reference.required("shares", "an amount of shares such as \"1\"")?;
    Ok(StrategyPolicy {
        strategy,
        status: match table.optional("status") {
            None => StrategyStatus::Active,
            Some(value) => value.word(&STATUSES)?,
        },
        max_weight_bps: bps(&table, "max_weight")?,
        min_weight_bps: bps_or_zero(&table, "min_weight")?,
        cap: amount(&table, "cap", context)?,
        price_band_bps: bps(&table, "price_band")?,
        reference_assets: amount(&reference, "assets", context)?,
        reference_shares: shares.read(|text| share_amount(text, context, strategy))?,
        groups: match table.optional("groups") {
            None => 0,
            Some(list) => {
                let place = |text: &str| {
                    let name = group_name(text).ok();
                    let place = groups.iter().position(|group| Some(group.name) == name);
                    place.ok_or_else(|| {
                        Problem::new(format!("there is no group {text:?}"), GROUP_NAMES)
                    })
                };
                // At most 16 groups are valid, and a 17th has no bit.
                u16::try_from(mask(&list, GROUP_NAMES, 16, place)?).unwrap_or(u16::MAX)
            }
        },
    })
}

fn agent(
    value: Value<'_>,
    context: &Context,
    strategies: &[StrategyPolicy],
) -> Result<AgentPolicy, PolicyError> {
    let table = value.table(&AGENT)?;
    let scope = table.required("scope", STRATEGY_NAMES)?;
    Ok(AgentPolicy {
        agent: account(&table, "agent", context)?,
        expires_at: table.required("expires", "a date such as \"2027-01-01\"")?.read(read_time)?,
        scope: mask(&scope, STRATEGY_NAMES, 32, |text| place_of(text, context, strategies))?,
        max_turnover_bps: bps(&table, "max_turnover")?,
        max_loss_bps: bps(&table, "max_loss")?,
    })
}

fn objective_of(
    value: Value<'_>,
    context: &Context,
    strategies: &[StrategyPolicy],
) -> Result<Objective, PolicyError> {
    let table = value.table(&OBJECTIVE)?;
    let kind = table.required("kind", "\"yield\"")?.word(&KINDS)?;
    let is_yield = kind == ObjectiveKind::Yield;
    let hurdle_bps = if is_yield { bps(&table, "hurdle")? } else { bps_or_zero(&table, "hurdle")? };
    let horizon_seconds = match table.optional("horizon") {
        None if !is_yield => 0,
        _ => duration(&table, "horizon")?,
    };
    let band_bps = if is_yield { bps_or_zero(&table, "band")? } else { bps(&table, "band")? };
    let weights = match table.optional("target_weights") {
        None if is_yield => Vec::new(),
        _ => {
            let weights =
                table.required("target_weights", "a weight for each strategy of this document")?;
            target_weights(&weights, context, strategies)?
        }
    };
    Ok(Objective { kind, hurdle_bps, horizon_seconds, band_bps, target_weights_bps: weights })
}

fn target_weights(
    value: &Value<'_>,
    context: &Context,
    strategies: &[StrategyPolicy],
) -> Result<Vec<u16>, PolicyError> {
    let mut weights = vec![None; strategies.len()];
    for (name, weight) in value.entries()? {
        let place = place_of(&name, context, strategies).map_err(|problem| weight.fail(problem))?;
        let bps = weight.read(read_bps)?;
        if let Some(slot) = weights.get_mut(place)
            && slot.replace(bps).is_some()
        {
            let problem = format!("{name:?} names a strategy for the second time");
            return Err(weight.fail(Problem::new(problem, "each strategy once")));
        }
    }
    weights.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| {
        value.fail(Problem::new("a strategy has no weight", "a weight for each, also \"0 %\""))
    })
}

/// A bit for each member of a list of names.
fn mask(
    value: &Value<'_>,
    expected: &str,
    bits: usize,
    place: impl Fn(&str) -> Result<usize, Problem>,
) -> Result<u32, PolicyError> {
    let mut mask = 0_u32;
    for member in value.list(expected)? {
        let place = member.read(&place)?;
        if place >= bits {
            let problem = Problem::new("names an entry beyond the longest list", expected);
            return Err(member.fail(problem));
        }
        if mask >> place & 1 == 1 {
            return Err(member.fail(Problem::new("stands in the list already", "each name once")));
        }
        mask |= 1 << place;
    }
    Ok(mask)
}

fn place_of(
    text: &str,
    context: &Context,
    strategies: &[StrategyPolicy],
) -> Result<usize, Problem> {
    let strategy = address(text, context)?;
    strategies.iter().position(|entry| entry.strategy == strategy).ok_or_else(|| {
        Problem::new(format!("{text:?} is no strategy of this document"), STRATEGY_NAMES)
    })
}

fn account(table: &Table<'_>, key: &str, context: &Context) -> Result<Address, PolicyError> {
    table.required(key, "an address or a name")?.read(|text| address(text, context))
}

/// An address in hexadecimal.
pub(super) fn literal_address(text: &str) -> Result<Address, Problem> {
    let expected = "0x and 40 hexadecimal digits, in lower case or with a right checksum";
    let is_plain = text.strip_prefix("0x").map(|hex| hex.chars().all(|c| !c.is_ascii_uppercase()));
    let parsed = match is_plain {
        None => None,
        Some(true) => text.parse().ok(),
        Some(false) => Address::parse_checksummed(text, None).ok(),
    };
    parsed.ok_or_else(|| Problem::new(format!("{text:?} is no address"), expected))
}

/// An address in hexadecimal, or one that the context knows by name.
fn address(text: &str, context: &Context) -> Result<Address, Problem> {
    if text.starts_with("0x") {
        return literal_address(text);
    }
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    context.names.get(name).map(|named| named.address).ok_or_else(|| {
        let known: Vec<_> = context.names.keys().map(String::as_str).collect();
        let names =
            if known.is_empty() { String::new() } else { format!(" or {}", known.join(", ")) };
        Problem::new(
            format!("no address is known by the name {name:?}"),
            format!("an address{names}"),
        )
    })
}

/// `"1"` in whole shares if the strategy's decimals are known, or `"12 units"`.
fn share_amount(text: &str, context: &Context, strategy: Address) -> Result<u128, Problem> {
    if text.trim().ends_with("units") {
        return read_amount(text, "units", 0);
    }
    let Some(decimals) = context.share_decimals(strategy) else {
        let problem = format!("the decimals of the shares of {strategy} are not known");
        return Err(Problem::new(problem, "smallest units, such as \"1_000_000 units\""));
    };
    super::text::scaled(text.trim(), u32::from(decimals))
        .map_err(|problem| Problem::new(problem, "an amount of shares such as \"1\""))
}

fn bps(table: &Table<'_>, key: &str) -> Result<u16, PolicyError> {
    table.required(key, PERCENTAGE)?.read(read_bps)
}

fn bps_or_zero(table: &Table<'_>, key: &str) -> Result<u16, PolicyError> {
    table.optional(key).map_or(Ok(0), |value| value.read(read_bps))
}

fn duration(table: &Table<'_>, key: &str) -> Result<u32, PolicyError> {
    table.required(key, DURATION)?.read(read_duration)
}

fn amount(table: &Table<'_>, key: &str, context: &Context) -> Result<u128, PolicyError> {
    let expected = format!("an amount such as \"1_000 {}\"", context.symbol);
    table
        .required(key, &expected)?
        .read(|text| read_amount(text, &context.symbol, u32::from(context.decimals)))
}
