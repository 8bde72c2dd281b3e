//! Capturing a case, and what can be done with it afterwards: each call is one transaction.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::{Transaction, TransactionBehavior};
use serde_json::Value;

use super::{CaseDetail, Field, FieldError, Shown, discard};
use crate::clock::{Entropy, Moment, Now, Seed};
use crate::id::{EntryId, ItemId};
use crate::journal::entry::{Change, Photo, PhotoRole};
use crate::journal::judge::ReadEntry;
use crate::journal::predict::Predictor;
use crate::journal::verdict::{Code, Verdict};
use crate::journal::write::{Author, Draft, Seen, write};
use crate::limits;
use crate::photo::{DRAWER, Ingested, PhotoError, PhotoFolder, ingest};
use crate::place::{Fix, GeoPoint, Provider};
use crate::store::{entries, items, photos};
use crate::work::case::{CASE, Case, CaseStep};

/// A case as an inspector captures it.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The category: a code like `matter/09006`, or its name.
    pub category: String,
    /// What was seen, in words.
    pub description: String,
    /// Where it is, in words.
    pub address: Option<String>,
    /// Where it is; none takes the first photo's position, then the device's fix.
    pub place: Option<GeoPoint>,
    /// Where the device is.
    pub fix: Option<Fix>,
    /// When it was seen; none is now.
    pub occurred_at: Option<Moment>,
    /// A far and a near view at best.
    pub photos: Vec<CapturePhoto>,
}

/// A photo to be kept.
#[derive(Debug, Clone)]
pub struct CapturePhoto {
    /// The file as the camera wrote it.
    pub file: PathBuf,
    /// A JPEG of the same picture, where the file is a HEIC.
    pub working_copy: Option<PathBuf>,
    /// What it shows.
    pub role: PhotoRole,
}

impl Field {
    /// Keeps a case: the photos' files first, then in one transaction its entries, its row and its photos' rows.
    /// It is in the list when this returns.
    ///
    /// # Errors
    /// [`FieldError::Photo`], [`FieldError::UnknownCategory`], [`FieldError::PhotoCount`], [`FieldError::TextTooLong`],
    /// [`FieldError::Store`]; nothing was kept then.
    pub fn capture(&mut self, capture: &Capture, now: &Now, seed: &Seed) -> Result<CaseDetail, FieldError> {
        let given = capture.photos.len();
        if given == 0 || given > limits::PHOTOS_PER_CAPTURE {
            return Err(FieldError::PhotoCount { given, most: limits::PHOTOS_PER_CAPTURE });
        }
        let category = self.category(&capture.category)?;
        within("description", &capture.description)?;
        within("address", capture.address.as_deref().unwrap_or(""))?;
        let kept = self.ingest_all(&capture.photos)?;

        let from_photo = kept.iter().find_map(|(photo, _)| photo.exif.position);
        let place = capture.place.or(from_photo).or_else(|| capture.fix.as_ref().map(|fix| fix.point));
        let occurred_at = capture.occurred_at.unwrap_or(now.wall).to_minute();
        let mut fields: BTreeMap<String, Value> = BTreeMap::new();
        fields.insert("category".to_owned(), category.into());
        fields.insert("occurred_at".to_owned(), occurred_at.unix_ms().into());
        fields.insert("description".to_owned(), capture.description.trim().into());
        if let Some(address) = capture.address.as_deref().map(str::trim).filter(|address| !address.is_empty()) {
            fields.insert("address".to_owned(), address.into());
        }
        if let Some(point) = place {
            fields
                .insert("place".to_owned(), serde_json::json!({ "lat_e7": point.lat_e7(), "lon_e7": point.lon_e7() }));
        }
        let fix = capture.fix.clone().or_else(|| kept.iter().find_map(|(photo, _)| fix_of_photo(photo, now)));

        let written = self.in_one_transaction(now, seed, |hand| {
            let item = hand.write(None, Change::Open { fields }, fix, Seen::Held)?;
            for (photo, role) in &kept {
                hand.attach(item, photo, role, capture.fix.as_ref(), "capture", 0)?;
            }
            Ok(item)
        });
        let item = self.or_discard(written, &kept)?;
        self.case(item)
    }

