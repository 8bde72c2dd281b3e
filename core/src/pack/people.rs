//! People of the district, in a file beside the pack: imported by the office as audience-limited records.
//!
//! They are no pack content, because a pack goes to every phone and a covert role must not. No credentials stand here.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::codes::{AreaCode, OrgCode};
use super::files::{File, Reader, plain_lines};
use super::words::{CategoryKind, Role};
use super::{Pack, PackError};
use crate::id::PersonId;
use crate::limits;

/// The example people of Bazhou District, as `people.toml` text.
pub const BAZHOU: &str = include_str!("../../packs/people.toml");

/// Stands for every area of the pack in `areas`, every class in `classes`.
const EVERY: &str = "*";

/// A person with what they may do, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// The office's code for the person.
    pub id: PersonId,
    /// As screens show it: 李巡查.
    pub name: String,
    /// What the person may do; one or more.
    pub roles: Vec<Role>,
    /// Where the person belongs.
    pub org: OrgCode,
    /// The areas whose cases reach the person's phone; none for a crew, which receives its organisation's cases.
    pub areas: Vec<AreaCode>,
    /// The classes of those cases.
    pub classes: Vec<CategoryKind>,
}

impl PersonRecord {
    /// Whether the person has this role.
    #[must_use]
    pub fn is(&self, role: &Role) -> bool {
        self.roles.contains(role)
    }

    /// Whether the person has this role and this area.
    #[must_use]
    pub fn is_in(&self, role: &Role, area: &AreaCode) -> bool {
        self.is(role) && self.areas.contains(area)
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct PeopleFile {
    people: Vec<Spanned<PersonRow>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct PersonRow {
    code: String,
    name: String,
    roles: Vec<Role>,
    org: OrgCode,
    #[serde(default)]
    areas: Vec<String>,
    #[serde(default = "every")]
    classes: Vec<String>,
}

fn every() -> Vec<String> {
    vec![EVERY.to_owned()]
}

/// Reads a `people.toml` and checks it against the pack.
///
/// # Errors
/// [`PackError`] with the line: not TOML, an unknown key, role, organisation, area or class, a person twice, no role, a text
/// above [`limits::RESPONSE_BYTES`].
pub fn parse(text: &str, pack: &Pack) -> Result<Vec<PersonRecord>, PackError> {
    if text.len() > limits::RESPONSE_BYTES {
        return Err(PackError::TooLarge { bytes: text.len(), most: limits::RESPONSE_BYTES });
    }
    let text = plain_lines(text);
    let file = File { name: "people.toml", text: &text, reader: Reader::Author };
    let mut codes = BTreeSet::new();
    let mut people = Vec::new();
    for row in file.toml::<PeopleFile>()?.people {
        let span = row.span();
        let person = person(row.into_inner(), pack).map_err(|problem| file.wrong(span.clone(), problem))?;
        if !codes.insert(person.id.clone()) {
            return Err(file.wrong(span, format!("person {} stands here a second time", person.id)));
        }
        people.push(person);
    }
    Ok(people)
}

fn person(row: PersonRow, pack: &Pack) -> Result<PersonRecord, String> {
    let PersonRow { code, name, roles, org, areas, classes } = row;
    let id = PersonId::new(&code)
        .map_err(|_| format!("{code:?} is no person's code: 1 to 64 ASCII letters, digits, '-', '_', '.'"))?;
    if name.trim().is_empty() {
        return Err(format!("person {id} has no name"));
    }
    if roles.is_empty() {
        return Err(format!("person {id} has no role"));
    }
    if let Some(role) = roles.iter().find(|role| !role.is_known()) {
        return Err(format!("person {id} has the role {:?}, which does not exist", role.as_str()));
    }
    if pack.organisation(&org).is_none() {
        return Err(format!("person {id} belongs to {org}, which is not in organisations.toml"));
    }
    let known =
        |area: &String| pack.areas().iter().map(|known| &known.code).find(|code| code.as_str() == area).cloned();
    let areas = if areas == [EVERY] {
        pack.areas().iter().map(|area| area.code.clone()).collect()
    } else {
        let no_area = |area: &String| format!("person {id} has the area {area:?}, which is not in areas.toml");
        areas.iter().map(|area| known(area).ok_or_else(|| no_area(area))).collect::<Result<_, _>>()?
    };
    let classes = if classes == [EVERY] {
        CategoryKind::KNOWN.to_vec()
    } else {
        let classes: Vec<CategoryKind> = classes.iter().map(|class| CategoryKind::from(class.as_str())).collect();
        match classes.iter().find(|class| !class.is_known()) {
            Some(class) => {
                return Err(format!("person {id} has the class {:?}; it must be component or matter", class.as_str()));
            }
            None => classes,
        }
    };
    Ok(PersonRecord { id, name, roles, org, areas, classes })
}

/// What a staff list cannot do. The office shows it; it is no error, because people fall ill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// Nobody has this role at all.
    Nobody(Role),
    /// Nobody inspects this area.
    NoInspector(AreaCode),
    /// Nobody but the reporter may check this reporter's cases in this area: they could never close.
    NoSecondChecker {
        /// Where.
        area: AreaCode,
        /// Whose cases.
        reporter: PersonId,
    },
    /// Nobody handles what this organisation answers for.
    NoHandler(OrgCode),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(role) => write!(f, "nobody has the role {role}"),
            Self::NoInspector(area) => write!(f, "nobody inspects area {area}"),
            Self::NoSecondChecker { area, reporter } => {
                write!(f, "nobody but {reporter} may check {reporter}'s cases in area {area}")
            }
            Self::NoHandler(org) => write!(f, "organisation {org} answers for categories but has no handler"),
        }
    }
}

