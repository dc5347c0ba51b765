//! `keeper policy` against a live treasury with its Governor: from a file through the vote to what the chain enforces, and back.
//! What people read is kept as files that a person reviewed; `UPDATE_GOLDEN=1` writes them anew.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use alloy::primitives::{Address, B256, Bytes, U256};
use serde_json::Value;
use vagus_e2e::{
    governance::{Governor, Proposal, Timelock},
    keeper::Keeper,
    paths, playground,
    treasury::{IPolicyGuard, people},
    world::World,
};
use vagus_keeper::proposal::checksum;
use vagus_policy::{Policy, hash, toml::read};

use crate::pages::{golden, masked};

/// Key of the account that holds the votes: the sixth of every local test chain.
const VOTER_KEY: &str = "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba";

/// A treasury, and a folder with policy files.
struct Desk {
    world: World,
    config: PathBuf,
    folder: PathBuf,
}

impl Desk {
    async fn open() -> Self {
        let folder = paths::run_folder("policy").unwrap();
        let (world, config) = playground::build(&folder).await.unwrap();
        Self { world, config, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.folder.join(name), text).unwrap();
        self.path(name)
    }

    /// Runs `keeper policy` with the configuration.
    fn ask(&self, arguments: &[&str]) -> Output {
        let config = self.config.display().to_string();
        run(&[arguments, &["--config", &config]].concat())
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        assert!(!output.stdout.contains(&0x1b), "colours in a pipe");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let told: Value =
            serde_json::from_str(&self.text(&[arguments, &["--json"]].concat())).unwrap();
        assert_eq!(told["schema"], 1, "{told}");
        told
    }

    /// What a person reads, without what is another in each build.
    fn shows(&self, name: &str, text: &str) {
        golden(name, &masked(text, &self.folder));
    }

    /// The file in force with changes.
    fn edited(&self, name: &str, changes: &[(&str, &str)]) -> (String, Policy) {
        let mut text = self.text(&["show"]);
        for (from, to) in changes {
            assert!(text.contains(from), "{from} is not in\n{text}");
            text = text.replacen(from, to, 1);
        }
        let policy = read(&text, name, None).unwrap().policy;
        (self.write(name, &text), policy)
    }

    async fn in_force(&self) -> (B256, u64) {
        let chain = &self.world.clock.chain;
        let state = chain.call(self.world.treasury.guard, IPolicyGuard::guardStateCall {}).await;
        let state = state.unwrap();
        (state.policyHash, state.policyVersion)
    }

    async fn pending(&self) -> B256 {
        let chain = &self.world.clock.chain;
        let call = IPolicyGuard::pendingPolicyCall {};
        chain.call(self.world.treasury.guard, call).await.unwrap().hash
    }

    /// Somebody sends a call that a command made.
    async fn send(&mut self, from: Address, told: &Value, seconds: u64) {
        let to: Address = told["to"].as_str().unwrap().parse().unwrap();
        let data: Bytes = told["data"].as_str().unwrap().parse().unwrap();
        self.world.clock.ready(seconds).await.unwrap();
        let hash = self.world.clock.chain.submit_data(from, to, data).await.unwrap();
        self.world.clock.land(hash, "a call of keeper policy", seconds).await.unwrap();
    }

    /// Runs a command that sends as `from`, mines what it sends, and gives back what it said.
    async fn sends(&mut self, from: Address, arguments: Vec<String>) -> Output {
        let config = self.config.display().to_string();
        let asked = arguments.clone();
        let waiting = tokio::task::spawn_blocking(move || {
            let mut all: Vec<&str> = asked.iter().map(String::as_str).collect();
            all.extend(["--config", &config]);
            run(&all)
        });
        while self.world.clock.chain.waiting(from).await.unwrap() == 0 && !waiting.is_finished() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        self.world.clock.mine(12).await.unwrap();
        waiting.await.unwrap()
    }

    /// The vote on a proposal that was made, up to the last step before `execute`.
    async fn vote(&mut self, proposal: &Proposal) {
        let governor = self.world.treasury.governor;
        let voter = self.world.person(people::VOTER);
        let chain = &self.world.clock.chain;
        let delay = chain.call(governor, Governor::votingDelayCall {}).await.unwrap().to::<u64>();
        let period = chain.call(governor, Governor::votingPeriodCall {}).await.unwrap().to::<u64>();
        let id = chain.call(governor, proposal.id()).await.unwrap();
        let vote = Governor::castVoteCall { proposalId: id, support: 1 };
        self.world.clock.act(voter, governor, vote, delay + 1).await.unwrap();
        self.world.clock.advance(period).await.unwrap();
        self.world.clock.act(voter, governor, proposal.queue(), 12).await.unwrap();
    }

