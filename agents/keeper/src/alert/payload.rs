//! A notice in the form that each channel takes. Pure.

use serde_json::{Value, json};

use super::{Alert, Change, Notice, Severity};
use crate::{JSON_SCHEMA_VERSION, config::ChannelKind, render::number::span};

/// Alerts that are written out in one text; of more the number is said.
const MOST_LINES: usize = 15;
const DISCORD_CHARACTERS: usize = 1_900;
const TELEGRAM_CHARACTERS: usize = 4_000;

/// Everything that is posted for a notice: one document, or one for each alert.
pub(super) fn payloads(
    kind: &ChannelKind,
    keeper: &str,
    notice: &Notice,
    secret: Option<&str>,
) -> Vec<Value> {
    match kind {
        ChannelKind::Webhook => vec![webhook(keeper, notice)],
        ChannelKind::Slack => {
            // The three characters that its markup knows.
            let text = text(keeper, notice);
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            vec![json!({ "text": text })]
        }
        ChannelKind::Discord => vec![json!({
            "content": shortened(&text(keeper, notice), DISCORD_CHARACTERS),
            "allowed_mentions": { "parse": [] },
        })],
        ChannelKind::Telegram { chat_id } => vec![json!({
            "chat_id": chat_id,
            "text": shortened(&text(keeper, notice), TELEGRAM_CHARACTERS),
            "disable_web_page_preview": true,
        })],
        ChannelKind::Pagerduty => {
            notice.alerts.iter().map(|alert| pagerduty(keeper, notice, alert, secret)).collect()
        }
    }
}

const fn change_word(change: Change) -> &'static str {
    match change {
        Change::Opened => "opened",
        Change::Repeated => "repeated",
        Change::Resolved => "resolved",
    }
}

const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn place(alert: &Alert) -> String {
    let condition = &alert.condition;
    match &condition.vault {
        Some(vault) => format!("vault {vault} on {}", condition.chain),
        None => format!("chain {}", condition.chain),
    }
}

fn text(keeper: &str, notice: &Notice) -> String {
    let worst = notice.alerts.iter().map(|alert| alert.condition.kind.severity()).max();
    let head = match (notice.change, worst.unwrap_or(Severity::Warning)) {
        (Change::Resolved, _) => "over".to_owned(),
        (Change::Opened, severity) => severity_word(severity).to_owned(),
        (Change::Repeated, severity) => format!("still {}", severity_word(severity)),
    };
    let mut lines = vec![format!("[{head}] Vagus {keeper}")];
    for alert in notice.alerts.iter().take(MOST_LINES) {
        let kind = alert.condition.kind;
        lines.push(match notice.change {
            Change::Resolved => {
                let lasted = span(alert.lasted.as_secs());
                format!("{kind:?}, {}: over after {lasted}", place(alert))
            }
            _ => format!(
                "{kind:?}, {}: {} (what to do: {})",
                place(alert),
                alert.condition.summary,
                kind.page()
            ),
        });
    }
    if notice.alerts.len() > MOST_LINES {
        lines.push(format!("and {} more", notice.alerts.len() - MOST_LINES));
    }
    lines.join("\n")
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain("…".chars()).collect()
}

fn webhook(keeper: &str, notice: &Notice) -> Value {
    let alerts: Vec<Value> = notice
        .alerts
        .iter()
        .map(|alert| {
            json!({
                "id": format!("{}/{}", alert.keeper, alert.identity),
                "alert": alert.condition.kind,
                "severity": alert.condition.kind.severity(),
                "chain": alert.condition.chain,
                "vault": alert.condition.vault,
                "summary": alert.condition.summary,
                "lasted_seconds": alert.lasted.as_secs(),
                "runbook": alert.condition.kind.page(),
            })
        })
        .collect();
    json!({
        "schema": JSON_SCHEMA_VERSION,
        "keeper": keeper,
        "change": change_word(notice.change),
        "alerts": alerts,
    })
}

fn pagerduty(keeper: &str, notice: &Notice, alert: &Alert, key: Option<&str>) -> Value {
    let condition = &alert.condition;
    let dedup = format!("vagus/{}/{}", alert.keeper, alert.identity);
    if notice.change == Change::Resolved {
        return json!({ "routing_key": key, "event_action": "resolve", "dedup_key": dedup });
    }
    json!({
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": dedup,
        "payload": {
            "summary": format!("{:?}, {}: {}", condition.kind, place(alert), condition.summary),
            "source": keeper,
            "severity": severity_word(condition.kind.severity()),
            "component": condition.vault.as_deref().unwrap_or(&condition.chain),
            "group": condition.chain,
            "class": format!("{:?}", condition.kind),
            "custom_details": { "runbook": condition.kind.page() },
        },
    })
}
