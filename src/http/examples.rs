//! Examples in the OpenAPI document: whole objects that tell one story, and what each body looks like.
//!
//! # Why
//! What a property may be stands at the property. Put together, such examples contradict each other: an entry that came
//! signed and over the counter, erased and in custody. So the objects that people look at first are whole examples, in
//! `examples.json`: one town hall (L01290080), and one citizen of the test certificates. The rest is put together of its
//! properties. What is a bare object to the derivation can have an example only here.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Components, Content, OpenApi, RefOr};

/// By the name of a schema, or of a schema and its property.
const WHOLE: &str = include_str!("examples.json");

/// Gives each body, and what is named in the file, its example.
pub(super) fn add(document: &mut OpenApi) {
    let whole: BTreeMap<String, Value> = serde_json::from_str(WHOLE).unwrap_or_default();
    if let Some(components) = &mut document.components {
        for (name, example) in whole {
            place(components, &name, example);
        }
    }
    let schemas = serde_json::to_value(&document.components).unwrap_or_default();
    for item in document.paths.paths.values_mut() {
        for operation in
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
        {
            if let Some(RefOr::T(request)) = &mut operation.request_body {
                request.content.values_mut().for_each(|content| show(content, &schemas));
            }
            for response in operation.responses.responses.values_mut() {
                let RefOr::T(response) = response else { continue };
                response.content.values_mut().for_each(|content| show(content, &schemas));
            }
        }
    }
}

/// Puts an example at a schema, or at the property of one.
fn place(components: &mut Components, name: &str, example: Value) {
    let (name, property) = name.split_once('.').map_or((name, None), |(name, property)| (name, Some(property)));
    let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(name) else { return };
    match property {
        None => object.example = Some(example),
        Some(property) => {
            if let Some(RefOr::T(Schema::Object(property))) = object.properties.get_mut(property) {
                property.example = Some(example);
            }
        }
    }
}

/// Shows what a body is like, where nobody said.
fn show(content: &mut RefOr<Content>, components: &Value) {
    if let RefOr::T(content) = content
        && content.example.is_none()
        && content.examples.is_empty()
    {
        let schema = serde_json::to_value(&content.schema).unwrap_or_default();
        content.example = of(components, &schema, 0);
    }
}

/// An example of what this schema describes: its own, or put together of those of its parts. None in a circle.
fn of(components: &Value, schema: &Value, depth: usize) -> Option<Value> {
    /// Deeper is nothing here but what contains itself.
    const DEEPEST: usize = 24;
    if depth > DEEPEST {
        return None;
    }
    let part = |schema: &Value| of(components, schema, depth + 1);
    if let Some(own) = own(schema) {
        return Some(own);
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return part(&components["schemas"][name]);
    }
    for alternatives in ["oneOf", "anyOf"] {
        if let Some(found) = schema[alternatives].as_array().into_iter().flatten().find_map(part) {
            return Some(found);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        if let Some(whole) = parts.iter().find_map(own) {
            return Some(whole);
        }
        let objects = parts.iter().filter_map(part).filter_map(|one| one.as_object().cloned());
        return Some(objects.flatten().collect::<Map<_, _>>().into());
    }
    if schema["items"].is_object() {
        return part(&schema["items"]).map(|one| vec![one].into());
    }
    let properties = schema["properties"].as_object()?;
    let shown = properties.iter().filter_map(|(name, property)| Some((name.clone(), part(property)?)));
    Some(shown.collect::<Map<_, _>>().into())
}

/// What a schema itself gives as an example.
fn own(schema: &Value) -> Option<Value> {
    schema.get("example").or_else(|| schema.get("examples")?.get(0)).cloned()
}
