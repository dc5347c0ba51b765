//! `keeper policy new`: a first file, from what is in force, from the live treasury, or from answers.
//!
//! What nobody is asked stands in the file with a usual value, to be read and changed: a policy is written in an editor, and
//! this only makes the beginning.

use std::{fs::OpenOptions, io::Write as _};

use alloy::primitives::{Address, U256};
use vagus_policy::{
    AgentPolicy, Limits, Mode, Objective, ObjectiveKind, POLICY_SCHEMA_VERSION, Policy,
    StrategyPolicy, StrategyStatus,
    review::Facts,
    toml::{Context, read, render_alone, write},
};

use super::{desk::Desk, validate::placed};
use crate::{
    board::unix_now,
    cli::Beginning,
    exit::{Exit, Failure},
    init::Person,
    page::Page,
};

/// Seconds of a mandate that nobody says otherwise of: 90 days.
const MANDATE_SECONDS: u64 = 90 * 86_400;
const DAY: u32 = 86_400;
const HOUR: u32 = 3_600;

pub(super) async fn begin(wanted: &Beginning) -> Result<Page, Failure> {
    let shown = wanted.file.display();
    if wanted.file.exists() {
        return Err(Failure::new(
            Exit::Usage,
            format_args!("{shown}: it is there already; expected a new file."),
        ));
    }
    let desk = match &wanted.config {
        None => None,
        Some(config) => Some(Desk::open(config, wanted.vault.as_deref()).await?),
    };
    let (mut answers, mut questions) = (std::io::stdin().lock(), std::io::stderr());
    let mut person = Person { answers: &mut answers, questions: &mut questions };
    let (policy, context) = match &desk {
        Some(desk) => match &desk.adopted {
            Some(adopted) => (adopted.policy.clone(), desk.context.clone()),
            None => (usual(desk.at(), desk), desk.context.clone()),
        },
        None => from_answers(&mut person)?,
    };
    let policy = if wanted.defaults || desk.is_none() {
        policy
    } else {
        changed(policy, &context, &mut person)?
    };
    let text = format!(
        "# A policy, as keeper policy new wrote it. What each key means, and how it is voted on: docs/operations/policy.md.\n\n{}",
        render_alone(&policy, &context)
    );
    // What is written is what every other command reads.
    let known = desk.as_ref().map(|desk| &desk.context);
    let document = read(&text, &shown.to_string(), known)
        .map_err(|error| Failure::new(Exit::PolicyInvalid, format_args!("{error}.")))?;
    let facts = match &desk {
        Some(desk) => desk.facts(&document).await?,
        None => Facts { at: Some(unix_now()), ..Facts::default() },
    };
    let found = placed(&document, &facts).len();
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&wanted.file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            Failure::new(Exit::Usage, format_args!("{shown}: it cannot be written: {error}."))
        })?;
    let noted = match found {
        0 => String::new(),
        1 => " One thing in it wants looking at.".to_owned(),
        many => format!(" {many} things in it want looking at."),
    };
    let config =
        wanted.config.as_ref().map_or("keeper.toml".to_owned(), |it| it.display().to_string());
    let text = format!(
        "{shown} is written.{noted} Next:\n  keeper policy validate {shown} --config {config}   what limits mean together\n  \
         keeper policy preview {shown} --config {config}    what it would do to the treasury\n  \
         keeper policy propose {shown} --config {config}    the vote"
    );
    Ok(Page { text, missing: None })
}

/// A policy that allows nothing but waits to be filled: no strategy is listed, the configured agent has a mandate.
fn usual(at: u64, desk: &Desk) -> Policy {
    let ceilings = &desk.roles.ceilings;
    let nav = u128::try_from(desk.snapshot.vault.nav.nav_assets).unwrap_or(u128::MAX);
    let one = u128::try_from(U256::from(10_u8).pow(U256::from(desk.context.decimals)));
    let cap = nav.saturating_mul(2).max(one.unwrap_or(u128::MAX).saturating_mul(1_000_000));
    let mut policy = draft(cap.min(u128::MAX - 1));
    let limits = &mut policy.limits;
    limits.max_turnover_bps = limits.max_turnover_bps.min(ceilings.max_turnover_bps);
    limits.max_loss_bps = limits.max_loss_bps.min(ceilings.max_loss_bps);
    limits.window_seconds = limits.window_seconds.max(ceilings.min_window_seconds);
    limits.policy_delay_seconds = limits
        .policy_delay_seconds
        .clamp(ceilings.min_policy_delay_seconds, ceilings.max_policy_delay_seconds);
    policy.agents = vec![mandate(desk.config.agent.address, at, &policy)];
    policy
}

