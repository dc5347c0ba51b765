//! Secrets are planted where the keeper has them, with a marker that may be seen, and everything that comes out of the
//! keeper is searched: the marker is found in each place, and none of the secrets, in no form.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alloy::{
    primitives::{B256, hex, keccak256},
    signers::local::PrivateKeySigner,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use vagus_e2e::{
    ask::{free_address, get, until},
    keeper::Keeper,
    paths, playground, process,
};

const PATIENCE: Duration = Duration::from_secs(90);
const PASSWORD: &str = "planted-password-8c1f";
const ENDPOINT_PASSWORD: &str = "planted-endpoint-77aa";
const ENDPOINT_KEY: &str = "planted-apikey-31b0";
const SOCKET_KEY: &str = "planted-socket-5b77";
const PRIVATE_PASSWORD: &str = "planted-private-c93e";
const PRIVATE_KEY: &str = "planted-privatekey-1f60";
const DATABASE_PASSWORD: &str = "planted-database-e4d2";
const COLLECTOR_KEY: &str = "planted-collector-a815";
const HOOK: &str = "planted-hook-0d44";
const TOKEN: &str = "12345:planted-token-9e2c";

fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut out = String::new();
    for part in bytes.chunks(3) {
        let word = part.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - part.len()));
        for place in 0..=part.len() {
            out.push(alphabet[(word >> (18 - 6 * place) & 63) as usize] as char);
        }
    }
    out
}

/// Every form that a secret could come out in: as it is, in hex, and in base64 wherever it stands in something longer.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut forms = vec![
        secret.to_vec(),
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
    ];
    for alphabet in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            let text = base64(&[&vec![0; before], secret].concat(), alphabet);
            // What the neighbours have a part in is left off at both ends.
            let from = if before == 0 { 0 } else { 4 };
            forms.push(text.as_bytes()[from..text.len() - 2].to_vec());
        }
    }
    forms
}

