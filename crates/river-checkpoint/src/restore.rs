//! Going on from a checkpoint: state of the old subtasks for the operators of new ones.
//!
//! [`Restore`] is opened once for a job and reads the metadata; [`Restore::subtask`] gives what one
//! new task fills its operators from, on its own thread. A task of the same place in a vertex of
//! the same parallelism takes the whole of its old file; otherwise each takes its key groups out of
//! the blocks of all old files. It never changes anything in the checkpoint.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use river_core::key_group::owner;
use river_core::plan::Exchange;
use river_runtime::checkpoint::{OperatorId, RestoredState};
use river_runtime::graph::node_name;
use river_runtime::source::SplitState;
use river_runtime::state::Checkpointed;
use river_runtime::{Batch, Operator};
use river_storage::{Storage, parent};

use crate::file::{Block, Content, Part};
use crate::read_ahead::{self, Piece};
use crate::reader::SubtaskFile;
use crate::{CheckpointMetadata, Error, Result, VertexState, layout};

mod in_flight;
#[cfg(test)]
mod tests;
mod whole;

/// A checkpoint to go on from.
#[derive(Debug)]
pub struct Restore {
    storage: Arc<dyn Storage>,
    folder: String,
    /// Full URI of the metadata.
    uri: String,
    metadata: CheckpointMetadata,
}

/// What a new task takes over.
#[derive(Debug, Clone, Default)]
pub struct SubtaskRequest {
    /// For each node of the task that keeps state: the old node whose state it takes. A node that
    /// is not in it starts empty.
    pub nodes: BTreeMap<usize, usize>,
    /// The task's number among those of its vertex.
    pub subtask: u32,
    /// Number of tasks of its vertex.
    pub parallelism: u32,
    /// Key groups of its vertex.
    pub max_parallelism: u32,
    /// The old vertex that ran the old node of the task's first node: its batches in flight are
    /// taken, if that node was the first there too.
    pub in_flight_of: Option<usize>,
    /// The inputs of the task.
    pub inputs: Vec<NewInput>,
    /// State that no operator has a place for is left out, instead of being an error.
    pub allow_non_restored: bool,
}

/// How rows come to an input of a new task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInput {
    /// How its producers spread them.
    pub exchange: Exchange,
    /// Channels that it has.
    pub channels: usize,
}

impl Restore {
    /// Reads the metadata at `path`, which is that of the file `_metadata`; see
    /// [`crate::locate::locate`] for other paths.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn open(storage: Arc<dyn Storage>, path: &str) -> Result<Restore> {
        let metadata = layout::read(storage.as_ref(), path)?;
        let folder = parent(path).unwrap_or_default().to_owned();
        let uri = storage.display(path);
        Ok(Restore { storage, folder, uri, metadata })
    }

    /// What the checkpoint is made of.
    pub fn metadata(&self) -> &CheckpointMetadata {
        &self.metadata
    }

    /// Full URI of the metadata.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The splits of an old source node: those of each of its subtasks, for
    /// [`river_runtime::source::Source::redistribute`].
    pub fn splits(&self, node: usize) -> Vec<Vec<SplitState>> {
        self.subtasks_of(node, |subtask| subtask.splits.clone())
    }

    /// What the writers of an old sink node had prepared, subtask by subtask.
    pub fn prepared(&self, node: usize) -> Vec<Vec<Vec<u8>>> {
        self.subtasks_of(node, |subtask| subtask.prepared.clone())
    }

    fn subtasks_of<T>(&self, node: usize, part: impl Fn(&crate::SubtaskHandle) -> T) -> Vec<T> {
        let vertex = self.metadata.vertex_of(node).map(|vertex| &self.metadata.vertices[vertex]);
        vertex.iter().flat_map(|vertex| &vertex.subtasks).map(part).collect()
    }

    /// Number of key groups that the state of an old node is kept in; `None` if it has no rows, so
    /// that any number will do. A job that does not set `pipeline.max-parallelism` takes this one.
    pub fn max_parallelism(&self, node: usize) -> Option<u32> {
        let vertex = &self.metadata.vertices[self.metadata.vertex_of(node)?];
        vertex.has_rows().then_some(vertex.max_parallelism)
    }

    /// What a new task fills its operators from.
    ///
    /// # Errors
    /// The number of key groups is another, or a node is not in the old plan.
    pub fn subtask(self: &Arc<Self>, request: SubtaskRequest) -> Result<Box<dyn RestoredState>> {
        for old in request.nodes.values() {
            let vertex = &self.metadata.vertices[self.old_vertex(*old)?];
            self.check_key_groups(vertex, &request, *old)?;
        }
        let in_flight_of = self.in_flight_of(&request)?;
        let request = SubtaskRequest { in_flight_of, ..request };
        Ok(Box::new(RestoredSubtask { restore: self.clone(), request, files: BTreeMap::new() }))
    }

    /// The old vertex whose batches in flight a task really takes: they came into its first node,
    /// which may have been chained to others then, or may be now.
    fn in_flight_of(&self, request: &SubtaskRequest) -> Result<Option<usize>> {
        let in_flight = |vertex: &VertexState| vertex.subtasks.iter().any(|part| part.in_flight);
        let mut taken = None;
        for old in request.nodes.values() {
            let number = self.old_vertex(*old)?;
            let vertex = &self.metadata.vertices[number];
            if vertex.nodes.first() != Some(old) || !in_flight(vertex) {
                continue;
            }
            if request.in_flight_of != Some(number) {
                return Err(Error::incompatible(format!(
                    "{} holds rows that were on their way to {}, which now runs in one task with \
                     others; go on with the parallelism and chaining of then, or from a savepoint",
                    self.uri,
                    self.name(*old)
                )));
            }
            self.check_key_groups(vertex, request, *old)?;
            if vertex.channels.len() != request.inputs.len() {
                return Err(Error::internal("batches in flight are of other inputs"));
            }
            taken = Some(number);
        }
        Ok(taken)
    }

    fn old_vertex(&self, node: usize) -> Result<usize> {
        self.metadata
            .vertex_of(node)
            .ok_or_else(|| Error::damaged(&self.uri, format!("no vertex runs node {node}")))
    }

    fn check_key_groups(
        &self,
        vertex: &VertexState,
        request: &SubtaskRequest,
        node: usize,
    ) -> Result<()> {
        let (old, new) = (vertex.max_parallelism, request.max_parallelism);
        if old == new || !vertex.has_rows() {
            return Ok(());
        }
        Err(Error::incompatible(format!(
            "{} keeps the state of {} in {old} key groups, but the job has {new} for it; set \
             'pipeline.max-parallelism' to {old}",
            self.uri,
            self.name(node),
        )))
    }

    /// Name of an old node.
    fn name(&self, node: usize) -> String {
        self.metadata.plan.nodes.get(node).map_or_else(|| format!("node {node}"), node_name)
    }
}

