//! A fruit stall on the pavement, and the pavement without it.

use crate::noise::{floor, fractal, noise};
use crate::paint::{cardboard, lettering, worn};
use crate::render::Scene;
use crate::shape::{Solid, matt, shiny};
use crate::stage::{Stage, sunny};
use crate::vec::{V3, grey, rgb, smooth, v};

fn street(seed: u64) -> Stage {
    let mut stage = Stage::new(seed);
    stage.ground(|_| false);
    stage.shops(-4, 5, 2);
    stage.tree(-3.9, 0.75);
    stage.tree(4.6, 0.75);
    stage.litter(0.0, 1.2, 2.5, 24);
    stage
}

/// Stall, umbrella and cartons take up the pavement and its guiding strip.
pub(crate) fn stall() -> Scene {
    let mut stage = street(11);
    table(&mut stage, v(-0.1, 0.0, 1.75));
    umbrella(&mut stage, v(0.75, 0.0, 2.1));
    for (x, z, yaw, size) in [(-1.75, 1.9, 0.2, 0.46), (-1.7, 1.45, -0.3, 0.38), (1.55, 1.5, 0.5, 0.42)] {
        stage.block(v(x, size * 0.36, z), v(size * 1.2, size * 0.72, size), yaw, cardboard);
    }
    stage.block(v(-1.78, 0.46, 1.88), v(0.46, 0.26, 0.36), 0.5, cardboard);
    // Foam boxes of vegetables on the ground.
    for (index, x) in [-1.15, -0.45, 0.3].into_iter().enumerate() {
        crate_of(
            &mut stage,
            v(x, 0.0, 0.95),
            0.56,
            0.05,
            grey(222),
            if index == 1 { Goods::Cabbages } else { Goods::Tomatoes },
        );
    }
    stool(&mut stage, v(1.45, 0.0, 2.3));
    stage.seen_from(v(-1.6, 1.58, -2.7), v(-0.05, 0.82, 1.9), 62.0, sunny())
}

/// The same place, swept.
pub(crate) fn cleared() -> Scene {
    street(12).seen_from(v(-1.35, 1.62, -2.9), v(0.0, 0.85, 1.9), 62.0, sunny())
}

#[derive(Clone, Copy)]
enum Goods {
    Oranges,
    Apples,
    Tomatoes,
    Cabbages,
    Cucumbers,
}

fn table(stage: &mut Stage, at: V3) {
    let cloth = |spot: &crate::shape::Spot| {
        let (a, b) = (floor(spot.p.x / 0.06).rem_euclid(2), floor((spot.p.y + spot.p.z) / 0.06).rem_euclid(2));
        let colour = match a + b {
            0 => rgb(210, 208, 204),
            1 => rgb(120, 130, 170),
            _ => rgb(52, 62, 130),
        };
        matt(colour * (0.7 + 0.5 * fractal(spot.p * 3.0, 4)))
    };
    stage.block(at + v(0.0, 0.70, 0.0), v(2.1, 0.05, 0.95), 0.0, cloth);
    let hem = move |spot: &crate::shape::Spot| {
        let fold = (spot.p.x * 16.0 + 3.0 * noise(spot.p * 3.0)).sin();
        let mut paint = cloth(spot);
        paint.bump = v(fold * 0.45, 0.0, 0.0);
        paint
    };
    stage.add_cut(
        Solid::Sheet { corner: at + v(-1.05, 0.22, -0.485), u: v(2.1, 0.0, 0.0), v: v(0.0, 0.5, 0.0) },
        hem,
        |spot| spot.v < 0.08 + 0.05 * (spot.u * 40.0).sin(),
    );
    for (x, z) in [(-1.0, -0.4), (1.0, -0.4), (-1.0, 0.4), (1.0, 0.4)] {
        stage.bar(at + v(x, 0.0, z), at + v(x, 0.7, z), 0.018, worn(grey(120), 0.3));
    }
    let trays = [
        (-0.78, rgb(30, 90, 160), Goods::Oranges),
        (-0.26, rgb(30, 120, 70), Goods::Apples),
        (0.26, rgb(30, 90, 160), Goods::Cucumbers),
        (0.78, rgb(170, 40, 40), Goods::Tomatoes),
    ];
    for (x, colour, goods) in trays {
        crate_of(stage, at + v(x, 0.725, -0.08), 0.48, 0.0, colour, goods);
    }
    // The price, on a piece of cardboard.
    for (x, seed) in [(-0.8, 5), (0.25, 8)] {
        stage.sheet(at + v(x, 0.86, -0.42), v(0.26, 0.0, 0.0), v(0.0, 0.18, 0.05), move |spot| {
            let ink = lettering(spot.u * 0.26 - 0.03, spot.v * 0.18 - 0.05, 0.07, 3, seed);
            matt(if ink { rgb(170, 20, 20) } else { rgb(206, 188, 150) })
        });
    }
}

