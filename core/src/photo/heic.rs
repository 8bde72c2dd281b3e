//! The boxes of a HEIC: enough to know whether all of the picture is there, since nobody here decodes it.
//!
//! A cut HEIC still shows its first bytes to whoever asks what it is, and its working copy looks whole. Here a photo is
//! evidence: each byte that the picture says it is made of has to lie in the file.

use crate::limits;

/// Why a HEIC is not the whole picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It names bytes beyond its end, or ends before it names any.
    CutOff,
    /// Its boxes are none.
    Broken,
}

/// Boxes that stand on their own in a HEIC, its sound and its film. Other bytes behind a whole picture are the trailer of
/// a phone's maker, which need not be boxes and are no part of it.
const KINDS: [&[u8; 4]; 10] =
    [b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"wide", b"uuid", b"mpvd", b"sefd"];

/// Whether the boxes (ISO/IEC 14496-12, 4.2) and all that `meta` says the picture is made of end within `bytes`.
///
/// A box and an item take bytes, so that a walk over them ends with the file; extents may take none, and are counted.
pub(super) fn check(bytes: &[u8]) -> Result<(), Fault> {
    let mut rest = Rest(bytes);
    let (mut meta, mut data) = (None, false);
    let (walked, end) = loop {
        let walked = bytes.len() - rest.0.len();
        match rest.next_box() {
            Ok(Some((b"meta", body))) if meta.is_none() => meta = Some(body),
            Ok(Some((kind, _))) => data |= kind == b"mdat",
            Ok(None) => break (walked, Ok(())),
            Err(fault) => {
                let kind = bytes.get(walked + 4..walked + 8);
                if kind.is_some_and(|kind| KINDS.iter().any(|known| known.as_slice() == kind)) {
                    return Err(fault);
                }
                break (walked, Err(fault));
            }
        }
    };
    let Some(meta) = meta else { return Err(end.err().unwrap_or(Fault::CutOff)) };
    let file = if data { walked as u64 } else { 0 };
    check_items(meta, file).map_err(|fault| end.err().unwrap_or(fault))
}

/// Whether the items that `meta` lists (ISO/IEC 14496-12, 8.11.3) lie within it and within the first `file` bytes.
fn check_items(meta: &[u8], file: u64) -> Result<(), Fault> {
    let mut rest = Rest(meta);
    // Version and flags.
    rest.take(4).ok_or(Fault::Broken)?;
    let (mut locations, mut inside) = (None, 0);
    while let Some((kind, body)) = rest.next_box().map_err(|_| Fault::Broken)? {
        match kind {
            b"iloc" => locations = Some(body),
            b"idat" => inside = body.len() as u64,
            _ => {}
        }
    }
    let ends = ends(Rest(locations.ok_or(Fault::Broken)?)).ok_or(Fault::Broken)?;
    // An item of no bytes is no picture.
    if ends.in_meta > inside || (ends.in_file, ends.in_meta) == (0, 0) {
        Err(Fault::Broken)
    } else if ends.in_file > file {
        Err(Fault::CutOff)
    } else {
        Ok(())
    }
}

/// How far the items' extents reach.
struct Ends {
    in_file: u64,
    in_meta: u64,
}

/// Reads an `iloc` box; `None` where it is none.
fn ends(mut iloc: Rest<'_>) -> Option<Ends> {
    let version = iloc.number(1)?;
    iloc.take(3)?;
    let sizes = iloc.number(2)?;
    let [of_offset, of_length, of_base, of_index] = [sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15];
    let wide = if version < 2 { 2 } else { 4 };
    let mut found = Ends { in_file: 0, in_meta: 0 };
    let mut extents = 0;
    for _ in 0..iloc.number(wide)? {
        iloc.number(wide)?;
        let method = if version == 0 { 0 } else { iloc.number(2)? & 15 };
        // Which file: this one, in all that phones write.
        iloc.number(2)?;
        let base = iloc.number(of_base)?;
        for _ in 0..iloc.number(2)? {
            extents += 1;
            if extents > limits::HEIC_EXTENTS {
                return None;
            }
            iloc.number(if version == 0 { 0 } else { of_index })?;
            let end = base.checked_add(iloc.number(of_offset)?)?.checked_add(iloc.number(of_length)?)?;
            match method {
                0 => found.in_file = found.in_file.max(end),
                1 => found.in_meta = found.in_meta.max(end),
                // Within another item, whose own extents are looked at.
                _ => {}
            }
        }
    }
    Some(found)
}

