//! Ways that cannot be walked: guiding strips, kerbs, parked scooters.

use crate::noise::{cell, floor, fractal, noise};
use crate::paint::{concrete, dirt, granite, paving, sand, tactile, worn};
use crate::render::Scene;
use crate::shape::{Solid, Spot, matt, shiny};
use crate::stage::{ROAD, Stage, WALL, morning, overcast, sunny};
use crate::vec::{V3, grey, rgb, v};

const STRIP: f64 = 1.8;

/// Stones of the strip that are gone, by their number along the street.
fn gone(p: V3) -> bool {
    let stone = floor(p.x / 0.3);
    (STRIP..STRIP + 0.3).contains(&p.z) && (matches!(stone, -2..=0) || stone == 3)
}

fn beside(p: V3) -> bool {
    let (column, row) = (floor(p.x / 0.3), floor((p.z - STRIP) / 0.3));
    row == -1 && matches!(column, -1 | 0)
}

/// Some stones gone down to the sand, others broken or tipped: nobody who cannot see can follow it.
pub(crate) fn tactile_damaged() -> Scene {
    let mut stage = Stage::new(41);
    stage.ground(|p| p.y > -0.01 && (gone(p) || beside(p)));
    stage.shops(-4, 5, 9);
    stage.sheet(v(-2.0, -0.045, STRIP - 0.6), v(0.0, 0.0, 1.2), v(4.0, 0.0, 0.0), sand);
    let rim = |spot: &Spot| matt(rgb(150, 138, 104) * (0.6 + 0.4 * noise(spot.p * 50.0)));
    for (x0, x1, z) in
        [(-0.6, 0.3, STRIP + 0.303), (0.9, 1.2, STRIP + 0.303), (0.9, 1.2, STRIP - 0.003), (-0.3, 0.3, STRIP - 0.303)]
    {
        stage.sheet(v(x0, -0.05, z), v(x1 - x0, 0.0, 0.0), v(0.0, 0.05, 0.0), rim);
    }
    // Pieces of what was there.
    let pieces = [
        (v(-0.42, 0.0, STRIP + 0.12), 0.20, 0.5),
        (v(-0.10, -0.01, STRIP - 0.12), 0.16, 1.1),
        (v(0.10, -0.02, STRIP + 0.18), 0.11, 2.2),
        (v(0.46, 0.035, STRIP - 0.35), 0.19, 0.3),
        (v(-0.75, 0.03, STRIP - 0.22), 0.12, 1.9),
        (v(1.03, -0.02, STRIP + 0.10), 0.13, 0.8),
        (v(0.22, 0.02, STRIP - 0.55), 0.07, 0.2),
        (v(-0.28, -0.02, STRIP + 0.22), 0.07, 2.9),
    ];
    for (at, size, yaw) in pieces {
        let (u, w) = (v(size, 0.035, 0.0).yawed(yaw), v(0.0, -0.02, size * 0.8).yawed(yaw));
        stage.add_cut(
            Solid::Sheet { corner: at + v(0.0, 0.012, 0.0), u: w, v: u },
            |spot| {
                let flat = Spot { p: v(spot.v * 0.2, 0.0, spot.u * 0.2), ..*spot };
                tactile(&flat, 0.8)
            },
            move |spot| spot.u + spot.v > 1.35 + 0.5 * (fractal(v(spot.u * 6.0, spot.v * 6.0, yaw * 9.0), 3) - 0.5),
        );
        stage.block(at - v(0.0, 0.012, 0.0) + (u + w) * 0.45, v(size * 0.8, 0.03, size * 0.6), yaw, concrete);
    }
    for _ in 0..60 {
        let at = v(stage.dice.between(-0.9, 1.4), 0.0, STRIP + stage.dice.between(-0.5, 0.45));
        let size = stage.dice.between(0.006, 0.022);
        let low = if gone(at) || beside(at) { -0.045 } else { 0.0 };
        stage.block(at + v(0.0, low + size * 0.3, 0.0), v(size * 1.4, size, size), size * 200.0, concrete);
    }
    stage.litter(0.2, STRIP, 1.6, 14);
    stage.seen_from(v(-0.95, 1.30, STRIP - 1.75), v(0.16, 0.0, STRIP + 0.02), 58.0, sunny())
}

