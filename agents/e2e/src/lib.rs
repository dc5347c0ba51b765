//! vagus-e2e
