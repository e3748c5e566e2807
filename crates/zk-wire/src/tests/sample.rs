//! Values of records, by rules that the generator of the fixtures follows too, and at random.

use bytes::Bytes;
use proptest::prelude::*;

use crate::{SessionId, Text, Zxid};

/// How fields are filled. The generator of the fixtures has the same styles by the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Each field is told from all others.
    Numbered,
    /// All that can be null is.
    Nulls,
    /// Nothing is null, but empty.
    Empty,
    /// Least and greatest numbers, odd characters, all bytes.
    Extreme,
}

impl Style {
    pub(crate) const ALL: [(Self, &str); 4] = [
        (Self::Numbered, "numbered"),
        (Self::Nulls, "nulls"),
        (Self::Empty, "empty"),
        (Self::Extreme, "extreme"),
    ];
}

/// Fills fields one after the other, and counts them.
pub(crate) struct Filler {
    style: Style,
    count: i32,
}

impl Filler {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, count: 0 }
    }

    fn next(&mut self) -> i32 {
        self.count += 1;
        self.count
    }
}

/// What records and their fields have in tests.
pub(crate) trait Sample: Sized {
    /// The value that a filler comes to next.
    fn fill(filler: &mut Filler) -> Self;

    /// Any value.
    fn any() -> BoxedStrategy<Self>;
}

impl Sample for i32 {
    fn fill(filler: &mut Filler) -> Self {
        let count = filler.next();
        match filler.style {
            Style::Numbered => 1000 + count,
            Style::Nulls => 0,
            Style::Empty => -1,
            Style::Extreme if count % 2 == 1 => i32::MAX,
            Style::Extreme => i32::MIN,
        }
    }

    fn any() -> BoxedStrategy<Self> {
        any::<i32>().boxed()
    }
}

impl Sample for i64 {
    fn fill(filler: &mut Filler) -> Self {
        let count = filler.next();
        match filler.style {
            Style::Numbered => 0x0102_0304_0506_0700 + i64::from(count),
            Style::Nulls => 0,
            Style::Empty => -1,
            Style::Extreme if count % 2 == 1 => i64::MAX,
            Style::Extreme => i64::MIN,
        }
    }

    fn any() -> BoxedStrategy<Self> {
        any::<i64>().boxed()
    }
}

impl Sample for bool {
    fn fill(filler: &mut Filler) -> Self {
        let count = filler.next();
        match filler.style {
            Style::Numbered => count % 2 == 1,
            Style::Nulls => false,
            Style::Empty | Style::Extreme => true,
        }
    }

    fn any() -> BoxedStrategy<Self> {
        any::<bool>().boxed()
    }
}

impl Sample for Text {
    fn fill(filler: &mut Filler) -> Self {
        let count = filler.next();
        match filler.style {
            Style::Numbered => Text::from(format!("/s{count}")),
            Style::Nulls | Style::Empty => Text::default(),
            Style::Extreme => Text::from(format!("/\u{1}é漢\u{ffff} ~\0{count}")),
        }
    }

    fn any() -> BoxedStrategy<Self> {
        any::<String>().prop_map(Text::from).boxed()
    }
}

impl Sample for Option<Text> {
    fn fill(filler: &mut Filler) -> Self {
        let text = Text::fill(filler);
        (filler.style != Style::Nulls).then_some(text)
    }

    fn any() -> BoxedStrategy<Self> {
        proptest::option::of(Text::any()).boxed()
    }
}

impl Sample for Option<Bytes> {
    fn fill(filler: &mut Filler) -> Self {
        let count = filler.next() as u8;
        match filler.style {
            Style::Numbered => Some(Bytes::from(vec![count, count + 1, count + 2])),
            Style::Nulls => None,
            Style::Empty => Some(Bytes::new()),
            Style::Extreme => Some(Bytes::from_iter(0..=255)),
        }
    }

    fn any() -> BoxedStrategy<Self> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from);
        proptest::option::of(bytes).boxed()
    }
}

impl<T: Sample + std::fmt::Debug + 'static> Sample for Option<Vec<T>> {
    fn fill(filler: &mut Filler) -> Self {
        let len = match filler.style {
            Style::Numbered => 2,
            Style::Nulls => return None,
            Style::Empty => 0,
            Style::Extreme => 3,
        };
        Some((0..len).map(|_| T::fill(filler)).collect())
    }

    fn any() -> BoxedStrategy<Self> {
        proptest::option::of(proptest::collection::vec(T::any(), 0..4)).boxed()
    }
}

impl Sample for Zxid {
    fn fill(filler: &mut Filler) -> Self {
        Self(i64::fill(filler))
    }

    fn any() -> BoxedStrategy<Self> {
        any::<i64>().prop_map(Self).boxed()
    }
}

impl Sample for SessionId {
    fn fill(filler: &mut Filler) -> Self {
        Self(i64::fill(filler))
    }

    fn any() -> BoxedStrategy<Self> {
        any::<i64>().prop_map(Self).boxed()
    }
}
