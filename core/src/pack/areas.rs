//! Areas: which sub-district or community a point lies in.

use std::collections::BTreeSet;

use geo::coordinate_position::{CoordPos, CoordinatePosition};
use geo::{Area as _, Coord, LineString, Polygon, Validation};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::PackError;
use super::codes::AreaCode;
use super::files::File;
use crate::place::GeoPoint;

/// A part of the district with its outline.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// The code that cases keep; never given to another area.
    pub code: AreaCode,
    /// 东城街道.
    pub name: String,
    /// Place in official lists; lists are sorted by it, then by code.
    pub display_order: u32,
    /// Corners of the outline in order, WGS-84, without the closing repetition of the first.
    pub ring: Vec<GeoPoint>,
    polygon: Polygon<f64>,
}

impl Area {
    /// Whether the point lies inside or on the outline.
    #[must_use]
    pub fn covers(&self, point: &GeoPoint) -> bool {
        self.polygon.coordinate_position(&coord(point)) != CoordPos::Outside
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct AreasFile {
    areas: Vec<Spanned<AreaRow>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct AreaRow {
    code: AreaCode,
    name: String,
    #[serde(default)]
    display_order: u32,
    ring: Vec<[f64; 2]>,
}

/// Reads the areas, in official order.
pub(super) fn parse(file: &File<'_>) -> Result<Vec<Area>, PackError> {
    let mut codes = BTreeSet::new();
    let mut areas = Vec::new();
    for row in file.toml::<AreasFile>()?.areas {
        let span = row.span();
        let area = area(row.into_inner()).map_err(|problem| file.wrong(span.clone(), problem))?;
        if !codes.insert(area.code.clone()) {
            return Err(file.wrong(span, format!("area {} stands here a second time", area.code)));
        }
        areas.push(area);
    }
    areas.sort_by(|a, b| (a.display_order, &a.code).cmp(&(b.display_order, &b.code)));
    Ok(areas)
}

fn area(row: AreaRow) -> Result<Area, String> {
    let AreaRow { code, name, display_order, ring } = row;
    if name.trim().is_empty() {
        return Err(format!("area {code} has no name"));
    }
    let mut points = Vec::with_capacity(ring.len());
    for [lat, lon] in ring {
        let point = GeoPoint::from_degrees(lat, lon)
            .map_err(|error| format!("area {code}, corner [{lat}, {lon}]: {error}; write [latitude, longitude]"))?;
        points.push(point);
    }
    if points.len() > 1 && points.first() == points.last() {
        points.pop();
    }
    if points.len() < 3 {
        return Err(format!("area {code} has {} corners; an outline needs 3 or more", points.len()));
    }
    let polygon = Polygon::new(LineString::new(points.iter().map(coord).collect()), Vec::new());
    polygon.check_validation().map_err(|error| format!("the outline of area {code} is no simple polygon: {error}"))?;
    if polygon.unsigned_area() == 0.0 {
        return Err(format!("the outline of area {code} encloses nothing"));
    }
    Ok(Area { code, name, display_order, ring: points, polygon })
}

/// The area of a point. On a shared line several cover it, and the lowest code wins (the boundary rule for unit grids).
///
/// Both neighbours compute the same sign for the same line, so that no point falls between two areas with common corners.
pub(super) fn area_of<'a>(areas: &'a [Area], point: &GeoPoint) -> Option<&'a Area> {
    areas.iter().filter(|area| area.covers(point)).min_by(|a, b| a.code.cmp(&b.code))
}

fn coord(point: &GeoPoint) -> Coord<f64> {
    Coord { x: point.lon_degrees(), y: point.lat_degrees() }
}
