//! What an expression may ask of its surroundings: session time zone, clocks, watermark.

use std::str::FromStr;

use chrono_tz::Tz;
use river_core::options::Options;

/// Settings of a session or job that change what expressions mean.
#[derive(Debug, Clone)]
pub struct Session {
    /// `table.local-time-zone`
    pub zone: Tz,
    /// `table.exec.legacy-cast-behaviour` is `ENABLED`: a failing cast gives NULL.
    pub legacy_cast: bool,
}

impl Default for Session {
    fn default() -> Session {
        Session { zone: Tz::UTC, legacy_cast: false }
    }
}

impl Session {
    /// Reads the settings from options; the message names the option that is wrong.
    pub fn from_options(options: &Options) -> std::result::Result<Session, String> {
        let zone = match options.get("table.local-time-zone") {
            None | Some("default") => Tz::UTC,
            Some(name) => Tz::from_str(name).map_err(|_| {
                format!("option 'table.local-time-zone': '{name}' is not a time zone such as 'Europe/Berlin' or 'UTC'")
            })?,
        };
        let legacy_cast = options
            .get("table.exec.legacy-cast-behaviour")
            .is_some_and(|text| text.eq_ignore_ascii_case("enabled"));
        Ok(Session { zone, legacy_cast })
    }
}

/// What holds while one batch is evaluated.
#[derive(Debug, Clone)]
pub struct EvalContext {
    /// Settings of the job.
    pub session: Session,
    /// Wall clock of this batch, nanoseconds since the epoch: `PROCTIME()`,
    /// `CURRENT_ROW_TIMESTAMP()`, and in streaming `NOW()`, `CURRENT_TIMESTAMP` too.
    pub now_ns: i64,
    /// `CURRENT_WATERMARK(..)`: current watermark in milliseconds, if one has come.
    pub watermark: Option<i64>,
}

impl EvalContext {
    /// A context for that session at that wall-clock time.
    pub fn new(session: Session, now_ns: i64) -> EvalContext {
        EvalContext { session, now_ns, watermark: None }
    }
}
