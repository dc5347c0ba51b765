//! vagus-allocator