/// State of one new task.
struct RestoredSubtask {
    restore: Arc<Restore>,
    request: SubtaskRequest,
    /// Files of old vertices, by subtask, once they are needed.
    files: BTreeMap<usize, Arc<[SubtaskFiles]>>,
}

/// The files of an old subtask.
struct SubtaskFiles {
    subtask: usize,
    /// Oldest first; at least one.
    files: Vec<SubtaskFile>,
    /// Whether batches in flight in the newest are of this checkpoint.
    in_flight: bool,
}

impl RestoredState for RestoredSubtask {
    fn restore(
        &mut self,
        operator: OperatorId,
        into: &mut dyn Operator,
    ) -> river_runtime::Result<()> {
        let Some(old) = self.request.nodes.get(&operator.node) else { return Ok(()) };
        let old = OperatorId { node: *old, part: operator.part };
        let vertex = self.restore.old_vertex(old.node)?;
        let whole = self.is_same_parallelism(vertex);
        let files = self.files(vertex)?;
        let pieces = self.pieces(&files, whole, old, &mut into.tables())?;
        {
            let mut tables = into.tables();
            read_ahead::read(&pieces, |piece, columns, rows| {
                let table = &mut tables[piece.table];
                let done = match piece.is_removal {
                    true => table.remove_keys(&columns, rows),
                    false => table.load(&columns, rows),
                };
                done.map_err(|error| {
                    let name = self.restore.name(old.node);
                    error.context(format_args!("{}: state of {name}", piece.file.uri()))
                })
            })?;
        }
        let subtasks = &self.restore.metadata.vertices[vertex].subtasks;
        let own = self.request.subtask as usize;
        let subtasks = if whole { subtasks.get(own..=own).unwrap_or_default() } else { subtasks };
        let locals = subtasks.iter().flat_map(|subtask| &subtask.locals);
        let locals: Vec<Vec<u8>> =
            locals.filter(|(of, _)| *of == old).map(|(_, state)| state.clone()).collect();
        into.restore_local(&locals).map_err(|error| {
            let name = self.restore.name(old.node);
            error.context(format_args!("{}: state of {name}", self.restore.uri))
        })
    }

    fn in_flight(&mut self) -> river_runtime::Result<Vec<(usize, Batch)>> {
        let Some(vertex) = self.request.in_flight_of else { return Ok(Vec::new()) };
        let old = &self.restore.metadata.vertices[vertex];
        if !old.subtasks.iter().any(|subtask| subtask.in_flight) {
            return Ok(Vec::new());
        }
        let files = self.files(vertex)?;
        Ok(in_flight::read(&self.restore.metadata.vertices[vertex], &files, &self.request)?)
    }
}

impl RestoredSubtask {
    fn is_same_parallelism(&self, vertex: usize) -> bool {
        self.restore.metadata.vertices[vertex].parallelism == self.request.parallelism
    }

