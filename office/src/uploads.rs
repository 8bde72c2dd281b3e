//! Originals come in, resumably: tus 1.0 (creation, creation-with-upload, expiration) at `/v1/photos/uploads`.
//!
//! An upload is [made](create) for one entry and hash, [takes](receive) bytes as they stream, survives a cut, and
//! [ends](finish) with a signed receipt. Offsets are hints; only the receipt says that an original has arrived.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{head, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use xuncheng_core::clock::Moment;
use xuncheng_core::id::{EntryId, IncarnationId, Nonce, PhotoHash};
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::limits;
use xuncheng_core::mutant::{self, Mutant};
use xuncheng_core::store::lineage;

use crate::attached;
use crate::body;
use crate::error::OfficeError;
use crate::office::Office;
use crate::quotas::Quotas;
use rows::Upload;

pub(crate) mod draw;
pub(crate) mod finish;
pub(crate) mod lost;
mod receive;
pub(crate) mod rows;
pub(crate) mod token;

const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const VERSION: HeaderName = HeaderName::from_static("tus-version");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const TUS: HeaderValue = HeaderValue::from_static("1.0.0");

/// The routes of uploads.
pub(crate) fn routes() -> Router<Arc<Office>> {
    Router::new()
        .route("/", post(create).options(options))
        .route("/{id}", head(ask).patch(piece).options(options))
        .layer(middleware::from_fn(speak_tus))
}

/// Every request but OPTIONS says which tus it speaks, every answer says it back.
async fn speak_tus(request: Request, next: Next) -> Response {
    let speaks = request.method() == Method::OPTIONS || request.headers().get(RESUMABLE) == Some(&TUS);
    let mut response = if speaks { next.run(request).await } else { OfficeError::TusVersion.into_response() };
    if response.status() == StatusCode::PRECONDITION_FAILED {
        response.headers_mut().insert(VERSION, TUS);
    }
    response.headers_mut().insert(RESUMABLE, TUS);
    response
}

