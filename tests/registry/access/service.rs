//! What the matrix of operations needs of services and appointments.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Scene, by_admin};
use crate::harness::door::{Answer, Door};
use crate::harness::paper::fresh_key;
use crate::harness::site::ENTITY;
use crate::harness::town::Town;

/// Operations of services and appointments, whose paths name neither entries nor units.
pub(super) const SERVICE: &[&str] = &[
    "book_appointment",
    "service",
    "put_service",
    "agenda",
    "put_agenda",
    "slots",
    "hold_slot",
    "appointment",
    "move_appointment",
    "cancel_appointment",
];

impl Scene {
    /// The code of a service, or of an appointment that is booked for this call.
    pub(super) async fn of_service(&self, operation: &str, there: bool) -> Value {
        let town = &self.town;
        if !there {
            return json!("nada");
        }
        by_admin(
            town,
            Method::PUT,
            "/services/padron",
            &json!({"name": "Padrón", "department": ENTITY, "active_per_person": 1000}),
        )
        .await;
        by_admin(town, Method::PUT, "/services/padron/agenda", &agenda(town)).await.is(200, "");
        if !operation.ends_with("appointment") || operation == "book_appointment" {
            return json!("padron");
        }
        let answer = book(&town.door, &booking(town)).await.is(201, "").json();
        answer["appointment"]["code"].clone()
    }
}

async fn book(door: &Door, body: &Value) -> Answer {
    let key = fresh_key();
    let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    door.try_send(Method::POST, "/appointments", None, &headers, body.to_string().into_bytes()).await.unwrap()
}

/// An agenda that is open the day after tomorrow, whatever day that is.
fn agenda(town: &Town) -> Value {
    let places = json!({"public": 200, "staff": 0});
    json!({"rules": [], "extra": [{"date": open_day(town), "from": "09:00", "to": "14:00", "places": places}]})
}

fn open_day(town: &Town) -> String {
    let today = town.clock.now().local_date(town.app.entity.zone);
    today.checked_add_days(chrono::Days::new(2)).unwrap().to_string()
}

fn start(town: &Town) -> Value {
    let day = open_day(town).parse().unwrap();
    let midnight = ventanilla::domain::Micros::start_of_day(day, town.app.entity.zone);
    json!(ventanilla::domain::Micros(midnight.0 + 10 * 3_600_000_000).rfc3339(town.app.entity.zone))
}

fn booking(town: &Town) -> Value {
    json!({"service": "padron", "start": start(town), "person": {"name": "Ana", "phone": "600000000"}})
}

/// What is sent with an operation of services and appointments.
pub(super) fn json_of_service(operation: &str, town: &Town, number: usize) -> Option<Value> {
    Some(match operation {
        "put_service" => json!({"name": format!("Padrón {number}")}),
        "put_agenda" => agenda(town),
        "hold_slot" | "move_appointment" => json!({"start": start(town)}),
        "cancel_appointment" => json!({}),
        "book_appointment" => booking(town),
        _ => return None,
    })
}
