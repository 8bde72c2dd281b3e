//! Points, directions and colours: three numbers each.

use std::ops::{Add, Mul, Neg, Sub};

/// Metres (x along the street, y up, z away from the road) or light (red, green, blue; linear).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct V3 {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) z: f64,
}

pub(crate) const fn v(x: f64, y: f64, z: f64) -> V3 {
    V3 { x, y, z }
}

/// A colour from the 0–255 that paint charts use, made linear.
pub(crate) fn rgb(red: u8, green: u8, blue: u8) -> V3 {
    let linear = |part: u8| (f64::from(part) / 255.0).powf(2.2);
    v(linear(red), linear(green), linear(blue))
}

pub(crate) fn grey(level: u8) -> V3 {
    rgb(level, level, level)
}

impl Add for V3 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        v(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl Sub for V3 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        v(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul<f64> for V3 {
    type Output = Self;
    fn mul(self, by: f64) -> Self {
        v(self.x * by, self.y * by, self.z * by)
    }
}

impl Mul for V3 {
    type Output = Self;
    fn mul(self, by: Self) -> Self {
        v(self.x * by.x, self.y * by.y, self.z * by.z)
    }
}

impl Neg for V3 {
    type Output = Self;
    fn neg(self) -> Self {
        self * -1.0
    }
}

impl V3 {
    pub(crate) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(crate) fn cross(self, other: Self) -> Self {
        v(self.y * other.z - self.z * other.y, self.z * other.x - self.x * other.z, self.x * other.y - self.y * other.x)
    }

    pub(crate) fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    pub(crate) fn unit(self) -> Self {
        self * (1.0 / self.length().max(1e-12))
    }

    /// This at 0, `other` at 1.
    pub(crate) fn mix(self, other: Self, share: f64) -> Self {
        self * (1.0 - share) + other * share
    }

    pub(crate) fn min(self, other: Self) -> Self {
        v(self.x.min(other.x), self.y.min(other.y), self.z.min(other.z))
    }

    pub(crate) fn max(self, other: Self) -> Self {
        v(self.x.max(other.x), self.y.max(other.y), self.z.max(other.z))
    }

    /// Turned about the vertical axis, anticlockwise seen from above.
    pub(crate) fn yawed(self, radians: f64) -> Self {
        let (sin, cos) = radians.sin_cos();
        v(cos * self.x + sin * self.z, self.y, cos * self.z - sin * self.x)
    }
}

/// 0 below `from`, 1 above `to`, smooth between.
pub(crate) fn smooth(from: f64, to: f64, value: f64) -> f64 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}
