//! The texts of the generator (`StringsGenerator`, and the tables of `BidGenerator` and
//! `PersonGenerator`).
//!
//! Long texts are cut out of buffers that are made once per process and shared by all batches: a
//! value of `extra`, `url` or `name` is a 16-byte view and never copied. All texts are ASCII, which
//! is what makes [`TextColumn::finish`] sound.

use std::sync::{Arc, OnceLock};

use arrow_array::{ArrayRef, StringViewArray};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};

use super::random::{Draw, Sequence};

/// Length of the text that `extra` values are cut from (`REUSABLE_EXTRA_STRING`).
const EXTRA_BYTES: usize = 1024 * 1024;
/// Number of cached channels with their urls (`CHANNELS_NUMBER`).
pub(super) const CHANNELS: u32 = 10_000;
/// Channels that half of all bids come through; `Google` is spelt as the suite spells it.
pub(super) const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];
/// Longest text a view holds inside itself.
const INLINE_BYTES: usize = 12;
/// Shortest random text (`MIN_STRING_LENGTH`).
const MIN_TEXT_BYTES: u32 = 3;
/// Seed of the shared texts; independent of the table's seed, as the suite's are static.
const TEXTS_SEED: u64 = 0x6E65_786D_6172_6B21;

const FIRST_NAMES: [&str; 11] = [
    "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter",
];
const LAST_NAMES: [&str; 9] =
    ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];
const CITIES: [&str; 10] = [
    "Phoenix",
    "Los Angeles",
    "San Francisco",
    "Boise",
    "Portland",
    "Bend",
    "Redmond",
    "Seattle",
    "Kent",
    "Cheyenne",
];
const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];

/// A fixed list of texts, as ready views on one buffer.
#[derive(Debug)]
pub(super) struct TextTable {
    buffer: Buffer,
    views: Vec<u128>,
}

impl TextTable {
    fn new(texts: impl IntoIterator<Item = String>) -> TextTable {
        let mut bytes = Vec::new();
        let views = texts.into_iter().map(|text| append_text(&mut bytes, text.as_bytes()));
        let views = views.collect();
        TextTable { buffer: Buffer::from_vec(bytes), views }
    }

    /// Number of texts.
    pub(super) fn count(&self) -> u32 {
        self.views.len() as u32
    }

    /// The view of text `i`, valid in a column with this table's buffer.
    #[inline]
    pub(super) fn view(&self, i: u32) -> u128 {
        self.views[i as usize]
    }

    /// Length of text `i` in bytes.
    pub(super) fn len(&self, i: u32) -> u32 {
        self.views[i as usize] as u32
    }

    /// An empty column of `rows` rows whose views come from this table.
    pub(super) fn column(&self, rows: usize) -> TextColumn {
        TextColumn { views: vec![0; rows], bytes: Bytes::Shared(self.buffer.clone()) }
    }
}

/// All texts shared by the events of a process.
#[derive(Debug)]
pub(super) struct Texts {
    /// What `extra` is cut from.
    extra: Buffer,
    /// Channel names: the hot ones, then the cached ones.
    pub(super) channels: TextTable,
    /// The url of each channel, same order.
    pub(super) urls: TextTable,
    /// `first last`, index = first * number of last names + last.
    pub(super) names: TextTable,
    /// Cities.
    pub(super) cities: TextTable,
    /// States.
    pub(super) states: TextTable,
}

impl Texts {
    /// The texts of this process, made at first use.
    pub(super) fn shared() -> Arc<Texts> {
        static TEXTS: OnceLock<Arc<Texts>> = OnceLock::new();
        TEXTS.get_or_init(|| Arc::new(Texts::new())).clone()
    }

    fn new() -> Texts {
        let mut random = Sequence::new(TEXTS_SEED);
        let extra = extra_text(&mut random);
        let hot_urls: Vec<String> = HOT_CHANNELS.iter().map(|_| base_url(&mut random)).collect();
        let cached_urls: Vec<String> = (0..CHANNELS).map(|i| cached_url(&mut random, i)).collect();
        let hot_names = HOT_CHANNELS.iter().map(|name| (*name).to_owned());
        let cached_names = (0..CHANNELS).map(|i| format!("channel-{i}"));
        let names =
            FIRST_NAMES.iter().flat_map(|f| LAST_NAMES.iter().map(move |l| format!("{f} {l}")));
        Texts {
            extra: Buffer::from_vec(extra),
            channels: TextTable::new(hot_names.chain(cached_names)),
            urls: TextTable::new(hot_urls.into_iter().chain(cached_urls)),
            names: TextTable::new(names),
            cities: TextTable::new(CITIES.map(str::to_owned)),
            states: TextTable::new(STATES.map(str::to_owned)),
        }
    }

    /// An empty column of `rows` rows for views made by [`Texts::extra_view`].
    pub(super) fn extra_column(&self, rows: usize) -> TextColumn {
        TextColumn { views: vec![0; rows], bytes: Bytes::Shared(self.extra.clone()) }
    }

    /// A random piece, such that it and `current_bytes` make `average_bytes` on average, within
    /// 20 % (`StringsGenerator.nextExtra`); empty if there is no room for it.
    #[inline]
    pub(super) fn extra_view(&self, draw: Draw, current_bytes: u32, average_bytes: u32) -> u128 {
        if current_bytes > average_bytes {
            return 0;
        }
        let wanted = average_bytes - current_bytes;
        let delta = (f64::from(wanted) * 0.2).round() as u32;
        let bytes = (wanted - delta + draw.upper(2 * delta)) as usize;
        // The options bound sizes to half the text, so there is always room for `bytes`.
        let start = draw.lower((EXTRA_BYTES - bytes) as u32) as usize;
        view_of(&self.extra.as_slice()[start..start + bytes], start)
    }
}

