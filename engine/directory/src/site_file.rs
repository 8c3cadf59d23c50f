//! The types of `site.toml`, as it is written. Unknown keys are errors; `site.example.toml` explains every key.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer, value::StrDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use toml::Spanned;

/// A value with its place, for what is checked after reading: an error then names the line.
pub(crate) type Told<T = String> = Spanned<T>;

/// The whole file.
#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteFile {
    pub(crate) tenant: Option<String>,
    pub(crate) short_abandon_s: Option<Told<f64>>,
    pub(crate) service_level_s: Option<Told<f64>>,
    pub(crate) talk_min_s: Option<Told<f64>>,
    pub(crate) expires_after_days: Option<u32>,
    pub(crate) grace_s: Option<u32>,
    pub(crate) tie_skew_s: Option<Told<f64>>,
    pub(crate) follow_up_out_of_hours: Option<bool>,
    pub(crate) follow_up_due_s: Option<Told<f64>>,
    pub(crate) deal_lapses_s: Option<Told<f64>>,
    #[serde(default)]
    pub(crate) do_not_call: Vec<Told>,
    #[serde(default)]
    pub(crate) fax_numbers: Vec<Told>,
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
    #[serde(default)]
    pub(crate) limit: Vec<LimitEntry>,
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
    pub(crate) id: Told,
    pub(crate) name: Option<String>,
    pub(crate) zone: Option<Told>,
    pub(crate) country: Option<Told>,
    pub(crate) outside_prefix: Option<Told>,
    pub(crate) hours: Option<Week>,
    #[serde(default)]
    pub(crate) closed: Vec<Told>,
}

/// Spans of each day of the week, as written; a day that is left out is closed.
#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Week {
    mon: Vec<Told>,
    tue: Vec<Told>,
    wed: Vec<Told>,
    thu: Vec<Told>,
    fri: Vec<Told>,
    sat: Vec<Told>,
    sun: Vec<Told>,
}

impl Week {
    /// Monday first, with the key of each day.
    pub(crate) fn days(&self) -> [(&[Told], &'static str); 7] {
        [
            (&self.mon, "mon"),
            (&self.tue, "tue"),
            (&self.wed, "wed"),
            (&self.thu, "thu"),
            (&self.fri, "fri"),
            (&self.sat, "sat"),
            (&self.sun, "sun"),
        ]
    }
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct PbxEntry {
    pub(crate) id: Told,
    pub(crate) site: Option<Told>,
    pub(crate) adapter: Option<String>,
    pub(crate) zone: Option<Told>,
    pub(crate) clock_offset_s: Option<Told<f64>>,
    #[serde(default = "yes")]
    pub(crate) records: bool,
    #[serde(default)]
    pub(crate) columns: Vec<String>,
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, Told<ContextEntry>>,
    #[serde(default)]
    pub(crate) places: BTreeMap<String, ContextKind>,
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// `name = "menu"`, or `name = { kind = "menu", final = true }`.
#[derive(Debug)]
pub(crate) struct ContextEntry {
    pub(crate) kind: ContextKind,
    pub(crate) is_final: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContextTable {
    kind: ContextKind,
    #[serde(default, rename = "final")]
    is_final: bool,
}

// Not an untagged enum: its errors would not say which kinds and keys there are.
impl<'de> Deserialize<'de> for ContextEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KindOrTable;

        impl<'de> Visitor<'de> for KindOrTable {
            type Value = ContextEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind, for example \"menu\", or { kind = \"menu\", final = true }")
            }

            fn visit_str<E: serde::de::Error>(self, kind: &str) -> Result<ContextEntry, E> {
                let kind = ContextKind::deserialize(StrDeserializer::new(kind))?;
                Ok(ContextEntry { kind, is_final: false })
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<ContextEntry, A::Error> {
                let table = ContextTable::deserialize(MapAccessDeserializer::new(table))?;
                Ok(ContextEntry { kind: table.kind, is_final: table.is_final })
            }
        }

        deserializer.deserialize_any(KindOrTable)
    }
}

/// What a place of the dialplan is.
#[derive(Deserialize, Serialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
    pub(crate) name: Told,
    pub(crate) pbx: Option<Told>,
    pub(crate) device: Told,
    pub(crate) number_format: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct TieEntry {
    pub(crate) a: TieEndEntry,
    pub(crate) b: TieEndEntry,
    pub(crate) rewrite: Option<Told>,
    pub(crate) rewrite_back: Option<Told>,
    #[serde(default)]
    pub(crate) key: TieKey,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct TieEndEntry {
    pub(crate) pbx: Told,
    pub(crate) trunk: Told,
}

/// What the records of both ends of a tie share.
#[derive(Deserialize, Serialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    pub(crate) id: Told,
    pub(crate) name: Option<String>,
    pub(crate) parent: Option<Told>,
    #[serde(default)]
    pub(crate) heads: Vec<Told>,
    pub(crate) email: Option<Told>,
    pub(crate) language: Option<Language>,
    /// By whose clocks its hours go.
    pub(crate) site: Option<Told>,
    pub(crate) hours: Option<Week>,
    #[serde(default)]
    pub(crate) closed: Vec<Told>,
}

/// In which language somebody is written to.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Ukrainian.
    Uk,
}

