use super::*;

fn of(week: i64, parts: u64) -> (i64, u64) {
    (week, parts)
}

fn moment(week: i64) -> Moment {
    Moment(week * WEEK_MS)
}

fn rows(counts: &[(i64, i64)]) -> Vec<Summand> {
    counts.iter().map(|(week, count)| Summand { week: *week, of: None, sums: vec![*count] }).collect()
}

fn sum(summed: &Summed) -> i64 {
    summed.added().values().map(|sums| sums[0]).sum()
}

const EVERYTHING: Span = Span { from: None, to: None };

/// The week of now and what is in no week of its own are asked each time, the others until they are known.
#[test]
fn what_is_known_is_not_asked_again() {
    let kept = KeptWeeks::<Sums>::new(100);
    let parts: Parts = [of(0, 9), of(2_000, 1), of(2_001, 2), of(2_003, 3)].into();
    let now = Moment(2_003 * WEEK_MS + 5);
    let plan = kept.plan(1, EVERYTHING, now, &parts);
    assert_eq!(plan.asked, [(None, None)]);
    assert_eq!(plan.to_keep, [of(2_000, 1), of(2_001, 2)].into());
    assert_eq!(plan.kept_quarters(None), (2_000 * 672, 2_002 * 672));
    let summed = kept.take(1, plan, rows(&[(0, 7), (2_000, 30), (2_001, 4)]));
    assert_eq!(sum(&summed), 41);
    let plan = kept.plan(1, EVERYTHING, now, &parts);
    assert_eq!(plan.asked, [(None, Some(2_000 * 672)), (Some(2_002 * 672), None)]);
    assert_eq!((plan.to_keep.len(), plan.kept_quarters(None)), (0, (0, 0)));
    assert_eq!(sum(&kept.take(1, plan, rows(&[(0, 8)]))), 42);
    // Another question knows nothing of it.
    assert_eq!(kept.plan(2, EVERYTHING, now, &parts).known.len(), 0);
}

/// Before the first week is asked only where something is.
#[test]
fn what_is_before_the_first_week_is_asked_where_it_is() {
    let kept = KeptWeeks::<Sums>::new(100);
    let asked = |parts: &[(i64, u64)], span| kept.plan(1, span, moment(2_010), &parts.iter().copied().collect()).asked;
    let two = [of(2_000, 1), of(2_001, 1)];
    assert_eq!(asked(&two, EVERYTHING), [(Some(2_000 * 672), None)]);
    assert_eq!(asked(&[of(0, 1), two[0]], EVERYTHING), [(None, None)]);
    let later = Span { from: Some(moment(2_001)), to: None };
    assert_eq!(asked(&two, later), [(None, None)]);
    assert_eq!(asked(&[], EVERYTHING), [(None, None)]);
}

/// Of many weeks that are not known some are asked at a time; each is kept as soon as it is answered.
#[test]
fn a_year_is_asked_in_parts() {
    let kept = KeptWeeks::<Sums>::new(1_000);
    let (now, parts): (_, Parts) = (moment(2_020), (2_000..2_020).map(|week| of(week, 1)).collect());
    let mut plan = kept.plan(1, EVERYTHING, now, &parts);
    let mut asked = Vec::new();
    while let Some(first) = plan.first_weeks() {
        assert_eq!(plan.kept_quarters(Some(&first)), (first[0] * 672, (first[7] + 1) * 672));
        let found: Vec<(i64, i64)> = first.iter().map(|week| (*week, 1)).collect();
        assert_eq!(kept.learn(1, &mut plan, &first, rows(&found)), []);
        asked.push(first);
    }
    assert_eq!(asked, [(2_000..2_008).collect::<Vec<_>>(), (2_008..2_016).collect()]);
    assert_eq!(
        (plan.asked.clone(), plan.kept_quarters(None)),
        (vec![(Some(2_016 * 672), None)], (2_016 * 672, 2_020 * 672))
    );
    assert_eq!(sum(&kept.take(1, plan, rows(&[(2_016, 1), (2_019, 1), (0, 5)]))), 23);
    assert_eq!(kept.plan(1, EVERYTHING, now, &parts).asked, [(Some(2_020 * 672), None)]);
}

