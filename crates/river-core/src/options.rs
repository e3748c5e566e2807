//! Options: one flat map of Flink's keys to text, read with Flink's rules for durations and sizes
//! (`org.apache.flink.configuration`, `TimeUtils`, `MemorySize`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Flat options of a session, table or job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options(BTreeMap<String, String>);

/// A value that does not fit its option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("option '{key}': '{value}' is not {expected}")]
pub struct OptionError {
    /// The key.
    pub key: String,
    /// The text that was given.
    pub value: String,
    /// What would be accepted, as "a duration such as '10 s'".
    pub expected: String,
}

impl Options {
    /// No options.
    pub fn new() -> Options {
        Options::default()
    }

    /// Sets a key; returns what it held.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) -> Option<String> {
        self.0.insert(key.into(), value.into())
    }

    /// Removes a key; returns what it held.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    /// The text of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All pairs in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The options of `over` on top of these.
    pub fn overlaid(&self, over: &Options) -> Options {
        let mut all = self.clone();
        all.0.extend(over.0.iter().map(|(k, v)| (k.clone(), v.clone())));
        all
    }

    /// `true` or `false`, in any case.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, OptionError> {
        self.parse(key, "'true' or 'false'", |text| {
            if text.eq_ignore_ascii_case("true") {
                Some(true)
            } else if text.eq_ignore_ascii_case("false") {
                Some(false)
            } else {
                None
            }
        })
    }

    /// A whole number.
    pub fn i64(&self, key: &str) -> Result<Option<i64>, OptionError> {
        self.parse(key, "a whole number", |text| text.parse().ok())
    }

    /// A number.
    pub fn f64(&self, key: &str) -> Result<Option<f64>, OptionError> {
        self.parse(key, "a number", |text| text.parse().ok())
    }

    /// A duration: `10 s`, `1 min`, `500ms`, `PT1M`; a bare number is milliseconds.
    pub fn duration(&self, key: &str) -> Result<Option<Duration>, OptionError> {
        self.parse(key, "a duration such as '10 s', '1 min' or 'PT1M'", parse_duration)
    }

    /// A size in bytes: `64 mb`, `1g`; a bare number is bytes.
    pub fn memory(&self, key: &str) -> Result<Option<u64>, OptionError> {
        self.parse(key, "a size such as '64 mb' or '1 gb'", parse_memory)
    }

    fn parse<T>(
        &self,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, OptionError> {
        let Some(text) = self.get(key) else { return Ok(None) };
        match parse(text.trim()) {
            Some(value) => Ok(Some(value)),
            None => Err(OptionError {
                key: key.to_owned(),
                value: text.to_owned(),
                expected: expected.to_owned(),
            }),
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Options {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Options {
        Options(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

/// Reads a duration as `TimeUtils.parseDuration` does.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.starts_with(['P', 'p']) {
        return parse_iso_duration(text);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let nanos_per_unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1,
        "µs" | "us" | "micro" | "micros" | "microsecond" | "microseconds" => 1_000,
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1_000_000,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000_000,
        "m" | "min" | "minute" | "minutes" => 60_000_000_000,
        "h" | "hour" | "hours" => 3_600_000_000_000,
        "d" | "day" | "days" => 86_400_000_000_000,
        _ => return None,
    };
    number.checked_mul(nanos_per_unit).map(Duration::from_nanos)
}

/// `P1DT2H3M4.5S`, the form in which Flink prints durations.
fn parse_iso_duration(text: &str) -> Option<Duration> {
    let upper = text.to_ascii_uppercase();
    let mut rest = upper.strip_prefix('P')?;
    let mut seconds = 0f64;
    let mut in_time = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            in_time = true;
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        seconds += number
            * match (in_time, rest.as_bytes()[end]) {
                (false, b'D') => 86_400.0,
                (true, b'H') => 3_600.0,
                (true, b'M') => 60.0,
                (true, b'S') => 1.0,
                _ => return None,
            };
        rest = &rest[end + 1..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// Reads a size as `MemorySize.parse` does, in bytes.
pub fn parse_memory(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 1,
        "k" | "kb" | "kibibytes" => 1 << 10,
        "m" | "mb" | "mebibytes" => 1 << 20,
        "g" | "gb" | "gibibytes" => 1 << 30,
        "t" | "tb" | "tebibytes" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// The known key nearest to a misspelt one, for "did you mean".
pub fn nearest<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (edit_distance(key, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance over characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_every_spelling() {
        for (text, ms) in
            [("1 min", 60_000), ("60s", 60_000), ("60000", 60_000), ("PT1M", 60_000), ("0 s", 0)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(parse_duration("P1DT0.5S"), Some(Duration::from_millis(86_400_500)));
        assert_eq!(parse_duration("ten seconds"), None);
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_memory("128 MB"), Some(128 << 20));
        assert_eq!(parse_memory("1g"), Some(1 << 30));
        assert_eq!(parse_memory("1 parsec"), None);
    }

    #[test]
    fn a_misspelt_key_finds_its_neighbour() {
        assert_eq!(nearest("fromat", ["format", "path"]), Some("format"));
        assert_eq!(nearest("zzzzzzzz", ["format", "path"]), None);
    }
}
