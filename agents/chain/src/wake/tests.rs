use std::sync::atomic::AtomicUsize;

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;

const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(20), longest: Duration::from_millis(80) };
const PATIENCE: Duration = Duration::from_millis(150);

struct Server {
    listener: TcpListener,
    url: WebsocketUrl,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let url = WebsocketUrl::parse(&format!("ws://127.0.0.1:{port}/secret")).expect("sound");
        Self { listener, url }
    }

    /// The next connection, its subscription accepted.
    async fn subscribed(&self) -> WebSocketStream<TcpStream> {
        let (stream, _) = self.listener.accept().await.expect("a connection");
        let mut socket = accept_async(stream).await.expect("a handshake");
        let asked = socket.next().await.expect("a message").expect("sound");
        assert_eq!(asked, Message::text(SUBSCRIBE));
        let accepted = json!({ "jsonrpc": "2.0", "id": 1, "result": "0x1" });
        socket.send(Message::text(accepted.to_string())).await.expect("open");
        socket
    }
}

fn announcement() -> Message {
    let params = json!({ "subscription": "0x1", "result": { "number": "0x5" } });
    let said = json!({ "jsonrpc": "2.0", "method": "eth_subscription", "params": params });
    Message::text(said.to_string())
}

async fn is_woken(wake: &Wake) -> bool {
    timeout(Duration::from_secs(2), wake.woken()).await.is_ok()
}

async fn is_left_alone(wake: &Wake) -> bool {
    timeout(Duration::from_millis(60), wake.woken()).await.is_err()
}

#[tokio::test]
async fn a_new_head_wakes_and_several_are_one() {
    let server = Server::start().await;
    let wake = Wake::listen(server.url.clone(), Duration::from_secs(5), BACKOFF);
    let mut socket = server.subscribed().await;
    assert!(is_left_alone(&wake).await, "the subscription itself announces nothing");
    assert!(wake.is_live());
    socket.send(announcement()).await.expect("open");
    assert!(is_woken(&wake).await);
    for _ in 0..3 {
        socket.send(announcement()).await.expect("open");
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(is_woken(&wake).await);
    assert!(is_left_alone(&wake).await);
}

#[tokio::test]
async fn a_closed_connection_is_rebuilt_and_wakes_once_for_what_was_missed() {
    let server = Server::start().await;
    let wake = Wake::listen(server.url.clone(), Duration::from_secs(5), BACKOFF);
    drop(server.subscribed().await);
    assert!(is_woken(&wake).await);
    let mut socket = server.subscribed().await;
    socket.send(announcement()).await.expect("open");
    assert!(is_woken(&wake).await);
}

#[tokio::test]
async fn a_silent_connection_is_rebuilt_and_one_that_answers_is_not() {
    let server = Server::start().await;
    let wake = Wake::listen(server.url.clone(), PATIENCE, BACKOFF);
    // Reads nothing, so that no ping is answered.
    let held = server.subscribed().await;
    let again = timeout(Duration::from_secs(3), server.subscribed()).await;
    let mut socket = again.expect("it is rebuilt");
    drop(held);
    // This one answers pings by reading.
    let reading = tokio::spawn(async move {
        let mut pings = 0;
        while pings < 3 {
            match socket.next().await {
                Some(Ok(Message::Ping(_))) => pings += 1,
                Some(Ok(_)) => {}
                _ => return false,
            }
        }
        socket.send(announcement()).await.is_ok()
    });
    assert!(
        timeout(Duration::from_secs(3), reading).await.is_ok_and(|alive| alive.is_ok_and(|a| a))
    );
    assert!(is_woken(&wake).await);
}

#[tokio::test]
async fn garbage_is_passed_by() {
    let server = Server::start().await;
    let wake = Wake::listen(server.url.clone(), Duration::from_secs(5), BACKOFF);
    let mut socket = server.subscribed().await;
    for text in ["", "{", "[]", "null", r#"{"id":2,"result":null}"#, r#"{"method":"other"}"#] {
        socket.send(Message::text(text)).await.expect("open");
    }
    socket.send(Message::binary(vec![0xff; 9])).await.expect("open");
    assert!(is_left_alone(&wake).await);
    socket.send(announcement()).await.expect("open");
    assert!(is_woken(&wake).await);
}

#[tokio::test]
async fn a_server_that_hangs_or_is_gone_is_tried_again_with_growing_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            // Never shakes hands.
            held.push(stream);
        }
    });
    let url = WebsocketUrl::parse(&format!("ws://127.0.0.1:{port}/")).expect("sound");
    let patience = Duration::from_millis(20);
    let wake = Wake::listen(url, patience, BACKOFF);
    tokio::time::sleep(Duration::from_millis(600)).await;
    let tries = tries.load(Ordering::Relaxed);
    // 20 ms each, with waits of 20, 40, 80, 80…
    assert!((3..=9).contains(&tries), "{tries} tries");
    assert!(!wake.is_live());
}

#[tokio::test]
async fn a_refused_subscription_is_no_life() {
    let server = Server::start().await;
    let wake = Wake::listen(server.url.clone(), Duration::from_secs(5), BACKOFF);
    let (stream, _) = server.listener.accept().await.expect("a connection");
    let mut socket = accept_async(stream).await.expect("a handshake");
    let refused = json!({ "id": 1, "error": { "code": -32601, "message": "no" } });
    socket.send(Message::text(refused.to_string())).await.expect("open");
    let again = timeout(Duration::from_secs(2), server.listener.accept()).await;
    assert!(again.is_ok(), "it tries again");
    assert!(!wake.is_live());
}

#[tokio::test]
async fn a_probe_says_whether_heads_are_announced() {
    let server = Server::start().await;
    let url = server.url.clone();
    let asked = tokio::spawn(async move { probe(&url, Duration::from_secs(5)).await });
    let _socket = server.subscribed().await;
    assert_eq!(asked.await.expect("no panic"), Ok(()));
    // Shakes no hands.
    assert_eq!(probe(&server.url, PATIENCE).await, Err("it gives no sign of life".to_owned()));
    let url = server.url.clone();
    drop(server);
    let gone = probe(&url, PATIENCE).await.expect_err("nobody listens");
    assert!(!gone.contains("secret"), "{gone}");
}

#[tokio::test]
async fn one_that_never_wakes_never_wakes() {
    let wake = Wake::never();
    assert!(is_left_alone(&wake).await && !wake.is_live());
}

#[test]
fn what_ended_a_connection_says_no_secret() {
    let error = Error::Url(tokio_tungstenite::tungstenite::error::UrlError::UnableToConnect(
        "ws://host/secret".to_owned(),
    ));
    assert!(!End::Failed(error).to_string().contains("secret"));
}
