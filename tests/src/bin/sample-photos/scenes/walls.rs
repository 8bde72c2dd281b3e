//! What hangs where it should not, and one board that should look better.

use crate::noise::{cell, floor, fractal, noise};
use crate::paint::{concrete, dirt, iron, lettering, tiled_wall, worn};
use crate::render::Scene;
use crate::shape::{Paint, Solid, Spot, matt, shiny};
use crate::stage::{Stage, WALL, morning, overcast, sunny};
use crate::vec::{V3, grey, rgb, smooth, v};

const TILES: V3 = v(0.50, 0.47, 0.40);

fn wall(stage: &mut Stage, paint: impl Fn(&Spot) -> Paint + Sync + 'static) {
    stage.ground(|_| false);
    stage.sheet(v(-14.0, 0.0, WALL), v(28.0, 0.0, 0.0), v(0.0, 9.0, 0.0), paint);
    stage.block(v(0.0, 0.12, WALL - 0.02), v(28.0, 0.24, 0.08), 0.0, concrete);
    // A drain pipe, and the meter box of the house.
    stage.bar(v(-1.72, 0.0, WALL - 0.08), v(-1.72, 8.0, WALL - 0.08), 0.055, worn(grey(196), 0.2));
    stage.block(v(1.75, 1.5, WALL - 0.08), v(0.5, 0.66, 0.18), 0.0, |spot| {
        let slit = (spot.v.abs() - 0.2).abs() < 0.01 && spot.u.abs() < 0.15;
        let door = (spot.u.abs() - 0.225).abs() < 0.004;
        worn(if slit || door { grey(40) } else { rgb(150, 160, 162) }, 0.3)(spot)
    });
}

/// A leaflet: a headline, lines, a telephone number; one corner has come off.
fn flyer(stage: &mut Stage, x: f64, y: f64, seed: i64) {
    let pick = move |index: i64| cell(seed, index, 19);
    let (width, height) = if pick(0) > 0.6 { (0.30, 0.42) } else { (0.21, 0.297) };
    let tilt = (pick(1) - 0.5) * 0.16;
    let paper = [rgb(226, 222, 208), rgb(226, 206, 92), rgb(214, 150, 160), rgb(150, 190, 170), rgb(222, 218, 210)]
        [usize::try_from(floor(pick(2) * 5.0)).unwrap_or(0).min(4)];
    let ink = if pick(3) > 0.5 { rgb(168, 24, 28) } else { rgb(28, 30, 36) };
    let face = move |spot: &Spot| {
        let (u, w) = (spot.u * width, spot.v * height);
        let head = lettering(u - 0.02, w - height * 0.74, width * 0.22, 4, seed);
        let lines = (0..4).any(|line| {
            let at = height * (0.62 - 0.11 * f64::from(line));
            lettering(u - 0.02, w - at, 0.022, 8, seed * 5 + i64::from(line))
        });
        let number = lettering(u - 0.015, w - height * 0.07, width / 8.6, 8, seed * 7);
        let crease = smooth(0.012, 0.0, (spot.v - 0.5 + 0.02 * (spot.u * 7.0).sin()).abs());
        let aged = 0.75 + 0.3 * fractal(v(spot.u * 4.0, spot.v * 4.0, pick(5) * 40.0), 4) - 0.12 * crease;
        let wave = (spot.u * 9.0 + pick(6) * 9.0).sin() * 0.12;
        let colour = if head || number {
            ink
        } else if lines {
            grey(50)
        } else {
            paper
        };
        Paint { bump: v(wave, crease * 0.3, 0.0), ..matt(colour * aged) }
    };
    let torn = pick(7);
    let lift = if pick(8) > 0.6 { 0.03 } else { 0.004 };
    stage.add_cut(
        Solid::Sheet {
            corner: v(x, y, WALL - 0.006),
            u: v(width, width * tilt, -lift),
            v: v(-height * tilt, height, -lift * 0.6),
        },
        face,
        move |spot| {
            let edge = fractal(v(spot.u * 8.0, spot.v * 8.0, torn * 30.0), 3) * 0.4;
            torn > 0.55 && spot.u + spot.v * 0.8 > 1.15 + torn * 0.5 - edge
        },
    );
}

/// Leaflets all over a house wall, and a number sprayed on it.
pub(crate) fn flyers() -> Scene {
    let mut stage = Stage::new(31);
    let sprayed = |spot: &Spot| {
        let mut paint = tiled_wall(spot, TILES);
        let blur = (fractal(spot.p * 40.0, 2) - 0.5) * 0.02;
        if lettering(spot.p.x + blur + 0.55, spot.p.y + blur - 0.62, 0.17, 9, 4) {
            paint.colour = paint.colour * 0.18 + rgb(20, 24, 80) * 0.25;
        }
        paint
    };
    wall(&mut stage, sprayed);
    for seed in 0..17 {
        let (column, row) = (seed % 6, seed / 6);
        let x = -1.45 + 0.46 * f64::from(i32::try_from(column).unwrap_or(0)) + 0.14 * cell(seed, 1, 2);
        let y = 0.86 + 0.42 * f64::from(i32::try_from(row).unwrap_or(0)) + 0.12 * cell(seed, 2, 2);
        flyer(&mut stage, x, y, seed + 3);
    }
    flyer(&mut stage, 1.56, 1.33, 77);
    stage.litter(0.0, WALL - 0.5, 1.4, 16);
    stage.seen_from(v(-0.95, 1.52, WALL - 3.1), v(0.1, 1.25, WALL), 66.0, morning())
}

