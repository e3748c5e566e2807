//! Splits bytes into CSV records and fields as Jackson's `CsvDecoder` does.

use std::ops::Range;

use super::CsvOptions;
use crate::format::Fail;

/// The fields of one record. Unescaped fields are ranges of the data, others of `scratch`.
#[derive(Default)]
pub struct Record {
    fields: Vec<(bool, Range<usize>)>,
    scratch: Vec<u8>,
    /// What is wrong with the record, if anything; the fields are then not complete.
    pub fail: Option<Fail>,
}

impl Record {
    /// Number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The bytes of a field.
    pub fn field<'a>(&'a self, data: &'a [u8], index: usize) -> &'a [u8] {
        match self.fields.get(index) {
            Some((true, range)) => self.scratch.get(range.clone()).unwrap_or_default(),
            Some((false, range)) => data.get(range.clone()).unwrap_or_default(),
            None => &[],
        }
    }

    /// Where a field starts in the data, as far as that is known.
    pub fn offset(&self, index: usize) -> usize {
        self.fields[..=index.min(self.fields.len().saturating_sub(1))]
            .iter()
            .rev()
            .find(|(scratch, _)| !scratch)
            .map_or(0, |(_, range)| range.start)
    }
}

/// What stands at the front of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// A record that ends before this byte.
    Record(usize),
    /// Blank lines and comments up to this byte, then nothing.
    Nothing(usize),
    /// The record does not end in the data.
    Incomplete,
}

/// Reads the record at the front of `data` into `record`.
pub fn scan(data: &[u8], last: bool, options: &CsvOptions, record: &mut Record) -> Scan {
    record.fields.clear();
    record.scratch.clear();
    record.fail = None;
    let mut scanner = Scanner { data, at: 0, last, options, record };
    if options.allow_comments && !scanner.skip_comments() {
        return if last { Scan::Nothing(data.len()) } else { Scan::Incomplete };
    }
    if scanner.at >= data.len() {
        return if last { Scan::Nothing(data.len()) } else { Scan::Incomplete };
    }
    loop {
        match scanner.field() {
            Step::Field => {}
            Step::End => return Scan::Record(scanner.at),
            Step::Incomplete => return Scan::Incomplete,
        }
    }
}

enum Step {
    /// A field; another one follows.
    Field,
    /// A field, the last of the record.
    End,
    Incomplete,
}

struct Scanner<'a> {
    data: &'a [u8],
    at: usize,
    last: bool,
    options: &'a CsvOptions,
    record: &'a mut Record,
}

