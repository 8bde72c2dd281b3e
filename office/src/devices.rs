//! Devices: who may send, and when they were last heard.

use std::collections::BTreeMap;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde_json::json;
use xuncheng_core::clock::Moment;
use xuncheng_core::crypto::PublicKey;
use xuncheng_core::id::{EntryId, EpochId, IncarnationId, ItemId, PersonId};
use xuncheng_core::journal::actor;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::journal::write::{Author, Draft, Seen};
use xuncheng_core::store::{entries, items, lineage, recovered};
use xuncheng_core::sync::wire::Succession;
use xuncheng_core::work::device;

use crate::error::OfficeError;
use crate::office::write_at_desk;

/// An enrolled device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The life of the journal that it writes.
    pub incarnation: IncarnationId,
    /// The item that tells its story.
    pub item: ItemId,
    /// Whose it is.
    pub person: PersonId,
    /// The key that it signs with.
    pub key: PublicKey,
    /// What it calls itself.
    pub name: String,
    /// Since when.
    pub enrolled_at: Moment,
    /// Since when what it sends is held.
    pub revoked_at: Option<Moment>,
    /// When it was last heard.
    pub last_sync_at: Option<Moment>,
}

/// How far the office has a device's journal, and who signed for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Journal {
    /// How many entries the device had written when it was heard last; none from devices that do not say it.
    pub written: Option<u64>,
    /// Entries that the office has: they are the first of the journal, without a gap.
    pub received: u64,
    /// The last place that the device signed for.
    pub signed: u64,
    /// The last place that the office signed for on this branch of the ledger; none before the first sync on it.
    pub countersigned: Option<u64>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        incarnation: row.get("incarnation")?,
        item: row.get("item")?,
        person: person(row, "person")?,
        key: parsed(row, "key", |text| text.parse::<PublicKey>())?,
        name: row.get("name")?,
        enrolled_at: row.get("enrolled_at")?,
        revoked_at: row.get("revoked_at")?,
        last_sync_at: row.get("last_sync_at")?,
    })
}

/// A column that holds a person's code.
pub(crate) fn person(row: &Row<'_>, column: &str) -> rusqlite::Result<PersonId> {
    parsed(row, column, PersonId::new)
}

