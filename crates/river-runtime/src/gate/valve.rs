//! The watermark of one input of several channels (`StatusWatermarkValve`).

/// Combines the watermarks of an input's channels.
#[derive(Debug)]
pub struct Valve {
    channels: Vec<Channel>,
    watermark: i64,
    active: usize,
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    watermark: i64,
    idle: bool,
    /// Whether it takes part in the minimum: active, and not behind what was given out.
    aligned: bool,
}

impl Valve {
    /// A valve of that many active channels without a watermark.
    pub fn new(channels: usize) -> Valve {
        let channel = Channel { watermark: i64::MIN, idle: false, aligned: true };
        Valve { channels: vec![channel; channels], watermark: i64::MIN, active: channels }
    }

    /// The watermark given out last.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    /// Whether all channels are idle.
    pub fn is_idle(&self) -> bool {
        self.active == 0
    }

    /// A watermark of a channel. That of an idle one says nothing.
    pub fn advance(&mut self, number: usize, watermark: i64) {
        let channel = &mut self.channels[number];
        if channel.idle || watermark <= channel.watermark {
            return;
        }
        channel.watermark = watermark;
        channel.aligned |= watermark >= self.watermark;
        self.raise_to_lowest();
    }

    /// A channel becomes idle.
    pub fn idle(&mut self, number: usize) {
        let channel = &mut self.channels[number];
        if channel.idle {
            return;
        }
        channel.idle = true;
        channel.aligned = false;
        let was_lowest = channel.watermark == self.watermark;
        self.active -= 1;
        if !was_lowest {
            return;
        }
        if self.active > 0 {
            self.raise_to_lowest();
        } else {
            let highest = self.channels.iter().map(|channel| channel.watermark).max();
            self.raise(highest);
        }
    }

    /// A channel takes part again.
    pub fn active(&mut self, number: usize) {
        let channel = &mut self.channels[number];
        if channel.idle {
            channel.idle = false;
            channel.aligned = channel.watermark >= self.watermark;
            self.active += 1;
        }
    }

    fn raise_to_lowest(&mut self) {
        let aligned = self.channels.iter().filter(|channel| channel.aligned);
        let lowest = aligned.map(|channel| channel.watermark).min();
        self.raise(lowest);
    }

    fn raise(&mut self, watermark: Option<i64>) {
        self.watermark = watermark.map_or(self.watermark, |w| w.max(self.watermark));
    }
}
