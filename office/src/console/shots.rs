//! The photos of a case as its page shows them: what each shows, where it stands, and what is doubtful about it.

use rusqlite::Connection;
use serde::Deserialize;
use xuncheng_core::id::{ItemId, PhotoHash};
use xuncheng_core::journal::entry::PhotoRole;
use xuncheng_core::journal::view::View;
use xuncheng_core::store::photos::Attachment;
use xuncheng_core::store::{entries, photos};
use xuncheng_core::work::case::Case;

use super::error::ConsoleError;
use super::names::Names;
use super::viewer::Viewer;
use super::words;
use crate::flags;

/// The photos of a case.
#[derive(Debug, Default)]
pub(super) struct Shots {
    /// Before the work.
    pub(super) before: Vec<Shot>,
    /// After it, the latest round first.
    pub(super) after: Vec<Shot>,
    /// Of the check.
    pub(super) checks: Vec<Shot>,
}

/// A photo as the page shows it.
#[derive(Debug)]
pub(super) struct Shot {
    pub(super) address: String,
    pub(super) rendition: &'static str,
    pub(super) alt: String,
    pub(super) role: String,
    pub(super) round: u64,
    pub(super) size: String,
    pub(super) stands: &'static str,
    pub(super) standing: String,
    /// Where it is not what its entry says.
    pub(super) doubts: Vec<&'static str>,
    pub(super) original: bool,
}

/// A member of the set `photos`, as the judge writes it.
#[derive(Debug, Deserialize)]
struct ShotFacts {
    role: PhotoRole,
    #[serde(default)]
    round: u64,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    width_px: u32,
    #[serde(default)]
    height_px: u32,
}

/// The photos of the case `item`.
pub(super) fn read(
    conn: &Connection,
    viewer: &Viewer,
    names: &Names,
    item: ItemId,
    view: &View,
) -> Result<Shots, ConsoleError> {
    let attachments = photos::of_item(conn, item)?;
    let flags = flags::of_item(conn, item)?;
    let mut shots = Shots::default();
    for (sha256, member) in Case::of(view).photos() {
        let Ok(sha256) = sha256.parse::<PhotoHash>() else { continue };
        let Ok(facts) = serde_json::from_value::<ShotFacts>(member.value.clone()) else { continue };
        let attachment =
            attachments.iter().find(|attachment| attachment.entry == member.writer && attachment.sha256 == sha256);
        let (stands, standing) = standing(conn, viewer, names, attachment)?;
        let received = attachment.is_some_and(|attachment| attachment.received);
        let view = attachment.is_some_and(|attachment| attachment.received || attachment.view_sent.is_some());
        let role = words::role(&facts.role).to_owned();
        let shot = Shot {
            address: format!("/cases/{item}/photos/{sha256}"),
            rendition: if view { "view" } else { "thumb" },
            alt: format!("{role}照片"),
            round: facts.round,
            size: format!("{}×{}，{}", facts.width_px, facts.height_px, words::bytes(facts.bytes)),
            stands,
            standing,
            doubts: flags
                .iter()
                .filter(|flag| flag.entry == member.writer && flag.sha256 == sha256)
                .map(|flag| words::doubt(flag.what))
                .collect(),
            original: received && viewer.person.sees_originals(),
            role,
        };
        match facts.role {
            PhotoRole::After => shots.after.push(shot),
            PhotoRole::Check => shots.checks.push(shot),
            PhotoRole::Scene | PhotoRole::Close | PhotoRole::Unknown(_) => shots.before.push(shot),
        }
    }
    shots.after.sort_by_key(|shot| std::cmp::Reverse(shot.round));
    Ok(shots)
}

/// Where a photo stands on its way, and who still has its original.
fn standing(
    conn: &Connection,
    viewer: &Viewer,
    names: &Names,
    attachment: Option<&Attachment>,
) -> Result<(&'static str, String), ConsoleError> {
    let Some(attachment) = attachment else { return Ok(("stands-away", "办公室没有这张照片".to_owned())) };
    if attachment.received {
        return Ok(if attachment.safe {
            ("stands-safe", "原件已到，已有备份".to_owned())
        } else {
            ("", "原件已到，尚未备份".to_owned())
        });
    }
    let incarnation = entries::incarnation(conn, attachment.entry)?;
    let holder = match incarnation.as_ref().and_then(|incarnation| names.device(incarnation)) {
        Some(device) if names.may_know(viewer, &device.person) => {
            format!("{}的“{}”上", names.person(&device.person), device.name)
        }
        Some(_) | None => "拍摄的手机上".to_owned(),
    };
    let preview = match (attachment.view_sent, attachment.previewed) {
        (Some(_), _) => "预览图已到",
        (None, true) => "缩略图已到",
        (None, false) => "缩略图未到",
    };
    Ok(("stands-away", format!("{preview}，原件还在{holder}")))
}
