//! Bytes in JSON: base64 text.

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are base64 text when serialised.
struct Text(Vec<u8>);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Text).map_err(D::Error::custom)
    }
}

/// One piece of bytes.
pub(super) mod bytes {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Ok(Text::deserialize(deserializer)?.0)
    }
}

/// A list of pieces.
pub(super) mod items {
    use super::*;

    pub fn serialize<S: Serializer>(items: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(items.iter().map(|bytes| STANDARD.encode(bytes)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        let items = Vec::<Text>::deserialize(deserializer)?;
        Ok(items.into_iter().map(|text| text.0).collect())
    }
}

/// Local state by operator.
pub(super) mod locals {
    use river_runtime::checkpoint::OperatorId;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Local {
        node: usize,
        part: usize,
        state: Text,
    }

    pub fn serialize<S: Serializer>(
        locals: &[(OperatorId, Vec<u8>)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let local = |(operator, bytes): &(OperatorId, Vec<u8>)| Local {
            node: operator.node,
            part: operator.part,
            state: Text(bytes.clone()),
        };
        serializer.collect_seq(locals.iter().map(local))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(OperatorId, Vec<u8>)>, D::Error> {
        let locals = Vec::<Local>::deserialize(deserializer)?;
        let local = |l: Local| (OperatorId { node: l.node, part: l.part }, l.state.0);
        Ok(locals.into_iter().map(local).collect())
    }
}

/// Splits of a source.
pub(super) mod splits {
    use river_runtime::source::SplitState;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Split {
        split: String,
        position: Text,
    }

    pub fn serialize<S: Serializer>(
        splits: &[SplitState],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let split =
            |s: &SplitState| Split { split: s.split.clone(), position: Text(s.position.clone()) };
        serializer.collect_seq(splits.iter().map(split))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<SplitState>, D::Error> {
        let splits = Vec::<Split>::deserialize(deserializer)?;
        let split = |s: Split| SplitState { split: s.split, position: s.position.0 };
        Ok(splits.into_iter().map(split).collect())
    }
}