    /// Corrects fields of a case. Values that others changed meanwhile are merged at the office, and what does not win is
    /// kept and shown.
    ///
    /// # Errors
    /// [`FieldError::NotNow`] where this person may not; [`FieldError::Store`].
    pub fn edit(&mut self, item: ItemId, edit: &CaseEdit, now: &Now, seed: &Seed) -> Result<CaseDetail, FieldError> {
        let mut fields: BTreeMap<String, Value> = BTreeMap::new();
        if let Some(category) = &edit.category {
            fields.insert("category".to_owned(), self.category(category)?.into());
        }
        if let Some(description) = &edit.description {
            within("description", description)?;
            fields.insert("description".to_owned(), description.trim().into());
        }
        if let Some(address) = &edit.address {
            within("address", address)?;
            fields.insert("address".to_owned(), address.trim().into());
        }
        if let Some(point) = edit.place {
            fields
                .insert("place".to_owned(), serde_json::json!({ "lat_e7": point.lat_e7(), "lon_e7": point.lon_e7() }));
        }
        self.known(item)?;
        self.in_one_transaction(now, seed, |hand| {
            hand.write_allowed(item, "edit", Change::Edit { fields }, None, edit.shown.as_ref())
        })?;
        self.case(item)
    }

    /// Takes a case back, sent or not, while the workflow lets whoever reported it: a step as any other. What happened at
    /// the office meanwhile decides there.
    ///
    /// # Errors
    /// [`FieldError::NotNow`] for somebody else's case, and from its filing on; [`FieldError::Store`].
    pub fn withdraw(&mut self, item: ItemId, reason: &str, now: &Now, seed: &Seed) -> Result<CaseDetail, FieldError> {
        self.step(
            item,
            &CaseAct {
                step: CaseStep::Withdraw,
                args: reason_args(reason),
                photos: Vec::new(),
                fix: None,
                shown: None,
            },
            now,
            seed,
        )
    }

    /// Takes a step, with the photos that it needs, in one transaction.
    ///
    /// # Errors
    /// [`FieldError::NotNow`] where the workflow does not let this person take it; [`FieldError::Photo`],
    /// [`FieldError::Store`].
    pub fn step(&mut self, item: ItemId, act: &CaseAct, now: &Now, seed: &Seed) -> Result<CaseDetail, FieldError> {
        let view = self.known(item)?;
        let shown = act.shown.clone().unwrap_or_else(|| Shown::now(&view, None));
        for text in act.args.values().filter_map(Value::as_str) {
            within("reason", text)?;
        }
        let kept = self.ingest_all(&act.photos)?;
        let fix = act.fix.clone().or_else(|| kept.iter().find_map(|(photo, _)| fix_of_photo(photo, now)));
        let change = Change::Step {
            transition: act.step.name().to_owned(),
            from: shown.state,
            round: shown.round,
            args: act.args.clone(),
        };
        let written = self.in_one_transaction(now, seed, |hand| {
            // Before its photos: who may not take the step at all is told that, and nothing about photos.
            match hand.refusal(item, &change, act.shown.as_ref())? {
                None | Some(Code::AfterPhotoMissing) => {}
                Some(code) => return Err(hand.not_now(item, act.step.name(), code)?),
            }
            for (photo, role) in &kept {
                hand.attach(item, photo, role, act.fix.as_ref(), act.step.name(), shown.round)?;
            }
            hand.write_allowed(item, act.step.name(), change, fix, act.shown.as_ref())
        });
        let item = self.or_discard(written, &kept)?;
        self.case(item)
    }

    /// Says something about a case.
    ///
    /// # Errors
    /// [`FieldError::NotNow`], [`FieldError::TextTooLong`], [`FieldError::Store`].
    pub fn comment(&mut self, item: ItemId, text: &str, now: &Now, seed: &Seed) -> Result<CaseDetail, FieldError> {
        within("comment", text)?;
        self.known(item)?;
        let change = Change::Comment { text: text.trim().to_owned() };
        self.in_one_transaction(now, seed, |hand| hand.write_allowed(item, "comment", change, None, None))?;
        self.case(item)
    }

