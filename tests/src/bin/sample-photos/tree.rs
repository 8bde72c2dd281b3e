//! Boxes within boxes, so that a ray asks only the bodies near its way.

use crate::shape::{Body, Hit, Ray};
use crate::vec::V3;

pub(crate) struct Tree<'a> {
    low: V3,
    high: V3,
    below: Below<'a>,
}

enum Below<'a> {
    Bodies(Vec<&'a Body>),
    Halves(Box<(Tree<'a>, Tree<'a>)>),
}

impl<'a> Tree<'a> {
    pub(crate) fn of(bodies: &'a [Body]) -> Self {
        Self::build(bodies.iter().collect())
    }

    fn build(mut bodies: Vec<&'a Body>) -> Self {
        let bounds = |body: &Body| body.solid.bounds();
        let Some(first) = bodies.first() else {
            let nowhere = crate::vec::v(0.0, -1e9, 0.0);
            return Self { low: nowhere, high: nowhere, below: Below::Bodies(Vec::new()) };
        };
        let (low, high) =
            bodies.iter().map(|body| bounds(body)).fold(bounds(first), |(low, high), (l, h)| (low.min(l), high.max(h)));
        if bodies.len() <= 4 {
            return Self { low, high, below: Below::Bodies(bodies) };
        }
        let size = high - low;
        let place = |body: &Body| {
            let (l, h) = bounds(body);
            let middle = l + h;
            if size.x >= size.y && size.x >= size.z {
                middle.x
            } else if size.y >= size.z {
                middle.y
            } else {
                middle.z
            }
        };
        bodies.sort_by(|a, b| place(a).total_cmp(&place(b)));
        let upper = bodies.split_off(bodies.len() / 2);
        Self { low, high, below: Below::Halves(Box::new((Self::build(bodies), Self::build(upper)))) }
    }

    /// The first body that `ray` meets before `far` metres.
    pub(crate) fn nearest(&self, ray: &Ray, far: f64) -> Option<(&'a Body, Hit)> {
        if !self.touched(ray, far) {
            return None;
        }
        let mut best: Option<(&'a Body, Hit)> = None;
        let mut limit = far;
        match &self.below {
            Below::Bodies(bodies) => {
                for body in bodies {
                    if let Some(hit) = body.hit(ray, limit) {
                        limit = hit.t;
                        best = Some((body, hit));
                    }
                }
            }
            Below::Halves(halves) => {
                for half in [&halves.0, &halves.1] {
                    if let Some((body, hit)) = half.nearest(ray, limit) {
                        limit = hit.t;
                        best = Some((body, hit));
                    }
                }
            }
        }
        best
    }

    fn touched(&self, ray: &Ray, far: f64) -> bool {
        let (mut enter, mut leave) = (0.0_f64, far);
        for (from, along, low, high) in [
            (ray.from.x, ray.along.x, self.low.x, self.high.x),
            (ray.from.y, ray.along.y, self.low.y, self.high.y),
            (ray.from.z, ray.along.z, self.low.z, self.high.z),
        ] {
            let (a, b) = ((low - from) / along, (high - from) / along);
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        enter <= leave
    }
}
