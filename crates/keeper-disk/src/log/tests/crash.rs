//! Power is lost at any moment, by seed: what was answered for is there, and nothing in parts.

use super::*;
use crate::layout::Layout;
use crate::sim::Random;
use crate::snapshot::{self, SnapshotWriter, WriteOptions};
use zk_wire::stat::StatPersisted;

/// How often crashes left what, so that the test cannot become one of nothing.
#[derive(Default)]
struct Seen {
    torn: usize,
    /// Torn writes with whole transactions behind the first broken one.
    reordered: usize,
    /// Lives that ended with an error of the disk.
    failed: usize,
    /// More was found than was answered for.
    unanswered: usize,
}

/// A server's disk over some starts, with a crash after each.
struct World {
    disk: SimDisk,
    layout: Layout,
    random: Random,
    /// Answered for.
    durable: Zxid,
    /// Appended, whether answered for or not, in this life.
    appended: Zxid,
    /// What the crashes have left.
    seen: Seen,
    /// Lengths of transactions, which tell one life's from another's.
    lengths: std::collections::BTreeMap<i64, usize>,
}

impl World {
    fn new(seed: u64) -> World {
        let layout = Layout::new(Path::new("data"), None);
        let disk = SimDisk::new();
        layout.open(&disk, true).unwrap();
        let mut world = World {
            disk,
            layout,
            random: Random::new(seed),
            durable: Zxid(0),
            appended: Zxid(0),
            seen: Seen::default(),
            lengths: std::collections::BTreeMap::new(),
        };
        world.snapshot(Zxid(0)).unwrap();
        world
    }

    fn chance(&mut self, one_of: u64) -> bool {
        self.random.below(one_of) == 0
    }

    /// A snapshot that says how many transactions it holds.
    fn snapshot(&mut self, zxid: Zxid) -> Result<(), Error> {
        let options = WriteOptions::default();
        let (disk, folder) = (shared(&self.disk), &self.layout.snap_dir);
        let mut writer = SnapshotWriter::begin(disk, folder, zxid, options, &[], [].into_iter())?;
        let stat = StatPersisted { mzxid: zxid, ..StatPersisted::default() };
        writer.node("", Some(&[7; 700]), -1, &stat)?;
        writer.finish(None, Some(zxid)).map(|_| ())
    }

    fn live(&mut self) -> Result<(), Error> {
        let preallocate = if self.chance(4) { 0 } else { 8 << 10 };
        let disk = shared(&self.disk);
        let last = self.appended;
        let mut writer = LogWriter::new(disk, &self.layout.log_dir, last, options(preallocate));
        let preallocator = writer.preallocator();
        if self.chance(10) {
            self.disk.fail_sync_after(self.random.below(12) as u32);
        }
        if self.chance(10) {
            self.disk.set_capacity(self.random.below(40_000) as usize);
        }
        for _ in 0..self.random.below(6) {
            self.append(&mut writer)?;
            for _ in 0..self.random.below(4) {
                preallocator.step();
            }
            match self.random.below(12) {
                // Written, and power is lost before it is durable: see `crash`.
                0 => return Ok(()),
                1 => self.durable = writer.roll()?.zxid,
                2 => {
                    self.durable = writer.roll()?.zxid;
                    self.snapshot(self.durable)?;
                }
                _ => self.durable = writer.commit()?.zxid,
            }
        }
        // The last write is under way: its sync does not come back.
        if !self.chance(4) {
            for _ in 0..8 {
                preallocator.step();
            }
            self.append(&mut writer)?;
            self.disk.fail_sync_after(0);
            writer.commit()?;
        }
        Ok(())
    }

    /// Some transactions of one batch.
    fn append(&mut self, writer: &mut LogWriter) -> Result<(), Error> {
        for _ in 0..=self.random.below(5) {
            let zxid = Zxid(self.appended.0 + 1);
            let large = self.chance(3);
            let len = self.random.below(if large { 2000 } else { 300 }) as usize;
            self.appended = zxid;
            self.lengths.insert(zxid.0, len);
            writer.append(zxid, &txn(zxid, len))?;
        }
        Ok(())
    }

