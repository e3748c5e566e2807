//! The state table: for each group and value, what each filter has let through.
//!
//! Where rows may be taken away that is a count for each filter, otherwise a bit (as Flink's
//! `DistinctInfo` with and without retraction).

use arrow_array::ArrayRef;
use arrow_schema::{DataType as Arrow, FieldRef};
use river_runtime::Result;
use river_runtime::state::{DiskLayout, KeyIndex, Saved, StateTable};

use crate::aggregate::group::Spec;
use crate::saved;
use crate::stored_rows::written_column;
use crate::ttl::Ttl;

/// Values and what is known of them, by slot.
pub struct Seen {
    name: &'static str,
    key_columns: Vec<FieldRef>,
    pub index: KeyIndex,
    retract: bool,
    /// Words of a slot.
    width: usize,
    /// Counts, or bits of filters, `width` a slot.
    words: Vec<i64>,
    pub ttl: Ttl,
}

impl Seen {
    /// No values yet. `filters`: how many filters the calls with these arguments have.
    pub fn new(spec: &Spec, args: &[usize], filters: usize) -> Result<Seen> {
        let args = saved::input_columns(spec.input, args);
        let names: Vec<&str> = args.iter().map(|arg| arg.name().as_str()).collect();
        let name = saved::table_name(format!("distinct({})", names.join(", ")));
        let group = ["#group_hash", "#group_number"];
        let mut key_columns: Vec<FieldRef> =
            group.iter().map(|name| saved::column(*name, Arrow::Int64)).collect();
        key_columns.extend(args);
        let types: Vec<Arrow> = key_columns.iter().map(|key| key.data_type().clone()).collect();
        Ok(Seen {
            name,
            key_columns,
            index: KeyIndex::new(&types)?,
            retract: spec.retract,
            width: if spec.retract { filters } else { filters.div_ceil(64) },
            words: Vec::new(),
            ttl: Ttl::new(spec.ttl_ms),
        })
    }

    /// The slots of these keys; new ones have been let through by no filter.
    pub fn slots(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        self.index.lookup_or_insert(keys, rows, &mut slots)?;
        self.words.resize(self.index.capacity() * self.width, 0);
        Ok(slots)
    }

    /// A filter lets the value through, or its retraction; says whether that is the first time,
    /// or takes the last away.
    #[inline]
    pub fn change(&mut self, slot: u32, filter: usize, taken_away: bool) -> bool {
        let first = slot as usize * self.width;
        if self.retract {
            let count = &mut self.words[first + filter];
            *count += if taken_away { -1 } else { 1 };
            return *count == if taken_away { 0 } else { 1 };
        }
        let (word, bit) = (&mut self.words[first + filter / 64], 1 << (filter % 64));
        let is_first = *word & bit == 0;
        *word |= bit;
        is_first
    }

    /// Forgets those of the slots that no filter has let through, or no more.
    pub fn drop_unseen(&mut self, mut slots: Vec<u32>) {
        if !self.retract {
            return;
        }
        slots.retain(|slot| self.of(*slot).iter().all(|count| *count == 0));
        slots.sort_unstable();
        slots.dedup();
        self.forget(&slots);
    }

    /// Forgets values.
    pub fn forget(&mut self, slots: &[u32]) {
        for slot in slots {
            let first = *slot as usize * self.width;
            self.words[first..first + self.width].fill(0);
            self.ttl.forget(*slot);
            self.index.remove(*slot);
        }
    }

    fn of(&self, slot: u32) -> &[i64] {
        let first = slot as usize * self.width;
        &self.words[first..first + self.width]
    }
}

impl StateTable for Seen {
    fn name(&self) -> &'static str {
        self.name
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.key_columns.clone();
        columns.push(written_column());
        let what = if self.retract { "count" } else { "filters" };
        let words = (0..self.width).map(|at| saved::column(format!("#{what}.{at}"), Arrow::Int64));
        columns.extend(words);
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.index
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut columns = self.index.key_columns(slots)?;
        let hashes = saved::read_numbers(&columns[0])?.iter().map(|hash| *hash as u64).collect();
        columns.push(self.ttl.save(slots));
        for at in 0..self.width {
            columns.push(saved::numbers(slots.iter().map(|slot| self.of(*slot)[at])));
        }
        Ok(Saved { columns, hashes })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (keys, rest) = columns.split_at(self.key_columns.len());
        let slots = self.slots(keys, rows)?;
        for (at, column) in rest[1..].iter().enumerate() {
            for (slot, word) in slots.iter().zip(saved::read_numbers(column)?) {
                self.words[*slot as usize * self.width + at] = *word;
            }
        }
        self.ttl.load(&slots, &rest[0])
    }

    fn memory(&self) -> usize {
        self.index.memory() + self.words.capacity() * 8 + self.ttl.memory()
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.index
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: (0..self.key_columns.len()).collect(),
            times: 0,
            carries_hash: true,
            lifetime: self.ttl.lifetime(self.key_columns.len()),
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        self.forget(slots);
    }
}
