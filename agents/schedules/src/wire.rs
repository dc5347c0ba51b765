//! Faults of endpoints.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use vagus_chain::{Wire, WireAnswer, WireError, memory::MemoryChain};

use crate::{AnswerFault, plan::Plan};

/// Time that an answer takes when it is slow: less than anybody waits.
const SLOW: Duration = Duration::from_millis(2_500);

/// One endpoint of the chain.
#[derive(Debug)]
pub(crate) struct FaultyWire {
    pub(crate) place: usize,
    pub(crate) chain: Arc<MemoryChain>,
    pub(crate) plan: Arc<Plan>,
}

fn broken() -> WireError {
    WireError::Unreachable("the connection broke".to_owned())
}

fn answered(body: Vec<u8>) -> Result<WireAnswer, WireError> {
    Ok(WireAnswer { status: Ok(()), body })
}

impl FaultyWire {
    fn deliver(&self, request: &Value) -> Value {
        self.chain.answer(request, self.plan.lag(self.place))
    }

    /// What an honest endpoint would say, said of another state; of a transaction, that it ended otherwise.
    fn falsified(&self, request: &Value) -> Value {
        if request["method"] == "eth_getTransactionReceipt" {
            let mut answer = self.deliver(request);
            let other = if answer["result"]["status"] == "0x1" { "0x0" } else { "0x1" };
            if answer["result"].is_object() {
                answer["result"]["status"] = other.into();
            }
            return answer;
        }
        let idle = self.chain.with(|model| model.falsify());
        let answer = self.deliver(request);
        self.chain.with(|model| model.restore(idle));
        answer
    }

    async fn faulty(&self, fault: AnswerFault, request: &Value) -> Result<WireAnswer, WireError> {
        let method = request["method"].as_str().unwrap_or_default();
        match fault {
            AnswerFault::Refused => Err(broken()),
            AnswerFault::Lost => std::future::pending().await,
            AnswerFault::AnswerBroken => {
                self.deliver(request);
                Err(broken())
            }
            AnswerFault::AnswerLost => {
                self.deliver(request);
                std::future::pending().await
            }
            AnswerFault::Duplicated => {
                self.deliver(request);
                answered(self.deliver(request).to_string().into_bytes())
            }
            AnswerFault::Slow => {
                let answer = self.deliver(request);
                tokio::time::sleep(SLOW).await;
                answered(answer.to_string().into_bytes())
            }
            AnswerFault::ArrivesLater => {
                if method == "eth_sendRawTransaction" {
                    self.plan.send_later(request.clone());
                }
                std::future::pending().await
            }
            AnswerFault::Truncated => {
                let mut body = self.deliver(request).to_string().into_bytes();
                body.truncate(body.len() / 2);
                answered(body)
            }
            AnswerFault::Reordered => {
                let body = self.deliver(request).to_string().into_bytes();
                answered(self.plan.answer_before(self.place, &body).unwrap_or_default())
            }
            AnswerFault::Empty => {
                let is_bytes = matches!(method, "eth_call" | "eth_getCode");
                let is_number = method == "eth_getTransactionCount";
                let result = if is_bytes || is_number { json!("0x") } else { Value::Null };
                let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
                answered(answer.to_string().into_bytes())
            }
            AnswerFault::Late => {
                let error = json!({"code": -32_000, "message": "header not found"});
                let answer = json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
                answered(answer.to_string().into_bytes())
            }
            AnswerFault::Overloaded => Ok(WireAnswer {
                status: Err("HTTP status 503".to_owned()),
                body: b"<html>busy</html>".to_vec(),
            }),
            AnswerFault::Falsified => answered(self.falsified(request).to_string().into_bytes()),
        }
    }
}

#[async_trait]
impl Wire for FaultyWire {
    async fn exchange(&self, body: Vec<u8>) -> Result<WireAnswer, WireError> {
        let request: Value = serde_json::from_slice(&body).map_err(|_| broken())?;
        let method = request["method"].as_str().unwrap_or_default().to_owned();
        self.plan.note(&body);
        self.plan.crash(&method, false).await;
        if self.plan.is_down(self.place) {
            return Err(broken());
        }
        let answer = match self.plan.answer_fault(self.place, &method) {
            Some(fault) => {
                self.plan.meet(format!("answer {fault:?}"));
                self.faulty(fault, &request).await
            }
            None => answered(self.deliver(&request).to_string().into_bytes()),
        };
        if let Ok(answer) = &answer {
            self.plan.note(&answer.body);
            self.plan.answer_before(self.place, &answer.body);
        }
        self.plan.crash(&method, true).await;
        answer
    }
}
