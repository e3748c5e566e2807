//! The loop of requests and replies, one thread for its part of the connections.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::event::{Timespec, epoll};

use super::frames::{Random, Requests};
use super::report::{Report, cpu_seconds};
use super::socket::{Socket, name};
use super::{Plan, Workload};

/// Longest wait without looking at the clock.
const TICK: Duration = Duration::from_millis(20);
/// After the end, replies that are still to come get so long.
const DRAIN: Duration = Duration::from_secs(10);
/// Bytes that gather for one write.
const BATCH: usize = 128 << 10;
/// Events taken from the system at once.
const EVENTS: usize = 256;

/// Runs a workload on all threads.
pub(super) fn run(plan: &Plan, workload: Workload) -> Result<Report> {
    let mut workers = Vec::new();
    for thread in 0..plan.threads {
        workers.push(Worker::open(plan, workload, thread)?);
    }
    let mut report = Report::new(plan, workload);
    let cpu = cpu_seconds();
    // All threads agree on the time that counts.
    let start = Instant::now();
    let done: Vec<Result<Part>> = std::thread::scope(|scope| {
        let handles: Vec<_> =
            workers.into_iter().map(|worker| scope.spawn(move || worker.run(start))).collect();
        let lost = || Err(anyhow!("a thread of the load generator has failed"));
        handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| lost())).collect()
    });
    report.cpu = cpu_seconds() - cpu;
    for part in done {
        let part = part?;
        report.times.add(&part.times);
        report.took = report.took.max(part.took);
        report.errors += part.errors;
        report.created = report.created.max(part.created);
        report.first_error = report.first_error.or(part.first_error);
    }
    Ok(report)
}

/// Waits for sockets, for some time at most.
pub(super) fn wait(poll: &OwnedFd, events: &mut Vec<epoll::Event>, limit: Duration) -> Result<()> {
    let limit =
        Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: i64::from(limit.subsec_nanos()) };
    events.clear();
    match epoll::wait(poll, rustix::buffer::spare_capacity(events), Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error).context("wait for replies"),
    }
}

/// Room for the events of one wait.
pub(super) fn room_for_events() -> Vec<epoll::Event> {
    Vec::with_capacity(EVENTS)
}

/// Registers a socket, under its number.
pub(super) fn register(poll: &OwnedFd, socket: &Socket, number: usize) -> Result<()> {
    let data = epoll::EventData::new_u64(number as u64);
    epoll::add(poll, socket.fd(), data, epoll::EventFlags::IN).context("register a socket")
}

/// Asks to be told when it can be written to, or no longer.
pub(super) fn want_write(
    poll: &OwnedFd,
    socket: &Socket,
    number: usize,
    wanted: bool,
) -> Result<()> {
    let data = epoll::EventData::new_u64(number as u64);
    let flags = match wanted {
        true => epoll::EventFlags::IN | epoll::EventFlags::OUT,
        false => epoll::EventFlags::IN,
    };
    epoll::modify(poll, socket.fd(), data, flags).context("register a socket")
}

/// One connection and what is under way on it.
struct Lane {
    socket: Socket,
    requests: Requests,
    random: Random,
    /// When each request in flight was made or due, in nanoseconds from the start: a ring.
    begun: Vec<u64>,
    head: usize,
    in_flight: usize,
    next_xid: i32,
    /// The number of the next node that is created.
    next_node: u64,
    /// At a fixed rate: when the next request is due.
    due: u64,
    blocked: bool,
}

/// What a thread has seen.
struct Part {
    times: super::histogram::Histogram,
    took: Duration,
    errors: u64,
    first_error: Option<String>,
    created: u64,
}

struct Worker {
    lanes: Vec<Lane>,
    poll: OwnedFd,
    nodes: u64,
    /// Nanoseconds between two requests of a connection.
    interval: Option<u64>,
    warm_up: u64,
    end: u64,
    /// Requests still to be made, where that is what ends the run.
    left: Option<u64>,
    part: Part,
}

