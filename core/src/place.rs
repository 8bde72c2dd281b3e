//! Where something is: points, fixes, distances and boxes, all WGS-84.

use geo::{Distance, Haversine, Point};
use serde::{Deserialize, Serialize};

use crate::clock::Moment;

/// Units of a [`GeoPoint`] in one degree.
const E7: f64 = 1e7;
const MAX_LAT_E7: i32 = 900_000_000;
const MAX_LON_E7: i32 = 1_800_000_000;

/// A number that is no place, distance or box on this earth.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlaceError {
    /// A coordinate outside ±90° / ±180°, or not a number.
    #[error("latitude {lat_degrees}°, longitude {lon_degrees}° is no place on earth")]
    OutOfRange {
        /// What was given as latitude, in degrees.
        lat_degrees: f64,
        /// What was given as longitude, in degrees.
        lon_degrees: f64,
    },
    /// Exactly 0°, 0°: an empty value of a broken receiver, 9,000 km from the district.
    #[error("latitude 0°, longitude 0° is what a receiver without a position reports")]
    NullIsland,
    /// An accuracy that is negative, infinite or not a number.
    #[error("an accuracy of {accuracy_m} m is no distance")]
    Accuracy {
        /// What was given as accuracy, in metres.
        accuracy_m: f64,
    },
    /// A box whose south-west corner lies north or east of its north-east corner.
    #[error("the box's south-west corner {south_west} is not south-west of its north-east corner {north_east}")]
    InsideOut {
        /// The corner given as south-west.
        south_west: GeoPoint,
        /// The corner given as north-east.
        north_east: GeoPoint,
    },
}

/// A position on the ground, WGS-84, in units of 1e-7 degrees (about 1 cm), north and east positive.
///
/// Whole numbers, so that two replicas hold the same bytes. Positions from Chinese map services come shifted by hundreds
/// of metres and are converted before they become one. There is no "unknown": use `Option<GeoPoint>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "E7Pair")]
pub struct GeoPoint {
    lat_e7: i32,
    lon_e7: i32,
}

/// The stored form of a [`GeoPoint`] before it is checked.
#[derive(Deserialize)]
struct E7Pair {
    lat_e7: i32,
    lon_e7: i32,
}

impl TryFrom<E7Pair> for GeoPoint {
    type Error = PlaceError;
    fn try_from(pair: E7Pair) -> Result<Self, PlaceError> {
        Self::from_e7(pair.lat_e7, pair.lon_e7)
    }
}

impl GeoPoint {
    /// The point at these degrees, rounded to the nearest 1e-7.
    ///
    /// # Errors
    /// [`PlaceError::OutOfRange`] outside ±90° / ±180° or not a number; [`PlaceError::NullIsland`] at exactly 0, 0
    /// (after rounding), which broken receivers report.
    pub fn from_degrees(lat: f64, lon: f64) -> Result<Self, PlaceError> {
        if !((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)) {
            return Err(PlaceError::OutOfRange { lat_degrees: lat, lon_degrees: lon });
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked above: at most 1.8e9, which an i32 holds")]
        let e7 = |degrees: f64| (degrees * E7).round() as i32;
        Self::from_e7(e7(lat), e7(lon))
    }

    /// The point at these multiples of 1e-7 degrees.
    ///
    /// # Errors
    /// [`PlaceError::OutOfRange`] outside ±90° / ±180°; [`PlaceError::NullIsland`] at exactly 0, 0.
    pub fn from_e7(lat_e7: i32, lon_e7: i32) -> Result<Self, PlaceError> {
        let in_range = (-MAX_LAT_E7..=MAX_LAT_E7).contains(&lat_e7) && (-MAX_LON_E7..=MAX_LON_E7).contains(&lon_e7);
        if !in_range {
            return Err(PlaceError::OutOfRange {
                lat_degrees: f64::from(lat_e7) / E7,
                lon_degrees: f64::from(lon_e7) / E7,
            });
        }
        if (lat_e7, lon_e7) == (0, 0) {
            return Err(PlaceError::NullIsland);
        }
        Ok(Self { lat_e7, lon_e7 })
    }

    /// Latitude in units of 1e-7 degrees, north positive.
    #[must_use]
    pub const fn lat_e7(self) -> i32 {
        self.lat_e7
    }

    /// Longitude in units of 1e-7 degrees, east positive.
    #[must_use]
    pub const fn lon_e7(self) -> i32 {
        self.lon_e7
    }

    /// Latitude in degrees, north positive.
    #[must_use]
    pub fn lat_degrees(self) -> f64 {
        f64::from(self.lat_e7) / E7
    }

    /// Longitude in degrees, east positive.
    #[must_use]
    pub fn lon_degrees(self) -> f64 {
        f64::from(self.lon_e7) / E7
    }
}

/// `31.8672000, 106.7431000`: latitude first, signed, all seven decimals.
impl std::fmt::Display for GeoPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.7}, {:.7}", self.lat_degrees(), self.lon_degrees())
    }
}

