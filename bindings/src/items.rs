//! Cases: captured, listed, shown, corrected, stepped.

use xuncheng_core::clock::{Moment, Now, Seed};
use xuncheng_core::field::{self, Capture, CapturePhoto, CaseEdit, CasePhoto, PictureFile, Shown};
use xuncheng_core::id::{EntryId, ItemId, PhotoHash};
use xuncheng_core::journal::entry::{Change, PhotoRole};
use xuncheng_core::journal::verdict::Verdict;
use xuncheng_core::place::{BoundingBox, Fix, GeoPoint};
use xuncheng_core::store::list::{Cursor, Query};
use xuncheng_core::work::case::{self, CaseStep};

use crate::{FieldApp, FieldError};

/// A case as an inspector captures it.
#[uniffi::remote(Record)]
pub struct Capture {
    /// The category: a code like `matter/09006`, or its name.
    pub category: String,
    /// What was seen, in words.
    pub description: String,
    /// Where it is, in words.
    #[uniffi(default)]
    pub address: Option<String>,
    /// Where it is; none takes the first photo's position, then the device's fix.
    #[uniffi(default)]
    pub place: Option<GeoPoint>,
    /// Where the device is.
    #[uniffi(default)]
    pub fix: Option<Fix>,
    /// When it was seen; none is now.
    #[uniffi(default)]
    pub occurred_at: Option<Moment>,
    /// A far and a near view at best.
    pub photos: Vec<CapturePhoto>,
}

/// What to list. Everything that is given narrows the list.
#[derive(Debug, Clone, uniffi::Record)]
pub struct CaseQuery {
    /// Only cases in one of these states; all where empty.
    #[uniffi(default)]
    pub states: Vec<CaseState>,
    /// Only of this category, by code.
    #[uniffi(default)]
    pub category: Option<String>,
    /// Only in this area, by code.
    #[uniffi(default)]
    pub area: Option<String>,
    /// Only of this responsible organisation, by code.
    #[uniffi(default)]
    pub org: Option<String>,
    /// Only inside this box.
    #[uniffi(default)]
    pub within: Option<BoundingBox>,
    /// Only with these words, any two characters in a row included.
    #[uniffi(default)]
    pub text: Option<String>,
}

/// Where a case stands.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum CaseState {
    /// 已上报
    Reported,
    /// 不予立案
    Declined,
    /// 已立案
    Filed,
    /// 已派遣
    Dispatched,
    /// 处置中
    Handling,
    /// 已处置
    Handled,
    /// 已核查
    Checked,
    /// 已结案
    Closed,
    /// 已撤回
    Withdrawn,
    /// A state of a later version, by its name on the wire.
    Unknown(String),
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct CaseSummary {
    /// The case.
    pub id: ItemId,
    /// Its number from the office, or what it is called until then.
    pub label: String,
    /// Whether the office gave it its number.
    pub numbered: bool,
    /// Where it stands.
    pub state: CaseState,
    /// What screens call that.
    pub state_label: String,
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
    /// The organisation that is to handle it, by code.
    pub responsible_org: Option<String>,
    /// The photo that stands for it.
    pub thumbnail: Option<PhotoHash>,
    /// Where that photo's thumbnail is; the newest cases' come unasked.
    pub thumbnail_file: Option<PictureFile>,
    /// Whether something about it waits to be sent or judged.
    pub pending: bool,
    /// Whether the office has it.
    pub sent: bool,
}

/// A page of cases, newest first.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct CasePage {
    /// The cases.
    pub cases: Vec<CaseSummary>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

/// A case with its photos and its story.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct CaseDetail {
    /// What the list shows.
    pub summary: CaseSummary,
    /// Count of reworks.
    pub round: u32,
    /// Its photos, in the order in which they came.
    pub photos: Vec<CasePhoto>,
    /// What was done, as far as this phone holds it, oldest first.
    pub story: Vec<CaseEvent>,
    /// How many earlier things are not on this phone; `want_history` asks for them.
    pub earlier: u64,
    /// The steps that this phone's person may take now.
    pub steps: Vec<CaseStep>,
    /// Whether this phone's person may correct it now.
    pub may_edit: bool,
    /// What a form that is opened now stands on: hand it back with [`CaseEdit`] and [`CaseAct`].
    pub shown: Shown,
}

/// One thing that was done with a case.
#[derive(Debug, Clone, PartialEq, uniffi::Record)]
pub struct CaseEvent {
    /// The entry.
    pub id: EntryId,
    /// What was done.
    pub change: CaseChange,
    /// What the office decided; none while it has not.
    pub verdict: Option<Verdict>,
    /// Whether this phone wrote it.
    pub own: bool,
}

