//! Time and entropy of the process, as the arguments that core asks for.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use xuncheng_core::clock::{Entropy, Moment, Now, Seed};

use crate::OfficeError;

/// Where an office reads the time: the machine's clock, or a test's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Now + Send + Sync>);

impl Clock {
    /// The clock of this machine. A boot is one run of the process: its monotonic clock begins with it.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(system_now))
    }

    /// A clock that says what `now` says.
    #[must_use]
    pub fn of(now: impl Fn() -> Now + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// What the clock says.
    #[must_use]
    pub fn now(&self) -> Now {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

fn system_now() -> Now {
    static START: OnceLock<(Instant, String)> = OnceLock::new();
    let (start, boot_id) = START.get_or_init(|| {
        let mut name = [0; 16];
        // Without entropy the process number still tells two runs apart; nothing secret hangs on it.
        if getrandom::fill(&mut name).is_err() {
            name[..4].copy_from_slice(&std::process::id().to_be_bytes());
        }
        (Instant::now(), hex::encode(name))
    });
    let wall_ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, i64::wrapping_neg),
    };
    Now {
        wall: Moment::from_unix_ms(wall_ms),
        monotonic_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        boot_id: boot_id.clone(),
    }
}

/// Where an office draws what nobody may guess: the operating system, or a test that replays a run.
#[derive(Clone)]
pub struct EntropySource(Arc<dyn Fn() -> Result<Seed, OfficeError> + Send + Sync>);

impl EntropySource {
    /// The entropy of the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(system_seed))
    }

    /// A source that gives what `draw` gives.
    #[must_use]
    pub fn of(draw: impl Fn() -> Seed + Send + Sync + 'static) -> Self {
        Self(Arc::new(move || Ok(draw())))
    }

    /// Fresh entropy.
    ///
    /// # Errors
    /// [`OfficeError::Entropy`] when there is none: nothing may be signed or named then.
    pub(crate) fn fresh(&self) -> Result<Entropy, OfficeError> {
        Ok((self.0)()?.entropy())
    }
}

impl fmt::Debug for EntropySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntropySource")
    }
}

fn system_seed() -> Result<Seed, OfficeError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|source| OfficeError::Entropy(source.to_string()))?;
    Ok(Seed::from_bytes(seed))
}
