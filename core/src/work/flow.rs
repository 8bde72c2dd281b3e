//! The words that workflow tables are written in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::id::{EntryId, PersonId};
use crate::journal::entry::PhotoRole;
use crate::journal::verdict::Code;
use crate::journal::view::View;
use crate::pack::{OrgCode, Pack, Role};
use crate::work::Audience;
use crate::work::listing::Listing;

/// All that the engine knows about one kind of item.
pub struct Rules {
    /// Its name on the wire.
    pub kind: &'static str,
    /// Who may open one.
    pub opened_by: &'static [Who],
    /// Fields without which it cannot be opened.
    pub required: &'static [&'static str],
    /// The state that it is opened in.
    pub initial: &'static str,
    /// Who may attach photos and comment, and when.
    pub attached_by: &'static [Grant],
    /// Who may show a photo in a role that says whose it is; in any other, whoever may attach.
    pub photo_roles: &'static [(PhotoRole, &'static [Who])],
    /// Who may edit fields, and when.
    pub edited_by: &'static [Grant],
    /// The workflow.
    pub steps: &'static [Row],
    /// Fields with a rule of their own; of others the latest arrival wins.
    pub fields: &'static [FieldRule],
    /// Whether a field's value is of its form; what a field of a later version holds always is.
    pub sound: fn(&str, &Value) -> bool,
    /// Fields that hold what a clock of their author's said, in milliseconds since 1970. Where that cannot be
    /// ([`crate::limits::EARLIEST_MOMENT_MS`], [`crate::limits::CLOCK_AHEAD_MS`]), a new item has its receipt there.
    pub moments: &'static [&'static str],
    /// Fields that follow from others: computed when their sources change, never written.
    pub derive: fn(&Pack, &str, &Value) -> Vec<(&'static str, Value)>,
    /// Who receives one that this person opened.
    pub audiences: fn(&Pack, &View, Option<&PersonId>) -> BTreeSet<Audience>,
    /// What lists show of one.
    pub listing: fn(&View) -> Listing<'_>,
    /// How the office numbers each that is opened, in its field `number`; none where it does not.
    pub numbers: Option<Numbers>,
    /// The roles whose desks work on every one.
    pub desks: &'static [Role],
    /// The roles whose desks decide about what of them is held.
    pub deciders: &'static [Role],
    /// Whether nobody else is to know that there are any.
    pub covert: bool,
}

/// How items of a kind are numbered: `BZ20260721-0007`, dense within the day of receipt.
pub struct Numbers {
    /// What is counted together. A kind that not everybody may know of has a series of its own: it would leave gaps in another.
    pub series: &'static str,
    /// What stands before the day.
    pub prefix: fn(&Pack) -> &str,
}

impl Rules {
    /// The states that a step starts from.
    #[must_use]
    pub fn starts(&self, step: &str) -> Vec<&'static str> {
        self.steps.iter().filter(|row| row.step == step).map(|row| row.from).collect()
    }

    /// Whom the rules ever let take a step, or else edit (`edit`), or attach and comment (any other name).
    #[must_use]
    pub fn whose(&self, step: &str) -> Vec<Who> {
        let mut whose: Vec<Who> =
            self.steps.iter().filter(|row| row.step == step).flat_map(|row| row.who).copied().collect();
        if whose.is_empty() {
            let grants = if step == "edit" { self.edited_by } else { self.attached_by };
            whose = grants.iter().map(|grant| grant.who).collect();
        }
        whose.dedup();
        whose
    }

    /// Whether no step leads on from `state`.
    #[must_use]
    pub fn ends(&self, state: &str) -> bool {
        !self.steps.iter().any(|row| row.from == state)
    }
}

/// One row of a workflow table.
pub struct Row {
    /// The state that the step starts from.
    pub from: &'static str,
    /// The step.
    pub step: &'static str,
    /// The state that it leads to.
    pub to: &'static str,
    /// Who may take it.
    pub who: &'static [Who],
    /// What it needs.
    pub needs: &'static [Need],
    /// What else it does.
    pub also: &'static [Also],
}

/// Leave to do something that moves nothing: to edit, to attach, to comment.
pub struct Grant {
    /// To whom.
    pub who: Who,
    /// While the item stands in one of these states.
    pub in_states: &'static [&'static str],
}

