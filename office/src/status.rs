//! `GET /v1/status`: how much there is and how much of it came twice; for this machine only, and nobody's names.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use xuncheng_core::store::{judgements, meta};
use xuncheng_core::sync::wire::Epoch;

use crate::error::OfficeError;
use crate::ledger::fact;
use crate::local;
use crate::office::Office;
use crate::recovery::{self, RecoveryStatus};

/// Numbers about an office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Cases.
    pub cases: u64,
    /// Entries that were judged.
    pub entries: u64,
    /// Entries that wait for a person.
    pub held: u64,
    /// Devices that may send.
    pub devices: u64,
    /// Requests for entries and feeds.
    pub round_trips: u64,
    /// Photos.
    pub photos: PhotoCounts,
    /// Uploads.
    pub uploads: UploadCounts,
    /// Which branch of the ledger's history it stands on: 1 until it was restored, a higher one with each restore.
    pub epoch: u64,
    /// How far phones have brought back what was lost; none while the ledger is on its first branch.
    pub recovery: Option<RecoveryStatus>,
}

/// Photos by how far they have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoCounts {
    /// Attached to entries.
    pub attached: u64,
    /// With a thumbnail.
    pub previewed: u64,
    /// With a signed receipt for the original.
    pub received: u64,
    /// Covered by a verified backup.
    pub safe: u64,
    /// Not what their entry says of them.
    pub flagged: u64,
}

/// Uploads and their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadCounts {
    /// On their way.
    pub open: u64,
    /// Whole and signed for.
    pub finished: u64,
    /// Bytes that came.
    pub received_bytes: u64,
    /// Those of them that were here already, or were thrown away.
    pub resent_bytes: u64,
}

pub(crate) async fn status(State(office): State<Arc<Office>>, request: Request) -> Result<Json<Status>, OfficeError> {
    if !local::is_local(&office, &request) {
        return Err(OfficeError::NotFound);
    }
    let epoch = office.epoch();
    office.read(move |conn| Ok(Json(read(conn, &epoch)?))).await
}

fn read(conn: &Connection, epoch: &Epoch) -> Result<Status, OfficeError> {
    let count = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, u64>(0));
    Ok(Status {
        cases: count("SELECT count(*) FROM item WHERE kind = 'case'")?,
        entries: count("SELECT count(*) FROM judgement")?,
        held: judgements::held_count(conn)?,
        devices: count("SELECT count(*) FROM office_device WHERE revoked_at IS NULL")?,
        round_trips: meta::tallied(conn, fact::SYNC_REQUESTS)?,
        photos: PhotoCounts {
            attached: count("SELECT count(*) FROM attachment")?,
            previewed: count("SELECT count(*) FROM attachment WHERE previewed = 1 OR receipt IS NOT NULL")?,
            received: count("SELECT count(*) FROM attachment WHERE receipt IS NOT NULL")?,
            safe: count("SELECT count(*) FROM attachment WHERE safe = 1")?,
            flagged: count("SELECT count(DISTINCT sha256) FROM office_flag")?,
        },
        uploads: UploadCounts {
            open: count("SELECT count(*) FROM office_upload WHERE finished_at IS NULL")?,
            finished: count("SELECT count(*) FROM office_upload WHERE finished_at IS NOT NULL")?,
            received_bytes: meta::tallied(conn, fact::BYTES_RECEIVED)?,
            resent_bytes: meta::tallied(conn, fact::BYTES_RESENT)?,
        },
        epoch: epoch.counter,
        recovery: recovery::status(conn, epoch)?,
    })
}
