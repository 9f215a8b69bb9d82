//! What is wrong in work items, episodes and consents, in emergencies, and in how lists are asked for: see `steps.rs`.

use serde_json::{Value, json};

use super::{
    handover::NOBODY,
    steps::{Bad, Setting, by, mutation},
    with,
};

/// Work items, episodes and consents.
pub(super) fn bad_work(setting: &Setting) -> Vec<Bad<'_>> {
    let assign = mutation("workItemAssign", "id: ID!, staffMemberId: ID!");
    let (approve, reject) = (mutation("workItemApprove", "id: ID!, note: String"), mutation("workItemReject", "id: ID!, note: String!"));
    let end = mutation("episodeEnd", "id: ID!, reason: EpisodeEndReason!, text: String, version: Int");
    let revoke = mutation("consentRevoke", "id: ID!, how: String!, written: Boolean!");
    let confirm = mutation("consentConfirm", "id: ID!");
    let (one, them) = (&setting.one, &setting.one.them);
    let give = |id: &str, to: Value| (assign.clone(), json!({ "id": id, "staffMemberId": to }));
    let decide = |query: &String, id: &str, note: Value| (query.clone(), json!({ "id": id, "note": note }));
    let whole = json!({ "id": setting.episode, "reason": "GOALS_MET" });
    let ends = |field: &str, value: Value| (end.clone(), with(whole.clone(), field, value)["input"].clone());
    let (note, text): (&[&str], &[&str]) = (&["note"], &["text"]);
    let (staff, nobody) = (json!(them.peer_staff), json!(format!("stf_{NOBODY}")));
    let long = || json!("a".repeat(2_001));
    let (coordinator, referrer, peer, supervisor) =
        (by(&setting.one.them.coordinator), by(&setting.one.them.referrer), by(&setting.one.them.peer), by(&setting.one.them.supervisor));
    vec![
        coordinator("work for others", give(&setting.approval, json!(one.foreign.peer_staff)), "NOT_FOUND", &[], "check the id"),
        coordinator("work for nobody", give(&setting.approval, nobody), "NOT_FOUND", &[], "check the id"),
        coordinator("work for a peer", give(&setting.approval, json!(them.peer_id)), "BAD_USER_INPUT", &[], "stf_"),
        coordinator("work elsewhere", give(&setting.approval, json!(setting.elsewhere)), "INVALID", &["staffMemberId"], "this program"),
        coordinator("work that is done", give(&setting.rejected, staff.clone()), "IMMUTABLE", &["id"], "closed"),
        coordinator("the sender's work", give(&setting.question, staff.clone()), "NOT_FOUND", &[], "check the id"),
        coordinator("a referral as work", give(&one.offered, staff.clone()), "BAD_USER_INPUT", &[], "wrk_"),
        peer("work given by a peer", give(&setting.approval, staff), "NOT_PERMITTED", &[], "role"),
        supervisor("approval in many words", decide(&approve, &setting.approval, long()), "INVALID", note, "2000"),
        supervisor("NUL in an approval", decide(&approve, &setting.approval, json!("a\0b")), "INVALID", note, "control characters"),
        supervisor("what was decided", decide(&approve, &setting.rejected, Value::Null), "IMMUTABLE", &["id"], "closed"),
        coordinator("approval by a coordinator", decide(&approve, &setting.approval, Value::Null), "NOT_PERMITTED", &[], "role"),
        peer("approval by who asked", decide(&approve, &setting.approval, Value::Null), "NOT_PERMITTED", &[], "role"),
        supervisor("rejection without a word", decide(&reject, &setting.approval, json!(" ")), "REQUIRED", note, "`note`"),
        supervisor("rejection in many words", decide(&reject, &setting.approval, long()), "INVALID", note, "2000"),
        supervisor("rejection with nothing at all", decide(&reject, &setting.approval, Value::Null), "BAD_USER_INPUT", &[], "note"),
        supervisor("no such work", decide(&reject, &format!("wrk_{NOBODY}"), json!("No")), "NOT_FOUND", &[], "check the id"),
        supervisor("an end for no reason", ends("reason", json!("BOREDOM")), "BAD_USER_INPUT", &[], "BOREDOM"),
        supervisor("an end in many words", ends("text", long()), "INVALID", text, "2000"),
        supervisor("NUL in an end", ends("text", json!("a\0b")), "INVALID", text, "control characters"),
        supervisor("a stale end", ends("version", json!(7)), "STALE", &[], "read it again"),
        supervisor("the end of a referral", ends("id", json!(one.connected)), "BAD_USER_INPUT", &[], "epi_"),
        supervisor("the end of nothing", ends("id", json!(format!("epi_{NOBODY}"))), "NOT_FOUND", &[], "check the id"),
        referrer("an end by the sender", ends("reason", json!("MOVED")), "NOT_FOUND", &[], "check the id"),
        referrer(
            "NUL in a revocation",
            (revoke.clone(), json!({ "id": one.consent, "how": "a\0b", "written": true })),
            "INVALID",
            &["how"],
            "control characters",
        ),
        peer(
            "a revocation by a peer",
            (revoke, json!({ "id": one.consent, "how": "Said so", "written": true })),
            "NOT_FOUND",
            &[],
            "check the id",
        ),
        coordinator("a confirmation of a referral", (confirm.clone(), json!({ "id": one.offered })), "BAD_USER_INPUT", &[], "con_"),
        coordinator("a confirmation of nothing", (confirm, json!({ "id": format!("con_{NOBODY}") })), "NOT_FOUND", &[], "check the id"),
    ]
}

