//! For tests: rows of a table, an operator that takes them back, and a job's checkpoint on disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, Decimal128Array, Int64Array, ListArray, StringViewArray,
    StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use crossbeam_channel::Receiver;
use river_core::key_group::{key_group, owner};
use river_core::plan::{Exchange, Node, Operator as Op, PLAN_VERSION, Plan};
use river_core::{ChangelogMode, LogicalType, options::Options};
use river_expr::EvalContext;
use river_runtime::checkpoint::{
    Alignment, Barrier, OperatorId, Scope, SnapshotWriter, SubtaskState, Timing,
};
use river_runtime::state::{Checkpointed, Saved, hash_columns};
use river_runtime::{Batch, Operator, Output, Status};
use river_storage::{Local, Storage};
use tempfile::TempDir;

use crate::{
    CheckpointMetadata, FileSnapshotWriter, Kind, Place, Places, SnapshotEvent, SnapshotReport,
    SubtaskHandle, VertexState, WriterOptions, layout,
};

pub const JOB_ID: &str = "0123456789abcdef0123456789abcdef";
pub const OPERATOR: OperatorId = OperatorId { node: 1, part: 0 };

/// A row of a table: its key, and something of each type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub key: i64,
    pub text: Option<String>,
    pub bytes: Option<Vec<u8>>,
    pub list: Option<Vec<Option<String>>>,
    pub pair: Option<(Option<String>, i128)>,
}

impl Row {
    /// A row with that text in it.
    pub fn new(key: i64, text: &str) -> Row {
        Row {
            key,
            text: Some(text.to_owned()),
            bytes: (key % 3 != 0).then(|| text.as_bytes().to_vec()),
            list: (key % 5 != 0).then(|| vec![Some(text.to_owned()), None]),
            pair: (key % 7 != 0).then(|| (Some(text.to_owned()), i128::from(key) << 70)),
        }
    }
}

fn pair_fields() -> Fields {
    Fields::from(vec![
        Field::new("a", DataType::Utf8View, true),
        Field::new("b", DataType::Decimal128(38, 2), true),
    ])
}

/// Columns of a table of [`Row`]s.
pub fn columns() -> Vec<FieldRef> {
    let item = Arc::new(Field::new("item", DataType::Utf8View, true));
    let field = |name: &str, ty| Arc::new(Field::new(name, ty, true));
    vec![
        field("key", DataType::Int64),
        field("text", DataType::Utf8View),
        field("bytes", DataType::BinaryView),
        field("list", DataType::List(item)),
        field("pair", DataType::Struct(pair_fields())),
    ]
}

/// The rows as columns.
pub fn arrays(rows: &[Row]) -> Vec<ArrayRef> {
    let keys = Int64Array::from_iter_values(rows.iter().map(|row| row.key));
    let text: StringViewArray = rows.iter().map(|row| row.text.as_deref()).collect();
    let bytes: BinaryViewArray = rows.iter().map(|row| row.bytes.as_deref()).collect();
    let items = rows.iter().flat_map(|row| row.list.iter().flatten());
    let items: StringViewArray = items.map(|item| item.as_deref()).collect();
    let lengths = rows.iter().map(|row| row.list.as_ref().map_or(0, Vec::len));
    let list = ListArray::new(
        Arc::new(Field::new("item", DataType::Utf8View, true)),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(items),
        Some(rows.iter().map(|row| row.list.is_some()).collect::<NullBuffer>()),
    );
    let a: StringViewArray =
        rows.iter().map(|row| row.pair.as_ref().and_then(|pair| pair.0.as_deref())).collect();
    let b: Decimal128Array = rows.iter().map(|row| row.pair.as_ref().map(|pair| pair.1)).collect();
    let b = b.with_precision_and_scale(38, 2).unwrap();
    let pair = StructArray::new(
        pair_fields(),
        vec![Arc::new(a), Arc::new(b)],
        Some(rows.iter().map(|row| row.pair.is_some()).collect::<NullBuffer>()),
    );
    vec![Arc::new(keys), Arc::new(text), Arc::new(bytes), Arc::new(list), Arc::new(pair)]
}

/// The rows of columns.
pub fn rows_of(columns: &[ArrayRef]) -> Vec<Row> {
    let keys = columns[0].as_primitive::<Int64Type>();
    let text = columns[1].as_string_view();
    let bytes = columns[2].as_binary_view();
    let list = columns[3].as_list::<i32>();
    let pair = columns[4].as_struct();
    let (a, b) = (pair.column(0).as_string_view(), pair.column(1).as_primitive::<Decimal128Type>());
    let texts = |array: ArrayRef| -> Vec<Option<String>> {
        array.as_string_view().iter().map(|text| text.map(str::to_owned)).collect()
    };
    let row = |at: usize| Row {
        key: keys.value(at),
        text: text.is_valid(at).then(|| text.value(at).to_owned()),
        bytes: bytes.is_valid(at).then(|| bytes.value(at).to_vec()),
        list: list.is_valid(at).then(|| texts(list.value(at))),
        pair: pair
            .is_valid(at)
            .then(|| (a.is_valid(at).then(|| a.value(at).to_owned()), b.value(at))),
    };
    (0..keys.len()).map(row).collect()
}

