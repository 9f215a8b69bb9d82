//! What is wrong in days that somebody wants a proof of.

use serde_json::{Value, json};

use super::{Bad, Setting};

const ISSUE: &str = "mutation($client: ID, $range: DateRange!) { attendanceProofIssue(clientId: $client, range: $range) {
    attendanceProof { hours } userErrors { code message path } } }";

pub(super) fn bad_proofs(setting: &Setting) -> Vec<Bad> {
    let of = |range: Value| json!({ "client": setting.client, "range": range });
    let days = |from: &str, to: &str| of(json!({ "from": from, "to": to }));
    let whose = |client: &str| json!({ "client": client, "range": { "from": "2026-01-01", "to": "2026-01-31" } });
    vec![
        ("days backwards", ISSUE, days("2026-02-02", "2026-02-01"), "INVALID", "`to`"),
        ("days to come", ISSUE, days("2026-02-02", "2026-03-09"), "INVALID", "proves nothing"),
        ("more than a year of days", ISSUE, days("2025-01-01", "2026-02-01"), "INVALID", "366"),
        ("days from the beginning of time", ISSUE, days("0001-01-01", "2026-02-01"), "INVALID", "366"),
        ("days without a first", ISSUE, of(json!({ "to": "2026-02-01" })), "REQUIRED", "`from`"),
        ("days without a last", ISSUE, of(json!({ "from": "2026-02-01", "to": null })), "REQUIRED", "`to`"),
        ("a day that is none", ISSUE, days("2026-02-30", "2026-03-01"), "BAD_USER_INPUT", "2026-11-23"),
        ("no days at all", ISSUE, of(Value::Null), "BAD_USER_INPUT", "range"),
        ("days on which nobody came", ISSUE, days("2026-01-01", "2026-01-31"), "NOT_ELIGIBLE", "recorded"),
        ("a proof of a program", ISSUE, whose(&setting.home.program.to_string()), "BAD_USER_INPUT", "cli_"),
        ("a proof of a client who is none", ISSUE, whose("cli_00000000000000000000000000"), "NOT_FOUND", "check the id"),
        ("a proof of nobody", ISSUE, json!({ "range": { "from": "2026-01-01", "to": "2026-01-31" } }), "REQUIRED", "`clientId`"),
    ]
}
