//! Power is lost at any moment, by seed: the server's core over its real log and snapshots, on a
//! disk that tears, loses and reorders what was not made durable.
//!
//! What was told to anybody is there afterwards, each transaction is there whole or not at all, and
//! tree, sessions and digests are those of the transactions. The host is this file's own: it writes
//! down what the core says, and takes snapshots while transactions go on.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use keeper_core::node::{CloseReason, Event, Incoming, Node, NodeOptions, Now, Output};
use keeper_core::recover::Recovery;
use keeper_core::session::{SessionOptions, Sessions, first_id};
use keeper_core::tree::{Tree, TreeBuilder, TreeOptions, Walk, ZxidDigest};
use keeper_core::watch::ConnectionId;
use keeper_disk::disk::Disk;
use keeper_disk::layout::Layout;
use keeper_disk::log::{LogOptions, LogWriter, Preallocator, Replay, cut_tail};
use keeper_disk::sim::{Random, SimDisk};
use keeper_disk::snapshot::{Digest, SnapshotReader, SnapshotWriter, WriteOptions};
use keeper_disk::start::{Start, StartOptions, decide};
use keeper_disk::{Error, FileName, Zxid, purge};
use zk_wire::create_mode::CreateMode;
use zk_wire::header::RequestHeader;
use zk_wire::multi::MultiOp;
use zk_wire::request::Request;
use zk_wire::txn::TxnEntry;
use zk_wire::{Jute, SessionId};

use crate::client::{create, create_request, delete, get, multi, opening, set, set_request};

const CLIENTS: usize = 3;
const LIVES: usize = 4;

/// What the seeds came upon, so that the test cannot become one of nothing.
#[derive(Debug, Default)]
struct Met {
    torn: usize,
    failed: usize,
    snapshots: usize,
    /// Transactions that nobody was told of, and that are there.
    untold: usize,
    /// Those that are gone.
    lost: usize,
    resumed: usize,
}

#[derive(Clone, Default)]
struct SimClient {
    connection: Option<ConnectionId>,
    session: SessionId,
    password: Option<Bytes>,
    last_zxid: Zxid,
}

/// All that survives a crash: the disk, the clients, and what really happened.
struct World {
    disk: SimDisk,
    layout: Layout,
    random: Random,
    now: Now,
    clients: Vec<SimClient>,
    connections: u64,
    /// Every transaction that was written down, or would have been.
    written: BTreeMap<i64, Bytes>,
    /// The highest zxid that anybody was told.
    told: Zxid,
    met: Met,
}

fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn sessions(committed: BTreeMap<SessionId, i32>, now: Now) -> Sessions {
    let options = SessionOptions { tick_ms: 1000, ..SessionOptions::default() };
    Sessions::new(options, first_id(1, now.wall), committed, now.elapsed)
}

/// What a tree must be after all that was written.
fn reference(written: &BTreeMap<i64, Bytes>) -> (Tree, BTreeMap<SessionId, i32>) {
    let mut recovery = Recovery::new(Tree::new(TreeOptions::default()), []);
    for entry in written.values() {
        recovery.apply(&TxnEntry::from_bytes(entry).unwrap()).unwrap();
    }
    recovery.finish()
}

/// A server between two crashes.
struct Life<'w> {
    world: &'w mut World,
    node: Node,
    writer: LogWriter,
    preallocator: Arc<Preallocator>,
    snapshot: Option<(Walk, SnapshotWriter)>,
    durable: Zxid,
}

