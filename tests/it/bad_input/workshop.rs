//! What is wrong in workshops, and in the rules and days of their sessions.

use kit::app::Home;
use serde_json::{Value, json};

use super::{Bad, PUBLISH, Setting, WORKSHOP, with};

const UPDATE: &str =
    "mutation($input: WorkshopUpdateInput!) { workshopUpdate(input: $input) { workshop { id } userErrors { code message path } } }";

pub(super) fn stress(home: &Home) -> Value {
    json!({ "programId": home.program, "title": "Stress", "topics": ["COPING.STRESS"], "modality": "HYBRID", "visibility": "PUBLIC",
        "startsOn": "2026-03-09", "startTime": "18:00", "minutes": 60 })
}

pub(super) fn bad_workshops(setting: &Setting) -> Vec<Bad> {
    let change = |field: &str, value: Value| with(stress(&setting.home), field, value);
    let many: Vec<_> = (0..730).map(|day| format!("{:04}-{:02}-{:02}", 2026 + day / 365, day % 12 + 1, day % 28 + 1)).collect();
    vec![
        ("a workshop without a title", WORKSHOP, change("title", json!(" ")), "REQUIRED", "`title`"),
        ("NUL in a title", WORKSHOP, change("title", json!("a\0b")), "INVALID", "`title`"),
        ("an unknown topic", WORKSHOP, change("topics", json!(["COPING.NOTHING"])), "INVALID", "`topics`"),
        ("too many topics", WORKSHOP, change("topics", json!(["COPING.STRESS"].repeat(21))), "TOO_MANY", "20"),
        ("an unknown kind of accessibility", WORKSHOP, change("accessibility", json!(["wheels"])), "INVALID", "WHEELCHAIR"),
        ("a workshop's language that is none", WORKSHOP, change("languages", json!(["plain english"])), "BAD_USER_INPUT", "BCP 47"),
        ("a workshop of no time", WORKSHOP, change("minutes", json!(0)), "INVALID", "5 to 1440"),
        ("a workshop of a week", WORKSHOP, change("minutes", json!(10_080)), "INVALID", "5 to 1440"),
        ("no seats", WORKSHOP, change("capacityOnline", json!(0)), "INVALID", "from 1"),
        ("less than no seats", WORKSHOP, change("capacityInPerson", json!(-1)), "INVALID", "from 1"),
        ("an age of nobody", WORKSHOP, change("minimumAge", json!(200)), "INVALID", "`minimumAge`"),
        ("half a cent", WORKSHOP, change("cost", json!("0.005")), "INVALID", "decimals"),
        ("a negative cost", WORKSHOP, change("cost", json!("-1")), "INVALID", "`cost`"),
        ("a cost beyond numbers", WORKSHOP, change("cost", json!("79228162514264337593543950335")), "INVALID", "`cost`"),
        ("a cost in words", WORKSHOP, change("cost", json!("free")), "BAD_USER_INPUT", "2.50"),
        ("a room behind no address", WORKSHOP, change("joinUrl", json!("the blue room")), "BAD_USER_INPUT", "https://"),
        ("a room behind a script", WORKSHOP, change("joinUrl", json!("javascript:alert(1)")), "BAD_USER_INPUT", "https://"),
        ("a workshop's zone that is none", WORKSHOP, change("timeZone", json!("EST5")), "BAD_USER_INPUT", "IANA"),
        ("a day that is past", WORKSHOP, change("startsOn", json!("2026-03-01")), "INVALID", "future"),
        ("a day at the end of time", WORKSHOP, change("startsOn", json!("9999-12-31")), "INVALID", "730"),
        ("an extra day that is past", WORKSHOP, change("extraDates", json!(["2025-03-01"])), "INVALID", "`extraDates`"),
        ("a day twice", WORKSHOP, change("extraDates", json!(["2026-03-09"])), "INVALID", "different"),
        ("too many days", WORKSHOP, change("extraDates", json!(many)), "TOO_MANY", "730"),
        ("no such hour", WORKSHOP, change("startTime", json!("25:00")), "BAD_USER_INPUT", "18:30"),
        ("a hidden address without an area", WORKSHOP, change("addressAfterRegistration", json!(true)), "REQUIRED", "`area`"),
        ("a street of a workshop with NUL", WORKSHOP, change("address", json!({ "country": "US", "line1": "a\0" })), "INVALID", "line1"),
        ("a workshop of others", WORKSHOP, change("programId", json!(setting.other.program)), "NOT_PERMITTED", "role"),
        ("a workshop that is out already", PUBLISH, json!({ "id": setting.workshop }), "IMMUTABLE", "already"),
        ("a workshop that is none", PUBLISH, json!({ "id": "wks_00000000000000000000000000" }), "NOT_FOUND", "check the id"),
    ]
}

