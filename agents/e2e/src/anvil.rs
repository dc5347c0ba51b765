//! A local chain with a clock of its own: every block's time is given, none is the wall clock's.

use std::{
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::{json_rpc::RpcRecv, types::TransactionReceipt},
    sol_types::SolCall,
};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};

use crate::{
    paths,
    process::{Running, command},
};

/// Time of the first block: 15 January 2027, 08:00 UTC.
pub const GENESIS_AT: u64 = 1_800_000_000;
/// Chain id of the local chain.
pub const CHAIN_ID: u64 = 31_337;

/// Accounts of the standard development mnemonic that anvil unlocks.
pub const ACCOUNTS: u32 = 20;

/// Old states that a chain keeps, unless it is told otherwise.
pub const STATES: u32 = 500;
/// For each of them, blocks whose transactions it keeps: more than anything looks back.
const BLOCKS_A_STATE: u32 = 16;

/// A running chain.
#[derive(Debug)]
pub struct Anvil {
    process: Running,
    /// Address of its endpoint.
    pub url: String,
    provider: DynProvider,
    /// Its chain id.
    pub chain_id: u64,
    /// Unlocked accounts, richly funded.
    pub accounts: Vec<Address>,
}

impl Anvil {
    /// Starts a chain on a free port; blocks are mined as transactions arrive, one second apart, until
    /// [`Anvil::take_clock`] is called.
    ///
    /// # Errors
    /// If it cannot be started or does not answer within ten seconds.
    pub async fn start(folder: &Path) -> Result<Self> {
        Self::start_as(folder, CHAIN_ID, STATES).await
    }

