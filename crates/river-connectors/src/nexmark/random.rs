//! Random numbers by position: draw `slot` of event `n` is element `n * SLOTS + slot` of the
//! SplitMix64 sequence of a seed. No state is carried from event to event, so any event can be made
//! alone, columns can be made one after another, and an event number is a complete position.
//!
//! The benchmark's Java source for Flink makes the same draws: change both or none.

/// Draws reserved for one event.
const SLOTS: u64 = 16;
/// SplitMix64's increment (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's finaliser.
#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// One 64-bit draw; most fields use its two halves as two independent draws.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw(pub(super) u64);

impl Draw {
    /// A number in `0..n` from the upper half.
    #[inline]
    pub(super) fn upper(self, n: u32) -> u32 {
        scale((self.0 >> 32) as u32, n)
    }

    /// A number in `0..n` from the lower half.
    #[inline]
    pub(super) fn lower(self, n: u32) -> u32 {
        scale(self.0 as u32, n)
    }

    /// A number in `0..n` from the whole draw. Like `LongGenerator`, precise for small `n` only.
    #[inline]
    pub(super) fn below(self, n: u64) -> u64 {
        match u32::try_from(n) {
            Ok(n) => self.upper(n).into(),
            Err(_) => self.0 % n,
        }
    }
}

/// Scales a 32-bit draw to `0..n` (0 for `n` = 0).
#[inline]
fn scale(draw: u32, n: u32) -> u32 {
    ((u64::from(draw) * u64::from(n)) >> 32) as u32
}

/// The draws of all events under one seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws {
    seed: u64,
}

impl Draws {
    /// The draws of a seed.
    pub(super) fn new(seed: u64) -> Draws {
        Draws { seed: mix(seed) }
    }

    /// Draw `slot` (below [`SLOTS`]) of an event.
    #[inline]
    pub(super) fn at(self, event: u64, slot: u64) -> Draw {
        debug_assert!(slot < SLOTS);
        let index = event.wrapping_mul(SLOTS).wrapping_add(slot + 1);
        Draw(mix(self.seed.wrapping_add(index.wrapping_mul(GAMMA))))
    }
}

/// An ordinary sequential SplitMix64, for texts whose length is itself random.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    state: u64,
}

impl Sequence {
    /// The sequence that starts at a seed.
    pub(super) fn new(seed: u64) -> Sequence {
        Sequence { state: seed }
    }

    /// The next draw.
    #[inline]
    pub(super) fn draw(&mut self) -> Draw {
        self.state = self.state.wrapping_add(GAMMA);
        Draw(mix(self.state))
    }
}
