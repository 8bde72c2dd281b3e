//! The district pack: every local rule as readable, versioned data that the office serves and phones cache.
//!
//! Nothing of a particular city is in code: [categories](Catalogue), [conditions](Condition) with their limits,
//! [areas](Area), [organisations](Organisation), labels, reasons and synonyms are files that the office edits. The example
//! pack of Bazhou District is built in ([`Pack::bazhou`]); another is read [from its folder](Pack::from_folder) and travels
//! as [one document](Pack::to_json). [People](people) stand beside the pack, never in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::id::Hash;
use crate::limits;
use crate::place::GeoPoint;
use crate::search::Synonyms;
use crate::sync::policy::UploadPolicy;

mod areas;
mod catalogue;
mod codes;
mod conditions;
mod files;
mod labels;
mod organisations;
pub mod people;
mod words;

pub use areas::Area;
pub use catalogue::{Catalogue, Category, Major, Scheme};
pub use codes::{AreaCode, CategoryCode, CodeError, OrgCode, SchemeCode};
pub use conditions::{Condition, Limit};
pub use labels::Reason;
pub use organisations::{Organisation, Responsibility};
pub use words::{CategoryKind, LimitUnit, ReasonStep, Role, UnknownWord};

use files::{Files, Reader};

/// Why a pack cannot be used: file, line, and what is wrong there.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file of the folder cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A pack without one of its files.
    #[error("the pack has no {file}")]
    Missing {
        /// Which.
        file: &'static str,
    },
    /// More than an answer of the office may hold.
    #[error("the pack has {bytes} bytes; at most {most} can travel to a phone")]
    TooLarge {
        /// Bytes of all files together.
        bytes: usize,
        /// The bound.
        most: usize,
    },
    /// A line that says something impossible.
    #[error("{file}, line {line}: {problem}")]
    Wrong {
        /// Which file.
        file: String,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The document that travels is not one.
    #[error("the pack document cannot be read: {problem}")]
    Document {
        /// What is wrong with it.
        problem: String,
    },
}

/// Whose rules they are, and which version of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Short ASCII name: `bazhou`.
    pub code: String,
    /// 巴州区.
    pub name: String,
    /// 四川省巴中市巴州区.
    pub full_name: String,
    /// Six digits of GB/T 2260: `511902`.
    pub division_code: String,
    /// Another one for each change of any file.
    pub version: String,
    /// First day on which these rules hold.
    pub valid_from: NaiveDate,
    /// `Asia/Shanghai`: all of China counts its office hours and days in it.
    pub time_zone: String,
    /// What the office's case numbers begin with: `BZ`.
    pub case_prefix: String,
    /// The scheme of short category codes such as `matter/09006`.
    pub default_scheme: SchemeCode,
    /// The schemes that categories belong to.
    pub schemes: Vec<Scheme>,
    /// When phones send originals by themselves, unless their person says otherwise.
    #[serde(default)]
    pub originals: UploadPolicy,
}

/// The rules of one district, checked when they were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    files: Files,
    hash: Hash,
    version: String,
    about: About,
    catalogue: Catalogue,
    conditions: conditions::Conditions,
    areas: Vec<Area>,
    organisations: Vec<Organisation>,
    roles: BTreeMap<Role, String>,
    reasons: Vec<Reason>,
    synonyms: Synonyms,
}

/// What travels: the files as they were written, so that what an older program does not know survives in it.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    format: u32,
    files: BTreeMap<String, String>,
}

/// The hash of a pack's document.
pub(crate) fn hash_of(document: &str) -> Hash {
    Hash::of("pack", &[document.as_bytes()])
}

/// The only form of [`Document`] so far.
const FORMAT: u32 = 1;

