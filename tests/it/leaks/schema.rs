//! The published schema, and a selection of everything below a field of it.

use std::collections::BTreeMap;

use async_graphql_parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
};

use super::{
    expectation::{FIELDS, NODES},
    two_sides::{KINDS, TELLING},
};

/// How many fields within fields are selected.
const DEPTH: usize = 6;
/// How many rows within rows are selected whole; those below are named by their ids. Each kind is asked for by itself as well.
pub(crate) const ROWS: usize = 2;

/// The types by name.
pub(crate) struct Schema(BTreeMap<String, TypeKind>);

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

impl Schema {
    pub(crate) fn of(sdl: &str) -> Self {
        let definitions = parse_schema(sdl).unwrap().definitions.into_iter();
        let types = definitions.filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) => Some((ty.node.name.node.to_string(), ty.node.kind)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Self(types.collect())
    }

    fn fields(&self, ty: &str) -> Vec<&FieldDefinition> {
        match self.0.get(ty) {
            Some(TypeKind::Object(object)) => object.fields.iter().map(|field| &field.node).collect(),
            _ => Vec::new(),
        }
    }

    fn behind(&self, ty: &str) -> Vec<&str> {
        match self.0.get(ty) {
            Some(TypeKind::Union(union)) => union.members.iter().map(|member| member.node.as_str()).collect(),
            Some(TypeKind::Interface(_)) => {
                let implements =
                    |kind: &TypeKind| matches!(kind, TypeKind::Object(object) if object.implements.iter().any(|of| of.node == ty));
                self.0.iter().filter(|(_, kind)| implements(kind)).map(|(name, _)| name.as_str()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What the table does not say, each with what to add.
    pub(crate) fn unexpected(&self) -> Vec<String> {
        let roots = ["Query", "Mutation", "Subscription"].into_iter();
        let fields = roots.flat_map(|root| self.fields(root).into_iter().map(move |field| format!("{root}.{}", field.name.node)));
        let fields: Vec<_> = fields.collect();
        let known = |name: &String| FIELDS.iter().any(|field| field.name == name) || TELLING.iter().any(|field| field.name == name);
        let add = "who may see what of it by domain 3.3? Add";
        let missing = fields.iter().filter(|name| !known(name));
        let missing = missing.map(|name| format!("{name}: {add} `field(\"{name}\", arguments, classes)` to leaks/expectation.rs"));
        let gone = FIELDS.iter().filter(|field| !fields.iter().any(|name| name == field.name));
        let gone = gone.map(|field| format!("{}: not in the schema any more: remove it from leaks/expectation.rs", field.name));
        let nodes = self
            .behind("Node")
            .into_iter()
            .filter(|name| !NODES.iter().any(|(known, ..)| known == name) && !KINDS.iter().any(|(known, _)| known == name));
        let nodes = nodes.map(|name| format!("{name}: {add} `(\"{name}\", placeholder, class)` to NODES, and its ids to leaks/world.rs"));
        missing.chain(gone).chain(nodes).collect()
    }

    /// A document that asks for everything below a field, which is named as in the table, with so many rows within rows. Where it gives a thing of any kind and the kind
    /// is known, only of that kind: such documents are long, and there are many.
    pub(crate) fn document(&self, name: &str, arguments: &str, kind: Option<&str>, rows: usize) -> String {
        let (root, field) = name.split_once('.').unwrap();
        let definition = self.fields(root).into_iter().find(|known| known.name.node == field).unwrap();
        let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
        let below = match (named(&definition.ty.node), kind) {
            ("Node", Some(kind)) => {
                format!(" {{ __typename id ... on {kind}{} }}", self.everything(kind, DEPTH, rows, &mut Vec::new()).unwrap())
            }
            // Of every kind at once: no rows within rows, or the document is longer than documents may be.
            ("Node", None) => self.everything("Node", DEPTH, 1, &mut Vec::new()).unwrap(),
            (given, _) => self.everything(given, DEPTH, rows, &mut Vec::new()).unwrap(),
        };
        format!("{} {{ {field}{arguments}{below} }}", root.to_lowercase())
    }

    fn is_row(&self, ty: &str) -> bool {
        matches!(self.0.get(ty), Some(TypeKind::Object(object)) if object.implements.iter().any(|of| of.node == "Node"))
    }

    /// All fields of a type but those that lead back to a type above; nothing when there is none to select.
    fn everything<'a>(&'a self, ty: &'a str, depth: usize, rows: usize, above: &mut Vec<&'a str>) -> Option<String> {
        let is_leaf = !matches!(self.0.get(ty), Some(TypeKind::Object(_) | TypeKind::Union(_) | TypeKind::Interface(_)));
        if is_leaf {
            return Some(String::new());
        }
        if depth == 0 || above.contains(&ty) {
            return None;
        }
        let is_row = self.is_row(ty);
        // A thing of any kind, below something else: each kind is asked for by itself.
        let is_any = ty == "Node" && !above.is_empty();
        if is_any || is_row && rows == 0 {
            return Some(" { __typename id }".to_owned());
        }
        let rows = if is_row { rows - 1 } else { rows };
        above.push(ty);
        let mut selected = vec!["__typename".to_owned()];
        for field in self.fields(ty) {
            // The rows of a list within a list are shown once, or answers grow with each level.
            if field.name.node == "edges" && above.len() > 1 {
                continue;
            }
            let arguments = if field.arguments.iter().any(|argument| argument.node.name.node == "first") { "(first: 100)" } else { "" };
            if let Some(below) = self.everything(named(&field.ty.node), depth - 1, rows, above) {
                selected.push(format!("{}{arguments}{below}", field.name.node));
            }
        }
        for behind in self.behind(ty) {
            if let Some(below) = self.everything(behind, depth, rows, above) {
                selected.push(format!("... on {behind}{below}"));
            }
        }
        above.pop();
        Some(format!(" {{ {} }}", selected.join(" ")))
    }
}
