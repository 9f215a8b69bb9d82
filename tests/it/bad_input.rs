//! What people and programs get wrong: each is told so with a code and a sentence about it, and nothing has changed.

mod handover;
mod offer;
mod program;
mod proof;
mod seats;
mod steps;
mod work;
mod workshop;

use std::collections::BTreeMap;

use entity::vocabulary::{OrganizationKind, Role};
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    databases::{Kind, TestDatabase},
    on_both,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use self::workshop::{bad_series, bad_series_changes, bad_workshops, stress};

const CLIENT: &str =
    "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { code message path } } }";
const PROGRAM: &str =
    "mutation($input: ProgramCreateInput!) { programCreate(input: $input) { program { id } userErrors { code message path } } }";
const STAFF: &str = "mutation($input: StaffMemberCreateInput!) { staffMemberCreate(input: $input) { staffMember { id } userErrors { code message path } } }";
const APPLICATION: &str =
    "mutation($input: ApiClientCreateInput!) { apiClientCreate(input: $input) { apiClient { id } userErrors { code message path } } }";
const REVOKE: &str = "mutation($id: ID!) { apiClientRevoke(id: $id) { apiClient { id } userErrors { code message path } } }";
const PROGRAMS: &str = "query($first: Int, $after: String, $last: Int, $before: String, $filter: ProgramFilter, $orderBy: ProgramOrder) {
    programs(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) { nodes { id } } }";
const CLIENTS: &str = "query($after: String, $filter: ClientFilter) { clients(after: $after, filter: $filter) { nodes { id } } }";
const WORKSHOP: &str =
    "mutation($input: WorkshopCreateInput!) { workshopCreate(input: $input) { workshop { id } userErrors { code message path } } }";
const PUBLISH: &str = "mutation($id: ID!) { workshopPublish(id: $id) { workshop { id } userErrors { code message path } } }";
const MOVE: &str = "mutation($id: ID!, $at: DateTime!, $version: Int) { sessionReschedule(id: $id, startsAt: $at, version: $version) {
    session { id } userErrors { code message path } } }";
const CANCEL: &str =
    "mutation($id: ID!, $note: String) { sessionCancel(id: $id, note: $note) { session { id } userErrors { code message path } } }";
const REGISTER: &str = "mutation($input: RegistrationCreateInput!) { registrationCreate(input: $input) { registration { id } userErrors { code message path } } }";
const UNREGISTER: &str = "mutation($id: ID!) { registrationCancel(id: $id) { registration { id } userErrors { code message path } } }";
const WORKSHOPS: &str = "query($filter: WorkshopFilter, $after: String, $first: Int) { workshops(filter: $filter) { nodes {
    sessions(after: $after, first: $first) { nodes { id } } } } }";
const SESSIONS: &str = "query($filter: SessionFilter, $after: String) { sessions(filter: $filter, after: $after) { nodes { id } } }";
const NODE: &str = "query($id: ID!) { node(id: $id) { id } }";

/// A document with variables: what it is, the document, the variables, the one code, and a part of the sentence.
type Bad = (&'static str, &'static str, Value, &'static str, &'static str);

/// An input with one field changed, or taken away by null.
fn with(mut input: Value, field: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(input.as_object_mut().unwrap().remove(field)),
        value => input[field] = value,
    }
    json!({ "input": input })
}

struct Setting {
    home: Home,
    other: Home,
    caller: Caller,
    stranger: Caller,
    application: String,
    revoked: String,
    client: String,
    workshop: String,
    session: String,
}

async fn set_up(app: &mut TestApp) -> Setting {
    let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
    let other = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
    let caller = app.staff(&home, &[Role::Administrator, Role::Coordinator]).await;
    let stranger = app.staff(&other, &[Role::Administrator, Role::Coordinator]).await;
    let mut client = String::new();
    for (who, home) in [(&stranger, &other), (&caller, &home)] {
        let made = who.ask_with(CLIENT, json!({ "input": ada(home) })).await;
        assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
        made.text("/clientCreate/client/id").clone_into(&mut client);
    }
    let made = caller.ask_with(WORKSHOP, json!({ "input": stress(&home) })).await;
    assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
    let workshop = made.text("/workshopCreate/workshop/id").to_owned();
    let published = caller.ask_with(PUBLISH, json!({ "id": workshop })).await;
    assert_eq!(published.user_error_codes(), [""; 0], "{}", published.raw);
    let session = caller.ask("{ sessions { nodes { id } } }").await.text("/sessions/nodes/0/id").to_owned();
    let made = caller.ask_with(STAFF, json!({ "input": { "displayName": "Bo", "email": "bo@example.org", "roles": ["PEER"] } })).await;
    assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
    let application = app.api_client(&home, &[], &[], &[]).await.id.to_string();
    let revoked = app.api_client(&home, &[], &[], &[]).await.id.to_string();
    let gone = caller.ask_with(REVOKE, json!({ "id": revoked })).await;
    assert_eq!(gone.user_error_codes(), [""; 0], "{}", gone.raw);
    app.stop_sealer().await;
    Setting { home, other, caller, stranger, application, revoked, client, workshop, session }
}

