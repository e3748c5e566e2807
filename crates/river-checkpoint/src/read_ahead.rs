//! Reads and decodes blocks on a second thread while the first one loads them.

use std::ops::Range;

use arrow_array::{Array, ArrayRef};
use crossbeam_channel::Sender;

use crate::Error;
use crate::file::Block;
use crate::reader::SubtaskFile;

/// Bytes read at once.
pub(crate) const READ_BYTES: u64 = 4 << 20;

/// Bytes between two blocks that are read along rather than skipped: a request costs more.
const GAP_BYTES: u64 = 256 << 10;

/// Decoded blocks that wait to be loaded.
const QUEUE: usize = 4;

/// Less than this is not worth a thread.
const SMALL_BYTES: u64 = 1 << 20;

/// Rows of a block that are wanted.
pub(crate) struct Piece<'f> {
    pub file: &'f SubtaskFile,
    pub block: &'f Block,
    /// Position of the table that they fill.
    pub table: usize,
    /// They are keys to be removed from it.
    pub is_removal: bool,
    pub rows: Range<usize>,
}

impl<'f> Piece<'f> {
    /// All rows of a block.
    pub fn whole(file: &'f SubtaskFile, block: &'f Block) -> Piece<'f> {
        Piece { file, block, table: 0, is_removal: false, rows: 0..block.rows }
    }
}

/// Calls `load` for each piece in order, with its columns and the number of its rows.
pub(crate) fn read<E: From<Error>>(
    pieces: &[Piece],
    mut load: impl FnMut(&Piece, Vec<ArrayRef>, usize) -> Result<(), E>,
) -> Result<(), E> {
    let bytes: u64 =
        pieces.iter().map(|piece| piece.block.bytes.end - piece.block.bytes.start).sum();
    if bytes < SMALL_BYTES {
        for run in runs(pieces) {
            for (piece, columns) in read_run(run)? {
                load(piece, columns, piece.rows.len())?;
            }
        }
        return Ok(());
    }
    std::thread::scope(|scope| {
        let (sender, decoded) = crossbeam_channel::bounded(QUEUE);
        let reader = std::thread::Builder::new().name("restore".to_owned());
        reader
            .spawn_scoped(scope, move || read_all(pieces, &sender))
            .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        for run in decoded {
            for (piece, columns) in run? {
                load(piece, columns, piece.rows.len())?;
            }
        }
        Ok(())
    })
}

type Run<'p, 'f> = Vec<(&'p Piece<'f>, Vec<ArrayRef>)>;

/// Reads all pieces; stops at an error, or when nobody takes them any more.
fn read_all<'p, 'f>(pieces: &'p [Piece<'f>], decoded: &Sender<Result<Run<'p, 'f>, Error>>) {
    for run in runs(pieces) {
        let read = read_run(run);
        let failed = read.is_err();
        if decoded.send(read).is_err() || failed {
            return;
        }
    }
}

/// Pieces that are read in one request: near each other in one file.
fn runs<'p, 'f>(pieces: &'p [Piece<'f>]) -> impl Iterator<Item = &'p [Piece<'f>]> {
    let mut rest = pieces;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let near = |pair: &[Piece]| {
            let (one, next) = (&pair[0], &pair[1]);
            std::ptr::eq(one.file, next.file)
                && next.block.bytes.start >= one.block.bytes.end
                && next.block.bytes.start.saturating_sub(one.block.bytes.end) <= GAP_BYTES
                && next.block.bytes.end - first.block.bytes.start <= READ_BYTES
        };
        let length = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
        let (run, after) = rest.split_at(length);
        rest = after;
        Some(run)
    })
}

fn read_run<'p, 'f>(run: &'p [Piece<'f>]) -> Result<Run<'p, 'f>, Error> {
    let [first, ..] = run else { return Ok(Vec::new()) };
    let last = &run[run.len() - 1];
    let start = first.block.bytes.start;
    let bytes = first.file.read(start..last.block.bytes.end)?;
    let decode = |piece: &'p Piece<'f>| {
        let Range { start: from, end } = piece.block.bytes;
        let block = bytes.slice_with_length((from - start) as usize, (end - from) as usize);
        let mut columns = piece.file.decode(piece.block, &block)?;
        if piece.rows.len() < piece.block.rows {
            let rows = &piece.rows;
            columns.iter_mut().for_each(|column| *column = column.slice(rows.start, rows.len()));
        }
        Ok((piece, columns))
    };
    run.iter().map(decode).collect()
}
