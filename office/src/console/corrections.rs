//! Correcting what a case says: a form of the fields that a person may set, of which only what was changed is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::view::View;
use xuncheng_core::pack::Pack;
use xuncheng_core::place::GeoPoint;
use xuncheng_core::work::case::{Case, RULES};
use xuncheng_core::work::flow::Actor;

use super::Console;
use super::error::ConsoleError;
use super::forms::{Posted, write};
use super::frame::Flash;
use super::names::category;
use super::viewer::Viewer;
use super::words;

/// What may be corrected, as it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CorrectionForm {
    /// The code of its category.
    pub(super) category: String,
    /// All categories, by their major classes.
    pub(super) majors: Vec<Major>,
    pub(super) description: String,
    pub(super) address: String,
    /// North and east in degrees, to the last digit that a case has: `31.8672000, 106.7503000`.
    pub(super) place: String,
}

/// The categories of a major class.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Major {
    pub(super) name: String,
    pub(super) categories: Vec<Choice>,
}

/// A category to choose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) chosen: bool,
}

/// The form for `actor`; none where the rules let this person correct nothing now.
pub(super) fn form(pack: &Pack, actor: &Actor, view: &View) -> Option<CorrectionForm> {
    actor.granted(RULES.edited_by, view).ok()?;
    let case = Case::of(view);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Some(CorrectionForm {
        category: text(case.category()),
        majors: majors(pack, view),
        description: text(case.description()),
        address: text(case.address()),
        place: case.place().map(|point| degrees(&point)).unwrap_or_default(),
    })
}

fn majors(pack: &Pack, view: &View) -> Vec<Major> {
    let catalogue = pack.catalogue();
    let known = category(pack, view).map(|category| &category.code);
    let choice = |category: &xuncheng_core::pack::Category| Choice {
        code: category.code.to_string(),
        name: format!("{}（{}）", category.name, category.code.number()),
        chosen: known == Some(&category.code),
    };
    let major = |major: xuncheng_core::pack::Major<'_>| Major {
        name: format!("{}（{}）", major.name, words::class(major.kind)),
        categories: catalogue.in_major(major.scheme, major.kind, major.number).map(choice).collect(),
    };
    let mut majors: Vec<Major> = catalogue.majors().into_iter().map(major).collect();
    if known.is_none() {
        // Chosen as it is, so that whoever corrects something else does not choose a category too.
        let code = Case::of(view).category().unwrap_or_default().to_owned();
        let unknown = Choice { name: "类别不明".to_owned(), code, chosen: true };
        majors.insert(0, Major { name: "现在的类别".to_owned(), categories: vec![unknown] });
    }
    majors
}

fn degrees(point: &GeoPoint) -> String {
    format!("{:.7}, {:.7}", point.lat_degrees(), point.lon_degrees())
}

/// What the form sends: each field as it was filled in, and as the page had shown it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Corrected {
    token: String,
    seen: String,
    category: String,
    category_was: String,
    description: String,
    description_was: String,
    address: String,
    address_was: String,
    place: String,
    place_was: String,
}

/// `POST /cases/{item}/corrections`
pub(super) async fn correct(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(item): Path<String>,
    Form(corrected): Form<Corrected>,
) -> Result<Response, ConsoleError> {
    let fields = changed(console.office.pack(), &corrected)?;
    if fields.is_empty() {
        let item: ItemId = item.parse().map_err(|_| ConsoleError::NotFound)?;
        let path = format!("/cases/{item}");
        let (said, next) = ("没有改动，没有写入任何内容".to_owned(), String::new());
        console.sessions.say(&viewer.session.key, Flash { path: path.clone(), tone: "warn", said, next, code: None });
        return Ok(Redirect::to(&path).into_response());
    }
    let posted =
        Posted { token: corrected.token, seen: corrected.seen, said: json!([item, "correct", fields]).to_string() };
    write(&console, viewer, &item, posted, Change::Edit { fields }, "案件信息已更正".to_owned()).await
}

/// The fields whose value is another than the page had shown. What somebody else wrote meanwhile is not among them, and
/// stays.
fn changed(pack: &Pack, corrected: &Corrected) -> Result<BTreeMap<String, Value>, ConsoleError> {
    // A browser sends other line ends than it was given.
    let text = |text: &str| text.trim().replace("\r\n", "\n");
    let mut fields = BTreeMap::new();
    let Corrected { description, description_was, address, address_was, .. } = corrected;
    for (name, now, was) in [("description", description, description_was), ("address", address, address_was)] {
        if text(now) != text(was) {
            fields.insert(name.to_owned(), text(now).into());
        }
    }
    if corrected.category != corrected.category_was {
        let known = pack.catalogue().find(&corrected.category);
        let known = known.ok_or(ConsoleError::Junk("没有这个类别，没有写入任何内容。"))?;
        fields.insert("category".to_owned(), known.code.to_string().into());
    }
    if corrected.place.trim() != corrected.place_was.trim() {
        let point = point(&corrected.place).ok_or(ConsoleError::Junk(
            "坐标要写成“北纬, 东经”两个十进制度数，如 31.8672, 106.7503；没有写入任何内容。",
        ))?;
        fields.insert("place".to_owned(), json!({ "lat_e7": point.lat_e7(), "lon_e7": point.lon_e7() }));
    }
    Ok(fields)
}

/// A place as a person writes it: two numbers in degrees, north first.
fn point(text: &str) -> Option<GeoPoint> {
    let (lat, lon) = text.split_once([',', '，'])?;
    GeoPoint::from_degrees(lat.trim().parse().ok()?, lon.trim().parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_another_than_the_page_showed_is_written() {
        let pack = Pack::bazhou().unwrap();
        let changed = |corrected: Corrected| changed(&pack, &corrected).map(|fields| json!(fields));
        let of = |text: &str| text.to_owned();
        let shown = Corrected {
            category: of("matter/09006"),
            category_was: of("matter/09006"),
            description: of("水果摊\r\n占道"),
            description_was: of(" 水果摊\n占道"),
            place: of("31.8672000, 106.7503000"),
            place_was: of("31.8672000, 106.7503000"),
            ..Corrected::default()
        };
        assert_eq!(changed(shown.clone()).unwrap(), json!({}));
        let place = Corrected { place: of("31.8，106.7"), ..shown.clone() };
        assert_eq!(changed(place).unwrap(), json!({ "place": { "lat_e7": 318_000_000, "lon_e7": 1_067_000_000 } }));
        let emptied = Corrected { description: of(" "), ..shown.clone() };
        assert_eq!(changed(emptied).unwrap(), json!({ "description": "" }));
        for place in ["", "31.8", "31.8, x", "91, 106", "0, 0"] {
            assert!(changed(Corrected { place: of(place), ..shown.clone() }).is_err(), "{place}");
        }
        assert!(changed(Corrected { category: of("matter/太空船"), ..shown }).is_err());
    }

    #[test]
    fn a_place_is_shown_to_its_last_digit() {
        let shown = "31.8672001, 106.7503009";
        assert_eq!(degrees(&point(shown).unwrap()), shown);
    }
}
