//! The world: demo and play chain.
fn main() {}
