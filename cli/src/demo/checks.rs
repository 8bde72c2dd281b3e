//! What has to hold at the end: every chain replayed, every receipt verified, every replica the same.

use anyhow::{Context as _, ensure};
use xuncheng_core::field::Field;
use xuncheng_core::id::IncarnationId;
use xuncheng_core::journal::audit;
use xuncheng_core::photo::Fingerprint;
use xuncheng_core::store::meta;
use xuncheng_core::store::{self, entries, items, photos};
use xuncheng_core::work::case::CASE;
use xuncheng_core::work::device::DEVICE;

use super::cast::{Office, Phone};

/// A check and what it found.
pub(super) struct Check {
    /// What has to hold.
    pub(super) what: &'static str,
    /// How many things it looked at, or what did not hold.
    pub(super) found: anyhow::Result<u64>,
}

/// Checks everything there is to check between `office` and `phones`.
pub(super) fn all(office: &Office, phones: &[&Phone], piece_bytes: u64) -> Vec<Check> {
    vec![
        Check { what: "every case is closed", found: all_closed(office) },
        Check { what: "every chain replays, on its phone and at the office", found: chains(office, phones) },
        Check { what: "every item is what its judgements make of it", found: replayed(office) },
        Check { what: "phones and office hold the same bytes of each case", found: same_bytes(office, phones) },
        Check { what: "every receipt is the office's", found: receipts(phones) },
        Check { what: "all that phones were told is what the office signed", found: told(phones) },
        Check { what: "every original is at the office, byte for byte", found: originals(office, phones) },
        Check { what: "every original is safe: a verified backup covers it", found: safe(phones) },
        Check { what: "the killed phone sent at most one piece again", found: sent_again(phones, piece_bytes) },
    ]
}

fn ledger(office: &Office) -> anyhow::Result<rusqlite::Connection> {
    Ok(store::open_reader(&office.data.join("ledger.sqlite"))?)
}

fn all_closed(office: &Office) -> anyhow::Result<u64> {
    let cases = items::of_kind(&ledger(office)?, CASE)?;
    let open: Vec<&str> =
        cases.iter().map(|(_, view)| view.state.as_str()).filter(|state| *state != "closed").collect();
    ensure!(open.is_empty() && !cases.is_empty(), "{} of {} are not: {open:?}", open.len(), cases.len());
    Ok(cases.len() as u64)
}

fn chains(office: &Office, phones: &[&Phone]) -> anyhow::Result<u64> {
    let ledger = ledger(office)?;
    let mut count = 0;
    for (_, device) in items::of_kind(&ledger, DEVICE)? {
        let incarnation: IncarnationId = device.text("incarnation").context("a device without incarnation")?.parse()?;
        let key = device.text("key").context("a device without a key")?.parse()?;
        let through = entries::head(&ledger, incarnation)?.seq;
        count += audit::chain(&ledger, incarnation, &key, through)?;
        for phone in phones {
            let field = Field::open(&phone.folder)?;
            if field.incarnation()? == incarnation {
                let own = audit::chain(field.store(), incarnation, &key, through)?;
                ensure!(own == through, "{} wrote {own} entries, the office has {through}", phone.person);
            }
        }
    }
    Ok(count)
}

fn replayed(office: &Office) -> anyhow::Result<u64> {
    let ledger = ledger(office)?;
    let cases = items::of_kind(&ledger, CASE)?;
    for (item, _) in &cases {
        audit::item(&ledger, *item)?;
    }
    Ok(cases.len() as u64)
}

fn same_bytes(office: &Office, phones: &[&Phone]) -> anyhow::Result<u64> {
    let ledger = ledger(office)?;
    let mut count = 0;
    for phone in phones {
        let field = Field::open(&phone.folder)?;
        for (item, view) in items::of_kind(field.store(), CASE)? {
            let here = items::confirmed_bytes(field.store(), item)?;
            let there = items::confirmed_bytes(&ledger, item)?;
            ensure!(here == there, "{} holds another {} at count {}", phone.person, item, view.version.count);
            count += 1;
        }
    }
    Ok(count)
}

fn receipts(phones: &[&Phone]) -> anyhow::Result<u64> {
    let mut count = 0;
    for phone in phones {
        let field = Field::open(&phone.folder)?;
        let office = field.office()?.context("a phone without an office")?;
        count += audit::receipts(field.store(), &office.node)?;
        let owed = photos::own(field.store())?.iter().filter(|photo| !photo.received).count();
        ensure!(owed == 0, "{} still holds {owed} originals without a receipt", phone.person);
    }
    Ok(count)
}

fn told(phones: &[&Phone]) -> anyhow::Result<u64> {
    let mut count = 0;
    for phone in phones {
        let field = Field::open(&phone.folder)?;
        let office = field.office()?.context("a phone without an office")?;
        count += audit::told(field.store(), &office.node)?;
    }
    Ok(count)
}

fn originals(office: &Office, phones: &[&Phone]) -> anyhow::Result<u64> {
    let folder = xuncheng_core::photo::PhotoFolder::open(&office.data.join("photos"))?;
    let mut count = 0;
    for phone in phones {
        for photo in photos::own(Field::open(&phone.folder)?.store())? {
            let kept = Fingerprint::of_file(&folder.original(&photo.sha256))?;
            ensure!(kept.sha256 == photo.sha256, "{} differs", photo.sha256);
            count += 1;
        }
    }
    Ok(count)
}

fn safe(phones: &[&Phone]) -> anyhow::Result<u64> {
    let mut count = 0;
    for phone in phones {
        for photo in photos::own(Field::open(&phone.folder)?.store())? {
            ensure!(photo.safe, "{} of {} is not", photo.sha256, phone.person);
            count += 1;
        }
    }
    Ok(count)
}

fn sent_again(phones: &[&Phone], piece_bytes: u64) -> anyhow::Result<u64> {
    let mut again = 0;
    for phone in phones {
        again += meta::tallied(Field::open(&phone.folder)?.store(), "bytes_sent_again")?;
    }
    ensure!(again <= piece_bytes, "{again} bytes were sent again, a piece has {piece_bytes}");
    Ok(again)
}