/// The rows as an operator saves them.
pub fn saved(rows: &[Row]) -> Saved {
    let columns = arrays(rows);
    let mut hashes = Vec::new();
    hash_columns(&columns[..1], rows.len(), &mut hashes).unwrap();
    Saved { columns, hashes }
}

/// Keys as an operator removes them.
pub fn removed(keys: &[i64]) -> Saved {
    let rows: Vec<Row> = keys.iter().map(|key| Row::new(*key, "")).collect();
    let Saved { mut columns, hashes } = saved(&rows);
    columns.truncate(1);
    Saved { columns, hashes }
}

/// The subtask that a key belongs to.
pub fn subtask_of(key: i64, parallelism: u32, max_parallelism: u32) -> u32 {
    let hash = saved(&[Row::new(key, "")]).hashes[0];
    owner(key_group(hash, max_parallelism), max_parallelism, parallelism)
}

/// A table that keeps what is loaded into it.
pub struct Collected {
    pub name: &'static str,
    pub columns: Vec<FieldRef>,
    pub rows: Vec<Row>,
}

impl Collected {
    pub fn new(name: &'static str) -> Collected {
        Collected { name, columns: columns(), rows: Vec::new() }
    }
}

impl Checkpointed for Collected {
    fn name(&self) -> &'static str {
        self.name
    }

    fn columns(&self) -> Vec<FieldRef> {
        self.columns.clone()
    }

    fn cut(&mut self) -> river_runtime::Result<()> {
        Ok(())
    }

    fn forget_cut(&mut self) {}

    fn next_saved(&mut self) -> river_runtime::Result<Option<Saved>> {
        Ok(None)
    }

    fn change_keys(&self) -> Option<Vec<usize>> {
        Some(vec![0])
    }

    fn remove_keys(&mut self, keys: &[ArrayRef], _rows: usize) -> river_runtime::Result<()> {
        let keys = keys[0].as_primitive::<Int64Type>().values();
        self.rows.retain(|row| !keys.contains(&row.key));
        Ok(())
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> river_runtime::Result<()> {
        river_runtime::state::table::check_columns(self.name, &self.columns, columns, rows)?;
        self.rows.extend(rows_of(columns));
        Ok(())
    }

    fn memory(&self) -> usize {
        0
    }
}

/// An operator with such tables.
#[derive(Default)]
pub struct Keeper {
    pub tables: Vec<Collected>,
    pub locals: Vec<Vec<u8>>,
}

impl Keeper {
    pub fn new(tables: &[&'static str]) -> Keeper {
        let tables = tables.iter().map(|name| Collected::new(name)).collect();
        Keeper { tables, locals: Vec::new() }
    }
}

impl Operator for Keeper {
    fn process(
        &mut self,
        _input: usize,
        _batch: Batch,
        _now: &EvalContext,
        _out: &mut Output,
    ) -> river_runtime::Result<Status> {
        Ok(Status::Done)
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        self.tables.iter_mut().map(|table| table as &mut dyn Checkpointed).collect()
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> river_runtime::Result<()> {
        self.locals = saved.to_vec();
        Ok(())
    }
}

/// A plan of constants and an operator.
pub fn plan() -> Plan {
    let node = |id, inputs, operator| Node {
        id,
        inputs,
        operator,
        schema: vec![river_core::Field::new("key", LogicalType::BigInt.nullable())],
        changelog: ChangelogMode::APPEND,
        keys: Vec::new(),
        parallelism: None,
        state_ttl_ms: 0,
    };
    let edge = river_core::plan::Edge { node: 0, exchange: Exchange::Hash(vec![0]) };
    Plan {
        version: PLAN_VERSION,
        name: "job".to_owned(),
        nodes: vec![
            node(0, Vec::new(), Op::Values { rows: Vec::new() }),
            node(
                1,
                vec![edge],
                Op::Deduplicate {
                    keys: vec![0],
                    rowtime: None,
                    keep_last: true,
                    emit_update_before: false,
                },
            ),
        ],
        options: Options::new(),
    }
}

/// A folder with checkpoints of a job whose second vertex keeps state.
pub struct Job {
    pub folder: TempDir,
    pub storage: Arc<dyn Storage>,
    pub places: Arc<Places>,
    pub max_parallelism: u32,
    pub compression: bool,
    pub inline_bytes: u64,
}

impl Job {
    pub fn new(max_parallelism: u32) -> Job {
        Job {
            folder: tempfile::tempdir().unwrap(),
            storage: Arc::new(Local),
            places: Arc::default(),
            max_parallelism,
            compression: false,
            inline_bytes: 0,
        }
    }

