//! The fields of persons (`PersonGenerator`).

use std::io::Write;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;

use super::bid::FIRST_PERSON_ID;
use super::columns::{Maker, longs, times};
use super::layout::{Kind, Layout};
use super::random::{Draw, Sequence};
use super::texts::{TextColumn, TextTable, random_text};

/// Draws of a person.
mod slot {
    pub(super) const NAME: u64 = 0;
    pub(super) const EMAIL: u64 = 1;
    pub(super) const CREDIT_CARD: u64 = 2;
    pub(super) const CITY: u64 = 3;
    pub(super) const STATE: u64 = 4;
    pub(super) const EXTRA: u64 = 5;
}

/// Bytes of a person besides name, address, city and state, by the suite's count.
const FIXED_BYTES: u32 = 8 + CREDIT_CARD_BYTES;
const CREDIT_CARD_BYTES: u32 = 19;
/// One half of a credit card number: two groups of four digits.
const HALF_CARDS: u32 = 100_000_000;

/// Field `field` of `person`.
pub(super) fn field(maker: &Maker, layout: &Layout, field: usize, nulls: NullBuffer) -> ArrayRef {
    match field {
        0 => longs(ids(layout), nulls),
        1 => from_table(maker, layout, &maker.texts.names, slot::NAME, nulls),
        2 => written(maker, layout, slot::EMAIL, push_email, nulls),
        3 => written(maker, layout, slot::CREDIT_CARD, push_credit_card, nulls),
        4 => from_table(maker, layout, &maker.texts.cities, slot::CITY, nulls),
        5 => from_table(maker, layout, &maker.texts.states, slot::STATE, nulls),
        6 => times(maker, layout, Kind::Person, nulls),
        _ => extras(maker, layout, nulls),
    }
}

fn ids(layout: &Layout) -> Vec<i64> {
    let mut ids = vec![0; layout.rows()];
    for run in layout.of(Kind::Person) {
        for (id, person) in ids[run.rows.clone()].iter_mut().zip(run.last_person..) {
            *id = person + FIRST_PERSON_ID;
        }
    }
    ids
}

fn from_table(
    maker: &Maker,
    layout: &Layout,
    table: &TextTable,
    slot: u64,
    nulls: NullBuffer,
) -> ArrayRef {
    let mut column = table.column(layout.rows());
    for run in layout.of(Kind::Person) {
        for (row, event) in run.events() {
            column.views[row] = table.view(maker.draws.at(event, slot).upper(table.count()));
        }
    }
    column.finish(Some(nulls))
}

fn written(
    maker: &Maker,
    layout: &Layout,
    slot: u64,
    push: fn(Draw, &mut Vec<u8>),
    nulls: NullBuffer,
) -> ArrayRef {
    let mut column = TextColumn::new(layout.rows());
    let mut text = Vec::new();
    for run in layout.of(Kind::Person) {
        for (row, event) in run.events() {
            text.clear();
            push(maker.draws.at(event, slot), &mut text);
            column.set(row, &text);
        }
    }
    column.finish(Some(nulls))
}

fn push_email(draw: Draw, text: &mut Vec<u8>) {
    let mut random = Sequence::new(draw.0);
    random_text(&mut random, 7, b' ', text);
    text.push(b'@');
    random_text(&mut random, 5, b' ', text);
    text.extend_from_slice(b".com");
}

fn push_credit_card(draw: Draw, text: &mut Vec<u8>) {
    let (left, right) = (draw.upper(HALF_CARDS), draw.lower(HALF_CARDS));
    // Writing to a Vec cannot fail.
    let _ = write!(
        text,
        "{:04} {:04} {:04} {:04}",
        left / 10_000,
        left % 10_000,
        right / 10_000,
        right % 10_000
    );
}

/// `extra` fills up what the other texts leave.
fn extras(maker: &Maker, layout: &Layout, nulls: NullBuffer) -> ArrayRef {
    let texts = &maker.texts;
    let mut column = texts.extra_column(layout.rows());
    let mut email = Vec::new();
    for run in layout.of(Kind::Person) {
        for (row, event) in run.events() {
            let length = |table: &TextTable, slot| {
                table.len(maker.draws.at(event, slot).upper(table.count()))
            };
            email.clear();
            push_email(maker.draws.at(event, slot::EMAIL), &mut email);
            let current_bytes = FIXED_BYTES
                + email.len() as u32
                + length(&texts.names, slot::NAME)
                + length(&texts.cities, slot::CITY)
                + length(&texts.states, slot::STATE);
            let draw = maker.draws.at(event, slot::EXTRA);
            column.views[row] = texts.extra_view(draw, current_bytes, maker.config.person_bytes);
        }
    }
    column.finish(Some(nulls))
}
