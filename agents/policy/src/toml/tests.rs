use alloy_primitives::{Address, address};
use proptest::prelude::*;

use super::*;
use crate::{
    GroupPolicy, Mode, ObjectiveKind, StrategyStatus, encode,
    testing::{any_policy, valid_policy},
};

const DEMO: &str = include_str!("../../examples/demo.toml");
const AAVE_A: Address = address!("00000000000000000000000000000000000000aa");
const AAVE_B: Address = address!("00000000000000000000000000000000000000ab");
const MORPHO: Address = address!("00000000000000000000000000000000000000ac");
const KEEPER: Address = address!("00000000000000000000000000000000000000ad");

fn context() -> Context {
    Context::new("USDC", 6)
        .with_strategy("aave_a", AAVE_A, 6)
        .with_strategy("aave_b", AAVE_B, 6)
        .with_strategy("morpho", MORPHO, 18)
        .with_account("keeper", KEEPER)
}

/// The error of the demo with one line changed, as people see it.
fn error(from: &str, to: &str) -> String {
    assert_eq!(DEMO.matches(from).count(), 1, "{from:?} must stand once in the demo");
    parse(&DEMO.replace(from, to), "policy.toml", &context()).unwrap_err().to_string()
}

#[test]
fn demo_says_what_it_looks_like() {
    let policy = parse(DEMO, "demo.toml", &context()).unwrap();
    let limits = &policy.limits;
    assert_eq!(limits.mode, Mode::Active);
    assert_eq!((limits.cooldown_seconds, limits.window_seconds), (600, 86_400));
    assert_eq!((limits.max_turnover_bps, limits.max_loss_bps), (10_000, 50));
    assert_eq!((limits.min_idle_bps, limits.max_growth_wad), (500, 5_000_000_000_000_000));
    assert_eq!((limits.max_drawdown_bps, limits.entry_halt_seconds), (100, 86_400));
    assert_eq!((limits.seasoning_seconds, limits.max_nav_age_seconds), (3_600, 3_600));
    assert_eq!((limits.policy_delay_seconds, limits.deposit_cap), (3_600, 100_000_000_000_000));
    let strategies: Vec<_> = policy
        .strategies
        .iter()
        .map(|entry| (entry.strategy, entry.max_weight_bps, entry.status))
        .collect();
    let active = StrategyStatus::Active;
    let expected = [(AAVE_A, 6_000, active), (AAVE_B, 6_000, active), (MORPHO, 5_000, active)];
    assert_eq!(strategies, expected);
    assert_eq!(policy.strategies[2].reference_assets, 1_000_000);
    assert_eq!(policy.strategies[2].reference_shares, 1_000_000_000_000_000_000);
    assert_eq!((policy.agents[0].agent, policy.agents[0].scope), (KEEPER, 0b111));
    assert_eq!(policy.agents[0].expires_at, 2_051_222_400);
    assert_eq!(policy.objective.kind, ObjectiveKind::Yield);
    assert_eq!((policy.objective.hurdle_bps, policy.objective.horizon_seconds), (1, 2_592_000));
    assert!(policy.objective.target_weights_bps.is_empty());
}

#[test]
fn accounts_have_three_spellings() {
    let by_name = parse(DEMO, "demo.toml", &context()).unwrap();
    for spelling in
        ["${keeper}", "0x00000000000000000000000000000000000000ad", &KEEPER.to_checksum(None)]
    {
        let text = DEMO.replace("agent = \"keeper\"", &format!("agent = {spelling:?}"));
        assert_eq!(parse(&text, "demo.toml", &context()).unwrap(), by_name);
    }
}

#[test]
fn dates_may_stand_without_quotes() {
    let text = DEMO.replace("\"2035-01-01\"", "2035-01-01");
    assert_eq!(parse(&text, "", &context()), parse(DEMO, "", &context()));
}