impl Language {
    /// Every language.
    pub const ALL: [Language; 2] = [Language::En, Language::Uk];

    /// As in the site file, and in the names of templates.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Uk => "uk",
        }
    }
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonEntry {
    pub(crate) id: Told,
    pub(crate) name: String,
    pub(crate) group: Option<Told>,
    #[serde(default)]
    pub(crate) groups: Vec<Told>,
    pub(crate) email: Option<Told>,
    pub(crate) language: Option<Language>,
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
    pub(crate) number: Told,
    pub(crate) pbx: Option<Told>,
    #[serde(default)]
    pub(crate) device: String,
    pub(crate) from: Option<Told>,
    pub(crate) until: Option<Told>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct MobileEntry {
    pub(crate) number: Told,
    pub(crate) from: Option<Told>,
    pub(crate) until: Option<Told>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueEntry {
    pub(crate) id: Told,
    pub(crate) pbx: Option<Told>,
    pub(crate) name: Option<String>,
    pub(crate) group: Option<Told>,
    #[serde(default)]
    pub(crate) members: Vec<Told>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct HuntGroupEntry {
    pub(crate) id: Told,
    pub(crate) pbx: Option<Told>,
    pub(crate) name: Option<String>,
    pub(crate) group: Option<Told>,
    #[serde(default)]
    pub(crate) members: Vec<Told>,
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
    pub(crate) number: Told,
    pub(crate) entry: EntryKind,
    pub(crate) target: Option<String>,
    pub(crate) group: Option<Told>,
    pub(crate) site: Option<Told>,
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

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitEntry {
    pub(crate) name: Told,
    pub(crate) measure: Told,
    pub(crate) scope: Scope,
    pub(crate) id: Option<Told>,
    pub(crate) window_s: Told<u32>,
    pub(crate) sliding: Option<Told<bool>>,
    pub(crate) above: Told<f64>,
    pub(crate) clear_at: Option<Told<f64>>,
}

/// Whose figures: what a window is counted for.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole company.
    Tenant,
    /// One of its places.
    Site,
    /// One of its numbers.
    Did,
    /// A group.
    Group,
    /// A queue.
    Queue,
    /// A hunt group.
    HuntGroup,
    /// One person.
    Person,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 7] =
        [Scope::Tenant, Scope::Site, Scope::Did, Scope::Group, Scope::Queue, Scope::HuntGroup, Scope::Person];

    /// As in tables and in the site file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Scope::Tenant => "tenant",
            Scope::Site => "site",
            Scope::Did => "did",
            Scope::Group => "group",
            Scope::Queue => "queue",
            Scope::HuntGroup => "hunt_group",
            Scope::Person => "person",
        }
    }
}
