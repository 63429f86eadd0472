//! Which words of an entry are searched.

use crate::domain::text;
use crate::store::entries::{Belongings, EntryRow};
use crate::store::full_text::TextRow;

/// The full text of an entry: subject, statement, request, names of parties and titles of documents, folded.
#[must_use]
pub fn full_text(entry: &EntryRow, with: &Belongings) -> TextRow {
    let mut words: Vec<&str> = vec![&entry.subject];
    words.extend([&entry.statement, &entry.request].into_iter().filter_map(|text| text.as_deref()));
    for party in &with.parties {
        let names = [&party.company_name, &party.given_name, &party.first_surname, &party.second_surname];
        words.extend(names.into_iter().filter_map(|name| name.as_deref()));
    }
    words.extend(with.documents.iter().filter_map(|document| document.title.as_deref()));
    let folded = text::fold(&words.join(" "))
        .chars()
        .map(|letter| if letter.is_alphanumeric() { letter } else { ' ' })
        .collect();
    TextRow { entry_id: entry.id, registered_at: entry.registered_at, position: entry.position, folded }
}
