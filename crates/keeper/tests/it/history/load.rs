//! Clients that make histories: each a thread with a session of its own and several requests under
//! way, which it loses now and then with its connection.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use keeper_disk::sim::Random;
use zk_wire::connect::ConnectRequest;
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;
use zk_wire::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
use zk_wire::reply::Reply;
use zk_wire::request::{PathRequest, Request, SetWatches2};
use zk_wire::stat::Stat;

use super::order::{Seen, Session};
use super::{Call, End, Held, History, Moment, Op, Outcome, now};
use crate::client::{
    self, Answer, Client, Received, create, delete, get, multi, opening, set, set_request, sync,
};

/// Registers that stay; all but the last two are written alone.
const REGISTERS: [&str; 5] = ["/r0", "/r1", "/r2", "/pair-a", "/pair-b"];
const SINGLE: u64 = 3;
const PAIR: [&str; 2] = ["/pair-a", "/pair-b"];
/// A node that comes and goes.
const FLEETING: &str = "/fleeting";
/// Requests under way at most.
const WINDOW: usize = 8;
/// No server is away for longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the clients do.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub seed: u64,
    pub clients: usize,
    /// Requests of each client; fewer if it is stopped.
    pub requests: usize,
    /// A connection is dropped after one of so many requests; 0: never.
    pub cuts: u64,
}

/// What all clients share.
#[derive(Default)]
pub struct Shared {
    clock: AtomicU64,
    values: AtomicU64,
    /// Answers that all clients have had.
    pub answers: AtomicU64,
    stop: AtomicBool,
}

/// Clients at work.
pub struct Running {
    pub shared: Arc<Shared>,
    threads: Vec<JoinHandle<History>>,
}

impl Running {
    /// Lets the clients finish what is under way; what they saw.
    pub fn stop(self) -> History {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.finish()
    }

    /// Waits until the clients have done all that they are to do; what they saw.
    pub fn finish(self) -> History {
        let mut history = History::default();
        for thread in self.threads {
            history.merge(thread.join().unwrap_or_else(|_| panic!("a client has failed")));
        }
        history
    }
}

/// The nodes that the clients need. They begin with the value 0.
fn make_registers(address: SocketAddr, shared: &Shared) -> History {
    let mut history = History::default();
    let mut client = Client::connect(address).unwrap();
    for register in REGISTERS {
        let begun = now(&shared.clock);
        client.create(register, b"0", CreateMode::Persistent).unwrap();
        let ended = End::Answered(now(&shared.clock), Outcome::Done);
        let call = Call { client: usize::MAX, begun, ended, op: Op::Create(0) };
        history.calls.insert(register.to_owned(), vec![call]);
    }
    client.close().unwrap();
    history
}

impl Load {
    /// Starts the clients.
    pub fn start(self, address: SocketAddr) -> (Running, History) {
        let shared = Arc::new(Shared::default());
        let first = make_registers(address, &shared);
        let threads = (0..self.clients)
            .map(|number| {
                let shared = shared.clone();
                let random = Random::new(self.seed ^ ((number as u64 + 1) << 40));
                thread::spawn(move || Worker::run(self, address, number, random, &shared))
            })
            .collect();
        (Running { shared, threads }, first)
    }
}

/// A request under way.
struct Pending {
    begun: Moment,
    kind: Kind,
}

enum Kind {
    /// Of which only the zxid counts.
    Other,
    /// Also where it is not in the check of one order: reads without a sync.
    Read {
        register: &'static str,
        watch: bool,
        is_linear: bool,
    },
    Write {
        register: &'static str,
        op: Op,
    },
    WritePair {
        value: u64,
    },
    ReadPair,
}

struct Worker<'s> {
    load: Load,
    address: SocketAddr,
    number: usize,
    random: Random,
    shared: &'s Shared,
    client: Client,
    pending: VecDeque<Pending>,
    history: History,
    seen: Vec<Seen>,
    watches: BTreeSet<String>,
    /// The newest version seen of each register.
    versions: [i32; SINGLE as usize],
}

