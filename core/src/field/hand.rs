//! The hand that writes for a store's person: what it wrote is predicted, and shown at once.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde_json::Value;

use super::capture::fix_of_photo;
use super::{Field, FieldError, Shown};
use crate::clock::{Entropy, Now, Seed};
use crate::id::{EntryId, ItemId, PersonId};
use crate::journal::entry::{Change, Photo, PhotoRole};
use crate::journal::judge::ReadEntry;
use crate::journal::predict::Predictor;
use crate::journal::verdict::{Code, Verdict};
use crate::journal::write::{Author, Draft, Seen, write};
use crate::photo::{DRAWER, Ingested, PhotoError, PhotoFolder};
use crate::place::Fix;
use crate::store::meta::{self, key};
use crate::store::{StoreError, entries, items, photos};
use crate::work::case::{CASE, Case};

/// The hand that writes entries in one transaction: what it wrote is predicted and shown at once.
pub(super) struct Hand<'a, 'tx> {
    tx: &'a Transaction<'tx>,
    author: &'a Author,
    predictor: Predictor<'a>,
    folder: &'a PhotoFolder,
    now: &'a Now,
    entropy: Entropy,
}

impl Hand<'_, '_> {
    /// Writes a change that is part of `step`, and refuses one that the office would not apply.
    pub(super) fn write_allowed(
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
                self.write(item, change, fix, seen)
            }
        }
    }

    /// Why the office would not apply a change; none where it would.
    pub(super) fn refusal(
        &mut self,
        item: ItemId,
        change: &Change,
        shown: Option<&Shown>,
    ) -> Result<Option<Code>, FieldError> {
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

    pub(super) fn not_now(&self, item: ItemId, step: &str, code: Code) -> Result<FieldError, FieldError> {
        let view = items::view(self.tx, item)?;
        let number = view.as_ref().and_then(|view| Case::of(view).number());
        let label = number.map_or_else(|| super::cases::provisional_label(item), str::to_owned);
        Ok(FieldError::NotNow { label, step: step.to_owned(), code })
    }

    fn write(&mut self, item: ItemId, change: Change, fix: Option<Fix>, seen: Seen) -> Result<ItemId, FieldError> {
        let kind = items::view(self.tx, item)?.map(|view| view.kind);
        self.write_as(kind.as_deref().unwrap_or(CASE), Some(item), change, fix, seen)
    }

    /// Opens an item of a kind.
    pub(super) fn open(
        &mut self,
        kind: &str,
        fields: BTreeMap<String, Value>,
        fix: Option<Fix>,
    ) -> Result<ItemId, FieldError> {
        self.write_as(kind, None, Change::Open { fields }, fix, Seen::Held)
    }

    fn write_as(
        &mut self,
        kind: &str,
        item: Option<ItemId>,
        change: Change,
        fix: Option<Fix>,
        seen: Seen,
    ) -> Result<ItemId, FieldError> {
        let draft = Draft { item, kind: kind.to_owned(), change, fix, seen, cause: None };
        let written = write(self.tx, self.author, draft, self.now, &mut self.entropy)?;
        let item = written.header.item;
        self.predictor.push(self.tx, &written, self.now.wall.to_minute())?;
        if let Change::Attach { photo, .. } = &written.change {
            photos::attach(self.tx, written.header.id, item, photo, true)?;
        }
        Ok(item)
    }

    pub(super) fn attach(
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

impl Field {
    /// Lets `work` write in one transaction: all of it is kept, or nothing is.
    pub(super) fn in_one_transaction<T>(
        &mut self,
        now: &Now,
        seed: &Seed,
        work: impl FnOnce(&mut Hand<'_, '_>) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let predictor = Predictor { pack: &self.pack, person: &self.person };
        let (folder, person) = (&self.photos, &self.person);
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read where nobody else writes: another process of this store may have found out that it was copied.
        let author = author(&tx, person)?;
        let mut hand = Hand { tx: &tx, author: &author, predictor, folder, now, entropy: seed.entropy() };
        let result = work(&mut hand)?;
        tx.commit()?;
        Ok(result)
    }
}

/// Whose hand writes in this store.
fn author(conn: &Connection, who: &PersonId) -> Result<Author, StoreError> {
    Ok(Author {
        incarnation: meta::incarnation(conn)?,
        who: who.clone(),
        last_exchange: meta::get(conn, key::LAST_EXCHANGE)?,
        session: None,
    })
}