/// Key of an owner of the Safe that is the agent, in the configurations that never get to a chain.
fn owner() -> B256 {
    keccak256("an owner of a play Safe")
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

struct Secrets(Vec<(&'static str, Vec<Vec<u8>>)>);

impl Secrets {
    fn planted() -> Self {
        let key = keccak256("the keeper of a play treasury");
        let mut all = vec![("the key", forms(key.as_slice()))];
        let text = hex::encode(key);
        all.push(("the key's text", forms(text.as_bytes())));
        let owner = owner();
        all.push(("an owner's key", forms(owner.as_slice())));
        all.push(("the text of an owner's key", forms(hex::encode(owner).as_bytes())));
        for (name, secret) in [
            ("the websocket's key", SOCKET_KEY),
            ("the private endpoint's password", PRIVATE_PASSWORD),
            ("the private endpoint's key", PRIVATE_KEY),
            ("the database's password", DATABASE_PASSWORD),
            ("the collector's key", COLLECTOR_KEY),
            ("the keystore's password", PASSWORD),
            ("the endpoint's password", ENDPOINT_PASSWORD),
            ("the endpoint's key", ENDPOINT_KEY),
            ("the webhook's path", HOOK),
            ("the bot's token", TOKEN),
        ] {
            all.push((name, forms(secret.as_bytes())));
        }
        Self(all)
    }

    fn assert_none_in(&self, place: &str, bytes: &[u8], marker: &[u8]) {
        assert!(contains(bytes, marker), "{place} does not even hold the marker");
        for (name, forms) in &self.0 {
            for form in forms {
                let shown = String::from_utf8_lossy(form);
                assert!(!contains(bytes, form), "{place} holds {name}, as {shown}");
            }
        }
    }
}

/// Takes what is posted and refuses it, so that the keeper has something to complain of.
async fn refusing_inbox() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let got: Arc<Mutex<Vec<u8>>> = Arc::default();
    let kept = got.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut part = vec![0; 65_536];
            tokio::time::sleep(Duration::from_millis(50)).await;
            let count = stream.read(&mut part).await.unwrap_or(0);
            kept.lock().unwrap().extend_from_slice(&part[..count]);
            let _ = stream.write_all(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    (address, got)
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secrets = Secrets::planted();
    let basic = b"Authorization: Basic dXNlcjpwbGFudGVkLWVuZHBvaW50LTc3YWE=";
    for planted in [
        PASSWORD.as_bytes().to_vec(),
        hex::encode(TOKEN).into_bytes(),
        basic.to_vec(),
        hex::encode(keccak256("the keeper of a play treasury")).into_bytes(),
    ] {
        let bytes = [b"marker ".to_vec(), planted].concat();
        let search = || secrets.assert_none_in("a test", &bytes, b"marker");
        let found = std::panic::catch_unwind(search);
        assert!(found.is_err(), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test]
async fn no_secret_comes_out_of_the_keeper() {
    let secrets = Secrets::planted();
    let folder = paths::run_folder("test").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let address = free_address().await.unwrap();
    let (inbox, posted) = refusing_inbox().await;
    process::run(
        "cast wallet import",
        Command::new(paths::foundry("cast").unwrap())
            .args(["wallet", "import", "planted.keystore", "--unsafe-password", PASSWORD])
            .args(["--private-key", &keccak256("the keeper of a play treasury").to_string()])
            .arg("--keystore-dir")
            .arg(&folder),
        &folder.join("planted.log"),
        Duration::from_secs(30),
    )
    .unwrap();
    fs::write(folder.join("agent.password"), format!("{PASSWORD}\n")).unwrap();
    let host = world.clock.chain.url.strip_prefix("http://").unwrap().to_owned();
    let endpoint = format!("http://user:{ENDPOINT_PASSWORD}@{host}/?key={ENDPOINT_KEY}");
    let text = fs::read_to_string(&config).unwrap();
    let text = text
        .replace(&world.clock.chain.url, &endpoint)
        .replace("agent.keystore", "planted.keystore")
        .replace("poll_ms = 10", "poll_ms = 10\nstale_after_seconds = 2");
    let ways = format!(
        "[chains.websocket]\nurl = \"ws://{host}/?key={SOCKET_KEY}\"\n\n[chains.private]\n\
         url = \"http://user:{PRIVATE_PASSWORD}@{host}/?key={PRIVATE_KEY}\"\n\n[[chains.endpoints]]"
    );
    let text = text.replace("[[chains.endpoints]]", &ways);
    let sections = format!(
        "\n[http]\nlisten = \"{address}\"\n\n[[alerts.channels]]\nkind = \"webhook\"\n\
         url = \"http://{inbox}/{HOOK}\"\n\n[[alerts.channels]]\nkind = \"telegram\"\n\
         url = \"http://{inbox}\"\nsecret_env = \"BOT_TOKEN\"\nchat_id = \"1\"\n"
    );
    fs::write(&config, format!("{text}{sections}")).unwrap();
    let variables = [("RUST_LOG", "trace"), ("BOT_TOKEN", TOKEN)];
    world.hire_with(&config, &variables).unwrap();
    world.clock.advance(12).await.unwrap();
    until(&address, "/api/v1/vaults/treasury", 200, PATIENCE).await.unwrap();
    world.clock.advance(12).await.unwrap();

    // The chain stands still now: an alert goes out and is refused, and tried again.
    let began = Instant::now();
    while String::from_utf8_lossy(&posted.lock().unwrap()).matches("StaleHead").count() < 3 {
        assert!(began.elapsed() < PATIENCE, "no alert");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let marker = b"treasury";
    let (_, list) = get(&address, "/api/v1/vaults/treasury/decisions").await.unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    let decision = list["decisions"][0]["decision"].as_str().unwrap().to_owned();
    for path in ["/metrics", "/api/v1/chains", "/api/v1/vaults", "/api/v1/vaults/treasury"] {
        let (_, body) = get(&address, path).await.unwrap();
        secrets.assert_none_in(path, body.as_bytes(), marker);
    }
    secrets.assert_none_in("the list", list.to_string().as_bytes(), marker);
    let (_, body) = get(&address, "/ready").await.unwrap();
    secrets.assert_none_in("/ready", body.as_bytes(), b"local");
    let one = format!("/api/v1/decisions/{decision}");
    let (status, body) = get(&address, &one).await.unwrap();
    assert_eq!(status, 200);
    secrets.assert_none_in(&one, body.as_bytes(), decision.as_bytes());

    for (verb, arguments) in [("status", &["--json"][..]), ("doctor", &["--json"]), ("plan", &[])] {
        let output = Command::new(paths::keeper().unwrap())
            .args([verb, "--config"])
            .arg(&config)
            .args(arguments)
            .envs(variables)
            .output()
            .unwrap();
        secrets.assert_none_in(verb, &[output.stdout, output.stderr].concat(), marker);
    }

    // What may change is taken over by a signal, and told in the log; what may not is not.
    let keeper = world.clock.keeper.as_ref().unwrap();
    let (process_id, log) = (keeper.id(), keeper.log().to_path_buf());
    let wait_for = async |words: &str| {
        let began = Instant::now();
        while !fs::read_to_string(&log).unwrap().contains(words) {
            assert!(began.elapsed() < PATIENCE, "{words} is not in {}", log.display());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let whole = fs::read_to_string(&config).unwrap();
    fs::write(&config, whole.replace("max_fee_gwei = \"60\"", "max_fee_gwei = \"61\"")).unwrap();
    process::signal(process_id, "HUP").unwrap();
    wait_for("SIGHUP: taken over: fees of chain local").await;
    fs::write(&config, whole.replace(ENDPOINT_KEY, "another-key")).unwrap();
    process::signal(process_id, "HUP").unwrap();
    wait_for("SIGHUP: nothing is taken over: Chain local").await;

    let vault = format!("{:x}", world.treasury.vault);
    for file in ["journal.db", "journal.db-wal"] {
        let bytes = fs::read(folder.join(file)).unwrap();
        if file == "journal.db-wal" {
            secrets.assert_none_in(file, &bytes, vault.as_bytes());
        } else {
            secrets.assert_none_in(
                file,
                &[bytes, vault.clone().into_bytes()].concat(),
                vault.as_bytes(),
            );
        }
    }
    let body = posted.lock().unwrap().clone();
    let body = String::from_utf8_lossy(&body).into_owned();
    // Where they are sent is where their secrets belong.
    let body = body.replace(HOOK, "").replace(&TOKEN.replace(':', "%3A"), "").replace(TOKEN, "");
    secrets.assert_none_in("an alert", body.as_bytes(), b"StaleHead");

    // A configuration that is wrong beside a secret.
    let broken = folder.join("broken.toml");
    fs::write(&broken, whole.replace("http://user:", "htp://user:")).unwrap();
    let output = Keeper::ask(&broken, "plan", &[]).unwrap();
    assert_eq!(output.status.code(), Some(3));
    secrets.assert_none_in("an error", &output.stderr, b"broken.toml");

    world.clock.keeper.as_mut().unwrap().stop().unwrap();
    world.clock.keeper = None;
    unreachable_places(&secrets, &folder, &whole).await;

    // What a panic says, with all that the keeper holds in its message: where it has just read its secrets, and amid its work.
    fs::write(&config, &whole).unwrap();
    for place in ["configured", "observed"] {
        // There is a block to observe.
        let head = world.clock.chain.head().await.unwrap();
        world.clock.chain.mine_at(head.timestamp + 12).await.unwrap();
        let (config, keeper) = (config.clone(), paths::keeper().unwrap());
        let ran = tokio::task::spawn_blocking(move || {
            // It has to end by itself.
            Command::new("timeout")
                .arg(PATIENCE.as_secs().to_string())
                .arg(keeper)
                .args(["run", "--config"])
                .arg(config)
                .envs(variables)
                .env("RUST_BACKTRACE", "full")
                .env("VAGUS_PANIC_AT", place)
                .output()
        });
        let output = ran.await.unwrap().unwrap();
        assert_ne!(output.status.code(), Some(124), "it does not end by itself");
        assert!(!output.status.success());
        let said = [output.stdout, output.stderr].concat();
        let marker = format!("told to panic at {place}");
        secrets.assert_none_in("a panic", &said, marker.as_bytes());
        secrets.assert_none_in("a panic", &said, b"treasury");
    }
    secrets.assert_none_in("the log", &fs::read(&log).unwrap(), marker);
    // What was not written back yet lies beside it.
    let mut journal = fs::read(folder.join("journal.db")).unwrap();
    journal.extend(fs::read(folder.join("journal.db-wal")).unwrap_or_default());
    secrets.assert_none_in("the journal", &journal, vault.as_bytes());
}

/// A database, a collector and a websocket that are not there, and a Safe whose owner's key is the keeper's: whatever is said of
/// them, and however closely it is asked to speak.
async fn unreachable_places(secrets: &Secrets, folder: &Path, whole: &str) {
    let owner = owner();
    let account = PrivateKeySigner::from_bytes(&owner).unwrap().address();
    let safe = "0x5AFE000000000000000000000000000000000001";
    let contract = format!(
        "[agent.contract]\naddress = \"{safe}\"\nform = \"safe\"\n[[agent.contract.signers]]\n\
         address = \"{account}\"\nunsafe_raw_key_env = \"OWNER_KEY\"\n\n[journal]"
    );
    let database = format!("postgres://user:{DATABASE_PASSWORD}@127.0.0.1:9/vagus");
    let start = whole.find("ws://").unwrap();
    let host = whole[start + 5..].split('/').next().unwrap();
    let text = whole
        .replace("[journal]", &contract)
        .replace("sqlite:journal.db", &database)
        .replace(&format!("ws://{host}/"), "ws://127.0.0.1:9/");
    let file = folder.join("nowhere.toml");
    let traced = folder.join("traced.toml");
    fs::write(&file, &text).unwrap();
    let collector =
        format!("\n[traces]\nurl = \"http://127.0.0.1:9/v1/traces?key={COLLECTOR_KEY}\"\n");
    fs::write(&traced, format!("{text}{collector}")).unwrap();
    // Each with words that show that it got to what is not there.
    for (file, arguments, marker) in [
        (&file, &["run", "--unsafe-raw-key"][..], "127.0.0.1"),
        (&file, &["status", "--json"], "127.0.0.1"),
        (&file, &["doctor", "--json"], "ws://127.0.0.1:9"),
        (&file, &["journal", "list"], "127.0.0.1"),
        // A keeper without traces refuses the section, and one that has them cannot reach it.
        (&traced, &["run", "--unsafe-raw-key"], "127.0.0.1"),
    ] {
        let mut command = Command::new("timeout");
        command
            .arg(PATIENCE.as_secs().to_string())
            .arg(paths::keeper().unwrap())
            .args(arguments)
            .arg("--config")
            .arg(file)
            .env("RUST_LOG", "trace,hyper=trace,sqlx=trace")
            .env("RUST_BACKTRACE", "full")
            .env("BOT_TOKEN", TOKEN)
            .env("OWNER_KEY", hex::encode_prefixed(owner));
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert_ne!(output.status.code(), Some(124), "{arguments:?} does not end");
        let said = [output.stdout, output.stderr].concat();
        assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
        secrets.assert_none_in(&arguments.join(" "), &said, marker.as_bytes());
    }
}
