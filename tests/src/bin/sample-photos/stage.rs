//! Setting a street: the builder, and what every scene has.

use xuncheng_tests::fixtures::Dice;

use crate::noise::{cell, floor, fractal, noise};
use crate::paint::{asphalt, bark, concrete, foliage, granite, lettering, paving, shutter, tactile, tiled_wall, worn};
use crate::render::{Light, Scene};
use crate::shape::{Body, Paint, Solid, Spot, matt, shiny};
use crate::vec::{V3, grey, rgb, smooth, v};

/// Height of the road below the pavement.
pub(crate) const ROAD: f64 = -0.15;
/// Where the houses begin.
pub(crate) const WALL: f64 = 4.2;

/// Bodies being gathered. The pavement is y = 0, from the kerb at z = 0 to the houses at [`WALL`].
pub(crate) struct Stage {
    pub(crate) bodies: Vec<Body>,
    pub(crate) dice: Dice,
}

impl Stage {
    pub(crate) fn new(seed: u64) -> Self {
        Self { bodies: Vec::new(), dice: Dice::new(seed) }
    }

    pub(crate) fn add(&mut self, solid: Solid, paint: impl Fn(&Spot) -> Paint + Sync + 'static) {
        self.bodies.push(Body { solid, paint: Box::new(paint), cut: None });
    }

    pub(crate) fn add_cut(
        &mut self,
        solid: Solid,
        paint: impl Fn(&Spot) -> Paint + Sync + 'static,
        cut: impl Fn(&Spot) -> bool + Sync + 'static,
    ) {
        self.bodies.push(Body { solid, paint: Box::new(paint), cut: Some(Box::new(cut)) });
    }

    /// A box by its middle, its sizes and its turn.
    pub(crate) fn block(&mut self, centre: V3, size: V3, yaw: f64, paint: impl Fn(&Spot) -> Paint + Sync + 'static) {
        self.add(Solid::Block { centre, half: size * 0.5, yaw }, paint);
    }

    pub(crate) fn ball(&mut self, centre: V3, radii: V3, paint: impl Fn(&Spot) -> Paint + Sync + 'static) {
        self.add(Solid::Ball { centre, radii }, paint);
    }

    pub(crate) fn bar(&mut self, from: V3, to: V3, radius: f64, paint: impl Fn(&Spot) -> Paint + Sync + 'static) {
        self.add(Solid::Bar { from, to, radius }, paint);
    }

    pub(crate) fn sheet(&mut self, corner: V3, u: V3, up: V3, paint: impl Fn(&Spot) -> Paint + Sync + 'static) {
        self.add(Solid::Sheet { corner, u, v: up }, paint);
    }

    /// Road, kerb and pavement, with a guiding strip for the blind; `hole` is left out of whatever lies there.
    pub(crate) fn ground(&mut self, hole: impl Fn(V3) -> bool + Sync + Copy + 'static) {
        let road = |spot: &Spot| {
            let line = (spot.p.z + 0.55).abs() < 0.06;
            let worn_off = fractal(spot.p * v(6.0, 0.0, 6.0), 4) > 0.56;
            if line && !worn_off { matt(grey(196) * (0.8 + 0.3 * noise(spot.p * 60.0))) } else { asphalt(spot) }
        };
        let level = |y: f64, z: f64, depth: f64| Solid::Sheet {
            corner: v(-40.0, y, z),
            u: v(0.0, 0.0, depth),
            v: v(80.0, 0.0, 0.0),
        };
        self.add_cut(level(ROAD, -14.0, 14.0), road, move |spot| hole(spot.p));
        let walked = |spot: &Spot| {
            if (1.8..2.1).contains(&spot.p.z) { tactile(spot, 0.35) } else { paving(spot) }
        };
        self.add_cut(level(0.0, 0.0, WALL + 0.5), walked, move |spot| hole(spot.p));
        for stone in -18..18 {
            let middle = f64::from(stone) + 0.5;
            let centre = v(middle, ROAD / 2.0, -0.075 + 0.004 * cell(i64::from(stone), 0, 3));
            if !hole(v(middle, 0.0, -0.075)) {
                self.block(centre, v(0.988, -ROAD + 0.006, 0.15), 0.0, granite);
            }
        }
    }

    /// Houses along the pavement: shops below, a tiled wall above; `from` and `to` bound the row.
    pub(crate) fn shops(&mut self, from: i32, to: i32, seed: i64) {
        let tone = if seed % 2 == 0 { rgb(198, 190, 172) } else { rgb(186, 176, 170) };
        let wall = move |spot: &Spot| {
            let window = (spot.p.x.rem_euclid(3.0) - 1.5).abs() < 0.8 && (spot.p.y.rem_euclid(3.0) - 1.6).abs() < 0.7;
            if spot.p.y > 3.4 && window { shiny(rgb(38, 46, 50), 0.8) } else { tiled_wall(spot, tone) }
        };
        let length = f64::from(to - from) * 3.6;
        let left = f64::from(from) * 3.6;
        self.sheet(v(left, 0.0, WALL), v(length, 0.0, 0.0), v(0.0, 9.0, 0.0), wall);
        for shop in from..to {
            self.shop(f64::from(shop) * 3.6, i64::from(shop) + seed * 13);
        }
    }

