//! vagus-policy
