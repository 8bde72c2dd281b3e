//! What the console tells those who handle cases: no more than their phones.

use axum::http::StatusCode;
use serde_json::Value;
use xuncheng_core::id::{ItemId, PhotoHash};
use xuncheng_core::journal::entry::{Change, PhotoRole};
use xuncheng_core::journal::verdict::Verdict;

use super::world::{Browser, JPEG, World, hidden};

const STALL: &str = "gbt47678.5-2026/matter/09006";

/// All that the console answers somebody about a case, but for the token that each page draws.
async fn all_that_is_said(browser: &Browser, item: ItemId, photos: &[PhotoHash]) -> Vec<(String, StatusCode, String)> {
    let case = format!("/cases/{item}");
    let pages =
        ["/", "/?tab=mine", "/?tab=handling", "/?q=%E6%9A%97%E8%AE%BF", "/held", "/phones", &case].map(str::to_owned);
    let photos = photos
        .iter()
        .flat_map(|sha256| ["thumb", "view", "original"].map(|file| format!("{case}/photos/{sha256}/{file}")));
    let mut said = Vec::new();
    for path in pages.into_iter().chain(photos) {
        let answer = browser.get(&path).await;
        let token = if path == case { hidden(&answer.text, "token") } else { "no token".to_owned() };
        said.push((path, answer.status, answer.text.replace(&token, "drawn")));
    }
    said
}

/// A case that 周队's unit has handled.
async fn handled(world: &World) -> ItemId {
    let item = world.case("li", STALL, "江北大道").await;
    world.photo("li", item, PhotoRole::Scene, 1, true).await;
    world.sign_in("zhang").await.step(item, "file", &[]).await;
    world.sign_in("zhao").await.step(item, "dispatch", &[("responsible_org", "chengguan")]).await;
    world.sign_in("zhou").await.step(item, "accept", &[]).await;
    world.photo("zhou", item, PhotoRole::After, 2, false).await;
    world.sign_in("zhou").await.step(item, "handle", &[]).await;
    item
}

/// The same, sent back: the unit is handling it again.
async fn in_rework(world: &World) -> ItemId {
    let item = handled(world).await;
    world.sign_in("sun").await.step(item, "rework", &[("reason", "未整改到位")]).await;
    item
}

fn check(note: &str) -> Change {
    let args = [("note".to_owned(), Value::from(note))].into();
    Change::Step { transition: "check".to_owned(), from: "handled".to_owned(), round: 0, args }
}

#[tokio::test]
async fn a_unit_hears_nothing_of_a_check_that_was_not_taken() {
    const NOTE: &str = "暗访：工人没有戴安全帽";
    let world = World::new();
    for person in ["li", "zhou", "wang", "chen"] {
        world.enrol(person, &format!("{person} 的手机")).await;
    }
    let item = in_rework(&world).await;
    let photos = [1, 2, 9].map(|number| PhotoHash::from_bytes([number; 32]));
    let [zhou, wang, zhang] = [world.sign_in("zhou").await, world.sign_in("wang").await, world.sign_in("zhang").await];
    let before = all_that_is_said(&zhou, item, &photos).await;

    // Come too late, with a picture of its own and one that the case has; and what another unit has no business to say.
    world.photo("wang", item, PhotoRole::Check, 9, false).await;
    let (photo, _) = world.names_photo("wang", item, PhotoRole::Check, 1).await;
    assert!(matches!(photo.verdict, Verdict::Rejected { .. }), "{photo:?}");
    let (_, late) = world.phone_writes("wang", Some(item), check(NOTE)).await;
    assert!(matches!(late.verdict, Verdict::Rejected { .. }), "{late:?}");
    let (_, held) = world.phone_writes("chen", Some(item), Change::Comment { text: NOTE.to_owned() }).await;
    assert!(matches!(held.verdict, Verdict::Held { .. }), "{held:?}");

    let after = all_that_is_said(&zhou, item, &photos).await;
    for (one, other) in before.iter().zip(&after) {
        assert!(one == other, "{} tells of it: {}", other.0, other.2);
    }

    // Who wrote it sees what became of it, and so do desks; a desk sees what others wrote too.
    let case = format!("/cases/{item}");
    for (told, notes) in [(&wang, 1), (&zhang, 2)] {
        let page = told.get(&case).await.text;
        assert_eq!(page.matches(NOTE).count(), notes, "{page}");
        let thumb = told.get(&format!("{case}/photos/{}/thumb", photos[2])).await;
        assert_eq!((thumb.status, thumb.text), (StatusCode::OK, String::from_utf8_lossy(JPEG).into_owned()));
    }
}

#[tokio::test]
async fn what_a_phone_says_in_anothers_name_is_not_read_by_that_other() {
    let world = World::new();
    let item = in_rework(&world).await;
    world.enrol_for("wang", "zhou", "王的手机").await;
    let text = "以周队的名义";
    let (_, held) = world.phone_writes("zhou", Some(item), Change::Comment { text: " ".to_owned() }).await;
    assert!(matches!(held.verdict, Verdict::Held { .. }), "{held:?}");
    let (_, rejected) = world.phone_writes("zhou", Some(item), check(text)).await;
    assert!(!rejected.verdict.applies(), "{rejected:?}");
    let case = format!("/cases/{item}");
    assert!(!world.sign_in("zhou").await.get(&case).await.text.contains(text));
    assert!(world.sign_in("wang").await.get(&case).await.text.contains(text));
}

#[tokio::test]
async fn a_unit_is_told_neither_who_checked_nor_with_what() {
    let world = World::new();
    world.enrol("wang", "王的手机").await;
    let item = handled(&world).await;
    let (_, checked) = world.phone_writes("wang", Some(item), check("路面已清理")).await;
    assert_eq!(checked.verdict, Verdict::Applied);
    let case = format!("/cases/{item}");
    let story = async |person| {
        let page = world.sign_in(person).await.get(&case).await.text;
        page.split_once("案件经过").unwrap().1.split_once("</section>").unwrap().0.to_owned()
    };
    let told = story("zhou").await;
    assert!(told.contains("路面已清理") && told.contains("周队（城管执法大队） · 控制台"), "{told}");
    for secret in ["采集员", "核查员", "王巡查", "王的手机", " · 手机"] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
    assert!(story("zhang").await.contains("王巡查（监督中心） · 王的手机"));
}

#[tokio::test]
async fn a_photo_on_a_case_of_others_does_not_tell_that_there_is_one() {
    let world = World::new();
    world.enrol("zhou", "城管一队手机").await;
    let zhou = world.sign_in("zhou").await;
    let page = async |number| {
        let item =
            if number == 1 { world.case("li", STALL, "江北大道").await } else { ItemId::from_bytes([7; 16]) };
        world.names_photo("zhou", item, PhotoRole::Scene, number).await;
        let page = zhou.get("/phones").await.text;
        page.split_once("class=\"away-list\">").unwrap().1.split_once("</ul>").unwrap().0.to_owned()
    };
    let of_others = page(1).await;
    let both = page(2).await;
    assert_eq!(both, format!("{of_others}{of_others}"));
}
