//! The text of a description.

use std::fmt::{self, Display, Formatter};

use super::{Description, OperatorDescription, TableDescription, VertexDescription};
use crate::Kind;
use crate::units::{bytes, counted, time};

/// Longest text or bytes of a position that are printed.
const SHOWN: usize = 120;

/// Items of a list that are printed.
const LISTED: usize = 100;

/// Bytes as text, if they are, or as hexadecimal digits.
pub(super) fn readable(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).ok();
    let shown = |c: char| !c.is_control();
    if let Some(text) = text.filter(|text| !text.is_empty() && text.chars().all(shown)) {
        return text.to_owned();
    }
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl Display for Description {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Checkpoint => "checkpoint",
            Kind::Savepoint => "savepoint",
        };
        writeln!(f, "{kind} {} of job '{}'", self.checkpoint, self.job_name)?;
        writeln!(f, "job id   {}", self.job_id)?;
        writeln!(f, "path     {}", self.path)?;
        writeln!(f, "made     {} by river {}", time(self.timestamp_ms), self.river_version)?;
        write!(f, "state    {}", bytes(self.state_bytes))?;
        match self.files {
            0 => writeln!(f, ", all of it in _metadata")?,
            files => {
                let files = counted(files as u64, "file");
                writeln!(f, ", {} of it in {files} beside _metadata", bytes(self.file_bytes))?;
            }
        }
        if self.shared_files > 0 {
            let (files, written) = (counted(self.shared_files as u64, "file"), self.written_bytes);
            writeln!(
                f,
                "shared   {files} in {}; {} of the state are new",
                self.shared_folder,
                bytes(written)
            )?;
        }
        self.vertices.iter().enumerate().try_for_each(|(number, vertex)| {
            writeln!(f)?;
            write_vertex(f, number, vertex)
        })
    }
}

fn write_vertex(f: &mut Formatter<'_>, number: usize, vertex: &VertexDescription) -> fmt::Result {
    let subtasks = counted(vertex.parallelism.into(), "subtask");
    let groups = counted(vertex.max_parallelism.into(), "key group");
    writeln!(f, "vertex {number}: {}", vertex.name)?;
    write!(f, "  {subtasks}, {groups}, {}", bytes(vertex.subtask_bytes.iter().sum()))?;
    match vertex.finished {
        0 => writeln!(f)?,
        finished if finished == vertex.parallelism as usize => writeln!(f, "; ended")?,
        finished => writeln!(f, "; {finished} ended")?,
    }
    for problem in &vertex.problems {
        writeln!(f, "  PROBLEM {problem}")?;
    }
    for operator in &vertex.operators {
        write_operator(f, operator)?;
    }
    for split in vertex.splits.iter().take(LISTED) {
        let position = shortened(&split.position);
        writeln!(f, "  subtask {} reads {} at {position}", split.subtask, split.split)?;
    }
    write_rest(f, vertex.splits.len(), "split")?;
    for prepared in vertex.prepared.iter().take(LISTED) {
        writeln!(f, "  subtask {} has prepared output:", prepared.subtask)?;
        for item in prepared.items.iter().take(LISTED) {
            writeln!(f, "    {}", shortened(item))?;
        }
        write_rest(f, prepared.items.len(), "item")?;
    }
    write_rest(f, vertex.prepared.len(), "subtask")?;
    if vertex.in_flight.batches > 0 {
        let flight = &vertex.in_flight;
        let batches = match flight.batches {
            1 => "1 batch".to_owned(),
            count => format!("{count} batches"),
        };
        let rows = counted(flight.rows, "row");
        writeln!(f, "  in flight: {batches}, {rows}, {}", bytes(flight.bytes))?;
    }
    Ok(())
}

fn write_rest(f: &mut Formatter<'_>, count: usize, what: &str) -> fmt::Result {
    match count.checked_sub(LISTED).filter(|rest| *rest > 0) {
        Some(rest) => writeln!(f, "  and {} more", counted(rest as u64, what)),
        None => Ok(()),
    }
}

fn write_operator(f: &mut Formatter<'_>, operator: &OperatorDescription) -> fmt::Result {
    match operator.part {
        0 => writeln!(f, "  {}", operator.name)?,
        part => writeln!(f, "  {}, part {part}", operator.name)?,
    }
    for table in &operator.tables {
        write_table(f, table)?;
    }
    match operator.local_bytes {
        0 => Ok(()),
        local => writeln!(f, "    beside tables: {}", bytes(local)),
    }
}

fn write_table(f: &mut Formatter<'_>, table: &TableDescription) -> fmt::Result {
    let (rows, groups) =
        (counted(table.rows, "row"), counted(table.key_groups as u64, "key group"));
    let replaced = match table.replaced_keys {
        0 => String::new(),
        1 => ", earlier ones of 1 key replaced".to_owned(),
        keys => format!(", earlier ones of {keys} keys replaced"),
    };
    writeln!(f, "    table {}: {rows}{replaced}, {}, {groups}", table.name, bytes(table.bytes))?;
    let columns: Vec<String> =
        table.columns.iter().map(|c| format!("{} {}", c.name, c.data_type)).collect();
    writeln!(f, "      columns: {}", columns.join(", "))?;
    if table.subtask_rows.len() > 1 {
        let rows: Vec<String> = table.subtask_rows.iter().map(u64::to_string).collect();
        writeln!(f, "      rows by subtask: {}", rows.join(", "))?;
    }
    Ok(())
}
