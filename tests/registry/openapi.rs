//! The OpenAPI document that is checked in is the one that the program serves, and it explains itself.

use reqwest::Method;
use serde_json::Value;

use crate::harness::site::{Engine, root};
use crate::harness::town::Town;

fn document() -> Value {
    serde_json::to_value(ventanilla::http::router::document()).unwrap()
}

#[test]
fn the_document_in_the_repository_is_that_of_the_program() {
    let path = root().join("openapi/ventanilla.json");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let ours = serde_json::to_string_pretty(&ventanilla::http::router::document()).unwrap() + "\n";
    if kept == ours {
        return;
    }
    let differs = kept.lines().zip(ours.lines()).position(|(kept, ours)| kept != ours);
    let line = differs.unwrap_or_else(|| kept.lines().count().min(ours.lines().count()));
    panic!(
        "openapi/ventanilla.json is stale from line {}:\n  kept: {}\n  now:  {}\nRefresh it with\n  \
         cargo run -- openapi >openapi/ventanilla.json",
        line + 1,
        kept.lines().nth(line).unwrap_or("(its end)"),
        ours.lines().nth(line).unwrap_or("(its end)"),
    );
}

#[tokio::test]
async fn the_document_and_docs_that_work_offline_are_served() {
    let town = Town::on(Engine::Sqlite).await;
    assert_eq!(town.get("/api/v1/openapi.json", "nobody").await.is(200, "").json(), document());
    let page = town.get("/api/docs/", "nobody").await.is(200, "").text();
    assert!(page.contains("swagger-ui"), "{page}");
    for address in ["https://", "http://", "//cdn"] {
        assert!(!page.contains(&format!("src=\"{address}")), "the page asks nobody else for anything: {page}");
    }
}

#[tokio::test]
async fn who_has_the_document_already_is_not_sent_it_again() {
    let town = Town::on(Engine::Sqlite).await;
    let first = town.get("/api/v1/openapi.json", "nobody").await.is(200, "");
    assert_eq!(first.header("content-type"), "application/json");
    let tag = first.header("etag").to_owned();
    assert!(tag.len() > 10 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    for (known, status) in
        [(tag.as_str(), 304), (&format!("\"x\", W/{tag}"), 304), ("*", 304), ("\"x\"", 200), ("", 200)]
    {
        let asked = [("if-none-match", known)];
        let answer = town.try_send(Method::GET, "/api/v1/openapi.json", None, &asked, Vec::new()).await.unwrap();
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.header("etag"), tag);
        assert_eq!(answer.text().is_empty(), status == 304);
    }
}

/// Whether a schema tells what it is: by itself, or as one of its alternatives.
fn described(schema: &Value) -> bool {
    let alternatives = schema["oneOf"].as_array().into_iter().flatten();
    schema["description"].as_str().is_some_and(|text| !text.is_empty())
        || alternatives.clone().any(|one| one["description"].is_string())
        || schema["$ref"].is_string()
        || alternatives.clone().any(|one| one["$ref"].is_string())
}

#[test]
fn every_operation_parameter_schema_and_property_is_described() {
    let document = document();
    let mut missing = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            for field in ["operationId", "summary", "description", "tags", "x-roles"] {
                if operation[field].is_null() {
                    missing.push(format!("{place}: {field}"));
                }
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                let of_a_list = parameter["schema"]["$ref"].is_string() || parameter["schema"]["enum"].is_array();
                if parameter["description"].is_null() || (parameter["example"].is_null() && !of_a_list) {
                    missing.push(format!("{place}: description or example of {name}"));
                }
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                if response["description"].as_str().is_none_or(str::is_empty) {
                    missing.push(format!("{place}: description of {status}"));
                }
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if schema["description"].as_str().is_none_or(str::is_empty) {
            missing.push(format!("{name}: description"));
        }
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            if !described(schema) {
                missing.push(format!("{name}: description of {property}"));
            }
        }
    }
    assert!(missing.is_empty(), "the document does not say:\n{}", missing.join("\n"));
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn follow(document: &Value, value: &Value, lost: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref")
                    && document.pointer(reference.trim_start_matches('#')).is_none()
                {
                    lost.push(reference.clone());
                }
                object.values().for_each(|value| follow(document, value, lost));
            }
            Value::Array(items) => items.iter().for_each(|value| follow(document, value, lost)),
            _ => {}
        }
    }
    let (document, mut lost) = (document(), Vec::new());
    follow(&document, &document, &mut lost);
    assert!(lost.is_empty(), "{lost:?}");
}

