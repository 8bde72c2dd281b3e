//! Writing an entry: its parts, its place in the chain, its row. Nothing here signs.

use rusqlite::Transaction;

use super::entry::{
    Body, CaptureInputs, Change, Entry, EntryError, Exchange, Header, Origin, PartHashes, Private, part_hash,
};
use super::version::Version;
use crate::clock::{Entropy, Now};
use crate::id::{EntryId, IncarnationId, ItemId, Nonce, PersonId};
use crate::limits;
use crate::place::Fix;
use crate::store::entries::{self, Known};
use crate::store::{StoreError, items};

/// Whose hand writes.
#[derive(Debug, Clone)]
pub struct Author {
    /// The life of the journal that the entry is chained into.
    pub incarnation: IncarnationId,
    /// The person.
    pub who: PersonId,
    /// The last exchange with the office before it; none at the office.
    pub last_exchange: Option<Exchange>,
    /// The console session that it is written in; none on a phone.
    pub session: Option<String>,
}

/// What an author had before their eyes when they wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// What the store holds now.
    Held,
    /// What a form showed when it was opened: a version of the office's, or none while the office had not answered.
    Form(Option<Version>),
}

/// What is to be written.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The item; none for an Open, which makes its own.
    pub item: Option<ItemId>,
    /// The item's kind.
    pub kind: String,
    /// The change.
    pub change: Change,
    /// Where the device is.
    pub fix: Option<Fix>,
    /// What the author had before their eyes.
    pub seen: Seen,
    /// For entries of the office about something that happened: what happened, once.
    pub cause: Option<String>,
}

/// An entry that is written and chained.
#[derive(Debug, Clone)]
pub struct Written {
    /// The entry.
    pub entry: Entry,
    /// Its header.
    pub header: Header,
    /// Its origin.
    pub origin: Origin,
    /// Its change.
    pub change: Change,
}

/// Why an entry could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry is over its bound.
    #[error(transparent)]
    Entry(#[from] EntryError),
}

/// Writes `draft` at the end of its author's chain, in `tx`.
///
/// # Errors
/// [`WriteError`]; nothing was written then.
pub fn write(
    tx: &Transaction<'_>,
    author: &Author,
    draft: Draft,
    now: &Now,
    entropy: &mut Entropy,
) -> Result<Written, WriteError> {
    let mut salt = || Nonce::from_bytes(entropy.bytes());
    let body = text(&Body::new(salt(), draft.change.clone()))?;
    let body_hash = part_hash("body", &body);
    let item = draft.item.unwrap_or_else(|| ItemId::opened_by(&body_hash));

    let head = entries::head(tx, author.incarnation)?;
    let own = entries::last_own(tx, item, &author.who)?;
    let origin = Origin::new(salt(), author.incarnation, head.seq + 1, head.hash, own);
    let capture = CaptureInputs { now: now.clone(), last_exchange: author.last_exchange.clone() };
    let private = Private::new(salt(), author.who.clone(), draft.fix, capture, author.session.clone());
    let (origin_text, private_text) = (text(&origin)?, text(&private)?);

    let seen = match draft.seen {
        Seen::Held => items::confirmed(tx, item)?.map(|view| view.version),
        Seen::Form(version) => version,
    };
    let header = Header {
        id: EntryId::from_bytes(entropy.bytes()),
        item,
        kind: draft.kind,
        seen,
        hashes: PartHashes {
            origin: part_hash("origin", &origin_text),
            body: body_hash,
            private: part_hash("private", &private_text),
        },
    };
    let entry = Entry {
        header: text(&header)?,
        origin: Some(origin_text),
        sealed: None,
        body: Some(body),
        private: Some(private_text),
    };
    if entry.bytes() > limits::ENTRY_BYTES {
        return Err(EntryError::TooLong { bytes: entry.bytes(), limit: limits::ENTRY_BYTES }.into());
    }
    let known = Known {
        header: &header,
        origin: Some(&origin),
        change: Some(draft.change.name()),
        who: Some(&author.who),
        cause: draft.cause.as_deref(),
    };
    entries::insert(tx, &entry, &known)?;
    Ok(Written { entry, header, origin, change: draft.change })
}

fn text<T: serde::Serialize>(part: &T) -> Result<String, WriteError> {
    Ok(crate::store::to_json("entry", part)?)
}
