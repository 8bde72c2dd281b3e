//! The picture data of a JPEG: enough to know whether they reach to the last block of the picture.
//!
//! A JPEG that was cut and closed with an end marker looks whole to whoever goes by its markers, and decoders, being kind,
//! paint what is missing grey and say nothing. Here the codes are counted off, without making pixels of them.

use super::jpeg::next_marker;
use crate::limits;

/// Whether the data of each scan reach to its last unit, and every colour has some (ITU-T T.81, annexes B, F and G).
///
/// The last unit may be missing: there are cameras that do not write its last bits, and decoders take them for zeros. Of a
/// progressive picture the later scans may be missing, as its standard allows. What is coded in a way that is not followed
/// here is whole as far as this can tell. The caller has bounded the pixels.
pub(super) fn are_whole(jpeg: &[u8]) -> bool {
    let walk = Walk { rest: jpeg.get(2..).unwrap_or_default(), ..Walk::default() };
    walk.follow() != Err(Stop::Ended)
}

/// Why a walk along the scans stopped before the end marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The data ended, and blocks were still to come.
    Ended,
    /// It is not as JPEGs are known here: a decoder knows better, or refuses it.
    Odd,
}

/// What the markers so far have said.
#[derive(Default)]
struct Walk<'a> {
    rest: &'a [u8],
    frame: Option<Frame>,
    /// The codes of first coefficients, by their places.
    dc: [Option<Code>; 4],
    /// The codes of the others.
    ac: [Option<Code>; 4],
    /// Units between two restart markers; 0 where there are none.
    restart: usize,
}

impl<'a> Walk<'a> {
    fn follow(mut self) -> Result<(), Stop> {
        let mut scans = 0;
        loop {
            let (kind, rest) = next_marker(self.rest).ok_or(Stop::Odd)?;
            self.rest = rest;
            match kind {
                0xD9 => break,
                // A start, restarts, and one for private use: they stand alone.
                0x01 | 0xD0..=0xD8 => {}
                0xC0..=0xC2 if self.frame.is_none() => {
                    self.frame = Some(Frame::read(self.segment()?, kind == 0xC2)?);
                }
                0xC4 => self.codes()?,
                // Another frame, other ways to code one, and a height that comes later.
                0xC0..=0xCF | 0xDC => return Err(Stop::Odd),
                0xDD => {
                    let units = self.segment()?.first_chunk().ok_or(Stop::Odd)?;
                    self.restart = usize::from(u16::from_be_bytes(*units));
                }
                0xDA if scans == limits::JPEG_SCANS => return Err(Stop::Odd),
                0xDA => {
                    scans += 1;
                    self.scan()?;
                }
                _ => {
                    self.segment()?;
                }
            }
        }
        let colours = self.frame.ok_or(Stop::Odd)?.colours;
        if colours.iter().all(|colour| colour.has_data) { Ok(()) } else { Err(Stop::Ended) }
    }

    /// Passes over a segment, and gives what is in it.
    fn segment(&mut self) -> Result<&'a [u8], Stop> {
        let (length, behind) = self.rest.split_first_chunk::<2>().ok_or(Stop::Odd)?;
        // The length counts itself.
        let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2).ok_or(Stop::Odd)?;
        let (segment, rest) = behind.split_at_checked(length).ok_or(Stop::Odd)?;
        self.rest = rest;
        Ok(segment)
    }

    fn codes(&mut self) -> Result<(), Stop> {
        let mut tables = self.segment()?;
        while let Some((&place, behind)) = tables.split_first() {
            let (counts, symbols) = behind.split_first_chunk::<16>().ok_or(Stop::Odd)?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = symbols.split_at_checked(total).ok_or(Stop::Odd)?;
            let kind = if place >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *kind.get_mut(usize::from(place & 15)).ok_or(Stop::Odd)? = Some(Code::of(counts, symbols)?);
            tables = rest;
        }
        Ok(())
    }

    fn scan(&mut self) -> Result<(), Stop> {
        let (&count, header) = self.segment()?.split_first().ok_or(Stop::Odd)?;
        let (chosen, band) = header.split_at_checked(2 * usize::from(count)).ok_or(Stop::Odd)?;
        let &[first, last, places] = band else { return Err(Stop::Odd) };
        let band = Band { first: usize::from(first), last: usize::from(last), refines: places >> 4 != 0 };
        let frame = self.frame.as_mut().ok_or(Stop::Odd)?;
        let mut parts = Vec::new();
        for [id, tables] in chosen.as_chunks().0 {
            let at = frame.colours.iter().position(|colour| colour.id == *id).ok_or(Stop::Odd)?;
            let dc = self.dc.get(usize::from(tables >> 4)).ok_or(Stop::Odd)?.as_ref();
            let ac = self.ac.get(usize::from(tables & 15)).ok_or(Stop::Odd)?.as_ref();
            let pass =
                if frame.progressive { band.pass(dc, ac) } else { dc.zip(ac).map(|(dc, ac)| Pass::All { dc, ac }) };
            parts.push((at, pass.ok_or(Stop::Odd)?));
            frame.colours[at].has_data |= !frame.progressive || band.first == 0;
        }
        self.rest = frame.count_off(self.rest, &parts, self.restart)?;
        Ok(())
    }
}

