//! Batches that were in flight, for the task that takes them over.
//!
//! With the same parallelism each task takes its own, and as long as the channels are the same too,
//! each batch stays in its channel with its watermarks. Otherwise rows of a hash exchange go by
//! their key group, a broadcast is taken from one old task, and batches of other exchanges go to
//! the task with the old one's number, counted around. Watermarks are dropped then: those of one
//! old channel say nothing of a new one, and without them later ones only come later.

use arrow_array::cast::AsArray;
use arrow_array::types::UInt8Type;
use arrow_array::{ArrayRef, UInt32Array};
use river_core::key_group::{key_group, owner};
use river_core::plan::Exchange;
use river_runtime::Batch;
use river_runtime::state::hash_columns;

use super::{SubtaskFiles, SubtaskRequest};
use crate::file::{Block, Content};
use crate::reader::SubtaskFile;
use crate::{Error, Result, VertexState};

/// The batches of a new task, by its channel, in the order in which they came on each old one.
pub(super) fn read(
    vertex: &VertexState,
    subtasks: &[SubtaskFiles],
    request: &SubtaskRequest,
) -> Result<Vec<(usize, Batch)>> {
    let same = vertex.parallelism == request.parallelism;
    let channels: Vec<usize> = request.inputs.iter().map(|input| input.channels).collect();
    let exact = same && channels == vertex.channels;
    let mut batches = Vec::new();
    for SubtaskFiles { subtask: old, files, in_flight } in subtasks {
        let Some(file) = files.last().filter(|_| *in_flight) else { continue };
        for block in &file.index().blocks {
            let Content::InFlight { channel, has_kinds } =
                file.index().streams[block.stream].content
            else {
                continue;
            };
            let (input, number) = place_of(channel, &vertex.channels).ok_or_else(|| {
                Error::damaged(file.uri(), format!("the task had no channel {channel}"))
            })?;
            let exchange = &request.inputs[input].exchange;
            if !same && !is_taken(exchange, *old, vertex, request) {
                continue;
            }
            let mut batch = read_batch(file, block, has_kinds)?;
            if !same && let Exchange::Hash(columns) = exchange {
                batch = own_rows(&batch, columns, request)
                    .map_err(|error| Error::damaged(file.uri(), error))?;
            }
            let mut to = channel;
            if !exact {
                batch.marks.clear();
                to = channels[..input].iter().sum::<usize>() + number % channels[input].max(1);
            }
            if !batch.is_empty() {
                batches.push((to, batch));
            }
        }
    }
    Ok(batches)
}

/// The input that a channel belongs to, and its number there.
fn place_of(channel: usize, channels: &[usize]) -> Option<(usize, usize)> {
    let mut start = 0;
    for (input, channels) in channels.iter().enumerate() {
        if channel < start + channels {
            return Some((input, channel - start));
        }
        start += channels;
    }
    None
}

/// Whether a task of another parallelism takes batches of that old one, or some of their rows.
fn is_taken(
    exchange: &Exchange,
    old: usize,
    vertex: &VertexState,
    request: &SubtaskRequest,
) -> bool {
    let (subtask, parallelism) = (request.subtask as usize, request.parallelism as usize);
    match exchange {
        Exchange::Hash(_) => true,
        Exchange::Broadcast => old == subtask % vertex.parallelism as usize,
        Exchange::Forward | Exchange::Single | Exchange::Rebalance => old % parallelism == subtask,
    }
}

fn read_batch(file: &SubtaskFile, block: &Block, has_kinds: bool) -> Result<Batch> {
    let bytes = file.read(block.bytes.clone())?;
    let mut columns = file.decode(block, &bytes)?;
    let kinds = match has_kinds.then(|| columns.pop()).flatten() {
        None => None,
        Some(kinds) => {
            let kinds = kinds.as_primitive_opt::<UInt8Type>();
            let known = kinds.filter(|kinds| kinds.values().iter().all(|kind| *kind < 4));
            let wrong = || Error::damaged(file.uri(), "rows in flight have unknown kinds");
            Some(known.ok_or_else(wrong)?.values().clone())
        }
    };
    Ok(Batch { columns, rows: block.rows, kinds, marks: block.marks.clone() })
}

/// The rows of the task's key groups.
fn own_rows(
    batch: &Batch,
    columns: &[usize],
    request: &SubtaskRequest,
) -> std::result::Result<Batch, String> {
    if batch.rows == 0 {
        return Ok(batch.clone());
    }
    let key = |column: &usize| batch.columns.get(*column).cloned();
    let keys: Option<Vec<ArrayRef>> = columns.iter().map(key).collect();
    let keys = keys.ok_or("batches in flight have other columns than the plan says")?;
    let mut hashes = Vec::new();
    hash_columns(&keys, batch.rows, &mut hashes).map_err(|error| error.to_string())?;
    let groups = request.max_parallelism;
    let mine = |hash: u64| owner(key_group(hash, groups), groups, request.parallelism);
    let rows = (0u32..).zip(&hashes);
    let rows: Vec<u32> =
        rows.filter(|(_, hash)| mine(**hash) == request.subtask).map(|(row, _)| row).collect();
    batch.take(&UInt32Array::from(rows)).map_err(|error| error.to_string())
}