fn ada(home: &Home) -> Value {
    json!({ "givenName": "Ada", "familyName": "Byron", "dateOfBirth": "1980-12-10", "contactMethods": [],
        "externalIdentifiers": [{ "system": "mrn", "value": "17" }], "programIds": [home.program] })
}

fn bad_clients(setting: &Setting) -> Vec<Bad> {
    let eve = with(ada(&setting.home), "externalIdentifiers", Value::Null)["input"].clone();
    let change = |field: &str, value: Value| with(eve.clone(), field, value);
    let contact = |kind: &str, value: &str| change("contactMethods", json!([{ "kind": kind, "value": value, "safe": true }]));
    vec![
        ("an empty name", CLIENT, change("givenName", json!("  ")), "REQUIRED", "`givenName`"),
        ("NUL in a name", CLIENT, change("familyName", json!("By\0ron")), "INVALID", "`familyName`"),
        ("a line break in a name", CLIENT, change("givenName", json!("A\nda")), "INVALID", "control characters"),
        ("a long name", CLIENT, change("givenName", json!("a".repeat(101))), "INVALID", "100"),
        ("a name of 900 KB", CLIENT, change("familyName", json!("a".repeat(900_000))), "INVALID", "100"),
        ("long pronouns", CLIENT, change("pronouns", json!("x".repeat(51))), "INVALID", "`pronouns`"),
        ("a birth in the future", CLIENT, change("dateOfBirth", json!("2030-01-01")), "INVALID", "`dateOfBirth`"),
        ("a birth long ago", CLIENT, change("dateOfBirth", json!("1880-01-01")), "INVALID", "120"),
        ("a minor", CLIENT, change("dateOfBirth", json!("2010-01-01")), "NOT_ELIGIBLE", "under 18"),
        ("seventeen until tomorrow", CLIENT, change("dateOfBirth", json!("2008-03-03")), "NOT_ELIGIBLE", "under 18"),
        ("no such day", CLIENT, change("dateOfBirth", json!("1980-02-30")), "BAD_USER_INPUT", "2026-11-23"),
        ("a day of another form", CLIENT, change("dateOfBirth", json!("10/12/1980")), "BAD_USER_INPUT", "2026-11-23"),
        ("a day as a number", CLIENT, change("dateOfBirth", json!(19801210)), "BAD_USER_INPUT", "2026-11-23"),
        ("no such zone", CLIENT, change("timeZone", json!("Mars/Olympus")), "BAD_USER_INPUT", "America/New_York"),
        ("a language that is none", CLIENT, change("languages", json!(["plain english"])), "BAD_USER_INPUT", "BCP 47"),
        ("too many languages", CLIENT, change("languages", json!(["es"].repeat(21))), "TOO_MANY", "`languages`"),
        ("a phone that is none", CLIENT, contact("PHONE", "12"), "INVALID", "telephone"),
        ("a number without its country", CLIENT, contact("SMS", "212 555 0123"), "INVALID", "country"),
        ("an address that is none", CLIENT, contact("EMAIL", "nobody"), "INVALID", "e-mail"),
        ("an unknown kind of contact", CLIENT, contact("PIGEON", "x"), "BAD_USER_INPUT", "PIGEON"),
        ("an unknown gender", CLIENT, change("gender", json!("OTHERWISE")), "BAD_USER_INPUT", "OTHERWISE"),
        ("an identifier that is known", CLIENT, json!({ "input": ada(&setting.home) }), "ALREADY_EXISTS", "external identifiers"),
        ("NUL in where they live", CLIENT, change("address", json!({ "country": "US", "city": "a\0b" })), "INVALID", "`city`"),
        ("a country without an address", CLIENT, change("address", json!({ "country": "" })), "INVALID", "ISO 3166-1"),
        ("NUL in a community", CLIENT, change("communities", json!(["a\0b"])), "INVALID", "`communities`"),
        ("too many communities", CLIENT, change("communities", json!(["a"].repeat(21))), "TOO_MANY", "`communities`"),
        ("no program", CLIENT, change("programIds", json!([])), "REQUIRED", "programIds"),
        ("a program of others", CLIENT, change("programIds", json!([setting.other.program])), "NOT_PERMITTED", "role"),
        ("a program that is none", CLIENT, change("programIds", json!(["prg_00000000000000000000000000"])), "NOT_FOUND", "check the id"),
        ("an id of another kind", CLIENT, change("programIds", json!([setting.home.organization])), "BAD_USER_INPUT", "prg_"),
        ("no family name", CLIENT, change("familyName", Value::Null), "BAD_USER_INPUT", "familyName"),
        ("a name that is a number", CLIENT, change("givenName", json!(7)), "BAD_USER_INPUT", "String"),
        ("a name that is a list", CLIENT, change("givenName", json!(["Ada", "Eve"])), "BAD_USER_INPUT", "String"),
        ("a truth that is a word", CLIENT, change("moud", json!("yes")), "BAD_USER_INPUT", "Boolean"),
        ("an unknown field", CLIENT, change("nickname", json!("A")), "BAD_USER_INPUT", "nickname"),
        ("no input", CLIENT, json!({}), "BAD_USER_INPUT", "$input"),
        ("null for the input", CLIENT, json!({ "input": null }), "BAD_USER_INPUT", "$input"),
        ("an input that is a word", CLIENT, json!({ "input": "Ada" }), "BAD_USER_INPUT", "input"),
    ]
}