    /// The files that may hold something for this task.
    fn files(&mut self, vertex: usize) -> Result<Arc<[SubtaskFiles]>> {
        if let Some(files) = self.files.get(&vertex) {
            return Ok(files.clone());
        }
        let restore = &self.restore;
        let same = self.is_same_parallelism(vertex);
        let mut files = Vec::new();
        for (number, subtask) in restore.metadata.vertices[vertex].subtasks.iter().enumerate() {
            let wanted = !same || number == self.request.subtask as usize;
            let open = |file| SubtaskFile::open(&restore.storage, &restore.folder, file);
            let own: Vec<SubtaskFile> =
                subtask.files().filter(|_| wanted).map(open).collect::<Result<_>>()?;
            if !own.is_empty() {
                let in_flight = subtask.in_flight;
                files.push(SubtaskFiles { subtask: number, files: own, in_flight });
            }
        }
        let files: Arc<[_]> = files.into();
        self.files.insert(vertex, files.clone());
        Ok(files)
    }

    /// The blocks, or parts of them, that hold rows of an old operator for this task, in the order
    /// in which they are to be loaded.
    fn pieces<'f>(
        &self,
        subtasks: &'f [SubtaskFiles],
        whole: bool,
        operator: OperatorId,
        tables: &mut [&mut dyn Checkpointed],
    ) -> Result<Vec<Piece<'f>>> {
        let groups = groups_of(&self.request);
        let mut pieces = Vec::new();
        for subtask in subtasks {
            let newest_whole = newest_whole(&subtask.files, operator);
            for (number, file) in subtask.files.iter().enumerate() {
                let places = self.places(file, operator, tables)?;
                let piece = |block: &'f Block| {
                    let table = places[block.stream]?;
                    let Content::Table { name, part, .. } =
                        &file.index().streams[block.stream].content
                    else {
                        return None;
                    };
                    let counts = newest_whole.get(&name[..]).is_none_or(|whole| number >= *whole);
                    let rows = if whole { 0..block.rows } else { block.rows_of(&groups) };
                    let is_removal = *part == Part::Removed;
                    (counts && !rows.is_empty()).then_some(Piece {
                        file,
                        block,
                        table,
                        is_removal,
                        rows,
                    })
                };
                let (removals, rows): (Vec<Piece>, Vec<Piece>) = file
                    .index()
                    .blocks
                    .iter()
                    .filter_map(piece)
                    .partition(|piece| piece.is_removal);
                pieces.extend(removals);
                pieces.extend(rows);
            }
        }
        Ok(pieces)
    }

    /// For each stream of a file, the table of `operator` that it fills.
    fn places(
        &self,
        file: &SubtaskFile,
        operator: OperatorId,
        tables: &mut [&mut dyn Checkpointed],
    ) -> Result<Vec<Option<usize>>> {
        let mut places = Vec::new();
        for stream in &file.index().streams {
            let (name, part) = match &stream.content {
                Content::Table { operator: of, name, part } if *of == operator => (name, *part),
                _ => {
                    places.push(None);
                    continue;
                }
            };
            let place = tables.iter().position(|table| table.name() == name);
            if place.is_none() && !self.request.allow_non_restored {
                let node = self.restore.name(operator.node);
                return Err(Error::incompatible(format!(
                    "{} holds state '{name}' of {node}, for which the job has no place; allow \
                     state to be left out (--allowNonRestoredState) to go on without it",
                    file.uri()
                )));
            }
            if let Some(place) = place.filter(|_| part != Part::Removed) {
                self.check_names(file, operator, &stream.schema, tables[place])?;
            }
            places.push(place);
        }
        Ok(places)
    }

    /// Columns of the same type may still mean something else. Types are checked by the table.
    fn check_names(
        &self,
        file: &SubtaskFile,
        operator: OperatorId,
        stored: &arrow_schema::Schema,
        table: &dyn Checkpointed,
    ) -> Result<()> {
        let names = |fields: &[arrow_schema::FieldRef]| -> Vec<String> {
            fields.iter().map(|field| field.name().clone()).collect()
        };
        let (stored, kept) = (names(stored.fields()), names(&table.columns()));
        let unnamed = stored.iter().enumerate().all(|(at, name)| *name == format!("column{at}"));
        if stored == kept || unnamed {
            return Ok(());
        }
        Err(Error::incompatible(format!(
            "{} holds state '{}' of {} with the columns [{}], but the job keeps [{}]",
            file.uri(),
            table.name(),
            self.restore.name(operator.node),
            stored.join(", "),
            kept.join(", ")
        )))
    }
}

/// For each table of an operator that is in a file as a whole, the newest such file.
fn newest_whole(files: &[SubtaskFile], operator: OperatorId) -> BTreeMap<&str, usize> {
    let mut newest = BTreeMap::new();
    for (number, file) in files.iter().enumerate() {
        for stream in &file.index().streams {
            match &stream.content {
                Content::Table { operator: of, name, part: Part::Whole } if *of == operator => {
                    newest.insert(&name[..], number);
                }
                _ => {}
            }
        }
    }
    newest
}

/// The key groups of a task.
fn groups_of(request: &SubtaskRequest) -> Range<u32> {
    let (groups, parallelism) = (request.max_parallelism, request.parallelism);
    let mine = |group: &u32| owner(*group, groups, parallelism) == request.subtask;
    let start = (0..groups).find(mine).unwrap_or(groups);
    let end = (start..groups).find(|group| !mine(group)).unwrap_or(groups);
    start..end
}
