//! The types of `site.toml`, as it is written. Unknown keys are errors; `site.example.toml` explains every key.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteFile {
    pub(crate) tenant: Option<String>,
    #[serde(default)]
    pub(crate) short_abandon_s: Option<f64>,
    #[serde(default)]
    pub(crate) talk_min_s: Option<f64>,
    #[serde(default)]
    pub(crate) expires_after_days: Option<u32>,
    #[serde(default)]
    pub(crate) grace_s: Option<u32>,
    #[serde(default)]
    pub(crate) follow_up_out_of_hours: Option<bool>,
    #[serde(default)]
    pub(crate) missed: MissedSwitches,
    #[serde(default)]
    pub(crate) site: Vec<SiteEntry>,
    #[serde(default)]
    pub(crate) pbx: Vec<PbxEntry>,
    #[serde(default)]
    pub(crate) trunk: Vec<TrunkEntry>,
    #[serde(default)]
    pub(crate) tie: Vec<TieEntry>,
    #[serde(default)]
    pub(crate) group: Vec<GroupEntry>,
    #[serde(default)]
    pub(crate) person: Vec<PersonEntry>,
    #[serde(default)]
    pub(crate) queue: Vec<QueueEntry>,
    #[serde(default)]
    pub(crate) hunt_group: Vec<HuntGroupEntry>,
    #[serde(default)]
    pub(crate) did: Vec<DidEntry>,
}

/// What counts as missed beyond the plain case.
#[derive(Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct MissedSwitches {
    /// Self-service heard to its end.
    pub count_served: bool,
    /// Passed to an outside number, answer unknown.
    pub count_overflowed: bool,
    /// Out of hours.
    pub count_out_of_hours: bool,
    /// Hung up almost at once.
    pub count_short: bool,
    /// A fault before anything of ours was reached.
    pub count_failed: bool,
    /// Left in the menu before a choice.
    pub count_left_in_menu: bool,
}

impl Default for MissedSwitches {
    fn default() -> Self {
        MissedSwitches {
            count_served: false,
            count_overflowed: false,
            count_out_of_hours: false,
            count_short: false,
            count_failed: false,
            count_left_in_menu: true,
        }
    }
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteEntry {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) zone: Option<String>,
    pub(crate) country: Option<String>,
    #[serde(default)]
    pub(crate) outside_prefix: String,
    #[serde(default)]
    pub(crate) hours: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) closed: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct PbxEntry {
    pub(crate) id: String,
    pub(crate) site: Option<String>,
    pub(crate) adapter: Option<String>,
    pub(crate) zone: Option<String>,
    #[serde(default)]
    pub(crate) columns: Vec<String>,
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, ContextEntry>,
    #[serde(default)]
    pub(crate) places: BTreeMap<String, ContextKind>,
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
}

/// `name = "menu"`, or `name = { kind = "menu", final = true }`.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
pub(crate) enum ContextEntry {
    Kind(ContextKind),
    Told(ContextTold),
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextTold {
    pub(crate) kind: ContextKind,
    #[serde(default, rename = "final")]
    pub(crate) is_final: bool,
}

/// What a place of the dialplan is.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ContextKind {
    /// A number of ours, before anything was reached.
    Number,
    /// One person's telephone.
    Extension,
    /// A queue rings its agent.
    QueueMember,
    /// A group rings its member.
    GroupMember,
    /// Extensions rung by a rule.
    HuntGroup,
    /// A queue.
    Queue,
    /// A call moved on before an answer.
    Forward,
    /// A menu.
    Menu,
    /// An announcement.
    Announcement,
    /// A message that turns callers away.
    Closed,
    /// After a queue.
    AfterQueue,
    /// The caller left a queue by a key.
    QueueExit,
    /// A conference room.
    Conference,
    /// Dialed from a telephone of ours.
    Inside,
    /// On the way out.
    Outbound,
    /// A parked caller is offered again; or a parking place.
    Park,
    /// A call that the engine had the PBX place.
    OwnCall,
    /// A mailbox.
    Mailbox,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrunkEntry {
    pub(crate) name: String,
    pub(crate) pbx: Option<String>,
    pub(crate) device: String,
}

#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
/// A trunk between two exchanges of the company.
pub struct TieEntry {
    /// One end.
    pub a: TieEnd,
    /// The other.
    pub b: TieEnd,
    /// Digits as `b` receives them: `s/^8/` or a prefix to strip; empty: unchanged.
    #[serde(default)]
    pub rewrite: String,
    /// What both records share.
    #[serde(default)]
    pub key: TieKey,
}

/// One end of a tie.
#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct TieEnd {
    /// The exchange.
    pub pbx: String,
    /// Its trunk.
    pub trunk: String,
}

/// What the records of both ends of a tie share.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub enum TieKey {
    /// SIP's Call-ID.
    SipCallId,
    /// Avaya's universal call id.
    Ucid,
    /// A header of ours.
    Header,
    /// Nothing: numbers and moments decide.
    #[default]
    None,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupEntry {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) parent: Option<String>,
    #[serde(default)]
    pub(crate) heads: Vec<String>,
    #[serde(default)]
    pub(crate) hours: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) closed: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonEntry {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) group: Option<String>,
    #[serde(default)]
    pub(crate) extensions: Vec<ExtensionEntry>,
    #[serde(default)]
    pub(crate) mobiles: Vec<MobileEntry>,
    #[serde(default)]
    pub(crate) agent_names: Vec<String>,
    #[serde(default)]
    pub(crate) mailbox: bool,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtensionEntry {
    pub(crate) number: String,
    pub(crate) pbx: Option<String>,
    #[serde(default)]
    pub(crate) device: String,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct MobileEntry {
    pub(crate) number: String,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueEntry {
    pub(crate) id: String,
    pub(crate) pbx: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) group: Option<String>,
    #[serde(default)]
    pub(crate) members: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct HuntGroupEntry {
    pub(crate) id: String,
    pub(crate) pbx: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) group: Option<String>,
    #[serde(default)]
    pub(crate) members: Vec<String>,
    #[serde(default)]
    pub(crate) rings: Rings,
}

/// How a hunt group rings.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub enum Rings {
    /// All at once.
    #[default]
    All,
    /// One after the other.
    InOrder,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct DidEntry {
    pub(crate) number: String,
    pub(crate) entry: EntryKind,
    pub(crate) target: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) site: Option<String>,
}

/// What a number of ours leads to.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// One person.
    #[serde(alias = "extension")]
    Person,
    /// A hunt group.
    HuntGroup,
    /// A queue.
    Queue,
    /// A menu.
    Menu,
    /// A message that turns callers away.
    Closed,
    /// A mailbox.
    Mailbox,
    /// A conference room.
    Conference,
    /// Refused.
    Refused,
}
