//! What the allocator earns beside other ways to allocate, on histories that the real venue contracts make.

pub mod history;
