//! What the planner may ask about connectors, answered by `river-connectors`.

use river_core::options::Options;
use river_core::{ChangelogMode, DataType};
use river_sql::catalog::Connectors;

/// The connectors that are built in.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltInConnectors;

impl Connectors for BuiltInConnectors {
    fn check_source(&self, table: &str, options: &Options) -> Result<(), String> {
        river_connectors::validate_source(table, options).map_err(|error| error.message)
    }

    fn check_sink(&self, table: &str, options: &Options) -> Result<(), String> {
        river_connectors::validate_sink(table, options).map_err(|error| error.message)
    }

    fn source_changelog(&self, options: &Options) -> ChangelogMode {
        river_connectors::changelog_mode(options)
    }

    fn sink_changelog(&self, options: &Options) -> ChangelogMode {
        river_connectors::sink_changelog_mode(options)
    }

    fn metadata_columns(&self, options: &Options) -> Vec<(String, DataType)> {
        let columns = river_connectors::metadata_columns(options).into_iter();
        columns.map(|(key, ty)| (key.to_owned(), ty)).collect()
    }

    fn is_bounded(&self, options: &Options) -> bool {
        river_connectors::is_bounded(options)
    }

    fn supports_lookup(&self, options: &Options) -> bool {
        options.get("connector") == Some("filesystem")
    }
}
