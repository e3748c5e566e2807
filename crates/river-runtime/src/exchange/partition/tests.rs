use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, StringViewArray};
use proptest::prelude::*;

use super::*;
use crate::exchange::Element;
use crate::exchange::coalesce::Coalescer;
use crate::gate::Gate;

/// A producer's output: batches of (key, event time), with marks that are true: a row after a mark
/// is later than it.
#[derive(Debug, Clone)]
struct Stream {
    batches: Vec<Vec<Step>>,
}

#[derive(Debug, Clone)]
enum Step {
    Row { key: i64, lead: i64 },
    Mark { by: i64 },
}

fn streams() -> impl Strategy<Value = Vec<Stream>> {
    let row = (0..20i64, 1..30i64).prop_map(|(key, lead)| Step::Row { key, lead });
    let mark = (1..10i64).prop_map(|by| Step::Mark { by });
    let batch = prop::collection::vec(prop_oneof![4 => row, 1 => mark], 0..40);
    let stream = prop::collection::vec(batch, 0..8).prop_map(|batches| Stream { batches });
    prop::collection::vec(stream, 1..4)
}

/// The batches of a stream: columns key, event time, producer, position in the stream, text.
fn batches(producer: i64, stream: &Stream) -> Vec<Batch> {
    let (mut watermark, mut position) = (0, 0);
    let mut made = Vec::new();
    for steps in &stream.batches {
        let mut columns: [Vec<i64>; 4] = Default::default();
        let (mut marks, mut kinds) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Row { key, lead } => {
                    for (column, value) in
                        columns.iter_mut().zip([*key, watermark + lead, producer, position])
                    {
                        column.push(value);
                    }
                    kinds.push((position % 4) as u8);
                    position += 1;
                }
                Step::Mark { by } => {
                    watermark += by;
                    marks.push(Mark { offset: kinds.len(), watermark });
                }
            }
        }
        let texts: StringViewArray =
            columns[3].iter().map(|n| Some(format!("a text too long for a view, {n}"))).collect();
        let mut columns: Vec<ArrayRef> =
            columns.into_iter().map(|c| Arc::new(Int64Array::from(c)) as ArrayRef).collect();
        columns.push(Arc::new(texts));
        let batch = Batch::new(columns, kinds.len()).with_kinds(Some(kinds.into()));
        made.push(Batch { marks, ..batch });
    }
    made
}

fn column(batch: &Batch, number: usize) -> &[i64] {
    batch.columns[number].as_primitive::<Int64Type>().values()
}

/// What one consumer subtask saw.
#[derive(Default)]
struct Seen {
    /// Key, producer, position.
    rows: Vec<(i64, i64, i64)>,
    watermark: i64,
}

impl Seen {
    fn take(&mut self, batch: &Batch) {
        for (range, watermark) in batch.segments() {
            for row in range {
                let (time, position) = (column(batch, 1)[row], column(batch, 3)[row]);
                assert!(time > self.watermark, "the watermark passed a row it had to follow");
                let text = batch.columns[4].as_string_view().value(row).to_owned();
                assert_eq!(text, format!("a text too long for a view, {position}"));
                assert_eq!(batch.kind(row) as i64, position % 4);
                self.rows.push((column(batch, 0)[row], column(batch, 2)[row], position));
            }
            if let Some(watermark) = watermark {
                assert!(watermark > self.watermark, "a mark that does not advance");
                self.watermark = watermark;
            }
        }
    }
}

