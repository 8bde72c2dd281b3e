//! Cases as screens show them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rusqlite::TransactionBehavior;
use serde::{Deserialize, Serialize};

use super::{Field, FieldError, PictureFile};
use crate::clock::Moment;
use crate::id::{EntryId, ItemId, PhotoHash};
use crate::journal::entry::{Change, PhotoRole};
use crate::journal::judge::Blocked;
use crate::journal::verdict::Verdict;
use crate::journal::version::Version;
use crate::journal::view::View;
use crate::place::GeoPoint;
use crate::store::list::{self, Cursor, ListRow, Query};
use crate::store::meta::{self, key};
use crate::store::photos::PhotoStage;
use crate::store::pictures::Picture;
use crate::store::{entries, from_json, history, items, judgements, photos};
use crate::sync::outbox;
use crate::sync::wire::PhotoForm;
use crate::work::case::{CASE, Case, CaseState, RULES};
use crate::work::flow::Actor;

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseSummary {
    /// The item.
    pub id: ItemId,
    /// Its number from the office, or what it is called until then.
    pub label: String,
    /// Whether the office gave it its number.
    pub numbered: bool,
    /// Where it stands, by its name on the wire.
    pub state: String,
    /// The category's code.
    pub category: String,
    /// The category's name.
    pub category_name: String,
    /// What was seen.
    pub description: String,
    /// Where, in words.
    pub address: Option<String>,
    /// Where.
    pub place: Option<GeoPoint>,
    /// When it was seen, to the minute.
    pub occurred_at: Moment,
    /// The organisation that is to handle it.
    pub responsible_org: Option<String>,
    /// The photo that stands for it.
    pub thumbnail: Option<PhotoHash>,
    /// Where that photo's thumbnail is.
    pub thumbnail_file: Option<PictureFile>,
    /// Whether something about it waits to be sent or judged.
    pub pending: bool,
    /// Whether the office has its Open.
    pub sent: bool,
}

/// A page of cases, newest first.
#[derive(Debug, Clone, Serialize)]
pub struct CasePage {
    /// The cases.
    pub cases: Vec<CaseSummary>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

/// A case with its photos and its story.
#[derive(Debug, Clone, Serialize)]
pub struct CaseDetail {
    /// What the list shows.
    pub summary: CaseSummary,
    /// Its photos, in the order in which they came.
    pub photos: Vec<CasePhoto>,
    /// What was done, as far as this phone holds it, oldest first.
    pub entries: Vec<CaseEntry>,
    /// How many earlier entries are not on this phone: they can be [asked for](Field::want_history).
    pub earlier: u64,
    /// The steps that this phone's person may take now.
    pub steps: Vec<String>,
    /// Whether this phone's person may correct it now.
    pub may_edit: bool,
    /// What a form that is opened now stands on.
    pub shown: Shown,
    /// The whole view, with what this version has no words for.
    pub view: View,
}

/// What a screen showed when its person began to fill in a form: what they send is judged as decided upon this, whatever
/// has come since. Its text is for handing back, not for reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The office's version; none while it has not answered.
    pub version: Option<Version>,
    /// Where the case stood.
    pub state: String,
    /// Count of reworks.
    pub round: u32,
}

