//! Windows as the columns of rows say them, and how those on disk come back: what operators on rows
//! with windows share. Keys of their tables begin with the window, so disk keeps windows together.

use arrow_array::ArrayRef;
use river_expr::column::timestamp_ticks;
use river_runtime::state::{Keyed, StateTable};
use river_runtime::{Error, Result};

/// Key columns that are those of the window: its start and its end.
pub const WINDOW_COLUMNS: usize = 2;

/// Keys brought back from disk at once.
const FETCHED_KEYS: usize = 4096;

/// Start and end of a window, in the ticks of their columns.
pub type Span = [i64; WINDOW_COLUMNS];

/// The windows of a batch's rows.
#[derive(Default)]
pub struct Spans<'a>([&'a [i64]; WINDOW_COLUMNS]);

impl Spans<'_> {
    /// The window of a row.
    pub fn get(&self, row: usize) -> Span {
        self.0.map(|ticks| ticks[row])
    }

    /// The end of a row's window.
    pub fn end(&self, row: usize) -> i64 {
        self.0[1][row]
    }
}

/// The windows of rows; `keys` are the positions of the key columns, those of the window first.
pub fn spans<'a>(columns: &'a [ArrayRef], keys: &[usize]) -> Result<Spans<'a>> {
    let mut spans = Spans::default();
    for (ticks, column) in spans.0.iter_mut().zip(keys) {
        let column = &columns[*column];
        if column.null_count() > 0 {
            return Err(Error::input("the start or end of a window is NULL in some row"));
        }
        *ticks = timestamp_ticks(column.as_ref())
            .ok_or_else(|| Error::internal("the start or end of a window is no timestamp"))?;
    }
    Ok(spans)
}

/// Brings the keys of windows back to memory that are on disk; `windows` are the times with which
/// the table's keys begin.
pub fn bring_back<T: StateTable>(table: &mut Keyed<T>, windows: &[Span]) -> Result<()> {
    for window in windows {
        let mut range = table.range(window);
        while table.fetch_from(&mut range, FETCHED_KEYS)? {}
    }
    Ok(())
}
