//! A scene becomes a picture: sun with soft shadows, sky, a little of the lens and of the sensor.

use image::{Rgb, RgbImage};
use xuncheng_tests::fixtures::Dice;

use crate::shape::{Body, Hit, Ray};
use crate::tree::Tree;
use crate::vec::{V3, smooth, v};

pub(crate) struct Scene {
    pub(crate) bodies: Vec<Body>,
    pub(crate) light: Light,
    pub(crate) eye: V3,
    pub(crate) look_at: V3,
    /// Of the longer edge.
    pub(crate) field_of_view_degrees: f64,
    pub(crate) portrait: bool,
}

pub(crate) struct Light {
    /// Towards the sun.
    pub(crate) sun: V3,
    pub(crate) sun_colour: V3,
    pub(crate) sky_colour: V3,
    /// Width of the sun as seen through haze: how soft shadows are.
    pub(crate) haze: f64,
    pub(crate) exposure: f64,
}

const LONG: u32 = 1600;
const SHORT: u32 = 1200;
const RAYS_PER_PIXEL: u32 = 4;
const FAR: f64 = 1e9;

/// Draws `scene` upright, with grain that `seed` decides.
pub(crate) fn render(scene: &Scene, seed: u64) -> RgbImage {
    let (width, height) = if scene.portrait { (SHORT, LONG) } else { (LONG, SHORT) };
    let tree = Tree::of(&scene.bodies);
    let painter = Painter { scene, tree: &tree, width, height };
    let mut picture = RgbImage::new(width, height);
    // Two halves at once; every pixel has dice of its own, so that it does not matter who draws it.
    let row_bytes = 3 * usize::try_from(width).unwrap_or(0);
    let half = usize::try_from(height / 2).unwrap_or(0);
    let (upper, lower) = picture.split_at_mut(row_bytes * half);
    std::thread::scope(|scope| {
        scope.spawn(|| painter.fill(upper, 0, seed));
        painter.fill(lower, height / 2, seed);
    });
    picture
}

struct Painter<'a> {
    scene: &'a Scene,
    tree: &'a Tree<'a>,
    width: u32,
    height: u32,
}

