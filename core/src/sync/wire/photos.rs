//! Pictures as they cross: smaller ones from the phone that drew them, and all forms to phones that may see them.

use serde::{Deserialize, Serialize};

use crate::id::{EntryId, IncarnationId, Nonce, PhotoHash};

/// Which of the smaller pictures that a phone draws of its photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rendition {
    /// 320 px, of every photo.
    Thumbnail,
    /// 1,600 px, of a photo that the office cannot draw itself.
    View,
}

/// `POST /v1/photos/previews`: smaller pictures of photos whose entries were judged, all of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreviewsRequest {
    /// Makes this request unlike any other.
    pub nonce: Nonce,
    /// Who asks.
    pub incarnation: IncarnationId,
    /// What they all are.
    pub rendition: Rendition,
    /// At most a dozen.
    pub previews: Vec<Preview>,
}

/// One smaller picture of a photo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Preview {
    /// The entry that shows the photo.
    pub entry: EntryId,
    /// The photo.
    pub sha256: PhotoHash,
    /// The JPEG file, base64.
    pub jpeg: String,
}

/// The office's answer to [`PreviewsRequest`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreviewsResponse {
    /// The request's.
    pub nonce: Nonce,
    /// Those that are kept now; the others are to be sent again later.
    pub taken: Vec<(EntryId, PhotoHash)>,
    /// Those whose bytes are not what their entry names, with a reason.
    #[serde(default)]
    pub refused: Vec<(EntryId, PhotoHash, String)>,
}

/// In which form a photo is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoForm {
    /// At most 320 px, JPEG.
    Thumbnail,
    /// At most 1,600 px, JPEG.
    View,
    /// As the camera wrote it.
    Original,
}

impl PhotoForm {
    /// All, the smaller first.
    pub const ALL: [Self; 3] = [Self::Thumbnail, Self::View, Self::Original];
}

/// `POST /v1/photos/downloads`: pictures that the caller wants to see. A token opens none: who asks, signs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DownloadsRequest {
    /// Makes this request unlike any other.
    pub nonce: Nonce,
    /// Who asks.
    pub incarnation: IncarnationId,
    /// The number of the caller's last [`SyncRequest`](super::SyncRequest) that was answered: what somebody recorded opens nothing once another was.
    pub number: u64,
    /// What is wanted, the most urgent first: at most [`crate::limits::DOWNLOADS_WANTED`].
    pub wanted: Vec<Wanted>,
}

/// A picture of the photo that an entry shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The entry that shows the photo.
    pub entry: EntryId,
    /// The photo.
    pub sha256: PhotoHash,
    /// In which form.
    pub form: PhotoForm,
    /// How much of it the caller has; only an original comes in pieces.
    #[serde(default)]
    pub offset: u64,
}

/// The office's answer to [`DownloadsRequest`]: as much as fits, in the order in which it was wanted. What is neither here nor
/// absent is to be asked for again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DownloadsResponse {
    /// The request's.
    pub nonce: Nonce,
    /// Pictures, or pieces of originals.
    pub pieces: Vec<Piece>,
    /// What the office does not have, or not for the caller: it does not say which.
    pub absent: Vec<Wanted>,
}

/// A picture, or a piece of one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Piece {
    /// What was wanted.
    #[serde(flatten)]
    pub wanted: Wanted,
    /// Length of the whole.
    pub total: u64,
    /// The bytes from the offset on, base64.
    pub bytes: String,
}
