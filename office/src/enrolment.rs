//! `POST /v1/enrolment`: a device becomes a person's, with a one-time secret.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use xuncheng_core::journal::ledger::Intake;
use xuncheng_core::limits;
use xuncheng_core::sync::message::Direction;
use xuncheng_core::sync::wire::{EnrolRequest, Enrolled};

use crate::body;
use crate::codes::{self, CodeProblem};
use crate::devices;
use crate::error::OfficeError;
use crate::office::Office;

pub(crate) async fn enrol(State(office): State<Arc<Office>>, body: Body) -> Result<Response, OfficeError> {
    let bytes = body::whole(body, limits::REQUEST_BYTES).await?;
    let message = body::unpack(&bytes)?;
    // The key is in the request: the signature shows that whoever sends it holds the key.
    let claimed: EnrolRequest = message.read_unverified()?;
    let asked: EnrolRequest = message.open(Direction::Request, &claimed.key)?;
    let nonce = asked.nonce;
    let device = asked.device.clone();
    let person = asked.person.clone();
    let first = office.turn(move |intake| take(intake, asked)).await?;
    if first {
        tracing::info!(%person, device, "a device was enrolled");
    }
    let grounds = office.grounds();
    let enrolled = Enrolled {
        nonce,
        root: grounds.root.clone(),
        certificate: grounds.certificate.clone(),
        epoch: grounds.branch().signed_epoch.clone(),
        server_time: office.now().wall,
    };
    body::answer(grounds, &enrolled)
}

/// Enrols the device; false where it was enrolled by this code before and asks again, its answer having been lost.
fn take(intake: &mut Intake<'_, '_>, asked: EnrolRequest) -> Result<bool, OfficeError> {
    let again = codes::open(intake, &asked.secret, &asked.person, asked.incarnation)?;
    match devices::get(intake.tx, asked.incarnation)? {
        Some(known) if again && known.key == asked.key => return Ok(false),
        // A phone that did not believe the last answer, its code having been copied wrong, comes with another code: what it
        // captured must not be lost with a store that can never be enrolled.
        Some(known) if known.key == asked.key && known.person == asked.person && known.revoked_at.is_none() => {
            codes::use_up(intake, &asked.secret, asked.incarnation)?;
            return Ok(false);
        }
        Some(_) => return Err(OfficeError::Enrolled),
        None if again => return Err(OfficeError::Code(CodeProblem::Used)),
        None if asked.incarnation == intake.office.node.incarnation => return Err(OfficeError::Enrolled),
        None => {}
    }
    let name = asked.device.trim().to_owned();
    if name.is_empty() || name.chars().count() > limits::DEVICE_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(OfficeError::Junk(format!("a device's name has 1 to {} characters", limits::DEVICE_NAME_CHARS)));
    }
    codes::use_up(intake, &asked.secret, asked.incarnation)?;
    devices::register(intake, asked.incarnation, &asked.person, &asked.key, &name)?;
    Ok(true)
}
