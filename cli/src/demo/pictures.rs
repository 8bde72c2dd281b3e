//! What there is to photograph: the sample photos that ship with the program, or somebody's own.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use xuncheng_core::clock::Seed;
use xuncheng_core::pack::{Pack, people};
use xuncheng_core::photo::inspect;
use xuncheng_core::place::GeoPoint;

use crate::print;

macro_rules! samples {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../samples/photos/", $name)))),*]
    };
}

/// The sample photos, drawn for this project (CC0).
const SAMPLES: &[(&str, &[u8])] = samples![
    "stall-on-pavement.jpg",
    "stall-cleared-after.jpg",
    "manhole-missing-before.jpg",
    "manhole-missing-close.jpg",
    "manhole-replaced-after.jpg",
    "flyers-on-wall-before.jpg",
    "flyers-removed-after.jpg",
    "laundry-over-pavement.jpg",
    "tactile-paving-damaged-before.jpg",
    "tactile-paving-repaired-after.jpg",
    "garbage-by-bins-before.jpg",
    "garbage-collected-after.jpg",
    "scooters-on-tactile-paving.jpg",
    "ad-board-faded.jpg",
    "kerb-broken.jpg",
];
const INDEX: &str = include_str!("../../../samples/photos/index.toml");

/// What the large photo shows.
const LARGE_SAMPLE: &str = "kerb-broken.jpg";
/// The large photo has at least so many bytes: a dozen pieces.
const LARGE_BYTES: usize = 3_000_000;

/// Something to report.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    /// What it looks like once it is repaired, where there is a photo of that.
    after: Option<PathBuf>,
    /// The category's code.
    pub(super) category: String,
    /// What is seen.
    pub(super) note: String,
    /// Where, when the photos' own position is not in the inspectors' areas.
    pub(super) at: Option<GeoPoint>,
    /// A far view, then near ones.
    pub(super) files: Vec<PathBuf>,
}

/// All that is photographed in a demonstration.
#[derive(Debug)]
pub(super) struct Pictures {
    /// One for each case.
    pub(super) cases: Vec<Picture>,
    /// One that takes long to send.
    pub(super) large: Picture,
    /// What the crew photographs when it is done.
    afters: Vec<PathBuf>,
}

#[derive(serde::Deserialize)]
struct Index {
    photo: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    file: String,
    description: String,
    kind: String,
    code5: String,
    role: String,
    of: Option<String>,
}

impl Pictures {
    /// Takes the photos of `folder`, or the sample photos; writes what is made here into `made`.
    pub(super) fn gather(folder: Option<&Path>, made: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
        let placer = Placer::new()?;
        let samples = unpack_samples(made)?;
        let large_file = made.join("large.jpg");
        std::fs::write(&large_file, large_photo(&made.join(LARGE_SAMPLE))?)?;
        let large = Picture {
            after: None,
            category: "matter/06013".to_owned(),
            note: "路缘石及路面破损（高清大图）".to_owned(),
            at: placer.place(&large_file, 99)?,
            files: vec![large_file],
        };
        let cases = match folder {
            Some(folder) => own_photos(folder, &placer)?,
            None => sample_cases(&samples, &placer)?,
        };
        let afters = samples.iter().filter(|(entry, _)| entry.role == "after").map(|(_, path)| path.clone()).collect();
        Ok(Self { cases, large, afters })
    }

    /// A photo taken after the work on the case that was reported with this `note`.
    pub(super) fn after(&self, note: &str, index: usize) -> anyhow::Result<&Path> {
        let paired = self.cases.iter().find(|case| case.note == note).and_then(|case| case.after.as_deref());
        let any = || self.afters.get(index % self.afters.len().max(1)).map(PathBuf::as_path);
        paired.or_else(any).context("there is no photo of a repaired place")
    }
}

