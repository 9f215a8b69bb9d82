//! Bounds of a document, checked before anything is validated or executed, so that no document costs more than it is worth.
//!
//! Fragments are weighed once each: written out, a few of them can come to millions of fields.

use std::collections::HashMap;

use async_graphql::{ServerError, Value};
use async_graphql_parser::types::{Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql_parser::{Pos, Positioned};
use async_graphql_value::{Name, Value as Literal};

use super::{ErrorCode, scan::scan};

/// Bounds of a document and its variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a document.
    pub document_bytes: usize,
    /// Tokens of a document.
    pub tokens: usize,
    /// Brackets within brackets of any kind, in the text. Also keeps the parser, which recurses, within its stack.
    pub nesting: usize,
    /// Fields within fields, fragments written out. Introspection is not counted.
    pub depth: usize,
    /// Lists within lists of introspection (`fields`, `inputFields`, `interfaces`, `possibleTypes`); the standard query has one.
    pub introspection_lists: usize,
    /// Aliases in a document.
    pub aliases: usize,
    /// Directives on one field, fragment, variable or operation.
    pub directives: usize,
    /// Directives in a document.
    pub directives_in_all: usize,
    /// Fields of the operation itself, fragments written out.
    pub root_fields: usize,
    /// Selections of the operation, fragments written out.
    pub selections: usize,
    /// Fragments in a document.
    pub fragments: usize,
    /// Operations in a document.
    pub operations: usize,
    /// Entries of all lists in literals and variables.
    pub list_values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 128 * 1024,
            tokens: 10_000,
            nesting: 50,
            depth: 15,
            introspection_lists: 2,
            aliases: 50,
            directives: 5,
            directives_in_all: 100,
            root_fields: 30,
            selections: 3_000,
            fragments: 60,
            operations: 20,
            list_values: 2_000,
        }
    }
}

fn too_many(what: &str, most: usize) -> ServerError {
    ErrorCode::CostLimitExceeded.error(format!("The document has too many {what}: at most {most} are allowed."))
}

fn too_deep(what: &str, most: usize) -> ServerError {
    ErrorCode::DepthLimitExceeded.error(format!("{what} nested too deeply: at most {most} levels are allowed."))
}

fn within(count: usize, most: usize, what: &str) -> Result<(), ServerError> {
    if count > most { Err(too_many(what, most)) } else { Ok(()) }
}

impl Limits {
    /// Looks at the text before it is parsed.
    pub(super) fn check_text(&self, document: &str) -> Result<(), ServerError> {
        let scan = scan(document);
        if scan.unclosed {
            return Err(ErrorCode::ParseFailed.error("A block string is not closed."));
        }
        if scan.nesting > self.nesting {
            return Err(too_deep("The document is", self.nesting));
        }
        within(document.len(), self.document_bytes, "bytes")?;
        within(scan.tokens, self.tokens, "tokens")
    }

