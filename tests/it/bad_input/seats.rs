//! What is wrong in support groups, and when people get a seat.

use serde_json::{Value, json};

use super::{Bad, REGISTER, Setting, UNREGISTER, WORKSHOP, with, workshop::stress};

const GROUP: &str = "mutation($input: SupportGroupCreateInput!) { supportGroupCreate(input: $input) { supportGroup { id } userErrors { code message path } } }";
const GROUP_CHANGE: &str = "mutation($input: SupportGroupUpdateInput!) { supportGroupUpdate(input: $input) { supportGroup { id } userErrors { code message path } } }";
const ACCEPT: &str = "mutation($id: ID, $ticket: String) { registrationAcceptOffer(id: $id, ticket: $ticket) { registration { id }
    userErrors { code message path } } }";
const CONFIRM: &str =
    "mutation($code: String!) { registrationConfirm(code: $code) { registration { id } userErrors { code message path } } }";
const LINK: &str = "mutation($id: ID!, $client: ID!) { registrationLinkClient(id: $id, clientId: $client) { registration { id }
    userErrors { code message path } } }";
const ATTEND: &str = "mutation($id: ID!, $entries: [AttendanceEntryInput!]!) { attendanceRecord(sessionId: $id, entries: $entries) {
    session { id } userErrors { code message path } } }";

const NOBODY: &str = "reg_00000000000000000000000000";

pub(super) fn bad_seats(setting: &Setting) -> Vec<Bad> {
    let group = |field: &str, value: Value| with(stress(&setting.home), field, value);
    let guest = |name: &str, kind: &str, value: &str| {
        let contact = json!({ "kind": kind, "value": value, "safe": true });
        json!({ "input": { "sessionId": setting.session, "attendance": "ONLINE", "registrant": { "guest": { "displayName": name, "contact": contact } } } })
    };
    let comes = |field: &str, value: Value| {
        let usual = json!({ "sessionId": setting.session, "registrant": { "clientId": setting.client }, "attendance": "ONLINE" });
        with(usual, field, value)
    };
    let entries = |status: &str| json!({ "id": setting.session, "entries": [{ "registrationId": NOBODY, "status": status }] });
    let long = "x".repeat(2_001);
    vec![
        ("a group without a title", GROUP, group("title", json!("")), "REQUIRED", "`title`"),
        ("a group of less than nobody", GROUP, group("capacityOnline", json!(-12)), "INVALID", "from 1"),
        ("a line of less than nobody", GROUP, group("waitlistSize", json!(-1)), "INVALID", "`waitlistSize`"),
        ("a line of too many", WORKSHOP, group("waitlistSize", json!(10_001)), "INVALID", "10000"),
        ("a way of recovery that is none", GROUP, group("pathway", json!("MAGIC")), "BAD_USER_INPUT", "MAGIC"),
        ("an experience that is none", GROUP, group("focus", json!(["NOTHING"])), "BAD_USER_INPUT", "NOTHING"),
        ("an agreement with NUL", GROUP, group("confidentiality", json!("a\0")), "INVALID", "`confidentiality`"),
        ("an agreement that is too long", GROUP, group("confidentiality", json!(long)), "INVALID", "2000"),
        ("too many who lead", GROUP, group("facilitatorIds", json!(["per_00000000000000000000000000"].repeat(21))), "TOO_MANY", "20"),
        ("somebody who leads and is nobody", GROUP, group("facilitatorIds", json!(["per_00000000000000000000000000"])), "NOT_FOUND", "id"),
        ("somebody who leads and is no peer", WORKSHOP, group("facilitatorIds", json!([setting.client])), "BAD_USER_INPUT", "per_"),
        (
            "a group that is none",
            GROUP_CHANGE,
            json!({ "input": { "id": "grp_00000000000000000000000000", "open": true } }),
            "NOT_FOUND",
            "id",
        ),
        (
            "a workshop taken for a group",
            GROUP_CHANGE,
            json!({ "input": { "id": setting.workshop, "open": true } }),
            "BAD_USER_INPUT",
            "grp_",
        ),
        ("a group of others", GROUP, group("programId", json!(setting.other.program)), "NOT_PERMITTED", "role"),
        ("needs that are none", REGISTER, comes("accessibilityNeeds", json!(["PONY"])), "INVALID", "WHEELCHAIR"),
        ("a seat for nobody", REGISTER, comes("registrant", Value::Null), "REQUIRED", "`registrant`"),
        ("a guest without a name", REGISTER, guest(" ", "EMAIL", "a@example.org"), "REQUIRED", "`registrant`"),
        ("a guest with NUL", REGISTER, guest("a\0", "EMAIL", "a@example.org"), "INVALID", "`registrant`"),
        ("a guest's address that is none", REGISTER, guest("Robin", "EMAIL", "robin"), "INVALID", "e-mail"),
        ("a guest who is called", REGISTER, guest("Robin", "PHONE", "+1 212 555 0123"), "INVALID", "EMAIL"),
        ("an offer to nobody", ACCEPT, json!({ "id": NOBODY }), "NOT_FOUND", "id"),
        ("an offer of which nothing is said", ACCEPT, json!({}), "REQUIRED", "`id`"),
        ("two ways to name one seat", ACCEPT, json!({ "id": NOBODY, "ticket": "tkt_a.b" }), "INVALID", "not both"),
        ("a ticket that is none", ACCEPT, json!({ "ticket": "tkt_a.b" }), "NOT_FOUND", "ticket"),
        ("a seat that is none", UNREGISTER, json!({ "id": NOBODY }), "NOT_FOUND", "id"),
        ("a code that is none", CONFIRM, json!({ "code": "" }), "NOT_FOUND", "code"),
        ("a code in a thousand letters", CONFIRM, json!({ "code": "A".repeat(1_000) }), "NOT_FOUND", "code"),
        ("a guest who is none", LINK, json!({ "id": NOBODY, "client": setting.client }), "NOT_FOUND", "id"),
        ("attendance a week before", ATTEND, entries("ATTENDED"), "IMMUTABLE", "an hour before"),
        ("attendance of nobody", ATTEND, json!({ "id": setting.session, "entries": [] }), "REQUIRED", "1 to 500"),
        ("attendance that is none", ATTEND, entries("ASLEEP"), "BAD_USER_INPUT", "ASLEEP"),
    ]
}
