use super::*;
use crate::hub::{Hub, KEPT_MESSAGES};

fn hub() -> Arc<Hub> {
    Hub::new(Box::new(|message, out| out.extend_from_slice(message.body)))
}

fn topic(hub: &Arc<Hub>) -> Rc<Topic<u64>> {
    Topic::new(Arc::clone(hub), |frame| frame.seq)
}

fn drain(subscription: &mut Subscription<u64>) -> Vec<u64> {
    std::iter::from_fn(|| subscription.try_next().unwrap()).collect()
}

#[test]
fn resuming_starts_after_the_cursor_and_live_at_the_end() {
    let hub = hub();
    for _ in 0..5 {
        hub.publish(b"x", false);
    }
    let topic = topic(&hub);
    assert_eq!(drain(&mut topic.subscribe(Some(0))), [1, 2, 3, 4, 5]);
    assert_eq!(drain(&mut topic.subscribe(Some(3))), [4, 5]);
    assert_eq!(drain(&mut topic.subscribe(Some(99))), [] as [u64; 0]);
    let mut live = topic.subscribe(None);
    hub.publish(b"y", false);
    topic.feed.borrow_mut().pull();
    assert_eq!(drain(&mut live), [6]);
    assert_eq!(topic.newest(), 6);
}

#[test]
fn what_is_published_together_is_announced_once() {
    let hub = hub();
    let told = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let telling = Arc::clone(&told);
    hub.on_news(Box::new(move || {
        telling.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }));
    let mut seqs = Vec::new();
    hub.publish_together(10, |seq, body| {
        seqs.push(seq);
        body.push(b'x');
        false
    });
    hub.publish_together(0, |_, _| unreachable!("there is nothing to make"));
    assert_eq!(told.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(seqs, (1..=10).collect::<Vec<_>>());
    assert_eq!(drain(&mut topic(&hub).subscribe(Some(0))), seqs);
    assert_eq!(hub.published(), 10);
}

#[test]
fn a_subscriber_that_falls_behind_is_told_so() {
    let hub = hub();
    let topic = topic(&hub);
    let mut slow = topic.subscribe(Some(0));
    for _ in 0..KEPT_MESSAGES + 3 {
        hub.publish(b"x", false);
    }
    topic.feed.borrow_mut().pull();
    assert_eq!(
        slow.try_next(),
        Err(Lagged {
            wanted: 1,
            oldest: 4
        })
    );
    assert_eq!(hub.lagged(), 1);
    let resumed = drain(&mut topic.subscribe(Some(0)));
    assert_eq!((resumed.first(), resumed.len()), (Some(&4), KEPT_MESSAGES));
}

#[test]
fn who_cannot_take_a_message_learns_that_it_is_gone() {
    let hub = hub();
    let topic = topic(&hub);
    let mut cx = Context::from_waker(Waker::noop());
    let mut stalled = topic.subscribe(None);
    assert!(stalled.poll_lagged(&mut cx).is_pending());
    for _ in 0..KEPT_MESSAGES {
        hub.publish(b"x", false);
    }
    topic.feed.borrow_mut().pull();
    assert!(stalled.poll_lagged(&mut cx).is_pending(), "still kept");
    hub.publish(b"x", false);
    topic.feed.borrow_mut().pull();
    let lagged = Lagged {
        wanted: 1,
        oldest: 2,
    };
    assert_eq!(stalled.poll_lagged(&mut cx), Poll::Ready(lagged));
    assert_eq!(stalled.try_next(), Err(lagged));
    assert_eq!(hub.lagged(), 1, "counted once");
}

#[test]
fn large_messages_are_kept_by_bytes() {
    let hub = hub();
    let body = vec![0; 4 * 1024 * 1024];
    for _ in 0..70 {
        hub.publish(&body, true);
    }
    let kept = drain(&mut topic(&hub).subscribe(Some(0)));
    assert_eq!(kept.len(), super::super::LEAST_KEPT);
}

#[test]
fn slots_are_used_again() {
    let topic = topic(&hub());
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..10 {
        let mut subscription = topic.subscribe(None);
        assert!(subscription.poll_next(&mut cx).is_pending());
    }
    assert_eq!(topic.waiters.borrow().slots.len(), 1);
}