#[test]
fn errors_say_where_what_and_what_instead() {
    let cases = [
        ("min_idle = \"5 %\"", "min_idle = 500"),
        ("min_idle = \"5 %\"", "min_idle = \"5\""),
        ("min_idle = \"5 %\"", "min_idle = \"5.001 %\""),
        ("min_idle = \"5 %\"", "min_idle = \"101 %\""),
        ("min_idle = \"5 %\"", ""),
        ("min_idle = \"5 %\"", "min_iddle = \"5 %\""),
        ("max_growth = \"0.5 %\"", "max_growth = \"0.00000000000000001 %\""),
        ("mode = \"active\"", "mode = \"on\""),
        ("cooldown = \"10m\"", "cooldown = \"600\""),
        ("window = \"1d\" ", "window = \"0s\" "),
        ("\"100_000_000 USDC\"", "\"100_000_000\""),
        ("\"100_000_000 USDC\"", "\"100_000_000 DAI\""),
        ("\"100_000_000 USDC\"", "\"0.0000001 USDC\""),
        ("strategy = \"aave_b\"", "strategy = \"aave_c\""),
        ("strategy = \"aave_b\"", "strategy = \"aave_a\""),
        ("strategy = \"aave_b\"", "strategy = \"0xab\""),
        ("strategy = \"aave_b\"", "strategy = \"0x0000000000000000000000000000000000000000\""),
        ("strategy = \"morpho\"", "strategy = \"keeper\""),
        ("\"aave_b\", \"morpho\"]", "\"aave_b\", \"keeper\"]"),
        ("\"aave_b\", \"morpho\"]", "\"aave_b\", \"aave_b\"]"),
        ("expires = \"2035-01-01\"", "expires = \"01.01.2035\""),
        ("expires = \"2035-01-01\"", "expires = \"2035-01-01T00:00:00\""),
        ("expires = \"2035-01-01\"", "expires = \"2035-02-30\""),
        ("kind = \"yield\"", "kind = \"target-weights\""),
        ("kind = \"yield\"", "kind = \"yield\"\ntarget_weights = {}\nband = \"200 %\""),
        ("horizon = \"30d\"", "horizon = [30]"),
        ("schema_version = 1", "schema_version = 2"),
        ("schema_version = 1", "schema_version = \"1\""),
        (
            "schema_version = 1",
            "schema_version = 1\ngroups = [{ name = \"\", max_weight = \"1 %\", cap = \"1 USDC\" }]",
        ),
        (
            "[[agents]]",
            "[[groups]]\nname = \"a\"\nmax_weight = \"1 %\"\ncap = \"1 USDC\"\n[[groups]]\nname = \"a\"\n\
             max_weight = \"1 %\"\ncap = \"1 USDC\"\n[[agents]]",
        ),
        ("strategy = \"aave_b\"", "strategy = \"aave_b\"\ngroups = [\"aave\"]"),
        ("[limits]", "[limits]\nmanagement_fee = \"1 %\""),
        ("[limits]", "[limits]\nperformance_fee = \"101 %\"\nfee_recipient = \"keeper\""),
        (
            "kind = \"yield\"",
            "kind = \"target-weights\"\nband = \"1 %\"\n\
             target_weights = { aave_a = \"50 %\", aave_b = \"50 %\", morpho = \"0.01 %\" }",
        ),
        ("[objective]", "[objective"),
        ("[limits]", "[limits]\nmode = \"active\""),
    ];
    let mut seen = String::new();
    for (from, to) in cases {
        seen.push_str(&error(from, to));
        seen.push('\n');
    }
    crate::testing::golden("errors.txt", &seen);
}

#[test]
fn shares_need_their_decimals_or_smallest_units() {
    let context = Context::new("USDC", 6).with_account("aave_a", AAVE_A);
    let text = DEMO.replace("\"aave_b\"", "\"0x00000000000000000000000000000000000000ab\"");
    let error = parse(&text, "p", &context).unwrap_err();
    assert_eq!((error.key.as_str(), error.line), ("strategies[0].reference.shares", 26));
    assert!(error.expected.contains("units"), "{error}");
    let rendered = render(&parse(DEMO, "demo.toml", &self::context()).unwrap(), &context);
    assert!(rendered.contains("shares = \"1_000_000 units\""), "{rendered}");
    assert!(parse(&rendered, "p", &context).is_ok());
}

const ALONE: &str = "
[asset]
symbol = \"USDC\"
decimals = 6