/// The rule of a new workshop from Monday, 9 March 2026 on, and a part of the sentence.
const RULES: &[(&str, &str, &str, &str)] = &[
    ("a rule of nothing", ";", "INVALID", "FREQ, UNTIL"),
    ("a rule without a frequency", "BYDAY=MO", "INVALID", "`FREQ`"),
    ("a rule of each hour", "FREQ=HOURLY", "INVALID", "`DAILY`"),
    ("a rule of each year", "FREQ=YEARLY", "INVALID", "`MONTHLY`"),
    ("a part that sessions do not have", "FREQ=DAILY;BYHOUR=9,18", "INVALID", "has the parts"),
    ("a part without a value", "FREQ=DAILY;COUNT=", "INVALID", "FREQ=WEEKLY"),
    ("a part without a sign", "FREQ=DAILY;COUNT", "INVALID", "FREQ=WEEKLY"),
    ("a part twice", "FREQ=WEEKLY;BYDAY=MO;BYDAY=TU", "INVALID", "twice"),
    ("two lines of a calendar", "FREQ=DAILY\nRDATE:20260401", "BAD_USER_INPUT", "RecurrenceRule"),
    ("a start within the rule", "DTSTART=20260309;FREQ=DAILY", "INVALID", "has the parts"),
    ("two ends", "FREQ=DAILY;COUNT=3;UNTIL=20260401T000000Z", "INVALID", "give one"),
    ("a step of nothing", "FREQ=DAILY;INTERVAL=0", "INVALID", "from 1 to 366"),
    ("a step of ages", "FREQ=DAILY;INTERVAL=367", "INVALID", "from 1 to 366"),
    ("a step back", "FREQ=DAILY;INTERVAL=-1", "INVALID", "`INTERVAL`"),
    ("a step beyond numbers", "FREQ=DAILY;INTERVAL=99999999999", "INVALID", "`INTERVAL`"),
    ("no occurrence", "FREQ=DAILY;COUNT=0", "INVALID", "`COUNT`"),
    ("too many occurrences", "FREQ=DAILY;COUNT=731", "TOO_MANY", "at most 730 sessions"),
    ("occurrences beyond numbers", "FREQ=DAILY;COUNT=70000", "INVALID", "`COUNT`"),
    ("an end that is too far", "FREQ=DAILY;UNTIL=20280401T000000Z", "TOO_MANY", "at most 730 sessions"),
    ("an end before the beginning", "FREQ=DAILY;UNTIL=20260301T000000Z", "INVALID", "no sessions"),
    ("an end that is a day", "FREQ=DAILY;UNTIL=20260401", "INVALID", "in UTC"),
    ("an end on a wall", "FREQ=DAILY;UNTIL=20260401T180000", "INVALID", "in UTC"),
    ("an end on a day that is none", "FREQ=DAILY;UNTIL=20260231T180000Z", "INVALID", "in UTC"),
    ("a day of the week that is none", "FREQ=WEEKLY;BYDAY=XX", "INVALID", "`BYDAY`"),
    ("a day of the week in two bytes of one letter", "FREQ=WEEKLY;BYDAY=\u{e9}\u{e9}", "INVALID", "`BYDAY`"),
    ("half a day of the week", "FREQ=WEEKLY;BYDAY=M", "INVALID", "`BYDAY`"),
    ("no day of the week", "FREQ=WEEKLY;BYDAY=MO,", "INVALID", "`BYDAY`"),
    ("the second Monday of a week", "FREQ=WEEKLY;BYDAY=2MO", "INVALID", "FREQ=MONTHLY"),
    ("the sixth Monday", "FREQ=MONTHLY;BYDAY=6MO", "INVALID", "from 1 to 5"),
    ("the Monday before the first", "FREQ=MONTHLY;BYDAY=0MO", "INVALID", "from 1 to 5"),
    ("a day of a month in a week", "FREQ=WEEKLY;BYMONTHDAY=9", "INVALID", "`BYMONTHDAY`"),
    ("the 32nd", "FREQ=MONTHLY;BYMONTHDAY=32", "INVALID", "from 1 to 31"),
    ("a day beyond numbers", "FREQ=MONTHLY;BYMONTHDAY=-2147483648", "INVALID", "from 1 to 31"),
    ("a place among nothing", "FREQ=MONTHLY;BYSETPOS=1", "INVALID", "`BYDAY`"),
    ("a place in a week", "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1", "INVALID", "FREQ=MONTHLY"),
    ("the place before the first", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "INVALID", "`BYSETPOS`"),
    ("a week that begins at no time", "FREQ=WEEKLY;WKST=1", "INVALID", "`WKST`"),
    ("a rule that begins later", "FREQ=WEEKLY;BYDAY=WE", "INVALID", "2026-03-11"),
    ("a rule that never comes", "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1", "INVALID", "no sessions"),
    ("a rule as long as a book", LONG, "BAD_USER_INPUT", "400"),
];

const LONG: &str = concat!(
    "FREQ=MONTHLY;BYMONTHDAY=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,-1,-2,-3,-4,-5,-6,-7,-8,",
    "-9,-10,-11,-12,-13,-14,-15,-16,-17,-18,-19,-20,-21,-22,-23,-24,-25,-26,-27,-28,-29,-30,-31,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,",
    "-1,-2,-3,-4,-5,-6,-7,-8,-9,-10,-11,-12,-13,-14,-15,-16,-17,-18,-19,-20,-21,-22,-23,-24,-25,-26,-27,-28,-29,-30,-31,-1,-2,-3,-4,-5,-6",
    ",17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
);