impl Life<'_> {
    fn step(&mut self, event: Event) -> Result<(), Error> {
        let mut out = Vec::new();
        self.node.step(self.world.now, event, &mut out);
        for output in out {
            match output {
                Output::Append { zxid, entry } => {
                    let before = self.world.written.keys().next_back().copied().unwrap_or(0);
                    assert_eq!(zxid.0, before + 1, "zxids without a gap");
                    self.world.written.insert(zxid.0, entry.clone());
                    self.writer.append(zxid, &entry)?;
                }
                Output::Connected { connection, response } => {
                    let client = self.world.client(connection);
                    if response.session_id != SessionId(0) {
                        client.session = response.session_id;
                        client.password = response.password;
                    }
                    // A session is opened by a transaction of its own.
                    self.world.tell(connection, self.node.tree().last_zxid(), self.durable);
                }
                Output::Reply { connection, header, .. } => {
                    self.world.tell(connection, header.zxid, self.durable);
                }
                Output::Notify { connection, zxid, .. } => {
                    self.world.tell(connection, zxid, self.durable);
                }
                Output::Close { connection, reason } => {
                    assert_ne!(reason, CloseReason::ClientAhead, "what was told is lost");
                    let client = self.world.client(connection);
                    client.connection = None;
                    if !matches!(reason, CloseReason::Reconnected | CloseReason::UnknownOperation) {
                        let last_zxid = client.last_zxid;
                        *client = SimClient { last_zxid, ..SimClient::default() };
                    }
                }
                Output::Audit(_) => {}
                Output::DigestMismatch { zxid } => panic!("the digest differs at {zxid}"),
            }
        }
        Ok(())
    }

    /// Everything written down becomes durable.
    fn commit(&mut self, roll: bool) -> Result<(), Error> {
        let commit = match roll {
            true => self.writer.roll()?,
            false => self.writer.commit()?,
        };
        self.durable = commit.zxid;
        self.step(Event::Synced { zxid: commit.zxid })
    }

    fn begin_snapshot(&mut self) -> Result<(), Error> {
        self.commit(true)?;
        let sessions: Vec<_> = self.node.sessions().committed().collect();
        let acls = self.node.tree().acls();
        let acls = acls.iter().map(|(number, list)| (*number, &list[..]));
        let (disk, folder) = (shared(&self.world.disk), &self.world.layout.snap_dir);
        let (zxid, options) = (self.node.tree().last_zxid(), WriteOptions::default());
        let writer = SnapshotWriter::begin(disk, folder, zxid, options, &sessions, acls)?;
        self.snapshot = Some((self.node.tree().walk(), writer));
        Ok(())
    }

    fn advance_snapshot(&mut self) -> Result<(), Error> {
        let Some((mut walk, mut writer)) = self.snapshot.take() else { return Ok(()) };
        let mut result = Ok(());
        let tree = self.node.tree();
        let is_done = walk.advance(tree, 300, |path, data, acl, stat| {
            if result.is_ok() {
                result = writer.node(path, data, acl, stat);
            }
        });
        result?;
        if !is_done {
            self.snapshot = Some((walk, writer));
            return Ok(());
        }
        let digest = tree.last_digest().map(|digest| {
            let ZxidDigest { zxid, version, digest } = digest;
            Digest { zxid, version, digest }
        });
        let last = tree.last_zxid();
        writer.finish(digest, Some(last))?;
        self.world.met.snapshots += 1;
        if self.world.random.below(2) == 0 {
            let disk = self.world.disk.clone();
            purge::purge(&disk, &self.world.layout, 3)?;
        }
        Ok(())
    }

    /// A client connects, asks, or goes away.
    fn client(&mut self) -> Result<(), Error> {
        let index = self.world.random.below(CLIENTS as u64) as usize;
        let client = self.world.clients[index].clone();
        let Some(connection) = client.connection else {
            self.world.connections += 1;
            let connection = ConnectionId(self.world.connections);
            self.world.clients[index].connection = Some(connection);
            let mut request = opening(10_000);
            request.last_zxid_seen = client.last_zxid;
            if client.session != SessionId(0) {
                self.world.met.resumed += 1;
                (request.session_id, request.password) = (client.session, client.password);
            }
            let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
            return self.step(Event::Connect { connection, address, ids: Vec::new(), request });
        };
        if self.world.random.below(20) == 0 {
            self.world.clients[index].connection = None;
            return self.step(Event::Disconnect { connection });
        }
        let request = self.world.request();
        let header = RequestHeader { xid: 1, op: request.op().code() };
        self.step(Event::Request { connection, header, request: Incoming::Known(request) })
    }

    fn live(&mut self) -> Result<(), Error> {
        for _ in 0..self.world.random.below(150) {
            match self.world.random.below(24) {
                0..=12 => self.client()?,
                13..=16 => self.commit(false)?,
                17 => drop(self.preallocator.step()),
                18 if self.snapshot.is_none() => self.begin_snapshot()?,
                18..=21 => self.advance_snapshot()?,
                _ => {
                    let passed = self.world.random.below(900) as i64;
                    self.world.now.elapsed += passed;
                    self.world.now.wall += passed;
                    self.step(Event::Tick)?;
                }
            }
        }
        // The last write may be under way when power is lost.
        if self.world.random.below(3) == 0 {
            self.world.disk.fail_sync_after(0);
            self.commit(false)?;
        }
        Ok(())
    }
}

