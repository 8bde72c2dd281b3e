//! The C library's functions that change files, as this process has them instead: each asks whether what it changes is watched,
//! counts and notes it, and has the system do it.
//!
//! They are found before the C library's own, because a program's own functions are, and those of a library that is loaded
//! before it (`LD_PRELOAD`). Each goes to the system by its number, so that none of them is needed to find the other.
//! Sources: the manual pages of section 2; `open` takes its mode as one more argument in the same register on x86-64 and
//! AArch64.

#![allow(unreachable_pub, reason = "the linker reaches them")]

use std::ffi::{CStr, OsStr, OsString, c_char, c_int, c_long, c_uint, c_void};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;

use libc::{AT_FDCWD, iovec, mode_t, off64_t, size_t, ssize_t};

use crate::recording::{Kind, Operation};
use crate::watch::{self, Inode, Place, Takes, Turn, Watches};

/// Makes a system call by its number; the C library sets `errno`.
macro_rules! system {
    ($number:ident $(, $argument:expr)*) => {
        // SAFETY: the arguments are those that the caller gave to the function of the same name.
        unsafe { libc::syscall(libc::$number $(, $argument)*) }
    };
}

fn fail(error: c_int) -> c_int {
    // SAFETY: the place is this thread's own.
    unsafe { *libc::__errno_location() = error };
    -1
}

fn as_int(done: c_long) -> c_int {
    c_int::try_from(done).unwrap_or(-1)
}

const fn room_if(needs_room: bool) -> Takes {
    if needs_room { Takes::Room } else { Takes::Nothing }
}

// What is known of a file.

fn about(fd: c_int) -> Option<libc::stat> {
    let mut stat = MaybeUninit::uninit();
    // SAFETY: `fstat` fills it when it gives 0.
    unsafe { (libc::fstat(fd, stat.as_mut_ptr()) == 0).then(|| stat.assume_init()) }
}

fn about_at(folder: c_int, path: &CStr, flags: c_int) -> Option<libc::stat> {
    let mut stat = MaybeUninit::uninit();
    // SAFETY: `path` ends in a zero; `fstatat` fills `stat` when it gives 0.
    unsafe { (libc::fstatat(folder, path.as_ptr(), stat.as_mut_ptr(), flags) == 0).then(|| stat.assume_init()) }
}

const fn inode(stat: &libc::stat) -> Inode {
    (stat.st_dev, stat.st_ino)
}

const fn is_folder(stat: &libc::stat) -> bool {
    stat.st_mode & libc::S_IFMT == libc::S_IFDIR
}

/// The watched folder that holds the last name of `path`.
fn place(all: &Watches, at: c_int, path: &CStr) -> Option<Place> {
    let bytes = path.to_bytes();
    let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
    let cut = bytes.iter().rposition(|byte| *byte == b'/');
    let (folder, name) = match cut {
        Some(0) => (&b"/"[..], &bytes[1..]),
        Some(cut) => (&bytes[..cut], &bytes[cut + 1..]),
        None => (&b"."[..], bytes),
    };
    let folder = std::ffi::CString::new(folder).ok()?;
    let (watch, folder) = all.node(inode(&about_at(at, &folder, 0)?))?;
    Some(Place { watch, folder, name: OsString::from(OsStr::from_bytes(name)) })
}

/// # Safety
/// `path` is a string that ends in a zero, as every one is that the system is given.
unsafe fn text<'a>(path: *const c_char) -> Option<&'a CStr> {
    // SAFETY: by the caller's word.
    (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) })
}

// Opening.

