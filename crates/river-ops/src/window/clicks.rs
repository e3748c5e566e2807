//! Clicks with late rows, and what Flink 2.3 made of them: the golden cases `hop-null-key`,
//! `cumulate-offset` and `legacy-session`. Times are milliseconds after 09:00; watermarks are 5 s
//! behind, one after each row that moves time on. Result lines are sorted.

pub const CLICKS: &str = "
    +I u1 1 0
    @ -5000
    +I u2 2 2000
    @ -3000
    +I u1 3 4000
    @ -1000
    +I NULL 4 5000
    @ 0
    +I u1 5 9000
    @ 4000
    +I u2 6 7000
    +I u1 7 8000
    +I u3 8 14000
    @ 9000
    +I NULL 9 18000
    @ 13000
    +I u1 10 1000
    +I u2 11 30000
    @ 25000
    +I u1 12 31000
    @ 26000
    +I u3 13 27000
    +I u3 14 11000
    +I u1 15 38000
    @ 33000
    +I u2 16 36000
    +I u2 17 41000
    @ 36000
    +I NULL 18 44000
    @ 39000
    +I u1 19 20000
    +I u3 20 55000
    @ 50000
    +I u1 21 62000
    @ 57000
    +I u2 22 58000
    +I u1 23 60000
    +I u3 24 71000
    @ 66000
    +I u3 25 66000
    +I u1 26 80000
    @ 75000
    +I u2 27 80000
    +I u1 28 80000
    +I u1 29 40000
    +I u4 30 100000
    @ 95000
    @ 9223372036854775807";

/// user, count, sum, window start and end of `HOP` 5 s, 10 s.
pub const HOPS: &str = "
    +I NULL 1 18 35000 45000
    +I NULL 1 18 40000 50000
    +I NULL 1 4 0 10000
    +I NULL 1 4 5000 15000
    +I NULL 1 9 10000 20000
    +I NULL 1 9 15000 25000
    +I u1 1 12 25000 35000
    +I u1 1 15 35000 45000
    +I u1 2 12 5000 15000
    +I u1 2 27 30000 40000
    +I u1 2 4 -5000 5000
    +I u1 2 44 55000 65000
    +I u1 2 44 60000 70000
    +I u1 2 54 75000 85000
    +I u1 2 54 80000 90000
    +I u1 4 16 0 10000
    +I u2 1 11 25000 35000
    +I u2 1 17 40000 50000
    +I u2 1 2 -5000 5000
    +I u2 1 22 50000 60000
    +I u2 1 22 55000 65000
    +I u2 1 27 75000 85000
    +I u2 1 27 80000 90000
    +I u2 1 6 5000 15000
    +I u2 2 27 30000 40000
    +I u2 2 33 35000 45000
    +I u2 2 8 0 10000
    +I u3 1 13 20000 30000
    +I u3 1 13 25000 35000
    +I u3 1 20 50000 60000
    +I u3 1 20 55000 65000
    +I u3 1 24 70000 80000
    +I u3 1 25 60000 70000
    +I u3 1 8 10000 20000
    +I u3 1 8 5000 15000
    +I u3 2 49 65000 75000
    +I u4 1 30 100000 110000
    +I u4 1 30 95000 105000";

/// user, count, window start and end of `CUMULATE` 10 s, 30 s, offset 7 s.
pub const CUMULATED: &str = "
    +I NULL 1 -23000 7000
    +I NULL 1 37000 47000
    +I NULL 1 37000 57000
    +I NULL 1 37000 67000
    +I NULL 1 7000 27000
    +I NULL 1 7000 37000
    +I u1 1 37000 47000
    +I u1 1 37000 57000
    +I u1 2 -23000 7000
    +I u1 2 67000 87000
    +I u1 2 67000 97000
    +I u1 2 7000 17000
    +I u1 2 7000 27000
    +I u1 3 37000 67000
    +I u1 3 7000 37000
    +I u2 1 -23000 7000
    +I u2 1 37000 47000
    +I u2 1 37000 57000
    +I u2 1 67000 87000
    +I u2 1 67000 97000
    +I u2 1 7000 17000
    +I u2 1 7000 27000
    +I u2 2 37000 67000
    +I u2 3 7000 37000
    +I u3 1 37000 57000
    +I u3 1 67000 77000
    +I u3 1 67000 87000
    +I u3 1 67000 97000
    +I u3 1 7000 17000
    +I u3 2 37000 67000
    +I u3 2 7000 27000
    +I u3 3 7000 37000
    +I u4 1 97000 107000
    +I u4 1 97000 117000
    +I u4 1 97000 127000";

/// user, count, least, greatest, window start, end and time of sessions with a gap of 10 s.
pub const SESSIONS: &str = "
    +I NULL 1 18 18 44000 54000 53999
    +I NULL 1 4 4 5000 15000 14999
    +I NULL 1 9 9 18000 28000 27999
    +I u1 2 12 15 31000 48000 47999
    +I u1 2 21 23 60000 72000 71999
    +I u1 2 26 28 80000 90000 89999
    +I u1 5 1 10 0 19000 18999
    +I u2 1 22 22 58000 68000 67999
    +I u2 1 27 27 80000 90000 89999
    +I u2 2 2 6 2000 17000 16999
    +I u2 3 11 17 30000 51000 50999
    +I u3 1 13 13 27000 37000 36999
    +I u3 1 20 20 55000 65000 64999
    +I u3 1 8 8 14000 24000 23999
    +I u3 2 24 25 66000 81000 80999
    +I u4 1 30 30 100000 110000 109999";

/// The changes among the lines, without indentation, sorted.
pub fn sorted_changes(text: &str) -> Vec<&str> {
    let changes = text.lines().map(str::trim).filter(|line| line.starts_with('+'));
    let mut lines: Vec<&str> = changes.collect();
    lines.sort_unstable();
    lines
}
