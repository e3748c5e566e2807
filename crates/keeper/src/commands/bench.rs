//! `keeper bench`: a load generator for any ZooKeeper, which takes little for itself.
//!
//! The server is often on the same machine, so each request costs little here: frames are made once
//! and patched, what a connection may send goes out in one write, and of replies only the header is
//! read. One thread serves all its connections by `epoll`; nothing is allocated for a request.
//!
//! | part | what |
//! |---|---|
//! | `arguments` | the command line |
//! | `setup` | the nodes that a workload needs, and their removal |
//! | `frames` | requests as bytes |
//! | `socket` | a session's connection |
//! | `engine` | the loop: closed, or at a fixed rate |
//! | `fan_out`, `connects`, `idle` | workloads that are not "request, reply" |
//! | `histogram`, `report` | figures |
//!
//! At a fixed rate the time of a request begins when it was due, not when it could be sent: a
//! server that stalls is not spared the requests that it kept from being made.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use keeper_client::ConnectString;

mod arguments;
mod connects;
mod engine;
mod fan_out;
mod frames;
mod histogram;
mod idle;
mod report;
mod setup;
mod socket;
#[cfg(test)]
mod tests;

pub use arguments::{Arguments, Workload};
use report::Report;
use setup::Nodes;

/// What all workloads need to know.
struct Plan {
    connect: ConnectString,
    connections: usize,
    in_flight: usize,
    size: usize,
    nodes: usize,
    children: usize,
    multi_ops: usize,
    threads: usize,
    session_timeout: Duration,
    warm_up: Duration,
    duration: Duration,
    /// Requests, in place of a duration.
    count: Option<u64>,
    /// Requests a second, over all connections.
    rate: Option<f64>,
    /// The folder of this run, on the server.
    root: String,
}

/// Runs the workloads one after the other.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut plan = arguments.plan()?;
    crate::open_files::raise_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut failed = false;
    if !arguments.json {
        println!("{}", report::HEADINGS);
    }
    for workload in &arguments.workload {
        plan.root = setup::fresh_root(&plan.connect.chroot);
        let nodes = runtime.block_on(Nodes::create(&plan, *workload));
        let nodes = nodes.with_context(|| format!("prepare {}", workload.name()))?;
        let report = measure(&plan, *workload);
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                let _ = runtime.block_on(nodes.remove(0));
                return Err(error.context(format!("workload {}", workload.name())));
            }
        };
        failed |= report.errors > 0;
        match arguments.json {
            true => println!("{}", report.json()),
            false => println!("{}", report.text()),
        }
        if !arguments.keep {
            runtime.block_on(nodes.remove(report.created))?;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn measure(plan: &Plan, workload: Workload) -> Result<Report> {
    match workload {
        Workload::Watch => fan_out::run(plan),
        Workload::Connect => connects::run(plan),
        Workload::Idle => idle::run(plan),
        _ => engine::run(plan, workload),
    }
}

impl Arguments {
    fn plan(&self) -> Result<Plan> {
        let connect: ConnectString = self.server.parse()?;
        if self.rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            bail!("--rate must be a number above 0");
        }
        Ok(Plan {
            connect,
            connections: self.connections as usize,
            in_flight: self.in_flight as usize,
            size: self.size as usize,
            nodes: self.nodes as usize,
            children: self.children as usize,
            multi_ops: self.multi_ops as usize,
            threads: (self.threads as usize).min(self.connections as usize),
            session_timeout: Duration::from_millis(u64::from(self.timeout)),
            warm_up: seconds(self.warm_up, "--warm-up")?,
            duration: seconds(self.seconds, "--seconds")?,
            count: self.count,
            rate: self.rate,
            root: String::new(),
        })
    }
}

fn seconds(value: f64, option: &str) -> Result<Duration> {
    match Duration::try_from_secs_f64(value) {
        Ok(duration) => Ok(duration),
        Err(error) => bail!("{option} {value}: {error}"),
    }
}
