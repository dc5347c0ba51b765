use alloy::primitives::U256;
use vagus_allocator::RateBase;
use vagus_chain::ContractForm;

use super::*;

const EXAMPLE: &str = include_str!("../../examples/keeper.toml");

fn parse(text: &str) -> Result<Config, Failure> {
    Config::parse(text, Path::new("keeper.toml"), Path::new("/etc/vagus"), &|name| {
        (name == "MAINNET_RPC_URL").then(|| "https://node.example/v2/secret-key".to_owned())
    })
}

fn with(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "the example has no {from:?}");
    let text = EXAMPLE.replacen(from, to, 1);
    let failure = parse(&text).expect_err("must be refused");
    assert_eq!(failure.exit, Exit::Config);
    failure.sentence
}

fn assert_says(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "expected {part:?} in: {sentence}");
    }
    assert!(!sentence.contains('\n'), "one sentence, one line: {sentence}");
}

#[test]
fn the_example_is_sound() {
    let config = parse(EXAMPLE).expect("sound");
    assert_eq!(config.chains[0].chain_id, 1);
    assert_eq!(config.chains[0].fees.max_fee_gwei.wei, 60_000_000_000);
    assert_eq!(config.vaults[0].smallest_move.in_units("USDC", 6), Ok(100_000_000));
    assert_eq!(config.vaults[0].strategies.len(), 3);
    let source = KeySource::Keystore {
        file: "/etc/vagus/agent.keystore".into(),
        password: PasswordSource::File("/etc/vagus/agent.password".into()),
    };
    assert_eq!(config.agent.account, KeyConfig { address: config.agent.address, source });
    assert_eq!(config.journal.expose(), "sqlite:/etc/vagus/journal.db");
}

#[test]
fn retention_and_leases_have_their_limits() {
    let config = parse(EXAMPLE).expect("sound");
    assert_eq!(config.retention.keep_seconds(), Some(30 * 86_400));
    assert_eq!((config.fleet.name.as_str(), config.fleet.lease_seconds), ("keeper", 30));
    let without = EXAMPLE
        .replacen("keep_holds_days = 30", "", 1)
        .replacen("[fleet]", "", 1)
        .replacen("name = \"keeper\"", "", 1)
        .replacen("lease_seconds = 30", "", 1);
    let default = parse(&without).expect("sound");
    assert_eq!((default.retention, default.fleet), (config.retention, config.fleet));
    let text = EXAMPLE.replacen("keep_holds_days = 30", "keep_holds_days = 0", 1);
    assert_eq!(parse(&text).expect("sound").retention.keep_seconds(), None);
    for seconds in [6, 600] {
        let text = EXAMPLE.replacen("lease_seconds = 30", &format!("lease_seconds = {seconds}"), 1);
        let patience = parse(&text).expect("sound").fleet.patience();
        assert!(patience.standing.as_secs() * 2 <= seconds, "{patience:?}");
    }
    for seconds in ["5", "601"] {
        let to = format!("lease_seconds = {seconds}");
        assert_says(&with("lease_seconds = 30", &to), &["[fleet]", "from 6 to 600 seconds"]);
    }
    assert_says(
        &with("name = \"keeper\"", "nme = \"keeper\""),
        &["[fleet]", "nme", "unknown field"],
    );
}

#[test]
fn secrets_of_addresses_do_not_print() {
    let config = parse(EXAMPLE).expect("sound");
    let printed = format!("{config:?} {}", config.chains[0].endpoints[0]);
    assert!(!printed.contains("secret-key"), "{printed}");
    assert!(printed.contains("node.example"), "{printed}");
    let text = EXAMPLE.replacen("sqlite:journal.db", "postgres://me:hush@db.example/vagus", 1);
    let printed = format!("{:?}", parse(&text).expect("sound").journal);
    assert_eq!(printed, "postgres://db.example");
}

#[test]
fn unknown_keys_are_refused_where_they_stand() {
    let sentence = with("poll_ms = 2000", "pol_ms = 2000");
    assert_says(
        &sentence,
        &["keeper.toml:", "[chains.profile] pol_ms", "unknown field", "poll_ms"],
    );
    assert_says(&with("headroom_bps = 10", "headrom_bps = 10"), &["[[vaults]]", "headrom_bps"]);
    assert_says(&with("max_fee_gwei", "max_fee"), &["[chains.fees] max_fee", "unknown field"]);
}

