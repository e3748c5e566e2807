use crate::checkpoint::Scope;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::Batch;

fn barrier(checkpoint: u64, alignment: Alignment) -> Barrier {
    Barrier { checkpoint, timestamp_ms: 0, alignment, stop: false, scope: Scope::Full }
}

/// All that can be taken: `<channel>: <rows>`, `<channel>: barrier <n> over [<rows>..]`.
fn shown(queue: &InputQueue) -> Vec<String> {
    let next = || match queue.try_receive() {
        Received::Element(channel, Element::Batch(batch)) => {
            Some(format!("{channel}: {}", batch.rows))
        }
        Received::Element(channel, Element::Barrier { barrier, overtaken }) => {
            let overtaken: Vec<usize> = overtaken.iter().map(|batch| batch.rows).collect();
            Some(format!("{channel}: barrier {} over {overtaken:?}", barrier.checkpoint))
        }
        Received::Element(channel, other) => Some(format!("{channel}: {other:?}")),
        _ => None,
    };
    std::iter::from_fn(next).collect()
}

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

#[test]
fn a_channel_that_is_held_back_gives_nothing_out() {
    let (queue, metrics) = (InputQueue::new(2), TaskMetrics::default());
    for channel in [0, 0, 1] {
        queue.send(channel, rows(channel + 1), &metrics).unwrap();
    }
    queue.block(0);
    assert_eq!(taken(&queue), [(1, 2)]);
    let soon = Instant::now() + Duration::from_nanos(1);
    assert!(matches!(queue.receive(Some(soon)), Received::Nothing));
    queue.unblock_all();
    assert_eq!(taken(&queue), [(0, 1), (0, 1)]);
}

#[test]
fn barriers_need_no_room_and_keep_their_place_unless_unaligned() {
    let (queue, metrics) = (InputQueue::new(2), TaskMetrics::default());
    for number in 1..=CHANNEL_CAPACITY {
        queue.send(0, rows(number), &metrics).unwrap();
        queue.send(1, rows(number), &metrics).unwrap();
    }
    queue.send_barrier(0, Some(Batch::new(Vec::new(), 9)), barrier(1, Alignment::Aligned)).unwrap();
    queue.block(1);
    queue.send_barrier(1, None, barrier(2, Alignment::Unaligned)).unwrap();
    let shown = shown(&queue);
    assert_eq!(shown.first().unwrap(), "1: barrier 2 over [1, 2, 3, 4, 5, 6, 7, 8]");
    let behind: Vec<_> = shown.iter().filter(|line| line.starts_with('0')).collect();
    assert_eq!(behind[CHANNEL_CAPACITY..], ["0: 9", "0: barrier 1 over []"]);
    assert_eq!(shown.len(), 2 * CHANNEL_CAPACITY + 3);
}

#[test]
fn queued_barriers_can_overtake_later_on() {
    let (queue, metrics) = (InputQueue::new(3), TaskMetrics::default());
    let sent = barrier(7, Alignment::AlignedFor(5));
    queue.send(0, rows(1), &metrics).unwrap();
    queue.send(0, Element::Idle, &metrics).unwrap();
    queue.send(0, rows(2), &metrics).unwrap();
    queue.send_barrier(0, None, sent).unwrap();
    queue.send(0, rows(3), &metrics).unwrap();
    queue.send_barrier(1, None, sent).unwrap();
    queue.send(1, rows(4), &metrics).unwrap();
    queue.send(2, rows(5), &metrics).unwrap();
    let mut notices = VecDeque::new();
    queue.take_notices(&mut notices);
    assert_eq!(notices, [Notice::Announced(sent); 2]);
    queue.overtake(7);
    queue.overtake(7);
    assert_eq!(
        shown(&queue),
        [
            "0: barrier 7 over [1, 2]",
            "1: barrier 7 over []",
            "2: 5",
            "0: 1",
            "1: 4",
            "0: Idle",
            "0: 2",
            "0: 3"
        ]
    );
}

#[test]
fn commands_end_waiting_and_are_taken_in_order() {
    let queue = Arc::new(InputQueue::new(0));
    let waiting = std::thread::spawn({
        let queue = queue.clone();
        move || {
            let mut notices = VecDeque::new();
            while notices.len() < 2 {
                assert!(matches!(queue.receive(None), Received::Nothing));
                queue.take_notices(&mut notices);
            }
            notices
        }
    });
    let commands = [Command::Snapshot(barrier(1, Alignment::Aligned)), Command::Abort(1)];
    commands.iter().for_each(|command| queue.command(*command));
    assert_eq!(waiting.join().unwrap(), commands.map(Notice::Command));
}

#[test]
fn a_pause_takes_no_input_and_ends_with_a_notice_or_a_close() {
    let (queue, metrics) = (InputQueue::new(1), TaskMetrics::default());
    queue.send(0, rows(1), &metrics).unwrap();
    queue.pause(Instant::now() + Duration::from_nanos(1)).unwrap();
    queue.command(Command::Abort(1));
    queue.pause(Instant::now() + Duration::from_secs(3600)).unwrap();
    assert_eq!(taken(&queue), [(0, 1)]);
    queue.close();
    assert!(queue.pause(Instant::now() + Duration::from_secs(3600)).is_err());
    assert!(queue.send_barrier(0, None, barrier(1, Alignment::Unaligned)).is_err());
}
