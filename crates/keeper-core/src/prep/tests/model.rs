//! Random writes: against a naive tree, with transactions under way, and over snapshots that are
//! taken while the tree changes.

use std::collections::BTreeMap;

use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::request::{CheckVersionRequest, SetAclRequest};

use super::*;
use crate::tree::tests::{dump, through_snapshot};

/// Numbers by a seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }

    fn path(&mut self) -> String {
        let depth = 1 + self.below(3);
        (0..depth).map(|_| format!("/{}", ["a", "b", "c"][self.below(3) as usize])).collect()
    }

    fn version(&mut self) -> i32 {
        if self.below(3) == 0 { self.below(3) as i32 } else { -1 }
    }

    fn op(&mut self) -> MultiOp {
        let (path, version) = (self.path(), self.version());
        let modes =
            [CreateMode::Persistent, CreateMode::Ephemeral, CreateMode::PersistentSequential];
        match self.below(10) {
            0..4 => {
                let mode = modes[self.below(3) as usize];
                MultiOp::Create(create_body(&path, "data", mode))
            }
            4 => MultiOp::CreateContainer(create_body(&path, "", CreateMode::Container)),
            5..7 => MultiOp::Delete(DeleteRequest { path: Some(path.into()), version }),
            7..9 => {
                let data = Some(Bytes::from(vec![b'x'; self.below(5) as usize]));
                MultiOp::SetData(SetDataRequest { path: Some(path.into()), data, version })
            }
            _ => MultiOp::Check(CheckVersionRequest { path: Some(path.into()), version }),
        }
    }

    fn request(&mut self) -> Request {
        match self.below(12) {
            0 => Request::CloseSession,
            1 => {
                let acl = Some(vec![Acl { perms: 16 + self.below(16) as i32, id: Id::anyone() }]);
                let (path, version) = (Some(self.path().into()), self.version());
                Request::SetAcl(SetAclRequest { path, acl, version })
            }
            2..4 => {
                let ops = (0..self.below(5)).map(|_| self.op()).collect();
                Request::Multi(MultiRequest { ops })
            }
            _ => match self.op() {
                MultiOp::Create(body) => Request::Create2(body),
                MultiOp::CreateContainer(body) => Request::CreateContainer(body),
                MultiOp::Delete(body) => Request::Delete(body),
                MultiOp::SetData(body) => Request::SetData(body),
                _ => create(&self.path(), "", CreateMode::EphemeralSequential),
            },
        }
    }

    /// One step of a world, which opens sessions that were closed.
    pub(super) fn step(&mut self, world: &mut World) {
        let session = if self.below(2) == 0 { A } else { B };
        if world.sessions.timeout_ms(session).is_none() {
            world.sessions.remove(session);
            world.sessions.commit(session, 6000, 0);
            let request = Request::CreateSession(CreateSessionRequest { timeout_ms: 6000 });
            world.run(session, &request);
        }
        let request = self.request();
        world.run(session, &request);
    }
}

/// Digests are compared with every transaction, and no lag changes what comes out.
#[test]
fn digests_hold_with_any_lag() {
    for seed in 0..40 {
        let lag = seed as usize % 7;
        let mut world = World::new(TreeOptions::default(), PrepOptions::default());
        world.lag = lag;
        let mut random = Random(seed);
        for _ in 0..150 {
            random.step(&mut world);
        }
        world.settle();
        assert_eq!(world.tree.digest(), world.tree.digest_from_scratch(), "seed {seed}");
    }
}

#[test]
fn replay_over_a_fuzzy_snapshot_gives_the_tree() {
    for seed in 100..140 {
        let mut world = World::new(TreeOptions::default(), PrepOptions::default());
        let mut random = Random(seed);
        for _ in 0..100 {
            random.step(&mut world);
        }
        let begin = world.tree.last_zxid();
        let mut tree = std::mem::replace(&mut world.tree, Tree::new(TreeOptions::default()));
        let mut loaded = through_snapshot(&mut tree, |tree| {
            std::mem::swap(tree, &mut world.tree);
            for _ in 0..random.below(4) {
                random.step(&mut world);
            }
            std::mem::swap(tree, &mut world.tree);
            true
        });
        world.tree = tree;
        for _ in 0..20 {
            random.step(&mut world);
        }
        for entry in world.log.iter().filter(|entry| entry.header.zxid > begin) {
            let (_, check) = loaded.apply_entry(entry, &mut ()).unwrap();
            assert!(!matches!(check, DigestCheck::Differs { .. }), "seed {seed}: {entry:?}");
        }
        assert_eq!(dump(&loaded), dump(&world.tree), "seed {seed}");
        assert_eq!(loaded.digest(), world.tree.digest());
    }
}

