//! How far people have to wait for an appointment.

use super::App;
use crate::registry::state::Condition;

impl App {
    /// Whether the first free slot of a service is farther than `appointments.far_days`; the server is ready all the same.
    pub async fn appointments_state(&self) -> Condition {
        let first = match self.services.first_free(&self.entity).await {
            Ok(first) => first,
            Err(error) => return Condition::Wrong(error.to_string()),
        };
        let far: Vec<String> = first
            .into_iter()
            .filter(|one| one.is_far)
            .map(|one| match one.at {
                Some(at) => format!("of {} on {}", one.service, at.local_date(self.entity.zone)),
                None => format!("of {} on no day that can be booked", one.service),
            })
            .collect();
        if far.is_empty() {
            return Condition::Well;
        }
        Condition::Remarkable(format!(
            "the first slot is free later than in {} days (appointments.far_days): {}; its manager can open more",
            self.config.appointments.far_days,
            far.join(", ")
        ))
    }
}
