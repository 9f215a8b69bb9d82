//! Places on the earth, and how far they are from each other.
//!
//! A place is kept as whole metres from the middle of the earth along three axes. The square of the straight line between two places is
//! then a sum of whole numbers, the same in every database, and grows with the way along the surface: it orders and bounds as that would.

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

/// The square, in square metres, of the straight line between two places that are so many kilometres apart along the surface.
pub fn square_of(km: f64) -> i64 {
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