fn bad_sessions(setting: &Setting) -> Vec<Bad> {
    let moved = |at: &str| json!({ "id": setting.session, "at": at });
    let seat = |field: &str, value: Value| {
        with(json!({ "sessionId": setting.session, "registrant": { "clientId": setting.client }, "attendance": "ONLINE" }), field, value)
    };
    vec![
        ("a session moved to the past", MOVE, moved("2026-03-01T12:00:00Z"), "INVALID", "future"),
        ("a session moved far away", MOVE, moved("2029-03-01T12:00:00Z"), "INVALID", "730"),
        ("a session moved to a second", MOVE, moved("2026-03-10T12:00:01Z"), "INVALID", "minute"),
        ("a session moved before all time", MOVE, moved("-200000-01-01T00:00:00Z"), "BAD_USER_INPUT", "year"),
        ("a stale session", MOVE, json!({ "id": setting.session, "at": "2026-03-10T12:00:00Z", "version": 9 }), "STALE", "read it again"),
        (
            "a session that is none",
            MOVE,
            json!({ "id": "ses_00000000000000000000000000", "at": "2026-03-10T12:00:00Z" }),
            "NOT_FOUND",
            "id",
        ),
        ("NUL in a note", CANCEL, json!({ "id": setting.session, "note": "a\0b" }), "INVALID", "`note`"),
        ("a note of 900 KB", CANCEL, json!({ "id": setting.session, "note": "a".repeat(900_000) }), "INVALID", "500"),
        ("nobody in particular", REGISTER, seat("registrant", json!({})), "BAD_USER_INPUT", "registrant"),
        ("a guest", REGISTER, seat("registrant", json!({ "guest": { "displayName": "A" } })), "BAD_USER_INPUT", "registrant"),
        ("a client of no kind", REGISTER, seat("registrant", json!({ "clientId": setting.home.program })), "BAD_USER_INPUT", "cli_"),
        ("a client who is none", REGISTER, seat("registrant", json!({ "clientId": "cli_00000000000000000000000000" })), "NOT_FOUND", "id"),
        ("neither here nor there", REGISTER, seat("attendance", Value::Null), "REQUIRED", "`attendance`"),
        ("in spirit", REGISTER, seat("attendance", json!("SPIRIT")), "BAD_USER_INPUT", "SPIRIT"),
        ("a registration that is none", UNREGISTER, json!({ "id": "reg_00000000000000000000000000" }), "NOT_FOUND", "check the id"),
        ("a search for a title with NUL", WORKSHOPS, json!({ "filter": { "search": "a\0b" } }), "BAD_USER_INPUT", "`search`"),
        ("a search for a long title", WORKSHOPS, json!({ "filter": { "search": "a".repeat(101) } }), "BAD_USER_INPUT", "100"),
        ("a large page within a page", WORKSHOPS, json!({ "first": 101 }), "BAD_USER_INPUT", "from 0 to 100"),
        ("a cursor within a page that is none", WORKSHOPS, json!({ "after": "garbage" }), "CURSOR_EXPIRED", "cursor"),
        (
            "sessions before all time",
            SESSIONS,
            json!({ "filter": { "starts": { "from": "-200000-01-01T00:00:00Z" } } }),
            "BAD_USER_INPUT",
            "year",
        ),
        ("sessions near someone", SESSIONS, json!({ "filter": { "near": { "withinKm": 3 } } }), "BAD_USER_INPUT", "near"),
        ("sessions after no cursor", SESSIONS, json!({ "after": "" }), "CURSOR_EXPIRED", "cursor"),
    ]
}