/// Medical emergencies (42 CFR 2.51).
pub(super) fn bad_emergencies(setting: &Setting) -> Vec<Bad<'_>> {
    let open = mutation(
        "emergencyAccess",
        "clientId: ID!, recipientOrganizationId: ID, recipientName: String!, facility: String!, nature: String!",
    );
    let (one, them) = (&setting.one, &setting.one.them);
    let whole = json!({ "clientId": one.ours, "recipientName": "Dr. Reed", "facility": "Mercy", "nature": "Found unconscious" });
    let told = |field: &str, value: Value| (open.clone(), with(whole.clone(), field, value)["input"].clone());
    let blank = json!({ "clientId": one.ours, "recipientName": "", "facility": " ", "nature": "\n" });
    let (name, facility, nature, to): (&[&str], &[&str], &[&str], &[&str]) =
        (&["recipientName"], &["facility"], &["nature"], &["recipientOrganizationId"]);
    let (long, nul) = (|most: usize| json!("a".repeat(most + 1)), json!("a\0b"));
    let (coordinator, referrer) = (by(&setting.one.them.coordinator), by(&setting.one.them.referrer));
    vec![
        coordinator("told to nobody", told("recipientName", json!(" ")), "REQUIRED", name, "`recipientName`"),
        coordinator("told to a long name", told("recipientName", long(200)), "INVALID", name, "200"),
        coordinator("told to NUL", told("recipientName", nul.clone()), "INVALID", name, "control characters"),
        coordinator("told to two lines", told("recipientName", json!("Dr.\nReed")), "INVALID", name, "one line"),
        coordinator("told to null", told("recipientName", Value::Null), "BAD_USER_INPUT", &[], "recipientName"),
        coordinator("told nowhere", told("facility", json!("")), "REQUIRED", facility, "`facility`"),
        coordinator("told far away", told("facility", long(300)), "INVALID", facility, "300"),
        coordinator("told at NUL", told("facility", nul.clone()), "INVALID", facility, "control characters"),
        coordinator("told for nothing", told("nature", json!(" \n\t")), "REQUIRED", nature, "`nature`"),
        coordinator("told for long", told("nature", long(2_000)), "INVALID", nature, "2000"),
        coordinator("told for NUL", told("nature", nul), "INVALID", nature, "control characters"),
        coordinator("told nothing of it", (open.clone(), blank.clone()), "REQUIRED", name, "`recipientName`"),
        coordinator("nor where", (open.clone(), blank.clone()), "REQUIRED", facility, "`facility`"),
        coordinator("nor why", (open.clone(), blank), "REQUIRED", nature, "`nature`"),
        coordinator(
            "told to oneself",
            told("recipientOrganizationId", json!(them.support.organization)),
            "INVALID",
            to,
            "another organization",
        ),
        coordinator(
            "told to no organization",
            told("recipientOrganizationId", json!(format!("org_{NOBODY}"))),
            "NOT_FOUND",
            &[],
            "check the id",
        ),
        coordinator("told to a program", told("recipientOrganizationId", json!(them.clinic.program)), "BAD_USER_INPUT", &[], "org_"),
        coordinator("of nobody", told("clientId", json!(format!("cli_{NOBODY}"))), "NOT_FOUND", &[], "check the id"),
        coordinator("of others' client", told("clientId", json!(one.foreign_client)), "NOT_FOUND", &[], "check the id"),
        coordinator("of a referral", told("clientId", json!(one.connected)), "BAD_USER_INPUT", &[], "cli_"),
        referrer("by a referrer elsewhere", told("facility", json!("Mercy")), "NOT_FOUND", &[], "check the id"),
    ]
}

