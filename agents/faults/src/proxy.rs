//! An endpoint that fails as it is told to: stands in front of a chain's own endpoint.

mod http;
mod view;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use alloy::{
    hex,
    primitives::{Address, U64},
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use vagus_schedules::AnswerFault;

use vagus_e2e::message::Message;

use self::http::{Upstream, answer};
use crate::plan::{Plan, View};

/// Time that an answer takes when it is slow: less than the keeper waits.
const SLOW: Duration = Duration::from_millis(150);

/// Whose idle assets a falsified answer tells wrongly.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The asset.
    pub asset: Address,
    /// Who holds it.
    pub vault: Address,
}

/// One endpoint.
#[derive(Debug)]
pub struct Proxy {
    /// Its own address.
    pub url: String,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Endpoint {
    place: usize,
    target: String,
    plan: Arc<Plan>,
    subject: Subject,
    last_answer: Mutex<Vec<u8>>,
}

/// What goes back to who asked.
enum Reply {
    Whole(Vec<u8>),
    /// With a status of 503.
    Overloaded,
    /// Nothing, and the connection breaks.
    Broken,
    /// Nothing, and the connection stays.
    Silence,
}

impl Proxy {
    /// In front of a chain at a local `http://host:port`, as the endpoint of a place of the plan.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(
        place: usize,
        target: &str,
        plan: Arc<Plan>,
        subject: Subject,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("looking for a port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let target = target.trim_start_matches("http://").to_owned();
        let endpoint =
            Arc::new(Endpoint { place, target, plan, subject, last_answer: Mutex::default() });
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let endpoint = endpoint.clone();
                tokio::spawn(async move {
                    // A connection that breaks is the client's to notice.
                    let _ = endpoint.serve(client).await;
                });
            }
        });
        Ok(Self { url, task })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Endpoint {
    async fn serve(&self, mut client: TcpStream) -> Result<()> {
        client.set_nodelay(true)?;
        let mut chain = Upstream::connect(&self.target).await?;
        while let Some(request) = Message::read(&mut client).await? {
            let request: Value = serde_json::from_slice(request.body())?;
            match self.reply(&mut chain, &request).await? {
                Reply::Whole(body) => answer(&mut client, "200 OK", &body).await?,
                Reply::Overloaded => {
                    let status = "503 Service Unavailable";
                    answer(&mut client, status, b"<html>busy</html>").await?;
                }
                Reply::Broken => return Ok(()),
                Reply::Silence => {
                    // Until whoever asked goes away.
                    let _ = Message::read(&mut client).await;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn reply(&self, chain: &mut Upstream, request: &Value) -> Result<Reply> {
        match self.plan.view(self.place) {
            View::Silent => return Ok(Reply::Silence),
            View::Down => return Ok(Reply::Broken),
            _ => {}
        }
        let method = request["method"].as_str().unwrap_or_default();
        if method == "eth_sendRawTransaction" {
            self.plan.set_in_flight(true);
        }
        let reply = match self.plan.fault(self.place, method) {
            Some(fault) => {
                let reply = self.faulty(chain, fault, method, request).await?;
                self.plan.meet(format!("answer {fault:?}"));
                reply
            }
            None => Reply::Whole(self.deliver(chain, request).await?),
        };
        if let Reply::Whole(body) = &reply {
            self.keep(body);
        }
        Ok(reply)
    }

    /// Keeps an answer, and gives back the one before it.
    fn keep(&self, body: &[u8]) -> Vec<u8> {
        let mut last = self.last_answer.lock().unwrap_or_else(|e| e.into_inner());
        std::mem::replace(&mut last, body.to_vec())
    }

    async fn deliver(&self, chain: &mut Upstream, request: &Value) -> Result<Vec<u8>> {
        let answer = match self.plan.view(self.place) {
            View::Behind(blocks) => {
                let cap = view::head(chain).await?.saturating_sub(blocks);
                view::seen_up_to(chain, request, cap).await?
            }
            View::UpTo(cap) => view::seen_up_to(chain, request, cap).await?,
            _ => chain.ask(request).await?,
        };
        Ok(serde_json::to_vec(&answer)?)
    }

    async fn faulty(
        &self,
        chain: &mut Upstream,
        fault: AnswerFault,
        method: &str,
        request: &Value,
    ) -> Result<Reply> {
        let result = |result: Value| {
            let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
            Reply::Whole(answer.to_string().into_bytes())
        };
        Ok(match fault {
            AnswerFault::Refused => Reply::Broken,
            AnswerFault::Lost => Reply::Silence,
            AnswerFault::AnswerBroken => {
                self.deliver(chain, request).await?;
                Reply::Broken
            }
            AnswerFault::AnswerLost => {
                self.deliver(chain, request).await?;
                Reply::Silence
            }
            AnswerFault::Duplicated => {
                self.deliver(chain, request).await?;
                Reply::Whole(self.deliver(chain, request).await?)
            }
            AnswerFault::Slow => {
                let body = self.deliver(chain, request).await?;
                tokio::time::sleep(SLOW).await;
                Reply::Whole(body)
            }
            AnswerFault::ArrivesLater => {
                self.plan.send_later(request.clone());
                Reply::Silence
            }
            AnswerFault::Truncated => {
                let mut body = self.deliver(chain, request).await?;
                body.truncate(body.len() / 2);
                Reply::Whole(body)
            }
            AnswerFault::Reordered => {
                let body = self.deliver(chain, request).await?;
                Reply::Whole(self.keep(&body))
            }
            AnswerFault::Empty => {
                let is_bytes =
                    matches!(method, "eth_call" | "eth_getCode" | "eth_getTransactionCount");
                result(if is_bytes { json!("0x") } else { Value::Null })
            }
            AnswerFault::Late => {
                let error = json!({ "code": -32_000, "message": "header not found" });
                let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
                Reply::Whole(answer.to_string().into_bytes())
            }
            AnswerFault::Overloaded => Reply::Overloaded,
            AnswerFault::Falsified => {
                let body = self.deliver(chain, request).await?;
                Reply::Whole(self.falsify(chain, method, request, body).await?)
            }
        })
    }

    /// What the endpoint would say honestly, said of another state: half of the idle assets, a nonce more, a
    /// transaction that ended otherwise, a block that nobody has.
    async fn falsify(
        &self,
        chain: &mut Upstream,
        method: &str,
        request: &Value,
        body: Vec<u8>,
    ) -> Result<Vec<u8>> {
        let mut honest: Value = serde_json::from_slice(&body)?;
        if method == "eth_call" {
            let input = format!("0x70a08231{}", hex::encode(self.subject.vault.into_word()));
            let call = json!({ "to": self.subject.asset, "data": input });
            let question = json!({
                "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, request["params"][1]],
            });
            let idle = chain.ask(&question).await?;
            let word = idle["result"].as_str().unwrap_or_default().trim_start_matches("0x");
            let told = honest["result"].as_str().unwrap_or_default();
            let other = match halved(word) {
                Some(half) if told.contains(word) => told.replace(word, &half),
                _ => flipped(told),
            };
            honest["result"] = other.into();
        } else if method == "eth_getTransactionCount" {
            let count: U64 = serde_json::from_value(honest["result"].clone())?;
            honest["result"] = json!(count.saturating_add(U64::from(1)));
        } else if method == "eth_getTransactionReceipt" {
            if honest["result"].is_object() {
                let other = if honest["result"]["status"] == "0x1" { "0x0" } else { "0x1" };
                honest["result"]["status"] = other.into();
            }
        } else if honest["result"]["hash"].is_string() {
            for key in ["hash", "stateRoot"] {
                let other = flipped(honest["result"][key].as_str().unwrap_or_default());
                honest["result"][key] = other.into();
            }
        }
        Ok(serde_json::to_vec(&honest)?)
    }
}

/// Half of a word of 32 bytes that is not nothing.
fn halved(word: &str) -> Option<String> {
    let number = alloy::primitives::U256::from_str_radix(word, 16).ok()?;
    (!number.is_zero()).then(|| format!("{:064x}", number >> 1))
}

/// Another last digit.
fn flipped(text: &str) -> String {
    let mut text = text.to_owned();
    let last = text.pop();
    text.push(if last == Some('0') { '1' } else { '0' });
    text
}
