//! Another entity in the same database, and what there is in it.

use reqwest::Method;
use serde_json::Value;
use ventanilla::app::App;
use ventanilla::clock::Clock;
use ventanilla::domain::Role;

use super::with_code;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::town::Town;

pub(super) async fn secret_of(town: &Town, role: Role, name: &str) -> String {
    let asked =
        ventanilla::registry::token::TokenRequest { name: name.into(), role, unit: None, office: None, days: None };
    let by = ventanilla::registry::act::Actor::operator("test");
    town.app.registry.make_token(&town.app.entity, asked, &by, None).await.unwrap().1
}

/// A town of another entity in the same database.
pub(super) async fn foreign_town(town: &Town) -> Town {
    let mut config = town.site.config();
    config.entity.code = "L01000002".into();
    let app = App::open(config.clone(), Clock::system()).await.unwrap();
    let by = ventanilla::registry::act::Actor::operator("test");
    app.first_office("O02000000", "Oficina", &by).await.unwrap();
    Town::open(town.site.clone(), Clock::system(), |settings| *settings = config, None).await
}

/// An entry of another entity of the database, with everything that an entry has.
pub(super) async fn foreign_entry(town: &Town, secret: &str) -> Value {
    let paper = Paper::counter().with("destination_unit", "L01000002").document("plano", b"%PDF-1.7");
    let form = paper.form();
    let (content_type, key, bearer) = (form.content_type(), fresh_key(), format!("Bearer {secret}"));
    let headers =
        [("content-type", content_type.as_str()), ("idempotency-key", &key), ("authorization", bearer.as_str())];
    let sent = town.try_send(Method::POST, "/entries", None, &headers, form.bytes()).await.unwrap();
    with_code(&sent.registered())
}
