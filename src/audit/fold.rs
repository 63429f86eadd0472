//! What an entry must look like today: what was registered, and all that happened to it since, one after the other.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::store::book::EventRow;

/// An entry and the verdicts on its signatures, as events tell them.
#[derive(Debug, Clone)]
pub struct Told {
    /// The entry's JSON.
    pub entry: Map<String, Value>,
    /// The verdicts, in their places.
    pub verdicts: Vec<Value>,
}

impl Told {
    /// By the event that began it; `None` when that is not what such an event holds.
    #[must_use]
    pub fn by_first(event: &EventRow) -> Option<Self> {
        let Ok(Value::Object(mut data)) = serde_json::from_str(&event.data) else { return None };
        let Some(Value::Object(entry)) = data.remove("entry") else { return None };
        let Some(Value::Array(verdicts)) = data.remove("signatures") else { return None };
        Some(Self { entry, verdicts })
    }

    /// What a later event makes of it.
    pub fn then(&mut self, event: &EventRow) {
        let Ok(Value::Object(data)) = serde_json::from_str(&event.data) else { return };
        if let Some(Value::Object(changes)) = data.get("changes") {
            for (field, change) in changes {
                self.entry.insert(field.clone(), change.get("after").cloned().unwrap_or_default());
            }
        }
        if let Some(Value::Array(added)) = data.get("documents")
            && let Some(Value::Array(documents)) = self.entry.get_mut("documents")
        {
            for document in added {
                let verdicts = document.get("signatures").and_then(Value::as_array).cloned().unwrap_or_default();
                self.verdicts.extend(verdicts);
                documents.push(document.clone());
            }
        }
        if let (Some(Value::Array(places)), Some(Value::Array(signatures))) =
            (data.get("places"), data.get("signatures"))
        {
            for (place, verdict) in places.iter().zip(signatures) {
                let place = place.as_u64().and_then(|place| usize::try_from(place).ok());
                if let Some(stands) = place.and_then(|place| self.verdicts.get_mut(place)) {
                    *stands = verdict.clone();
                }
            }
            self.place_verdicts();
        }
    }

    /// Each document shows the verdicts that cover it.
    fn place_verdicts(&mut self) {
        let Some(Value::Array(documents)) = self.entry.get_mut("documents") else { return };
        for document in documents {
            let covers = format!("document:{}", document.get("part").and_then(Value::as_str).unwrap_or_default());
            let about =
                self.verdicts.iter().filter(|verdict| verdict.get("covers").and_then(Value::as_str) == Some(&covers));
            let about = Value::Array(about.cloned().collect());
            if let Some(document) = document.as_object_mut() {
                document.insert("signatures".into(), about);
            }
        }
    }

    /// The fields in which these rows differ from it.
    #[must_use]
    pub fn differs(&self, entry: &Map<String, Value>, verdicts: &[Value]) -> Vec<String> {
        let names: BTreeSet<&String> = self.entry.keys().chain(entry.keys()).collect();
        let mut fields: Vec<String> =
            names.into_iter().filter(|name| self.entry.get(*name) != entry.get(*name)).cloned().collect();
        if self.verdicts != verdicts {
            fields.push("signatures".into());
        }
        fields
    }
}
