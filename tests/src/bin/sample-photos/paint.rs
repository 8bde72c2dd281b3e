//! What the street is made of.

use crate::noise::{cell, floor, fractal, noise};
use crate::shape::{Paint, Spot, matt, shiny};
use crate::vec::{V3, grey, rgb, smooth, v};

/// Dirt that gathers here and there: multiplies a colour.
pub(crate) fn dirt(p: V3, amount: f64) -> f64 {
    1.0 - amount * smooth(0.42, 0.75, fractal(p * 1.7, 4)) - 0.5 * amount * smooth(0.5, 0.8, fractal(p * 9.0, 3))
}

/// A groove every `step` metres: 1 in the joint, 0 on the stone.
fn joint(at: f64, step: f64, width: f64) -> f64 {
    let off = (at / step - (at / step).round()).abs() * step;
    1.0 - smooth(width * 0.5, width, off)
}

pub(crate) fn asphalt(spot: &Spot) -> Paint {
    let p = v(spot.p.x, 0.0, spot.p.z);
    let grain = fractal(p * 110.0, 2);
    let stone = smooth(0.52, 0.85, fractal(p * 190.0 + v(9.0, 0.0, 3.0), 2));
    let crack = smooth(0.012, 0.0, (fractal(p * 0.9 + v(3.0, 0.0, 8.0), 5) - 0.5).abs());
    let oil = smooth(0.6, 0.75, fractal(p * 0.8 + v(40.0, 0.0, 0.0), 3));
    let level = (0.07 + 0.07 * grain + 0.07 * stone) * dirt(p, 0.25) * (1.0 - 0.6 * crack) * (1.0 - 0.4 * oil);
    Paint {
        bump: v(grain - 0.5, 0.0, noise(p * 95.0 + v(5.0, 0.0, 0.0)) - 0.5) * 0.5,
        ..matt(v(1.0, 0.985, 0.96) * level)
    }
}

/// Square paving of concrete stones, some reddish, walked on for years.
pub(crate) fn paving(spot: &Spot) -> Paint {
    let p = v(spot.p.x, 0.0, spot.p.z);
    let (size, row) = (0.3, floor(p.z / 0.3));
    let shift = if row.rem_euclid(2) == 0 { 0.0 } else { 0.15 };
    let column = floor((p.x + shift) / size);
    let pick = cell(column, row, 1);
    let base = if pick > 0.72 { rgb(150, 112, 98) } else { rgb(142, 139, 132) };
    let shade = 0.82 + 0.36 * cell(column, row, 2);
    let groove = joint(p.x + shift, size, 0.008).max(joint(p.z, size, 0.008));
    let grain = noise(p * 160.0);
    let gum = smooth(0.80, 0.84, noise(p * 6.0 + v(70.0, 0.0, 20.0)));
    let chip = smooth(0.70, 0.78, fractal(p * 14.0, 3)) * 0.25;
    let colour =
        base * (shade * dirt(p, 0.45) * (0.86 + 0.28 * grain) * (1.0 - 0.65 * groove) * (1.0 - 0.35 * gum - chip));
    let tilt = v(cell(column, row, 3) - 0.5, 0.0, cell(column, row, 4) - 0.5) * 0.05;
    Paint { bump: tilt + v(grain - 0.5, 0.0, noise(p * 160.0 + v(3.0, 0.0, 0.0)) - 0.5) * 0.22, ..shiny(colour, 0.04) }
}