    /// One shop of 3.6 m: pillar, shutter or glass, signboard, sometimes an awning.
    fn shop(&mut self, left: f64, seed: i64) {
        let pick = |index: i64| cell(seed, index, 77);
        self.block(v(left, 1.5, WALL), v(0.42, 3.0, 0.24), 0.0, |spot| tiled_wall(spot, rgb(176, 160, 146)));
        let (middle, front) = (left + 1.8, WALL - 0.03);
        if pick(0) < 0.45 {
            let tone = [grey(150), rgb(120, 140, 156), rgb(158, 150, 132)]
                [usize::from(pick(1) > 0.4) + usize::from(pick(1) > 0.75)];
            self.block(v(middle, 1.28, front), v(3.1, 2.56, 0.06), 0.0, move |spot| shutter(spot, tone));
        } else {
            self.interior(middle, seed);
            self.sheet(v(middle - 1.55, 0.0, front), v(3.1, 0.0, 0.0), v(0.0, 2.56, 0.0), move |spot| {
                glass_front(spot, seed)
            });
        }
        let board = [rgb(176, 32, 28), rgb(24, 84, 140), rgb(20, 108, 74), rgb(200, 150, 30), rgb(120, 26, 60)];
        let colour = board[usize::try_from(floor(pick(2) * 5.0)).unwrap_or(0).min(4)];
        let ink = if pick(3) > 0.4 { rgb(246, 240, 220) } else { rgb(250, 214, 70) };
        let sign = move |spot: &Spot| {
            let edge = spot.u.abs() > 1.66 || spot.v.abs() > 0.36;
            let big = lettering(spot.u + 1.25, spot.v + 0.20, 0.5, 5, seed);
            let small = lettering(spot.u + 1.2, spot.v + 0.33, 0.10, 18, seed + 500);
            let colour = if big || small {
                ink
            } else if edge {
                grey(170)
            } else {
                colour
            };
            shiny(colour * (1.0 - 0.25 * smooth(0.5, 0.8, fractal(spot.p * v(5.0, 0.8, 5.0), 3))), 0.15)
        };
        self.block(v(middle, 2.98, WALL - 0.12), v(3.4, 0.78, 0.2), 0.0, sign);
        if pick(4) > 0.55 {
            let stripe = [rgb(40, 110, 70), rgb(176, 50, 40), rgb(50, 90, 150)]
                [usize::try_from(floor(pick(5) * 3.0)).unwrap_or(0).min(2)];
            let cloth = move |spot: &Spot| {
                let light = floor(spot.p.x / 0.22).rem_euclid(2) == 0;
                matt((if light { rgb(224, 218, 204) } else { stripe }) * (0.75 + 0.35 * fractal(spot.p * 2.2, 4)))
            };
            self.sheet(v(left + 0.15, 2.2, WALL - 1.25), v(3.3, 0.0, 0.0), v(0.0, 0.42, 1.2), cloth);
            let scallop =
                |spot: &Spot| spot.v < 0.45 + 0.35 * (spot.p.x / 0.22 * std::f64::consts::PI).sin().abs() - 0.3;
            self.add_cut(
                Solid::Sheet { corner: v(left + 0.15, 2.0, WALL - 1.25), u: v(3.3, 0.0, 0.0), v: v(0.0, 0.2, 0.0) },
                cloth,
                scallop,
            );
        }
    }

    /// What shows dimly behind glass: shelves with goods.
    fn interior(&mut self, middle: f64, seed: i64) {
        let goods = move |spot: &Spot| {
            let (column, row) = (floor(spot.p.x / 0.16), floor(spot.p.y / 0.38));
            let shelf = (spot.p.y / 0.38).fract() < 0.12;
            let colour =
                v(cell(column, row, 5), cell(column, row, 6), cell(column, row, 7)) * 0.4 + v(0.08, 0.07, 0.06);
            let tall = (spot.p.y / 0.38).fract() < 0.35 + 0.5 * cell(column, row + seed, 8);
            matt(if shelf {
                grey(120)
            } else if tall {
                colour
            } else {
                grey(60)
            })
        };
        self.sheet(v(middle - 1.5, 0.0, WALL + 0.9), v(3.0, 0.0, 0.0), v(0.0, 2.5, 0.0), goods);
        self.sheet(v(middle - 1.5, 2.5, WALL), v(3.0, 0.0, 0.0), v(0.0, 0.0, 0.9), |_| matt(v(1.1, 1.05, 0.95)));
    }

