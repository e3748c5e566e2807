//! Runs cases on a few threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const THREADS: usize = 2;

/// `check` of every case, in the order of the cases. Each thread makes one `state` for itself.
pub fn map<C, S, R>(
    cases: &[C],
    state: impl Fn() -> S + Sync,
    check: impl Fn(&mut S, &C) -> R + Sync,
) -> Vec<R>
where
    C: Sync,
    R: Send,
{
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(cases.len()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut state = state();
                while let Some((index, case)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    cases.get(index).map(|case| (index, case))
                } {
                    let result = check(&mut state, case);
                    done.lock().expect("no check panics").push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no check panics");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
