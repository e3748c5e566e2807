//! How the shares of a generated source go to another number of readers (`datagen`, `nexmark`).
//!
//! A share is an endless or bounded progression of rows with a position; it can be cut into parts
//! that take turns, but parts are never joined again, as their positions differ. A reader makes
//! all its shares.

use river_runtime::Result;
use river_runtime::source::SplitState;

/// With at least this many shares a reader, one more or less does not matter.
const ENOUGH: usize = 16;

/// What a kind of shares has to say of itself: how they are stored, and how they are cut.
pub trait Share: Sized {
    /// As a split of a checkpoint.
    fn encode(&self) -> SplitState;

    /// That many parts of it.
    fn cut(self, parts: usize) -> Vec<Self>;
}

/// Shares out the splits of a checkpoint, those of each old reader, among `readers` new ones.
///
/// # Errors
/// Those of `decode`, for a split that is damaged.
pub fn redistribute<T: Share>(
    splits: Vec<Vec<SplitState>>,
    readers: u32,
    decode: impl Fn(&SplitState) -> Result<T>,
) -> Result<Vec<Vec<SplitState>>> {
    let decode = |splits: Vec<SplitState>| splits.iter().map(&decode).collect();
    let shares = splits.into_iter().map(decode).collect::<Result<Vec<Vec<T>>>>()?;
    let dealt = deal(shares, readers as usize, T::cut);
    Ok(dealt.iter().map(|shares| shares.iter().map(T::encode).collect()).collect())
}

/// Deals out the shares, those of each old reader, to `readers`; `cut` gives that many parts of a
/// share. With the same number of readers each keeps its own.
fn deal<T>(shares: Vec<Vec<T>>, readers: usize, cut: impl Fn(T, usize) -> Vec<T>) -> Vec<Vec<T>> {
    if shares.len() == readers {
        return shares;
    }
    let shares: Vec<T> = shares.into_iter().flatten().collect();
    let parts = parts_of_each(shares.len(), readers);
    let mut dealt: Vec<Vec<T>> = (0..readers).map(|_| Vec::new()).collect();
    for (number, part) in shares.into_iter().flat_map(|share| cut(share, parts)).enumerate() {
        dealt[number % readers].push(part);
    }
    dealt
}

/// The fewest parts of each share that go evenly to the readers, or nearly so. Bounds what
/// rescaling again and again can make of a few shares.
fn parts_of_each(shares: usize, readers: usize) -> usize {
    let is_even = |parts: &usize| {
        (shares * parts).is_multiple_of(readers) || shares * parts >= ENOUGH * readers
    };
    if shares == 0 { 1 } else { (1..).find(is_even).unwrap_or(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_dealt_evenly_and_stay_few() {
        for (shares, readers, parts) in [(1, 3, 3), (3, 2, 2), (6, 3, 1), (2, 4, 2), (48, 3, 1)] {
            assert_eq!(parts_of_each(shares, readers), parts, "{shares} to {readers}");
        }
        let mut shares: Vec<Vec<()>> = vec![vec![()]];
        for readers in (1..60).chain((1..60).rev()) {
            shares = deal(shares, readers, |(), parts| vec![(); parts]);
            let counts = || shares.iter().map(Vec::len);
            let (least, most) = (counts().min().unwrap(), counts().max().unwrap());
            assert!(least == most || least >= ENOUGH && most == least + 1, "{readers}");
            assert!(most <= 1024, "{most} shares for one of {readers}");
        }
    }
}
