//! Time and entropy as arguments: nothing in this crate reads a clock or rolls a die.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// A moment of UTC, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(i64);

/// How far Beijing's clocks are ahead of UTC.
pub(crate) const BEIJING_MS: i64 = 8 * 3_600_000;

impl Moment {
    /// The moment `unix_ms` milliseconds after the start of 1970, UTC.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since the start of 1970, UTC.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// The start of this moment's minute: all that readers are told of a time at the office (docs/protocol.md, 6).
    #[must_use]
    pub const fn to_minute(self) -> Self {
        Self(self.0.div_euclid(60_000) * 60_000)
    }

    /// This moment moved by `ms` milliseconds; stops at the ends of time instead of wrapping.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// As people of the district read it: Beijing time, `2026-07-21 09:14`, whatever zone the device is set to.
    #[must_use]
    pub fn beijing(self) -> String {
        self.beijing_as("%Y-%m-%d %H:%M")
    }

    /// The day in Beijing, `20260721`.
    #[must_use]
    pub fn beijing_day(self) -> String {
        self.beijing_as("%Y%m%d")
    }

    fn beijing_as(self, format: &str) -> String {
        chrono::DateTime::from_timestamp_millis(self.0.saturating_add(BEIJING_MS))
            .map_or_else(|| format!("{} ms", self.0), |time| time.format(format).to_string())
    }
}

impl rusqlite::ToSql for Moment {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl rusqlite::types::FromSql for Moment {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

/// What a device's clocks say at one moment.
///
/// `monotonic_ms` never goes back within one `boot_id`; `wall` may jump. Together with exchanges with the office they
/// bound when something happened (docs/decisions/D12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// The wall clock, as far as it can be trusted.
    pub wall: Moment,
    /// Milliseconds since some moment of this boot.
    pub monotonic_ms: u64,
    /// Names the boot: another after every restart of the device.
    pub boot_id: String,
}

/// 32 bytes of the operating system's entropy, new for each call.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The seed with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The stream of random values that one call draws its ids and salts from.
    #[must_use]
    pub fn entropy(&self) -> Entropy {
        Entropy(ChaCha20Rng::from_seed(self.0))
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// Random values out of a [`Seed`]; never cloned, so that no two draws are the same.
pub struct Entropy(ChaCha20Rng);

impl Entropy {
    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// `len` random bytes.
    #[must_use]
    pub fn vec(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A number from 0 up to and including `most`, near enough to evenly spread for a back-off.
    #[must_use]
    pub fn up_to(&mut self, most: u64) -> u64 {
        match most.checked_add(1) {
            Some(bound) => self.0.next_u64() % bound,
            None => self.0.next_u64(),
        }
    }

    /// The generator, for libraries that draw for themselves.
    pub(crate) fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.0
    }
}
