//! The pages of the electronic office: what they say, in which language, and how they look in a browser.

use std::process::Command;

use reqwest::header::{ACCEPT, HeaderMap, HeaderName};
use reqwest::redirect::Policy;
use rstest::rstest;
use serde_json::json;
use ventanilla::domain::Micros;

use crate::harness::door::Answer;
use crate::harness::paper::{Paper, fresh_key};
use crate::harness::site::{Engine, execute, root};
use crate::harness::town::Town;
use crate::services::{booking, day_of, opening, post, service, starts};

/// As browsers ask.
pub const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

/// All pages without what a form or a code adds to the address.
const PAGES: [&str; 7] =
    ["/", "/verificar", "/calendario", "/incidencias", "/estadisticas", "/accesibilidad", "/aviso-legal"];
const LANGUAGES: [&str; 5] = ["es", "ca", "eu", "gl", "en"];

/// What a browser gets at an address, before it follows anything.
pub async fn visit(town: &Town, path: &str, headers: &[(&str, &str)]) -> Answer {
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let mut sent = HeaderMap::from_iter([(ACCEPT, BROWSER.parse().unwrap())]);
    for (name, value) in headers {
        sent.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let response = client.get(format!("{}{path}", town.url())).headers(sent).send().await.unwrap();
    let (status, headers): (u16, HeaderMap) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

async fn town(engine: Engine) -> Town {
    Town::with(engine, |config| {
        config.reports.public = true;
        config.clock.ahead_seconds = u32::MAX;
        config.sede.phone = "952 45 00 00".into();
        config.sede.email = "sac@coin.example".into();
        config.sede.address = "Plaza de la Alameda, 28; de lunes a viernes, de 9 a 14 h".into();
        config.sede.regulation = "Ordenanza <3/2024>".into();
    })
    .await
}

/// An incident that goes on, with an extended deadline.
async fn incident(town: &Town) {
    let began = Micros(town.clock.now().0 - 3_600_000_000).rfc3339(town.app.entity.zone);
    let body = json!({"description": "No se puede <firmar> en la sede.", "started_at": began});
    let published = town.post("/incidents", "admin", &body).await.is(201, "").json();
    let today = town.clock.now().local_date(town.app.entity.zone).to_string();
    let extension = json!({"procedures": "Todos", "ending_from": today, "ending_to": today,
        "extended_to": "2099-03-05", "decision": "Decreto 2026/0123"});
    let path = format!("/incidents/{}/extensions", published["id"].as_str().unwrap());
    town.post(&path, "admin", &extension).await.is(201, "");
}

#[rstest]
#[tokio::test]
async fn every_page_is_there_in_every_language_and_loads_nothing_from_elsewhere(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let town = town(engine).await;
    incident(&town).await;
    for path in PAGES {
        let mut titles = std::collections::BTreeSet::new();
        for language in LANGUAGES {
            let cookie = format!("idioma={language}");
            let page = visit(&town, path, &[("cookie", &cookie), ("accept-language", "en")]).await.is(200, "");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
            assert_eq!((page.header("content-language"), page.header("vary")), (language, "Cookie, Accept-Language"));
            let policy = page.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
            let html = page.text();
            assert!(html.starts_with(&format!("<!DOCTYPE html><html lang=\"{language}\">")), "{html}");
            // A page is below 50 kB, has one heading of the first order, and shows what is typed in as it was typed.
            assert!(html.len() < 50_000 && html.matches("<h1>").count() == 1, "{path}: {}", html.len());
            assert!(
                html.contains("No se puede &lt;firmar&gt; en la sede.") && html.contains("tel:952450000"),
                "{html}"
            );
            for outside in ["src=\"http", "href=\"http", "style=\"", " onclick", "javascript:"] {
                assert!(!html.contains(outside), "{path} has {outside}: {html}");
            }
            titles.insert(html.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap().to_owned());
        }
        // Some words are alike in two of them.
        assert!(titles.len() >= 3, "{path}: {titles:?}");
    }
    let html = visit(&town, "/", &[]).await.text();
    let files: Vec<&str> = html.split('"').filter(|part| part.starts_with("/sede/") && part.contains('.')).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        let answer = visit(&town, file, &[]).await.is(200, "");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert!(answer.header("content-type").starts_with("text/"), "{file}");
    }
    visit(&town, "/sede/other.css", &[]).await.is(404, "not-found");
}

#[tokio::test]
async fn a_language_is_chosen_by_a_link_that_leads_back() {
    let town = town(Engine::Sqlite).await;
    let html = visit(&town, "/calendario?year=2027", &[]).await.text();
    assert!(html.contains("href=\"/idioma/eu?volver=%2Fcalendario%3Fyear%3D2027\""), "{html}");
    let chosen = visit(&town, "/idioma/eu?volver=%2Fcalendario%3Fyear%3D2027", &[]).await;
    assert_eq!((chosen.status, chosen.header("location")), (303, "/calendario?year=2027"));
    assert_eq!(chosen.header("set-cookie"), "idioma=eu; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
    for elsewhere in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "%2F%2Fevil.example",
        "/%0d%0aset-cookie:x",
        "",
        "\\\\x",
    ] {
        let chosen = visit(&town, &format!("/idioma/en?volver={elsewhere}"), &[]).await;
        assert_eq!((chosen.status, chosen.header("location")), (303, "/"), "{elsewhere}");
    }
    assert_eq!(visit(&town, "/idioma/fr", &[]).await.status, 404);
}

#[tokio::test]
async fn below_a_path_of_a_proxy_all_links_have_it_before_them() {
    let town =
        Town::with(Engine::Sqlite, |config| config.entity.public_url = "https://ayto.example.es/registro/".into())
            .await;
    for path in PAGES {
        let html = visit(&town, path, &[]).await.is(200, "").text();
        let links = html.split(['"']).filter(|part| part.starts_with('/')).collect::<Vec<_>>();
        assert!(links.len() > 10 && links.iter().all(|link| link.starts_with("/registro/")), "{path}: {links:?}");
    }
    for (path, leads_to) in [
        ("/verificar?codigo=ABC", "/registro/verificar/ABC"),
        ("/api/v1/verify/ABC", "/registro/verificar/ABC"),
        ("/idioma/en?volver=%2Fcalendario", "/registro/calendario"),
    ] {
        assert_eq!(visit(&town, path, &[]).await.header("location"), leads_to, "{path}");
    }
    assert!(visit(&town, "/idioma/en", &[]).await.header("set-cookie").contains("; Path=/registro/;"));
}

#[tokio::test]
async fn what_goes_wrong_is_a_page_for_browsers_and_a_problem_for_programs() {
    let town = town(Engine::Sqlite).await;
    for (path, status, words) in [
        ("/none", 404, "Esta página no existe"),
        ("/calendario?year=99999", 404, "Esta página no existe"),
        ("/calendario?year=x", 400, "No hemos entendido la petición"),
        ("/calendario?yaer=2026", 400, "No hemos entendido la petición"),
        ("/incidencias?cursor=x", 400, "No hemos entendido la petición"),
        ("/estadisticas?from=5&to=4", 400, "Elija un mes final"),
        ("/estadisticas?first=1000", 400, "Escriba años de cuatro cifras"),
        ("/estadisticas?first=2000&last=2020", 400, "diez como mucho"),
        ("/verificar?codigo=", 400, "Escriba el código"),
        ("/verificar/AAAA", 404, "No hay ningún recibo con ese código"),
        ("/verificar/%00", 404, "Esta página no existe"),
    ] {
        let page = visit(&town, path, &[]).await;
        assert_eq!((page.status, page.header("content-type")), (status, "text/html; charset=utf-8"), "{path}");
        assert!(page.text().contains(words), "{path}: {}", page.text());
    }
    for (path, accept) in [("/none", "application/json"), ("/none", "*/*"), ("/api/v1/none", BROWSER)] {
        let problem = visit(&town, path, &[("accept", accept)]).await;
        assert_eq!(
            (problem.status, problem.header("content-type")),
            (404, "application/problem+json"),
            "{path} {accept}"
        );
    }
}

#[rstest]
#[tokio::test]
async fn pages_say_what_is_published(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let town = town(engine).await;
    // A Sunday.
    town.clock.set(Micros::parse("2026-11-08T12:00:00+01:00").unwrap());
    let html = visit(&town, "/calendario", &[]).await.text();
    for words in [
        "Hoy, domingo, 8 de noviembre de 2026, es un día inhábil: lo que presente hoy surtirá efecto el lunes, 9 de noviembre de 2026.",
        "Calendario de días inhábiles de 2026",
        "hora peninsular",
        "domingo, 8 de noviembre de 2026, 12:00:",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    let next = visit(&town, "/calendario?year=2031", &[]).await.text();
    assert!(next.contains("El calendario de 2031 todavía no está publicado"), "{next}");
    let day = json!({"holidays": [{"date": "2031-01-06", "name": "Epifanía & <Reyes>"}]});
    let headers = [("content-type", "application/json")];
    let body = day.to_string().into_bytes();
    let put = town.try_send(reqwest::Method::PUT, "/calendar/2031/national", Some("admin"), &headers, body).await;
    put.unwrap().is(200, "");
    let next = visit(&town, "/calendario?year=2031", &[]).await.text();
    assert!(next.contains("lunes, 6 de enero de 2031") && next.contains("Epifanía &amp; &lt;Reyes&gt;"), "{next}");
    assert!(!next.contains("todavía no está publicado"), "{next}");

    assert!(visit(&town, "/incidencias", &[]).await.text().contains("No se ha publicado ninguna incidencia"));
    incident(&town).await;
    let html = visit(&town, "/incidencias", &[]).await.text();
    for words in ["Todavía no se ha resuelto", "vencen el jueves, 5 de marzo de 2099", "Resolución: Decreto 2026/0123"]
    {
        assert!(html.contains(words), "{words}: {html}");
    }
    execute(
        town.app.store(),
        "UPDATE incidents SET ended_at = started_at + 1; UPDATE deadline_extensions SET extended_to = '2026-11-07'",
    )
    .await;
    assert!(!visit(&town, "/", &[]).await.text().contains("class=\"notice\""), "an incident that is over is announced");

    town.register(&Paper::counter().form(), &fresh_key()).await.is(201, "");
    town.submit(&Paper::submission().signed_by_ana(), &fresh_key()).await.is(201, "");
    let html = visit(&town, "/estadisticas", &[]).await.text();
    for words in [
        "De enero a diciembre de cada año",
        "<td class=\"number\">50 %</td>",
        "href=\"/api/v1/reports/channels?from=01-01&amp;to=12-31&amp;years=2024,2025,2026&amp;format=csv\"",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    let english = visit(&town, "/estadisticas?from=2&to=2&first=2026&last=2026", &[("cookie", "idioma=en")]).await;
    assert!(english.text().contains("From February to February of each year"), "{}", english.text());
}

#[tokio::test]
async fn figures_that_are_not_published_are_not_shown() {
    let town = Town::on(Engine::Sqlite).await;
    let html = visit(&town, "/estadisticas", &[]).await.is(200, "").text();
    assert!(html.contains("no publica sus cifras") && !html.contains("<table"), "{html}");
    assert!(!visit(&town, "/", &[]).await.text().contains("Cuántos escritos llegan"));
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_said_in_words() {
    let town = town(Engine::Sqlite).await;
    execute(town.app.store(), "ALTER TABLE incidents RENAME TO gone").await;
    // The notice is left out, and the page is there all the same.
    visit(&town, "/accesibilidad", &[]).await.is(200, "");
    let page = visit(&town, "/incidencias", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(
        page.text().contains("El fallo es nuestro") && page.text().contains("No se ha registrado"),
        "{}",
        page.text()
    );
    assert_eq!(page.header("retry-after"), "5");
}

/// What a program that knows pages finds wrong with them in Chromium: see `tests/python/browser.py`.
fn looked_at(addresses: &[String]) -> String {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/python/browser.py"));
    let done = command.args(addresses).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!said.contains("ModuleNotFoundError"), "run `tests/run`, or put its environment on the path: {said}");
    format!("{}{said}", String::from_utf8_lossy(&done.stdout))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody_at_320_and_1280_pixels() {
    let town = town(Engine::Sqlite).await;
    let form = Paper::submission().document("plano", b"%PDF-1.7 a").signed_by_ana();
    let registered = town.submit(&form, &fresh_key()).await.registered();
    let code = registered["receipt"]["csv"].as_str().unwrap();
    let entry = format!("/entries/{}", registered["entry"]["id"].as_str().unwrap());
    town.post(&format!("{entry}/annulment"), "clerk", &json!({"reason": "Registrado dos veces"})).await.is(200, "");
    incident(&town).await;
    service(&town, json!({"bring": "Su DNI"}), &opening(day_of(&town), 6, 1, 0)).await;
    let free = starts(&town).await;
    let booked = post(&town.door, "/appointments", &booking(&free[0], 600_000_001)).await.is(201, "").json();
    let appointment = format!("/cita/codigo/{}", booked["appointment"]["code"].as_str().unwrap());
    let moving = format!("/cita/padron?move={}", booked["appointment"]["code"].as_str().unwrap());
    let who = format!("/cita/padron?start={}", free[1].replace('+', "%2B"));
    let verified = format!("/verificar/{code}");
    let states = [
        "/cita",
        "/cita/padron",
        who.as_str(),
        appointment.as_str(),
        moving.as_str(),
        "/cita/codigo/AAAA",
        "/cita/padron?day=2099-01-01",
        verified.as_str(),
        "/verificar/AAAA",
        "/verificar?codigo=",
        "/estadisticas?from=5&to=4",
        "/none",
        "/calendario?year=2031",
    ];
    let addresses: Vec<String> = PAGES.iter().chain(&states).map(|path| format!("{}{path}", town.url())).collect();
    let count = addresses.len();
    let said = tokio::task::spawn_blocking(move || looked_at(&addresses)).await.unwrap();
    assert_eq!(said, format!("looked at {count} pages, 0 findings\n"));
}

/// A page that is wrong in every way that is looked for.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_page_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    let page = "<!doctype html><html><title>t</title><p style='color:#bbb'>pale</p><img src='data:,'>\
        <div style='width:2000px'>wide</div><a href='/x' tabindex=-1>x</a><script>throw new Error('thrown')</script>";
    std::fs::write(&file, page).unwrap();
    let address = format!("file://{}", file.display());
    let said = tokio::task::spawn_blocking(move || looked_at(&[address])).await.unwrap();
    for finding in
        ["color-contrast", "image-alt", "html-has-lang", "pixels wide", "Tab key does not reach", "console: Uncaught"]
    {
        assert!(said.contains(finding), "{finding}: {said}");
    }
}
