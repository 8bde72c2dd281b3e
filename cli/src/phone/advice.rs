//! What a person at a terminal can do about an error of a phone.

use xuncheng_core::crypto::CryptoError;
use xuncheng_core::field::{Field, FieldError};
use xuncheng_core::journal::verdict::Code;
use xuncheng_core::photo::PhotoError;
use xuncheng_core::store::StoreError;
use xuncheng_core::sync::session::SyncError;
use xuncheng_core::work::case::{CaseState, CaseStep, RULES};

use super::Args;
use super::categories;
use crate::print;

/// `error`, with what to do about it where its own words do not say so.
pub(super) fn advised(args: &Args, error: anyhow::Error) -> anyhow::Error {
    let advice = error.downcast_ref::<FieldError>().and_then(|error| advice(args, error));
    match advice {
        Some(advice) => {
            let text = format!("{error}{advice}");
            error.context(text)
        }
        None => error,
    }
}

/// What follows the error's own words, with the mark that separates the two.
fn advice(args: &Args, error: &FieldError) -> Option<String> {
    let phone = args.phone();
    match error {
        FieldError::Store(StoreError::NoStore(_)) => Some(format!(
            ": make one with `{phone} init --person CODE`, or name the phone's folder: xuncheng phone --folder DIR …"
        )),
        FieldError::Exists(_) => {
            Some("; use it as it is, or name another folder: xuncheng phone --folder DIR init …".to_owned())
        }
        FieldError::UnknownCase(_) => {
            Some(format!(": `{phone} list` shows those that there are, `{phone} sync` brings new ones"))
        }
        FieldError::NotRefused(_) => Some(format!(": `{phone} status` shows what it refused")),
        FieldError::UnknownPhoto(_) => Some(format!(": `{phone} show CASE` names them")),
        FieldError::UnknownCategory(text) => {
            let field = Field::open(&args.folder).ok()?;
            let near = categories::near(field.pack(), text);
            let near: Vec<String> = near
                .into_iter()
                .map(|near| format!("{} ({})", near.name, categories::short(field.pack(), near)))
                .collect();
            let near = if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) };
            Some(format!("{near}; `{phone} categories WORD` searches all"))
        }
        FieldError::NotNow { label, step, code } => {
            let field = Field::open(&args.folder).ok()?;
            refusal(&phone, &field, label, step, code).ok()
        }
        FieldError::OtherPerson { other, .. } => {
            Some(format!(": xuncheng phone --folder {other} init --person {other}"))
        }
        FieldError::OtherOffice => Some("; ask the office for its address and for a new code".to_owned()),
        FieldError::EnrolledElsewhere { .. } => {
            Some(format!("; the code was not used: make another store for it: {}", anew(args)?))
        }
        FieldError::Photo(PhotoError::NeedsWorkingCopy { .. }) => Some(": --working-copy HEIC=JPEG".to_owned()),
        FieldError::Sync(SyncError::NotEnrolled) => Some(format!(
            ": {phone} enrol 'xuncheng://enrol?…'; there it is made with: xuncheng code new --person {}",
            Field::open(&args.folder).ok()?.person()
        )),
        FieldError::Sync(SyncError::Crypto(CryptoError::Key(_) | CryptoError::KeyFile { .. })) => Some(format!(
            ": put it back in its place; if it is lost for good, keep this folder and go on in a new one: {}",
            anew(args)?
        )),
        FieldError::Sync(SyncError::NoAnswer(_)) => {
            Some("; nothing is lost: sync again when the network and the office are up".to_owned())
        }
        FieldError::Store(StoreError::DiskFull | StoreError::Newer { .. } | StoreError::Sqlite { .. } | StoreError::Row { .. } | StoreError::NoFact(_))
        // A file that the camera wrote: its error names it and what is wrong with it.
        | FieldError::Photo(_)
        | FieldError::Crypto(_)
        | FieldError::Pack(_)
        | FieldError::Write(_)
        | FieldError::Sync(_)
        | FieldError::Folder { .. }
        | FieldError::Ambiguous(_)
        | FieldError::Withheld(_)
        | FieldError::PhotoCount { .. }
        | FieldError::TextTooLong { .. }
        // What is wrong with it says what to do.
        | FieldError::Parcel { .. }
        | FieldError::NoSealingKey => None,
    }
}

/// What makes another store for the same person.
fn anew(args: &Args) -> Option<String> {
    Some(format!("xuncheng phone --folder DIR init --person {}", Field::open(&args.folder).ok()?.person()))
}