impl Shown {
    /// What shows `view`, over what the office has `confirmed`.
    pub(super) fn now(view: &View, confirmed: Option<&View>) -> Self {
        Self { version: confirmed.map(|view| view.version), state: view.state.clone(), round: view.round }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Shown {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// A photo of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CasePhoto {
    /// The entry that shows it.
    pub entry: EntryId,
    /// The original.
    pub sha256: PhotoHash,
    /// What it shows.
    pub role: PhotoRole,
    /// The round that it was taken in.
    pub round: u32,
    /// Where it stands on its way; none for a photo of somebody else's.
    pub stage: Option<PhotoStage>,
    /// When the original left this phone, which was safe, by the office's clock; none while it is here, or was never.
    pub left_at: Option<Moment>,
    /// At most 320 px.
    pub thumbnail: PictureFile,
    /// At most 1,600 px.
    pub view: PictureFile,
    /// As the camera wrote it.
    pub original: PictureFile,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseEntry {
    /// The entry.
    pub id: EntryId,
    /// What was done.
    pub change: Change,
    /// What the office decided; none while it has not.
    pub verdict: Option<Verdict>,
    /// Whether this phone wrote it.
    pub own: bool,
}

/// The steps that `actor` may take from where the case stands.
fn steps(actor: &Actor, view: &View) -> Vec<String> {
    let open = RULES.steps.iter().filter(|row| row.from == view.state && actor.is_any(row.who, view));
    open.map(|row| row.step.to_owned()).collect()
}

/// What a case is called until the office gives it its number: `新-` and the beginning of its id.
#[must_use]
pub(super) fn provisional_label(item: ItemId) -> String {
    let id = item.to_string();
    format!("新-{}", id.get(..6).unwrap_or(&id))
}

impl Field {
    /// One page of cases, newest first; the next begins at `after`.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn cases(&self, query: &Query, after: Option<&Cursor>, limit: usize) -> Result<CasePage, FieldError> {
        let page = list::page(&self.conn, CASE, query, self.pack.synonyms(), after, limit)?;
        let cases = page.rows.into_iter().map(|row| self.summary(row)).collect::<Result<_, _>>()?;
        Ok(CasePage { cases, next: page.next })
    }

    /// The case whose number, provisional label or id begins with `text`.
    ///
    /// # Errors
    /// [`FieldError::UnknownCase`], [`FieldError::Ambiguous`].
    pub fn find_case(&self, text: &str) -> Result<ItemId, FieldError> {
        if let Some(item) = items::labelled(&self.conn, CASE, text)? {
            return Ok(item);
        }
        let id = text.strip_prefix("新-").unwrap_or(text).to_ascii_lowercase();
        let found = if id.len() < 4 { Vec::new() } else { items::starting_with(&self.conn, CASE, &id)? };
        match found.as_slice() {
            [] => Err(FieldError::UnknownCase(text.to_owned())),
            [only] => Ok(*only),
            _ => Err(FieldError::Ambiguous(text.to_owned())),
        }
    }

    /// A case with its photos and its story.
    ///
    /// # Errors
    /// [`FieldError::UnknownCase`], [`FieldError::Store`].
    pub fn case(&self, item: ItemId) -> Result<CaseDetail, FieldError> {
        let unknown = || FieldError::UnknownCase(item.to_string());
        let row = list::row(&self.conn, item)?.ok_or_else(unknown)?;
        let view: View = from_json("item", &row.view)?;
        let actor = self.predictor().actor(&self.conn, item, Some(&view))?;
        // Behind a capture that the office holds or rejected nothing goes on.
        let blocked = judgements::blocked(&self.conn, self.incarnation()?, item, None)?;
        let stopped = matches!(blocked, Some(Blocked::HeldOpen(_) | Blocked::RejectedOpen(_)));
        let confirmed = items::confirmed(&self.conn, item)?;
        Ok(CaseDetail {
            photos: self.photos_of(item, &view)?,
            entries: self.story(item)?,
            earlier: match &confirmed {
                Some(confirmed) => history::missing(&self.conn, item, confirmed.version.count)?,
                None => 0,
            },
            steps: if stopped { Vec::new() } else { steps(&actor, &view) },
            may_edit: !stopped && actor.granted(RULES.edited_by, &view).is_ok(),
            shown: Shown::now(&view, confirmed.as_ref()),
            summary: self.summary(row)?,
            view,
        })
    }

    /// Wants the whole story of a case: what is not on this phone comes with the next conversation, and stays until the office
    /// backs up again.
    ///
    /// # Errors
    /// [`FieldError::Store`].
    pub fn want_history(&mut self, item: ItemId) -> Result<(), FieldError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut wanted: BTreeMap<ItemId, u64> = meta::get(&tx, key::HISTORY_WANTED)?.unwrap_or_default();
        wanted.insert(item, 0);
        meta::set(&tx, key::HISTORY_WANTED, &wanted)?;
        meta::set(&tx, key::SYNC_WANTED, &true)?;
        tx.commit()?;
        Ok(())
    }

    fn is_sent(&self, item: ItemId) -> Result<bool, FieldError> {
        match entries::own_open(&self.conn, item)? {
            Some(open) => Ok(outbox::is_sent(&self.conn, open)?),
            None => Ok(true),
        }
    }

    fn summary(&self, row: ListRow) -> Result<CaseSummary, FieldError> {
        let view: View = from_json("item", &row.view)?;
        let case = Case::of(&view);
        let thumbnail_file = match row.thumbnail {
            Some(sha256) => self.thumbnail_of(row.id, &view, sha256)?,
            None => None,
        };
        let category = row.category.unwrap_or_default();
        let name = self.pack.catalogue().find(&category).map(|known| known.name.clone());
        Ok(CaseSummary {
            id: row.id,
            numbered: row.label.is_some(),
            label: row.label.unwrap_or_else(|| provisional_label(row.id)),
            state: row.state,
            category_name: name
                .or_else(|| view.text("category_name").map(str::to_owned))
                .unwrap_or_else(|| category.clone()),
            category,
            description: case.description().unwrap_or_default().to_owned(),
            address: case.address().map(str::to_owned),
            place: case.place(),
            occurred_at: Moment::from_unix_ms(row.occurred_at),
            responsible_org: row.org,
            thumbnail: row.thumbnail,
            thumbnail_file,
            pending: row.pending,
            sent: self.is_sent(row.id)?,
        })
    }

    fn photos_of(&self, item: ItemId, view: &View) -> Result<Vec<CasePhoto>, FieldError> {
        let attachments = photos::of_item(&self.conn, item)?;
        let mut found = Vec::new();
        for (key, member) in Case::of(view).photos() {
            let Ok(sha256) = key.parse::<PhotoHash>() else { continue };
            let own = attachments.iter().find(|attachment| attachment.own && attachment.sha256 == sha256);
            let stage = own.map(|attachment| self.stage(attachment)).transpose()?;
            let role =
                serde_json::from_value(member.value["role"].clone()).unwrap_or(PhotoRole::Unknown(String::new()));
            let round = member.value["round"].as_u64().and_then(|round| u32::try_from(round).ok()).unwrap_or(0);
            let entry = own.map_or(member.writer, |own| own.entry);
            let file = |form| self.picture(&Picture { entry, sha256, form }, own.is_some());
            found.push(CasePhoto {
                entry,
                sha256,
                role,
                round,
                stage,
                left_at: own.and_then(|own| own.left_at),
                thumbnail: file(PhotoForm::Thumbnail)?,
                view: file(PhotoForm::View)?,
                original: file(PhotoForm::Original)?,
            });
        }
        Ok(found)
    }

    /// Where an own photo stands on its way to the office.
    pub(super) fn stage(&self, photo: &photos::Attachment) -> Result<PhotoStage, FieldError> {
        Ok(if photo.safe {
            PhotoStage::Safe
        } else if photo.received {
            PhotoStage::Received
        } else if judgements::get(&self.conn, photo.entry)?.is_some() {
            PhotoStage::Judged
        } else if outbox::is_sent(&self.conn, photo.entry)? {
            PhotoStage::Sent
        } else {
            PhotoStage::Saved
        })
    }

    fn story(&self, item: ItemId) -> Result<Vec<CaseEntry>, FieldError> {
        let mut story = Vec::new();
        for entry in entries::of_item(&self.conn, item)? {
            // A part of a later version, or one that was erased, has no words here.
            let Ok(header) = entry.read_header() else { continue };
            let Ok(body) = entry.read_body(&header) else { continue };
            let judgement = judgements::get(&self.conn, header.id)?.map(|judged| judged.judgement);
            // In the order in which the office applied them; what it has not judged comes last, in the order of writing.
            let at = judgement.as_ref().map_or(u64::MAX, |judged| judged.version.map_or(0, |version| version.count));
            // What changed nothing names the count that it stood at: it came after the entry that led there.
            let changed_nothing = judgement.as_ref().is_some_and(|judged| !judged.verdict.applies());
            let at = (at, changed_nothing);
            let verdict = judgement.map(|judged| judged.verdict);
            story.push((at, CaseEntry { id: header.id, change: body.change, verdict, own: entry.origin.is_some() }));
        }
        story.sort_by_key(|(at, _)| *at);
        Ok(story.into_iter().map(|(_, entry)| entry).collect())
    }
}

impl CaseSummary {
    /// Where it stands, as screens call it; the name on the wire for a state of a later version.
    #[must_use]
    pub fn state_label(&self) -> &str {
        match CaseState::named(&self.state) {
            Some(state) => state.label(),
            None => &self.state,
        }
    }
}