/// Erasures: of whom, by whom, why, and while what goes on.
pub(super) async fn bad_erasures(setting: &Setting) -> Vec<Bad<'_>> {
    let erase = mutation("clientErase", "id: ID!, reason: String!");
    let (one, them) = (&setting.one, &setting.one.them);
    let of = |id: &str| (erase.clone(), json!({ "id": id, "reason": "Asked for it in writing" }));
    let because = |reason: Value| (erase.clone(), json!({ "id": one.ours, "reason": reason }));
    let whose = async |who: &kit::caller::Caller, referral: &str| {
        who.ask(&format!("{{ referral(id: \"{referral}\") {{ client {{ id }} }} }}")).await.text("/referral/client/id").to_owned()
    };
    let (drafted, waiting) = (whose(&them.referrer, &one.draft).await, whose(&them.referrer, &one.offered).await);
    let (accepted, held) = (whose(&them.coordinator, &one.accepted).await, whose(&them.coordinator, &setting.held).await);
    let (id, reason): (&[&str], &[&str]) = (&["id"], &["reason"]);
    let (officer, clinic, coordinator) = (by(&one.them.officer), by(&one.them.clinic_officer), by(&one.them.coordinator));
    let (supervisor, peer, referrer) = (by(&one.them.supervisor), by(&one.them.peer), by(&one.them.referrer));
    vec![
        officer("erased for nothing", because(json!("")), "REQUIRED", reason, "`reason`"),
        officer("erased for blanks", because(json!(" \n\t")), "REQUIRED", reason, "`reason`"),
        officer("erased for long", because(json!("a".repeat(501))), "INVALID", reason, "500"),
        officer("erased for NUL", because(json!("a\0b")), "INVALID", reason, "control characters"),
        officer("erased for two lines", because(json!("Asked\nfor it")), "INVALID", reason, "one line"),
        officer("erased for null", because(Value::Null), "BAD_USER_INPUT", &[], "reason"),
        officer("erased for a number", because(json!(5)), "BAD_USER_INPUT", &[], "String"),
        officer("nobody erased", of(&format!("cli_{NOBODY}")), "NOT_FOUND", &[], "check the id"),
        officer("others' client erased", of(&one.foreign_client), "NOT_FOUND", &[], "check the id"),
        officer("the sender's client erased", of(&one.client), "NOT_FOUND", &[], "check the id"),
        officer("a referral erased", of(&one.connected), "BAD_USER_INPUT", &[], "cli_"),
        officer("no id erased", of(""), "BAD_USER_INPUT", &[], "cli_"),
        officer("erased during an episode", of(&one.ours), "IMMUTABLE", id, "episode"),
        officer("erased during a pairing", of(&one.ours), "IMMUTABLE", id, "paired"),
        officer("erased during a referral", of(&one.ours), "IMMUTABLE", id, "open"),
        officer("erased after acceptance", of(&accepted), "IMMUTABLE", id, "open"),
        officer("erased on hold", of(&held), "IMMUTABLE", id, "open"),
        clinic("erased with a draft", of(&drafted), "IMMUTABLE", id, "draft"),
        clinic("erased before an answer", of(&waiting), "IMMUTABLE", id, "waits for an answer"),
        clinic("the receiver's client erased", of(&one.ours), "NOT_FOUND", &[], "check the id"),
        coordinator("erased by a coordinator", of(&one.ours), "NOT_PERMITTED", &[], "role"),
        supervisor("erased by a supervisor", of(&one.ours), "NOT_PERMITTED", &[], "role"),
        peer("erased by a peer", of(&one.ours), "NOT_PERMITTED", &[], "role"),
        referrer("erased by a referrer", of(&waiting), "NOT_PERMITTED", &[], "role"),
        referrer("erased by a referrer elsewhere", of(&one.ours), "NOT_FOUND", &[], "check the id"),
    ]
}

