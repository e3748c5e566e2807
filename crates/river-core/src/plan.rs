//! The bound plan: a graph of streaming operators over typed columns, ready to run.
//!
//! `river-sql` makes it; `river explain` prints it; the runtime turns each [`Node`] into one
//! operator instance a subtask. It is what a savepoint stores and a job submission sends, so it
//! names functions and connectors by text and holds nothing that belongs to a process. The nodes
//! mirror Flink's streaming physical nodes (`StreamExec*`).
//!
//! Invariants: a node's inputs have smaller ids than the node; column positions refer to the
//! input's `schema` (for two inputs: left columns, then right columns, where said).

use serde::{Deserialize, Serialize};

use crate::options::Options;
use crate::{ChangelogMode, DataType, Expr, Field, Value};

mod explain;
pub mod matching;
mod name;

pub use name::node_name;

/// Version of the serialised form; raised when a stored plan would be read wrongly.
pub const PLAN_VERSION: u32 = 1;

/// One job: everything that runs together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`] of the writer.
    pub version: u32,
    /// Name of the job: `pipeline.name`, or made of its sinks.
    pub name: String,
    /// The operators, inputs before users.
    pub nodes: Vec<Node>,
    /// Session options at the time of submission.
    pub options: Options,
}

/// One operator of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Position in [`Plan::nodes`].
    pub id: usize,
    /// Where its rows come from.
    pub inputs: Vec<Edge>,
    /// What it does.
    pub operator: Operator,
    /// Columns it produces.
    pub schema: Vec<Field>,
    /// Row kinds it produces.
    pub changelog: ChangelogMode,
    /// Sets of columns that each identify a row of the produced table (`upsert keys`).
    pub keys: Vec<Vec<usize>>,
    /// Fixed number of subtasks (`scan.parallelism`, `sink.parallelism`, 1 for global operators);
    /// `None`: the job's.
    pub parallelism: Option<u32>,
    /// `STATE_TTL` in milliseconds, 0 = kept for ever.
    pub state_ttl_ms: u64,
}

/// An input of a node and how its rows are spread over subtasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Id of the producing node.
    pub node: usize,
    /// Which subtask gets a row.
    pub exchange: Exchange,
}

