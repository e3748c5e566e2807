use super::*;

#[test]
fn types_are_those_of_flink() {
    assert_eq!(add_type((38, 18), (5, 2)), (38, 17));
    assert_eq!(add_type((38, 0), (38, 18)), (38, 6));
    assert_eq!(multiply_type((4, 3), (19, 0)), (24, 3));
    assert_eq!(multiply_type((38, 20), (38, 20)), (38, 6));
    assert_eq!(divide_type((5, 2), (5, 2)), (13, 8));
    assert_eq!(divide_type((38, 0), (38, 0)), (38, 6));
    assert_eq!(modulo_type((5, 2), (20, 6)), (9, 6));
    assert_eq!(common_type((10, 0), (2, 1)), (11, 1));
}

#[test]
fn values_round_half_up_and_overflow_to_null() {
    assert_eq!(multiply(1234, 2, 1234, 2, (11, 4)), Some(1522756));
    let big = POW10[38] - 1;
    assert_eq!(add(big, 0, 1, 0, (38, 0)), None);
    assert_eq!(multiply(big, 0, 10, 0, (38, 0)), None);
    assert_eq!(divide(1, 10, 3, 10, (38, 6)), Some(333_333));
    assert_eq!(divide(-2, 0, 3, 0, (21, 11)), Some(-66_666_666_667));
    let one = 1_000_000_000_000_000_001;
    assert_eq!(
        multiply(12_345_678_901_234_567_890, 0, one, 18, (38, 6)).map(|v| render(v, 6)),
        Some("12345678901234567902.345679".into())
    );
    assert_eq!(
        divide(12_345_678_901_234_567_890, 0, one, 18, (38, 6)).map(|v| render(v, 6)),
        Some("12345678901234567877.654321".into())
    );
    assert_eq!(
        divide(-7, 0, one, 18, (38, 17)).map(|v| render(v, 17)),
        Some("-6.99999999999999999".into())
    );
    assert_eq!(
        modulo(-7, 0, one, 18, (21, 18)).map(|v| render(v, 18)),
        Some("-0.999999999999999994".into())
    );
}

#[test]
fn text_is_read_and_written() {
    assert_eq!(parse("12.345", (5, 2)), Ok(Some(1235)));
    assert_eq!(parse("-1e3", (5, 0)), Ok(Some(-1000)));
    assert_eq!(parse("1e5", (5, 0)), Ok(None));
    assert_eq!(parse("0.0004", (5, 2)), Ok(Some(0)));
    assert_eq!(parse("5e-1", (5, 0)), Ok(Some(1)));
    assert_eq!(parse("5e-2", (5, 0)), Ok(Some(0)));
    assert_eq!(parse(".5", (5, 1)), Ok(Some(5)));
    assert_eq!(parse("0e400", (5, 1)), Ok(Some(0)));
    // The largest 128-bit number, rounded up.
    assert_eq!(parse("170141183460469231731687303715884105727.5", (38, 0)), Ok(None));
    assert_eq!(parse("", (5, 1)), Err(()));
    assert_eq!(parse("1x", (5, 1)), Err(()));
    assert_eq!(render(-5, 2), "-0.05");
    assert_eq!(to_f64(1234, 2), 12.34);
}