fn bad_directory(setting: &Setting) -> Vec<Bad> {
    let program = |field: &str, value: Value| with(json!({ "name": "New" }), field, value);
    let staff = |field: &str, value: Value| with(json!({ "displayName": "Cy", "roles": ["PEER"] }), field, value);
    let application = |field: &str, value: Value| with(json!({ "name": "App", "scopes": [], "roles": [] }), field, value);
    vec![
        ("a name that is taken", PROGRAM, program("name", json!("Open Door program")), "ALREADY_EXISTS", "another"),
        ("a program without a name", PROGRAM, program("name", json!("")), "REQUIRED", "`name`"),
        ("NUL in a description", PROGRAM, program("description", json!("a\0b")), "INVALID", "`description`"),
        ("a description of 900 KB", PROGRAM, program("description", json!("a".repeat(900_000))), "INVALID", "4000"),
        ("no such level", PROGRAM, program("levelOfCare", json!({ "edition": "FOURTH", "code": "9.9" })), "INVALID", "9.9"),
        ("a program's phone that is none", PROGRAM, program("phone", json!("+1 1")), "BAD_USER_INPUT", "telephone"),
        ("a program's zone that is none", PROGRAM, program("timeZone", json!("+02:00")), "BAD_USER_INPUT", "IANA"),
        ("an empty area", PROGRAM, program("serviceAreas", json!([" "])), "REQUIRED", "`serviceAreas`"),
        ("a latitude off the earth", PROGRAM, program("address", json!({ "country": "US", "latitude": 91.0 })), "INVALID", "latitude"),
        ("a country that is none", PROGRAM, program("address", json!({ "country": "Utopia" })), "INVALID", "country"),
        ("a street with NUL", PROGRAM, program("address", json!({ "country": "US", "line1": "a\0b" })), "INVALID", "line1"),
        ("an unknown service", PROGRAM, program("services", json!(["MAGIC"])), "BAD_USER_INPUT", "MAGIC"),
        ("a role of applications", STAFF, staff("roles", json!(["PARTNER_APP"])), "INVALID", "PARTNER_APP"),
        ("a role of clients", STAFF, staff("roles", json!(["PEER", "CLIENT"])), "INVALID", "invite the client"),
        ("an unknown role", STAFF, staff("roles", json!(["KING"])), "BAD_USER_INPUT", "KING"),
        ("an address that a colleague has", STAFF, staff("email", json!("Bo@Example.org")), "ALREADY_EXISTS", "colleague"),
        ("an address of staff that is none", STAFF, staff("email", json!("bo at example")), "BAD_USER_INPUT", "e-mail"),
        ("staff in a program of others", STAFF, staff("programIds", json!([setting.other.program])), "NOT_FOUND", "check the id"),
        ("staff without roles", STAFF, staff("roles", Value::Null), "BAD_USER_INPUT", "roles"),
        ("null in a list", STAFF, staff("roles", json!([null])), "BAD_USER_INPUT", "Role"),
        ("an unknown scope", APPLICATION, application("scopes", json!(["everything"])), "INVALID", "clients:read"),
        ("an application as a client", APPLICATION, application("roles", json!(["CLIENT"])), "INVALID", "CLIENT"),
        (
            "an application in others' programs",
            APPLICATION,
            application("programIds", json!([setting.other.program])),
            "NOT_FOUND",
            "check",
        ),
        ("an unknown purpose", APPLICATION, application("purposes", json!(["FUN"])), "BAD_USER_INPUT", "FUN"),
        ("keys that are no set", APPLICATION, application("jwks", json!("nonsense")), "INVALID", "RFC 7517"),
        ("a set without keys", APPLICATION, application("jwks", json!("{\"keys\":[]}")), "INVALID", "1 to 8"),
        ("a symmetric key", APPLICATION, application("jwks", json!("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}")), "INVALID", "private"),
        ("a key that signs nothing", APPLICATION, application("jwks", json!("{\"keys\":[{\"kty\":\"OKP\"}]}")), "INVALID", "EdDSA"),
        ("keys of 17 KB", APPLICATION, application("jwks", json!(" ".repeat(17_000))), "INVALID", "16384"),
        ("keys as a list", APPLICATION, application("jwks", json!(["a", "b"])), "BAD_USER_INPUT", "String"),
        ("keys at no address", APPLICATION, application("jwksUrl", json!("nowhere")), "INVALID", "`jwksUrl`"),
        ("keys without TLS", APPLICATION, application("jwksUrl", json!("http://keys.example/jwks")), "INVALID", "https"),
        ("keys inside", APPLICATION, application("jwksUrl", json!("https://169.254.169.254/jwks")), "INVALID", "public internet"),
        ("keys at a password's address", APPLICATION, application("jwksUrl", json!("https://a:b@keys.example")), "INVALID", "password"),
        ("keys in two ways", APPLICATION, both_ways(), "INVALID", "not both"),
        ("a name of an application with NUL", APPLICATION, application("name", json!("\0")), "INVALID", "`name`"),
        ("an application that was revoked", REVOKE, json!({ "id": setting.revoked }), "IMMUTABLE", "revoked"),
        ("an application that is none", REVOKE, json!({ "id": "api_00000000000000000000000000" }), "NOT_FOUND", "check the id"),
    ]
}

fn near(latitude: &Value, longitude: &Value, within_km: &Value) -> Value {
    json!({ "filter": { "near": { "latitude": latitude, "longitude": longitude, "withinKm": within_km } } })
}

