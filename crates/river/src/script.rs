//! Runs scripts: statement by statement through a session, jobs to their ends.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use river_core::Field;
use river_core::checkpoint::RecoveryOptions;
use river_core::options::Options;
use river_core::plan::Plan;
use river_core::plan::matching::match_plans;
use river_job::{Ended, JobHandle};
use river_runtime::error::ErrorKind;
use river_sql::parse::ast::{Spanned, Statement};
use river_sql::session::{Outcome, Session};
use river_sql::{SqlError, parse};

use crate::progress::Progress;
use crate::results::{self, ResultMode};
use crate::signals;
use crate::supervision::{Ending, Supervision};
use crate::{BuiltIn, BuiltInConnectors};

/// Why a script ended early.
#[derive(Debug)]
pub struct ScriptError {
    /// The whole message, ready to print.
    pub message: String,
    /// The exit code if a signal ended it.
    pub ended_by_signal: Option<u8>,
    /// Whether it ended because nobody reads its output any more (`river run .. | head`).
    pub output_closed: bool,
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message.trim_end())
    }
}

impl std::error::Error for ScriptError {}

impl ScriptError {
    fn new(message: impl Into<String>) -> ScriptError {
        ScriptError { message: message.into(), ended_by_signal: None, output_closed: false }
    }

    /// Ctrl-C ended it.
    fn interrupted() -> ScriptError {
        ScriptError { ended_by_signal: Some(130), ..ScriptError::new("interrupted") }
    }

    /// SIGTERM ended it.
    fn terminated() -> ScriptError {
        ScriptError { ended_by_signal: Some(143), ..ScriptError::new("terminated") }
    }

    /// A job failed.
    fn job(error: &river_runtime::Error) -> ScriptError {
        ScriptError {
            output_closed: error.kind == ErrorKind::OutputClosed,
            ..ScriptError::new(format!("error: {}", error.message))
        }
    }
}

/// Runs statements in one session.
pub struct Runner {
    session: Session,
    /// Show the status of running jobs.
    pub show_progress: bool,
    /// Show plans instead of running jobs.
    pub explain_only: bool,
}

