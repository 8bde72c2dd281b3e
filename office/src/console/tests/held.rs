//! What is held, as the console shows it.

use axum::http::StatusCode;
use xuncheng_core::id::{EntryId, ItemId};
use xuncheng_core::journal::entry::{Change, PhotoRole};
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::store::entries;

use super::world::{JPEG, World};

const STALL: &str = "gbt47678.5-2026/matter/09006";

/// The entries of an item, oldest first.
async fn written(world: &World, item: ItemId) -> Vec<EntryId> {
    let read = move |conn: &rusqlite::Connection| Ok(entries::of_item(conn, item)?);
    world.office.read(read).await.unwrap().iter().map(|entry| entry.read_header().unwrap().id).collect()
}

fn cards(page: &str) -> usize {
    page.matches("<li class=\"card\"").count()
}

#[tokio::test]
async fn a_capture_that_nobody_may_make_is_seen_by_desks_with_its_photos() {
    let world = World::new();
    world.enrol("zhou", "城管一队手机").await;
    let item = world.case("zhou", STALL, "巴州大道三号桥头").await;
    world.photo("zhou", item, PhotoRole::Scene, 1, false).await;
    world.photo("zhou", item, PhotoRole::Close, 2, false).await;
    let open = written(&world, item).await[0];

    for desk in ["zhang", "zhao", "he"] {
        let browser = world.sign_in(desk).await;
        assert!(browser.get("/").await.text.contains("待人工处理 <span class=\"count\">3</span>"), "{desk}");
        let page = browser.get("/held").await.text;
        assert_eq!(cards(&page), 1, "{desk}: a capture and its photos are one card: {page}");
        assert!(page.contains(&format!("id=\"{open}\"")) && page.contains("<h2>上报：占道经营</h2>"), "{page}");
        assert!(page.contains("周队（城管执法大队） · 城管一队手机"), "{page}");
        assert!(page.contains("占用人行道摆摊，行人绕行") && page.contains("巴州大道三号桥头"), "{page}");
        assert!(page.contains("没有办理这一步的权限") && page.contains("还没有案件"), "{page}");
        assert_eq!(page.matches("/photos/thumb\"").count(), 2, "{page}");
        assert!(!page.contains(&format!("/cases/{item}")), "there is no such case to go to: {page}");
    }
    for other in ["li", "sun", "zhou"] {
        let browser = world.sign_in(other).await;
        assert!(!browser.get("/").await.text.contains("/held\""), "{other}");
        assert_eq!(browser.get("/held").await.status, StatusCode::FORBIDDEN, "{other}");
    }
}

#[tokio::test]
async fn an_auditor_sees_what_is_held_and_not_who_reported_it() {
    let world = World::new();
    world.has_role("he", "auditor").await;
    world.enrol("wang", "王的手机").await;
    let item = world.case("li", STALL, "江北大道").await;
    let step = Change::Step { transition: "file".into(), from: "reported".into(), round: 0, args: [].into() };
    world.phone_writes("wang", Some(item), step).await;
    let page = world.sign_in("he").await.get("/held").await.text;
    assert!(page.contains("提交“立案”") && page.contains("收到 · 采集员 · 手机"), "{page}");
    assert!(!page.contains("王巡查") && !page.contains("王的手机"), "{page}");
}

#[tokio::test]
async fn whose_phone_it_is_counts_and_another_author_is_told_beside_it() {
    let world = World::new();
    world.enrol_for("li", "zhou", "李的手机").await;
    world.case("zhou", STALL, "江北大道").await;
    let page = world.sign_in("zhang").await.get("/held").await.text;
    assert!(page.contains("李巡查（监督中心） · 李的手机"), "{page}");
    assert!(page.contains("内容里写的提交人是周队（城管执法大队），与手机登记的人员不符"), "{page}");
}

