//! The skeleton of a JPEG file: enough to find its EXIF when it is broken, and to know whether its end is there.
//!
//! Decoders stop at the first oddity or, being kind, paint the missing part grey and say nothing. Here a photo is
//! evidence: a cut file must not pass for a whole one, and a broken one still gives what it has.

const MARKER: u8 = 0xFF;
const EXIF: &[u8] = b"Exif\0\0";

/// What a walk along the markers of a JPEG found.
pub(super) struct Skeleton<'a> {
    /// The EXIF blocks without their `Exif` heading, in the file's order; the last may be cut.
    pub(super) exif: Vec<&'a [u8]>,
    /// Whether the end marker of the picture was reached.
    pub(super) whole: bool,
}

/// The code of the next marker, and what lies behind it; what lies before it is passed over. None where there is no more.
pub(super) fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = bytes.iter().position(|byte| *byte == MARKER)?;
        match bytes[at + 1..] {
            // A padded marker: its last fill byte counts.
            [MARKER, ..] => bytes = &bytes[at + 1..],
            // A stuffed zero within the picture's data.
            [0x00, ref rest @ ..] => bytes = rest,
            [code, ref rest @ ..] => return Some((code, rest)),
            [] => return None,
        }
    }
}

/// Walks from marker to marker (ITU-T T.81, annex B), skipping what lies between.
pub(super) fn walk(bytes: &[u8]) -> Skeleton<'_> {
    let mut found = Skeleton { exif: Vec::new(), whole: false };
    // Past the start marker.
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some((code, behind)) = next_marker(rest) {
        rest = behind;
        match (code, behind) {
            // Restarts, and other markers that stand alone.
            (0x01 | 0xD0..=0xD8, _) => {}
            (0xD9, _) => {
                found.whole = true;
                break;
            }
            (_, &[high, low, ref behind @ ..]) => {
                // The length counts itself; less than two is no length, and the search goes on behind it.
                let length = usize::from(u16::from_be_bytes([high, low])).saturating_sub(2);
                let segment = behind.get(..length).unwrap_or(behind);
                if code == 0xE1
                    && let Some(block) = segment.strip_prefix(EXIF)
                {
                    found.exif.push(block);
                }
                rest = &behind[segment.len()..];
            }
            (_, [] | [_]) => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"\xFF\xD8\xFF\xE1\x00\x0AExif\0\0II\xFF\xFF\xDA\x00\x03\x07\x12\xFF\x00\xFF\xD3\x34\xFF\xD9tail\xFF";

    #[test]
    fn the_end_is_found_behind_stuffing_restarts_and_padding() {
        let found = walk(WHOLE);
        assert!(found.whole);
        assert_eq!(found.exif, [b"II"]);
    }

    #[test]
    fn no_cut_file_passes_for_a_whole_one() {
        let end = WHOLE.iter().position(|byte| *byte == 0xD9).unwrap();
        for length in 0..=end {
            assert!(!walk(&WHOLE[..length]).whole, "{length} bytes");
        }
    }

    #[test]
    fn a_segment_longer_than_the_file_gives_what_is_there() {
        let found = walk(b"\xFF\xD8\xFF\xE1\xFF\xFFExif\0\0MM\0*");
        assert_eq!(found.exif, [b"MM\0*"]);
        assert!(!found.whole);
    }
}
