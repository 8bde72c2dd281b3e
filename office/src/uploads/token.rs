//! The bearer token of uploads: it opens one phone's own photos, for some days, and nothing else.
//!
//! A statement under the node's key, so that it holds over restarts and there is no secret to compare.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use xuncheng_core::clock::Moment;
use xuncheng_core::crypto::{Signed, Statement};
use xuncheng_core::id::IncarnationId;
use xuncheng_core::limits;

use crate::error::OfficeError;
use crate::ledger::Grounds;
use crate::office::Office;

const DAY_MS: i64 = 24 * 3_600_000;

#[derive(Debug, Serialize, Deserialize)]
struct UploadToken {
    incarnation: IncarnationId,
    until: Moment,
}

impl Statement for UploadToken {
    const WHAT: &'static str = "upload token";
}

/// A token for `incarnation`, as long as an upload is kept and to the end of that day: one of a day is like another, so that a
/// phone which has it need not be sent it again.
pub(crate) fn issue(grounds: &Grounds, incarnation: IncarnationId, now: Moment) -> Result<String, OfficeError> {
    let until =
        now.plus_ms(limits::UPLOAD_KEEP_MS).unix_ms().div_euclid(DAY_MS).saturating_add(1).saturating_mul(DAY_MS);
    let token = UploadToken { incarnation, until: Moment::from_unix_ms(until) };
    let signed = serde_json::to_vec(&Signed::new(&token, grounds.signer())?)
        .map_err(|error| OfficeError::Setup(format!("a token has no JSON form: {error}")))?;
    Ok(BASE64.encode(signed))
}

/// Whose token the request bears.
pub(crate) fn holder(office: &Office, headers: &HeaderMap) -> Result<IncarnationId, OfficeError> {
    let read = || {
        let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?.trim();
        let bytes = BASE64.decode(text).ok().filter(|_| text.len() <= limits::TOKEN_BYTES)?;
        let signed: Signed<UploadToken> = serde_json::from_slice(&bytes).ok()?;
        let token = signed.open(&office.signer().public_key().ok()?).ok()?;
        (office.now().wall <= token.until).then_some(token.incarnation)
    };
    read().ok_or(OfficeError::BadToken)
}
