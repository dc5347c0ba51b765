use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;
use vagus_keeper::exit::Exit;

const EXAMPLE: &str = include_str!("../../examples/keeper.toml");
/// Key of the address in the example, with the password "play": the second account of every local test chain.
const KEYSTORE: &str = include_str!("../data/agent.json");
/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9/v2/secret-key";

/// A folder with a configuration, a keystore and a password.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) config: PathBuf,
}

impl Desk {
    pub(crate) fn new(change: impl FnOnce(String) -> String) -> Self {
        let folder = TempDir::new().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("agent.keystore"), KEYSTORE).expect("written");
        fs::write(at("agent.password"), "play\n").expect("written");
        fs::create_dir_all(at("deployments/1")).expect("made");
        fs::write(at("deployments/1/treasury.json"), deployment()).expect("written");
        let config = at("keeper.toml");
        // Tests run side by side, each at a port of its own.
        let text = EXAMPLE
            .replace("url_env = \"MAINNET_RPC_URL\"", &format!("url = {NOWHERE:?}"))
            .replace("listen = \"127.0.0.1:9464\"", "listen = \"127.0.0.1:0\"");
        fs::write(&config, change(text)).expect("written");
        Self { folder, config }
    }

    fn keeper(&self, verb: &str, more: &[&str]) -> Output {
        run(&[&[verb, "--config", &self.config.display().to_string()], more].concat())
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// The journal is made last: without it nothing was decided, let alone sent.
    fn has_journal(&self) -> bool {
        self.folder.path().join("journal.db").exists()
    }
}

fn deployment() -> String {
    let address = |byte: u8| format!("0x{}", format!("{byte:02x}").repeat(20));
    let hash = |byte: u8| format!("0x{}", format!("{byte:02x}").repeat(32));
    serde_json::json!({
        "schemaVersion": 1, "treasury": "treasury", "chainId": 1, "genesisHash": hash(1),
        "deployBlock": 1, "deployer": address(1),
        "vaults": [{
            "asset": address(2), "vault": address(3), "conduit": address(4), "guard": address(5),
            "guardian": address(6), "factory": address(7), "governor": address(8),
            "timelock": address(9), "votes": address(10), "lens": address(11), "lensVersion": vagus_chain::LENS_VERSION,
            "ceilings": {
                "maxTurnoverBps": 1, "maxLossBps": 1, "minWindowSeconds": 1,
                "minPolicyDelaySeconds": 1, "maxPolicyDelaySeconds": 1,
                "maxManagementFeeBps": 1, "maxPerformanceFeeBps": 1, "graceSeconds": 1,
            },
            "codeHashes": { "vault": hash(1), "conduit": hash(2), "guard": hash(3), "lens": hash(4) },
            "policyHash": hash(0),
        }],
    })
    .to_string()
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keeper"))
        .args(arguments)
        .env("RUST_LOG", "trace")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("runs")
}

fn assert_refused(output: &Output, exit: Exit, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit.number().into()), "{said}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    let sentences: Vec<&str> = said.lines().filter(|line| line.starts_with("keeper: ")).collect();
    let [sentence] = sentences.as_slice() else { panic!("one sentence: {said}") };
    assert!(sentence.ends_with('.'), "{sentence}");
    for part in parts {
        assert!(sentence.contains(part), "expected {part:?} in: {sentence}");
    }
    assert!(!said.contains("secret-key"), "{said}");
}

#[test]
fn an_unknown_key_is_named_with_its_place() {
    let desk = Desk::new(|text| text.replace("reorg_window", "reorg_windows"));
    for verb in ["run", "plan", "status"] {
        let output = desk.keeper(verb, &[]);
        assert_refused(&output, Exit::Config, &["keeper.toml:", "reorg_windows", "reorg_window`"]);
    }
    assert!(!desk.has_journal());
}

#[test]
fn a_mistyped_address_is_found_by_its_checksum() {
    let desk = Desk::new(|text| text.replace("0x70997970C51812dc3A0", "0x70997970C51812dc3a0"));
    assert_refused(&desk.keeper("run", &[]), Exit::Config, &["[agent] address", "checksum"]);
}

