//! The files of a pack as text, and errors that name file and line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::PackError;
use crate::limits;

/// Name, scheme and period of the pack.
pub(super) const PACK: &str = "pack.toml";
/// What cases are about.
pub(super) const CATEGORIES: &str = "categories.tsv";
/// Filing and closing conditions with their limits.
pub(super) const CONDITIONS: &str = "conditions.toml";
/// Outlines of areas.
pub(super) const AREAS: &str = "areas.toml";
/// Who answers for what.
pub(super) const ORGANISATIONS: &str = "organisations.toml";
/// Labels of roles.
pub(super) const ROLES: &str = "roles.toml";
/// Reasons to choose from.
pub(super) const REASONS: &str = "reasons.toml";
/// Words that mean the same.
pub(super) const SYNONYMS: &str = "synonyms.toml";

const ALL: [&str; 8] = [PACK, CATEGORIES, CONDITIONS, AREAS, ORGANISATIONS, ROLES, REASONS, SYNONYMS];

/// Who reads: decides what happens to words and keys that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// A person who writes the pack: what nobody understands is most likely a slip, and an error.
    Author,
    /// A device that was given the pack, perhaps by a newer office: what it does not know it passes over and keeps.
    Device,
}

/// The files of one pack, by name; text with line feeds only and no byte order mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    texts: BTreeMap<String, String>,
    reader: Reader,
}

impl Files {
    pub(super) fn new(texts: BTreeMap<String, String>, reader: Reader) -> Result<Self, PackError> {
        let bytes = texts.values().map(String::len).sum();
        if bytes > limits::PACK_BYTES {
            return Err(PackError::TooLarge { bytes, most: limits::PACK_BYTES });
        }
        let texts = texts.into_iter().map(|(name, text)| (name, plain_lines(&text))).collect();
        Ok(Self { texts, reader })
    }

    /// Reads the known files of a folder; others, such as a README, are passed over.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, PackError> {
        let mut texts = BTreeMap::new();
        for name in ALL {
            let unreadable = |source| PackError::Unreadable { file: folder.join(name), source };
            let length = std::fs::metadata(folder.join(name)).map_err(unreadable)?.len();
            if length > limits::PACK_BYTES as u64 {
                let bytes = usize::try_from(length).unwrap_or(usize::MAX);
                return Err(PackError::TooLarge { bytes, most: limits::PACK_BYTES });
            }
            let bytes = std::fs::read(folder.join(name)).map_err(unreadable)?;
            let text = String::from_utf8(bytes).map_err(|error| PackError::Wrong {
                file: name.to_owned(),
                line: 1 + count_lines(&error.as_bytes()[..error.utf8_error().valid_up_to()]),
                problem: "the text is not UTF-8".to_owned(),
            })?;
            texts.insert(name.to_owned(), text);
        }
        Self::new(texts, Reader::Author)
    }

    pub(super) fn texts(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    pub(super) fn is_for_author(&self) -> bool {
        self.reader == Reader::Author
    }

    pub(super) fn file(&self, name: &'static str) -> Result<File<'_>, PackError> {
        let text = self.texts.get(name).ok_or(PackError::Missing { file: name })?;
        Ok(File { name, text, reader: self.reader })
    }
}

/// One file while it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) reader: Reader,
}

impl File<'_> {
    /// Parses TOML. An author is told of keys that `T` does not have: a mistyped optional key would be silently lost.
    pub(super) fn toml<T: DeserializeOwned + Serialize>(&self) -> Result<T, PackError> {
        let parsed: T = toml::from_str(self.text).map_err(|error| self.syntax(&error))?;
        if self.reader == Reader::Author {
            let written: toml::Value = toml::from_str(self.text).map_err(|error| self.syntax(&error))?;
            let understood = toml::Value::try_from(&parsed).map_err(|error| self.wrong(0..0, error.to_string()))?;
            if let Some(key) = unknown_key(&written, &understood) {
                return Err(self.wrong(self.place_of(&key), format!("nothing reads the key `{key}`; is it mistyped?")));
            }
        }
        Ok(parsed)
    }

    fn syntax(&self, error: &toml::de::Error) -> PackError {
        self.wrong(error.span().unwrap_or(0..0), error.message().replace('\n', "; "))
    }

    /// An error at a byte range of this file.
    pub(super) fn wrong(&self, span: Range<usize>, problem: impl Into<String>) -> PackError {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        self.wrong_line(1 + count_lines(before), problem)
    }

    /// An error at a line of this file, counted from 1.
    pub(super) fn wrong_line(&self, line: usize, problem: impl Into<String>) -> PackError {
        PackError::Wrong { file: self.name.to_owned(), line, problem: problem.into() }
    }

    /// Where a key is first written, as near as the text tells.
    fn place_of(&self, key: &str) -> Range<usize> {
        let last = key.rsplit('.').next().unwrap_or(key);
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            let bare = line.trim_start_matches([' ', '\t', '[']);
            if bare.strip_prefix(last).is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.'])) {
                return start..start;
            }
            start += line.len();
        }
        0..0
    }
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// Editors on Windows write a byte order mark and CRLF; the pack is the same pack with them.
pub(super) fn plain_lines(text: &str) -> String {
    text.strip_prefix('\u{FEFF}').unwrap_or(text).replace("\r\n", "\n")
}

/// The path of a key in `written` that `understood` lacks.
fn unknown_key(written: &toml::Value, understood: &toml::Value) -> Option<String> {
    use toml::Value::{Array, Table};
    match (written, understood) {
        (Table(written), Table(understood)) => written.iter().find_map(|(key, value)| match understood.get(key) {
            None => Some(key.clone()),
            Some(known) => unknown_key(value, known).map(|inner| format!("{key}.{inner}")),
        }),
        (Array(written), Array(understood)) => written.iter().zip(understood).find_map(|(a, b)| unknown_key(a, b)),
        _ => None,
    }
}