/// The same wall, scraped and washed; where the leaflets were it is paler.
pub(crate) fn flyers_removed() -> Scene {
    let mut stage = Stage::new(32);
    let washed = |spot: &Spot| {
        let mut paint = tiled_wall(spot, TILES);
        let patch = (-1.5..1.5).contains(&spot.p.x) && (0.8..2.15).contains(&spot.p.y);
        let ghost = cell(floor(spot.p.x / 0.44), floor(spot.p.y / 0.42), 8) > 0.35
            && (spot.p.x / 0.44).rem_euclid(1.0) < 0.55
            && (spot.p.y / 0.42).rem_euclid(1.0) < 0.75;
        if patch && ghost {
            paint.colour = paint.colour * 1.10 + v(0.02, 0.02, 0.018);
        }
        paint
    };
    wall(&mut stage, washed);
    stage.seen_from(v(-0.85, 1.56, WALL - 3.2), v(0.1, 1.22, WALL), 66.0, morning())
}

/// A garment on the line, cut by `outside`.
fn garment(
    stage: &mut Stage,
    x: f64,
    width: f64,
    length: f64,
    paint: impl Fn(&Spot) -> V3 + Sync + 'static,
    outside: impl Fn(f64, f64) -> bool + Sync + 'static,
) {
    let sway = stage.dice.between(-0.10, 0.10);
    let phase = stage.dice.between(0.0, 6.0);
    let cloth = move |spot: &Spot| {
        let fold = (spot.u * 11.0 + phase + 2.0 * noise(v(spot.u * 2.0, spot.v * 3.0, phase))).cos();
        let damp = 0.86 + 0.2 * fractal(spot.p * 3.0, 3);
        Paint { bump: v(fold * 0.42, 0.0, 0.0), ..matt(paint(spot) * damp) }
    };
    let top = v(x, line_height(x), LINE);
    stage.add_cut(
        Solid::Sheet {
            corner: top - v(0.0, length, 0.0) + v(0.0, 0.0, sway),
            u: v(width, 0.0, 0.03),
            v: v(0.0, length, -sway),
        },
        cloth,
        move |spot| outside(spot.u, spot.v),
    );
    for peg in [0.18, 0.82] {
        stage.block(top + v(width * peg, 0.01, 0.0), v(0.014, 0.07, 0.02), 0.0, worn(rgb(60, 130, 190), 0.3));
    }
}

const LINE: f64 = 1.35;

fn line_height(x: f64) -> f64 {
    2.05 + 0.014 * x * x
}

/// Washing between a street tree and a lamp post, over the pavement.
pub(crate) fn laundry() -> Scene {
    let mut stage = Stage::new(33);
    stage.ground(|_| false);
    stage.shops(-4, 5, 5);
    stage.tree(-2.95, LINE);
    stage.bar(v(2.9, 0.0, LINE), v(2.9, 6.0, LINE), 0.07, worn(rgb(70, 84, 80), 0.25));
    stage.bar(v(2.9, 0.0, LINE), v(2.9, 0.5, LINE), 0.11, worn(rgb(60, 74, 70), 0.25));
    for piece in -6..6 {
        let (a, b) = (f64::from(piece) * 0.49, f64::from(piece + 1) * 0.49);
        stage.bar(v(a, line_height(a), LINE), v(b, line_height(b), LINE), 0.009, worn(grey(200), 0.2));
    }
    let shirt = |u: f64, w: f64| {
        let body = (0.22..0.78).contains(&u);
        let sleeve = w > 0.62 && w < 0.98 - (u - 0.5).abs() * 0.35;
        let neck = (u - 0.5).hypot((w - 1.02) * 1.2) < 0.11;
        !(body || sleeve) || neck
    };
    let trousers = |u: f64, w: f64| (u - 0.5).abs() < 0.035 + 0.05 * (0.75 - w).max(0.0) && w < 0.72;
    let flowered = |spot: &Spot| {
        let (a, b) = ((spot.u * 5.0).fract() - 0.5, (spot.v * 4.0).fract() - 0.5);
        let petal = a.hypot(b) < 0.24 + 0.07 * (b.atan2(a) * 5.0).cos();
        if a.hypot(b) < 0.07 {
            rgb(220, 190, 60)
        } else if petal {
            rgb(190, 60, 90)
        } else {
            rgb(226, 206, 200)
        }
    };
    garment(&mut stage, -2.35, 1.35, 1.25, flowered, |_, _| false);
    garment(&mut stage, -0.92, 0.72, 0.78, |_| rgb(206, 206, 202), shirt);
    garment(&mut stage, -0.18, 0.48, 1.05, |_| rgb(46, 58, 92), trousers);
    let striped =
        |spot: &Spot| if floor(spot.v * 14.0).rem_euclid(2) == 0 { rgb(190, 60, 54) } else { rgb(222, 218, 208) };
    garment(&mut stage, 0.36, 0.66, 0.72, striped, shirt);
    garment(
        &mut stage,
        1.06,
        0.36,
        0.70,
        |spot| if (spot.v - 0.15).abs() < 0.04 { rgb(230, 226, 210) } else { rgb(70, 150, 160) },
        |_, _| false,
    );
    garment(&mut stage, 1.50, 0.44, 0.98, |_| rgb(96, 88, 76), trousers);
    garment(&mut stage, 2.02, 0.62, 0.70, |_| rgb(104, 140, 84), shirt);
    stage.litter(0.0, 1.4, 2.4, 20);
    stage.seen_from(v(-0.9, 1.6, -3.1), v(0.02, 1.22, LINE), 64.0, sunny())
}

