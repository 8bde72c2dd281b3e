//! Rubbish beside the bins, and the place after the lorry came.

use crate::noise::{fractal, noise};
use crate::paint::{cardboard, dirt, lettering, paving, plastic_bag, tactile, worn};
use crate::render::Scene;
use crate::shape::{Paint, Solid, Spot, matt, shiny};
use crate::stage::{Stage, overcast};
use crate::vec::{V3, grey, rgb, v};

const BINS: f64 = 2.75;

fn place(seed: u64) -> Stage {
    let mut stage = Stage::new(seed);
    stage.ground(|_| false);
    stage.shops(-4, 5, 8);
    stage.tree(-3.1, 0.8);
    stage
}

/// A wheeled bin of 240 litres.
fn bin(stage: &mut Stage, at: V3, yaw: f64, colour: V3, lid_degrees: f64, seed: i64) {
    let shell = move |spot: &Spot| {
        let label = spot.n.z < -0.7 && spot.u.abs() < 0.15 && (0.05..0.30).contains(&spot.v);
        let sign = label && lettering(spot.u + 0.13, spot.v - 0.10, 0.065, 4, seed);
        let rib = (spot.v - 0.40).abs() < 0.02;
        let smear = fractal(spot.p * v(6.0, 2.0, 6.0), 4);
        let colour = if sign {
            grey(220)
        } else if label {
            colour * 0.7
        } else {
            colour * if rib { 0.75 } else { 1.0 }
        };
        shiny(colour.mix(rgb(70, 62, 50), 0.55 * (smear - 0.3).max(0.0)) * dirt(spot.p, 0.2), 0.22)
    };
    stage.block(at + v(0.0, 0.55, 0.0), v(0.54, 0.92, 0.60), yaw, shell);
    stage.block(at + v(0.0, 0.99, 0.0), v(0.60, 0.06, 0.66), yaw, worn(colour * 0.9, 0.25));
    let hinge = at + v(0.0, 1.03, 0.32).yawed(yaw);
    let (sin, cos) = lid_degrees.to_radians().sin_cos();
    let corner = hinge + v(-0.31, 0.0, 0.0).yawed(yaw);
    stage.sheet(
        corner,
        v(0.62, 0.0, 0.0).yawed(yaw),
        v(0.0, 0.68 * sin, -0.68 * cos).yawed(yaw),
        worn(colour * 0.85, 0.3),
    );
    for side in [-0.24, 0.24] {
        let axle = v(side, 0.1, 0.27).yawed(yaw);
        stage.bar(at + axle, at + axle + v(0.05 * side.signum(), 0.0, 0.0).yawed(yaw), 0.10, worn(grey(28), 0.1));
    }
}

fn bag(stage: &mut Stage, at: V3, size: f64, colour: V3) {
    let squash = stage.dice.between(0.68, 0.85);
    let wide = stage.dice.between(0.9, 1.2);
    stage.ball(at + v(0.0, size * squash * 0.92, 0.0), v(size * wide, size * squash, size), plastic_bag(colour));
    // The knot, and a second bulge, so that it is no egg.
    stage.ball(
        at + v(size * 0.1, size * squash * 1.85, 0.0),
        v(size * 0.26, size * 0.24, size * 0.26),
        plastic_bag(colour),
    );
    let lean = stage.dice.between(-0.5, 0.5);
    stage.ball(
        at + v(size * lean, size * 0.5, -size * 0.35),
        v(size * 0.75, size * 0.52, size * 0.7),
        plastic_bag(colour),
    );
}

/// Full bins, bags around them, some torn open.
pub(crate) fn garbage() -> Scene {
    let mut stage = place(51);
    bin(&mut stage, v(-0.55, 0.0, BINS), 0.08, rgb(34, 104, 62), 38.0, 3);
    bin(&mut stage, v(0.22, 0.0, BINS + 0.05), -0.05, rgb(92, 96, 98), 24.0, 5);
    let black = rgb(22, 22, 25);
    bag(&mut stage, v(-0.6, 0.93, BINS - 0.02), 0.20, black);
    bag(&mut stage, v(0.24, 0.93, BINS), 0.19, rgb(196, 198, 202));
    for (x, z, size, colour) in [
        (-1.15, 2.55, 0.30, black),
        (-1.0, 2.05, 0.27, black),
        (-0.38, 2.02, 0.31, black),
        (0.32, 1.95, 0.27, rgb(60, 92, 140)),
        (0.92, 2.6, 0.29, black),
        (0.98, 2.08, 0.24, rgb(200, 200, 202)),
        (-0.02, 2.22, 0.22, rgb(160, 40, 44)),
        (-1.6, 2.35, 0.22, rgb(190, 190, 188)),
        (-0.75, 2.32, 0.28, black),
    ] {
        bag(&mut stage, v(x, 0.0, z), size, colour);
    }
    for (x, y, z, yaw, size) in [
        (1.45, 0.0, 2.25, 0.4, 0.42),
        (1.42, 0.32, 2.3, -0.2, 0.34),
        (-1.75, 0.0, 1.85, 0.9, 0.36),
        (0.62, 0.0, 1.55, 0.7, 0.26),
    ] {
        stage.block(v(x, y + size * 0.38, z), v(size * 1.25, size * 0.76, size), yaw, cardboard);
    }
    spilt(&mut stage);
    stage.seen_from(v(-1.35, 1.55, -1.15), v(-0.06, 0.48, 2.35), 60.0, overcast())
}

