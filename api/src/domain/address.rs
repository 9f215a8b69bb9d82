//! Postal addresses, checked and tidied.

use entity::program::Address;

use super::text;
use crate::error::Refusal;

/// An address, or as much of it as there is: lines of text, a country, and a place on the earth.
///
/// # Errors
/// Refused with the field's name.
pub fn checked(address: Address) -> Result<Address, Refusal> {
    let line = |field: &'static str, value: Option<String>, most: usize| {
        let checked = value.map(|value| text::line(field, &value, most)).transpose();
        checked.map_err(|refusal| refusal.at(["input", "address", field]))
    };
    Ok(Address {
        line1: line("line1", address.line1, 200)?,
        line2: line("line2", address.line2, 200)?,
        city: line("city", address.city, 100)?,
        region: line("region", address.region, 100)?,
        postal_code: line("postalCode", address.postal_code, 20)?,
        country: country(&address.country)?,
        latitude: degrees("latitude", address.latitude, 90.0)?,
        longitude: degrees("longitude", address.longitude, 180.0)?,
    })
}

fn country(value: &str) -> Result<String, Refusal> {
    let value = value.trim();
    if value.len() == 2 && value.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Ok(value.to_ascii_uppercase());
    }
    Err(Refusal::invalid("`country` is the two letters of ISO 3166-1, such as `US`.").at(["input", "address", "country"]))
}

fn degrees(field: &'static str, value: Option<f64>, most: f64) -> Result<Option<f64>, Refusal> {
    match value {
        Some(degrees) if !(-most..=most).contains(&degrees) => {
            Err(Refusal::invalid(format!("`{field}` is from -{most} to {most} degrees.")).at(["input", "address", field]))
        }
        other => Ok(other),
    }
}
