//! Categories: what a case can be about, by code, class and name.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::PackError;
use super::codes::{CategoryCode, SchemeCode};
use super::files::{File, Reader};
use super::words::CategoryKind;
use crate::search::{Query, Synonyms};

/// A published list of codes with the day from which it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheme {
    /// How category codes name it: `gbt47678.5-2026`.
    pub code: SchemeCode,
    /// Its title.
    pub name: String,
    /// First day on which new cases use it; `None` for ever since.
    #[serde(default)]
    pub valid_from: Option<NaiveDate>,
    /// Last day on which new cases use it; `None` while it is in force.
    #[serde(default)]
    pub valid_to: Option<NaiveDate>,
}

/// A minor class (小类) of components or matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Scheme, kind and number.
    pub code: CategoryCode,
    /// As the standard prints it: 占道经营.
    pub name: String,
    /// Number of its major class (大类): `09`.
    pub major: String,
    /// Name of its major class: 街面秩序类.
    pub major_name: String,
    /// The component whose defect this matter is: 供水井盖 of 供水井盖异常 (GB/T 47678.5, matters 01 to 05).
    pub derived_from: Option<CategoryCode>,
    /// First day for new cases; its scheme's when the row gives none.
    pub valid_from: Option<NaiveDate>,
    /// Last day for new cases; its scheme's when the row gives none.
    pub valid_to: Option<NaiveDate>,
}

impl Category {
    /// The class of the audience that its cases belong to: its kind.
    #[must_use]
    pub fn class(&self) -> &CategoryKind {
        self.code.kind()
    }

    /// Whether a new case of this day (in Beijing) may use it. Old cases keep their category for ever.
    #[must_use]
    pub fn is_valid_on(&self, day: NaiveDate) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
    }
}

/// A major class (大类) of a scheme and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Major<'a> {
    /// The scheme that it belongs to.
    pub scheme: &'a SchemeCode,
    /// Of components or of matters.
    pub kind: &'a CategoryKind,
    /// Its number: `09`.
    pub number: &'a str,
    /// Its name: 街面秩序类.
    pub name: &'a str,
}

/// All categories of a pack, in the standard's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    default_scheme: SchemeCode,
    schemes: Vec<Scheme>,
    categories: Vec<Category>,
    places: BTreeMap<CategoryCode, usize>,
}

const COLUMNS: [&str; 9] =
    ["scheme", "kind", "code", "name", "major", "major_name", "derived_from", "valid_from", "valid_to"];

impl Catalogue {
    /// Reads tab-separated rows under a header line; `default_scheme` is one of `schemes`.
    pub(super) fn parse(file: &File<'_>, schemes: Vec<Scheme>, default_scheme: SchemeCode) -> Result<Self, PackError> {
        let mut lines = file.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let header: Vec<&str> = lines.next().map(|(_, line)| line.split('\t').collect()).unwrap_or_default();
        if let (Some(extra), Reader::Author) = (header.iter().find(|column| !COLUMNS.contains(column)), file.reader) {
            return Err(file.wrong_line(1, format!("nothing reads the column {extra:?}; is it mistyped?")));
        }
        let column = |name: &'static str| {
            header
                .iter()
                .position(|column| *column == name)
                .ok_or_else(|| file.wrong_line(1, format!("the column {name:?} is missing")))
        };
        let mut columns = [0; COLUMNS.len()];
        for (place, name) in columns.iter_mut().zip(COLUMNS) {
            *place = column(name)?;
        }