/// What ran out of a torn bag.
fn spilt(stage: &mut Stage) {
    for _ in 0..70 {
        let at = v(stage.dice.between(-1.7, 1.3), 0.0, stage.dice.between(1.0, 1.95));
        let size = stage.dice.between(0.015, 0.05);
        let turn = stage.dice.between(0.0, std::f64::consts::TAU);
        match crate::noise::floor(stage.dice.between(0.0, 5.0)) {
            0 => stage.ball(at + v(0.0, size * 0.5, 0.0), v(size, size * 0.5, size * 0.8), |spot| {
                matt(rgb(196, 120, 30) * (0.6 + 0.6 * noise(spot.p * 60.0)))
            }),
            1 => stage.ball(at + v(0.0, size * 0.3, 0.0), v(size * 1.3, size * 0.35, size), |spot| {
                matt(rgb(92, 120, 50) * (0.6 + 0.6 * noise(spot.p * 50.0)))
            }),
            2 => {
                let along = v(size * 2.6, 0.0, 0.0).yawed(turn);
                let lift = v(0.0, size * 0.6, 0.0);
                stage.bar(at + lift, at + along + lift, size * 0.55, |_| shiny(rgb(190, 204, 206), 0.7));
                stage.bar(at + along + lift, at + along * 1.25 + lift, size * 0.25, worn(rgb(40, 80, 160), 0.3));
            }
            _ => {
                let (u, w) = (v(size * 3.0, size * 0.8, 0.0).yawed(turn), v(0.0, size * 0.3, size * 2.4).yawed(turn));
                let shade = stage.dice.between(0.5, 1.0);
                stage.add_cut(
                    Solid::Sheet { corner: at + v(0.0, 0.006, 0.0), u, v: w },
                    move |spot| Paint {
                        bump: v(noise(spot.p * 40.0) - 0.5, 0.0, noise(spot.p * 44.0) - 0.5),
                        ..matt(rgb(206, 202, 190) * shade)
                    },
                    |spot| fractal(v(spot.u * 4.0, spot.v * 4.0, spot.p.x * 0.1), 3) > 0.62,
                );
            }
        }
    }
    stage.sheet(v(-0.9, 0.003, 1.05), v(0.0, 0.0, 0.8), v(1.5, 0.0, 0.0), |spot| {
        shiny(rgb(60, 50, 38) * (0.5 + noise(spot.p * 14.0)), 0.5)
    });
    let puddle = stage.bodies.len() - 1;
    stage.bodies[puddle].cut = Some(Box::new(|spot: &Spot| {
        let off = (spot.u - 0.5).hypot(spot.v - 0.5);
        off + 0.5 * (fractal(spot.p * 4.0, 4) - 0.5) > 0.36
    }));
}

/// Emptied, closed, swept and rinsed.
pub(crate) fn collected() -> Scene {
    let mut stage = place(52);
    bin(&mut stage, v(-0.55, 0.0, BINS + 0.1), 0.02, rgb(34, 104, 62), 2.0, 3);
    bin(&mut stage, v(0.22, 0.0, BINS + 0.1), 0.0, rgb(92, 96, 98), 2.0, 5);
    stage.sheet(v(-2.0, 0.002, 0.9), v(0.0, 0.0, 1.9), v(3.8, 0.0, 0.0), |spot| {
        // Water stands on the stones and darkens them.
        let dry = if (1.8..2.1).contains(&spot.p.z) { tactile(spot, 0.35) } else { paving(spot) };
        shiny(dry.colour * 0.62, 0.5)
    });
    let wet = stage.bodies.len() - 1;
    stage.bodies[wet].cut = Some(Box::new(|spot: &Spot| fractal(spot.p * 2.6, 4) < 0.60));
    stage.seen_from(v(-1.25, 1.58, -1.3), v(-0.1, 0.5, 2.35), 60.0, overcast())
}
