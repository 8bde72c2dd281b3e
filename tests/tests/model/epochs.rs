//! A model of intake, cursor and epoch: phones that write, send and read on; an office that commits, crashes, is backed up and put
//! back; and what each re-offers then (docs/protocol.md, sections 3, 6 and 8).
//!
//! What is in it: a phone writes entries and sends them in the order of its chain; the office appends what it
//! takes to one feed and answers with at most one row after the phone's cursor; answers come late, out of order, or never; any
//! request may be the last thing before a crash. A backup is a copy of the ledger with its countersignatures; a restore puts one
//! back under a new epoch; a rollback puts one back by hand, and nobody is told. One phone may be lost. A phone that meets a new
//! epoch re-offers what it wrote or learnt after the last of its countersignatures that the office still knows, and enters when
//! all of it is answered.
//!
//! What is not: what an entry does (judging, verdicts), photos, audiences, copies of phones, late requests (a request is answered
//! when it is made; its answer may be late), a rollback to another epoch. The bounds are [`Bounds`].

use std::collections::BTreeSet;

use stateright::{Model, Property};

/// Phone and place in its chain.
pub(super) type Entry = (u8, u8);

/// How much happens in one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Entries that each of the two phones writes.
    pub(super) writes: [u8; 2],
    /// Requests that each makes.
    pub(super) requests: [u8; 2],
    /// Answers of each that are under way at once.
    pub(super) late: usize,
    /// Backups.
    pub(super) backups: usize,
    /// Restores and rollbacks together.
    pub(super) returns: u8,
    /// Whether the first phone may be lost.
    pub(super) loss: bool,
}

/// A rule that is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A phone enters a new epoch as it is.
    NoReoffer,
    /// A phone re-offers what it wrote, not what it learnt of others.
    OwnOnly,
    /// A phone re-offers what it read above the office's last position, instead of after a countersignature.
    ByPosition,
    /// A phone enters with the first of its offers answered.
    EntersEarly,
    /// A phone applies an answer to a request that it made in another epoch, or at another position.
    AnyAnswer,
    /// A phone reads on in a new epoch from the position that it had in the old one.
    KeepsCursor,
    /// A cursor goes to the end of the feed, although the page ended before it.
    SkipsRows,
    /// The office takes no notice of a countersignature that it does not know.
    TrustsItself,
}

/// The ledger on one branch of its history.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Branch {
    epoch: u8,
    /// The one feed, which is the ledger.
    ledger: Vec<Entry>,
    /// Requests that were countersigned, by phone and number.
    signed: BTreeSet<(u8, u8)>,
}

/// What a phone knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Phone {
    alive: bool,
    written: u8,
    asked: u8,
    epoch: u8,
    cursor: usize,
    /// What it read in this epoch, in order.
    read: Vec<Entry>,
    /// Own entries and those that it read, in any epoch.
    held: BTreeSet<Entry>,
    /// How many of its own entries the office has countersigned.
    through: u8,
    /// Its countersignatures.
    marks: Vec<Mark>,
    /// The epoch that it is about to enter, and what it has still to offer.
    recovering: Option<(u8, BTreeSet<Entry>)>,
}

/// A countersignature: of which request, in which epoch, and what the phone knew to be at the office then.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Mark {
    number: u8,
    epoch: u8,
    there: BTreeSet<Entry>,
}

/// What the office says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Answer {
    /// The request: its number, its epoch, its position, and what it offered.
    number: u8,
    asked_in: u8,
    from: usize,
    offered: Option<Entry>,
    epoch: u8,
    /// How long the office has the phone's chain.
    through: u8,
    rows: Vec<Entry>,
    next: usize,
    /// How much of the feed there is.
    length: usize,
    /// The last of the phone's countersignatures that the office knows.
    known: Option<u8>,
}

