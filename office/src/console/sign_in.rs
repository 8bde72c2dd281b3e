//! Signing in: a picker of the district's people. Passwords come with real accounts; until then the console is local.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use xuncheng_core::id::PersonId;
use xuncheng_core::journal::actor;
use xuncheng_core::pack::{Pack, Role};
use xuncheng_core::work::person::Person;

use super::Console;
use super::error::ConsoleError;
use super::frame::{Frame, page};
use super::viewer::Viewer;
use crate::people;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    next: String,
    organisations: Vec<Organisation>,
}

/// An organisation with its people.
#[derive(Debug, PartialEq, Eq)]
struct Organisation {
    name: String,
    people: Vec<Choice>,
}

#[derive(Debug, PartialEq, Eq)]
struct Choice {
    code: String,
    name: String,
    face: String,
    roles: String,
}

/// Where to go after signing in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Next {
    next: String,
}

/// What the picker sends.
#[derive(Debug, Deserialize)]
pub(super) struct Picked {
    person: String,
    #[serde(default)]
    next: String,
}

/// The picker's address, coming back to `next`.
pub(super) fn address(next: &str) -> String {
    match askama::filters::urlencode_strict(next) {
        Ok(next) if next.to_string() != "%2F" => format!("/sign-in?next={next}"),
        Ok(_) | Err(_) => "/sign-in".to_owned(),
    }
}

/// `GET /sign-in`
pub(super) async fn show(
    State(console): State<Arc<Console>>,
    Query(Next { next }): Query<Next>,
) -> Result<Response, ConsoleError> {
    let people = console.office.read(|conn| Ok(people::all(conn)?)).await?;
    let people = people.into_iter().filter(|person| !person.roles.is_empty()).collect();
    let pack = console.office.pack();
    page(&SignInPage {
        frame: Frame::for_all(&pack.about().name, "登录"),
        next: within(&next).to_owned(),
        organisations: by_organisation(pack, people),
    })
}

/// `POST /sign-in`
pub(super) async fn sign_in(
    State(console): State<Arc<Console>>,
    Form(picked): Form<Picked>,
) -> Result<Response, ConsoleError> {
    let code = PersonId::new(&picked.person).map_err(|_| ConsoleError::Junk("没有选择人员。"))?;
    let wanted = code.clone();
    let known = console.office.read(move |conn| Ok(actor::person(conn, &wanted)?)).await?;
    if known.is_none_or(|person| person.roles.is_empty()) {
        return Err(ConsoleError::NotFound);
    }
    let mut entropy = console.office.entropy()?;
    let secret = console.sessions.begin(code, console.office.now().wall, &mut entropy);
    let cookie = format!("{}={secret}; HttpOnly; SameSite=Strict; Path=/", console.cookie_name());
    Ok((set_cookie(cookie), Redirect::to(within(&picked.next))).into_response())
}

/// `POST /sign-out`
pub(super) async fn sign_out(State(console): State<Arc<Console>>, viewer: Viewer) -> Response {
    console.sessions.end(&viewer.session.key);
    let cookie = format!("{}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0", console.cookie_name());
    (set_cookie(cookie), Redirect::to("/sign-in")).into_response()
}

fn set_cookie(cookie: String) -> [(HeaderName, String); 1] {
    [(header::SET_COOKIE, cookie)]
}

/// `next` where it is a page of the console, else the list: signing in leads nowhere else.
fn within(next: &str) -> &str {
    // Browsers leave some controls out of an address, and what then follows the first slash may be another.
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains(|c: char| c == '\\' || c.is_control());
    if own && !next.starts_with("/sign-") { next } else { "/" }
}

/// People under their organisations, in official order, the desks of each first.
fn by_organisation(pack: &Pack, mut people: Vec<Person>) -> Vec<Organisation> {
    let rank = |person: &Person| {
        person.roles.iter().filter_map(|role| Role::KNOWN.iter().position(|known| known == role)).min()
    };
    people.sort_by(|a, b| (rank(a), &a.id).cmp(&(rank(b), &b.id)));
    let choice = |person: &Person| Choice {
        code: person.id.to_string(),
        name: person.name.clone(),
        face: person.name.chars().take(1).collect(),
        roles: person.roles.iter().map(|role| pack.role_label(role)).collect::<Vec<_>>().join("、"),
    };
    let mut organisations: Vec<Organisation> = pack
        .organisations()
        .iter()
        .map(|org| Organisation {
            name: org.name.clone(),
            people: people.iter().filter(|person| person.org == org.code).map(choice).collect(),
        })
        .collect();
    let others = people.iter().filter(|person| pack.organisation(&person.org).is_none()).map(choice).collect();
    organisations.push(Organisation { name: "其他".to_owned(), people: others });
    organisations.retain(|organisation| !organisation.people.is_empty());
    organisations
}

#[cfg(test)]
mod tests {
    use super::*;
    use xuncheng_core::pack::people;

    #[test]
    fn people_stand_under_their_organisations_in_official_order() {
        let pack = Pack::bazhou().unwrap();
        let people = people::parse(people::BAZHOU, &pack).unwrap();
        let people = people.into_iter().map(|record| Person {
            id: record.id,
            name: record.name,
            roles: record.roles,
            org: record.org,
            areas: record.areas,
            classes: record.classes,
        });
        let organisations = by_organisation(&pack, people.collect());
        let names: Vec<&str> = organisations.iter().map(|org| org.name.as_str()).collect();
        assert_eq!(
            names,
            ["指挥中心", "监督中心", "城管执法大队", "市政公用", "环卫所", "园林所", "交警大队", "宣传部门"]
        );
        let zhang = organisations[1].people.iter().find(|choice| choice.code == "zhang").unwrap();
        assert_eq!((zhang.name.as_str(), zhang.face.as_str(), zhang.roles.as_str()), ("张受理", "张", "受理员"));
    }

    #[test]
    fn signing_in_leads_nowhere_else() {
        assert_eq!(within("/cases/ab?x=1"), "/cases/ab?x=1");
        let elsewhere = ["", "//evil.example", "https://evil.example", "/\\evil.example", "/sign-in", "/a\r\nb"];
        // What browsers drop, and what they may drop tomorrow.
        let unseen = ["/\t/evil.example", "/\u{b}/evil.example", "/\u{7f}/evil.example", "/\u{85}/evil.example"];
        for next in elsewhere.into_iter().chain(unseen) {
            assert_eq!(within(next), "/", "{next:?}");
        }
        assert_eq!(address("/"), "/sign-in");
        assert_eq!(address("/cases/ab?x=1&y=2"), "/sign-in?next=%2Fcases%2Fab%3Fx%3D1%26y%3D2");
    }
}
