//! An operator that counts, and a writer that keeps what it is given.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::{DataType, FieldRef};
use crossbeam_channel::Sender;
use river_core::{Field, LogicalType};
use river_expr::EvalContext;

use crate::checkpoint::{Barrier, OperatorId, RestoredState, SnapshotWriter, SubtaskState, Timing};
use crate::state::{Checkpointed, KeyIndex, Keyed, Saved, StateTable, hash_columns};
use crate::{Batch, Error, Operator, Output, Result, Status};

/// Columns of all batches: a key, and the number of the row among those of its key, from 0.
pub fn schema() -> Vec<Field> {
    ["key", "number"].map(|name| Field::new(name, LogicalType::BigInt.nullable())).to_vec()
}

/// A batch of such rows.
pub fn batch(rows: &[(i64, i64)]) -> Batch {
    let column = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let (keys, numbers) = rows.iter().copied().unzip();
    Batch::new(vec![column(keys), column(numbers)], rows.len())
}

/// For each key its number of rows.
pub type Counts = BTreeMap<i64, i64>;

/// Counts of operators whose input has ended, by task.
pub type Published = Arc<Mutex<BTreeMap<usize, Counts>>>;

/// Counts the rows of each key and passes them on.
pub struct Count {
    totals: Keyed<Totals>,
    /// Rows in all: what it remembers beside its table.
    rows: i64,
    /// Whether each key's rows come once and in order.
    pub ordered: bool,
    /// How slow it is.
    pub yields: usize,
    /// Where counts go at the end, and as whose.
    pub published: Option<(Published, usize)>,
}

impl Count {
    pub fn new() -> Count {
        let index = KeyIndex::new(&[DataType::Int64]).unwrap();
        let totals = Keyed::new(Totals { index, counts: Vec::new(), last: Vec::new() });
        Count { totals, rows: 0, ordered: false, yields: 0, published: None }
    }
}

impl Operator for Count {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        _: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        (0..self.yields).for_each(|_| std::thread::yield_now());
        let mut slots = Vec::new();
        self.totals.index.lookup_or_insert(&batch.columns[..1], batch.rows, &mut slots)?;
        self.totals.touch(&slots)?;
        self.totals.make_room();
        let numbers = batch.columns[1].as_primitive::<Int64Type>().values();
        for (slot, number) in slots.iter().zip(numbers) {
            let slot = *slot as usize;
            if self.ordered && *number != self.totals.last[slot] + 1 {
                let last = self.totals.last[slot];
                return Err(Error::internal(format!("row {number} came after {last}")));
            }
            self.totals.counts[slot] += 1;
            self.totals.last[slot] = *number;
        }
        self.rows += batch.rows as i64;
        out.push(batch);
        Ok(Status::Done)
    }

    fn end_input(&mut self, _: usize, _: &EvalContext, _: &mut Output) -> Result<Status> {
        let mut slots = Vec::new();
        self.totals.index.live().clone().take_from(0, usize::MAX, &mut slots);
        let counts = counts_of(&self.totals.save(&slots)?);
        if counts.values().sum::<i64>() != self.rows {
            return Err(Error::internal(format!("{} rows, but {counts:?}", self.rows)));
        }
        if let Some((published, task)) = &self.published {
            published.lock().unwrap().insert(*task, counts);
        }
        Ok(Status::Done)
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.totals]
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(self.rows.to_le_bytes().to_vec())
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        self.rows = saved.iter().map(|s| i64::from_le_bytes(s[..].try_into().unwrap())).sum();
        Ok(())
    }
}

/// Keys with their number of rows and the number of the last one.
pub struct Totals {
    index: KeyIndex,
    counts: Vec<i64>,
    last: Vec<i64>,
}

impl Totals {
    fn make_room(&mut self) {
        let capacity = self.index.capacity();
        self.counts.resize(capacity, 0);
        self.last.resize(capacity, -1);
    }
}

impl StateTable for Totals {
    fn name(&self) -> &'static str {
        "totals"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let field = |name| Arc::new(arrow_schema::Field::new(name, DataType::Int64, true));
        ["key", "count", "last"].map(field).to_vec()
    }

    fn index(&self) -> &KeyIndex {
        &self.index
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut columns = self.index.key_columns(slots)?;
        let mut hashes = Vec::new();
        hash_columns(&columns, slots.len(), &mut hashes)?;
        for values in [&self.counts, &self.last] {
            let values = slots.iter().map(|slot| values[*slot as usize]);
            columns.push(Arc::new(Int64Array::from_iter_values(values)));
        }
        Ok(Saved { columns, hashes })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let mut slots = Vec::new();
        self.index.lookup_or_insert(&columns[..1], rows, &mut slots)?;
        self.make_room();
        let values = |column: usize| columns[column].as_primitive::<Int64Type>().values();
        for ((slot, count), last) in slots.iter().zip(values(1)).zip(values(2)) {
            self.counts[*slot as usize] = *count;
            self.last[*slot as usize] = *last;
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        self.index.memory()
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.index
    }
}