impl Pack {
    /// The example pack of Bazhou District, Bazhong, Sichuan, as built into the program.
    ///
    /// # Errors
    /// None in a program whose tests passed; the type is that of every other pack.
    pub fn bazhou() -> Result<Self, PackError> {
        let texts = [
            (files::PACK, include_str!("../packs/bazhou/pack.toml")),
            (files::CATEGORIES, include_str!("../packs/bazhou/categories.tsv")),
            (files::CONDITIONS, include_str!("../packs/bazhou/conditions.toml")),
            (files::AREAS, include_str!("../packs/bazhou/areas.toml")),
            (files::ORGANISATIONS, include_str!("../packs/bazhou/organisations.toml")),
            (files::ROLES, include_str!("../packs/bazhou/roles.toml")),
            (files::REASONS, include_str!("../packs/bazhou/reasons.toml")),
            (files::SYNONYMS, include_str!("../packs/bazhou/synonyms.toml")),
        ];
        Self::from_files(texts.map(|(name, text)| (name.to_owned(), text.to_owned())).into())
    }

    /// A pack out of its files by name, as a person wrote them: what nothing understands is an error.
    ///
    /// # Errors
    /// [`PackError`]: a file is missing, the whole is too large, or a line says something impossible.
    pub fn from_files(texts: BTreeMap<String, String>) -> Result<Self, PackError> {
        Self::read(Files::new(texts, Reader::Author)?)
    }

    /// A pack out of a folder, as a person wrote it. Files that are no part of a pack are passed over.
    ///
    /// # Errors
    /// [`PackError`]: a file is missing or unreadable, is no UTF-8, the whole is too large, or a line says something
    /// impossible.
    pub fn from_folder(folder: &Path) -> Result<Self, PackError> {
        Self::read(Files::of_folder(folder)?)
    }

    /// A pack out of the document that [`to_json`](Self::to_json) wrote, perhaps in a newer program: keys, words and files
    /// that this version does not know are passed over, and kept.
    ///
    /// # Errors
    /// [`PackError`]: no such document, too large, or its files contradict each other.
    pub fn from_json(document: &str) -> Result<Self, PackError> {
        // Text grows when it is quoted; the files themselves are measured after.
        let most = limits::PACK_BYTES.saturating_mul(2);
        if document.len() > most {
            return Err(PackError::TooLarge { bytes: document.len(), most });
        }
        let wrong = |problem: String| PackError::Document { problem };
        let Document { format, files } = serde_json::from_str(document).map_err(|error| wrong(error.to_string()))?;
        if format != FORMAT {
            return Err(wrong(format!("it has format {format}; this version reads format {FORMAT}")));
        }
        Self::read(Files::new(files, Reader::Device)?)
    }

    /// All files as one document that phones cache: the same bytes for the same pack, whoever writes them.
    #[must_use]
    pub fn to_json(&self) -> String {
        document(&self.files)
    }

    fn read(files: Files) -> Result<Self, PackError> {
        let file = files.file(files::PACK)?;
        let about: About = file.toml()?;
        if let Some(problem) = about.problem(files.is_for_author()) {
            return Err(file.wrong(0..0, problem));
        }
        let catalogue =
            Catalogue::parse(&files.file(files::CATEGORIES)?, about.schemes.clone(), about.default_scheme.clone())?;
        Ok(Self {
            hash: hash_of(&document(&files)),
            version: format!("{}@{}", about.code, about.version),
            conditions: conditions::parse(&files.file(files::CONDITIONS)?, &catalogue)?,
            areas: areas::parse(&files.file(files::AREAS)?)?,
            organisations: organisations::parse(&files.file(files::ORGANISATIONS)?, &catalogue)?,
            roles: labels::roles(&files.file(files::ROLES)?)?,
            reasons: labels::reasons(&files.file(files::REASONS)?)?,
            synonyms: labels::synonyms(&files.file(files::SYNONYMS)?)?,
            catalogue,
            about,
            files,
        })
    }

    /// Name and version, as the office records it with each judgement: `bazhou@2026.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The hash of the whole content: two packs of one version with different hashes are a mistake of the office.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Whose rules they are.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What cases can be about.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Categories by what a person types, synonyms included, in the standard's order; all of them for an empty text.
    #[must_use]
    pub fn search_categories(&self, text: &str) -> Vec<&Category> {
        self.catalogue.search(text, &self.synonyms)
    }

    /// When phones send originals by themselves, unless their person says otherwise.
    #[must_use]
    pub fn originals(&self) -> &UploadPolicy {
        &self.about.originals
    }