impl Runner {
    /// A runner whose session starts with those options.
    pub fn new(options: Options) -> anyhow::Result<Runner> {
        // Mistakes in settings are better found before the first statement.
        river_expr::Session::from_options(&options).map_err(anyhow::Error::msg)?;
        let connectors = Arc::new(BuiltInConnectors);
        Ok(Runner {
            session: Session::new(options, connectors),
            show_progress: true,
            explain_only: false,
        })
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Runs all statements of a script; `name` is used in messages. Nothing runs if the script
    /// cannot be parsed to its end.
    pub fn run(&mut self, name: &str, text: &str) -> Result<(), ScriptError> {
        let statements = parse::parse_script(text)
            .map_err(|error| ScriptError::new(SqlError::from(error).render(name, text)))?;
        for statement in &statements {
            if !self.statement(statement, name, text)? {
                break;
            }
        }
        Ok(())
    }

    /// Runs one statement; `false`: the script asks to end.
    pub fn statement(
        &mut self,
        statement: &Spanned<Statement>,
        name: &str,
        text: &str,
    ) -> Result<bool, ScriptError> {
        let outcome = self
            .session
            .execute(statement, text)
            .map_err(|error| ScriptError::new(error.render(name, text)))?;
        match outcome {
            Outcome::Done | Outcome::Clear => {}
            Outcome::Quit => return Ok(false),
            Outcome::Help => print(crate::shell::HELP)?,
            Outcome::Text(text) => print(&format!("{}\n", text.trim_end()))?,
            Outcome::Table { columns, rows } => print(&results::table(&columns, &rows))?,
            Outcome::Insert(plan) | Outcome::Query { plan, .. } if self.explain_only => {
                print(&format!("== {} ==\n{plan}\n", plan.name))?;
                explain_recovery(&plan)?;
            }
            Outcome::Insert(plan) => return self.insert(&plan),
            Outcome::Query { plan, schema } => self.query(&plan, &schema)?,
        }
        Ok(true)
    }

    /// Runs a job; `false`: it was stopped with a savepoint, and the script with it.
    fn insert(&mut self, plan: &Plan) -> Result<bool, ScriptError> {
        // What is asked while the job starts counts as well.
        let before = signals::counts();
        let handle = river_job::run(plan, components(plan)?, None)
            .map_err(|error| ScriptError::job(&error))?;
        let mut progress = Progress::new(self.show_progress, &plan.name);
        let supervision = Supervision::new(&handle, plan, before);
        let ending = supervise(&handle, supervision, |handle| progress.tick(handle))?;
        match ending {
            Ending::Interrupted => return Err(ScriptError::interrupted()),
            Ending::Terminated => return Err(ScriptError::terminated()),
            Ending::Finished | Ending::Stopped => {}
        }
        progress.finish(&handle);
        Ok(ending == Ending::Finished)
    }

    fn query(&mut self, plan: &Plan, schema: &[Field]) -> Result<(), ScriptError> {
        let (sender, receiver) = crossbeam_channel::bounded(16);
        let handle = river_job::run(plan, components(plan)?, Some(sender))
            .map_err(|error| ScriptError::job(&error))?;
        let updating = plan.nodes.last().is_some_and(|n| !n.changelog.is_append());
        let mode = ResultMode::from_options(self.session.options());
        let session =
            river_expr::Session::from_options(self.session.options()).map_err(ScriptError::new)?;
        let mut view = results::View::new(schema, updating, mode, session);
        let before = signals::counts();
        loop {
            match receiver.recv_timeout(Duration::from_millis(200)) {
                Ok(batch) => written(view.add(&batch))?,
                Err(crossbeam_channel::RecvTimeoutError::Timeout) => written(view.flush())?,
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => break,
            }
            let now = signals::counts().since(before);
            if now.interrupts > 0 || now.terminations > 0 {
                handle.cancel();
            }
        }
        match handle.wait() {
            Ok(Ended::Finished) => written(view.finish()),
            Ok(Ended::Cancelled) => {
                written(view.finish())?;
                Err(ScriptError::interrupted())
            }
            Err(error) => {
                written(view.flush())?;
                Err(ScriptError::job(&error))
            }
        }
    }
}

/// Waits for a job and does what signals ask meanwhile.
fn supervise(
    handle: &JobHandle,
    mut supervision: Supervision<'_>,
    mut tick: impl FnMut(&JobHandle),
) -> Result<Ending, ScriptError> {
    loop {
        match handle.wait_for(Duration::from_millis(250)) {
            Some(Ok(ended)) => return Ok(supervision.ending(ended)),
            Some(Err(error)) => return Err(ScriptError::job(&error)),
            None => {}
        }
        supervision.tick();
        tick(handle);
    }
}

/// Shows what a plan would take of the state that its options name.
fn explain_recovery(plan: &Plan) -> Result<(), ScriptError> {
    let failed = |message: String| ScriptError::new(format!("error: {message}"));
    let recovery = RecoveryOptions::from_options(&plan.options);
    let Some(path) = recovery.map_err(|error| failed(error.to_string()))?.path else {
        return Ok(());
    };
    let keys = plan.options.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let restore = river_checkpoint::locate(&path, &keys)
        .and_then(|found| river_checkpoint::Restore::open(found.storage, &found.path))
        .map_err(|error| failed(error.to_string()))?;
    let matching = match_plans(&restore.metadata().plan, plan);
    print(&format!("State of {}:\n{matching}\n", restore.uri()))
}

/// The parts of a job, under the options it was planned with.
fn components(plan: &Plan) -> Result<Arc<BuiltIn>, ScriptError> {
    let session = river_expr::Session::from_options(&plan.options).map_err(ScriptError::new)?;
    Ok(Arc::new(BuiltIn { session }))
}

/// Writes to standard output; a reader that went away ends the script.
fn print(text: &str) -> Result<(), ScriptError> {
    let mut out = std::io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn written(result: std::io::Result<()>) -> Result<(), ScriptError> {
    result.map_err(|error| ScriptError {
        output_closed: error.kind() == std::io::ErrorKind::BrokenPipe,
        ..ScriptError::new(format!("error: cannot write to standard output: {error}"))
    })
}
