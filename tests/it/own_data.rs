//! The documents of a data export ask for all that the schema lets a client read of themselves.

use std::collections::{BTreeMap, BTreeSet};

use aftercare::graphql;
use async_graphql_parser::{
    parse_query, parse_schema,
    types::{BaseType, DocumentOperations, Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition},
};

/// Types of which a client is told who or what it is, and no more: they are nobody's data, or somebody else's.
const OTHERS: &[&str] = &["Organization", "Program", "Peer", "Facilitator", "Session", "Workshop"];

/// What is left out, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("Client.erasedAt", "of a person who was erased there is no file"),
    ("ClientPrivacy.erasure", "likewise"),
    ("ClientPrivacy.possibleDuplicates", "they may be other people"),
    ("ClientCare.currentEpisode", "it is one of the episodes"),
    ("Episode.assignment", "it is one of the pairings"),
    ("Episode.assignments", "they are pairings, which are lines of their own"),
    ("Referral.attempts", "they are contacts, which are lines of their own"),
    ("ReferralProgress.availableTransitions", "what the staff could do next"),
    ("Event.cursor", "a place in the organization's log"),
    ("Event.subject", "what it happened to is a line of its own"),
    ("Event.referralTransition", "it is in the referral's history"),
    ("Registration.confirmBy", "a guest's, who is no client"),
    ("Registration.guestName", "likewise"),
    ("AuditEvent.requestId", "of the organization's own search for mistakes"),
    ("AuditEvent.hash", "of the organization's own chain"),
];

struct Schema(BTreeMap<String, BTreeMap<String, String>>);

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

impl Schema {
    fn read(sdl: &str) -> Self {
        let fields = |definition| match definition {
            TypeSystemDefinition::Type(ty) => match &ty.node.kind {
                TypeKind::Object(object) => {
                    let fields =
                        object.fields.iter().map(|field| (field.node.name.node.to_string(), named(&field.node.ty.node).to_owned()));
                    Some((ty.node.name.node.to_string(), fields.collect()))
                }
                _ => None,
            },
            _ => None,
        };
        Self(parse_schema(sdl).unwrap().definitions.into_iter().filter_map(fields).collect())
    }

    /// What is selected of a type and below it, as `Type.field`.
    fn selected(&self, ty: &str, of: &SelectionSet, into: &mut BTreeSet<(String, String)>) {
        for selection in &of.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.to_string();
                    if let Some(below) = self.0.get(ty).and_then(|fields| fields.get(&name)) {
                        self.selected(below, &field.node.selection_set.node, into);
                    }
                    into.insert((ty.to_owned(), name));
                }
                Selection::InlineFragment(fragment) => {
                    let of = fragment.node.type_condition.as_ref().map_or(ty, |on| on.node.on.node.as_str());
                    self.selected(of, &fragment.node.selection_set.node, into);
                }
                Selection::FragmentSpread(_) => panic!("the documents have no fragments of their own"),
            }
        }
    }

    /// Fields that a client may read and that no document asks for.
    fn missing(&self, documents: &[(&str, &str)]) -> Vec<String> {
        let mut selected = BTreeSet::new();
        for (_, document) in documents {
            let DocumentOperations::Single(operation) = parse_query(document).unwrap().operations else { panic!("one operation each") };
            self.selected("Query", &operation.node.selection_set.node, &mut selected);
        }
        let technical = |ty: &str| ["Query", "PageInfo"].contains(&ty) || ty.ends_with("Connection");
        let types: BTreeSet<_> = selected.iter().map(|(ty, _)| ty.as_str()).filter(|ty| !technical(ty) && !OTHERS.contains(ty)).collect();
        let all = types.iter().flat_map(|ty| self.0.get(*ty).into_iter().flatten().map(move |(field, _)| (*ty, field)));
        let missing = all.filter(|(ty, field)| !selected.contains(&((*ty).to_owned(), (*field).clone())));
        let missing = missing.map(|(ty, field)| format!("{ty}.{field}"));
        missing.filter(|name| !LEFT_OUT.iter().any(|(left_out, _)| left_out == name)).collect()
    }
}

#[test]
fn the_export_asks_for_all_that_a_client_may_read() {
    let sdl = graphql::build().finish().sdl();
    let documents = graphql::own_data_documents();
    let missing = Schema::read(&sdl).missing(&documents);
    assert!(
        missing.is_empty(),
        "may a client read it? Then ask for it in api/src/graphql/own_data.rs; else say why not here: {missing:#?}"
    );

    let more = sdl.replacen("type ClientRecovery {", "type ClientRecovery {\n\tdiary: String\n", 1);
    assert_eq!(Schema::read(&more).missing(&documents), ["ClientRecovery.diary"], "a new field is noticed");
}

#[test]
fn what_is_left_out_is_in_the_schema() {
    let schema = Schema::read(&graphql::build().finish().sdl());
    let documents = graphql::own_data_documents();
    for (name, _) in LEFT_OUT {
        let (ty, field) = name.split_once('.').unwrap();
        assert!(schema.0[ty].contains_key(field), "{name} is gone");
    }
    assert!(OTHERS.iter().all(|ty| schema.0.contains_key(*ty)));
    assert_eq!(documents.len(), documents.iter().collect::<BTreeSet<_>>().len(), "each once");
}
