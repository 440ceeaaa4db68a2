//! A person's own language and theme.

use super::{Actor, Done, Execute};
use crate::batch::{Batch, Step};
use domain::Refusal;
use domain::party::{Language, Theme};
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
        let invalid = |field: &str| Refusal::FieldInvalid { field: field.to_owned() };
        user.language = Language::parse(&self.language).ok_or_else(|| invalid("language"))?;
        user.theme = Theme::parse(&self.theme).ok_or_else(|| invalid("theme"))?;
        batch.update(&user)?;
        Ok(Done::new(user.id, json!({})))
    }
}
