//! `keeper init`: asks what only a person knows, finds out the rest from deployment file and chain, and writes a configuration.
//!
//! Nothing is written before all of it is known to be sound, and nothing is overwritten.

mod person;

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use alloy::primitives::Address;
use vagus_chain::{
    BlockAt, ChainReader as _, Deployment, EndpointUrl, Header, HttpChain, Query, Tag,
};

use crate::{
    config::Config,
    exit::{Exit, Failure},
    world::chain_failure,
};

pub use person::Person;

/// Blocks that the time between two is measured over.
const MEASURED_BLOCKS: u64 = 100;

/// What the chain says of itself and of the vaults.
struct Found {
    block_seconds: u64,
    has_finalized: bool,
    symbol: String,
    names: Vec<(Address, String)>,
}

/// Asks, and writes the configuration into a new file. Gives back what to do next.
///
/// # Errors
/// If the file is there, the chain cannot be asked, or there are no answers.
pub async fn init(file: &Path, person: &mut Person<'_>) -> Result<String, Failure> {
    if file.exists() {
        return Err(Failure::new(
            Exit::Usage,
            format_args!("{}: it is there already; expected a new file.", file.display()),
        ));
    }
    let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
    person.tell("Paths are relative to the folder of the configuration. Nothing is sent.\n")?;
    let (path, deployment) = person.ask_for("Deployment file", None, |answer| {
        let deployment = Deployment::load(&folder.join(answer)).map_err(|e| e.to_string())?;
        Ok((answer.to_owned(), deployment))
    })?;
    let chain_name = person.ask_for("Your name for its chain", Some("mainnet"), plain)?;
    person.tell(
        "The endpoint's address holds a key, most likely, so that it is not written down here but named.",
    )?;
    let variable = format!("{}_RPC_URL", chain_name.to_uppercase().replace('-', "_"));
    let (variable, url) =
        person.ask_for("Environment variable with its address", Some(&variable), |name| {
            let text = std::env::var(name).map_err(|_| format!("${name} is not set"))?;
            let url = EndpointUrl::parse(&text).map_err(|error| error.to_string())?;
            plain(name).map(|name| (name, url))
        })?;
    let found = look(&deployment, &folder.join(&path), &url).await?;
    person.tell(&format!(
        "  {url} serves chain {}: a block every {} s, finality by {}, asset {}",
        deployment.chain_id,
        found.block_seconds,
        if found.has_finalized { "the tag" } else { "depth" },
        found.symbol
    ))?;
    let agent = person.ask_for("The agent's address", None, |answer| {
        answer.parse::<Address>().map_err(|_| "expected 0x and 40 hexadecimal digits".to_owned())
    })?;
    let keystore = person.ask_for("Its encrypted keystore", Some("agent.keystore"), plain)?;
    let password = person.ask_for(
        "File with the keystore's password, or \"ask\" to be asked at each start",
        Some("agent.password"),
        plain,
    )?;
    let max_fee = person.ask_for("Most that is paid per gas, gwei", Some("60"), whole)?;
    let smallest =
        person.ask_for(&format!("Smallest move, {}", found.symbol), Some("100"), whole)?;
    let price = person.ask_for(
        &format!(
            "What one native token costs, {}, or \"native\" if the asset is that token",
            found.symbol
        ),
        None,
        |answer| if answer == "native" { Ok(None) } else { whole(answer).map(Some) },
    )?;

    let text = write(&Answers {
        path,
        chain_name,
        variable,
        agent,
        keystore,
        password: Some(password).filter(|password| password != "ask"),
        max_fee,
        smallest,
        price,
        deployment: &deployment,
        found: &found,
    });
    // What is written is what the keeper reads.
    Config::parse(&text, file, &folder, &|name| std::env::var(name).ok())?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Failure::new(
            Exit::Usage,
            format_args!("{}: it cannot be written: {error}.", file.display()),
        )
    })?;
    let shown = file.display();
    Ok(format!(
        "{shown} is written. Next:\n  keeper doctor --config {shown}   what is still missing\n  \
         keeper plan --config {shown}     what would be done now\n  keeper run --config {shown}      do it"
    ))
}

/// Text that needs no quoting in the file.
fn plain(answer: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/~".contains(c);
    if answer.chars().all(is_plain) {
        Ok(answer.to_owned())
    } else {
        Err("expected letters, digits and . _ - / ~ alone".to_owned())
    }
}

fn whole(answer: &str) -> Result<u64, String> {
    answer
        .parse()
        .ok()
        .filter(|number| (1..=1_000_000_000_000).contains(number))
        .ok_or_else(|| "expected a whole number above zero".to_owned())
}

