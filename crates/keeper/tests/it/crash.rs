//! `kill -9` at any moment, under the load of several clients: what was acknowledged is there, and
//! the log is whole.
//!
//! `KEEPER_KILLS=<n>` kills that often instead of 20 times, in rounds with a new folder each.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use keeper_disk::disk::RealDisk;
use keeper_disk::layout::Layout;
use keeper_disk::log::{FileEnd, verify};
use keeper_disk::sim::Random;

use crate::client::{Client, POLL};
use crate::files;
use crate::history::load::{Load, Shared};
use crate::server::Settings;

/// Kills of one round.
const KILLS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the clients have had so many answers in all.
fn await_answers(shared: &Shared, count: u64) {
    let started = Instant::now();
    while shared.answers.load(Ordering::SeqCst) < count {
        assert!(started.elapsed() < PATIENCE, "the clients stand still");
        thread::sleep(POLL);
    }
}

/// Between its first and its last transaction, the log has every one; only its very end may be torn.
fn check_log(data_dir: &Path) {
    let layout = Layout::new(data_dir, None);
    let reports = verify(&RealDisk, &layout.log_dir).unwrap();
    let newest = reports.len() - 1;
    for (index, report) in reports.iter().enumerate() {
        assert!(report.gaps.is_empty(), "{report:?}");
        match &report.end {
            FileEnd::Clean => {}
            FileEnd::Torn(_) => assert_eq!(index, newest, "{report:?}"),
            FileEnd::Damaged(damage) => panic!("{damage}"),
        }
    }
}

fn round(seed: u64, kills: u64) {
    let folder = tempfile::tempdir().unwrap();
    // Snapshots are under way at some kills, and logs are rolled.
    let mut settings = Settings::new(folder.path()).line("snapCount=300").line("preAllocSize=64");
    let load = Load { seed, clients: 4, requests: usize::MAX, cuts: 400 };
    let mut server = settings.start();
    let (running, mut history) = load.start(server.address);
    let mut random = Random::new(seed);
    for _ in 0..kills {
        let answers = running.shared.answers.load(Ordering::SeqCst);
        await_answers(&running.shared, answers + 20 + random.below(400));
        settings = server.kill();
        check_log(&settings.data_dir());
        server = settings.start();
    }
    let answers = running.shared.answers.load(Ordering::SeqCst);
    await_answers(&running.shared, answers + 100);
    history.merge(running.stop());
    history.check().unwrap_or_else(|error| panic!("seed {seed}: {error}"));

    let mut client = Client::connect(server.address).unwrap();
    let before = files::dump(&mut client);
    client.close().unwrap();
    let (settings, status) = server.stop();
    assert!(status.success(), "{status}: {}", settings.log());
    check_log(&settings.data_dir());
    let state = files::State::read(&settings.data_dir());
    assert_eq!(state.tree.digest(), state.tree.digest_from_scratch());
    let server = settings.start();
    let mut client = Client::connect(server.address).unwrap();
    assert_eq!(files::dump(&mut client), before);
}

#[test]
fn killed_under_load() {
    let kills = std::env::var("KEEPER_KILLS").ok().and_then(|text| text.parse().ok());
    let kills = kills.unwrap_or(KILLS);
    let mut done = 0;
    while done < kills {
        let now = KILLS.min(kills - done);
        round(done, now);
        done += now;
        if kills > KILLS {
            println!("{done} of {kills} kills, and nothing is lost");
        }
    }
}
