//! Deliberate faults, one at a time: the simulator has to find each, or it would not find a real one either.
//!
//! They exist in builds with the feature `mutants`, which the tests alone ask for: in every other build [`is_on`] is `false`
//! for the compiler already, and nothing is left of the fault.

/// A rule that is not kept while its mutant is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mutant {
    /// A phone takes an entry that it sent for one that the office has, whatever came back.
    SentTakenForAcknowledged = 1,
    /// A phone applies an entry again that the view which it holds has in already.
    DoubleApply,
    /// A phone shows the first half of a page and takes the whole of it for read.
    PageShownHalf,
    /// A phone goes on showing what has left its audiences.
    LeaveIgnored,
    /// A copied store takes one entry along when it goes on, and leaves the others behind.
    CopyLeavesEntries,
    /// A phone takes the office's word for where its chain stands without looking at its own.
    HeadUnchecked,
    /// The office passes over a position of a feed.
    SkippedPosition,
    /// The office signs for an original and does not say so.
    ReceiptUnsaid,
    /// The office takes the first piece of an original for the whole.
    CutUploadSigned,
    /// The office lets a value go that another one replaced unseen.
    LoserDropped,
    /// The office takes an entry of a copy for one that it never saw.
    RepeatTakenForNew,
    /// The office judges what a person released, and leaves held what waits behind it.
    ReleasedAlone,
    /// The office withdraws a feed and does not say so.
    WithdrawalUnsaid,
    /// A phone calls a photo kept before the disk has its bytes.
    PhotoUnsynced,
    /// The office signs for an original before it has its name.
    ReceiptBeforeName,
    /// A phone takes a receipt for the word that a backup holds the photo.
    ReceiptTakenForSafe,
    /// The office takes it that whoever names a photo has it.
    HashTakenForPossession,
    /// After a restore a phone goes on by receipts of a branch that is gone.
    DeadReceiptsKept,
    /// To a restored office a phone brings its chains, and nothing of what it had been told.
    NothingBroughtBack,
    /// The office does not look whether it has all that phones hold of it.
    RollbackUnseen,
    /// The office lets a step of an earlier round count in a later one.
    StaleRoundTaken,
    /// An office does not look up what was erased before its ledger was put back.
    ErasuresUnread,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::SentTakenForAcknowledged,
        Self::DoubleApply,
        Self::PageShownHalf,
        Self::LeaveIgnored,
        Self::CopyLeavesEntries,
        Self::HeadUnchecked,
        Self::SkippedPosition,
        Self::ReceiptUnsaid,
        Self::CutUploadSigned,
        Self::LoserDropped,
        Self::RepeatTakenForNew,
        Self::ReleasedAlone,
        Self::WithdrawalUnsaid,
        Self::PhotoUnsynced,
        Self::ReceiptBeforeName,
        Self::ReceiptTakenForSafe,
        Self::HashTakenForPossession,
        Self::DeadReceiptsKept,
        Self::NothingBroughtBack,
        Self::RollbackUnseen,
        Self::StaleRoundTaken,
        Self::ErasuresUnread,
    ];
}

#[cfg(feature = "mutants")]
static ON: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Whether the fault is in this run.
#[cfg(feature = "mutants")]
#[must_use]
pub fn is_on(mutant: Mutant) -> bool {
    ON.load(std::sync::atomic::Ordering::Relaxed) == mutant as u8
}

/// Whether the fault is in this run: it is in none.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn is_on(_: Mutant) -> bool {
    false
}

/// Puts a fault into the whole process, or takes it out of it.
#[cfg(feature = "mutants")]
pub fn set(mutant: Option<Mutant>) {
    ON.store(mutant.map_or(0, |mutant| mutant as u8), std::sync::atomic::Ordering::Relaxed);
}