#[test]
fn an_endpoint_that_is_not_there_is_named_by_its_host_alone() {
    let desk = Desk::new(|text| text);
    for verb in ["run", "plan", "status"] {
        let output = desk.keeper(verb, &[]);
        assert_refused(&output, Exit::Unreachable, &["http://127.0.0.1:9 cannot be reached"]);
    }
    assert!(!desk.has_journal());
}

#[test]
fn a_wrong_password_is_found_before_anything_is_asked() {
    let desk = Desk::new(|text| text);
    desk.write("agent.password", "wrong\n");
    assert_refused(&desk.keeper("run", &[]), Exit::Key, &["agent.keystore", "password"]);
    desk.write("agent.password", "");
    assert_refused(&desk.keeper("run", &[]), Exit::Key, &["password does not open"]);
    fs::remove_file(desk.folder.path().join("agent.password")).expect("removed");
    assert_refused(&desk.keeper("run", &[]), Exit::Key, &["agent.password", "cannot be read"]);
    // Planning needs no key.
    assert_refused(&desk.keeper("plan", &[]), Exit::Unreachable, &["cannot be reached"]);
}

#[test]
fn a_password_comes_through_a_file_descriptor() {
    let desk =
        Desk::new(|text| text.replace("password_file = \"agent.password\"", "password_fd = 0"));
    let with = |password: &str| {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        std::io::Write::write_all(&mut writer, password.as_bytes()).expect("written");
        drop(writer);
        let mut keeper = Command::new(env!("CARGO_BIN_EXE_keeper"));
        let config = desk.config.display().to_string();
        keeper.args(["run", "--config", &config]).stdin(reader).output().expect("ran")
    };
    assert_refused(&with("wrong\n"), Exit::Key, &["password does not open"]);
    // The right one: the next thing that is wrong is the endpoint.
    assert_refused(&with("play\n"), Exit::Unreachable, &["cannot be reached"]);
    let both =
        Desk::new(|text| text.replace("password_file =", "password_fd = 0\npassword_file ="));
    assert_refused(&both.keeper("run", &[]), Exit::Config, &["at most one of", "password_fd"]);
}

#[test]
fn a_keystore_must_be_one_and_of_the_agent() {
    let desk = Desk::new(|text| text);
    desk.write("agent.keystore", "{\"address\": \"none\"}");
    assert_refused(
        &desk.keeper("run", &[]),
        Exit::Key,
        &["agent.keystore", "expected an encrypted"],
    );
    let other = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
    let desk = Desk::new(|text| text.replace("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", other));
    assert_refused(&desk.keeper("run", &[]), Exit::Key, &["0x7099", other]);
}

#[test]
fn another_deployment_is_refused_before_the_chain_is_asked() {
    let desk = Desk::new(|text| text);
    let file = "deployments/1/treasury.json";
    desk.write(file, &deployment().replace("\"schemaVersion\":1", "\"schemaVersion\":7"));
    assert_refused(&desk.keeper("run", &[]), Exit::Deployment, &[file, "schemaVersion 7"]);
    desk.write(file, "{}");
    assert_refused(&desk.keeper("run", &[]), Exit::Deployment, &[file, "schemaVersion"]);
    let desk = Desk::new(|text| {
        let vault = "vault = \"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\"";
        text.replace("# vault = \"0x…\"", vault)
    });
    assert_refused(&desk.keeper("plan", &[]), Exit::Deployment, &["no vault 0x3C44", "it holds"]);
}

#[test]
fn a_vault_that_is_not_configured_is_named() {
    let desk = Desk::new(|text| text);
    let output = desk.keeper("plan", &["--vault", "other"]);
    assert_refused(&output, Exit::Usage, &["--vault other", "treasury"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    assert!(!Path::new("/nowhere/keeper.toml").exists());
    let output = run(&["plan", "--config", "/nowhere/keeper.toml"]);
    assert_refused(&output, Exit::Config, &["/nowhere/keeper.toml", "cannot be read"]);
}

#[test]
fn the_command_line_is_explained() {
    for arguments in [&["plan"][..], &["fly"], &[], &["run", "--config"]] {
        assert_eq!(
            run(arguments).status.code(),
            Some(Exit::Usage.number().into()),
            "{arguments:?}"
        );
    }
    for arguments in [&["help"][..], &["--help"], &["--version"], &["help", "run"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
    let help = String::from_utf8(run(&["help"]).stdout).expect("text");
    assert!(help.contains("keeper plan --config keeper.toml"), "{help}");
}
