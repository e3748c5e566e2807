use super::*;

#[test]
fn loaded_slots_expire_in_their_time() {
    let mut old = Ttl::new(100);
    for (slot, now) in [(0, 5), (1, 7), (2, 3), (0, 9)] {
        old.touch(slot, now);
    }
    let saved = old.save(&[0, 1, 2, 3]);
    let mut ttl = Ttl::new(100);
    ttl.load(&[10, 11], &saved.slice(0, 2)).unwrap();
    ttl.load(&[12, 13], &saved.slice(2, 2)).unwrap();
    assert_eq!(ttl.expired(103), [12]);
    ttl.touch(11, 104);
    assert_eq!(ttl.expired(109), [10]);
    assert_eq!(ttl.expired(202), Vec::<u32>::new());
    // Slot 13 came without a time: it counts from the first look at the clock.
    assert_eq!(ttl.expired(204), [11, 13]);
    assert!(ttl.load(&[0], &(Arc::new(arrow_array::Int32Array::from(vec![1])) as _)).is_err());
}

#[test]
fn what_is_emptied_before_the_first_look_at_the_clock_does_not_expire() {
    let undated = Ttl::new(0).save(&[0, 1, 2]);
    let mut ttl = Ttl::new(100);
    ttl.load(&[5, 6, 7], &undated).unwrap();
    assert_eq!(ttl.save(&[5]).null_count(), 1);
    ttl.forget(5);
    ttl.forget(6);
    ttl.touch(6, 50);
    assert_eq!(ttl.expired(60), Vec::<u32>::new());
    assert_eq!(ttl.expired(155), [6]);
    assert_eq!(ttl.expired(160), [7]);
}
