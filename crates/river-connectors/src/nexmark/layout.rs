//! Which kind of event each row of a batch is.
//!
//! The mix is a fixed round of persons, then auctions, then bids, so a batch is a list of runs of
//! one kind, and what depends on the round only (the last auction and person so far) is worked out
//! once per run, not per row.

use std::ops::Range;

use arrow_buffer::{BooleanBufferBuilder, NullBuffer};

use super::config::{Config, FIRST_EVENT_ID};

/// Kind of an event; the discriminant is the value of `event_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Person = 0,
    Auction = 1,
    Bid = 2,
}

/// Consecutive rows of one kind within one round.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) kind: Kind,
    pub(super) rows: Range<usize>,
    /// Index (from 0) of the event in the first row; the others follow it.
    pub(super) event: u64,
    /// `lastBase0AuctionId` at the first row; in a run of auctions it grows by one a row.
    pub(super) last_auction: i64,
    /// `lastBase0PersonId` at the first row; in a run of persons it grows by one a row.
    pub(super) last_person: i64,
}

impl Run {
    /// The rows with the index of the event in each.
    pub(super) fn events(&self) -> impl Iterator<Item = (usize, u64)> + use<> {
        self.rows.clone().zip(self.event..)
    }
}

/// The runs of one batch.
#[derive(Debug, Default)]
pub(super) struct Layout {
    runs: Vec<Run>,
    rows: usize,
}

impl Layout {
    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The runs of a kind, in row order.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.kind == kind)
    }

    /// Validity of the rows: set where the event is of that kind.
    pub(super) fn nulls(&self, kind: Kind) -> NullBuffer {
        let mut valid = BooleanBufferBuilder::new(self.rows);
        for run in &self.runs {
            valid.append_n(run.rows.len(), run.kind == kind);
        }
        NullBuffer::new(valid.finish())
    }

    /// The column `event_type`.
    pub(super) fn event_types(&self) -> Vec<i32> {
        let mut types = vec![0; self.rows];
        for run in &self.runs {
            types[run.rows.clone()].fill(run.kind as i32);
        }
        types
    }

    /// Appends the events `first .. first + count`.
    pub(super) fn append(&mut self, config: &Config, first: u64, count: u64) {
        let end = first + count;
        let mut event = first;
        while event < end {
            let id = event + FIRST_EVENT_ID;
            let (round, offset) = (id / config.round(), id % config.round());
            let (kind, left) = kind_at(config, offset);
            let length = left.min(end - event) as usize;
            self.runs.push(Run {
                kind,
                rows: self.rows..self.rows + length,
                event,
                last_auction: last_auction(config, kind, round as i64, offset as i64),
                last_person: last_person(config, kind, round as i64, offset as i64),
            });
            self.rows += length;
            event += length as u64;
        }
    }
}

/// The kind at an offset of the round and how many of it are left in the round.
fn kind_at(config: &Config, offset: u64) -> (Kind, u64) {
    let auctions_end = config.person_proportion + config.auction_proportion;
    if offset < config.person_proportion {
        (Kind::Person, config.person_proportion - offset)
    } else if offset < auctions_end {
        (Kind::Auction, auctions_end - offset)
    } else {
        (Kind::Bid, config.round() - offset)
    }
}

/// `AuctionGenerator.lastBase0AuctionId`
fn last_auction(config: &Config, kind: Kind, round: i64, offset: i64) -> i64 {
    let per_round = config.auction_proportion as i64;
    match kind {
        Kind::Person => (round - 1) * per_round + per_round - 1,
        Kind::Auction => round * per_round + offset - config.person_proportion as i64,
        Kind::Bid => round * per_round + per_round - 1,
    }
}

/// `PersonGenerator.lastBase0PersonId`
fn last_person(config: &Config, kind: Kind, round: i64, offset: i64) -> i64 {
    let per_round = config.person_proportion as i64;
    match kind {
        Kind::Person => round * per_round + offset,
        Kind::Auction | Kind::Bid => round * per_round + per_round - 1,
    }
}
