//! A backup: the ledger, then every photo that it receipts, all read back; only then is a photo called *safe*.
//!
//! It runs beside the office or without it. A place holds any number of backups, which share their photos:
//!
//! ```text
//! 20261123T074012345Z/   one backup
//!   ledger.sqlite        a copy of one moment
//!   people.toml  keys/   node.key and sealing.key; never root.key
//!   manifest.json        what belongs to it, with hashes; written last: without it this is no backup
//! blobs/ab/ab12…         photo files, by the SHA-256 of their bytes
//! restored.json          the highest epoch that was restored from here
//! erasures.jsonl         what was erased for good: carried out on whatever is restored from here
//! ```

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use serde::{Deserialize, Serialize};
use xuncheng_core::clock::Moment;
use xuncheng_core::crypto::Signed;
use xuncheng_core::id::{EntryId, EpochId, Nonce, PhotoHash};
use xuncheng_core::journal::erasure::Erasure;
use xuncheng_core::photo::PhotoFolder;
use xuncheng_core::private;
use xuncheng_core::store::feeds::{self, FeedRow};
use xuncheng_core::store::meta::{self, key};
use xuncheng_core::store::{self, StoreError, erased};
use xuncheng_core::sync::wire::Epoch;

use crate::clock::{Clock, EntropySource};
use crate::erasures;
use crate::error::OfficeError;
use crate::folder::{DataFolder, copy_whole, sync_folder};
use crate::ledger::{fact, open_tables};
use crate::uploads::lost;
use photo_files::{Kind, PhotoFile};
use place::{Part, Place, fingerprint};

pub(crate) mod photo_files;
pub(crate) mod place;

pub use place::Manifest;

/// A backup that was made and read back.
#[derive(Debug, Clone)]
pub struct BackupReport {
    /// Where it is.
    pub backup: PathBuf,
    /// What belongs to it.
    pub manifest: Manifest,
    /// Photo files that were not in the place yet.
    pub copied: u64,
    /// Receipts that became safe by it.
    pub newly_safe: u64,
    /// Originals that the office signed for and that are not in its photo folder as they were: they are not safe, and phones are
    /// asked for them again.
    pub missing: Vec<PhotoHash>,
}

/// What an office remembers of its newest verified backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When it was made.
    pub made_at: Moment,
    /// The branch of the ledger that it holds.
    pub epoch: EpochId,
    /// How far it reaches: the last position of the ledger in it (`safe_through`).
    pub position: u64,
}

/// Backs up the office at `data` into the place `to`, and reads all of it back.
///
/// # Errors
/// [`OfficeError::Backup`] when it cannot be trusted, or when the ledger was put back meanwhile: nothing becomes safe then.
pub fn backup(data: &Path, to: &Path) -> Result<BackupReport, OfficeError> {
    let folder = DataFolder::at(data);
    if !folder.ledger().exists() {
        return Err(StoreError::NoStore(data.to_owned()).into());
    }
    refuse_inside(data, to)?;
    let made_at = Clock::system().now().wall;
    let source = store::open_reader(&folder.ledger())?;
    // Read once: what is wrong with the office's own disk is not told as if it were the place's.
    source.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0))?;
    let made = make(&folder, &source, to, made_at);
    let Made { backup, manifest, ledger, copied, originals } = made
        .map_err(|error| if matches!(error, OfficeError::Store(StoreError::DiskFull)) { no_room(to) } else { error })?;
    erasures::copy(&ledger.erased, &Place::at(to))?;
    let newly_safe = raise(&folder, to, &manifest, &ledger, &originals)?;
    tracing::info!(backup = %backup.display(), photos = manifest.photos.len(), newly_safe, "a backup was made and read back");
    let missing = manifest.missing.clone();
    Ok(BackupReport { backup, manifest, copied, newly_safe, missing })
}

fn no_room(place: &Path) -> OfficeError {
    OfficeError::Backup(format!(
        "there is no room left at {}: free some there, or give another place with --to; the office and its earlier \
         backups are as they were",
        place.display()
    ))
}

/// A backup that was read back.
struct Made {
    backup: PathBuf,
    manifest: Manifest,
    ledger: LedgerCopy,
    /// Photo files that were not in the place yet.
    copied: u64,
    /// The originals in it.
    originals: HashSet<PhotoHash>,
}

