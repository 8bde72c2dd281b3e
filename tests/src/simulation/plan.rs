//! What happens in a run, drawn from its seed.

use xuncheng_core::journal::ledger::Ruling;
use xuncheng_core::sync::policy::{Conditions, Network, Power};
use xuncheng_disk::Fault as DiskFault;

use super::Event;
use crate::fixtures::Dice;
use crate::network::{Fault, Pace};

/// How often a kind of event comes, and how one is drawn.
type Kind = (usize, fn(&mut Dice, Focus) -> Event);

/// The kinds of events; the first few come in every plan.
const KINDS: [Kind; 31] = [
    (13, |dice, focus| Event::Capture {
        phone: focus.phone(dice),
        photos: 1 + below(dice, 2),
        far: below(dice, 3) == 0,
    }),
    (16, |dice, focus| Event::Talk {
        phone: focus.phone(dice),
        dies_after: (below(dice, 4) == 0).then(|| 1 + below(dice, 6)),
        faults: (0..below(dice, 10)).map(|_| fault(dice)).collect(),
        card_out: below(dice, 12) == 0,
    }),
    (12, |dice, focus| Event::Describe { phone: focus.phone(dice), case: focus.case(dice) }),
    (4, |dice, focus| Event::Disagree { phone: focus.phone(dice), case: focus.case(dice) }),
    (3, |dice, focus| Event::Comment { phone: focus.phone(dice), case: focus.case(dice) }),
    (13, |dice, focus| Event::Act { phone: focus.phone(dice), case: focus.case(dice), step: below(dice, 8) }),
    (6, |dice, focus| Event::Desk { case: focus.case(dice), step: below(dice, 8) }),
    (4, |dice, focus| Event::Dispatch { case: focus.case(dice), unit: below(dice, 2) }),
    (8, |dice, focus| Event::Correct { case: focus.case(dice) }),
    (4, |dice, _| Event::Rule {
        held: below(dice, 64),
        ruling: if below(dice, 3) == 0 { Ruling::Dismiss } else { Ruling::Release },
    }),
    (4, |dice, focus| Event::Pack { phone: focus.phone(dice), originals: below(dice, 2) == 0 }),
    (4, |dice, _| Event::TakeIn {
        parcel: below(dice, 64),
        thousandths: thousandths(dice),
        answered: below(dice, 4) > 0,
    }),
    (3, |dice, _| Event::Unpack { answer: below(dice, 64), thousandths: thousandths(dice) }),
    (4, |_, _| Event::BackUp),
    (2, |dice, _| Event::Restore { older: below(dice, 3) }),
    (2, |_, _| Event::CopyOffice),
    (2, |_, _| Event::PutBack),
    (2, |dice, focus| Event::Copy { phone: focus.phone(dice) }),
    (2, |dice, focus| Event::Restart { phone: focus.phone(dice), boot: below(dice, 2) == 0 }),
    (3, |dice, focus| Event::ClockOff {
        phone: (below(dice, 3) > 0).then(|| focus.phone(dice)),
        days: [-366, -1, 0, 0, 1, 366][below(dice, 6)],
    }),
    (3, |dice, _| Event::Erase { entry: below(dice, 256) }),
    (3, |_, _| Event::RestartOffice),
    (4, |dice, _| Event::ChangeRoles { person: below(dice, 16), to: below(dice, 16) }),
    (4, |dice, focus| Event::Stands { phone: focus.phone(dice), conditions: conditions(dice) }),
    (3, |dice, focus| Event::Link { phone: focus.phone(dice), link: link(dice) }),
    (2, |dice, focus| Event::LinkBack { phone: focus.phone(dice) }),
    (1, |dice, focus| Event::AskForOriginals { phone: focus.phone(dice) }),
    (1, |dice, focus| Event::Newer { phone: focus.phone(dice) }),
    (3, |dice, focus| Event::BareHash { phone: focus.phone(dice), photo: below(dice, 64) }),
    (4, |dice, focus| Event::Thief { phone: focus.phone(dice), request: below(dice, 1024), junk: below(dice, 2) == 0 }),
    (2, |dice, _| Event::Pass { minutes: [1, 10, 600, 120 * 24 * 60][below(dice, 4)] }),
];

