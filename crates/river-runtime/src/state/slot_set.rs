//! A set of slot numbers as a bitmap: one bit a slot, copied in a blink.

/// A set of slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotSet {
    words: Vec<u64>,
}

impl SlotSet {
    /// Adds a slot.
    #[inline]
    pub fn insert(&mut self, slot: u32) {
        let word = slot as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (slot % 64);
    }

    /// Takes a slot out; says whether it was in.
    #[inline]
    pub fn remove(&mut self, slot: u32) -> bool {
        let Some(word) = self.words.get_mut(slot as usize / 64) else { return false };
        let bit = 1 << (slot % 64);
        let was_in = *word & bit != 0;
        *word &= !bit;
        was_in
    }

    /// Whether a slot is in.
    #[inline]
    pub fn contains(&self, slot: u32) -> bool {
        let word = self.words.get(slot as usize / 64).copied().unwrap_or(0);
        word >> (slot % 64) & 1 == 1
    }

    /// Slots in the set.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no slot is in.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Takes out up to `most` slots, all of them at or above `from`, in order; they are added to
    /// `taken`. Returns where to go on, or `None` once no slot is left above.
    pub fn take_from(&mut self, from: u32, most: usize, taken: &mut Vec<u32>) -> Option<u32> {
        let mut left = most;
        let mut at = from as usize / 64;
        while at < self.words.len() {
            while self.words[at] != 0 {
                if left == 0 {
                    return Some(at as u32 * 64);
                }
                let bit = self.words[at].trailing_zeros();
                self.words[at] &= self.words[at] - 1;
                taken.push(at as u32 * 64 + bit);
                left -= 1;
            }
            at += 1;
        }
        None
    }

    /// Bytes of memory it holds.
    pub fn memory(&self) -> usize {
        self.words.capacity() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_taken_out_in_order_and_in_parts() {
        let mut set = SlotSet::default();
        for slot in [200, 3, 64, 65, 1] {
            set.insert(slot);
        }
        assert!(set.remove(65) && !set.remove(65) && !set.contains(65));
        assert_eq!(set.len(), 4);
        let mut taken = Vec::new();
        let next = set.take_from(0, 3, &mut taken);
        assert_eq!(taken, [1, 3, 64]);
        assert_eq!(set.take_from(next.unwrap(), 3, &mut taken), None);
        assert_eq!(taken, [1, 3, 64, 200]);
        assert!(set.is_empty());
    }
}
