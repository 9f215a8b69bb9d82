//! From parameters to an operation that may run: within the limits, parsed, chosen, and of the right kind.

use async_graphql::{Request, ServerError};
use async_graphql_parser::{
    parse_query,
    types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet},
};
use async_graphql_value::Value as Literal;
use serde_json::{Map, Value};

use super::{ErrorCode, Limits, parameters::Parameters};

/// An operation that is within the limits. Whether it fits the schema is for the engine to say.
pub(super) struct Operation {
    pub(super) kind: OperationType,
    /// Fields of the operation itself, fragments written out.
    pub(super) root_fields: usize,
    /// How much it asks for (`Limits::selections`).
    pub(super) cost: usize,
    /// Whether it was sent variables, or declares them: then a wrong value is a mistake in them.
    pub(super) has_variables: bool,
    /// Hash of what was asked, for an idempotency key.
    pub(super) hash: Vec<u8>,
    pub(super) request: Request,
    /// What must not stand in an address, when something does.
    pub(super) unfit_for_address: Option<&'static str>,
}

impl Operation {
    /// Parses and checks.
    pub(super) fn prepare(parameters: &Parameters, limits: &Limits) -> Result<Self, ServerError> {
        let query = parameters.query.as_deref().unwrap_or_default();
        limits.check_text(query)?;
        let document = parse_query(query).map_err(|error| {
            let mut refusal = ErrorCode::ParseFailed.error(error.to_string());
            refusal.locations = error.positions().collect();
            refusal
        })?;
        let variables = parameters.variables();
        limits.check_variables(variables.values())?;
        let chosen = choose(&document, parameters.operation_name.as_deref())?;
        let size = limits.check_document(&document, chosen)?;
        needed_variables(chosen, &parameters.variables)?;

        let (kind, declares) = (chosen.ty, !chosen.variable_definitions.is_empty());
        let unfit_for_address = unfit_document(&document).or_else(|| unfit_variables(&parameters.variables));
        let mut request = Request::new(query).variables(variables);
        // The library refuses the name of an operation that the document leaves out.
        request.operation_name.clone_from(&parameters.operation_name);
        if let Ok(extensions) = serde_json::from_value(Value::Object(parameters.extensions.clone())) {
            request.extensions = extensions;
        }
        request.set_parsed_query(document);
        Ok(Self {
            kind,
            root_fields: size.root_fields,
            cost: size.cost,
            has_variables: declares || !parameters.variables.is_empty(),
            hash: parameters.hash(),
            request,
            unfit_for_address,
        })
    }
}

fn choose<'d>(document: &'d ExecutableDocument, name: Option<&str>) -> Result<&'d OperationDefinition, ServerError> {
    let unknown = |name: &str| ErrorCode::BadUserInput.error(format!("The document has no operation named \"{name}\"."));
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Single(_), Some(name)) => Err(unknown(name)),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).map(|one| &one.node).ok_or_else(|| unknown(name)),
        (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
            Some(only) if operations.len() == 1 => Ok(&only.node),
            _ => Err(ErrorCode::BadUserInput.error("The document has several operations: say which in `operationName`.")),
        },
    }
}

/// The library notices a missing variable only where it is used, and not always before something ran.
fn needed_variables(operation: &OperationDefinition, given: &Map<String, Value>) -> Result<(), ServerError> {
    for definition in &operation.variable_definitions {
        let (name, definition) = (definition.node.name.node.as_str(), &definition.node);
        let given = given.get(name);
        let missing = match given {
            None => definition.default_value.is_none(),
            Some(value) => value.is_null(),
        };
        if missing && !definition.var_type.node.nullable {
            return Err(ErrorCode::BadUserInput.error(format!("The variable `${name}` is needed: it must not be null.")));
        }
    }
    Ok(())
}

/// Names of what addresses must not hold, because they end up in logs: a ticket is a secret, `near` is where someone is.
const UNFIT: [&str; 2] = ["near", "ticket"];

fn unfit(name: &str) -> Option<&'static str> {
    UNFIT.into_iter().find(|unfit| *unfit == name)
}

