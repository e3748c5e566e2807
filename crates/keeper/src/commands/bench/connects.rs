//! Opens and closes sessions, on each of so many connections one after the other.
//!
//! An operation is all of it: connect, open the session, close it, until the server says so.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use zk_wire::request::Request;

use super::histogram::Histogram;
use super::report::{Report, cpu_seconds};
use super::socket::{ask, check, connect, open_session};
use super::{Plan, Workload};

struct Part {
    times: Histogram,
    errors: u64,
    first_error: Option<String>,
}

/// Runs the workload, a thread for each connection: they wait for the server nearly all the time.
pub(super) fn run(plan: &Plan) -> Result<Report> {
    let mut report = Report::new(plan, Workload::Connect);
    report.in_flight = 1;
    let cpu = cpu_seconds();
    let start = Instant::now();
    let parts: Vec<Result<Part>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.connections)
            .map(|number| scope.spawn(move || connects(plan, number, start)))
            .collect();
        let lost = || Err(anyhow!("a thread of the load generator has failed"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| lost())).collect()
    });
    for part in parts {
        let part = part?;
        report.times.add(&part.times);
        report.errors += part.errors;
        report.first_error = report.first_error.or(part.first_error);
    }
    report.cpu = cpu_seconds() - cpu;
    report.took = if plan.count.is_some() { start.elapsed() } else { plan.duration };
    Ok(report)
}

fn connects(plan: &Plan, number: usize, start: Instant) -> Result<Part> {
    let mut part = Part { times: Histogram::new(), errors: 0, first_error: None };
    let server = &plan.connect.servers[number % plan.connect.servers.len()];
    let mut left = plan.count.map_or(u64::MAX, |count| {
        let (all, number) = (plan.connections as u64, number as u64);
        count / all + u64::from(number < count % all)
    });
    let end = if plan.count.is_some() { Duration::MAX } else { plan.warm_up + plan.duration };
    let warm_up = if plan.count.is_some() { Duration::ZERO } else { plan.warm_up };
    while left > 0 && start.elapsed() < end {
        left -= 1;
        let begun = Instant::now();
        match one(server, plan.session_timeout) {
            Ok(()) => {
                let now = start.elapsed();
                if now >= warm_up && now < end {
                    part.times.record(begun.elapsed().as_nanos() as u64);
                }
            }
            Err(error) => {
                part.errors += 1;
                part.first_error.get_or_insert_with(|| format!("{error:#}"));
                // A server that refuses is not asked in a tight loop.
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
    Ok(part)
}

fn one(server: &keeper_client::Server, timeout: Duration) -> Result<()> {
    let mut stream = connect(server)?;
    open_session(&mut stream, timeout)?;
    let reply = ask(&mut stream, 1, &Request::CloseSession).context("close the session")?;
    check(&reply, "closeSession")
}
