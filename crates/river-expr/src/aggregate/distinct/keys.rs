//! How often each value has come in each slot: one hash table for all slots.
//!
//! Integers, dates, times and floating-point numbers are keys of 64 bits, text and bytes are
//! themselves, everything else (and several arguments) is encoded to bytes. NULL has a count of
//! its own in each slot.

mod saved;

use std::hash::{BuildHasher, Hash};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use hashbrown::{DefaultHashBuilder, HashTable};
use river_core::{DataType, LogicalType, Value};

use crate::column::value_at;
use crate::{EvalError, Result};

/// A key on its own; `None` is NULL.
#[derive(Debug, Clone)]
pub(super) enum Key {
    Null,
    Number(i64),
    Bytes(Box<[u8]>),
}

/// How the arguments become keys.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    Number(LogicalType),
    Text(LogicalType),
    Encoded,
}

/// The keys of a batch.
pub(super) enum Batch {
    Numbers(Vec<i64>, Option<NullBuffer>),
    Text(ArrayRef),
    Encoded(Vec<Vec<u8>>),
}

/// The table, of the kind that the arguments need.
enum Table {
    Numbers(Counts<i64>),
    Bytes(Counts<Box<[u8]>>),
}

pub(super) struct KeyTable {
    form: Form,
    arguments: usize,
    types: Vec<DataType>,
    table: Table,
    /// Count of NULL in each slot.
    nulls: Vec<i64>,
}

impl KeyTable {
    pub(super) fn new(args: &[DataType]) -> KeyTable {
        let form = match args {
            [only] if is_number(&only.logical) => Form::Number(only.logical.clone()),
            [only] if only.logical.is_character() || only.logical.is_binary() => {
                Form::Text(only.logical.clone())
            }
            _ => Form::Encoded,
        };
        let table = match form {
            Form::Number(_) => Table::Numbers(Counts::default()),
            _ => Table::Bytes(Counts::default()),
        };
        let types = args.to_vec();
        KeyTable { form, arguments: args.len(), types, table, nulls: Vec::new() }
    }

    pub(super) fn grow(&mut self, slots: usize) {
        if slots > self.nulls.len() {
            self.nulls.resize(slots, 0);
        }
        match &mut self.table {
            Table::Numbers(counts) => counts.grow(slots),
            Table::Bytes(counts) => counts.grow(slots),
        }
    }

    /// The keys of the rows.
    pub(super) fn read(&self, args: &[ArrayRef]) -> Result<Batch> {
        let [first, ..] = args else {
            return Err(EvalError::new("DISTINCT needs an argument"));
        };
        if args.len() != self.arguments {
            return Err(EvalError::new("an aggregate got the wrong number of arguments"));
        }
        Ok(match &self.form {
            Form::Number(ty) => Batch::Numbers(numbers(first, ty), first.logical_nulls()),
            Form::Text(_) => Batch::Text(first.clone()),
            Form::Encoded => {
                let row = |row: usize| {
                    let mut bytes = Vec::new();
                    for (array, ty) in args.iter().zip(&self.types) {
                        encode(&value_at(array, &ty.logical, row), &mut bytes);
                    }
                    bytes
                };
                Batch::Encoded((0..first.len()).map(row).collect())
            }
        })
    }

