//! Takes a batch apart: each request in it meets the rules for faults, the limits and the service as if it had come
//! alone.

use super::call::{Call, Label};
use super::microsoft365::Target;
use super::microsoft365::exchange::batch::{Item, goes_on};
use super::server::{Answer, State};
use futures::stream::{self, StreamExt};

impl State {
    pub(super) async fn batch(&self, call: &Call, called: &str) -> Answer {
        let items = match self.microsoft365.unpack(call, called, self.clock.now()) {
            Ok(items) => items,
            Err(reply) => return Answer::Whole(reply),
        };
        let goes_on = goes_on(call);
        let side_by_side = self.microsoft365.side_by_side(called);
        let mut answers = stream::iter(items).map(|item| self.item(item)).buffered(side_by_side);
        let (mut replies, mut kept) = (Vec::new(), None);
        while let Some((id, answer)) = answers.next().await {
            let failed = answer.status() >= 400;
            match answer {
                Answer::Whole(reply) => replies.push((id, reply)),
                Answer::Lost => {}
                // The connection is the same for all.
                Answer::Cut(reply, at) => {
                    kept = Some(at.max(kept.unwrap_or(0)));
                    replies.push((id, reply));
                }
            }
            if failed && !goes_on {
                break;
            }
        }
        let reply = self.microsoft365.pack(called, &replies, self.clock.now());
        match kept {
            Some(kept) => Answer::Cut(reply, kept),
            None => Answer::Whole(reply),
        }
    }

    /// One request of a batch, by its id.
    async fn item(&self, Item { id, call }: Item) -> (String, Answer) {
        let (call, target) = match call {
            Ok(call) => match Target::parse(&call.path) {
                Some(target) => (call, target),
                None => return (id, Answer::Lost),
            },
            Err(refusal) => return (id, Answer::Whole(refusal.reply())),
        };
        let label = self.microsoft365.label(&call, &target);
        // A batch in a batch was refused, so this ends.
        let answer = Box::pin(self.answer(&call, &target, &label)).await;
        let counted = Label { call: format!("$batch {}", label.call), ..label };
        self.counters.count(&counted, answer.status());
        (id, answer)
    }
}