/// Guiding blocks for the blind: yellow, with bars along the way.
pub(crate) fn tactile(spot: &Spot, wear: f64) -> Paint {
    let p = v(spot.p.x, 0.0, spot.p.z);
    let (column, row) = (floor(p.x / 0.3), floor(p.z / 0.3));
    let across = (p.z / 0.075).fract();
    let end = (p.x / 0.3 - (p.x / 0.3).floor() - 0.5).abs();
    let bar = smooth(0.22, 0.32, across) * smooth(0.78, 0.68, across) * smooth(0.47, 0.44, end);
    let slope = (smooth(0.15, 0.3, across) - smooth(0.3, 0.36, across))
        - (smooth(0.64, 0.7, across) - smooth(0.7, 0.85, across));
    let groove = joint(p.x, 0.3, 0.007).max(joint(p.z, 0.3, 0.007));
    let faded = rgb(172, 150, 96).mix(rgb(206, 158, 32), 1.0 - wear * (0.5 + 0.5 * cell(column, row, 6)));
    let scratch = wear * smooth(0.58, 0.72, fractal(p * 7.0, 4));
    let colour = faded.mix(grey(120), 0.6 * scratch) * (0.86 + 0.22 * cell(column, row, 5)) * dirt(p, 0.2 + 0.3 * wear);
    let colour = colour * (1.0 - 0.7 * groove) * (0.85 + 0.2 * bar) * (0.92 + 0.16 * noise(p * 150.0));
    Paint { bump: v(0.0, 0.0, -slope * 0.7), ..shiny(colour, 0.05) }
}

pub(crate) fn granite(spot: &Spot) -> Paint {
    let speck = noise(spot.p * 130.0);
    let dark = smooth(0.6, 0.75, noise(spot.p * 210.0));
    matt(v(1.0, 0.98, 0.95) * ((0.24 + 0.16 * speck - 0.14 * dark) * dirt(spot.p, 0.4)))
}

pub(crate) fn concrete(spot: &Spot) -> Paint {
    let level = (0.30 + 0.10 * noise(spot.p * 90.0)) * dirt(spot.p, 0.35);
    matt(v(1.0, 0.98, 0.93) * level)
}

pub(crate) fn sand(spot: &Spot) -> Paint {
    let grain = noise(spot.p * 220.0);
    let lump = fractal(spot.p * 16.0, 4);
    let colour = rgb(168, 142, 104) * (0.55 + 0.35 * grain + 0.35 * (lump - 0.3));
    Paint { bump: v(lump - 0.5, 0.0, noise(spot.p * 30.0) - 0.5) * 1.2, ..matt(colour) }
}

/// A wall of narrow ceramic tiles, as houses of the nineties have them, with rain streaks.
pub(crate) fn tiled_wall(spot: &Spot, tone: V3) -> Paint {
    let (x, y) = (spot.p.x + spot.p.z * 0.7, spot.p.y);
    let row = floor(y / 0.06);
    let shift = if row.rem_euclid(2) == 0 { 0.0 } else { 0.12 };
    let groove = joint(x + shift, 0.24, 0.006).max(joint(y, 0.06, 0.006));
    let shade = 0.88 + 0.2 * cell(floor((x + shift) / 0.24), row, 11);
    let streak = smooth(0.5, 0.8, fractal(v(x * 7.0, y * 0.35, 2.0), 4));
    let low = smooth(0.7, 0.0, y) * 0.35 * fractal(v(x * 3.0, y * 3.0, 7.0), 3);
    let colour = tone * (shade * (1.0 - 0.35 * groove) * (1.0 - 0.3 * streak) * (1.0 - low) * dirt(v(x, y, 3.0), 0.2));
    shiny(colour, 0.12)
}

/// A roller shutter: waves of sheet metal.
pub(crate) fn shutter(spot: &Spot, tone: V3) -> Paint {
    let wave = (spot.p.y / 0.075 * std::f64::consts::TAU).sin();
    let slat = joint(spot.p.y, 0.075, 0.008);
    let rust = smooth(0.66, 0.85, fractal(v(spot.p.x * 4.0, spot.p.y * 1.2, 9.0), 4)) * smooth(1.2, 0.0, spot.p.y);
    let colour = tone.mix(rgb(110, 66, 40), 0.7 * rust) * ((1.0 - 0.5 * slat) * dirt(spot.p, 0.3));
    Paint { bump: v(0.0, wave * 0.45, 0.0), ..shiny(colour, 0.18) }
}

