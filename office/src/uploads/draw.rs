//! The smaller pictures of originals: drawn once their phones have their receipts, one at a time, and compared with what
//! entries say of them.
//!
//! A row of `office_drawing` says what is still to be drawn: what is left when an office ends is drawn after the next start.
//! What cannot be drawn is settled too, with a flag, or without one where only its phone's platform can draw it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;
use xuncheng_core::id::{EntryId, IncarnationId, PhotoHash};
use xuncheng_core::journal::entry::Photo;
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::photo::{DRAWER, PhotoError, PhotoFolder, Renditions, derive_renditions};
use xuncheng_core::store::photos::{self, Here};

use crate::attached;
use crate::error::OfficeError;
use crate::flags::{self, Flag, What};
use crate::folder::sync_folder;
use crate::ledger::Ledger;
use crate::previews::Shelf;
use crate::writer::Writer;

/// An entry and the photo as it shows it.
pub(crate) type ShownBy = (EntryId, Photo);

enum Order {
    Draw(PhotoHash),
    Tell(oneshot::Sender<()>),
    End,
}

/// Asks for pictures.
#[derive(Clone)]
pub(crate) struct Orders {
    orders: Sender<Order>,
    /// The entries that a photo is to be compared with, once it is drawn.
    waiting: Arc<Mutex<HashMap<PhotoHash, Vec<ShownBy>>>>,
}

impl Orders {
    /// Asks for the pictures of a photo and for their comparison with what `entry` says of them.
    ///
    /// To be called in the turn that marks the photo as due: the turn that notes what was drawn then cannot come between.
    pub(crate) fn draw(&self, entry: EntryId, photo: Photo) {
        let sha256 = photo.sha256;
        self.waiting().entry(sha256).or_default().push((entry, photo));
        // After the end nobody draws any more; the next start does.
        let _ = self.orders.send(Order::Draw(sha256));
    }

