//! What is watched: folders, the files in them by device and inode, and what happens at each change.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libc::c_int;

use crate::disk::Fault;
use crate::recording::{Node, Operation};

/// A file or folder as the system knows it: device and inode. A number that was given back may become another file's, so that
/// one is forgotten as soon as it has no name any more.
pub(crate) type Inode = (u64, u64);

/// Which watch.
pub(crate) type WatchId = u64;

/// How many folders are watched: with none, every call goes straight to the system.
static WATCHED: AtomicUsize = AtomicUsize::new(0);

static ALL: Mutex<Watches> = Mutex::new(Watches { watches: BTreeMap::new(), nodes: None, next: 0 });

/// Everything that is watched in this process.
pub(crate) struct Watches {
    watches: BTreeMap<WatchId, Watch>,
    nodes: Option<HashMap<Inode, (WatchId, Node)>>,
    next: u64,
}

/// One folder that is watched.
pub(crate) struct Watch {
    pub(crate) operations: u64,
    pub(crate) syncs: u64,
    pub(crate) fault: Option<Fault>,
    /// A fault has struck.
    pub(crate) struck: bool,
    pub(crate) log: Option<Vec<Operation>>,
}

/// What a change takes of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Room: on a full disk it fails.
    Room,
    /// Nothing: a name that goes, bytes over others.
    Nothing,
    /// Its time: a sync.
    Sync,
}

/// What becomes of a change.
pub(crate) enum Turn {
    /// It is made.
    Make,
    /// A part of it is made; then the program is dead.
    Tear,
    /// It fails with this error of the system.
    Fail(c_int),
}

/// Whether anything is watched at all.
pub(crate) fn is_idle() -> bool {
    WATCHED.load(Ordering::SeqCst) == 0
}

/// Everything that is watched. No call that is watched may be made while it is held.
pub(crate) fn all() -> MutexGuard<'static, Watches> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watches {
    /// Begins a watch over `nodes`.
    pub(crate) fn begin(&mut self, nodes: Vec<(Inode, Node)>, watch: Watch) -> WatchId {
        let id = self.next;
        self.next += 1;
        let known = self.nodes.get_or_insert_default();
        for (inode, node) in nodes {
            known.insert(inode, (id, node));
        }
        self.watches.insert(id, watch);
        WATCHED.fetch_add(1, Ordering::SeqCst);
        id
    }

    /// Ends a watch.
    pub(crate) fn end(&mut self, id: WatchId) -> Option<Watch> {
        let watch = self.watches.remove(&id)?;
        WATCHED.fetch_sub(1, Ordering::SeqCst);
        if let Some(nodes) = &mut self.nodes {
            nodes.retain(|_, (of, _)| *of != id);
        }
        Some(watch)
    }

    pub(crate) fn get(&mut self, id: WatchId) -> Option<&mut Watch> {
        self.watches.get_mut(&id)
    }

    /// What is known of an inode.
    pub(crate) fn node(&self, inode: Inode) -> Option<(WatchId, Node)> {
        self.nodes.as_ref()?.get(&inode).copied()
    }

    /// A new file or folder of a watch.
    pub(crate) fn add(&mut self, id: WatchId, inode: Inode) -> Node {
        let node = Node(self.next);
        self.next += 1;
        self.nodes.get_or_insert_default().insert(inode, (id, node));
        node
    }

    /// A file or folder that has no name any more.
    pub(crate) fn forget(&mut self, inode: Inode) {
        if let Some(nodes) = &mut self.nodes {
            nodes.remove(&inode);
        }
    }

    /// A name for a node that is there when a watch begins.
    pub(crate) fn fresh_node(&mut self) -> Node {
        let node = Node(self.next);
        self.next += 1;
        node
    }
}

impl Watch {
    /// Counts a change, and says what becomes of it.
    pub(crate) fn turn(&mut self, takes: Takes) -> Turn {
        let (number, sync) = (self.operations, self.syncs);
        self.operations += 1;
        self.syncs += u64::from(takes == Takes::Sync);
        let turn = match self.fault {
            Some(Fault::Dies(at)) if number >= at => Turn::Fail(libc::EIO),
            Some(Fault::Tears(at)) if number == at => Turn::Tear,
            Some(Fault::Tears(at)) if number > at => Turn::Fail(libc::EIO),
            Some(Fault::Error(at)) if number == at => Turn::Fail(libc::EIO),
            Some(Fault::SyncFails(at)) if sync == at && takes == Takes::Sync => Turn::Fail(libc::EIO),
            Some(Fault::Full(from)) if number >= from && takes == Takes::Room => Turn::Fail(libc::ENOSPC),
            Some(Fault::Killed(at)) if number == at => {
                // SAFETY: a process may end itself.
                unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
                loop {
                    // SAFETY: waits for the signal.
                    unsafe { libc::pause() };
                }
            }
            Some(
                Fault::Dies(_)
                | Fault::Tears(_)
                | Fault::Error(_)
                | Fault::SyncFails(_)
                | Fault::Full(_)
                | Fault::Killed(_),
            )
            | None => Turn::Make,
        };
        self.struck |= !matches!(turn, Turn::Make);
        turn
    }

    pub(crate) fn note(&mut self, operation: Operation) {
        if let Some(log) = &mut self.log {
            log.push(operation);
        }
    }
}

/// A name in a folder that is watched.
pub(crate) struct Place {
    pub(crate) watch: WatchId,
    pub(crate) folder: Node,
    pub(crate) name: OsString,
}
