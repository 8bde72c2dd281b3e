//! Irregularity that is the same each time: dust, stains, grain.

use crate::vec::{V3, smooth, v};

/// A number from 0 to 1 for a cell of a grid.
#[expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "bits are mixed, not counted")]
pub(crate) fn cell(x: i64, y: i64, seed: u64) -> f64 {
    let mut bits = (x as u64)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add((y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
        .wrapping_add(seed.wrapping_mul(0x1656_67B1_9E37_79F9));
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 32)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 40) as i64 as f64 / 16_777_216.0
}

#[expect(clippy::cast_possible_truncation, reason = "scenes are metres wide, not light years")]
pub(crate) fn floor(value: f64) -> i64 {
    value.floor() as i64
}

/// Smooth noise from 0 to 1 with bumps of size 1.
pub(crate) fn noise(p: V3) -> f64 {
    let (x, y, z) = (floor(p.x), floor(p.y), floor(p.z));
    let (fx, fy, fz) =
        (smooth(0.0, 1.0, p.x - p.x.floor()), smooth(0.0, 1.0, p.y - p.y.floor()), smooth(0.0, 1.0, p.z - p.z.floor()));
    let corner = |dx: i64, dy: i64, dz: i64| cell(x + dx, (y + dy) * 7919 + (z + dz), 17);
    let along = |dy, dz| corner(0, dy, dz) * (1.0 - fx) + corner(1, dy, dz) * fx;
    let plane = |dz| along(0, dz) * (1.0 - fy) + along(1, dz) * fy;
    plane(0) * (1.0 - fz) + plane(1) * fz
}

/// Noise of many sizes, from 0 to 1, about 0.5 on average.
pub(crate) fn fractal(p: V3, octaves: u32) -> f64 {
    let (mut sum, mut weight, mut total, mut at) = (0.0, 1.0, 0.0, p);
    for _ in 0..octaves {
        sum += weight * noise(at);
        total += weight;
        weight *= 0.5;
        at = at * 2.03 + v(11.3, 5.7, 3.1);
    }
    sum / total
}