/// An open box, heaped.
fn crate_of(stage: &mut Stage, at: V3, width: f64, yaw: f64, colour: V3, goods: Goods) {
    let (depth, height, wall) = (width * 0.85, 0.16, 0.018);
    for (offset, size) in [
        (v(0.0, height / 2.0, -depth / 2.0), v(width, height, wall)),
        (v(0.0, height / 2.0, depth / 2.0), v(width, height, wall)),
        (v(-width / 2.0, height / 2.0, 0.0), v(wall, height, depth)),
        (v(width / 2.0, height / 2.0, 0.0), v(wall, height, depth)),
        (v(0.0, 0.05, 0.0), v(width, 0.08, depth)),
    ] {
        stage.block(at + offset.yawed(yaw), size, yaw, worn(colour, 0.15));
    }
    let (size, layers) = match goods {
        Goods::Cabbages => (0.105, 1),
        Goods::Cucumbers => (0.02, 3),
        Goods::Oranges | Goods::Apples | Goods::Tomatoes => (0.042, 3),
    };
    for layer in 0..layers {
        let inset = f64::from(layer) * size * 0.9;
        let mut z = -depth / 2.0 + size + inset + 0.01;
        while z < depth / 2.0 - size - inset {
            let mut x = -width / 2.0 + size + inset + 0.01;
            while x < width / 2.0 - size - inset {
                let jitter =
                    v(stage.dice.between(-0.3, 0.3), stage.dice.between(-0.2, 0.3), stage.dice.between(-0.3, 0.3));
                let place = at + (v(x, 0.09 + size + f64::from(layer) * size * 1.5, z) + jitter * size).yawed(yaw);
                piece(stage, place, size, goods);
                x += if matches!(goods, Goods::Cucumbers) { width } else { size * 2.0 };
            }
            z += size * 2.0;
        }
    }
}

fn piece(stage: &mut Stage, at: V3, size: f64, goods: Goods) {
    let ripe = stage.dice.unit();
    let round = size * stage.dice.between(0.88, 1.08);
    match goods {
        Goods::Oranges => stage.ball(at, v(round, round * 0.94, round), move |spot| {
            shiny(rgb(216, 110, 16).mix(rgb(226, 150, 30), ripe) * (0.9 + 0.2 * noise(spot.p * 300.0)), 0.25)
        }),
        Goods::Apples => stage.ball(at, v(round, round * 0.92, round), move |spot| {
            let blush = smooth(0.35, 0.65, fractal(spot.p * 14.0, 3));
            shiny(rgb(176, 170, 60).mix(rgb(168, 26, 26), blush * (0.5 + 0.5 * ripe)), 0.35)
        }),
        Goods::Tomatoes => stage.ball(at, v(round, round * 0.85, round), move |_| {
            shiny(rgb(190, 30, 18).mix(rgb(206, 74, 30), ripe * ripe), 0.45)
        }),
        Goods::Cabbages => stage.ball(at, v(round, round * 0.85, round), move |spot| {
            let vein = smooth(0.5, 0.62, fractal(spot.p * v(24.0, 10.0, 24.0), 4));
            matt(rgb(112, 150, 70).mix(rgb(196, 210, 150), vein))
        }),
        Goods::Cucumbers => {
            let lean = stage.dice.between(-0.03, 0.03);
            stage.bar(at + v(0.02, 0.0, lean), at + v(0.36, lean * 0.3, -lean), size, move |spot| {
                let wart = noise(spot.p * 130.0);
                shiny(rgb(44, 84, 30).mix(rgb(86, 120, 50), ripe) * (0.7 + 0.5 * wart), 0.2)
            });
        }
    }
}

fn umbrella(stage: &mut Stage, at: V3) {
    stage.bar(at, at + v(0.0, 2.35, 0.0), 0.022, worn(grey(200), 0.4));
    stage.bar(at, at + v(0.0, 0.09, 0.0), 0.26, worn(grey(70), 0.1));
    let panel = |spot: &crate::shape::Spot| {
        let wedge = floor(spot.u / std::f64::consts::TAU * 8.0).rem_euclid(2) == 0;
        let colour = if wedge { rgb(186, 36, 34) } else { rgb(222, 214, 196) };
        matt(colour * (0.82 + 0.25 * fractal(spot.p * 4.0, 3)))
    };
    stage.add_cut(Solid::Ball { centre: at + v(0.0, 1.85, 0.0), radii: v(1.45, 0.56, 1.35) }, panel, |spot| {
        spot.v < 0.10 + 0.05 * (spot.u * 8.0).cos().abs()
    });
    for rib in 0..8 {
        let turn = f64::from(rib) * std::f64::consts::TAU / 8.0;
        let tip = at + v(1.40 * turn.cos(), 1.95, 1.3 * turn.sin());
        stage.bar(at + v(0.0, 1.9, 0.0), tip, 0.006, worn(grey(90), 0.4));
    }
}

fn stool(stage: &mut Stage, at: V3) {
    stage.block(at + v(0.0, 0.40, 0.0), v(0.30, 0.04, 0.30), 0.3, worn(rgb(190, 40, 40), 0.3));
    for (x, z) in [(-0.12, -0.12), (0.12, -0.12), (-0.12, 0.12), (0.12, 0.12)] {
        stage.bar(at + v(x * 1.25, 0.0, z * 1.25), at + v(x, 0.4, z), 0.016, worn(rgb(190, 40, 40), 0.3));
    }
}