impl World {
    fn new(seed: u64) -> World {
        let layout = Layout::new(Path::new("data"), None);
        World {
            disk: SimDisk::new(),
            layout,
            random: Random::new(seed),
            now: Now { wall: 1_700_000_000_000, elapsed: 0 },
            clients: vec![SimClient::default(); CLIENTS],
            connections: 0,
            written: BTreeMap::new(),
            told: Zxid(0),
            met: Met::default(),
        }
    }

    fn client(&mut self, connection: ConnectionId) -> &mut SimClient {
        let found = self.clients.iter().position(|client| client.connection == Some(connection));
        match found {
            Some(index) => &mut self.clients[index],
            None => panic!("{connection:?} is nobody's"),
        }
    }

    /// A client hears of something, which must be durable.
    fn tell(&mut self, connection: ConnectionId, zxid: Zxid, durable: Zxid) {
        assert!(zxid <= durable, "told of {zxid}, and durable is {durable}");
        let client = self.client(connection);
        client.last_zxid = client.last_zxid.max(zxid);
        self.told = self.told.max(zxid);
    }

    fn request(&mut self) -> Request {
        let random = &mut self.random;
        let node = format!("/n{}", random.below(12));
        let below = format!("{node}/c{}", random.below(3));
        let data = vec![b'x'; random.below(700) as usize];
        match random.below(14) {
            0 | 1 => create(&node, &data, CreateMode::Persistent),
            2 => create(&below, &data, CreateMode::Ephemeral),
            3 => create(&format!("{node}/s"), &data, CreateMode::PersistentSequential),
            4 => create(&format!("{node}/e"), &data, CreateMode::EphemeralSequential),
            5 | 6 => set(&node, &data, -1),
            7 => set(&node, &data, random.below(4) as i32),
            8 => delete(&node, -1),
            9 => delete(&below, -1),
            10 | 11 => {
                let first = create_request(&below, b"1", CreateMode::Persistent);
                let second = create_request(&format!("{below}-2"), b"2", CreateMode::Persistent);
                let set = set_request(&node, &data, -1);
                let ops = [MultiOp::Create(first), MultiOp::SetData(set), MultiOp::Create(second)];
                multi(ops.to_vec())
            }
            12 => get(&node, true),
            _ if random.below(8) == 0 => Request::CloseSession,
            _ => Request::Ping,
        }
    }

    /// What a server does when it starts, and what it must find.
    fn recover(&mut self) -> Result<Node, Error> {
        let disk = shared(&self.disk);
        self.layout.open(&*disk, true)?;
        let options = StartOptions::default();
        let (tree, sessions_found, snapshot) = match decide(&*disk, &self.layout, options)? {
            Start::Snapshots(files) => load(&*disk, &self.layout, &files)?,
            Start::New => (Tree::new(TreeOptions::default()), Vec::new(), Zxid(0)),
            other => panic!("{other:?}"),
        };
        let mut recovery = Recovery::new(tree, sessions_found);
        let mut replay = Replay::open(disk.clone(), &self.layout.log_dir, snapshot)?;
        while replay.advance()? {
            let zxid = replay.head().unwrap().zxid;
            let expected = self.written.get(&zxid.0).map(|entry| &entry[..]);
            assert_eq!(Some(replay.txn()), expected, "{zxid} is not what was written");
            let entry = TxnEntry::from_bytes(&Bytes::copy_from_slice(replay.txn())).unwrap();
            recovery.apply(&entry).unwrap();
        }
        let end = replay.finish()?;
        if let Some(tail) = &end.torn {
            self.met.torn += 1;
            cut_tail(&*disk, tail)?;
        }
        let (tree, found) = recovery.finish();
        let last = tree.last_zxid().max(end.last);
        assert!(last >= self.told, "ends with {last}, and {} was told", self.told);
        self.met.untold += (last.0 - self.told.0) as usize;
        self.met.lost += self.written.split_off(&(last.0 + 1)).len();
        let (expected, expected_sessions) = reference(&self.written);
        assert_eq!(tree.last_zxid(), expected.last_zxid());
        assert_eq!(found, expected_sessions, "sessions");
        assert_eq!(tree.node_count(), expected.node_count());
        assert_eq!(tree.digest(), expected.digest(), "digest after {last}");
        assert_eq!(tree.digest_from_scratch(), tree.digest());
        Ok(Node::new(NodeOptions::default(), tree, sessions(found, self.now), self.now))
    }

