//! Every bound of the product, in one place, with where its number comes from.

/// One entry, header and parts together (docs/decisions/D1): bulk records are one entry per row.
pub const ENTRY_BYTES: usize = 64 * 1024;
/// An entry's origin: four times what it takes today. Its sealed copies are all of this length.
pub const ORIGIN_BYTES: usize = 1024;
/// Entries in one sync request (docs/protocol.md, wire).
pub const BATCH_ENTRIES: usize = 2000;
/// Bytes of entries in one sync request before compression, where the network is fast.
pub const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// A request to the office after decompression: a batch with its signatures, a dozen thumbnails, one view, or the largest
/// snapshot of an item, which a phone brings back to a restored office.
pub const REQUEST_BYTES: usize = 4 * 1024 * 1024;
/// Countersignatures that a phone remembers having held: some weeks of work. One that is older is not found, and more is
/// offered to a restored office than it has lost.
pub const COUNTERSIGNATURES: usize = 1024;
/// Countersignatures of a phone that an office names to it after a restore, newest first.
pub const COUNTERSIGNATURES_NAMED: usize = 256;
/// Incarnations that a request names as those before its own: a store is seldom copied twice.
pub const SUCCESSIONS: usize = 64;
/// Countersignatures of a phone that an office keeps in any case, newest first: a copy of the phone's store may hold one of them.
pub const COUNTERSIGNATURES_KEPT: usize = 16;
/// An answer of the office after decompression.
pub const RESPONSE_BYTES: usize = 16 * 1024 * 1024;
/// A district pack: with a page beside it, and quoted, it fits into an answer.
pub const PACK_BYTES: usize = 4 * 1024 * 1024;
/// Feed rows in one page.
pub const PAGE_ROWS: usize = 3000;
/// Bytes of entries and snapshots in one page, before compression, where a phone does not say how many go well over its network.
pub const PAGE_BYTES: usize = 1024 * 1024;
/// The fewest that a phone asks for: below it the requests cost more than the bytes.
pub const PAGE_BYTES_MIN: usize = 64 * 1024;
/// The most: a phone holds them in memory.
pub const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What one exchange of entries brings each way before anything is known of the network, before compression.
pub const EXCHANGE_BYTES: usize = 2 * 1024 * 1024;
/// Items whose snapshots a phone asks for at once.
pub const WANTED_ITEMS: usize = 100;
/// Thumbnails or views in one request: a dozen thumbnails, where they are as small as they should be.
pub const PREVIEWS_PER_REQUEST: usize = 12;
/// Renditions that are looked at for one request: some may be away, or too large for what is on the way.
pub const PREVIEWS_LOOKED_AT: usize = 1000;
/// Bytes of thumbnails or views in one request, as the text that they travel as: well within [`REQUEST_BYTES`]. A view that
/// has more travels alone.
pub const PREVIEWS_BYTES: usize = 512 * 1024;
/// However often something on the way says 413: a piece is not made smaller than this.
pub const PIECE_BYTES_FLOOR: u64 = 4 * 1024;
/// One thumbnail (320 px, JPEG).
pub const THUMBNAIL_BYTES: usize = 64 * 1024;
/// One view (1,600 px, JPEG): as text it fits into [`REQUEST_BYTES`], alone.
pub const VIEW_JPEG_BYTES: usize = 640 * 1024;