unsafe fn open_at(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let go = || as_int(system!(SYS_openat, at, path, flags, mode as c_uint));
    let changes = flags & (libc::O_CREAT | libc::O_TRUNC) != 0 && flags & libc::O_TMPFILE != libc::O_TMPFILE;
    if !changes || watch::is_idle() {
        return go();
    }
    // SAFETY: by the caller's word.
    let Some(path) = (unsafe { text(path) }) else { return go() };
    let mut all = watch::all();
    let Some(place) = place(&all, at, path) else {
        drop(all);
        return go();
    };
    let there = about_at(at, path, 0);
    let Some(watch) = all.get(place.watch) else { return go() };
    match there {
        // Opened as it is.
        Some(_) if flags & libc::O_TRUNC == 0 || flags & libc::O_EXCL != 0 => return go(),
        None if flags & libc::O_CREAT == 0 => return go(),
        Some(_) | None => {}
    }
    match watch.turn(room_if(there.is_none())) {
        Turn::Make => {}
        Turn::Tear => return fail(libc::EIO),
        Turn::Fail(error) => return fail(error),
    }
    let opened = go();
    if opened >= 0 {
        let known = about(opened).map(|stat| inode(&stat));
        match (there, known) {
            (Some(stat), _) => {
                if let Some((_, file)) = all.node(inode(&stat))
                    && let Some(watch) = all.get(place.watch)
                {
                    watch.note(Operation::SetLength { file, length: 0 });
                }
            }
            (None, Some(inode)) => note_made(&mut all, place, inode, Kind::File),
            (None, None) => {}
        }
    }
    opened
}