fn mandate(agent: Address, at: u64, policy: &Policy) -> AgentPolicy {
    let all = (0..policy.strategies.len().min(32)).fold(0, |mask, place| mask | 1 << place);
    AgentPolicy {
        agent,
        // The end of a day, so that the file has a date.
        expires_at: (at + MANDATE_SECONDS) / u64::from(DAY) * u64::from(DAY),
        scope: all,
        max_turnover_bps: policy.limits.max_turnover_bps,
        max_loss_bps: (policy.limits.max_loss_bps / 2).max(1),
    }
}

fn draft(deposit_cap: u128) -> Policy {
    Policy {
        schema_version: POLICY_SCHEMA_VERSION,
        limits: Limits {
            mode: Mode::Active,
            cooldown_seconds: HOUR / 2,
            window_seconds: DAY,
            max_turnover_bps: 5_000,
            max_loss_bps: 20,
            min_idle_bps: 500,
            max_growth_wad: 5_000_000_000_000_000,
            max_drawdown_bps: 200,
            entry_halt_seconds: DAY,
            seasoning_seconds: DAY,
            max_nav_age_seconds: HOUR,
            policy_delay_seconds: 2 * DAY,
            deposit_cap,
            management_fee_bps: 0,
            performance_fee_bps: 0,
            fee_recipient: Address::ZERO,
        },
        strategies: Vec::new(),
        groups: Vec::new(),
        agents: Vec::new(),
        objective: Objective {
            kind: ObjectiveKind::Yield,
            hurdle_bps: 1,
            horizon_seconds: 30 * DAY,
            band_bps: 0,
            target_weights_bps: Vec::new(),
        },
    }
}

/// Asks for everything that only a person knows.
fn from_answers(person: &mut Person<'_>) -> Result<(Policy, Context), Failure> {
    person.tell("What is not asked gets a usual value, to be read and changed in the file.\n")?;
    let symbol = person.ask_for("Symbol of the vault's asset", Some("USDC"), word)?;
    let decimals = person.ask_for("Its decimals", Some("6"), |text| number(text, 27))?;
    let mut context = Context::new(symbol.clone(), decimals);
    let whole = 10_u128.saturating_pow(decimals.into());
    let cap = person.ask_for(
        &format!("Most that deposits may bring the treasury to, {symbol}"),
        None,
        |text| amount(text).map(|it| it.saturating_mul(whole)),
    )?;
    let mut policy = draft(cap);
    loop {
        let place = policy.strategies.len() + 1;
        let question = format!("Name of strategy {place}, or \"done\"");
        let name = person.ask_for(&question, Some("done"), word)?;
        if name == "done" {
            break;
        }
        let strategy = person.ask_for("  its address", None, address)?;
        let digits =
            person.ask_for("  decimals of its shares", Some("18"), |it| number(it, 255))?;
        let weight = person.ask_for("  most it may hold, percent", Some("40"), percent)?;
        let shares = 10_u128.checked_pow(digits.into());
        context = context.with_strategy(name, strategy, digits);
        policy.strategies.push(StrategyPolicy {
            strategy,
            status: StrategyStatus::Active,
            max_weight_bps: weight,
            min_weight_bps: 0,
            cap,
            price_band_bps: 100,
            // What a share is worth has to be filled in by who can see it.
            reference_assets: whole,
            reference_shares: shares.unwrap_or(1),
            groups: 0,
        });
    }
    ask_limits(&mut policy, person)?;
    let agent = person.ask_for("The agent's address", None, address)?;
    policy.agents = vec![mandate(agent, unix_now(), &policy)];
    Ok((policy, context.with_account("keeper", agent)))
}

