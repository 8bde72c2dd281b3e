//! What a disk may hold after the power went: all that was synced, and of the rest what the variant says.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::ffi::{OsStr, OsString};
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use crate::recording::{Node, State, Unsynced, below, is_memory};

/// A disk writes a sector whole or not at all; which size its sectors have it need not say.
const SECTORS: [usize; 2] = [512, 4096];

/// What there is of all that was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Nothing.
    Nothing,
    /// Everything.
    Everything,
    /// All names, and no bytes: what was renamed before it was synced is empty.
    Names,
    /// All bytes, and no names: what was made has none.
    Bytes,
    /// All names and lengths, and zeros in the place of the bytes: as file systems do that put off where bytes go.
    Zeros,
    /// All, but of each file's last write only a first part, up to the border of a sector.
    TornAtTheEnd,
    /// Of each write and each name it is drawn whether it is there; some writes are torn: any of their sectors may be there.
    Drawn(u64),
}

/// A folder as it is found after a power cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    files: BTreeMap<OsString, Arc<[u8]>>,
    folders: Vec<OsString>,
}

impl Image {
    pub(crate) fn of(state: &State, top: Node, variant: Variant) -> Self {
        let mut chance = Chance::new(variant);
        let mut folders = state.folders.clone();
        for renaming in &state.renamings {
            if chance.keeps_name() {
                for (folder, name, node) in &renaming.effects {
                    let Some(names) = folders.get_mut(folder) else { continue };
                    match node {
                        Some(node) => drop(names.insert(name.clone(), *node)),
                        None => drop(names.remove(name)),
                    }
                }
            }
        }
        let mut image = Self { files: BTreeMap::new(), folders: Vec::new() };
        image.collect(state, &folders, top, OsStr::new(""), &mut chance);
        image
    }

    fn collect(
        &mut self,
        state: &State,
        folders: &BTreeMap<Node, BTreeMap<OsString, Node>>,
        folder: Node,
        path: &OsStr,
        chance: &mut Chance,
    ) {
        for (name, node) in folders.get(&folder).into_iter().flatten().filter(|(name, _)| !is_memory(name)) {
            let path = below(path, name);
            if folders.contains_key(node) {
                self.folders.push(path.clone());
                self.collect(state, folders, *node, &path, chance);
            } else if let Some(synced) = state.files.get(node) {
                let bytes = match state.unsynced.get(node).map(Vec::as_slice) {
                    None | Some([]) => Arc::clone(synced),
                    Some(unsynced) => chance.file(synced, unsynced).into(),
                };
                self.files.insert(path, bytes);
            }
        }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (&OsString, &Arc<[u8]>)> {
        self.files.iter()
    }

    /// This one, with all that is below `folder` as in `other`: that part of the disk had its power from elsewhere.
    #[must_use]
    pub fn with_part_of(mut self, folder: &str, other: &Self) -> Self {
        let is_below = |path: &OsString| Path::new(path).starts_with(folder);
        self.files.retain(|path, _| !is_below(path));
        self.folders.retain(|path| !is_below(path));
        self.folders.extend(other.folders.iter().filter(|path| is_below(path)).cloned());
        self.files.extend(
            other.files().filter(|(path, _)| is_below(path)).map(|(path, bytes)| (path.clone(), bytes.clone())),
        );
        self
    }

    /// Equal for equal images.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.folders.hash(&mut hasher);
        self.files.hash(&mut hasher);
        hasher.finish()
    }

    /// Makes it at `root`, which is a new folder.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn lay_out(&self, root: &Path) -> io::Result<()> {
        fs::create_dir_all(root)?;
        for folder in &self.folders {
            fs::create_dir(root.join(folder))?;
        }
        for (path, bytes) in &self.files {
            fs::write(root.join(path), bytes)?;
        }
        Ok(())
    }
}

/// Says of each write and name whether it is there.
struct Chance {
    variant: Variant,
    dice: u64,
}

impl Chance {
    const fn new(variant: Variant) -> Self {
        let dice = match variant {
            Variant::Drawn(seed) => seed,
            Variant::Nothing
            | Variant::Everything
            | Variant::Names
            | Variant::Bytes
            | Variant::Zeros
            | Variant::TornAtTheEnd => 0,
        };
        Self { variant, dice }
    }

    /// A number (splitmix64).
    const fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    const fn keeps_name(&mut self) -> bool {
        match self.variant {
            Variant::Nothing | Variant::Bytes => false,
            Variant::Everything | Variant::Names | Variant::Zeros | Variant::TornAtTheEnd => true,
            Variant::Drawn(_) => self.roll().is_multiple_of(2),
        }
    }

    fn file(&mut self, synced: &[u8], unsynced: &[Unsynced]) -> Vec<u8> {
        let mut file = synced.to_vec();
        match self.variant {
            Variant::Nothing | Variant::Names => {}
            Variant::Everything | Variant::Bytes => unsynced.iter().for_each(|write| write.apply(&mut file)),
            Variant::Zeros => {
                for write in unsynced {
                    match write {
                        Unsynced::Bytes { offset, bytes } => {
                            let zeros = vec![0; bytes.len()].into();
                            Unsynced::Bytes { offset: *offset, bytes: zeros }.apply(&mut file);
                        }
                        Unsynced::Length(_) => write.apply(&mut file),
                    }
                }
            }
            Variant::TornAtTheEnd => {
                let last = unsynced.len().saturating_sub(1);
                for (number, write) in unsynced.iter().enumerate() {
                    match write {
                        Unsynced::Bytes { offset, bytes } if number == last => {
                            let part = bytes.len() / 2 / SECTORS[0] * SECTORS[0];
                            Unsynced::Bytes { offset: *offset, bytes: bytes[..part].into() }.apply(&mut file);
                        }
                        Unsynced::Bytes { .. } | Unsynced::Length(_) => write.apply(&mut file),
                    }
                }
            }
            Variant::Drawn(_) => {
                for write in unsynced {
                    match self.roll() % 4 {
                        0 | 1 => write.apply(&mut file),
                        2 => self.tear(write, &mut file),
                        _ => {}
                    }
                }
            }
        }
        file
    }

    /// Any sectors of a write are there, cut where the sectors of the file are.
    fn tear(&mut self, write: &Unsynced, file: &mut Vec<u8>) {
        let Unsynced::Bytes { offset, bytes } = write else { return };
        let sector = SECTORS[usize::from(self.roll().is_multiple_of(2))] as u64;
        let mut at = 0_usize;
        while at < bytes.len() {
            let here = offset + at as u64;
            let room = usize::try_from(sector - here % sector).unwrap_or(usize::MAX);
            let end = at.saturating_add(room).min(bytes.len());
            if self.roll().is_multiple_of(2) {
                Unsynced::Bytes { offset: here, bytes: bytes[at..end].into() }.apply(file);
            }
            at = end;
        }
    }
}
