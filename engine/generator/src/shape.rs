//! A company of a given shape: three sites, two exchanges that a tie joins, five groups of which one is within another, and people with
//! names and addresses for mail. Nobody in it exists, and every number is from a range that regulators keep for fiction.

use std::fmt::Write;

use adapters::leg::Moment;
use chrono::DateTime;

use crate::invent::{FIRST_NAMES, LAST_NAMES, trunk_lines};
use crate::plan::{Habits, PbxChoice, Plan};

/// What a company looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The IANA name of the zone in which all its clocks stand.
    pub zone: String,
    /// How many people have a telephone, 30 to 99.
    pub people: usize,
}

/// The company's id in its site file.
pub const TENANT: &str = "brightwater";

/// The exchange at which most calls come in, and which can be told to place calls.
pub const FIRST_PBX: &str = "main";

/// The exchange at the other end of the tie.
pub const SECOND_PBX: &str = "ridge";

/// The domain of its mail, which nobody can have.
pub const MAIL_DOMAIN: &str = "brightwater.example";

const SITES: [(&str, &str, &str, &str); 3] = [
    ("meadow", "Meadow House", "08:00-18:00", "09:00-13:00"),
    ("ridge", "The Ridge", "08:00-18:00", "09:00-13:00"),
    ("cove", "Cove Yard", "07:00-16:00", ""),
];

/// A group: its id and name, the group above it, whether it works around the clock, and its share of each site's people, in hundredths.
struct Group {
    id: &'static str,
    name: &'static str,
    parent: Option<&'static str>,
    is_always_open: bool,
    shares: [usize; 3],
}

/// Two are always open, so that at any hour somebody can be missed, and the others turn callers away at night.
const GROUPS: [Group; 5] = [
    Group { id: "orders", name: "Orders", parent: None, is_always_open: true, shares: [40, 40, 0] },
    Group { id: "service", name: "Customer service", parent: None, is_always_open: true, shares: [30, 30, 0] },
    Group { id: "repairs", name: "Repairs", parent: Some("service"), is_always_open: false, shares: [0, 10, 80] },
    Group { id: "accounts", name: "Accounts", parent: None, is_always_open: false, shares: [20, 20, 0] },
    Group { id: "desk", name: "Front desk", parent: None, is_always_open: false, shares: [10, 0, 20] },
];

/// Of a hundred people those at each site.
const PEOPLE: [usize; 3] = [50, 33, 17];

/// Agents of a queue, and telephones that a hunt group rings.
const AGENTS_MAX: usize = 5;
const RUNG_MAX: usize = 4;

const MAILBOXES_EVERY: usize = 3;

struct Member {
    id: String,
    group: usize,
    site: usize,
    extension: String,
}

impl Shape {
    /// The exchanges, as a plan names them.
    #[must_use]
    pub fn pbxes() -> Vec<PbxChoice> {
        vec![
            PbxChoice { adapter: "asterisk_cdr", id: FIRST_PBX.to_owned() },
            PbxChoice { adapter: "cisco_cucm", id: SECOND_PBX.to_owned() },
        ]
    }

    /// The plan of its days from the one with this moment on, without end: its clocks are right, and the usual goes wrong on the way.
    #[must_use]
    pub fn plan(&self, first_day: Moment) -> Plan {
        let day = DateTime::from_timestamp_millis(first_day.0).map(|at| at.date_naive()).unwrap_or_default();
        Plan {
            site: Some(self.site_toml()),
            first_day: day,
            clock_ahead_ms: 0,
            habits: Habits::CAREFUL,
            ..Plan::new(u64::MAX, Shape::pbxes())
        }
    }

    /// The text of its site file; the same shape gives the same text.
    #[must_use]
    pub fn site_toml(&self) -> String {
        let mut text = format!(
            "# Written by `ringback demo`: this company, its people and its numbers do not exist.\ntenant = \"{TENANT}\"\n\
             # A call back in a demo is shorter than in life, and its work list one page.\ntalk_min_s = 5\nexpires_after_days = 3\n"
        );
        self.sites(&mut text);
        exchanges(&mut text);
        let members = self.members();
        groups(&mut text, &members);
        people(&mut text, &members);
        numbers(&mut text, &members);
        text
    }

    fn sites(&self, text: &mut String) {
        for (id, name, hours, saturday) in SITES {
            let _ = write!(
                text,
                "\n[[site]]\nid = \"{id}\"\nname = \"{name}\"\nzone = \"{}\"\ncountry = \"GB\"\n",
                self.zone
            );
            for day in ["mon", "tue", "wed", "thu", "fri"] {
                let _ = writeln!(text, "hours.{day} = [\"{hours}\"]");
            }
            if !saturday.is_empty() {
                let _ = writeln!(text, "hours.sat = [\"{saturday}\"]");
            }
        }
    }

    fn members(&self) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::new();
        let all = self.people.clamp(30, 99);
        for (site, share) in PEOPLE.into_iter().enumerate() {
            let is_last = site + 1 == PEOPLE.len();
            let here = if is_last { all - members.len() } else { all * share / 100 };
            let mut left = here;
            let present: Vec<usize> = (0..GROUPS.len()).filter(|group| GROUPS[*group].shares[site] > 0).collect();
            for (nth, group) in present.iter().copied().enumerate() {
                let is_last = nth + 1 == present.len();
                let count = if is_last { left } else { (here * GROUPS[group].shares[site] / 100).clamp(1, left) };
                left -= count;
                for _ in 0..count {
                    let serial = members.len();
                    let first = 2001 + 1000 * usize::from(site == 1);
                    members.push(Member {
                        id: name(serial).join("_").to_lowercase(),
                        group,
                        site,
                        extension: (first + serial).to_string(),
                    });
                }
            }
        }
        members
    }
}

