use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::Batch;

fn rows(rows: usize) -> Element {
    Element::Batch(Batch::new(Vec::new(), rows))
}

/// Channel and number of rows of what is there.
fn taken(queue: &InputQueue) -> Vec<(usize, usize)> {
    let next = || match queue.try_receive() {
        Received::Element(channel, Element::Batch(batch)) => Some((channel, batch.rows)),
        _ => None,
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn channels_take_turns_and_keep_their_order() {
    let (queue, metrics) = (InputQueue::new(3), TaskMetrics::default());
    for number in 1..4 {
        queue.send(0, rows(number), &metrics).unwrap();
    }
    queue.send(2, rows(1), &metrics).unwrap();
    queue.send(2, rows(2), &metrics).unwrap();
    assert_eq!(taken(&queue), [(0, 1), (2, 1), (0, 2), (2, 2), (0, 3)]);
}

#[test]
fn a_full_channel_holds_its_sender_only() {
    let queue = Arc::new(InputQueue::new(2));
    let sent = 5 * CHANNEL_CAPACITY;
    let sender = std::thread::spawn({
        let queue = queue.clone();
        move || {
            let metrics = TaskMetrics::default();
            (0..sent).for_each(|number| queue.send(0, rows(number), &metrics).unwrap());
            queue.send(0, Element::End, &metrics).unwrap();
        }
    });
    // Whatever the other does, this one has room.
    for number in 0..CHANNEL_CAPACITY {
        queue.send(1, rows(number), &TaskMetrics::default()).unwrap();
    }
    let mut got = [0, 0];
    loop {
        match queue.receive(None) {
            Received::Element(channel, Element::Batch(batch)) => {
                assert_eq!(batch.rows, got[channel]);
                got[channel] += 1;
            }
            Received::Element(0, Element::End) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(got[0], sent);
    sender.join().unwrap();
}

#[test]
fn close_ends_waiting_for_room_and_for_input() {
    let queue = Arc::new(InputQueue::new(1));
    let sender = std::thread::spawn({
        let queue = queue.clone();
        move || {
            let metrics = TaskMetrics::default();
            while queue.send(0, rows(1), &metrics).is_ok() {}
        }
    });
    let receiver = std::thread::spawn(|| {
        let queue = Arc::new(InputQueue::new(0));
        let closer = std::thread::spawn({
            let queue = queue.clone();
            move || queue.close()
        });
        assert!(matches!(queue.receive(None), Received::Closed));
        closer.join().unwrap();
    });
    queue.close();
    sender.join().unwrap();
    receiver.join().unwrap();
    assert!(queue.send(0, rows(1), &TaskMetrics::default()).is_err());
}

#[test]
fn a_wake_and_a_deadline_end_waiting_with_nothing() {
    let queue = InputQueue::new(1);
    queue.wake();
    assert!(matches!(queue.receive(None), Received::Nothing));
    let soon = Instant::now() + Duration::from_nanos(1);
    assert!(matches!(queue.receive(Some(soon)), Received::Nothing));
}