async fn look(deployment: &Deployment, path: &Path, url: &EndpointUrl) -> Result<Found, Failure> {
    let failed = |error| chain_failure(&error);
    let http = HttpChain::new(url.clone(), std::time::Duration::from_secs(10)).map_err(failed)?;
    let head = http.head(Tag::Latest).await.map_err(failed)?;
    let mut found = Found {
        block_seconds: block_seconds(&http, &head).await?,
        has_finalized: http.head(Tag::Finalized).await.is_ok(),
        symbol: String::new(),
        names: Vec::new(),
    };
    for entry in &deployment.vaults {
        deployment
            .prove(path, entry, deployment.chain_id, &http, &head)
            .await
            .map_err(|error| Failure::new(Exit::Deployment, error))?;
        let query = Query { vault: entry.vault, agent: Address::ZERO };
        let sightings = http.snapshots(entry.lens, &[query], &head).await.map_err(failed)?;
        let Some(Ok(snapshot)) = sightings.into_iter().next() else { continue };
        if found.symbol.is_empty() {
            found.symbol = snapshot.vault.asset.symbol;
        } else if found.symbol != snapshot.vault.asset.symbol {
            return Err(Failure::new(
                Exit::Usage,
                "The vaults of this file have several assets; copy agents/keeper/examples/keeper.toml and write one \
                 block for each.",
            ));
        }
        let strategies = snapshot.vault.strategies.into_iter();
        found.names.extend(strategies.map(|strategy| (strategy.strategy, strategy.symbol)));
    }
    if found.symbol.is_empty() {
        return Err(Failure::new(Exit::Unreachable, "No vault of the file can be read now."));
    }
    Ok(found)
}

/// Time between two blocks, to the nearest second, at least one.
async fn block_seconds(http: &HttpChain, head: &Header) -> Result<u64, Failure> {
    let span = MEASURED_BLOCKS.min(head.block.number.saturating_sub(1));
    if span == 0 {
        return Ok(12);
    }
    let number = head.block.number - span;
    let before = http.header(BlockAt::Number(number)).await.map_err(|e| chain_failure(&e))?;
    let Some(before) = before else { return Ok(12) };
    let time = head.block.timestamp.saturating_sub(before.block.timestamp);
    Ok((time.saturating_add(span / 2) / span).max(1))
}

struct Answers<'a> {
    path: String,
    chain_name: String,
    variable: String,
    agent: Address,
    keystore: String,
    password: Option<String>,
    max_fee: u64,
    smallest: u64,
    price: Option<u64>,
    deployment: &'a Deployment,
    found: &'a Found,
}

fn write(answers: &Answers<'_>) -> String {
    let Answers { path, chain_name, variable, agent, keystore, max_fee, smallest, found, .. } =
        answers;
    let chain_id = answers.deployment.chain_id;
    let Found { block_seconds, has_finalized, symbol, names } = found;
    let password = match &answers.password {
        Some(file) => format!("password_file = \"{file}\"\n"),
        None => "# The password is asked at each start.\n".to_owned(),
    };
    let finality = if *has_finalized { "\"tag\"" } else { "64" };
    let poll_ms = (block_seconds * 1_000 / 6).clamp(500, 2_000);
    let price = match answers.price {
        None => "{ source = \"native\" }".to_owned(),
        Some(price) => {
            format!("{{ source = \"fixed\", assets_per_native = \"{price} {symbol}\" }}")
        }
    };
    let mut text = format!(
        r#"# Configuration of the keeper, as `keeper init` wrote it. Every key is explained in agents/keeper/examples/keeper.toml.

[agent]
address = "{agent}"
keystore = "{keystore}"
{password}
[journal]
url = "sqlite:journal.db"
keep_holds_days = 30

[http]
listen = "127.0.0.1:9464"

[[chains]]
name = "{chain_name}"
chain_id = {chain_id}

[chains.profile]
block_seconds = {block_seconds}
finality = {finality}
reorg_window = 64
fee_model = "l1"
deadline_seconds = {deadline}
poll_ms = {poll_ms}

[chains.fees]
max_fee_gwei = "{max_fee}"
priority_fee_gwei = "1"
cancel_max_fee_gwei = "{cancel}"

# One more of another operator, and one that lies is not believed.
[[chains.endpoints]]
url_env = "{variable}"
"#,
        deadline = (block_seconds * 25).max(60),
        cancel = max_fee * 2,
    );
    let is_one = answers.deployment.vaults.len() == 1;
    for (place, entry) in answers.deployment.vaults.iter().enumerate() {
        let treasury = &answers.deployment.treasury;
        let treasury: String = treasury.chars().filter(|c| plain(&c.to_string()).is_ok()).collect();
        let treasury = if treasury.is_empty() { "vault".to_owned() } else { treasury };
        let name = if is_one { treasury } else { format!("{treasury}-{}", place + 1) };
        text.push_str(&format!(
            r#"
[[vaults]]
name = "{name}"
chain = "{chain_name}"
deployment = "{path}"
vault = "{vault}"
headroom_bps = 10
smallest_move = "{smallest} {symbol}"
native_price = {price}

[vaults.gas]
base = 250_000
leg = 350_000
limit = 6_000_000

[vaults.strategies]
"#,
            vault = entry.vault,
        ));
        if is_one {
            for (strategy, name) in names {
                // A symbol is what a contract says of itself.
                let name: String = name
                    .chars()
                    .filter(|c| c.is_ascii_alphanumeric() || " .-_".contains(*c))
                    .collect();
                text.push_str(&format!("\"{strategy}\" = \"{name}\"\n"));
            }
        }
    }
    text
}
