//! vagus-differential
