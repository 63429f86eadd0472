//! The pages of the electronic office: HTML for people, by the same functions as the API.
//!
//! # Why
//! A page works without a script and loads nothing from anybody else: what it needs is in the program. Its language is a
//! cookie and a link, never a guess that cannot be changed, and its address is the same in every language. No cookie but
//! that one is set. What goes wrong is said in words by [`errors`], whichever handler it comes from.

mod appointment;
mod assets;
mod booking;
mod calendar;
mod dates;
mod errors;
mod figures;
mod home;
mod incidents;
mod language;
mod layout;
mod statements;
mod verify;
mod visit;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::app::App;
use crate::http::problem::Problem;
use crate::http::rate;

/// The routes of all pages. Their fallback answers for every address that nobody else has.
pub fn routes(app: &App) -> Router<App> {
    let codes = Router::new()
        .route("/verificar/{code}", get(verify::shown))
        .layer(from_fn_with_state(app.clone(), rate::codes));
    Router::new()
        .route("/", get(home::page))
        .route("/verificar", get(verify::form))
        .route("/calendario", get(calendar::page))
        .route("/incidencias", get(incidents::page))
        .route("/estadisticas", get(figures::page))
        .route("/accesibilidad", get(statements::accessibility))
        .route("/aviso-legal", get(statements::legal_notice))
        .route("/cita", get(booking::services))
        .route("/cita/{service}", get(booking::service).post(booking::book))
        .route("/cita/codigo", get(appointment::find))
        .route("/cita/codigo/{code}", get(appointment::shown))
        .route("/cita/codigo/{code}/mover", post(appointment::move_to))
        .route("/cita/codigo/{code}/anular", post(appointment::cancel))
        .route("/idioma/{code}", get(language::choose))
        .merge(codes)
        .fallback(async || Problem::not_found())
        .layer(from_fn_with_state(app.clone(), errors::in_words))
        .route("/sede/hora", get(visit::time))
        .route("/sede/{file}", get(assets::file))
}
