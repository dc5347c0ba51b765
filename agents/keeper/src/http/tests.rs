use std::{collections::BTreeSet, net::SocketAddr};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};
use vagus_chain::{AgentKey, memory::MemoryChain};
use vagus_journal::SqlJournal;

use super::*;
use crate::{
    config::Config,
    metrics::{self, METRICS},
    report::Reporter,
    run::{ChainLoop, RunOptions},
    testing,
};

/// A keeper that runs on a chain in process, and its server.
struct Running {
    chain: Arc<MemoryChain>,
    board: Arc<Board>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    keeper: JoinHandle<Result<(), Failure>>,
    folder: TempDir,
}

impl Running {
    async fn start() -> Self {
        let key = Arc::new(AgentKey::random());
        let (chain, mut world) = testing::world(&key);
        world.config.fees.daily_budget = testing::config().chains[0].fees.daily_budget;
        world.config.profile.poll_ms = 10;
        let folder = TempDir::new().expect("a folder");
        let text = include_str!("../../examples/keeper.toml");
        let config = Config::parse(text, "keeper.toml".as_ref(), folder.path(), &|_| {
            Some("http://localhost".into())
        });
        let config = config.expect("sound");
        let journal = SqlJournal::connect(config.journal.expose()).await.expect("a journal");
        let board = Arc::new(Board::new(std::slice::from_ref(&world)));
        let reporter = Reporter::new(true, Box::new(std::io::sink())).with_board(board.clone());
        let keeper = ChainLoop::new(world, Arc::new(journal), key, Arc::new(reporter))
            .with(RunOptions::default());
        let (stop, stopped) = watch::channel(false);
        let http = HttpConfig { listen: ([127, 0, 0, 1], 0).into(), hosts: vec!["known".into()] };
        let listener = bind(&http).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let served = Arc::new(Served::new(board.clone(), &config.journal, &http));
        tokio::spawn(serve(listener, served, stopped.clone()));
        let keeper = tokio::spawn(keeper.run(stopped));
        Self { chain, board, address, stop, keeper, folder }
    }

