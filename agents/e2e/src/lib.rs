//! Real chains, real venues, and everything that can break: the world that demo, play chain and tests share.

pub mod anvil;
pub mod paths;
pub mod process;
pub mod venues;
