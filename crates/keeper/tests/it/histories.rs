//! Recorded histories of clients that write, read and lose their connections at once.

use std::sync::atomic::Ordering;

use crate::apache::Apache;
use crate::history::History;
use crate::history::load::Load;
use crate::server::Settings;

const LOAD: Load = Load { seed: 0, clients: 4, requests: 400, cuts: 150 };

fn check(settings: &Settings, load: Load) {
    let server = settings.start();
    let (running, mut history) = load.start(server.address);
    let shared = running.shared.clone();
    history.merge(running.finish());
    let calls: usize = history.calls.values().map(Vec::len).sum();
    let answers = shared.answers.load(Ordering::SeqCst);
    assert!(calls > load.requests && answers as usize > load.requests * load.clients / 2);
    history.check().unwrap_or_else(|error| panic!("seed {}: {error}", load.seed));
}

#[test]
fn clients_that_stay_connected() {
    for seed in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        check(&Settings::new(folder.path()), Load { seed, cuts: 0, ..LOAD });
    }
}

#[test]
fn clients_that_lose_their_connections() {
    for seed in 10..13 {
        let folder = tempfile::tempdir().unwrap();
        check(&Settings::new(folder.path()), Load { seed, ..LOAD });
    }
}

/// The checks do not refuse what Apache's server does.
#[test]
fn apache_under_the_same_load() {
    let Some(apache) = Apache::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    check(&Settings::new(folder.path()).apache(&apache), Load { seed: 20, ..LOAD });
}

#[test]
fn nothing_is_a_sound_history() {
    History::default().check().unwrap();
}
