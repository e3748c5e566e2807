//! Jute's binary encoding: numbers big-endian, texts and buffers behind their length, vectors
//! behind their count, records as their fields in order.
//!
//! Used by every record of this crate. Rules: `BinaryInputArchive`, `BinaryOutputArchive`.

use bytes::Bytes;

use crate::error::{DecodeError, Problem};
use crate::text::Text;

/// What can be written to and read from Jute's binary encoding.
pub trait Jute: Sized {
    /// The fewest bytes that a value takes: bounds counts of vectors.
    const MIN_LEN: usize;

    /// Appends the value's bytes.
    ///
    /// # Panics
    /// On a text, buffer or vector of 2^31 or more bytes or elements, which has no encoding.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads a value; bytes behind it stay.
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// The value's bytes.
    fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        self.encode(&mut out);
        Bytes::from(out)
    }

    /// Reads a value from the begin; bytes behind it are ignored, as Apache's server does.
    fn from_bytes(bytes: &Bytes) -> Result<Self, DecodeError> {
        Self::decode(&mut Reader::new(bytes))
    }
}

/// Bytes being decoded, and how far they were.
#[derive(Debug, Clone)]
pub struct Reader<'b> {
    bytes: &'b Bytes,
    position: usize,
    max_len: usize,
}

impl<'b> Reader<'b> {
    /// Reads from the begin, with texts and buffers as long as Jute allows.
    pub fn new(bytes: &'b Bytes) -> Self {
        Self::with_max_len(bytes, i32::MAX as usize)
    }

    /// Refuses texts and buffers longer than `max_len` bytes; Apache's limit is `jute.maxbuffer` +
    /// `zookeeper.jute.maxbuffer.extrasize`.
    pub fn with_max_len(bytes: &'b Bytes, max_len: usize) -> Self {
        Self { bytes, position: 0, max_len }
    }

    /// Bytes not yet read.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// All that is left, as it is.
    pub fn rest(&mut self) -> Bytes {
        let rest = self.bytes.slice(self.position..);
        self.position = self.bytes.len();
        rest
    }

    pub(crate) fn error(&self, problem: Problem) -> DecodeError {
        DecodeError::new(self.position, problem)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.bytes[self.position..].first_chunk::<N>() {
            Some(chunk) => {
                self.position += N;
                Ok(*chunk)
            }
            None => Err(self.error(Problem::Truncated { needed: N, left: self.left() })),
        }
    }

    /// The bytes behind a length; `None` for null.
    fn buffer(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let start = self.position;
        let fail = |problem| Err(DecodeError::new(start, problem));
        let len = match i32::decode(self)? {
            -1 => return Ok(None),
            len if len < 0 => return fail(Problem::NegativeLength(len)),
            len => len as usize,
        };
        if len > self.max_len {
            return fail(Problem::TooLong { len, limit: self.max_len });
        }
        if len > self.left() {
            return fail(Problem::Truncated { needed: 4 + len, left: 4 + self.left() });
        }
        let bytes = self.bytes.slice(self.position..self.position + len);
        self.position += len;
        Ok(Some(bytes))
    }

    /// The count of a vector; `None` for null.
    fn count(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(match i32::decode(self)? {
            -1 => None,
            // Apache's loop over the elements ends at once.
            count if count < 0 => Some(0),
            count => Some(count as usize),
        })
    }
}

/// Appends a text as a `ustring`.
///
/// # Panics
/// On 2^31 or more bytes.
pub fn put_string(out: &mut Vec<u8>, text: &str) {
    put_buffer(out, text.as_bytes());
}

/// Appends bytes as a `buffer`.
///
/// # Panics
/// On 2^31 or more bytes.
pub fn put_buffer(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends the count of a vector, for elements that are encoded one by one behind it.
///
/// # Panics
/// On 2^31 or more.
pub fn put_count(out: &mut Vec<u8>, count: usize) {
    assert!(count <= i32::MAX as usize, "{count} has no place in a signed length of four bytes");
    (count as i32).encode(out);
}

impl Jute for i32 {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.fixed().map(i32::from_be_bytes)
    }
}

impl Jute for i64 {
    const MIN_LEN: usize = 8;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.fixed().map(i64::from_be_bytes)
    }
}

impl Jute for bool {
    const MIN_LEN: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.fixed::<1>().map(|[byte]| byte != 0)
    }
}

impl Jute for Option<Bytes> {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Some(bytes) => put_buffer(out, bytes),
            None => (-1i32).encode(out),
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.buffer()
    }
}

impl Jute for Option<Text> {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Some(text) => put_string(out, text),
            None => (-1i32).encode(out),
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(input.buffer()?.map(Text::from_java))
    }
}

/// An element of a vector of strings: never null.
impl Jute for Text {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        put_string(out, self);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = input.position;
        let bytes = input.buffer()?.ok_or_else(|| DecodeError::new(start, Problem::Null))?;
        Ok(Text::from_java(bytes))
    }
}

impl<T: Jute> Jute for Option<Vec<T>> {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Vec<u8>) {
        let Some(elements) = self else { return (-1i32).encode(out) };
        put_count(out, elements.len());
        for element in elements {
            element.encode(out);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = input.position;
        let Some(count) = input.count()? else { return Ok(None) };
        let needed = count.saturating_mul(T::MIN_LEN.max(1));
        if needed > input.left() {
            let problem = Problem::Truncated { needed: 4 + needed, left: 4 + input.left() };
            return Err(element_error::<T>(input, DecodeError::new(start, problem)));
        }
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(T::decode(input)?);
        }
        Ok(Some(elements))
    }
}

/// The error of a vector that is cut short: that of an element which no more bytes would mend, as
/// Apache's decoder comes to it first.
fn element_error<T: Jute>(input: &mut Reader<'_>, cut_short: DecodeError) -> DecodeError {
    loop {
        match T::decode(input) {
            Ok(_) => {}
            Err(error) if error.is_truncated() => return cut_short,
            Err(error) => return error,
        }
    }
}
