//! What people, phones, cases and what the pack has codes for are called.

use std::collections::BTreeMap;

use rusqlite::Connection;
use xuncheng_core::id::{IncarnationId, ItemId, PersonId};
use xuncheng_core::journal::view::View;
use xuncheng_core::pack::{AreaCode, Category, OrgCode, Pack};
use xuncheng_core::place::GeoPoint;
use xuncheng_core::store::{StoreError, items};
use xuncheng_core::work::case::Case;
use xuncheng_core::work::device::DEVICE;
use xuncheng_core::work::person::Person;

use super::viewer::Viewer;
use crate::people;

/// Somebody of the district, where nothing more is to be known.
const SOMEBODY: &str = "工作人员";

/// The names of people and phones.
#[derive(Debug, Default)]
pub(super) struct Names {
    people: BTreeMap<PersonId, Person>,
    devices: BTreeMap<IncarnationId, Device>,
}

/// A phone by its name and person.
#[derive(Debug, Clone)]
pub(super) struct Device {
    /// What it calls itself.
    pub(super) name: String,
    /// Whose it is.
    pub(super) person: PersonId,
}

impl Names {
    /// Reads the district's people and devices.
    pub(super) fn read(conn: &Connection) -> Result<Self, StoreError> {
        let people = people::all(conn)?.into_iter().map(|person| (person.id.clone(), person)).collect();
        let devices = items::of_kind(conn, DEVICE)?;
        let device = |view: &View| {
            let person = PersonId::new(view.text("person")?).ok()?;
            let name = view.text("name").unwrap_or("手机").to_owned();
            Some((view.text("incarnation")?.parse().ok()?, Device { name, person }))
        };
        Ok(Self { people, devices: devices.iter().filter_map(|(_, view)| device(view)).collect() })
    }

    /// A person's name; the code where the list of people does not have it.
    pub(super) fn person(&self, code: &PersonId) -> String {
        self.people.get(code).map_or_else(|| code.to_string(), |person| person.name.clone())
    }

    /// The name of a person's organisation; none where the list of people does not have the person.
    pub(super) fn org(&self, pack: &Pack, code: &PersonId) -> Option<String> {
        self.people.get(code).map(|person| org_name(pack, person.org.as_str()))
    }

    /// The phone that wrote with this incarnation; none for the office's own desk.
    pub(super) fn device(&self, incarnation: &IncarnationId) -> Option<&Device> {
        self.devices.get(incarnation)
    }

    /// Whether this is a person of the district, and not the office itself.
    pub(super) fn knows(&self, code: &PersonId) -> bool {
        self.people.contains_key(code)
    }

    /// A person as `viewer` may know them: the name; to a desk what they do; to others, as on their phones, nothing.
    pub(super) fn shown(&self, pack: &Pack, viewer: &Viewer, code: &PersonId) -> String {
        match self.people.get(code) {
            None => "系统".to_owned(),
            Some(person) if viewer.is_told_of(person) => {
                let org = org_name(pack, person.org.as_str());
                format!("{}（{org}）", person.name)
            }
            Some(person) if viewer.person.is_at_a_desk() => {
                person.roles.first().map_or(SOMEBODY, |role| pack.role_label(role)).to_owned()
            }
            Some(_) => SOMEBODY.to_owned(),
        }
    }

    /// Whether `viewer` may know this person's name.
    pub(super) fn may_know(&self, viewer: &Viewer, code: &PersonId) -> bool {
        self.people.get(code).is_none_or(|person| viewer.is_told_of(person))
    }
}

/// What a case is about, in a few words.
pub(super) fn title(pack: &Pack, view: &View) -> String {
    let known = || category(pack, view).map(|category| category.name.as_str());
    view.text("category_name").or_else(known).unwrap_or("类别不明").to_owned()
}

/// Which round of rework it is in.
pub(super) fn round(view: &View) -> Option<String> {
    (view.round > 0).then(|| format!("返工第 {} 次", view.round))
}

/// A case's number; what it is called before it has one.
pub(super) fn number(item: &ItemId, view: Option<&View>) -> String {
    let given = view.and_then(|view| Case::of(view).number());
    given.map_or_else(|| format!("新-{}", &item.to_string()[..6]), str::to_owned)
}

/// The category of a case; none where the pack does not know its code.
pub(super) fn category<'a>(pack: &'a Pack, view: &View) -> Option<&'a Category> {
    pack.catalogue().find(Case::of(view).category()?)
}

/// A category's name; none where the pack does not know its code.
pub(super) fn category_name(pack: &Pack, code: &str) -> Option<String> {
    pack.catalogue().find(code).map(|category| category.name.clone())
}

/// An area's name; none where the pack does not know its code.
pub(super) fn area_name(pack: &Pack, code: &str) -> Option<String> {
    AreaCode::new(code).ok().and_then(|code| pack.area(&code).map(|area| area.name.clone()))
}

/// An organisation's name; its code where the pack does not know it.
pub(super) fn org_name(pack: &Pack, code: &str) -> String {
    let known = OrgCode::new(code).ok().and_then(|code| pack.organisation(&code).map(|org| org.name.clone()));
    known.unwrap_or_else(|| code.to_owned())
}

/// `31.867200°N 106.743100°E`: north and east by their letters, to about 10 cm.
pub(super) fn coordinates(point: &GeoPoint) -> String {
    let (lat, lon) = (point.lat_degrees(), point.lon_degrees());
    let (north, east) = (if lat < 0.0 { "S" } else { "N" }, if lon < 0.0 { "W" } else { "E" });
    format!("{:.6}°{north} {:.6}°{east}", lat.abs(), lon.abs())
}
