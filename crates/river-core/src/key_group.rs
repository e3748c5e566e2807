//! Key groups: the unit in which keyed state is partitioned and rescaled
//! (`KeyGroupRangeAssignment`).

/// Smallest number of key groups chosen by default.
pub const MIN_MAX_PARALLELISM: u32 = 128;
/// Largest number of key groups.
pub const MAX_MAX_PARALLELISM: u32 = 32_768;

/// Number of key groups for an operator without `pipeline.max-parallelism`: one and a half times
/// the parallelism, rounded up to a power of two, between 128 and 32768.
pub fn default_max_parallelism(parallelism: u32) -> u32 {
    let wanted = parallelism.saturating_add(parallelism / 2);
    wanted
        .min(MAX_MAX_PARALLELISM)
        .next_power_of_two()
        .clamp(MIN_MAX_PARALLELISM, MAX_MAX_PARALLELISM)
}

/// The key group of a key with that hash.
pub fn key_group(hash: u64, max_parallelism: u32) -> u32 {
    ((hash >> 32) % u64::from(max_parallelism)) as u32
}

/// The subtask that owns a key group.
pub fn owner(key_group: u32, max_parallelism: u32, parallelism: u32) -> u32 {
    key_group * parallelism / max_parallelism
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_follow_flinks_rule() {
        assert_eq!(default_max_parallelism(1), 128);
        assert_eq!(default_max_parallelism(100), 256);
        assert_eq!(default_max_parallelism(30_000), 32_768);
    }

    #[test]
    fn every_group_has_one_owner_and_every_subtask_has_groups() {
        for parallelism in [1, 2, 3, 7, 128] {
            let mut seen = vec![0; parallelism as usize];
            for group in 0..128 {
                seen[owner(group, 128, parallelism) as usize] += 1;
            }
            assert!(seen.iter().all(|n| *n > 0));
        }
    }
}
