//! The chunks of a PNG: enough to know whether its end is there.

/// Whether the walk from chunk to chunk (PNG, 5.3) reaches the one that ends the picture.
///
/// A decoder has all pixels before it comes there, and would take a file that was cut just before its end for a whole one.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    // Behind the signature.
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        // Kind, data and check sum.
        let length = u64::from(u32::from_be_bytes(*length)) + 8;
        let Some((chunk, next)) = usize::try_from(length).ok().and_then(|length| behind.split_at_checked(length))
        else {
            return false;
        };
        if chunk.starts_with(b"IEND") {
            return true;
        }
        rest = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"\x89PNG\r\n\x1A\n\0\0\0\x02IDATIE....\0\0\0\0IEND\xAE\x42\x60\x82";

    #[test]
    fn only_a_file_with_all_of_its_last_chunk_is_whole() {
        assert!(is_whole(WHOLE));
        assert!(is_whole(&[WHOLE, b"what a program left behind it"].concat()));
        for length in 0..WHOLE.len() {
            assert!(!is_whole(&WHOLE[..length]), "{length} bytes");
        }
        assert!(!is_whole(b"\x89PNG\r\n\x1A\n\xFF\xFF\xFF\xFFIDAT"));
    }
}
