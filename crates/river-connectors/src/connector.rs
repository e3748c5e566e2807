//! Which connectors there are, and whether a table's options make sense for one: asked at plan
//! time, so that a misspelt key fails before anything runs (`FactoryUtil.validate`).

use river_core::options::{OptionError, Options, nearest};
use river_runtime::{Error, Result};

use crate::format::{FORMATS, Format};
use crate::{datagen, filesystem, nexmark, print};

/// What a table is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Source,
    Sink,
}

struct Connector {
    name: &'static str,
    source: bool,
    sink: bool,
    keys: &'static [&'static str],
    required: &'static [&'static str],
}

const CONNECTORS: &[Connector] = &[
    Connector { name: "blackhole", source: false, sink: true, keys: &[], required: &[] },
    Connector {
        name: "datagen",
        source: true,
        sink: false,
        keys: datagen::OPTION_KEYS,
        required: &[],
    },
    Connector {
        name: "filesystem",
        source: true,
        sink: true,
        keys: filesystem::OPTION_KEYS,
        required: &["path", "format"],
    },
    Connector {
        name: "nexmark",
        source: true,
        sink: false,
        keys: nexmark::OPTION_KEYS,
        required: &[],
    },
    Connector { name: "print", source: false, sink: true, keys: print::OPTION_KEYS, required: &[] },
];

/// Checks the options of a table that is to be read.
///
/// # Errors
/// Names the table and the option: an unknown connector or key with the nearest known one, a
/// missing key, a value of the wrong kind.
pub fn validate_source(table: &str, options: &Options) -> Result<()> {
    validate(table, options, Use::Source)
}

/// Checks the options of a table that is to be written.
///
/// # Errors
/// As [`validate_source`].
pub fn validate_sink(table: &str, options: &Options) -> Result<()> {
    validate(table, options, Use::Sink)
}

/// [`validate_source`] again, when the table is opened: what has been warned of is not repeated.
pub fn recheck_source(table: &str, options: &Options) -> Result<()> {
    unknown_keys(table, options, Use::Source).map(drop)
}

/// As [`recheck_source`], for a sink.
pub fn recheck_sink(table: &str, options: &Options) -> Result<()> {
    unknown_keys(table, options, Use::Sink).map(drop)
}

fn validate(table: &str, options: &Options, purpose: Use) -> Result<()> {
    for message in unknown_keys(table, options, purpose)? {
        tracing::warn!("table {table}: {message}; it has no effect");
    }
    Ok(())
}

/// Messages about keys that Flink passes over as well; all else that is wrong is an error.
fn unknown_keys(table: &str, options: &Options, purpose: Use) -> Result<Vec<String>> {
    check(options, purpose).map_err(|message| Error::input(format!("table {table}: {message}")))
}

fn check(options: &Options, purpose: Use) -> std::result::Result<Vec<String>, String> {
    let connector = find(options)?;
    let name = connector.name;
    match purpose {
        Use::Source if !connector.source => {
            return Err(format!("connector '{name}' can only be written to, not read"));
        }
        Use::Sink if !connector.sink => {
            return Err(format!("connector '{name}' can only be read, not written to"));
        }
        _ => {}
    }
    for key in connector.required {
        if options.get(key).is_none() {
            let given = options.iter().map(|(given, _)| given);
            let others = given.filter(|given| !connector.keys.contains(given));
            let hint = nearest(key, others)
                .map_or(String::new(), |other| format!("; '{other}' is not one, '{key}' is"));
            return Err(format!("connector '{name}' needs the option '{key}'{hint}"));
        }
    }
    let unknown = check_keys(connector, options)?;
    check_values(connector, options).map_err(|error| error.to_string())?;
    Ok(unknown)
}

/// The connector that the options name.
fn find(options: &Options) -> std::result::Result<&'static Connector, String> {
    let names = || CONNECTORS.iter().map(|c| c.name);
    let Some(name) = options.get("connector") else {
        let known = names().collect::<Vec<_>>().join(", ");
        return Err(format!("the option 'connector' is missing; connectors are: {known}"));
    };
    CONNECTORS.iter().find(|c| c.name == name).ok_or_else(|| {
        let known = names().collect::<Vec<_>>().join(", ");
        let hint =
            nearest(name, names()).map_or(String::new(), |n| format!("did you mean '{n}'? "));
        format!("there is no connector '{name}'; {hint}connectors are: {known}")
    })
}

/// Options that the connector does not know, where Flink passes them over; an error where it does
/// not.
fn check_keys(
    connector: &Connector,
    options: &Options,
) -> std::result::Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    let mut known: Vec<String> = connector.keys.iter().map(|k| (*k).to_owned()).collect();
    known.push("connector".to_owned());
    if connector.name == "filesystem" {
        let format = options.get("format").unwrap_or("");
        let keys = Format::option_keys(format).ok_or_else(|| {
            let hint = nearest(format, FORMATS.iter().copied())
                .map_or(String::new(), |n| format!("did you mean '{n}'? "));
            format!(
                "option 'format': there is no format '{format}'; {hint}formats are: {}",
                FORMATS.join(", ")
            )
        })?;
        known.extend(keys.iter().map(|key| format!("{format}.{key}")));
    }
    for (key, _) in options.iter() {
        let is_known = known.iter().any(|k| k == key)
            || connector.name == "datagen" && is_field_key(key)
            || connector.name == "filesystem" && key.starts_with("parquet.");
        if is_known {
            continue;
        }
        let hint = nearest(key, known.iter().map(String::as_str))
            .map_or(String::new(), |n| format!("; did you mean '{n}'?"));
        let message = format!("connector '{}' has no option '{key}'{hint}", connector.name);
        if connector.name != "filesystem" {
            return Err(message);
        }
        // Flink's file system factory looks only for the options it knows.
        unknown.push(message);
    }
    Ok(unknown)
}

/// `fields.<name>.<key>`
fn is_field_key(key: &str) -> bool {
    let rest = key.strip_prefix("fields.");
    let last = rest.and_then(|rest| rest.rsplit_once('.')).map(|(_, last)| last);
    last.is_some_and(|last| datagen::FIELD_KEYS.contains(&last))
}

fn check_values(connector: &Connector, options: &Options) -> std::result::Result<(), OptionError> {
    match connector.name {
        "filesystem" => {
            Format::new(options.get("format").unwrap_or(""), options)?;
            filesystem::local_path(options.get("path").unwrap_or(""))?;
            for key in filesystem::OPTION_KEYS {
                if key.ends_with("-interval") || key.ends_with(".delay") {
                    options.duration(key)?;
                } else if key.ends_with("file-size") {
                    options.memory(key)?;
                } else if key.ends_with("parallelism") {
                    options.i64(key)?;
                } else if key.ends_with(".enable") || *key == "auto-compaction" {
                    options.bool(key)?;
                }
            }
        }
        "datagen" => {
            for key in datagen::OPTION_KEYS {
                options.i64(key)?;
            }
        }
        "nexmark" => {
            nexmark::Config::new(options)?;
        }
        "print" => {
            options.bool("standard-error")?;
            options.i64("sink.parallelism")?;
        }
        _ => {}
    }
    Ok(())
}