/// Largest average size of an event for which every `extra` can be cut from the shared text.
pub(super) const MAX_AVERAGE_BYTES: u32 = (EXTRA_BYTES / 2) as u32;

/// The bytes behind a column's views.
#[derive(Debug)]
enum Bytes {
    Shared(Buffer),
    Own(Vec<u8>),
}

/// A string column in the making. Rows that are not set are empty.
#[derive(Debug)]
pub(super) struct TextColumn {
    /// One view per row.
    pub(super) views: Vec<u128>,
    bytes: Bytes,
}

impl TextColumn {
    /// An empty column of `rows` rows with its own bytes.
    pub(super) fn new(rows: usize) -> TextColumn {
        TextColumn { views: vec![0; rows], bytes: Bytes::Own(Vec::new()) }
    }

    /// Sets a row of a column with its own bytes; `text` is ASCII.
    pub(super) fn set(&mut self, row: usize, text: &[u8]) {
        debug_assert!(text.is_ascii());
        if let Bytes::Own(bytes) = &mut self.bytes {
            self.views[row] = append_text(bytes, text);
        }
    }

    /// The Arrow column.
    pub(super) fn finish(self, nulls: Option<NullBuffer>) -> ArrayRef {
        let buffer = match self.bytes {
            Bytes::Shared(buffer) => buffer,
            Bytes::Own(bytes) => Buffer::from_vec(bytes),
        };
        let views = ScalarBuffer::from(self.views);
        // SAFETY: every view was made by `view_of` on bytes of this very buffer (or is 0, the empty
        // text), so length, prefix, block 0 and offset are right; all texts are ASCII.
        let array = unsafe { StringViewArray::new_unchecked(views, vec![buffer], nulls) };
        Arc::new(array)
    }
}

/// Appends a text to a buffer (only if it does not fit into the view) and gives its view.
fn append_text(bytes: &mut Vec<u8>, text: &[u8]) -> u128 {
    let start = bytes.len();
    if text.len() > INLINE_BYTES {
        bytes.extend_from_slice(text);
    }
    view_of(text, start)
}

/// The view of a text that starts at byte `start` of block 0.
#[inline]
fn view_of(text: &[u8], start: usize) -> u128 {
    let length = text.len() as u128;
    if text.len() <= INLINE_BYTES {
        let mut inline = [0u8; 16];
        inline[4..4 + text.len()].copy_from_slice(text);
        return u128::from_le_bytes(inline) | length;
    }
    let prefix = u32::from_le_bytes([text[0], text[1], text[2], text[3]]);
    length | u128::from(prefix) << 32 | (start as u128) << 96
}

/// Fills `text` with a random text of 3 to `max - 1` characters, one in 13 of them `special`,
/// blanks trimmed (`StringsGenerator.nextString`).
pub(super) fn random_text(random: &mut Sequence, max: u32, special: u8, text: &mut Vec<u8>) {
    let start = text.len();
    let wanted = MIN_TEXT_BYTES + random.draw().upper(max - MIN_TEXT_BYTES);
    for _ in 0..wanted.div_ceil(2) {
        let draw = random.draw();
        text.push(character(draw.upper(13 * 26), special));
        text.push(character(draw.lower(13 * 26), special));
    }
    text.truncate(start + wanted as usize);
    while text.len() > start && text.last() == Some(&b' ') {
        text.pop();
    }
    let blanks = text[start..].iter().take_while(|c| **c == b' ').count();
    text.drain(start..start + blanks);
}

/// One of 13 x 26 equally likely cases as a character.
#[inline]
fn character(case: u32, special: u8) -> u8 {
    if case.is_multiple_of(13) { special } else { b'a' + (case / 13) as u8 }
}

/// The text that `extra` is cut from (`nextExactString`). The remainder of a negative number is
/// negative in Java, so the characters run from `H` to `z`; kept, it is what queries count in.
fn extra_text(random: &mut Sequence) -> Vec<u8> {
    let mut text = Vec::with_capacity(EXTRA_BYTES + 6);
    while text.len() < EXTRA_BYTES {
        let mut rest = (random.draw().0 >> 32) as i32;
        for _ in 0..6 {
            text.push((i32::from(b'a') + rest % 26) as u8);
            rest /= 26;
        }
    }
    text.truncate(EXTRA_BYTES);
    text
}

/// `BidGenerator.getBaseUrl`.
fn base_url(random: &mut Sequence) -> String {
    let mut url = b"https://www.nexmark.com/".to_vec();
    for _ in 0..3 {
        random_text(random, 5, b'_', &mut url);
        url.push(b'/');
    }
    url.extend_from_slice(b"item.htm?query=1");
    url.into_iter().map(char::from).collect()
}

/// The url of a cached channel; one in ten has no channel id.
fn cached_url(random: &mut Sequence, channel: u32) -> String {
    let mut url = base_url(random);
    if random.draw().upper(10) > 0 {
        let id = i64::from(channel.reverse_bits() as i32).abs();
        url.push_str(&format!("&channel_id={id}"));
    }
    url
}
