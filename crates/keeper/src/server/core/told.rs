//! Counts how many watches were told of each change: `node_created_watch_count` and the like.
//!
//! Rules: `WatchManager.triggerWatch`.

use zk_wire::Zxid;
use zk_wire::event::EventType;

use crate::metrics::Metrics;

/// Events of one change that are not counted yet.
#[derive(Default)]
pub(super) struct Told {
    change: Option<(Zxid, i32)>,
    count: i64,
}

impl Told {
    /// One more was told of a change.
    pub(super) fn add(&mut self, zxid: Zxid, kind: i32, metrics: &Metrics) {
        if self.change != Some((zxid, kind)) {
            self.flush(metrics);
            self.change = Some((zxid, kind));
        }
        self.count += 1;
    }

    /// All were told.
    pub(super) fn flush(&mut self, metrics: &Metrics) {
        let Some((_, kind)) = self.change.take() else { return };
        let count = std::mem::take(&mut self.count);
        match EventType::from_code(kind) {
            Some(EventType::NodeCreated) => metrics.node_created_watch_count.observe(count),
            Some(EventType::NodeDeleted) => metrics.node_deleted_watch_count.observe(count),
            Some(EventType::NodeDataChanged) => metrics.node_changed_watch_count.observe(count),
            Some(EventType::NodeChildrenChanged) => {
                metrics.node_children_watch_count.observe(count);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_counted_once() {
        let metrics = Metrics::new(false);
        let mut told = Told::default();
        for (zxid, kind) in [(1, EventType::NodeCreated), (1, EventType::NodeCreated)] {
            told.add(Zxid(zxid), kind.code(), &metrics);
        }
        told.add(Zxid(1), EventType::NodeChildrenChanged.code(), &metrics);
        told.add(Zxid(2), EventType::NodeChildrenChanged.code(), &metrics);
        told.flush(&metrics);
        told.flush(&metrics);
        assert_eq!(metrics.node_created_watch_count.max(), 2);
        assert_eq!(metrics.node_created_watch_count.count(), 1);
        assert_eq!(metrics.node_children_watch_count.count(), 2);
    }
}
