//! The log of a watched folder, and the moments at which the power may go.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::image::{Image, Variant};

/// A file or folder of a recording, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node(pub(crate) u64);

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
}

/// What is in a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    File(Arc<[u8]>),
    Folder(BTreeMap<OsString, Node>),
}

/// A change, as it was made.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Make {
        folder: Node,
        name: OsString,
        node: Node,
        kind: Kind,
    },
    Write {
        file: Node,
        offset: u64,
        bytes: Arc<[u8]>,
    },
    SetLength {
        file: Node,
        length: u64,
    },
    Sync {
        node: Node,
    },
    /// What it was to put on the disk is not there, and a later sync does not bring it: Linux gives it up.
    FailedSync {
        node: Node,
    },
    Rename {
        from: (Node, OsString),
        to: (Node, OsString),
        node: Node,
    },
    Unlink {
        folder: Node,
        name: OsString,
    },
    Link {
        folder: Node,
        name: OsString,
        node: Node,
    },
    Mark(String),
}

/// What was written to a file and not synced.
#[derive(Debug, Clone)]
pub(crate) enum Unsynced {
    Bytes { offset: u64, bytes: Arc<[u8]> },
    Length(u64),
}

/// Names that were changed together and whose folders were not synced.
#[derive(Debug, Clone)]
pub(crate) struct Renaming {
    /// Folder, name, and what it names from here on. The first of a rename is the new name.
    pub(crate) effects: Vec<(Node, OsString, Option<Node>)>,
}

/// A disk in the middle of a recording: what is on it for certain, and what may be.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<Node, Arc<[u8]>>,
    pub(crate) unsynced: BTreeMap<Node, Vec<Unsynced>>,
    pub(crate) folders: BTreeMap<Node, BTreeMap<OsString, Node>>,
    pub(crate) renamings: Vec<Renaming>,
}

/// Whether the power goes after what is played: until then programs see what a failed sync did not bring to the disk.
#[derive(Debug, Clone, Copy)]
enum Power {
    MayGo,
    Stays,
}

/// All that happened to a folder while it was watched.
#[derive(Debug)]
pub struct Recording {
    before: State,
    top: Node,
    log: Vec<Operation>,
}

/// A moment at which the power goes: after so many changes.
#[derive(Debug)]
pub struct Cut {
    /// How many changes were made before it.
    pub after: usize,
    /// What the program had said by then, in order.
    pub said: Vec<String>,
    state: State,
    top: Node,
}

impl Recording {
    pub(crate) fn new(before: BTreeMap<Node, Content>, top: Node, log: Vec<Operation>) -> Self {
        let (mut files, mut folders) = (BTreeMap::new(), BTreeMap::new());
        for (node, content) in before {
            match content {
                Content::File(bytes) => drop(files.insert(node, bytes)),
                Content::Folder(names) => drop(folders.insert(node, names)),
            }
        }
        // What was there before is on the disk.
        let before = State { files, folders, unsynced: BTreeMap::new(), renamings: Vec::new() };
        Self { before, top, log }
    }

