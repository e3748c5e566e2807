//! Prices (`PriceGenerator.nextPrice`): 100 times ten to a power that is uniform in 0 to 6.
//!
//! The power is one entry of a table of 1,024 times the exponential series of the small rest, which
//! is several times faster than `powf` and gives the same cents in every language.

use std::sync::OnceLock;

use super::random::Draw;

/// Leading bits of the draw that choose the table entry.
const TABLE_BITS: u32 = 10;
/// Bits of the draw that make up the rest.
const REST_BITS: u32 = 44;
/// Decades that prices span.
const DECADES: f64 = 6.0;

/// The table of leading powers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices(&'static [f64; 1 << TABLE_BITS]);

impl Prices {
    /// The prices; the table is made at first use.
    pub(super) fn shared() -> Prices {
        static TABLE: OnceLock<[f64; 1 << TABLE_BITS]> = OnceLock::new();
        Prices(TABLE.get_or_init(|| {
            let step = DECADES / f64::from(1u32 << TABLE_BITS);
            std::array::from_fn(|i| 100.0 * 10f64.powf(step * i as f64))
        }))
    }

    /// The price of a draw, 100 to 100,000,000.
    #[inline]
    pub(super) fn price(self, draw: Draw) -> i64 {
        let entry = (draw.0 >> (64 - TABLE_BITS)) as usize;
        let rest = (draw.0 >> (64 - TABLE_BITS - REST_BITS)) & ((1 << REST_BITS) - 1);
        let scale = DECADES * std::f64::consts::LN_10 / (1u64 << (TABLE_BITS + REST_BITS)) as f64;
        let x = rest as f64 * scale;
        let series = 1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0))));
        (self.0[entry] * series + 0.5) as i64
    }
}
