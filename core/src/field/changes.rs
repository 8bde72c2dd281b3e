//! What can be done with a case afterwards: each call is one transaction.

use std::collections::BTreeMap;

use serde_json::Value;

use super::capture::{CapturePhoto, fix_of_photo, within};
use super::{CaseDetail, Field, FieldError, Shown};
use crate::clock::{Now, Seed};
use crate::id::ItemId;
use crate::journal::entry::Change;
use crate::journal::verdict::Code;
use crate::place::{Fix, GeoPoint};
use crate::store::items;
use crate::work::case::CaseStep;

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

impl Field {
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
        let item = self.or_discard(written, kept)?;
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
}
