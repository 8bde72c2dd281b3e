use proptest::prelude::*;

use super::*;

fn bazhou() -> Pack {
    Pack::bazhou().unwrap()
}

fn code(text: &str) -> CategoryCode {
    bazhou().catalogue().find(text).unwrap_or_else(|| panic!("no category {text}")).code.clone()
}

fn names(organisations: &[&Organisation]) -> Vec<String> {
    organisations.iter().map(|organisation| organisation.name.clone()).collect()
}

/// The pack of Bazhou with one passage of one file changed.
fn with(file: &str, from: &str, to: &str) -> Result<Pack, PackError> {
    let mut texts = bazhou().files.texts().clone();
    let text = texts.get_mut(file).unwrap();
    assert!(text.contains(from), "{file} holds {from}");
    *text = text.replacen(from, to, 1);
    Pack::from_files(texts)
}

#[test]
fn the_example_pack_holds_the_whole_list_of_the_standard() {
    let pack = bazhou();
    let of_kind = |kind| pack.catalogue().all().iter().filter(|category| *category.class() == kind).count();
    assert_eq!((of_kind(CategoryKind::Component), of_kind(CategoryKind::Matter)), (153, 250));
    assert_eq!(pack.catalogue().all().iter().filter(|category| category.derived_from.is_some()).count(), 153);
    assert_eq!(pack.catalogue().majors().len(), 15);
    assert_eq!(pack.version(), "bazhou@2026.1");
    assert_eq!((pack.about().division_code.as_str(), pack.about().case_prefix.as_str()), ("511902", "BZ"));
}

#[test]
fn component_and_matter_codes_collide_and_are_told_apart() {
    let pack = bazhou();
    let name = |text| pack.catalogue().find(text).map(|category| category.name.as_str());
    assert_eq!(name("component/01002"), Some("污水井盖"));
    assert_eq!(name("matter/01002"), Some("污水井盖异常"));
    assert_eq!(name("gbt47678.5-2026/matter/09006"), Some("占道经营"));
    assert_eq!(name("gbt30428.2-2013/matter/09006"), None);
    assert_eq!(name("component/09006"), None);
}

#[test]
fn categories_are_found_by_name_number_and_synonym_in_the_standards_order() {
    let pack = bazhou();
    let found = |text| pack.search_categories(text).iter().map(|c| c.code.to_string()).collect::<Vec<_>>();
    assert_eq!(found("盲道"), ["gbt47678.5-2026/matter/06051"]);
    assert_eq!(found("牛皮癣"), ["gbt47678.5-2026/matter/07001"]);
    assert_eq!(found("０９００６"), ["gbt47678.5-2026/matter/09006"]);
    assert_eq!(found("污水 井盖"), ["gbt47678.5-2026/component/01002", "gbt47678.5-2026/matter/01002"]);
    assert_eq!(found("").len(), 403);
    assert_eq!(found("！？").len(), 0);
    assert_eq!(pack.catalogue().named("污水井盖").count(), 1);
    let scheme = pack.catalogue().default_scheme();
    assert_eq!(pack.catalogue().in_major(scheme, &CategoryKind::Matter, "10").count(), 2);
}

#[test]
fn a_category_is_for_new_cases_from_the_day_its_scheme_is_in_force() {
    let pack = bazhou();
    let stall = pack.catalogue().find("matter/09006").unwrap();
    assert!(!stall.is_valid_on("2026-06-30".parse().unwrap()));
    assert!(stall.is_valid_on("2026-07-01".parse().unwrap()));
}

