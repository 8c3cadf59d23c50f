//! The rows of a batch, in the store's columns as they are read.

use adapters::leg::Leg;
use adapters::reject::Reject;
use store::FactsBuilder;
use stream::{Mark, Place, facts};

/// One batch's rows.
#[derive(Default)]
pub(crate) struct Facts(pub(crate) FactsBuilder);

impl stream::Facts for Facts {
    fn leg(&mut self, leg: &Leg, place: Place) {
        self.0.leg(leg, stored(place));
    }

    fn reject(&mut self, reject: &Reject, from: facts::From<'_>, place: Place) {
        let facts::From { tenant, pbx, adapter, source } = from;
        self.0.reject(reject, store::From { tenant, pbx, adapter, source }, stored(place));
    }

    fn mark(&mut self, mark: Mark<'_>, place: Place) {
        let Mark { tenant, pbx, adapter, kind, subject, source, value } = mark;
        self.0.mark(store::Mark { tenant, pbx, adapter, source, kind, subject, value }, stored(place));
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

fn stored(place: Place) -> store::Place {
    let Place { epoch, partition, position, part, logged_at, settings } = place;
    store::Place { epoch, partition, position, part, logged_at, settings }
}