/// A long list counts for several rows.
#[test]
fn a_long_list_takes_more_room() {
    let kept = KeptWeeks::<Sums>::new(10);
    let (now, parts): (_, Parts) = (moment(2_010), [of(2_000, 1)].into());
    for (key, sums) in [(1, 16 * 7), (2, 16 * 8)] {
        let plan = kept.plan(key, EVERYTHING, now, &parts);
        kept.take(key, plan, vec![Summand { week: 2_000, of: None, sums: vec![0; sums] }]);
    }
    assert_eq!(kept.plan(1, EVERYTHING, now, &parts).known.len(), 0, "the second made room for itself");
    assert_eq!(kept.plan(2, EVERYTHING, now, &parts).known.len(), 1);
}

/// Whatever is written into a week makes parts of other names.
#[test]
fn a_week_that_changed_is_asked_again() {
    let kept = KeptWeeks::<Sums>::new(100);
    let (now, parts) = (moment(2_010), [of(2_000, 1), of(2_001, 2), of(2_002, 3)].into());
    let plan = kept.plan(1, EVERYTHING, now, &parts);
    kept.take(1, plan, rows(&[(2_000, 1), (2_001, 1), (2_002, 1)]));
    let changed: Parts = [of(2_000, 1), of(2_001, 22), of(2_002, 3)].into();
    let plan = kept.plan(1, EVERYTHING, now, &changed);
    let between = (Some(2_001 * 672), Some(2_002 * 672));
    assert_eq!(plan.asked, [between, (Some(2_003 * 672), None)]);
    assert_eq!(plan.to_keep, [of(2_001, 22)].into());
    assert_eq!(sum(&kept.take(1, plan, rows(&[(2_001, 5)]))), 7);
    // The answer of before is not there any more: parts do not come back.
    assert_eq!(kept.plan(1, EVERYTHING, now, &parts).to_keep, [of(2_001, 2)].into());
}

/// A period that begins or ends within a week asks for that part of it.
#[test]
fn only_whole_weeks_are_kept() {
    let kept = KeptWeeks::<Sums>::new(100);
    let parts: Parts = (2_000..2_004).map(|week| of(week, 1)).collect();
    let span = Span { from: Some(Moment(2_000 * WEEK_MS + 1)), to: Some(moment(2_003)) };
    let plan = kept.plan(1, span, moment(2_100), &parts);
    assert_eq!(plan.to_keep, [of(2_001, 1), of(2_002, 1)].into());
    let within = Span { from: Some(moment(2_002)), to: Some(Moment(2_003 * WEEK_MS - 1)) };
    assert_eq!(kept.plan(1, within, moment(2_100), &parts).to_keep, Parts::new());
    // The first and the last week share their partition with others.
    let edges: Parts = [of(FIRST_WEEK - 1, 1), of(FIRST_WEEK, 1), of(LAST_WEEK, 1), of(LAST_WEEK + 1, 1)].into();
    let plan = kept.plan(1, EVERYTHING, moment(LAST_WEEK + 9), &edges);
    assert_eq!(plan.to_keep, [of(FIRST_WEEK, 1), of(LAST_WEEK, 1)].into());
}

/// What asks of no whole week need not ask which parts there are.
#[test]
fn a_span_has_a_whole_week_or_none() {
    let has = |from: i64, to: i64, now: i64| {
        has_whole_week(Span { from: Some(Moment(from)), to: Some(Moment(to)) }, Moment(now))
    };
    let (first, next) = (2_000 * WEEK_MS, 2_001 * WEEK_MS);
    assert!(has(first, next, next) && has(first - 5, next + 5, next) && has_whole_week(EVERYTHING, Moment(next)));
    assert!(!has(first + 1, next, next) && !has(first, next - 1, next) && !has(first, next, next - 1));
    assert!(!has_whole_week(EVERYTHING, Moment(0)));
}