[names]
aave_a = { address = \"0x00000000000000000000000000000000000000aa\", decimals = 6 }
aave_b = { address = \"0x00000000000000000000000000000000000000ab\", decimals = 6 }
morpho = { address = \"0x00000000000000000000000000000000000000ac\", decimals = 18 }
keeper = \"0x00000000000000000000000000000000000000ad\"
";

#[test]
fn a_file_that_tells_its_own_names_needs_no_context() {
    let text = format!("{DEMO}{ALONE}");
    let alone = read(&text, "p", None).unwrap();
    let known = parse(DEMO, "p", &context()).unwrap();
    assert_eq!((&alone.policy, &alone.context), (&known, &context()));
    assert_eq!(parse(&text, "p", &context()).unwrap(), known, "what it tells is what is known");
    assert_eq!(alone.place_of("limits.min_idle"), Place { line: 12, column: 12 });
    assert_eq!(alone.place_of("strategies[1].groups"), alone.place_of("strategies[1]"));
    let without = read(DEMO, "p", None).unwrap_err();
    assert_eq!((without.key.as_str(), without.problem.as_str()), ("asset", "missing"));
}

#[test]
fn names_of_a_file_contradict_nothing() {
    let cases = [
        ("symbol = \"USDC\"", "symbol = \"USDT\""),
        ("symbol = \"USDC\"", "symbol = \"US DC\""),
        ("symbol = \"USDC\"", "symbol = \"units\""),
        ("decimals = 6\n", "decimals = 18\n"),
        ("decimals = 6\n", "decimals = 28\n"),
        ("decimals = 18 }", "decimals = 6 }"),
        ("decimals = 18 }", "decimals = 256 }"),
        ("decimals = 18 }", "digits = 6 }"),
        ("keeper = \"0x00000000000000000000000000000000000000ad\"", "keeper = \"keeper\""),
        ("keeper = \"0x00000000000000000000000000000000000000ad\"", "keeper = 7"),
        ("keeper = ", "\"0xkeeper\" = "),
        ("keeper = ", "\"\" = "),
        (
            "keeper = \"0x00000000000000000000000000000000000000ad",
            "keeper = \"0x00000000000000000000000000000000000000ae",
        ),
    ];
    let mut seen = String::new();
    for (from, to) in cases {
        assert_eq!(ALONE.matches(from).count(), 1, "{from:?} must stand once");
        let text = format!("{DEMO}{}", ALONE.replace(from, to));
        let error = parse(&text, "policy.toml", &context()).unwrap_err();
        seen.push_str(&format!("{error}\n"));
    }
    crate::testing::golden("names.txt", &seen);
}

#[test]
fn names_of_groups_that_are_no_text_are_written_in_hexadecimal() {
    let mut policy = parse(DEMO, "p", &context()).unwrap();
    let names: [&[u8]; 4] = [&[0xff, 0xfe], b"0xabc", "\u{7f}\u{1}é".as_bytes(), &[0x80; 31]];
    policy.groups = names
        .iter()
        .map(|name| GroupPolicy {
            name: alloy_primitives::B256::right_padding_from(name),
            max_weight_bps: 1,
            cap: 1,
        })
        .collect();
    policy.strategies[0].groups = 0b1111;
    let text = render_alone(&policy, &context());
    assert!(
        text.contains("name = \"0xfffe\"") && text.contains("name = \"0x3078616263\""),
        "{text}"
    );
    assert_eq!(read(&text, "p", None).unwrap().policy, policy);
}

proptest! {
    /// From a file to the chain's bytes and back to a file: the same policy, the same hash.
    #[test]
    fn files_survive_the_chain(policy in valid_policy(), digits in 0_u8..24, named: [bool; 3]) {
        let mut context = Context::new("WETH", digits);
        for (place, entry) in policy.strategies.iter().enumerate().filter(|(i, _)| named[i % 3]) {
            context = context.with_strategy(format!("v {place}\""), entry.strategy, digits);
        }
        for (place, entry) in policy.agents.iter().enumerate().filter(|(i, _)| named[(i + 1) % 3]) {
            context = context.with_account(format!("0x{place}"), entry.agent);
        }
        let file = render_alone(&policy, &context);
        let read_back = read(&file, "p", None).map_err(|e| TestCaseError::fail(format!("{e}\n{file}")))?;
        let on_chain = encode(&read_back.policy);
        let decoded = crate::decode(&on_chain).unwrap();
        let again = render_alone(&decoded, &context);
        prop_assert_eq!(&again, &file);
        let last = read(&again, "p", None).unwrap().policy;
        prop_assert_eq!(&last, &policy);
        prop_assert_eq!(crate::hash(&last), crate::hash(&policy));
        prop_assert_eq!(alloy_primitives::keccak256(&on_chain), crate::hash(&policy));
    }

    #[test]
    fn files_survive_the_round_trip(policy in valid_policy(), digits in 0_u8..24, named: bool) {
        let mut context = Context::new("WETH", digits);
        if named && let Some(entry) = policy.strategies.first() {
            context = context.with_strategy("first", entry.strategy, digits);
        }
        let text = render(&policy, &context);
        match parse(&text, "policy.toml", &context) {
            Ok(read) => {
                prop_assert_eq!(&read, &policy);
                prop_assert_eq!(encode(&read), encode(&policy));
                prop_assert_eq!(render(&read, &context), text);
            }
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }

    /// Also what no guard accepts: numbers out of range.
    #[test]
    fn every_document_has_a_text(policy in any_policy()) {
        let context = context();
        let text = render(&policy, &context);
        let source = reader::Source::new("policy.toml", &text);
        match read::policy(&source, &text, Some(&context)) {
            Ok((read, _)) => prop_assert_eq!(&read, &policy),
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let _ = parse(&text, "policy.toml", &context());
    }

    #[test]
    fn no_damage_panics(places in prop::collection::vec((0..DEMO.len(), any::<char>()), 1..6)) {
        let mut characters: Vec<char> = DEMO.chars().collect();
        for (place, character) in places {
            let length = characters.len();
            characters[place % length] = character;
        }
        let text: String = characters.into_iter().collect();
        let _ = parse(&text, "policy.toml", &context());
    }
}
