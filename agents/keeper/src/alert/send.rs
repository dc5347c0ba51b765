//! Notices on their way to channels: one queue each, so that one that fails holds up no other one.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Url};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Change, Notice, payload::payloads};
use crate::config::{AlertsConfig, ChannelConfig, ChannelKind};

/// Notices that wait for a channel; further ones are dropped, and that is logged.
const QUEUE: usize = 256;
/// How often one is handed in, and the first wait between two tries; it doubles.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// How long a channel may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What every channel has that takes it, or was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Of which alerts.
    pub identities: Vec<String>,
    /// What was told of them.
    pub change: Change,
}

/// Goes with every payload of a notice; the last that is dealt with says so.
#[derive(Debug)]
struct Ticket {
    delivered: Delivered,
    told: mpsc::UnboundedSender<Delivered>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Nobody listens any more at the end.
        let _ = self.told.send(self.delivered.clone());
    }
}

/// A payload with the ticket of its notice.
type Ticketed = (Value, Arc<Ticket>);

/// The queues of all channels.
#[derive(Debug)]
pub struct Sender {
    channels: Vec<(ChannelConfig, mpsc::Sender<Ticketed>)>,
    keeper: String,
    told: mpsc::UnboundedSender<Delivered>,
}

impl Sender {
    /// Starts a task for each channel. What was delivered is told there.
    #[must_use]
    pub fn start(
        config: &AlertsConfig,
        keeper: &str,
        told: mpsc::UnboundedSender<Delivered>,
    ) -> Self {
        Self::start_with(config, keeper, told, FIRST_WAIT)
    }

    pub(super) fn start_with(
        config: &AlertsConfig,
        keeper: &str,
        told: mpsc::UnboundedSender<Delivered>,
        first_wait: Duration,
    ) -> Self {
        let channels = config.channels.iter().filter_map(|channel| {
            let client = match client() {
                Ok(client) => client,
                Err(error) => {
                    tracing::error!("alerts: {channel}: no HTTP client: {error}");
                    return None;
                }
            };
            let (queue, mut waiting) = mpsc::channel::<Ticketed>(QUEUE);
            let of_task = channel.clone();
            tokio::spawn(async move {
                while let Some((payload, _ticket)) = waiting.recv().await {
                    deliver(&client, &of_task, &payload, first_wait).await;
                }
            });
            Some((channel.clone(), queue))
        });
        Self { channels: channels.collect(), keeper: keeper.to_owned(), told }
    }

    /// Hands a notice to every channel that takes such ones. Waits for nobody.
    pub fn send(&self, notice: &Notice) {
        let identities = notice.alerts.iter().map(|alert| alert.identity.clone()).collect();
        let delivered = Delivered { identities, change: notice.change };
        let ticket = Arc::new(Ticket { delivered, told: self.told.clone() });
        for (channel, queue) in &self.channels {
            let is_wanted =
                |alert: &super::Alert| alert.condition.kind.severity() >= channel.severity;
            let alerts: Vec<_> = notice.alerts.iter().filter(|a| is_wanted(a)).cloned().collect();
            if alerts.is_empty() {
                continue;
            }
            let notice = Notice { change: notice.change, alerts };
            let secret = channel.secret.as_ref().map(|secret| secret.expose());
            for payload in payloads(&channel.kind, &self.keeper, &notice, secret) {
                if queue.try_send((payload, ticket.clone())).is_err() {
                    tracing::error!("alerts: {channel} is too far behind; a notice is dropped");
                }
            }
        }
    }
}

fn client() -> reqwest::Result<Client> {
    // Fails only if a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()
}

/// Where a channel takes its payloads. It holds the channel's secret.
fn target(channel: &ChannelConfig) -> Option<Url> {
    let base = channel.url.expose();
    match (&channel.kind, &channel.secret) {
        (ChannelKind::Telegram { .. }, Some(token)) => {
            Url::parse(&format!("{}/bot{}/sendMessage", base.trim_end_matches('/'), token.expose()))
                .ok()
        }
        _ => Url::parse(base).ok(),
    }
}

async fn deliver(client: &Client, channel: &ChannelConfig, payload: &Value, first_wait: Duration) {
    let Some(url) = target(channel) else {
        tracing::error!("alerts: {channel} has no address that can be used");
        return;
    };
    let mut wait = first_wait;
    for left in (0..TRIES).rev() {
        // What is said of a failure holds no address: neither its secret nor the answer's words.
        let why = match client.post(url.clone()).json(payload).send().await {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => {
                let status = answer.status();
                let is_hopeless = status.is_client_error() && !matches!(status.as_u16(), 408 | 429);
                if is_hopeless || left == 0 {
                    tracing::error!("alerts: {channel} refuses with status {}", status.as_u16());
                    return;
                }
                format!("status {}", status.as_u16())
            }
            Err(error) if error.is_timeout() => "no answer in time".to_owned(),
            Err(_) => "it cannot be reached".to_owned(),
        };
        if left == 0 {
            tracing::error!("alerts: {channel}: {why}; given up");
            return;
        }
        tracing::warn!("alerts: {channel}: {why}; tried again");
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2);
    }
}
