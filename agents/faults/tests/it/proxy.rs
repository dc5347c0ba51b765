//! Every kind of fault does to a client what its name says, once, at the call it is bound to, and to the chain as well.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use alloy::primitives::{Address, U256};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use vagus_faults::{Plan, Proxy, Subject, View};
use vagus_schedules::AnswerFault;

/// Height of the chain behind.
const HEAD: u64 = 20;
/// Longer than an answer takes, and as long as nothing is waited for.
const SOON: Duration = Duration::from_millis(400);

/// What a client gets.
#[derive(Clone, Debug, PartialEq)]
enum Got {
    Body(u16, String),
    Closed,
    Nothing,
}

/// A chain of twenty blocks, which keeps what it is asked. Its answer to `count` is how often it was asked that.
struct Chain {
    url: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

fn word(number: u64) -> String {
    format!("0x{:064x}", U256::from(number))
}

fn block(number: u64) -> Value {
    json!({ "number": format!("0x{number:x}"), "hash": word(number + 1_000), "stateRoot": word(9) })
}

fn height(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

fn answer_of(request: &Value, times: usize) -> Value {
    let (first, second) = (&request["params"][0], &request["params"][1]);
    match request["method"].as_str().unwrap() {
        "eth_blockNumber" => json!(format!("0x{HEAD:x}")),
        "eth_getBlockByNumber" => match first.as_str().unwrap() {
            "latest" => block(HEAD),
            "finalized" => block(HEAD - 5),
            _ => height(first).filter(|n| *n <= HEAD).map_or(Value::Null, block),
        },
        "eth_getBlockByHash" => block(height(first).unwrap() - 1_000),
        "eth_getTransactionReceipt" => json!({ "blockNumber": format!("0x{HEAD:x}") }),
        // Idle, or what tells of it among other things.
        "eth_call" if first["data"].is_string() => json!(word(600)),
        "eth_call" => json!(format!("{}{}", word(7), &word(600)[2..])),
        "eth_getTransactionCount" => second.clone(),
        _ => json!(times),
    }
}

impl Chain {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    while let Some(body) = read(&mut stream).await {
                        let request: Value = serde_json::from_str(&body.1).unwrap();
                        let method = request["method"].clone();
                        let times = {
                            let mut kept = kept.lock().unwrap();
                            kept.push(request.clone());
                            kept.iter().filter(|one| one["method"] == method).count()
                        };
                        let result = answer_of(&request, times);
                        let answer =
                            json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
                        write(&mut stream, "HTTP/1.1 200 OK", &answer.to_string()).await;
                    }
                });
            }
        });
        Self { url, asked }
    }

    fn count(&self, method: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|one| one["method"] == method).count()
    }
}

