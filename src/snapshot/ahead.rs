//! Lets an iterator run ahead on a thread of its own: parsing is half of the work of a plan.

use super::Error;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Items that cross from thread to thread together, and how many such batches may wait.
const BATCH: usize = 64;
const BATCHES_AHEAD: usize = 8;

enum Message<T> {
    Items(Vec<T>),
    /// Without it the thread died, and what came may be cut off.
    End,
}

/// Runs `items` on a thread, which ends with the iterator that is returned.
pub fn ahead<T, E>(
    items: impl Iterator<Item = Result<T, E>> + Send + 'static,
) -> Result<impl Iterator<Item = Result<T, E>> + Send, Error>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (send, batches) = sync_channel(BATCHES_AHEAD);
    std::thread::Builder::new().name("ahead".into()).spawn(move || run(items, &send))?;
    Ok(Ahead { batches, items: Vec::new().into_iter(), ended: false })
}

fn run<T>(mut items: impl Iterator<Item = T>, send: &SyncSender<Message<T>>) {
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        batch.extend(items.by_ref().take(BATCH));
        let last = batch.len() < BATCH;
        // Nobody listens any more: there is nothing left to do.
        if send.send(Message::Items(batch)).is_err() || last {
            break;
        }
    }
    let _ = send.send(Message::End);
}

struct Ahead<T> {
    batches: Receiver<Message<T>>,
    items: std::vec::IntoIter<T>,
    ended: bool,
}

impl<T, E: From<Error>> Iterator for Ahead<Result<T, E>> {
    type Item = Result<T, E>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.items.next() {
                return Some(item);
            }
            if self.ended {
                return None;
            }
            match self.batches.recv() {
                Ok(Message::Items(items)) => self.items = items.into_iter(),
                Ok(Message::End) => self.ended = true,
                Err(_) => {
                    self.ended = true;
                    return Some(Err(Error::Io(std::io::Error::other("the reading thread died")).into()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_ahead_comes_whole_and_in_order() {
        for count in [0, 1, BATCH, BATCH * BATCHES_AHEAD * 3 + 1] {
            let items = ahead((0..count).map(Ok::<usize, Error>)).unwrap();
            assert!(items.map(Result::unwrap).eq(0..count));
        }
    }

    #[test]
    fn a_thread_that_dies_is_an_error_and_no_end() {
        let dies = (0..BATCH + 3).map(|number| if number < BATCH { Ok(number) } else { panic!("on purpose") });
        let found: Vec<Result<usize, Error>> = ahead(dies).unwrap().collect();
        assert_eq!(found.len(), BATCH + 1);
        assert!(found.last().unwrap().is_err());
    }
}
