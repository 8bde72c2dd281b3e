//! The console's routes, called without a port.

mod corrections;
mod held;
mod phones;
mod sight;
mod world;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use xuncheng_core::clock::{Moment, Now};
use xuncheng_core::id::{ItemId, PersonId};
use xuncheng_core::journal::actor;
use xuncheng_core::journal::entry::{Change, Exchange, PhotoRole};
use xuncheng_core::journal::write::{Author, Draft, Seen};
use xuncheng_core::store::{entries, items};
use xuncheng_core::work::case::CASE;
use xuncheng_core::work::flow::Actor;

use super::steps::awaited;
use crate::clock::Clock;
use world::{JPEG, World, ask, hidden};

/// 09:14 in Beijing.
const MORNING: Moment = Moment::from_unix_ms(1_784_596_440_000);
const STALL: &str = "gbt47678.5-2026/matter/09006";

#[tokio::test]
async fn the_story_says_when_by_the_phones_own_clock_and_what_is_proven() {
    let now = Now { wall: MORNING, monotonic_ms: 7_200_000, boot_id: "boot".to_owned() };
    let read = now.clone();
    let world = World::with(Clock::of(move || read.clone()));
    world.enrol("li", "李的手机").await;
    // It heard the office as it was started, three hours ago by the office's clock and two by its own.
    let heard = Now { monotonic_ms: 0, ..now };
    let last_exchange = Some(Exchange { server_time: MORNING.plus_ms(-3 * 3_600_000), now: heard });
    let author = Author { last_exchange, ..world.hand_of("li") };
    let change = world.report(STALL, "江北大道");
    let item = world
        .turn(move |intake| {
            let draft = Draft { item: None, kind: CASE.to_owned(), change, fix: None, seen: Seen::Held, cause: None };
            Ok(intake.write(&author, draft)?.0)
        })
        .await;
    let (zhang, case) = (world.sign_in("zhang").await, format!("/cases/{item}"));
    let page = zhang.get(&case).await.text;
    let told = "发生于 2026-07-21 08:13 至 09:14（手机自报），可证 2026-07-21 09:14 之前";
    assert!(page.contains(told), "{page}");
    // Not to the unit, which is not told who reported it either.
    zhang.step(item, "file", &[]).await;
    world.sign_in("zhao").await.step(item, "dispatch", &[("responsible_org", "chengguan")]).await;
    let page = world.sign_in("zhou").await.get(&case).await.text;
    assert!(page.contains("上报") && !page.contains("发生"), "{page}");
}

