//! What an adapter is told of one exchange, from the directory.

use std::sync::Arc;

use adapters::Settings;
use adapters::leg::{Origin, Stage, Text};
use directory::{ContextKind, Directory};

/// The settings for reading this exchange's records with this adapter; an exchange that the site file does not name gets the defaults.
#[must_use]
pub fn settings(directory: &Directory, pbx: &str, adapter: &'static str) -> Settings {
    let mut settings = Settings::without_site_file(directory.tenant(), pbx, adapter);
    let Some(known) = directory.pbx(pbx) else { return settings };
    settings.origin = Arc::new(Origin { tenant: directory.tenant().into(), pbx: pbx.into(), adapter });
    settings.zone = known.zone;
    // The columns are those of one format; another source of the same exchange has its own.
    if known.adapter.as_deref().is_none_or(|a| a == adapter) {
        settings.columns = known.columns.iter().map(|c| Text::from(c.as_str())).collect();
    }
    settings.stages = known
        .contexts
        .iter()
        .map(|(name, context)| (Text::from(name.as_str()), stage(context.kind, context.is_final)))
        .collect();
    settings.trunks =
        known.trunks.iter().map(|t| (Text::from(t.device.as_str()), Text::from(t.name.as_str()))).collect();
    for (extension, device) in directory.devices(pbx) {
        settings.devices.insert(device.into(), extension.into());
    }
    settings.extensions = directory.extensions(pbx).map(Text::from).collect();
    settings.agents =
        directory.agents(pbx).map(|(name, extension)| (Text::from(name), Text::from(extension))).collect();
    settings.dids = directory.dids().map(|d| Text::from(d.number.trim_start_matches('+'))).collect();
    settings.places = directory.places(pbx).map(|(number, kind)| (Text::from(number), stage(kind, false))).collect();
    settings.outside_prefix = directory.outside_prefix(pbx).map(Text::from).unwrap_or_default();
    settings.options = known.options.iter().map(|(k, v)| (Text::from(k.as_str()), Text::from(v.as_str()))).collect();
    settings
}

/// What the site file calls a context, as a stage of a leg.
fn stage(kind: ContextKind, is_final: bool) -> Stage {
    match kind {
        ContextKind::Menu | ContextKind::Announcement if is_final => Stage::Final,
        ContextKind::Number => Stage::Number,
        ContextKind::Extension | ContextKind::QueueMember | ContextKind::GroupMember => Stage::Extension,
        ContextKind::HuntGroup => Stage::HuntGroup,
        ContextKind::Queue => Stage::Queue,
        ContextKind::Forward => Stage::Forward,
        ContextKind::Menu => Stage::Menu,
        ContextKind::Announcement => Stage::Announcement,
        ContextKind::Closed => Stage::Closed,
        ContextKind::AfterQueue => Stage::AfterQueue,
        ContextKind::QueueExit => Stage::QueueExit,
        ContextKind::Conference => Stage::Conference,
        ContextKind::Inside => Stage::Inside,
        ContextKind::Outbound => Stage::Outbound,
        ContextKind::Park => Stage::Extension,
        ContextKind::OwnCall => Stage::OwnCall,
        ContextKind::Mailbox => Stage::Mailbox,
    }
}
