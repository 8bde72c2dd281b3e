//! A sewer without its cover, from afar and near, and with a new one.

use crate::noise::{fractal, noise};
use crate::paint::{asphalt, bark, concrete, glyph, iron, plastic_bag};
use crate::render::Scene;
use crate::shape::{Paint, Solid, Spot, matt, shiny};
use crate::stage::{ROAD, Stage, overcast, sunny};
use crate::vec::{V3, grey, rgb, smooth, v};

const AT: V3 = v(0.0, ROAD, -1.5);
const RADIUS: f64 = 0.35;

fn from_middle(p: V3) -> f64 {
    (p.x - AT.x).hypot(p.z - AT.z)
}

fn street(seed: u64) -> Stage {
    let mut stage = Stage::new(seed);
    stage.ground(|p| p.y < ROAD + 0.01 && from_middle(p) < RADIUS);
    stage.shops(-4, 5, 3);
    stage.tree(-2.6, 0.75);
    stage.litter(0.4, -0.6, 1.6, 26);
    stage
}

/// The ring that carries the cover, in a collar of concrete.
fn frame(stage: &mut Stage, fresh: f64) {
    let ring = move |spot: &Spot| {
        let off = from_middle(spot.p);
        if off > RADIUS + 0.06 {
            let paint = concrete(spot);
            let light = rgb(146, 143, 134) * (0.8 + 0.3 * noise(spot.p * 70.0));
            let crumbled = fractal(spot.p * 7.0, 4) > 0.52 + 0.3 * fresh;
            if crumbled { asphalt(spot) } else { Paint { colour: paint.colour.mix(light, fresh), ..paint } }
        } else {
            iron(spot)
        }
    };
    let reach = RADIUS + 0.24;
    stage.add_cut(
        Solid::Sheet {
            corner: AT + v(-reach, 0.006, -reach),
            u: v(0.0, 0.0, 2.0 * reach),
            v: v(2.0 * reach, 0.0, 0.0),
        },
        ring,
        move |spot| {
            let off = from_middle(spot.p);
            off < RADIUS - 0.01 || off > reach - 0.10 * (1.0 - fresh) * fractal(spot.p * 5.0, 3) - 0.02
        },
    );
}

/// The shaft below: wet bricks, and water in which the sky shows.
fn shaft(stage: &mut Stage) {
    let bricks = |spot: &Spot| {
        let depth = (ROAD - spot.p.y).max(0.0);
        let turn = (spot.p.z - AT.z).atan2(spot.p.x - AT.x) * RADIUS;
        let row = (depth / 0.07).floor();
        let joint = (depth / 0.07).fract() < 0.14 || ((turn + row * 0.06) / 0.13).rem_euclid(1.0) < 0.07;
        let collar = depth < 0.10;
        let wet = smooth(0.0, 1.2, depth);
        let colour = if joint { grey(104) } else { rgb(116, 82, 66) } * (0.6 + 0.6 * fractal(spot.p * 12.0, 4));
        if collar { iron(spot) } else { shiny(colour * (1.0 - 0.75 * wet), 0.15 + 0.3 * wet) }
    };
    stage.add_cut(Solid::Bar { from: AT - v(0.0, 2.2, 0.0), to: AT, radius: RADIUS }, bricks, |spot| {
        spot.n.y.abs() > 0.9
    });
    stage.ball(AT - v(0.0, 2.9, 0.0), v(0.6, 1.0, 0.6), |spot| {
        shiny(rgb(22, 24, 20) * (0.6 + noise(spot.p * 20.0)), 0.9)
    });
}