fn both_ways() -> Value {
    json!({ "input": { "name": "App", "scopes": [], "roles": [], "jwks": "{}", "jwksUrl": "https://keys.example/jwks" } })
}

async fn bad_questions(setting: &Setting) -> Vec<Bad> {
    let cursor = async |caller: &Caller, list: &str| {
        let answer = caller.ask(&format!("{{ {list} {{ pageInfo {{ endCursor }} }} }}")).await;
        answer.body["data"].as_object().unwrap().values().next().unwrap()["pageInfo"]["endCursor"].as_str().unwrap().to_owned()
    };
    let programs = cursor(&setting.caller, "programs").await;
    let theirs = cursor(&setting.stranger, "clients").await;
    let turned = cursor(&setting.caller, "programs(orderBy: { field: NAME, direction: DESC })").await;
    let filtered = cursor(&setting.caller, "programs(filter: { acceptsReferrals: true })").await;
    let own = cursor(&setting.caller, "clients").await;
    vec![
        ("a negative page", PROGRAMS, json!({ "first": -1 }), "BAD_USER_INPUT", "from 0 to 100"),
        ("a large page", PROGRAMS, json!({ "first": 101 }), "BAD_USER_INPUT", "from 0 to 100"),
        ("a huge page", PROGRAMS, json!({ "last": i32::MAX }), "BAD_USER_INPUT", "`last`"),
        ("a page beyond numbers", PROGRAMS, json!({ "first": 3_000_000_000_u64 }), "BAD_USER_INPUT", "Int"),
        ("half a page", PROGRAMS, json!({ "first": 1.5 }), "BAD_USER_INPUT", "Int"),
        ("a page in words", PROGRAMS, json!({ "first": "10" }), "BAD_USER_INPUT", "Int"),
        ("first with last", PROGRAMS, json!({ "first": 1, "last": 1 }), "BAD_USER_INPUT", "not both"),
        ("a cursor that is none", PROGRAMS, json!({ "after": "garbage" }), "CURSOR_EXPIRED", "cursor"),
        ("an empty cursor", PROGRAMS, json!({ "before": "" }), "CURSOR_EXPIRED", "cursor"),
        ("a cursor with NUL", PROGRAMS, json!({ "after": "\0" }), "CURSOR_EXPIRED", "cursor"),
        ("a cursor of another list", CLIENTS, json!({ "after": programs }), "CURSOR_EXPIRED", "this list"),
        ("a cursor of another organization", CLIENTS, json!({ "after": theirs }), "CURSOR_EXPIRED", "this list"),
        ("a cursor of another order", PROGRAMS, json!({ "after": turned }), "CURSOR_EXPIRED", "order"),
        ("a cursor of another filter", PROGRAMS, json!({ "after": filtered }), "CURSOR_EXPIRED", "filter"),
        (
            "a tampered cursor",
            CLIENTS,
            json!({ "after": format!("{}{}", if own.starts_with('A') { 'B' } else { 'A' }, &own[1..]) }),
            "CURSOR_EXPIRED",
            "this list",
        ),
        ("an unknown order", PROGRAMS, json!({ "orderBy": { "field": "SIZE", "direction": "ASC" } }), "BAD_USER_INPUT", "SIZE"),
        ("an order without a direction", PROGRAMS, json!({ "orderBy": { "field": "NAME" } }), "BAD_USER_INPUT", "direction"),
        ("a place off the earth", PROGRAMS, near(&json!(91), &json!(0), &json!(5)), "BAD_USER_INPUT", "latitude"),
        ("a place around the earth", PROGRAMS, near(&json!(0), &json!(180.5), &json!(5)), "BAD_USER_INPUT", "longitude"),
        ("a circle of nothing", PROGRAMS, near(&json!(0), &json!(0), &json!(0)), "BAD_USER_INPUT", "withinKm"),
        ("a circle inside out", PROGRAMS, near(&json!(0), &json!(0), &json!(-5)), "BAD_USER_INPUT", "withinKm"),
        ("a circle around everything", PROGRAMS, near(&json!(0), &json!(0), &json!(1e300)), "BAD_USER_INPUT", "1000"),
        ("a place in words", PROGRAMS, near(&json!("here"), &json!(0), &json!(5)), "BAD_USER_INPUT", "Float"),
        ("half a place", PROGRAMS, near(&json!(null), &json!(0), &json!(5)), "BAD_USER_INPUT", "latitude"),
        ("a distance from nowhere", PROGRAMS, json!({ "orderBy": { "field": "DISTANCE", "direction": "ASC" } }), "BAD_USER_INPUT", "near"),
        ("an empty search", PROGRAMS, json!({ "filter": { "search": " " } }), "BAD_USER_INPUT", "`search`"),
        ("a search for signs", PROGRAMS, json!({ "filter": { "search": "%_'" } }), "BAD_USER_INPUT", "letter or digit"),
        ("a search with NUL", PROGRAMS, json!({ "filter": { "search": "a\0b" } }), "BAD_USER_INPUT", "`search`"),
        ("a search of 900 KB", PROGRAMS, json!({ "filter": { "search": "a".repeat(900_000) } }), "BAD_USER_INPUT", "200"),
        ("a language to look for that is none", PROGRAMS, json!({ "filter": { "languages": ["%"] } }), "BAD_USER_INPUT", "BCP 47"),
        ("too many languages to look for", PROGRAMS, json!({ "filter": { "languages": vec!["es"; 51] } }), "BAD_USER_INPUT", "50"),
        (
            "a level to look for that is none",
            PROGRAMS,
            json!({ "filter": { "levelsOfCare": [{ "edition": "THIRD", "code": "9" }] } }),
            "BAD_USER_INPUT",
            "level of care",
        ),
        ("an unknown filter", PROGRAMS, json!({ "filter": { "name": "x" } }), "BAD_USER_INPUT", "name"),
        ("a search for a phone that is none", CLIENTS, json!({ "filter": { "phone": "12" } }), "BAD_USER_INPUT", "telephone"),
        ("a search for no day", CLIENTS, json!({ "filter": { "dateOfBirth": "x" } }), "BAD_USER_INPUT", "2026-11-23"),
        ("a search for a pseudonym with NUL", CLIENTS, json!({ "filter": { "pseudonym": "a\0b" } }), "BAD_USER_INPUT", "`pseudonym`"),
        (
            "a time before all time",
            CLIENTS,
            json!({ "filter": { "updated": { "from": "-200000-01-01T00:00:00Z" } } }),
            "BAD_USER_INPUT",
            "year",
        ),
        (
            "a time after all time",
            CLIENTS,
            json!({ "filter": { "updated": { "to": "+262000-01-01T00:00:00Z" } } }),
            "BAD_USER_INPUT",
            "year",
        ),
        (
            "a time without a zone",
            CLIENTS,
            json!({ "filter": { "updated": { "from": "2026-01-01T00:00:00" } } }),
            "BAD_USER_INPUT",
            "DateTime",
        ),
        ("an id that is none", NODE, json!({ "id": "x" }), "BAD_USER_INPUT", "not an id"),
        ("an id of no kind", NODE, json!({ "id": "xyz_00000000000000000000000000" }), "BAD_USER_INPUT", "not an id"),
        ("an id with NUL", NODE, json!({ "id": "cli_0000000000000000000000000\0" }), "BAD_USER_INPUT", "not an id"),
        ("an id that is a number", NODE, json!({ "id": 1 }), "BAD_USER_INPUT", "ID"),
        ("an id of 900 KB", NODE, json!({ "id": "c".repeat(900_000) }), "BAD_USER_INPUT", "not an id"),
        (
            "too many ids",
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            json!({ "ids": vec![setting.application.clone(); 101] }),
            "BAD_USER_INPUT",
            "100",
        ),
        (
            "an id of another kind",
            "query($id: ID!) { program(id: $id) { id } }",
            json!({ "id": setting.home.organization }),
            "BAD_USER_INPUT",
            "prg_",
        ),
        ("a client by nothing", "{ client { id } }", json!({}), "BAD_USER_INPUT", "exactly one"),
        ("an unknown field", "{ colour }", json!({}), "GRAPHQL_VALIDATION_FAILED", "colour"),
        ("an unknown argument", "{ programs(colour: 1) { totalCount } }", json!({}), "GRAPHQL_VALIDATION_FAILED", "colour"),
        ("an object without fields", "{ programs }", json!({}), "GRAPHQL_VALIDATION_FAILED", "programs"),
        ("an undefined variable", "{ programs(first: $many) { totalCount } }", json!({}), "GRAPHQL_VALIDATION_FAILED", "$many"),
        ("an unknown type", "query($x: Colour) { programs(first: $x) { totalCount } }", json!({}), "GRAPHQL_VALIDATION_FAILED", "Colour"),
        ("no document", "", json!({}), "GRAPHQL_PARSE_FAILED", "expected"),
        ("half a document", "{ programs { ", json!({}), "GRAPHQL_PARSE_FAILED", "expected"),
        ("a document with NUL", "{ programs\0 { totalCount } }", json!({}), "GRAPHQL_PARSE_FAILED", "expected"),
        ("two operations", "query A { __typename } query B { __typename }", json!({}), "BAD_USER_INPUT", "operationName"),
        ("a subscription by POST", "subscription { events { id } }", json!({}), "BAD_USER_INPUT", "WebSocket"),
    ]
}

