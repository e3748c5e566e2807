//! The second pass: which streams need `-U` rows, from the sinks down
//! (`FlinkChangelogModeInferenceProgram.SatisfyUpdateKindTraitVisitor`).

use river_core::plan::{Exchange, JoinKeys, Operator};
use river_core::{ChangelogMode, RowKind};

use super::Stream;

/// Settles the changelog mode of every node. `update_before`: the reader needs `-U` rows.
pub fn settle(mut stream: Stream, update_before: bool) -> Stream {
    let wanted = input_needs(&stream, update_before);
    stream.inputs = std::mem::take(&mut stream.inputs)
        .into_iter()
        .zip(wanted)
        .map(|((input, exchange), wanted)| (settle(input, wanted), exchange))
        .collect();
    match &mut stream.operator {
        Operator::Source(_) => return settled_source(stream, update_before),
        Operator::GroupAggregate { emit_update_before, .. }
        | Operator::Rank { emit_update_before, .. }
        | Operator::Deduplicate { emit_update_before, .. }
        | Operator::SortLimit { emit_update_before, .. }
        | Operator::ChangelogNormalize { emit_update_before, .. } => {
            *emit_update_before = update_before;
        }
        _ => {}
    }
    let before = match &stream.operator {
        // These pass on what they get.
        Operator::Calc { .. }
        | Operator::Union
        | Operator::Correlate { .. }
        | Operator::Expand { .. }
        | Operator::WatermarkAssigner { .. }
        | Operator::LookupJoin { .. }
        | Operator::TemporalJoin { .. }
        | Operator::Join { .. } => {
            stream.inputs.iter().any(|(i, _)| i.mode.contains(RowKind::UpdateBefore))
        }
        _ => update_before,
    };
    stream.mode = stream.changes.mode(before);
    stream
}

/// What each input must give.
fn input_needs(stream: &Stream, update_before: bool) -> Vec<bool> {
    match &stream.operator {
        Operator::Calc { condition, .. } => {
            // A row that fails the condition after an update must be taken back.
            vec![update_before || condition.is_some()]
        }
        Operator::WatermarkAssigner { .. } | Operator::Union => {
            vec![update_before; stream.inputs.len()]
        }
        Operator::Correlate { .. } | Operator::LookupJoin { .. } => vec![true],
        Operator::Join { keys, .. } => {
            let JoinKeys { left, right, .. } = keys;
            let contained = |input: &Stream, key: &[usize]| {
                input.keys.iter().any(|k| k.iter().all(|c| key.contains(c)))
            };
            vec![
                update_before || !contained(&stream.inputs[0].0, left),
                update_before || !contained(&stream.inputs[1].0, right),
            ]
        }
        _ => vec![true; stream.inputs.len()],
    }
}

/// A source gives what it gives: a node above it makes or drops `-U` rows.
fn settled_source(stream: Stream, update_before: bool) -> Stream {
    let has = stream.mode.contains(RowKind::UpdateBefore);
    let upsert = stream.mode.has_updates() && !has;
    let schema = stream.schema.clone();
    let keys = stream.keys.clone();
    let changes = stream.changes;
    if upsert {
        let key = keys.first().cloned().unwrap_or_default();
        let operator =
            Operator::ChangelogNormalize { keys: key.clone(), emit_update_before: update_before };
        let above = Stream::above(stream, operator, schema).keyed_by(&key);
        return Stream { keys, changes, mode: changes.mode(update_before), ..above };
    }
    if has && !update_before {
        let mode: ChangelogMode = stream.mode.without(RowKind::UpdateBefore);
        let mut above = Stream::above(stream, Operator::DropUpdateBefore, schema);
        above.inputs[0].1 = Exchange::Forward;
        return Stream { keys, changes, mode, ..above };
    }
    stream
}
