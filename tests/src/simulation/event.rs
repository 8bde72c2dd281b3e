//! What may happen in a simulated district.

use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::sync::policy::Conditions;
use xuncheng_disk::Fault as DiskFault;

use crate::network::{Fault, Pace};

/// One thing that happens. Phones, cases and steps are numbers: each stands for one of those that there are then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A case is captured, with so many photos; in an area of the inspector's or in another.
    Capture {
        /// Which phone.
        phone: usize,
        /// How many photos, at least one.
        photos: usize,
        /// Whether in an area that not everybody is posted to.
        far: bool,
    },
    /// A case is described anew on a phone.
    Describe {
        /// Which phone.
        phone: usize,
        /// Which of the cases that it holds.
        case: usize,
    },
    /// A case is described anew on a phone and corrected at a desk, and neither knows of the other.
    Disagree {
        /// Which phone.
        phone: usize,
        /// Which of the cases that it holds.
        case: usize,
    },
    /// Something is said about a case on a phone.
    Comment {
        /// Which phone.
        phone: usize,
        /// Which of the cases that it holds.
        case: usize,
    },
    /// A step is taken on a phone.
    Act {
        /// Which phone.
        phone: usize,
        /// Which of the cases that it holds.
        case: usize,
        /// Which of the steps that it offers.
        step: usize,
    },
    /// A step is taken at the console.
    Desk {
        /// Which of the office's cases.
        case: usize,
        /// Which of the steps that lead on.
        step: usize,
    },
    /// A case is filed and sent to a crew at the console.
    Dispatch {
        /// Which of the office's cases.
        case: usize,
        /// Which of the units that have a phone.
        unit: usize,
    },
    /// A field is corrected at the console.
    Correct {
        /// Which of the office's cases.
        case: usize,
    },
    /// A desk says something of what is held.
    Rule {
        /// Which of the held entries.
        held: usize,
        /// What is said.
        ruling: Ruling,
    },
    /// A phone talks with the office for at most so many requests, and these faults meet the first ones.
    Talk {
        /// Which phone.
        phone: usize,
        /// After how many requests its program is killed; what was sent last is not told to it.
        dies_after: Option<usize>,
        /// One for each request, in turn.
        faults: Vec<Option<Fault>>,
        /// Whether the card with the photos is out meanwhile.
        card_out: bool,
    },
    /// A phone puts what waits into a parcel.
    Pack {
        /// Which phone.
        phone: usize,
        /// Whether originals go with it.
        originals: bool,
    },
    /// The office takes one of the parcels in that were ever made, all of it or what of it came, and perhaps answers.
    TakeIn {
        /// Which parcel.
        parcel: usize,
        /// After how many thousandths of it the stick was pulled out; 1000 where it was not.
        thousandths: u64,
        /// Whether it is answered.
        answered: bool,
    },
    /// A phone takes one of the answers that were ever made.
    Unpack {
        /// Which answer.
        answer: usize,
        /// As above.
        thousandths: u64,
    },
    /// A phone's program ends without being asked, and starts again; or the whole phone does.
    Restart {
        /// Which phone.
        phone: usize,
        /// Whether the phone itself restarts.
        boot: bool,
    },
    /// A phone's folder is copied onto another phone, and both go on.
    Copy {
        /// Which phone.
        phone: usize,
    },
    /// A phone and the office speak of more than anybody here knows, as those of a later version do; what the phone writes has
    /// more in it too.
    Newer {
        /// Which phone.
        phone: usize,
    },
    /// A clock is set wrong by so many days; that of the office where no phone is named.
    ClockOff {
        /// Whose.
        phone: Option<usize>,
        /// How many days.
        days: i64,
    },
    /// A phone's platform says how it stands, and that holds until it says otherwise.
    Stands {
        /// Which phone.
        phone: usize,
        /// How.
        conditions: Conditions,
    },
    /// Somebody wants a phone's originals sent whatever its policy says.
    AskForOriginals {
        /// Which phone.
        phone: usize,
    },
    /// A phone's link becomes slow, as fast as any, or is gone altogether until it is another.
    Link {
        /// Which phone.
        phone: usize,
        /// What it is from here on; none is no link.
        link: Option<Option<Pace>>,
    },
    /// The platform says that a phone's link is back, whatever the phone waits for.
    LinkBack {
        /// Which phone.
        phone: usize,
    },
    /// The private part of an entry is erased at the office.
    Erase {
        /// Which of the office's entries.
        entry: usize,
    },
    /// The office's program ends and starts again.
    RestartOffice,
    /// The office is backed up.
    BackUp,
    /// The office's disk is lost, and a backup takes its place.
    Restore {
        /// Which one, counted back from the newest.
        older: usize,
    },
    /// Somebody copies the office's data folder by hand.
    CopyOffice,
    /// Somebody puts the last such copy back, and says nothing.
    PutBack,
    /// A person of the district gets other roles, areas or another unit, and the office reads it.
    ChangeRoles {
        /// Whose, of those who have a phone.
        person: usize,
        /// Which of those that there are.
        to: usize,
    },
    /// Time goes by.
    Pass {
        /// How much.
        minutes: u64,
    },
    /// A disk fails while something happens. A program whose disk has died is started anew, on another that holds what was
    /// written; whatever it was told about the change that failed.
    OnBadDisk {
        /// Whose disk: that of the phone that it happens on, or of the office.
        at_the_office: bool,
        /// How it fails.
        fault: DiskFault,
        /// What happens meanwhile.
        event: Box<Event>,
    },
    /// The power goes while something happens, or right after it. What had been synced is there when it is back, and of the rest
    /// what is drawn.
    PowerCut {
        /// Whose power: that of the phone that it happens on, or of the office.
        at_the_office: bool,
        /// After how many changes of a file; after the last of them, where there were no more.
        after: u64,
        /// Draws what is there of all that was not synced.
        drawn: u64,
        /// What happens meanwhile.
        event: Box<Event>,
    },
    /// A phone names somebody else's photo in an entry of its own, by the hash alone.
    BareHash {
        /// Which phone.
        phone: usize,
        /// Which of the photos that there are.
        photo: usize,
    },
    /// Somebody who recorded what a phone sent sends some of it again, as it was or, with the same token, with other bytes in it.
    Thief {
        /// Whose requests were recorded.
        phone: usize,
        /// Which of them.
        request: usize,
        /// Whether its bytes are the thief's own.
        junk: bool,
    },
}

