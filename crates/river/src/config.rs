//! Configuration files: Flink's `config.yaml` (nested or flat keys) and the older
//! `flink-conf.yaml` (flat lines), as one flat map.

use std::path::Path;

use anyhow::{Context, bail};
use river_core::options::Options;
use serde_json::Value;

/// Reads the configuration of a directory. `config.yaml` goes before `flink-conf.yaml`.
pub fn read(directory: &Path) -> anyhow::Result<Options> {
    let modern = directory.join("config.yaml");
    let legacy = directory.join("flink-conf.yaml");
    if modern.is_file() {
        let text = read_text(&modern)?;
        return parse_yaml(&text).with_context(|| format!("in {}", modern.display()));
    }
    if legacy.is_file() {
        let text = read_text(&legacy)?;
        return parse_legacy(&text).with_context(|| format!("in {}", legacy.display()));
    }
    bail!("no config.yaml or flink-conf.yaml in {}", directory.display())
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Nested maps become keys joined by points; lists become values joined by `;`.
pub fn parse_yaml(text: &str) -> anyhow::Result<Options> {
    let mut options = Options::new();
    if text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
        return Ok(options);
    }
    let root: Value = serde_saphyr::from_str(text)?;
    match &root {
        Value::Object(_) => flatten("", &root, &mut options),
        Value::Null => {}
        _ => bail!("expected keys and values"),
    }
    Ok(options)
}

fn flatten(prefix: &str, value: &Value, options: &mut Options) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&key, value, options);
            }
        }
        Value::Null => {}
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            options.set(prefix, items.join(";"));
        }
        other => drop(options.set(prefix, scalar(other))),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `key: value` lines (`GlobalConfiguration.loadLegacyYAMLResource`): a comment starts at `#`, the
/// value after the first `: `.
pub fn parse_legacy(text: &str) -> anyhow::Result<Options> {
    let mut options = Options::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match line.split_once(": ").or_else(|| line.split_once(':')) {
            Some((key, value)) if !key.trim().is_empty() => {
                options.set(key.trim(), value.trim());
            }
            _ => bail!("line {}: expected 'key: value', found '{line}'", number + 1),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_and_flat_keys_are_the_same() {
        let nested = parse_yaml("parallelism:\n  default: 2\npipeline.name: a\n").unwrap();
        assert_eq!(nested.get("parallelism.default"), Some("2"));
        assert_eq!(nested.get("pipeline.name"), Some("a"));
    }

    #[test]
    fn legacy_lines() {
        let options = parse_legacy("# c\nrest.address: host # why\na.b:c\n").unwrap();
        assert_eq!(options.get("rest.address"), Some("host"));
        assert_eq!(options.get("a.b"), Some("c"));
        let error = parse_legacy("ok: 1\nnonsense\n").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
