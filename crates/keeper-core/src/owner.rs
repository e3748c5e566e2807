//! What a node's stored owner says: whose it is, or when it goes.
//!
//! Rules: `EphemeralType`, `EphemeralTypeEmulate353`.

/// The owner that marks a container.
pub const CONTAINER_OWNER: i64 = i64::MIN;
/// The longest TTL, in milliseconds: 40 bits.
pub const TTL_MAX_MS: i64 = 0xff_ffff_ffff;
/// The highest server id where [`OwnerRules::extended_types`] are on: 0xff marks TTL nodes.
pub const EXTENDED_SERVER_ID_MAX: u8 = 0xfe;

/// The top byte that marks extended types, of which TTL is the only one.
const EXTENDED: i64 = 0xff << 56;
/// Which extended type: 16 bits.
const FEATURE: i64 = 0xffff << 40;

/// When a node goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// When it is deleted.
    Persistent,
    /// With this session.
    Ephemeral(i64),
    /// Some time after its last child went.
    Container,
    /// When it has no children and was not changed for this time, in milliseconds.
    Ttl(i64),
}

/// How stored owners are read; the same on all servers of an ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnerRules {
    /// `extendedTypesEnabled`: there are TTL nodes. Without it, their marks are sessions' ids.
    pub extended_types: bool,
    /// `emulate353TTLNodes`: TTL nodes are marked as 3.5.3 did, by the top bit.
    pub emulate_353: bool,
}

impl OwnerRules {
    /// Reads a stored owner. An extended type without a meaning, on which Apache's server ends, is
    /// read as a session.
    pub fn lifetime(self, owner: i64) -> Lifetime {
        if self.extended_types {
            let by_353 = self.emulate_353 && owner < 0 && owner != CONTAINER_OWNER;
            if by_353 || (owner & EXTENDED == EXTENDED && owner & FEATURE == 0) {
                return Lifetime::Ttl(owner & TTL_MAX_MS);
            }
        }
        match owner {
            0 => Lifetime::Persistent,
            CONTAINER_OWNER => Lifetime::Container,
            session => Lifetime::Ephemeral(session),
        }
    }

    /// What clients see of a stored owner: a session, or 0.
    pub fn shown(self, owner: i64) -> i64 {
        match self.lifetime(owner) {
            Lifetime::Ephemeral(session) => session,
            _ => 0,
        }
    }
}

/// The owner that marks a TTL; `None` if it is out of range.
pub fn ttl_owner(ttl_ms: i64) -> Option<i64> {
    (1..=TTL_MAX_MS).contains(&ttl_ms).then_some(EXTENDED | ttl_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners() {
        let plain = OwnerRules::default();
        let extended = OwnerRules { extended_types: true, emulate_353: false };
        let emulated = OwnerRules { extended_types: true, emulate_353: true };
        let ttl = ttl_owner(1000).unwrap();
        assert_eq!(ttl as u64, 0xff00_0000_0000_03e8);
        assert_eq!(ttl_owner(0), None);
        assert_eq!(ttl_owner(TTL_MAX_MS + 1), None);
        for rules in [plain, extended, emulated] {
            assert_eq!(rules.lifetime(0), Lifetime::Persistent);
            assert_eq!(rules.lifetime(CONTAINER_OWNER), Lifetime::Container);
            assert_eq!(rules.lifetime(0x100_0000_0001), Lifetime::Ephemeral(0x100_0000_0001));
            assert_eq!(rules.shown(CONTAINER_OWNER), 0);
        }
        assert_eq!(plain.lifetime(ttl), Lifetime::Ephemeral(ttl));
        assert_eq!(extended.lifetime(ttl), Lifetime::Ttl(1000));
        assert_eq!(extended.shown(ttl), 0);
        let of_353 = i64::MIN | 77;
        assert_eq!(extended.lifetime(of_353), Lifetime::Ephemeral(of_353));
        assert_eq!(emulated.lifetime(of_353), Lifetime::Ttl(77));
    }
}
