//! Conditions: when a case is filed, when it may be closed, and how long handling may take.
//!
//! One category has several, each with a limit of its own (GB/T 30428.8 立案条件、结案条件、处置时限).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::PackError;
use super::catalogue::Catalogue;
use super::codes::CategoryCode;
use super::files::{File, Reader};
use super::words::LimitUnit;

/// A time for handling, not yet a moment: that needs a start and the office's calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// How many; 1 or more.
    pub value: u32,
    /// Of what.
    pub unit: LimitUnit,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.value, self.unit.label())
    }
}

/// A filing condition of a category with what closes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Its number within the category; cases keep it.
    pub number: u32,
    /// 立案条件.
    pub filing: String,
    /// 结案条件.
    pub close: String,
    /// 处置时限; `None` where no rule was found and the office decides.
    pub limit: Option<Limit>,
    /// What to know about the rule.
    pub note: Option<String>,
    /// Whether this district's office has checked it. Until then it is an example of another city, and is shown as one.
    pub confirmed: bool,
}

/// The conditions of each category that has any, by number.
pub(super) type Conditions = BTreeMap<CategoryCode, Vec<Condition>>;

#[derive(Debug, Deserialize, Serialize)]
struct ConditionsFile {
    #[serde(default)]
    conditions: Vec<Spanned<ConditionRow>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct ConditionRow {
    categories: Vec<Spanned<String>>,
    number: u32,
    filing: String,
    close: String,
    limit: Option<Limit>,
    note: Option<String>,
    #[serde(default)]
    confirmed: bool,
}

/// Reads the conditions; one row may hold for several categories.
pub(super) fn parse(file: &File<'_>, catalogue: &Catalogue) -> Result<Conditions, PackError> {
    let mut conditions = Conditions::new();
    for row in file.toml::<ConditionsFile>()?.conditions {
        let span = row.span();
        let ConditionRow { categories, number, filing, close, limit, note, confirmed } = row.into_inner();
        let problem = match &limit {
            _ if number == 0 => Some("conditions are numbered from 1".to_owned()),
            _ if categories.is_empty() => Some("the condition holds for no category".to_owned()),
            _ if filing.trim().is_empty() || close.trim().is_empty() => {
                Some("filing and close must not be empty".to_owned())
            }
            Some(limit) if limit.value == 0 => Some("a limit of 0 is none; leave `limit` out".to_owned()),
            Some(limit) if file.reader == Reader::Author && !limit.unit.is_known() => Some(format!(
                "the unit is {:?}; it must be urgent_hour, urgent_day, work_hour or work_day",
                limit.unit.as_str()
            )),
            Some(_) | None => None,
        };
        if let Some(problem) = problem {
            return Err(file.wrong(span, problem));
        }
        for text in categories {
            let category = catalogue.find(text.get_ref()).ok_or_else(|| {
                file.wrong(text.span(), format!("{:?} is no category of categories.tsv", text.get_ref()))
            })?;
            let (filing, close, limit, note) = (filing.clone(), close.clone(), limit.clone(), note.clone());
            let of_category = conditions.entry(category.code.clone()).or_default();
            if of_category.iter().any(|other| other.number == number) {
                return Err(file.wrong(text.span(), format!("{} has a condition {number} already", category.code)));
            }
            of_category.push(Condition { number, filing, close, limit, note, confirmed });
        }
    }
    for of_category in conditions.values_mut() {
        of_category.sort_by_key(|condition| condition.number);
    }
    Ok(conditions)
}

/// The conditions of a category; a derived matter without its own follows its component.
pub(super) fn of<'a>(conditions: &'a Conditions, catalogue: &Catalogue, code: &CategoryCode) -> &'a [Condition] {
    let component = || catalogue.get(code).and_then(|category| category.derived_from.as_ref());
    conditions.get(code).or_else(|| conditions.get(component()?)).map(Vec::as_slice).unwrap_or_default()
}
