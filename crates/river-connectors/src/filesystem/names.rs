//! A list of names in as few bytes as is simple: each says how much of the one before it repeats
//! (front coding). Names come in nearly sorted order, so a path costs little more than its end.
//!
//! The reader's state holds such lists; appending is all that is ever done to one, so a snapshot
//! copies its bytes and encodes nothing.

use river_runtime::{Error, Result};

/// An encoded list of names.
#[derive(Debug, Clone, Default)]
pub struct Names {
    bytes: Vec<u8>,
    last: String,
}

impl Names {
    /// Appends a name.
    pub fn push(&mut self, name: &str) {
        let pairs = self.last.bytes().zip(name.bytes());
        let mut shared = pairs.take_while(|(a, b)| a == b).count();
        while !name.is_char_boundary(shared) {
            shared -= 1;
        }
        write_number(shared as u64, &mut self.bytes);
        write_number((name.len() - shared) as u64, &mut self.bytes);
        self.bytes.extend_from_slice(&name.as_bytes()[shared..]);
        self.last.truncate(shared);
        self.last.push_str(&name[shared..]);
    }

    /// The encoded list.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Calls `each` with every name of an encoded list, in order.
///
/// # Errors
/// The bytes are no such list; what `each` gives.
pub fn for_each(mut bytes: &[u8], mut each: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let damaged = || Error::internal("a stored list of files is damaged");
    let mut name = String::new();
    while !bytes.is_empty() {
        let shared = read_number(&mut bytes).ok_or_else(damaged)?;
        let length = read_number(&mut bytes).ok_or_else(damaged)?;
        let end = bytes.get(..length).ok_or_else(damaged)?;
        let end = std::str::from_utf8(end).map_err(|_| damaged())?;
        if !name.is_char_boundary(shared) {
            return Err(damaged());
        }
        name.truncate(shared);
        name.push_str(end);
        bytes = &bytes[length..];
        each(&name)?;
    }
    Ok(())
}

/// Seven bits a byte, the lowest first; the last byte has its top bit clear.
fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn names_come_back(names in proptest::collection::vec("[a-b/日é]{0,300}", 0..20)) {
            let mut list = Names::default();
            names.iter().for_each(|name| list.push(name));
            let mut read = Vec::new();
            for_each(list.bytes(), |name| {
                read.push(name.to_owned());
                Ok(())
            })
            .unwrap();
            prop_assert_eq!(read, names);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = for_each(&bytes, |_| Ok(()));
        }
    }

    #[test]
    fn a_name_costs_little_more_than_its_end() {
        let mut list = Names::default();
        for n in 0..1000 {
            list.push(&format!("/data/warehouse/orders/dt=2024-03-01/part-{n:05}.json"));
        }
        assert!(list.bytes().len() < 13 * 1000, "{}", list.bytes().len());
    }
}