#[test]
fn addresses_are_checked_with_their_checksum() {
    let known = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    assert_says(
        &with(known, "0x70997970C51812dc3A010C7d01b50e0d17dc79c8"),
        &["keeper.toml:11:11: [agent] address", "checksum"],
    );
    assert_says(&with(known, "0x7099"), &["[agent] address", "expected an address"]);
}

#[test]
fn references_must_resolve() {
    assert_says(&with("chain = \"mainnet\"", "chain = \"maintnet\""), &["maintnet", "mainnet"]);
    assert_says(&with("url_env = \"MAINNET_RPC_URL\"", "url_env = \"NOPE\""), &["NOPE", "not set"]);
    assert_says(&with("url_env = \"MAINNET_RPC_URL\"", ""), &["exactly one of url"]);
    assert_says(
        &with("url_env = \"MAINNET_RPC_URL\"", "url = \"ftp://node\""),
        &["expected an http:// or https:// address"],
    );
}

#[test]
fn a_collector_of_traces_is_optional_and_prints_no_secret() {
    assert_eq!(parse(EXAMPLE).expect("sound").traces, None);
    let traces = |url: &str| format!("[traces]\nurl = \"{url}\"\n[fleet]");
    let of = |section: &str| parse(&EXAMPLE.replacen("[fleet]", section, 1));
    let config = of(&traces("https://user:planted@host:4318/v1/traces?planted")).expect("sound");
    let found = config.traces.as_ref().expect("some");
    assert_eq!(found.to_string(), "https://host:4318");
    assert!(!format!("{config:?}").contains("planted"));
    assert_says(&with("[fleet]", &traces("localhost:4318")), &["[traces]", "expected an http://"]);
    assert_says(&with("[fleet]", "[traces]\n[fleet]"), &["exactly one of url"]);
}

#[test]
#[cfg(not(feature = "otlp"))]
fn traces_that_are_not_built_in_are_named_with_their_feature() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let section = "[traces]\nurl = \"http://user:planted@host/\"\n[fleet]";
    let text = EXAMPLE.replacen("[fleet]", section, 1);
    let of = |text: &str| crate::otlp::Traces::of(&parse(text).expect("sound"), runtime.handle());
    assert!(of(EXAMPLE).expect("nothing is asked for").is_none());
    let refused = of(&text).expect_err("refused");
    assert_eq!(refused.exit, crate::exit::Exit::Config);
    assert!(refused.sentence.contains("--features otlp"), "{refused}");
    assert!(!refused.sentence.contains("planted"), "{refused}");
}

#[test]
fn values_say_what_was_expected() {
    assert_says(&with("\"100 USDC\"", "\"100\""), &["smallest_move", "100 USDC"]);
    assert_says(&with("finality = \"tag\"", "finality = \"soon\""), &["finality", "\"tag\" or"]);
    assert_says(&with("finality = \"tag\"", "finality = 0"), &["finality", "above zero"]);
    assert_says(&with("poll_ms = 2000", "poll_ms = 0"), &["poll_ms", "above zero"]);
    assert_says(
        &with("max_fee_gwei = \"60\"", "max_fee_gwei = \"6e1\""),
        &["max_fee_gwei", "gwei"],
    );
    assert_says(&with("\"120\"", "\"67.4\""), &["cancel_max_fee_gwei", "12.5 %"]);
    assert_says(&with("sqlite:journal.db", "journal.db"), &["[journal]", "sqlite:"]);
    assert_says(&with("headroom_bps = 10", "headroom_bps = 10000"), &["below 10000"]);
    assert_says(&with("password_file", "password_env = \"A\"\npassword_file"), &["at most one"]);
    assert_says(&with("chain_id = 1", ""), &["missing field `chain_id`"]);
}

/// A rate behind the example's last vault.
fn with_rate(lines: &str) -> Result<Config, Failure> {
    parse(&format!("{EXAMPLE}\n[[vaults.rates]]\n{lines}\n"))
}