#[test]
fn the_longest_unasked_answers_make_room() {
    let kept = KeptWeeks::<Sums>::new(6);
    let (now, parts): (_, Parts) = (moment(2_010), [of(2_000, 1), of(2_001, 1)].into());
    for key in 1..=2 {
        let plan = kept.plan(key, EVERYTHING, now, &parts);
        kept.take(key, plan, rows(&[(2_000, 1), (2_001, 1)]));
    }
    // Each of the four takes two: the first of them is gone.
    assert_eq!(kept.plan(1, EVERYTHING, now, &parts).to_keep, [of(2_000, 1)].into());
    assert_eq!(kept.plan(2, EVERYTHING, now, &parts).to_keep, Parts::new());
    let none = KeptWeeks::<Sums>::new(0);
    let plan = none.plan(1, EVERYTHING, now, &parts);
    none.take(1, plan, rows(&[(2_000, 1)]));
    assert!(!none.keeps(1) && none.plan(1, EVERYTHING, now, &parts).known.is_empty());
    kept.keep_too_large(7);
    assert!(kept.keeps(6) && !kept.keeps(7));
}

/// Where many weeks are missing here and there, one question asks for all between the first and the last of them.
#[test]
fn a_question_has_not_too_many_ranges() {
    let kept = KeptWeeks::<Sums>::new(10_000);
    let now = moment(3_000);
    let parts: Parts = (2_000..2_400).map(|week| of(week, 1)).collect();
    let plan = kept.plan(1, EVERYTHING, now, &parts);
    kept.take(1, plan, Vec::new());
    let few: Parts = (2_000..2_400).map(|week| of(week, 1 + u64::from(week % 10 == 5))).collect();
    assert_eq!(kept.plan(1, EVERYTHING, now, &few).asked.len(), 41);
    let many: Parts =
        (2_000..2_400).map(|week| of(week, 1 + u64::from((2_100..2_300).contains(&week) && week % 2 == 0))).collect();
    let plan = kept.plan(1, EVERYTHING, now, &many);
    let between = (Some(2_100 * 672), Some(2_299 * 672));
    assert_eq!(plan.asked, [between, (Some(2_400 * 672), None)]);
    assert_eq!((plan.known.len(), plan.to_keep.len()), (201, 199));
}

/// A page reads the weeks that have its calls, and no others.
#[test]
fn the_latest_calls_are_where_weeks_have_some() {
    let week = |count: i64| -> Arc<[Sums]> { [(None, vec![count])].into() };
    let weeks = [(2_000, week(9)), (2_001, week(3)), (2_002, Arc::default()), (2_003, week(2)), (2_004, week(50))];
    let summed = Summed { weeks: weeks.into(), rest: vec![(None, vec![100])] };
    let ranges = [(None, Some(2_002 * 672)), (Some(2_003 * 672), None)];
    assert_eq!(summed.where_latest(5, moment(2_006)), (Some(moment(2_004)), ranges.to_vec()));
    // How many of the fourth week began before this moment is not known.
    assert_eq!(summed.where_latest(5, Moment(2_004 * WEEK_MS + 1)), (Some(moment(2_001)), ranges.to_vec()));
    assert_eq!(summed.where_latest(5_000, moment(2_006)), (None, ranges.to_vec()));
    assert_eq!(Summed::default().where_latest(5, moment(2_006)), (None, vec![(None, None)]));
}

/// What is owed for a call is told in its week or before: what changes there changes what is kept of every week since.
#[test]
fn what_is_owed_is_of_the_weeks_since() {
    let told = |owed: u64| [(0, 2_000, 1), (0, 2_001, 2), (0, 2_002, 3), (1, 0, 7), (1, 2_001, owed), (1, 2_009, 9)];
    assert_eq!(parts(&told(5), false), [of(2_000, 1), of(2_001, 2), of(2_002, 3)].into());
    let (one, other) = (parts(&told(5), true), parts(&told(6), true));
    assert_eq!(one.keys().collect::<Vec<_>>(), [&2_000, &2_001, &2_002]);
    assert_eq!(one[&2_000], other[&2_000]);
    assert!(one[&2_001] != other[&2_001] && one[&2_002] != other[&2_002]);
}