/// A node of the naive tree: data, version, children created and deleted, owner.
#[derive(Clone, Default)]
struct Naive {
    data: Vec<u8>,
    version: i32,
    changes: i32,
    created: i32,
    owner: i64,
}

fn naive_parent(path: &str) -> String {
    let parent = path.rsplit_once('/').unwrap().0;
    if parent.is_empty() { "/".to_owned() } else { parent.to_owned() }
}

fn naive_children(tree: &BTreeMap<String, Naive>, path: &str) -> usize {
    tree.keys().filter(|other| *other != "/" && naive_parent(other) == path).count()
}

/// What a request should give, on a tree without transactions under way.
fn naive(
    tree: &mut BTreeMap<String, Naive>,
    session: SessionId,
    op: &MultiOp,
) -> Result<(), ErrorCode> {
    match op {
        MultiOp::Create(body) | MultiOp::CreateContainer(body) => {
            let mode = CreateMode::from_flags(body.flags).unwrap();
            let mut path = body.path.as_ref().unwrap().to_string();
            let parent = naive_parent(&path);
            let above = tree.get(&parent).ok_or(ErrorCode::NoNode)?.clone();
            if mode.is_sequential() {
                path += &format!("{:010}", above.created);
            }
            if tree.contains_key(&path) {
                return Err(ErrorCode::NodeExists);
            }
            if above.owner > 0 {
                return Err(ErrorCode::NoChildrenForEphemerals);
            }
            let owner = if mode.is_ephemeral() { session.0 } else { 0 };
            let data = body.data.as_ref().unwrap().to_vec();
            tree.insert(path, Naive { data, owner, ..Naive::default() });
            let above = tree.get_mut(&parent).unwrap();
            above.created += 1;
            above.changes += 1;
        }
        MultiOp::Delete(body) => {
            let path = body.path.as_ref().unwrap().to_string();
            let parent = naive_parent(&path);
            tree.get(&parent).ok_or(ErrorCode::NoNode)?;
            let node = tree.get(&path).ok_or(ErrorCode::NoNode)?;
            if body.version != -1 && body.version != node.version {
                return Err(ErrorCode::BadVersion);
            }
            if naive_children(tree, &path) > 0 {
                return Err(ErrorCode::NotEmpty);
            }
            tree.remove(&path);
            tree.get_mut(&parent).unwrap().changes += 1;
        }
        MultiOp::SetData(body) => {
            let node =
                tree.get_mut(body.path.as_ref().unwrap().as_str()).ok_or(ErrorCode::NoNode)?;
            if body.version != -1 && body.version != node.version {
                return Err(ErrorCode::BadVersion);
            }
            node.version += 1;
            node.data = body.data.as_ref().unwrap().to_vec();
        }
        MultiOp::Check(body) => {
            let node = tree.get(body.path.as_ref().unwrap().as_str()).ok_or(ErrorCode::NoNode)?;
            if body.version != -1 && body.version != node.version {
                return Err(ErrorCode::BadVersion);
            }
        }
        _ => unreachable!("{op:?} is not made here"),
    }
    Ok(())
}

#[test]
fn multis_are_what_a_naive_tree_says() {
    for seed in 200..230 {
        let mut random = Random(seed);
        let mut world = World::new(TreeOptions::default(), PrepOptions::default());
        world.lag = seed as usize % 5;
        let mut model = BTreeMap::from([("/".to_owned(), Naive::default())]);
        for _ in 0..120 {
            let session = if random.below(2) == 0 { A } else { B };
            let ops: Vec<_> = (0..1 + random.below(4)).map(|_| random.op()).collect();
            let mut after = model.clone();
            let expected = ops.iter().try_for_each(|op| naive(&mut after, session, op));
            let prepared = world.prepare(session, &Request::Multi(MultiRequest { ops }));
            assert_eq!(prepared.error, expected.err(), "seed {seed}: {prepared:?}");
            if expected.is_ok() {
                model = after;
            }
            while world.waiting.len() > world.lag {
                world.apply_next();
            }
        }
        world.settle();
        let own = 3;
        assert_eq!(world.tree.node_count(), model.len() + own);
        for (path, node) in &model {
            let found = world.tree.find(path).unwrap();
            let stat = found.stat();
            assert_eq!(found.data().unwrap(), if path == "/" { b"" } else { &node.data[..] });
            assert_eq!((stat.version, stat.ephemeral_owner), (node.version, node.owner), "{path}");
            let own_children = i32::from(path == "/");
            assert_eq!(stat.cversion, node.changes - own_children, "{path}");
            assert_eq!(stat.num_children, naive_children(&model, path) as i32 + own_children);
        }
    }
}
