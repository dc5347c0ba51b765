//! Is woken by an endpoint's websocket when it has a new head. A wake-up and nothing more: what the head is, and whether
//! there is one, is asked over HTTP. Without it the chain is polled, and nothing is missed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Error, Message, protocol::WebSocketConfig},
};

use crate::WebsocketUrl;

/// Waits between two tries to connect.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The first; it doubles with each try that brought nothing.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(60) }
    }
}

/// Largest message that is read; an announced head is a small one.
const MAX_MESSAGE: usize = 1 << 20;
const SUBSCRIBE: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#;

/// Listens in a task of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct Wake {
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    notify: Notify,
    is_live: AtomicBool,
}

impl Wake {
    /// Never wakes anybody.
    #[must_use]
    pub fn never() -> Self {
        Self { shared: Arc::default(), task: None }
    }

    /// Listens to an endpoint. A connection on which nothing comes for as long as `patience` is asked for a sign of
    /// life, and rebuilt if it gives none in the same time. Has to be called within a runtime.
    #[must_use]
    pub fn listen(url: WebsocketUrl, patience: Duration, backoff: Backoff) -> Self {
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(listen(shared.clone(), url, patience, backoff));
        Self { shared, task: Some(task) }
    }

    /// Comes back when a head was announced since the last time; several announcements are one.
    ///
    /// # Cancel safety
    /// Safe: an announcement is not lost.
    pub async fn woken(&self) {
        self.shared.notify.notified().await;
    }

    /// Whether the endpoint has accepted the subscription and the connection stands, as far as is known.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.shared.is_live.load(Ordering::Relaxed)
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Asks an endpoint once to announce heads, and comes back when it has agreed to.
///
/// # Errors
/// Why it does not, without the address: it is silent for `patience`, refuses, or cannot be reached.
pub async fn probe(url: &WebsocketUrl, patience: Duration) -> Result<(), String> {
    // Fails only if a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let shared = Shared::default();
    let agreed = async {
        while !shared.is_live.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let mut announced = 0;
    tokio::select! {
        end = session(&shared, url, patience, &mut announced) => Err(end.to_string()),
        () = agreed => Ok(()),
        () = sleep(patience) => Err(End::Silent.to_string()),
    }
}

/// Why a connection ended.
#[derive(Debug)]
enum End {
    Silent,
    Closed,
    Refused,
    Failed(Error),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Silent => f.write_str("it gives no sign of life"),
            Self::Closed => f.write_str("it was closed"),
            Self::Refused => f.write_str("it does not announce heads"),
            // Texts of the others may repeat the address, and with it a key.
            Self::Failed(Error::Io(error)) => write!(f, "{error}"),
            Self::Failed(Error::Http(response)) => write!(f, "HTTP status {}", response.status()),
            Self::Failed(Error::Tls(_)) => f.write_str("TLS fails"),
            Self::Failed(_) => f.write_str("it breaks the protocol"),
        }
    }
}

async fn listen(shared: Arc<Shared>, url: WebsocketUrl, patience: Duration, backoff: Backoff) {
    // Fails only if a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut wait = backoff.first;
    let mut is_said = false;
    loop {
        let mut announced = 0u64;
        let end = session(&shared, &url, patience, &mut announced).await;
        shared.is_live.store(false, Ordering::Relaxed);
        if announced > 0 {
            (wait, is_said) = (backoff.first, false);
        }
        if !is_said {
            tracing::warn!("websocket {url}: {end}; polling goes on, trying again");
            is_said = true;
        }
        // Whatever was announced while nobody listened is found by asking.
        shared.notify.notify_one();
        sleep(wait).await;
        wait = wait.saturating_mul(2).min(backoff.longest);
    }
}

async fn session(
    shared: &Shared,
    url: &WebsocketUrl,
    patience: Duration,
    announced: &mut u64,
) -> End {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let connecting = connect_async_with_config(url.expose(), Some(config), false);
    let mut socket = match timeout(patience, connecting).await {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(error)) => return End::Failed(error),
        Err(_) => return End::Silent,
    };
    match timeout(patience, socket.send(Message::text(SUBSCRIBE))).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return End::Failed(error),
        Err(_) => return End::Silent,
    }
    let mut is_pinged = false;
    loop {
        let message = match timeout(patience, socket.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return End::Failed(error),
            Ok(None) => return End::Closed,
            Err(_) if is_pinged => return End::Silent,
            Err(_) => {
                is_pinged = true;
                match timeout(patience, socket.send(Message::Ping(Default::default()))).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => return End::Failed(error),
                    Err(_) => return End::Silent,
                }
            }
        };
        is_pinged = false;
        let Message::Text(text) = message else { continue };
        // What cannot be understood says nothing; the connection is no worse for it.
        let Ok(said) = serde_json::from_str::<Value>(&text) else { continue };
        if said["method"] == "eth_subscription" {
            *announced = announced.saturating_add(1);
            shared.notify.notify_one();
        } else if said["id"] == 1 {
            if said.get("error").is_some() || said["result"].is_null() {
                return End::Refused;
            }
            shared.is_live.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