    /// Path of something below the folder.
    pub fn path(&self, name: &str) -> String {
        river_storage::join(self.folder.path().to_str().unwrap(), name)
    }

    /// A folder of a checkpoint.
    pub fn chk(&self, checkpoint: u64) -> String {
        layout::checkpoint_folder(&layout::job_folder(&self.path(""), JOB_ID, true), checkpoint)
    }

    /// A writer of a subtask of the second vertex, and where its reports go.
    pub fn writer(&self, subtask: u32) -> (FileSnapshotWriter, Receiver<SnapshotReport>) {
        let (sender, reports) = crossbeam_channel::unbounded();
        let writer = FileSnapshotWriter::new(WriterOptions {
            places: self.places.clone(),
            task: subtask as usize,
            file_name: layout::subtask_file(1, subtask, 0),
            shared_prefix: Some(layout::shared_prefix(JOB_ID, 1, subtask, 0)),
            file_cost: 0,
            max_parallelism: self.max_parallelism,
            compression: self.compression,
            inline_bytes: self.inline_bytes,
            reports: Arc::new(move |report| drop(sender.send(report))),
        });
        (writer, reports)
    }

    /// Tells the writers where a checkpoint goes.
    pub fn begin(&self, checkpoint: u64) -> Barrier {
        let place = Place { storage: self.storage.clone(), folder: self.chk(checkpoint) };
        self.places.add(checkpoint, place);
        Barrier {
            checkpoint,
            timestamp_ms: 1_700_000_000_000,
            alignment: Alignment::Aligned,
            stop: false,
            scope: Scope::Full,
        }
    }

    /// A subtask's snapshot: tables by name, rows in the chunks in which they are given.
    pub fn snapshot(
        &self,
        checkpoint: u64,
        subtask: u32,
        tables: &[(&'static str, Vec<Vec<Row>>)],
        state: SubtaskState,
    ) -> crate::Result<SubtaskHandle> {
        let (mut writer, reports) = self.writer(subtask);
        writer.begin(&self.begin(checkpoint));
        for (table, chunks) in tables {
            writer.table(OPERATOR, table, columns());
            chunks.iter().for_each(|rows| writer.rows(OPERATOR, table, saved(rows)));
        }
        writer.finish(state, Timing::default());
        match wait_for(&reports).event {
            SnapshotEvent::Stored(handle) => Ok(*handle),
            SnapshotEvent::Failed(error) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    /// Completes a checkpoint of these subtasks of the second vertex; returns its path.
    pub fn complete(&self, checkpoint: u64, subtasks: Vec<SubtaskHandle>) -> String {
        let metadata = self.metadata(checkpoint, subtasks);
        layout::complete(self.storage.as_ref(), &self.chk(checkpoint), &metadata).unwrap()
    }

    pub fn metadata(&self, checkpoint: u64, subtasks: Vec<SubtaskHandle>) -> CheckpointMetadata {
        let vertex =
            |node: usize, name: &str, channels: usize, subtasks: Vec<SubtaskHandle>| VertexState {
                nodes: vec![node],
                name: name.to_owned(),
                parallelism: subtasks.len() as u32,
                max_parallelism: self.max_parallelism,
                channels: if channels == 0 { Vec::new() } else { vec![channels] },
                subtasks,
            };
        CheckpointMetadata {
            kind: Kind::Checkpoint,
            checkpoint,
            job_id: JOB_ID.to_owned(),
            job_name: "job".to_owned(),
            leader_epoch: 0,
            timestamp_ms: 1_700_000_000_000,
            river_version: "0.1.0".to_owned(),
            vertices: vec![
                vertex(0, "Values[0]", 0, vec![SubtaskHandle::default()]),
                vertex(1, "Deduplicate[1]", 1, subtasks),
            ],
            plan: plan(),
        }
    }
}

/// The next report, once it has come.
pub fn wait_for(reports: &Receiver<SnapshotReport>) -> SnapshotReport {
    reports.recv_timeout(Duration::from_secs(60)).expect("no report comes")
}

/// Rows by key, those of a key in their order.
pub fn by_key(rows: &[Row]) -> BTreeMap<i64, Vec<Row>> {
    let mut keys: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    rows.iter().for_each(|row| keys.entry(row.key).or_default().push(row.clone()));
    keys
}