/// How many of the kinds come in every plan: without cases and conversations nothing happens.
const ALWAYS: usize = 2;

/// What happens in a run, event by event; each keeps the number that it was drawn with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<(usize, Event)>);

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let length = 20 + below(&mut dice, 60);
        let mix = Mix::draw(&mut dice);
        // Dice of their own: without its bad disks a plan is what it was.
        let mut disks = Dice::new(seed ^ 0xD15C);
        let draw = |number| (number, mix.event(&mut dice).perhaps_on_bad_disk(&mut disks));
        Self((0..length).map(draw).collect())
    }

    /// A plan that was written down: what was found once is played again, whatever seeds draw by then.
    #[must_use]
    pub fn of(events: impl IntoIterator<Item = Event>) -> Self {
        Self(events.into_iter().enumerate().collect())
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

impl Event {
    /// Now and then a disk fails meanwhile, or the power goes: of what a person at a phone or a desk does, and of conversations.
    fn perhaps_on_bad_disk(self, dice: &mut Dice) -> Self {
        let (phone, office) = self.disks();
        if (phone.is_none() && !office) || below(dice, 6) > 0 {
            return self;
        }
        let at_the_office = office && (phone.is_none() || below(dice, 2) == 0);
        // Most of what happens makes some dozens of changes, a conversation some hundreds.
        let most = 1 << below(dice, 9);
        let change = below(dice, most) as u64;
        let event = Box::new(self);
        let fault = match below(dice, 10) {
            0 | 1 => DiskFault::Dies(change),
            2 => DiskFault::Tears(change),
            3 => DiskFault::Full(change),
            4 | 5 => DiskFault::Error(change),
            _ => {
                // The end of it is the moment at which most has been promised.
                let after = if below(dice, 2) == 0 { change } else { u64::MAX };
                return Self::PowerCut { at_the_office, after, drawn: dice.bits(), event };
            }
        };
        Self::OnBadDisk { at_the_office, fault, event }
    }
}

/// What a plan is about. In each some kinds of events come often and others never, and it may be about one case or a few phones:
/// what two things do to each other is seen sooner than where every plan has a little of all (Groce and others, *Swarm testing*, 2012).
struct Mix {
    weights: [usize; KINDS.len()],
    focus: Focus,
}

/// Which phones and how many cases a plan is about.
#[derive(Clone, Copy)]
struct Focus {
    first: usize,
    phones: usize,
    cases: usize,
}

impl Mix {
    fn draw(dice: &mut Dice) -> Self {
        let (phones, cases) = ([3, 16, 16][below(dice, 3)], [1, 3, 64][below(dice, 3)]);
        let focus = Focus { first: below(dice, 16), phones, cases };
        let mut weights = KINDS.map(|(weight, _)| weight * [0, 1, 1, 5][below(dice, 4)]);
        for (weight, (usual, _)) in weights.iter_mut().zip(KINDS).take(ALWAYS) {
            *weight = usual.max(*weight);
        }
        Self { weights, focus }
    }

    fn event(&self, dice: &mut Dice) -> Event {
        let mut drawn = below(dice, self.weights.iter().sum());
        for (weight, (_, draw)) in self.weights.iter().zip(KINDS) {
            match drawn.checked_sub(*weight) {
                Some(rest) => drawn = rest,
                None => return draw(dice, self.focus),
            }
        }
        unreachable!("what is drawn is below the sum of all weights")
    }
}

impl Focus {
    fn phone(self, dice: &mut Dice) -> usize {
        self.first + below(dice, self.phones)
    }

    fn case(self, dice: &mut Dice) -> usize {
        below(dice, self.cases)
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