        let mut catalogue = Self { default_scheme, schemes, categories: Vec::new(), places: BTreeMap::new() };
        let mut derived = Vec::new();
        for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let cells: Vec<&str> = text.split('\t').map(str::trim).collect();
            if cells.len() != header.len() {
                let problem =
                    format!("{} cells, but the header has {}; cells are separated by tabs", cells.len(), header.len());
                return Err(file.wrong_line(line, problem));
            }
            let category = catalogue
                .category(columns.map(|place| cells.get(place).copied().unwrap_or_default()), file.reader)
                .map_err(|problem| file.wrong_line(line, problem))?;
            derived.extend(category.derived_from.clone().map(|component| (line, component)));
            if catalogue.places.insert(category.code.clone(), catalogue.categories.len()).is_some() {
                return Err(file.wrong_line(line, format!("{} stands here a second time", category.code)));
            }
            catalogue.categories.push(category);
        }
        match derived.iter().find(|(_, component)| catalogue.get(component).is_none()) {
            Some((line, component)) => {
                Err(file.wrong_line(*line, format!("derived_from names {component}, which is not in this file")))
            }
            None => Ok(catalogue),
        }
    }

    fn category(&self, cells: [&str; COLUMNS.len()], reader: Reader) -> Result<Category, String> {
        let [scheme, kind, number, name, major, major_name, derived_from, valid_from, valid_to] = cells;
        let scheme = self
            .schemes
            .iter()
            .find(|known| known.code.as_str() == scheme)
            .ok_or_else(|| format!("the scheme {scheme:?} is not described in pack.toml"))?;
        let kind = CategoryKind::from(kind);
        if reader == Reader::Author && !kind.is_known() {
            return Err(format!("the kind is {:?}; it must be component or matter", kind.as_str()));
        }
        if name.is_empty() || major.is_empty() || major_name.is_empty() {
            return Err("name, major and major_name must not be empty".to_owned());
        }
        let derived_from = match derived_from {
            "" => None,
            text => Some(CategoryCode::parse_within(text, &scheme.code).map_err(|error| error.to_string())?),
        };
        let category = Category {
            code: CategoryCode::new(scheme.code.clone(), kind, number).map_err(|error| error.to_string())?,
            name: name.to_owned(),
            major: major.to_owned(),
            major_name: major_name.to_owned(),
            derived_from,
            valid_from: day(valid_from)?.or(scheme.valid_from),
            valid_to: day(valid_to)?.or(scheme.valid_to),
        };
        match (category.valid_from, category.valid_to) {
            (Some(from), Some(to)) if to < from => Err(format!("it ends on {to}, before it begins on {from}")),
            _ => Ok(category),
        }
    }

    /// The scheme of short codes such as `matter/09006`.
    #[must_use]
    pub fn default_scheme(&self) -> &SchemeCode {
        &self.default_scheme
    }

    /// Every scheme of the pack.
    #[must_use]
    pub fn schemes(&self) -> &[Scheme] {
        &self.schemes
    }

    /// Every category, in the standard's order.
    #[must_use]
    pub fn all(&self) -> &[Category] {
        &self.categories
    }

    /// The category with this code.
    #[must_use]
    pub fn get(&self, code: &CategoryCode) -> Option<&Category> {
        self.places.get(code).and_then(|place| self.categories.get(*place))
    }

    /// The category that `text` names: `gbt47678.5-2026/matter/09006`, or `matter/09006` within the default scheme.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&Category> {
        self.get(&CategoryCode::parse_within(text, &self.default_scheme).ok()?)
    }

    /// The categories with exactly this name: 污水井盖. Several schemes may share a name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Category> {
        self.categories.iter().filter(move |category| category.name == name)
    }

    /// The major classes, in the standard's order.
    #[must_use]
    pub fn majors(&self) -> Vec<Major<'_>> {
        let mut majors: Vec<Major<'_>> = Vec::new();
        for category in &self.categories {
            let (scheme, kind, number) = (category.code.scheme(), category.code.kind(), category.major.as_str());
            if !majors.iter().any(|major| (major.scheme, major.kind, major.number) == (scheme, kind, number)) {
                majors.push(Major { scheme, kind, number, name: &category.major_name });
            }
        }
        majors
    }

    /// The categories of one major class, in the standard's order.
    pub fn in_major<'a>(
        &'a self,
        scheme: &'a SchemeCode,
        kind: &'a CategoryKind,
        major: &'a str,
    ) -> impl Iterator<Item = &'a Category> {
        self.categories.iter().filter(move |category| {
            category.code.scheme() == scheme && category.code.kind() == kind && category.major == major
        })
    }

    /// The categories whose name or number holds what a person typed, in the standard's order; all of them for an empty
    /// text. 盖 finds every cover, 牛皮癣 finds 非法小广告 by its synonyms, 0900 finds the numbers that begin so.
    #[must_use]
    pub fn search(&self, text: &str, synonyms: &Synonyms) -> Vec<&Category> {
        match Query::parse(text, synonyms) {
            Some(query) => {
                let text = |category: &Category| format!("{} {}", category.code.number(), category.name);
                self.categories.iter().filter(|category| query.matches(&text(category))).collect()
            }
            None if text.trim().is_empty() => self.categories.iter().collect(),
            None => Vec::new(),
        }
    }
}

fn day(cell: &str) -> Result<Option<NaiveDate>, String> {
    match cell {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("{text:?} is no day; write 2026-07-01")),
    }
}