/// Data exports: of whom and by whom.
pub(super) fn bad_exports(setting: &Setting) -> Vec<Bad<'_>> {
    let export = mutation("clientDataExport", "clientId: ID");
    let (one, them) = (&setting.one, &setting.one.them);
    let of = |id: Value| (export.clone(), json!({ "clientId": id }));
    let (officer, coordinator, peer, referrer) = (by(&them.officer), by(&them.coordinator), by(&them.peer), by(&them.referrer));
    let read = "query($id: ID!) { bulkOperation(id: $id) { id } }";
    let follow = |id: &str| (read.to_owned(), json!({ "id": id }));
    vec![
        officer("nobody's data", of(Value::Null), "REQUIRED", &["clientId"], "`clientId`"),
        officer("the data of nobody", of(json!(format!("cli_{NOBODY}"))), "NOT_FOUND", &[], "check the id"),
        officer("the data of others' client", of(json!(one.foreign_client)), "NOT_FOUND", &[], "check the id"),
        officer("the data of the sender's client", of(json!(one.client)), "NOT_FOUND", &[], "check the id"),
        officer("the data of a referral", of(json!(one.connected)), "BAD_USER_INPUT", &[], "cli_"),
        officer("the data of no id", of(json!("")), "BAD_USER_INPUT", &[], "cli_"),
        officer("the data of a number", of(json!(5.5)), "BAD_USER_INPUT", &[], "ID"),
        officer("the data of a list", of(json!([one.ours, one.ours])), "BAD_USER_INPUT", &[], "ID"),
        officer("a client as bulk work", follow(&one.ours), "BAD_USER_INPUT", &[], "blk_"),
        officer("bulk work in capitals", follow(&format!("BLK_{NOBODY}")), "BAD_USER_INPUT", &[], "id"),
        coordinator("data asked for by a coordinator", of(json!(one.ours)), "NOT_PERMITTED", &[], "role"),
        peer("data asked for by a peer", of(json!(one.ours)), "NOT_PERMITTED", &[], "role"),
        referrer("data asked for by a referrer elsewhere", of(json!(one.ours)), "NOT_FOUND", &[], "check the id"),
    ]
}

/// What days are counted from.
pub(super) fn bad_milestones(setting: &Setting) -> Vec<Bad<'_>> {
    let set = mutation("milestoneSet", "clientId: ID, kind: MilestoneKind!, label: String, startedOn: Date!");
    let (one, them) = (&setting.one, &setting.one.them);
    let whole = json!({ "clientId": one.ours, "kind": "CUSTOM", "label": "Choir", "startedOn": "2026-02-01" });
    let but = |field: &str, value: Value| (set.clone(), with(whole.clone(), field, value)["input"].clone());
    let (coordinator, peer, officer, referrer) = (by(&them.coordinator), by(&them.peer), by(&them.officer), by(&them.referrer));
    let (label, on): (&[&str], &[&str]) = (&["label"], &["startedOn"]);
    vec![
        coordinator("nobody counts", but("clientId", Value::Null), "REQUIRED", &["clientId"], "`clientId`"),
        coordinator("days of nobody", but("clientId", json!(format!("cli_{NOBODY}"))), "NOT_FOUND", &[], "check the id"),
        coordinator("days of others' client", but("clientId", json!(one.foreign_client)), "NOT_FOUND", &[], "check the id"),
        coordinator("days of the sender's client", but("clientId", json!(one.client)), "NOT_FOUND", &[], "check the id"),
        coordinator("days of a referral", but("clientId", json!(one.connected)), "BAD_USER_INPUT", &[], "cli_"),
        coordinator("days of no kind", but("kind", json!("SOBRIETY")), "BAD_USER_INPUT", &[], "SOBRIETY"),
        coordinator("days of null", but("kind", Value::Null), "BAD_USER_INPUT", &[], "kind"),
        coordinator("days without a name", but("label", Value::Null), "REQUIRED", label, "`label`"),
        coordinator("days of blanks", but("label", json!(" \t")), "REQUIRED", label, "`label`"),
        coordinator("days of NUL", but("label", json!("a\0b")), "INVALID", label, "control characters"),
        coordinator("days of two lines", but("label", json!("a\nb")), "INVALID", label, "one line"),
        coordinator("days of a long name", but("label", json!("a".repeat(101))), "INVALID", label, "100"),
        coordinator("days of a number", but("label", json!(5)), "BAD_USER_INPUT", &[], "String"),
        coordinator("days to come", but("startedOn", json!("2026-03-03")), "INVALID", on, "today or earlier"),
        coordinator("days of the year 9999", but("startedOn", json!("9999-12-31")), "INVALID", on, "today or earlier"),
        coordinator("days before birth", but("startedOn", json!("1980-12-09")), "INVALID", on, "born"),
        coordinator("days of the year 0", but("startedOn", json!("0000-01-01")), "INVALID", on, "born"),
        coordinator("days from no day", but("startedOn", json!("2026-02-30")), "BAD_USER_INPUT", &[], "2026-11-23"),
        coordinator("days from an hour", but("startedOn", json!("2026-02-01T10:00:00Z")), "BAD_USER_INPUT", &[], "2026-11-23"),
        coordinator("days from null", but("startedOn", Value::Null), "BAD_USER_INPUT", &[], "startedOn"),
        peer("days set by a peer", (set.clone(), whole.clone()), "NOT_PERMITTED", &[], "role"),
        officer("days set by an officer", (set.clone(), whole.clone()), "NOT_PERMITTED", &[], "role"),
        referrer("days set by the sender", (set.clone(), whole.clone()), "NOT_FOUND", &[], "check the id"),
    ]
}

