//! Readers that break: they take whatever comes from outside, and are other people's.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `look` gives; none where it panicked.
///
/// It is for readers of bytes that give a value of their own: nothing that they leave half done is seen again.
pub(super) fn contained<T>(look: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(look)).ok()
}
