//! vagus-journal