/// What was done with a case.
#[derive(Debug, Clone, PartialEq, uniffi::Enum)]
pub enum CaseChange {
    /// It was reported.
    Opened,
    /// These fields were corrected.
    Edited {
        /// By name.
        fields: Vec<String>,
    },
    /// A photo was attached.
    Attached {
        /// Which.
        photo: PhotoHash,
        /// What it shows.
        role: PhotoRole,
    },
    /// A step was taken.
    Stepped {
        /// By its name on the wire.
        step: String,
        /// What screens call it.
        label: String,
        /// The reason that was given.
        reason: Option<String>,
        /// The organisation that was named, by code.
        responsible_org: Option<String>,
    },
    /// Something was said.
    Commented {
        /// What.
        text: String,
    },
    /// The office let a held entry take effect.
    Released {
        /// The entry.
        entry: EntryId,
    },
    /// The office was restored, and a phone brought the case back to it.
    BroughtBack,
    /// The office set a held entry aside.
    Dismissed {
        /// The entry.
        entry: EntryId,
    },
    /// The office erased the personal part of an entry.
    Erased {
        /// The entry.
        entry: EntryId,
    },
}

/// A step to be taken on a phone.
#[derive(Debug, Clone, uniffi::Record)]
pub struct CaseAct {
    /// Which.
    pub step: CaseStep,
    /// Why, for a step that needs a reason.
    #[uniffi(default)]
    pub reason: Option<String>,
    /// Photos that go with it.
    #[uniffi(default)]
    pub photos: Vec<CapturePhoto>,
    /// Where the device is.
    #[uniffi(default)]
    pub fix: Option<Fix>,
    /// What the screen showed when it was decided on; absent is what the store holds now.
    #[uniffi(default)]
    pub shown: Option<Shown>,
}

#[uniffi::export]
impl FieldApp {
    /// Keeps a case with its photos. It is durable, and in the list, when this returns.
    ///
    /// # Errors
    /// [`FieldError::PhotoRefused`], [`FieldError::PhotoCount`], [`FieldError::UnknownCategory`],
    /// [`FieldError::TextTooLong`], [`FieldError::NoSpace`]; nothing was kept then.
    pub fn capture(&self, capture: Capture, now: Now, seed: Seed) -> Result<CaseDetail, FieldError> {
        Ok(self.field().capture(&capture, &now, &seed)?.into())
    }

    /// One page of cases, newest first, of at most `limit`; the next one begins at `after`.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`].
    pub fn cases(&self, query: CaseQuery, after: Option<Cursor>, limit: u16) -> Result<CasePage, FieldError> {
        Ok(self.field().cases(&query.into(), after.as_ref(), limit.into())?.into())
    }

    /// The case whose number, provisional label or id begins with `text`.
    ///
    /// # Errors
    /// [`FieldError::UnknownCase`], [`FieldError::Ambiguous`].
    pub fn find_case(&self, text: &str) -> Result<ItemId, FieldError> {
        Ok(self.field().find_case(text)?)
    }

    /// A case with its photos and its story.
    ///
    /// # Errors
    /// [`FieldError::UnknownCase`].
    pub fn case(&self, id: ItemId) -> Result<CaseDetail, FieldError> {
        Ok(self.field().case(id)?.into())
    }

    /// Wants the whole story of a case: what is not on this phone comes with the next conversation.
    ///
    /// # Errors
    /// [`FieldError::StoreBroken`].
    pub fn want_history(&self, id: ItemId) -> Result<(), FieldError> {
        Ok(self.field().want_history(id)?)
    }

    /// Corrects fields of a case.
    ///
    /// # Errors
    /// [`FieldError::NotNow`] where this person may not, [`FieldError::UnknownCategory`], [`FieldError::TextTooLong`].
    pub fn edit(&self, id: ItemId, edit: CaseEdit, now: Now, seed: Seed) -> Result<CaseDetail, FieldError> {
        Ok(self.field().edit(id, &edit, &now, &seed)?.into())
    }

    /// Takes a case back, sent or not, while the workflow lets whoever reported it; the office judges one that was sent.
    ///
    /// # Errors
    /// [`FieldError::NotNow`] for somebody else's case, and from its filing on.
    pub fn withdraw(&self, id: ItemId, reason: &str, now: Now, seed: Seed) -> Result<CaseDetail, FieldError> {
        Ok(self.field().withdraw(id, reason, &now, &seed)?.into())
    }

    /// Takes a step, with the photos that it needs.
    ///
    /// # Errors
    /// [`FieldError::NotNow`] where the workflow does not let this person take it; [`FieldError::PhotoRefused`].
    pub fn step(&self, id: ItemId, act: CaseAct, now: Now, seed: Seed) -> Result<CaseDetail, FieldError> {
        Ok(self.field().step(id, &act.into(), &now, &seed)?.into())
    }

    /// Says something about a case.
    ///
    /// # Errors
    /// [`FieldError::NotNow`], [`FieldError::TextTooLong`].
    pub fn comment(&self, id: ItemId, text: &str, now: Now, seed: Seed) -> Result<CaseDetail, FieldError> {
        Ok(self.field().comment(id, text, &now, &seed)?.into())
    }
}

