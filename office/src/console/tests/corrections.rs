//! Correcting a case over the console.

use axum::http::StatusCode;
use serde_json::{Value, json};
use xuncheng_core::id::ItemId;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::store::{entries, items};

use super::world::World;

const STALL: &str = "gbt47678.5-2026/matter/09006";
const FLYERS: &str = "gbt47678.5-2026/matter/07001";
const FORM: &str = "更正案件信息";

/// The fields of every edit of a case that a person wrote, oldest first.
async fn edits(world: &World, item: ItemId) -> Vec<Value> {
    let written = world.office.read(move |conn| Ok(entries::of_item(conn, item)?)).await.unwrap();
    let fields = written.iter().filter_map(|entry| {
        let header = entry.read_header().unwrap();
        let Change::Edit { fields } = entry.read_body(&header).unwrap().change else { return None };
        (!fields.contains_key("number")).then(|| json!(fields))
    });
    fields.collect()
}

async fn field(world: &World, item: ItemId, name: &'static str) -> Value {
    let view = world.office.read(move |conn| Ok(items::view(conn, item)?)).await.unwrap().unwrap();
    view.field(name).cloned().unwrap_or_default()
}

#[tokio::test]
async fn an_acceptor_corrects_a_case_and_the_story_shows_what_stood_before() {
    let world = World::new();
    let item = world.case("li", STALL, "巴州大道三号桥头").await;
    let zhang = world.sign_in("zhang").await;
    let page = zhang.get(&format!("/cases/{item}")).await.text;
    assert!(page.contains(&format!("<option value=\"{STALL}\" selected>占道经营（09006）")), "{page}");
    assert!(page.contains("<optgroup label=\"街面秩序类（事项）\">"), "{page}");

    let corrected = [("category", FLYERS), ("address", "巴州大道三号桥西头")];
    let after = zhang.correct(item, &page, &corrected).await.text;
    assert!(after.contains("案件信息已更正"), "{after}");
    let name = world.office.pack().catalogue().find(FLYERS).unwrap().name.clone();
    assert!(after.contains(&format!("<h1>{name}</h1>")), "{after}");
    assert!(after.contains("<del>占道经营</del>") && after.contains(&format!("<ins>{name}</ins>")), "{after}");
    assert!(after.contains("<del>巴州大道三号桥头</del>") && after.contains("<ins>巴州大道三号桥西头</ins>"));
    // What was not touched was not written, and the same form again writes nothing more.
    zhang.correct(item, &page, &corrected).await;
    assert_eq!(edits(&world, item).await, [json!({ "category": FLYERS, "address": "巴州大道三号桥西头" })]);
}

#[tokio::test]
async fn a_place_is_corrected_and_the_case_moves_to_its_area() {
    let world = World::new();
    let item = world.case("li", STALL, "巴州大道").await;
    let before = field(&world, item, "area").await;
    let zhang = world.sign_in("zhang").await;
    let page = zhang.get(&format!("/cases/{item}")).await.text;
    let after = zhang.correct(item, &page, &[("place", "0.5, 0.5")]).await.text;
    assert!(after.contains("<del>31.867200°N 106.750300°E</del>"), "{after}");
    assert!(after.contains("<dd class=\"figures\">0.500000°N 0.500000°E（WGS-84）</dd>"), "{after}");
    assert!(before.is_string() && field(&world, item, "area").await.is_null());

    let page = zhang.get(&format!("/cases/{item}")).await.text;
    let answer = zhang.correct(item, &page, &[("place", "桥头")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text.contains("北纬, 东经"), "{}", answer.text);
    assert_eq!(edits(&world, item).await.len(), 1);
}

#[tokio::test]
async fn what_came_in_between_is_kept_or_stands() {
    let world = World::new();
    let item = world.case("li", STALL, "一号").await;
    let zhang = world.sign_in("zhang").await;
    let li = world.sign_in("li").await;
    let path = format!("/cases/{item}");
    let (of_zhang, of_li) = (zhang.get(&path).await.text, li.get(&path).await.text);
    let edit = |name: &str, value: &str| Change::Edit { fields: [(name.to_owned(), value.into())].into() };
    world.phone_writes("li", Some(item), edit("address", "二号")).await;

    // The acceptor's page still shows 一号, which is not what was corrected on it: 二号 stands.
    zhang.correct(item, &of_zhang, &[("description", "西侧")]).await;
    assert_eq!(field(&world, item, "address").await, "二号");
    // Now it is: the later one stands, and 二号 is kept beside it.
    let page = zhang.correct(item, &of_zhang, &[("address", "三号")]).await.text;
    assert!(page.contains("案件信息已更正") && page.contains("未采用、保留备查：地址 <s>二号</s>"), "{page}");
    assert_eq!(field(&world, item, "address").await, "三号");

    // A category of the office's stands against the reporter's older page, and the reporter is told.
    zhang.correct(item, &of_zhang, &[("category", FLYERS)]).await;
    let page = li.correct(item, &of_li, &[("category", "gbt47678.5-2026/matter/09001")]).await.text;
    assert!(page.contains("没有采用：类别"), "{page}");
    assert_eq!(field(&world, item, "category").await, FLYERS);
}

#[tokio::test]
async fn only_whom_the_rules_let_correct_has_the_form() {
    let world = World::new();
    let item = world.case("li", STALL, "一号").await;
    let path = format!("/cases/{item}");
    let zhang = world.sign_in("zhang").await;
    let page = zhang.get(&path).await.text;
    let [li, zhao, zhou] = [world.sign_in("li").await, world.sign_in("zhao").await, world.sign_in("zhou").await];
    assert!(li.get(&path).await.text.contains(FORM), "whoever reported it");
    assert!(!zhao.get(&path).await.text.contains(FORM), "a dispatcher");
    let refused = zhao.correct(item, &page, &[("address", "别处")]).await.text;
    assert!(refused.contains("没有办理：没有办理这一步的权限"), "{refused}");
    assert_eq!(zhou.correct(item, &page, &[("address", "别处")]).await.status, StatusCode::NOT_FOUND);

    zhang.step(item, "file", &[]).await;
    zhao.step(item, "dispatch", &[("responsible_org", "chengguan")]).await;
    assert!(!li.get(&path).await.text.contains(FORM), "the unit works on what it was given");
    assert!(!zhou.get(&path).await.text.contains(FORM));
    assert!(zhang.get(&path).await.text.contains(FORM));
    assert!(edits(&world, item).await.is_empty());
}

#[tokio::test]
async fn a_form_in_which_nothing_was_changed_writes_nothing() {
    let world = World::new();
    let item = world.case("li", "no-such-scheme/matter/1", "一号").await;
    let zhang = world.sign_in("zhang").await;
    let page = zhang.get(&format!("/cases/{item}")).await.text;
    assert!(
        page.contains("selected>类别不明</option>"),
        "a category that the pack does not know is left as it is: {page}"
    );
    assert!(zhang.correct(item, &page, &[]).await.text.contains("没有改动，没有写入任何内容"));
    let answer = zhang.correct(item, &page, &[("category", "matter/太空船")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
    assert!(edits(&world, item).await.is_empty());
}
