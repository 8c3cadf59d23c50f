//! THE LIST: one PBX format, one file. To add one, write its file and its two lines here.

use crate::adapter::Adapter;

mod asterisk_cdr;
mod asterisk_cel;
mod asterisk_queue_log;
mod cisco_cucm;
mod generic_csv;
mod mitel_smdr;
mod ringback;
mod threecx;

/// Every adapter, in the order in which equal understandings of an unknown file are offered.
pub static ADAPTERS: &[&dyn Adapter] = &[
    &asterisk_cdr::AsteriskCdr,
    &asterisk_cel::AsteriskCel,
    &asterisk_queue_log::AsteriskQueueLog,
    &threecx::ThreeCx,
    &cisco_cucm::CiscoCucm,
    &mitel_smdr::MitelSmdr,
    &generic_csv::GenericCsv,
    &ringback::Ringback,
];

/// The adapter of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Adapter> {
    ADAPTERS.iter().copied().find(|a| a.about().name == name)
}