    /// Changes the count of a row's key and gives the new count.
    #[inline]
    pub(super) fn change_row(&mut self, slot: u32, batch: &Batch, row: usize, by: i64) -> i64 {
        match (batch, &mut self.table) {
            (Batch::Numbers(keys, nulls), Table::Numbers(counts)) => {
                if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    return change_null(&mut self.nulls, slot, by);
                }
                counts.change(slot, &keys[row], by, |key| *key)
            }
            (Batch::Text(array), Table::Bytes(counts)) => {
                if array.is_null(row) {
                    return change_null(&mut self.nulls, slot, by);
                }
                let bytes = match array.as_string_view_opt() {
                    Some(text) => text.value(row).as_bytes(),
                    None => array.as_binary_view().value(row),
                };
                counts.change(slot, bytes, by, |bytes| bytes.into())
            }
            (Batch::Encoded(keys), Table::Bytes(counts)) => {
                counts.change(slot, keys[row].as_slice(), by, |bytes| bytes.into())
            }
            _ => unreachable!("a batch is read for its own table"),
        }
    }

    /// Changes the count of a key and gives the new count.
    pub(super) fn change(&mut self, slot: u32, key: &Key, by: i64) -> i64 {
        match (key, &mut self.table) {
            (Key::Null, _) => change_null(&mut self.nulls, slot, by),
            (Key::Number(key), Table::Numbers(counts)) => counts.change(slot, key, by, |k| *k),
            (Key::Bytes(key), Table::Bytes(counts)) => {
                counts.change(slot, key.as_ref(), by, |bytes| bytes.into())
            }
            _ => unreachable!("a key is made for its own table"),
        }
    }

    /// The keys of a slot with their counts, in the order they came.
    pub(super) fn of_slot(&self, slot: u32) -> Vec<(Key, i64)> {
        let mut keys: Vec<(Key, i64)> = match &self.table {
            Table::Numbers(counts) => {
                counts.of_slot(slot).map(|(key, count)| (Key::Number(*key), count)).collect()
            }
            Table::Bytes(counts) => {
                counts.of_slot(slot).map(|(key, count)| (Key::Bytes(key.clone()), count)).collect()
            }
        };
        keys.reverse();
        if self.nulls[slot as usize] != 0 {
            keys.push((Key::Null, self.nulls[slot as usize]));
        }
        keys
    }

    /// Forgets all keys of a slot.
    pub(super) fn clear(&mut self, slot: u32) {
        self.nulls[slot as usize] = 0;
        match &mut self.table {
            Table::Numbers(counts) => counts.clear(slot),
            Table::Bytes(counts) => counts.clear(slot),
        }
    }

    /// The arguments that a key stands for.
    pub(super) fn arguments(&self, key: &Key) -> Vec<Value> {
        match (key, &self.form) {
            (Key::Number(key), Form::Number(ty)) => vec![value_of_number(*key, ty)],
            (Key::Bytes(bytes), Form::Text(ty)) if ty.is_binary() => {
                vec![Value::Bytes(bytes.as_ref().into())]
            }
            (Key::Bytes(bytes), Form::Text(_)) => {
                vec![Value::string(String::from_utf8_lossy(bytes).into_owned())]
            }
            (Key::Bytes(bytes), Form::Encoded) => {
                let mut rest = bytes.as_ref();
                (0..self.arguments).map(|_| decode(&mut rest).unwrap_or(Value::Null)).collect()
            }
            _ => vec![Value::Null; self.arguments],
        }
    }
}

fn change_null(nulls: &mut [i64], slot: u32, by: i64) -> i64 {
    let count = &mut nulls[slot as usize];
    *count += by;
    *count
}

/// End of a list of entries.
const NONE: u32 = u32::MAX;

struct Entry<K> {
    key: K,
    slot: u32,
    /// Neighbours in the list of the slot's entries, newest first.
    newer: u32,
    older: u32,
    count: i64,
}

/// Counts by slot and key. Entries of a slot are linked, so that a slot can be listed and cleared
/// without a table of its own; freed entries are used again.
struct Counts<K> {
    hasher: DefaultHashBuilder,
    table: HashTable<u32>,
    entries: Vec<Entry<K>>,
    free: Vec<u32>,
    newest: Vec<u32>,
}

impl<K> Default for Counts<K> {
    fn default() -> Counts<K> {
        Counts {
            hasher: DefaultHashBuilder::default(),
            table: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            newest: Vec::new(),
        }
    }
}

fn hash_of<Q: Hash + ?Sized>(hasher: &DefaultHashBuilder, slot: u32, key: &Q) -> u64 {
    use std::hash::Hasher;
    let mut state = hasher.build_hasher();
    state.write_u32(slot);
    key.hash(&mut state);
    state.finish()
}

impl<K> Counts<K> {
    fn grow(&mut self, slots: usize) {
        if slots > self.newest.len() {
            self.newest.resize(slots, NONE);
        }
    }