/// Copies all that belongs to a backup into the place `to`, and reads it back.
fn make(folder: &DataFolder, source: &Connection, to: &Path, made_at: Moment) -> Result<Made, OfficeError> {
    let place = Place::make(to)?;
    let unfinished = place.begin()?;
    let at = unfinished.path();

    // The ledger first: a photo that comes while blobs are copied is not in it, and is not called safe.
    let mut files = vec![copy_ledger(source, at)?];
    let ledger = LedgerCopy::read(&at.join("ledger.sqlite"), &PhotoFolder::open(&folder.photos())?)?;
    files.extend(copy_small_files(folder, at)?);
    let mut copied = 0;
    let mut missing = Vec::new();
    let mut photos = Vec::new();
    let mut originals = HashSet::new();
    for photo in &ledger.photos {
        let part = take_photo(folder, &place, photo, at, &mut copied)?;
        if photo.kind == Kind::Original {
            if part.is_some() {
                originals.insert(photo.of);
            } else {
                missing.push(photo.of);
            }
        }
        photos.extend(part);
    }
    place.sync_blobs(&photos)?;
    let LedgerCopy { epoch, position, entries, .. } = &ledger;
    let (position, entries) = (position.map_or(0, |(position, _)| position), *entries);
    let manifest = Manifest { format: 1, made_at, epoch: epoch.clone(), position, entries, files, photos, missing };
    place.check(at, &manifest)?;
    let backup = place.finish(unfinished, &manifest)?;
    Ok(Made { backup, manifest, ledger, copied, originals })
}

/// A backup inside the data folder goes where the data folder goes.
fn refuse_inside(data: &Path, to: &Path) -> Result<(), OfficeError> {
    let whole = |path: &Path| path.canonicalize().map_err(|source| OfficeError::file(path, source));
    let absolute = std::path::absolute(to).map_err(|source| OfficeError::file(to, source))?;
    let there = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(&absolute);
    if whole(there)?.starts_with(whole(data)?) {
        return Err(OfficeError::Backup(
            "a backup inside the data folder would be lost with it; choose another place".to_owned(),
        ));
    }
    Ok(())
}

/// What the copied ledger holds.
struct LedgerCopy {
    epoch: Epoch,
    /// The last judgement: where, and of which entry.
    position: Option<(u64, EntryId)>,
    entries: u64,
    /// Those that no backup covers yet.
    receipts: Vec<LedgerReceipt>,
    photos: Vec<PhotoFile>,
    /// The last position of every feed.
    feeds: BTreeMap<String, u64>,
    /// What was erased for good.
    erased: Vec<Signed<Erasure>>,
}

struct LedgerReceipt {
    entry: EntryId,
    sha256: PhotoHash,
    receipt: String,
}

impl LedgerCopy {
    fn read(ledger: &Path, photos: &PhotoFolder) -> Result<Self, OfficeError> {
        let conn = store::open_reader(ledger)?;
        let signed: Option<Signed<Epoch>> = meta::get(&conn, key::EPOCH)?;
        let signed = signed.ok_or_else(|| OfficeError::Backup("the ledger says no epoch".to_owned()))?;
        let mut statement = conn.prepare("SELECT position, entry FROM judgement ORDER BY position DESC LIMIT 1")?;
        let position = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.next().transpose()?;
        let mut statement = conn.prepare(
            "SELECT a.entry, a.sha256, a.receipt FROM attachment a JOIN entry e ON e.id = a.entry
             WHERE a.receipt IS NOT NULL AND a.safe = 0 AND e.incarnation IS NOT NULL ORDER BY a.entry",
        )?;
        let receipts = statement
            .query_map([], |row| Ok(LedgerReceipt { entry: row.get(0)?, sha256: row.get(1)?, receipt: row.get(2)? }))?;
        let receipts = receipts.collect::<Result<_, _>>()?;
        Ok(Self {
            epoch: signed.read_unverified()?,
            position,
            entries: conn.query_row("SELECT count(*) FROM judgement", [], |row| row.get(0))?,
            receipts,
            photos: photo_files::of_ledger(&conn, photos)?,
            feeds: feeds::ends(&conn)?,
            erased: erased::all(&conn)?,
        })
    }
}

fn copy_ledger(source: &Connection, at: &Path) -> Result<Part, OfficeError> {
    let path = at.join("ledger.sqlite");
    let mut copy = Connection::open(&path)?;
    // All pages in one step: of one moment, and no turn at the office makes it begin again.
    rusqlite::backup::Backup::new(source, &mut copy)?.run_to_completion(
        std::ffi::c_int::MAX,
        Duration::from_millis(50),
        None,
    )?;
    // One file, without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.close().map_err(|(_, error)| error)?;
    std::fs::File::open(&path).and_then(|file| file.sync_all()).map_err(|source| OfficeError::file(&path, source))?;
    Part::of(at, Path::new("ledger.sqlite"))
}