async fn write(stream: &mut TcpStream, first: &str, body: &str) {
    let text = format!("{first}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(text.as_bytes()).await;
}

/// First line and body.
async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length: usize =
                lower.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
            if body.len() >= length {
                return Some((head.lines().next()?.to_owned(), body.to_owned()));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

struct World {
    chain: Chain,
    plan: Arc<Plan>,
    proxy: Proxy,
}

impl World {
    async fn new() -> Self {
        let (chain, plan) = (Chain::start().await, Arc::new(Plan::default()));
        let subject = Subject { asset: Address::repeat_byte(1), vault: Address::repeat_byte(2) };
        let proxy = Proxy::start(0, &chain.url, plan.clone(), subject).await.unwrap();
        Self { chain, plan, proxy }
    }

    async fn ask(&self, method: &str, params: Value) -> Got {
        let mut stream =
            TcpStream::connect(self.proxy.url.trim_start_matches("http://")).await.unwrap();
        let request = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        write(&mut stream, "POST / HTTP/1.1", &request.to_string()).await;
        match tokio::time::timeout(SOON, read(&mut stream)).await {
            Err(_) => Got::Nothing,
            Ok(None) => Got::Closed,
            Ok(Some((line, body))) => {
                Got::Body(line.split(' ').nth(1).unwrap().parse().unwrap(), body)
            }
        }
    }

    async fn result(&self, method: &str, params: Value) -> Value {
        match self.ask(method, params).await {
            Got::Body(200, body) => serde_json::from_str::<Value>(&body).unwrap()["result"].clone(),
            other => panic!("{method}: {other:?}"),
        }
    }

    /// What the third question of a method gets when the fault is bound to it; the others are answered as they should be.
    async fn third(&self, method: &'static str, params: Value, fault: AnswerFault) -> Got {
        self.plan.arm(0, method, 2, fault);
        // Another endpoint's questions do not count here.
        self.plan.arm(1, method, 0, AnswerFault::Refused);
        for _ in 0..2 {
            assert!(matches!(self.ask(method, params.clone()).await, Got::Body(200, _)));
        }
        assert!(self.plan.met().is_empty(), "{fault:?} too early");
        let got = self.ask(method, params.clone()).await;
        assert_eq!(self.plan.met().get(&format!("answer {fault:?}")), Some(&1));
        assert!(matches!(self.ask(method, params).await, Got::Body(200, _)), "{fault:?} twice");
        got
    }
}

fn counted(times: u64) -> Got {
    Got::Body(200, json!({ "jsonrpc": "2.0", "id": 7, "result": times }).to_string())
}

#[tokio::test]
async fn a_question_that_is_dropped_does_not_reach_the_chain() {
    for (fault, expected) in [
        (AnswerFault::Refused, Got::Closed),
        (AnswerFault::Lost, Got::Nothing),
        (
            AnswerFault::Empty,
            Got::Body(200, r#"{"id":7,"jsonrpc":"2.0","result":null}"#.to_owned()),
        ),
    ] {
        let world = World::new().await;
        assert_eq!(world.third("count", json!([]), fault).await, expected, "{fault:?}");
        assert_eq!(world.chain.count("count"), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_dropped_was_a_question_that_arrived() {
    for (fault, expected) in
        [(AnswerFault::AnswerBroken, Got::Closed), (AnswerFault::AnswerLost, Got::Nothing)]
    {
        let world = World::new().await;
        assert_eq!(world.third("count", json!([]), fault).await, expected, "{fault:?}");
        assert_eq!(world.chain.count("count"), 4, "{fault:?}");
    }
}

#[tokio::test]
async fn a_question_that_is_duplicated_arrives_twice() {
    let world = World::new().await;
    assert_eq!(world.third("count", json!([]), AnswerFault::Duplicated).await, counted(4));
    assert_eq!(world.chain.count("count"), 5);
}

#[tokio::test]
async fn an_answer_that_is_delayed_comes_late_and_whole() {
    let world = World::new().await;
    let asked = Instant::now();
    assert_eq!(world.third("count", json!([]), AnswerFault::Slow).await, counted(3));
    assert!(asked.elapsed() > Duration::from_millis(140), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_question_that_arrives_later_is_handed_over_when_it_is_asked_for() {
    let world = World::new().await;
    let got = world.third("count", json!(["mark"]), AnswerFault::ArrivesLater).await;
    assert_eq!((got, world.chain.count("count")), (Got::Nothing, 3));
    let arriving = world.plan.arriving();
    assert_eq!(arriving.len(), 1);
    assert_eq!(arriving[0]["params"], json!(["mark"]));
    assert!(world.plan.arriving().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_truncated_is_no_json() {
    let world = World::new().await;
    let Got::Body(200, half) = world.third("count", json!([]), AnswerFault::Truncated).await else {
        panic!("no answer")
    };
    let Got::Body(_, whole) = counted(3) else { unreachable!() };
    assert_eq!(half, whole[..whole.len() / 2]);
    assert!(serde_json::from_str::<Value>(&half).is_err());
}

#[tokio::test]
async fn an_answer_that_is_reordered_is_the_one_before_it() {
    let world = World::new().await;
    assert_eq!(world.third("count", json!([]), AnswerFault::Reordered).await, counted(2));
    assert_eq!(world.chain.count("count"), 4);
}

#[tokio::test]
async fn an_endpoint_is_late_or_overloaded_in_its_own_words() {
    let world = World::new().await;
    let Got::Body(200, late) = world.third("count", json!([]), AnswerFault::Late).await else {
        panic!("no answer")
    };
    assert!(late.contains("header not found") && late.contains("-32000"), "{late}");
    let world = World::new().await;
    let got = world.third("count", json!([]), AnswerFault::Overloaded).await;
    assert_eq!(got, Got::Body(503, "<html>busy</html>".to_owned()));
}

#[tokio::test]
async fn what_is_falsified_is_another_state_in_the_same_form() {
    let world = World::new().await;
    let call = json!([{ "to": Address::repeat_byte(3), "input": "0x01" }, "latest"]);
    let honest = world.result("eth_call", call.clone()).await;
    let Got::Body(200, body) = world.third("eth_call", call, AnswerFault::Falsified).await else {
        panic!("no answer")
    };
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(honest, json!(format!("{}{}", word(7), &word(600)[2..])));
    assert_eq!(told["result"], json!(format!("{}{}", word(7), &word(300)[2..])));

    let world = World::new().await;
    let got = world.third("eth_getTransactionCount", json!(["0x1", "0x9"]), AnswerFault::Falsified);
    let Got::Body(200, body) = got.await else { panic!("no answer") };
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["result"], "0xa");

    let world = World::new().await;
    let got = world.third("eth_getBlockByNumber", json!(["0x5", false]), AnswerFault::Falsified);
    let Got::Body(200, body) = got.await else { panic!("no answer") };
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["result"]["number"], "0x5");
    assert_ne!(told["result"]["hash"], block(5)["hash"]);
}

#[tokio::test]
async fn one_that_lags_or_stands_still_knows_nothing_newer_in_any_answer() {
    for (view, cap) in [(View::Behind(3), 17), (View::UpTo(11), 11)] {
        let world = World::new().await;
        world.plan.set_view(0, view);
        let hash = |number: u64| word(number + 1_000);
        let by_number = |at: Value| world.result("eth_getBlockByNumber", json!([at, false]));
        assert_eq!(by_number(json!("latest")).await, block(cap), "{view:?}");
        assert_eq!(by_number(json!("finalized")).await, block(cap.min(HEAD - 5)));
        assert_eq!(by_number(json!(format!("0x{cap:x}"))).await, block(cap));
        assert_eq!(by_number(json!(format!("0x{:x}", cap + 1))).await, Value::Null);
        let by_hash =
            |number: u64| world.result("eth_getBlockByHash", json!([hash(number), false]));
        assert_eq!(by_hash(cap).await, block(cap));
        assert_eq!(by_hash(cap + 1).await, Value::Null);
        assert_eq!(world.result("eth_getTransactionReceipt", json!(["0x1"])).await, Value::Null);
        let count = world.result("eth_getTransactionCount", json!(["0x1", "latest"])).await;
        assert_eq!(count, json!(format!("0x{cap:x}")));
        let call = |number: u64| json!([{ "to": "0x1" }, { "blockHash": hash(number) }]);
        assert!(world.result("eth_call", call(cap)).await.is_string());
        let Got::Body(200, late) = world.ask("eth_call", call(cap + 1)).await else { panic!() };
        assert!(late.contains("header not found"), "{late}");
        world.plan.set_view(0, View::Whole);
        assert_eq!(
            world.result("eth_getBlockByNumber", json!(["latest", false])).await,
            block(HEAD)
        );
    }
}

#[tokio::test]
async fn one_that_is_silent_or_down_answers_nothing_until_it_is_whole_again() {
    for (view, expected) in [(View::Silent, Got::Nothing), (View::Down, Got::Closed)] {
        let world = World::new().await;
        world.plan.set_view(0, view);
        assert_eq!(world.ask("count", json!([])).await, expected);
        assert_eq!(world.chain.count("count"), 0);
        world.plan.disarm();
        assert_eq!(world.ask("count", json!([])).await, counted(1));
    }
}

#[tokio::test]
async fn whether_something_is_in_flight_when_a_fault_is_met_is_known() {
    let world = World::new().await;
    world.plan.arm(0, "count", 0, AnswerFault::Refused);
    assert_eq!(world.ask("count", json!([])).await, Got::Closed);
    assert!(!world.plan.was_in_flight());
    world.plan.arm(0, "eth_sendRawTransaction", 0, AnswerFault::Refused);
    assert_eq!(world.ask("eth_sendRawTransaction", json!(["0x"])).await, Got::Closed);
    assert!(world.plan.was_in_flight());
    world.plan.clear();
    assert!(!world.plan.was_in_flight() && world.plan.met().is_empty());
}
