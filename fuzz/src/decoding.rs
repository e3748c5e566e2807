//! Decodes bytes as a file is decoded, in pieces and batches, and checks what must always hold:
//! failures lie within the data, columns are sound Arrow arrays of equal length, a decoder gets on,
//! and neither pieces nor what was read before change the result.

use arrow_array::{Array, ArrayRef};
use river_connectors::format::{DecodeSpec, Fail, Format, Rows};
use river_core::Field;
use river_runtime::Batch;

use crate::schema::{Case, whole};

/// Decodes the case's data, in pieces and at once; `None` if the format cannot hold the table, or
/// the data are malformed.
pub fn decode_case(format: &Format, case: &Case) -> Option<Vec<Rows>> {
    format.decoder(&case.spec).ok()?;
    let at_once = decode(format, &case.spec, &[case.data], case.max_rows);
    let (front, back) = case.data.split_at(case.split);
    let in_pieces = decode(format, &case.spec, &[front, back], case.max_rows);
    match (at_once, in_pieces) {
        (Ok(at_once), Ok(in_pieces)) => {
            assert_same(&at_once, &in_pieces, "at once and in pieces");
            Some(at_once)
        }
        (Err(at_once), Err(in_pieces)) => {
            assert_eq!(at_once, in_pieces, "failures at once and in pieces");
            None
        }
        (at_once, in_pieces) => {
            panic!("at once {:?}, in pieces {:?}", at_once.err(), in_pieces.err());
        }
    }
}

/// All batches of data that come in pieces; the failure's offset is counted from their begin.
pub fn decode(
    format: &Format,
    spec: &DecodeSpec,
    pieces: &[&[u8]],
    max_rows: usize,
) -> Result<Vec<Rows>, Fail> {
    let mut decoder = format.decoder(spec).unwrap_or_else(|message| panic!("{message}"));
    let mut batches = Vec::new();
    let mut data = Vec::new();
    let mut position = 0;
    for (i, piece) in pieces.iter().enumerate() {
        data.extend_from_slice(piece);
        let last = i + 1 == pieces.len();
        loop {
            let used = decoder.decode(&data, last, max_rows).map_err(|fail| {
                assert!(fail.offset <= data.len(), "{fail:?} of {} bytes", data.len());
                assert!(!fail.message.is_empty());
                Fail { offset: position + fail.offset, ..fail }
            })?;
            assert!(used <= data.len());
            data.drain(..used);
            position += used;
            let full = decoder.rows() >= max_rows;
            let done = last && data.is_empty();
            if full || done {
                batches.push(checked(decoder.take()?, spec));
            }
            if done && !full {
                return Ok(batches);
            }
            if !full {
                assert!(!last, "no progress");
                break;
            }
        }
    }
    Ok(batches)
}

fn checked(rows: Rows, spec: &DecodeSpec) -> Rows {
    assert_eq!(rows.columns.len(), spec.wanted.len());
    for (column, wanted) in rows.columns.iter().zip(&spec.wanted) {
        assert_eq!(column.len(), rows.rows, "{}", wanted.field.name);
        assert_eq!(column.data_type(), &wanted.field.ty.logical.to_arrow());
        if let Err(error) = column.to_data().validate_full() {
            panic!("{}: {error}", wanted.field.name);
        }
    }
    if let Some(kinds) = &rows.kinds {
        assert_eq!(kinds.len(), rows.rows);
    }
    rows
}

fn assert_same(left: &[Rows], right: &[Rows], what: &str) {
    assert_eq!(left.len(), right.len(), "batches, {what}");
    for (left, right) in left.iter().zip(right) {
        assert_eq!(left.columns, right.columns, "{what}");
        assert_eq!(left.kinds, right.kinds, "{what}");
    }
}

/// How much of a value outlives being written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    /// All of it.
    Exact,
    /// The text of it: what is read is written the same way once more.
    Text,
}

/// Writes rows, reads them back, and writes those: equal as far as `trip` says. `schema`: the
/// columns of the rows.
pub fn round_trip(format: &Format, schema: &[Field], batches: Vec<Rows>, trip: Trip) {
    let spec = whole(schema);
    for rows in batches {
        let Some(first) = encode(format, schema, &rows) else { continue };
        let again = decode(format, &spec, &[&first], rows.rows.max(1));
        let again = again.unwrap_or_else(|fail| {
            panic!("{} in what was written: {}", fail.message, String::from_utf8_lossy(&first))
        });
        let again: Vec<Rows> = again.into_iter().filter(|batch| batch.rows > 0).collect();
        if rows.rows == 0 {
            assert!(again.is_empty());
            continue;
        }
        let [again] = &again[..] else { panic!("{} batches of one", again.len()) };
        assert_eq!(again.rows, rows.rows, "{}", String::from_utf8_lossy(&first));
        if trip == Trip::Exact {
            assert_columns(&rows.columns, &again.columns, &first);
        }
        let second = encode(format, schema, again);
        assert_eq!(
            second.as_deref().map(String::from_utf8_lossy),
            Some(String::from_utf8_lossy(&first))
        );
    }
}

fn assert_columns(left: &[ArrayRef], right: &[ArrayRef], text: &[u8]) {
    for (left, right) in left.iter().zip(right) {
        assert_eq!(left, right, "{}", String::from_utf8_lossy(text));
    }
}

/// The rows as bytes; `None` if the format cannot write such a table or value.
fn encode(format: &Format, schema: &[Field], rows: &Rows) -> Option<Vec<u8>> {
    let mut encoder = format.encoder(schema).ok()?;
    let kinds = rows.kinds.clone().map(Into::into);
    let batch = Batch::new(rows.columns.clone(), rows.rows).with_kinds(kinds);
    let mut out = Vec::new();
    encoder.encode(&batch, &mut out).ok()?;
    Some(out)
}
