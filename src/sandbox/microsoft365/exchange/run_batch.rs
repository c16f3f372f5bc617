//! Takes a batch apart: each request in it meets the rules for faults, the limits and the service as if it had come
//! alone.

use super::batch::{Item, goes_on};
use super::service::{BATCH, ExchangeService};
use crate::sandbox::server::call::{Call, Label};
use crate::sandbox::server::service::{Answer, Server, Service};
use futures::stream::{self, StreamExt};

impl ExchangeService {
    pub(super) async fn run_batch(&self, call: &Call, called: &str, server: &dyn Server) -> Answer {
        let unpacked = self
            .signed_in(call, called, server.now())
            .and_then(|(hosted, claims)| Ok((hosted, super::unpack(call, &hosted.lock(), &claims)?)));
        let (hosted, items) = match unpacked {
            Ok(unpacked) => unpacked,
            Err(refusal) => return Answer::Whole(refusal.reply()),
        };
        let goes_on = goes_on(call);
        let mut answers = stream::iter(items).map(|item| self.run_item(item, server)).buffered(hosted.side_by_side);
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
        let reply = super::pack(&replies, &mut hosted.lock(), server.now());
        match kept {
            Some(kept) => Answer::Cut(reply, kept),
            None => Answer::Whole(reply),
        }
    }

    /// One request of a batch, by its id.
    async fn run_item(&self, Item { id, call }: Item, server: &dyn Server) -> (String, Answer) {
        let call = match call {
            Ok(call) => call,
            Err(refusal) => return (id, Answer::Whole(refusal.reply())),
        };
        let Some(label) = self.route(&call) else { return (id, Answer::Lost) };
        // A batch in a batch was refused, so this ends.
        let answer = server.answer(self, &call, &label).await;
        let counted = Label { operation: format!("{BATCH} {}", label.operation), ..label };
        server.count(&counted, answer.status());
        (id, answer)
    }
}
