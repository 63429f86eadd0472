//! What a code opens, as a page: the address on a receipt leads browsers to it, and gives JSON to everything else.

use reqwest::Method;
use rstest::rstest;
use serde_json::json;

use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;
use crate::pages::visit;

async fn asked(town: &Town, path: &str, headers: &[(&str, &str)]) -> Answer {
    town.try_send(Method::GET, path, None, headers, Vec::new()).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn a_receipt_is_checked_in_a_browser(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = Town::on(engine).await;
    let paper =
        Paper::submission().with("subject", json!("Licencia <b>\"de\" obra & más")).document("plano", b"%PDF-1.7 a");
    let registered = town.submit(&paper.signed_by_ana(), &fresh_key()).await.registered();
    let csv = registered["receipt"]["csv"].as_str().unwrap();
    let path = format!("/verify/{csv}");
    for accept in
        ["*/*", "application/json", "application/json, text/html", "text/html;q=0.5, application/json", "text/plain"]
    {
        let answer = asked(&town, &path, &[("accept", accept)]).await.is(200, "");
        assert_eq!(
            (answer.header("content-type"), &answer.json()["stands"]),
            ("application/json", &json!(true)),
            "{accept}"
        );
    }
    let shown = format!("/verificar/{csv}");
    let sent_on = visit(&town, &format!("/api/v1{path}"), &[]).await;
    assert_eq!((sent_on.status, sent_on.header("location")), (303, shown.as_str()));
    let sent_on = visit(&town, &format!("/api/v1{path}?lang=en"), &[]).await;
    assert_eq!(
        (sent_on.status, sent_on.header("location")),
        (303, &*format!("/idioma/en?volver=%2Fverificar%2F{csv}"))
    );
    let typed = visit(&town, &format!("/verificar?codigo=+{}-{}", &csv[..5], &csv[5..].to_lowercase()), &[]).await;
    assert_eq!(typed.status, 303);
    visit(&town, typed.header("location"), &[]).await.is(200, "");
    let page = visit(&town, &shown, &[]).await.is(200, "");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("private, no-store", "no-referrer"));
    let html = page.text();
    assert!(!html.contains("<b>") && html.contains("<html lang=\"es\">"), "{html}");
    let code = registered["entry"]["code"].as_str().unwrap();
    let hash = registered["entry"]["documents"][0]["sha256"].as_str().unwrap();
    for words in [
        "<h1>Comprobación de un recibo</h1>",
        "sigue en vigor",
        "<th scope=\"row\">Número de registro</th>",
        code,
        hash,
        "Licencia &lt;b&gt;&quot;de&quot; obra &amp; más",
        &format!("href=\"/api/v1/verify/{csv}/receipt.pdf\""),
        "es la hoja 1 de",
        "ventanilla verify receipt",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    // The look is recorded as that of the JSON is.
    let looks = "SELECT count(*) FROM access_log WHERE action = 'verify' AND role = 'public'";
    assert_eq!(town.count(looks).await, 7);
    let english = [("accept-language", "en-GB,en;q=0.9,es;q=0.8")];
    assert!(visit(&town, &shown, &english).await.is(200, "").text().contains("The receipt is genuine"));
    assert!(
        visit(&town, &shown, &[("cookie", "idioma=es"), english[0]])
            .await
            .is(200, "")
            .text()
            .contains("Qué se registró")
    );
}

#[rstest]
#[tokio::test]
async fn a_page_says_what_became_of_the_entry_or_that_there_is_none(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let registered = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    let path = format!("/verificar/{}", registered["receipt"]["csv"].as_str().unwrap());
    let entry = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    town.post(&format!("{entry}/annulment"), "clerk", &json!({"reason": "Registrado <dos> veces"})).await.is(200, "");
    let html = visit(&town, &path, &[]).await.is(200, "").text();
    assert!(html.contains("el asiento fue anulado") && html.contains("Registrado &lt;dos&gt; veces"), "{html}");
    let none = visit(&town, "/verificar/AAAAAAAAAAAAAAAAAAAAAAAAAA", &[]).await;
    assert_eq!((none.status, none.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(none.text().contains("No hay ningún recibo con ese código"));
    execute(town.app.store(), "UPDATE entries SET status = 'registered'").await;
    let altered = visit(&town, &path, &[]).await;
    assert_eq!(altered.status, 500);
    assert!(altered.text().contains("no coincide con el libro"), "{}", altered.text());
    execute(town.app.store(), "UPDATE entries SET status = 'annulled'").await;
    let order = json!({"entry": registered["entry"]["code"], "ground": "court_order", "reason": "Sentencia 45/2032"});
    town.post("/erasures", "admin", &order).await.is(201, "");
    let html = visit(&town, &path, &[]).await.is(200, "").text();
    assert!(
        html.contains("Los datos personales del asiento se suprimieron el") && !html.contains("receipt.pdf"),
        "{html}"
    );
}
