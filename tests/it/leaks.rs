//! The leak hunt: everyone asks for everything, and what they may not see is searched for in what they are answered.
//!
//! The fields and types come from the published schema, who may see what from `leaks/expectation.rs`, the data from `leaks/world.rs`.

mod detector;
mod expectation;
mod handovers;
pub(crate) mod log_lines;
mod schema;
mod two_sides;
mod world;

use std::time::Duration;

use detector::{leaks, shown, text, unscoped_counts, withheld};
use entity::{AnyId, TypedId};
use expectation::{Class, FIELDS, Field};
use futures_util::{StreamExt as _, stream};
use handovers::Handovers;
use kit::{app::TestApp, caller::Answer, on_both};
use schema::{ROWS, Schema};
use serde_json::json;
use two_sides::{KINDS, Story, TELLING, Telling};
use world::{Asker, Id, World};

/// How long a follower waits for more: on a busy machine an answer takes its time.
const PATIENCE: Duration = Duration::from_secs(12);

/// How many questions are asked at once; followers do little but wait.
fn at_once(field: &str) -> usize {
    if field.starts_with("Subscription") { 96 } else { 4 }
}

/// The arguments of a field, once for each id that a placeholder of it stands for, with that id; other placeholders stand for ids of
/// the same place.
fn filled<'a>(world: &'a World, field: &Field, n: usize) -> Vec<(String, Option<&'a Id>)> {
    let all: Vec<_> = world.ids.iter().map(|id| format!("\"{}\"", id.text)).collect();
    let arguments = field.arguments.replace("{nodes}", &all.join(", ")).replace("{n}", &n.to_string());
    let placeholder = |id: &Id| {
        let own = format!("{{{}}}", id.placeholder);
        [own, "{node}".to_owned()].into_iter().find(|text| arguments.contains(text))
    };
    let around = |arguments: String, id: &Id| {
        let same = world.ids.iter().filter(|other| other.place == id.place);
        same.fold(arguments, |arguments, other| arguments.replace(&format!("{{{}}}", other.placeholder), &other.text))
    };
    let variants = world.ids.iter().filter_map(|id| Some((around(arguments.replace(&placeholder(id)?, &id.text), id), Some(id))));
    let variants: Vec<_> = variants.collect();
    if variants.is_empty() { vec![(arguments, None)] } else { variants }
}