impl From<CaseQuery> for Query {
    fn from(query: CaseQuery) -> Self {
        let CaseQuery { states, category, area, org, within, text } = query;
        // A phone holds nothing that its person may not see.
        let sight = None;
        Self {
            states: states.into_iter().map(CaseState::into_name).collect(),
            category,
            area,
            org,
            within,
            text,
            sight,
        }
    }
}

impl From<&str> for CaseState {
    fn from(name: &str) -> Self {
        match case::CaseState::named(name) {
            Some(case::CaseState::Reported) => Self::Reported,
            Some(case::CaseState::Declined) => Self::Declined,
            Some(case::CaseState::Filed) => Self::Filed,
            Some(case::CaseState::Dispatched) => Self::Dispatched,
            Some(case::CaseState::Handling) => Self::Handling,
            Some(case::CaseState::Handled) => Self::Handled,
            Some(case::CaseState::Checked) => Self::Checked,
            Some(case::CaseState::Closed) => Self::Closed,
            Some(case::CaseState::Withdrawn) => Self::Withdrawn,
            None => Self::Unknown(name.to_owned()),
        }
    }
}

impl CaseState {
    /// Its name on the wire.
    fn into_name(self) -> String {
        let known = match self {
            Self::Reported => case::CaseState::Reported,
            Self::Declined => case::CaseState::Declined,
            Self::Filed => case::CaseState::Filed,
            Self::Dispatched => case::CaseState::Dispatched,
            Self::Handling => case::CaseState::Handling,
            Self::Handled => case::CaseState::Handled,
            Self::Checked => case::CaseState::Checked,
            Self::Closed => case::CaseState::Closed,
            Self::Withdrawn => case::CaseState::Withdrawn,
            Self::Unknown(name) => return name,
        };
        known.name().to_owned()
    }
}

impl From<field::CaseSummary> for CaseSummary {
    fn from(summary: field::CaseSummary) -> Self {
        Self {
            state: summary.state.as_str().into(),
            state_label: summary.state_label().to_owned(),
            id: summary.id,
            label: summary.label,
            numbered: summary.numbered,
            category: summary.category,
            category_name: summary.category_name,
            description: summary.description,
            address: summary.address,
            place: summary.place,
            occurred_at: summary.occurred_at,
            responsible_org: summary.responsible_org,
            thumbnail: summary.thumbnail,
            thumbnail_file: summary.thumbnail_file,
            pending: summary.pending,
            sent: summary.sent,
        }
    }
}

impl From<field::CasePage> for CasePage {
    fn from(page: field::CasePage) -> Self {
        Self { cases: page.cases.into_iter().map(CaseSummary::from).collect(), next: page.next }
    }
}

impl From<field::CaseDetail> for CaseDetail {
    fn from(detail: field::CaseDetail) -> Self {
        Self {
            may_edit: detail.may_edit,
            shown: detail.shown,
            round: detail.view.round,
            summary: detail.summary.into(),
            photos: detail.photos,
            earlier: detail.earlier,
            story: detail.entries.into_iter().map(CaseEvent::from).collect(),
            steps: detail.steps.iter().filter_map(|name| CaseStep::named(name)).collect(),
        }
    }
}

impl From<field::CaseEntry> for CaseEvent {
    fn from(entry: field::CaseEntry) -> Self {
        Self { id: entry.id, change: entry.change.into(), verdict: entry.verdict, own: entry.own }
    }
}

impl From<Change> for CaseChange {
    fn from(change: Change) -> Self {
        match change {
            Change::Open { .. } => Self::Opened,
            Change::Edit { fields } => Self::Edited { fields: fields.into_keys().collect() },
            Change::Attach { photo, .. } => Self::Attached { photo: photo.sha256, role: photo.role },
            Change::Step { transition, args, .. } => {
                let text = |name: &str| args.get(name).and_then(|value| value.as_str()).map(str::to_owned);
                Self::Stepped {
                    label: CaseStep::named(&transition)
                        .map_or_else(|| transition.clone(), |step| step.label().to_owned()),
                    step: transition,
                    reason: text("reason"),
                    responsible_org: text("responsible_org"),
                }
            }
            Change::Comment { text } => Self::Commented { text },
            Change::Release { entry, .. } => Self::Released { entry },
            Change::Restored { .. } => Self::BroughtBack,
            Change::Dismiss { entry, .. } => Self::Dismissed { entry },
            Change::Erase { entry, .. } => Self::Erased { entry },
        }
    }
}

impl From<CaseAct> for field::CaseAct {
    fn from(act: CaseAct) -> Self {
        let CaseAct { step, reason, photos, fix, shown } = act;
        Self { step, args: field::reason_args(&reason.unwrap_or_default()), photos, fix, shown }
    }
}