/// One answer to "where am I?": a point, and how far to trust it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// The position.
    pub point: GeoPoint,
    /// Radius in metres within which the true position lies with 68 % probability, as Android and iOS report it; `None`
    /// where nobody said. Finite and not negative: another value is neither written nor read.
    #[serde(default, with = "accuracy")]
    pub accuracy_m: Option<f64>,
    /// Who said so.
    pub provider: Provider,
    /// When the position was measured, by the device's clock.
    pub at: Moment,
    /// Whether the device itself reports that the position was faked.
    #[serde(default)]
    pub mock: bool,
}

/// Where a [`Fix`] comes from; a word that this version does not know is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// A satellite receiver.
    Gnss,
    /// Cells and Wi-Fi.
    Network,
    /// The platform's own mixture of the two.
    Fused,
    /// The photo's own metadata.
    Exif,
    /// A finger on the map.
    Map,
    /// Typed in.
    Manual,
    /// A newer program's word.
    #[serde(untagged)]
    Unknown(String),
}

/// An accuracy on its way in or out is a distance or nothing.
mod accuracy {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

    use super::PlaceError;

    fn checked(accuracy_m: Option<f64>) -> Result<Option<f64>, PlaceError> {
        match accuracy_m {
            Some(m) if !(m.is_finite() && m >= 0.0) => Err(PlaceError::Accuracy { accuracy_m: m }),
            Some(_) | None => Ok(accuracy_m),
        }
    }

    pub(super) fn serialize<S: Serializer>(accuracy_m: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        checked(*accuracy_m).map_err(ser::Error::custom)?.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        checked(Option::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// The distance between two points in metres, along the earth taken as a sphere of radius 6,371,008.8 m (haversine).
///
/// Off by at most 0.5 % against the ellipsoid: 8 cm on the 15 m within which an after-photo must lie.
#[must_use]
pub fn distance_m(a: GeoPoint, b: GeoPoint) -> f64 {
    let point = |p: GeoPoint| Point::new(p.lon_degrees(), p.lat_degrees());
    Haversine.distance(point(a), point(b))
}

/// A rectangle on the map, edges included; it never crosses the 180th meridian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Corners")]
pub struct BoundingBox {
    south_west: GeoPoint,
    north_east: GeoPoint,
}

/// The stored form of a [`BoundingBox`] before it is checked.
#[derive(Deserialize)]
struct Corners {
    south_west: GeoPoint,
    north_east: GeoPoint,
}

impl TryFrom<Corners> for BoundingBox {
    type Error = PlaceError;
    fn try_from(corners: Corners) -> Result<Self, PlaceError> {
        Self::new(corners.south_west, corners.north_east)
    }
}

impl BoundingBox {
    /// The box between two corners; a box of one point is one too.
    ///
    /// # Errors
    /// [`PlaceError::InsideOut`] when the first corner lies north or east of the second.
    pub fn new(south_west: GeoPoint, north_east: GeoPoint) -> Result<Self, PlaceError> {
        if south_west.lat_e7 > north_east.lat_e7 || south_west.lon_e7 > north_east.lon_e7 {
            return Err(PlaceError::InsideOut { south_west, north_east });
        }
        Ok(Self { south_west, north_east })
    }

    /// The lower left corner on a map with north up.
    #[must_use]
    pub const fn south_west(&self) -> GeoPoint {
        self.south_west
    }

    /// The upper right corner on a map with north up.
    #[must_use]
    pub const fn north_east(&self) -> GeoPoint {
        self.north_east
    }

    /// Whether `point` lies inside or on an edge.
    #[must_use]
    pub fn contains(&self, point: GeoPoint) -> bool {
        (self.south_west.lat_e7..=self.north_east.lat_e7).contains(&point.lat_e7)
            && (self.south_west.lon_e7..=self.north_east.lon_e7).contains(&point.lon_e7)
    }
}

#[cfg(test)]
mod tests;