/// The root field, when this answer says that it was done.
fn done(name: &'static str, answer: &Answer) -> Option<&'static str> {
    let payload = &answer.body["data"][name.split('.').nth(1)?];
    payload["userErrors"].as_array().is_some_and(Vec::is_empty).then_some(name)
}

/// What is wrong with the answers of one asker to a field, and whether it was done for them.
async fn hunt(world: &World, schema: &Schema, asker: &Asker, field: &Field, n: usize) -> (Vec<String>, Option<&'static str>) {
    let (mut found, mut was_done) = (Vec::new(), None);
    for (arguments, id) in filled(world, field, n) {
        let kind = id.map(|id| world.kind_of(id));
        let document = schema.document(field.name, &arguments.replace("{start}", &world.start(asker)), kind, ROWS);
        let answer = match field.name.starts_with("Subscription") {
            true => asker.caller.follow(&document, PATIENCE).await,
            false => asker.caller.ask(&document).await,
        };
        let of_this = world.canaries.iter().filter(|canary| field.shows.contains(&canary.class));
        let of_this = of_this.filter(|canary| id.is_none_or(|id| id.place == canary.place));
        let wrong = withheld(world, asker, &answer, of_this).into_iter().chain(unasked(asker, &answer));
        let wrong = leaks(world, asker, &answer).into_iter().chain(wrong);
        was_done = was_done.or(done(field.name, &answer));
        found.extend(wrong.map(|wrong| format!("{}({arguments}): {wrong}", field.name)));
    }
    (found, was_done)
}

/// A document that was refused as such proves nothing.
fn unasked(asker: &Asker, answer: &Answer) -> Option<String> {
    let refused = |code: &&str| !["UNAUTHENTICATED", "FORBIDDEN"].contains(code);
    answer.error_codes().into_iter().find(refused).map(|_| format!("{} was not answered: {}", asker.name, answer.raw))
}

/// What is wrong with the answers to all fields of a root, and which mutations were done for somebody.
async fn hunt_all(world: &World, root: &str) -> (Vec<String>, Vec<&'static str>) {
    let schema = Schema::of(&world.app.engine().sdl());
    let fields = FIELDS.iter().filter(|field| field.name.starts_with(root));
    let hunts = fields.flat_map(|field| world.askers.iter().map(move |asker| (field, asker))).enumerate();
    let schema = &schema;
    let found = stream::iter(hunts).map(|(n, (field, asker))| hunt(world, schema, asker, field, n));
    let found = found.buffer_unordered(at_once(root)).collect().await;
    summed(found, log_lines::told(&world.app, world.canaries.iter().map(|canary| canary.text.as_str())))
}

fn summed(found: Vec<(Vec<String>, Option<&'static str>)>, logged: Vec<String>) -> (Vec<String>, Vec<&'static str>) {
    let (wrong, done): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    ([wrong.concat(), logged].concat(), done.into_iter().flatten().collect())
}

/// That each of these mutations was done for somebody: what is refused to all shows nothing because there is nothing to show.
fn each_was_done<'a>(fields: impl Iterator<Item = &'a str>, done: &[&str]) {
    let refused = fields.filter(|name| name.starts_with("Mutation") && !done.contains(name));
    none(&refused.map(|name| format!("{name} was refused to everyone")).collect::<Vec<_>>());
}

/// The arguments of a field that tells of referrals, once for each id that it is about, with that id.
fn about<'a>(world: &'a Handovers, field: &Telling, everyday: bool) -> Vec<(String, Option<&'a handovers::Id>)> {
    let referrals = world.ids.iter().filter(|id| id.placeholder == "referral");
    let all: Vec<_> = referrals.map(|id| format!("\"{}\"", id.text)).collect();
    let arguments = field.arguments.replace("{nodes}", &all.join(", "));
    let others = |arguments: String| {
        world.ids.iter().fold(arguments, |arguments, id| arguments.replace(&format!("{{{}}}", id.placeholder), &id.text))
    };
    // What adds nothing: a kind of row in every story, to those who come with another purpose.
    let few = [Some(Story::Connected), Some(Story::RevokedBeforeContact), Some(Story::Offered)];
    let any = arguments.contains("{node}");
    let named = |id: &handovers::Id| arguments.contains(&format!("{{{}}}", id.placeholder));
    let asked = world.ids.iter().filter(|id| match any {
        true => {
            KINDS.iter().any(|(_, placeholder)| *placeholder == id.placeholder) && (few[..if everyday { 3 } else { 1 }].contains(&id.story))
        }
        false if field.name.starts_with("Mutation") => named(id) && [Some(Story::Connected), Some(Story::Elsewhere)].contains(&id.story),
        false => named(id) && id.story.is_some(),
    });
    let asked: Vec<_> = asked
        .map(|id| (others(arguments.replace("{node}", &id.text).replace(&format!("{{{}}}", id.placeholder), &id.text)), Some(id)))
        .collect();
    if asked.is_empty() { vec![(others(arguments), None)] } else { asked }
}

