//! Runs scripts and queries in this process, as `river run` does.
//!
//! One connector exists only here: `upsert-kafka` as a stand-in sink that takes `+I`, `+U` and `-D`
//! by primary key. It writes a file in debezium-json under `${OUTPUT}`, as the other sinks do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use river::components::BuiltIn;
use river::connectors::BuiltInConnectors;
use river_core::options::Options;
use river_core::plan::{Node, Plan, SinkSpec, TableRef};
use river_core::{ChangelogMode, DataType, Field};
use river_job::{Components, Ended, JobHandle, run};
use river_runtime::error::ErrorKind;
use river_runtime::sink::Sink;
use river_runtime::source::Source;
use river_runtime::{Batch, Operator, OperatorContext};
use river_sql::catalog::Connectors;
use river_sql::parse::parse_script;
use river_sql::session::{Outcome, Session};

/// A job that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// Why a statement gave no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It was refused: parsing, binding, planning, building the job.
    Plan(String),
    /// The job failed.
    Run(String),
    /// A bug of river: a panic, a broken rule, a job that hangs. Never what Flink does.
    Bug(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Plan(message) => write!(f, "plan error: {message}"),
            Failure::Run(message) => write!(f, "run error: {message}"),
            Failure::Bug(message) => write!(f, "BUG: {message}"),
        }
    }
}

/// A session whose jobs run in this process.
pub struct Engine {
    session: Session,
    output: PathBuf,
}

impl Engine {
    /// A session; the stand-in sink writes below `output`.
    pub fn new(options: Options, output: PathBuf) -> Engine {
        let session = Session::new(options, Arc::new(TestConnectors(BuiltInConnectors)));
        Engine { session, output }
    }

    /// Runs all statements of a script, each job to its end.
    pub fn script(&mut self, text: &str) -> Result<(), Failure> {
        let statements =
            guarded(|| parse_script(text).map_err(|error| Failure::Plan(error.to_string())))?;
        for statement in &statements {
            let session = &mut self.session;
            let outcome = guarded(|| {
                let outcome = session.execute(statement, text);
                outcome.map_err(|error| Failure::Plan(error.to_string()))
            })?;
            if let Outcome::Insert(plan) = outcome {
                wait(&self.start(&plan, None)?)?;
            }
        }
        Ok(())
    }

    /// The plan of one query, and its columns.
    pub fn plan(&mut self, text: &str) -> Result<(Plan, Vec<Field>), Failure> {
        let session = &mut self.session;
        guarded(|| {
            let refused = |message: String| Failure::Plan(message);
            let statements = parse_script(text).map_err(|error| refused(error.to_string()))?;
            let [statement] = statements.as_slice() else {
                return Err(refused("not one statement".to_owned()));
            };
            match session.execute(statement, text).map_err(|error| refused(error.to_string()))? {
                Outcome::Query { plan, schema } => Ok((plan, schema)),
                _ => Err(refused("not a query".to_owned())),
            }
        })
    }

    /// All changes that a query emits.
    pub fn collect(&self, plan: &Plan) -> Result<Vec<Batch>, Failure> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let job = self.start(plan, Some(sender))?;
        wait(&job)?;
        Ok(receiver.iter().collect())
    }

    fn start(
        &self,
        plan: &Plan,
        collector: Option<crossbeam_channel::Sender<Batch>>,
    ) -> Result<JobHandle, Failure> {
        let session = river_expr::Session::from_options(&plan.options).map_err(Failure::Plan)?;
        let built_in = BuiltIn { session };
        let components = TestComponents { built_in, output: self.output.clone() };
        guarded(|| {
            run(plan, Arc::new(components), collector)
                .map_err(|error| failure(error, Failure::Plan))
        })
    }
}

fn wait(job: &JobHandle) -> Result<(), Failure> {
    match job.wait_for(LONGEST) {
        Some(Ok(Ended::Finished)) => Ok(()),
        Some(Ok(Ended::Cancelled)) => Err(Failure::Bug("the job was cancelled".to_owned())),
        Some(Err(error)) => Err(failure(error, Failure::Run)),
        None => {
            job.cancel();
            Err(Failure::Bug(format!("the job still runs after {LONGEST:?}")))
        }
    }
}

fn failure(error: river_runtime::Error, stage: fn(String) -> Failure) -> Failure {
    match error.kind {
        ErrorKind::Internal => Failure::Bug(error.message),
        _ => stage(error.message),
    }
}

/// A panic is a failure of the case, not of the run.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        Err(Failure::Bug(format!("panic: {text}")))
    })
}

fn is_stand_in(options: &Options) -> bool {
    options.get("connector") == Some("upsert-kafka")
}

struct TestConnectors(BuiltInConnectors);

impl Connectors for TestConnectors {
    fn check_source(&self, table: &str, options: &Options) -> Result<(), String> {
        self.0.check_source(table, options)
    }

    fn check_sink(&self, table: &str, options: &Options) -> Result<(), String> {
        if is_stand_in(options) { Ok(()) } else { self.0.check_sink(table, options) }
    }

    fn source_changelog(&self, options: &Options) -> ChangelogMode {
        self.0.source_changelog(options)
    }

    fn sink_changelog(&self, options: &Options) -> ChangelogMode {
        if is_stand_in(options) { ChangelogMode::UPSERT } else { self.0.sink_changelog(options) }
    }

    fn metadata_columns(&self, options: &Options) -> Vec<(String, DataType)> {
        self.0.metadata_columns(options)
    }

    fn is_bounded(&self, options: &Options) -> bool {
        self.0.is_bounded(options)
    }

    fn supports_lookup(&self, options: &Options) -> bool {
        self.0.supports_lookup(options)
    }
}

struct TestComponents {
    built_in: BuiltIn,
    output: PathBuf,
}

impl Components for TestComponents {
    fn source(&self, table: &TableRef) -> river_runtime::Result<Arc<dyn Source>> {
        self.built_in.source(table)
    }

    fn sink(&self, spec: &SinkSpec, input: &[Field]) -> river_runtime::Result<Arc<dyn Sink>> {
        if !is_stand_in(&spec.options) {
            return self.built_in.sink(spec, input);
        }
        let topic = spec.options.get("topic").unwrap_or("out");
        let mut file = spec.clone();
        file.options = Options::new();
        file.options.set("connector", "filesystem");
        file.options.set("path", self.output.join(topic).to_string_lossy());
        file.options.set("format", "debezium-json");
        file.options.set("debezium-json.timestamp-format.standard", "SQL");
        self.built_in.sink(&file, input)
    }

    fn sink_operators(
        &self,
        spec: &SinkSpec,
        input: &[Field],
        context: &OperatorContext,
    ) -> river_runtime::Result<Vec<Box<dyn Operator>>> {
        self.built_in.sink_operators(spec, input, context)
    }

    fn operator(
        &self,
        node: &Node,
        inputs: &[&Node],
        context: &OperatorContext,
    ) -> river_runtime::Result<Box<dyn Operator>> {
        self.built_in.operator(node, inputs, context)
    }
}