/// Who may do something, as a relation between a person and an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever opened it.
    Author,
    /// An inspector of the district.
    Inspector,
    /// An inspector whom the inspected do not know of (暗访员).
    CovertInspector,
    /// An appraiser, who directs covert visits (考评员).
    Appraiser,
    /// An acceptor of the supervision centre (受理员).
    Acceptor,
    /// A dispatcher of the command centre (派遣员).
    Dispatcher,
    /// A handler of the responsible organisation (处置人员).
    Handler,
    /// A verifier who neither reported nor handled the case, nor belongs to the organisation that handles it (核查员).
    Verifier,
    /// An administrator.
    Admin,
    /// The office itself.
    Office,
}

/// What a step needs before it may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A reason in words.
    Reason,
    /// An organisation of the pack.
    Organisation,
    /// A photo taken after the work, attached by the responsible unit since it was given this task.
    AfterPhoto,
    /// Every original at the office, or a waiver with a reason.
    Originals,
}

/// What a step does beside moving the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Also {
    /// Copies an argument into the field of the same name.
    Keep(&'static str),
    /// Empties a field.
    Empty(&'static str),
    /// Starts a clock.
    Start(&'static str),
    /// Stops a clock.
    Stop(&'static str),
    /// Begins the next round: what was meant for this one comes too late.
    NextRound,
}

/// A field with a rule of its own.
pub struct FieldRule {
    /// The field.
    pub name: &'static str,
    /// Who may write it.
    pub writer: Writer,
    /// Who wins where two wrote it without knowing of each other.
    pub policy: Policy,
    /// Fields with the same group belong together and are won or lost as one.
    pub group: &'static str,
}

/// Who may write a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Whoever may edit the item.
    Editors,
    /// The office itself, by entries of its own.
    Office,
    /// Nobody: it follows from a step or from other fields.
    Nobody,
}

/// Who wins where two wrote a field without knowing of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Whoever arrives last.
    LatestArrival,
    /// A person of the office.
    OfficeWins,
    /// The larger number.
    Maximum,
    /// Everybody: the field is a set.
    AddToSet,
}

/// A person as the rules see them, at the moment of receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who; none for the office itself.
    pub person: Option<PersonId>,
    /// The person's roles.
    pub roles: Vec<Role>,
    /// The organisation that the person belongs to.
    pub org: Option<OrgCode>,
    /// Whether the person opened the item.
    pub opened_it: bool,
    /// Whether the person took a step of the item as its handler, in whatever role since.
    pub handled_it: bool,
    /// Whether the person's device was revoked.
    pub revoked: bool,
    /// Whether the office has signed that the person was in the right: of what a phone brings back to a restored office.
    pub vouched: bool,
}

/// The clock that runs while a unit has a task: each run of it is a task of its own.
pub const HANDLE_CLOCK: &str = "handle";

/// Which task the responsible unit was given last, counted from 1; 0 before the first.
#[must_use]
pub fn task(view: &View) -> usize {
    view.clocks.get(HANDLE_CLOCK).map_or(0, Vec::len)
}

/// The entries of the steps that a handler took.
pub fn handling_steps<'a>(rules: &'static Rules, view: &'a View) -> impl Iterator<Item = EntryId> + 'a {
    let by_handler = |step: &Value| rules.steps.iter().any(|row| row.step == *step && row.who == [Who::Handler]);
    view.members("steps").filter(move |(_, step)| by_handler(&step.value["step"])).map(|(_, step)| step.writer)
}

impl Actor {
    /// The office itself.
    #[must_use]
    pub const fn office() -> Self {
        Self {
            person: None,
            roles: Vec::new(),
            org: None,
            opened_it: false,
            handled_it: false,
            revoked: false,
            vouched: false,
        }
    }

    /// Whether the entry comes from a desk of the office: its value wins where the policy says so.
    #[must_use]
    pub fn is_office(&self) -> bool {
        self.person.is_none() || self.has(&Role::Acceptor) || self.has(&Role::Dispatcher)
    }

    fn has(&self, role: &Role) -> bool {
        self.roles.contains(role)
    }

    /// Whether the person is one of `any` to the item.
    #[must_use]
    pub fn is_any(&self, any: &[Who], view: &View) -> bool {
        self.vouched || any.iter().any(|who| self.is(*who, view))
    }