/// A moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    office: Branch,
    backups: Vec<Branch>,
    phones: Vec<Phone>,
    under_way: Vec<Vec<Answer>>,
    /// What phones were told that the office has: for the properties alone.
    acknowledged: BTreeSet<Entry>,
    returns: u8,
    rolled_back: u8,
    newest_epoch: u8,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// A phone writes an entry.
    Write(u8),
    /// A phone asks; the office commits and answers.
    Ask(u8),
    /// An answer comes.
    Answered(u8, usize),
    /// An answer never comes: it was lost, or the office crashed after its commit.
    Lost(u8, usize),
    /// A backup.
    BackUp,
    /// A backup is put back under a new epoch.
    Restore(usize),
    /// A backup is put back by hand.
    RollBack(usize),
    /// The first phone is gone.
    Lose,
}

/// The model, with at most one rule switched off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epochs {
    /// How much happens.
    pub(super) bounds: Bounds,
    /// What is switched off.
    pub(super) fault: Option<Fault>,
}

/// Nothing acknowledged and still held by a phone is lost for good.
pub(super) const KEPT: &str = "what was acknowledged and is held by a phone is at the office once all have talked";
/// Cursors never skip.
pub(super) const WHOLE: &str = "a phone holds all that its cursor has passed";
/// No position of one epoch is taken for one of another.
pub(super) const ONE_BRANCH: &str = "what a phone read in an epoch is the beginning of that epoch's feed";

impl Branch {
    /// How long the office has a phone's chain.
    fn through(&self, phone: u8) -> u8 {
        (1..).take_while(|seq| self.ledger.contains(&(phone, *seq))).last().unwrap_or(0)
    }

    fn take(&mut self, entry: Entry) {
        if !self.ledger.contains(&entry) {
            self.ledger.push(entry);
        }
    }
}

impl Phone {
    fn new() -> Self {
        Self {
            alive: true,
            written: 0,
            asked: 0,
            epoch: 0,
            cursor: 0,
            read: Vec::new(),
            held: BTreeSet::new(),
            through: 0,
            marks: Vec::new(),
            recovering: None,
        }
    }

    /// Whether the office that answered it last is the one that there is, and has no more to say.
    fn is_settled(&self, number: u8, office: &Branch) -> bool {
        self.stands_on(number, office)
            && self.recovering.is_none()
            && self.through == self.written
            && self.cursor == office.ledger.len()
    }

    /// Whether the office knows the last countersignature that the phone has, on the branch that the phone stands on.
    fn stands_on(&self, number: u8, office: &Branch) -> bool {
        self.epoch == office.epoch && self.is_known_to(number, office)
    }

    /// Whether the office knows the last countersignature that the phone has of the office's own epoch.
    fn is_known_to(&self, number: u8, office: &Branch) -> bool {
        let last = self.marks.iter().rev().find(|mark| mark.epoch == office.epoch);
        last.is_none_or(|last| office.signed.contains(&(number, last.number)))
    }
}

impl Epochs {
    const fn is_off(&self, fault: Fault) -> bool {
        matches!(self.fault, Some(off) if off as u8 == fault as u8)
    }

    /// The office's turn: what it commits, and what it answers.
    fn turn(&self, office: &mut Branch, newest_epoch: &mut u8, name: u8, phone: &Phone, number: u8) -> Answer {
        if !phone.is_known_to(name, office) && !self.is_off(Fault::TrustsItself) {
            *newest_epoch += 1;
            office.epoch = *newest_epoch;
        }
        let offered = phone.recovering.as_ref().and_then(|(_, left)| left.first().copied());
        if let Some(offered) = offered {
            office.take(offered);
        } else if phone.recovering.is_none() && phone.through == office.through(name) {
            (phone.through + 1..=phone.written).for_each(|seq| office.take((name, seq)));
        }
        let known =
            phone.marks.iter().rev().map(|mark| mark.number).find(|mark| office.signed.contains(&(name, *mark)));
        office.signed.insert((name, number));
        let rows: Vec<Entry> = office.ledger.iter().skip(phone.cursor).take(1).copied().collect();
        let length = office.ledger.len();
        let next = if self.is_off(Fault::SkipsRows) { length } else { phone.cursor + rows.len() };
        Answer {
            number,
            asked_in: phone.epoch,
            from: phone.cursor,
            offered,
            epoch: office.epoch,
            through: office.through(name),
            rows,
            next,
            length,
            known,
        }
    }