/// `people.toml`, and all keys but the root key.
fn copy_small_files(folder: &DataFolder, at: &Path) -> Result<Vec<Part>, OfficeError> {
    let keys = at.join("keys");
    private::make_folder(&keys).map_err(|source| OfficeError::file(&keys, source))?;
    let mut parts = Vec::new();
    let names = [
        (folder.people(), "people.toml"),
        (folder.node_key(), "keys/node.key"),
        (folder.sealing_key(), "keys/sealing.key"),
    ];
    for (source, name) in names {
        copy_whole(&source, &at.join(name), at)?;
        parts.push(Part::of(at, Path::new(name))?);
    }
    sync_folder(&keys)?;
    Ok(parts)
}

/// Brings a photo file into the place, by way of `unfinished`; none where the office has it no more, or not as it was.
fn take_photo(
    folder: &DataFolder,
    place: &Place,
    photo: &PhotoFile,
    unfinished: &Path,
    copied: &mut u64,
) -> Result<Option<Part>, OfficeError> {
    let source = folder.photos().join(&photo.path);
    let Some(found) = fingerprint(&source)? else { return Ok(None) };
    if photo.is_named_by_its_bytes() && found.sha256 != photo.of {
        tracing::error!(file = %photo.path.display(), "a photo file of the office is damaged");
        return Ok(None);
    }
    let part = Part { path: photo.path.clone(), sha256: found.sha256, bytes: found.bytes };
    *copied += u64::from(place.keep_blob(&source, &part, unfinished)?);
    Ok(Some(part))
}

fn is_here(photos: &PhotoFolder, sha256: &PhotoHash) -> bool {
    fingerprint(&photos.original(sha256)).is_ok_and(|found| found.is_some_and(|found| found.sha256 == *sha256))
}

/// Names the safe photos, whose `originals` were copied, and asks again for what is gone: in one turn at the ledger, and only if it still holds all that the
/// backup took. Phones wait for that turn, so that nothing is searched in it.
fn raise(
    folder: &DataFolder,
    place_root: &Path,
    manifest: &Manifest,
    ledger: &LedgerCopy,
    originals: &HashSet<PhotoHash>,
) -> Result<u64, OfficeError> {
    let photos = PhotoFolder::open(&folder.photos())?;
    // One that was missing may have come again while the other files were copied.
    let mut gone = manifest.missing.clone();
    gone.retain(|sha256| !is_here(&photos, sha256));
    let place_root = place_root.canonicalize().map_err(|source| OfficeError::file(place_root, source))?;
    let mut conn = open_tables(&folder.ledger())?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let signed: Option<Signed<Epoch>> = meta::get(&tx, key::EPOCH)?;
    let epoch = signed.map(|signed| signed.read_unverified()).transpose()?;
    let still = match ledger.position {
        Some((position, entry)) => {
            tx.prepare("SELECT 1 FROM judgement WHERE position = ?1 AND entry = ?2")?.exists((position, entry))?
        }
        None => true,
    };
    if epoch.as_ref() != Some(&ledger.epoch) || !still {
        return Err(OfficeError::Backup(
            "the ledger was put back while it was backed up: no photo became safe; make another backup".to_owned(),
        ));
    }
    let mut newly_safe = 0;
    let covered = ledger.receipts.iter().filter(|receipt| originals.contains(&receipt.sha256));
    for LedgerReceipt { entry, sha256, receipt } in covered {
        // By the receipt's own words: another one for the same photo is of another branch.
        let raised = tx
            .prepare_cached(
                "UPDATE attachment SET safe = 1 WHERE entry = ?1 AND sha256 = ?2 AND receipt = ?3 AND safe = 0",
            )?
            .execute((entry, sha256, receipt))?;
        if raised > 0 {
            let row = FeedRow::Safe { entry: *entry, sha256: *sha256 };
            feeds::tell(&tx, *entry, &row)?;
            newly_safe += 1;
        }
    }
    for sha256 in gone {
        lost::ask_again(&tx, sha256)?;
    }
    for (audience, position) in &ledger.feeds {
        feeds::set_safe(&tx, audience, *position)?;
    }
    meta::set(&tx, key::BACKUP, &Nonce::from_bytes(EntropySource::system().fresh()?.bytes()))?;
    let Manifest { made_at, position, .. } = *manifest;
    erasures::remember_place(&tx, &place_root)?;
    meta::set(&tx, fact::BACKUP, &Verified { made_at, epoch: ledger.epoch.id, position })?;
    tx.commit()?;
    Ok(newly_safe)
}