    /// Whether cases of a category, as items name it, are urgent: one of its conditions has a limit that runs day and night
    /// (紧急工作时, 紧急工作日).
    #[must_use]
    pub fn is_urgent(&self, category: &str) -> bool {
        let known = self.catalogue.find(category).map(|known| self.conditions(&known.code)).unwrap_or_default();
        let mut limits = known.iter().filter_map(|condition| condition.limit.as_ref());
        limits.any(|limit| matches!(limit.unit, LimitUnit::UrgentHour | LimitUnit::UrgentDay))
    }

    /// The conditions of a category by number; a derived matter (供水井盖异常) follows its component. Empty when it has none.
    #[must_use]
    pub fn conditions(&self, category: &CategoryCode) -> &[Condition] {
        conditions::of(&self.conditions, &self.catalogue, category)
    }

    /// Every area, in official order.
    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// The area with this code.
    #[must_use]
    pub fn area(&self, code: &AreaCode) -> Option<&Area> {
        self.areas.iter().find(|area| area.code == *code)
    }

    /// The area that a point lies in, its outline included; on a shared line the lowest code wins. `None` outside all.
    #[must_use]
    pub fn area_of(&self, point: &GeoPoint) -> Option<&Area> {
        areas::area_of(&self.areas, point)
    }

    /// Every organisation, in official order.
    #[must_use]
    pub fn organisations(&self) -> &[Organisation] {
        &self.organisations
    }

    /// The organisation with this code.
    #[must_use]
    pub fn organisation(&self, code: &OrgCode) -> Option<&Organisation> {
        self.organisations.iter().find(|organisation| organisation.code == *code)
    }

    /// Who answers for a category by default, in official order: a single code goes before a whole class, and a derived
    /// matter follows its component.
    #[must_use]
    pub fn responsible_orgs(&self, category: &CategoryCode) -> Vec<&Organisation> {
        organisations::responsible(&self.organisations, &self.catalogue, category)
    }

    /// How screens call a role; its word when the pack has no label.
    #[must_use]
    pub fn role_label<'a>(&'a self, role: &'a Role) -> &'a str {
        self.roles.get(role).map_or_else(|| role.as_str(), String::as_str)
    }

    /// Reasons to choose from for a step, in the order of the file.
    pub fn reasons<'a>(&'a self, step: &'a ReasonStep) -> impl Iterator<Item = &'a Reason> {
        self.reasons.iter().filter(move |reason| reason.step == *step)
    }

    /// Words that mean the same to a person who searches.
    #[must_use]
    pub fn synonyms(&self) -> &Synonyms {
        &self.synonyms
    }
}

fn document(files: &Files) -> String {
    // A map of strings in order of name: its JSON has one form only.
    let document = Document { format: FORMAT, files: files.texts().clone() };
    serde_json::to_string(&document).unwrap_or_default()
}

impl About {
    fn problem(&self, for_author: bool) -> Option<String> {
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        let case_prefix_fits = (1..=8).contains(&self.case_prefix.len())
            && self.case_prefix.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !codes::is_plain(&self.code) || !codes::is_plain(&self.version) {
            Some("code and version need 1 to 64 ASCII letters, digits, '-', '_', '.'".to_owned())
        } else if self.name.trim().is_empty() {
            Some("the district has no name".to_owned())
        } else if !digits(&self.division_code, 6) {
            Some(format!("division_code is {:?}; GB/T 2260 codes have 6 digits", self.division_code))
        } else if for_author && self.time_zone != "Asia/Shanghai" {
            Some(format!("time_zone is {:?}; office time is counted in Asia/Shanghai", self.time_zone))
        } else if !case_prefix_fits {
            Some(format!("case_prefix is {:?}; it needs 1 to 8 capital letters or digits", self.case_prefix))
        } else if !self.schemes.iter().any(|scheme| scheme.code == self.default_scheme) {
            Some(format!("default_scheme {} is not among the schemes", self.default_scheme))
        } else if self.originals.battery_floor_percent > 100 {
            let floor = self.originals.battery_floor_percent;
            Some(format!("originals.battery_floor_percent is {floor}; a battery has 0 to 100 percent"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
