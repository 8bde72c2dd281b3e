//! How large the next piece of an original is, and how much one exchange of entries brings each way: as much as goes in a few
//! seconds over this network, as measured.
//!
//! Both grow while all goes well, are halved by each cut, and stay below what something on the way refused as too large. So a
//! cut costs a few seconds of sending, whatever the network.

use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};

use super::wire::PhoneLimits;
use crate::limits;
use crate::store::StoreError;
use crate::store::meta::{self, key};

/// What has a size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of {
    /// Where what was learnt is kept.
    key: &'static str,
    /// Before anything is known of the network.
    first: u64,
    min: u64,
    max: u64,
    /// However often it is refused as too large.
    floor: u64,
}

/// Pieces of originals.
pub(super) const PIECES: Of = Of {
    key: key::PIECES,
    first: limits::PIECE_BYTES,
    min: limits::PIECE_BYTES_MIN,
    max: limits::PIECE_BYTES_MAX,
    floor: limits::PIECE_BYTES_FLOOR,
};

/// Entries of a request, and of a page that answers it, before compression.
pub(super) const EXCHANGES: Of = Of {
    key: key::EXCHANGES,
    first: limits::EXCHANGE_BYTES as u64,
    min: limits::PAGE_BYTES_MIN as u64,
    max: limits::PAGE_BYTES_MAX as u64,
    // One entry travels in any case.
    floor: 0,
};

impl Of {
    fn within(self, bytes: u64) -> u64 {
        bytes.clamp(self.min, self.max)
    }

    fn learnt(self, conn: &Connection) -> Result<Size, StoreError> {
        Ok(meta::get(conn, self.key)?.unwrap_or(Size { bytes: self.first, most: None }))
    }

    fn learn(self, tx: &Transaction<'_>, after: impl FnOnce(Size) -> Size) -> Result<(), StoreError> {
        let before = self.learnt(tx)?;
        let after = after(before);
        if after == before { Ok(()) } else { meta::set(tx, self.key, &after) }
    }

    /// Bytes of the next one, at most.
    pub(super) fn next(self, conn: &Connection) -> Result<u64, StoreError> {
        Ok(self.learnt(conn)?.next())
    }

    /// One of `sent` bytes took `took_ms`.
    pub(super) fn sent(self, tx: &Transaction<'_>, sent: u64, took_ms: u64) -> Result<(), StoreError> {
        self.learn(tx, |size| size.sent(self, sent, took_ms))
    }

    /// One was cut.
    pub(super) fn cut(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        self.learn(tx, |size| size.cut(self))
    }

    /// Something on the way took one of `sent` bytes for too large.
    pub(super) fn refused(self, tx: &Transaction<'_>, sent: u64) -> Result<(), StoreError> {
        self.learn(tx, |size| size.refused(self, sent))
    }

    /// Another network may let more through.
    pub(super) fn begin(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        self.learn(tx, |size| Size { most: None, ..size })
    }
}

/// Bytes of the next piece of an original, at most: as the office asks, too.
pub(super) fn next_piece(conn: &Connection) -> Result<u64, StoreError> {
    let asked: Option<PhoneLimits> = meta::get(conn, key::LIMITS)?;
    Ok(PIECES.next(conn)?.min(asked.map_or(PIECES.max, |asked| PIECES.within(asked.piece_bytes))))
}

/// What was learnt; it outlives the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Size {
    /// What goes well.
    bytes: u64,
    /// In this conversation, what something on the way takes at most.
    most: Option<u64>,
}

impl Size {
    /// After `sent` bytes took `took_ms`.
    fn sent(self, of: Of, sent: u64, took_ms: u64) -> Self {
        // What is short says little: what took its time was the way there and back.
        if sent < self.bytes / 2 {
            return self;
        }
        let ideal = sent.saturating_mul(limits::PIECE_AIM_MS) / took_ms.max(1);
        Self { bytes: of.within(ideal.clamp(self.bytes / 2, self.bytes.saturating_mul(2))), ..self }
    }

    fn cut(self, of: Of) -> Self {
        Self { bytes: of.within(self.bytes / 2), ..self }
    }

    fn refused(self, of: Of, sent: u64) -> Self {
        Self { most: Some((sent / 2).max(of.floor)), ..self }
    }

    fn next(self) -> u64 {
        self.most.map_or(self.bytes, |most| most.min(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends pieces at so many bytes a second until their size no longer changes.
    fn settled(mut size: Size, bytes_per_second: u64) -> u64 {
        for _ in 0..32 {
            size = size.sent(PIECES, size.next(), size.next() * 1000 / bytes_per_second);
        }
        size.next()
    }

    const FIRST: Size = Size { bytes: limits::PIECE_BYTES, most: None };

    #[test]
    fn pieces_fit_the_network_whatever_they_began_with() {
        for rate in [64_000, 100_000, 500_000] {
            let aim = rate * limits::PIECE_AIM_MS / 1000;
            for bytes in [limits::PIECE_BYTES_MIN, limits::PIECE_BYTES, limits::PIECE_BYTES_MAX] {
                let found = settled(Size { bytes, most: None }, rate);
                assert!(found.abs_diff(aim) <= aim / 100, "{found} bytes at {rate} bytes/s");
            }
        }
        assert_eq!(settled(FIRST, 1_000), limits::PIECE_BYTES_MIN);
        assert_eq!(settled(FIRST, 1_000_000_000), limits::PIECE_BYTES_MAX);
    }

    #[test]
    fn a_cut_halves_and_a_refusal_bounds_for_the_conversation() {
        assert_eq!(FIRST.cut(PIECES).next(), limits::PIECE_BYTES / 2);
        assert_eq!((0..40).fold(FIRST, |size, _| size.cut(PIECES)).next(), limits::PIECE_BYTES_MIN);
        let bounded = FIRST.refused(PIECES, 40_000);
        assert_eq!(settled(bounded, 1_000_000_000), 20_000, "what was refused is not tried again");
        assert_eq!(FIRST.refused(PIECES, 1).next(), limits::PIECE_BYTES_FLOOR);
    }

    #[test]
    fn the_end_of_a_photo_changes_nothing() {
        assert_eq!(FIRST.sent(PIECES, 1000, 2000), FIRST);
    }
}
