use std::collections::{BTreeMap, BTreeSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, StringViewArray, StructArray};
use expect_test::expect;
use river_core::options::Options;
use river_core::plan::TableRef;
use river_runtime::source::{Poll, Source, SourceReader, SplitState};

use super::{Config, Generator, NexmarkSource, OPTION_KEYS, Projection, Split, Wanted, columns};

const EVENTS: u64 = 100_000;

fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().map(|(key, value)| (*key, *value)).collect()
}

fn config() -> Config {
    Config::new(&options(&[("events.num", "100000"), ("first-event.rate", "1000")])).unwrap()
}

/// All events of a split, in batches of `rows`.
fn batches(
    config: &Config,
    projection: &Projection,
    split: Split,
    rows: usize,
) -> Vec<Vec<ArrayRef>> {
    let mut generator = Generator::new(config.clone(), projection.clone(), split);
    let mut batches = Vec::new();
    loop {
        let (made, columns) = generator.fill(rows);
        if made == 0 {
            return batches;
        }
        assert!(columns.iter().all(|column| column.len() == made));
        batches.push(columns);
    }
}

fn whole_table() -> Vec<ArrayRef> {
    batches(&config(), &Projection::all(), Split::new(EVENTS, 0, 1), EVENTS as usize).remove(0)
}

fn longs(row: &StructArray, field: usize) -> Vec<i64> {
    row.column(field).as_primitive::<Int64Type>().iter().flatten().collect()
}

fn times(row: &StructArray, field: usize) -> Vec<i64> {
    row.column(field).as_primitive::<TimestampMillisecondType>().iter().flatten().collect()
}

fn texts(row: &StructArray, field: usize) -> Vec<&str> {
    row.column(field).as_string_view().iter().flatten().collect()
}

/// A row as text, NULL children left out.
fn show(columns: &[ArrayRef], i: usize) -> String {
    let mut shown = columns[0].as_primitive::<Int32Type>().value(i).to_string();
    for column in &columns[1..] {
        let row = column.as_struct();
        for child in row.columns().iter().filter(|child| row.is_valid(i) && child.is_valid(i)) {
            shown += " | ";
            if let Some(text) = child.as_string_view_opt() {
                shown += &format!("'{}'", text.value(i));
            } else if let Some(long) = child.as_primitive_opt::<Int64Type>() {
                shown += &long.value(i).to_string();
            } else {
                shown += &child.as_primitive::<TimestampMillisecondType>().value(i).to_string();
            }
        }
    }
    shown
}

