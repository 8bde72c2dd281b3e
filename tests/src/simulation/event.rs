//! What may happen in a simulated district.

use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::sync::policy::{Conditions, Network, Power};
use xuncheng_disk::Fault as DiskFault;

use crate::fixtures::Dice;
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
    /// A person of the district gets another role list, and the office reads it.
    ChangeRoles {
        /// Which of the changes.
        change: usize,
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
}

impl Event {
    /// What kind of thing it is.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Capture { .. } => "capture",
            Self::Describe { .. } => "describe",
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
            Self::RestartOffice => "office restart",
            Self::BackUp => "backup",
            Self::Restore { older: 0 } => "restore of the newest backup",
            Self::Restore { .. } => "restore of an older backup",
            Self::CopyOffice => "copy of the office's folder",
            Self::PutBack => "office put back by hand",
            Self::ChangeRoles { .. } => "role change",
            Self::Pass { .. } => "time",
            Self::OnBadDisk { event, .. } => event.name(),
        }
    }

    /// Now and then a disk fails meanwhile: of what a person at a phone or a desk does, and of conversations.
    fn perhaps_on_bad_disk(self, dice: &mut Dice) -> Self {
        let (touches_phone, touches_office) = match &self {
            Self::Capture { .. } | Self::Describe { .. } | Self::Comment { .. } | Self::Act { .. } => (true, false),
            Self::Restart { .. } => (true, false),
            Self::Talk { card_out, .. } => (!card_out, !card_out),
            Self::Desk { .. } | Self::Dispatch { .. } | Self::Correct { .. } | Self::Rule { .. } => (false, true),
            Self::RestartOffice => (false, true),
            Self::Copy { .. } | Self::ClockOff { .. } | Self::ChangeRoles { .. } | Self::Pass { .. } => (false, false),
            // A stick is no disk of either.
            Self::Pack { .. } | Self::TakeIn { .. } | Self::Unpack { .. } => (false, false),
            // Each opens a folder anew, with a disk of its own.
            Self::BackUp | Self::Restore { .. } | Self::CopyOffice | Self::PutBack => (false, false),
            // Of the phone and its link alone.
            Self::Stands { .. } | Self::AskForOriginals { .. } | Self::Link { .. } | Self::LinkBack { .. } => {
                (false, false)
            }
            Self::Newer { .. } => (false, false),
            Self::OnBadDisk { .. } => (false, false),
        };
        if (!touches_phone && !touches_office) || below(dice, 6) > 0 {
            return self;
        }
        let at_the_office = touches_office && (!touches_phone || below(dice, 2) == 0);
        // Most of what happens makes some dozens of changes, a conversation some hundreds.
        let most = 1 << below(dice, 9);
        let change = below(dice, most) as u64;
        let fault = match below(dice, 6) {
            0 | 1 => DiskFault::Dies(change),
            2 => DiskFault::Tears(change),
            3 => DiskFault::Full(change),
            _ => DiskFault::Error(change),
        };
        Self::OnBadDisk { at_the_office, fault, event: Box::new(self) }
    }

    fn draw(dice: &mut Dice) -> Self {
        let phone = below(dice, 16);
        let case = below(dice, 64);
        match below(dice, 110) {
            0..13 => Self::Capture { phone, photos: 1 + below(dice, 2), far: below(dice, 3) == 0 },
            13..22 => Self::Describe { phone, case },
            22..25 => Self::Comment { phone, case },
            25..38 => Self::Act { phone, case, step: below(dice, 8) },
            38..44 => Self::Desk { case, step: below(dice, 8) },
            44..48 => Self::Dispatch { case, unit: below(dice, 2) },
            48..53 => Self::Correct { case },
            53..57 => Self::Pack { phone, originals: below(dice, 2) == 0 },
            57..61 => {
                Self::TakeIn { parcel: below(dice, 64), thousandths: thousandths(dice), answered: below(dice, 4) > 0 }
            }
            61..64 => Self::Unpack { answer: below(dice, 64), thousandths: thousandths(dice) },
            64..80 => Self::Talk {
                phone,
                dies_after: (below(dice, 4) == 0).then(|| 1 + below(dice, 6)),
                faults: (0..below(dice, 10)).map(|_| fault(dice)).collect(),
                card_out: below(dice, 12) == 0,
            },
            80..84 => match below(dice, 8) {
                0..3 => Self::BackUp,
                3 | 4 => Self::Restore { older: below(dice, 3) },
                5 | 6 => Self::CopyOffice,
                _ => Self::PutBack,
            },
            84..86 => Self::Copy { phone },
            86..88 => Self::Restart { phone, boot: below(dice, 2) == 0 },
            88..91 => Self::ClockOff {
                phone: (below(dice, 3) > 0).then_some(phone),
                days: [-366, -1, 0, 0, 1, 366][below(dice, 6)],
            },
            91..94 => Self::RestartOffice,
            94..96 => Self::ChangeRoles { change: below(dice, 6) },
            96..98 => Self::Rule {
                held: below(dice, 64),
                ruling: if below(dice, 3) == 0 { Ruling::Dismiss } else { Ruling::Release },
            },
            98..102 => Self::Stands { phone, conditions: conditions(dice) },
            102..105 => Self::Link { phone, link: link(dice) },
            105 => Self::AskForOriginals { phone },
            106..108 => Self::LinkBack { phone },
            108 => Self::Newer { phone },
            _ => Self::Pass { minutes: [1, 10, 600, 120 * 24 * 60][below(dice, 4)] },
        }
    }
}

