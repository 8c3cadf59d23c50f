//! One command, one file.

pub(crate) mod adapters;
mod arguments;
pub(crate) mod calls;
pub(crate) mod clickhouse;
pub(crate) mod clickhouse_child;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod generate;
pub(crate) mod legs;
pub(crate) mod migrate;
pub(crate) mod output;
mod signals;
