//! How good the allocator's plans are: random problems, and what was asked of them.

pub mod instance;

pub use instance::{Class, Instance, Traits};