    /// Starts again: what a server would do. Answers with what it found.
    fn recover(&mut self) -> Result<Zxid, Error> {
        self.layout.open(&self.disk, true)?;
        let folder = &self.layout.snap_dir;
        let file = snapshot::newest_valid(&self.disk, folder, Zxid(i64::MAX))?.unwrap();
        let mut replay = Replay::open(shared(&self.disk), &self.layout.log_dir, file.zxid)?;
        while replay.advance()? {
            let zxid = replay.head().unwrap().zxid;
            assert!(replay.txn() == txn(zxid, self.lengths[&zxid.0]), "{zxid} is half there");
        }
        let end = replay.finish()?;
        if let Some(tail) = &end.torn {
            self.seen.torn += 1;
            self.seen.reordered += usize::from(!tail.whole.is_empty());
            cut_tail(&self.disk, tail)?;
        }
        Ok(end.last)
    }
}

fn run(seed: u64) -> Result<Seen, String> {
    let mut world = World::new(seed);
    for _ in 0..3 {
        let ended = world.live();
        world.seen.failed += usize::from(ended.is_err());
        world.disk.crash(&mut world.random);
        let found = world.recover().map_err(|error| format!("{error} (after {ended:?})"))?;
        if found < world.durable || found > world.appended {
            let (durable, appended) = (world.durable, world.appended);
            return Err(format!("ends with {found}, not in {durable}..={appended}"));
        }
        world.seen.unanswered += usize::from(found > world.durable);
        // Reading again gives the same, now without a repair.
        let again = world.recover().map_err(|error| format!("again: {error}"))?;
        if again != found {
            return Err(format!("first {found}, then {again}"));
        }
        (world.durable, world.appended) = (found, found);
    }
    Ok(world.seen)
}

#[test]
fn crashes_lose_nothing_durable() {
    let mut all = Seen::default();
    for seed in 0..10_000 {
        match run(seed) {
            Err(error) => panic!("seed {seed}: {error}"),
            Ok(seen) => {
                all.torn += seen.torn;
                all.reordered += seen.reordered;
                all.failed += seen.failed;
                all.unanswered += seen.unanswered;
            }
        }
    }
    let Seen { torn, reordered, failed, unanswered } = all;
    let enough = torn > 2000 && reordered > 200 && failed > 2000 && unanswered > 1000;
    assert!(enough, "{torn} torn, {reordered} reordered, {failed} failed, {unanswered} unanswered");
}

/// A byte goes bad in a log that was not closed: what was durable before the last write is never
/// cut.
#[test]
fn damage_is_never_taken_for_a_torn_write() {
    let (mut refused, mut torn) = (0, 0);
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let disk = SimDisk::new();
        let mut writer = LogWriter::new(shared(&disk), &folder(), Zxid(0), options(8 << 10));
        let mut last_write = 0;
        for zxid in 1..=12 {
            if zxid % 3 == 1 {
                last_write = writer.file_len().max(16);
            }
            writer.append(Zxid(zxid), &txn(Zxid(zxid), random.below(800) as usize)).unwrap();
            if zxid % 3 == 0 {
                writer.commit().unwrap();
            }
        }
        let end = writer.file_len();
        let at = 16 + random.below(end - 16);
        damage(&disk, "log.1", |bytes| match random.below(3) {
            0 => bytes[at as usize] ^= 1 << random.below(8),
            1 => bytes[at as usize..(at as usize + 40).min(end as usize)].fill(0),
            _ => {
                let sector = at as usize / 512 * 512;
                bytes[sector.max(16)..(sector + 512).min(end as usize)].fill(0);
            }
        });
        match Replay::open(shared(&disk), &folder(), Zxid(0)).unwrap().finish() {
            Err(error) => {
                assert!(error.damage().is_some(), "seed {seed}: {error}");
                refused += 1;
            }
            Ok(end) => match end.torn {
                Some(tail) => {
                    assert!(tail.offset >= last_write, "seed {seed}: {tail}");
                    torn += 1;
                }
                // Zeros over zeros.
                None => assert_eq!(end.last, Zxid(12), "seed {seed}"),
            },
        }
    }
    assert!(refused > 1000 && torn > 200, "{refused} refused, {torn} torn");
}