/// What is wrong with the answers of one asker to a field that tells of referrals, and whether it was done for them.
async fn hunt_about(world: &Handovers, schema: &Schema, asker: &handovers::Asker, field: &Telling) -> (Vec<String>, Option<&'static str>) {
    let (mut found, mut was_done) = (Vec::new(), None);
    if !asker.is_everyday() && !field.always {
        return (found, was_done);
    }
    for (arguments, id) in about(world, field, asker.is_everyday()) {
        let placeholder = id.map_or("referral", |id| id.placeholder);
        let kind = KINDS.iter().find(|(_, known)| *known == placeholder).map(|(kind, _)| *kind);
        // With each event a follower is told the row again: what lies within is asked for by queries, which the same resolvers answer.
        let rows = if field.name.starts_with("Subscription") { 1 } else { ROWS };
        let document = schema.document(field.name, &arguments.replace("{start}", &world.start(asker)), kind, rows);
        let answer = match field.name.starts_with("Subscription") {
            true => asker.caller.follow(&document, PATIENCE).await,
            false => asker.caller.ask(&document).await,
        };
        let answered = text(&answer);
        let said = world.finder.found_in(&answered);
        let by_another = |canary: &handovers::Canary| world.canaries.iter().any(|other| other.text == canary.text && asker.may_see(other));
        let sung =
            world.canaries.iter().filter(|canary| said.contains(canary.text.as_str()) && !asker.may_see(canary) && !by_another(canary));
        let mut wrong: Vec<_> = sung.map(|canary| format!("{} sees {canary:?}", asker.name)).collect();
        let here = world.canaries.iter().filter(|canary| id.is_none_or(|id| id.story == Some(canary.story)));
        let owed = here.filter(|canary| match field.name {
            "Subscription.events" => canary.event && asker.may_see(canary),
            _ => !canary.event && canary.parts.iter().any(|part| field.shows.contains(part) && asker.may(*part, canary.story)),
        });
        wrong.extend(
            owed.filter(|canary| !said.contains(canary.text.as_str())).map(|canary| format!("{} does not see {canary:?}", asker.name)),
        );
        // While others write, a list and its count are of different moments.
        if !field.name.starts_with("Mutation") {
            unscoped_counts(&answer.body, &mut |count, shown| {
                wrong.push(format!("{} is told of {count} rows and shown {shown}", asker.name))
            });
        }
        let refused = |code: &&str| !["UNAUTHENTICATED", "FORBIDDEN"].contains(code);
        wrong.extend(answer.error_codes().into_iter().find(refused).map(|_| format!("{} was not answered: {}", asker.name, answer.raw)));
        was_done = was_done.or(done(field.name, &answer));
        found.extend(wrong.into_iter().map(|wrong| format!("{}({}): {wrong}", field.name, &arguments[..arguments.len().min(80)])));
    }
    (found, was_done)
}

async fn hunt_referrals(world: &Handovers, root: &str) -> (Vec<String>, Vec<&'static str>) {
    let schema = &Schema::of(&world.app.engine().sdl());
    let fields = TELLING.iter().filter(|field| field.name.starts_with(root));
    let hunts = fields.flat_map(|field| world.askers.iter().map(move |asker| (field, asker)));
    let found = stream::iter(hunts).map(|(field, asker)| hunt_about(world, schema, asker, field));
    let found = found.buffer_unordered(at_once(root)).collect().await;
    summed(found, log_lines::told(&world.app, world.canaries.iter().map(|canary| canary.text.as_str())))
}

/// Findings are shortened: whole answers would hide them in a log that is cut.
fn none(found: &[String]) {
    let shown: Vec<_> = found.iter().take(30).map(|finding| finding.chars().take(400).collect::<String>()).collect();
    assert!(found.is_empty(), "{} findings, the first of them:\n{}", found.len(), shown.join("\n"));
}

