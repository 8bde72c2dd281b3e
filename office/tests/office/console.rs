use axum::body::Body;
use axum::http::{Request, StatusCode};
use xuncheng_core::journal::entry::Change;
use xuncheng_core::store::items;
use xuncheng_core::work::person::PERSON;
use xuncheng_office::{backup, restore};

use crate::world::{Answer, Browser, World};

/// A page that says what is wrong and leads on.
fn assert_is_a_page(answer: &Answer, what: &str) {
    assert!(answer.status.is_client_error(), "{what}: {} {}", answer.status, answer.text());
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8", "{what}");
    let page = answer.text();
    assert!(page.contains("class=\"button\" href=\"/") && page.contains(">回到"), "{what}: no way back in {page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_address_or_a_form_names_there_is_a_page_that_leads_on() {
    let world = World::new().await;
    let mut li = world.phone("li").await;
    let case = li.report();
    let picture = li.photograph(case);
    li.sync(&world).await;
    let device = world.office().devices().await.unwrap()[0].item;
    let person = world.office().read(|conn| Ok(items::of_kind(conn, PERSON)?[0].0)).await.unwrap();
    let (phone, photo, none) = (li.incarnation(), picture.photo.sha256, "0".repeat(32));
    let he = world.browser("he").await;

    let cases =
        ["x".to_owned(), "%FF".to_owned(), none.clone(), device.to_string(), person.to_string(), phone.to_string()];
    let mut addresses: Vec<String> = cases.iter().map(|id| format!("/cases/{id}")).collect();
    addresses.extend(cases.iter().map(|id| format!("/cases/{id}/photos/{photo}/thumb")));
    addresses.extend(["x", "%FF", &"0".repeat(64)].map(|sha256| format!("/cases/{case}/photos/{sha256}/view")));
    addresses.extend([
        format!("/cases/{case}/photos/{photo}/poster"),
        format!("/cases/{case}/photos/{photo}/original"),
        "/?after=x".to_owned(),
        "/?tab=filed&tab=mine".to_owned(),
        "/codes".to_owned(),
        format!("/phones/{phone}/revoke"),
        "/nowhere".to_owned(),
        "/phones/".to_owned(),
    ]);
    for address in addresses {
        assert_is_a_page(&he.get(&address).await, &address);
    }
    // What is looked for may be anything: nothing is found.
    for query in ["q=%00", &format!("q={}", "%22%2A".repeat(200)), "area=%00&org=x&category=%FE", "tab=x"] {
        assert_eq!(he.get(&format!("/?{query}")).await.status, StatusCode::OK, "{query}");
    }

    let seen = "{\"epoch\":\"00000000000000000000000000000000\",\"count\":18446744073709551615,\"history\":\"\"}";
    let step = format!("token=1&seen={seen}&from=reported&round=0");
    let mut posts: Vec<(String, String)> = Vec::new();
    for id in cases {
        posts.push((format!("/cases/{id}/steps/file"), step.clone()));
        posts.push((format!("/cases/{id}/comments"), format!("token=1&seen={seen}&text=1")));
        posts.push((format!("/phones/{}/revoke", if id == phone.to_string() { "0" } else { &id }), String::new()));
    }
    for form in
        ["", "token=1", &step, "token=&seen=&from=&round=-1", "token=1&seen=null&from=reported&round=99999999999"]
    {
        posts.push((format!("/cases/{case}/steps/file"), form.to_owned()));
        posts.push((format!("/cases/{case}/comments"), form.to_owned()));
    }
    posts.push((format!("/cases/{case}/steps/fly"), step));
    posts.push((format!("/cases/{case}/comments"), format!("token=1&seen={seen}&text={}", "a".repeat(3 << 20))));
    for number in ["0", "7", "x", "-1", "9223372036854775808", "18446744073709551615", "99999999999999999999"] {
        posts.push((format!("/codes/{number}/revoke"), String::new()));
    }
    for form in ["", "person=", "person=nobody", "person=%FF", "person=office"] {
        posts.push(("/codes".to_owned(), form.to_owned()));
        posts.push(("/sign-in".to_owned(), form.to_owned()));
    }
    posts.push(("/phones".to_owned(), String::new()));
    for (address, form) in posts {
        let what = format!("{address} {}", form.chars().take(80).collect::<String>());
        assert_is_a_page(&he.post(&address, &form).await, &what);
    }
    assert_eq!(world.status().await.devices, 1, "nothing was done");
}

async fn shows(browser: &Browser, address: &str, words: &[&str]) {
    let page = browser.get(address).await.text();
    for word in words {
        assert!(page.contains(word), "{word} is not in {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_a_code_that_was_used_says_what_to_do_instead() {
    let world = World::new().await;
    let he = world.browser("he").await;
    let unknown = he.post("/codes/1/revoke", "").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(unknown.text().contains("没有这个登记码") && unknown.text().contains("href=\"/phones\""));

    world.phone("li").await;
    let used = he.post("/codes/1/revoke", "").await;
    assert_eq!(used.status, StatusCode::CONFLICT);
    assert!(used.text().contains("登记码已经用过") && used.text().contains("href=\"/phones\""), "{}", used.text());

    // Whoever clicks twice has done it once.
    world.code("li").await;
    for _ in 0..2 {
        assert_eq!(he.post("/codes/2/revoke", "").await.status, StatusCode::SEE_OTHER);
    }
    let phone = world.office().devices().await.unwrap()[0].incarnation;
    for _ in 0..2 {
        assert_eq!(he.post(&format!("/phones/{phone}/revoke"), "").await.status, StatusCode::SEE_OTHER);
    }
    let none = he.post(&format!("/phones/{}/revoke", "0".repeat(32)), "").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(none.text().contains("没有这部手机") && none.text().contains("href=\"/phones\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_phones_says_how_far_each_has_come_in_words() {
    let mut world = World::new().await;
    let mut li = world.phone("li").await;
    let he = world.browser("he").await;
    shows(&he, "/phones", &["李巡查", "test phone", "还没有同步过", "还没有收到记录"]).await;

    let case = li.report();
    let [here, away] = [li.photograph(case), li.photograph(case)];
    li.sync(&world).await;
    li.begin(&world, &here, &here.original).await;
    let cases = world.office().read(move |conn| Ok(items::view(conn, case)?)).await.unwrap().unwrap();
    let number = cases.text("number").unwrap().to_owned();
    let missing = format!("href=\"/cases/{case}\">{number}</a>");
    let said = ["已收到 3 条记录", "手机已全部签名，办公室已会签", "1 / 2 张已到", "1 张，", &missing, "刚刚"];
    shows(&he, "/phones", &said).await;

    // Put back from a backup, the office has not signed for the phone's journal on its new branch.
    let place = world.folder.path().join("backups");
    backup(&world.data(), &place).unwrap();
    world.office = None;
    std::fs::remove_dir_all(world.data()).unwrap();
    restore(&place, &world.data(), false).unwrap();
    world.open().await;
    let he = world.browser("he").await;
    shows(&he, "/phones", &["已收到 3 条记录", "手机签名到第 3 条；办公室恢复后它还没有同步过"]).await;
    li.write(Some(case), Change::Comment { text: "又来看过".to_owned() });
    li.sync(&world).await;
    shows(&he, "/phones", &["已收到 4 条记录", "手机已全部签名，办公室已会签"]).await;
    drop(away);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_on_this_machine_passes_on_is_not_local() {
    let world = World::new().await;
    let status = |name: &'static str, value: &'static str| {
        Request::get("/v1/status").header("Host", "127.0.0.1:8080").header(name, value).body(Body::empty()).unwrap()
    };
    assert_eq!(world.call(status("accept", "*/*")).await.status, StatusCode::OK);
    let passed_on = [
        ("forwarded", "for=10.0.0.7"),
        ("via", "1.1 proxy"),
        ("x-forwarded-for", "10.0.0.7"),
        ("x-forwarded-host", "office.example"),
        ("x-forwarded-proto", "https"),
        ("x-real-ip", "10.0.0.7"),
    ];
    for (name, value) in passed_on {
        let answer = world.call(status(name, value)).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{name}");
    }
    let elsewhere = Request::get("/v1/status").header("Host", "office.example").body(Body::empty()).unwrap();
    assert_eq!(world.call(elsewhere).await.status, StatusCode::NOT_FOUND);
}