/// The kind of a box, and its body.
type KindAndBody<'a> = (&'a [u8; 4], &'a [u8]);

/// Bytes that have not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, at most eight; of none it is 0.
    fn number(&mut self, bytes: u64) -> Option<u64> {
        if bytes > 8 {
            return None;
        }
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The next box; none at the end.
    fn next_box(&mut self) -> Result<Option<KindAndBody<'a>>, Fault> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let length = self.number(4).ok_or(Fault::CutOff)?;
        let kind = self.take(4).and_then(<[u8]>::first_chunk).ok_or(Fault::CutOff)?;
        let body = match length {
            // To the end of the file.
            0 => self.0.len() as u64,
            1 => self.number(8).ok_or(Fault::CutOff)?.checked_sub(16).ok_or(Fault::Broken)?,
            _ => length.checked_sub(8).ok_or(Fault::Broken)?,
        };
        Ok(Some((kind, self.take(body).ok_or(Fault::CutOff)?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len() + 8).unwrap().to_be_bytes(), &kind[..], body].concat()
    }

    fn boxed_wide(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&[0, 0, 0, 1], &kind[..], &(body.len() as u64 + 16).to_be_bytes(), body].concat()
    }

    fn boxed_to_the_end(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&[0; 4], &kind[..], body].concat()
    }

    /// `meta` with one item of one extent: in the file (0) or in its own `idat` (1).
    fn meta(method: u8, offset: usize, length: usize) -> Vec<u8> {
        let number = |value: usize| u32::try_from(value).unwrap().to_be_bytes();
        let iloc = [&b"\x01\0\0\0\x44\0\0\x01\0\x01\0"[..], &[method], b"\0\0\0\x01", &number(offset), &number(length)];
        let idat = if method == 1 { boxed(b"idat", &[7; 40]) } else { Vec::new() };
        boxed(b"meta", &[&[0; 4][..], &boxed(b"hdlr", &[0; 24]), &boxed(b"iloc", &iloc.concat()), &idat].concat())
    }

    fn start() -> Vec<u8> {
        boxed(b"ftyp", b"heic\0\0\0\0mif1heic")
    }

    const PIXELS: [u8; 200] = [0xA5; 200];

    /// A sound picture of each kind that cameras and programs write.
    fn sound() -> Vec<(&'static str, Vec<u8>)> {
        let behind = |header: usize| meta(0, start().len() + meta(0, 0, 0).len() + header, PIXELS.len());
        vec![
            ("data behind", [start(), behind(8), boxed(b"mdat", &PIXELS)].concat()),
            ("data of 64 bits", [start(), behind(16), boxed_wide(b"mdat", &PIXELS)].concat()),
            ("data to the end", [start(), behind(8), boxed_to_the_end(b"mdat", &PIXELS)].concat()),
            ("data before", [start(), boxed(b"mdat", &PIXELS), meta(0, start().len() + 8, PIXELS.len())].concat()),
            ("data within", [start(), meta(1, 0, 40)].concat()),
        ]
    }

    #[test]
    fn sound_pictures_are_whole_with_and_without_a_trailer() {
        for (kind, file) in sound() {
            assert_eq!(check(&file), Ok(()), "{kind}");
            for trailer in [&boxed(b"mpvd", &[1; 50])[..], b"vivo{\"a\":1}camera", b"\0\0\0", b"\0\0\0\x02odd!"] {
                assert_eq!(check(&[&file, trailer].concat()), Ok(()), "{kind} {trailer:?}");
            }
        }
    }

    #[test]
    fn a_picture_that_was_cut_anywhere_is_not_whole() {
        for (kind, file) in sound() {
            for length in 0..file.len() {
                assert!(check(&file[..length]).is_err(), "{kind}: {length} of {} bytes", file.len());
            }
        }
    }

    #[test]
    fn a_film_behind_the_picture_that_was_cut_is_a_cut_file() {
        let whole = [sound().remove(0).1, boxed(b"mpvd", &[1; 50])].concat();
        assert_eq!(check(&whole[..whole.len() - 1]), Err(Fault::CutOff));
    }

    #[test]
    fn a_header_alone_and_one_without_data_are_cut_off() {
        assert_eq!(check(&start()), Err(Fault::CutOff));
        assert_eq!(check(&[start(), boxed(b"mdat", &PIXELS)].concat()), Err(Fault::CutOff));
        let of_no_bytes = [start(), meta(0, 0, 0), boxed(b"mdat", &PIXELS)].concat();
        assert_eq!(check(&of_no_bytes), Err(Fault::Broken));
        // All within the file, and yet no data box that holds it.
        assert_eq!(check(&[start(), meta(0, 8, 20)].concat()), Err(Fault::CutOff));
    }

    #[test]
    fn boxes_that_are_none_are_broken() {
        let empty = |body: &[u8]| check(&[start(), boxed(b"meta", body), boxed(b"mdat", &PIXELS)].concat());
        assert_eq!(empty(b""), Err(Fault::Broken));
        assert_eq!(empty(b"\0\0\0\0"), Err(Fault::Broken), "it does not say where the picture is");
        assert_eq!(empty(b"\0\0\0\0\0\0\0\x07iloc"), Err(Fault::Broken));
        let no_extent = [&[0; 4][..], &boxed(b"iloc", b"\0\0\0\0\x44\0\0\0")].concat();
        assert_eq!(empty(&no_extent), Err(Fault::Broken));
        let odd_sizes = [&[0; 4][..], &boxed(b"iloc", b"\0\0\0\0\xFF\xFF\0\x01")].concat();
        assert_eq!(empty(&odd_sizes), Err(Fault::Broken));
        assert_eq!(check(&[start(), meta(1, 0, 41)].concat()), Err(Fault::Broken));
        assert_eq!(check(&[start(), b"\0\0\0\x03meta".to_vec()].concat()), Err(Fault::Broken));
    }

    #[test]
    fn a_list_of_endless_extents_is_not_read_to_its_end() {
        // Two items, each within the file; their extents take no bytes, so that a small file may list billions.
        let listing = |extents: u16| {
            let item = [&b"\0\x01\0\0\0\0\0\x20"[..], &extents.to_be_bytes()].concat();
            let iloc = [&b"\0\0\0\0\0\x40\0\x02"[..], &item, &item].concat();
            let meta = boxed(b"meta", &[&[0; 4][..], &boxed(b"iloc", &iloc)].concat());
            check(&[start(), meta, boxed(b"mdat", &PIXELS)].concat())
        };
        assert_eq!(listing(30_000), Ok(()));
        assert_eq!(listing(40_000), Err(Fault::Broken));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = check(&bytes);
            let _ = check(&[start(), boxed(b"meta", &[&[0; 4], &boxed(b"iloc", &bytes)[..]].concat())].concat());
        }

        #[test]
        fn nor_does_any_picture_with_bytes_changed(
            which in 0..5_usize, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut file = sound().swap_remove(which).1;
            for (at, byte) in changes {
                let at = at.index(file.len());
                file[at] = byte;
            }
            let _ = check(&file);
        }
    }
}