/// What is in force, with what a person says otherwise.
fn changed(
    mut policy: Policy,
    context: &Context,
    person: &mut Person<'_>,
) -> Result<Policy, Failure> {
    person.tell("An empty answer keeps what stands in brackets.\n")?;
    ask_limits(&mut policy, person)?;
    for place in 0..policy.strategies.len() {
        let Some(entry) = policy.strategies.get_mut(place) else { break };
        let name = context.account(entry.strategy);
        let now = plain(entry.max_weight_bps);
        let question = format!("{name}: most it may hold, percent");
        entry.max_weight_bps = person.ask_for(&question, Some(&now), percent)?;
    }
    Ok(policy)
}

fn ask_limits(policy: &mut Policy, person: &mut Person<'_>) -> Result<(), Failure> {
    let limits = &mut policy.limits;
    for (question, bps) in [
        ("Most that is moved per window, percent", &mut limits.max_turnover_bps),
        ("Most that is lost per window, percent", &mut limits.max_loss_bps),
        ("Idle that stays after every deposit, percent", &mut limits.min_idle_bps),
    ] {
        let now = plain(*bps);
        *bps = person.ask_for(question, Some(&now), percent)?;
    }
    Ok(())
}

/// A percentage without its sign.
fn plain(bps: u16) -> String {
    write::percent(bps).trim_end_matches(" %").to_owned()
}

fn percent(text: &str) -> Result<u16, String> {
    let text = text.trim_end_matches('%').trim();
    let wrong = || "expected a percentage from 0 to 100, such as 40 or 0.25".to_owned();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 3
        || part.len() > 2
        || !is_digits(whole)
        || !is_digits(part)
    {
        return Err(wrong());
    }
    let bps: u16 = format!("{whole}{part:0<2}").parse().map_err(|_| wrong())?;
    if bps <= 10_000 { Ok(bps) } else { Err(wrong()) }
}

fn amount(text: &str) -> Result<u128, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    digits
        .parse()
        .ok()
        .filter(|it| *it > 0)
        .ok_or_else(|| "expected a whole number above zero".to_owned())
}

fn number(text: &str, most: u8) -> Result<u8, String> {
    text.parse().ok().filter(|it| *it <= most).ok_or_else(|| format!("expected 0 to {most}"))
}

fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|_| "expected 0x and 40 hexadecimal digits".to_owned())
}

fn word(text: &str) -> Result<String, String> {
    let is_word = text.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
    if is_word && !text.starts_with("0x") {
        Ok(text.to_owned())
    } else {
        Err("expected letters, digits and . _ - alone".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answers: &str) -> Result<(Policy, Context), Failure> {
        let (mut answers, mut questions) = (answers.as_bytes(), Vec::new());
        let mut person = Person { answers: &mut answers, questions: &mut questions };
        from_answers(&mut person)
    }

    #[test]
    fn answers_make_a_file_that_reads_back() {
        let (policy, context) = asked(
            "USDC\n6\n25_000_000\naave\n0x00000000000000000000000000000000000000aa\n18\n101\n45.5\n\
             done\n50\n0.2\n\n0x00000000000000000000000000000000000000ad\n",
        )
        .unwrap();
        assert_eq!(policy.strategies[0].max_weight_bps, 4_550, "asked again after 101");
        assert_eq!(policy.limits.deposit_cap, 25_000_000_000_000);
        assert_eq!((policy.limits.max_loss_bps, policy.limits.min_idle_bps), (20, 500));
        assert_eq!(policy.agents[0].scope, 1);
        let text = render_alone(&policy, &context);
        assert_eq!(read(&text, "p", None).unwrap().policy, policy);
    }

    #[test]
    fn an_answer_that_does_not_come_ends_it() {
        let failure = asked("USDC\n6\n").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
    }

    #[test]
    fn percentages_are_exact() {
        for (text, bps) in [("40", 4_000), ("0.25", 25), ("0.5 %", 50), ("100", 10_000), ("0", 0)] {
            assert_eq!(percent(text), Ok(bps), "{text}");
            assert_eq!(percent(&plain(bps)), Ok(bps));
        }
        for text in ["", "101", "1.234", "-1", "1e2", "100.01", ".5", "999999"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
