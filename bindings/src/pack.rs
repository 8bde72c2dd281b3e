//! The district's words: what forms offer to choose from.

use xuncheng_core::pack;
use xuncheng_core::work::case::CaseStep;

use crate::FieldApp;

/// What a case can be about.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Category {
    /// Scheme, kind and number.
    pub code: String,
    /// As the standard prints it: 占道经营.
    pub name: String,
    /// The name of its major class: 街面秩序类.
    pub major_name: String,
}

/// A sub-district or community.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Area {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// Who handles cases.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Organisation {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// A reason to choose from for a step.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Reason {
    /// Its code.
    pub code: String,
    /// The reason in words.
    pub text: String,
}

impl From<&pack::Category> for Category {
    fn from(category: &pack::Category) -> Self {
        Self { code: category.code.to_string(), name: category.name.clone(), major_name: category.major_name.clone() }
    }
}

impl From<&pack::Area> for Area {
    fn from(area: &pack::Area) -> Self {
        Self { code: area.code.to_string(), name: area.name.clone() }
    }
}

impl From<&pack::Organisation> for Organisation {
    fn from(organisation: &pack::Organisation) -> Self {
        Self { code: organisation.code.to_string(), name: organisation.name.clone() }
    }
}

impl From<&pack::Reason> for Reason {
    fn from(reason: &pack::Reason) -> Self {
        Self { code: reason.code.clone(), text: reason.text.clone() }
    }
}

#[uniffi::export]
impl FieldApp {
    /// Categories by what a person types, synonyms included, in the standard's order; all of them for an empty text.
    pub fn categories(&self, text: &str) -> Vec<Category> {
        self.field().pack().search_categories(text).into_iter().map(Category::from).collect()
    }

    /// Every area of the district, in official order.
    pub fn areas(&self) -> Vec<Area> {
        self.field().pack().areas().iter().map(Area::from).collect()
    }

    /// Every organisation of the district, in official order.
    pub fn organisations(&self) -> Vec<Organisation> {
        self.field().pack().organisations().iter().map(Organisation::from).collect()
    }

    /// Reasons to choose from for `step`; empty for a step that needs none.
    pub fn reasons(&self, step: CaseStep) -> Vec<Reason> {
        self.field().pack().reasons(&step.name().into()).map(Reason::from).collect()
    }
}

/// What screens call a step.
#[uniffi::export]
pub fn step_label(step: CaseStep) -> String {
    step.label().to_owned()
}