    /// A street tree in its pit; its crown throws spotted shade.
    pub(crate) fn tree(&mut self, x: f64, z: f64) {
        self.sheet(v(x - 0.5, 0.004, z - 0.5), v(0.0, 0.0, 1.0), v(1.0, 0.0, 0.0), |spot| {
            let soil = fractal(spot.p * 20.0, 3);
            let rim = spot.u.min(spot.v).min(1.0 - spot.u).min(1.0 - spot.v) < 0.08;
            if rim { concrete(spot) } else { matt(rgb(84, 66, 48) * (0.4 + soil)) }
        });
        self.bar(v(x, 0.0, z), v(x + 0.08, 3.4, z + 0.05), 0.14, bark);
        let painted = |spot: &Spot| matt(grey(226) * (0.8 + 0.3 * noise(spot.p * 20.0)));
        self.bar(v(x, 0.0, z), v(x + 0.026, 1.1, z + 0.016), 0.143, painted);
        for _ in 0..9 {
            let (dx, dy, dz) =
                (self.dice.between(-1.7, 1.7), self.dice.between(-0.7, 1.5), self.dice.between(-1.5, 1.5));
            let size = self.dice.between(0.8, 1.35);
            self.add_cut(
                Solid::Ball { centre: v(x + dx, 4.3 + dy, z + dz), radii: v(size, size * 0.75, size) },
                foliage,
                |spot| fractal(spot.p * 6.5, 3) < 0.50,
            );
        }
    }

    /// Leaves and scraps of paper that the broom missed.
    pub(crate) fn litter(&mut self, x: f64, z: f64, spread: f64, pieces: u32) {
        for _ in 0..pieces {
            let at = v(x + self.dice.between(-spread, spread), 0.006, z + self.dice.between(-spread, spread) * 0.6);
            let turn = self.dice.between(0.0, std::f64::consts::TAU);
            let size = self.dice.between(0.02, 0.06);
            let colour = match floor(self.dice.between(0.0, 4.0)) {
                0 => rgb(128, 112, 50),
                1 => rgb(92, 104, 44),
                2 => rgb(120, 78, 40),
                _ => rgb(176, 172, 160),
            };
            let (u, w) = (v(size, 0.012, 0.0).yawed(turn), v(0.0, 0.008, size * 0.7).yawed(turn));
            self.add_cut(
                Solid::Sheet { corner: at, u, v: w },
                move |_| matt(colour),
                |spot| (spot.u - 0.5).abs() + (spot.v - 0.5).abs() > 0.62,
            );
        }
    }

    /// The scene as seen by somebody at `eye`.
    pub(crate) fn seen_from(self, eye: V3, look_at: V3, field_of_view_degrees: f64, light: Light) -> Scene {
        Scene { bodies: self.bodies, light, eye, look_at, field_of_view_degrees, portrait: false }
    }
}

fn glass_front(spot: &Spot, seed: i64) -> Paint {
    let x = spot.u * 3.1;
    let frame =
        (x.rem_euclid(0.775) - 0.387).abs() > 0.36 || spot.v < 0.03 || spot.v > 0.97 || (spot.v - 0.78).abs() < 0.012;
    let poster = cell(seed, floor(x / 0.775), 9) > 0.55
        && (0.3..0.62).contains(&spot.v)
        && (0.14..0.64).contains(&x.rem_euclid(0.775));
    if frame {
        worn(grey(150), 0.3)(spot)
    } else if poster {
        let ink = lettering(x.rem_euclid(0.775) - 0.16, spot.v * 2.56 - 1.25, 0.11, 4, seed + 3);
        shiny(if ink { rgb(240, 220, 120) } else { rgb(168, 44, 40) }, 0.25)
    } else {
        let behind = fractal(v(x * 3.0, spot.v * 6.0, f64::from(i32::try_from(seed).unwrap_or(0))), 4);
        shiny(rgb(30, 36, 38).mix(rgb(96, 88, 72), behind * behind), 0.95)
    }
}

/// High summer, sun over the road's left shoulder.
pub(crate) fn sunny() -> Light {
    Light {
        sun: v(-0.52, 0.78, -0.55).unit(),
        sun_colour: v(2.5, 2.32, 2.0),
        sky_colour: v(0.60, 0.68, 0.82),
        haze: 0.02,
        exposure: 0.85,
    }
}

/// Morning: the sun stands low on the right.
pub(crate) fn morning() -> Light {
    Light {
        sun: v(0.72, 0.52, -0.5).unit(),
        sun_colour: v(2.5, 2.15, 1.65),
        sky_colour: v(0.56, 0.64, 0.80),
        haze: 0.03,
        exposure: 0.92,
    }
}

/// A white sky, as on most days of the basin.
pub(crate) fn overcast() -> Light {
    Light {
        sun: v(-0.3, 0.9, -0.35).unit(),
        sun_colour: v(0.75, 0.73, 0.70),
        sky_colour: v(0.86, 0.88, 0.92),
        haze: 0.3,
        exposure: 1.3,
    }
}
