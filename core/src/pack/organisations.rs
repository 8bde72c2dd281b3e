//! Organisations: who answers for which category.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::PackError;
use super::catalogue::{Catalogue, Category};
use super::codes::{CategoryCode, OrgCode, SchemeCode};
use super::files::File;
use super::words::CategoryKind;

/// A unit of the district: a centre, an enforcement team, a works department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// The code that cases keep.
    pub code: OrgCode,
    /// 城管执法大队.
    pub name: String,
    /// Official order (官方排序); lists are sorted by it, then by code, never by name.
    pub display_order: u32,
    /// What it answers for by default; the dispatcher may choose another.
    pub responsible_for: Vec<Responsibility>,
}

/// A whole major class, or one category of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Responsibility {
    /// Every category of a major class, except those that another organisation names one by one.
    Major {
        /// The scheme of the class.
        scheme: SchemeCode,
        /// Of components or of matters.
        kind: CategoryKind,
        /// The number of the class: `06`.
        major: String,
    },
    /// This category.
    Category(CategoryCode),
}

impl Responsibility {
    fn names(&self, code: &CategoryCode) -> bool {
        match self {
            Self::Major { .. } => false,
            Self::Category(own) => own == code,
        }
    }

    fn holds(&self, category: &Category) -> bool {
        match self {
            Self::Major { scheme, kind, major } => {
                (scheme, kind, major) == (category.code.scheme(), category.code.kind(), &category.major)
            }
            Self::Category(_) => false,
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct OrganisationsFile {
    organisations: Vec<Spanned<OrganisationRow>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct OrganisationRow {
    code: OrgCode,
    name: String,
    #[serde(default)]
    display_order: u32,
    #[serde(default)]
    responsible_for: Vec<Spanned<String>>,
}

/// Reads the organisations, in official order.
pub(super) fn parse(file: &File<'_>, catalogue: &Catalogue) -> Result<Vec<Organisation>, PackError> {
    let mut codes = BTreeSet::new();
    let mut organisations = Vec::new();
    for row in file.toml::<OrganisationsFile>()?.organisations {
        let span = row.span();
        let OrganisationRow { code, name, display_order, responsible_for } = row.into_inner();
        if name.trim().is_empty() {
            return Err(file.wrong(span, format!("organisation {code} has no name")));
        }
        if !codes.insert(code.clone()) {
            return Err(file.wrong(span, format!("organisation {code} stands here a second time")));
        }
        let responsible_for = responsible_for
            .iter()
            .map(|text| responsibility(text.get_ref(), catalogue).map_err(|problem| file.wrong(text.span(), problem)))
            .collect::<Result<_, _>>()?;
        organisations.push(Organisation { code, name, display_order, responsible_for });
    }
    organisations.sort_by(|a, b| (a.display_order, &a.code).cmp(&(b.display_order, &b.code)));
    Ok(organisations)
}

fn responsibility(text: &str, catalogue: &Catalogue) -> Result<Responsibility, String> {
    let code = CategoryCode::parse_within(text, catalogue.default_scheme()).map_err(|error| error.to_string())?;
    if catalogue.get(&code).is_some() {
        return Ok(Responsibility::Category(code));
    }
    let (scheme, kind, major) = (code.scheme().clone(), code.kind().clone(), code.number().to_owned());
    if catalogue.in_major(&scheme, &kind, &major).next().is_some() {
        Ok(Responsibility::Major { scheme, kind, major })
    } else {
        Err(format!("{text:?} is neither a category nor a major class of categories.tsv"))
    }
}

/// Who answers for a category, in official order: who names it; else who names the component that it derives from; else
/// who has its class; else who has the component's class.
pub(super) fn responsible<'a>(
    organisations: &'a [Organisation],
    catalogue: &Catalogue,
    code: &CategoryCode,
) -> Vec<&'a Organisation> {
    let category = catalogue.get(code);
    let component = category.and_then(|category| category.derived_from.as_ref()).and_then(|from| catalogue.get(from));
    let who = |fits: &dyn Fn(&Responsibility) -> bool| -> Vec<&'a Organisation> {
        organisations.iter().filter(|organisation| organisation.responsible_for.iter().any(fits)).collect()
    };
    let by_name = [category, component].into_iter().flatten().map(|category| who(&|own| own.names(&category.code)));
    let by_class = [category, component].into_iter().flatten().map(|category| who(&|own| own.holds(category)));
    by_name.chain(by_class).find(|found| !found.is_empty()).unwrap_or_default()
}
