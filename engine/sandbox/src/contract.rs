//! The contract of plugins as types, and our events in them: strings are borrowed, so that an event is copied once, into the plugin.

#![allow(missing_docs, unused_variables)]

use ::calls::event as ours;

wasmtime::component::bindgen!({
    path: "../../plugins/sdk/wit/v1",
    world: "plugin",
    imports: { default: trappable },
    ownership: Borrowing { duplicate_if_necessary: true },
});

pub(crate) use exports::ringback::plugin::handler::{Event, Handled};
pub(crate) use ringback::plugin::types::{self, Refusal};
pub(crate) use ringback::plugin::{actions, calls, directory, env, state};

/// Lists of an event that are laid out otherwise in the contract: they have to stand somewhere while it is copied.
#[derive(Default)]
pub(crate) struct Lists<'e> {
    call_facts: Vec<(&'e str, &'e str)>,
    follow_up_facts: Vec<(&'e str, &'e str)>,
    answered_by: Vec<&'e str>,
}

impl<'e> Lists<'e> {
    pub(crate) fn of(event: &'e ours::Event) -> Lists<'e> {
        let pairs =
            |pairs: &'e ours::Pairs| pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let names = |names: &'e [String]| names.iter().map(String::as_str).collect();
        match &event.about {
            ours::About::Call(call) => Lists {
                call_facts: pairs(&call.facts),
                answered_by: names(&call.answered_by),
                follow_up_facts: Vec::new(),
            },
            ours::About::Missed(missed) => Lists {
                call_facts: pairs(&missed.call.facts),
                answered_by: names(&missed.call.answered_by),
                follow_up_facts: pairs(&missed.follow_up.facts),
            },
            ours::About::FollowUp(of) => Lists { follow_up_facts: pairs(&of.facts), ..Lists::default() },
            _ => Lists::default(),
        }
    }
}

pub(crate) fn event<'e>(event: &'e ours::Event, lists: &'e Lists<'e>) -> Event<'e> {
    let about = match &event.about {
        ours::About::Call(of) => types::About::Call(call(of, lists)),
        ours::About::Missed(of) => types::About::Missed(types::Missed {
            call: call(&of.call, lists),
            follow_up: follow_up(&of.follow_up, lists),
        }),
        ours::About::FollowUp(of) => types::About::FollowUp(follow_up(of, lists)),
        ours::About::Limit(of) => types::About::Limit(types::Limit {
            name: &of.name,
            subject: &of.subject,
            since: of.since.0,
            until: of.until.0,
            value: of.value,
            threshold: of.threshold,
            raised: of.raised,
        }),
        ours::About::Timer(of) => {
            types::About::Timer(types::Timer { name: &of.name, due_at: of.due_at.0, payload: &of.payload })
        }
        ours::About::Delivery(of) => types::About::Delivery(types::Delivery {
            action: &of.action,
            kind: &of.kind,
            status: &of.status,
            detail: &of.detail,
            call: of.call.as_deref(),
        }),
        ours::About::Json(text) => types::About::Json(text),
    };
    Event { id: &event.id, kind: &event.kind, at: event.at.0, now: event.now.0, tenant: &event.tenant, about }
}

fn call<'e>(call: &'e ours::Call, lists: &'e Lists<'e>) -> types::Call<'e> {
    types::Call {
        id: &call.id,
        direction: &call.direction,
        outcome: &call.outcome,
        missed: call.missed,
        short: call.short,
        out_of_hours: call.out_of_hours,
        reason: call.reason.as_deref(),
        caller: types::Party {
            number: call.caller.number.as_deref(),
            extension: call.caller.extension.as_deref(),
            person: call.caller.person.as_deref(),
            name: call.caller.name.as_deref(),
        },
        did: call.did.as_deref(),
        trunk: call.trunk.as_deref(),
        entry: call.entry.as_deref(),
        queue: call.queue.as_deref(),
        group: call.group.as_deref(),
        owner: call.owner.as_deref(),
        answered_by: &lists.answered_by,
        started_at: call.started_at.0,
        answered_at: call.answered_at.map(|at| at.0),
        ended_at: call.ended_at.0,
        wait_time_s: call.wait_time_s,
        talk_time_s: call.talk_time_s,
        facts: &lists.call_facts,
    }
}

fn follow_up<'e>(of: &'e ours::FollowUp, lists: &'e Lists<'e>) -> types::FollowUp<'e> {
    types::FollowUp {
        id: &of.id,
        status: &of.status,
        customer_calls: of.customer_calls,
        our_attempts: of.our_attempts,
        first_at: of.first_at.0,
        last_at: of.last_at.0,
        due_at: of.due_at.map(|at| at.0),
        owner: of.owner.as_deref(),
        facts: &lists.follow_up_facts,
    }
}

pub(crate) fn offer(of: ours::Offer) -> types::Offer {
    types::Offer {
        target: of.target,
        person: of.person,
        group: of.group,
        rang_at: of.rang_at.map(|at| at.0),
        ended_at: of.ended_at.map(|at| at.0),
        end: of.end,
        reason: of.reason,
    }
}