/// What each consumer's channel gets from one producer.
fn channels(producer: usize, stream: &Stream, targets: u32, hash: bool) -> Vec<Vec<Element>> {
    let mut partitioner = match hash {
        true => Partitioner::Hash(HashPartitioner::new(vec![0], targets, 128)),
        false => Partitioner::RoundRobin { next: producer },
    };
    let mut coalescers: Vec<Coalescer> = (0..targets).map(|_| Coalescer::default()).collect();
    let mut sent: Vec<Vec<Element>> = (0..targets).map(|_| Vec::new()).collect();
    let mut pieces = Vec::new();
    for (number, batch) in batches(producer as i64, stream).into_iter().enumerate() {
        partitioner.split(batch, targets as usize, &mut pieces).unwrap();
        for (target, piece) in pieces.drain(..) {
            let ready = coalescers[target].add(piece).unwrap();
            sent[target].extend(ready.into_iter().flatten().map(Element::Batch));
            if number % 3 == 0 {
                sent[target].extend(coalescers[target].flush().unwrap().map(Element::Batch));
            }
        }
    }
    for (sent, coalescer) in sent.iter_mut().zip(&mut coalescers) {
        sent.extend(coalescer.flush().unwrap().map(Element::Batch));
        sent.push(Element::End);
    }
    sent
}

fn check(streams: &[Stream], targets: u32, hash: bool, order: &[usize]) {
    let mut sent: Vec<_> = streams
        .iter()
        .enumerate()
        .map(|(producer, stream)| channels(producer, stream, targets, hash))
        .collect();
    let mut all = Vec::new();
    for target in 0..targets as usize {
        let mut open: Vec<_> = sent
            .iter_mut()
            .map(|channels| std::mem::take(&mut channels[target]).into_iter())
            .collect();
        let mut gate = Gate::new(&[open.len()]);
        let mut seen = Seen { watermark: i64::MIN, ..Seen::default() };
        let mut turns = order.iter().cycle();
        while !gate.is_done() {
            let channel = turns.next().unwrap() % open.len();
            // With a short `order` some channels may never be named.
            let channels = (channel..open.len()).chain(0..channel);
            let next = channels.map(|c| (c, open[c].next())).find(|(_, element)| element.is_some());
            let (channel, Some(element)) = next.unwrap() else { unreachable!() };
            let step = gate.accept(channel, element, 0).unwrap();
            if let Some((_, batch)) = step.batch {
                seen.take(&batch);
            }
        }
        assert_eq!(seen.watermark, crate::MAX_WATERMARK);
        all.push(seen.rows);
    }
    check_rows(streams, &all, hash);
}

/// All rows arrived once, those of a producer (and with hashing: of a key) in order and, with
/// hashing, those of a key at one place.
fn check_rows(streams: &[Stream], all: &[Vec<(i64, i64, i64)>], hash: bool) {
    for rows in all {
        for producer in 0..streams.len() as i64 {
            let positions = rows.iter().filter(|row| row.1 == producer).map(|row| row.2);
            assert!(positions.is_sorted(), "rows of one producer changed their order");
        }
    }
    let mut got: Vec<_> = all.iter().flatten().map(|row| (row.1, row.2, row.0)).collect();
    got.sort_unstable();
    let mut wanted = Vec::new();
    for (producer, stream) in streams.iter().enumerate() {
        for batch in batches(producer as i64, stream) {
            wanted.extend(
                (0..batch.rows)
                    .map(|row| (producer as i64, column(&batch, 3)[row], column(&batch, 0)[row])),
            );
        }
    }
    assert_eq!(got, wanted);
    if hash {
        for key in 0..20 {
            let places = all.iter().filter(|rows| rows.iter().any(|row| row.0 == key)).count();
            assert!(places <= 1, "key {key} is at {places} subtasks");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rows_arrive_once_in_order_and_before_their_watermark(
        streams in streams(),
        targets in 1..5u32,
        hash in any::<bool>(),
        order in prop::collection::vec(0..4usize, 1..10),
    ) {
        check(&streams, targets, hash, &order);
    }
}

#[test]
fn one_target_gets_the_batch_untouched() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let mut partitioner = Partitioner::Hash(HashPartitioner::new(vec![0], 1, 128));
    let mut pieces = Vec::new();
    partitioner.split(Batch::new(vec![column.clone()], 3), 1, &mut pieces).unwrap();
    assert!(Arc::ptr_eq(&pieces[0].1.columns[0], &column));
}