    async fn execute(&mut self, proposal: &Proposal) {
        let (governor, voter) = (self.world.treasury.governor, self.world.person(people::VOTER));
        let chain = &self.world.clock.chain;
        let timelock = self.world.treasury.timelock;
        let wait = chain.call(timelock, Timelock::getMinDelayCall {}).await.unwrap().to::<u64>();
        self.world.clock.act(voter, governor, proposal.execute(), wait + 1).await.unwrap();
    }

    fn proposal(&self, told: &Value) -> Proposal {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Proposal {
            target: text(&told["proposal"]["target"]).parse().unwrap(),
            data: text(&told["proposal"]["calldata"]).parse().unwrap(),
            description: text(&told["description"]),
        }
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(paths::keeper().unwrap())
        .arg("policy")
        .args(arguments)
        .env("RUST_LOG", "warn")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
}

fn account(value: &Value) -> Address {
    value.as_str().unwrap().parse().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[tokio::test]
async fn a_policy_goes_from_a_file_through_the_vote_to_the_chain_and_back() {
    let mut desk = Desk::open().await;
    let (first, _) = desk.in_force().await;

    // What is in force, as a file: the same policy, the same hash.
    let shown = desk.text(&["show"]);
    desk.shows("policy-show.txt", &shown);
    assert_eq!(hash(&read(&shown, "shown", None).unwrap().policy), first);
    assert_eq!(desk.json(&["show"])["hash"], first.to_string());
    let file = desk.write("shown.toml", &shown);
    assert_eq!(desk.json(&["diff", "on-chain", &file])["changes"], Value::Array(vec![]));
    desk.shows("policy-pending-none.txt", &desk.text(&["pending"]));

    // A file that loosens one limit and tightens two.
    let (looser, next) = desk.edited(
        "looser.toml",
        &[
            ("max_weight = \"45 %\"", "max_weight = \"20 %\""),
            ("min_idle = \"5 %\"", "min_idle = \"10 %\""),
            ("max_loss = \"0.1 %\"", "max_loss = \"0.15 %\""),
        ],
    );
    desk.shows("policy-validate.txt", &desk.text(&["validate", &looser]));
    desk.shows("policy-diff.txt", &desk.text(&["diff", "on-chain", &looser]));
    desk.shows("policy-preview.txt", &desk.text(&["preview", &looser]));
    let told = desk.json(&["diff", "on-chain", &looser]);
    assert_eq!(
        (&told["is_at_once"], &told["wait"]["when"]),
        (&false.into(), &"unsubmitted".into())
    );
    assert_eq!(told["changes"].as_array().unwrap().len(), 3);

    // Proposed by who holds the votes, with a keystore; the number is the Governor's own.
    let key: B256 = VOTER_KEY.parse().unwrap();
    let voter = Keeper::keystore(&desk.folder, "voter.keystore", key).unwrap();
    assert_eq!(voter, desk.world.person(people::VOTER));
    let proposed = desk.json(&["propose", &looser]);
    desk.shows("policy-propose.txt", &desk.text(&["propose", &looser]));
    let proposal = desk.proposal(&proposed);
    let arguments = [
        "propose",
        &looser,
        "--send",
        "--keystore",
        &desk.path("voter.keystore"),
        "--password-file",
        &desk.path("agent.password"),
        "--json",
    ];
    let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
    let output = desk.sends(voter, arguments).await;
    assert!(output.status.success(), "{}", said(&output));
    let sent: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(sent["proposal"], proposed["proposal"]);
    let id =
        desk.world.clock.chain.call(desk.world.treasury.governor, proposal.id()).await.unwrap();
    assert_eq!(sent["proposal"]["id"], id.to_string());

    // While it is voted on, anybody sees what it would change and when.
    let side = format!("proposal:{id}");
    desk.shows("policy-diff-proposal.txt", &desk.text(&["diff", "on-chain", &side]));
    assert_eq!(desk.json(&["diff", &looser, &side])["changes"], Value::Array(vec![]));
    assert_eq!(desk.json(&["diff", "on-chain", &format!("proposal:{id:#x}")])["is_at_once"], false);
    desk.vote(&proposal).await;
    let queued = desk.json(&["diff", "on-chain", &side]);
    desk.execute(&proposal).await;
    assert_eq!(desk.pending().await, hash(&next));
    assert_eq!(desk.in_force().await.0, first, "it waits");
    let head = desk.world.clock.head;
    // The first second at which it can be carried out is the one after the timelock's delay.
    assert_eq!(queued["wait"]["submitted_at"], head.timestamp - 1);

    // It waits, and says until when.
    desk.shows("policy-pending.txt", &desk.text(&["pending"]));
    let waits = desk.json(&["pending"]);
    assert_eq!(
        (&waits["hash"], &waits["is_over"]),
        (&hash(&next).to_string().into(), &false.into())
    );
    assert_eq!(waits["seconds_left"], 86_400);
    assert_eq!(desk.json(&["diff", &looser, "pending"])["changes"], Value::Array(vec![]));
    let early = desk.ask(&["activate"]);
    assert_eq!(
        (early.status.code(), said(&early).contains("1 day")),
        (Some(12), true),
        "{}",
        said(&early)
    );

    // The owner is a Governor's timelock, so its veto is a vote.
    let told = desk.json(&["veto", "--as", "owner"]);
    let vote = desk.proposal(&told);
    let id = desk.world.clock.chain.call(desk.world.treasury.governor, vote.id()).await.unwrap();
    assert_eq!(told["proposal"]["id"], id.to_string());
    assert_eq!(account(&told["to"]), desk.world.treasury.governor);

    // The guardian ends it, by a file that a Safe imports.
    let guardian = desk.world.person(people::GUARDIAN);
    let safe = desk.path("veto.json");
    desk.shows("policy-veto.txt", &desk.text(&["veto", "--safe", &safe]));
    let batch: Value = serde_json::from_str(&fs::read_to_string(&safe).unwrap()).unwrap();
    assert_eq!(batch["meta"]["checksum"], checksum(&batch).to_string());
    assert_eq!(batch["meta"]["createdFromSafeAddress"], guardian.to_string());
    let only = batch["transactions"].as_array().unwrap().clone();
    assert_eq!(only.len(), 1);
    desk.send(guardian, &only[0], 12).await;
    assert_eq!(desk.pending().await, B256::ZERO);
    let gone = desk.ask(&["activate"]);
    assert_eq!(gone.status.code(), Some(15), "{}", said(&gone));

    // The same once more, to its end: anybody puts it in force, here the keeper's own key.
    let again = desk.json(&["propose", &looser, "--title", "Once more"]);
    assert_ne!(again["proposal"]["id"], proposed["proposal"]["id"]);
    desk.send(voter, &again, 12).await;
    let proposal = desk.proposal(&again);
    desk.vote(&proposal).await;
    desk.execute(&proposal).await;
    desk.world.clock.advance(86_400).await.unwrap();
    let agent = Keeper::agent().unwrap();
    let output = desk.sends(agent, vec!["activate".into(), "--send".into()]).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(desk.in_force().await, (hash(&next), 2));
    assert_eq!(desk.text(&["show"]).lines().skip(3).collect::<Vec<_>>(), {
        let text = fs::read_to_string(&looser).unwrap();
        text.lines().skip(3).map(str::to_owned).collect::<Vec<_>>()
    });

    // What only tightens is the guardian's at once.
    let (tighter, policy) =
        desk.edited("tighter.toml", &[("max_weight = \"60 %\"", "max_weight = \"55 %\"")]);
    let told = desk.json(&["propose", &tighter, "--as", "guardian"]);
    assert_eq!(told["proposal"], Value::Null);
    assert_eq!(account(&told["from"]), guardian);
    desk.send(guardian, &told, 12).await;
    assert_eq!(desk.in_force().await, (hash(&policy), 3));

    // What guardian and agents have done since is in force too.
    let guard = desk.world.treasury.guard;
    let act = IPolicyGuard::setModeCall { mode: 1 };
    desk.world.clock.act(guardian, guard, act, 12).await.unwrap();
    let act = IPolicyGuard::revokeAgentCall { agent };
    desk.world.clock.act(guardian, guard, act, 12).await.unwrap();
    desk.shows("policy-diff-overlay.txt", &desk.text(&["diff", "on-chain", &tighter]));
    let shown = desk.text(&["show"]);
    assert!(shown.contains("mode to exit-only") && shown.contains("was revoked"), "{shown}");
    assert_eq!(read(&shown, "shown", None).unwrap().policy, policy);
    assert_eq!(desk.world.clock.chain.waiting(agent).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_wrong_is_one_sentence_and_nothing_is_written_or_sent() {
    let desk = Desk::open().await;
    let (fine, _) = desk.edited("fine.toml", &[("min_idle = \"5 %\"", "min_idle = \"6 %\"")]);
    let (ceiling, _) =
        desk.edited("ceiling.toml", &[("max_loss = \"0.2 %\"", "max_loss = \"1.01 %\"")]);
    let (loosens, _) = desk.edited("loosens.toml", &[("60 %", "61 %")]);
    let (stranger, _) = desk.edited(
        "stranger.toml",
        &[(
            "\"Morpho WETHW\" = { address = \"",
            "odd = { address = \"0x000000000000000000000000000000000000dEaD\", decimals = 12 }\n\"Morpho WETHW\" = { address = \"",
        ),
        ("strategy = \"Morpho WETHW\"", "strategy = \"odd\""),
        ("\"Morpho WETHW\"]", "\"odd\"]")],
    );
    let unread = desk.write("unread.toml", &desk.text(&["show"]).replace("5 %", "five"));
    let unit = desk.write("unit.toml", &desk.text(&["show"]).replace("USDW", "USDX"));
    let name =
        desk.write("name.toml", &desk.text(&["show"]).replace("[\"Aave Main\"", "[\"Aave\""));
    let there = desk.write("there.json", "");
    let shown = desk.write("shown.toml", &desk.text(&["show"]));
    let key: B256 = VOTER_KEY.parse().unwrap();
    Keeper::keystore(&desk.folder, "voter.keystore", key).unwrap();
    let (keystore, password) = (desk.path("voter.keystore"), desk.path("agent.password"));
    let cases: Vec<Vec<&str>> = vec![
        vec!["validate", "/nowhere/policy.toml"],
        vec!["validate", &unread],
        vec!["validate", &unit],
        vec!["validate", &name],
        vec!["validate", &ceiling],
        vec!["validate", &stranger],
        vec!["diff", "on-chain", "proposal:12"],
        vec!["diff", "on-chain", "proposal:twelve"],
        vec!["diff", "on-chain", "pending"],
        vec!["diff", "on-chain", &unread],
        vec!["preview", &unread],
        vec!["propose", &ceiling],
        vec!["propose", &shown],
        vec!["propose", &loosens, "--as", "guardian"],
        vec!["propose", &fine, "--safe", &there],
        vec!["propose", &fine, "--title", "two\nlines"],
        vec![
            "propose",
            &fine,
            "--as",
            "guardian",
            "--send",
            "--keystore",
            &keystore,
            "--password-file",
            &password,
        ],
        vec!["propose", &fine, "--send", "--keystore", &password],
        vec!["activate"],
        vec!["veto"],
        vec!["new", &fine],
        vec!["show", "--vault", "other"],
    ];
    let before = desk.world.clock.chain.head().await.unwrap();
    let mut seen = String::new();
    for case in &cases {
        let output = desk.ask(case);
        let sentence = said(&output);
        let code = output.status.code().unwrap();
        assert!(code != 0 && code != 101 && code != 1, "{case:?}: {code} {sentence}");
        assert_eq!(sentence.lines().count(), 1, "{case:?}: {sentence}");
        assert!(sentence.starts_with("keeper: ") && sentence.ends_with('.'), "{sentence}");
        let asked = case.join(" ").replace('\n', "\\n");
        seen.push_str(&format!("{asked}\n  {code} {sentence}\n"));
        if case[0] == "validate" && output.stdout.len() > 1 {
            let page = String::from_utf8_lossy(&output.stdout);
            let findings: Vec<&str> = page
                .split("\n\n")
                .filter(|it| it.starts_with("error") || it.starts_with("warning"))
                .collect();
            assert!(!findings.is_empty(), "{page}");
            findings.iter().for_each(|finding| seen.push_str(&format!("{finding}\n")));
        }
    }
    for case in [vec!["diff", "on-chain", &fine], vec!["diff", &fine, "pending"]] {
        let output = run(&case);
        seen.push_str(&format!("{}\n  {}\n", case.join(" "), said(&output)));
        assert_eq!(output.status.code(), Some(2));
    }
    desk.shows("policy-errors.txt", &seen);
    // Nothing came of any of it.
    let guardian = desk.world.person(people::GUARDIAN);
    for account in [desk.world.person(people::VOTER), guardian, Keeper::agent().unwrap()] {
        assert_eq!(desk.world.clock.chain.waiting(account).await.unwrap(), 0);
    }
    assert_eq!(desk.world.clock.chain.head().await.unwrap().number, before.number);
    assert_eq!(fs::read_to_string(&there).unwrap(), "");
    assert_eq!(desk.pending().await, B256::ZERO);
}

#[tokio::test]
async fn a_beginning_is_made_of_what_is_in_force_and_of_what_a_person_says() {
    let mut desk = Desk::open().await;
    let (first, _) = desk.in_force().await;
    let file = desk.path("new.toml");
    desk.text(&["new", &file, "--defaults"]);
    let made = read(&fs::read_to_string(&file).unwrap(), "new.toml", None).unwrap();
    assert_eq!(hash(&made.policy), first);
    desk.text(&["validate", &file, "--strict"]);

    let asked = desk.path("asked.toml");
    let mut keeper = Command::new(paths::keeper().unwrap())
        .args(["policy", "new", &asked, "--config"])
        .arg(&desk.config)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    use std::io::Write as _;
    // Turnover stays, the next is asked twice, the rest stays.
    keeper.stdin.take().unwrap().write_all(b"\nmuch\n0.1\n\n\n35\n\n").unwrap();
    let output = keeper.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    desk.shows("policy-new.txt", &String::from_utf8(output.stderr).unwrap());
    let made = read(&fs::read_to_string(&asked).unwrap(), "asked.toml", None).unwrap().policy;
    assert_eq!((made.limits.max_turnover_bps, made.limits.max_loss_bps), (10_000, 10));
    assert_eq!(made.strategies[1].max_weight_bps, 3_500);

    // Income, moves and budgets of a preview are numbers of the chain's.
    let told = desk.json(&["preview", &asked]);
    assert_eq!(told["nav"], U256::from(9_000_000_000_000_u64).to_string());
    assert_eq!(told["budgets"][0]["turnover"]["left"], "9000000000000");
    assert_eq!(told["budgets"][0]["loss"]["capacity"], "9000000000");
    let plan = &told["outlooks"][0]["plan"];
    assert_eq!(
        (&plan["is_rebalance"], account(&plan["agent"])),
        (&true.into(), Keeper::agent().unwrap())
    );
    let prime = &plan["lines"][2];
    let after: u64 = prime["assets_after"].as_str().unwrap().parse().unwrap();
    assert!(after > 0 && after <= 3_150_000_000_000, "{prime}");

    // Once the keeper has placed the assets, a file may find them outside its limits: first what is outside comes inside.
    desk.world.hire().unwrap();
    desk.world.clock.advance(12).await.unwrap();
    desk.world.clock.advance(60).await.unwrap();
    desk.world.dismiss().await.unwrap();
    desk.world.clock.advance(7_200).await.unwrap();
    let (narrow, _) = desk.edited(
        "narrow.toml",
        &[
            ("max_weight = \"60 %\"", "max_weight = \"30 %\""),
            ("min_idle = \"5 %\"", "min_idle = \"25 %\""),
            ("[objective]", "[[groups]]\nname = \"aave\"\nmax_weight = \"35 %\"\ncap = \"9_000_000 USDW\"\n\n[objective]"),
            ("strategy = \"Aave Main\"\n", "strategy = \"Aave Main\"\ngroups = [\"aave\"]\n"),
            ("strategy = \"Aave Prime\"\n", "strategy = \"Aave Prime\"\ngroups = [\"aave\"]\n"),
        ],
    );
    desk.shows("policy-preview-repair.txt", &desk.text(&["preview", &narrow]));
    let told = desk.json(&["preview", &narrow]);
    let holdings = desk.world.holdings().await.unwrap();
    let main = &told["breaches"].as_array().unwrap().iter().find(|it| it["limit"] == "max_weight");
    let main: u64 = main.unwrap()["observed"].as_str().unwrap().parse().unwrap();
    assert!(holdings.strategies[0].abs_diff(U256::from(main)) <= U256::from(2), "{told}");
    assert_eq!(told["outlooks"][0]["plan"]["reason"], "RepairWeight", "{told}");
    // What a venue pays is known here: three times it is more than this.
    let (slow, _) =
        desk.edited("slow.toml", &[("max_growth = \"0.5 %\"", "max_growth = \"0.001 %\"")]);
    let output = desk.ask(&["validate", &slow, "--strict", "--json"]);
    assert_eq!(output.status.code(), Some(14));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &told["findings"][0];
    assert_eq!(
        (&finding["code"], &finding["key"]),
        (&"GrowthSlow".into(), &"limits.max_growth".into())
    );
    assert!(finding["problem"].as_str().unwrap().contains(" pays "), "{finding}");
}
