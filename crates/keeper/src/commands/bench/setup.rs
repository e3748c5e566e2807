//! The nodes that a workload needs, and their removal: through the ordinary client, many requests
//! in flight.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use keeper_client::{Answer, Client, Options};
use zk_wire::Text;
use zk_wire::acl::Acl;
use zk_wire::error_code::ErrorCode;
use zk_wire::request::{CreateRequest, DeleteRequest, Request};

use super::frames::{data, folder, numbered, parent};
use super::{Plan, Workload};

/// Requests in flight.
const IN_FLIGHT: usize = 512;
/// How long a server may take for the first answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A name that no other run has, below the chroot.
pub(super) fn fresh_root(chroot: &str) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{chroot}/bench-{:x}-{:x}", std::process::id(), time.as_millis())
}

/// What was made for a workload. Paths are the server's: the chroot is part of them.
pub(super) struct Nodes {
    client: Client,
    root: String,
    /// Nodes below the root that have a number.
    numbered: u64,
    children: u64,
    /// Nodes below which each connection creates.
    folders: usize,
}

impl Nodes {
    /// Makes them.
    pub async fn create(plan: &Plan, workload: Workload) -> Result<Nodes> {
        let mut connect = plan.connect.clone();
        connect.chroot.clear();
        let options = Options {
            session_timeout: PATIENCE.max(plan.session_timeout),
            in_flight: IN_FLIGHT,
            ..Options::default()
        };
        let client = Client::start(&connect, options);
        client.wait_connected(PATIENCE).await?;
        let numbered_nodes = match workload {
            Workload::Create | Workload::Children | Workload::Connect | Workload::Idle => 0,
            Workload::Watch => 1,
            _ => plan.nodes as u64,
        };
        let nodes = Nodes {
            client,
            root: plan.root.clone(),
            numbered: numbered_nodes,
            children: if workload == Workload::Children { plan.children as u64 } else { 0 },
            folders: if workload == Workload::Create { plan.connections } else { 0 },
        };
        nodes.fill(plan).await?;
        Ok(nodes)
    }

    async fn fill(&self, plan: &Plan) -> Result<()> {
        let mut queue = Queue::new(&self.client);
        let root = &self.root;
        let folders = (0..self.folders).map(|number| folder(root, number));
        let inner = [root.clone()].into_iter().chain([parent(root)]).chain(folders);
        for path in inner {
            queue.push(create(path, 0)).await?;
        }
        for number in 0..self.numbered {
            queue.push(create(numbered(&format!("{root}/n"), number), plan.size)).await?;
        }
        for number in 0..self.children {
            let path = numbered(&format!("{}/child-", parent(root)), number);
            queue.push(create(path, 0)).await?;
        }
        queue.finish().await
    }

    /// Removes them, and those that each connection has created.
    pub async fn remove(self, created: u64) -> Result<()> {
        let mut queue = Queue::new(&self.client);
        let root = &self.root;
        for connection in 0..self.folders {
            let folder = folder(root, connection);
            for number in 0..created {
                queue.push(delete(numbered(&format!("{folder}/n"), number))).await?;
            }
            queue.push(delete(folder)).await?;
        }
        for number in 0..self.children {
            queue.push(delete(numbered(&format!("{}/child-", parent(root)), number))).await?;
        }
        for number in 0..self.numbered {
            queue.push(delete(numbered(&format!("{root}/n"), number))).await?;
        }
        queue.push(delete(parent(root))).await?;
        queue.push(delete(root.clone())).await?;
        queue.finish().await.context("remove the nodes of the benchmark")?;
        self.client.close().await;
        Ok(())
    }
}

fn create(path: String, size: usize) -> Request {
    Request::Create(CreateRequest {
        path: Some(Text::from(path)),
        data: Some(data(size)),
        acl: Some(vec![Acl::open()]),
        flags: 0,
    })
}

fn delete(path: String) -> Request {
    Request::Delete(DeleteRequest { path: Some(Text::from(path)), version: -1 })
}

/// Requests in flight, whose errors are seen some time later.
struct Queue<'c> {
    client: &'c Client,
    answers: VecDeque<Answer>,
}

impl<'c> Queue<'c> {
    fn new(client: &'c Client) -> Self {
        Self { client, answers: VecDeque::with_capacity(IN_FLIGHT) }
    }

    async fn push(&mut self, request: Request) -> Result<()> {
        if self.answers.len() == IN_FLIGHT {
            self.wait_for_one().await?;
        }
        self.answers.push_back(self.client.submit(request).await?);
        Ok(())
    }

    /// A connection that has created less than others has nodes missing at the end.
    async fn wait_for_one(&mut self) -> Result<()> {
        let Some(answer) = self.answers.pop_front() else { return Ok(()) };
        match answer.await {
            Ok(_) => Ok(()),
            Err(error) if error.is(ErrorCode::NoNode) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn finish(mut self) -> Result<()> {
        while !self.answers.is_empty() {
            self.wait_for_one().await?;
        }
        Ok(())
    }
}
