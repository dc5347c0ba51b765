//! A small treasury to write about, and the stores to write to.

use std::time::Duration;

use alloy_primitives::{Address, B256, U256, address, b256, keccak256};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use vagus_allocator::{
    Action, Binding, Candidate, Certificate, Decision, Inputs, Limiting, NativePrice, Reason,
    StrategyLine,
};
use vagus_journal::{
    Body, Check, DecisionRecord, Header, HoldNotes, HoldObservation, LeaseKey, Leases as _,
    Observation, SqlJournal,
};
use vagus_policy::{
    AaveV3Curve, AgentState, AssetInfo, BlockRef, Bucket, Checkpoint, Curve, GuardState,
    LegReceipt, MemberReading, Mode, Move, NavState, Rebalance, Receipt, Rule, Snapshot,
    StrategyState, VaultState,
};

pub(crate) const CHAIN: u64 = 31_337;
pub(crate) const VAULT: Address = address!("1111111111111111111111111111111111111111");
pub(crate) const OTHER_VAULT: Address = address!("2222222222222222222222222222222222222222");
pub(crate) const AGENT: Address = address!("3333333333333333333333333333333333333333");
pub(crate) const POLICY_HASH: B256 =
    b256!("4444444444444444444444444444444444444444444444444444444444444444");

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(3_600);

/// Everything that the tests write about.
pub(crate) fn keys() -> [LeaseKey; 3] {
    [
        LeaseKey::vault(CHAIN, VAULT),
        LeaseKey::vault(CHAIN, OTHER_VAULT),
        LeaseKey::key(CHAIN, AGENT),
    ]
}

/// Block n of a chain with a block every twelve seconds.
pub(crate) fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: keccak256(number.to_be_bytes()),
        parent_hash: keccak256((number - 1).to_be_bytes()),
        timestamp: 1_700_000_000 + number * 12,
    }
}

pub(crate) fn header(vault: Address) -> Header {
    Header {
        algorithm_version: 1,
        chain_id: CHAIN,
        vault,
        guard: address!("5555555555555555555555555555555555555555"),
        lens: address!("6666666666666666666666666666666666666666"),
        lens_code_hash: keccak256("lens"),
        agent: AGENT,
        policy_version: 3,
        policy_hash: POLICY_HASH,
    }
}

fn strategy() -> StrategyState {
    StrategyState {
        strategy: address!("7777777777777777777777777777777777777777"),
        symbol: "stataUSDC".to_owned(),
        decimals: 6,
        is_readable: true,
        shares: U256::from(400_000_000_000_u64),
        convert_assets: U256::from(410_000_000_000_u64),
        redeem_assets: U256::from(410_000_000_000_u64),
        max_withdraw_assets: U256::from(410_000_000_000_u64),
        max_deposit_assets: U256::MAX,
        reference_price: U256::from(1) << 128,
        reference_at: 1_700_000_000,
        read_price: None,
        curve: Curve::AaveV3(AaveV3Curve {
            slope1_ray: U256::from(40_000_000_000_000_000_000_000_000_u128),
            last_update_at: 1_700_000_000,
            ..AaveV3Curve::default()
        }),
    }
}

fn snapshot(vault: Address, block: BlockRef) -> Snapshot {
    let header = header(vault);
    let unknown =
        StrategyState { curve: Curve::Unknown, symbol: "steakUSDC".to_owned(), ..strategy() };
    Snapshot {
        lens_version: 1,
        chain_id: CHAIN,
        block,
        base_fee_wei: 1_000_000_007,
        vault: VaultState {
            vault,
            guard: header.guard,
            asset: AssetInfo {
                address: address!("8888888888888888888888888888888888888888"),
                symbol: "USDC".to_owned(),
                decimals: 6,
            },
            idle: U256::from(590_000_000_000_u64),
            nav: NavState { supply: U256::from(1_000_000_000_000_u64), ..NavState::default() },
            checkpoint: Checkpoint { is_fresh: true, ..Checkpoint::default() },
            guard_state: GuardState {
                policy_version: header.policy_version,
                policy_hash: header.policy_hash,
                policy_block: 12,
                mode: Mode::Active,
                rebalance_count: 4,
                turnover: Bucket { level_wad: 250_000_000_000_000_000, updated_at: 1_700_000_000 },
                loss: Bucket::default(),
            },
            agent: AgentState { agent: AGENT, exists: true, nonce: 4, ..AgentState::default() },
            strategies: vec![strategy(), unknown],
        },
    }
}

