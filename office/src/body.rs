//! Bodies of requests, read within their bounds.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use xuncheng_core::id::IncarnationId;
use xuncheng_core::limits;
use xuncheng_core::sync::message::{self, Direction, MessageError, Unverified};
use xuncheng_core::sync::wire::{
    DownloadsRequest, HaveRequest, HintRequest, PreviewsRequest, Spoken, SyncRequest, Versioned,
};

use crate::devices::{self, Device};
use crate::error::OfficeError;
use crate::ledger::Grounds;
use crate::office::Office;
use std::sync::Arc;

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn whole(body: Body, limit: usize) -> Result<Vec<u8>, OfficeError> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = next(&mut stream).await? {
        if bytes.len() + piece.len() > limit {
            return Err(OfficeError::TooLarge { limit: limit as u64 });
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The next piece of a body; none at its end, an error when it is cut or falls silent.
pub(crate) async fn next(stream: &mut axum::body::BodyDataStream) -> Result<Option<Bytes>, OfficeError> {
    let silence = Duration::from_millis(limits::BODY_SILENCE_MS);
    match tokio::time::timeout(silence, stream.next()).await {
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(None) => Ok(None),
        Ok(Some(Err(_))) | Err(_) => Err(OfficeError::CutOff),
    }
}

/// Reads on what comes of a body that is not wanted because of `error`, a piece at most: who still sends when the answer comes and
/// the connection ends never reads that answer.
pub(crate) async fn passed_over(body: Body, error: OfficeError) -> OfficeError {
    let mut stream = body.into_data_stream();
    let mut passed = 0;
    while passed <= limits::PIECE_BYTES_MAX
        && let Ok(Some(piece)) = next(&mut stream).await
    {
        passed += piece.len() as u64;
    }
    error
}

/// Unpacks a message; what it unpacks to is bounded too.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Unverified, OfficeError> {
    Ok(message::unpack(bytes, limits::REQUEST_BYTES)?)
}

/// A request that a device signs.
pub(crate) trait FromDevice: DeserializeOwned + Send + 'static {
    /// Who says to have signed it.
    fn incarnation(&self) -> IncarnationId;

    /// Under whose key it comes, where the office does not know that one yet: the first of these that it knows.
    fn predecessors(&self) -> Vec<IncarnationId>;
}

impl FromDevice for SyncRequest {
    fn incarnation(&self) -> IncarnationId {
        self.incarnation
    }

    fn predecessors(&self) -> Vec<IncarnationId> {
        self.succeeds.iter().chain(&self.before).take(limits::SUCCESSIONS).map(|before| before.predecessor).collect()
    }
}

impl FromDevice for HaveRequest {
    fn incarnation(&self) -> IncarnationId {
        self.incarnation
    }

    fn predecessors(&self) -> Vec<IncarnationId> {
        Vec::new()
    }
}

impl FromDevice for HintRequest {
    fn incarnation(&self) -> IncarnationId {
        self.incarnation
    }

    fn predecessors(&self) -> Vec<IncarnationId> {
        Vec::new()
    }
}

impl FromDevice for PreviewsRequest {
    fn incarnation(&self) -> IncarnationId {
        self.incarnation
    }

    fn predecessors(&self) -> Vec<IncarnationId> {
        Vec::new()
    }
}

impl FromDevice for DownloadsRequest {
    fn incarnation(&self) -> IncarnationId {
        self.incarnation
    }

    fn predecessors(&self) -> Vec<IncarnationId> {
        Vec::new()
    }
}

/// Reads a device's request and checks that this device signed it. An incarnation that is not known yet comes under the key of
/// the one that it goes on from: the device is that one then.
pub(crate) async fn signed<T: FromDevice>(office: &Arc<Office>, body: Body) -> Result<(T, Device), OfficeError> {
    let bytes = whole(body, limits::REQUEST_BYTES).await?;
    office.read(move |conn| open(conn, &bytes)).await
}

/// The same of bytes that are here.
pub(crate) fn open<T: FromDevice>(conn: &Connection, bytes: &[u8]) -> Result<(T, Device), OfficeError> {
    let message = unpack(bytes)?;
    let claimed: T = message.read_unverified().map_err(|error| not_of_here(&message, error))?;
    let device = sender(conn, claimed.incarnation(), claimed.predecessors())?;
    Ok((message.open(Direction::Request, &device.key)?, device))
}

/// The device under whose key `incarnation` signs.
pub(crate) fn sender(
    conn: &Connection,
    incarnation: IncarnationId,
    predecessors: Vec<IncarnationId>,
) -> Result<Device, OfficeError> {
    let mut known = devices::get(conn, incarnation)?;
    for predecessor in predecessors {
        if known.is_none() {
            known = devices::get(conn, predecessor)?;
        }
    }
    known.ok_or(OfficeError::UnknownDevice)
}

/// Why a message cannot be read: it is one of another version, where it says so itself.
fn not_of_here(message: &Unverified, error: MessageError) -> OfficeError {
    match message.read_unverified::<Versioned>().map(Versioned::spoken) {
        Ok(spoken) if Spoken::HERE.common(spoken).is_none() => OfficeError::OtherVersion(spoken),
        Ok(_) | Err(_) => error.into(),
    }
}

/// An answer under the office's signature.
pub(crate) fn answer<T: Serialize>(grounds: &Grounds, body: &T) -> Result<Response, OfficeError> {
    let bytes = message::pack(Direction::Response, body, grounds.signer())?;
    Ok(([(header::CONTENT_TYPE, "application/vnd.xuncheng+zstd")], bytes).into_response())
}