on_both! {
    async fn the_table_names_every_root_field_and_node(db: TestDatabase) {
        let sdl = TestApp::start(db).await.engine().sdl();
        none(&Schema::of(&sdl).unexpected());

        let more = sdl.replacen("type Query {", "type Query {\n\tdiaries: [String!]!\n", 1) + "\ntype Diary implements Node { id: ID! }";
        let said = Schema::of(&more).unexpected().join("\n");
        assert!(said.contains("Add `field(\"Query.diaries\"") && said.contains("Add `(\"Diary\""), "{said}");
    }

    async fn queries_show_everyone_what_they_may_see_and_nothing_else(db: TestDatabase) {
        none(&hunt_all(&World::on(TestApp::start(db).await).await, "Query").await.0);
    }

    async fn mutations_are_done_for_somebody_and_show_nothing_else(db: TestDatabase) {
        let (found, done) = hunt_all(&World::on(TestApp::start(db).await).await, "Mutation").await;
        none(&found);
        each_was_done(FIELDS.iter().map(|field| field.name), &done);
    }

    async fn subscriptions_show_everyone_what_they_may_see_and_nothing_else(db: TestDatabase) {
        none(&hunt_all(&World::on(TestApp::start(db).await).await, "Subscription").await.0);
    }

    async fn both_sides_of_referrals_see_what_they_may_and_nothing_else(db: TestDatabase) {
        let (found, _) = hunt_referrals(&Handovers::on(TestApp::start(db).await).await, "Query").await;
        none(&found);
    }

    async fn followers_of_referrals_see_what_they_may_and_nothing_else(db: TestDatabase) {
        let (found, _) = hunt_referrals(&Handovers::on(TestApp::start(db).await).await, "Subscription").await;
        none(&found);
    }

    async fn each_mutation_is_done_for_somebody_and_shows_nothing_else(db: TestDatabase) {
        let (found, done) = hunt_referrals(&Handovers::on(TestApp::start(db).await).await, "Mutation").await;
        none(&found);
        each_was_done(TELLING.iter().map(|field| field.name), &done);
    }

    async fn absent_foreign_and_forbidden_are_answered_alike(db: TestDatabase) {
        let world = World::on(TestApp::start(db).await).await;
        let mut found = Vec::new();
        for asker in &world.askers {
            for id in &world.ids {
                let Some(class) = id.class else { continue };
                let prefix = id.text.split('_').next().unwrap();
                let absent = AnyId::new(prefix, entity::ClientId::new().into()).unwrap().to_string();
                let [absent, answer] = [absent.as_str(), id.text.as_str()]
                    .map(|id| async move { asker.caller.ask(&format!("{{ node(id: \"{id}\") {{ __typename id }} }}")).await });
                let (absent, answer) = (absent.await, answer.await);
                let may = asker.reaches(class, id.place) || asker.is(&id.text);
                if may == (answer.raw == absent.raw && answer.status == absent.status) {
                    found.push(format!("{} asks for {id:?}, may see it: {may}, answered {}", asker.name, answer.raw));
                }
            }
        }
        none(&found);
    }

    async fn a_filter_by_what_is_hidden_finds_nothing(db: TestDatabase) {
        let world = World::on(TestApp::start(db).await).await;
        let query = "query($name: String) { clients(filter: { familyName: $name }) { totalCount nodes { id } } }";
        let mut found = Vec::new();
        for asker in &world.askers {
            for canary in world.canaries.iter().filter(|canary| canary.text.starts_with("canary-family")) {
                let answer = asker.caller.ask_with(query, json!({ "name": canary.text })).await;
                let counted = answer.body["data"]["clients"]["totalCount"].as_u64().unwrap_or_default();
                if counted != u64::from(asker.may_see(canary)) {
                    found.push(format!("{} finds {counted} by {canary:?}", asker.name));
                }
            }
        }
        none(&found);
    }

    async fn planted_leaks_are_found(db: TestDatabase) {
        let world = World::on(TestApp::start(db).await).await;
        let peer = world.asker("PEER Near");
        let honest = peer.caller.ask("{ clients { totalCount nodes { id } } }").await;
        none(&leaks(&world, peer, &honest));
        let secret = &world.canaries.iter().find(|canary| canary.class == Class::Identity).unwrap().text;
        let told = |body: serde_json::Value| Answer { raw: body.to_string(), body, ..honest.clone() };

        let fabricated = told(json!({ "data": { "clients": { "nodes": [{ "identity": { "givenName": secret } }] } } }));
        let counted = told(json!({ "data": { "clients": { "totalCount": 3, "nodes": [] } } }));
        let refused = told(json!({ "errors": [{ "message": format!("{secret} is not yours") }] }));
        let mut header = honest.clone();
        header.headers.insert("x-debug", secret.parse().unwrap());

        for (what, planted) in [("an answer", &fabricated), ("a count", &counted), ("an error", &refused), ("a header", &header)] {
            assert_eq!(leaks(&world, peer, planted).len(), 1, "{what} is not found");
        }
        tracing::info!(note = "canary-planted-in-the-log", "said of somebody");
        assert_eq!(log_lines::told(&world.app, ["canary-planted-in-the-log", "canary-nowhere"].into_iter()).len(), 1, "the log is searched");
        assert!(shown(&world, &fabricated, Class::Identity) && !shown(&world, &honest, Class::Identity));
        let coordinator = world.asker("COORDINATOR Near");
        assert!(!withheld(&world, coordinator, &honest, world.canaries.iter()).is_empty(), "what is missing is found as well");
    }
}
