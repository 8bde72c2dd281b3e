//! What every page has around it.

use std::sync::LazyLock;

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use rusqlite::Connection;
use xuncheng_core::id::Hash;
use xuncheng_core::pack::Pack;
use xuncheng_core::store::StoreError;

use super::error::ConsoleError;
use super::viewer::Viewer;

/// The frame around a page's content.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// What the browser's tab says.
    pub(super) title: String,
    /// Whose console it is; empty where that is not known.
    pub(super) district: String,
    /// Which entry of the menu the page belongs to.
    pub(super) menu: Menu,
    /// Who is signed in.
    pub(super) badge: Option<Badge>,
    /// How much waits for a person to decide; none for whoever does not see that page.
    pub(super) held: Option<u64>,
    /// Whether whoever looks may know of covert visits.
    pub(super) visits: bool,
    /// What is said once.
    pub(super) flash: Option<Flash>,
}

/// The menu's entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Menu {
    /// 案件
    Cases,
    /// 待人工处理
    Held,
    /// 暗访
    Visits,
    /// 手机
    Phones,
    /// A page that is in no menu.
    None,
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Badge {
    /// The name.
    pub(super) name: String,
    /// Organisation and roles.
    pub(super) roles: String,
}

/// What is said once, after something was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flash {
    /// The page that says it.
    pub(super) path: String,
    /// `good`, `warn` or `bad`.
    pub(super) tone: &'static str,
    /// What happened.
    pub(super) said: String,
    /// What to do next.
    pub(super) next: String,
    /// An enrolment code that is shown with it, and nowhere kept.
    pub(super) code: Option<String>,
}

impl Frame {
    /// The frame of a page for `viewer`.
    pub(super) fn of(
        conn: &Connection,
        pack: &Pack,
        viewer: &Viewer,
        menu: Menu,
        title: impl Into<String>,
    ) -> Result<Self, StoreError> {
        let person = &viewer.person;
        let org = pack.organisation(&person.org).map_or(person.org.as_str(), |org| org.name.as_str());
        let roles: Vec<&str> = person.roles.iter().map(|role| pack.role_label(role)).collect();
        Ok(Self {
            title: title.into(),
            district: pack.about().name.clone(),
            menu,
            badge: Some(Badge { name: person.name.clone(), roles: format!("{org} · {}", roles.join("、")) }),
            held: if viewer.sees_held() { Some(viewer.held_by_kind(conn)?.values().sum()) } else { None },
            visits: viewer.sees_visits(),
            flash: None,
        })
    }

    /// The frame of a page that nobody need be signed in for.
    pub(super) fn for_all(district: &str, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            district: district.to_owned(),
            menu: Menu::None,
            badge: None,
            held: None,
            visits: false,
            flash: None,
        }
    }

    /// The style sheet's address: another one whenever it changes, so that browsers may keep it.
    pub(super) fn css(&self) -> &'static str {
        static ADDRESS: LazyLock<String> = LazyLock::new(|| {
            let hash = Hash::of("asset", &[super::assets::CSS.as_bytes()]).to_string();
            format!("/assets/console.css?v={}", &hash[..12])
        });
        &ADDRESS
    }

    /// Whether the page is one of cases.
    pub(super) fn is_about_cases(&self) -> bool {
        self.menu == Menu::Cases
    }

    /// Whether the page is the one of what is held.
    pub(super) fn is_about_held(&self) -> bool {
        self.menu == Menu::Held
    }

    /// Whether the page is the one of covert visits.
    pub(super) fn is_about_visits(&self) -> bool {
        self.menu == Menu::Visits
    }

    /// Whether the page is the one of phones.
    pub(super) fn is_about_phones(&self) -> bool {
        self.menu == Menu::Phones
    }
}

/// A page as an answer.
pub(super) fn page(template: &impl Template) -> Result<Response, ConsoleError> {
    Ok(Html(template.render().map_err(ConsoleError::Page)?).into_response())
}