/// Why `step` was refused, read out of the workflow table, and what can be done instead.
fn refusal(phone: &str, field: &Field, label: &str, step: &str, code: &Code) -> Result<String, FieldError> {
    let case = field.case(field.find_case(label)?)?;
    let stands = format!("{} {}", case.summary.state, case.summary.state_label());
    let why = match code {
        Code::NotFromHere if CaseStep::named(step).is_some() => {
            format!("it is {stands}, and {step} starts from {}", starts(step).join(" or "))
        }
        Code::NotFromHere => format!("it is {stands}, too late for {} to {step}", field.person()),
        Code::NotAllowed => format!("that is for {}", whose(step).join(" or ")),
        Code::OrganisationMissing => {
            let codes = field.pack().organisations().iter().map(|org| format!("{} {}", org.code, org.name));
            return Ok(format!(": {}, one of {}", print::reason(code), codes.collect::<Vec<_>>().join(", ")));
        }
        Code::StaleRound
        | Code::ReasonMissing
        | Code::AfterPhotoMissing
        | Code::SamePhoto
        | Code::OriginalMissing
        | Code::Revoked
        | Code::Malformed
        | Code::TooLarge
        | Code::UnknownItem
        | Code::Follows
        | Code::Dismissed
        | Code::Unknown(_) => return Ok(format!(": {}", print::reason(code))),
    };
    let ended = RULES.ends(&case.summary.state);
    let own = case.entries.iter().any(|entry| entry.own);
    let instead = if !case.steps.is_empty() {
        format!("{} can: {}", field.person(), case.steps.join(", "))
    } else if ended {
        "nothing follows for it; report anew what is still to be seen there".to_owned()
    } else if own && step != "comment" {
        format!("to say something about it: {phone} comment {label} '…'")
    } else {
        format!("`{phone} list` shows where the others stand")
    };
    Ok(format!(": {why}; {instead}"))
}

/// The states that a step starts from.
fn starts(step: &str) -> Vec<String> {
    let from = RULES.starts(step).into_iter();
    from.map(|state| format!("{state} {}", CaseState::named(state).map_or("", CaseState::label))).collect()
}

/// Whom the rules let do it: a step, or else to edit, to attach, to comment.
fn whose(step: &str) -> Vec<&'static str> {
    RULES.whose(step).into_iter().map(print::who).collect()
}

/// What programs call an error: of a refused step the verdict's code, of an office that refused its own.
pub(crate) fn code(error: &FieldError) -> String {
    let code = match error {
        FieldError::Store(StoreError::NoStore(_)) => "no_store",
        FieldError::Store(StoreError::DiskFull) | FieldError::Photo(PhotoError::DiskFull { .. }) => "no_space",
        FieldError::Store(StoreError::Newer { .. }) => "store_newer",
        FieldError::Store(StoreError::Sqlite { .. } | StoreError::Row { .. } | StoreError::NoFact(_))
        | FieldError::Pack(_) => "store_broken",
        FieldError::Photo(_) => "photo_refused",
        FieldError::Crypto(_) => "key_unusable",
        FieldError::Write(_) => "too_large",
        FieldError::Sync(error) => error.code(),
        FieldError::Exists(_) => "store_exists",
        FieldError::Folder { .. } => "folder_unusable",
        FieldError::UnknownCase(_) => "unknown_case",
        FieldError::Ambiguous(_) => "ambiguous",
        FieldError::Withheld(_) => "withheld",
        FieldError::NotRefused(_) => "not_refused",
        FieldError::UnknownPhoto(_) => "unknown_photo",
        FieldError::UnknownCategory(_) => "unknown_category",
        FieldError::PhotoCount { .. } => "photo_count",
        FieldError::TextTooLong { .. } => "text_too_long",
        FieldError::NotNow { code, .. } => match serde_json::to_value(code) {
            Ok(serde_json::Value::String(code)) => return code,
            Ok(_) | Err(_) => "not_now",
        },
        FieldError::OtherPerson { .. } => "other_person",
        FieldError::OtherOffice => "other_office",
        FieldError::EnrolledElsewhere { .. } => "enrolled_elsewhere",
        FieldError::Parcel { source, .. } if source.is_disk_full() => "no_space",
        FieldError::Parcel { .. } => "parcel",
        FieldError::NoSealingKey => "no_parcels_yet",
    };
    code.to_owned()
}
