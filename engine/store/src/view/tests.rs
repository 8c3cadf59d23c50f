use super::*;

fn parsed(query: &str) -> View {
    View::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"))
}

#[test]
fn the_two_clicks_are_two_plain_keys() {
    let view = parsed("period=yesterday&direction=inbound&answered=unanswered");
    assert_eq!(view.query(), "period=yesterday&direction=inbound&answered=unanswered");
    let clicked = View::of(Period::Preset(Preset::Yesterday)).with_value("answered", "unanswered").unwrap();
    assert_eq!(clicked.with_value("direction", "inbound").unwrap(), view);
    assert_eq!(View::default().query(), "period=today");
}

#[test]
fn one_view_has_one_text() {
    for (asked, printed) in [
        ("", "period=today"),
        ("from=2026-11-01&to=2026-11-27T09:30:00%2B02:00", "from=2026-11-01&to=2026-11-27T07%3A30%3A00.000Z"),
        (
            "period=all&outcome=busy&missed=true&outcome=abandoned&outcome=busy",
            "period=all&outcome=abandoned&outcome=busy&missed=true",
        ),
        ("period=all&wait_time_s.max=20.50&wait_time_s.min=007", "period=all&wait_time_s.min=7&wait_time_s.max=20.5"),
        ("period=all&limit=50&sort=-started_at", "period=all"),
        ("period=all&sort=called&by=missed_by&limit=1000", "period=all&sort=called&by=missed_by&limit=1000"),
        (
            "period=all&reason.empty=false&caller.contains=044&queues.all=b&queues.all=a",
            "period=all&reason.empty=false&caller.contains=044&queues.all=a&queues.all=b",
        ),
        ("period=all&columns=call_id,offers&search=+Ann+", "period=all&search=Ann&columns=call_id%2Coffers"),
        ("period=all&did=&site.not=hq&hour=9&weekday=1", "period=all&site.not=hq&did=&hour=9&weekday=1"),
    ] {
        let view = parsed(asked);
        assert_eq!(view.query(), printed, "{asked}");
        assert_eq!(parsed(printed), view, "{asked}");
    }
}

#[test]
fn what_is_wrong_is_named_with_what_would_have_worked() {
    for (query, key, expected) in [
        ("colour=red", "colour", "or a column: call_id, site"),
        ("tenant=other", "tenant", "one of period"),
        ("outcome=lost", "outcome", "one of answered, lost_in_transfer"),
        ("outcome.max=1", "outcome.max", "outcome has no range"),
        ("outcome.near=1", "outcome.near", "one of not, all, empty, min, max, contains"),
        ("period=decade", "period", "one of last_hour, last_24h, today"),
        ("period=today&from=2026-01-01", "period", "either period, or from and to"),
        ("period=today&period=all", "period", "once"),
        ("to=tomorrow", "to", "2026-11-27"),
        ("limit=1001", "limit", "from 1 to 1000"),
        ("limit=0", "limit", "from 1 to 1000"),
        ("sort=offers", "sort", "one of site, pbx"),
        ("by=caller_name", "by", "one of site"),
        ("columns=", "columns", "names of some columns"),
        ("columns=x", "columns", "one of call_id, tenant"),
        ("missed=yes", "missed", "true or false"),
        ("hour=24", "hour", "from 0 to 23"),
        ("wait_time_s=1.2345", "wait_time_s", "three decimals"),
        ("wait_time_s.contains=1", "wait_time_s.contains", "no text"),
        ("started_at.min=2026-01-01", "started_at.min", ""),
        ("site.all=hq", "site.all", "one value"),
        ("site.empty=1", "site.empty", "true or false"),
        ("cursor=%00", "cursor", "the page before"),
        ("offers=1", "offers", "or a column"),
    ] {
        let error = Asked::parse(query).expect_err(query);
        assert!(error.key == key || key.starts_with(&error.key), "{query}: {error:?}");
        assert!(error.expected.contains(expected), "{query}: {error:?}");
    }
    let many: String = (0..=VALUES_MAX).map(|n| format!("did={n}&")).collect();
    assert!(View::parse(&many).is_err());
    assert!(View::parse(&"x".repeat(QUERY_BYTES_MAX + 1)).is_err());
}