/// Where the flow of a case would stop for want of a person, by area and organisation in official order.
///
/// Nobody checks the result of a case of their own, so each reporter needs a second person in the area.
#[must_use]
pub fn gaps(pack: &Pack, people: &[PersonRecord]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for role in [Role::Acceptor, Role::Dispatcher] {
        if !people.iter().any(|person| person.is(&role)) {
            gaps.push(Gap::Nobody(role));
        }
    }
    for area in pack.areas().iter().map(|area| &area.code) {
        let mut reporters = people.iter().filter(|person| person.is_in(&Role::Inspector, area)).peekable();
        if reporters.peek().is_none() {
            gaps.push(Gap::NoInspector(area.clone()));
        }
        for reporter in reporters {
            if !people.iter().any(|other| other.id != reporter.id && other.is_in(&Role::Verifier, area)) {
                gaps.push(Gap::NoSecondChecker { area: area.clone(), reporter: reporter.id.clone() });
            }
        }
    }
    for org in pack.organisations().iter().filter(|org| !org.responsible_for.is_empty()) {
        if !people.iter().any(|person| person.is(&Role::Handler) && person.org == org.code) {
            gaps.push(Gap::NoHandler(org.code.clone()));
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_people_can_carry_every_case_to_its_end() {
        let pack = Pack::bazhou().unwrap();
        let people = parse(BAZHOU, &pack).unwrap();
        assert_eq!(gaps(&pack, &people), []);
        let li = &people[0];
        assert_eq!((li.id.as_str(), li.name.as_str(), li.areas.len(), li.classes.len()), ("li", "李巡查", 2, 2));
        let json = serde_json::to_string(li).unwrap();
        insta::assert_snapshot!(json, @r#"{"id":"li","name":"李巡查","roles":["inspector","verifier"],"org":"jiandu","areas":["511902001","511902002"],"classes":["component","matter"]}"#);
        assert_eq!(serde_json::from_str::<PersonRecord>(&json).unwrap(), *li);
    }

    #[test]
    fn what_a_staff_list_lacks_is_named() {
        let pack = Pack::bazhou().unwrap();
        let alone = r#"
            [[people]]
            code = "li"
            name = "李巡查"
            roles = ["inspector", "verifier"]
            org = "jiandu"
            areas = ["511902001"]
        "#;
        let gaps: Vec<String> = gaps(&pack, &parse(alone, &pack).unwrap()).iter().map(Gap::to_string).collect();
        for gap in [
            "nobody has the role acceptor",
            "nobody inspects area 511902002",
            "nobody but li may check li's cases in area 511902001",
            "organisation chengguan answers for categories but has no handler",
        ] {
            assert!(gaps.iter().any(|text| text == gap), "{gap} in {gaps:?}");
        }
    }

    #[test]
    fn a_slip_in_people_toml_is_shown_with_its_line() {
        let pack = Pack::bazhou().unwrap();
        for (from, to, line, says) in [
            ("org = \"jiandu\"", "org = \"jiandui\"", 5, "jiandui, which is not in organisations.toml"),
            ("\"511902001\"", "\"东城\"", 5, "the area \"东城\""),
            ("[\"inspector\", \"verifier\"]", "[\"inspektor\"]", 5, "the role \"inspektor\""),
            ("code = \"wang\"", "code = \"li\"", 12, "person li stands here a second time"),
            ("name = \"李巡查\"", "nmae = \"李巡查\"", 0, "missing field `name`"),
            ("name = \"李巡查\"", "name = \"李巡查\"\nphone = \"1\"", 8, "`people.phone`"),
        ] {
            let error = parse(&BAZHOU.replacen(from, to, 1), &pack).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
            assert!(line == 0 || error.contains(&format!("line {line}")), "line {line}: {error}");
        }
    }
}