/// How rows travel from producer to consumer subtasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exchange {
    /// To the subtask of the same number; the nodes may be chained into one task.
    Forward,
    /// By the key group of these columns of the producer.
    Hash(Vec<usize>),
    /// All rows to subtask 0 of a consumer of parallelism 1.
    Single,
    /// Round robin by batch.
    Rebalance,
    /// Every row to every subtask.
    Broadcast,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operator {
    /// Reads a table. No input.
    Source(TableRef),
    /// Constant rows. No input.
    Values {
        /// The rows, one value a column.
        rows: Vec<Vec<Value>>,
    },
    /// Filter, then projection (`StreamExecCalc`).
    Calc {
        /// Rows that are not true are dropped; a dropped half of an update pair leaves the other.
        condition: Option<Expr>,
        /// One expression an output column, over the input columns.
        projection: Vec<Expr>,
    },
    /// Emits watermarks (`WatermarkAssignerOperator`): after a row, when the watermark has moved on
    /// by more than `interval_ms` since the last one sent, and periodically in processing time.
    WatermarkAssigner {
        /// The event-time column.
        rowtime: usize,
        /// The watermark expression over the input columns; NULL gives none.
        watermark: Expr,
        /// `pipeline.auto-watermark-interval`, milliseconds.
        interval_ms: i64,
        /// `table.exec.source.idle-timeout`, milliseconds; 0 = never idle.
        idle_timeout_ms: i64,
    },
    /// Updating `GROUP BY` (`StreamExecGroupAggregate`): keys, then results. No keys: one global
    /// group.
    GroupAggregate {
        /// Grouping columns.
        keys: Vec<usize>,
        /// Calls, in output order.
        calls: Vec<AggregateCall>,
        /// Whether `-U` rows are wanted below.
        emit_update_before: bool,
        /// `table.exec.mini-batch.enabled`: one change a key and batch instead of one a row.
        mini_batch: bool,
    },
    /// Appends `window_start`, `window_end`, `window_time` to each row, one copy a window
    /// (`StreamExecWindowTableFunction`).
    WindowTableFunction {
        /// The windows.
        window: Window,
    },
    /// Window aggregation, result once a window ends (`StreamExecWindowAggregate` and the legacy
    /// `StreamExecGroupWindowAggregate`): keys, results, then `properties`.
    WindowAggregate {
        /// The windows.
        window: Window,
        /// Grouping columns besides the window.
        keys: Vec<usize>,
        /// Calls, in output order.
        calls: Vec<AggregateCall>,
        /// Window columns appended.
        properties: Vec<WindowProperty>,
    },
    /// Join of rows of the same window (`StreamExecWindowJoin`): left columns, then right columns
    /// (semi and anti: left only). Both inputs carry their window columns.
    WindowJoin {
        /// Kind of the join.
        kind: JoinKind,
        /// Equal columns of the left and right input.
        keys: JoinKeys,
        /// `window_start`, `window_end` columns of the left input.
        left_window: (usize, usize),
        /// The same of the right input, in its own positions.
        right_window: (usize, usize),
        /// Further condition over left ++ right columns.
        condition: Option<Expr>,
    },
    /// Regular join; both sides kept in state (`StreamExecJoin`): left columns, then right columns
    /// (semi and anti: left only).
    Join {
        /// Kind of the join.
        kind: JoinKind,
        /// Equal columns.
        keys: JoinKeys,
        /// Further condition over left ++ right columns.
        condition: Option<Expr>,
        /// Columns that identify a row of the left input, if known.
        left_unique: Option<Vec<usize>>,
        /// The same of the right input, in its own positions.
        right_unique: Option<Vec<usize>>,
        /// State time to live of the left and right side, milliseconds, 0 = for ever.
        ttl_ms: (u64, u64),
    },
    /// Join with a table looked up at processing time (`StreamExecLookupJoin`): input columns, then
    /// the table's.
    LookupJoin {
        /// The table.
        table: TableRef,
        /// `Inner` or `Left`.
        kind: JoinKind,
        /// Equal pairs: expression over the input, column of the table.
        keys: Vec<(Expr, usize)>,
        /// Further condition over input ++ table columns.
        condition: Option<Expr>,
    },
    /// Top-N (`StreamExecRank`): rows of rank `start..=end` within their partition.
    Rank {
        /// The ranking function.
        function: RankFunction,
        /// Partition columns.
        partition: Vec<usize>,
        /// Order within a partition.
        order: Vec<SortKey>,
        /// First rank kept, from 1.
        start: u64,
        /// Last rank kept.
        end: u64,
        /// Whether the rank is appended as a `BIGINT` column.
        output_rank: bool,
        /// How the state is kept.
        strategy: RankStrategy,
        /// Whether `-U` rows are wanted below.
        emit_update_before: bool,
    },
    /// First or last row a key (`StreamExecDeduplicate`).
    Deduplicate {
        /// Key columns.
        keys: Vec<usize>,
        /// Event-time column that orders rows; `None`: arrival (processing time).
        rowtime: Option<usize>,
        /// Keep the last row instead of the first.
        keep_last: bool,
        /// Whether `-U` rows are wanted below.
        emit_update_before: bool,
    },
    /// Top-N of the rows of one window, emitted when it ends (`StreamExecWindowRank` and
    /// `StreamExecWindowDeduplicate`).
    WindowRank {
        /// Partition columns besides the window.
        partition: Vec<usize>,
        /// `window_start`, `window_end` columns.
        window: (usize, usize),
        /// Order within a partition.
        order: Vec<SortKey>,
        /// First rank kept, from 1.
        start: u64,
        /// Last rank kept.
        end: u64,
        /// Whether the rank is appended as a `BIGINT` column.
        output_rank: bool,
    },
    /// All rows of all inputs (`StreamExecUnion`).
    Union,
    /// `ORDER BY .. LIMIT` (`StreamExecSortLimit`) as an updating global Top-N, or `LIMIT` alone
    /// with empty `order` (`StreamExecLimit`).
    SortLimit {
        /// Order; empty: arrival.
        order: Vec<SortKey>,
        /// Rows passed over.
        offset: u64,
        /// Rows kept; `None`: all.
        limit: Option<u64>,
        /// Whether the input takes rows back.
        input_updates: bool,
        /// Whether `-U` rows are wanted below.
        emit_update_before: bool,
    },
    /// Sorts by a leading event-time column as watermarks pass (`StreamExecTemporalSort`), or all
    /// rows at the end of bounded input with `rowtime: None`.
    Sort {
        /// Order.
        order: Vec<SortKey>,
        /// The leading event-time column.
        rowtime: Option<usize>,
    },
    /// One output row for each projection (`StreamExecExpand`, for GROUPING SETS).
    Expand {
        /// Each gives one output row of an input row.
        projections: Vec<Vec<Expr>>,
    },
    /// `UNNEST` and table functions: input columns, then the function's (`StreamExecCorrelate`).
    Correlate {
        /// Canonical name of the table function, `UNNEST` among them.
        function: String,
        /// Arguments over the input columns.
        args: Vec<Expr>,
        /// Keep input rows without a result, with NULLs (`LEFT JOIN`).
        left: bool,
        /// Further condition over input ++ function columns.
        condition: Option<Expr>,
    },
    /// Makes a full changelog of an upsert stream (`StreamExecChangelogNormalize`).
    ChangelogNormalize {
        /// Key columns.
        keys: Vec<usize>,
        /// Whether `-U` rows are wanted below.
        emit_update_before: bool,
    },
    /// Drops `-U` rows (`StreamExecDropUpdateBefore`).
    DropUpdateBefore,
    /// Fails the job if more than one row is in the table: scalar subqueries (`SINGLE_VALUE`).
    SingleRow,
    /// `OVER` aggregation (`StreamExecOverAggregate`): input columns, then results.
    Over {
        /// Partition columns.
        partition: Vec<usize>,
        /// Order; the first key is usually a time attribute.
        order: Vec<SortKey>,
        /// The frame.
        frame: OverFrame,
        /// Calls, in output order.
        calls: Vec<AggregateCall>,
    },
    /// Join bounded in time on both sides (`StreamExecIntervalJoin`).
    IntervalJoin {
        /// Kind of the join.
        kind: JoinKind,
        /// Equal columns.
        keys: JoinKeys,
        /// Time columns of left and right; event time.
        time: (usize, usize),
        /// Bounds of left time minus right time, milliseconds, inclusive.
        bounds: (i64, i64),
        /// Further condition over left ++ right columns.
        condition: Option<Expr>,
    },
    /// Join with the version of a table valid at the left row's event time
    /// (`StreamExecTemporalJoin`).
    TemporalJoin {
        /// `Inner` or `Left`.
        kind: JoinKind,
        /// Equal columns.
        keys: JoinKeys,
        /// Event-time columns of left and right.
        time: (usize, usize),
        /// Further condition over left ++ right columns.
        condition: Option<Expr>,
    },
    /// Writes a table. No output rows.
    Sink(SinkSpec),
}