#[test]
fn the_first_events_of_the_default_table() {
    let config = Config::new(&options(&[("bid.avg-size", "40"), ("auction.avg-size", "60")]));
    let config = Config { person_bytes: 80, ..config.unwrap() };
    let (rows, columns) = Generator::new(config, Projection::all(), Split::new(50, 0, 1)).fill(50);
    let shown: Vec<String> = [0, 1, 2, 3, 48].iter().map(|i| show(&columns, *i)).collect();
    assert_eq!(rows, 50);
    expect![[r#"
        1
            1001
            'xeruaxr'
            'ikaakqji s'
            144
            1249
            1700000000000
            1700000000323
            1000
            12
            ''
        1
            1002
            'x jfxdeedhhhbe a t'
            'zjmcxalb gwpgctwuolztby gkzfurcccdqrmpiqhecidrtad'
            1691
            37776686
            1700000000000
            1700000000281
            1000
            13
            ''
        2
            1003
            2000
            8503681
            'channel-5774'
            'https://www.nexmark.com/mduu/eqt/ptd/item.htm?query=1&channel_id=1902641152'
            1700000000000
            'XKTIITL'
        2
            1009
            2003
            21909025
            'Baidu'
            'https://www.nexmark.com/mjel/mtb/mzmz/item.htm?query=1'
            1700000000000
            'P^T\HQ'
        0
            1001
            'Paul Spencer'
            'k eqn@ymv.com'
            '9130 8508 2179 7510'
            'Boise'
            'WY'
            1700000000004
            'gejoijwuzigtvmbhjomV'"#]]
    .assert_eq(&shown.join("\n").replace(" | ", "\n    "));
}

#[test]
fn columns_have_the_declared_types_and_views_are_valid() {
    let table = whole_table();
    for (array, field) in table.iter().zip(columns()) {
        assert_eq!(*array.data_type(), field.ty.logical.to_arrow());
        for child in array.as_struct_opt().iter().flat_map(|row| row.columns()) {
            if let Some(text) = child.as_string_view_opt() {
                let (views, buffers, nulls) = text.clone().into_parts();
                StringViewArray::try_new(views, buffers, nulls).unwrap();
            }
        }
    }
}

#[test]
fn each_row_is_one_event_of_the_mix() {
    let table = whole_table();
    let types = table[0].as_primitive::<Int32Type>();
    let mut counts = [0; 3];
    for i in 0..types.len() {
        let kind = types.value(i) as usize;
        counts[kind] += 1;
        for (other, column) in table[1..].iter().enumerate() {
            assert_eq!(column.is_valid(i), other == kind, "row {i}");
            assert_eq!(column.as_struct().column(0).is_valid(i), other == kind, "row {i}");
        }
    }
    assert_eq!(counts, [2_000, 6_000, 92_000]);
}

#[test]
fn ids_count_up_and_time_advances_by_the_rate() {
    let table = whole_table();
    let persons = table[1].as_struct();
    let auctions = table[2].as_struct();
    // The first event is the second of its round, as in the suite: person 1000 never appears.
    assert_eq!(longs(persons, 0), (1001..3001).collect::<Vec<i64>>());
    assert_eq!(longs(auctions, 0), (1001..7001).collect::<Vec<i64>>());
    let mut all: Vec<i64> = [(1, 6), (2, 5), (3, 5)]
        .iter()
        .flat_map(|(c, f)| times(table[*c].as_struct(), *f))
        .collect();
    all.sort_unstable();
    let base = 1_700_000_000_000i64;
    assert_eq!(all, (base + 1..=base + EVENTS as i64).collect::<Vec<i64>>());
}

/// Shares are within a standard deviation or two of the suite's rule; the seed is fixed.
#[test]
fn half_of_the_bids_are_hot() {
    let table = whole_table();
    let bids = table[3].as_struct();
    let (auctions, bidders, channels) = (longs(bids, 0), longs(bids, 1), texts(bids, 3));
    let share = |count: usize| count as f64 / auctions.len() as f64;
    // A hundredth of the others falls on a hot id by chance.
    let hot_auctions = auctions.iter().filter(|id| **id % 100 == 0).count();
    assert!((0.50..0.51).contains(&share(hot_auctions)), "{}", share(hot_auctions));
    let hot_bidders = bidders.iter().filter(|id| **id % 100 == 1).count();
    assert!((0.75..0.76).contains(&share(hot_bidders)), "{}", share(hot_bidders));
    assert!(bidders.iter().all(|id| *id >= 2000), "the first person's id is added twice");
    let mut by_channel = BTreeMap::new();
    for channel in &channels {
        *by_channel.entry(*channel).or_insert(0usize) += 1;
    }
    assert!((9_850..=10_004).contains(&by_channel.len()), "{}", by_channel.len());
    for hot in super::texts::HOT_CHANNELS {
        assert!((0.12..0.13).contains(&share(by_channel[hot])), "{hot}");
    }
}

#[test]
fn bids_follow_the_auctions_in_flight() {
    let table = whole_table();
    let types = table[0].as_primitive::<Int32Type>();
    let bid_auctions = table[3].as_struct().column(0).as_primitive::<Int64Type>().clone();
    let opened = table[2].as_struct().column(0).as_primitive::<Int64Type>().clone();
    let mut newest = 1000;
    for i in 0..types.len() {
        if opened.is_valid(i) {
            newest = opened.value(i);
        } else if bid_auctions.is_valid(i) {
            let id = bid_auctions.value(i);
            assert!((newest - 100).max(1000) <= id && id <= newest + 10, "row {i}: {id} {newest}");
        }
    }
}

#[test]
fn prices_are_uniform_in_their_logarithm() {
    let table = whole_table();
    let prices = longs(table[3].as_struct(), 2);
    let mut decades = [0usize; 6];
    for price in &prices {
        decades[((*price as f64 / 100.0).log10().floor() as usize).min(5)] += 1;
    }
    for count in decades {
        assert!((0.160..0.173).contains(&(count as f64 / prices.len() as f64)), "{decades:?}");
    }
    assert!(prices.iter().all(|price| (100..=100_000_000).contains(price)));
}

#[test]
fn sizes_average_what_the_options_say() {
    let table = whole_table();
    let extra = texts(table[3].as_struct(), 6);
    let lengths: BTreeSet<usize> = extra.iter().map(|text| text.len()).collect();
    assert_eq!((lengths.first(), lengths.last()), (Some(&54), Some(&81)));
    let auctions = table[2].as_struct();
    let bytes: usize = [1, 2, 9].iter().flat_map(|f| texts(auctions, *f)).map(str::len).sum();
    let average = bytes as f64 / 6000.0 + 48.0;
    assert!((495.0..505.0).contains(&average), "{average}");
    let persons = table[1].as_struct();
    let bytes: usize =
        [1, 2, 3, 4, 5, 7].iter().flat_map(|f| texts(persons, *f)).map(str::len).sum();
    let average = bytes as f64 / 2000.0 + 8.0;
    assert!((197.0..203.0).contains(&average), "{average}");
}

#[test]
fn urls_name_directories_and_mostly_a_channel_id() {
    let table = whole_table();
    let bids = table[3].as_struct();
    let cached: BTreeMap<&str, &str> = texts(bids, 3)
        .into_iter()
        .zip(texts(bids, 4))
        .filter(|(channel, _)| channel.starts_with("channel-"))
        .collect();
    let with_id = cached.values().filter(|url| url.contains("&channel_id=")).count();
    assert!((8_900..9_100).contains(&with_id), "{with_id}");
    for (channel, url) in cached {
        let parts: Vec<&str> = url.split('/').collect();
        assert_eq!(parts.len(), 7, "{url}");
        assert!(parts[3..6].iter().all(|dir| (3..5).contains(&dir.len())), "{url}");
        let number: u32 = channel["channel-".len()..].parse().unwrap();
        if let Some((_, id)) = url.split_once("&channel_id=") {
            assert_eq!(id, (number.reverse_bits() as i32).unsigned_abs().to_string());
        }
    }
}

#[test]
fn auctions_last_until_about_a_hundred_more_have_opened() {
    let table = whole_table();
    let auctions = table[2].as_struct();
    let lengths: Vec<i64> =
        times(auctions, 6).iter().zip(times(auctions, 5)).map(|(end, start)| end - start).collect();
    let average = lengths.iter().sum::<i64>() as f64 / lengths.len() as f64;
    assert!((1_620.0..1_710.0).contains(&average), "{average}");
    assert!(lengths.iter().all(|length| (1..=3_332).contains(length)));
    let reserves = longs(auctions, 4);
    assert!(longs(auctions, 3).iter().zip(reserves).all(|(initial, reserve)| *initial < reserve));
    let categories: BTreeSet<i64> = longs(auctions, 8).into_iter().collect();
    assert_eq!(categories, (10..15).collect());
}

/// Rows keyed by event time, which is unique at this rate.
fn rows_of(batches: &[Vec<ArrayRef>]) -> BTreeSet<String> {
    batches.iter().flat_map(|b| (0..b[0].len()).map(|i| show(b, i))).collect()
}

#[test]
fn readers_together_make_what_one_makes() {
    let config = Config { events: 7_345, ..config() };
    let all = Projection::all();
    let whole = rows_of(&batches(&config, &all, Split::new(7_345, 0, 1), 8192));
    assert_eq!(whole.len(), 7_345);
    for count in [1, 2, 3, 16] {
        let mut union = BTreeSet::new();
        for index in 0..count {
            union.extend(rows_of(&batches(&config, &all, Split::new(7_345, index, count), 700)));
        }
        assert!(union == whole, "{count} readers");
    }
}

#[test]
fn a_position_is_the_whole_state() {
    let config = config();
    let all = Projection::all();
    for cut in [1, 999, 1000, 1001, 4321] {
        let split = Split::new(9_000, 1, 2);
        let mut first = Generator::new(config.clone(), all.clone(), split.clone());
        let (made, head) = first.fill(cut);
        let rest = split.resumed_at(first.split().position());
        let mut rows = rows_of(&[head]);
        let tail = batches(&config, &all, rest, 123);
        rows.extend(rows_of(&tail));
        assert_eq!(made, cut.min(4_000));
        assert!(rows == rows_of(&batches(&config, &all, Split::new(9_000, 1, 2), 8192)), "{cut}");
    }
}

#[test]
fn a_projection_makes_the_same_values_and_no_others() {
    let config = Config { events: 3_000, ..config() };
    let whole = batches(&config, &Projection::all(), Split::new(3_000, 0, 1), 3_000).remove(0);
    let wanted = vec![Wanted::Field(3, 2), Wanted::Fields(2, vec![9]), Wanted::Column(0)];
    let some = Projection::new(wanted).unwrap();
    let some = batches(&config, &some, Split::new(3_000, 0, 1), 3_000).remove(0);
    assert_eq!(&some[0], whole[3].as_struct().column(2));
    let (auction, whole_auction) = (some[1].as_struct(), whole[2].as_struct());
    assert_eq!(auction.data_type(), whole_auction.data_type());
    assert_eq!(auction.column(9), whole_auction.column(9));
    assert_eq!(auction.column(1).null_count(), 3_000);
    assert_eq!(&some[2], &whole[0]);
    assert!(Projection::new(vec![Wanted::Column(4)]).is_err());
    assert!(Projection::new(vec![Wanted::Field(3, 7)]).is_err());
}

#[test]
fn another_seed_gives_other_events() {
    let other = Config { seed: 1, ..config() };
    let split = || Split::new(1_000, 0, 1);
    let all = Projection::all();
    let (a, b) = (batches(&config(), &all, split(), 1_000), batches(&other, &all, split(), 1_000));
    assert_ne!(longs(a[0][3].as_struct(), 2), longs(b[0][3].as_struct(), 2));
}

#[test]
fn options_are_checked_by_name() {
    let error = |pairs: &[(&str, &str)]| Config::new(&options(pairs)).unwrap_err().to_string();
    expect!["option 'first-event.rate': '0' is not from 1 to 2147483647"]
        .assert_eq(&error(&[("first-event.rate", "0")]));
    expect!["option 'bid.avg-size': '1 gb' is not at most 524288 bytes"]
        .assert_eq(&error(&[("bid.avg-size", "1 gb")]));
    expect!["option 'rate.shape': 'ROUND' is not 'SQUARE' or 'SINE'"]
        .assert_eq(&error(&[("rate.shape", "ROUND")]));
    let nothing =
        ["person.proportion", "auction.proportion", "bid.proportion"].map(|key| (key, "0"));
    expect!["option 'bid.proportion': '0' is not above 0, as the other two are 0"]
        .assert_eq(&error(&nothing));
    assert!(OPTION_KEYS.is_sorted());
}

#[test]
fn events_end_at_the_smaller_of_number_and_stop() {
    let events = |pairs: &[(&str, &str)]| {
        let config = Config::new(&options(pairs)).unwrap();
        (config.events, config.bounded)
    };
    assert_eq!(events(&[("events.num", "10"), ("stop-at", "7")]), (7, true));
    assert_eq!(events(&[("stop-at", "7")]), (7, true));
    assert_eq!(events(&[("events.num", "10")]), (10, true));
    assert_eq!(events(&[]), (i64::MAX as u64 / 25_000, false));
}

/// Every allowed mix and size works, also where a kind is missing.
#[test]
fn extreme_options_make_events() {
    for (person, auction, bid) in
        [("0", "0", "1"), ("0", "1", "0"), ("1", "0", "0"), ("1", "0", "3"), ("0", "1", "3")]
    {
        for size in ["0", "1", "30", "45", "512 kb"] {
            for rate in ["1", "2147483647"] {
                let config = Config::new(&options(&[
                    ("person.proportion", person),
                    ("auction.proportion", auction),
                    ("bid.proportion", bid),
                    ("person.avg-size", size),
                    ("auction.avg-size", size),
                    ("bid.avg-size", size),
                    ("first-event.rate", rate),
                    ("bid.hot-ratio.auctions", "1"),
                    ("events.num", "2000"),
                ]))
                .unwrap();
                let made = batches(&config, &Projection::all(), Split::new(2_000, 0, 1), 999);
                assert_eq!(made.iter().map(|b| b[0].len()).sum::<usize>(), 2_000);
            }
        }
    }
}

fn table(pairs: &[(&str, &str)]) -> TableRef {
    TableRef {
        name: "c.d.events".to_owned(),
        options: options(pairs),
        physical: columns(),
        metadata: Vec::new(),
        projection: vec![0, 3],
        used_fields: vec![None, Some(vec![0, 2])],
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
    }
}

fn rows_until_end(reader: &mut dyn SourceReader) -> usize {
    let mut rows = 0;
    while let Poll::Batch(batch) = reader.poll().unwrap() {
        assert_eq!(batch.columns[1].as_struct().column(1).null_count(), batch.rows);
        rows += batch.rows;
    }
    rows
}

#[test]
fn the_source_reads_its_shares_to_the_end_and_resumes() {
    let source = NexmarkSource::new(&table(&[("events.num", "30000")])).unwrap();
    assert!(source.is_bounded());
    let mut readers = [source.reader(0, 2).unwrap(), source.reader(1, 2).unwrap()];
    let mut states = Vec::new();
    for reader in &mut readers {
        assert!(matches!(reader.poll().unwrap(), Poll::Batch(batch) if batch.rows == 8192));
        states.extend(reader.snapshot());
    }
    // Rescaled to one reader: it goes on with both shares.
    let mut one = source.reader(0, 1).unwrap();
    one.restore(states).unwrap();
    assert_eq!(rows_until_end(one.as_mut()), 30_000 - 2 * 8192);
    assert!(matches!(one.poll().unwrap(), Poll::End));
    assert_eq!(rows_until_end(readers[1].as_mut()), 15_000 - 8192);
    let bad = SplitState { split: "2/2".to_owned(), position: vec![0; 8] };
    assert!(one.restore(vec![bad]).is_err());
}

#[test]
fn shares_are_cut_for_more_readers_and_carried_by_fewer() {
    for cut in [0, 1, 700, 1000, 1001, 2600, 3000] {
        let whole = Split::new(8_500, 1, 3);
        let mut begun = whole.clone();
        let mut left = cut;
        let mut events = std::collections::BTreeSet::new();
        let mut take = |split: &mut Split, most| {
            let (first, count) = split.take(most);
            (first..first + count).for_each(|event| assert!(events.insert(event), "{event}"));
            count
        };
        while left > 0 && !begun.is_done() {
            left -= take(&mut begun, left);
        }
        for mut part in begun.parts(4) {
            assert_eq!(
                Split::named(8_500, &part.name()).unwrap().resumed_at(part.position()),
                part
            );
            while take(&mut part, 300) > 0 {}
        }
        let mut all = whole;
        let mut expected = std::collections::BTreeSet::new();
        while !all.is_done() {
            let (first, count) = all.take(1000);
            expected.extend(first..first + count);
        }
        assert_eq!(events, expected, "cut at {cut}");
    }
}

#[test]
fn events_are_made_once_through_rescaling() {
    let pairs = [("events.num", "100000"), ("max-emit-speed", "true")];
    let mut rows = 0;
    let mut splits = None;
    for count in [1, 3, 2, 2, 5] {
        let source = NexmarkSource::new(&table(&pairs)).unwrap();
        let readers = (0..count).map(|subtask| source.reader(subtask, count).unwrap());
        let mut readers: Vec<_> = readers.collect();
        if let Some(splits) = splits.take() {
            let shares = source.redistribute(splits, count).unwrap();
            readers.iter_mut().zip(shares).for_each(|(r, share)| r.restore(share).unwrap());
        }
        for (number, reader) in readers.iter_mut().enumerate() {
            if count == 5 {
                rows += rows_until_end(reader.as_mut());
            }
            for _ in 0..number {
                let Poll::Batch(batch) = reader.poll().unwrap() else { break };
                rows += batch.rows;
            }
        }
        splits = Some(readers.iter().map(|reader| reader.snapshot()).collect());
    }
    assert_eq!(rows, 100_000);
}

#[test]
fn a_paced_source_holds_back_what_is_not_due() {
    let pairs = [("max-emit-speed", "false"), ("first-event.rate", "1"), ("keep-alive", "true")];
    let source = NexmarkSource::new(&table(&pairs)).unwrap();
    assert!(!source.is_bounded());
    let mut reader = source.reader(0, 1).unwrap();
    assert!(matches!(reader.poll().unwrap(), Poll::Batch(batch) if batch.rows == 1));
    assert!(matches!(reader.poll().unwrap(), Poll::Wait(wait) if !wait.is_zero()));
}

#[test]
fn a_table_must_declare_the_generators_columns() {
    let mut wrong = table(&[]);
    wrong.physical.swap(0, 1);
    let error = NexmarkSource::new(&wrong).unwrap_err().to_string();
    expect!["table c.d.events: physical column 1 of a nexmark table must be `event_type` INT"]
        .assert_eq(&error);
    let error = NexmarkSource::new(&table(&[("events.num", "many")])).unwrap_err().to_string();
    expect!["table c.d.events: option 'events.num': 'many' is not a whole number"]
        .assert_eq(&error);
}