/// A public-service board whose print the sun has taken and whose corner has come off.
pub(crate) fn faded_board() -> Scene {
    let mut stage = Stage::new(34);
    stage.ground(|_| false);
    stage.shops(-4, 5, 7);
    stage.tree(3.6, 0.8);
    let print = |spot: &Spot| {
        let (x, y) = (spot.u * 2.4, spot.v * 1.5);
        let hills = 0.42 + 0.14 * (x * 2.3).sin() + 0.07 * (x * 5.1 + 1.0).sin();
        let far_hills = 0.66 + 0.10 * (x * 1.7 + 2.0).sin();
        let sun = (x - 1.95).hypot(y - 1.15) < 0.17;
        let title = lettering(x - 0.16, y - 0.98, 0.30, 6, 21);
        let second = lettering(x - 0.62, y - 0.74, 0.17, 8, 22);
        let small = lettering(x - 0.3, y - 0.08, 0.085, 22, 23);
        let fresh = if title || second {
            rgb(190, 20, 24)
        } else if small {
            rgb(240, 240, 230)
        } else if sun {
            rgb(226, 120, 40)
        } else if y < hills {
            rgb(40, 110, 60)
        } else if y < far_hills {
            rgb(90, 150, 110)
        } else {
            rgb(150, 196, 220).mix(rgb(236, 226, 200), smooth(0.6, 1.5, y))
        };
        let bleached = fresh.mix(rgb(206, 208, 210), 0.40 + 0.16 * fractal(v(x, y, 1.0) * 2.0, 3));
        let flaked = fractal(v(x * 3.2, y * 3.2, 6.0), 5) > 0.635;
        let streak = smooth(0.55, 0.8, fractal(v(x * 9.0, y * 0.5, 3.0), 4));
        let colour = if flaked { grey(176) * dirt(spot.p, 0.4) } else { bleached };
        shiny(colour * (1.0 - 0.32 * streak), 0.10)
    };
    let (left, low, z) = (-1.2, 0.85, 2.55);
    stage.add_cut(Solid::Sheet { corner: v(left, low, z), u: v(2.4, 0.0, 0.0), v: v(0.0, 1.5, 0.0) }, print, |spot| {
        spot.v < 0.36 - spot.u * 1.2 + 0.12 * fractal(v(spot.u * 9.0, spot.v * 9.0, 0.0), 3)
    });
    // The corner that came off hangs forward.
    stage.add_cut(
        Solid::Sheet { corner: v(left + 0.02, low - 0.22, z - 0.26), u: v(0.66, 0.18, 0.08), v: v(0.10, 0.48, 0.18) },
        |spot| matt(rgb(206, 206, 200) * (0.7 + 0.3 * fractal(spot.p * 6.0, 3))),
        |spot| spot.u + spot.v > 1.05,
    );
    stage.sheet(v(left, low, z + 0.03), v(2.4, 0.0, 0.0), v(0.0, 1.5, 0.0), |spot| {
        let rust = smooth(0.4, 0.7, fractal(spot.p * 6.0, 4));
        matt(grey(120).mix(rgb(112, 70, 44), rust))
    });
    for (from, to) in [
        (v(left, 0.0, z), v(left, 2.45, z)),
        (v(left + 2.4, 0.0, z), v(left + 2.4, 2.45, z)),
        (v(left - 0.03, low, z), v(left + 2.43, low, z)),
        (v(left - 0.03, low + 1.5, z), v(left + 2.43, low + 1.5, z)),
    ] {
        stage.bar(from, to, 0.035, |spot| {
            let paint = iron(spot);
            let chipped = fractal(spot.p * 9.0, 4) > 0.52;
            if chipped { paint } else { shiny(grey(168) * dirt(spot.p, 0.2), 0.35) }
        });
    }
    stage.litter(0.0, 2.0, 2.0, 18);
    stage.seen_from(v(-1.05, 1.5, -1.05), v(0.06, 1.28, z), 66.0, overcast())
}
