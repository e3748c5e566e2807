//! Which slice and windows a time belongs to (`SliceAssigners`, `WindowAssigner`s, `TimeWindow`).
//!
//! A *slice* is the largest stretch of time that no window boundary cuts: a row is aggregated once,
//! into its slice, and a window is the sum of its slices.

use river_core::plan::WindowKind;
use river_runtime::{Error, Result};

#[cfg(test)]
mod tests;

/// The start of the aligned window of that size that holds a time
/// (`TimeWindow.getWindowStartWithOffset`).
pub fn window_start(time: i64, offset: i64, size: i64) -> i64 {
    time.wrapping_sub(time.wrapping_sub(offset).rem_euclid(size))
}

/// Windows of fixed boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aligned {
    /// One window a row.
    #[allow(missing_docs)]
    Tumble { size: i64, offset: i64 },
    /// Overlapping windows; `slice` divides both lengths.
    #[allow(missing_docs)]
    Hop { slide: i64, size: i64, offset: i64, slice: i64 },
    /// Windows of one start that grow by a step.
    #[allow(missing_docs)]
    Cumulate { step: i64, size: i64, offset: i64 },
}

impl Aligned {
    /// The aligned windows of a kind; sessions have none.
    pub fn new(kind: &WindowKind) -> Result<Aligned> {
        let aligned = match *kind {
            WindowKind::Tumble { size, offset } => Aligned::Tumble { size, offset },
            WindowKind::Hop { slide, size, offset } => {
                Aligned::Hop { slide, size, offset, slice: common_divisor(slide, size) }
            }
            WindowKind::Cumulate { step, size, offset } => Aligned::Cumulate { step, size, offset },
            WindowKind::Session { .. } => {
                return Err(Error::internal("session windows have no fixed boundaries"));
            }
        };
        let lengths = match aligned {
            Aligned::Tumble { size, .. } => [size, size],
            Aligned::Hop { slide, size, .. } => [slide, size],
            Aligned::Cumulate { step, size, .. } => [step, size],
        };
        if lengths.iter().any(|length| *length <= 0) {
            return Err(Error::input("lengths of windows must be greater than zero"));
        }
        Ok(aligned)
    }

    /// End of the slice that holds a time.
    #[inline]
    pub fn slice_end(&self, time: i64) -> i64 {
        match *self {
            Aligned::Tumble { size, offset } => window_start(time, offset, size) + size,
            Aligned::Hop { offset, slice, .. } => window_start(time, offset, slice) + slice,
            Aligned::Cumulate { step, size, offset } => {
                let start = window_start(time, offset, size);
                (start + (time - start) / step * step + step).min(start + size)
            }
        }
    }

    /// End of the first window that holds a slice; may be later than that of the last one, if the
    /// slice lies between windows.
    pub fn first_window_end(&self, slice_end: i64) -> i64 {
        match *self {
            Aligned::Tumble { .. } | Aligned::Cumulate { .. } => slice_end,
            Aligned::Hop { slide, size, offset, .. } => {
                // The first start from which the window reaches the slice's end.
                let earliest = slice_end - size;
                let start = window_start(earliest, offset, slide);
                (if start < earliest { start + slide } else { start }) + size
            }
        }
    }

    /// End of the last window that holds a slice.
    #[inline]
    pub fn last_window_end(&self, slice_end: i64) -> i64 {
        match *self {
            Aligned::Tumble { .. } => slice_end,
            Aligned::Hop { slide, size, offset, slice } => {
                window_start(slice_end - slice, offset, slide) + size
            }
            Aligned::Cumulate { size, offset, .. } => {
                window_start(slice_end - 1, offset, size) + size
            }
        }
    }

    /// From one window's end to the next one's.
    pub fn next_window_end(&self, end: i64) -> i64 {
        match *self {
            Aligned::Tumble { size, .. } => end + size,
            Aligned::Hop { slide, .. } => end + slide,
            Aligned::Cumulate { step, size, offset } => {
                let last = self.last_window_end(end);
                if end < last {
                    (end + step).min(last)
                } else {
                    window_start(end, offset, size) + step.min(size)
                }
            }
        }
    }

    /// Start of the window that ends there.
    pub fn start_of(&self, end: i64) -> i64 {
        match *self {
            Aligned::Tumble { size, .. } | Aligned::Hop { size, .. } => end - size,
            Aligned::Cumulate { size, offset, .. } => window_start(end - 1, offset, size),
        }
    }

    /// Start and end of each window that holds a time, in the order in which
    /// `WindowTableFunction` sends them.
    pub fn windows(&self, time: i64, windows: &mut Vec<(i64, i64)>) {
        windows.clear();
        match *self {
            Aligned::Tumble { size, offset } => {
                let start = window_start(time, offset, size);
                windows.push((start, start + size));
            }
            Aligned::Hop { slide, size, offset, .. } => {
                let mut start = window_start(time, offset, slide);
                while start > time - size {
                    windows.push((start, start + size));
                    start -= slide;
                }
            }
            Aligned::Cumulate { size, .. } => {
                let mut end = self.slice_end(time);
                let last = self.last_window_end(end);
                let start = last - size;
                windows.push((start, end));
                while end < last {
                    end = self.next_window_end(end);
                    windows.push((start, end));
                }
            }
        }
    }
}

fn common_divisor(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.abs()
}
