//! Places on the earth, and how far they are from each other.
//!
//! A place is kept as whole metres from the middle of the earth along three axes. The square of the straight line between two places is
//! then a sum of whole numbers, the same in every database, and grows with the way along the surface: it orders and bounds as that would.

use sea_orm::{ExprTrait, sea_query::Expr};

use super::postal_code::middle_of;
use crate::error::Refusal;

/// The earth's mean radius in metres (IUGG).
const RADIUS: f64 = 6_371_008.8;

/// A place, in metres along three axes from the middle of the earth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Towards 0° north, 0° east.
    pub x: i64,
    /// Towards 0° north, 90° east.
    pub y: i64,
    /// Towards the north pole.
    pub z: i64,
}

impl Place {
    /// The place at these degrees (WGS 84, taken as a sphere: at most half a percent off).
    pub fn at(latitude: f64, longitude: f64) -> Self {
        let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
        let metres = |part: f64| (part * RADIUS).round() as i64;
        Self { x: metres(latitude.cos() * longitude.cos()), y: metres(latitude.cos() * longitude.sin()), z: metres(latitude.sin()) }
    }
}

/// The widest circle, in kilometres.
const WIDEST_KM: f64 = 1_000.0;

/// A circle around somebody, as they ask for it: by degrees, or by a postal code.
#[derive(Clone, Debug, Default)]
pub struct Near {
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// A postal code, in place of degrees.
    pub postal_code: Option<String>,
    /// Of which country, as ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// How far.
    pub within_km: f64,
}

impl Near {
    /// The circle. Its middle is taken to a hundredth of a degree: about a kilometre, which is all that anybody has to know of where someone
    /// is.
    ///
    /// # Errors
    /// Refused when it has no middle or two of them, is off the earth, or too wide.
    pub fn circle(&self) -> Result<Circle, Refusal> {
        let degrees = |field: &'static str, value: f64, most: f64| {
            if (-most..=most).contains(&value) {
                return Ok((value * 100.0).round() / 100.0);
            }
            Err(Refusal::invalid(format!("`{field}` is from -{most} to {most} degrees.")).at(["filter", "near", field]))
        };
        let (latitude, longitude) = self.middle()?;
        let middle = Place::at(degrees("latitude", latitude, 90.0)?, degrees("longitude", longitude, 180.0)?);
        if self.within_km > 0.0 && self.within_km <= WIDEST_KM {
            return Ok(Circle { middle, most: square_of(self.within_km) });
        }
        Err(Refusal::invalid(format!("`withinKm` is more than 0 and at most {WIDEST_KM}.")).at(["filter", "near", "withinKm"]))
    }
}

impl Near {
    /// Its middle, in degrees.
    fn middle(&self) -> Result<(f64, f64), Refusal> {
        match (self.latitude, self.longitude, &self.postal_code, &self.country) {
            (Some(latitude), Some(longitude), None, None) => Ok((latitude, longitude)),
            (None, None, Some(code), Some(country)) => middle_of(country, code),
            _ => {
                let sentence = "`near` holds `latitude` and `longitude`, or `postalCode` and `country`: one of the two.";
                Err(Refusal::invalid(sentence).at(["filter", "near"]))
            }
        }
    }
}

/// A circle on the earth.
#[derive(Clone, Copy, Debug)]
pub struct Circle {
    middle: Place,
    /// The square of the straight line to its rim.
    most: i64,
}

impl Circle {
    /// The square of the straight line from the middle to a place that columns hold; null where they do.
    pub fn square_to(&self, [x, y, z]: [Expr; 3]) -> Expr {
        let along = |axis: Expr, from: i64| {
            let way = axis.sub(from);
            way.clone().mul(way)
        };
        along(x, self.middle.x).add(along(y, self.middle.y)).add(along(z, self.middle.z))
    }

    /// The same of a place in memory.
    pub const fn square_of(&self, place: Place) -> i64 {
        let (x, y, z) = (place.x - self.middle.x, place.y - self.middle.y, place.z - self.middle.z);
        x * x + y * y + z * z
    }

    /// Whether such a square is of a place within the circle.
    pub const fn has(&self, square: i64) -> bool {
        square <= self.most
    }

    /// That such a square is of a place within the circle.
    pub fn holds(&self, square: Expr) -> Expr {
        square.lte(self.most)
    }
}

/// Why a list is not ordered by a distance that nothing is measured by.
pub fn no_distance() -> Refusal {
    Refusal::invalid("`orderBy` DISTANCE needs `filter: { near }`.").at(["orderBy"])
}

/// The square, in square metres, of the straight line between two places that are so many kilometres apart along the surface.
fn square_of(km: f64) -> i64 {
    let line = 2.0 * RADIUS * (km * 1_000.0 / (2.0 * RADIUS)).sin();
    (line * line).round() as i64
}

/// The kilometres along the surface that go with such a square, to the nearest tenth.
pub fn km_of(square: i64) -> f64 {
    let half = (square as f64).sqrt() / (2.0 * RADIUS);
    (2.0 * RADIUS * half.min(1.0).asin() / 100.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn km(one: Place, other: Place) -> f64 {
        let square = |one: i64, other: i64| (one - other) * (one - other);
        km_of(square(one.x, other.x) + square(one.y, other.y) + square(one.z, other.z))
    }

    #[test]
    fn ways_are_as_long_as_on_a_map() {
        let (albany, new_york, boston) = (Place::at(42.65, -73.75), Place::at(40.71, -74.01), Place::at(42.36, -71.06));
        let cases = [
            ("nowhere", albany, albany, 0.0),
            ("down the river", albany, new_york, 216.8),
            ("to the sea", albany, boston, 222.6),
            ("over the date line", Place::at(0.0, 179.9), Place::at(0.0, -179.9), 22.2),
            ("pole to pole", Place::at(90.0, 0.0), Place::at(-90.0, 0.0), 20_015.1),
        ];
        for (way, from, to, expected) in cases {
            assert!((km(from, to) - expected).abs() < 1.0, "{way}: {} km", km(from, to));
        }
    }

    #[test]
    fn a_square_and_its_way_go_together() {
        for way in [1.0, 25.0, 400.0, 1_000.0] {
            assert!((km_of(square_of(way)) - way).abs() < 0.06, "{way}");
        }
    }
}
