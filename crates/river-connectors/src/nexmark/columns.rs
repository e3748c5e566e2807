//! Makes the wanted columns of a batch from its layout.

use std::sync::Arc;

use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, Int32Array, PrimitiveArray, StructArray, new_null_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType as Arrow, Fields};

use super::config::Config;
use super::layout::{Kind, Layout};
use super::price::Prices;
use super::random::Draws;
use super::schema::{Projection, Wanted};
use super::texts::Texts;
use super::{auction, bid, person};

/// What all columns are made from.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) config: &'a Config,
    pub(super) draws: Draws,
    pub(super) prices: Prices,
    pub(super) texts: &'a Texts,
    /// Arrow types of the table's columns.
    pub(super) types: &'a [Arrow],
    /// For fields that are not wanted.
    pub(super) nothing: &'a NullColumns,
}

/// One all-NULL column of each type, shared by all batches of the same length.
#[derive(Debug)]
pub(super) struct NullColumns {
    rows: usize,
    columns: Vec<ArrayRef>,
}

impl NullColumns {
    /// The columns that stand for the fields of these row types in a batch of `rows` rows.
    pub(super) fn new(types: &[Arrow], rows: usize) -> NullColumns {
        let mut columns: Vec<ArrayRef> = Vec::new();
        for ty in types.iter().flat_map(fields_of) {
            if columns.iter().all(|column| column.data_type() != ty) {
                columns.push(new_null_array(ty, rows));
            }
        }
        NullColumns { rows, columns }
    }

    /// Their length.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    fn of(&self, ty: &Arrow) -> ArrayRef {
        match self.columns.iter().find(|column| column.data_type() == ty) {
            Some(column) => column.clone(),
            None => new_null_array(ty, self.rows),
        }
    }
}

/// The types of a row type's fields.
fn fields_of(ty: &Arrow) -> impl Iterator<Item = &Arrow> {
    let fields = if let Arrow::Struct(fields) = ty { &fields[..] } else { &[] };
    fields.iter().map(|field| field.data_type())
}

impl Maker<'_> {
    /// The columns of a projection.
    pub(super) fn columns(&self, layout: &Layout, projection: &Projection) -> Vec<ArrayRef> {
        let mut nulls = [None, None, None];
        let mut nulls_of =
            |kind: Kind| nulls[kind as usize].get_or_insert_with(|| layout.nulls(kind)).clone();
        let wanted = projection.wanted().iter();
        let columns = wanted.map(|wanted| match wanted {
            Wanted::Column(0) | Wanted::Fields(0, _) | Wanted::Field(0, _) => {
                Arc::new(Int32Array::from(layout.event_types())) as ArrayRef
            }
            Wanted::Column(column) => {
                let kind = kind_of(*column);
                self.row(layout, kind, |_| true, nulls_of(kind))
            }
            Wanted::Fields(column, fields) => {
                let kind = kind_of(*column);
                self.row(layout, kind, |field| fields.contains(&field), nulls_of(kind))
            }
            Wanted::Field(column, field) => {
                let kind = kind_of(*column);
                self.field(layout, kind, *field, nulls_of(kind))
            }
        });
        columns.collect()
    }

    fn row(
        &self,
        layout: &Layout,
        kind: Kind,
        is_wanted: impl Fn(usize) -> bool,
        nulls: NullBuffer,
    ) -> ArrayRef {
        let fields = match &self.types[kind as usize + 1] {
            Arrow::Struct(fields) => fields.clone(),
            _ => Fields::empty(),
        };
        let children = fields.iter().enumerate().map(|(i, field)| {
            if is_wanted(i) {
                self.field(layout, kind, i, nulls.clone())
            } else {
                self.nothing.of(field.data_type())
            }
        });
        let children = children.collect();
        // The children were made for exactly these fields and this many rows.
        Arc::new(StructArray::new(fields, children, Some(nulls)))
    }

    fn field(&self, layout: &Layout, kind: Kind, field: usize, nulls: NullBuffer) -> ArrayRef {
        match kind {
            Kind::Person => person::field(self, layout, field, nulls),
            Kind::Auction => auction::field(self, layout, field, nulls),
            Kind::Bid => bid::field(self, layout, field, nulls),
        }
    }
}

/// The kind of event that a row column (1 to 3) is about.
fn kind_of(column: usize) -> Kind {
    match column {
        1 => Kind::Person,
        2 => Kind::Auction,
        _ => Kind::Bid,
    }
}

/// A `BIGINT` column.
pub(super) fn longs(values: Vec<i64>, nulls: NullBuffer) -> ArrayRef {
    Arc::new(PrimitiveArray::<Int64Type>::new(values.into(), Some(nulls)))
}

/// A `TIMESTAMP(3)` column of milliseconds since the epoch.
pub(super) fn timestamps(values: Vec<i64>, nulls: NullBuffer) -> ArrayRef {
    Arc::new(PrimitiveArray::<TimestampMillisecondType>::new(values.into(), Some(nulls)))
}

/// The event times of a kind.
pub(super) fn times(maker: &Maker, layout: &Layout, kind: Kind, nulls: NullBuffer) -> ArrayRef {
    let mut times = vec![0; layout.rows()];
    for run in layout.of(kind) {
        for (time, event) in times[run.rows.clone()].iter_mut().zip(run.event..) {
            *time = maker.config.time_ms(event);
        }
    }
    timestamps(times, nulls)
}