fn conditions(dice: &mut Dice) -> Conditions {
    Conditions {
        network: [Network::Unmetered, Network::Metered, Network::Roaming][below(dice, 3)],
        power: [Power::Charging, Power::Battery { percent: 60 }, Power::Battery { percent: 5 }][below(dice, 3)],
    }
}

fn link(dice: &mut Dice) -> Option<Option<Pace>> {
    match below(dice, 3) {
        0 => None,
        1 => Some(None),
        _ => {
            let bytes_per_second = [2_000, 20_000, 125_000][below(dice, 3)];
            Some(Some(Pace { bytes_per_second, one_way_ms: 150 }))
        }
    }
}

/// How much of a parcel comes: mostly all.
fn thousandths(dice: &mut Dice) -> u64 {
    if below(dice, 4) == 0 { below(dice, 1000) as u64 } else { 1000 }
}

fn fault(dice: &mut Dice) -> Option<Fault> {
    Some(match below(dice, 20) {
        0 | 1 => Fault::LoseRequest,
        2..5 => Fault::LoseAnswer,
        5 => Fault::Twice,
        6 => Fault::Late,
        7 => Fault::CutRequest(below(dice, 3000)),
        8 => Fault::TruncateAnswer(below(dice, 3000)),
        9 => Fault::Portal,
        10 => Fault::Status([413, 423, 500, 502, 503, 404][below(dice, 6)]),
        _ => return None,
    })
}

fn below(dice: &mut Dice, bound: usize) -> usize {
    usize::try_from(dice.bits() % bound as u64).unwrap_or(0)
}

/// What happens in a run, event by event; each keeps the number that it was drawn with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<(usize, Event)>);

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let length = 20 + below(&mut dice, 60);
        // Dice of their own: without its bad disks a plan is what it was.
        let mut disks = Dice::new(seed ^ 0xD15C);
        let draw = |number| (number, Event::draw(&mut dice).perhaps_on_bad_disk(&mut disks));
        Self((0..length).map(draw).collect())
    }

    /// So much of it as `numbers` name.
    #[must_use]
    pub fn only(&self, numbers: &[usize]) -> Self {
        Self(self.0.iter().filter(|(number, _)| numbers.contains(number)).cloned().collect())
    }

    /// The events with their numbers.
    pub fn events(&self) -> impl Iterator<Item = (usize, &Event)> {
        self.0.iter().map(|(number, event)| (*number, event))
    }

    /// The numbers of its events.
    #[must_use]
    pub fn numbers(&self) -> Vec<usize> {
        self.0.iter().map(|(number, _)| *number).collect()
    }
}