/// What neighbours do: a branch with a red bag stuck into the hole.
fn warning(stage: &mut Stage) {
    let foot = AT + v(0.12, -0.9, 0.05);
    let top = AT + v(-0.18, 1.15, 0.16);
    stage.bar(foot, top, 0.018, bark);
    stage.bar(top.mix(foot, 0.32), top + v(0.30, -0.12, 0.1), 0.010, bark);
    stage.bar(top.mix(foot, 0.18), top + v(-0.26, 0.10, -0.08), 0.009, bark);
    stage.ball(top + v(0.02, -0.02, 0.0), v(0.11, 0.17, 0.08), plastic_bag(rgb(176, 22, 26)));
    stage.ball(top + v(0.07, -0.20, 0.0), v(0.07, 0.14, 0.05), plastic_bag(rgb(170, 20, 24)));
    for (dx, dy, dz) in [(0.30, -0.10, 0.1), (0.22, -0.02, 0.12), (-0.24, 0.11, -0.08), (-0.15, 0.16, -0.05)] {
        for leaf in 0..14 {
            let turn = f64::from(leaf) * 2.4;
            let spread = |reach: f64| stage.dice.between(-reach, reach);
            let (mut spread, up) = (spread, v(0.0, 1.0, 0.0));
            let at = top + v(dx + spread(0.11), dy + spread(0.09), dz + spread(0.09));
            let along = v(turn.cos(), spread(0.7), turn.sin()).unit();
            let across = along.cross(up).unit();
            stage.add_cut(
                Solid::Sheet { corner: at, u: along * 0.085, v: across * 0.05 + up * 0.012 },
                |spot| matt(rgb(70, 104, 44) * (0.7 + 0.6 * noise(spot.p * 30.0))),
                |spot| (spot.v - 0.5).abs() > 0.5 * (spot.u * std::f64::consts::PI).sin(),
            );
        }
    }
}

/// From a few steps away: kerb, road and the open hole.
pub(crate) fn missing_scene() -> Scene {
    let mut stage = street(21);
    frame(&mut stage, 0.0);
    shaft(&mut stage);
    warning(&mut stage);
    stage.seen_from(v(-0.75, 1.45, -4.35), v(0.05, -0.05, -1.2), 58.0, sunny())
}

/// Straight down into it.
pub(crate) fn missing_close() -> Scene {
    let mut stage = street(22);
    frame(&mut stage, 0.0);
    shaft(&mut stage);
    let mut scene = stage.seen_from(v(0.08, 1.25, -2.35), v(0.0, ROAD, -1.42), 56.0, overcast());
    scene.portrait = true;
    scene
}

/// The new cover: cast iron, studded, with the character of its owner.
pub(crate) fn replaced() -> Scene {
    let mut stage = street(23);
    frame(&mut stage, 1.0);
    let cover = |spot: &Spot| {
        let (x, z) = (spot.p.x - AT.x, spot.p.z - AT.z);
        let off = x.hypot(z);
        let ring = smooth(0.004, 0.0, (off - 0.30).abs() - 0.006).max(smooth(0.004, 0.0, (off - 0.13).abs() - 0.005));
        let lattice = |along: f64| ((along / 0.042).fract() - 0.5).abs();
        let (a, b) = (lattice(x + z + 9.0), lattice(x - z + 9.0));
        let raised = if off < 0.12 {
            f64::from(u8::from(glyph(x / 0.17 + 0.5, z / 0.17 + 0.5, 3)))
        } else if off < 0.29 {
            smooth(0.32, 0.22, a.max(b))
        } else {
            0.0
        }
        .max(ring);
        let polish = 0.6 + 0.4 * noise(spot.p * 60.0);
        let tilt = v((x + z) * 9.0, 0.0, (z - x) * 9.0) * (raised * (1.0 - raised) * 2.0);
        let lift = fractal(spot.p * 80.0, 2) - 0.5;
        let keyhole = (x.abs() - 0.24).hypot(z) < 0.016;
        let colour = if keyhole { grey(8) } else { grey(52).mix(grey(116), raised) * polish };
        Paint { bump: tilt + v(lift, 0.0, lift) * 0.3, ..shiny(colour, 0.22) }
    };
    let gap = |spot: &Spot| if spot.n.y > 0.5 { matt(grey(58)) } else { matt(grey(20)) };
    stage.bar(AT - v(0.0, 0.1, 0.0), AT + v(0.0, 0.001, 0.0), RADIUS - 0.012, gap);
    stage.bar(AT - v(0.0, 0.1, 0.0), AT + v(0.0, 0.008, 0.0), RADIUS - 0.02, cover);
    stage.seen_from(v(-0.65, 1.4, -3.55), v(0.05, -0.1, -1.25), 58.0, sunny())
}