impl Worker {
    fn open(plan: &Plan, workload: Workload, thread: usize) -> Result<Worker> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC).context("create an epoll")?;
        let interval = plan.rate.map(|rate| (plan.connections as f64 / rate * 1e9) as u64);
        let mut lanes = Vec::new();
        for connection in (thread..plan.connections).step_by(plan.threads) {
            let server = &plan.connect.servers[connection % plan.connect.servers.len()];
            let socket = Socket::open(server, plan.session_timeout)?;
            register(&poll, &socket, lanes.len())?;
            // Spread over the interval, so that connections do not send at once.
            let due = interval.unwrap_or(0) / plan.connections as u64 * connection as u64;
            let mut lane = Lane {
                socket,
                requests: Requests::of(plan, workload, connection),
                random: Random::new(connection as u64 + 1),
                begun: vec![0; plan.in_flight],
                head: 0,
                in_flight: 0,
                next_xid: 2,
                next_node: 0,
                due,
                blocked: false,
            };
            lane.socket.out.reserve(BATCH + lane.requests.max_len());
            lanes.push(lane);
        }
        let share = |count: u64| {
            let (threads, thread) = (plan.threads as u64, thread as u64);
            count / threads + u64::from(thread < count % threads)
        };
        let end = (plan.warm_up + plan.duration).as_nanos() as u64;
        let counted = plan.count.is_some();
        Ok(Worker {
            lanes,
            poll,
            nodes: plan.nodes as u64,
            interval,
            warm_up: if counted { 0 } else { plan.warm_up.as_nanos() as u64 },
            end: if counted { u64::MAX } else { end },
            left: plan.count.map(share),
            part: Part {
                times: super::histogram::Histogram::new(),
                took: plan.duration,
                errors: 0,
                first_error: None,
                created: 0,
            },
        })
    }

    fn run(mut self, start: Instant) -> Result<Part> {
        let mut events = room_for_events();
        let clock = || start.elapsed().as_nanos() as u64;
        let mut now = clock();
        while now < self.end && self.left != Some(0) {
            let mut due = now + TICK.as_nanos() as u64;
            for index in 0..self.lanes.len() {
                self.send(index, now)?;
                if self.interval.is_some() && self.lanes[index].has_room() {
                    due = due.min(self.lanes[index].due);
                }
            }
            wait(&self.poll, &mut events, Duration::from_nanos(due.saturating_sub(clock())))?;
            now = clock();
            for event in &events {
                self.receive(event.data.u64() as usize, now)?;
            }
        }
        self.drain(start, &mut events)?;
        if self.end == u64::MAX {
            self.part.took = start.elapsed();
        }
        self.part.created = self.lanes.iter().map(|lane| lane.next_node).max().unwrap_or(0);
        Ok(self.part)
    }

    /// Waits for the replies that are still to come; they count only if the run goes by number.
    fn drain(&mut self, start: Instant, events: &mut Vec<epoll::Event>) -> Result<()> {
        let limit = Instant::now() + DRAIN;
        loop {
            for index in 0..self.lanes.len() {
                self.flush(index)?;
            }
            if self.lanes.iter().all(|lane| lane.in_flight == 0) {
                return Ok(());
            }
            if Instant::now() > limit {
                bail!("replies are missing {} s after the end", DRAIN.as_secs());
            }
            wait(&self.poll, events, TICK)?;
            let now = start.elapsed().as_nanos() as u64;
            for event in events.iter() {
                self.receive(event.data.u64() as usize, now)?;
            }
        }
    }

    /// Makes as many requests as the connection has room for, or as are due, and writes them.
    fn send(&mut self, index: usize, now: u64) -> Result<()> {
        let lane = &mut self.lanes[index];
        if lane.blocked {
            return Ok(());
        }
        while lane.has_room() && lane.socket.out.len() < BATCH && self.left != Some(0) {
            let begun = match self.interval {
                Some(_) if lane.due > now => break,
                Some(interval) => {
                    lane.due += interval;
                    lane.due - interval
                }
                None => now,
            };
            lane.put(begun, self.nodes);
            if let Some(left) = &mut self.left {
                *left -= 1;
            }
        }
        self.flush(index)
    }

    fn flush(&mut self, index: usize) -> Result<()> {
        let lane = &mut self.lanes[index];
        if lane.socket.unwritten() == 0 {
            return Ok(());
        }
        let blocked = !lane.socket.flush()?;
        if blocked != lane.blocked {
            lane.blocked = blocked;
            want_write(&self.poll, &lane.socket, index, blocked)?;
        }
        Ok(())
    }

    fn receive(&mut self, index: usize, now: u64) -> Result<()> {
        if self.lanes[index].blocked {
            self.flush(index)?;
        }
        let counts = now >= self.warm_up && now < self.end;
        let lane = &mut self.lanes[index];
        while lane.socket.fill()? {
            let room = lane.socket.has_room();
            while let Some(reply) = lane.socket.next_reply()? {
                if reply.xid < 0 {
                    continue;
                }
                let begun = lane.take(reply.xid)?;
                if counts {
                    self.part.times.record(now.saturating_sub(begun));
                }
                if reply.err != 0 {
                    self.part.errors += 1;
                    self.part.first_error.get_or_insert_with(|| name(reply.err));
                }
            }
            if room {
                break;
            }
        }
        Ok(())
    }
}

impl Lane {
    fn has_room(&self) -> bool {
        self.in_flight < self.begun.len()
    }

    /// Appends the next request, begun at a time.
    fn put(&mut self, begun: u64, nodes: u64) {
        let (random, next_node) = (&mut self.random, &mut self.next_node);
        let out = &mut self.socket.out;
        let xid = self.next_xid;
        match &self.requests {
            Requests::Next(frame) => frame.put(out, xid, || {
                *next_node += 1;
                *next_node - 1
            }),
            Requests::Any(frame) => frame.put(out, xid, || random.below(nodes)),
            Requests::Mixed(read, write) => {
                let frame = if random.below(10) == 0 { write } else { read };
                frame.put(out, xid, || random.below(nodes));
            }
        }
        self.next_xid = if xid == i32::MAX { 1 } else { xid + 1 };
        let at = (self.head + self.in_flight) % self.begun.len();
        self.begun[at] = begun;
        self.in_flight += 1;
    }

    /// When the oldest request was begun, whose reply this must be.
    fn take(&mut self, xid: i32) -> Result<u64> {
        if self.in_flight == 0 {
            bail!("a reply to nothing (xid {xid})");
        }
        let begun = self.begun[self.head];
        self.head = (self.head + 1) % self.begun.len();
        self.in_flight -= 1;
        Ok(begun)
    }
}
