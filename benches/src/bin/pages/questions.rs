//! What the portal asks for its first pages: by every viewer, of every period, with filters, in other orders, grouped, searched for.

use store::period::{PRESETS, Period, Preset};
use store::scope::Scope;
use store::view::View;
use store::{Reader, StoreError};

/// A viewer.
pub struct Viewer {
    /// As the table prints it.
    pub name: &'static str,
    /// Whose calls they see.
    pub scope: Scope,
}

/// What filters and searches look for.
pub struct Sought {
    /// A customer's number.
    pub customer: String,
    /// A part of a caller's name.
    pub name: String,
    /// A DID.
    pub did: String,
    /// A queue.
    pub queue: String,
    /// A person's id.
    pub person: String,
}

/// What is asked.
pub enum Ask {
    /// A page of a view, and how many calls it has.
    Page(View),
    /// A view in groups, and how many calls it has.
    Groups(View),
    /// Every tile.
    Dashboard(Period),
    /// What came in today, what became of what was missed, and the list of what is still to be done.
    Missed,
    /// A person's own missed calls, and all of their calls.
    Me(String),
    /// Everything about one customer.
    Customer(String),
    /// Every measure.
    Measures(View),
}

/// A question with its name.
pub struct Question {
    /// As the table prints it.
    pub name: String,
    /// What is asked.
    pub ask: Ask,
}

/// All questions of one viewer.
pub fn all(sought: &Sought) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut add = |name: String, ask: Ask| questions.push(Question { name, ask });
    let view = |query: &str| View::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    for (preset, word) in PRESETS {
        add(format!("calls, {word}"), Ask::Page(View::of(Period::Preset(*preset))));
    }
    let Sought { customer, name, did, queue, person } = sought;
    let filters = [
        "answered=unanswered&direction=inbound".to_owned(),
        "missed=true".to_owned(),
        "outcome=abandoned&reason=gave_up_early".to_owned(),
        format!("queue={queue}"),
        format!("did={}", did.replace('+', "%2B")),
        format!("tried={person}"),
        format!("customer={}", customer.replace('+', "%2B")),
        "wait_time_s.min=60".to_owned(),
        "out_of_hours=true".to_owned(),
        "follow_up=open".to_owned(),
        "hour=9&weekday=1".to_owned(),
    ];
    for filter in &filters {
        add(format!("calls, all, {filter}"), Ask::Page(view(&format!("period=all&{filter}"))));
    }
    for sort in ["-wait_time_s", "talk_time_s", "called", "-caller", "outcome", "started_at"] {
        for period in ["this_month", "all"] {
            add(format!("calls, {period}, sort {sort}"), Ask::Page(view(&format!("period={period}&sort={sort}"))));
        }
    }
    let part: String = customer.chars().rev().take(5).collect::<Vec<_>>().into_iter().rev().collect();
    for (what, text) in [("a number", customer.as_str()), ("a part of a number", &part), ("a name", name)] {
        let text = text.replace('+', "%2B").replace(' ', "+");
        add(format!("calls, all, search by {what}"), Ask::Page(view(&format!("period=all&search={text}"))));
    }
    for by in ["called", "owner_group", "missed_by", "tried", "queue", "reason", "hour", "day", "did", "customer"] {
        for period in ["this_month", "all"] {
            let query = format!("period={period}&direction=inbound&by={by}");
            add(format!("inbound by {by}, {period}"), Ask::Groups(view(&query)));
        }
    }
    add("unanswered inbound by called, all".to_owned(), {
        Ask::Groups(view("period=all&direction=inbound&answered=unanswered&by=called"))
    });
    for (preset, word) in PRESETS {
        add(format!("dashboard, {word}"), Ask::Dashboard(Period::Preset(*preset)));
    }
    add("missed".to_owned(), Ask::Missed);
    add("customer".to_owned(), Ask::Customer(customer.clone()));
    for preset in [Preset::Last24h, Preset::ThisMonth, Preset::All] {
        let view = View::of(Period::Preset(preset));
        add(format!("measures, {}", preset.word()), Ask::Measures(view));
    }
    questions
}

/// What only a person asks.
pub fn own(sought: &Sought) -> Question {
    Question { name: "me".to_owned(), ask: Ask::Me(sought.person.clone()) }
}

impl Ask {
    /// Asks as a page does; how many rows came.
    pub async fn ask(&self, reader: &Reader<'_>) -> Result<usize, StoreError> {
        match self {
            Ask::Page(view) => {
                let rows = reader.page(view, &[], None).await?.rows.len();
                reader.total(view, &[]).await?;
                Ok(rows)
            }
            Ask::Groups(view) => Ok(reader.grouped(view, &[]).await?.rows.len()),
            Ask::Dashboard(period) => Ok(reader.dashboard(*period).await?.by_outcome.len()),
            Ask::Missed => {
                let today = View::of(Period::Preset(Preset::Today));
                let came_in = today.with_value("direction", "inbound")?;
                reader.total(&came_in, &[]).await?;
                reader.funnel(&came_in.with_value("missed", "true")?).await?;
                reader.work_total().await?;
                Ok(reader.work_list(50, None).await?.rows.len())
            }
            Ask::Me(person) => {
                let all = View::of(Period::Preset(Preset::All));
                let missed = all.clone().with_value("missed_by", person)?;
                Ok(reader.page(&missed, &[], None).await?.rows.len() + reader.page(&all, &[], None).await?.rows.len())
            }
            Ask::Customer(number) => {
                let customer = reader.customer(number).await?;
                Ok(reader.page(&customer.calls, &[], None).await?.rows.len())
            }
            Ask::Measures(view) => Ok(reader.measures(view, &[]).await?.len()),
        }
    }
}