/// The counts in saved rows.
pub fn counts_of(saved: &Saved) -> Counts {
    let values = |column: usize| saved.columns[column].as_primitive::<Int64Type>().values();
    values(0).iter().copied().zip(values(1).iter().copied()).collect()
}

/// What a task gave for a checkpoint.
#[derive(Debug, Default)]
pub struct Given {
    pub state: SubtaskState,
    pub rows: Vec<(OperatorId, &'static str, Saved)>,
}

/// What a driver hears of.
#[derive(Debug)]
pub enum Event {
    Finished { task: usize, checkpoint: u64, given: Given },
    Aborted { checkpoint: u64 },
    Declined { checkpoint: u64 },
    Prepared { prepared: Vec<Vec<u8>> },
    Ended { task: usize, outcome: std::result::Result<SubtaskState, String> },
}

/// Keeps what it is given. Checks that it is called in a proper order.
pub struct Recorder {
    pub task: usize,
    pub events: Sender<Event>,
    /// One in how many calls finds it not busy.
    pub pace: usize,
    pub asked: std::cell::Cell<usize>,
    pub open: Option<(u64, Given)>,
    tables: Vec<(OperatorId, &'static str)>,
}

impl Recorder {
    pub fn new(task: usize, events: Sender<Event>, pace: usize) -> Recorder {
        Recorder {
            task,
            events,
            pace,
            asked: std::cell::Cell::new(0),
            open: None,
            tables: Vec::new(),
        }
    }
}

impl SnapshotWriter for Recorder {
    fn begin(&mut self, barrier: &Barrier) {
        self.open = Some((barrier.checkpoint, Given::default()));
    }

    fn table(&mut self, operator: OperatorId, table: &'static str, columns: Vec<FieldRef>) {
        assert!(!self.tables.contains(&(operator, table)), "{table} was declared before");
        assert_eq!(columns.len(), 3);
        self.tables.push((operator, table));
    }

    fn rows(&mut self, operator: OperatorId, table: &'static str, rows: Saved) {
        assert!(self.tables.contains(&(operator, table)), "{table} was not declared");
        let (_, given) = self.open.as_mut().expect("rows belong to a checkpoint");
        given.rows.push((operator, table, rows));
    }

    fn prepared(&mut self, checkpoint: u64, prepared: Vec<Vec<u8>>) {
        assert_eq!(self.open.as_ref().map(|(open, _)| *open), Some(checkpoint));
        let _ = self.events.send(Event::Prepared { prepared });
    }

    fn is_busy(&self) -> bool {
        // Not in step with how often one turn asks.
        self.asked.set(self.asked.get().wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
        !(self.asked.get() >> 33).is_multiple_of(self.pace)
    }

    fn finish(&mut self, state: SubtaskState, _: Timing) {
        let (checkpoint, given) = self.open.take().expect("what ends has begun");
        let given = Given { state, ..given };
        let _ = self.events.send(Event::Finished { task: self.task, checkpoint, given });
    }

    fn abort(&mut self) {
        let (checkpoint, _) = self.open.take().expect("what is given up has begun");
        let _ = self.events.send(Event::Aborted { checkpoint });
    }

    fn decline(&mut self, checkpoint: u64) {
        let _ = self.events.send(Event::Declined { checkpoint });
    }
}

/// Restores what a subtask gave into one in the same place.
pub struct SamePlace(pub Arc<Given>);

impl RestoredState for SamePlace {
    fn restore(&mut self, operator: OperatorId, into: &mut dyn Operator) -> Result<()> {
        for (_, name, saved) in self.0.rows.iter().filter(|(id, ..)| *id == operator) {
            let mut tables = into.tables();
            let table = tables.iter_mut().find(|table| table.name() == *name).unwrap();
            table.load(&saved.columns, saved.rows())?;
        }
        let locals = self.0.state.locals.iter().filter(|(id, _)| *id == operator);
        let locals: Vec<Vec<u8>> = locals.map(|(_, local)| local.clone()).collect();
        if locals.is_empty() { Ok(()) } else { into.restore_local(&locals) }
    }

    fn in_flight(&mut self) -> Result<Vec<(usize, Batch)>> {
        Ok(self.0.state.in_flight.clone())
    }
}