impl Scanner<'_> {
    /// Passes comments, blank lines and leading blanks; `false` if nothing follows.
    fn skip_comments(&mut self) -> bool {
        while let Some(byte) = self.data.get(self.at) {
            match byte {
                b'\r' | b'\n' | b' ' => self.at += 1,
                b'#' => {
                    let rest = &self.data[self.at..];
                    match rest.iter().position(|b| matches!(b, b'\r' | b'\n')) {
                        Some(end) => self.at += end + 1,
                        None => return false,
                    }
                }
                _ => return true,
            }
        }
        false
    }

    fn field(&mut self) -> Step {
        if self.options.trim_spaces {
            let delimiter = self.options.delimiter;
            while let Some(byte) = self.data.get(self.at) {
                if *byte > b' ' || matches!(byte, b'\r' | b'\n') || *byte == delimiter {
                    break;
                }
                self.at += 1;
            }
        }
        match self.data.get(self.at) {
            Some(byte) if Some(*byte) == self.options.quote => {
                self.at += 1;
                self.quoted()
            }
            None if !self.last => Step::Incomplete,
            _ => self.unquoted(),
        }
    }

    fn unquoted(&mut self) -> Step {
        let start = self.at;
        let delimiter = self.options.delimiter;
        let escape = self.options.escape;
        let special = |b: &u8| *b == delimiter || matches!(b, b'\r' | b'\n') || Some(*b) == escape;
        let length = self.data[start..].iter().position(special);
        let end = length.map_or(self.data.len(), |length| start + length);
        if self.data.get(end).is_some() && self.data.get(end).copied() == escape {
            return self.unquoted_with_escapes(start);
        }
        if end == self.data.len() && !self.last {
            return Step::Incomplete;
        }
        let trimmed = self.trimmed(&self.data[start..end]);
        self.record.fields.push((false, start..start + trimmed));
        self.at = end;
        self.field_end()
    }

    fn unquoted_with_escapes(&mut self, start: usize) -> Step {
        let from = self.record.scratch.len();
        self.at = start;
        while let Some(byte) = self.data.get(self.at).copied() {
            if byte == self.options.delimiter || matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.at += 1;
            if Some(byte) == self.options.escape {
                if !self.escaped() {
                    return self.broken_off("the text ends in an escape");
                }
            } else {
                self.record.scratch.push(byte);
            }
        }
        if self.at == self.data.len() && !self.last {
            return Step::Incomplete;
        }
        let trimmed = self.trimmed(&self.record.scratch[from..]);
        self.record.fields.push((true, from..from + trimmed));
        self.field_end()
    }

    /// Length without trailing blanks where blanks are trimmed.
    fn trimmed(&self, field: &[u8]) -> usize {
        if !self.options.trim_spaces {
            return field.len();
        }
        field.iter().rposition(|b| *b > b' ').map_or(0, |at| at + 1)
    }

    /// Reads the character after the escape; `false` at the end of the data.
    fn escaped(&mut self) -> bool {
        let Some(byte) = self.data.get(self.at).copied() else { return false };
        self.at += 1;
        self.record.scratch.push(match byte {
            b'0' => 0,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            other => other,
        });
        true
    }

    fn quoted(&mut self) -> Step {
        let quote = self.options.quote.unwrap_or(b'"');
        let escape = self.options.escape;
        let (start, from) = (self.at, self.record.scratch.len());
        let mut in_scratch = false;
        loop {
            let rest = &self.data[self.at..];
            let special = |b: &u8| *b == quote || Some(*b) == escape;
            let Some(length) = rest.iter().position(special) else {
                return self.broken_off("the field has no closing quote");
            };
            let (plain_end, byte) = (self.at + length, rest[length]);
            let doubled = byte == quote && self.data.get(plain_end + 1) == Some(&quote);
            if byte == quote && !doubled {
                if plain_end + 1 == self.data.len() && !self.last {
                    return Step::Incomplete; // the quote may be doubled
                }
                if in_scratch {
                    self.record.scratch.extend_from_slice(&self.data[self.at..plain_end]);
                    let end = self.record.scratch.len();
                    self.record.fields.push((true, from..end));
                } else {
                    self.record.fields.push((false, start..plain_end));
                }
                self.at = plain_end + 1;
                return self.after_quote();
            }
            in_scratch = true;
            self.record.scratch.extend_from_slice(&self.data[self.at..plain_end]);
            self.at = plain_end + 1;
            if doubled {
                self.record.scratch.push(quote);
                self.at += 1;
            } else if !self.escaped() {
                return self.broken_off("the text ends in an escape");
            }
        }
    }

    /// Passes blanks between a closing quote and the delimiter or line end.
    fn after_quote(&mut self) -> Step {
        while let Some(byte) = self.data.get(self.at).copied() {
            if byte == self.options.delimiter || matches!(byte, b'\r' | b'\n') {
                break;
            }
            if byte > b' ' {
                let delimiter = char::from(self.options.delimiter);
                let message = format!("expected '{delimiter}' or the line's end after the quote");
                self.record.fail.get_or_insert(Fail::at(self.at, message));
                self.record.fields.pop();
                return self.unquoted();
            }
            self.at += 1;
        }
        if self.at == self.data.len() && !self.last {
            return Step::Incomplete;
        }
        self.field_end()
    }

    /// At a delimiter, a line end or the end of the data.
    fn field_end(&mut self) -> Step {
        match self.data.get(self.at) {
            None => Step::End,
            Some(b'\n') => {
                self.at += 1;
                Step::End
            }
            Some(b'\r') => match self.data.get(self.at + 1) {
                Some(b'\n') => {
                    self.at += 2;
                    Step::End
                }
                None if !self.last => Step::Incomplete,
                _ => {
                    self.at += 1;
                    Step::End
                }
            },
            Some(_) => {
                self.at += 1;
                Step::Field
            }
        }
    }

    fn broken_off(&mut self, message: &str) -> Step {
        if !self.last {
            return Step::Incomplete;
        }
        self.record.fail = Some(Fail::at(self.at.min(self.data.len()), message));
        self.at = self.data.len();
        Step::End
    }
}