    /// Returns when all that was asked for is drawn and handed to the ledger's thread.
    pub(crate) async fn drawn(&self) {
        let (tell, told) = oneshot::channel();
        if self.orders.send(Order::Tell(tell)).is_ok() {
            let _ = told.await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<PhotoHash, Vec<ShownBy>>> {
        // A map is whole whatever a panicking thread was doing with it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one thread that draws: a large photo takes half a gigabyte while it is decoded.
pub(crate) struct Artist {
    orders: Orders,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Artist {
    /// `naming` is the right to give a thumbnail's file its name.
    pub(crate) fn start(photos: PhotoFolder, naming: Arc<Mutex<()>>, writer: Arc<Writer>) -> Result<Self, OfficeError> {
        let (sender, orders) = channel();
        let ending = Arc::new(AtomicBool::new(false));
        let asks = Orders { orders: sender, waiting: Arc::default() };
        let (waiting, ends) = (asks.clone(), Arc::clone(&ending));
        let work = move || {
            while let Ok(order) = orders.recv() {
                match order {
                    Order::End => break,
                    // Whoever waited may be gone.
                    Order::Tell(told) => drop(told.send(())),
                    Order::Draw(_) if ends.load(Ordering::Relaxed) => {}
                    Order::Draw(sha256) => {
                        // Asked for by two entries, it was drawn for both.
                        if waiting.waiting().contains_key(&sha256)
                            && draw_and_note(&photos, &naming, &writer, &waiting, sha256).is_err()
                        {
                            break;
                        }
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("pictures".to_owned()).spawn(work);
        let thread =
            thread.map_err(|error| OfficeError::Setup(format!("cannot start the pictures' thread: {error}")))?;
        Ok(Self { orders: asks, ending, thread: Some(thread) })
    }

    pub(crate) const fn orders(&self) -> &Orders {
        &self.orders
    }
}

impl Drop for Artist {
    /// Lets the artist finish the picture at hand; the others stay due.
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        let _ = self.orders.orders.send(Order::End);
        if let Some(thread) = self.thread.take() {
            // It has told what went wrong.
            let _ = thread.join();
        }
    }
}

/// # Errors
/// [`OfficeError::Closing`] when the ledger takes no more turns.
fn draw_and_note(
    photos: &PhotoFolder,
    naming: &Mutex<()>,
    writer: &Writer,
    orders: &Orders,
    sha256: PhotoHash,
) -> Result<(), OfficeError> {
    let drawn = match draw(photos, naming, &sha256) {
        Ok(drawn) => Ok(drawn),
        Err(OfficeError::Photo(error)) => Err(error),
        Err(error) => {
            tracing::error!(%sha256, %error, "a photo could not be drawn; it is tried again after the next start");
            orders.waiting().remove(&sha256);
            return Ok(());
        }
    };
    let orders = orders.clone();
    writer.send_patiently(Box::new(move |ledger| {
        let noted = ledger.turn(|intake| {
            let entries = orders.waiting().remove(&sha256).unwrap_or_default();
            entries.iter().try_for_each(|(entry, photo)| note(intake, *entry, photo, &drawn))
        });
        if let Err(error) = noted {
            tracing::error!(%sha256, %error, "a photo that was drawn could not be noted; it is tried again after the next start");
        }
    }))
}

/// Draws what is due of `shown` beside a running office, whose artist knows nothing of it.
pub(crate) fn draw_beside(ledger: &mut Ledger, shelf: Shelf<'_>, (entry, photo): &ShownBy) -> Result<(), OfficeError> {
    let drawn = match draw(shelf.folder, shelf.naming, &photo.sha256) {
        Ok(drawn) => Ok(drawn),
        Err(OfficeError::Photo(error)) => Err(error),
        Err(error) => return Err(error),
    };
    ledger.turn(|intake| note(intake, *entry, photo, &drawn))
}

/// Draws beside the photos and then gives the files their names: previews that come meanwhile wait for the naming only.
fn draw(photos: &PhotoFolder, naming: &Mutex<()>, sha256: &PhotoHash) -> Result<Renditions, OfficeError> {
    let easel = PhotoFolder::open(&photos.root().join("drawing"))?;
    let drawn = derive_renditions(&photos.original(sha256), &easel)?;
    let _naming = naming.lock().unwrap_or_else(PoisonError::into_inner);
    for (drawn, name) in
        [(easel.view(sha256), photos.view(sha256)), (easel.thumbnail(sha256), photos.thumbnail(sha256))]
    {
        std::fs::rename(drawn, &name).map_err(|source| OfficeError::file(&name, source))?;
    }
    sync_folder(photos.original(sha256).parent().unwrap_or_else(|| photos.root()))?;
    Ok(drawn)
}

/// Marks a photo, whose original has come, as due to be drawn and compared with what `entry` says of it.
pub(super) fn is_due(intake: &Intake<'_, '_>, entry: EntryId, photo: &Photo) -> Result<(), OfficeError> {
    photos::put(intake.tx, photo.sha256, Here { original: true, view: false, thumbnail: false })?;
    intake.tx.execute("INSERT OR IGNORE INTO office_drawing (entry, sha256) VALUES (?1, ?2)", (entry, photo.sha256))?;
    Ok(())
}

/// Notes what the office drew from an original, and where it differs from what the phone showed.
fn note(
    intake: &Intake<'_, '_>,
    entry: EntryId,
    photo: &Photo,
    drawn: &Result<Renditions, PhotoError>,
) -> Result<(), OfficeError> {
    let flag = |what| Flag { entry, sha256: photo.sha256, what };
    match drawn {
        Ok(drawn) => {
            photos::put(intake.tx, photo.sha256, Here { original: true, view: true, thumbnail: true })?;
            // What another version or a platform drew is not the same to the byte, and no reason to doubt the photo.
            let same_drawer = photo.drawn_by == DRAWER;
            if same_drawer && drawn.thumbnail != photo.thumbnail {
                let detail = "the phone's thumbnail is not drawn from this original";
                flags::raise(intake, &flag(What::Thumbnail), detail)?;
            }
            if same_drawer && drawn.view != photo.view {
                flags::raise(intake, &flag(What::View), "the phone's picture is not drawn from this original")?;
            }
        }
        // Drawn on the phone, by its platform, and sent; the office has no decoder for it.
        Err(PhotoError::NeedsWorkingCopy { .. }) => {}
        Err(error @ (PhotoError::DiskFull { .. } | PhotoError::Folder { .. })) => {
            tracing::error!(sha256 = %photo.sha256, %error, "a photo could not be drawn; it is tried again after the next start");
            return Ok(());
        }
        Err(error) => flags::raise(intake, &flag(What::Unreadable), &error.to_string())?,
    }
    intake.tx.execute("DELETE FROM office_drawing WHERE entry = ?1 AND sha256 = ?2", (entry, photo.sha256))?;
    Ok(())
}

/// The photos that are still to be drawn, with the entries that they are to be compared with.
pub(crate) fn left_over(conn: &Connection) -> Result<Vec<ShownBy>, OfficeError> {
    let mut statement = conn.prepare(
        "SELECT d.entry, e.incarnation FROM office_drawing d JOIN entry e ON e.id = d.entry
         WHERE e.incarnation IS NOT NULL",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let entries: Vec<(EntryId, IncarnationId)> = rows.collect::<Result<_, _>>()?;
    let mut left = Vec::new();
    for (entry, by) in entries {
        left.extend(attached::by(conn, entry, by)?.map(|shown| (entry, shown.photo)));
    }
    Ok(left)
}
