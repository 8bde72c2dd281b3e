//! What the console says of the originals on phones.

use xuncheng_core::journal::entry::PhotoRole;

use super::world::World;

const STALL: &str = "gbt47678.5-2026/matter/09006";
/// Nothing is lacking, and a backup covers everything.
const ALL_SAFE: &str = "已同步的原件都已收到，并有备份";

#[tokio::test]
async fn a_phone_is_clear_only_when_its_originals_are_here_and_in_a_backup() {
    let world = World::new();
    world.enrol("li", "李的手机").await;
    let item = world.case("li", STALL, "江北大道").await;
    let he = world.sign_in("he").await;
    let case = format!("/cases/{item}");
    let phones = async || he.get("/phones").await.text;
    assert!(phones().await.contains("没有照片"));

    world.photo("li", item, PhotoRole::Scene, 1, false).await;
    let page = phones().await;
    assert!(page.contains("没有收到 1 张，3.1 MB") && page.contains(&format!("href=\"{case}\"")), "{page}");
    assert!(!page.contains("尚未备份") && !page.contains(ALL_SAFE), "{page}");

    world.photo("li", item, PhotoRole::Close, 2, true).await;
    let page = phones().await;
    assert!(page.contains("没有收到 1 张") && page.contains("尚未备份 1 张") && !page.contains(ALL_SAFE), "{page}");
    assert!(he.get(&case).await.text.contains("<span class=\"\">原件已到，尚未备份</span>"));
    world.covered(item).await;
    let page = phones().await;
    assert!(page.contains("没有收到 1 张") && !page.contains("尚未备份") && !page.contains(ALL_SAFE), "{page}");

    world.enrol("wang", "王的手机").await;
    let whole = world.case("wang", STALL, "江北大道").await;
    world.photo("wang", whole, PhotoRole::Scene, 3, true).await;
    assert!(!phones().await.contains(ALL_SAFE), "received is not safe yet");
    world.covered(whole).await;
    assert!(phones().await.contains(ALL_SAFE));
    assert!(he.get(&format!("/cases/{whole}")).await.text.contains("原件已到，已有备份"));
}

#[tokio::test]
async fn an_office_without_a_backup_says_so_and_what_to_do() {
    let world = World::new();
    let he = world.sign_in("he").await;
    let page = he.get("/phones").await.text;
    let command = format!("xuncheng backup --data {} --to 备份文件夹", world.office.data().display());
    assert!(page.contains("这个办公室还没有做过备份") && page.contains(&command), "{page}");
    let zhang = world.sign_in("zhang").await.get("/phones").await.text;
    assert!(zhang.contains("请系统管理员运行 <code>xuncheng backup</code>") && !zhang.contains(&command), "{zhang}");

    let place = tempfile::tempdir().unwrap();
    crate::backup::backup(world.office.data(), place.path()).unwrap();
    let page = he.get("/phones").await.text;
    assert!(page.contains("最近一次备份：刚刚") && !page.contains("还没有做过备份"), "{page}");
}

#[tokio::test]
async fn an_original_of_what_is_held_leads_to_where_it_can_be_seen() {
    let world = World::new();
    world.enrol("zhou", "城管一队手机").await;
    let item = world.case("zhou", STALL, "江北大道").await;
    world.photo("zhou", item, PhotoRole::Scene, 1, false).await;
    let page = world.sign_in("zhang").await.get("/phones").await.text;
    assert!(page.contains("<a class=\"number\" href=\"/held\">待人工处理</a>"), "{page}");
    let own = world.sign_in("zhou").await.get("/phones").await.text;
    assert!(own.contains("<span class=\"number\">不在您的案件中</span>") && !own.contains("/held"), "{own}");
    assert!(!page.contains(&item.to_string()) && !own.contains(&item.to_string()), "there is no such case to go to");
}

#[tokio::test]
async fn what_a_phone_had_written_and_not_sent_is_said() {
    let world = World::new();
    world.enrol("li", "李的手机").await;
    world.case("li", STALL, "江北大道").await;
    let he = world.sign_in("he").await;
    assert!(!he.get("/phones").await.text.contains("没有到"));
    world
        .turn(|intake| {
            intake.tx.execute("UPDATE office_device SET written = 3", [])?;
            Ok(())
        })
        .await;
    let page = he.get("/phones").await.text;
    assert!(page.contains("手机上写到第 3 条，还有 2 条没有到"), "{page}");
}