#[test]
fn each_condition_has_its_own_limit_and_a_defect_follows_its_component() {
    let pack = bazhou();
    let limits = |text| {
        let conditions = pack.conditions(&code(text));
        conditions.iter().map(|c| c.limit.as_ref().map(Limit::to_string).unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(limits("matter/09006"), ["2紧急工作时"]);
    assert_eq!(limits("component/01001"), ["2紧急工作时", "4工作时", "2工作日", "5工作日"]);
    assert_eq!(limits("matter/01001"), limits("component/01001"));
    assert_eq!(limits("matter/06004"), ["3工作日", "1工作日", "3工作日"]);
    assert_eq!(limits("matter/06016"), [""]);
    assert_eq!(pack.conditions(&code("matter/08001")), []);
    insta::assert_snapshot!(serde_json::to_string(&pack.conditions(&code("matter/06041"))[0]).unwrap(), @r#"{"number":1,"filing":"垃圾未按类别投放","close":"整改到位","limit":{"value":2,"unit":"work_day"},"note":null,"confirmed":false}"#);
    let all = pack.conditions.values().flatten();
    assert!(all.clone().count() > 20);
    assert!(all.clone().all(|condition| !condition.confirmed), "examples are not passed off as the district's own");
}

#[test]
fn every_category_has_an_organisation_that_answers_for_it() {
    let pack = bazhou();
    for category in pack.catalogue().all() {
        assert!(!pack.responsible_orgs(&category.code).is_empty(), "{} {}", category.code, category.name);
    }
    for (category, who) in [
        ("matter/09006", "城管执法大队"),
        ("matter/06051", "市政公用"),
        ("component/01002", "市政公用"),
        ("matter/01002", "市政公用"),
        ("matter/02014", "交警大队"),
        ("component/03008", "宣传部门"),
        ("matter/03008", "宣传部门"),
        ("matter/03005", "环卫所"),
        ("matter/06042", "环卫所"),
    ] {
        assert_eq!(names(&pack.responsible_orgs(&code(category))), [who], "{category}");
    }
}

#[test]
fn organisations_stand_in_official_order() {
    let pack = bazhou();
    let all: Vec<&Organisation> = pack.organisations().iter().collect();
    assert_eq!(names(&all)[..3], ["指挥中心", "监督中心", "城管执法大队"]);
    let moved = with(files::ORGANISATIONS, "display_order = 20", "display_order = 5").unwrap();
    assert_eq!(moved.organisations()[0].name, "监督中心");
}

#[test]
fn a_point_lies_in_its_area_and_on_a_shared_line_in_the_lowest_code() {
    let pack = bazhou();
    let name = |lat, lon| pack.area_of(&GeoPoint::from_degrees(lat, lon).unwrap()).map(|area| area.name.as_str());
    assert_eq!(name(31.8672, 106.7431), Some("东城街道"));
    assert_eq!(name(31.87, 106.73), Some("西城街道"));
    assert_eq!(name(31.895, 106.75), Some("江北街道"));
    assert_eq!(name(31.845, 106.75), Some("宕梁街道"));
    assert_eq!(name(31.87, 106.77), Some("回风街道"));
    // A corner of three areas, and corners of the box.
    assert_eq!(name(31.882, 106.742), Some("东城街道"));
    assert_eq!(name(31.854, 106.760), Some("东城街道"));
    assert_eq!(name(31.84, 106.72), Some("宕梁街道"));
    assert_eq!(name(31.90, 106.78), Some("江北街道"));
    assert_eq!(name(31.9000001, 106.75), None);
    assert_eq!(name(39.9, 116.4), None);
}

#[test]
fn labels_and_reasons_are_chinese() {
    let pack = bazhou();
    assert_eq!(pack.role_label(&Role::Verifier), "核查员");
    assert_eq!(pack.role_label(&Role::from("drone_pilot")), "drone_pilot");
    for step in ReasonStep::KNOWN {
        assert!(pack.reasons(step).count() >= 3, "{step}");
    }
}

#[test]
fn a_pack_travels_as_one_document_and_comes_back_the_same() {
    let pack = bazhou();
    let again = Pack::from_json(&pack.to_json()).unwrap();
    assert_eq!(again.to_json(), pack.to_json());
    assert_eq!((again.hash(), again.version()), (pack.hash(), pack.version()));
    assert_eq!(again.catalogue(), pack.catalogue());
    assert_eq!(again.areas(), pack.areas());
    assert_eq!(again.organisations(), pack.organisations());
}

#[test]
fn an_older_phone_passes_over_what_a_newer_pack_says_and_keeps_it() {
    let mut document: serde_json::Value = serde_json::from_str(&bazhou().to_json()).unwrap();
    let files = &mut document["files"];
    files["calendar.toml"] = "hours = [[8, 12], [14, 18]]\n".into();
    files["roles.toml"] = format!(
        "{}\n[[roles]]\nrole = \"drone_pilot\"\nlabel = \"无人机飞手\"\nsince = 2027\n",
        files["roles.toml"].as_str().unwrap()
    )
    .into();
    let pack = Pack::from_json(&document.to_string()).unwrap();
    assert_eq!(pack.role_label(&Role::from("drone_pilot")), "无人机飞手");
    assert!(pack.to_json().contains("since = 2027") && pack.to_json().contains("calendar.toml"));
    assert_ne!(pack.hash(), bazhou().hash());
}

#[test]
fn a_folder_reads_like_the_built_in_pack_even_with_the_line_ends_of_windows() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in bazhou().files.texts() {
        std::fs::write(folder.path().join(name), format!("\u{FEFF}{}", text.replace('\n', "\r\n"))).unwrap();
    }
    std::fs::write(folder.path().join("README.md"), "not a file of the pack").unwrap();
    assert_eq!(Pack::from_folder(folder.path()).unwrap().hash(), bazhou().hash());

    std::fs::write(folder.path().join("areas.toml"), [b'#', b'\n', 0xb0, 0xcd]).unwrap();
    let error = Pack::from_folder(folder.path()).unwrap_err().to_string();
    assert_eq!(error, "areas.toml, line 2: the text is not UTF-8");
    std::fs::remove_file(folder.path().join("areas.toml")).unwrap();
    let error = Pack::from_folder(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read ") && error.contains("areas.toml"), "{error}");
}

#[test]
fn a_slip_in_a_file_is_shown_with_file_line_and_what_is_wrong() {
    for (file, from, to, says) in [
        ("pack.toml", "\"511902\"", "\"5119\"", "pack.toml, line 1: division_code is \"5119\""),
        ("pack.toml", "case_prefix =", "case_perfix =", "pack.toml, line "),
        ("pack.toml", "[[schemes]]", "extra = 1\n[[schemes]]", "pack.toml, line 19: nothing reads the key `extra`"),
        ("pack.toml", "\"Asia/Shanghai\"", "\"Europe/Paris\"", "time_zone is \"Europe/Paris\""),
        ("categories.tsv", "derived_from", "derived", "categories.tsv, line 1: nothing reads the column \"derived\""),
        (
            "categories.tsv",
            "\tcomponent\t01001",
            "\tcomponnet\t01001",
            "categories.tsv, line 2: the kind is \"componnet\"",
        ),
        (
            "categories.tsv",
            "\t01002\t",
            "\t01001\t",
            "categories.tsv, line 3: gbt47678.5-2026/component/01001 stands here a second time",
        ),
        ("categories.tsv", "\t污水井盖\t", "\t", "categories.tsv, line 3: 8 cells, but the header has 9"),
        ("categories.tsv", "component/01001", "component/01999", "derived_from names gbt47678.5-2026/component/01999"),
        ("conditions.toml", "matter/09006", "matter/99006", "\"matter/99006\" is no category"),
        ("conditions.toml", "\"urgent_hour\"", "\"hour\"", "the unit is \"hour\"; it must be urgent_hour"),
        ("conditions.toml", "limit =", "limti =", "nothing reads the key `conditions.limti`"),
        ("conditions.toml", "number = 1", "number = 0", "conditions are numbered from 1"),
        ("areas.toml", "[31.882, 106.742]", "[106.742, 31.882]", "area 511902001, corner [106.742, 31.882]"),
        (
            "areas.toml",
            "[31.882, 106.742], [31.879, 106.758]",
            "[31.879, 106.758], [31.882, 106.742]",
            "no simple polygon",
        ),
        ("areas.toml", "\"511902002\"", "\"511902001\"", "area 511902001 stands here a second time"),
        ("areas.toml", "\"511902001\"", "\"东城\"", "\"东城\" is no AreaCode"),
        (
            "organisations.toml",
            "\"matter/06\"",
            "\"matter/66\"",
            "\"matter/66\" is neither a category nor a major class",
        ),
        ("roles.toml", "\"inspector\"", "\"inspektor\"", "\"inspektor\" is no role"),
        ("reasons.toml", "\"decline\"", "\"refuse\"", "the step is \"refuse\""),
        (
            "synonyms.toml",
            "[\"盲道\", \"导盲道\"]",
            "[\"盲道\"]",
            "synonyms.toml, line 8: a group of synonyms needs two words",
        ),
    ] {
        let error = with(file, from, to).unwrap_err().to_string();
        assert!(error.contains(says) && error.starts_with(&format!("{file}, line ")), "{says}: {error}");
    }
    let mut texts = bazhou().files.texts().clone();
    texts.remove("areas.toml");
    assert_eq!(Pack::from_files(texts).unwrap_err().to_string(), "the pack has no areas.toml");
    for document in ["", "<html>", "{}", r#"{"format":2,"files":{}}"#, r#"{"format":1,"files":{}}"#] {
        assert!(Pack::from_json(document).is_err(), "{document}");
    }
}

proptest! {
    #[test]
    fn the_areas_leave_no_gap(lat_e7 in 318_400_000..=319_000_000_i32, lon_e7 in 1_067_200_000..=1_067_800_000_i32) {
        let pack = pack_once();
        let point = GeoPoint::from_e7(lat_e7, lon_e7).unwrap();
        let covering: Vec<&Area> = pack.areas().iter().filter(|area| area.covers(&point)).collect();
        prop_assert!(!covering.is_empty());
        prop_assert_eq!(&pack.area_of(&point).unwrap().code, covering.iter().map(|area| &area.code).min().unwrap());
    }

    #[test]
    fn a_point_on_a_shared_line_is_in_some_area(corner in 0..4_usize, along in 0.0..1.0_f64) {
        let pack = pack_once();
        let ring = &pack.areas()[0].ring;
        let (a, b) = (ring[corner], ring[(corner + 1) % ring.len()]);
        let between = |from: f64, to: f64| from + (to - from) * along;
        let point = GeoPoint::from_degrees(
            between(a.lat_degrees(), b.lat_degrees()), between(a.lon_degrees(), b.lon_degrees()),
        ).unwrap();
        prop_assert!(pack.area_of(&point).is_some());
    }
}

/// Read once: a property asks hundreds of times.
fn pack_once() -> &'static Pack {
    static PACK: std::sync::LazyLock<Pack> = std::sync::LazyLock::new(bazhou);
    &PACK
}
