//! What the allocator earns beside other ways to allocate, on histories that the real venue contracts make.

mod boundaries;
pub mod contenders;
pub mod figures;
pub mod history;
pub mod others;
pub mod run;
pub mod tables;
pub mod world;