fn refused(lines: &str, parts: &[&str]) {
    let failure = with_rate(lines).expect_err(lines);
    for part in parts {
        assert!(failure.sentence.contains(part), "{lines}: {failure} does not say {part:?}");
    }
}

#[test]
fn rates_say_where_income_is_taken_from() {
    let ray = |bps: u64| U256::from(bps) * U256::from(10_u64).pow(U256::from(23));
    let flat = with_rate("strategy = \"Aave Core\"\nsource = \"flat\"\nyearly_bps = 350");
    let rate = flat.expect("sound").vaults[0].rates[0].clone();
    assert_eq!(rate.input.base, RateBase::Flat { yearly_ray: ray(350) });
    assert_eq!((rate.input.reward, rate.windows), (None, None));
    let past = with_rate(
        "strategy = \"0x0000000000000000000000000000000000000b01\"\nsource = \"history\"\nwindow_hours = 12\n\
         windows = 20\nmin_samples = 21\n\
         reward = { yearly_bps = 120, source = \"the venue's campaign\", expires = 2027-01-01 }",
    );
    let rate = past.expect("sound").vaults[0].rates[0].clone();
    assert_eq!(rate.windows, Some(Windows { seconds: 43_200, count: 20 }));
    let reward = rate.input.reward.expect("a reward");
    assert_eq!((reward.yearly_ray, reward.expires_at), (ray(120), 1_798_761_600));
}

#[test]
fn rates_that_make_no_sense_are_refused() {
    let core = "strategy = \"Aave Core\"\n";
    let of = |rest: &str| format!("{core}{rest}");
    refused("strategy = \"Aave Cor\"\nsource = \"curve\"", &["Aave Cor", "[vaults.strategies]"]);
    refused(&of("source = \"curve\""), &["expected a reward"]);
    refused(&of("source = \"guess\""), &["guess"]);
    refused(&of("source = \"flat\""), &["yearly_bps"]);
    refused(&of("source = \"flat\"\nyearly_bps = 1\nwindows = 3"), &["windows", "history"]);
    refused(&of("source = \"history\"\nyearly_bps = 1"), &["yearly_bps", "flat"]);
    refused(&of("source = \"history\"\nwindows = 61"), &["from 1 to 60"]);
    refused(&of("source = \"history\"\nwindows = 3\nmin_samples = 5"), &["from 2 to 4"]);
    refused(&of("source = \"history\"\nmin_samples = 1"), &["from 2 to 31"]);
    refused(&of("source = \"history\"\nwindow_hours = 721"), &["from 1 to 720"]);
    let reward = |expires: &str, who: &str| {
        of(&format!(
            "source = \"curve\"\nreward = {{ yearly_bps = 1, source = \"{who}\", expires = {expires} }}"
        ))
    };
    refused(&reward("2027-01-01T12:00:00Z", "x"), &["expected a day"]);
    refused(&reward("2027-01-01", " "), &["who pays"]);
    let twice = format!("{core}source = \"history\"\n[[vaults.rates]]\n{core}source = \"history\"");
    refused(&twice, &["twice"]);
}

#[test]
fn limits_of_values_are_accepted() {
    let text = EXAMPLE.replacen("\"120\"", "\"67.5\"", 1).replacen(
        "headroom_bps = 10",
        "headroom_bps = 9999",
        1,
    );
    assert!(parse(&text).is_ok());
}