impl Worker<'_> {
    fn run(
        load: Load,
        address: SocketAddr,
        number: usize,
        random: Random,
        shared: &Shared,
    ) -> History {
        let client = reach(address, &opening(60_000));
        let mut worker = Worker {
            load,
            address,
            number,
            random,
            shared,
            client,
            pending: VecDeque::new(),
            history: History::default(),
            seen: Vec::new(),
            watches: BTreeSet::new(),
            versions: [0; SINGLE as usize],
        };
        worker.work();
        let Worker { client, mut history, seen, .. } = worker;
        history.sessions.push(Session { client: number, seen });
        // The session's end is not under test here.
        let _ = client.close();
        history
    }

    fn work(&mut self) {
        let mut sent = 0;
        loop {
            let is_over = sent >= self.load.requests || self.shared.stop.load(Ordering::SeqCst);
            if is_over && self.pending.is_empty() {
                return;
            }
            let has_room = !is_over && self.pending.len() < WINDOW;
            let result = if has_room && (self.pending.is_empty() || self.random.below(2) == 0) {
                sent += 1;
                self.send()
            } else {
                self.receive()
            };
            let cuts = self.load.cuts;
            if result.is_err() || cuts > 0 && !is_over && self.random.below(cuts) == 0 {
                self.client.cut();
                self.resume();
            }
        }
    }

    fn queue(&mut self, begun: Moment, kind: Kind, request: &Request) -> io::Result<()> {
        self.pending.push_back(Pending { begun, kind });
        self.client.send(request).map(|_| ())
    }

    /// Sends something.
    fn send(&mut self) -> io::Result<()> {
        let begun = now(&self.shared.clock);
        let index = self.random.below(SINGLE) as usize;
        let register = REGISTERS[index];
        let value = self.shared.values.fetch_add(1, Ordering::SeqCst) + 1;
        let data = value.to_string();
        match self.random.below(10) {
            0..=2 => {
                let watch = self.random.below(3) == 0;
                let kind = Kind::Read { register, watch, is_linear: false };
                self.queue(begun, kind, &get(register, watch))
            }
            3 | 4 => self.read_synced(begun, register),
            5 | 6 => {
                let version = match self.random.below(3) {
                    0 => self.versions[index],
                    _ => -1,
                };
                let kind = Kind::Write { register, op: Op::Write(value, version) };
                self.queue(begun, kind, &set(register, data.as_bytes(), version))
            }
            7 => {
                let part = |path| MultiOp::SetData(set_request(path, data.as_bytes(), -1));
                self.queue(begun, Kind::WritePair { value }, &multi(PAIR.map(part).to_vec()))
            }
            8 => {
                let part = |path: &str| MultiOp::GetData(PathRequest { path: Some(path.into()) });
                let ops = PAIR.map(part).to_vec();
                self.queue(begun, Kind::ReadPair, &Request::MultiRead(MultiRequest { ops }))
            }
            _ => {
                let (op, request) = match self.random.below(4) {
                    0 => (Op::Create(value), create(FLEETING, data.as_bytes(), MODE)),
                    1 => (Op::Delete, delete(FLEETING, -1)),
                    2 => (Op::Write(value, -1), set(FLEETING, data.as_bytes(), -1)),
                    _ => return self.read_synced(begun, FLEETING),
                };
                self.queue(begun, Kind::Write { register: FLEETING, op }, &request)
            }
        }
    }

    fn read_synced(&mut self, begun: Moment, register: &'static str) -> io::Result<()> {
        self.queue(begun, Kind::Other, &sync(register))?;
        let kind = Kind::Read { register, watch: false, is_linear: true };
        self.queue(begun, kind, &get(register, false))
    }

    fn receive(&mut self) -> io::Result<()> {
        let answer = match self.client.receive()? {
            Received::Event(_, event) => {
                let node = event.path.unwrap().to_string();
                self.watches.remove(&node);
                self.seen.push(Seen::Told { node });
                return Ok(());
            }
            Received::Answer(answer) => answer,
        };
        let moment = now(&self.shared.clock);
        self.shared.answers.fetch_add(1, Ordering::SeqCst);
        let Pending { begun, kind } = self.pending.pop_front().expect("under way");
        self.note(begun, moment, kind, answer);
        Ok(())
    }

    fn call(&mut self, register: &str, begun: Moment, op: Op, ended: End) {
        let call = Call { client: self.number, begun, ended, op };
        self.history.calls.entry(register.to_owned()).or_default().push(call);
    }

    /// Writes down an answer.
    fn note(&mut self, begun: Moment, moment: Moment, kind: Kind, answer: Answer) {
        let zxid = answer.header.zxid.0;
        let err = answer.err();
        let mut seen = Seen::Replied { zxid };
        match (kind, answer.reply) {
            (Kind::Other, _) => assert_eq!(err, ErrorCode::Ok),
            (Kind::Read { register, watch, is_linear }, reply) => {
                let outcome = outcome(err, &reply);
                if let (Outcome::Read(held), Reply::Data(data)) = (outcome, &reply)
                    && register != FLEETING
                {
                    let (node, mzxid) = (register.to_owned(), data.stat.mzxid.0);
                    self.remember(register, held);
                    if watch {
                        self.watches.insert(node.clone());
                    }
                    seen = Seen::Read { zxid, node, mzxid, held, watch };
                }
                if is_linear {
                    self.call(register, begun, Op::Read, End::Answered(moment, outcome));
                }
            }
            (Kind::Write { register, op }, reply) => {
                let outcome = outcome(err, &reply);
                if let (Op::Write(value, _), Outcome::Written(version)) = (op, outcome)
                    && register != FLEETING
                {
                    let held = Held { value, version };
                    self.remember(register, held);
                    seen = Seen::Wrote { zxid, node: register.to_owned(), held };
                }
                self.call(register, begun, op, End::Answered(moment, outcome));
            }
            (Kind::WritePair { value }, Reply::Multi(parts)) => {
                let [first, second] = stats(&parts);
                for (register, stat) in PAIR.iter().zip([first, second]) {
                    let ended = End::Answered(moment, Outcome::Written(stat.version));
                    self.call(register, begun, Op::Write(value, -1), ended);
                    assert_eq!(stat.mzxid.0, zxid, "the zxid of a multi");
                }
                let held = |stat: Stat| Held { value, version: stat.version };
                let node = PAIR[0].to_owned();
                self.seen.push(Seen::Wrote { zxid, node, held: held(first) });
                let node = PAIR[1].to_owned();
                let held = held(second);
                seen = Seen::Read { zxid, node, mzxid: zxid, held, watch: false };
            }
            (Kind::ReadPair, Reply::Multi(parts)) => {
                if let [MultiResult::GetData(a), MultiResult::GetData(b)] = &parts.results[..]
                    && (a.data != b.data || a.stat.version > 0 && a.stat.mzxid != b.stat.mzxid)
                {
                    self.history.torn.push(format!("half of a multi at {zxid:#x}: {parts:?}"));
                }
            }
            (Kind::WritePair { .. } | Kind::ReadPair, reply) => panic!("{err}: {reply:?}"),
        }
        self.seen.push(seen);
    }

    fn remember(&mut self, register: &str, held: Held) {
        if let Some(index) = REGISTERS.iter().position(|other| *other == register)
            && let Some(version) = self.versions.get_mut(index)
        {
            *version = held.version;
        }
    }

    /// Goes on in another connection, where all that was under way is over.
    fn resume(&mut self) {
        self.client = reach(self.address, &self.client.resumption());
        let moment = now(&self.shared.clock);
        for Pending { begun, kind } in std::mem::take(&mut self.pending) {
            match kind {
                Kind::Write { register, op } => self.call(register, begun, op, End::Lost(moment)),
                Kind::WritePair { value } => {
                    for register in PAIR {
                        self.call(register, begun, Op::Write(value, -1), End::Lost(moment));
                    }
                }
                Kind::Other | Kind::Read { .. } | Kind::ReadPair => {}
            }
        }
        let watches = self.watches.iter().map(|node| node.as_str().into()).collect();
        let request = Request::SetWatches2(SetWatches2 {
            relative_zxid: self.client.last_zxid,
            data_watches: Some(watches),
            // Apache takes null for an error here.
            exist_watches: Some(Vec::new()),
            child_watches: Some(Vec::new()),
            persistent_watches: Some(Vec::new()),
            persistent_recursive_watches: Some(Vec::new()),
        });
        // An error shows at the next step.
        let _ = self.queue(moment, Kind::Other, &request);
    }
}

