//! A person's own language and theme.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use domain::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetPreferences {
    /// "en" or "zh".
    pub language: String,
    /// "system", "light" or "dark".
    pub theme: String,
}

impl Execute for SetPreferences {
    const NAME: &'static str = "set_preferences";

    fn execute(&self, batch: &mut Batch<'_>, actor: &Actor) -> Step<Done> {
        let mut user = User::load(batch.conn, actor.user_id)?;
        if !["en", "zh"].contains(&self.language.as_str()) {
            return Err(Refusal::FieldInvalid { field: "language".to_owned() }.into());
        }
        if !["system", "light", "dark"].contains(&self.theme.as_str()) {
            return Err(Refusal::FieldInvalid { field: "theme".to_owned() }.into());
        }
        user.language.clone_from(&self.language);
        user.theme.clone_from(&self.theme);
        batch.update(&user)?;
        Ok(Done::new(user.id, json!({})))
    }
}
