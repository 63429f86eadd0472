//! The address on a receipt, opened in a browser: a page in words for people, and the JSON for everything else.

use reqwest::Method;
use rstest::rstest;
use serde_json::json;

use crate::docs_page::open;
use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute};
use crate::harness::town::Town;

/// As browsers ask.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

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
    let page = asked(&town, &path, &[("accept", BROWSER)]).await.is(200, "");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("private, no-store", "no-referrer"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    let html = page.text();
    assert!(!html.contains("<script") && !html.contains("<b>") && html.contains("<html lang=\"es\">"), "{html}");
    let code = registered["entry"]["code"].as_str().unwrap();
    let hash = registered["entry"]["documents"][0]["sha256"].as_str().unwrap();
    for words in [
        "<h1>Comprobación de un recibo</h1>",
        "sigue en vigor",
        "<th scope=\"row\">Número de registro</th>",
        code,
        hash,
        "Licencia &lt;b&gt;&quot;de&quot; obra &amp; más",
        &format!("href=\"{csv}/receipt.pdf\""),
        "es la hoja 1 de",
        "ventanilla verify receipt",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    // The look is recorded as that of the JSON is.
    let looks = "SELECT count(*) FROM access_log WHERE action = 'verify' AND role = 'public'";
    assert_eq!(town.count(looks).await, 6);
    let english = [("accept", BROWSER), ("accept-language", "en-GB,en;q=0.9,es;q=0.8")];
    assert!(asked(&town, &path, &english).await.is(200, "").text().contains("<html lang=\"en\">"));
    let asks = format!("{path}?lang=en");
    assert!(asked(&town, &asks, &[("accept", BROWSER)]).await.is(200, "").text().contains("The receipt is genuine"));
    assert!(asked(&town, &format!("{path}?lang=es"), &english).await.is(200, "").text().contains("Qué se registró"));
}

#[rstest]
#[tokio::test]
async fn a_page_says_what_became_of_the_entry_or_that_there_is_none(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = Town::on(engine).await;
    let registered = town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.registered();
    let path = format!("/verify/{}", registered["receipt"]["csv"].as_str().unwrap());
    let entry = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    town.post(&format!("{entry}/annulment"), "clerk", &json!({"reason": "Registrado <dos> veces"})).await.is(200, "");
    let browser = [("accept", BROWSER)];
    let html = asked(&town, &path, &browser).await.is(200, "").text();
    assert!(html.contains("el asiento fue anulado") && html.contains("Registrado &lt;dos&gt; veces"), "{html}");
    let none = asked(&town, "/verify/AAAAAAAAAAAAAAAAAAAAAAAAAA", &browser).await;
    assert_eq!((none.status, none.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(none.text().contains("No hay ningún recibo con ese código"));
    execute(town.app.store(), "UPDATE entries SET status = 'registered'").await;
    let altered = asked(&town, &path, &browser).await;
    assert_eq!(altered.status, 500);
    assert!(altered.text().contains("no coincide con el libro"), "{}", altered.text());
    execute(town.app.store(), "UPDATE entries SET status = 'annulled'").await;
    let order = json!({"entry": registered["entry"]["code"], "ground": "court_order", "reason": "Sentencia 45/2032"});
    town.post("/erasures", "admin", &order).await.is(201, "");
    let html = asked(&town, &path, &browser).await.is(200, "").text();
    assert!(
        html.contains("Los datos personales del asiento se suprimieron el") && !html.contains("receipt.pdf"),
        "{html}"
    );
}

/// Tells the words of rows' names that stand in more than one line of the page in the frame.
const BROKEN: &str = "onload = () => {
    const page = document.querySelector('iframe').contentDocument, broken = [], names = page.querySelectorAll('th');
    for (const { firstChild: text } of names) for (const word of text.data.matchAll(/\\S+/g)) {
        const range = page.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        if (range.getClientRects().length !== 1) broken.push(word[0]);
    }
    const wide = page.documentElement.scrollWidth > 360;
    document.body.textContent = `names ${names.length}, broken [${broken}], wider ${wide}`;
};";

#[rstest]
#[case::in_spanish("es")]
#[case::in_english("en")]
#[tokio::test(flavor = "multi_thread")]
async fn no_word_of_a_rows_name_is_broken_on_a_telephone(#[case] language: &str) {
    let town = Town::on(Engine::Sqlite).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7 a").signed_by_ana();
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let path = format!("/verify/{}?lang={language}", registered["receipt"]["csv"].as_str().unwrap());
    let html = asked(&town, &path, &[("accept", BROWSER)]).await.is(200, "").text();
    let framed = html.replace('&', "&amp;").replace('"', "&quot;");
    let page =
        format!("<!doctype html><iframe width=360 height=1200 srcdoc=\"{framed}\"></iframe><script>{BROKEN}</script>");
    let (file, profile) = (town.site.path("telephone.html"), town.site.path("browser"));
    std::fs::write(&file, page).unwrap();
    let url = format!("file://{}", file.display());
    let seen = tokio::task::spawn_blocking(move || open(&profile, &url)).await.unwrap();
    assert!(seen.elements.contains("names 9, broken [], wider false"), "{}", seen.elements);
}
