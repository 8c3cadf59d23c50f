//! A company that does not exist, as its site file: every number is from the ranges reserved for fiction.

use std::fmt::Write;

use fastrand::Rng;

use crate::plan::PbxChoice;

pub(crate) const FIRST_NAMES: [&str; 24] = [
    "Ada", "Bruno", "Cleo", "Dario", "Edda", "Fabian", "Gloria", "Hanno", "Isa", "Jonas", "Kira", "Lennart", "Mira",
    "Nils", "Odette", "Piet", "Quinn", "Rosa", "Silas", "Thea", "Ulla", "Viktor", "Wanda", "Yann",
];
pub(crate) const LAST_NAMES: [&str; 20] = [
    "Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ironwood", "Juniper", "Larch", "Maple",
    "Nutmeg", "Oak", "Poplar", "Rowan", "Spruce", "Teak", "Willow", "Yew",
];
/// Group, and the share of the people in it, in hundredths.
const GROUPS: [(&str, usize); 5] = [("orders", 30), ("service", 30), ("workshop", 20), ("ledger", 12), ("desk", 8)];
const PEOPLE_MIN: usize = 30;
const PEOPLE_MAX: usize = 60;

/// The text of a site file for these PBXs, the first with twice the people of each other one.
pub(crate) fn site_file(rng: &mut Rng, pbxes: &[PbxChoice]) -> String {
    let mut text = String::from(
        "# Written by `ringback generate`: this company, its people and its numbers do not exist.\n\
         tenant = \"arboretum\"\n",
    );
    for site in 0..pbxes.len() {
        let (id, zone) =
            if site == 0 { ("grove".to_owned(), "Europe/London") } else { (format!("glade{site}"), "Europe/Dublin") };
        let _ =
            write!(text, "\n[[site]]\nid = \"{id}\"\nzone = \"{zone}\"\ncountry = \"GB\"\noutside_prefix = \"9\"\n");
        for day in ["mon", "tue", "wed", "thu", "fri"] {
            let _ = writeln!(text, "hours.{day} = [\"08:00-18:00\"]");
        }
        text.push_str("hours.sat = [\"09:00-13:00\"]\n");
    }
    for (at, pbx) in pbxes.iter().enumerate() {
        let site = if at == 0 { "grove".to_owned() } else { format!("glade{at}") };
        let _ = write!(text, "\n[[pbx]]\nid = \"{}\"\nsite = \"{site}\"\nadapter = \"{}\"\n", pbx.id, pbx.adapter);
        text.push_str(crate::formats::site_lines(pbx.adapter));
    }
    for (at, pbx) in pbxes.iter().enumerate() {
        for trunk in ["north", "south"] {
            trunk_lines(&mut text, pbx, &trunk_name(pbxes, at, trunk));
        }
    }
    for (at, pbx) in pbxes.iter().enumerate().skip(1) {
        trunk_lines(&mut text, &pbxes[0], &format!("to_{}", pbx.id));
        trunk_lines(&mut text, pbx, &format!("to_{}", pbxes[0].id));
        let _ = write!(
            text,
            "\n[[tie]]\na = {{ pbx = \"{}\", trunk = \"to_{}\" }}\nb = {{ pbx = \"{}\", trunk = \"to_{}\" }}\nrewrite = \"\"\n",
            pbxes[0].id, pbx.id, pbxes[at].id, pbxes[0].id,
        );
    }
    let count = rng.usize(PEOPLE_MIN..=PEOPLE_MAX);
    people(&mut text, rng, pbxes, count);
    text
}

fn trunk_name(pbxes: &[PbxChoice], at: usize, side: &str) -> String {
    if at == 0 { side.to_owned() } else { format!("{side}_{}", pbxes[at].id) }
}

pub(crate) fn trunk_lines(text: &mut String, pbx: &PbxChoice, name: &str) {
    let device = crate::formats::trunk_device(pbx.adapter, name);
    let _ = write!(text, "\n[[trunk]]\nname = \"{name}\"\npbx = \"{}\"\ndevice = \"{device}\"\n", pbx.id);
}

/// Groups, people, queues, hunt groups and numbers. Extensions differ across PBXs, so that a tie needs no rewriting.
fn people(text: &mut String, rng: &mut Rng, pbxes: &[PbxChoice], count: usize) {
    let shares = pbxes.len() + 1;
    let mut serial = 0;
    let mut dids = 0;
    for (group, _) in GROUPS {
        let _ = write!(text, "\n[[group]]\nid = \"{group}\"\nheads = [\"p1_{group}\"]\n");
    }
    for (at, pbx) in pbxes.iter().enumerate() {
        let here = if at == 0 { count * 2 / shares } else { count / shares };
        let mut extension = 2000 + 1000 * at;
        let mut lines = Vec::new();
        let mut of_group: Vec<Vec<String>> = Vec::new();
        for (group, share) in GROUPS {
            let mut members = Vec::new();
            for nth in 1..=(here * share / 100).max(2) {
                extension += 1;
                let first = FIRST_NAMES[serial % FIRST_NAMES.len()];
                let last = LAST_NAMES[(serial * 7 + serial / LAST_NAMES.len()) % LAST_NAMES.len()];
                serial += 1;
                let id = if at == 0 { format!("p{nth}_{group}") } else { format!("p{nth}_{group}_{}", pbx.id) };
                let device = crate::formats::person_device(pbx.adapter, &extension.to_string());
                let mailbox = if rng.u8(0..100) < 30 { "mailbox = true\n" } else { "" };
                let _ = write!(
                    text,
                    "\n[[person]]\nid = \"{id}\"\nname = \"{first} {last}\"\ngroup = \"{group}\"\n{mailbox}\
                     extensions = [{{ number = \"{extension}\", pbx = \"{}\", device = \"{device}\" }}]\n",
                    pbx.id
                );
                members.push(extension.to_string());
                lines.push(extension);
            }
            of_group.push(members);
        }
        let list = |members: &[String]| format!("[\"{}\"]", members.join("\", \""));
        let base = 700 + 20 * at;
        for (nth, group) in ["orders", "service"].iter().enumerate() {
            let _ = write!(
                text,
                "\n[[queue]]\nid = \"{}\"\npbx = \"{}\"\nname = \"{group}\"\ngroup = \"{group}\"\nmembers = {}\n",
                base + nth,
                pbx.id,
                list(&of_group[nth][..of_group[nth].len().min(5)]),
            );
        }
        for (nth, group) in [(2, "workshop"), (3, "ledger")] {
            let _ = write!(
                text,
                "\n[[hunt_group]]\nid = \"{}\"\npbx = \"{}\"\nname = \"{group}\"\ngroup = \"{group}\"\nmembers = {}\n",
                base + nth + 8,
                pbx.id,
                list(&of_group[nth][..of_group[nth].len().min(4)]),
            );
        }
        let mut did = |text: &mut String, entry: &str, target: &str| {
            let site = if at == 0 { "grove".to_owned() } else { format!("glade{at}") };
            let _ = write!(
                text,
                "\n[[did]]\nnumber = \"+441632960{dids:03}\"\nentry = \"{entry}\"\ntarget = \"{target}\"\nsite = \"{site}\"\n"
            );
            dids += 1;
        };
        did(text, "menu", crate::formats::MENU_CONTEXT);
        for nth in 0..2 {
            did(text, "queue", &(base + nth).to_string());
        }
        for nth in [10, 11] {
            did(text, "hunt_group", &(base + nth).to_string());
        }
        for person in lines.iter().step_by(3) {
            did(text, "person", &person.to_string());
        }
    }
}
