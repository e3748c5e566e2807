//! Many sessions that do nothing but stay: each pings every third of its timeout.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::epoll;
use zk_wire::header::xid;
use zk_wire::request::Request;

use super::frames::Frame;
use super::report::{Report, cpu_seconds};
use super::socket::{Socket, name};
use super::{Plan, Workload, engine};

/// Longest wait without looking at the clock.
const TICK: Duration = Duration::from_millis(5);

/// Opens the sessions and keeps them; their number is in the report, and those that were lost are
/// its errors.
pub(super) fn run(plan: &Plan) -> Result<Report> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).context("create an epoll")?;
    let mut report = Report::new(plan, Workload::Idle);
    report.in_flight = 1;
    let mut sockets = Vec::new();
    let every = (plan.session_timeout / 3).max(Duration::from_millis(10));
    let begun = Instant::now();
    let mut pings = Pings { sent: Vec::new(), next: 0, frame: Frame::new(&Request::Ping, "\0") };
    for number in 0..plan.connections {
        let server = &plan.connect.servers[number % plan.connect.servers.len()];
        let socket = Socket::open(server, plan.session_timeout)
            .with_context(|| format!("session {} of {}", number + 1, plan.connections))?;
        let socket = socket.with_small_buffer();
        engine::register(&poll, &socket, number)?;
        sockets.push(Some(socket));
        pings.sent.push(begun.elapsed());
        // Those opened first must not wait for the last.
        pings.send_due(&mut sockets, begun, every, &mut report);
    }
    let (mut events, cpu, start) = (engine::room_for_events(), cpu_seconds(), Instant::now());
    while start.elapsed() < plan.duration {
        pings.send_due(&mut sockets, begun, every, &mut report);
        engine::wait(&poll, &mut events, TICK)?;
        for event in &events {
            let number = event.data.u64() as usize;
            let Some(socket) = &mut sockets[number] else { continue };
            match answered(socket, &mut report) {
                Ok(true) => {
                    let took = begun.elapsed().saturating_sub(pings.sent[number]);
                    report.times.record(took.as_nanos() as u64);
                }
                Ok(false) => {}
                Err(error) => lose(&mut sockets[number], &error, &mut report),
            }
        }
    }
    report.took = start.elapsed();
    report.cpu = cpu_seconds() - cpu;
    Ok(report)
}

struct Pings {
    /// When each session was last heard of by the server; `next` is the one that waits longest.
    sent: Vec<Duration>,
    next: usize,
    frame: Frame,
}

impl Pings {
    /// Pings the sessions whose time has come. They come round in the order of their opening.
    fn send_due(
        &mut self,
        sockets: &mut [Option<Socket>],
        begun: Instant,
        every: Duration,
        report: &mut Report,
    ) {
        for _ in 0..sockets.len() {
            let now = begun.elapsed();
            let number = self.next % sockets.len();
            if now < self.sent[number] + every {
                return;
            }
            self.sent[number] = now;
            self.next = number + 1;
            let Some(socket) = &mut sockets[number] else { continue };
            self.frame.put(&mut socket.out, xid::PING, || 0);
            if let Err(error) = socket.flush() {
                lose(&mut sockets[number], &error, report);
            }
        }
    }
}

fn lose(socket: &mut Option<Socket>, error: &anyhow::Error, report: &mut Report) {
    *socket = None;
    report.errors += 1;
    report.first_error.get_or_insert_with(|| format!("a session was lost: {error:#}"));
}

/// Whether a ping was answered.
fn answered(socket: &mut Socket, report: &mut Report) -> Result<bool> {
    let mut pinged = false;
    while socket.fill()? {
        while let Some(reply) = socket.next_reply()? {
            pinged |= reply.xid == xid::PING;
            if reply.err != 0 {
                report.errors += 1;
                report.first_error.get_or_insert_with(|| name(reply.err));
            }
        }
    }
    Ok(pinged)
}