    fn known(&self, item: ItemId) -> Result<crate::journal::view::View, FieldError> {
        items::view(&self.conn, item)?.ok_or_else(|| FieldError::UnknownCase(item.to_string()))
    }

    /// The category that `text` names, by code or by name, as it is written on the wire.
    ///
    /// # Errors
    /// [`FieldError::UnknownCategory`].
    pub fn category(&self, text: &str) -> Result<String, FieldError> {
        let catalogue = self.pack.catalogue();
        let found = catalogue.find(text).or_else(|| catalogue.named(text).last());
        found.map(|category| category.code.to_string()).ok_or_else(|| FieldError::UnknownCategory(text.to_owned()))
    }

    /// Keeps the files of all photos, or of none. A picture that is given twice is kept once, as what it was given first.
    fn ingest_all(&mut self, photos: &[CapturePhoto]) -> Result<Vec<(Ingested, PhotoRole)>, FieldError> {
        let mut kept: Vec<(Ingested, PhotoRole)> = Vec::new();
        for photo in photos {
            match ingest(&photo.file, photo.working_copy.as_deref(), &self.photos) {
                Ok(ingested) if kept.iter().any(|(known, _)| known.sha256 == ingested.sha256) => {}
                Ok(ingested) => kept.push((ingested, photo.role.clone())),
                Err(error) => return self.or_discard(Err(error.into()), &kept),
            }
        }
        Ok(kept)
    }

    /// Where `result` is an error, deletes the files of `kept` that no row names: nothing is kept by halves.
    fn or_discard<T>(
        &mut self,
        result: Result<T, FieldError>,
        kept: &[(Ingested, PhotoRole)],
    ) -> Result<T, FieldError> {
        if result.is_err() {
            discard(&mut self.conn, &self.photos, kept.iter().map(|(photo, _)| photo.sha256))?;
        }
        result
    }

    fn in_one_transaction<T>(
        &mut self,
        now: &Now,
        seed: &Seed,
        work: impl FnOnce(&mut Hand<'_, '_>) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let author = self.author()?;
        let predictor = Predictor { pack: &self.pack, person: &self.person, incarnation: self.incarnation };
        let folder = &self.photos;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut hand = Hand { tx: &tx, author: &author, predictor, folder, now, entropy: seed.entropy() };
        let result = work(&mut hand)?;
        tx.commit()?;
        Ok(result)
    }
}

/// What to correct; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct CaseEdit {
    /// The category, by code or name.
    pub category: Option<String>,
    /// What was seen.
    pub description: Option<String>,
    /// Where it is, in words.
    pub address: Option<String>,
    /// Where it is.
    pub place: Option<GeoPoint>,
    /// What the form showed when it was opened; none is what the store holds now.
    pub shown: Option<Shown>,
}

/// A step to be taken.
#[derive(Debug, Clone)]
pub struct CaseAct {
    /// Which.
    pub step: CaseStep,
    /// What it needs, by name: `reason`, `responsible_org`, `waiver`.
    pub args: BTreeMap<String, Value>,
    /// Photos that go with it.
    pub photos: Vec<CapturePhoto>,
    /// Where the device is.
    pub fix: Option<Fix>,
    /// What the screen showed when it was decided on; none is what the store holds now.
    pub shown: Option<Shown>,
}

/// The argument that a reason is given in.
#[must_use]
pub fn reason_args(reason: &str) -> BTreeMap<String, Value> {
    let reason = reason.trim();
    if reason.is_empty() { BTreeMap::new() } else { [("reason".to_owned(), reason.into())].into() }
}

fn within(what: &'static str, text: &str) -> Result<(), FieldError> {
    let chars = text.chars().count();
    if chars > limits::TEXT_CHARS {
        Err(FieldError::TextTooLong { what, chars, most: limits::TEXT_CHARS })
    } else {
        Ok(())
    }
}

/// A fix out of a photo's EXIF position: said to be one, and as old as the photo says that it is.
fn fix_of_photo(photo: &Ingested, now: &Now) -> Option<Fix> {
    let point = photo.exif.position?;
    let at = photo.exif.taken_at.map_or(now.wall, |taken_at| taken_at.moment());
    Some(Fix { point, accuracy_m: None, provider: Provider::Exif, at, mock: false })
}