pub(crate) fn iron(spot: &Spot) -> Paint {
    let rust = smooth(0.45, 0.7, fractal(spot.p * 11.0, 4));
    let colour = grey(74).mix(rgb(104, 66, 44), 0.75 * rust) * (0.8 + 0.4 * noise(spot.p * 120.0));
    shiny(colour, 0.12)
}

pub(crate) fn bark(spot: &Spot) -> Paint {
    let ridge = fractal(v(spot.p.x * 26.0, spot.p.y * 4.0, spot.p.z * 26.0), 4);
    matt(rgb(104, 90, 74) * (0.35 + 1.0 * ridge))
}

pub(crate) fn foliage(spot: &Spot) -> Paint {
    let leaf = noise(spot.p * 17.0);
    let sun = noise(spot.p * 3.0);
    let colour = rgb(58, 92, 36).mix(rgb(116, 146, 60), leaf * sun);
    Paint { bump: v(leaf - 0.5, noise(spot.p * 19.0) - 0.5, noise(spot.p * 15.0) - 0.5) * 1.6, ..matt(colour) }
}

/// Plain painted or moulded matter with a little life.
pub(crate) fn worn(colour: V3, gloss: f64) -> impl Fn(&Spot) -> Paint + Sync {
    move |spot| shiny(colour * (dirt(spot.p, 0.18) * (0.94 + 0.12 * noise(spot.p * 40.0))), gloss)
}

pub(crate) fn cardboard(spot: &Spot) -> Paint {
    let tape = if spot.u.abs() < 0.03 { 0.12 } else { 0.0 };
    matt(rgb(176, 134, 88) * ((0.9 + 0.15 * noise(spot.p * 25.0) + tape) * dirt(spot.p, 0.25)))
}

/// Dark plastic bags: folds that catch the light.
pub(crate) fn plastic_bag(colour: V3) -> impl Fn(&Spot) -> Paint + Sync {
    move |spot| {
        let fold = |shift: f64| (fractal(spot.p * v(13.0, 7.0, 13.0) + v(shift, 0.0, 0.0), 4) - 0.5) * 3.4;
        Paint { bump: v(fold(0.0), fold(5.0), fold(9.0)), ..shiny(colour, 0.42) }
    }
}

/// The strokes of something that looks like a character; `u`, `w` run from 0 to 1 over its square, up and right.
pub(crate) fn glyph(u: f64, w: f64, seed: i64) -> bool {
    if !(0.08..=0.92).contains(&u) || !(0.06..=0.94).contains(&w) {
        return false;
    }
    let pick = |index: i64| cell(seed, index, 41);
    let thick = 0.045;
    let rows = 2 + floor(pick(0) * 3.0);
    let level = (0..rows).any(|row| {
        let at = 0.88 - 0.78 * (f64::from(i32::try_from(row).unwrap_or(0)) + 0.2 * pick(row + 10)) / 3.2;
        let (left, right) = (0.08 + 0.3 * pick(row + 20), 0.92 - 0.3 * pick(row + 30));
        (w - at).abs() < thick && (left..=right).contains(&u)
    });
    let upright = (0..2).any(|column| {
        let at = if pick(column + 40) > 0.5 { 0.5 } else { 0.22 + 0.56 * pick(column + 50) };
        let (low, high) = (0.06 + 0.25 * pick(column + 60), 0.94 - 0.3 * pick(column + 70));
        (u - at).abs() < thick && (low..=high).contains(&w)
    });
    let sweep = 0.5 - (w - 0.5) * 0.8;
    let slanted = (pick(80) > 0.35 && w < 0.52 && (u - sweep * 0.6).abs() < thick)
        || (pick(81) > 0.45 && w < 0.5 && (u - 1.0 + sweep * 0.62).abs() < thick);
    level || upright || slanted
}

/// A line of such characters of `size` metres, starting at 0, 0.
pub(crate) fn lettering(x: f64, y: f64, size: f64, count: i64, seed: i64) -> bool {
    let column = floor(x / size);
    (0..count).contains(&column)
        && (0.0..size).contains(&y)
        && glyph(x / size - (x / size).floor(), y / size, seed * 97 + column)
}
