//! Solids, where a ray meets them, and what they are painted with.

use crate::vec::{V3, v};

pub(crate) struct Ray {
    pub(crate) from: V3,
    pub(crate) along: V3,
}

impl Ray {
    pub(crate) fn at(&self, t: f64) -> V3 {
        self.from + self.along * t
    }
}

/// A place on a surface: world position, normal, and coordinates on the surface itself (metres, or 0–1 on a sheet).
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) p: V3,
    pub(crate) n: V3,
    pub(crate) u: f64,
    pub(crate) v: f64,
}

/// How a spot takes light.
pub(crate) struct Paint {
    pub(crate) colour: V3,
    /// 0 chalk, 1 glass.
    pub(crate) gloss: f64,
    /// Added to the normal: grooves and grains that are not modelled.
    pub(crate) bump: V3,
}

pub(crate) fn matt(colour: V3) -> Paint {
    Paint { colour, gloss: 0.0, bump: v(0.0, 0.0, 0.0) }
}

pub(crate) fn shiny(colour: V3, gloss: f64) -> Paint {
    Paint { colour, gloss, bump: v(0.0, 0.0, 0.0) }
}

pub(crate) enum Solid {
    /// A box standing upright, turned by `yaw`.
    Block {
        centre: V3,
        half: V3,
        yaw: f64,
    },
    Ball {
        centre: V3,
        radii: V3,
    },
    /// A round bar with flat ends.
    Bar {
        from: V3,
        to: V3,
        radius: f64,
    },
    /// A parallelogram, seen from both sides.
    Sheet {
        corner: V3,
        u: V3,
        v: V3,
    },
}

type Painter = Box<dyn Fn(&Spot) -> Paint + Sync>;
type Cutter = Box<dyn Fn(&Spot) -> bool + Sync>;

pub(crate) struct Body {
    pub(crate) solid: Solid,
    pub(crate) paint: Painter,
    /// Where there is a hole.
    pub(crate) cut: Option<Cutter>,
}

pub(crate) struct Hit {
    pub(crate) t: f64,
    pub(crate) spot: Spot,
}

const NEAR: f64 = 1e-4;

impl Body {
    pub(crate) fn hit(&self, ray: &Ray, far: f64) -> Option<Hit> {
        let mut from = NEAR;
        // A hole lets the ray on to the far side of the same solid.
        for _ in 0..2 {
            let hit = self.solid.hit(ray, from).filter(|hit| hit.t < far)?;
            if self.cut.as_ref().is_none_or(|cut| !cut(&hit.spot)) {
                return Some(hit);
            }
            from = hit.t + NEAR;
        }
        None
    }
}

impl Solid {
    pub(crate) fn bounds(&self) -> (V3, V3) {
        let pad = v(1e-3, 1e-3, 1e-3);
        let (low, high) = match self {
            Self::Block { centre, half, yaw } => {
                let reach = if *yaw == 0.0 { *half } else { v(half.x.hypot(half.z), half.y, half.x.hypot(half.z)) };
                (*centre - reach, *centre + reach)
            }
            Self::Ball { centre, radii } => (*centre - *radii, *centre + *radii),
            Self::Bar { from, to, radius } => {
                let reach = v(*radius, *radius, *radius);
                (from.min(*to) - reach, from.max(*to) + reach)
            }
            Self::Sheet { corner, u, v: w } => {
                let corners = [*corner, *corner + *u, *corner + *w, *corner + *u + *w];
                corners.iter().fold((*corner, *corner), |(low, high), c| (low.min(*c), high.max(*c)))
            }
        };
        (low - pad, high + pad)
    }