/// The hand that writes entries in one transaction: what it wrote is predicted and shown at once.
struct Hand<'a, 'tx> {
    tx: &'a Transaction<'tx>,
    author: &'a Author,
    predictor: Predictor<'a>,
    folder: &'a PhotoFolder,
    now: &'a Now,
    entropy: Entropy,
}

impl Hand<'_, '_> {
    /// Writes a change that is part of `step`, and refuses one that the office would not apply.
    fn write_allowed(
        &mut self,
        item: ItemId,
        step: &str,
        change: Change,
        fix: Option<Fix>,
        shown: Option<&Shown>,
    ) -> Result<ItemId, FieldError> {
        match self.refusal(item, &change, shown)? {
            Some(code) => Err(self.not_now(item, step, code)?),
            None => {
                let seen = shown.map_or(Seen::Held, |shown| Seen::Form(shown.version));
                self.write(Some(item), change, fix, seen)
            }
        }
    }

    /// Why the office would not apply a change; none where it would.
    fn refusal(&mut self, item: ItemId, change: &Change, shown: Option<&Shown>) -> Result<Option<Code>, FieldError> {
        let view = items::view(self.tx, item)?;
        let own = entries::last_own(self.tx, item, &self.author.who)?;
        let probe = EntryId::from_bytes(self.entropy.bytes());
        let kind = view.as_ref().map_or(CASE, |view| view.kind.as_str());
        let seen = shown.map_or_else(|| view.as_ref().map(|view| view.version), |shown| shown.version);
        let entry = ReadEntry { id: probe, kind, own, change };
        let decision = self.predictor.decide(self.tx, view.as_ref(), item, seen, &entry, self.now.wall.to_minute())?;
        Ok(match decision.verdict {
            Verdict::Rejected { code, .. } | Verdict::Held { reason: code, .. } => Some(code),
            Verdict::Applied | Verdict::NoOp | Verdict::Merged { .. } | Verdict::Unknown(_) => None,
        })
    }

    fn not_now(&self, item: ItemId, step: &str, code: Code) -> Result<FieldError, FieldError> {
        let view = items::view(self.tx, item)?;
        let number = view.as_ref().and_then(|view| Case::of(view).number());
        let label = number.map_or_else(|| super::cases::provisional_label(item), str::to_owned);
        Ok(FieldError::NotNow { label, step: step.to_owned(), code })
    }

    fn write(
        &mut self,
        item: Option<ItemId>,
        change: Change,
        fix: Option<Fix>,
        seen: Seen,
    ) -> Result<ItemId, FieldError> {
        let draft = Draft { item, kind: CASE.to_owned(), change, fix, seen, cause: None };
        let written = write(self.tx, self.author, draft, self.now, &mut self.entropy)?;
        let item = written.header.item;
        self.predictor.push(self.tx, &written, self.now.wall.to_minute())?;
        if let Change::Attach { photo, .. } = &written.change {
            photos::attach(self.tx, written.header.id, item, photo, true)?;
        }
        Ok(item)
    }

    fn attach(
        &mut self,
        item: ItemId,
        kept: &Ingested,
        role: &PhotoRole,
        fix: Option<&Fix>,
        step: &str,
        round: u32,
    ) -> Result<ItemId, FieldError> {
        // Another process may have failed over the same photo since its files were written, and deleted them.
        if !self.folder.original(&kept.sha256).exists() {
            return Err(PhotoError::Missing { name: kept.sha256.to_string() }.into());
        }
        let photo = Photo {
            sha256: kept.sha256,
            sm3: kept.sm3,
            bytes: kept.bytes,
            media: kept.media.clone(),
            role: role.clone(),
            width_px: kept.width,
            height_px: kept.height,
            view: kept.view,
            thumbnail: kept.thumbnail,
            drawn_by: DRAWER.to_owned(),
        };
        let fix = fix.cloned().or_else(|| fix_of_photo(kept, self.now));
        self.write_allowed(item, step, Change::Attach { photo, round }, fix, None)
    }
}