    /// What one of `grants` lets the person do to the item now; [`Code::NotFromHere`] where it did or will in another
    /// state, [`Code::NotAllowed`] where none ever does.
    ///
    /// # Errors
    /// The code that says why not.
    pub fn granted(&self, grants: &[Grant], view: &View) -> Result<(), Code> {
        let mine =
            || grants.iter().filter(|grant| self.vouched || self.is(grant.who, view) || self.was(grant.who, view));
        if mine()
            .any(|grant| (self.vouched || self.is(grant.who, view)) && grant.in_states.contains(&view.state.as_str()))
        {
            Ok(())
        } else if mine().next().is_some() {
            Err(Code::NotFromHere)
        } else {
            Err(Code::NotAllowed)
        }
    }

    /// Whether the person may attach a photo to the item in this role.
    #[must_use]
    pub fn may_show(&self, rules: &Rules, role: &PhotoRole, view: &View) -> bool {
        let reserved = rules.photo_roles.iter().find(|(reserved, _)| reserved == role);
        reserved.is_none_or(|(_, who)| self.is_any(who, view))
    }

    /// Whether the person's roles allow being one of `any`, whatever the item.
    #[must_use]
    pub fn could_be_any(&self, any: &[Who]) -> bool {
        self.vouched
            || any.iter().any(|who| match who {
                Who::Author => true,
                Who::Inspector => self.has(&Role::Inspector),
                Who::CovertInspector => self.has(&Role::CovertInspector),
                Who::Appraiser => self.has(&Role::Appraiser),
                Who::Acceptor => self.has(&Role::Acceptor),
                Who::Dispatcher => self.has(&Role::Dispatcher),
                Who::Handler => self.has(&Role::Handler),
                Who::Verifier => self.has(&Role::Verifier),
                Who::Admin => self.has(&Role::Admin),
                Who::Office => self.person.is_none(),
            })
    }

    fn is(&self, who: Who, view: &View) -> bool {
        let responsible =
            view.text("responsible_org").is_some_and(|org| self.org.as_ref().is_some_and(|own| own.as_str() == org));
        match who {
            Who::Author => self.opened_it,
            Who::Inspector => self.has(&Role::Inspector),
            Who::CovertInspector => self.has(&Role::CovertInspector),
            Who::Appraiser => self.has(&Role::Appraiser),
            Who::Acceptor => self.has(&Role::Acceptor),
            Who::Dispatcher => self.has(&Role::Dispatcher),
            Who::Handler => self.has(&Role::Handler) && responsible,
            Who::Verifier => self.has(&Role::Verifier) && !self.opened_it && !self.handled_it && !responsible,
            Who::Admin => self.has(&Role::Admin),
            Who::Office => self.person.is_none(),
        }
    }

    /// Whether the person was one of `any` to the item.
    #[must_use]
    pub fn was_any(&self, any: &[Who], view: &View) -> bool {
        any.iter().any(|who| self.was(*who, view))
    }

    /// Whether the person was `who` to the item: a handler of an organisation that it was dispatched to before.
    fn was(&self, who: Who, view: &View) -> bool {
        let once = |org: &OrgCode| {
            view.members("steps").any(|(_, step)| step.value["args"]["responsible_org"].as_str() == Some(org.as_str()))
        };
        who == Who::Handler && self.has(&Role::Handler) && self.org.as_ref().is_some_and(once)
    }
}

impl Need {
    /// Why the need is not met; none when it is.
    #[must_use]
    pub fn unmet(self, view: &View, args: &BTreeMap<String, Value>, pack: &Pack) -> Option<Code> {
        let text = |name: &str| args.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        match self {
            Self::Reason => text("reason").is_none().then_some(Code::ReasonMissing),
            Self::Organisation => {
                let known = text("responsible_org")
                    .is_some_and(|code| OrgCode::new(code).is_ok_and(|code| pack.organisation(&code).is_some()));
                (!known).then_some(Code::OrganisationMissing)
            }
            Self::AfterPhoto => {
                let of_this_task = view
                    .members("photos")
                    .any(|(_, photo)| photo.value["role"] == "after" && photo.value["task"] == task(view));
                (!of_this_task).then_some(Code::AfterPhotoMissing)
            }
            Self::Originals => {
                let here = view.sets.get("originals");
                let missing = view.members("photos").any(|(key, _)| !here.is_some_and(|here| here.contains_key(key)));
                (missing && text("waiver").is_none()).then_some(Code::OriginalMissing)
            }
        }
    }
}
