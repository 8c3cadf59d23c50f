//! The transactional store of what is decided once, and of what people made.