    async fn get(&self, path: &str) -> (u16, String, Value) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        let (status, head, body) = self.say(&head).await;
        (status, head, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// Sends the head of a request, without its end, and reads what comes.
    async fn say(&self, head: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("connects");
        let request = format!("{head}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("read");
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    /// Asks until it is so.
    async fn until(&self, path: &str, is_so: impl Fn(u16, &Value) -> bool) -> Value {
        for _ in 0..500 {
            let (status, _, body) = self.get(path).await;
            if is_so(status, &body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{path}: {:?}", self.get(path).await);
    }

    fn mine(&self) {
        self.chain.with(|model| {
            model.mine(testing::BLOCK_SECONDS);
            let number = model.head().block.number;
            model.finalize(number);
        });
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.keeper.await.expect("ends").expect("in order");
    }
}

fn component<'a>(ready: &'a Value, name: &str) -> &'a Value {
    let all = ready["components"].as_array().expect("components");
    all.iter().find(|one| one["component"] == name).expect("the component")
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_is_what_the_loop_does_and_not_what_the_process_is() {
    let running = Running::start().await;
    let ready = running.until("/ready", |status, _| status == 200).await;
    assert_eq!(ready["ready"], true);
    for name in ready::COMPONENTS {
        assert_eq!(component(&ready, name)["ok"], true, "{name}: {ready}");
    }
    // An endpoint that is gone makes it unready, for that reason; it lives on.
    running.chain.set_down(true);
    let ready = running.until("/ready", |status, _| status == 503).await;
    assert_eq!(component(&ready, "endpoints")["ok"], false, "{ready}");
    assert_eq!(component(&ready, "journal")["ok"], true, "{ready}");
    assert_eq!(running.get("/health").await.0, 200);
    running.chain.set_down(false);
    running.until("/ready", |status, _| status == 200).await;

    // A loop that hangs is a matter of life.
    let long_ago = tokio::time::Instant::now().checked_sub(Duration::from_secs(301));
    let view = running.board.views().remove(0);
    let mut hanging = (*view).clone();
    hanging.beat = long_ago.expect("the machine is up for longer");
    assert!(!ready::is_alive(&[Arc::new(hanging.clone())]));
    hanging.has_ended = true;
    assert!(ready::is_alive(&[Arc::new(hanging)]), "one that ended does not hang");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_described_and_everything_described_is_served() {
    let running = Running::start().await;
    running.until("/ready", |status, _| status == 200).await;
    running.mine();
    let name = "treasury";
    let settled = |_: u16, body: &Value| body["transactions"]["executed"] == 1;
    let vault = running.until("/api/v1/vaults/treasury", settled).await;
    assert_eq!(vault["decisions"]["Income"], 1, "{vault}");
    assert_eq!(vault["seen"]["asset"]["symbol"], "USDC");
    assert_ne!(vault["fees_paid_native"], "0.000000000000000000");
    let list = format!("/api/v1/vaults/{name}/decisions");
    let decisions = running.get(&list).await.2;
    let decision = decisions["decisions"][0]["decision"].as_str().expect("one").to_owned();

    let mut description: Value = serde_json::from_str(OPENAPI).expect("json");
    let served: BTreeSet<String> = ROUTES.iter().map(|(path, _)| (*path).to_owned()).collect();
    let described = description["paths"].as_object().expect("paths").keys().cloned().collect();
    assert_eq!(served, described);

    let components = description["components"].take();
    let check = |path: &str, status: u16, content_type: &str, body: &Value| {
        let answer = &description["paths"][path]["get"]["responses"][status.to_string()];
        let schema = &answer["content"][content_type]["schema"];
        assert!(schema.is_object(), "{path} {status} {content_type} is not described");
        let mut schema = schema.clone();
        schema["components"] = components.clone();
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let errors: Vec<String> = validator.iter_errors(body).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{path} {status}: {errors:?}\n{body}");
    };
    let content = |head: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix("content-type: "));
        line.unwrap_or_default().split(';').next().unwrap_or_default().to_owned()
    };
    for (path, _) in ROUTES {
        let asked = path.replace("{vault}", name).replace("{decision}", &decision);
        let (status, head, body) = running.get(&asked).await;
        assert_eq!(status, 200, "{asked}: {body}");
        check(path, status, &content(&head), &body);
    }
    let zero = format!("/api/v1/decisions/0x{}", "0".repeat(64));
    for (path, asked, status) in [
        ("/api/v1/vaults/{vault}", "/api/v1/vaults/other", 404),
        ("/api/v1/vaults/{vault}/decisions", "/api/v1/vaults/other/decisions", 404),
        ("/api/v1/vaults/{vault}/decisions", "/api/v1/vaults/treasury/decisions?limit=0", 400),
        ("/api/v1/vaults/{vault}/decisions", "/api/v1/vaults/treasury/decisions?limit=101", 400),
        ("/api/v1/vaults/{vault}/decisions", "/api/v1/vaults/treasury/decisions?x=1", 400),
        ("/api/v1/decisions/{decision}", "/api/v1/decisions/0x12", 400),
        ("/api/v1/decisions/{decision}", &zero, 404),
    ] {
        let (found, head, body) = running.get(asked).await;
        assert_eq!(found, status, "{asked}: {body}");
        check(path, status, &content(&head), &body);
    }
    // Paging comes to an end, and by the vault's address it is the same vault.
    let address = vault["address"].as_str().expect("an address");
    assert_eq!(running.get(&format!("/api/v1/vaults/{address}")).await.2["vault"], name);
    let first = running.get(&format!("{list}?limit=1&rebalances=true")).await.2;
    assert_eq!(first["decisions"].as_array().map(Vec::len), Some(1), "{first}");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_writers_and_the_slow_are_turned_away() {
    let running = Running::start().await;
    for (head, expected) in [
        ("GET /health HTTP/1.1\r\nHost: evil.example\r\n", 403),
        ("GET /health HTTP/1.1\r\nHost: localhost.evil.example:9464\r\n", 403),
        ("GET /health HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n", 403),
        ("GET /health HTTP/1.1\r\nHost: known:9464\r\n", 200),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\n", 200),
        ("GET /health HTTP/1.1\r\nHost: [::1]:9464\r\n", 200),
        ("GET /health HTTP/1.0\r\n", 200),
        ("HEAD /health HTTP/1.1\r\nHost: localhost\r\n", 200),
        ("POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n", 405),
        ("DELETE /api/v1/vaults HTTP/1.1\r\nHost: localhost\r\n", 405),
        ("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n", 404),
    ] {
        let (status, _, body) = running.say(head).await;
        assert_eq!(status, expected, "{head}: {body}");
        assert_eq!(body.is_empty(), head.starts_with("HEAD"), "{head}");
    }
    // As many as have a place keep it for nothing; the next one is served when their time is over.
    let mut idle = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        let mut stream = TcpStream::connect(running.address).await.expect("connects");
        stream.write_all(b"GET /health HTTP/1.1\r\n").await.expect("sent");
        idle.push(stream);
    }
    let began = std::time::Instant::now();
    assert_eq!(running.get("/health").await.0, 200);
    assert!(began.elapsed() < HEAD_WITHIN * 3, "{:?}", began.elapsed());
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_the_names_and_labels_of_the_table() {
    let running = Running::start().await;
    running.until("/ready", |status, _| status == 200).await;
    running.mine();
    let settled = |_: u16, body: &Value| body["transactions"]["executed"] == 1;
    running.until("/api/v1/vaults/treasury", settled).await;
    // A round shows its head when it is over.
    let is_over = |_: u16, body: &Value| body["chains"][0]["head"]["number"] == 101;
    running.until("/api/v1/chains", is_over).await;
    let files = || {
        let size =
            |name: &str| std::fs::metadata(running.folder.path().join(name)).map_or(0, |f| f.len());
        size("journal.db") + size("journal.db-wal")
    };
    let before = files();
    let (_, head, text) = running.get("/metrics").await;
    let after = files();
    assert!(head.contains("content-type: application/openmetrics-text"), "{head}");
    let text = text.as_str().expect("text").to_owned();
    assert!(text.ends_with("# EOF\n"), "{text}");
    // Names that only others bring about: a chain held as a whole, and requests over HTTP.
    let others = ["vagus_chain_holds_total", "vagus_rpc_requests_total", "vagus_rpc_errors_total"];
    for metric in METRICS {
        let start = match metric.labels {
            [] => format!("{} ", metric.name),
            [first, ..] => format!("{}{{{first}=\"", metric.name),
        };
        let line = text.lines().find(|line| line.starts_with(&start));
        assert!(line.is_some() || others.contains(&metric.name), "{start} in\n{text}");
        for (sample, label) in line.iter().flat_map(|l| metric.labels.iter().map(move |n| (l, n))) {
            assert!(sample.contains(&format!("{label}=\"")), "{sample}: {label}");
        }
    }
    // The account has what the chain says, and of the budget there is left what the rebalance has not cost.
    let said = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")));
        line.and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
    };
    let left = said("vagus_fee_budget_left_native");
    assert_eq!(
        (said("vagus_fee_budget_native"), left),
        (Some("2.0".to_owned()), Some("1.999".to_owned()))
    );
    assert_ne!(said("vagus_gas_balance_native").as_deref(), Some("0.0"));
    for sample in metrics::samples(&running.board, None) {
        let metric = METRICS.iter().find(|metric| metric.name == sample.name);
        let metric = metric.unwrap_or_else(|| panic!("{} is not in the table", sample.name));
        assert_eq!(metric.labels.len(), sample.labels.len(), "{}", sample.name);
    }
    let value = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_default();
        line.rsplit(' ').next().unwrap_or_default().to_owned()
    };
    let vault = "{chain=\"mainnet\",vault=\"treasury\"";
    assert_eq!(value(&format!("vagus_nav_assets{vault}")), "1000000.0");
    assert_eq!(value(&format!("vagus_decisions_total{vault},reason=\"Income\"")), "1");
    assert_eq!(value("vagus_head_number"), "101");
    // From outside: what lies on the disk, and what can be listed.
    let bytes: u64 = value("vagus_journal_bytes").parse().expect("a number");
    assert!((before..=after).contains(&bytes) && before > 0, "{before} <= {bytes} <= {after}");
    let listed = running.get("/api/v1/vaults/treasury/decisions").await.2;
    let listed = listed["decisions"].as_array().expect("a list").len();
    assert_eq!(value("vagus_journal_records"), listed.to_string());
    assert_eq!(listed, 1);
    running.end().await;
}

#[test]
fn every_metric_is_documented_with_its_labels_and_nothing_else_is() {
    let page = include_str!("../../../../docs/operations/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `vagus_"));
    let documented: Vec<(String, String, String)> = rows
        .map(|row| {
            let mut cells = row.split('|').skip(1).map(|cell| cell.trim().replace('`', ""));
            let mut next = || cells.next().unwrap_or_default();
            (next(), next(), next())
        })
        .collect();
    let known: Vec<(String, String, String)> = METRICS
        .iter()
        .map(|metric| {
            let kind = format!("{:?}", metric.kind).to_lowercase();
            (metric.name.to_owned(), kind, metric.labels.join(", "))
        })
        .collect();
    assert_eq!(documented, known);
}
