//! What a verdict needs of the directory, with the numbers' caches: one for each tenant's stream.

use adapters::leg::{End, EndKind, Moment, Text};
use directory::{Directory, Numbers, Person};

use crate::tie::Ties;

/// A tenant's directory, and the normalized numbers that were seen.
pub struct Site<'d> {
    /// The directory.
    pub directory: &'d Directory,
    /// By exchange, of which a company has few.
    numbers: Vec<(Text, Numbers)>,
    /// `None`: the company has none.
    pub(crate) ties: Option<Ties>,
}

/// Who is at an end, as far as the directory knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Party {
    /// Extension of a person of ours, also where they were reached on their mobile; else the number, E.164 where it is one, or as recorded.
    pub target: Text,
    /// True for a person of ours.
    pub ours: bool,
    /// The person's id.
    pub person: Option<Text>,
    /// The person's group.
    pub group: Option<Text>,
}

impl<'d> Site<'d> {
    /// For one tenant.
    #[must_use]
    pub fn new(directory: &'d Directory) -> Site<'d> {
        Site { directory, numbers: Vec::new(), ties: Ties::of(directory) }
    }

    /// The number in E.164 as seen from this exchange; `None` for what is no public number.
    pub fn e164(&mut self, pbx: &str, raw: &str) -> Option<Text> {
        if raw.is_empty() {
            return None;
        }
        let known = self.numbers.iter().position(|(id, _)| id == pbx);
        let at = known.unwrap_or_else(|| {
            self.numbers.push((pbx.into(), Numbers::new(self.directory, pbx)));
            self.numbers.len() - 1
        });
        self.numbers.get_mut(at)?.1.e164(raw)
    }

    /// Who is at this end.
    pub fn party(&mut self, pbx: &str, end: &End, at: Moment) -> Party {
        let person = match end.kind {
            EndKind::Person => self.directory.person_at_extension(pbx, &end.number, at.0),
            EndKind::Outside => {
                let number = self.e164(pbx, &end.number);
                let person = number.as_deref().and_then(|n| self.directory.person_by_mobile(n, at.0));
                if person.is_none() {
                    let target = number
                        .unwrap_or_else(|| if end.number.is_empty() { end.name.clone() } else { end.number.clone() });
                    return Party { target, ..Party::default() };
                }
                person
            }
            _ => None,
        };
        let Some(person) = person else {
            let target =
                [&end.number, &end.name, &end.device].into_iter().find(|t| !t.is_empty()).cloned().unwrap_or_default();
            return Party { target, ours: end.kind == EndKind::Person, ..Party::default() };
        };
        let target = match end.kind {
            EndKind::Person => end.number.clone(),
            _ => self.directory.main_extension(person, pbx, at.0).map_or_else(|| end.number.clone(), Text::from),
        };
        Party { target, ours: true, person: Some(person.id.as_str().into()), group: self.group(person) }
    }

    fn group(&self, person: &Person) -> Option<Text> {
        self.directory.group_of(person).map(|g| g.id.as_str().into())
    }

    /// The group behind a queue or hunt group.
    #[must_use]
    pub fn group_of_place(&self, pbx: &str, place: &str) -> Option<Text> {
        let queue = self.directory.queue(pbx, place).and_then(|q| q.group.as_deref());
        queue.or_else(|| self.directory.hunt_group(pbx, place).and_then(|h| h.group.as_deref())).map(Text::from)
    }
}