#[test]
fn the_list_of_columns_is_whole() {
    let lines =
        include_str!("../../../../sql/calls/columns.list").lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(COLUMNS.len(), lines, "a line was not understood");
    let mut names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), lines, "a name is there twice");
    assert_eq!(started_at().name, "started_at");
    assert!(names.iter().all(|name| !SETTINGS.contains(name)), "a key of a query is a column");
    assert_eq!(View::default().columns.len(), COLUMNS_DEFAULT.split(',').count());
}

/// Views made by chance are printed and parsed back the same, and so are their cursors.
#[test]
fn any_view_is_its_text() {
    let mut random = fastrand::Rng::with_seed(7);
    let texts = ["", "a", "+380441234567", "Ann & Bob=?", "100%", "Олена", "a+b", "'; DROP", "{x:String}", "x\0y\n"];
    for _ in 0..3_000 {
        let view = any(&mut random, &texts);
        let query = view.query();
        assert_eq!(View::parse(&query).as_ref(), Ok(&view), "{query}");
        let key = Some(if is_text(view.sort.column) {
            random.choice(texts).unwrap().to_owned()
        } else {
            random.i64(..).to_string()
        });
        let cursor =
            Cursor::after(&view, Moment(random.i64(..)), random.choice(texts).unwrap(), key.filter(|_| random.bool()));
        let asked = Asked::parse(&format!("{query}&cursor={cursor}"));
        assert_eq!(asked, Ok(Asked { view: view.clone(), cursor: Some(cursor.clone()) }), "{query}");
        let other = View { search: Some("another".into()), ..view };
        assert!(Asked::parse(&format!("{}&cursor={cursor}", other.query())).is_err(), "{query}");
    }
}

fn any(random: &mut fastrand::Rng, texts: &[&str]) -> View {
    let mut view = View::of(match random.u8(0..3) {
        0 => Period::Preset(random.choice(PRESETS).unwrap().0),
        1 => Period::Free { from: Edge::parse("2026-02-28"), to: None },
        _ => Period::Free { from: None, to: Some(Edge::At(Moment(random.i64(0..4_000_000_000_000)))) },
    });
    let pick = |random: &mut fastrand::Rng, allows: fn(&Column) -> bool| {
        random.choice(COLUMNS.iter().filter(|column| allows(column)).collect::<Vec<_>>()).unwrap()
    };
    for _ in 0..random.u8(0..6) {
        let column = pick(random, Column::is_filter);
        let value = |random: &mut fastrand::Rng| match &column.kind {
            Kind::Word(words) | Kind::State(words) => random.choice(words).unwrap().to_string(),
            Kind::Flag => random.bool().to_string(),
            Kind::Count(..) => random.u8(1..8).to_string(),
            Kind::Seconds => seconds_text(random.i64(-1_000_000..1_000_000)),
            Kind::Moment => Edge::At(Moment(random.i64(0..4_000_000_000_000))).to_string(),
            _ => random.choice(texts).unwrap().to_string(),
        };
        let values: Vec<String> = (0..random.u8(1..4)).map(|_| value(random)).collect();
        let test = match random.u8(0..7) {
            0 => Test::Is(values),
            1 => Test::IsNot(values),
            2 => Test::All(values),
            3 => Test::Empty(random.bool()),
            4 => Test::Min(values[0].clone()),
            5 => Test::Max(values[0].clone()),
            _ => Test::Contains(values[0].clone()),
        };
        // A column refuses what it has not.
        view = view.clone().with(column.name, test).unwrap_or(view);
    }
    view.search = random.bool().then(|| "Ann 044".to_owned());
    view.sort = Sort { column: pick(random, Column::is_sort), descending: random.bool() };
    view.by = random.bool().then(|| pick(random, Column::is_group));
    if random.bool() {
        view.columns = (0..random.u8(1..5)).map(|_| pick(random, Column::is_shown)).collect();
    }
    view.limit = random.u16(1..=LIMIT_MAX);
    view
}

#[test]
fn a_group_leads_to_its_calls() {
    let view = parsed("period=all&direction=inbound&by=reason");
    let query = |view: &View, value| view.of_group(value).unwrap().query();
    assert_eq!(query(&view, Some("busy")), "period=all&direction=inbound&reason=busy");
    assert_eq!(query(&view, None), "period=all&direction=inbound&reason.empty=true");
    let people = parsed("period=all&missed_by=ann&missed_by=bob&by=missed_by");
    assert_eq!(query(&people, Some("zoe")), "period=all&missed_by=ann&missed_by=bob&missed_by.all=zoe");
}
