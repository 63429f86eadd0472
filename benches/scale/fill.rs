//! A book of ten years: what an older system held first, with days for times and in the order of its books; then what came
//! in live.

use uuid::Uuid;
use ventanilla::app::App;
use ventanilla::domain::{
    AttentionChannel, BookKind, Channel, EntryCode, IdType, Micros, MustSubmitElectronically, PersonType, Routing,
    Status,
};
use ventanilla::registry::full_text::full_text;
use ventanilla::store;
use ventanilla::store::attentions::AttentionRow;
use ventanilla::store::entries::{Belongings, EntryRow, PartyRow};

use crate::text::{Seeded, words};

/// Rows of one statement, and statements of one transaction.
const CHUNK: i64 = 4096;

/// 2016-01-01T12:00:00Z.
pub const START: i64 = 1_451_649_600_000_000;
pub const DAY: i64 = 86_400_000_000;
/// Ten years.
const DAYS: i64 = 3650;

/// Whoever files for many: one entry in a hundred.
pub const AGENT: &str = "B58378431";

/// The identifier of a person, of whom there are a quarter as many as entries.
pub fn person(number: u64) -> String {
    format!("P{number:08}")
}

pub fn unit(number: u64) -> String {
    format!("L{number:08}")
}

/// The words that are looked for, and in how many entries of a million they are.
fn special(seeded: &mut Seeded, count: i64, entries: i64) -> String {
    let mut text = String::new();
    for (word, of_a_million) in [("licencia", 300_000), ("obra", 100_000), ("vado", 10_000), ("poda", 3_000)] {
        if seeded.below(1_000_000) < of_a_million {
            text.push_str(word);
            text.push(' ');
        }
    }
    if count % (entries / 10) == 7 {
        text.push_str("meteorito ");
    }
    text
}

fn entry(app: &App, seeded: &mut Seeded, count: i64, entries: i64) -> (EntryRow, PartyRow) {
    let imported = count < entries * 6 / 10;
    // Each book of the older system follows the other, so that times go back in the middle.
    let (outgoing, day) = if imported {
        let half = entries * 3 / 10;
        (count >= half, count % half * (DAYS * 6 / 10) / half)
    } else {
        (seeded.below(100) < 15, count * DAYS / entries)
    };
    let registered_at =
        if imported { START + day * DAY } else { START + count * (DAYS * DAY / entries) + i64::from(outgoing) };
    let date = Micros(registered_at).local_date(app.entity.zone).to_string();
    let year: i64 = date[..4].parse().unwrap();
    let channel = match seeded.below(10_000) {
        0 => Channel::Exchange,
        1..500 => Channel::Postal,
        500..4000 => Channel::InPerson,
        _ => Channel::Electronic,
    };
    let unit = unit(seeded.skewed(60));
    let status = match seeded.below(100) {
        _ if imported => Status::Registered,
        0 => Status::Annulled,
        1..4 => Status::Returned,
        4..30 => Status::Distributed,
        _ => Status::Accepted,
    };
    let (book, kind, prefix) =
        if outgoing { ("salida", BookKind::Outgoing, "S") } else { ("entrada", BookKind::Incoming, "E") };
    let id = app.clock().new_id();
    let subject = format!("Solicitud de {}{}", special(seeded, count, entries), words(seeded, 6));
    // A year may hold more than a book of six digits: the code is only shown.
    let code = EntryCode::new(year, prefix, 1 + count % 999_999).unwrap().to_string();
    let row = EntryRow {
        id,
        book: book.into(),
        kind,
        year,
        number: count + 1,
        code,
        position: count + 1,
        presented_at: Micros(registered_at - if !imported && seeded.below(10_000) == 0 { 3 * DAY } else { 0 }),
        presented_at_reason: None,
        presented_at_reference: None,
        registered_at: Micros(registered_at),
        effective_at: (!imported).then_some(Micros(registered_at)),
        calendar_version: None,
        registered_on: date.clone(),
        effective_on: (!imported).then_some(date),
        channel,
        authentication_method: None,
        status,
        rectified: false,
        imported,
        version: 1,
        must_submit_electronically: (!imported && seeded.below(1000) == 0)
            .then_some(MustSubmitElectronically::LegalPerson),
        routing: Routing::Internal,
        office: None,
        registered_by: if imported { "import:entries" } else { "sede" }.into(),
        submission_id: None,
        submission_sha256: None,
        signature_sha256: None,
        csv: None,
        subject,
        statement: (!imported).then(|| words(seeded, 15)),
        request: None,
        destination_unit: Some(unit.clone()),
        distributed_to: (!imported).then_some(unit),
        external_reference: None,
        file_number: None,
        procedure_code: None,
        corrects: None,
        answers: None,
        physical_documents: None,
        transport: None,
        transport_number: None,
        remarks: None,
        authentication: None,
        destination_unit_name: None,
        distributed_to_name: None,
        office_name: None,
        identification: None,
        subject_code: None,
        origin: None,
        exchange: None,
        metadata: None,
        incident: None,
        erased_at: None,
        erasure_ground: None,
        custody: None,
        custody_until: None,
        resend_required_at: None,
    };
    let party = party(&row, seeded, entries);
    (row, party)
}

