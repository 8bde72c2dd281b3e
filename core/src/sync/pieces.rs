//! How large the next piece of an original is: as much as goes in a few seconds over this network, as measured.
//!
//! It grows while pieces go well, is halved by each cut, and stays below what something on the way refused as too large. So a
//! cut costs a few seconds of sending, whatever the network.

use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};

use super::wire::PhoneLimits;
use crate::limits;
use crate::store::StoreError;
use crate::store::meta::{self, key};

/// What was learnt about pieces; it outlives the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Pieces {
    /// What goes well.
    bytes: u64,
    /// In this conversation, what something on the way takes at most.
    most: Option<u64>,
}

impl Pieces {
    /// After a piece of `sent` bytes took `took_ms`.
    fn sent(self, sent: u64, took_ms: u64) -> Self {
        // The end of a photo says little: what took its time was the way there and back.
        if sent < self.bytes / 2 {
            return self;
        }
        let ideal = sent.saturating_mul(limits::PIECE_AIM_MS) / took_ms.max(1);
        Self { bytes: within(ideal.clamp(self.bytes / 2, self.bytes.saturating_mul(2))), ..self }
    }

    /// After a piece was cut.
    fn cut(self) -> Self {
        Self { bytes: within(self.bytes / 2), ..self }
    }

    /// After something on the way took `sent` bytes for too many.
    fn refused(self, sent: u64) -> Self {
        Self { most: Some((sent / 2).max(limits::PIECE_BYTES_FLOOR)), ..self }
    }

    fn next(self) -> u64 {
        self.most.map_or(self.bytes, |most| most.min(self.bytes))
    }
}

fn within(bytes: u64) -> u64 {
    bytes.clamp(limits::PIECE_BYTES_MIN, limits::PIECE_BYTES_MAX)
}

fn learnt(conn: &Connection) -> Result<Pieces, StoreError> {
    Ok(meta::get(conn, key::PIECES)?.unwrap_or(Pieces { bytes: limits::PIECE_BYTES, most: None }))
}

/// Bytes of the next piece, at most.
pub(super) fn next(conn: &Connection) -> Result<u64, StoreError> {
    let asked: Option<PhoneLimits> = meta::get(conn, key::LIMITS)?;
    Ok(learnt(conn)?.next().min(asked.map_or(limits::PIECE_BYTES_MAX, |asked| within(asked.piece_bytes))))
}

/// A piece of `sent` bytes took `took_ms`.
pub(super) fn sent(tx: &Transaction<'_>, sent: u64, took_ms: u64) -> Result<(), StoreError> {
    let before = learnt(tx)?;
    let after = before.sent(sent, took_ms);
    if after == before { Ok(()) } else { meta::set(tx, key::PIECES, &after) }
}

/// A piece was cut.
pub(super) fn cut(tx: &Transaction<'_>) -> Result<(), StoreError> {
    meta::set(tx, key::PIECES, &learnt(tx)?.cut())
}

/// Something on the way took a piece of `sent` bytes for too large.
pub(super) fn refused(tx: &Transaction<'_>, sent: u64) -> Result<(), StoreError> {
    meta::set(tx, key::PIECES, &learnt(tx)?.refused(sent))
}

/// Another network may let more through.
pub(super) fn begin(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let before = learnt(tx)?;
    if before.most.is_none() { Ok(()) } else { meta::set(tx, key::PIECES, &Pieces { most: None, ..before }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends pieces at so many bytes a second until their size no longer changes.
    fn settled(mut pieces: Pieces, bytes_per_second: u64) -> u64 {
        for _ in 0..32 {
            pieces = pieces.sent(pieces.next(), pieces.next() * 1000 / bytes_per_second);
        }
        pieces.next()
    }

    const FIRST: Pieces = Pieces { bytes: limits::PIECE_BYTES, most: None };

    #[test]
    fn pieces_fit_the_network_whatever_they_began_with() {
        for rate in [64_000, 100_000, 500_000] {
            let aim = rate * limits::PIECE_AIM_MS / 1000;
            for bytes in [limits::PIECE_BYTES_MIN, limits::PIECE_BYTES, limits::PIECE_BYTES_MAX] {
                let found = settled(Pieces { bytes, most: None }, rate);
                assert!(found.abs_diff(aim) <= aim / 100, "{found} bytes at {rate} bytes/s");
            }
        }
        assert_eq!(settled(FIRST, 1_000), limits::PIECE_BYTES_MIN);
        assert_eq!(settled(FIRST, 1_000_000_000), limits::PIECE_BYTES_MAX);
    }

    #[test]
    fn a_cut_halves_and_a_refusal_bounds_for_the_conversation() {
        assert_eq!(FIRST.cut().next(), limits::PIECE_BYTES / 2);
        assert_eq!((0..40).fold(FIRST, |pieces, _| pieces.cut()).next(), limits::PIECE_BYTES_MIN);
        let bounded = FIRST.refused(40_000);
        assert_eq!(settled(bounded, 1_000_000_000), 20_000, "what was refused is not tried again");
        assert_eq!(FIRST.refused(1).next(), limits::PIECE_BYTES_FLOOR);
    }

    #[test]
    fn the_end_of_a_photo_changes_nothing() {
        assert_eq!(FIRST.sent(1000, 2000), FIRST);
    }
}
