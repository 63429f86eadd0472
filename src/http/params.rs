//! Parameters of the address, with our problems for their errors.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::{Kind, Problem};

/// The query, with unknown keys refused by its type.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if let Some(query) = parts.uri.query()
            && (query.contains("%00") || query.len() > 8192)
        {
            return Err(Problem::new(Kind::BadRequest, "the query has a NUL character, or is too long"));
        }
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(Kind::BadRequest, rejection.body_text())),
        }
    }
}

/// The parts of the path. One that is not of its kind names nothing: 404.
#[derive(Debug)]
pub struct PathParam<T>(pub Path<T>);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParam<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.path().contains("%00") {
            return Err(Problem::not_found());
        }
        Path::<T>::from_request_parts(parts, state).await.map(Self).map_err(|_| Problem::not_found())
    }
}