/// Whether a schema shows what it may be: by itself, or by all that it is made of. What comes back to itself says nothing
/// new.
fn shows(document: &Value, schema: &Value, met: &[&str]) -> bool {
    if schema.get("example").is_some() || schema["examples"].is_array() || schema["type"] == "null" {
        return true;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let named = document.pointer(reference.trim_start_matches('#')).unwrap();
        return met.contains(&reference) || shows(document, named, &[met, &[reference]].concat());
    }
    let parts: Vec<&Value> =
        ["oneOf", "anyOf", "allOf"].iter().filter_map(|kind| schema[kind].as_array()).flatten().collect();
    let inside = schema
        .get("items")
        .into_iter()
        .chain(schema["properties"].as_object().into_iter().flat_map(|all| all.values()));
    let all: Vec<&Value> = parts.into_iter().chain(inside).collect();
    !all.is_empty() && all.into_iter().all(|part| shows(document, part, met))
}

#[test]
fn every_property_and_every_body_has_an_example() {
    let document = document();
    let mut missing = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let parts = ["oneOf", "allOf"].iter().filter_map(|kind| schema[kind].as_array()).flatten();
        for (property, schema) in parts.chain([schema]).filter_map(|schema| schema["properties"].as_object()).flatten()
        {
            if !shows(&document, schema, &[]) {
                missing.push(format!("{name}.{property}"));
            }
        }
    }
    let mut bodies = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap().values();
            for body in answers.chain(operation.get("requestBody")) {
                for (media_type, content) in body["content"].as_object().into_iter().flatten() {
                    bodies += 1;
                    if content.get("example").is_none() && content.get("examples").is_none() {
                        missing.push(format!("{method} {path}: {media_type}"));
                    }
                }
            }
        }
    }
    assert!(bodies > 500, "{bodies}");
    assert!(missing.is_empty(), "no example of:\n{}", missing.join("\n"));
}

/// Whole examples say what their schema knows, and all that is always there.
#[test]
fn whole_examples_are_of_their_schema() {
    let document = document();
    let (mut wrong, mut whole) = (Vec::new(), 0);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let (Some(example), Some(properties)) = (schema["example"].as_object(), schema["properties"].as_object())
        else {
            continue;
        };
        whole += 1;
        wrong
            .extend(example.keys().filter(|key| !properties.contains_key(*key)).map(|key| format!("{name}: no {key}")));
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        wrong.extend(required.filter(|key| !example.contains_key(*key)).map(|key| format!("{name}: {key} is missing")));
    }
    assert!(whole >= 3, "{whole}");
    assert_eq!(wrong, Vec::<String>::new());
    let entry = document["components"]["schemas"]["Entry"]["example"].clone();
    serde_json::from_value::<ventanilla::registry::entry::Entry>(entry).unwrap();
    let verdict = document["components"]["schemas"]["Verdict_String"]["example"].clone();
    serde_json::from_value::<ventanilla::signature::Verdict<String>>(verdict).unwrap();
}

/// Two types of one name would be one schema, and the document would say of one what is true of the other.
#[test]
fn identifiers_of_parties_and_of_signers_are_told_apart() {
    let schemas = &document()["components"]["schemas"];
    let names = |schema: &str| -> Vec<String> { serde_json::from_value(schemas[schema]["enum"].clone()).unwrap() };
    let all: Vec<String> = ventanilla::domain::IdType::ALL.iter().map(|one| one.as_str().to_owned()).collect();
    assert_eq!(names("IdType"), all);
    assert!(!names("SignerIdType").contains(&"dir3".to_owned()));
}
