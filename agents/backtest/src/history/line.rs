//! A block as a JSON object, and merge patches between two of them.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vagus_allocator::Inputs;
use vagus_policy::{Snapshot, StrategyState};

use super::{Block, Named, Recorded};

/// A block, its strategies by their place in the head's list.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Without strategies.
    snapshot: Snapshot,
    inputs: Inputs,
    blocks: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recorded: Option<Recorded>,
    /// Places of the strategies, in the order of the snapshot.
    order: Vec<usize>,
    strategies: std::collections::BTreeMap<String, StrategyState>,
}

/// Why a block has no line.
pub(super) enum Unplaced {
    Strategy(Address),
    Json(serde_json::Error),
}

/// A block as an object.
pub(super) fn object(named: &[Named], block: &Block) -> Result<Map<String, Value>, Unplaced> {
    let Block { mut snapshot, inputs, blocks, recorded } = block.clone();
    let mut order = Vec::new();
    let mut strategies = std::collections::BTreeMap::new();
    for state in std::mem::take(&mut snapshot.vault.strategies) {
        let place = named.iter().position(|one| one.strategy == state.strategy);
        let place = place.ok_or(Unplaced::Strategy(state.strategy))?;
        order.push(place);
        strategies.insert(place.to_string(), state);
    }
    let line = Line { snapshot, inputs, blocks, recorded, order, strategies };
    match serde_json::to_value(&line).map_err(Unplaced::Json)? {
        Value::Object(object) => Ok(object),
        _ => Ok(Map::new()),
    }
}

/// The block of an object.
pub(super) fn block(object: &Map<String, Value>) -> Result<Block, String> {
    let line = Line::deserialize(object).map_err(|error| error.to_string())?;
    let Line { mut snapshot, inputs, blocks, recorded, order, mut strategies } = line;
    if blocks == 0 {
        return Err("it stands for no block".to_owned());
    }
    for place in order {
        let state = strategies.remove(&place.to_string());
        snapshot.vault.strategies.push(state.ok_or(format!("strategy {place} is missing"))?);
    }
    Ok(Block { snapshot, inputs, blocks, recorded })
}

/// What has to be merged into `old` to get `new`. Neither holds a null.
pub(super) fn patch(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let mut changed = Map::new();
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(before), value) if before == value => {}
            (Some(Value::Object(before)), Value::Object(after)) => {
                changed.insert(key.clone(), patch(before, after).into());
            }
            _ => {
                changed.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        changed.insert(key.clone(), Value::Null);
    }
    changed
}

/// Merges a patch, RFC 7396.
pub(super) fn merge(into: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (key, value) in patch {
        match (into.get_mut(&key), value) {
            (_, Value::Null) => {
                into.remove(&key);
            }
            (Some(Value::Object(before)), Value::Object(change)) => merge(before, change),
            (_, Value::Object(change)) => {
                let mut fresh = Map::new();
                merge(&mut fresh, change);
                into.insert(key, fresh.into());
            }
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