pub(super) fn bad_series(setting: &Setting) -> Vec<Bad> {
    let change = |field: &str, value: Value| with(stress(&setting.home), field, value);
    let weekly = |field: &str, value: Value| {
        let mut input = stress(&setting.home);
        input["recurrence"] = json!("FREQ=WEEKLY");
        with(input, field, value)
    };
    let mut both = stress(&setting.home);
    (both["recurrence"], both["extraDates"]) = (json!("FREQ=WEEKLY;COUNT=4"), json!(["2026-03-16"]));
    let mut full = stress(&setting.home);
    (full["recurrence"], full["extraDates"]) = (json!("FREQ=DAILY;COUNT=730"), json!(["2026-03-16"]));
    let rules = RULES.iter().map(|(what, rule, code, part)| (*what, WORKSHOP, change("recurrence", json!(rule)), *code, *part));
    rules
        .chain([
            ("one session more than a rule may have", WORKSHOP, json!({ "input": full }), "TOO_MANY", "730"),
            ("a day without a session of no rule", WORKSHOP, change("exceptDates", json!(["2026-03-16"])), "INVALID", "no day of the rule"),
            ("a day without a session that has none", WORKSHOP, weekly("exceptDates", json!(["2026-03-17"])), "INVALID", "2026-03-17"),
            ("a first day without a session", WORKSHOP, weekly("exceptDates", json!(["2026-03-09"])), "INVALID", "`startsOn`"),
            ("a day without a session twice", WORKSHOP, weekly("exceptDates", json!(["2026-03-16", "2026-03-16"])), "INVALID", "different"),
            ("a day without a session that is past", WORKSHOP, weekly("exceptDates", json!(["2026-02-23"])), "INVALID", "future"),
            ("a day with and without a session", WORKSHOP, with(both, "exceptDates", json!(["2026-03-16"])), "INVALID", "choose one"),
            ("a further day before the first", WORKSHOP, change("extraDates", json!(["2026-03-08"])), "INVALID", "come after"),
        ])
        .collect()
}

/// What is wrong in changes of a workshop that has one session, on 9 March 2026.
pub(super) fn bad_series_changes(setting: &Setting) -> Vec<Bad> {
    let change = |field: &str, value: Value| with(json!({ "id": setting.workshop }), field, value);
    let from = |day: &str, field: &str, value: Value| with(json!({ "id": setting.workshop, "from": day }), field, value);
    vec![
        (
            "a change of a workshop that is none",
            UPDATE,
            with(json!({ "title": "New" }), "id", json!("wks_00000000000000000000000000")),
            "NOT_FOUND",
            "check the id",
        ),
        ("a stale change", UPDATE, with(json!({ "id": setting.workshop, "title": "New" }), "version", json!(9)), "STALE", "read it again"),
        ("an empty title", UPDATE, change("title", json!(" ")), "REQUIRED", "`title`"),
        ("topics that are none", UPDATE, change("topics", json!(["X"])), "INVALID", "`topics`"),
        ("an address that is hidden behind nothing", UPDATE, change("addressAfterRegistration", json!(true)), "REQUIRED", "`area`"),
        ("a change of no length", UPDATE, change("minutes", json!(4)), "INVALID", "5 to 1440"),
        ("a day and nothing that changes", UPDATE, change("from", json!("2026-03-09")), "REQUIRED", "`startTime`"),
        ("a change in the past", UPDATE, from("2026-03-01", "startTime", json!("19:00")), "INVALID", "today or later"),
        ("a change at the end of time", UPDATE, from("9999-12-31", "startTime", json!("19:00")), "INVALID", "730"),
        ("a change after all is over", UPDATE, from("2026-03-10", "startTime", json!("19:00")), "INVALID", "No session is left"),
        ("another rule from no day on", UPDATE, change("recurrence", json!("FREQ=WEEKLY")), "REQUIRED", "`from`"),
        (
            "another rule from another day on",
            UPDATE,
            from("2026-03-09", "recurrence", json!("FREQ=WEEKLY;BYDAY=TU")),
            "INVALID",
            "`from` is no day",
        ),
        (
            "another zone from a day on",
            UPDATE,
            from("2026-03-09", "timeZone", json!("America/Chicago")),
            "INVALID",
            "from the next session on",
        ),
        ("another rule that is none", UPDATE, from("2026-03-09", "recurrence", json!("FREQ=NEVER")), "INVALID", "`FREQ`"),
        ("a further day that is past", UPDATE, change("extraDates", json!(["2026-02-01"])), "INVALID", "`extraDates`"),
        ("an exception of nothing", UPDATE, change("exceptDates", json!(["2026-03-16"])), "INVALID", "no day of the rule"),
        (
            "a sentence as long as a book",
            UPDATE,
            with(json!({ "id": setting.workshop, "minutes": 30 }), "note", json!("a".repeat(501))),
            "INVALID",
            "`note`",
        ),
    ]
}
