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

    /// The slots of this set that are not in the other.
    pub fn without(&self, other: &SlotSet) -> SlotSet {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        SlotSet {
            words: self.words.iter().zip(others).map(|(word, other)| word & !other).collect(),
        }
    }

    /// Adds the slots of the other set.
    pub fn add(&mut self, other: &SlotSet) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Takes out the slots that are not in the other set.
    pub fn keep(&mut self, other: &SlotSet) {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        self.words.iter_mut().zip(others).for_each(|(word, other)| *word &= other);
    }

    /// Up to `most` slots that are not in `recent`, going on at `hand` and around once or twice;
    /// the slots passed by are taken out of `recent`, and so have until the next time.
    pub fn sweep(&self, recent: &mut SlotSet, hand: &mut u32, most: usize) -> Vec<u32> {
        let mut found = Vec::with_capacity(most);
        let words = self.words.len();
        recent.words.resize(words.max(recent.words.len()), 0);
        let first = (*hand as usize / 64).min(words);
        let mut seen = SlotSet { words: vec![0; words] };
        for at in (first..words).chain(0..words).chain(0..first) {
            if found.len() >= most {
                *hand = at as u32 * 64;
                return found;
            }
            let mut cold = self.words[at] & !recent.words[at] & !seen.words[at];
            recent.words[at] = 0;
            while cold != 0 && found.len() < most {
                let bit = cold & cold.wrapping_neg();
                seen.words[at] |= bit;
                found.push(at as u32 * 64 + bit.trailing_zeros());
                cold &= !bit;
            }
        }
        *hand = 0;
        found
    }

    /// Bytes of memory it holds.
    pub fn memory(&self) -> usize {
        self.words.capacity() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(slots: &[u32]) -> SlotSet {
        let mut set = SlotSet::default();
        slots.iter().for_each(|slot| set.insert(*slot));
        set
    }

    #[test]
    fn a_sweep_passes_recent_slots_once() {
        let all = set(&[1, 2, 70, 71, 130]);
        let mut recent = set(&[2, 70]);
        let mut hand = 0;
        assert_eq!(all.sweep(&mut recent, &mut hand, 2), [1, 71]);
        assert_eq!((all.sweep(&mut recent, &mut hand, 1), recent.is_empty()), (vec![130], true));
        recent = set(&[1]);
        assert_eq!(all.sweep(&mut recent, &mut hand, 9), [2, 70, 71, 130, 1]);
        assert_eq!(all.without(&set(&[1, 71, 500])), set(&[2, 70, 130]));
        let mut some = set(&[2, 71]);
        some.add(&set(&[1, 130, 200]));
        some.keep(&all);
        assert_eq!((some.len(), some.contains(200)), (4, false));
    }

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
