//! Whether the keeper lives, and whether it does its work, by component.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use crate::board::{ChainView, TroubleKind};

/// One thing that has to be in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Component {
    /// Name of the chain in the configuration.
    pub chain: String,
    /// Which.
    pub component: &'static str,
    /// Whether it is in order.
    #[serde(rename = "ok")]
    pub is_ok: bool,
    /// What is wrong with it, or what there is to know; nothing of an endpoint's own words.
    pub detail: String,
}

/// The components of every chain.
pub const COMPONENTS: [&str; 6] = ["loop", "head", "endpoints", "journal", "reconciled", "vaults"];

/// Every component of every chain.
#[must_use]
pub fn components(views: &[Arc<ChainView>]) -> Vec<Component> {
    views.iter().flat_map(|view| of_chain(view)).collect()
}

/// Whether every loop has come to the end of a round lately. One that has not hangs: a restart helps.
#[must_use]
pub fn is_alive(views: &[Arc<ChainView>]) -> bool {
    views.iter().all(|view| view.has_ended || view.beat.elapsed() <= view.patience)
}

fn seconds(time: Duration) -> String {
    crate::render::number::span(time.as_secs())
}

fn of_chain(view: &ChainView) -> [Component; 6] {
    let component = |component, is_ok: bool, detail: String| Component {
        chain: view.name.clone(),
        component,
        is_ok,
        detail,
    };
    let trouble = |kind| view.trouble.filter(|trouble| trouble.kind == kind);
    let in_order = |trouble: Option<crate::board::Trouble>| match trouble {
        None => (true, "answers".to_owned()),
        Some(trouble) => (
            false,
            format!(
                "{} rounds in a row failed, for {}",
                trouble.failures,
                seconds(trouble.since.elapsed())
            ),
        ),
    };

    let is_working = !view.has_ended && view.beat.elapsed() <= view.patience;
    let working = match (view.has_ended, trouble(TroubleKind::Other)) {
        (true, _) => "it has ended; the log says why".to_owned(),
        (_, Some(trouble)) => format!("{} rounds in a row failed", trouble.failures),
        _ => format!("last round ended {} ago", seconds(view.beat.elapsed())),
    };
    let is_working = is_working && trouble(TroubleKind::Other).is_none();

    let is_fresh = view.head.is_some() && view.head_age() <= view.stale_after;
    let head = match view.head {
        None => "none seen yet".to_owned(),
        Some(head) => format!("block {}, new {} ago", head.number, seconds(view.head_age())),
    };

    let (endpoints_ok, endpoints) = in_order(trouble(TroubleKind::Chain));
    let (journal_ok, journal) = in_order(trouble(TroubleKind::Journal));
    let reconciled = if view.is_reconciled {
        "what was in flight is accounted for"
    } else {
        "what was in flight is not accounted for yet"
    };

    let held: Vec<_> = view.vaults.iter().filter(|vault| vault.decides).collect();
    let open = held.iter().filter(|vault| vault.latest.is_none()).count();
    let vaults = match (held.len(), open) {
        (0, _) => "stands by: another keeper decides about all".to_owned(),
        (all, 0) => format!("{all} decided"),
        (all, open) => format!("{open} of {all} not decided yet"),
    };
    [
        component("loop", is_working, working),
        component("head", is_fresh, head),
        component("endpoints", endpoints_ok, endpoints),
        component("journal", journal_ok, journal),
        component("reconciled", view.is_reconciled, reconciled.to_owned()),
        component("vaults", open == 0, vaults),
    ]
}
