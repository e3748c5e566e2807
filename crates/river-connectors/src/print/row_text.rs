//! Rows in the text form of Flink's `Row.toString`, which the print sink shows: the `toString` of
//! the Java object each value converts to (`LocalDateTime`, `Instant`, `BigDecimal`...).

use crate::format::cells::{Cells, Values, range};
use crate::format::json::encode::write_integer;
use crate::format::number_text::{write_double, write_float, write_plain_decimal};
use crate::format::time_text::{write_date, write_timestamp};

/// Appends `[a, b, null]`.
pub fn write_fields(cells: &[Cells], row: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        write_value(cell, row, out);
    }
    out.push(b']');
}

fn write_value(cells: &Cells, row: usize, out: &mut Vec<u8>) {
    if cells.is_null(row) {
        return out.extend_from_slice(b"null");
    }
    match &cells.values {
        Values::Null => out.extend_from_slice(b"null"),
        Values::Boolean(v) => {
            out.extend_from_slice(if v.value(row) { b"true" } else { b"false" });
        }
        Values::Int8(v) => write_integer(v[row].into(), out),
        Values::Int16(v) => write_integer(v[row].into(), out),
        Values::Int32(v) => write_integer(v[row].into(), out),
        Values::Int64(v) => write_integer(v[row], out),
        Values::Float32(v) => write_float(v[row], out),
        Values::Float64(v) => write_double(v[row], out),
        Values::Decimal(v, scale) => write_plain_decimal(v[row], *scale, out),
        Values::Text(v) => out.extend_from_slice(v.value(row).as_bytes()),
        Values::Bytes(v) => {
            out.push(b'[');
            for (i, byte) in v.value(row).iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write_integer((*byte as i8).into(), out); // Java's bytes are signed
            }
            out.push(b']');
        }
        Values::Date(v) => write_date(v[row].into(), out),
        Values::Time(v) => {
            let millis = i64::from(v[row]);
            write_local_time(millis / 1000, millis % 1000 * 1_000_000, out);
        }
        Values::Timestamp { ticks, per_second, zoned } => {
            write_local_date_time(ticks[row], *per_second, *zoned, out);
        }
        Values::List(offsets, items) => {
            out.push(b'[');
            for (i, item) in range(offsets, row).enumerate() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write_value(items, item, out);
            }
            out.push(b']');
        }
        Values::Map(offsets, entries) => {
            out.push(b'{');
            for (i, entry) in range(offsets, row).enumerate() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write_value(&entries.0, entry, out);
                out.push(b'=');
                write_value(&entries.1, entry, out);
            }
            out.push(b'}');
        }
        Values::Row(fields) => {
            out.extend_from_slice(b"+I");
            write_fields(fields, row, out);
        }
    }
}

/// Appends `LocalTime.toString`: seconds only if they or the fraction are not zero, the fraction
/// in groups of three digits.
pub fn write_local_time(seconds: i64, nanos: i64, out: &mut Vec<u8>) {
    let text = format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    out.extend_from_slice(text.as_bytes());
    if seconds % 60 != 0 || nanos != 0 {
        out.extend_from_slice(format!(":{:02}", seconds % 60).as_bytes());
    }
    write_fraction(nanos, out);
}

fn write_fraction(nanos: i64, out: &mut Vec<u8>) {
    let text = match nanos {
        0 => return,
        n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => format!(".{:06}", n / 1_000),
        n => format!(".{n:09}"),
    };
    out.extend_from_slice(text.as_bytes());
}

/// Appends `LocalDateTime.toString`, or for `zoned` `Instant.toString`.
pub fn write_local_date_time(ticks: i64, per_second: i64, zoned: bool, out: &mut Vec<u8>) {
    let seconds = ticks.div_euclid(per_second);
    let nanos = ticks.rem_euclid(per_second) * (1_000_000_000 / per_second);
    if zoned {
        write_timestamp(seconds, 1, b'T', false, out);
        write_fraction(nanos, out);
        return out.push(b'Z');
    }
    write_date(seconds.div_euclid(86_400), out);
    out.push(b'T');
    write_local_time(seconds.rem_euclid(86_400), nanos, out);
}
