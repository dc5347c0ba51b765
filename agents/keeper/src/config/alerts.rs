//! `[alerts]`: whom the keeper tells.

use std::{fmt, fs, path::PathBuf, time::Duration};

use serde::Deserialize;
use toml::Spanned;

use super::{Reader, source::RawSource, value};
use crate::{alert::Severity, exit::Failure};

const TELEGRAM: &str = "https://api.telegram.org";
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// Whom the keeper tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertsConfig {
    /// Minutes after which what lasts is told again.
    pub repeat_minutes: u32,
    /// To whom.
    pub channels: Vec<ChannelConfig>,
}

impl AlertsConfig {
    /// Time after which what lasts is told again.
    #[must_use]
    pub fn repeat(&self) -> Duration {
        Duration::from_secs(u64::from(self.repeat_minutes) * 60)
    }
}

/// Text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What kind of channel it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// A document of our own, posted somewhere.
    Webhook,
    /// Slack, by an incoming webhook.
    Slack,
    /// Discord, by a webhook.
    Discord,
    /// Telegram, by a bot.
    Telegram {
        /// The chat.
        chat_id: String,
    },
    /// PagerDuty, by its events API.
    Pagerduty,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// What kind.
    pub kind: ChannelKind,
    /// Where; it may hold a secret.
    pub url: Secret,
    /// Its token or key, if it has one beside its address.
    pub secret: Option<Secret>,
    /// The least that it is told.
    pub severity: Severity,
}

/// The kind and the host alone.
impl fmt::Display for ChannelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ChannelKind::Webhook => "webhook",
            ChannelKind::Slack => "slack",
            ChannelKind::Discord => "discord",
            ChannelKind::Telegram { .. } => "telegram",
            ChannelKind::Pagerduty => "pagerduty",
        };
        match vagus_chain::EndpointUrl::parse(self.url.expose()) {
            Ok(url) => write!(f, "{kind} ({url})"),
            Err(_) => f.write_str(kind),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAlerts {
    #[serde(default = "value::default_repeat_minutes", deserialize_with = "value::above_zero")]
    repeat_minutes: u32,
    channels: Vec<Spanned<RawChannel>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawKind {
    Webhook,
    Slack,
    Discord,
    Telegram,
    Pagerduty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChannel {
    kind: RawKind,
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_env: Option<String>,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
    chat_id: Option<String>,
    severity: Option<Severity>,
}

impl Reader<'_> {
    pub(super) fn alerts(&self, raw: RawAlerts) -> Result<AlertsConfig, Failure> {
        let channels = raw.channels.into_iter().map(|channel| self.channel(channel));
        Ok(AlertsConfig {
            repeat_minutes: raw.repeat_minutes,
            channels: channels.collect::<Result<_, _>>()?,
        })
    }

    fn channel(&self, raw: Spanned<RawChannel>) -> Result<ChannelConfig, Failure> {
        let span = raw.span();
        let at = Some(span.start);
        let raw = raw.into_inner();
        let secret = match (raw.secret_file, raw.secret_env) {
            (None, None) => None,
            (Some(file), None) => {
                let file = self.path(file);
                let text = fs::read_to_string(&file).map_err(|error| {
                    self.fail(at, &format!("secret_file {}: {error}", file.display()))
                })?;
                Some(Secret(text.lines().next().unwrap_or_default().trim().to_owned()))
            }
            (None, Some(name)) => match (self.variable)(&name) {
                Some(text) => Some(Secret(text)),
                None => {
                    let what = format!("the environment variable {name} (secret_env) is not set");
                    return Err(self.fail(at, &what));
                }
            },
            (Some(_), Some(_)) => {
                return Err(self.fail(at, "expected at most one of secret_file and secret_env"));
            }
        };
        let usual = match raw.kind {
            RawKind::Telegram => Some(TELEGRAM),
            RawKind::Pagerduty => Some(PAGERDUTY),
            RawKind::Webhook | RawKind::Slack | RawKind::Discord => None,
        };
        let has_secret = usual.is_some();
        if has_secret != secret.is_some() {
            return Err(self.fail(
                at,
                if has_secret {
                    "expected secret_file or secret_env: the bot's token, or the routing key"
                } else {
                    "expected no secret: it stands in the url"
                },
            ));
        }
        let source = RawSource { url: raw.url, url_file: raw.url_file, url_env: raw.url_env };
        let url = match (usual, &source) {
            (Some(usual), RawSource { url: None, url_file: None, url_env: None }) => {
                usual.to_owned()
            }
            _ => self.source(Spanned::new(span, source))?,
        };
        vagus_chain::EndpointUrl::parse(&url)
            .map_err(|_| self.fail(at, "expected an http:// or https:// address of a channel"))?;
        let kind = match (raw.kind, raw.chat_id) {
            (RawKind::Telegram, Some(chat_id)) => ChannelKind::Telegram { chat_id },
            (RawKind::Telegram, None) => {
                return Err(self.fail(at, "expected chat_id, the chat that the bot writes to"));
            }
            (_, Some(_)) => return Err(self.fail(at, "expected chat_id for telegram alone")),
            (RawKind::Webhook, None) => ChannelKind::Webhook,
            (RawKind::Slack, None) => ChannelKind::Slack,
            (RawKind::Discord, None) => ChannelKind::Discord,
            (RawKind::Pagerduty, None) => ChannelKind::Pagerduty,
        };
        let severity = raw.severity.unwrap_or(Severity::Warning);
        Ok(ChannelConfig { kind, url: Secret(url), secret, severity })
    }
}
