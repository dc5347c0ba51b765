//! The keeper as a process, on a real chain, behind endpoints and databases that fail.
//!
//! The second tier of the schedules of faults: what `vagus-schedules` runs in one process on a clock of its own runs
//! here as an operator runs it. The chain is anvil, whose blocks are mined when the schedule says so; between it and
//! the keeper stands a proxy that drops, delays, duplicates, reorders, truncates and falsifies answers; the journal is
//! a SQLite file on a small disk or a PostgreSQL of the run's own. A schedule is data and comes from its seed.

mod check;
mod keeper;
mod plan;
mod proxy;
mod run;
mod schedule;
mod server;
mod stage;
mod store;

pub use plan::{Plan, View};
pub use proxy::{Proxy, Subject};
pub use run::play;
pub use schedule::{Crash, Event, Pool, Schedule, StoreKind, What, floors};
pub use server::Server;
pub use stage::{Stage, Surroundings};
