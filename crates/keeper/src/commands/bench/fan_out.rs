//! One session writes a node, and all others have a persistent watch on it: how fast the events
//! come, and how long after the write.
//!
//! The writer has at most so many writes under way that not all have been told of.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::epoll;
use zk_wire::event::AddWatchMode;
use zk_wire::request::{AddWatchRequest, Request, SetDataRequest};
use zk_wire::{Jute, Text, frame, header};

use super::frames::{Frame, data, numbered};
use super::report::{Report, cpu_seconds};
use super::socket::{Socket, name};
use super::{Plan, Workload, engine};

/// Longest wait without looking at the clock.
const TICK: Duration = Duration::from_millis(20);
/// After the end, events that are still to come get so long.
const DRAIN: Duration = Duration::from_secs(10);
/// Sessions are kept alive so often.
const PING_EVERY: Duration = Duration::from_secs(3);

struct FanOut {
    /// The last is the writer.
    sockets: Vec<Socket>,
    /// Events that each watcher has seen.
    seen: Vec<u64>,
    /// When each write was made, in nanoseconds from the start.
    begun: Vec<u64>,
    report: Report,
}

/// Runs the workload.
pub(super) fn run(plan: &Plan) -> Result<Report> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).context("create an epoll")?;
    let node = numbered(&format!("{}/n", plan.root), 0);
    let mut sockets = Vec::new();
    for number in 0..=plan.connections {
        let server = &plan.connect.servers[number % plan.connect.servers.len()];
        let socket = Socket::open(server, plan.session_timeout)?;
        engine::register(&poll, &socket, number)?;
        sockets.push(socket);
    }
    let mode = AddWatchMode::Persistent.code();
    let watch = Request::AddWatch(AddWatchRequest { path: Some(Text::from(node.clone())), mode });
    let mut fan_out = FanOut {
        seen: vec![0; plan.connections],
        begun: Vec::new(),
        sockets,
        report: Report::new(plan, Workload::Watch),
    };
    fan_out.set_watches(&watch)?;
    let body =
        SetDataRequest { path: Some(Text::from(node)), data: Some(data(plan.size)), version: -1 };
    let write = Frame::new(&Request::SetData(body), "\0");
    let cpu = cpu_seconds();
    fan_out.measure(plan, &poll, &write)?;
    fan_out.report.cpu = cpu_seconds() - cpu;
    Ok(fan_out.report)
}

impl FanOut {
    fn set_watches(&mut self, watch: &Request) -> Result<()> {
        let limit = Instant::now() + DRAIN;
        let (_, watchers) = self.sockets.split_last_mut().context("no connections")?;
        for socket in watchers {
            frame::put(&mut socket.out, |out| {
                header::RequestHeader { xid: 2, op: watch.op().code() }.encode(out);
                watch.encode(out);
            })?;
            while !socket.flush()? {}
            let reply = loop {
                if let Some(reply) = socket.next_reply()? {
                    break reply;
                }
                if Instant::now() > limit {
                    bail!("no reply to addWatch");
                }
                if !socket.fill()? {
                    std::thread::yield_now();
                }
            };
            if reply.err != 0 {
                bail!("addWatch failed: {}", name(reply.err));
            }
        }
        Ok(())
    }

    fn measure(&mut self, plan: &Plan, poll: &std::os::fd::OwnedFd, write: &Frame) -> Result<()> {
        let mut events = engine::room_for_events();
        let start = Instant::now();
        let counted = plan.count.is_some();
        let warm_up = if counted { 0 } else { plan.warm_up.as_nanos() as u64 };
        let end = match counted {
            true => u64::MAX,
            false => (plan.warm_up + plan.duration).as_nanos() as u64,
        };
        let writes = plan.count.unwrap_or(u64::MAX);
        let mut pinged = start;
        let mut drain_until = None;
        loop {
            let now = start.elapsed().as_nanos() as u64;
            let told = self.seen.iter().copied().min().unwrap_or(0);
            let sent = self.begun.len() as u64;
            if now >= end || sent == writes {
                let until = *drain_until.get_or_insert(Instant::now() + DRAIN);
                if told == sent {
                    break;
                }
                if Instant::now() > until {
                    bail!("events are missing {} s after the end", DRAIN.as_secs());
                }
            } else {
                let free = plan.in_flight as u64 - (sent - told).min(plan.in_flight as u64);
                self.write(write, free.min(writes - sent), now)?;
            }
            if pinged.elapsed() > PING_EVERY {
                pinged = Instant::now();
                self.ping()?;
            }
            engine::wait(poll, &mut events, TICK)?;
            let now = start.elapsed().as_nanos() as u64;
            for event in &events {
                self.receive(event.data.u64() as usize, now, now >= warm_up && now < end)?;
            }
        }
        self.report.took = if counted { start.elapsed() } else { plan.duration };
        Ok(())
    }

    fn write(&mut self, write: &Frame, count: u64, now: u64) -> Result<()> {
        let Some(writer) = self.sockets.last_mut() else { return Ok(()) };
        for _ in 0..count {
            let xid = (self.begun.len() % (i32::MAX as usize - 2)) as i32 + 2;
            write.put(&mut writer.out, xid, || 0);
            self.begun.push(now);
        }
        writer.flush().map(drop)
    }

    fn ping(&mut self) -> Result<()> {
        let ping = Frame::new(&Request::Ping, "\0");
        for socket in &mut self.sockets {
            ping.put(&mut socket.out, header::xid::PING, || 0);
            socket.flush()?;
        }
        Ok(())
    }

    fn receive(&mut self, number: usize, now: u64, counts: bool) -> Result<()> {
        let socket = &mut self.sockets[number];
        while socket.fill()? {
            while let Some(reply) = socket.next_reply()? {
                if reply.err != 0 {
                    self.report.errors += 1;
                    self.report.first_error.get_or_insert_with(|| name(reply.err));
                }
                let Some(seen) = self.seen.get_mut(number) else { continue };
                if reply.xid != header::xid::NOTIFICATION {
                    continue;
                }
                let begun = self.begun.get(*seen as usize).copied();
                let begun = begun.context("more events than writes")?;
                *seen += 1;
                if counts {
                    self.report.times.record(now.saturating_sub(begun));
                }
            }
        }
        Ok(())
    }
}
