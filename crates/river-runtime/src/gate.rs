//! The input gate of a task: makes one watermark of those of its channels, and aligns barriers.
//!
//! Called by the task for each element it receives. Marks inside batches are rewritten to the
//! task's own watermark, at the place where it advances; those that do not advance it go away.
//! Barriers leave watermarks and idleness alone. Batches that belong to a snapshot which was made
//! before they came are given out twice: as they came, to be recorded, and to be processed.
//!
//! Rules: per input Flink's `StatusWatermarkValve` (the minimum over channels that are active and
//! have caught up; when the last one becomes idle, the maximum over all), over the inputs its
//! `CombinedWatermarkStatus` (the minimum over inputs that are not idle). An ended channel's
//! watermark is [`MAX_WATERMARK`].

use crate::exchange::Element;
use crate::{Batch, Error, MAX_WATERMARK, Mark, Result};

mod alignment;
#[cfg(test)]
mod tests;
mod valve;

pub use alignment::{Alignment, Verdict};
use valve::Valve;

/// What an element means, in this order: first for checkpoints, then for the chain.
#[derive(Debug, Default)]
pub struct Step {
    /// What a barrier means, or an end.
    pub verdict: Option<Verdict>,
    /// Batches of the channel that belong to the snapshot made last.
    pub in_flight: Vec<Batch>,
    /// A batch for an input of the first operator.
    pub batch: Option<(usize, Batch)>,
    /// An input that has ended.
    pub ended: Option<usize>,
}

/// The gate of one task.
#[derive(Debug)]
pub struct Gate {
    /// For each channel its input, its number within it, and whether it has ended.
    channels: Vec<(usize, usize, bool)>,
    inputs: Vec<Input>,
    watermark: i64,
    alignment: Alignment,
}

#[derive(Debug)]
struct Input {
    valve: Valve,
    /// Channels that have not ended.
    open: usize,
}

impl Gate {
    /// A gate for inputs of that many channels each; channels are numbered through.
    pub fn new(channels_of_inputs: &[usize]) -> Gate {
        let mut channels = Vec::new();
        let mut inputs = Vec::new();
        for (input, count) in channels_of_inputs.iter().enumerate() {
            channels.extend((0..*count).map(|channel| (input, channel, false)));
            inputs.push(Input { valve: Valve::new(*count), open: *count });
        }
        let alignment = Alignment::new(channels.len());
        Gate { channels, inputs, watermark: i64::MIN, alignment }
    }

    /// Takes an element of a channel, at that time: wall clock in microseconds.
    ///
    /// # Errors
    /// A channel that does not exist, or that goes on after its end: a bug of the exchange.
    pub fn accept(&mut self, channel: usize, element: Element, now_us: i64) -> Result<Step> {
        let Some((input, number, ended)) = self.channels.get_mut(channel) else {
            return Err(Error::internal(format!("element for unknown input channel {channel}")));
        };
        if *ended {
            return Err(Error::internal(format!("element after the end of channel {channel}")));
        }
        let (input, number) = (*input, *number);
        match element {
            Element::Batch(mut batch) => {
                let recorded = self.alignment.records(channel).then(|| batch.clone());
                self.rewrite(input, number, &mut batch.marks);
                let batch = (!batch.is_empty()).then_some((input, batch));
                Ok(Step { batch, in_flight: recorded.into_iter().collect(), ..Step::default() })
            }
            Element::Barrier { barrier, overtaken } => {
                let verdict = self.alignment.barrier(channel, barrier, now_us);
                let in_flight = if verdict.counts { overtaken } else { Vec::new() };
                Ok(Step { verdict: Some(verdict), in_flight, ..Step::default() })
            }
            Element::Idle => {
                self.inputs[input].valve.idle(number);
                Ok(self.step(input, None))
            }
            Element::Active => {
                self.inputs[input].valve.active(number);
                Ok(Step::default())
            }
            Element::End => {
                *ended = true;
                let state = &mut self.inputs[input];
                state.valve.active(number);
                state.valve.advance(number, MAX_WATERMARK);
                state.open -= 1;
                let done = state.open == 0;
                let verdict = Some(self.alignment.end(channel, now_us));
                Ok(Step { verdict, ..self.step(input, done.then_some(input)) })
            }
        }
    }

    fn step(&mut self, input: usize, ended: Option<usize>) -> Step {
        // Even if the input's own watermark stands: it may be idle and so not count any longer.
        let batch = self.combine().map(|watermark| (input, Batch::watermark(watermark)));
        Step { batch, ended, ..Step::default() }
    }

    /// The barriers that are being waited for.
    pub fn alignment(&mut self) -> &mut Alignment {
        &mut self.alignment
    }

    fn rewrite(&mut self, input: usize, channel: usize, marks: &mut Vec<Mark>) {
        let mut kept = 0;
        for i in 0..marks.len() {
            let mark = marks[i];
            self.inputs[input].valve.advance(channel, mark.watermark);
            if let Some(watermark) = self.combine() {
                marks[kept] = Mark { offset: mark.offset, watermark };
                kept += 1;
            }
        }
        marks.truncate(kept);
    }

    /// The watermark of all inputs, if it has advanced.
    fn combine(&mut self) -> Option<i64> {
        let active = self.inputs.iter().filter(|input| !input.valve.is_idle());
        let lowest = active.map(|input| input.valve.watermark()).min()?;
        (lowest > self.watermark).then(|| {
            self.watermark = lowest;
            lowest
        })
    }

    /// When [`Alignment::pass_time`] is wanted, wall clock in milliseconds.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.alignment.next_deadline_ms()
    }

    /// Whether all inputs are idle.
    pub fn is_idle(&self) -> bool {
        !self.inputs.is_empty() && self.inputs.iter().all(|input| input.valve.is_idle())
    }

    /// Whether all inputs have ended.
    pub fn is_done(&self) -> bool {
        self.inputs.iter().all(|input| input.open == 0)
    }
}