    #[inline]
    fn change<Q>(&mut self, slot: u32, key: &Q, by: i64, own: impl FnOnce(&Q) -> K) -> i64
    where
        Q: Hash + Eq + ?Sized,
        K: std::borrow::Borrow<Q> + Hash,
    {
        let hash = hash_of(&self.hasher, slot, key);
        let entries = &self.entries;
        let found = self.table.find(hash, |&index| {
            let entry = &entries[index as usize];
            entry.slot == slot && entry.key.borrow() == key
        });
        match found.copied() {
            Some(index) => {
                let entry = &mut self.entries[index as usize];
                entry.count += by;
                let count = entry.count;
                if count == 0 {
                    self.remove(index, hash);
                }
                count
            }
            None => {
                self.insert(slot, own(key), by, hash);
                by
            }
        }
    }

    fn insert(&mut self, slot: u32, key: K, count: i64, hash: u64)
    where
        K: Hash,
    {
        let older = self.newest[slot as usize];
        let entry = Entry { key, slot, newer: NONE, older, count };
        let index = match self.free.pop() {
            Some(index) => {
                self.entries[index as usize] = entry;
                index
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        if older != NONE {
            self.entries[older as usize].newer = index;
        }
        self.newest[slot as usize] = index;
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.table.insert_unique(hash, index, |&index| {
            let entry = &entries[index as usize];
            hash_of(hasher, entry.slot, &entry.key)
        });
    }

    fn remove(&mut self, index: u32, hash: u64) {
        if let Ok(found) = self.table.find_entry(hash, |&other| other == index) {
            found.remove();
        }
        let (slot, newer, older) = {
            let entry = &self.entries[index as usize];
            (entry.slot, entry.newer, entry.older)
        };
        match newer {
            NONE => self.newest[slot as usize] = older,
            newer => self.entries[newer as usize].older = older,
        }
        if older != NONE {
            self.entries[older as usize].newer = newer;
        }
        self.free.push(index);
    }

    /// Keys and counts, newest first.
    fn of_slot(&self, slot: u32) -> impl Iterator<Item = (&K, i64)> {
        let mut next = self.newest[slot as usize];
        std::iter::from_fn(move || {
            if next == NONE {
                return None;
            }
            let entry = &self.entries[next as usize];
            next = entry.older;
            Some((&entry.key, entry.count))
        })
    }

    fn clear(&mut self, slot: u32)
    where
        K: Hash,
    {
        let mut next = std::mem::replace(&mut self.newest[slot as usize], NONE);
        while next != NONE {
            let entry = &self.entries[next as usize];
            let hash = hash_of(&self.hasher, slot, &entry.key);
            let older = entry.older;
            if let Ok(found) = self.table.find_entry(hash, |&other| other == next) {
                found.remove();
            }
            self.free.push(next);
            next = older;
        }
    }
}

fn is_number(ty: &LogicalType) -> bool {
    use LogicalType::*;
    ty.is_integer()
        || ty.is_approximate()
        || ty.is_datetime()
        || ty.is_interval()
        || matches!(ty, Boolean)
}

/// Doubles equal in Java have equal bits: all NaNs are one.
fn bits(value: f64) -> i64 {
    if value.is_nan() { f64::NAN.to_bits() as i64 } else { value.to_bits() as i64 }
}

/// The keys of a column of such a type; NULL rows hold anything.
fn numbers(array: &ArrayRef, ty: &LogicalType) -> Vec<i64> {
    use arrow_array::types::*;
    fn wide<T: arrow_array::ArrowPrimitiveType>(array: &ArrayRef) -> Option<Vec<i64>>
    where
        T::Native: Into<i64>,
    {
        let array = array.as_primitive_opt::<T>()?;
        Some(array.values().iter().map(|v| (*v).into()).collect())
    }
    let fast = match ty {
        LogicalType::TinyInt => wide::<Int8Type>(array),
        LogicalType::SmallInt => wide::<Int16Type>(array),
        LogicalType::Int => wide::<Int32Type>(array),
        LogicalType::BigInt => wide::<Int64Type>(array),
        LogicalType::Date => wide::<Date32Type>(array),
        LogicalType::Timestamp(..) | LogicalType::TimestampLtz(..) => {
            crate::column::timestamp_ticks(array).map(<[i64]>::to_vec)
        }
        _ => None,
    };
    fast.unwrap_or_else(|| {
        (0..array.len()).map(|row| number_of_value(&value_at(array, ty, row))).collect()
    })
}

fn number_of_value(value: &Value) -> i64 {
    match value {
        Value::Boolean(v) => (*v).into(),
        Value::Float32(v) => bits((*v).into()),
        Value::Float64(v) => bits(*v),
        other => other.as_i64().unwrap_or(0),
    }
}

fn value_of_number(key: i64, ty: &LogicalType) -> Value {
    match ty {
        LogicalType::Boolean => Value::Boolean(key != 0),
        LogicalType::TinyInt => Value::Int8(key as i8),
        LogicalType::SmallInt => Value::Int16(key as i16),
        LogicalType::Int
        | LogicalType::Date
        | LogicalType::Time(_)
        | LogicalType::IntervalYearMonth => Value::Int32(key as i32),
        LogicalType::Float => Value::Float32(f64::from_bits(key as u64) as f32),
        LogicalType::Double => Value::Float64(f64::from_bits(key as u64)),
        _ => Value::Int64(key),
    }
}

/// Appends a value in a form that equal values share and that [`decode`] reads.
fn encode(value: &Value, into: &mut Vec<u8>) {
    let mut fixed = |tag: u8, bytes: &[u8]| {
        into.push(tag);
        into.extend_from_slice(bytes);
    };
    match value {
        Value::Null => into.push(0),
        Value::Boolean(v) => fixed(1, &[u8::from(*v)]),
        Value::Int8(v) => fixed(2, &v.to_le_bytes()),
        Value::Int16(v) => fixed(3, &v.to_le_bytes()),
        Value::Int32(v) => fixed(4, &v.to_le_bytes()),
        Value::Int64(v) => fixed(5, &v.to_le_bytes()),
        Value::Float32(v) => fixed(6, &bits((*v).into()).to_le_bytes()),
        Value::Float64(v) => fixed(7, &bits(*v).to_le_bytes()),
        Value::Decimal(v) => fixed(8, &v.to_le_bytes()),
        Value::String(v) => {
            fixed(9, &(v.len() as u64).to_le_bytes());
            into.extend_from_slice(v.as_bytes());
        }
        Value::Bytes(v) => {
            fixed(10, &(v.len() as u64).to_le_bytes());
            into.extend_from_slice(v);
        }
        Value::List(items) => {
            fixed(11, &(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| encode(item, into));
        }
        Value::Map(entries) => {
            fixed(12, &(entries.len() as u64).to_le_bytes());
            for (key, value) in entries {
                encode(key, into);
                encode(value, into);
            }
        }
    }
}

/// Takes a value written by [`encode`] off the front; `None` for other bytes.
fn decode(from: &mut &[u8]) -> Option<Value> {
    fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
        let (head, rest) = from.split_first_chunk::<N>()?;
        *from = rest;
        Some(*head)
    }
    fn sized<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
        let length = u64::from_le_bytes(take(from)?) as usize;
        let (head, rest) = from.split_at_checked(length)?;
        *from = rest;
        Some(head)
    }
    let double = |from: &mut &[u8]| take(from).map(|b| f64::from_bits(u64::from_le_bytes(b)));
    Some(match take::<1>(from)?[0] {
        1 => Value::Boolean(take::<1>(from)?[0] != 0),
        2 => Value::Int8(i8::from_le_bytes(take(from)?)),
        3 => Value::Int16(i16::from_le_bytes(take(from)?)),
        4 => Value::Int32(i32::from_le_bytes(take(from)?)),
        5 => Value::Int64(i64::from_le_bytes(take(from)?)),
        6 => Value::Float32(double(from)? as f32),
        7 => Value::Float64(double(from)?),
        8 => Value::Decimal(i128::from_le_bytes(take(from)?)),
        9 => Value::string(std::str::from_utf8(sized(from)?).ok()?),
        10 => Value::Bytes(sized(from)?.into()),
        11 => {
            let length = u64::from_le_bytes(take(from)?);
            Value::List((0..length).map(|_| decode(from)).collect::<Option<_>>()?)
        }
        12 => {
            let length = u64::from_le_bytes(take(from)?);
            let entry = |_| Some((decode(from)?, decode(from)?));
            Value::Map((0..length).map(entry).collect::<Option<_>>()?)
        }
        _ => Value::Null,
    })
}
