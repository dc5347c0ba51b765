//! A node for tests: answers over HTTP what it was told to, and counts.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::EndpointUrl;

/// By method, in order, the last one for ever. Each is the rest of a JSON-RPC response: `{"result": …}` or
/// `{"error": …}`; null hangs, and so does every later request of that connection.
pub(crate) type Answers = HashMap<&'static str, Vec<Value>>;

pub(crate) struct FakeNode {
    port: u16,
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl FakeNode {
    pub(crate) fn url(&self) -> EndpointUrl {
        let url = format!("http://127.0.0.1:{}/v2/secret-key", self.port);
        EndpointUrl::parse(&url).expect("sound")
    }

    /// Methods in the order in which they were asked, since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("unpoisoned"))
    }
}

pub(crate) async fn start(answers: Answers) -> FakeNode {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let node = FakeNode {
        port,
        answers: Arc::new(Mutex::new(answers)),
        asked: Arc::default(),
        connections: Arc::default(),
    };
    let (answers, asked) = (node.answers.clone(), node.asked.clone());
    let connections = node.connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::Relaxed);
            let (answers, asked) = (answers.clone(), asked.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                let mut buffer = [0u8; 4096];
                let mut is_hanging = false;
                while let Ok(count) = stream.read(&mut buffer).await {
                    if count == 0 {
                        return;
                    }
                    seen.extend_from_slice(&buffer[..count]);
                    let text = String::from_utf8_lossy(&seen).into_owned();
                    let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
                    let Ok(request) = serde_json::from_str::<Value>(body) else { continue };
                    seen.clear();
                    let method = request["method"].as_str().expect("a method").to_owned();
                    asked.lock().expect("unpoisoned").push(method.clone());
                    let mut response = {
                        let mut answers = answers.lock().expect("unpoisoned");
                        let list = answers
                            .get_mut(method.as_str())
                            .unwrap_or_else(|| panic!("no answer is planned for {method}"));
                        if list.len() > 1 { list.remove(0) } else { list[0].clone() }
                    };
                    is_hanging |= response.is_null();
                    if is_hanging {
                        continue;
                    }
                    response["jsonrpc"] = "2.0".into();
                    if response.get("id").is_none() {
                        response["id"] = request["id"].clone();
                    }
                    let body = response.to_string();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all((head + &body).as_bytes()).await;
                }
            });
        }
    });
    node
}
