//! What is wrong in a program's hours, and in changes of a program.

use serde_json::{Value, json};

use super::{Bad, PROGRAM, Setting, with};

const UPDATE: &str =
    "mutation($input: ProgramUpdateInput!) { programUpdate(input: $input) { program { id } userErrors { code message path } } }";

const OPERATIONS: &str = "query($id: ID!, $filter: ReferralFilter, $first: Int, $after: String) { program(id: $id) { operations {
    referralsReceived(filter: $filter, first: $first, after: $after) { nodes { id } } } } }";

/// A range of Tuesdays.
fn tuesday(from: &str, to: &str) -> Value {
    json!({ "weekday": "TUESDAY", "from": from, "to": to })
}

pub(super) fn bad_hours(setting: &Setting) -> Vec<Bad> {
    let new = |field: &str, value: Value| with(json!({ "name": "New" }), field, value);
    let hours = |ranges: Value| new("staffedHours", ranges);
    let home = |field: &str, value: Value| with(json!({ "id": setting.home.program }), field, value);
    let of = |more: Value| {
        let mut variables = json!({ "id": setting.home.program });
        variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        variables
    };
    let many: Vec<_> =
        (0..51).map(|n| tuesday(&format!("{:02}:{:02}", n / 4, n % 4 * 15), &format!("{:02}:{:02}", n / 4, n % 4 * 15 + 10))).collect();
    let days: Vec<_> = (0..401).map(|n| format!("20{}-{:02}-{:02}", 26 + n / 336, n / 28 % 12 + 1, n % 28 + 1)).collect();
    vec![
        ("a week without hours", PROGRAM, hours(json!([])), "INVALID", "at least one range"),
        ("too many hours", PROGRAM, hours(json!(many)), "TOO_MANY", "50"),
        ("hours that end before they begin", PROGRAM, hours(json!([tuesday("17:00", "09:00")])), "INVALID", "TUESDAY 17:00 to 09:00"),
        ("hours over midnight", PROGRAM, hours(json!([tuesday("22:00", "06:00")])), "INVALID", "two ranges"),
        ("hours of no time", PROGRAM, hours(json!([tuesday("09:00", "09:00")])), "INVALID", "`from` comes before `to`"),
        ("hours that overlap", PROGRAM, hours(json!([tuesday("12:00", "17:00"), tuesday("09:00", "13:00")])), "INVALID", "do not overlap"),
        ("hours twice", PROGRAM, hours(json!([tuesday("09:00", "10:00"), tuesday("09:00", "10:00")])), "INVALID", "do not overlap"),
        ("hours within a whole day", PROGRAM, hours(json!([tuesday("00:00", "00:00"), tuesday("09:00", "10:00")])), "INVALID", "overlap"),
        ("an hour that is none", PROGRAM, hours(json!([tuesday("9", "25:00")])), "BAD_USER_INPUT", "18:30"),
        ("hours with seconds", PROGRAM, hours(json!([tuesday("09:00:30", "10:00")])), "BAD_USER_INPUT", "18:30"),
        (
            "a day of no week",
            PROGRAM,
            hours(json!([{ "weekday": "SOMEDAY", "from": "09:00", "to": "10:00" }])),
            "BAD_USER_INPUT",
            "SOMEDAY",
        ),
        ("hours without an end", PROGRAM, hours(json!([{ "weekday": "MONDAY", "from": "09:00" }])), "BAD_USER_INPUT", "to"),
        ("null among hours", PROGRAM, hours(json!([null])), "BAD_USER_INPUT", "StaffedHoursInput"),
        ("hours in words", PROGRAM, hours(json!("always")), "BAD_USER_INPUT", "StaffedHoursInput"),
        ("too many holidays", PROGRAM, new("holidays", json!(days)), "TOO_MANY", "400"),
        ("a holiday that is none", PROGRAM, new("holidays", json!(["2026-02-30"])), "BAD_USER_INPUT", "2026-11-23"),
        ("a holiday every year", PROGRAM, new("holidays", json!(["12-25"])), "BAD_USER_INPUT", "2026-11-23"),
        (
            "a change to hours that overlap",
            UPDATE,
            home("staffedHours", json!([tuesday("09:00", "13:00"), tuesday("12:00", "17:00")])),
            "INVALID",
            "overlap",
        ),
        ("a change to no hours", UPDATE, home("staffedHours", json!([])), "INVALID", "Null means the usual hours"),
        ("a change to too many holidays", UPDATE, home("holidays", json!(days)), "TOO_MANY", "`holidays`"),
        ("a change to an empty name", UPDATE, home("name", json!(" ")), "REQUIRED", "`name`"),
        ("a change to no level", UPDATE, home("levelOfCare", json!({ "edition": "THIRD", "code": "9" })), "INVALID", "no level of care"),
        ("a change to no zone", UPDATE, home("timeZone", json!("Mars/Olympus")), "BAD_USER_INPUT", "IANA"),
        ("a change to a street with NUL", UPDATE, home("address", json!({ "country": "US", "line1": "a\0" })), "INVALID", "line1"),
        ("a change of a stale program", UPDATE, home("version", json!(9)), "STALE", "read it again"),
        ("a change of others' program", UPDATE, json!({ "input": { "id": setting.other.program } }), "NOT_PERMITTED", "role"),
        ("a change of no program", UPDATE, json!({ "input": { "id": "prg_00000000000000000000000000" } }), "NOT_FOUND", "check the id"),
        ("a change of another thing", UPDATE, json!({ "input": { "id": setting.home.organization } }), "BAD_USER_INPUT", "prg_"),
        ("a change of nothing in particular", UPDATE, json!({ "input": { "holidays": [] } }), "BAD_USER_INPUT", "id"),
        ("a change of what cannot change", UPDATE, home("organizationId", json!("x")), "BAD_USER_INPUT", "organizationId"),
        ("a large page of a program's referrals", OPERATIONS, of(json!({ "first": 101 })), "BAD_USER_INPUT", "from 0 to 100"),
        ("a program's referrals after no cursor", OPERATIONS, of(json!({ "after": "garbage" })), "CURSOR_EXPIRED", "cursor"),
        ("a program's referrals in no state", OPERATIONS, of(json!({ "filter": { "status": ["LOST"] } })), "BAD_USER_INPUT", "LOST"),
    ]
}