impl Event {
    /// What kind of thing it is.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Capture { .. } => "capture",
            Self::Describe { .. } => "describe",
            Self::Disagree { .. } => "disagreement",
            Self::Comment { .. } => "comment",
            Self::Act { .. } => "step on a phone",
            Self::Desk { .. } => "step at a desk",
            Self::Dispatch { .. } => "dispatch",
            Self::Correct { .. } => "correction at a desk",
            Self::Rule { ruling: Ruling::Release, .. } => "release",
            Self::Rule { ruling: Ruling::Dismiss, .. } => "dismissal",
            Self::Talk { card_out: true, .. } => "conversation with the card out",
            Self::Talk { dies_after: None, .. } => "conversation",
            Self::Talk { dies_after: Some(_), .. } => "kill while talking",
            Self::Pack { .. } => "parcel made",
            Self::TakeIn { thousandths: 1000, .. } => "parcel taken in",
            Self::TakeIn { .. } => "parcel cut off",
            Self::Unpack { .. } => "answer taken",
            Self::Restart { boot: false, .. } => "kill",
            Self::Restart { boot: true, .. } => "reboot",
            Self::Copy { .. } => "copy of a phone",
            Self::Newer { .. } => "later version",
            Self::ClockOff { .. } => "clock jump",
            Self::Stands { .. } => "change of network or power",
            Self::AskForOriginals { .. } => "originals asked for",
            Self::Link { link: None, .. } => "partition",
            Self::Link { link: Some(None), .. } => "fast link",
            Self::Link { link: Some(Some(_)), .. } => "slow link",
            Self::LinkBack { .. } => "link is back",
            Self::Erase { .. } => "erasure",
            Self::RestartOffice => "office restart",
            Self::BackUp => "backup",
            Self::Restore { older: 0 } => "restore of the newest backup",
            Self::Restore { .. } => "restore of an older backup",
            Self::CopyOffice => "copy of the office's folder",
            Self::PutBack => "office put back by hand",
            Self::ChangeRoles { .. } => "role change",
            Self::Pass { .. } => "time",
            Self::OnBadDisk { event, .. } | Self::PowerCut { event, .. } => event.name(),
            Self::BareHash { .. } => "hash without its photo",
            Self::Thief { junk: false, .. } => "recorded request",
            Self::Thief { junk: true, .. } => "stolen token",
        }
    }

    /// Whose disks what happens changes: that of a phone, by its number, and of the office. Of what goes on a stick, or opens a
    /// folder anew with a disk of its own, none.
    #[must_use]
    pub const fn disks(&self) -> (Option<usize>, bool) {
        match self {
            Self::Capture { phone, .. }
            | Self::Describe { phone, .. }
            | Self::Comment { phone, .. }
            | Self::Act { phone, .. }
            | Self::Restart { phone, .. } => (Some(*phone), false),
            // With its card out a phone's folder is not where it was.
            Self::Talk { phone, card_out: false, .. } => (Some(*phone), true),
            Self::Desk { .. }
            | Self::Dispatch { .. }
            | Self::Correct { .. }
            | Self::Rule { .. }
            | Self::Erase { .. }
            | Self::RestartOffice => (None, true),
            Self::Talk { card_out: true, .. }
            | Self::Pack { .. }
            | Self::TakeIn { .. }
            | Self::Unpack { .. }
            | Self::Copy { .. }
            | Self::Newer { .. }
            | Self::ClockOff { .. }
            | Self::Stands { .. }
            | Self::AskForOriginals { .. }
            | Self::Link { .. }
            | Self::LinkBack { .. }
            | Self::BackUp
            | Self::Restore { .. }
            | Self::CopyOffice
            | Self::PutBack
            | Self::ChangeRoles { .. }
            | Self::Disagree { .. }
            | Self::Pass { .. }
            | Self::BareHash { .. }
            | Self::Thief { .. }
            | Self::OnBadDisk { .. }
            | Self::PowerCut { .. } => (None, false),
        }
    }
}