    /// As [`Anvil::start`], with another chain id, and with so many old states instead of [`STATES`].
    ///
    /// # Errors
    /// As [`Anvil::start`].
    pub async fn start_as(folder: &Path, chain_id: u64, states: u32) -> Result<Self> {
        // An error means that a provider is there already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        for attempt in 1..=5 {
            let port = free_port()?;
            match Self::start_on(folder, port, chain_id, states).await {
                Ok(chain) => return Ok(chain),
                // Somebody else took the port in between.
                Err(error) if attempt == 5 => return Err(error),
                Err(_) => {}
            }
        }
        bail!("no free port was found")
    }

    async fn start_on(folder: &Path, port: u16, chain_id: u64, states: u32) -> Result<Self> {
        let mut process = Running::start(
            "anvil",
            command(paths::foundry("anvil")?)
                .args(["--host", "127.0.0.1", "--port", &port.to_string()])
                .args(["--chain-id", &chain_id.to_string()])
                .args(["--timestamp", &GENESIS_AT.to_string()])
                .args(["--accounts", &ACCOUNTS.to_string(), "--balance", "1000000"])
                .args(["--slots-in-an-epoch", "1", "--gas-limit", "200000000"])
                .args(["--order", "fifo", "--quiet"])
                // Kept in memory. Older ones would go to the disk, gigabytes of them in the person's home, and a chain that
                // writes them answers nobody.
                .args(["--prune-history", &states.to_string()])
                .args(["--transaction-block-keeper", &(states * BLOCKS_A_STATE).to_string()])
                // A kept state is more than a request may hold otherwise.
                .arg("--no-request-size-limit"),
            &folder.join("anvil.log"),
        )?;
        let url = format!("http://127.0.0.1:{port}");
        let provider = ProviderBuilder::new()
            .disable_recommended_fillers()
            .connect_http(url.parse().context("endpoint address")?)
            .erased();
        let started = Instant::now();
        loop {
            if let Some(status) = process.ended()? {
                bail!("anvil ended at once ({status}); see {}", folder.join("anvil.log").display());
            }
            if provider.get_chain_id().await.is_ok() {
                break;
            }
            ensure!(started.elapsed() < Duration::from_secs(10), "anvil does not answer at {url}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let accounts = provider.get_accounts().await.context("listing accounts")?;
        let chain = Self { process, url, provider, chain_id, accounts };
        let _: Value = chain.rpc("anvil_setBlockTimestampInterval", json!([1])).await?;
        Ok(chain)
    }

    /// Process id of the chain.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Stops mining by itself: from now on only [`Anvil::mine_at`] makes blocks.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn take_clock(&self) -> Result<()> {
        let _: Value = self.rpc("anvil_removeBlockTimestampInterval", json!([])).await?;
        let _: Value = self.rpc("evm_setAutomine", json!([false])).await?;
        Ok(())
    }

    /// Mines one block of the given time with all waiting transactions.
    ///
    /// # Errors
    /// If the time is not after the last block's, or the chain does not answer.
    pub async fn mine_at(&self, timestamp: u64) -> Result<()> {
        let _: Value = self.rpc("evm_setNextBlockTimestamp", json!([timestamp])).await?;
        let _: Value = self.rpc("evm_mine", json!([])).await?;
        Ok(())
    }

    /// Number, hash and time of the newest block.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn head(&self) -> Result<Head> {
        self.block("latest".into()).await
    }

    /// Number, hash and time of a block by number or tag.
    ///
    /// # Errors
    /// If there is none.
    pub async fn block(&self, tag: Value) -> Result<Head> {
        let block: Value = self.rpc("eth_getBlockByNumber", json!([tag, false])).await?;
        let number = |key: &str| -> Result<u64> {
            let text = block[key].as_str().with_context(|| format!("block {tag} has no {key}"))?;
            Ok(u64::from_str_radix(text.trim_start_matches("0x"), 16)?)
        };
        Ok(Head {
            number: number("number")?,
            timestamp: number("timestamp")?,
            hash: block["hash"].as_str().context("block without hash")?.parse()?,
        })
    }

    /// Calls any method.
    ///
    /// # Errors
    /// The chain's own words.
    pub async fn rpc<T: RpcRecv>(&self, method: &'static str, parameters: Value) -> Result<T> {
        let call = self.provider.raw_request(method.into(), parameters);
        tokio::time::timeout(Duration::from_secs(60), call)
            .await
            .with_context(|| format!("{method} took over a minute"))?
            .map_err(|error| anyhow!("{method}: {error}"))
    }

    /// Reads a contract at the newest block.
    ///
    /// # Errors
    /// If the call reverts or the answer has another shape.
    pub async fn call<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return> {
        self.call_at(to, call, json!("latest")).await
    }

    /// Reads a contract at a block by number or tag.
    ///
    /// # Errors
    /// If the call reverts or the answer has another shape.
    pub async fn call_at<C: SolCall>(
        &self,
        to: Address,
        call: C,
        block: Value,
    ) -> Result<C::Return> {
        let data = Bytes::from(call.abi_encode());
        let answer: Bytes = self
            .rpc("eth_call", json!([{ "to": to, "data": data }, block]))
            .await
            .with_context(|| format!("{} at {to}", C::SIGNATURE))?;
        C::abi_decode_returns(&answer).with_context(|| format!("{} at {to}", C::SIGNATURE))
    }

    /// Hands a transaction of an unlocked account to the chain; it is mined with the next block.
    ///
    /// # Errors
    /// If the chain refuses it, for example because it would revert.
    pub async fn submit<C: SolCall>(&self, from: Address, to: Address, call: C) -> Result<B256> {
        self.submit_data(from, to, call.abi_encode().into()).await.with_context(|| {
            format!("{} from {from} to {to}", C::SIGNATURE.split('(').next().unwrap_or_default())
        })
    }

    /// As [`Anvil::submit`], with the call data given.
    ///
    /// # Errors
    /// As [`Anvil::submit`].
    pub async fn submit_data(&self, from: Address, to: Address, data: Bytes) -> Result<B256> {
        // A generous limit keeps the gas figure from depending on what else waits in the pool.
        let transaction = json!({ "from": from, "to": to, "data": data, "gas": "0xb71b00" });
        self.rpc("eth_sendTransaction", json!([transaction])).await
    }

    /// Receipt of a mined transaction.
    ///
    /// # Errors
    /// If it is not mined.
    pub async fn receipt(&self, hash: B256) -> Result<TransactionReceipt> {
        // Right after mining, anvil answers null now and then.
        for _ in 0..200 {
            let receipt: Option<TransactionReceipt> =
                self.rpc("eth_getTransactionReceipt", json!([hash])).await?;
            if let Some(receipt) = receipt {
                return Ok(receipt);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("transaction {hash} was not mined")
    }

    /// Native balance.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn balance(&self, account: Address) -> Result<U256> {
        self.rpc("eth_getBalance", json!([account, "latest"])).await
    }

    /// Gives an account native money.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn fund(&self, account: Address, wei: U256) -> Result<()> {
        let _: Value = self.rpc("anvil_setBalance", json!([account, wei])).await?;
        Ok(())
    }

    /// Transactions of an account that wait to be mined.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn waiting(&self, account: Address) -> Result<u64> {
        let count = |tag: &'static str| async move {
            let count: U256 = self.rpc("eth_getTransactionCount", json!([account, tag])).await?;
            anyhow::Ok(count.saturating_to::<u64>())
        };
        Ok(count("pending").await?.saturating_sub(count("latest").await?))
    }
}

/// A block in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Height.
    pub number: u64,
    /// Unix time.
    pub timestamp: u64,
    /// Hash.
    pub hash: B256,
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}
