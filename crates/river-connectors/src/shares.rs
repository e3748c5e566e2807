//! How the shares of a generated source go to another number of readers (`datagen`, `nexmark`).
//!
//! A share is an endless or bounded progression of rows with a position; it can be cut into parts
//! that take turns, but parts are never joined again, as their positions differ. A reader makes
//! all its shares.

/// With at least this many shares a reader, one more or less does not matter.
const ENOUGH: usize = 16;

/// Deals out the shares, those of each old reader, to `readers`; `cut` gives that many parts of a
/// share. With the same number of readers each keeps its own.
pub fn deal<T>(
    shares: Vec<Vec<T>>,
    readers: usize,
    cut: impl Fn(T, usize) -> Vec<T>,
) -> Vec<Vec<T>> {
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