fn note_made(all: &mut Watches, place: Place, inode: Inode, kind: Kind) {
    let node = all.add(place.watch, inode);
    if let Some(watch) = all.get(place.watch) {
        watch.note(Operation::Make { folder: place.folder, name: place.name, node, kind });
    }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { open_at(AT_FDCWD, path, flags, mode) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { open_at(AT_FDCWD, path, flags, mode) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { open_at(at, path, flags, mode) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { open_at(at, path, flags, mode) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn creat(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { open_at(AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode) }
}

// Writing.

fn write_bytes(fd: c_int, bytes: &[u8], at: Option<off64_t>) -> ssize_t {
    let go = |bytes: &[u8]| match at {
        Some(at) => system!(SYS_pwrite64, fd, bytes.as_ptr(), bytes.len(), at),
        None => system!(SYS_write, fd, bytes.as_ptr(), bytes.len()),
    };
    let go = |bytes| ssize_t::try_from(go(bytes)).unwrap_or(-1);
    if watch::is_idle() {
        return go(bytes);
    }
    let mut all = watch::all();
    let found = about(fd).and_then(|stat| Some((all.node(inode(&stat))?, stat.st_size)));
    let Some(((id, file), size)) = found else {
        drop(all);
        return go(bytes);
    };
    let Some(watch) = all.get(id) else { return go(bytes) };
    // SAFETY: asks for a flag, and for a position.
    let here = at.unwrap_or_else(|| unsafe {
        if libc::fcntl(fd, libc::F_GETFL) & libc::O_APPEND == 0 { libc::lseek64(fd, 0, libc::SEEK_CUR) } else { size }
    });
    let (from, end) = (u64::try_from(here).unwrap_or(0), here.saturating_add_unsigned(bytes.len() as u64));
    let made = |watch: &mut watch::Watch, written: ssize_t| {
        if let Some(written) = usize::try_from(written).ok().filter(|written| *written > 0) {
            watch.note(Operation::Write { file, offset: from, bytes: bytes[..written].into() });
        }
    };
    match watch.turn(room_if(end > size)) {
        Turn::Make => {
            let written = go(bytes);
            made(watch, written);
            written
        }
        Turn::Tear => {
            let part = bytes.len() / 2 / 512 * 512;
            made(watch, go(&bytes[..part]));
            ssize_t::try_from(fail(libc::EIO)).unwrap_or(-1)
        }
        Turn::Fail(error) => ssize_t::try_from(fail(error)).unwrap_or(-1),
    }
}

/// # Safety
/// `buffer` has `count` bytes.
unsafe fn slice<'a>(buffer: *const c_void, count: size_t) -> &'a [u8] {
    if count == 0 {
        return &[];
    }
    // SAFETY: by the caller's word.
    unsafe { std::slice::from_raw_parts(buffer.cast(), count) }
}

/// # Safety
/// `pieces` has `count` pieces, each of which has its bytes.
unsafe fn joined(pieces: *const iovec, count: c_int) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: by the caller's word.
        bytes.extend_from_slice(unsafe { slice((*pieces.add(number)).iov_base, (*pieces.add(number)).iov_len) });
    }
    bytes
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, buffer: *const c_void, count: size_t) -> ssize_t {
    // SAFETY: by the caller's word.
    write_bytes(fd, unsafe { slice(buffer, count) }, None)
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(fd: c_int, buffer: *const c_void, count: size_t, at: off64_t) -> ssize_t {
    // SAFETY: by the caller's word.
    write_bytes(fd, unsafe { slice(buffer, count) }, Some(at))
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, buffer: *const c_void, count: size_t, at: off64_t) -> ssize_t {
    // SAFETY: by the caller's word.
    write_bytes(fd, unsafe { slice(buffer, count) }, Some(at))
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, pieces: *const iovec, count: c_int) -> ssize_t {
    if watch::is_idle() {
        return ssize_t::try_from(system!(SYS_writev, fd, pieces, count)).unwrap_or(-1);
    }
    // SAFETY: by the caller's word.
    write_bytes(fd, &unsafe { joined(pieces, count) }, None)
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwritev(fd: c_int, pieces: *const iovec, count: c_int, at: off64_t) -> ssize_t {
    // SAFETY: by the caller's word.
    write_bytes(fd, &unsafe { joined(pieces, count) }, Some(at))
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwritev64(fd: c_int, pieces: *const iovec, count: c_int, at: off64_t) -> ssize_t {
    // SAFETY: by the caller's word.
    write_bytes(fd, &unsafe { joined(pieces, count) }, Some(at))
}

// Lengths.

fn set_length(fd: c_int, length: impl FnOnce(u64) -> u64, go: impl Fn() -> c_int) -> c_int {
    if watch::is_idle() {
        return go();
    }
    let mut all = watch::all();
    let found = about(fd).and_then(|stat| Some((all.node(inode(&stat))?, u64::try_from(stat.st_size).ok()?)));
    let Some(((id, file), size)) = found else {
        drop(all);
        return go();
    };
    let Some(watch) = all.get(id) else { return go() };
    let length = length(size);
    match watch.turn(room_if(length > size)) {
        Turn::Make => {}
        Turn::Tear => return fail(libc::EIO),
        Turn::Fail(error) => return fail(error),
    }
    let done = go();
    if done == 0 {
        watch.note(Operation::SetLength { file, length });
    }
    done
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(fd: c_int, length: off64_t) -> c_int {
    set_length(fd, |_| u64::try_from(length).unwrap_or(0), || as_int(system!(SYS_ftruncate, fd, length)))
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    set_length(fd, |_| u64::try_from(length).unwrap_or(0), || as_int(system!(SYS_ftruncate, fd, length)))
}

fn allocate(fd: c_int, mode: c_int, from: off64_t, bytes: off64_t) -> c_int {
    let go = || as_int(system!(SYS_fallocate, fd, mode, from, bytes));
    // Other modes than to grow are nobody's here.
    if mode != 0 {
        return go();
    }
    set_length(fd, |size| size.max(u64::try_from(from.saturating_add(bytes)).unwrap_or(0)), go)
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fallocate(fd: c_int, mode: c_int, from: off64_t, bytes: off64_t) -> c_int {
    allocate(fd, mode, from, bytes)
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fallocate64(fd: c_int, mode: c_int, from: off64_t, bytes: off64_t) -> c_int {
    allocate(fd, mode, from, bytes)
}

/// # Safety
/// As the C library's, which gives the error and leaves `errno` alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_fallocate(fd: c_int, from: off64_t, bytes: off64_t) -> c_int {
    // SAFETY: the place is this thread's own.
    if allocate(fd, 0, from, bytes) == 0 { 0 } else { unsafe { *libc::__errno_location() } }
}

/// # Safety
/// As the C library's, which gives the error and leaves `errno` alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_fallocate64(fd: c_int, from: off64_t, bytes: off64_t) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { posix_fallocate(fd, from, bytes) }
}

// Syncs.

fn sync(fd: c_int, go: impl Fn() -> c_int) -> c_int {
    if watch::is_idle() {
        return go();
    }
    let mut all = watch::all();
    let Some((id, node)) = about(fd).and_then(|stat| all.node(inode(&stat))) else {
        drop(all);
        return go();
    };
    let Some(watch) = all.get(id) else { return go() };
    match watch.turn(Takes::Sync) {
        Turn::Make => {
            let done = go();
            if done == 0 {
                watch.note(Operation::Sync { node });
            }
            done
        }
        Turn::Tear => fail(libc::EIO),
        Turn::Fail(error) => {
            watch.note(Operation::FailedSync { node });
            fail(error)
        }
    }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd, || as_int(system!(SYS_fsync, fd)))
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd, || as_int(system!(SYS_fdatasync, fd)))
}

// Names.

unsafe fn rename_at(from_at: c_int, from: *const c_char, to_at: c_int, to: *const c_char, flags: c_uint) -> c_int {
    let go = || as_int(system!(SYS_renameat2, from_at, from, to_at, to, flags));
    if watch::is_idle() {
        return go();
    }
    // SAFETY: by the caller's word.
    let (Some(from), Some(to)) = (unsafe { (text(from), text(to)) }) else { return go() };
    let mut all = watch::all();
    let moved = about_at(from_at, from, libc::AT_SYMLINK_NOFOLLOW).and_then(|stat| all.node(inode(&stat)));
    let (Some((id, node)), Some(source), Some(target)) = (moved, place(&all, from_at, from), place(&all, to_at, to))
    else {
        drop(all);
        return go();
    };
    let replaced = about_at(to_at, to, libc::AT_SYMLINK_NOFOLLOW);
    let Some(watch) = all.get(id) else { return go() };
    match watch.turn(Takes::Nothing) {
        Turn::Make => {}
        Turn::Tear => return fail(libc::EIO),
        Turn::Fail(error) => return fail(error),
    }
    let done = go();
    if done == 0 {
        watch.note(Operation::Rename { from: (source.folder, source.name), to: (target.folder, target.name), node });
        if let Some(stat) = replaced.filter(|stat| is_folder(stat) || stat.st_nlink == 1) {
            all.forget(inode(&stat));
        }
    }
    done
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { rename_at(AT_FDCWD, from, AT_FDCWD, to, 0) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat(from_at: c_int, from: *const c_char, to_at: c_int, to: *const c_char) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { rename_at(from_at, from, to_at, to, 0) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat2(
    from_at: c_int,
    from: *const c_char,
    to_at: c_int,
    to: *const c_char,
    flags: c_uint,
) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { rename_at(from_at, from, to_at, to, flags) }
}

unsafe fn unlink_at(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    let go = || as_int(system!(SYS_unlinkat, at, path, flags));
    if watch::is_idle() {
        return go();
    }
    // SAFETY: by the caller's word.
    let Some(path) = (unsafe { text(path) }) else { return go() };
    let mut all = watch::all();
    let there = about_at(at, path, libc::AT_SYMLINK_NOFOLLOW);
    let (Some(stat), Some(place)) = (there, place(&all, at, path)) else {
        drop(all);
        return go();
    };
    let Some(watch) = all.get(place.watch) else { return go() };
    match watch.turn(Takes::Nothing) {
        Turn::Make => {}
        Turn::Tear => return fail(libc::EIO),
        Turn::Fail(error) => return fail(error),
    }
    let done = go();
    if done == 0 {
        watch.note(Operation::Unlink { folder: place.folder, name: place.name });
        if is_folder(&stat) || stat.st_nlink == 1 {
            all.forget(inode(&stat));
        }
    }
    done
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { unlink_at(AT_FDCWD, path, 0) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlinkat(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { unlink_at(at, path, flags) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { unlink_at(AT_FDCWD, path, libc::AT_REMOVEDIR) }
}

unsafe fn make_folder(at: c_int, path: *const c_char, mode: mode_t) -> c_int {
    let go = || as_int(system!(SYS_mkdirat, at, path, mode as c_uint));
    if watch::is_idle() {
        return go();
    }
    // SAFETY: by the caller's word.
    let Some(path) = (unsafe { text(path) }) else { return go() };
    let mut all = watch::all();
    let Some(place) = place(&all, at, path).filter(|_| about_at(at, path, 0).is_none()) else {
        drop(all);
        return go();
    };
    let Some(watch) = all.get(place.watch) else { return go() };
    match watch.turn(Takes::Room) {
        Turn::Make => {}
        Turn::Tear => return fail(libc::EIO),
        Turn::Fail(error) => return fail(error),
    }
    let done = go();
    if done == 0
        && let Some(stat) = about_at(at, path, 0)
    {
        note_made(&mut all, place, inode(&stat), Kind::Folder);
    }
    done
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { make_folder(AT_FDCWD, path, mode) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdirat(at: c_int, path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { make_folder(at, path, mode) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    from_at: c_int,
    from: *const c_char,
    to_at: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    let go = || as_int(system!(SYS_linkat, from_at, from, to_at, to, flags));
    if watch::is_idle() {
        return go();
    }
    // SAFETY: by the caller's word.
    let (Some(from), Some(to)) = (unsafe { (text(from), text(to)) }) else { return go() };
    let mut all = watch::all();
    let named = about_at(from_at, from, libc::AT_SYMLINK_NOFOLLOW).and_then(|stat| all.node(inode(&stat)));
    let (Some((id, node)), Some(place)) = (named, place(&all, to_at, to)) else {
        drop(all);
        return go();
    };
    let Some(watch) = all.get(id) else { return go() };
    match watch.turn(Takes::Room) {
        Turn::Make => {}
        Turn::Tear => return fail(libc::EIO),
        Turn::Fail(error) => return fail(error),
    }
    let done = go();
    if done == 0 {
        watch.note(Operation::Link { folder: place.folder, name: place.name, node });
    }
    done
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: by the caller's word.
    unsafe { linkat(AT_FDCWD, from, AT_FDCWD, to, 0) }
}

// Copies within the system: refused into what is watched, so that whoever copies reads and writes.

fn is_watched(fd: c_int) -> bool {
    !watch::is_idle() && about(fd).is_some_and(|stat| watch::all().node(inode(&stat)).is_some())
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_file_range(
    from: c_int,
    from_at: *mut off64_t,
    to: c_int,
    to_at: *mut off64_t,
    count: size_t,
    flags: c_uint,
) -> ssize_t {
    if is_watched(to) {
        return ssize_t::try_from(fail(libc::EXDEV)).unwrap_or(-1);
    }
    ssize_t::try_from(system!(SYS_copy_file_range, from, from_at, to, to_at, count, flags)).unwrap_or(-1)
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendfile(to: c_int, from: c_int, at: *mut off64_t, count: size_t) -> ssize_t {
    if is_watched(to) {
        return ssize_t::try_from(fail(libc::EINVAL)).unwrap_or(-1);
    }
    ssize_t::try_from(system!(SYS_sendfile, to, from, at, count)).unwrap_or(-1)
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendfile64(to: c_int, from: c_int, at: *mut off64_t, count: size_t) -> ssize_t {
    // SAFETY: by the caller's word.
    unsafe { sendfile(to, from, at, count) }
}

/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn splice(
    from: c_int,
    from_at: *mut off64_t,
    to: c_int,
    to_at: *mut off64_t,
    count: size_t,
    flags: c_uint,
) -> ssize_t {
    if is_watched(to) {
        return ssize_t::try_from(fail(libc::EINVAL)).unwrap_or(-1);
    }
    ssize_t::try_from(system!(SYS_splice, from, from_at, to, to_at, count, flags)).unwrap_or(-1)
}
