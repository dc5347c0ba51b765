//! The chain: bindings, snapshots pinned to a block, the block follower, and the life of a transaction.
//!
//! Everything the rest of the keeper asks of a chain goes through [`ChainReader`] and [`ChainWriter`]. They have an
//! implementation over HTTP ([`HttpChain`]) and one in process ([`memory::MemoryChain`]) for tests.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::type_complexity))]

mod bindings;
pub mod data_fee;
pub mod deployment;
pub mod endpoints;
pub mod error;
pub mod events;
#[cfg(test)]
mod fake_node;
pub mod follower;
pub mod governance;
pub mod guard;
pub mod http;
mod lens;
pub mod lifecycle;
pub mod memory;
pub mod reader;
mod rpc;
pub mod sender;
pub mod signer;
pub mod url;
pub mod wake;

pub use deployment::{
    Deployment, DeploymentError, GovernorDeployment, OwnerDeployment, OwnerKind, SafeDeployment,
    TimelockDeployment, VaultDeployment,
};
pub use endpoints::Endpoints;
pub use error::{ChainError, ChainResult};
pub use follower::{Account, BlockId, Cursor, Follower, Freshness, HeadWatch, NewHead, Step};
pub use http::{DEFAULT_LENS_GAS, HttpChain};
pub use lens::{LENS_VERSION, decode as decode_lens_page, encode as encode_lens_call};
pub use reader::{
    BlockAt, Call, Chain, ChainReader, ChainWriter, EventLog, Header, LogFilter, PlacedLog, Query,
    Reading, SendAnswer, Sighting, Simulation, Tag, TransactionReceipt, Unseen, Witness,
};
pub use rpc::{Tally, Wire, WireAnswer, WireError};
pub use signer::{AgentKey, ContractAgent, ContractForm, HashSigner, KeyError};
pub use url::{EndpointUrl, InvalidUrl, WebsocketUrl};
pub use wake::{Backoff, Wake};