/// The same place with new stones, still brighter than the old ones.
pub(crate) fn tactile_repaired() -> Scene {
    let mut stage = Stage::new(42);
    stage.ground(|p| p.y > -0.001 && (gone(p) || beside(p)));
    stage.shops(-4, 5, 9);
    stage.sheet(v(-2.0, -0.001, STRIP - 0.6), v(0.0, 0.0, 1.2), v(4.0, 0.0, 0.0), |spot| {
        if beside(spot.p) {
            let mut paint = paving(spot);
            paint.colour = paint.colour.mix(rgb(168, 164, 154), 0.5);
            paint
        } else {
            tactile(spot, 0.0)
        }
    });
    stage.seen_from(v(-0.90, 1.34, STRIP - 1.85), v(0.12, 0.0, STRIP + 0.04), 58.0, sunny())
}

/// A kerb stone knocked out of the row by a lorry, and its pieces in the gutter.
pub(crate) fn kerb_broken() -> Scene {
    let mut stage = Stage::new(43);
    let open = |p: V3| {
        p.y > ROAD + 0.001 && (0.0..1.0).contains(&p.x) && p.z < 0.16 * fractal(v(p.x * 5.0, 0.0, 3.0), 3) + 0.02
    };
    stage.ground(open);
    stage.shops(-4, 5, 4);
    stage.sheet(v(-0.1, ROAD + 0.045, -0.16), v(0.0, 0.05, 0.6), v(1.2, 0.0, 0.0), sand);
    stage.block(v(-0.52, -0.075, -0.10), v(0.92, 0.16, 0.15), 0.06, granite);
    let lumps = [
        (0.18, -0.42, 0.30, 0.7),
        (0.62, -0.55, 0.24, 2.0),
        (0.86, -0.28, 0.16, 0.2),
        (0.38, -0.72, 0.10, 1.2),
        (0.05, -0.66, 0.08, 0.4),
    ];
    for (x, z, size, yaw) in lumps {
        stage.block(v(x, ROAD + size * 0.27, z), v(size * 1.25, size * 0.55, size * 0.6), yaw, granite);
    }
    for _ in 0..90 {
        let at = v(stage.dice.between(-0.3, 1.3), ROAD, -stage.dice.between(0.15, 0.95));
        let size = stage.dice.between(0.006, 0.03);
        stage.block(at + v(0.0, size * 0.3, 0.0), v(size * 1.3, size * 0.8, size), size * 300.0, granite);
    }
    stage.litter(0.5, -0.4, 1.2, 14);
    stage.seen_from(v(-0.75, 1.35, -2.55), v(0.42, -0.02, -0.1), 60.0, overcast())
}

/// Electric scooters left all over the guiding strip.
pub(crate) fn scooters() -> Scene {
    let mut stage = Stage::new(44);
    stage.ground(|_| false);
    stage.shops(-5, 6, 6);
    stage.tree(5.2, 0.75);
    let colours =
        [rgb(178, 30, 34), rgb(232, 232, 228), rgb(36, 92, 150), rgb(30, 30, 34), rgb(226, 170, 30), rgb(60, 140, 110)];
    for (index, colour) in (0..).zip(colours) {
        let x = -2.6 + 0.82 * f64::from(i32::try_from(index).unwrap_or(0)) + 0.2 * (cell(index, 0, 4) - 0.5);
        let turn = std::f64::consts::FRAC_PI_2 + 0.7 * (cell(index, 1, 4) - 0.5) + if index == 3 { 0.6 } else { 0.0 };
        scooter(&mut stage, v(x, 0.0, 1.75 + 0.5 * (cell(index, 2, 4) - 0.5)), turn, colour);
    }
    stage.litter(0.0, 1.2, 2.4, 14);
    stage.seen_from(v(-3.3, 1.62, -2.1), v(-0.25, 0.55, 1.95), 64.0, morning())
}

