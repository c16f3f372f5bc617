//! What the streams of all directories need: reading the next page while this one is worked on, an end at the first
//! error, and the members of a group in parts.

use super::{Error, SourceEvent};
use crate::model::Anchor;
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

/// Ends after the first error, so that nothing that follows can make a broken read look complete.
pub(super) fn until_error<T: Send>(
    events: impl Stream<Item = Result<T, Error>> + Send,
) -> impl Stream<Item = Result<T, Error>> + Send {
    events.scan(false, |failed, event| {
        let stop = std::mem::replace(failed, event.is_err());
        std::future::ready((!stop).then_some(event))
    })
}

/// Members that one event names at most.
const MEMBERS_AT_ONCE: usize = 10_000;

/// The members of a filter group as events: at least one, also where it has none.
pub(super) fn members(group: &str, anchors: &[Anchor]) -> Vec<SourceEvent> {
    let event = |anchors: &[Anchor]| SourceEvent::Members { group: group.to_owned(), anchors: anchors.to_vec() };
    match anchors.is_empty() {
        true => vec![event(&[])],
        false => anchors.chunks(MEMBERS_AT_ONCE).map(event).collect(),
    }
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

    #[tokio::test]
    async fn nothing_follows_an_error() {
        let error = || Error::Configuration("x".into());
        let events = stream::iter([Ok(1), Err(error()), Ok(2), Err(error())]);
        let seen: Vec<_> = until_error(events).map(|event| event.ok()).collect().await;
        assert_eq!(seen, [Some(1), None]);
    }

    #[test]
    fn a_group_is_told_of_also_without_members() {
        let anchors = |count: usize| (0..count).map(|n| Anchor::new(format!("a-{n}")).unwrap()).collect::<Vec<_>>();
        let counts = |count: usize| {
            let told = members("staff", &anchors(count)).into_iter().map(|event| match event {
                SourceEvent::Members { group, anchors } if group == "staff" => anchors.len(),
                event => panic!("{event:?}"),
            });
            told.collect::<Vec<_>>()
        };
        assert_eq!(counts(0), [0]);
        assert_eq!(counts(3), [3]);
        assert_eq!(counts(20_001), [10_000, 10_000, 1]);
    }
}