const MODE: CreateMode = CreateMode::Persistent;

/// Connects, as soon as there is a server. It must know the session.
fn reach(address: SocketAddr, request: &ConnectRequest) -> Client {
    let started = Instant::now();
    loop {
        match Client::open(address, request) {
            Ok(client) => return client,
            Err(error) => assert!(
                started.elapsed() < PATIENCE && error.kind() != io::ErrorKind::Other,
                "session {} since {}: {error}",
                request.session_id,
                request.last_zxid_seen
            ),
        }
        thread::sleep(client::POLL);
    }
}

fn held(data: &Option<Bytes>, stat: &Stat) -> Held {
    let text = std::str::from_utf8(data.as_deref().unwrap_or_default()).unwrap();
    Held { value: text.parse().unwrap(), version: stat.version }
}

fn outcome(err: ErrorCode, reply: &Reply) -> Outcome {
    match (err, reply) {
        (ErrorCode::NoNode, _) => Outcome::NoNode,
        (ErrorCode::NodeExists, _) => Outcome::NodeExists,
        (ErrorCode::BadVersion, _) => Outcome::BadVersion,
        (ErrorCode::Ok, Reply::Data(data)) => Outcome::Read(held(&data.data, &data.stat)),
        (ErrorCode::Ok, Reply::Stat(stat)) => Outcome::Written(stat.stat.version),
        (ErrorCode::Ok, _) => Outcome::Done,
        (err, reply) => panic!("{err}: {reply:?}"),
    }
}

fn stats(parts: &MultiResponse) -> [Stat; 2] {
    match &parts.results[..] {
        [MultiResult::SetData(first), MultiResult::SetData(second)] => [first.stat, second.stat],
        other => panic!("{other:?}"),
    }
}
