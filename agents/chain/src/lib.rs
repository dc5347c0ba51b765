//! vagus-chain