/// Pictures of others' photos that one request asks for: a list of thumbnails.
pub const DOWNLOADS_WANTED: usize = 100;
/// Bytes of pictures in one answer, before they are written as text: two dozen thumbnails, or a piece of an original. A picture
/// that has more travels alone, a whole original never.
pub const DOWNLOAD_BYTES: usize = 512 * 1024;
/// Cases, newest first, whose thumbnails a phone fetches unasked: some screens of its list.
pub const THUMBNAILS_UNASKED: usize = 100;
/// Bytes of others' pictures that a phone keeps: those wanted longest ago go first. A year's thumbnails, or some hundred views.
pub const PICTURES_BYTES: u64 = 256 * 1024 * 1024;
/// For how long an office that had no such picture is not asked for it again, unless somebody wants to see it, in milliseconds.
pub const ABSENT_MS: i64 = 15 * 60_000;
/// Days for which a phone keeps an original after it has become safe, unless the office says otherwise.
pub const ORIGINALS_KEPT_DAYS: u32 = 30;
/// Others' entries that a phone keeps of an item, the newest, once the rest are safe and in its snapshot: a case takes about a
/// dozen in its life.
pub const ENTRIES_KEPT: usize = 32;
/// Days after which a case that is over leaves its reporter's phone, counted from the last thing that happened to it: longer
/// than anybody comes back to it, and the console has it still.
pub const SETTLED_DAYS: u32 = 90;
/// Cases that leave their reporters' phones in one turn at the office.
pub const SETTLED_AT_ONCE: usize = 200;
/// Items whose whole story a phone asks for at once.
pub const HISTORY_ITEMS: usize = 8;
/// Room on a phone below which originals that are safe go earlier, unless the office says otherwise: a day's photos, and what
/// a platform wants for itself.
pub const FREE_BYTES_WANTED: u64 = 1024 * 1024 * 1024;

/// A photo file: twice what a 108-megapixel phone writes.
pub const PHOTO_BYTES: u64 = 128 * 1024 * 1024;
/// Length of an original that an entry may name: what no phone holds is no evidence, and no store could keep the number.
pub const PHOTO_BYTES_NAMED: u64 = 1 << 40;
/// Pixels of a photo that is decoded: 200 megapixels, the largest phone sensor of today.
pub const PHOTO_PIXELS: u64 = 200_000_000;
/// Memory that decoding a photo may take: 200 megapixels of three bytes, and the encoder's lines.
pub const PHOTO_DECODE_BYTES: u64 = 640 * 1024 * 1024;
/// EXIF is read from at most this much of a file: a JPEG segment holds 64 KiB, a HEIC's metadata lies near its start.
pub const EXIF_BYTES: u64 = 8 * 1024 * 1024;
/// Pieces that a HEIC may say it is made of: 200 megapixels in tiles of 512 take 800, with two more pictures and its EXIF.
pub const HEIC_EXTENTS: u32 = 65_536;
/// Scans of a JPEG that are followed to their ends; its decoder reads no more either, and cameras write one.
pub const JPEG_SCANS: u32 = 100;
/// Longer edge of the rendition that people look at.
pub const VIEW_EDGE_PX: u32 = 1600;
/// Longer edge of the thumbnail.
pub const THUMBNAIL_EDGE_PX: u32 = 320;
/// What a thumbnail should have at most: a dozen of them then take a quarter of a megabyte of a thin link.
pub const THUMBNAIL_AIM_BYTES: usize = 20 * 1024;
/// Characters of a camera's make or model: real ones stay below 40, and they travel in an entry.
pub const EXIF_TEXT_CHARS: usize = 64;
/// Metres above or below the sea that a camera may report: the edge of space.
pub const ALTITUDE_M: f64 = 100_000.0;
/// Photos of one capture: far and near views, and a few more.
pub const PHOTOS_PER_CAPTURE: usize = 12;