    /// Looks at the variables.
    pub(super) fn check_variables<'v>(&self, variables: impl IntoIterator<Item = &'v Value>) -> Result<(), ServerError> {
        within(variables.into_iter().map(entries).sum(), self.list_values, "list values")
    }

    /// Looks at a parsed document: every fragment and every operation of it. Gives the size of the chosen operation.
    pub(super) fn check_document(&self, document: &ExecutableDocument, chosen: &OperationDefinition) -> Result<Size, ServerError> {
        within(document.fragments.len(), self.fragments, "fragments")?;
        within(document.operations.iter().len(), self.operations, "operations")?;
        self.check_counts(document)?;

        let mut scale = Scale { document, limits: self, weighed: HashMap::new() };
        for (name, fragment) in &document.fragments {
            scale.fragment(name, fragment.pos)?;
        }
        let mut size = Size::default();
        for (_, operation) in document.operations.iter() {
            let weight = scale.selection_set(&operation.node.selection_set.node)?;
            within(weight.selections, self.selections, "fields")?;
            within(weight.roots, self.root_fields, "fields of the operation itself")?;
            if weight.depth > self.depth {
                return Err(too_deep("Fields are", self.depth));
            }
            if std::ptr::eq(&raw const operation.node, chosen) {
                size = Size { root_fields: weight.roots, cost: weight.selections };
            }
        }
        Ok(size)
    }

    fn check_counts(&self, document: &ExecutableDocument) -> Result<(), ServerError> {
        let mut counts = Counts::default();
        for (_, operation) in document.operations.iter() {
            counts.directives(&operation.node.directives, self)?;
            for variable in &operation.node.variable_definitions {
                counts.directives(&variable.node.directives, self)?;
                counts.list_values += variable.node.default_value.as_ref().map_or(0, |value| entries(&value.node));
            }
            counts.selection_set(&operation.node.selection_set.node, self)?;
        }
        for fragment in document.fragments.values() {
            counts.directives(&fragment.node.directives, self)?;
            counts.selection_set(&fragment.node.selection_set.node, self)?;
        }
        within(counts.aliases, self.aliases, "aliases")?;
        within(counts.directives, self.directives_in_all, "directives")?;
        within(counts.list_values, self.list_values, "list values")
    }
}

/// How much an operation asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Fields of the operation itself, fragments written out.
    pub(super) root_fields: usize,
    /// What is held against `selections`, and told as `extensions.cost`.
    pub(super) cost: usize,
}

/// What is counted as it is written, whether used or not.
#[derive(Default)]
struct Counts {
    aliases: usize,
    directives: usize,
    list_values: usize,
}

impl Counts {
    fn selection_set(&mut self, set: &SelectionSet, limits: &Limits) -> Result<(), ServerError> {
        for selection in &set.items {
            self.directives(selection.node.directives(), limits)?;
            match &selection.node {
                Selection::Field(field) => {
                    self.aliases += usize::from(field.node.alias.is_some());
                    self.list_values += field.node.arguments.iter().map(|(_, value)| literal_entries(&value.node)).sum::<usize>();
                    self.selection_set(&field.node.selection_set.node, limits)?;
                }
                Selection::InlineFragment(fragment) => self.selection_set(&fragment.node.selection_set.node, limits)?,
                Selection::FragmentSpread(_) => {}
            }
        }
        Ok(())
    }

    fn directives(&mut self, directives: &[Positioned<Directive>], limits: &Limits) -> Result<(), ServerError> {
        within(directives.len(), limits.directives, "directives in one place")?;
        self.directives += directives.len();
        Ok(())
    }
}

/// What a selection comes to with its fragments written out.
#[derive(Clone, Copy, Default)]
struct Weight {
    /// Fields at the top.
    roots: usize,
    /// Fields, spreads and inline fragments in all.
    selections: usize,
    /// Fields within fields.
    depth: usize,
    /// Lists of introspection within each other.
    lists: usize,
}

/// Weighs selections; a fragment that is being weighed stands with none, so a circle is seen.
struct Scale<'d> {
    document: &'d ExecutableDocument,
    limits: &'d Limits,
    weighed: HashMap<&'d Name, Option<Weight>>,
}

impl<'d> Scale<'d> {
    fn selection_set(&mut self, set: &'d SelectionSet) -> Result<Weight, ServerError> {
        let mut sum = Weight::default();
        for selection in &set.items {
            let one = match &selection.node {
                Selection::Field(field) => self.field(&field.node)?,
                Selection::InlineFragment(fragment) => self.selection_set(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, spread.pos)?,
            };
            sum = Weight {
                roots: sum.roots.saturating_add(one.roots),
                selections: sum.selections.saturating_add(one.selections).saturating_add(1),
                depth: sum.depth.max(one.depth),
                lists: sum.lists.max(one.lists),
            };
        }
        Ok(sum)
    }

