//! Lets a stream run ahead while what it gave is worked on: the next page is on its way before this one is judged.

use futures::stream::{self, Stream, StreamExt};
use std::pin::pin;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Runs `items` in a task, beginning now. One item waits while another is worked on and a third is made: no more
/// are held. The task ends with the stream that is returned, and its panics go on there, since a stream that just
/// stops would look complete.
pub(super) fn ahead<S>(items: S) -> impl Stream<Item = S::Item> + Send + use<S>
where
    S: Stream<Item: Send + 'static> + Send + 'static,
{
    let (send, receive) = mpsc::channel(1);
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut items = pin!(items);
        while let Some(item) = items.next().await {
            // Nobody listens any more.
            if send.send(item).await.is_err() {
                break;
            }
        }
    });
    let items = stream::unfold((receive, task), |(mut receive, mut task)| async move {
        if let Some(item) = receive.recv().await {
            return Some((item, (receive, task)));
        }
        match task.join_next().await.map(|ended| ended.map_err(tokio::task::JoinError::try_into_panic)) {
            Some(Err(Ok(panic))) => std::panic::resume_unwind(panic),
            Some(Err(Err(_))) => panic!("the task that reads ahead was cancelled, and what it read is not whole"),
            Some(Ok(())) | None => None,
        }
    });
    // Whoever asks once more after the end is told so again.
    items.fuse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn counted(made: &Arc<AtomicUsize>) -> impl Stream<Item = usize> + Send + use<> {
        let made = made.clone();
        stream::iter(0..100).inspect(move |_| _ = made.fetch_add(1, Ordering::SeqCst))
    }

    async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn all_items_come_in_their_order_and_few_are_made_before_they_are_wanted() {
        let made = Arc::new(AtomicUsize::new(0));
        let mut items = Box::pin(ahead(counted(&made)));
        settle().await;
        assert_eq!(made.load(Ordering::SeqCst), 2, "it begins unasked, and stops");
        assert_eq!(items.next().await, Some(0));
        settle().await;
        assert_eq!(made.load(Ordering::SeqCst), 3);
        assert_eq!(items.by_ref().collect::<Vec<_>>().await, (1..100).collect::<Vec<_>>());
        assert_eq!(items.next().await, None);
    }

    #[tokio::test]
    async fn what_nobody_wants_any_more_is_not_made() {
        let made = Arc::new(AtomicUsize::new(0));
        let alive = Arc::downgrade(&made);
        let items = ahead(counted(&made));
        drop(made);
        settle().await;
        assert!(alive.upgrade().is_some());
        drop(items);
        settle().await;
        assert!(alive.upgrade().is_none(), "the task is gone");
    }

    #[tokio::test]
    #[should_panic(expected = "in the middle")]
    async fn a_panic_is_no_end() {
        let items = stream::iter(0..3).inspect(|item| assert!(*item < 2, "in the middle"));
        ahead(items).collect::<Vec<_>>().await;
    }
}
