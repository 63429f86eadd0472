//! A list of entries as one CSV file, read from the database in short pages while it is sent.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};

use super::entries::PAGE;
use super::problem::Problem;
use crate::app::App;
use crate::domain::{Exchange, Origin};
use crate::registry::access::Listing;
use crate::registry::batch::BatchError;
use crate::registry::caller::Caller;
use crate::registry::entry::read_json;
use crate::report::cell::plain;
use crate::store;
use crate::store::entries::{Belongings, EntryRow};
use crate::store::listing::Wanted;

const HEADINGS: [&str; 32] = [
    "code",
    "book",
    "year",
    "number",
    "presented_at",
    "registered_at",
    "effective_at",
    "channel",
    "authentication_method",
    "status",
    "rectified",
    "imported",
    "office",
    "office_name",
    "registered_by",
    "subject",
    "destination_unit",
    "destination_unit_name",
    "party_ids",
    "party_names",
    "documents",
    "effective_at_pending",
    "presented_at_reason",
    "presented_at_reference",
    "subject_code",
    "origin_unit",
    "origin_office",
    "origin_number",
    "origin_registered_at",
    "exchange_id",
    "must_submit_electronically",
    "corrects",
];

/// Why a file could not be finished; what was sent until then stays, and the connection is cut.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What it shows could not be recorded.
    #[error(transparent)]
    Access(#[from] BatchError),
    /// A row could not be written.
    #[error(transparent)]
    Write(#[from] csv::Error),
}

/// All entries wanted, heading first, once the first piece is there: what cannot even begin is answered as a problem.
///
/// # Errors
/// Why it cannot.
pub async fn begun(
    app: App,
    caller: Caller,
    wanted: Wanted,
    listing: Listing,
) -> super::problem::Result<impl Stream<Item = Result<Bytes, CsvError>>> {
    let mut pieces = Box::pin(stream(app, caller, wanted, listing));
    let first = pieces.try_next().await.map_err(|error| match error {
        CsvError::Store(error) => Problem::from(error),
        CsvError::Access(error) => error.into(),
        CsvError::Write(error) => Problem::fault(&error),
    })?;
    let rest = pieces.inspect_err(|error| {
        tracing::error!(error = error as &dyn std::error::Error, "an export ends before its end");
    });
    Ok(futures_util::stream::iter(first.map(Ok)).chain(rest))
}

/// All entries wanted, heading first.
///
/// Each piece leaves its entries in the access log before it is sent, so that what an export showed is known even where it
/// was broken off.
fn stream(app: App, caller: Caller, wanted: Wanted, listing: Listing) -> impl Stream<Item = Result<Bytes, CsvError>> {
    let start = (app, caller, wanted, listing, true, false);
    futures_util::stream::try_unfold(start, |(app, caller, mut wanted, mut listing, first, ended)| async move {
        if ended {
            return Ok(None);
        }
        let mut tx = app.store().read().await?;
        let rows = store::listing::list(&mut tx, caller.entity.id, &wanted, PAGE).await?;
        let belongings = store::listing::belongings(&mut tx, &rows).await?;
        // Before any of them is sent: the file ends there, unfinished.
        app.registry.confirm_all(&mut tx, &caller.entity, &rows, &belongings).await?;
        drop(tx);
        app.registry.record_listed(&caller, &mut listing, rows.iter().map(|row| row.id)).await?;
        let mut writer = csv::Writer::from_writer(Vec::new());
        if first {
            writer.write_record(HEADINGS)?;
        }
        for (row, belongings) in rows.iter().zip(&belongings) {
            writer.write_record(record(row, belongings, caller.entity.zone)?.map(|cell| plain(&cell)))?;
        }
        let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        wanted.after = rows.last().map(|last| wanted.order.place(last));
        let ended = i64::try_from(rows.len()).is_ok_and(|rows| rows < PAGE);
        Ok(Some((Bytes::from(bytes), (app, caller, wanted, listing, false, ended))))
    })
}

/// Every cell as it is; none is taken for a formula once [`plain`] has it.
fn record(row: &EntryRow, belongings: &Belongings, zone: chrono_tz::Tz) -> store::Result<[String; 32]> {
    let parties = || belongings.parties.iter().filter(|party| party.represents.is_none());
    let names = parties().map(|party| {
        let names = [&party.company_name, &party.given_name, &party.first_surname, &party.second_surname];
        names.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    });
    let origin: Origin = read_json(row.origin.as_deref())?.unwrap_or_default();
    let exchange: Exchange = read_json(row.exchange.as_deref())?.unwrap_or_default();
    Ok([
        row.code.clone(),
        row.book.clone(),
        row.year.to_string(),
        row.number.to_string(),
        row.presented_at.rfc3339(zone),
        row.registered_at.rfc3339(zone),
        row.effective_at.map(|at| at.rfc3339(zone)).unwrap_or_default(),
        row.channel.to_string(),
        row.authentication_method.map(|method| method.to_string()).unwrap_or_default(),
        row.status.to_string(),
        row.rectified.to_string(),
        row.imported.to_string(),
        row.office.clone().unwrap_or_default(),
        row.office_name.clone().unwrap_or_default(),
        row.registered_by.clone(),
        row.subject.clone(),
        row.destination_unit.clone().unwrap_or_default(),
        row.destination_unit_name.clone().unwrap_or_default(),
        parties().map(|party| party.id.as_str()).collect::<Vec<_>>().join("; "),
        names.collect::<Vec<_>>().join("; "),
        belongings.documents.len().to_string(),
        (row.effective_at.is_none() && !row.imported).to_string(),
        row.presented_at_reason.map(|reason| reason.to_string()).unwrap_or_default(),
        row.presented_at_reference.clone().unwrap_or_default(),
        row.subject_code.clone().unwrap_or_default(),
        origin.unit.unwrap_or_default(),
        origin.office.unwrap_or_default(),
        origin.number.unwrap_or_default(),
        origin.registered_at.unwrap_or_default(),
        exchange.id.unwrap_or_default(),
        row.must_submit_electronically.map(|why| why.to_string()).unwrap_or_default(),
        row.corrects.clone().unwrap_or_default(),
    ])
}