#[test]
fn amounts_are_exact() {
    let amount = |text: &str| {
        toml::from_str::<std::collections::BTreeMap<String, Amount>>(&format!("a = {text:?}"))
            .map(|mut map| map.remove("a").expect("there"))
    };
    assert_eq!(amount("0.000001 USDC").expect("sound").in_units("USDC", 6), Ok(1));
    assert!(amount("0.0000001 USDC").expect("sound").in_units("USDC", 6).is_err());
    assert!(amount("1 USDT").expect("sound").in_units("USDC", 6).is_err());
    assert_eq!(amount("1_000.50 USDC").expect("sound").in_units("USDC", 6), Ok(1_000_500_000));
    for wrong in ["USDC", "-1 USDC", "1. USDC", ".5 USDC", "1  USDC", "1e3 USDC"] {
        assert!(amount(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_vault_that_is_not_there_is_named() {
    let config = parse(EXAMPLE).expect("sound");
    assert_eq!(config.select(None).expect("all").len(), 1);
    let failure = config.select(Some("other")).expect_err("not there");
    assert_eq!(failure.exit, Exit::Usage);
    assert_says(&failure.sentence, &["--vault other", "treasury"]);
}

#[test]
fn the_quorum_is_from_one_to_the_number_of_endpoints_and_all_of_them_by_default() {
    let second = "\n[[chains.endpoints]]\nurl = \"http://localhost:8545\"\n\n[[vaults]]\n";
    let two = EXAMPLE.replacen("\n[[vaults]]\n", second, 1);
    assert_ne!(two, EXAMPLE);
    let quorum = |text: &str| parse(text).map(|config| config.chains[0].quorum);
    assert_eq!((quorum(EXAMPLE), quorum(&two)), (Ok(1), Ok(2)));
    let with_quorum = |number: u32| two.replacen("# quorum = 2", &format!("quorum = {number}"), 1);
    assert_eq!((quorum(&with_quorum(1)), quorum(&with_quorum(2))), (Ok(1), Ok(2)));
    for number in [0, 3] {
        let beyond = quorum(&with_quorum(number)).expect_err("out of range");
        assert_says(&beyond.sentence, &["[[chains]] quorum", "from 1 to 2"]);
    }
}

#[test]
fn a_websocket_is_optional_and_prints_no_secret() {
    let config = parse(EXAMPLE).expect("sound");
    assert_eq!(config.chains[0].websocket, None);
    let socket = |url: &str| {
        let table = format!("[chains.websocket]\nurl = \"{url}\"\n\n[chains.fees]");
        EXAMPLE.replacen("[chains.fees]", &table, 1)
    };
    let config = parse(&socket("wss://node.example/v2/secret-key")).expect("sound");
    let printed = format!("{config:?}");
    assert!(printed.contains("wss://node.example") && !printed.contains("secret-key"), "{printed}");
    let failure = parse(&socket("https://node.example/secret-key")).expect_err("no websocket");
    assert_says(&failure.sentence, &["[chains.websocket]", "ws:// or wss://"]);
    assert!(!failure.sentence.contains("secret-key"), "{failure}");
}

#[test]
fn a_head_is_stale_after_ten_blocks_and_at_least_a_minute() {
    let stale = |block: u32, configured: &str| {
        let text = EXAMPLE
            .replacen("block_seconds = 12", &format!("block_seconds = {block}"), 1)
            .replacen("stale_after_seconds = 120\n", configured, 1);
        parse(&text).expect("sound").chains[0].profile.stale_after().as_secs()
    };
    assert_eq!((stale(12, ""), stale(2, ""), stale(2, "stale_after_seconds = 7\n")), (120, 60, 7));
    let zero = with("stale_after_seconds = 120", "stale_after_seconds = 0");
    assert_says(&zero, &["stale_after_seconds", "above zero"]);
    let low = with("lens_gas = 50_000_000", "lens_gas = 5_999_999");
    assert_says(&low, &["[chains.profile] lens_gas", "at least 6000000"]);
}

#[test]
fn a_daily_budget_allows_one_rebalance_or_is_refused() {
    let budget = |text: &str| EXAMPLE.replacen("daily_budget = \"2\"", text, 1);
    let config = parse(EXAMPLE).expect("sound");
    let wei = |config: &Config| config.chains[0].fees.daily_budget.map(|budget| budget.wei);
    assert_eq!(wei(&config), Some(2_000_000_000_000_000_000));
    assert_eq!(wei(&parse(&budget("")).expect("sound")), None);
    // Six million gas at 60 gwei, and one wei less.
    let least = parse(&budget("daily_budget = \"0.36\"")).expect("sound");
    assert_eq!(wei(&least), Some(config.chains[0].fees.worst_case_wei(6_000_000)));
    assert_says(
        &with("daily_budget = \"2\"", "daily_budget = \"0.359999999999999999\""),
        &["[[vaults]] chain", "daily_budget", "at least 0.36", "6000000 gas"],
    );
    for wrong in ["\"0\"", "\"1 ETH\"", "\"0.0000000000000000001\""] {
        let sentence = with("daily_budget = \"2\"", &format!("daily_budget = {wrong}"));
        assert_says(&sentence, &["[chains.fees] daily_budget", "native token above zero"]);
    }
}

/// The example with other lines for the key.
fn with_key(lines: &str) -> String {
    let text = EXAMPLE.replacen("keystore = \"agent.keystore\"", lines, 1);
    text.replacen("password_file = \"agent.password\"", "", 1)
}

#[test]
fn a_key_is_in_one_place() {
    let key = |lines: &str| parse(&with_key(lines)).map(|config| config.agent.account.source);
    assert_eq!(key("watch_only = true"), Ok(KeySource::WatchOnly));
    let aws = "aws_kms = { key_id = \"key-1\", region = \"eu-west-1\" }";
    let place = AwsKms { key_id: "key-1".into(), region: Some("eu-west-1".into()), endpoint: None };
    assert_eq!(key(aws), Ok(KeySource::AwsKms(place)));
    let raw = KeySource::UnsafeRaw(RawKeySource::Variable("KEY".into()));
    assert_eq!(key("unsafe_raw_key_env = \"KEY\""), Ok(raw));
    let prompt = key("keystore = \"k\"").expect("sound");
    assert!(matches!(prompt, KeySource::Keystore { password: PasswordSource::Prompt, .. }));
    for wrong in ["", "keystore = \"k\"\nwatch_only = true", "watch_only = false"] {
        let refused = key(wrong).expect_err("refused").sentence;
        assert_says(&refused, &["[agent]", "expected exactly one of keystore"]);
    }
    let refused = key("watch_only = true\npassword_env = \"P\"").expect_err("refused").sentence;
    assert_says(&refused, &["a password opens a keystore"]);
    let refused = key(
        "gcp_kms = { project = \"p\", location = \"l\", key_ring = \"r\", key = \"k\", version = 0 }",
    );
    assert_says(&refused.expect_err("refused").sentence, &["gcp_kms", "above zero"]);
    let refused = key("watch_only = true\nsign_timeout_ms = 0");
    // The example names it already.
    assert_says(&refused.expect_err("refused").sentence, &["sign_timeout_ms"]);
}

#[test]
fn a_contract_acts_by_the_word_of_its_signers() {
    let safe = "0x1111111111111111111111111111111111111111";
    let owner = "0x2222222222222222222222222222222222222222";
    let contract = |lines: &str| {
        let section = format!("[agent.contract]\n{lines}\n[journal]");
        parse(&EXAMPLE.replacen("[journal]", &section, 1)).map(|config| config.agent)
    };
    let alone = contract(&format!("address = \"{safe}\"\nform = \"safe\"")).expect("sound");
    assert_eq!(alone.address.to_string(), safe);
    let by = alone.contract.clone().expect("a contract");
    assert_eq!((by.form, by.signers), (ContractForm::Safe, vec![alone.account.clone()]));
    assert_eq!(alone.keys().count(), 1);
    let signer = format!("[[agent.contract.signers]]\naddress = \"{owner}\"\nkeystore = \"o\"\n");
    let two = contract(&format!("address = \"{safe}\"\nform = \"safe\"\n{signer}")).expect("sound");
    assert_eq!((two.keys().count(), two.is_watch_only()), (2, false));
    for (lines, parts) in [
        (format!("address = \"{safe}\"\nform = \"gnosis\""), vec!["form", "safe", "plain"]),
        (format!("address = \"{safe}\"\nform = \"safe\"\n{signer}{signer}"), vec!["twice"]),
        (
            format!(
                "address = \"{safe}\"\nform = \"plain\"\n{signer}{}",
                signer.replace("22", "33")
            ),
            vec!["one signature"],
        ),
        (format!("address = \"{}\"\nform = \"safe\"", alone.account.address), vec!["not that of"]),
        (
            format!("address = \"{safe}\"\nform = \"safe\"\n{signer}sign_timeout_ms = 5\n"),
            vec!["belong to [agent]"],
        ),
    ] {
        assert_says(&contract(&lines).expect_err("refused").sentence, &parts);
    }
}