#[tokio::test]
async fn the_console_answers_this_machine_only() {
    let world = World::new();
    let get = |host: &str| Request::get("/sign-in").header(header::HOST, host).body(Body::empty()).unwrap();
    let answer = ask(&world.app, get("localhost:8000")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(!answer.text.contains("<script") && !answer.text.contains("style="));
    let answer = ask(&world.app, get("console.example")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("只能在办公室本机打开"), "{}", answer.text);
}

#[tokio::test]
async fn a_form_of_another_site_signs_nobody_in() {
    let world = World::new();
    let request = Request::post("/sign-in")
        .header(header::HOST, "127.0.0.1:8000")
        .header(header::ORIGIN, "http://evil.example")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("person=zhang".into())
        .unwrap();
    let answer = ask(&world.app, request).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
    assert!(answer.text.contains("不是从控制台发出的"));
}

#[tokio::test]
async fn whoever_is_not_signed_in_picks_a_person_first() {
    let world = World::new();
    let get = Request::get("/?tab=mine").header(header::HOST, "127.0.0.1").body(Body::empty()).unwrap();
    let answer = ask(&world.app, get).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/sign-in?next=%2F%3Ftab%3Dmine"));

    let zhang = world.sign_in("zhang").await;
    let list = zhang.get("/").await;
    assert_eq!(list.status, StatusCode::OK);
    assert!(list.text.contains("张受理") && list.text.contains("受理员"));
    assert!(list.text.contains("还没有案件"));
    zhang.post("/sign-out", &[]).await;
    assert_eq!(zhang.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn each_person_gets_the_buttons_that_the_flow_allows() {
    let world = World::new();
    let item = world.case("li", STALL, "巴州大道三号桥头").await;
    let path = format!("/cases/{item}");
    let file = format!("{path}/steps/file\"");

    let acceptor = world.sign_in("zhang").await.get(&path).await.text;
    assert!(acceptor.contains(&file) && acceptor.contains("/steps/decline\""));
    assert!(acceptor.contains("未达到立案条件"), "the pack's reasons are offered");
    assert!(!acceptor.contains("/steps/withdraw\""));

    let inspector = world.sign_in("li").await.get(&path).await.text;
    assert!(
        inspector.contains("/steps/withdraw\"")
            && !inspector.contains(&file)
            && !inspector.contains("/steps/decline\"")
    );

    let dispatcher = world.sign_in("zhao").await.get(&path).await.text;
    assert!(dispatcher.contains("目前没有您可以办理的步骤"));
    // A crew does not see what was not sent to it.
    assert_eq!(world.sign_in("zhou").await.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_that_is_posted_twice_writes_once() {
    let world = World::new();
    let item = world.case("li", STALL, "江北大道").await;
    let zhang = world.sign_in("zhang").await;
    let path = format!("/cases/{item}");
    let page = zhang.get(&path).await.text;
    let (token, seen) = (hidden(&page, "token"), hidden(&page, "seen"));
    let pairs = [("token", token.as_str()), ("seen", &seen), ("from", "reported"), ("round", "0"), ("note", "属实")];
    let count = async || world.office.read(move |conn| Ok(entries::of_item(conn, item)?.len())).await.unwrap();
    let before = count().await;

    for _ in 0..2 {
        let answer = zhang.post(&format!("{path}/steps/file"), &pairs).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        assert!(zhang.get(&path).await.text.contains("已办理：立案"));
    }
    assert_eq!(count().await, before + 1);
    // The second time a page is loaded it says nothing any more.
    assert!(!zhang.get(&path).await.text.contains("已办理"));
}

#[tokio::test]
async fn what_the_judge_does_not_take_is_said_and_not_kept() {
    let world = World::new();
    let item = world.case("li", STALL, "江北大道").await;
    let zhang = world.sign_in("zhang").await;
    let declined = zhang.step(item, "decline", &[("reason", ""), ("note", " ")]).await.text;
    assert!(declined.contains("没有办理：没有写明理由"), "{declined}");
    // Somebody who may not: nothing is held that would stand in another's way.
    let li = world.sign_in("li").await;
    assert!(li.step(item, "file", &[]).await.text.contains("没有办理：没有办理这一步的权限"));
    assert!(zhang.step(item, "file", &[]).await.text.contains("已办理：立案"));
    // Filed by now: the form of a stale page.
    let page = zhang.get(&format!("/cases/{item}")).await.text;
    assert!(!page.contains("/steps/decline\""));
}

#[tokio::test]
async fn a_case_goes_its_way_over_the_console() {
    let world = World::new();
    let item = world.case("li", STALL, "巴州大道").await;
    world.photo("li", item, PhotoRole::Scene, 1, true).await;
    let [zhang, zhao, zhou, sun] = [
        world.sign_in("zhang").await,
        world.sign_in("zhao").await,
        world.sign_in("zhou").await,
        world.sign_in("sun").await,
    ];
    zhang.step(item, "file", &[]).await;
    let path = format!("/cases/{item}");
    let page = zhao.get(&path).await.text;
    assert!(page.contains("<option value=\"chengguan\" selected>城管执法大队（按类别建议）"), "{page}");
    zhao.step(item, "dispatch", &[("responsible_org", "chengguan")]).await;
    assert!(zhou.get("/?tab=mine").await.text.contains("可办：接收、回退"));
    zhou.step(item, "accept", &[]).await;

    let page = zhou.get(&path).await.text;
    assert!(page.contains("处置单位还没有为这次派遣附上整改后照片") && page.contains("本版控制台不能上传照片"));
    assert!(!page.contains("李巡查"), "a crew is not told who reported");
    world.photo("zhou", item, PhotoRole::After, 2, false).await;
    assert!(zhou.step(item, "handle", &[("note", "已劝离")]).await.text.contains("已办理：处置反馈"));
    assert!(sun.step(item, "check", &[]).await.text.contains("已办理：核查通过"));

    let page = zhang.get(&path).await.text;
    assert!(page.contains("缩略图已到，原件还在"), "{page}");
    let refused = zhang.step(item, "close", &[]).await.text;
    assert!(refused.contains("没有办理：有照片原件还没有到达办公室"), "{refused}");
    let closed = zhang.step(item, "close", &[("waiver", "手机损坏，原件无法取得")]).await.text;
    assert!(closed.contains("已结案") && closed.contains("手机损坏"));
    assert!(closed.contains("李巡查（监督中心）"));
    // The crew still finds its closed case.
    assert_eq!(zhou.get(&path).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_category_is_known_by_its_short_code_too() {
    let world = World::new();
    for code in [STALL, "matter/09006"] {
        let item = world.case("li", code, "江北大道").await;
        world.sign_in("zhang").await.step(item, "file", &[]).await;
        let page = world.sign_in("zhao").await.get(&format!("/cases/{item}")).await.text;
        assert!(page.contains("<dt>大类</dt>") && page.contains("立案与结案条件"), "{code}: {page}");
        assert!(page.contains("<option value=\"chengguan\" selected>"), "{code}: {page}");
    }
}

#[tokio::test]
async fn a_photo_opens_through_its_case_only_and_for_whom_it_is_meant() {
    let world = World::new();
    let item = world.case("li", STALL, "江北大道").await;
    let here = world.photo("li", item, PhotoRole::Scene, 1, true).await;
    let away = world.photo("li", item, PhotoRole::Close, 2, false).await;
    let thumb = format!("/cases/{item}/photos/{here}/thumb");

    let nobody = Request::get(&thumb).header(header::HOST, "127.0.0.1").body(Body::empty()).unwrap();
    assert_eq!(ask(&world.app, nobody).await.status, StatusCode::SEE_OTHER);

    let zhang = world.sign_in("zhang").await;
    let answer = zhang.get(&thumb).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "image/jpeg"));
    assert_eq!(answer.text, String::from_utf8_lossy(JPEG));
    let original = format!("/cases/{item}/photos/{here}/original");
    assert_eq!(zhang.get(&original).await.status, StatusCode::OK);
    assert_eq!(world.sign_in("zhao").await.get(&original).await.status, StatusCode::FORBIDDEN);
    assert_eq!(zhang.get(&format!("/cases/{item}/photos/{away}/original")).await.status, StatusCode::NOT_FOUND);
    // Another case's photo, and one that nobody took.
    let other = world.case("li", STALL, "别处").await;
    assert_eq!(zhang.get(&format!("/cases/{other}/photos/{here}/thumb")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.sign_in("zhou").await.get(&thumb).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_list_is_filtered_searched_and_paged() {
    let world = World::new();
    for number in 0..32 {
        world.case("li", STALL, &format!("巴州大道 {number} 号")).await;
    }
    let cover = world.case("wang", "gbt47678.5-2026/matter/06051", "盲道被占").await;
    let zhang = world.sign_in("zhang").await;
    let rows = |text: &str| text.matches("class=\"case-row\"").count();

    let first = zhang.get("/").await.text;
    assert_eq!(rows(&first), 30);
    let next = first.split("href=\"").find(|part| part.contains("rel=\"next\"")).unwrap().split('"').next().unwrap();
    let second = zhang.get(&next.replace("&amp;", "&").replace("&#38;", "&")).await.text;
    assert_eq!(rows(&second), 3);

    let found = zhang.get("/?q=%E7%9B%B2%E9%81%93").await.text;
    assert!(rows(&found) == 1 && found.contains(&cover.to_string()));
    assert_eq!(rows(&zhang.get("/?category=%E5%8D%A0%E9%81%93%E7%BB%8F%E8%90%A5&tab=mine").await.text), 30);
    let none = zhang.get("/?area=511902003").await.text;
    assert!(rows(&none) == 0 && none.contains("没有符合条件的案件"));
    assert!(world.sign_in("zhao").await.get("/?tab=mine").await.text.contains("没有待办"));
    assert_eq!(zhang.get("/?after=x").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(zhang.get("/nowhere").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_waits_for_a_person_is_counted_whole_and_read_page_by_page() {
    let world = World::new();
    let reported = world.cases("li", STALL, 101).await;
    let zhang = world.sign_in("zhang").await;
    zhang.step(reported[0], "file", &[]).await;
    zhang.step(reported[1], "decline", &[("reason", "重复上报")]).await;
    world.case("zhang", STALL, "受理员自己上报").await;

    let mut page = zhang.get("/?tab=mine").await.text;
    assert!(page.contains("我的待办<span class=\"count\">100</span>"), "{page}");
    let mut rows = Vec::new();
    loop {
        rows.push(page.matches("class=\"case-row\"").count());
        let links = page.split("href=\"").find(|part| part.contains("rel=\"next\""));
        let Some(next) = links.map(|part| part.split('"').next().unwrap().replace("&#38;", "&")) else { break };
        page = zhang.get(&next).await.text;
    }
    assert_eq!(rows, [30, 30, 30, 10]);
}

/// Whether the workflow table has a step that waits for `person` at `item`.
async fn waits(world: &World, person: &'static str, item: ItemId) -> bool {
    let read = move |conn: &rusqlite::Connection| {
        let person = actor::person(conn, &PersonId::new(person).unwrap())?.unwrap();
        let actor = Actor {
            opened_it: entries::opener(conn, item)?.as_ref() == Some(&person.id),
            person: Some(person.id),
            roles: person.roles,
            org: Some(person.org),
            handled_it: false,
            revoked: false,
            vouched: false,
        };
        Ok(!awaited(&actor, &items::view(conn, item)?.unwrap()).is_empty())
    };
    world.office.read(read).await.unwrap()
}

#[tokio::test]
async fn the_to_do_of_each_person_is_what_the_flow_waits_for() {
    let world = World::new();
    // Cases in each state, of two organisations. Both reporters are verifiers too, and nobody checks a case of their own.
    let [zhang, zhao, sun] = [world.sign_in("zhang").await, world.sign_in("zhao").await, world.sign_in("sun").await];
    let ways: &[&[&str]] = &[
        &[],
        &["decline"],
        &["file"],
        &["file", "dispatch"],
        &["file", "dispatch", "accept"],
        &["file", "dispatch", "accept", "handle"],
        &["file", "dispatch", "accept", "handle", "check"],
        &["file", "dispatch", "accept", "handle", "rework"],
    ];
    let mut cases = Vec::new();
    for (number, way) in (1..).zip(ways) {
        for (reporter, org, crew) in [("li", "chengguan", "zhou"), ("wang", "huanwei", "liu")] {
            let number = number * 2 + u8::from(reporter == "wang");
            let item = world.case(reporter, STALL, "江北大道").await;
            for step in *way {
                let taken = match *step {
                    "dispatch" => zhao.step(item, step, &[("responsible_org", org)]).await,
                    "accept" => world.sign_in(crew).await.step(item, step, &[]).await,
                    "handle" => {
                        world.photo(crew, item, PhotoRole::After, number, false).await;
                        world.sign_in(crew).await.step(item, step, &[]).await
                    }
                    "check" | "rework" => sun.step(item, step, &[("reason", "未整改到位")]).await,
                    _ => zhang.step(item, step, &[("reason", "重复上报")]).await,
                };
                assert!(taken.text.contains("已办理"), "{step} of {way:?}: {}", taken.text);
            }
            cases.push(item);
        }
    }
    let mut found = 0;
    for person in ["zhang", "zhao", "zhou", "liu", "sun", "li", "wang", "he"] {
        let browser = world.sign_in(person).await;
        let page = browser.get("/?tab=mine").await.text;
        for item in &cases {
            let waits = waits(&world, person, *item).await;
            assert_eq!(page.contains(&format!("/cases/{item}\"")), waits, "{person} {item}");
            found += usize::from(waits);
        }
    }
    assert!(found > 15, "{found} to-dos are too few to say anything");
}

#[tokio::test]
async fn values_that_lost_stay_in_the_story() {
    let world = World::new();
    let item = world.case("li", STALL, "一号").await;
    let edit = |address: &str| Change::Edit { fields: [("address".to_owned(), address.into())].into() };
    let seen = world.office.read(move |conn| Ok(items::view(conn, item)?)).await.unwrap().unwrap().version;
    world.phone_writes("li", Some(item), edit("二号")).await;
    // The acceptor had not seen the second one: the later arrival stands, the other is kept.
    world.phone_writes_having_seen("zhang", Some(item), edit("三号"), Some(seen)).await;
    let page = world.sign_in("zhang").await.get(&format!("/cases/{item}")).await.text;
    assert!(page.contains("<dd class=\"figures\">三号</dd>"), "{page}");
    assert!(page.contains("未采用、保留备查：地址 <s>二号</s>"), "{page}");
}

#[tokio::test]
async fn codes_are_made_by_an_administrator_and_shown_once() {
    let world = World::new();
    let zhang = world.sign_in("zhang").await;
    assert!(!zhang.get("/phones").await.text.contains("生成登记码</button>"));
    assert_eq!(zhang.post("/codes", &[("person", "li")]).await.status, StatusCode::FORBIDDEN);

    let he = world.sign_in("he").await;
    assert_eq!(he.post("/codes", &[("person", "li")]).await.header("location"), "/phones");
    let shown = he.get("/phones").await.text;
    assert!(shown.contains("xuncheng://enrol?") && shown.contains("<svg") && shown.contains("第 1 号"), "{shown}");
    let later = he.get("/phones").await.text;
    assert!(!later.contains("xuncheng://enrol?") && later.contains("第 1 号"));
    he.post("/codes/1/revoke", &[]).await;
    assert!(!he.get("/phones").await.text.contains("第 1 号</th>"));
    assert_eq!(he.post("/codes", &[("person", "nobody")]).await.status, StatusCode::NOT_FOUND);
}