/// A text that a person writes: description, reason, comment (Unicode scalar values).
pub const TEXT_CHARS: usize = 2000;
/// Fields of one item or one edit.
pub const FIELDS: usize = 128;
/// An item's view, as text, with what a person adds to it: half a [`PAGE_BYTES`], so that its snapshot always travels.
pub const VIEW_BYTES: usize = 512 * 1024;
/// The same with what has to go on when a view is full: steps, and what the office itself notes.
pub const VIEW_BYTES_FULL: usize = 2 * VIEW_BYTES;
/// Entries that were applied to an item, with those that a person adds to it: a case takes dozens in its life, and a snapshot
/// names them all.
pub const ENTRIES_PER_ITEM: u64 = 4096;
/// The same with what has to go on when that many were: steps, and what the office itself notes.
pub const ENTRIES_PER_ITEM_FULL: u64 = 2 * ENTRIES_PER_ITEM;
/// Entries of one author on an item that `own` links are followed through, newest first: what an author wrote before them and
/// had not seen since counts as not known, which costs a kept loser.
pub const OWN_LINKS: usize = 1024;
/// The earliest moment, in milliseconds since 1970, that a clock in order can have said when something was seen: the start of
/// 2020, before this product was. A device whose clock lost its battery says 1970, 2000 or 2010.
pub const EARLIEST_MOMENT_MS: i64 = 1_577_836_800_000;
/// How far a clock may be ahead of the office's when an entry comes in, and still be in order: a wrong time zone, and no more.
pub const CLOCK_AHEAD_MS: i64 = 24 * 3_600_000;
/// Characters of what a phone calls itself: a model and its owner's name.
pub const DEVICE_NAME_CHARS: usize = 100;
/// Items in one page of a list.
pub const LIST_ROWS: usize = 200;
/// Refused entries that a status shows: more than a person acknowledges at a sitting.
pub const REFUSED_SHOWN: usize = 20;
/// Bytes of an upload token: longer than any.
pub const TOKEN_BYTES: usize = 2048;
/// Rows of one page of the console: a screen or two.
pub const CONSOLE_ROWS: usize = 30;
/// Held entries that the command line lists: more than a desk decides about in a day.
pub const HELD_LISTED: usize = 500;
/// Missing originals of a phone that the console lists one by one; more are counted.
pub const MISSING_LISTED: usize = 20;
/// A session of the console, in milliseconds: a working day at a desk.
pub const SESSION_MS: i64 = 12 * 3_600_000;
/// Sessions of the console: more than a district has desks. The one that ends first makes room.
pub const SESSIONS: usize = 10_000;
/// Characters of a search query.
pub const QUERY_CHARS: usize = 100;