    fn field(&mut self, field: &'d Field) -> Result<Weight, ServerError> {
        let below = self.selection_set(&field.selection_set.node)?;
        let name = field.name.node.as_str();
        let introspection = matches!(name, "__schema" | "__type");
        if introspection && below.lists > self.limits.introspection_lists {
            return Err(too_deep("Lists of introspection are", self.limits.introspection_lists));
        }
        let list = matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
        Ok(Weight {
            roots: 1,
            selections: below.selections,
            depth: if introspection { 1 } else { below.depth + 1 },
            lists: below.lists + usize::from(list),
        })
    }

    fn fragment(&mut self, name: &'d Name, pos: Pos) -> Result<Weight, ServerError> {
        match self.weighed.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let mut error = ErrorCode::ValidationFailed.error(format!("The fragment \"{name}\" contains itself."));
                error.locations.push(pos);
                return Err(error);
            }
            None => {}
        }
        // A fragment that is not there weighs nothing; validation says so.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Weight::default());
        };
        self.weighed.insert(name, None);
        let weight = self.selection_set(&fragment.node.selection_set.node)?;
        self.weighed.insert(name, Some(weight));
        Ok(weight)
    }
}

fn entries(value: &Value) -> usize {
    match value {
        Value::List(items) => items.len() + items.iter().map(entries).sum::<usize>(),
        Value::Object(fields) => fields.values().map(entries).sum(),
        _ => 0,
    }
}

fn literal_entries(value: &Literal) -> usize {
    match value {
        Literal::List(items) => items.len() + items.iter().map(literal_entries).sum::<usize>(),
        Literal::Object(fields) => fields.values().map(literal_entries).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql_parser::parse_query;

    use super::*;

    fn check(text: &str) -> Result<Size, String> {
        let limits = Limits::default();
        limits.check_text(text).map_err(|error| error.message)?;
        let document = parse_query(text).expect("a document");
        let (_, chosen) = document.operations.iter().next().expect("an operation");
        limits.check_document(&document, &chosen.node).map_err(|error| error.message)
    }

    #[test]
    fn ordinary_documents_pass() {
        let size = |root_fields, cost| Ok(Size { root_fields, cost });
        assert_eq!(check("query($a: [Int] = [1, 2]) { a @skip(if: false) b: c { ...F } } fragment F on T { d }"), size(2, 4));
        assert_eq!(check("mutation { ...F } fragment F on Mutation { a b c }"), size(3, 4));
    }

    #[test]
    fn too_much_is_refused() {
        let nested = format!("{{ {} a {} }}", "a { ".repeat(20), "}".repeat(20));
        let bomb: String = (0..40).map(|n| format!("fragment F{n} on T {{ ...F{m} ...F{m} }} ", m = n + 1)).collect();
        let cases = [
            (format!("{{ {} }}", (0..1000).map(|n| format!("a{n}: a ")).collect::<String>()), "too many aliases"),
            (format!("{{ a {} }}", "@skip(if: false) ".repeat(500)), "too many directives"),
            (format!("{{ {} }}", "a ".repeat(31)), "fields of the operation"),
            (format!("{{ a(b: [{}]) }}", "1 ".repeat(2_001)), "too many list values"),
            (nested, "nested too deeply"),
            ("{".repeat(1_000), "nested too deeply"),
            (format!("{{ ...F0 }} {bomb} fragment F40 on T {{ a }}"), "too many fields"),
            ("{ a } fragment A on T { ...B } fragment B on T { ...A }".to_owned(), "contains itself"),
            ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".to_owned(), "Lists of introspection"),
        ];
        for (text, expected) in cases {
            let message = check(&text).expect_err(expected);
            assert!(message.contains(expected), "{message} is not {expected}");
        }
    }

    #[test]
    fn introspection_may_be_deep() {
        let of_type = format!("{} name {}", "ofType { ".repeat(12), "}".repeat(12));
        assert!(check(&format!("{{ __schema {{ types {{ fields {{ args {{ type {{ {of_type} }} }} }} }} }} }}")).is_ok());
    }
}