    fn hit(&self, ray: &Ray, near: f64) -> Option<Hit> {
        match self {
            Self::Block { centre, half, yaw } => {
                let local = Ray { from: (ray.from - *centre).yawed(-yaw), along: ray.along.yawed(-yaw) };
                let (t, n) = hit_block(&local, *half, near)?;
                let p = local.at(t);
                let (u, w) = if n.x != 0.0 {
                    (p.z, p.y)
                } else if n.y != 0.0 {
                    (p.x, p.z)
                } else {
                    (p.x, p.y)
                };
                Some(Hit { t, spot: Spot { p: ray.at(t), n: n.yawed(*yaw), u, v: w } })
            }
            Self::Ball { centre, radii } => {
                let scale = v(1.0 / radii.x, 1.0 / radii.y, 1.0 / radii.z);
                let (from, along) = ((ray.from - *centre) * scale, ray.along * scale);
                let (a, b, c) = (along.dot(along), from.dot(along), from.dot(from) - 1.0);
                let root = (b * b - a * c).max(-1.0).sqrt();
                let t = [(-b - root) / a, (-b + root) / a].into_iter().find(|t| *t > near)?;
                let (p, on) = (ray.at(t), from + along * t);
                let n = (on * scale).unit();
                Some(Hit { t, spot: Spot { p, n, u: on.z.atan2(on.x), v: on.y } })
            }
            Self::Bar { from, to, radius } => hit_bar(ray, *from, *to, *radius, near),
            Self::Sheet { corner, u, v: w } => {
                let normal = u.cross(*w).unit();
                let t = (*corner - ray.from).dot(normal) / ray.along.dot(normal);
                if t.is_nan() || t <= near {
                    return None;
                }
                let on = ray.at(t) - *corner;
                let across = w.cross(normal);
                let down = normal.cross(*u);
                let (su, sv) = (on.dot(across) / u.dot(across), on.dot(down) / w.dot(down));
                ((0.0..=1.0).contains(&su) && (0.0..=1.0).contains(&sv)).then(|| {
                    let n = if ray.along.dot(normal) > 0.0 { -normal } else { normal };
                    Hit { t, spot: Spot { p: ray.at(t), n, u: su, v: sv } }
                })
            }
        }
    }
}

fn hit_block(ray: &Ray, half: V3, near: f64) -> Option<(f64, V3)> {
    let (mut enter, mut leave) = (f64::MIN, f64::MAX);
    let (mut enter_n, mut leave_n) = (v(0.0, 1.0, 0.0), v(0.0, 1.0, 0.0));
    let axes = [
        (ray.from.x, ray.along.x, half.x, v(1.0, 0.0, 0.0)),
        (ray.from.y, ray.along.y, half.y, v(0.0, 1.0, 0.0)),
        (ray.from.z, ray.along.z, half.z, v(0.0, 0.0, 1.0)),
    ];
    for (from, along, half, axis) in axes {
        let along = if along.abs() < 1e-12 { 1e-12 } else { along };
        let (a, b) = ((-half - from) / along, (half - from) / along);
        let side = axis * -along.signum();
        if a.min(b) > enter {
            (enter, enter_n) = (a.min(b), side);
        }
        if a.max(b) < leave {
            (leave, leave_n) = (a.max(b), side);
        }
    }
    if enter > leave || leave < near {
        None
    } else if enter > near {
        Some((enter, enter_n))
    } else {
        Some((leave, leave_n))
    }
}

fn hit_bar(ray: &Ray, from: V3, to: V3, radius: f64, near: f64) -> Option<Hit> {
    let axis = (to - from).unit();
    let length = (to - from).length();
    let offset = ray.from - from;
    let side = |a: V3| a - axis * a.dot(axis);
    let (along, off) = (side(ray.along), side(offset));
    let (a, b, c) = (along.dot(along), off.dot(along), off.dot(off) - radius * radius);
    let root = b * b - a * c;
    let mut best: Option<Hit> = None;
    let mut offer = |t: f64, n: V3, u: f64, w: f64| {
        if t > near && best.as_ref().is_none_or(|hit| t < hit.t) {
            best = Some(Hit { t, spot: Spot { p: ray.at(t), n, u, v: w } });
        }
    };
    if root >= 0.0 && a > 1e-12 {
        for t in [(-b - root.sqrt()) / a, (-b + root.sqrt()) / a] {
            let on = offset + ray.along * t;
            let height = on.dot(axis);
            if (0.0..=length).contains(&height) {
                let n = side(on).unit();
                let across = if axis.y.abs() > 0.9 { n.z.atan2(n.x) } else { n.y.atan2(n.x + n.z) };
                offer(t, n, across * radius, height);
            }
        }
    }
    for (height, n) in [(0.0, -axis), (length, axis)] {
        let facing = ray.along.dot(axis);
        if facing.abs() > 1e-9 {
            let t = (height - offset.dot(axis)) / facing;
            let on = side(offset + ray.along * t);
            if on.dot(on) <= radius * radius {
                offer(t, n, on.x, on.z);
            }
        }
    }
    best
}