fn inputs() -> Inputs {
    Inputs {
        agent: AGENT,
        gas_price_wei: 2_000_000_014,
        native_price: NativePrice::Fixed { assets_per_native: 3_000_000_000 },
        base_gas: 180_000,
        leg_gas: 260_000,
        headroom_bps: 10,
        smallest_move: 1_000_000,
        deadline_seconds: 120,
        block_seconds: 12,
        rates: Vec::new(),
    }
}

fn decision(reason: Reason, action: Action) -> Decision {
    let moves = match &action {
        Action::Rebalance { moves } => moves.clone(),
        Action::Hold { .. } => Vec::new(),
    };
    Decision {
        algorithm_version: 1,
        reason,
        action,
        candidates: vec![Candidate { moves, gain: U256::from(99), ..Candidate::default() }],
        certificate: Certificate { upper_bound: U256::from(120), ..Certificate::default() },
        bindings: vec![Binding {
            limiting: Limiting::Rule(Rule::Idle),
            index: None,
            observed: U256::from(10),
            limit: U256::from(10),
        }],
        lines: vec![StrategyLine {
            strategy: strategy().strategy,
            assets_before: U256::from(410_000_000_000_u64),
            assets_after: U256::from(500_000_000_000_u64),
            limit_assets: U256::from(600_000_000_000_u64),
            rate_before_ray: U256::from(31),
            rate_after_ray: U256::from(29),
            yearly_income_before: U256::from(7),
            yearly_income_after: U256::from(8),
        }],
        refusal: None,
        policy_hash: POLICY_HASH,
    }
}

/// A rebalance at block n.
pub(crate) fn rebalance(vault: Address, previous: B256, number: u64) -> DecisionRecord {
    let moves = vec![Move { index: 0, is_deposit: true, assets: 90_000_000_000 }];
    let leg = LegReceipt { assets: U256::from(90_000_000_000_u64), ..LegReceipt::default() };
    let body = Body::Rebalance {
        observation: Observation {
            snapshot: snapshot(vault, block(number)),
            inputs: inputs(),
            asked: None,
            decision: decision(Reason::Income, Action::Rebalance { moves: moves.clone() }),
            checks: vec![Check {
                rule: Rule::Turnover,
                observed: U256::from(1_000),
                limit: U256::from(5_000),
                headroom: U256::from(4_000),
                is_met: true,
            }],
        },
        rebalance: Rebalance {
            policy_version: 3,
            nonce: 4,
            vault_count: 4,
            deadline: block(number).timestamp + 120,
            decision: B256::ZERO,
            moves,
        },
        predicted: Receipt {
            nav: U256::from(1),
            legs: vec![leg],
            members: vec![MemberReading {
                index: 1,
                is_readable: true,
                ..MemberReading::default()
            }],
            ..Receipt::default()
        },
    };
    DecisionRecord::new(header(vault), previous, body)
}

/// A hold at block n.
pub(crate) fn hold(vault: Address, number: u64) -> HoldObservation {
    hold_because(vault, number, Reason::BelowHurdle)
}

pub(crate) fn hold_because(vault: Address, number: u64, reason: Reason) -> HoldObservation {
    let action = Action::Hold { is_proven: true, retry_at: None };
    HoldObservation {
        header: header(vault),
        observation: Observation {
            snapshot: snapshot(vault, block(number)),
            inputs: inputs(),
            asked: None,
            decision: decision(reason, action),
            checks: Vec::new(),
        },
    }
}