    fn apply(&self, name: u8, phone: &mut Phone, answer: &Answer, acknowledged: &mut BTreeSet<Entry>) {
        let fits = answer.asked_in == phone.epoch && answer.from == phone.cursor;
        if !fits && !self.is_off(Fault::AnyAnswer) {
            return;
        }
        if answer.epoch > answer.asked_in {
            self.recover(name, phone, answer);
        } else if phone.recovering.is_none() && (answer.epoch == phone.epoch || self.is_off(Fault::AnyAnswer)) {
            phone.cursor = answer.next;
            phone.read.extend(&answer.rows);
            phone.held.extend(&answer.rows);
            phone.through = phone.through.max(answer.through.min(phone.written));
            acknowledged.extend((1..=phone.through).map(|seq| (name, seq)));
            let own = (1..=answer.through).map(|seq| (name, seq));
            let there = phone.read.iter().copied().chain(own).collect();
            phone.marks.push(Mark { number: answer.number, epoch: answer.epoch, there });
        }
    }

    /// A phone meets a new epoch, or hears of what it offered there.
    fn recover(&self, name: u8, phone: &mut Phone, answer: &Answer) {
        let mut left = match &phone.recovering {
            // It comes late: the office went on from there.
            Some((epoch, _)) if *epoch > answer.epoch => return,
            Some((epoch, left)) if *epoch == answer.epoch => left.clone(),
            Some(_) | None => self.owed_again(name, phone, answer),
        };
        phone.recovering = None;
        let known = phone.marks.iter().find(|mark| Some(mark.number) == answer.known);
        let mut there = known.map(|known| known.there.clone()).unwrap_or_default();
        there.extend(answer.offered);
        there.extend((1..=answer.through).map(|seq| (name, seq)));
        phone.marks.push(Mark { number: answer.number, epoch: answer.epoch, there });
        if answer.offered.is_some_and(|offered| left.remove(&offered)) && self.is_off(Fault::EntersEarly) {
            left.clear();
        }
        if !left.is_empty() {
            phone.recovering = Some((answer.epoch, left));
            return;
        }
        phone.epoch = answer.epoch;
        phone.through = phone.through.min(answer.through);
        if !self.is_off(Fault::KeepsCursor) {
            phone.cursor = 0;
            phone.read.clear();
        }
    }

    fn owed_again(&self, name: u8, phone: &Phone, answer: &Answer) -> BTreeSet<Entry> {
        if self.is_off(Fault::NoReoffer) {
            return BTreeSet::new();
        }
        if self.is_off(Fault::ByPosition) {
            return phone.read.iter().skip(answer.length).copied().collect();
        }
        let known = phone.marks.iter().find(|mark| Some(mark.number) == answer.known);
        let after = |entry: &&Entry| known.is_none_or(|known| !known.there.contains(*entry));
        // What was never sent goes as it always does.
        let sent = |entry: &&Entry| entry.0 != name || entry.1 <= phone.through;
        let own = |entry: &&Entry| !self.is_off(Fault::OwnOnly) || entry.0 == name;
        phone.held.iter().filter(after).filter(sent).filter(own).copied().collect()
    }
}