fn name(serial: usize) -> [&'static str; 2] {
    let last = (serial * 7 + serial / LAST_NAMES.len()) % LAST_NAMES.len();
    [FIRST_NAMES[serial % FIRST_NAMES.len()], LAST_NAMES[last]]
}

/// The third site has no exchange of its own: its telephones are at the first.
fn pbx_of(site: usize) -> usize {
    usize::from(site == 1)
}

fn exchanges(text: &mut String) {
    let pbxes = Shape::pbxes();
    for (pbx, site) in pbxes.iter().zip(["meadow", "ridge"]) {
        let _ = write!(text, "\n[[pbx]]\nid = \"{}\"\nsite = \"{site}\"\nadapter = \"{}\"\n", pbx.id, pbx.adapter);
        text.push_str(crate::formats::site_lines(pbx.adapter));
    }
    let [first, second] = [&pbxes[0], &pbxes[1]];
    for (pbx, names) in [(first, ["north", "south"]), (second, ["north_ridge", "south_ridge"])] {
        names.into_iter().for_each(|name| trunk_lines(text, pbx, name));
    }
    trunk_lines(text, first, "to_ridge");
    trunk_lines(text, second, "to_main");
    text.push_str(
        "\n[[tie]]\na = { pbx = \"main\", trunk = \"to_ridge\" }\nb = { pbx = \"ridge\", trunk = \"to_main\" }\nrewrite = \"\"\n",
    );
}

/// The head of a group is its first person: who stands first in the list.
fn groups(text: &mut String, members: &[Member]) {
    for (at, group) in GROUPS.iter().enumerate() {
        let head = members.iter().find(|member| member.group == at).map_or("", |member| &member.id);
        let (id, name) = (group.id, group.name);
        let _ = write!(
            text,
            "\n[[group]]\nid = \"{id}\"\nname = \"{name}\"\nheads = [\"{head}\"]\nemail = \"{id}@{MAIL_DOMAIN}\"\n"
        );
        if let Some(parent) = group.parent {
            let _ = writeln!(text, "parent = \"{parent}\"");
        }
        if group.is_always_open {
            for day in ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] {
                let _ = writeln!(text, "hours.{day} = [\"00:00-24:00\"]");
            }
        }
    }
}

fn people(text: &mut String, members: &[Member]) {
    let pbxes = Shape::pbxes();
    for (serial, member) in members.iter().enumerate() {
        let pbx = &pbxes[pbx_of(member.site)];
        let device = crate::formats::person_device(pbx.adapter, &member.extension);
        let [first, last] = name(serial);
        let mailbox = if serial % MAILBOXES_EVERY == 2 { "mailbox = true\n" } else { "" };
        let _ = write!(
            text,
            "\n[[person]]\nid = \"{}\"\nname = \"{first} {last}\"\ngroup = \"{}\"\nemail = \"{}@{MAIL_DOMAIN}\"\n{mailbox}\
             extensions = [{{ number = \"{}\", pbx = \"{}\", device = \"{device}\" }}]\n",
            member.id,
            GROUPS[member.group].id,
            member.id.replace('_', "."),
            member.extension,
            pbx.id,
        );
    }
}

/// Queues, hunt groups, and what each public number leads to.
fn numbers(text: &mut String, members: &[Member]) {
    let pbxes = Shape::pbxes();
    let mut dids = String::new();
    let mut count = 0;
    let mut did = |entry: &str, target: &str, group: Option<&str>, site: &str| {
        let group = group.map(|group| format!("group = \"{group}\"\n")).unwrap_or_default();
        let _ = write!(
            dids,
            "\n[[did]]\nnumber = \"+441632960{count:03}\"\nentry = \"{entry}\"\ntarget = \"{target}\"\n{group}site = \"{site}\"\n"
        );
        count += 1;
    };
    for (at, pbx) in pbxes.iter().enumerate() {
        let site = SITES[at].0;
        if at == 0 {
            did("menu", crate::formats::MENU_CONTEXT, None, site);
        }
        let teams =
            [("queue", 0, 0), ("queue", 1, 1), ("hunt_group", 10, 2), ("hunt_group", 11, 3), ("hunt_group", 12, 4)];
        for (kind, number, group) in teams {
            let most = if kind == "queue" { AGENTS_MAX } else { RUNG_MAX };
            let here = members.iter().filter(|member| member.group == group && pbx_of(member.site) == at);
            let rung: Vec<String> = here.take(most).map(|member| format!("\"{}\"", member.extension)).collect();
            if rung.is_empty() {
                continue;
            }
            let id = (700 + 20 * at + number).to_string();
            let Group { id: group, name, .. } = GROUPS[group];
            let order = if kind == "hunt_group" && number == 10 { "rings = \"in_order\"\n" } else { "" };
            let _ = write!(
                text,
                "\n[[{kind}]]\nid = \"{id}\"\npbx = \"{}\"\nname = \"{name}\"\ngroup = \"{group}\"\nmembers = [{}]\n{order}",
                pbx.id,
                rung.join(", "),
            );
            did(kind, &id, Some(group), site);
        }
    }
    for member in members {
        did("person", &member.extension, Some(GROUPS[member.group].id), SITES[member.site].0);
    }
    text.push_str(&dids);
}
