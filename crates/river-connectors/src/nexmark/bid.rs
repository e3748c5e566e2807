//! The fields of bids (`BidGenerator`), one function per kind of column.

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;

use super::columns::{Maker, longs, times};
use super::config::Config;
use super::layout::{Kind, Layout};
use super::texts::{CHANNELS, HOT_CHANNELS, TextTable};

/// Draws of a bid.
mod slot {
    pub(super) const AUCTION: u64 = 0;
    pub(super) const BIDDER: u64 = 1;
    pub(super) const PRICE: u64 = 2;
    pub(super) const CHANNEL: u64 = 3;
    pub(super) const EXTRA: u64 = 4;
}

/// Ids start here (`GeneratorConfig.FIRST_AUCTION_ID`).
pub(super) const FIRST_AUCTION_ID: i64 = 1000;
/// Ids start here (`GeneratorConfig.FIRST_PERSON_ID`).
pub(super) const FIRST_PERSON_ID: i64 = 1000;
/// Yet-to-be-created auctions and persons that may be named.
const ID_LEAD: i64 = 10;
/// One auction or person in so many is hot.
pub(super) const HOT_EVERY: i64 = 100;
/// One channel in so many bids is a cached one.
const HOT_CHANNELS_RATIO: u32 = 2;
/// Bytes of a bid besides `extra`, by the suite's count.
const FIXED_BYTES: u32 = 32;

/// Field `field` of `bid`.
pub(super) fn field(maker: &Maker, layout: &Layout, field: usize, nulls: NullBuffer) -> ArrayRef {
    match field {
        0 => longs(auctions(maker, layout), nulls),
        1 => longs(bidders(maker, layout), nulls),
        2 => longs(prices(maker, layout), nulls),
        3 => by_channel(maker, layout, &maker.texts.channels, nulls),
        4 => by_channel(maker, layout, &maker.texts.urls, nulls),
        5 => times(maker, layout, Kind::Bid, nulls),
        _ => extras(maker, layout, nulls),
    }
}

fn auctions(maker: &Maker, layout: &Layout) -> Vec<i64> {
    let ratio = maker.config.hot_auction_ratio;
    let mut ids = vec![0; layout.rows()];
    for run in layout.of(Kind::Bid) {
        let hot = run.last_auction / HOT_EVERY * HOT_EVERY + FIRST_AUCTION_ID;
        let oldest = (run.last_auction - Config::IN_FLIGHT_AUCTIONS).max(0);
        let choice = (run.last_auction - oldest + 1 + ID_LEAD) as u32;
        for (id, event) in ids[run.rows.clone()].iter_mut().zip(run.event..) {
            let draw = maker.draws.at(event, slot::AUCTION);
            *id = if draw.upper(ratio) > 0 {
                hot
            } else {
                oldest + FIRST_AUCTION_ID + i64::from(draw.lower(choice))
            };
        }
    }
    ids
}

/// The suite adds the first id twice to bidders; the size of joins on them rests on that.
fn bidders(maker: &Maker, layout: &Layout) -> Vec<i64> {
    let ratio = maker.config.hot_bidder_ratio;
    let mut ids = vec![0; layout.rows()];
    for run in layout.of(Kind::Bid) {
        let hot = run.last_person / HOT_EVERY * HOT_EVERY + 1 + 2 * FIRST_PERSON_ID;
        let (first, choice) = active_persons(run.last_person);
        for (id, event) in ids[run.rows.clone()].iter_mut().zip(run.event..) {
            let draw = maker.draws.at(event, slot::BIDDER);
            *id = if draw.upper(ratio) > 0 {
                hot
            } else {
                first + 2 * FIRST_PERSON_ID + i64::from(draw.lower(choice))
            };
        }
    }
    ids
}

/// First of the persons that may act now, and how many (`PersonGenerator.nextBase0PersonId`).
pub(super) fn active_persons(last_person: i64) -> (i64, u32) {
    let persons = last_person + 1;
    let active = persons.min(Config::ACTIVE_PERSONS);
    (persons - active, (active + ID_LEAD) as u32)
}

fn prices(maker: &Maker, layout: &Layout) -> Vec<i64> {
    let mut prices = vec![0; layout.rows()];
    for run in layout.of(Kind::Bid) {
        for (price, event) in prices[run.rows.clone()].iter_mut().zip(run.event..) {
            *price = maker.prices.price(maker.draws.at(event, slot::PRICE));
        }
    }
    prices
}

fn by_channel(maker: &Maker, layout: &Layout, table: &TextTable, nulls: NullBuffer) -> ArrayRef {
    const HOT: u32 = HOT_CHANNELS.len() as u32;
    let mut column = table.column(layout.rows());
    for run in layout.of(Kind::Bid) {
        for (view, event) in column.views[run.rows.clone()].iter_mut().zip(run.event..) {
            let draw = maker.draws.at(event, slot::CHANNEL);
            let is_hot = draw.upper(HOT_CHANNELS_RATIO) > 0;
            *view = table.view(if is_hot { draw.lower(HOT) } else { HOT + draw.lower(CHANNELS) });
        }
    }
    column.finish(Some(nulls))
}

fn extras(maker: &Maker, layout: &Layout, nulls: NullBuffer) -> ArrayRef {
    let mut column = maker.texts.extra_column(layout.rows());
    for run in layout.of(Kind::Bid) {
        for (view, event) in column.views[run.rows.clone()].iter_mut().zip(run.event..) {
            let draw = maker.draws.at(event, slot::EXTRA);
            *view = maker.texts.extra_view(draw, FIXED_BYTES, maker.config.bid_bytes);
        }
    }
    column.finish(Some(nulls))
}
