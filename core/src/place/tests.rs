//! A place is checked once, when it is made or read.

use proptest::prelude::*;

use super::*;

/// South gate of the district's old town, and the bridge 1.2 km north-east of it.
fn gate() -> GeoPoint {
    GeoPoint::from_degrees(31.8672, 106.7431).unwrap()
}

fn fix(accuracy_m: Option<f64>) -> Fix {
    Fix {
        point: gate(),
        accuracy_m,
        provider: Provider::Gnss,
        at: Moment::from_unix_ms(1_784_600_000_000),
        mock: false,
    }
}

#[test]
fn a_fix_is_written_in_plain_fields() {
    insta::assert_json_snapshot!(fix(Some(4.5)), @r#"
    {
      "point": {
        "lat_e7": 318672000,
        "lon_e7": 1067431000
      },
      "accuracy_m": 4.5,
      "provider": "gnss",
      "at": 1784600000000,
      "mock": false
    }
    "#);
}

#[test]
fn what_is_no_place_is_refused() {
    for (lat, lon) in
        [(90.000_000_1, 0.0), (0.0, 180.000_001), (-91.0, 5.0), (f64::NAN, 106.0), (31.0, f64::INFINITY), (1e300, 1.0)]
    {
        assert!(matches!(GeoPoint::from_degrees(lat, lon), Err(PlaceError::OutOfRange { .. })), "{lat}, {lon}");
    }
    assert_eq!(GeoPoint::from_degrees(0.0, -0.0), Err(PlaceError::NullIsland));
    assert_eq!(GeoPoint::from_degrees(4e-8, -4e-8), Err(PlaceError::NullIsland), "rounds to 0, 0");
    assert!(GeoPoint::from_degrees(0.0, 106.7).is_ok(), "the equator is a place");
    assert!(GeoPoint::from_degrees(-90.0, 180.0).is_ok());
}

#[test]
fn a_place_read_from_outside_is_checked_like_one_made_here() {
    let read = serde_json::from_str::<GeoPoint>;
    assert_eq!(read(r#"{"lat_e7":318672000,"lon_e7":1067431000}"#).unwrap(), gate());
    let error = read(r#"{"lat_e7":0,"lon_e7":0}"#).unwrap_err().to_string();
    assert!(error.contains("receiver without a position"), "{error}");
    assert!(read(r#"{"lat_e7":900000001,"lon_e7":0}"#).is_err());
    assert!(read(r#"{"lat_e7":3000000000,"lon_e7":0}"#).is_err());
    assert!(read(r#"{"lat_e7":318672000}"#).is_err());
}

#[test]
fn an_accuracy_is_a_distance_or_nothing() {
    let text = |accuracy: &str| {
        format!(r#"{{"point":{{"lat_e7":1,"lon_e7":2}},"accuracy_m":{accuracy},"provider":"map","at":0,"mock":false}}"#)
    };
    assert!(serde_json::from_str::<Fix>(&text("0")).is_ok());
    assert_eq!(serde_json::from_str::<Fix>(&text("null")).unwrap().accuracy_m, None);
    assert!(serde_json::from_str::<Fix>(&text("-1")).is_err());
    assert!(serde_json::to_string(&fix(Some(f64::NAN))).is_err(), "never written as null by accident");
    assert!(serde_json::to_string(&fix(Some(-1.0))).is_err());
}

#[test]
fn a_provider_of_a_newer_program_survives_a_round_trip() {
    let read: Provider = serde_json::from_str(r#""lunar""#).unwrap();
    assert_eq!(read, Provider::Unknown("lunar".to_owned()));
    assert_eq!(serde_json::to_string(&read).unwrap(), r#""lunar""#);
    assert_eq!(serde_json::from_str::<Provider>(r#""fused""#).unwrap(), Provider::Fused);
}

#[test]
fn a_box_inside_out_is_refused() {
    let far = GeoPoint::from_degrees(31.8750, 106.7520).unwrap();
    let both = BoundingBox::new(gate(), far).unwrap();
    assert!(both.contains(gate()) && both.contains(far));
    assert!(!both.contains(GeoPoint::from_degrees(31.8751, 106.7500).unwrap()));
    assert!(matches!(BoundingBox::new(far, gate()), Err(PlaceError::InsideOut { .. })));
    let text = serde_json::to_string(&both).unwrap();
    assert_eq!(serde_json::from_str::<BoundingBox>(&text).unwrap(), both);
}

#[test]
fn distances_are_those_of_a_sphere() {
    // One degree of a great circle of 6,371,008.8 m.
    let one_north = GeoPoint::from_degrees(32.8672, 106.7431).unwrap();
    assert!((distance_m(gate(), one_north) - 111_195.08).abs() < 0.01);
    assert_eq!(distance_m(gate(), gate()), 0.0);
}

prop_compose! {
    fn any_point()(lat_e7 in -MAX_LAT_E7..=MAX_LAT_E7, lon_e7 in -MAX_LON_E7..=MAX_LON_E7) -> GeoPoint {
        GeoPoint::from_e7(lat_e7, lon_e7).unwrap_or_else(|_| gate())
    }
}

proptest! {
    #[test]
    fn degrees_and_json_give_the_same_point_back(point in any_point()) {
        prop_assert_eq!(GeoPoint::from_degrees(point.lat_degrees(), point.lon_degrees()).unwrap(), point);
        let text = serde_json::to_string(&point).unwrap();
        prop_assert_eq!(serde_json::from_str::<GeoPoint>(&text).unwrap(), point);
    }

    #[test]
    fn any_two_numbers_are_a_place_in_range_or_an_error(lat in any::<f64>(), lon in any::<f64>()) {
        if let Ok(point) = GeoPoint::from_degrees(lat, lon) {
            prop_assert!((point.lat_degrees() - lat).abs() <= 0.6e-7 && (point.lon_degrees() - lon).abs() <= 0.6e-7);
        }
    }

    #[test]
    fn distance_is_the_same_both_ways_and_never_beyond_half_the_earth(a in any_point(), b in any_point()) {
        let there = distance_m(a, b);
        prop_assert!((0.0..=20_015_200.0).contains(&there), "{}", there);
        prop_assert!((there - distance_m(b, a)).abs() < 1e-6);
        if there == 0.0 {
            // Only one point, a pole, or the two names of the 180th meridian.
            prop_assert!(a == b || a.lat_e7().abs() == MAX_LAT_E7 || a.lon_e7().abs() == MAX_LON_E7);
        }
    }

    #[test]
    fn a_box_holds_its_corners(a in any_point(), b in any_point()) {
        match BoundingBox::new(a, b) {
            Ok(both) => prop_assert!(both.contains(a) && both.contains(b)),
            Err(_) => prop_assert!(a.lat_e7() > b.lat_e7() || a.lon_e7() > b.lon_e7()),
        }
    }
}
