//! Appointments on pages: three steps on a telephone, without a script, and what goes wrong on the way.

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use rstest::rstest;
use serde_json::json;

use crate::harness::door::Answer;
use crate::harness::site::Engine;
use crate::harness::town::Town;
use crate::pages::{BROWSER, visit};
use crate::services::{assert_counted, booking, day_of, opening, post, service, starts};

/// Sends a form as a browser does.
async fn send(town: &Town, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let request = client.post(format!("{}{path}", town.url())).header("accept", BROWSER);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"));
    let response = request.send().await.unwrap();
    let (status, headers): (u16, HeaderMap) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The value of a hidden field.
fn hidden(html: &str, name: &str) -> String {
    let field = html.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {html}"));
    field.split('"').next().unwrap().to_owned()
}

#[rstest]
#[tokio::test]
async fn an_appointment_is_booked_in_three_steps_moved_and_cancelled(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    assert!(!visit(&town, "/", &[]).await.text().contains("/cita"), "nobody gives appointments");
    assert!(visit(&town, "/cita", &[]).await.is(200, "").text().contains("Ahora no se da cita"));
    service(&town, json!({"bring": "Su DNI"}), &opening(day_of(&town), 4, 1, 0)).await;
    let free = starts(&town).await;

    let first = visit(&town, "/cita", &[]).await.is(200, "").text();
    assert!(
        first.contains("<a href=\"/cita/padron\">Padrón</a>") && first.contains("También se atiende sin cita"),
        "{first}"
    );
    let second = visit(&town, "/cita/padron", &[]).await.is(200, "").text();
    let chosen = format!("/cita/padron?start={}", encoded(&free[0]));
    assert!(second.contains(&format!("href=\"{chosen}\">09:00<")), "{second}");
    let third = visit(&town, &chosen, &[]).await.is(200, "").text();
    assert!(third.contains("Todavía no tiene cita: falta este paso."), "{third}");
    let (key, start) = (hidden(&third, "key"), hidden(&third, "start"));
    let typed = [("key", &*key), ("start", &*start), ("name", "Ana <García>"), ("phone", "600 000 001")];
    let typed = [&typed[..], &[("email", ""), ("id", "")]].concat();
    let booked = send(&town, "/cita/padron", &typed).await;
    assert_eq!(booked.status, 303, "{}", booked.text());
    let mine = booked.header("location").to_owned();
    // A button that is pressed twice, and the page that is sent again.
    assert_eq!(send(&town, "/cita/padron", &typed).await.header("location"), mine);
    assert_eq!(town.count("SELECT count(*) FROM appointments").await, 1);
    let shown = visit(&town, &mine, &[]).await.is(200, "").text();
    let code = mine.rsplit('/').next().unwrap();
    for words in
        ["Su cita está confirmada", "Ana &lt;García&gt;", "Su DNI", code, ", 09:00</time>", &format!("{code}.ics")]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    let others = visit(&town, &format!("/cita/padron?move={code}"), &[]).await.is(200, "").text();
    let moving = format!("/cita/codigo/{code}/mover");
    assert!(others.contains(&format!("action=\"{moving}\"")) && others.contains(">09:15<"), "{others}");
    assert_eq!(send(&town, &moving, &[("start", &free[1])]).await.header("location"), mine);
    assert!(visit(&town, &mine, &[]).await.text().contains(", 09:15</time>"));
    post(&town.door, "/appointments", &booking(&free[2], 600_000_002)).await.is(201, "");
    let taken = send(&town, &moving, &[("start", &free[2])]).await;
    assert!(taken.status == 409 && taken.text().contains("la acaba de ocupar otra persona"), "{}", taken.text());
    assert!(visit(&town, &mine, &[]).await.text().contains(", 09:15</time>"), "the old place is kept");

    assert_eq!(send(&town, &format!("/cita/codigo/{code}/anular"), &[]).await.header("location"), mine);
    let gone = visit(&town, &mine, &[]).await.is(200, "").text();
    assert!(gone.contains("Esta cita está anulada") && !gone.contains("/anular"), "{gone}");
    assert_eq!(send(&town, &format!("/cita/codigo/{code}/anular"), &[]).await.status, 409);
    assert_counted(&town).await;
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_is_kept() {
    let town = Town::on(Engine::Sqlite).await;
    service(&town, json!({"active_per_person": 1}), &opening(day_of(&town), 4, 1, 0)).await;
    let free = starts(&town).await;
    let fields = |start: &str, name: &str, phone: &str, email: &str, id: &str| {
        let all = [("key", "k1"), ("start", start), ("name", name), ("phone", phone), ("email", email), ("id", id)];
        all.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let book = async |fields: [(String, String); 6]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        send(&town, "/cita/padron", &fields).await
    };
    for (form, words, target) in [
        (fields(&free[0], "", "600000001", "", ""), "Escriba el nombre y los apellidos", "#name"),
        (fields(&free[0], "Ana", "seis", "", ""), "Escriba un teléfono", "#phone"),
        (fields(&free[0], "Ana", "", "ana", ""), "Escriba una dirección de correo", "#email"),
        (fields(&free[0], "Ana", "", "", "00000000A"), "Escriba un NIF o NIE correcto", "#id"),
        (fields(&free[0], "\"><script>alert(1)</script>", "", "", ""), "Escriba el teléfono, el correo", "#phone"),
    ] {
        let page = book(form.clone()).await;
        let html = page.text();
        assert_eq!(page.status, 422, "{html}");
        assert!(html.contains(words) && html.contains(&format!("href=\"{target}\"")), "{words}: {html}");
        assert!(!html.contains("<script>alert"), "{html}");
        let kept = form[2].1.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert!(html.contains(&format!("maxlength=\"160\" value=\"{kept}\"")), "{html}");
    }
    assert_eq!(town.count("SELECT count(*) FROM appointments").await, 0);
    post(&town.door, "/appointments", &booking(&free[0], 600_000_009)).await.is(201, "");
    let taken = book(fields(&free[0], "Ana", "600000001", "", "")).await;
    let html = taken.text();
    assert!(
        taken.status == 409 && html.contains("la acaba de ocupar") && html.contains("value=\"600000001\""),
        "{html}"
    );
    assert!(html.contains(&format!("/cita/padron?start={}", encoded(&free[1]))), "{html}");
    assert_eq!(book(fields(&free[1], "Ana", "600000001", "", "")).await.status, 303);
    let another = [("key", "k2"), ("start", &*free[2]), ("name", "Ana"), ("phone", "600000001")];
    let again = send(&town, "/cita/padron", &another).await;
    assert!(again.status == 409 && again.text().contains("ya tiene cita para este servicio"), "{}", again.text());
    for (path, status) in [
        ("/cita/nada", 404),
        ("/cita/codigo/AAAAAAAAAAAAAAAAAAAA", 404),
        ("/cita/padron?day=2020-01-01", 200),
        ("/cita/padron?day=x", 400),
        ("/cita/padron?day=%2B262142-12-31", 200),
    ] {
        assert_eq!(visit(&town, path, &[]).await.status, status, "{path}");
    }
    assert_eq!(send(&town, "/cita/padron", &[("start", &"x".repeat(20_000))]).await.status, 400);
    assert_eq!(
        send(&town, "/cita/padron", &[("start", &free[3]), ("name", "Ana"), ("phone", "600000002")]).await.status,
        400
    );
}
