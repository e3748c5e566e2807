//! `keeper cli`: nodes, ACLs, quotas and members by hand and from scripts; the verbs, the options
//! and the lines of `zkCli.sh`.
//!
//! With a verb on the command line it does that and ends, with exit code 1 if it failed; otherwise
//! it reads verbs from the terminal (with history and completion) or from its input.
//!
//! Rules: `ZooKeeperMain`, the package `org.apache.zookeeper.cli`. Where its versions differ, 3.9.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

mod access;
mod completion;
mod ensemble;
mod nodes;
mod options;
mod quota;
mod shell;
mod terminal;
#[cfg(test)]
mod tests;
mod verbs;
mod walk;
mod watches;

use shell::Shell;

/// Nodes, ACLs, quotas and members, with the verbs of zkCli.
///
/// keeper cli [-server host:port/chroot] [-timeout ms] [-r] [-waitforconnection] [verb arguments..]
///
/// `help` lists the verbs. Without a verb they are read from the terminal or the input.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Options (with one dash or two) and, if any, the verb with its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// What stands before the verb.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Invocation {
    server: String,
    timeout: Duration,
    read_only: bool,
    wait: bool,
    verb: Vec<String>,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let invocation = Invocation::parse(&arguments.arguments)?;
    // One thread: events are printed between verbs, or by the terminal's own printer.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("start the threads of the client")?;
    println!("Connecting to {}", invocation.server);
    let code = runtime.block_on(async {
        let mut shell = Shell::connect(&invocation).await?;
        if !invocation.verb.is_empty() {
            let code = shell.execute(&invocation.verb).await;
            shell.close().await;
            return Ok::<_, anyhow::Error>(Some(code));
        }
        if !std::io::stdin().is_terminal() {
            return shell.read_input().await.map(Some);
        }
        terminal::run(shell).await.map(Some)
    })?;
    std::io::stdout().flush()?;
    // A line that is still being read from the terminal must not keep the process.
    runtime.shutdown_background();
    Ok(ExitCode::from(code.unwrap_or(0)))
}

impl Invocation {
    /// Options come before the verb; those that zkCli does not know are refused, where zkCli passes
    /// over them.
    fn parse(arguments: &[String]) -> Result<Invocation> {
        let mut invocation = Invocation {
            server: "localhost:2181".to_owned(),
            timeout: Duration::from_millis(30_000),
            read_only: false,
            wait: false,
            verb: Vec::new(),
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let Some(option) = argument.strip_prefix('-') else {
                invocation.verb = [argument].into_iter().chain(rest).cloned().collect();
                break;
            };
            let mut value =
                || rest.next().with_context(|| format!("option {argument} lacks its value"));
            match option.strip_prefix('-').unwrap_or(option) {
                "server" => invocation.server = value()?.clone(),
                "timeout" => {
                    let text = value()?;
                    let ms = text.parse::<u32>().ok().filter(|ms| *ms > 0);
                    let ms = ms.with_context(|| format!("-timeout {text}: no milliseconds"))?;
                    invocation.timeout = Duration::from_millis(u64::from(ms));
                }
                "r" => invocation.read_only = true,
                "waitforconnection" => invocation.wait = true,
                "client-configuration" => bail!(
                    "-client-configuration: a file of Java's properties for TLS and SASL, which \
                     this client does not have yet"
                ),
                _ => bail!("no such option: {argument}"),
            }
        }
        Ok(invocation)
    }
}