fn unpack_samples(made: &Path) -> anyhow::Result<Vec<(Entry, PathBuf)>> {
    let index: Index = toml::from_str(INDEX).context("the samples' index cannot be read")?;
    let unpack = |entry: Entry| {
        let (_, bytes) = SAMPLES
            .iter()
            .find(|(name, _)| *name == entry.file)
            .with_context(|| format!("{} is not shipped", entry.file))?;
        let path = made.join(&entry.file);
        std::fs::write(&path, bytes)?;
        Ok((entry, path))
    };
    index.photo.into_iter().map(unpack).collect()
}

fn sample_cases(samples: &[(Entry, PathBuf)], placer: &Placer) -> anyhow::Result<Vec<Picture>> {
    let mut cases = Vec::new();
    for (index, (entry, path)) in samples.iter().enumerate().filter(|(_, (entry, _))| entry.of.is_none()) {
        let of_it = |role: &str| {
            let fits = move |other: &&(Entry, PathBuf)| other.0.of.as_ref() == Some(&entry.file);
            let role = role.to_owned();
            samples.iter().filter(fits).filter(move |other| other.0.role == role).map(|other| other.1.clone())
        };
        cases.push(Picture {
            after: of_it("after").next(),
            category: format!("{}/{}", entry.kind, entry.code5),
            note: entry.description.clone(),
            at: placer.place(path, index)?,
            files: std::iter::once(path.clone()).chain(of_it("close")).collect(),
        });
    }
    Ok(cases)
}

/// Every photo of a folder is a case of its own. What is no photo is named and left out.
fn own_photos(folder: &Path, placer: &Placer) -> anyhow::Result<Vec<Picture>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let mut cases = Vec::new();
    for (index, path) in files.into_iter().filter(|path| path.is_file()).enumerate() {
        match placer.place(&path, index) {
            Ok(at) => {
                let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                let note = format!("现场照片 {name}");
                cases.push(Picture { after: None, category: "matter/09006".to_owned(), note, at, files: vec![path] });
            }
            Err(error) => print::complain(&format!("left out: {error:#}")),
        }
    }
    if cases.is_empty() {
        bail!("there is no photo in {}", folder.display());
    }
    Ok(cases)
}

/// Puts cases where both inspectors are posted, so that each can check the other's.
struct Placer {
    pack: Pack,
    areas: Vec<xuncheng_core::pack::AreaCode>,
}

impl Placer {
    fn new() -> anyhow::Result<Self> {
        let pack = Pack::bazhou()?;
        let people = people::parse(people::BAZHOU, &pack)?;
        let li = people.into_iter().find(|person| person.id.as_str() == "li").context("there is no person li")?;
        Ok(Self { pack, areas: li.areas })
    }

    /// None where the photo's own position will do.
    fn place(&self, photo: &Path, index: usize) -> anyhow::Result<Option<GeoPoint>> {
        let seen = inspect(photo)?;
        let own = seen.lat.zip(seen.lon).and_then(|(lat, lon)| GeoPoint::from_degrees(lat, lon).ok());
        let area = own.as_ref().and_then(|point| self.pack.area_of(point));
        if area.is_some_and(|area| self.areas.contains(&area.code)) {
            return Ok(None);
        }
        let step = f64::from(u32::try_from(index % 20).unwrap_or(0)) * 0.0002;
        Ok(Some(GeoPoint::from_degrees(31.8672 + step, 106.7431 + step)?))
    }
}

/// A sample photo as a camera of 10 megapixels writes it at night: large, with grain in it.
fn large_photo(sample: &Path) -> anyhow::Result<Vec<u8>> {
    let small = image::open(sample).with_context(|| format!("cannot read {}", sample.display()))?;
    let mut picture = small.resize(3600, 2700, image::imageops::FilterType::Triangle).to_rgb8();
    let mut entropy = Seed::from_bytes([0x5a; 32]).entropy();
    let grain = entropy.vec(picture.len());
    for (value, grain) in picture.iter_mut().zip(grain) {
        *value = value.saturating_add(grain % 48).saturating_sub(24);
    }
    let mut file = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 90).encode_image(&picture)?;
    if file.len() < LARGE_BYTES {
        bail!("the large photo has only {} bytes", file.len());
    }
    Ok(file)
}
