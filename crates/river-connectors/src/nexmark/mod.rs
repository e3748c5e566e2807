//! The `nexmark` source: the event generator of the Nexmark suite for Flink
//! (`com.github.nexmark.flink.generator.*`), column-wise.
//!
//! Same mix of events, same distribution of every field, same options. Different by intent: an
//! event is a function of seed and event number alone, so runs are repeatable, a position is one
//! number, and only the fields a query reads are made. The reader in [`NexmarkSource`] calls
//! [`Generator::fill`]; the generator itself reads no clock and never waits.

mod auction;
mod bid;
mod columns;
mod config;
mod layout;
mod person;
mod price;
mod random;
mod schema;
mod source;
mod split;
mod texts;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::ArrayRef;
use arrow_schema::DataType as Arrow;

pub use config::{Config, OPTION_KEYS};
pub use schema::{NoSuchColumn, Projection, Wanted, columns};
pub use source::NexmarkSource;
pub use split::{BLOCK_EVENTS, Split};

use columns::{Maker, NullColumns};
use layout::Layout;
use price::Prices;
use random::Draws;
use texts::Texts;

/// Makes the events of one split, in order.
#[derive(Debug)]
pub struct Generator {
    config: Config,
    projection: Projection,
    split: Split,
    texts: Arc<Texts>,
    types: Vec<Arrow>,
    nothing: NullColumns,
}

impl Generator {
    /// A generator of a split's remaining events.
    pub fn new(config: Config, projection: Projection, split: Split) -> Generator {
        let (texts, types) = (Texts::shared(), schema::arrow_columns());
        let nothing = NullColumns::new(&types, 0);
        Generator { config, projection, split, texts, types, nothing }
    }

    /// What is left to be made; its position is the state to store.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// How long after the first event of all the next one is due if events are to come at
    /// `first-event.rate`; `None` at the end.
    pub fn next_due(&self) -> Option<Duration> {
        let elapsed_us = self.split.position() as f64 * self.config.event_gap_us;
        (!self.split.is_done()).then(|| Duration::from_micros(elapsed_us as u64))
    }

    /// The next `rows` events, fewer only at the end of the split: the number of rows and the
    /// columns of the projection.
    pub fn fill(&mut self, rows: usize) -> (usize, Vec<ArrayRef>) {
        let mut layout = Layout::default();
        while layout.rows() < rows && !self.split.is_done() {
            let (first, count) = self.split.take((rows - layout.rows()) as u64);
            layout.append(&self.config, first, count);
        }
        if layout.rows() != self.nothing.rows() {
            self.nothing = NullColumns::new(&self.types, layout.rows());
        }
        let maker = Maker {
            config: &self.config,
            draws: Draws::new(self.config.seed),
            prices: Prices::shared(),
            texts: &self.texts,
            types: &self.types,
            nothing: &self.nothing,
        };
        (layout.rows(), maker.columns(&layout, &self.projection))
    }
}
