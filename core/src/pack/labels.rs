//! Labels and texts of the screens: role names, reasons to choose from, synonyms.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::PackError;
use super::codes::is_plain;
use super::files::{File, Reader};
use super::words::{ReasonStep, Role};
use crate::search::Synonyms;

/// A reason that a person may choose instead of typing one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The step that it is for.
    pub step: ReasonStep,
    /// For statistics; unique within the step, never used anew.
    pub code: String,
    /// What is shown, and written into the case.
    pub text: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct RolesFile {
    roles: Vec<Spanned<RoleRow>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct RoleRow {
    role: Role,
    label: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct ReasonsFile {
    reasons: Vec<Spanned<Reason>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct SynonymsFile {
    groups: Vec<Spanned<Vec<String>>>,
}

/// Reads the labels of roles. An author is told of a role without a label.
pub(super) fn roles(file: &File<'_>) -> Result<BTreeMap<Role, String>, PackError> {
    let mut labels = BTreeMap::new();
    for row in file.toml::<RolesFile>()?.roles {
        let span = row.span();
        let RoleRow { role, label } = row.into_inner();
        if file.reader == Reader::Author && !role.is_known() {
            let known: Vec<&str> = Role::KNOWN.iter().map(Role::as_str).collect();
            return Err(file.wrong(span, format!("{:?} is no role; roles are {}", role.as_str(), known.join(", "))));
        }
        if label.trim().is_empty() {
            return Err(file.wrong(span, format!("role {role} has an empty label")));
        }
        if labels.insert(role.clone(), label).is_some() {
            return Err(file.wrong(span, format!("role {role} stands here a second time")));
        }
    }
    match Role::KNOWN.iter().find(|role| !labels.contains_key(role)) {
        Some(role) if file.reader == Reader::Author => Err(file.wrong(0..0, format!("role {role} has no label"))),
        Some(_) | None => Ok(labels),
    }
}

/// Reads the reasons, in the order of the file.
pub(super) fn reasons(file: &File<'_>) -> Result<Vec<Reason>, PackError> {
    let mut seen = BTreeSet::new();
    let mut reasons = Vec::new();
    for row in file.toml::<ReasonsFile>()?.reasons {
        let span = row.span();
        let reason = row.into_inner();
        if file.reader == Reader::Author && !reason.step.is_known() {
            return Err(file
                .wrong(span, format!("the step is {:?}; it must be decline, return or rework", reason.step.as_str())));
        }
        if !is_plain(&reason.code) || reason.text.trim().is_empty() {
            return Err(file.wrong(span, "a reason needs a text, and a code of ASCII letters, digits, '-', '_', '.'"));
        }
        if !seen.insert((reason.step.clone(), reason.code.clone())) {
            return Err(file.wrong(span, format!("{} has a reason {} already", reason.step, reason.code)));
        }
        reasons.push(reason);
    }
    Ok(reasons)
}

/// Reads the groups of synonyms.
pub(super) fn synonyms(file: &File<'_>) -> Result<Synonyms, PackError> {
    let groups = file.toml::<SynonymsFile>()?.groups;
    match groups.iter().find(|group| group.get_ref().len() < 2) {
        Some(group) => Err(file.wrong(group.span(), "a group of synonyms needs two words or more")),
        None => Ok(Synonyms::new(groups.iter().map(|group| group.get_ref().iter().map(String::as_str)))),
    }
}
