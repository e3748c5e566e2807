//! The fields of auctions (`AuctionGenerator`).

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;

use super::bid::{FIRST_AUCTION_ID, FIRST_PERSON_ID, HOT_EVERY, active_persons};
use super::columns::{Maker, longs, times, timestamps};
use super::config::Config;
use super::layout::{Kind, Layout};
use super::random::Sequence;
use super::texts::{TextColumn, random_text};

/// Draws of an auction.
mod slot {
    pub(super) const SELLER: u64 = 0;
    pub(super) const CATEGORY: u64 = 1;
    pub(super) const INITIAL_BID: u64 = 2;
    pub(super) const LENGTH: u64 = 3;
    pub(super) const NAME: u64 = 4;
    pub(super) const DESCRIPTION: u64 = 5;
    pub(super) const RESERVE: u64 = 6;
    pub(super) const EXTRA: u64 = 7;
}

const FIRST_CATEGORY_ID: i64 = 10;
const CATEGORIES: u32 = 5;
const NAME_BYTES: u32 = 20;
const DESCRIPTION_BYTES: u32 = 100;
/// Bytes of an auction besides its texts, by the suite's count.
const FIXED_BYTES: u32 = 48;

/// Field `field` of `auction`.
pub(super) fn field(maker: &Maker, layout: &Layout, field: usize, nulls: NullBuffer) -> ArrayRef {
    match field {
        0 => longs(ids(layout), nulls),
        1 => texts(maker, layout, slot::NAME, NAME_BYTES, nulls),
        2 => texts(maker, layout, slot::DESCRIPTION, DESCRIPTION_BYTES, nulls),
        3 => longs(initial_bids(maker, layout), nulls),
        4 => longs(reserves(maker, layout), nulls),
        5 => times(maker, layout, Kind::Auction, nulls),
        6 => timestamps(expiries(maker, layout), nulls),
        7 => longs(sellers(maker, layout), nulls),
        8 => longs(categories(maker, layout), nulls),
        _ => extras(maker, layout, nulls),
    }
}

fn ids(layout: &Layout) -> Vec<i64> {
    let mut ids = vec![0; layout.rows()];
    for run in layout.of(Kind::Auction) {
        for (id, auction) in ids[run.rows.clone()].iter_mut().zip(run.last_auction..) {
            *id = auction + FIRST_AUCTION_ID;
        }
    }
    ids
}

/// A column with a value computed for each event of the kind.
fn by_event(layout: &Layout, value: impl Fn(u64) -> i64) -> Vec<i64> {
    let mut values = vec![0; layout.rows()];
    for run in layout.of(Kind::Auction) {
        for (row, event) in run.events() {
            values[row] = value(event);
        }
    }
    values
}

fn initial_bids(maker: &Maker, layout: &Layout) -> Vec<i64> {
    by_event(layout, |event| maker.prices.price(maker.draws.at(event, slot::INITIAL_BID)))
}

fn reserves(maker: &Maker, layout: &Layout) -> Vec<i64> {
    by_event(layout, |event| {
        maker.prices.price(maker.draws.at(event, slot::INITIAL_BID))
            + maker.prices.price(maker.draws.at(event, slot::RESERVE))
    })
}

fn categories(maker: &Maker, layout: &Layout) -> Vec<i64> {
    by_event(layout, |event| {
        FIRST_CATEGORY_ID + i64::from(maker.draws.at(event, slot::CATEGORY).upper(CATEGORIES))
    })
}

fn sellers(maker: &Maker, layout: &Layout) -> Vec<i64> {
    let mut ids = vec![0; layout.rows()];
    for run in layout.of(Kind::Auction) {
        let hot = run.last_person / HOT_EVERY * HOT_EVERY + FIRST_PERSON_ID;
        let (first, choice) = active_persons(run.last_person);
        for (row, event) in run.events() {
            let draw = maker.draws.at(event, slot::SELLER);
            ids[row] = if draw.upper(maker.config.hot_seller_ratio) > 0 {
                hot
            } else {
                first + FIRST_PERSON_ID + i64::from(draw.lower(choice))
            };
        }
    }
    ids
}

/// An auction lasts on average until 100 more auctions have opened (`nextAuctionLengthMs`).
fn expiries(maker: &Maker, layout: &Layout) -> Vec<i64> {
    let config = maker.config;
    let ahead =
        Config::IN_FLIGHT_AUCTIONS as u64 * config.round() / config.auction_proportion.max(1);
    by_event(layout, |event| {
        let opened_ms = config.time_ms(event);
        let horizon_ms = config.time_ms(event + ahead) - opened_ms;
        let choice = (horizon_ms * 2).max(1) as u64;
        opened_ms + 1 + maker.draws.at(event, slot::LENGTH).below(choice) as i64
    })
}

/// Appends the random text that a slot of an event stands for.
fn push_text(maker: &Maker, event: u64, slot: u64, max: u32, text: &mut Vec<u8>) {
    let mut random = Sequence::new(maker.draws.at(event, slot).0);
    random_text(&mut random, max, b' ', text);
}

fn texts(maker: &Maker, layout: &Layout, slot: u64, max: u32, nulls: NullBuffer) -> ArrayRef {
    let mut column = TextColumn::new(layout.rows());
    let mut text = Vec::with_capacity(max as usize);
    for run in layout.of(Kind::Auction) {
        for (row, event) in run.events() {
            text.clear();
            push_text(maker, event, slot, max, &mut text);
            column.set(row, &text);
        }
    }
    column.finish(Some(nulls))
}

/// `extra` fills up what name and description leave, so they are made for their length.
fn extras(maker: &Maker, layout: &Layout, nulls: NullBuffer) -> ArrayRef {
    let mut column = maker.texts.extra_column(layout.rows());
    let mut text = Vec::with_capacity((NAME_BYTES + DESCRIPTION_BYTES) as usize);
    for run in layout.of(Kind::Auction) {
        for (row, event) in run.events() {
            text.clear();
            push_text(maker, event, slot::NAME, NAME_BYTES, &mut text);
            push_text(maker, event, slot::DESCRIPTION, DESCRIPTION_BYTES, &mut text);
            let draw = maker.draws.at(event, slot::EXTRA);
            let current_bytes = FIXED_BYTES + text.len() as u32;
            column.views[row] =
                maker.texts.extra_view(draw, current_bytes, maker.config.auction_bytes);
        }
    }
    column.finish(Some(nulls))
}