    /// How many changes there were.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.log.iter().filter(|operation| !matches!(operation, Operation::Mark(_))).count()
    }

    /// How many of them were syncs.
    #[must_use]
    pub fn syncs(&self) -> usize {
        self.log.iter().filter(|operation| matches!(operation, Operation::Sync { .. })).count()
    }

    /// Every moment at which the power may go, in turn: before the first change, and after each. Several in a row hold the
    /// same where a change was a mark or a sync of nothing.
    pub fn cuts(&self) -> impl Iterator<Item = Cut> {
        let mut state = self.before.clone();
        let mut said = Vec::new();
        let first = Cut { after: 0, said: Vec::new(), state: state.clone(), top: self.top };
        let rest = self.log.iter().enumerate().map(move |(number, operation)| {
            if let Operation::Mark(text) = operation {
                said.push(text.clone());
            }
            state.make(operation, Power::MayGo);
            Cut { after: number + 1, said: said.clone(), state: state.clone(), top: self.top }
        });
        std::iter::once(first).chain(rest)
    }

    /// The moment after the last change.
    ///
    /// # Panics
    /// Never: there is always one.
    #[must_use]
    pub fn end(&self) -> Cut {
        self.played(Power::MayGo)
    }

    fn played(&self, power: Power) -> Cut {
        let mut state = self.before.clone();
        let mut said = Vec::new();
        for operation in &self.log {
            if let Operation::Mark(text) = operation {
                said.push(text.clone());
            }
            state.make(operation, power);
        }
        Cut { after: self.log.len(), said, state, top: self.top }
    }

    /// The same, on a disk that loses some syncs: it says that they were done, and did nothing. `is_lost` is asked with the path
    /// that the file or folder has then.
    #[must_use]
    pub fn losing_syncs(&self, is_lost: impl Fn(&Path) -> bool) -> Self {
        let mut names: BTreeMap<Node, (Node, OsString)> = BTreeMap::new();
        for (folder, inside) in &self.before.folders {
            names.extend(inside.iter().map(|(name, node)| (*node, (*folder, name.clone()))));
        }
        let mut log = Vec::new();
        for operation in &self.log {
            match operation {
                Operation::Make { folder, name, node, .. } | Operation::Link { folder, name, node } => {
                    names.insert(*node, (*folder, name.clone()));
                }
                Operation::Rename { to, node, .. } => drop(names.insert(*node, to.clone())),
                Operation::Sync { node } if is_lost(&path_of(&names, *node)) => continue,
                Operation::Write { .. }
                | Operation::SetLength { .. }
                | Operation::Sync { .. }
                | Operation::FailedSync { .. }
                | Operation::Unlink { .. }
                | Operation::Mark(_) => {}
            }
            log.push(operation.clone());
        }
        Self { before: self.before.clone(), top: self.top, log }
    }

    /// A recording that missed a change is worth nothing.
    pub(crate) fn assert_leads_to(&self, now: &(BTreeMap<Node, Content>, Node)) {
        let replayed = self.played(Power::Stays).image(Variant::Everything);
        let mut found = BTreeMap::new();
        collect(&now.0, now.1, OsStr::new(""), &mut found);
        let (replayed, found): (BTreeSet<_>, BTreeSet<_>) = (replayed.files().collect(), found.iter().collect());
        let names = |of: BTreeSet<&(&OsString, &Arc<[u8]>)>| -> Vec<(String, usize)> {
            of.into_iter().map(|(path, bytes)| (path.to_string_lossy().into_owned(), bytes.len())).collect()
        };
        let (more, less) = (replayed.difference(&found).collect(), found.difference(&replayed).collect());
        let (more, less) = (names(more), names(less));
        assert!(more.is_empty() && less.is_empty(), "changes were not seen: replayed {more:?}, there {less:?}");
    }
}

/// Where a node is: the way up to the folder that was recorded.
fn path_of(names: &BTreeMap<Node, (Node, OsString)>, node: Node) -> PathBuf {
    let mut path = PathBuf::new();
    let mut at = node;
    while let Some((folder, name)) = names.get(&at) {
        path = Path::new(name).join(path);
        at = *folder;
    }
    path
}

/// The files below a folder by their paths, without what SQLite keeps in memory.
fn collect(nodes: &BTreeMap<Node, Content>, node: Node, path: &OsStr, into: &mut BTreeMap<OsString, Arc<[u8]>>) {
    match nodes.get(&node) {
        Some(Content::File(bytes)) => drop(into.insert(path.to_owned(), Arc::clone(bytes))),
        Some(Content::Folder(names)) => {
            for (name, node) in names.iter().filter(|(name, _)| !is_memory(name)) {
                collect(nodes, *node, &below(path, name), into);
            }
        }
        None => {}
    }
}