/// A table of a connector, as a source or lookup target sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRef {
    /// Full name, `catalog.database.table`.
    pub name: String,
    /// `WITH` options, hints applied.
    pub options: Options,
    /// Physical columns as declared, all of them: what the format decodes by position or name.
    pub physical: Vec<Field>,
    /// Metadata columns wanted: metadata key, and type to give it in.
    pub metadata: Vec<Field>,
    /// Columns produced, in order: positions into `physical` ++ `metadata`.
    pub projection: Vec<usize>,
    /// For each produced column that is a row of which not all fields are used: the positions of
    /// the used fields. The column keeps its type; fields that are not used may be all NULL.
    pub used_fields: Vec<Option<Vec<usize>>>,
    /// `PARTITIONED BY` columns, by name.
    pub partition_keys: Vec<String>,
    /// `PRIMARY KEY` columns: positions into `physical`.
    pub primary_key: Vec<usize>,
}

/// A table as a sink sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkSpec {
    /// Full name, `catalog.database.table`; of the result collector for a bare `SELECT`.
    pub name: String,
    /// `WITH` options, hints applied.
    pub options: Options,
    /// The columns written: all of the input's, renamed and cast already.
    pub columns: Vec<Field>,
    /// `PARTITIONED BY` columns, by name.
    pub partition_keys: Vec<String>,
    /// `INSERT INTO .. PARTITION (..)` and `INSERT OVERWRITE`.
    pub overwrite: bool,
    /// `PRIMARY KEY` columns of the table.
    pub primary_key: Vec<usize>,
    /// Keys by which the order of changes is restored before writing (`SinkUpsertMaterializer`).
    pub upsert_materialize: Option<UpsertMaterialize>,
    /// `NOT NULL` columns and what a NULL in one does (`table.exec.sink.not-null-enforcer`).
    pub not_null: NotNullEnforcer,
    /// `CHAR(n)`/`VARCHAR(n)`/`BINARY(n)` columns are trimmed and padded
    /// (`table.exec.sink.type-length-enforcer` = `TRIM_PAD`).
    pub trim_pad: bool,
}