/// A scooter that looks along x before it is turned.
fn scooter(stage: &mut Stage, at: V3, yaw: f64, colour: V3) {
    let place = |x: f64, y: f64, z: f64| at + v(x, y, z).yawed(yaw);
    let shell = move |spot: &Spot| shiny(colour * (dirt(spot.p, 0.25) * (0.95 + 0.1 * noise(spot.p * 30.0))), 0.45);
    let rubber = worn(grey(34), 0.05);
    for x in [-0.62, 0.62] {
        stage.bar(place(x, 0.22, -0.055), place(x, 0.22, 0.055), 0.22, rubber_of(0.22));
        stage.bar(place(x, 0.22, -0.06), place(x, 0.22, 0.06), 0.13, worn(grey(160), 0.5));
        stage.bar(place(x, 0.22, -0.075), place(x, 0.22, 0.075), 0.04, worn(grey(60), 0.3));
    }
    stage.block(place(0.05, 0.30, 0.0), v(0.62, 0.10, 0.26), yaw, shell);
    stage.block(place(0.05, 0.358, 0.0), v(0.50, 0.02, 0.24), yaw, rubber);
    stage.ball(place(-0.42, 0.50, 0.0), v(0.30, 0.22, 0.16), shell);
    stage.ball(place(-0.66, 0.46, 0.0), v(0.22, 0.10, 0.10), shell);
    stage.ball(place(-0.30, 0.75, 0.0), v(0.34, 0.07, 0.15), worn(grey(30), 0.25));
    stage.ball(place(-0.58, 0.78, 0.0), v(0.18, 0.07, 0.14), worn(grey(30), 0.25));
    // Front: mudguard, column, leg shield, lamp, handlebar.
    stage.add_cut(Solid::Ball { centre: place(0.62, 0.26, 0.0), radii: v(0.25, 0.24, 0.10) }, shell, |spot| {
        spot.v < 0.25
    });
    stage.bar(place(0.60, 0.30, 0.0), place(0.40, 1.02, 0.0), 0.035, worn(grey(50), 0.4));
    stage.sheet(place(0.36, 0.34, -0.19), v(0.0, 0.0, 0.38).yawed(yaw), v(0.10, 0.62, 0.0).yawed(yaw), shell);
    stage.ball(place(0.50, 0.68, 0.0), v(0.10, 0.30, 0.16), shell);
    stage.ball(place(0.45, 1.00, 0.0), v(0.11, 0.10, 0.15), shell);
    stage.ball(place(0.52, 0.99, 0.0), v(0.06, 0.06, 0.07), |_| shiny(rgb(220, 222, 216), 0.8));
    stage.bar(place(0.36, 1.06, -0.34), place(0.36, 1.06, 0.34), 0.016, worn(grey(60), 0.4));
    for side in [-1.0, 1.0] {
        stage.bar(place(0.36, 1.06, side * 0.22), place(0.35, 1.06, side * 0.35), 0.022, worn(grey(24), 0.1));
        stage.bar(place(0.38, 1.06, side * 0.2), place(0.33, 1.24, side * 0.27), 0.006, worn(grey(40), 0.3));
        stage.ball(place(0.32, 1.27, side * 0.29), v(0.025, 0.045, 0.06), |_| shiny(grey(60), 0.9));
    }
    // A box for parcels behind, and the plate.
    stage.block(place(-0.80, 0.92, 0.0), v(0.30, 0.30, 0.34), yaw, worn(grey(46), 0.3));
    stage.bar(place(-0.72, 0.6, 0.0), place(-0.78, 0.8, 0.0), 0.02, worn(grey(90), 0.4));
    stage.block(place(-0.90, 0.52, 0.0), v(0.012, 0.13, 0.18), yaw, |_| shiny(rgb(210, 206, 196), 0.3));
    stage.bar(place(0.0, 0.27, 0.12), place(-0.08, 0.0, 0.24), 0.012, worn(grey(90), 0.4));
    debug_assert!(at.z < WALL);
}

/// Tyres, a little dusty on their tread.
fn rubber_of(radius: f64) -> impl Fn(&Spot) -> crate::shape::Paint + Sync {
    move |spot| {
        let dust = 0.25 * fractal(spot.p * (4.0 / radius), 3);
        matt(grey(30).mix(rgb(120, 112, 98), dust))
    }
}
