//! Inputs made by seed, for tests that run an operator on many of them.

use river_core::Field;

use super::batch;
use super::checkpoint::Event;

/// Numbers that look random (splitmix64), the same for the same seed.
pub struct Random(u64);

impl Random {
    /// The numbers of that seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A number below `limit` as a word of a row; sometimes NULL.
    pub fn number(&mut self, limit: u64) -> String {
        if self.once_in(8) { "NULL".to_owned() } else { self.below(limit).to_string() }
    }

    /// One of `limit` texts as a word of a row; short, long, or NULL.
    pub fn text(&mut self, limit: u64) -> String {
        match self.below(limit) {
            0 => "NULL".to_owned(),
            some if some % 2 == 1 => format!("t{some}"),
            some => format!("text-of-more-than-twelve-bytes-{some}"),
        }
    }
}

/// Which changes an input consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Changelog<'a> {
    /// Only new rows.
    Inserts,
    /// Any row that is there may be taken away or changed; equal rows may be there twice.
    Retracts,
    /// There is one row for each value of these columns; `-U` comes before `+U`.
    Updates(&'a [usize]),
    /// As `Updates`, without `-U`.
    Upserts(&'a [usize]),
}

/// What the rows of one input are like.
pub struct Rows<'a> {
    /// Columns.
    pub fields: &'a [Field],
    /// Changes.
    pub changelog: Changelog<'a>,
    /// The values of a new row as words, given its event time.
    pub row: &'a dyn Fn(&mut Random, i64) -> String,
}

/// How many events there are to be, and how time goes.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Batches.
    pub batches: u64,
    /// Most rows of a batch.
    pub rows: u64,
    /// Whether there are watermarks.
    pub marks: bool,
    /// Most that the wall clock moves on from batch to batch, milliseconds.
    pub clock_ms: u64,
}

/// Events of all inputs in turn. Event time moves on by half a second a row; rows are up to two
/// seconds behind it, watermarks one: so some rows are late.
pub fn events(seed: u64, plan: Plan, inputs: &[Rows]) -> Vec<Event> {
    let mut random = Random::new(seed);
    let mut there: Vec<Vec<String>> = vec![Vec::new(); inputs.len()];
    let (mut time, mut now, mut watermark) = (0_i64, 0_i64, -1_i64);
    let mut events = Vec::new();
    for _ in 0..plan.batches {
        let input = random.below(inputs.len() as u64) as usize;
        let mut text = String::new();
        for _ in 0..random.below(plan.rows + 1) {
            time += random.below(1000) as i64;
            let of_row = time - random.below(2000) as i64;
            change(&mut random, &inputs[input], &mut there[input], of_row, &mut text);
            if plan.marks && random.once_in(4) && time - 1000 > watermark {
                watermark = time - 1000;
                text.push_str(&format!("@ {watermark}\n"));
            }
        }
        now += random.below(plan.clock_ms + 1) as i64;
        let batch = batch(inputs[input].fields, &text);
        events.push(Event::Batch { input, batch, now });
    }
    events.extend((0..inputs.len()).map(|input| Event::End { input, now }));
    events
}

fn change(random: &mut Random, rows: &Rows, there: &mut Vec<String>, time: i64, text: &mut String) {
    let mut line = |kind: &str, row: &str| text.push_str(&format!("{kind} {row}\n"));
    let removes = rows.changelog != Changelog::Inserts && !there.is_empty() && random.once_in(3);
    if removes {
        let at = random.below(there.len() as u64) as usize;
        let row = there.swap_remove(at);
        let updates = rows.changelog == Changelog::Retracts && random.once_in(2);
        line(if updates { "-U" } else { "-D" }, &row);
        if !updates {
            return;
        }
        let new = (rows.row)(random, time);
        line("+U", &new);
        there.push(new);
        return;
    }
    let new = (rows.row)(random, time);
    let (Changelog::Updates(unique) | Changelog::Upserts(unique)) = rows.changelog else {
        line("+I", &new);
        there.push(new);
        return;
    };
    let key = |row: &str| -> Vec<String> {
        let words: Vec<&str> = row.split_whitespace().collect();
        unique.iter().map(|column| words[*column].to_owned()).collect()
    };
    match there.iter().position(|row| key(row) == key(&new)) {
        Some(at) => {
            if let Changelog::Updates(_) = rows.changelog {
                line("-U", &there[at]);
            }
            line("+U", &new);
            there[at] = new;
        }
        None => {
            line("+I", &new);
            there.push(new);
        }
    }
}