#[tokio::test]
async fn photos_of_what_is_held_open_for_desks_and_only_what_came_with_them() {
    let world = World::new();
    let held = world.case("zhou", STALL, "江北大道").await;
    world.photo("zhou", held, PhotoRole::Scene, 1, false).await;
    let applied = world.case("li", STALL, "江北大道").await;
    world.photo("li", applied, PhotoRole::Scene, 2, true).await;
    // The same picture, named by a second held entry whose phone has sent nothing of it yet.
    world.names_photo("zhou", held, PhotoRole::Close, 1).await;

    let thumb = |entry: EntryId| format!("/held/{entry}/photos/thumb");
    let [open, came, named] = written(&world, held).await[..] else { panic!("three entries") };
    let zhang = world.sign_in("zhang").await;
    for rendition in ["thumb", "view"] {
        let answer = zhang.get(&format!("/held/{came}/photos/{rendition}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "image/jpeg"), "{rendition}");
        assert_eq!(answer.text, String::from_utf8_lossy(JPEG));
    }
    assert_eq!(zhang.get(&thumb(named)).await.header("content-type"), "image/svg+xml");
    // Originals have another audience; an Open shows no photo; what is applied is seen through its case.
    assert_eq!(zhang.get(&format!("/held/{came}/photos/original")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(zhang.get(&thumb(open)).await.status, StatusCode::NOT_FOUND);
    for entry in written(&world, applied).await {
        assert_eq!(zhang.get(&thumb(entry)).await.status, StatusCode::NOT_FOUND);
    }
    for other in ["zhou", "li", "sun"] {
        assert_eq!(world.sign_in(other).await.get(&thumb(came)).await.status, StatusCode::NOT_FOUND, "{other}");
    }
}

#[tokio::test]
async fn what_is_held_is_read_page_by_page_and_leads_to_what_it_follows() {
    let world = World::new();
    let item = world.case("zhou", STALL, "最早的一件").await;
    let said = |number: usize| Change::Comment { text: format!("补充 {number}") };
    for number in 0..30 {
        world.phone_writes("zhou", Some(item), said(number)).await;
    }
    let open = written(&world, item).await[0];
    let zhang = world.sign_in("zhang").await;
    let first = zhang.get("/held").await.text;
    assert_eq!(cards(&first), 30);
    assert!(first.find("补充 29").unwrap() < first.find("补充 0<").unwrap(), "newest first");
    // What they follow is on the next page.
    let next = format!("/held?from={open}");
    assert!(first.contains(&format!("<a href=\"{next}\">看那一条</a>")), "{first}");
    assert!(first.contains(&format!("href=\"{next}\" rel=\"next\"")), "{first}");
    let second = zhang.get(&next).await.text;
    assert!(cards(&second) == 1 && second.contains("最早的一件") && !second.contains("rel=\"next\""), "{second}");

    let newest = written(&world, item).await[1];
    let page = zhang.get(&format!("/held?from={newest}")).await.text;
    assert!(page.contains(&format!("<a href=\"#{open}\">看那一条</a>")), "on the same page: {page}");
    assert_eq!(zhang.get("/held?from=x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn on_its_own_page_a_case_is_not_said_to_be_unknown() {
    let world = World::new();
    let item = world.case("li", STALL, "江北大道").await;
    // A crew that this case was never sent to: towards its phone the office knows no such case.
    let step = Change::Step { transition: "check".into(), from: "handled".into(), round: 0, args: [].into() };
    let (_, judgement) = world.phone_writes("zhou", Some(item), step).await;
    assert!(matches!(judgement.verdict, Verdict::Held { reason: Code::UnknownItem, .. }), "{judgement:?}");
    let zhang = world.sign_in("zhang").await;
    let path = format!("/cases/{item}");
    for page in [zhang.get(&path).await.text, zhang.get("/held").await.text] {
        assert!(page.contains("提交“核查通过”") && page.contains("提交人当时无权办理此案件"), "{page}");
        assert!(!page.contains("办公室没有这个案件"), "{page}");
    }
    assert!(zhang.get("/held").await.text.contains(&format!("<a href=\"{path}\">占道经营")));
}

#[tokio::test]
async fn an_arrival_that_a_phone_claims_is_not_told_as_one() {
    let world = World::new();
    let item = world.case("li", STALL, "江北大道").await;
    let claimed = Change::Edit { fields: [("originals".to_owned(), serde_json::json!(["0".repeat(64)]))].into() };
    world.phone_writes("li", Some(item), claimed).await;
    let zhang = world.sign_in("zhang").await;
    for path in [format!("/cases/{item}"), "/held".to_owned()] {
        let page = zhang.get(&path).await.text;
        assert!(page.contains("修改") && !page.contains("已签收"), "{path}: {page}");
    }
}

#[tokio::test]
async fn a_desk_releases_a_capture_with_its_photos_or_dismisses_it() {
    let world = World::new();
    world.enrol("zhou", "城管一队手机").await;
    let zhang = world.sign_in("zhang").await;
    let released = world.case("zhou", STALL, "巴州大道三号桥头").await;
    world.photo("zhou", released, PhotoRole::Scene, 1, true).await;
    let open = written(&world, released).await[0];
    let page = zhang.get("/held").await.text;
    assert!(page.contains("后面的 1 条跟着这一条") && page.contains("放行</button>"), "{page}");
    let release = format!("/held/{open}/release");
    assert!(page.contains(&format!("formaction=\"{release}\"")), "{page}");

    // Nothing without a reason, nothing for those who do not decide.
    assert_eq!(zhang.post(&release, &[("reason", " ")]).await.status, StatusCode::SEE_OTHER);
    let page = zhang.get("/held").await.text;
    assert!(page.contains("没有办理：没有写明理由") && cards(&page) == 1, "{page}");
    for other in ["zhao", "li", "zhou"] {
        let answer = world.sign_in(other).await.post(&release, &[("reason", "属实")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{other}");
    }
    assert!(!world.sign_in("zhao").await.get("/held").await.text.contains("放行</button>"), "a dispatcher only looks");

    assert_eq!(zhang.post(&release, &[("reason", "电话核实属实")]).await.header("location"), "/held");
    let page = zhang.get("/held").await.text;
    assert!(page.contains("已放行，2 条内容生效") && cards(&page) == 0, "{page}");
    let case = zhang.get(&format!("/cases/{released}")).await.text;
    assert!(case.contains("放行") && case.contains("电话核实属实") && case.contains("张受理"), "{case}");
    assert!(case.contains("照片原件到达办公室 1 张"), "its original came while it was held: {case}");

    // Once more: it was decided about, and stays so.
    zhang.post(&format!("/held/{open}/dismiss"), &[("reason", "手滑")]).await;
    assert!(zhang.get("/held").await.text.contains("这一条已经处理过了"));
    assert_eq!(zhang.get(&format!("/cases/{released}")).await.status, StatusCode::OK);

    let dismissed = world.case("zhou", STALL, "重复的一件").await;
    let open = written(&world, dismissed).await[0];
    zhang.post(&format!("/held/{open}/dismiss"), &[("reason", "重复上报")]).await;
    let page = zhang.get("/held").await.text;
    assert!(page.contains("已驳回") && cards(&page) == 0, "{page}");
    assert_eq!(zhang.get(&format!("/cases/{dismissed}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_not_in_order_is_dismissed_only_and_ones_own_is_for_somebody_else() {
    let world = World::new();
    let item = world.case("li", STALL, "江北大道").await;
    let (_, malformed) = world.phone_writes("li", Some(item), Change::Comment { text: " ".to_owned() }).await;
    let (_, own) = world.phone_writes("he", None, world.report(STALL, "自己报的")).await;
    let he = world.sign_in("he").await;
    let page = he.get("/held").await.text;
    let forms = |entry: EntryId| ["release", "dismiss"].map(|say| page.contains(&format!("/held/{entry}/{say}\"")));
    assert_eq!((forms(malformed.entry), forms(own.entry)), ([false, true], [false, false]), "{page}");
    he.post(&format!("/held/{}/release", malformed.entry), &[("reason", "属实")]).await;
    assert!(he.get("/held").await.text.contains("没有办理：内容不完整或超出长度"));
    he.post(&format!("/held/{}/release", own.entry), &[("reason", "属实")]).await;
    assert!(he.get("/held").await.text.contains("没有办理：没有办理这一步的权限"));
    assert_eq!(he.post("/held/x/release", &[("reason", "属实")]).await.status, StatusCode::NOT_FOUND);
}