impl Painter<'_> {
    fn fill(&self, pixels: &mut [u8], first_row: u32, seed: u64) {
        let (mut x, mut y) = (0, first_row);
        for pixel in pixels.chunks_exact_mut(3) {
            pixel.copy_from_slice(&self.pixel(x, y, seed).0);
            x += 1;
            if x == self.width {
                (x, y) = (0, y + 1);
            }
        }
    }

    fn pixel(&self, x: u32, y: u32, seed: u64) -> Rgb<u8> {
        let mut dice = Dice::new(seed ^ (u64::from(y) << 32) ^ u64::from(x).wrapping_mul(0x5851_F42D));
        let mut light = v(0.0, 0.0, 0.0);
        for _ in 0..RAYS_PER_PIXEL {
            let (dx, dy) = (dice.unit() * 1.4 - 0.2, dice.unit() * 1.4 - 0.2);
            light = light + self.seen(&self.ray(f64::from(x) + dx, f64::from(y) + dy), &mut dice, 1);
        }
        light = light * (self.scene.light.exposure / f64::from(RAYS_PER_PIXEL));
        let (cx, cy) = (f64::from(x) / f64::from(self.width) - 0.5, f64::from(y) / f64::from(self.height) - 0.5);
        light = light * (1.0 - 0.55 * (cx * cx + cy * cy));
        // A phone's colours, not a paint box's.
        let luma = 0.25 * light.x + 0.65 * light.y + 0.10 * light.z;
        light = light.mix(v(luma, luma, luma), 0.22);
        let grain = dice.between(-1.0, 1.0) + dice.between(-1.0, 1.0);
        Rgb([light.x, light.y, light.z].map(|part| developed(part, grain + 0.5 * dice.between(-1.0, 1.0))))
    }

    fn ray(&self, x: f64, y: f64) -> Ray {
        let forward = (self.scene.look_at - self.scene.eye).unit();
        let right = v(0.0, 1.0, 0.0).cross(forward).unit();
        let up = forward.cross(right);
        let long = f64::from(self.width.max(self.height));
        let reach = (self.scene.field_of_view_degrees.to_radians() / 2.0).tan() * 2.0 / long;
        let (sx, sy) = ((x - f64::from(self.width) / 2.0) * reach, (f64::from(self.height) / 2.0 - y) * reach);
        Ray { from: self.scene.eye, along: (forward + right * sx + up * sy).unit() }
    }

    fn seen(&self, ray: &Ray, dice: &mut Dice, mirrors: u32) -> V3 {
        let Some((body, hit)) = self.tree.nearest(ray, FAR) else { return self.sky(ray.along) };
        let lit = self.lit(body, &hit, ray, dice, mirrors);
        // Summer haze.
        lit.mix(self.scene.light.sky_colour * 0.9, smooth(15.0, 160.0, hit.t) * 0.7)
    }

    fn lit(&self, body: &Body, hit: &Hit, ray: &Ray, dice: &mut Dice, mirrors: u32) -> V3 {
        let light = &self.scene.light;
        let paint = (body.paint)(&hit.spot);
        let face = if hit.spot.n.dot(ray.along) > 0.0 { -hit.spot.n } else { hit.spot.n };
        let n = (face + paint.bump).unit();
        let p = hit.spot.p + face * 1e-3;

        let sun = (light.sun + random_direction(dice) * light.haze).unit();
        let facing = n.dot(sun).max(0.0) * smooth(-0.02, 0.1, face.dot(sun));
        let direct =
            if facing > 0.0 && self.tree.nearest(&Ray { from: p, along: sun }, FAR).is_none() { facing } else { 0.0 };

        let around = (n + random_direction(dice) * 0.98).unit();
        // What a mirror shows need not be lit as well as what it hangs on.
        let near = if mirrors > 0 { self.tree.nearest(&Ray { from: p, along: around }, 3.0) } else { None };
        let ambient = match near {
            None => light.sky_colour * (0.55 + 0.45 * around.y.max(0.0)) + v(0.20, 0.185, 0.16) * (-around.y).max(0.0),
            // What is near takes away light, and gives back some of its own colour.
            Some((near, bounce)) => {
                let colour = (near.paint)(&bounce.spot).colour;
                (colour * light.sky_colour * 0.42 + light.sky_colour * 0.06) * smooth(-0.4, 1.2, bounce.t)
            }
        };
        let mut colour = paint.colour * (light.sun_colour * direct + ambient);
        if paint.gloss > 0.0 {
            let mirrored = ray.along - n * (2.0 * ray.along.dot(n));
            let grazing = (1.0 + ray.along.dot(n)).clamp(0.0, 1.0).powi(5);
            let share = paint.gloss * (0.06 + 0.94 * grazing);
            let spark = mirrored.dot(sun).max(0.0).powf(20.0 + 200.0 * paint.gloss);
            colour = colour + light.sun_colour * (spark * paint.gloss * 1.5 * direct);
            if mirrors > 0 && share > 0.015 {
                let blur = random_direction(dice) * (0.12 * (1.0 - paint.gloss));
                let reflected = Ray { from: p, along: (mirrored + blur).unit() };
                colour = colour.mix(self.seen(&reflected, dice, mirrors - 1), share);
            }
        }
        colour
    }

    fn sky(&self, along: V3) -> V3 {
        let light = &self.scene.light;
        let height = smooth(-0.1, 0.9, along.y);
        let blue = light.sky_colour * v(0.72, 0.9, 1.25);
        (light.sky_colour * 1.15).mix(blue, height)
    }
}

fn random_direction(dice: &mut Dice) -> V3 {
    let (height, turn) = (dice.between(-1.0, 1.0), dice.unit() * std::f64::consts::TAU);
    let across = (1.0 - height * height).sqrt();
    v(across * turn.cos(), height, across * turn.sin())
}

/// Light to a byte: a shoulder for the bright, gamma, and the sensor's grain, which shows most in the dark.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
fn developed(light: f64, grain: f64) -> u8 {
    let light = light.max(0.0);
    let filmic = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14);
    let value = filmic.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0;
    (value + grain * (3.2 - 1.6 * filmic)).round().clamp(0.0, 255.0) as u8
}