impl Model for Epochs {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            office: Branch { epoch: 0, ledger: Vec::new(), signed: BTreeSet::new() },
            backups: Vec::new(),
            phones: vec![Phone::new(); 2],
            under_way: vec![Vec::new(); 2],
            acknowledged: BTreeSet::new(),
            returns: 0,
            rolled_back: 0,
            newest_epoch: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (name, (phone, under_way)) in (0..).zip(state.phones.iter().zip(&state.under_way)) {
            if !phone.alive {
                continue;
            }
            let of = usize::from(name);
            if phone.written < self.bounds.writes[of] {
                actions.push(Action::Write(name));
            }
            if phone.asked < self.bounds.requests[of] && under_way.len() < self.bounds.late {
                actions.push(Action::Ask(name));
            }
            for number in 0..under_way.len() {
                actions.extend([Action::Answered(name, number), Action::Lost(name, number)]);
            }
        }
        if state.backups.len() < self.bounds.backups {
            actions.push(Action::BackUp);
        }
        if state.returns < self.bounds.returns {
            for (number, backup) in state.backups.iter().enumerate() {
                actions.push(Action::Restore(number));
                if backup.epoch == state.office.epoch {
                    actions.push(Action::RollBack(number));
                }
            }
        }
        if self.bounds.loss && state.phones.iter().all(|phone| phone.alive) {
            actions.push(Action::Lose);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Write(name) => {
                let phone = &mut state.phones[usize::from(name)];
                phone.written += 1;
                phone.held.insert((name, phone.written));
            }
            Action::Ask(name) => {
                let phone = &mut state.phones[usize::from(name)];
                phone.asked += 1;
                let number = phone.asked;
                let answer = self.turn(&mut state.office, &mut state.newest_epoch, name, phone, number);
                state.under_way[usize::from(name)].push(answer);
            }
            Action::Answered(name, number) => {
                let answer = state.under_way[usize::from(name)].remove(number);
                let phone = &mut state.phones[usize::from(name)];
                self.apply(name, phone, &answer, &mut state.acknowledged);
            }
            Action::Lost(name, number) => {
                state.under_way[usize::from(name)].remove(number);
            }
            Action::BackUp => state.backups.push(state.office.clone()),
            Action::Restore(number) => {
                state.returns += 1;
                state.newest_epoch += 1;
                state.office = Branch { epoch: state.newest_epoch, ..state.backups[number].clone() };
            }
            Action::RollBack(number) => {
                state.returns += 1;
                state.rolled_back += 1;
                state.office = state.backups[number].clone();
            }
            Action::Lose => {
                state.phones[0].alive = false;
                state.under_way[0].clear();
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(KEPT, |_, state: &State| {
                let alive = || (0..).zip(&state.phones).filter(|(_, phone)| phone.alive);
                !alive().all(|(name, phone)| phone.is_settled(name, &state.office))
                    || alive()
                        .flat_map(|(_, phone)| &phone.held)
                        .all(|entry| !state.acknowledged.contains(entry) || state.office.ledger.contains(entry))
            }),
            Property::always(WHOLE, |_, state: &State| {
                (0..).zip(&state.phones).filter(|(name, phone)| phone.stands_on(*name, &state.office)).all(
                    |(_, phone)| {
                        phone.cursor <= state.office.ledger.len()
                            && state.office.ledger[..phone.cursor].iter().all(|entry| phone.held.contains(entry))
                    },
                )
            }),
            Property::always(ONE_BRANCH, |_, state: &State| {
                (0..)
                    .zip(&state.phones)
                    .filter(|(name, phone)| phone.stands_on(*name, &state.office))
                    .all(|(_, phone)| state.office.ledger.starts_with(&phone.read))
            }),
            Property::sometimes("an office that was put back gets again what it had lost", |_, state: &State| {
                state.phones.iter().any(|phone| phone.epoch > 0)
                    && state.backups.iter().any(|backup| state.acknowledged.iter().any(|e| !backup.ledger.contains(e)))
                    && state.acknowledged.iter().all(|entry| state.office.ledger.contains(entry))
            }),
            Property::sometimes("an office finds out by itself that it was put back", |_, state: &State| {
                state.office.epoch > 0 && state.rolled_back == state.returns
            }),
        ]
    }
}