pub(crate) fn below(path: &OsStr, name: &OsStr) -> OsString {
    let mut below = path.to_owned();
    if !path.is_empty() {
        below.push("/");
    }
    below.push(name);
    below
}

/// SQLite's index of its log is memory that several processes share: it is made anew after a crash.
pub(crate) fn is_memory(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(b"-shm")
}

impl State {
    fn make(&mut self, operation: &Operation, power: Power) {
        match operation {
            Operation::Make { folder, name, node, kind } => {
                match kind {
                    Kind::File => drop(self.files.insert(*node, Arc::default())),
                    Kind::Folder => drop(self.folders.insert(*node, BTreeMap::new())),
                }
                self.rename([(*folder, name, Some(*node))]);
            }
            Operation::Link { folder, name, node } => self.rename([(*folder, name, Some(*node))]),
            Operation::Unlink { folder, name } => self.rename([(*folder, name, None)]),
            Operation::Rename { from, to, node } => {
                self.rename([(to.0, &to.1, Some(*node)), (from.0, &from.1, None)]);
            }
            Operation::Write { file, offset, bytes } => {
                let bytes = Unsynced::Bytes { offset: *offset, bytes: Arc::clone(bytes) };
                self.unsynced.entry(*file).or_default().push(bytes);
            }
            Operation::SetLength { file, length } => {
                self.unsynced.entry(*file).or_default().push(Unsynced::Length(*length));
            }
            Operation::Sync { node } => {
                if let Some(file) = self.files.get_mut(node) {
                    let mut bytes = file.to_vec();
                    for unsynced in self.unsynced.remove(node).unwrap_or_default() {
                        unsynced.apply(&mut bytes);
                    }
                    *file = bytes.into();
                } else {
                    self.sync_folder(*node);
                }
            }
            Operation::FailedSync { node } => match power {
                Power::MayGo => drop(self.unsynced.remove(node)),
                Power::Stays => {}
            },
            Operation::Mark(_) => {}
        }
    }

    fn rename<const N: usize>(&mut self, effects: [(Node, &OsString, Option<Node>); N]) {
        let effects = effects.map(|(folder, name, node)| (folder, name.clone(), node)).to_vec();
        self.renamings.push(Renaming { effects });
    }

    /// All names of the folder are on the disk. Of a rename between two folders, whose source is synced, the whole is: no
    /// file system forgets a file altogether. Where only its target is, the old name may still be there too.
    fn sync_folder(&mut self, folder: Node) {
        let folders = &mut self.folders;
        let mut put = |(folder, name, node): &(Node, OsString, Option<Node>)| {
            let Some(names) = folders.get_mut(folder) else { return };
            match node {
                Some(node) => drop(names.insert(name.clone(), *node)),
                None => drop(names.remove(name)),
            }
        };
        self.renamings.retain_mut(|renaming| {
            let whole = renaming.effects.iter().any(|(of, _, node)| *of == folder && node.is_none());
            renaming.effects.retain(|effect| {
                let synced = whole || effect.0 == folder;
                if synced {
                    put(effect);
                }
                !synced
            });
            !renaming.effects.is_empty()
        });
    }
}

impl Unsynced {
    pub(crate) fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Bytes { offset, bytes } => {
                let from = usize::try_from(*offset).unwrap_or(usize::MAX);
                let end = from.saturating_add(bytes.len());
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[from..end].copy_from_slice(bytes);
            }
            Self::Length(length) => file.resize(usize::try_from(*length).unwrap_or(usize::MAX), 0),
        }
    }
}

impl Cut {
    /// What the disk may hold after it.
    #[must_use]
    pub fn image(&self, variant: Variant) -> Image {
        Image::of(&self.state, self.top, variant)
    }

    /// Whether anything is on the disk only by luck: else all variants are one.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.state.renamings.is_empty() && self.state.unsynced.values().all(Vec::is_empty)
    }
}
