//! This machine's clocks and entropy, as the arguments that core asks for.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use xuncheng_core::clock::{Moment, Now, Seed};

/// What the machine's clocks say. The monotonic clock and the boot's name are the same for every command until the next
/// restart, so that two commands of one boot can be told from two boots.
pub(crate) fn now() -> Now {
    let wall_ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, i64::wrapping_neg),
    };
    let boot = rustix::time::clock_gettime(BOOT_CLOCK);
    let monotonic_ms = boot.tv_sec.saturating_mul(1000).saturating_add(boot.tv_nsec / 1_000_000);
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "this boot".to_owned(), |id| id.trim().to_owned());
    Now { wall: Moment::from_unix_ms(wall_ms), monotonic_ms: u64::try_from(monotonic_ms).unwrap_or(0), boot_id }
}

#[cfg(target_os = "linux")]
const BOOT_CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const BOOT_CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// 32 bytes of the operating system's entropy.
pub(crate) fn seed() -> anyhow::Result<Seed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the operating system gives no random numbers")?;
    Ok(Seed::from_bytes(bytes))
}
