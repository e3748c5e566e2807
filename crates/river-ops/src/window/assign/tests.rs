use proptest::prelude::*;

use super::*;

fn aligned(kind: WindowKind) -> Aligned {
    Aligned::new(&kind).unwrap()
}

#[test]
fn windows_of_a_time() {
    let mut windows = Vec::new();
    aligned(WindowKind::Hop { slide: 5, size: 10, offset: 0 }).windows(7, &mut windows);
    assert_eq!(windows, [(5, 15), (0, 10)]);
    aligned(WindowKind::Hop { slide: 4, size: 10, offset: 1 }).windows(-1, &mut windows);
    assert_eq!(windows, [(-3, 7), (-7, 3)]);
    aligned(WindowKind::Cumulate { step: 10, size: 30, offset: 7 }).windows(20, &mut windows);
    assert_eq!(windows, [(7, 27), (7, 37)]);
    aligned(WindowKind::Tumble { size: 10, offset: -3 }).windows(-4, &mut windows);
    assert_eq!(windows, [(-13, -3)]);
}

proptest! {
    /// Walking from the first to the last window of a time's slice gives the windows of the time.
    #[test]
    fn slices_agree_with_windows(
        time in -1000i64..1000,
        kind in prop_oneof![
            (1i64..40, -50i64..50).prop_map(|(size, offset)| WindowKind::Tumble { size, offset }),
            (1i64..30, 1i64..60, -50i64..50)
                .prop_map(|(slide, size, offset)| WindowKind::Hop { slide, size, offset }),
            (1i64..10, 1i64..6, -50i64..50).prop_map(|(step, steps, offset)| {
                WindowKind::Cumulate { step, size: step * steps, offset }
            }),
        ],
    ) {
        let aligned = aligned(kind);
        let mut expected = Vec::new();
        aligned.windows(time, &mut expected);
        expected.sort_unstable_by_key(|(_, end)| *end);
        let slice = aligned.slice_end(time);
        prop_assert!(slice > time);
        let mut walked = Vec::new();
        let mut end = aligned.first_window_end(slice);
        while end <= aligned.last_window_end(slice) {
            walked.push((aligned.start_of(end), end));
            end = aligned.next_window_end(end);
        }
        prop_assert_eq!(walked, expected);
    }
}