async fn options() -> Response {
    let headers = [
        (VERSION, TUS),
        (
            HeaderName::from_static("tus-extension"),
            HeaderValue::from_static("creation,creation-with-upload,expiration"),
        ),
        (HeaderName::from_static("tus-max-size"), HeaderValue::from(limits::PHOTO_BYTES)),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// POST: makes an upload, or finds the one that there is for this entry and photo; takes the first bytes with it.
async fn create(State(office): State<Arc<Office>>, headers: HeaderMap, body: Body) -> Result<Response, OfficeError> {
    let (made, claimed) = match make(&office, &headers).await {
        Ok(made) => made,
        Err(error) => return Err(body::passed_over(body, error).await),
    };
    let location = format!("/v1/photos/uploads/{}", made.id);
    let upload = match claimed {
        Some(claim) => {
            // What is here already is passed over: this request was sent before, and its answer lost.
            let skip = made.offset;
            receive::receive(&office, claim, made, skip, body).await?
        }
        None => made,
    };
    let mut response = (StatusCode::CREATED, standing(&upload)).into_response();
    let location = HeaderValue::try_from(location).map_err(|error| OfficeError::Junk(error.to_string()))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// The upload that a POST asks for, made or found; claimed where bytes come with it.
async fn make(office: &Arc<Office>, headers: &HeaderMap) -> Result<(Upload, Option<Claim>), OfficeError> {
    let incarnation = token::holder(office, headers)?;
    let length = number(headers, &LENGTH)?;
    if length > limits::PHOTO_BYTES {
        return Err(OfficeError::TooLarge { limit: limits::PHOTO_BYTES });
    }
    let (entry, sha256) = metadata(headers)?;
    let with_bytes = headers.contains_key(header::CONTENT_TYPE);
    if with_bytes {
        is_stream(headers)?;
    }
    let (folder, busy, quotas) =
        (office.grounds().folder.uploads(), Arc::clone(office.busy()), office.config().quotas.clone());
    let made = office
        .turn(move |intake| {
            rows::sweep(intake, &folder, &busy)?;
            admit(intake, &folder, Original { entry, sha256, length }, incarnation, &quotas)
        })
        .await?;
    if !with_bytes {
        return Ok((made, None));
    }
    let claim = office.claim(made.id)?;
    // Claimed: nobody else moves its offset from here on.
    Ok((find(office, made.id, incarnation).await?, Some(claim)))
}

/// An original that an entry shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Original {
    pub(crate) entry: EntryId,
    pub(crate) sha256: PhotoHash,
    pub(crate) length: u64,
}

/// The upload of an original by the lineage of `incarnation`, by whatever way its bytes come: made, or the one that there is.
pub(crate) fn admit(
    intake: &mut Intake<'_, '_>,
    uploads: &std::path::Path,
    Original { entry, sha256, length }: Original,
    incarnation: IncarnationId,
    quotas: &Quotas,
) -> Result<Upload, OfficeError> {
    let shown = attached::by(intake.tx, entry, incarnation)?.ok_or(OfficeError::UnknownEntry)?;
    if let Some(known) = rows::of_photo(intake.tx, entry, sha256)? {
        return Ok(known);
    }
    if shown.photo.sha256 != sha256 || shown.photo.bytes != length {
        let named = format!("the entry shows photo {} of {} bytes", shown.photo.sha256, shown.photo.bytes);
        return Err(OfficeError::NotOfEntry(named));
    }
    let made = rows::make(intake, uploads, entry, sha256, incarnation, length, quotas)?;
    if mutant::is_on(Mutant::HashTakenForPossession) {
        let here = "UPDATE office_upload SET offset = length WHERE id = ?1
                    AND EXISTS (SELECT 1 FROM photo WHERE sha256 = ?2 AND original_here = 1)";
        intake.tx.execute(here, (made.id, sha256))?;
        return Ok(rows::of_photo(intake.tx, entry, sha256)?.unwrap_or(made));
    }
    Ok(made)
}

/// HEAD: how much there is.
async fn ask(
    State(office): State<Arc<Office>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, OfficeError> {
    let incarnation = token::holder(&office, &headers)?;
    let upload = find(&office, upload_id(&id)?, incarnation).await?;
    // Whole, and its end was cut short by a full disk, say: nobody sends more of it, so it is ended here.
    let upload = match office.claim(upload.id) {
        Ok(claim) if upload.offset == upload.length && upload.finished_at.is_none() => {
            receive::end(&office, claim, upload, None).await?
        }
        Ok(_) | Err(_) => upload,
    };
    let mut response = (StatusCode::OK, standing(&upload)).into_response();
    response.headers_mut().insert(LENGTH, upload.length.into());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// PATCH: more bytes, from the place where the upload stands.
async fn piece(
    State(office): State<Arc<Office>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, OfficeError> {
    let (upload, claim) = match continued(&office, &id, &headers).await {
        Ok(continued) => continued,
        Err(error) => return Err(body::passed_over(body, error).await),
    };
    let upload = receive::receive(&office, claim, upload, 0, body).await?;
    Ok((StatusCode::NO_CONTENT, standing(&upload)).into_response())
}

/// The upload that a PATCH goes on with, claimed.
async fn continued(office: &Arc<Office>, id: &str, headers: &HeaderMap) -> Result<(Upload, Claim), OfficeError> {
    let incarnation = token::holder(office, headers)?;
    is_stream(headers)?;
    let from = number(headers, &OFFSET)?;
    let id = upload_id(id)?;
    find(office, id, incarnation).await?;
    let claim = office.claim(id)?;
    let upload = find(office, id, incarnation).await?;
    if from != upload.offset {
        return Err(OfficeError::Offset { offset: upload.offset });
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > upload.length - upload.offset) {
        return Err(OfficeError::TooLarge { limit: upload.length });
    }
    Ok((upload, claim))
}

/// Where an upload stands, as headers.
fn standing(upload: &Upload) -> [(HeaderName, HeaderValue); 2] {
    let expires = HeaderValue::try_from(http_date(upload.expires_at)).unwrap_or(HeaderValue::from_static("0"));
    [(OFFSET, upload.offset.into()), (EXPIRES, expires)]
}

/// `Fri, 20 Nov 2026 08:00:00 GMT` (RFC 9110, 5.6.7).
fn http_date(moment: Moment) -> String {
    chrono::DateTime::from_timestamp_millis(moment.unix_ms())
        .map(|time| time.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}

/// The upload with this id, if it is for an entry of this phone's lineage and has not expired.
async fn find(office: &Arc<Office>, id: Nonce, incarnation: IncarnationId) -> Result<Upload, OfficeError> {
    let now = office.now().wall;
    let upload = office
        .read(move |conn| match rows::get(conn, id)? {
            Some(upload) if lineage::has(conn, incarnation, upload.entry)? => Ok(upload),
            Some(_) | None => Err(OfficeError::NotFound),
        })
        .await?;
    if upload.expires_at < now { Err(OfficeError::Expired) } else { Ok(upload) }
}

fn upload_id(text: &str) -> Result<Nonce, OfficeError> {
    text.parse().map_err(|_| OfficeError::NotFound)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, OfficeError> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    value.ok_or_else(|| OfficeError::Junk(format!("the header {name} must be a number of bytes")))
}

fn is_stream(headers: &HeaderMap) -> Result<(), OfficeError> {
    const STREAM: &str = "application/offset+octet-stream";
    let fits = headers.get(header::CONTENT_TYPE).is_some_and(|value| value == STREAM);
    if fits { Ok(()) } else { Err(OfficeError::MediaType(STREAM)) }
}

/// `Upload-Metadata: entry <base64>,sha256 <base64>`; other keys are passed over.
fn metadata(headers: &HeaderMap) -> Result<(EntryId, PhotoHash), OfficeError> {
    let wrong =
        || OfficeError::Junk("Upload-Metadata must name entry and sha256, each in base64 of its hex".to_owned());
    let text = headers.get("upload-metadata").and_then(|value| value.to_str().ok()).ok_or_else(wrong)?;
    let value = |key: &str| {
        let encoded = text.split(',').find_map(|pair| pair.trim().strip_prefix(key)?.strip_prefix(' '))?;
        String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()
    };
    let entry = value("entry").and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let sha256 = value("sha256").and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    Ok((entry, sha256))
}

/// The uploads that a request writes to right now.
#[derive(Debug, Default)]
pub(crate) struct Busy(Mutex<HashSet<Nonce>>);

impl Busy {
    pub(crate) fn is(&self, id: Nonce) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }
}

/// The right to write to one upload, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    id: Nonce,
    busy: Arc<Busy>,
}

impl Claim {
    pub(crate) fn of(busy: &Arc<Busy>, id: Nonce) -> Result<Self, OfficeError> {
        let free = busy.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        if free { Ok(Self { id, busy: Arc::clone(busy) }) } else { Err(OfficeError::Locked) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.busy.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