/// What happens to a NULL in a `NOT NULL` sink column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NotNullEnforcer {
    /// The job fails.
    #[default]
    Error,
    /// The row is dropped.
    Drop,
}

/// How rows of one sink key from several input keys are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpsertMaterialize {
    /// The last one wins (`ON CONFLICT DO DEDUPLICATE`, or `upsert-materialize`).
    Deduplicate,
    /// The first one wins (`DO NOTHING`).
    Nothing,
    /// A second one fails the job (`DO ERROR`).
    Error,
}

/// A call of an aggregate function over columns of the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AggregateCall {
    /// Canonical name in the aggregate registry.
    pub function: String,
    /// Argument columns, already of the types the function takes.
    pub args: Vec<usize>,
    /// `DISTINCT`.
    pub distinct: bool,
    /// Boolean column of `FILTER (WHERE ..)`.
    pub filter: Option<usize>,
    /// Type of the result.
    pub ty: DataType,
    /// Name of the output column, for plans.
    pub name: String,
}

/// Windows and the time they are on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Shape.
    pub kind: WindowKind,
    /// What time decides.
    pub time: WindowTime,
    /// Time zone in which windows are aligned: set if the time column is `TIMESTAMP_LTZ`
    /// (`table.local-time-zone`). Window columns are then local timestamps.
    pub zone: Option<String>,
}

/// Shapes of windows; all lengths in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are those of the SQL functions' parameters
pub enum WindowKind {
    Tumble {
        size: i64,
        offset: i64,
    },
    Hop {
        slide: i64,
        size: i64,
        offset: i64,
    },
    Cumulate {
        step: i64,
        size: i64,
        offset: i64,
    },
    /// Windows that end after a gap without rows of the same `partition` values.
    Session {
        gap: i64,
        partition: Vec<usize>,
    },
}

/// Where a window's time comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowTime {
    /// An event-time column.
    Rowtime(usize),
    /// The wall clock.
    Proctime,
    /// The input has its windows already: columns `window_start`, `window_end`, and whether they
    /// are on event time. Used above a window join, window aggregate or window Top-N.
    Attached {
        #[allow(missing_docs)]
        start: usize,
        #[allow(missing_docs)]
        end: usize,
        #[allow(missing_docs)]
        event_time: bool,
    },
}

/// A window column of a window aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowProperty {
    /// `window_start`, `TIMESTAMP(3)`
    Start,
    /// `window_end`, `TIMESTAMP(3)`
    End,
    /// `window_time`: the window's last millisecond; its type is that of the time attribute.
    Time,
}

/// Kinds of joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    /// `IN`, `EXISTS`
    Semi,
    /// `NOT EXISTS`
    Anti,
}

/// Equality columns of a join.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JoinKeys {
    /// Columns of the left input.
    pub left: Vec<usize>,
    /// Columns of the right input, in its own positions.
    pub right: Vec<usize>,
    /// For each pair whether NULL equals NULL (`IS NOT DISTINCT FROM`).
    pub null_safe: Vec<bool>,
}

/// One sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortKey {
    /// Column.
    pub column: usize,
    /// `DESC`
    pub descending: bool,
    /// NULLs before all values. Flink's default: first when ascending, last when descending.
    pub nulls_first: bool,
}

/// Ranking functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum RankFunction {
    RowNumber,
    Rank,
    DenseRank,
}

/// How a Top-N keeps its state (`RankProcessStrategy`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RankStrategy {
    /// Input only appends: keep the best `end` rows.
    Append,
    /// Input updates rows in place by these keys, each time to a better or equal rank: keep the
    /// best rows by key.
    UpdateFast(Vec<usize>),
    /// Input takes rows back: keep all rows.
    Retract,
}

/// Frame of an `OVER` window, up to the current row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverFrame {
    /// `ROWS BETWEEN n PRECEDING AND CURRENT ROW`; `None` = unbounded.
    Rows(Option<u64>),
    /// `RANGE BETWEEN INTERVAL .. PRECEDING AND CURRENT ROW` in milliseconds; `None` = unbounded.
    Range(Option<i64>),
}