    /// A life, from start to crash.
    fn life(&mut self) -> Result<(), Error> {
        let node = self.recover()?;
        let preallocate = if self.random.below(4) == 0 { 0 } else { 8 << 10 };
        let options = LogOptions { preallocate, ..LogOptions::default() };
        let last = node.tree().last_zxid();
        let writer = LogWriter::new(shared(&self.disk), &self.layout.log_dir, last, options);
        let preallocator = writer.preallocator();
        if self.random.below(10) == 0 {
            self.disk.fail_sync_after(self.random.below(12) as u32);
        }
        if self.random.below(12) == 0 {
            self.disk.set_capacity(self.random.below(60_000) as usize);
        }
        for client in &mut self.clients {
            client.connection = None;
        }
        let mut life =
            Life { world: self, node, writer, preallocator, snapshot: None, durable: last };
        // As Apache's, a server writes a snapshot when it starts: without one it would not start.
        let ended = match life.begin_snapshot() {
            Ok(()) => loop {
                match life.advance_snapshot() {
                    Ok(()) if life.snapshot.is_none() => break life.live(),
                    Ok(()) => {}
                    Err(error) => break Err(error),
                }
            },
            Err(error) => Err(error),
        };
        self.met.failed += usize::from(ended.is_err());
        Ok(())
    }
}

/// The first snapshot that loads.
fn load(
    disk: &dyn Disk,
    layout: &Layout,
    files: &[FileName],
) -> Result<(Tree, Vec<(SessionId, i32)>, Zxid), Error> {
    let mut last = None;
    for file in files {
        match load_one(disk, &layout.snap_dir.join(&file.name), file.zxid) {
            Ok((tree, sessions)) => return Ok((tree, sessions, file.zxid)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap())
}

fn load_one(
    disk: &dyn Disk,
    path: &Path,
    zxid: Zxid,
) -> Result<(Tree, Vec<(SessionId, i32)>), Error> {
    let mut reader = SnapshotReader::open(disk, path)?;
    let lists = reader.acls().iter().map(|(number, list)| (*number, &list[..]));
    let mut builder = TreeBuilder::new(TreeOptions::default(), lists);
    let sessions = reader.sessions().to_vec();
    while reader.advance()? {
        let (path, data) = (reader.path(), reader.data());
        builder.node(path, data, reader.acl(), reader.stat()).unwrap();
    }
    let tail = reader.finish()?;
    let digest = tail.digest.map(|digest| {
        let Digest { zxid, version, digest } = digest;
        ZxidDigest { zxid, version, digest }
    });
    Ok((builder.finish(zxid, digest).unwrap(), sessions))
}

fn run(seed: u64, met: &mut Met) {
    let mut world = World::new(seed);
    for _ in 0..LIVES {
        world.life().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let World { disk, random, .. } = &mut world;
        disk.crash(random);
    }
    world.recover().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let Met { torn, failed, snapshots, untold, lost, resumed } = world.met;
    met.torn += torn;
    met.failed += failed;
    met.snapshots += snapshots;
    met.untold += untold;
    met.lost += lost;
    met.resumed += resumed;
}

/// `KEEPER_SIM_SEED=<n>` runs that one, `KEEPER_SIM_SEEDS=<n>` that many.
#[test]
fn what_was_told_survives_any_crash() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let mut met = Met::default();
    if let Some(seed) = number("KEEPER_SIM_SEED") {
        return run(seed, &mut met);
    }
    let seeds = number("KEEPER_SIM_SEEDS").unwrap_or(250);
    for seed in 0..seeds {
        run(seed, &mut met);
    }
    let least = usize::try_from(seeds / 10).unwrap();
    let Met { torn, failed, snapshots, untold, lost, resumed } = met;
    let all = [torn, failed, snapshots, untold, lost, resumed];
    assert!(all.iter().all(|count| *count >= least), "{met:?}");
}