/// The first piece of an upload, before anything is known of the network: two seconds of 1 Mbit/s.
pub const PIECE_BYTES: u64 = 256 * 1024;
/// A piece should take so long: what a cut costs at most, where the network stays as it is.
pub const PIECE_AIM_MS: u64 = 4_000;
/// The smallest piece that is sent, or that an office may ask for: below it the requests cost more than the bytes.
pub const PIECE_BYTES_MIN: u64 = 64 * 1024;
/// The largest piece in the foreground.
pub const PIECE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// An unfinished upload is kept this long at least: a phone may lie in a drawer over a holiday week.
pub const UPLOAD_KEEP_MS: i64 = 8 * 24 * 3_600_000;
/// The longest wait between two tries: a phone never stops retrying for good.
pub const BACK_OFF_MS_MAX: u64 = 15 * 60_000;
/// How long an office that cannot take more asks a phone to leave it alone, in seconds: a restart takes less.
pub const RETRY_AFTER_S: u64 = 30;
/// How long an office that takes no more originals of a phone asks it to wait, in seconds: a day's quota does not come back sooner.
pub const QUOTA_RETRY_AFTER_S: u64 = 900;
/// Turns that may wait for an office's ledger: at a few milliseconds each, a few seconds.
pub const TURNS_WAITING: usize = 512;
/// The first wait after a failure, doubled with each further one, drawn with full jitter.
pub const BACK_OFF_MS_MIN: u64 = 1_000;
/// Where files cannot be locked, what a backup or a restore left unfinished is kept this long: none takes a week.
pub const UNFINISHED_KEEP_MS: u64 = 7 * 24 * 3_600_000;
/// A one-time enrolment code lives this long.
pub const ENROLMENT_MS: i64 = 24 * 3_600_000;
/// Uploads that one phone may have open, unless the office says otherwise: a long day's photos, twice.
pub const UPLOADS_OPEN: usize = 2000;
/// Bytes of originals of one phone in a day, unless the office says otherwise: those photos, of 4 MiB each.
pub const DEVICE_DAY_BYTES: u64 = 8 << 30;
/// Bytes of originals of one phone, unless the office says otherwise: half a year of such days.
pub const DEVICE_BYTES: u64 = 1 << 40;
/// Bytes of originals of a whole district in a day, unless the office says otherwise: 200 phones on a usual day.
pub const DISTRICT_DAY_BYTES: u64 = 200 << 30;
/// Bytes of originals of a whole district, unless the office says otherwise: ten years of a large district.
pub const DISTRICT_BYTES: u64 = 64 << 40;
/// Entries of one phone in an hour, unless the office says otherwise: a month without network comes at once.
pub const DEVICE_HOUR_ENTRIES: u64 = 20_000;
/// On battery originals wait below this charge, in percent, unless the phone or its district says otherwise: Android begins to
/// save energy there.
pub const BATTERY_FLOOR_PERCENT: u8 = 15;
/// Megabytes of originals a day over networks that are paid by the byte, unless the phone or its district says otherwise.
pub const METERED_MEGABYTES_A_DAY: u32 = 200;
/// Days whose bytes over such networks a phone remembers: more than a month is never asked for.
pub const METERED_DAYS: u32 = 32;
/// Photos that one request asks about.
pub const HAVE_PHOTOS: usize = 500;
/// So many owed photos are worth a request that asks which of them the office has: their thumbnails take five.
pub const HAVE_WORTH: u64 = 50;
/// Exchanges whose word on a device's clock is kept.
pub const CLOCK_SAMPLES: u64 = 8;
/// What takes longer says nothing of a clock that is worth knowing.
pub const ROUND_TRIP_MS: u64 = 60_000;
/// Two words on a phone's clock that are further apart are of two settings of it: no usual network makes such a difference.
pub const CLOCK_SET_MS: i64 = 10_000;
/// By how much a monotonic clock may run fast or slow, in millionths: a cheap quartz in the sun stays within half of it.
pub const CLOCK_DRIFT_PPM: i64 = 200;
/// How long an office keeps a phone waiting for a hint: below what proxies and drivers wait for an answer.
pub const HINT_MS: u64 = 45_000;
/// How often an office looks whether there is something for a phone that waits: what happens meanwhile is one hint.
pub const HINT_LOOK_MS: u64 = 1_000;
/// How long a driver that could not ask for a hint goes on without.
pub const HINT_PAUSE_MS: u64 = 15_000;
/// Phones that may wait for a hint at once: each holds a connection.
pub const HINTS_WAITING: usize = 4_096;
/// The answer to that, after decompression.
pub const HINT_BYTES: usize = 4 * 1024;
/// An office gives up on a request whose body is silent for so long: a phone begins again with what was kept.
pub const BODY_SILENCE_MS: u64 = 60_000;
/// How long requests may go on once the office was asked to end; what they had brought until then is kept.
pub const LAST_REQUESTS_MS: u64 = 10_000;
/// Room that a store keeps for the day on which the disk is full: the index and the first pages of its write-ahead log.
pub const RESERVE_BYTES: usize = 256 * 1024;
/// How long a statement waits for another process that writes: longer than any turn takes.
pub const STORE_BUSY_MS: u64 = 10_000;
/// Statements that a store keeps prepared: more than there are in the program, for a turn at the office uses most of them.
pub const STORE_STATEMENTS: usize = 512;
/// KiB of pages that a store keeps in memory at most. An entry touches some dozens of indexes by random ids: where they do not fit,
/// each is read anew from the log.
pub const STORE_CACHE_KIB: i64 = 16 * 1024;
/// What is on the disk for certain grows in steps of this many bytes while an original streams in.
pub const UPLOAD_SYNC_BYTES: u64 = 4 * 1024 * 1024;
/// A line in a parcel, which says what a part is.
pub const PARCEL_LINE_BYTES: u64 = 4 * 1024;
/// What a parcel says of itself: two keys, two names, a signature.
pub const PARCEL_MANIFEST_BYTES: u64 = 16 * 1024;
/// Parcels of a phone whose answers it can still read: one a day over a long holiday.
pub const PARCELS_KEPT: usize = 20;
