//! Results on the screen: small tables, and the rows of a query as they come.

use std::io::Write;

use comfy_table::presets;
use comfy_table::{ContentArrangement, Table};
use river_core::options::Options;
use river_core::{Field, RowKind};
use river_expr::Session;
use river_expr::cast::to_string::render;
use river_expr::column::value_at;
use river_runtime::Batch;

/// How the rows of a query are shown (`sql-client.execution.result-mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultMode {
    /// One line a change, as they come, with the row kind in front.
    Tableau,
    /// The changes, one a line, as `+I[1, a]`.
    Changelog,
    /// The final table, once the query has ended.
    Table,
}

impl ResultMode {
    /// The mode that the options ask for; `tableau` unless they say otherwise.
    pub fn from_options(options: &Options) -> ResultMode {
        match options.get("sql-client.execution.result-mode").map(str::to_ascii_lowercase) {
            Some(mode) if mode == "changelog" => ResultMode::Changelog,
            Some(mode) if mode == "table" => ResultMode::Table,
            _ => ResultMode::Tableau,
        }
    }
}

/// A small table with a frame.
pub fn table(columns: &[String], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "Empty set\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::ASCII_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns);
    for row in rows {
        table.add_row(row);
    }
    let count = if rows.len() == 1 { "1 row" } else { &format!("{} rows", rows.len()) };
    format!("{table}\n{count} in set\n")
}

/// Widest that a column is made before its values are cut.
const MAX_WIDTH: usize = 30;
/// Rows looked at before the widths are settled.
const SAMPLE: usize = 200;

/// Shows the rows of one query.
pub struct View {
    names: Vec<String>,
    schema: Vec<Field>,
    session: Session,
    updating: bool,
    mode: ResultMode,
    /// Rows not shown yet (`Tableau`), or the table so far (`Table`).
    pending: Vec<(RowKind, Vec<String>)>,
    widths: Option<Vec<usize>>,
    shown: usize,
}

impl View {
    /// A view of rows with those columns.
    pub fn new(schema: &[Field], updating: bool, mode: ResultMode, session: Session) -> View {
        View {
            names: schema.iter().map(|f| f.name.clone()).collect(),
            schema: schema.to_vec(),
            session,
            updating,
            mode,
            pending: Vec::new(),
            widths: None,
            shown: 0,
        }
    }

    /// Takes rows; shows them when enough are there to settle the columns' widths.
    pub fn add(&mut self, batch: &Batch) -> std::io::Result<()> {
        for row in 0..batch.rows {
            let cells = self.schema.iter().zip(&batch.columns).map(|(field, column)| {
                let value = value_at(column, &field.ty.logical, row);
                if value.is_null() {
                    "<NULL>".to_owned()
                } else {
                    render(&value, &field.ty.logical, &self.session)
                }
            });
            let cells = cells.collect();
            self.push(batch.kind(row), cells);
        }
        if self.widths.is_some() || self.pending.len() >= SAMPLE { self.flush() } else { Ok(()) }
    }

    fn push(&mut self, kind: RowKind, cells: Vec<String>) {
        if self.mode == ResultMode::Table && !kind.is_accumulate() {
            if let Some(at) = self.pending.iter().rposition(|(_, row)| *row == cells) {
                self.pending.remove(at);
            }
            return;
        }
        self.pending.push((kind, cells));
    }

    /// Shows what is waiting.
    pub fn flush(&mut self) -> std::io::Result<()> {
        if self.pending.is_empty() || self.mode == ResultMode::Table {
            return Ok(());
        }
        let mut text = String::new();
        let rows = std::mem::take(&mut self.pending);
        self.shown += rows.len();
        if self.mode == ResultMode::Changelog {
            for (kind, cells) in rows {
                text.push_str(&format!("{}[{}]\n", kind.short(), cells.join(", ")));
            }
            return write(&text);
        }
        let widths = match &self.widths {
            Some(widths) => widths.clone(),
            None => {
                let widths = self.settle(&rows);
                text.push_str(&self.rule(&widths));
                let names = self.names.clone();
                text.push_str(&self.line("op", &names, &widths));
                text.push_str(&self.rule(&widths));
                self.widths = Some(widths.clone());
                widths
            }
        };
        for (kind, cells) in rows {
            text.push_str(&self.line(kind.short(), &cells, &widths));
        }
        write(&text)
    }

    /// Shows the rest and the number of rows.
    pub fn finish(&mut self) -> std::io::Result<()> {
        if self.mode == ResultMode::Table {
            let rows: Vec<Vec<String>> = self.pending.drain(..).map(|(_, row)| row).collect();
            return write(&table(&self.names, &rows));
        }
        self.flush()?;
        if self.mode == ResultMode::Changelog {
            return Ok(());
        }
        let count = match self.shown {
            0 => return write("Empty set\n"),
            1 => "1 row".to_owned(),
            n => format!("{n} rows"),
        };
        let widths = self.widths.clone().unwrap_or_default();
        write(&format!("{}Received a total of {count}\n", self.rule(&widths)))
    }

    fn settle(&self, rows: &[(RowKind, Vec<String>)]) -> Vec<usize> {
        let width = |i: usize, name: &String| {
            let cells = rows.iter().map(|(_, cells)| display_width(&cells[i])).max();
            cells.unwrap_or(0).max(display_width(name)).clamp(1, MAX_WIDTH)
        };
        self.names.iter().enumerate().map(|(i, name)| width(i, name)).collect()
    }

    fn rule(&self, widths: &[usize]) -> String {
        let mut line = String::from("+");
        if self.updating {
            line.push_str("----+");
        }
        for width in widths {
            line.push_str(&"-".repeat(width + 2));
            line.push('+');
        }
        line.push('\n');
        line
    }

    fn line(&self, kind: &str, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::from("|");
        if self.updating {
            line.push_str(&format!(" {kind} |"));
        }
        let aligned = cells.iter().zip(widths).zip(&self.schema);
        for ((cell, width), field) in aligned {
            let cell = cut(cell, *width);
            let blanks = " ".repeat(width.saturating_sub(display_width(&cell)));
            if field.ty.logical.is_numeric() {
                line.push_str(&format!(" {blanks}{cell} |"));
            } else {
                line.push_str(&format!(" {cell}{blanks} |"));
            }
        }
        line.push('\n');
        line
    }
}

/// Columns of a terminal that a text takes, as far as counting characters tells.
fn display_width(text: &str) -> usize {
    text.chars().count()
}

/// The text cut to a width; line breaks and tabs would spoil the frame.
fn cut(text: &str, width: usize) -> String {
    let clean = text.replace(['\n', '\r', '\t'], " ");
    if display_width(&clean) <= width {
        return clean;
    }
    let kept: String = clean.chars().take(width.saturating_sub(3)).collect();
    format!("{kept}...").chars().take(width).collect()
}

fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