/// The picture as its header says it.
struct Frame {
    progressive: bool,
    colours: Vec<Colour>,
    /// Units across an interleaved scan, and down.
    units: [usize; 2],
}

struct Colour {
    id: u8,
    /// Blocks across an interleaved unit, and down.
    in_unit: [usize; 2],
    /// Blocks across a scan of this colour alone, and down.
    alone: [usize; 2],
    /// Which coefficients of each block are not zero so far, a bit each: refining scans have a bit more for each of them.
    /// Of progressive pictures only, block by block in rows of whole units.
    nonzero: Vec<u64>,
    has_data: bool,
}

impl Frame {
    fn read(segment: &[u8], progressive: bool) -> Result<Self, Stop> {
        let &[8, h1, h2, w1, w2, count, ref colours @ ..] = segment else { return Err(Stop::Odd) };
        let [height, width] = [[h1, h2], [w1, w2]].map(|two| usize::from(u16::from_be_bytes(two)));
        let (colours, rest) = colours.as_chunks::<3>();
        let factors = |by: u8| [by >> 4, by & 15].map(usize::from);
        let too_large = (width * height) as u64 > limits::PHOTO_PIXELS;
        let sound = |colour: &[u8; 3]| factors(colour[1]).iter().all(|factor| (1..=4).contains(factor));
        let fits = usize::from(count) == colours.len() && rest.is_empty() && colours.len() <= 4;
        if !fits || width * height == 0 || too_large || !colours.iter().all(sound) {
            return Err(Stop::Odd);
        }
        let most = |direction: usize| colours.iter().map(|colour| factors(colour[1])[direction]).max().unwrap_or(1);
        let most = [most(0), most(1)];
        let units = [width.div_ceil(8 * most[0]), height.div_ceil(8 * most[1])];
        let colour = |&[id, by, _]: &[u8; 3]| {
            let in_unit = factors(by);
            let alone = [(width * in_unit[0]).div_ceil(8 * most[0]), (height * in_unit[1]).div_ceil(8 * most[1])];
            let blocks = units[0] * in_unit[0] * units[1] * in_unit[1];
            Colour { id, in_unit, alone, nonzero: vec![0; if progressive { blocks } else { 0 }], has_data: false }
        };
        Ok(Self { progressive, colours: colours.iter().map(colour).collect(), units })
    }