fn party(row: &EntryRow, seeded: &mut Seeded, entries: i64) -> PartyRow {
    let agent = seeded.below(100) == 0;
    PartyRow {
        entry_id: row.id,
        ordinal: 0,
        represents: None,
        authority_kind: None,
        authority_reference: None,
        person_type: if agent { PersonType::Legal } else { PersonType::Natural },
        id_type: if agent { IdType::Cif } else { IdType::Passport },
        id: if agent { AGENT.into() } else { person(seeded.below(entries.unsigned_abs() / 4)) },
        id_country: None,
        company_name: None,
        given_name: Some(words(seeded, 1)),
        first_surname: Some(words(seeded, 1)),
        second_surname: Some(words(seeded, 1)),
        email: None,
        mobile: None,
        landline: None,
        notification_channel: None,
        receives_notifications: false,
        country: None,
        province: None,
        municipality: None,
        street: None,
        postcode: None,
        sms_notice: None,
        email_notice: None,
        directory_code: None,
        remarks: None,
        registered_at: row.registered_at,
        position: row.position,
    }
}

/// Writes entries with their parties and their full text.
pub async fn entries(app: &App, entries: i64) {
    let entity = app.entity.id;
    let mut seeded = Seeded::new(12);
    let mut next = 0;
    while next < entries {
        let end = (next + CHUNK).min(entries);
        let (rows, parties): (Vec<EntryRow>, Vec<PartyRow>) =
            (next..end).map(|count| entry(app, &mut seeded, count, entries)).unzip();
        let texts: Vec<_> = rows
            .iter()
            .zip(&parties)
            .map(|(row, party)| {
                let with = Belongings { parties: vec![party.clone()], ..Belongings::default() };
                full_text(row, &with)
            })
            .collect();
        let mut tx = app.store().begin().await.unwrap();
        store::entries::insert(&mut tx, entity, &rows).await.unwrap();
        store::entries::insert_parties(&mut tx, entity, &parties).await.unwrap();
        store::full_text::insert(&mut tx, entity, &texts).await.unwrap();
        tx.commit().await.unwrap();
        next = end;
    }
}

/// Writes attentions, a row each.
pub async fn attentions(app: &App, attentions: i64) {
    let mut seeded = Seeded::new(23);
    let mut next = 0;
    while next < attentions {
        let end = (next + CHUNK).min(attentions);
        let rows: Vec<AttentionRow> = (next..end)
            .map(|count| {
                let at = Micros(START + count * (DAYS * DAY / attentions));
                AttentionRow {
                    id: Uuid::from_u64_pair(0x7000, count.unsigned_abs()),
                    at,
                    attended_on: at.local_date(app.entity.zone).to_string(),
                    channel: match seeded.below(10_000) {
                        0 => AttentionChannel::Whatsapp,
                        1..4000 => AttentionChannel::Phone,
                        _ => AttentionChannel::InPerson,
                    },
                    unit: unit(seeded.skewed(60)),
                    topic: "sin clasificar".into(),
                    outcome: None,
                    earlier_outcome: None,
                    count: 1,
                    recorded_by: "sac".into(),
                    recorded_at: at,
                    import_id: None,
                    withdrawn_at: None,
                    withdrawn_by: None,
                    ticket: None,
                    entry: None,
                    appointment: None,
                    day_id: None,
                }
            })
            .collect();
        let mut tx = app.store().begin().await.unwrap();
        store::attentions::insert(&mut tx, app.entity.id, &rows).await.unwrap();
        tx.commit().await.unwrap();
        next = end;
    }
}
