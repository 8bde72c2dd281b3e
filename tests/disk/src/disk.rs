//! A folder that is watched, and what is to go wrong there.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::recording::{Content, Node, Operation, Recording};
use crate::watch::{self, Inode, Watch, WatchId};

/// What goes wrong with a folder. Changes are numbered from 0, in the order in which they are made: files and folders that are
/// made, named anew or deleted, bytes and lengths that are written, and each sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// From this change on everything fails: so a program sees no more of the disk that dies here, whatever it goes on to do.
    Dies(u64),
    /// As [`Self::Dies`], but a first part of what this change would write is written.
    Tears(u64),
    /// This change fails, and no other.
    Error(u64),
    /// This sync, numbered from 0 among syncs alone, fails, and no other.
    SyncFails(u64),
    /// From this change on there is no room: files are not made and do not grow.
    Full(u64),
    /// The process is killed in the place of this change. For a program of its own.
    Killed(u64),
}

/// A folder that is watched until this is dropped.
#[derive(Debug)]
pub struct Disk {
    watch: WatchId,
    root: PathBuf,
    before: BTreeMap<Node, Content>,
    top: Node,
}

impl Disk {
    /// Watches `root` and keeps a log of what changes there. Nobody else may change it while this begins.
    ///
    /// # Panics
    /// Where the folder cannot be read, or this process' calls do not come by here.
    #[must_use]
    pub fn record(root: &Path) -> Self {
        Self::begin(root, None, true)
    }

    /// Watches `root`, where `fault` is to strike.
    ///
    /// # Panics
    /// As [`Self::record`].
    #[must_use]
    pub fn failing(root: &Path, fault: Fault) -> Self {
        Self::begin(root, Some(fault), false)
    }

    /// Watches `root`, and only counts.
    ///
    /// # Panics
    /// As [`Self::record`].
    #[must_use]
    pub fn counting(root: &Path) -> Self {
        Self::begin(root, None, false)
    }

    pub(crate) fn begin(root: &Path, fault: Option<Fault>, keep_log: bool) -> Self {
        assert_calls_come_by(root);
        let mut found = Found { inodes: Vec::new(), contents: BTreeMap::new(), keep_bytes: keep_log };
        let top = found.add(root).unwrap_or_else(|error| panic!("cannot read {}: {error}", root.display()));
        let log = keep_log.then(Vec::new);
        let watch = watch::all().begin(found.inodes, Watch { operations: 0, syncs: 0, fault, struck: false, log });
        Self { watch, root: root.to_owned(), before: found.contents, top }
    }

    /// Notes in the log that the program said something to its user: what is promised from here on.
    pub fn mark(&self, text: impl Into<String>) {
        if let Some(watch) = watch::all().get(self.watch) {
            watch.note(Operation::Mark(text.into()));
        }
    }

    /// How many changes there were so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        watch::all().get(self.watch).map_or(0, |watch| watch.operations)
    }

    /// How many syncs there were so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        watch::all().get(self.watch).map_or(0, |watch| watch.syncs)
    }

    /// Whether the fault has struck.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        watch::all().get(self.watch).is_some_and(|watch| watch.struck)
    }

    /// From here on this goes wrong; changes and syncs are numbered from now on.
    pub fn fails_from_now(&self, fault: Option<Fault>) {
        if let Some(watch) = watch::all().get(self.watch) {
            (watch.operations, watch.syncs) = (0, 0);
            (watch.fault, watch.struck) = (fault, false);
        }
    }

    /// Ends the watch and gives its log.
    ///
    /// # Panics
    /// Where the log does not lead to what lies in the folder now: something changed it that was not seen.
    #[must_use]
    pub fn finish(mut self) -> Recording {
        let watch = watch::all().end(self.watch).expect("a watch ends once");
        let log = watch.log.expect("only a recording is finished");
        let recording = Recording::new(std::mem::take(&mut self.before), self.top, log);
        let now = read(&self.root).unwrap_or_else(|error| panic!("cannot read {}: {error}", self.root.display()));
        recording.assert_leads_to(&now);
        recording
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Finished already is as good.
        drop(watch::all().end(self.watch));
    }
}

/// All of a folder, as it is now.
pub(crate) fn read(root: &Path) -> io::Result<(BTreeMap<Node, Content>, Node)> {
    let mut found = Found { inodes: Vec::new(), contents: BTreeMap::new(), keep_bytes: true };
    let top = found.add(root)?;
    Ok((found.contents, top))
}

struct Found {
    inodes: Vec<(Inode, Node)>,
    contents: BTreeMap<Node, Content>,
    keep_bytes: bool,
}

impl Found {
    fn add(&mut self, path: &Path) -> io::Result<Node> {
        let about = fs::symlink_metadata(path)?;
        let inode = (about.dev(), about.ino());
        // A second name of a file that is known.
        if let Some((_, node)) = self.inodes.iter().find(|(known, _)| *known == inode) {
            return Ok(*node);
        }
        let node = watch::all().fresh_node();
        self.inodes.push((inode, node));
        let content = if about.is_dir() {
            let mut names = BTreeMap::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                names.insert(entry.file_name(), self.add(&entry.path())?);
            }
            Content::Folder(names)
        } else {
            Content::File(if self.keep_bytes { fs::read(path)? } else { Vec::new() }.into())
        };
        self.contents.insert(node, content);
        Ok(node)
    }
}

/// Makes a file and a sync and asks whether they were seen: a shim that is not in the way would find nothing, and say so by
/// its silence.
fn assert_calls_come_by(root: &Path) {
    use std::sync::OnceLock;
    static SEEN: OnceLock<Result<(), String>> = OnceLock::new();
    let try_out = || -> io::Result<u64> {
        let folder = root.join(format!(".probe-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let about = fs::metadata(&folder)?;
        let node = watch::all().fresh_node();
        let silent = Watch { operations: 0, syncs: 0, fault: None, struck: false, log: None };
        let id = watch::all().begin(vec![((about.dev(), about.ino()), node)], silent);
        let tried = (|| {
            fs::write(folder.join("a"), b"a")?;
            fs::File::open(folder.join("a"))?.sync_all()?;
            fs::rename(folder.join("a"), folder.join("b"))?;
            fs::remove_file(folder.join("b"))
        })();
        let seen = watch::all().end(id).map_or(0, |watch| watch.operations);
        fs::remove_dir(&folder)?;
        tried.map(|()| seen)
    };
    let seen = SEEN.get_or_init(|| match try_out() {
        Ok(5) => Ok(()),
        Ok(seen) => Err(format!("of five changes {seen} came by")),
        Err(error) => Err(error.to_string()),
    });
    if let Err(why) = seen {
        panic!("the file-system shim is not between this program and its disk ({why}): it takes Linux with glibc");
    }
}