    /// Counts off a scan of these colours, and gives what lies behind its data.
    fn count_off<'a>(&mut self, data: &'a [u8], parts: &[(usize, Pass<'_>)], restart: usize) -> Result<&'a [u8], Stop> {
        let alone = if let [(colour, _)] = parts { Some(self.colours[*colour].alone) } else { None };
        let [across, down] = alone.unwrap_or(self.units);
        let units = across * down;
        let mut bits = Bits::of(data);
        let mut next = 0;
        while next < units {
            let end = if restart == 0 { units } else { units.min(next + restart) };
            let mut run = 0;
            while next < end {
                let place = [next % across, next / across];
                match self.unit(place, alone.is_some(), parts, &mut bits, &mut run) {
                    Ok(()) => next += 1,
                    Err(Stop::Ended) => break,
                    Err(Stop::Odd) => return Err(Stop::Odd),
                }
            }
            if next + 1 >= units {
                break;
            }
            // The next interval begins behind its marker, also where this one lacks data: decoders go on there too.
            match next_marker(bits.rest) {
                Some((0xD0..=0xD7, behind)) if restart != 0 => bits = Bits::of(behind),
                Some(_) | None => return Err(Stop::Ended),
            }
            next = end;
        }
        Ok(bits.rest)
    }

    fn unit(
        &mut self,
        [x, y]: [usize; 2],
        alone: bool,
        parts: &[(usize, Pass<'_>)],
        bits: &mut Bits<'_>,
        run: &mut u64,
    ) -> Result<(), Stop> {
        for (colour, pass) in parts {
            let colour = &mut self.colours[*colour];
            let [wide, high] = if alone { [1, 1] } else { colour.in_unit };
            let stride = self.units[0] * colour.in_unit[0];
            for row in y * high..(y + 1) * high {
                for block in x * wide..(x + 1) * wide {
                    let mut none = 0;
                    let nonzero = colour.nonzero.get_mut(row * stride + block).unwrap_or(&mut none);
                    pass.block(bits, nonzero, run)?;
                }
            }
        }
        Ok(())
    }
}

/// Which coefficients a scan of a progressive picture is about, in zigzag order, and whether it refines them.
#[derive(Clone, Copy)]
struct Band {
    first: usize,
    last: usize,
    refines: bool,
}

impl Band {
    fn pass<'t>(self, dc: Option<&'t Code>, ac: Option<&'t Code>) -> Option<Pass<'t>> {
        match (self.first, self.refines) {
            (0, false) => dc.map(Pass::Dc),
            (0, true) => Some(Pass::MoreOfDc),
            (1..64, refines) if (self.first..64).contains(&self.last) => {
                let [first, last] = [self.first, self.last];
                ac.map(|ac| if refines { Pass::MoreOfAc { ac, first, last } } else { Pass::Ac { ac, first, last } })
            }
            _ => None,
        }
    }
}

/// What a scan has of each block of a colour.
enum Pass<'t> {
    /// All coefficients: the only scan of a picture that is not progressive.
    All { dc: &'t Code, ac: &'t Code },
    /// The first coefficient (G.1.2.1).
    Dc(&'t Code),
    /// A further bit of it.
    MoreOfDc,
    /// A band of the others (G.1.2.2).
    Ac { ac: &'t Code, first: usize, last: usize },
    /// A further bit of them (G.1.2.3).
    MoreOfAc { ac: &'t Code, first: usize, last: usize },
}

impl Pass<'_> {
    /// Passes over a block. `run` counts the blocks from this one on of which the scan has no new coefficient.
    fn block(&self, bits: &mut Bits<'_>, nonzero: &mut u64, run: &mut u64) -> Result<(), Stop> {
        match *self {
            Self::All { dc, ac } => {
                first_coefficient(bits, dc)?;
                new_coefficients(bits, ac, 1, 63, nonzero, run)?;
                // Only progressive pictures have runs beyond a block's end.
                if std::mem::take(run) > 1 { Err(Stop::Odd) } else { Ok(()) }
            }
            Self::Dc(dc) => first_coefficient(bits, dc),
            Self::MoreOfDc => bits.take(1).map(drop),
            Self::Ac { ac, first, last } => {
                if *run == 0 {
                    new_coefficients(bits, ac, first, last, nonzero, run)?;
                }
                *run = run.saturating_sub(1);
                Ok(())
            }
            Self::MoreOfAc { ac, first, last } => more_coefficients(bits, ac, first, last, nonzero, run),
        }
    }
}

fn first_coefficient(bits: &mut Bits<'_>, dc: &Code) -> Result<(), Stop> {
    let length = bits.symbol(dc)?;
    bits.take(u32::from(length)).map(drop)
}

fn new_coefficients(
    bits: &mut Bits<'_>,
    ac: &Code,
    first: usize,
    last: usize,
    nonzero: &mut u64,
    run: &mut u64,
) -> Result<(), Stop> {
    let mut at = first;
    while at <= last {
        match Symbol::of(bits.symbol(ac)?) {
            Symbol::End { run_bits } => {
                *run = (1 << run_bits) + bits.take(run_bits)?;
                break;
            }
            Symbol::Zeros => at += 16,
            Symbol::Coefficient { zeros, length } => {
                at += zeros;
                bits.take(length)?;
                *nonzero |= 1_u64.checked_shl(u32::try_from(at).unwrap_or(u32::MAX)).ok_or(Stop::Odd)?;
                at += 1;
            }
        }
    }
    Ok(())
}

fn more_coefficients(
    bits: &mut Bits<'_>,
    ac: &Code,
    first: usize,
    last: usize,
    nonzero: &mut u64,
    run: &mut u64,
) -> Result<(), Stop> {
    let mut at = first;
    while *run == 0 && at <= last {
        let (mut zeros, is_new) = match Symbol::of(bits.symbol(ac)?) {
            Symbol::End { run_bits } => {
                *run = (1 << run_bits) + bits.take(run_bits)?;
                break;
            }
            Symbol::Zeros => (15, false),
            // Its sign.
            Symbol::Coefficient { zeros, .. } => {
                bits.take(1)?;
                (zeros, true)
            }
        };
        // To the zero that the code is about; each coefficient on the way that is none has a bit more.
        while at <= last {
            if *nonzero >> at & 1 == 1 {
                bits.take(1)?;
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            at += 1;
        }
        if is_new && at <= last {
            *nonzero |= 1 << at;
        }
        at += 1;
    }
    if *run > 0 {
        let known = (at..=last).filter(|at| *nonzero >> at & 1 == 1).count();
        for _ in 0..known {
            bits.take(1)?;
        }
        *run -= 1;
    }
    Ok(())
}

/// What a code of the coefficients behind the first says.
enum Symbol {
    /// No new coefficient in this block, and in as many further ones as the next bits say.
    End { run_bits: u32 },
    /// Sixteen zeros.
    Zeros,
    /// Some zeros, then a coefficient of so many bits.
    Coefficient { zeros: usize, length: u32 },
}

impl Symbol {
    fn of(byte: u8) -> Self {
        match (byte >> 4, byte & 15) {
            (15, 0) => Self::Zeros,
            (run_bits, 0) => Self::End { run_bits: u32::from(run_bits) },
            (zeros, length) => Self::Coefficient { zeros: usize::from(zeros), length: u32::from(length) },
        }
    }
}

/// A Huffman code (annex C): by the next sixteen bits, how many of them are the code, and what it stands for.
struct Code(Box<[(u8, u8)]>);

impl Code {
    /// `counts` codes of one bit, of two, and so on; `symbols` are theirs, in this order.
    fn of(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, Stop> {
        let mut table = vec![(0, 0); 1 << 16].into_boxed_slice();
        let lengths = (1_u8..).zip(counts).flat_map(|(length, count)| std::iter::repeat_n(length, usize::from(*count)));
        let mut from = 0;
        for (length, symbol) in lengths.zip(symbols) {
            let to = from + (1 << (16 - length));
            table.get_mut(from..to).ok_or(Stop::Odd)?.fill((length, *symbol));
            from = to;
        }
        Ok(Self(table))
    }
}

/// The bits of a scan up to the next marker.
struct Bits<'a> {
    rest: &'a [u8],
    /// The next bits, as its lowest.
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    const fn of(rest: &'a [u8]) -> Self {
        Self { rest, held: 0, count: 0 }
    }

    /// What the next code stands for.
    fn symbol(&mut self, code: &Code) -> Result<u8, Stop> {
        self.fill();
        let next = if self.count < 16 { self.held << (16 - self.count) } else { self.held >> (self.count - 16) };
        let (length, symbol) = code.0[(next & 0xFFFF) as usize];
        match length {
            // What is behind the end looks like zeros, and may be no code.
            0 if self.count < 16 => Err(Stop::Ended),
            0 => Err(Stop::Odd),
            _ => self.take(u32::from(length)).map(|_| symbol),
        }
    }

    /// The next bits, at most 16.
    fn take(&mut self, bits: u32) -> Result<u64, Stop> {
        self.fill();
        self.count = self.count.checked_sub(bits).ok_or(Stop::Ended)?;
        Ok(self.held >> self.count & ((1 << bits) - 1))
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let byte = match *self.rest {
                [0xFF, 0x00, ref rest @ ..] => {
                    self.rest = rest;
                    0xFF
                }
                [] | [0xFF, ..] => return,
                [byte, ref rest @ ..] => {
                    self.rest = rest;
                    byte
                }
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{GrayImage, Luma};
    use proptest::prelude::*;

    use super::*;

    /// Four blocks across and three down, in grey.
    fn grey() -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = GrayImage::from_fn(32, 24, |x, y| Luma([u8::try_from((x * 37 + y * 101) % 251).unwrap()]));
        JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture).unwrap();
        bytes
    }

    fn data_of(jpeg: &[u8]) -> usize {
        let scan = jpeg.windows(2).position(|two| two == [0xFF, 0xDA]).unwrap();
        scan + 2 + usize::from(u16::from_be_bytes([jpeg[scan + 2], jpeg[scan + 3]]))
    }

    #[test]
    fn only_the_last_unit_may_be_missing() {
        let whole = grey();
        assert!(are_whole(&whole));
        let data = data_of(&whole);
        let closed = |keep: usize| [&whole[..keep], b"\xFF\xD9"].concat();
        let taken: Vec<usize> = (data..whole.len() - 2).filter(|keep| are_whole(&closed(*keep))).collect();
        // One of twelve blocks, at the end and nowhere else.
        let last = (whole.len() - 2 - data) / 12;
        assert!(!taken.is_empty() && taken.iter().all(|keep| *keep + 2 * last >= whole.len() - 2), "{taken:?}");
    }

    #[test]
    fn a_colour_without_any_data_is_missing() {
        // Of two colours, each in a scan of its own, the second scan never comes.
        let whole = grey();
        let frame = whole.windows(2).position(|two| two == [0xFF, 0xC0]).unwrap();
        let mut two = whole.clone();
        two.splice(frame + 13..frame + 13, [2, 0x11, 0]);
        (two[frame + 3], two[frame + 9]) = (14, 2);
        assert!(!are_whole(&two));
        let scan = whole.windows(2).position(|two| two == [0xFF, 0xDA]).unwrap();
        let mut second = whole[scan..].to_vec();
        second[5] = 2;
        assert!(are_whole(&[&two[..two.len() - 2], &second].concat()));
    }

    #[test]
    fn what_is_not_followed_is_left_to_a_decoder() {
        let whole = grey();
        for code in [0xC3, 0xC9, 0xCB] {
            let mut other = whole.clone();
            let frame = whole.windows(2).position(|two| two == [0xFF, 0xC0]).unwrap();
            other[frame + 1] = code;
            other.drain(data_of(&whole) + 3..whole.len() - 2);
            assert!(are_whole(&other), "{code:x}");
        }
        assert!(are_whole(b"\xFF\xD8\xFF\xD9") && are_whole(b"\xFF\xD8") && are_whole(b""));
    }

    #[test]
    fn a_small_file_of_many_scans_is_not_followed_without_end() {
        let whole = grey();
        let scan = whole.windows(2).position(|two| two == [0xFF, 0xDA]).unwrap();
        let one = &whole[scan..whole.len() - 2];
        let of = |scans: u32| {
            let scans = one.repeat(usize::try_from(scans).unwrap());
            // The last of them is cut in its middle.
            are_whole(&[&whole[..scan], &scans[..scans.len() - one.len() / 2], b"\xFF\xD9"].concat())
        };
        assert!(!of(limits::JPEG_SCANS));
        assert!(of(limits::JPEG_SCANS + 1));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            are_whole(&bytes);
            let whole = grey();
            are_whole(&[&whole[..data_of(&whole)], &bytes].concat());
        }

        #[test]
        fn nor_does_a_picture_with_bytes_changed(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            for picture in [&grey()[..], include_bytes!("../../../tests/src/fixtures/progressive.jpg")] {
                let mut file = picture.to_vec();
                for (at, byte) in &changes {
                    let at = at.index(file.len());
                    file[at] = *byte;
                }
                are_whole(&file);
            }
        }
    }
}