/// A request as bytes: what it is, method, headers, the address after `/graphql`, the body, the status, the code, and a part of the sentence.
type BadRequest = (&'static str, &'static str, Vec<(&'static str, &'static str)>, &'static str, Vec<u8>, u16, &'static str, &'static str);

fn bad_requests() -> Vec<BadRequest> {
    let json = || vec![("content-type", "application/json"), ("accept", "application/graphql-response+json")];
    let and = |name, value| [json(), vec![(name, value)]].concat();
    let create = json!({ "query": "mutation { programCreate(input: { name: \"Bad\" }) { program { id } userErrors { code } } }" });
    let create = || create.to_string().into_bytes();
    let two = json!({ "query": "mutation { a: programCreate(input: { name: \"A\" }) { program { id } } b: programCreate(input: { name: \"B\" }) { program { id } } }" });
    let mutation = "?query=mutation%7BprogramCreate(input:%7Bname:%22Bad%22%7D)%7Bprogram%7Bid%7D%7D%7D";
    vec![
        ("no JSON", "POST", json(), "", b"hello".to_vec(), 400, "BAD_USER_INPUT", "well-formed JSON"),
        ("half a JSON", "POST", json(), "", create()[..40].to_vec(), 400, "BAD_USER_INPUT", "well-formed JSON"),
        ("no UTF-8", "POST", json(), "", b"{\"query\":\"\xff\"}".to_vec(), 400, "BAD_USER_INPUT", "well-formed JSON"),
        ("an empty body", "POST", json(), "", vec![], 400, "BAD_USER_INPUT", "well-formed JSON"),
        ("deep JSON", "POST", json(), "", b"[".repeat(100_000), 400, "BAD_USER_INPUT", "well-formed JSON"),
        ("a list", "POST", json(), "", b"[]".to_vec(), 400, "BAD_USER_INPUT", "one operation"),
        ("no query", "POST", json(), "", b"{}".to_vec(), 400, "BAD_USER_INPUT", "`query`"),
        ("a query that is a number", "POST", json(), "", b"{\"query\":1}".to_vec(), 400, "BAD_USER_INPUT", "string"),
        (
            "variables that are a list",
            "POST",
            json(),
            "",
            b"{\"query\":\"{a}\",\"variables\":[]}".to_vec(),
            400,
            "BAD_USER_INPUT",
            "`variables`",
        ),
        ("2 MB", "POST", json(), "", b" ".repeat(2_000_000), 413, "BAD_USER_INPUT", "1048576"),
        (
            "a form",
            "POST",
            vec![("content-type", "application/x-www-form-urlencoded")],
            "",
            create(),
            415,
            "BAD_USER_INPUT",
            "application/json",
        ),
        ("no media type", "POST", vec![], "", create(), 415, "BAD_USER_INPUT", "application/json"),
        (
            "an answer as XML",
            "POST",
            vec![("content-type", "application/json"), ("accept", "text/xml")],
            "",
            create(),
            406,
            "BAD_USER_INPUT",
            "accept",
        ),
        ("a mutation by GET", "GET", vec![], mutation, vec![], 405, "BAD_USER_INPUT", "POST"),
        ("a query by GET twice", "GET", vec![], "?query=%7Ba%7D&query=%7Bb%7D", vec![], 400, "BAD_USER_INPUT", "once"),
        ("variables by GET that are none", "GET", vec![], "?query=%7Ba%7D&variables=x", vec![], 400, "BAD_USER_INPUT", "`variables`"),
        ("an empty key", "POST", and("idempotency-key", ""), "", create(), 400, "BAD_USER_INPUT", "1 to 255"),
        ("a long key", "POST", and("idempotency-key", LONG), "", create(), 400, "BAD_USER_INPUT", "1 to 255"),
        ("a key with a tab", "POST", and("idempotency-key", "a\tb"), "", create(), 400, "BAD_USER_INPUT", "printable"),
        ("a key for two", "POST", and("idempotency-key", "k"), "", two.to_string().into_bytes(), 400, "BAD_USER_INPUT", "exactly one"),
        (
            "a key for a query",
            "POST",
            and("idempotency-key", "k"),
            "",
            b"{\"query\":\"{__typename}\"}".to_vec(),
            400,
            "BAD_USER_INPUT",
            "exactly one",
        ),
        ("a hash of another version", "POST", json(), "", by_hash(r#"{"version":2,"sha256Hash":"00"}"#), 400, "BAD_USER_INPUT", "version"),
        ("a hash that is none", "POST", json(), "", by_hash(r#"{"version":1,"sha256Hash":"00"}"#), 400, "BAD_USER_INPUT", "SHA-256"),
        ("a hash that is a word", "POST", json(), "", by_hash("\"00\""), 400, "BAD_USER_INPUT", "version"),
        ("another document's hash", "POST", json(), "", with_hash("0"), 400, "BAD_USER_INPUT", "not the hash"),
        ("an unknown hash", "POST", json(), "", by_hash(&hash_of("1")), 400, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound"),
        ("an unknown hash by GET", "GET", json(), UNKNOWN_HASH, vec![], 400, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound"),
        ("an unknown purpose", "POST", and("x-purpose-of-use", "FUN"), "", create(), 400, "BAD_USER_INPUT", "PurposeOfUse"),
        ("another scheme", "POST", and("authorization", "Basic YTpi"), "", create(), 401, "UNAUTHENTICATED", "token"),
    ]
}

const UNKNOWN_HASH: &str = "?extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22\
    2222222222222222222222222222222222222222222222222222222222222222%22%7D%7D";

fn hash_of(digit: &str) -> String {
    json!({ "version": 1, "sha256Hash": digit.repeat(64) }).to_string()
}

fn by_hash(persisted: &str) -> Vec<u8> {
    format!(r#"{{"extensions":{{"persistedQuery":{persisted}}}}}"#).into_bytes()
}

fn with_hash(digit: &str) -> Vec<u8> {
    format!(r#"{{"query":"{{__typename}}","extensions":{{"persistedQuery":{}}}}}"#, hash_of(digit)).into_bytes()
}

const LONG: &str = concat!(
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "01234567890123456789012345678901234567890123456789012345",
);

async fn send(app: &TestApp, token: &str, bad: &BadRequest) -> Answer {
    let (_, method, headers, address, body, ..) = bad;
    let mut request = reqwest::Client::new().request(method.parse().unwrap(), format!("{}/graphql{address}", app.url)).body(body.clone());
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.bearer_auth(token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let raw = response.text().await.unwrap();
    let body = serde_json::from_str(&raw).unwrap_or_default();
    Answer { status, headers, raw, body }
}

/// How many rows each table has, but for the audit, which notes refusals.
async fn rows(database: &TestDatabase) -> BTreeMap<String, i64> {
    let (backend, tables) = match database.kind {
        Kind::Sqlite => (DbBackend::Sqlite, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"),
        Kind::Postgresql => (DbBackend::Postgres, "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()"),
    };
    let connection = database.connect().await;
    let tables = connection.query_all_raw(Statement::from_string(backend, tables)).await.unwrap();
    let mut rows = BTreeMap::new();
    for table in tables.iter().map(|row| row.try_get::<String>("", "name").unwrap()).filter(|table| table != "audit_event") {
        let count = Statement::from_string(backend, format!("SELECT COUNT(*) AS many FROM \"{table}\""));
        let row = connection.query_one_raw(count).await.unwrap().unwrap();
        rows.insert(table, row.try_get::<i64>("", "many").unwrap());
    }
    rows
}

/// What is wrong with the answers to what each of these callers asks.
async fn faults<'a>(asked: impl IntoIterator<Item = (&'a Caller, Vec<Bad>)>) -> Vec<String> {
    let mut faults = Vec::new();
    for (caller, documents) in asked {
        for (what, query, variables, code, says) in documents {
            let answer = caller.ask_with(query, variables).await;
            faults.extend(fault(what, &answer, code, says));
        }
    }
    faults
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What is wrong with an answer; nothing when it has exactly this code and says this in a sentence.
fn fault(what: &str, answer: &Answer, code: &str, says: &str) -> Option<String> {
    let mut codes = [answer.error_codes(), answer.user_error_codes()].concat();
    // The library tells some mistakes twice.
    codes.dedup();
    let top = answer.body["errors"].as_array().into_iter().flatten();
    let payload = answer.body["data"].as_object().and_then(|data| data.values().next());
    let users = payload.and_then(|payload| payload["userErrors"].as_array()).into_iter().flatten();
    let told = top.chain(users).any(|error| error["message"].as_str().is_some_and(|message| message.contains(says)));
    let raw: String = answer.raw.chars().take(400).collect();
    (codes != [code] || !told).then(|| format!("{what}: expected {code} with {says:?}: {} {raw}", answer.status))
}

on_both! {
    async fn what_is_wrong_is_told_and_changes_nothing(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        let setting = set_up(&mut app).await;
        let before = rows(&app.database).await;
        let clients = [bad_clients(&setting), bad_directory(&setting), program::bad_hours(&setting)].concat();
        let schedule = [bad_workshops(&setting), bad_series(&setting), bad_series_changes(&setting), bad_sessions(&setting)].concat();
        let schedule = [schedule, seats::bad_seats(&setting)].concat();
        let schedule = [schedule, proof::bad_proofs(&setting)].concat();
        let documents = [clients, schedule, bad_questions(&setting).await].concat();
        let requests = bad_requests();
        assert!(documents.len() + requests.len() >= 60 && before.len() > 5);

        let mut faults = faults([(&setting.caller, documents)]).await;
        for bad in &requests {
            let (what, .., status, code, says) = bad;
            let answer = send(&app, setting.caller.token.as_deref().unwrap(), bad).await;
            let other = (answer.status != *status).then(|| format!("{what}: expected status {status}: {} {}", answer.status, answer.raw));
            faults.extend(other.or_else(|| fault(what, &answer, code, says)));
        }

        none(&faults);
        assert_eq!(rows(&app.database).await, before);
    }
}
