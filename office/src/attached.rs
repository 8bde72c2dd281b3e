//! The photo that an entry attaches: possession is per entry, so that every upload begins by asking for one.

use rusqlite::Connection;
use xuncheng_core::id::{EntryId, IncarnationId};
use xuncheng_core::journal::entry::{Change, Header, Photo};
use xuncheng_core::store::{StoreError, entries, judgements, lineage};

/// An entry that attaches a photo.
pub(crate) struct Attached {
    pub(crate) header: Header,
    pub(crate) photo: Photo,
    /// Whether the entry is neither held nor rejected: its photo counts for the item.
    pub(crate) counts: bool,
}

/// What `entry` attaches, if it is of the lineage of `incarnation` and it was judged. An unknown entry and another's are not told apart.
pub(crate) fn by(
    conn: &Connection,
    entry: EntryId,
    incarnation: IncarnationId,
) -> Result<Option<Attached>, StoreError> {
    if !lineage::has(conn, incarnation, entry)? {
        return Ok(None);
    }
    let (Some(written), Some(judged)) = (entries::get(conn, entry)?, judgements::get(conn, entry)?) else {
        return Ok(None);
    };
    let Ok(header) = written.read_header() else { return Ok(None) };
    let Ok(body) = written.read_body(&header) else { return Ok(None) };
    let Change::Attach { photo, .. } = body.change else { return Ok(None) };
    let verdict = judged.judgement.verdict;
    let counts = verdict.applies() || matches!(verdict, xuncheng_core::journal::verdict::Verdict::NoOp);
    Ok(Some(Attached { header, photo, counts }))
}