pub(crate) fn notes() -> HoldNotes {
    HoldNotes { keeper_version: "0.1.0".to_owned(), simulation: None }
}

/// A store that is gone when it is dropped.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) is_sqlite: bool,
    /// The server it is a database of.
    server: Option<String>,
    _folder: TempDir,
}

/// One statement for the whole server.
async fn at(server: &str, statement: String) -> sqlx::Result<()> {
    let mut admin = PgConnection::connect(server).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut admin).await?;
    admin.close().await
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(server) = self.server.take() else { return };
        let path = self.url.split_once('?').map_or(&*self.url, |(path, _)| path);
        let Some((_, name)) = path.rsplit_once('/') else { return };
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        // The test's own runtime is busy dropping. What fails here failed in the test before.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let _ = runtime.map(|runtime| runtime.block_on(at(&server, drop)));
        });
        let _ = thread.join();
    }
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("journal.sqlite").display());
        Self { url, is_sqlite: true, server: None, _folder: folder }
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self._folder.path().join("journal.sqlite")
    }

    /// None on a machine without a server, which is said.
    pub(crate) async fn postgres_only() -> Option<Self> {
        Self::postgres().await
    }

    /// A database of its own on the server under `VAGUS_TEST_POSTGRES_URL`, if that is set.
    async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("VAGUS_TEST_POSTGRES_URL") else {
            let is_required = std::env::var("VAGUS_POSTGRES").is_ok_and(|it| it == "required");
            assert!(!is_required, "VAGUS_TEST_POSTGRES_URL is not set, and PostgreSQL is required");
            eprintln!(
                "VAGUS_TEST_POSTGRES_URL is not set: not run on PostgreSQL (see tests/with-postgres.sh)"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let unique = keccak256(folder.path().display().to_string());
        let name = format!("journal_{}", &unique.to_string()[2..22]);
        at(&server, format!("CREATE DATABASE {name}")).await.unwrap();
        let (base, query) = server.split_once('?').unwrap_or((&server, ""));
        let base = base.rsplit_once('/').unwrap().0;
        let url = format!("{base}/{name}?{query}");
        Some(Self { url, is_sqlite: false, server: Some(server), _folder: folder })
    }

    /// Every kind of store there is on this machine.
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = vec![Self::sqlite()];
        all.extend(Self::postgres().await);
        all
    }

    /// Opened by a keeper that holds every lease the tests write under.
    pub(crate) async fn open(&self) -> SqlJournal {
        let journal = self.unleased().await;
        if !self.is_sqlite {
            // Whoever had it open before has ended.
            self.meddle("UPDATE leases SET session = NULL").await;
        }
        let session = journal.join("test").await.unwrap();
        let mut leases = Vec::new();
        for key in keys() {
            let lease = journal.acquire(session, key, LONG).await.unwrap();
            leases.push(lease.expect("nobody else holds it"));
        }
        journal.under(&leases)
    }

    pub(crate) async fn unleased(&self) -> SqlJournal {
        SqlJournal::connect(&self.url).await.unwrap()
    }

    /// From here on the database's clock stands still until it is told otherwise: milliseconds since it was stopped.
    pub(crate) async fn set_clock(&self, milliseconds: u64) {
        self.meddle(&format!(
            "CREATE TABLE IF NOT EXISTS test_clock (ms BIGINT NOT NULL); DELETE FROM test_clock; \
             INSERT INTO test_clock VALUES (1700000000000 + {milliseconds}); \
             CREATE OR REPLACE FUNCTION journal_now() RETURNS BIGINT LANGUAGE sql VOLATILE \
             AS 'SELECT ms FROM test_clock'"
        ))
        .await;
    }

    /// One text, asked behind the journal's back.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let text = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        text
    }

    /// Runs a statement behind the journal's back.
    pub(crate) async fn meddle(&self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        if self.is_sqlite {
            let options =
                sqlx::sqlite::SqliteConnectOptions::new().filename(self.file()).foreign_keys(false);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}