fn parsed<T, E>(row: &Row<'_>, column: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    parse(&text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

/// The device that writes `incarnation`.
///
/// # Errors
/// [`OfficeError::Store`].
pub fn get(conn: &Connection, incarnation: IncarnationId) -> Result<Option<Device>, OfficeError> {
    Ok(conn
        .prepare_cached(
            "SELECT incarnation, item, person, key, name, enrolled_at, revoked_at, last_sync_at
             FROM office_device WHERE incarnation = ?1",
        )?
        .query_row([incarnation], read)
        .optional()?)
}

/// All devices, by person, oldest first.
///
/// # Errors
/// [`OfficeError::Store`].
pub fn list(conn: &Connection) -> Result<Vec<Device>, OfficeError> {
    let mut statement = conn.prepare_cached(
        "SELECT incarnation, item, person, key, name, enrolled_at, revoked_at, last_sync_at
         FROM office_device ORDER BY person, enrolled_at, incarnation",
    )?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

/// How far the office has the journal of `incarnation`.
///
/// # Errors
/// [`OfficeError::Store`].
pub fn journal(conn: &Connection, incarnation: IncarnationId, epoch: EpochId) -> Result<Journal, OfficeError> {
    let signed = conn
        .prepare_cached("SELECT coalesce(max(last_seq), 0) FROM batch_seal WHERE incarnation = ?1")?
        .query_row([incarnation], |row| row.get(0))?;
    let countersigned = conn
        .prepare_cached("SELECT max(seq) FROM office_countersignature WHERE incarnation = ?1 AND epoch = ?2")?
        .query_row((incarnation, epoch), |row| row.get(0))?;
    let written = conn
        .prepare_cached("SELECT written FROM office_device WHERE incarnation = ?1")?
        .query_row([incarnation], |row| row.get::<_, Option<u64>>(0))
        .optional()?
        .flatten();
    Ok(Journal { written, received: entries::head(conn, incarnation)?.seq, signed, countersigned })
}

/// Registers a device of its person: its item, its row, the feeds that it reads.
pub(crate) fn register(
    intake: &mut Intake<'_, '_>,
    incarnation: IncarnationId,
    person: &PersonId,
    key: &PublicKey,
    name: &str,
) -> Result<Device, OfficeError> {
    let fields = [
        ("person".to_owned(), json!(person)),
        ("incarnation".to_owned(), json!(incarnation)),
        ("key".to_owned(), json!(key)),
        ("name".to_owned(), json!(name)),
    ];
    let draft = Draft {
        item: None,
        kind: device::DEVICE.to_owned(),
        change: Change::Open { fields: fields.into() },
        fix: None,
        seen: Seen::Held,
        cause: Some(format!("device/{incarnation}")),
    };
    let node = intake.office.node.clone();
    // A phone of the same person may have brought it back to an office that had lost it.
    let item = match recovered::caused(intake.tx, &format!("device/{incarnation}"))? {
        Some(item) => item,
        None => intake.write(&node, draft)?.0,
    };
    let device = Device {
        incarnation,
        item,
        person: person.clone(),
        key: key.clone(),
        name: name.to_owned(),
        enrolled_at: intake.now.wall,
        revoked_at: None,
        last_sync_at: None,
    };
    insert(intake, &device)?;
    let person = actor::person(intake.tx, &device.person)?;
    intake.grant(device.incarnation, person.as_ref())?;
    Ok(device)
}

/// Lets `incarnation` go on from one that its store shares with a copy, with all of the `line` that the office does not know, which
/// is nearest first: an office that was restored may have lost some of it. Said again it does nothing.
pub(crate) fn succeed(
    intake: &mut Intake<'_, '_>,
    incarnation: IncarnationId,
    line: &[Succession],
    positions: &BTreeMap<String, u64>,
) -> Result<(), OfficeError> {
    let mut unknown = Vec::new();
    let mut of = incarnation;
    for succession in line {
        if get(intake.tx, of)?.is_some() {
            break;
        }
        unknown.push((of, *succession));
        of = succession.predecessor;
    }
    for (of, succession) in unknown.into_iter().rev() {
        let read = if of == incarnation { positions.clone() } else { BTreeMap::new() };
        succeed_one(intake, of, succession, &read)?;
        for before in line.iter().skip_while(|before| before.predecessor != succession.predecessor).skip(1) {
            lineage::shorten(intake.tx, of, before.predecessor, before.through)?;
        }
    }
    Ok(())
}

/// Lets `incarnation` go on from one that is known: the same person's, under the same key, with what that one may.
fn succeed_one(
    intake: &mut Intake<'_, '_>,
    incarnation: IncarnationId,
    succession: Succession,
    positions: &BTreeMap<String, u64>,
) -> Result<(), OfficeError> {
    if incarnation == intake.office.node.incarnation {
        return Err(OfficeError::Enrolled);
    }
    let Succession { predecessor, through } = succession;
    let before = get(intake.tx, predecessor)?.ok_or(OfficeError::UnknownDevice)?;
    intake.succeed(incarnation, predecessor, through, positions)?;
    register(intake, incarnation, &before.person, &before.key, &before.name)?;
    // What it had written beyond has a place under its successor; a copy that goes on under it says anew what it has.
    let came = entries::head(intake.tx, predecessor)?.seq;
    intake.tx.execute("UPDATE office_device SET written = ?2 WHERE incarnation = ?1", (predecessor, came))?;
    if before.revoked_at.is_some() {
        let node = intake.office.node.clone();
        revoke(intake, &node, incarnation)?;
    }
    Ok(())
}

/// Keeps a new device.
pub(crate) fn insert(intake: &Intake<'_, '_>, device: &Device) -> Result<(), OfficeError> {
    intake.tx.execute(
        "INSERT INTO office_device (incarnation, item, person, key, name, enrolled_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        rusqlite::params![
            device.incarnation,
            device.item,
            device.person.as_str(),
            device.key.to_string(),
            device.name,
            device.enrolled_at
        ],
    )?;
    Ok(())
}

/// Notes that a device was heard with its request `number`, having `written` so many entries; false where a later one was
/// answered before.
pub(crate) fn heard(
    intake: &Intake<'_, '_>,
    incarnation: IncarnationId,
    number: u64,
    written: Option<u64>,
) -> Result<bool, OfficeError> {
    let heard = intake
        .tx
        .prepare_cached(
            "UPDATE office_device SET last_sync_at = ?2, last_request = ?3, written = coalesce(?4, written)
             WHERE incarnation = ?1 AND last_request <= ?3",
        )?
        .execute((incarnation, intake.now.wall, number, written))?;
    Ok(heard > 0)
}

/// Revokes a device by the hand of `author`: what it sends from now on is held, and it reads nothing more but what became
/// of its own entries.
///
/// # Errors
/// [`OfficeError::UnknownDevice`]; [`OfficeError::NotDone`] when `author` may not.
pub fn revoke(intake: &mut Intake<'_, '_>, author: &Author, incarnation: IncarnationId) -> Result<(), OfficeError> {
    let device = get(intake.tx, incarnation)?.ok_or(OfficeError::UnknownDevice)?;
    if device.revoked_at.is_some() {
        return Ok(());
    }
    let change = Change::Step {
        transition: device::REVOKE.to_owned(),
        from: device::ACTIVE.to_owned(),
        round: 0,
        args: BTreeMap::new(),
    };
    let kind = device::DEVICE.to_owned();
    let draft = Draft { item: Some(device.item), kind, change, fix: None, seen: Seen::Held, cause: None };
    let (_, judgement) = write_at_desk(intake, author, draft)?;
    follow(intake, judgement.entry)
}

/// Keeps out the device that `entry` revoked, whoever's hand wrote it; of any other entry nothing follows.
///
/// # Errors
/// [`OfficeError::Store`], [`OfficeError::Ledger`].
pub(crate) fn follow(intake: &mut Intake<'_, '_>, entry: EntryId) -> Result<(), OfficeError> {
    let Some(item) = entries::item_of(intake.tx, entry)? else { return Ok(()) };
    let Some(view) = items::view(intake.tx, item)?.filter(|view| view.kind == device::DEVICE) else { return Ok(()) };
    let revoked: Option<IncarnationId> = intake
        .tx
        .prepare_cached("SELECT incarnation FROM office_device WHERE item = ?1 AND revoked_at IS NULL")?
        .query_row([item], |row| row.get(0))
        .optional()?
        .filter(|_| view.state == device::REVOKED);
    let Some(incarnation) = revoked else { return Ok(()) };
    intake
        .tx
        .execute("UPDATE office_device SET revoked_at = ?2 WHERE incarnation = ?1", (incarnation, intake.now.wall))?;
    intake.grant(incarnation, None)?;
    // The same key signs for the incarnations of one lineage: none of them may go on.
    let lineage = intake
        .tx
        .prepare_cached(
            "SELECT o.incarnation FROM office_device o JOIN office_device d ON d.key = o.key
             WHERE d.incarnation = ?1 AND o.revoked_at IS NULL",
        )?
        .query_map([incarnation], |row| row.get(0))?
        .collect::<Result<Vec<IncarnationId>, _>>()?;
    let node = intake.office.node.clone();
    lineage.into_iter().try_for_each(|other| revoke(intake, &node, other))
}