/// Filters and pages of referrals and work items.
pub(super) async fn bad_lists(setting: &Setting) -> Vec<Bad<'_>> {
    let referrals = "query($first: Int, $after: String, $last: Int, $before: String, $filter: ReferralFilter) {
        referrals(first: $first, after: $after, last: $last, before: $before, filter: $filter) { nodes { id } } }";
    let work = "query($first: Int, $after: String, $last: Int, $before: String, $filter: WorkItemFilter) {
        workItems(first: $first, after: $after, last: $last, before: $before, filter: $filter) { nodes { id } } }";
    let one = "query($number: String) { referral(number: $number) { id } }";
    let (them, one_setting) = (&setting.one.them, &setting.one);
    let elsewhere = them.coordinator.ask("{ referrals { pageInfo { endCursor } } }").await.text("/referrals/pageInfo/endCursor").to_owned();
    let own = them.coordinator.ask("{ workItems { pageInfo { endCursor } } }").await.text("/workItems/pageInfo/endCursor").to_owned();
    let row = |what, query: &str, variables, code, says| (&them.coordinator, what, query.to_owned(), variables, code, &[] as &[&str], says);
    let by = |field: &str, value: Value| json!({ "filter": { field: value } });
    vec![
        row("referrals by NUL", referrals, by("number", json!("R\0")), "BAD_USER_INPUT", "`number`"),
        row("a referral by NUL", one, json!({ "number": "R\0" }), "BAD_USER_INPUT", "`number`"),
        row("referrals by a long number", referrals, by("number", json!("R".repeat(101))), "BAD_USER_INPUT", "`number`"),
        row("referrals of a peer who is staff", referrals, by("peerIds", json!([them.peer_staff])), "BAD_USER_INPUT", "per_"),
        row("referrals of a client that is a referral", referrals, by("clientId", json!(one_setting.offered)), "BAD_USER_INPUT", "cli_"),
        row("referrals of no urgency", referrals, by("urgency", json!(["PANIC"])), "BAD_USER_INPUT", "PANIC"),
        row("referrals perhaps overdue", referrals, by("overdue", json!("perhaps")), "BAD_USER_INPUT", "Boolean"),
        row("referrals known by half", referrals, by("externalIdentifier", json!({ "system": "harbor" })), "BAD_USER_INPUT", "value"),
        row("referrals from both ends", referrals, json!({ "first": 1, "last": 1 }), "BAD_USER_INPUT", "not both"),
        row("fewer than none", referrals, json!({ "last": -1 }), "BAD_USER_INPUT", "from 0 to 100"),
        row("referrals before no cursor", referrals, json!({ "before": "AAAA" }), "CURSOR_EXPIRED", "cursor"),
        row("work of no kind", work, by("kinds", json!(["GOSSIP"])), "BAD_USER_INPUT", "GOSSIP"),
        row("work of a peer", work, by("assigneeIds", json!([them.peer_id])), "BAD_USER_INPUT", "stf_"),
        row("work in an organization", work, by("programIds", json!([them.support.organization])), "BAD_USER_INPUT", "prg_"),
        row("work that is perhaps open", work, by("open", json!(1)), "BAD_USER_INPUT", "Boolean"),
        row("a page of 101 things to do", work, json!({ "first": 101 }), "BAD_USER_INPUT", "from 0 to 100"),
        row("work from both ends", work, json!({ "first": 1, "last": 1 }), "BAD_USER_INPUT", "not both"),
        row("work after a referral", work, json!({ "after": elsewhere }), "CURSOR_EXPIRED", "this list"),
        row("work after a cursor of another filter", work, json!({ "after": own, "filter": { "open": true } }), "CURSOR_EXPIRED", "filter"),
        row("work before no cursor", work, json!({ "before": "garbage" }), "CURSOR_EXPIRED", "cursor"),
    ]
}