fn unfit_document(document: &ExecutableDocument) -> Option<&'static str> {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let definitions = document.operations.iter().flat_map(|(_, operation)| &operation.node.variable_definitions);
    let mut defaults = definitions.filter_map(|definition| definition.node.default_value.as_ref());
    if let Some(unfit) = defaults.find_map(|value| unfit_default(&value.node)) {
        return Some(unfit);
    }
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    operations.chain(fragments).find_map(unfit_selection)
}

fn unfit_selection(set: &SelectionSet) -> Option<&'static str> {
    set.items.iter().find_map(|selection| match &selection.node {
        Selection::Field(field) => {
            let mut arguments = field.node.arguments.iter();
            let argument = arguments.find_map(|(name, value)| unfit(&name.node).or_else(|| unfit_literal(&value.node)));
            argument.or_else(|| unfit_selection(&field.node.selection_set.node))
        }
        Selection::InlineFragment(fragment) => unfit_selection(&fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => None,
    })
}

fn unfit_literal(value: &Literal) -> Option<&'static str> {
    match value {
        Literal::List(items) => items.iter().find_map(unfit_literal),
        Literal::Object(fields) => fields.iter().find_map(|(name, value)| unfit(name).or_else(|| unfit_literal(value))),
        _ => None,
    }
}

fn unfit_default(value: &async_graphql::Value) -> Option<&'static str> {
    match value {
        async_graphql::Value::List(items) => items.iter().find_map(unfit_default),
        async_graphql::Value::Object(fields) => fields.iter().find_map(|(name, value)| unfit(name).or_else(|| unfit_default(value))),
        _ => None,
    }
}

fn unfit_variables(variables: &Map<String, Value>) -> Option<&'static str> {
    variables.iter().find_map(|(name, value)| unfit(name).or_else(|| unfit_value(value)))
}

fn unfit_value(value: &Value) -> Option<&'static str> {
    match value {
        Value::Array(items) => items.iter().find_map(unfit_value),
        Value::Object(fields) => unfit_variables(fields),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prepare(parameters: Value) -> Result<Operation, String> {
        let parameters = Parameters::from_json(parameters).unwrap();
        Operation::prepare(&parameters, &Limits::default()).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn the_named_operation_is_chosen() {
        let two = "query A { a } mutation B { b c }";
        let chosen = prepare(json!({"query": two, "operationName": "B"})).ok().unwrap();
        assert_eq!((chosen.kind, chosen.root_fields), (OperationType::Mutation, 2));
        assert!(prepare(json!({"query": two})).is_err_and(|error| error.contains("BAD_USER_INPUT")));
        assert!(prepare(json!({"query": two, "operationName": "C"})).is_err());
        assert!(prepare(json!({"query": "{"})).is_err_and(|error| error.contains("GRAPHQL_PARSE_FAILED")));
    }

    #[test]
    fn a_needed_variable_is_missed() {
        let query = "query($id: ID!, $n: Int! = 1) { a(id: $id, n: $n) }";
        assert!(prepare(json!({"query": query})).is_err());
        assert!(prepare(json!({"query": query, "variables": {"id": null}})).is_err());
        assert!(prepare(json!({"query": query, "variables": {"id": "x"}})).is_ok());
        assert!(prepare(json!({"query": query, "variables": {"id": "x", "n": null}})).is_err());
    }

    #[test]
    fn secrets_and_places_are_found() {
        let found = |parameters| prepare(parameters).ok().unwrap().unfit_for_address;
        assert_eq!(found(json!({"query": "{ registration(ticket: \"x\") { id } }"})), Some("ticket"));
        assert_eq!(found(json!({"query": "{ a { ...F } } fragment F on T { b(filter: [{near: {lat: 1}}]) }"})), Some("near"));
        assert_eq!(found(json!({"query": "query($f: F) { b(filter: $f) }", "variables": {"f": {"near": {}}}})), Some("near"));
        assert_eq!(found(json!({"query": "query($f: F = {near: {lat: 1}}) { b(filter: $f) }"})), Some("near"));
        assert_eq!(found(json!({"query": "{ nearby(first: 3) { near } }"})), None);
    }
}
